-- The full text by which a product is found.

-- ---------------------------------------------------------------------------------------------
-- postgres_major() → the major version of the server: another one may split and stem words otherwise.
-- text_version() → the version of the rules in this file on this server, as 1802: rules 2 on Postgres 18;
-- `vitrina db upgrade` renews the rows of another one.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.postgres_major() returns int
language sql stable parallel safe
return current_setting('server_version_num')::int / 10000;

create or replace function vitrina_internal.text_version() returns smallint
language sql stable parallel safe
return 100 * postgres_major() + 2;

-- ---------------------------------------------------------------------------------------------
-- unspaced_run() → the expression for a run of letters in a script without spaces.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.unspaced_run() returns text
language sql immutable parallel safe
return '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af'
       '\uf900-\ufaff]+';

-- ---------------------------------------------------------------------------------------------
-- with_pairs(body) → a text with its words in scripts without spaces (Chinese, Japanese, Thai …) as
-- single characters and as pairs, by which they are found: "黑色边桌" has 黑色, 色边, 边桌.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.with_pairs(body text) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case when octet_length(body) = char_length(body) or body !~ unspaced_run() then body
    else regexp_replace(body, unspaced_run(), ' ', 'g') || (
        select coalesce(string_agg(' ' || substr(m.run[1], i.place, 1)
                                   || ' ' || substr(m.run[1], i.place, 2), '' order by m.n, i.place), '')
        from regexp_matches(body, unspaced_run(), 'g') with ordinality as m (run, n)
        cross join lateral generate_series(1, char_length(m.run[1])) as i (place))
    end;
$func$;

-- ---------------------------------------------------------------------------------------------
-- quoted_lexeme(lexeme) → the lexeme as it is written in a tsquery.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.quoted_lexeme(lexeme text) returns text
language sql immutable parallel safe
return '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''';

-- ---------------------------------------------------------------------------------------------
-- makes_compounds(config) → whether a text-search configuration is for a language that writes compounds
-- as one word, by the dictionaries that it uses.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.makes_compounds(config text) returns boolean
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select exists (
        select
        from pg_ts_config_map as m
        join pg_ts_dict as d on d.oid = m.mapdict
        where m.mapcfg = config::regconfig
            and d.dictname in ('german_stem', 'dutch_stem', 'danish_stem', 'norwegian_stem',
                               'swedish_stem', 'finnish_stem', 'hungarian_stem'));
$func$;

-- ---------------------------------------------------------------------------------------------
-- accented_words(body) → the words of a text with letters that folded_text changes.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.accented_words(body text) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select string_agg(m.found[1], ' ')
    from regexp_matches(body, '([^\x01-/:-@\[-`{-\x7f]*[\u00c0-\u024f\u0370-\u03ff\u0401\u0451\u1e00-\u1fff]'
                              '[^\x01-/:-@\[-`{-\x7f]*)', 'g') as m (found);
$func$;

-- ---------------------------------------------------------------------------------------------
-- text_lexemes(config, body) → the full text of a text as it was typed: its words without accents; codes
-- and numbers in parts, and joined ("GSR12V-15" is gsr, 12, v, 15 and gsr12v15). The rules by which a
-- language's words lose their endings know its accents: such words are there by these rules too.
-- word_lexemes finds them.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.text_lexemes(config regconfig, body text) returns tsvector
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
declare
    _accented text;
begin
    if octet_length(body) <> char_length(body) or body ~ '[&#]|\+\+|[0-9](?:,[0-9]|\.0)' then
        body := with_pairs(clean_text(body));
    end if;
    if body ~ '[0-9&_/\\#+@-]|\.\S' then
        body := concat_ws(' ', parted_text(body), joined_words(body, true));
    end if;
    if octet_length(body) <> char_length(body) then
        _accented := accented_words(body);
        body := folded_text(body);
    end if;
    if _accented is null then
        return to_tsvector(config, body);
    end if;
    return to_tsvector(config, concat_ws(' ', body, case when _accented ~ '[ÄÖÜØÅäöüøå]'
                                                    then folded_text(digraph_text(_accented)) end))
        || case when config in ('pg_catalog.english'::regconfig, 'pg_catalog.simple'::regconfig) then ''
           else folded_text(to_tsvector(config, _accented)::text) end::tsvector;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- phrase_text(body) → a text's words one after the other, as text_lexemes has them, for a tsquery of a
-- phrase.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.phrase_text(body text) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _run text;
begin
    body := clean_text(body);
    if octet_length(body) <> char_length(body) then
        for _run in select distinct m.run[1] from regexp_matches(body, unspaced_run(), 'g') as m (run) loop
            body := replace(body, _run, (
                select ' ' || string_agg(substr(_run, i.place, 1) || coalesce(' ' || nullif(
                                   substr(_run, i.place, 2), substr(_run, i.place, 1)), ''), ' ' order by i.place) || ' '
                from generate_series(1, char_length(_run)) as i (place)));
        end loop;
    end if;
    return folded_text(parted_text(body));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- word_lexemes(config, word) → the lexemes by which text_lexemes has a word of a query, one of
-- query_parts; empty for a stop word.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.word_lexemes(config regconfig, word text) returns text[]
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
declare
    _own text[] := tsvector_to_array(to_tsvector(config, word));
begin
    -- "buerostuhl" is "burostuhl", as "Bürostühle" is indexed; German stemming knows it from Postgres 18 on
    if config = 'pg_catalog.german'::regconfig and word ~* '[aou]e' then
        _own := _own || tsvector_to_array(to_tsvector(
            config, folded_text(regexp_replace(word, '([aou])e', '\1', 'gi'))));
    end if;
    if octet_length(word) = char_length(word) or _own = '{}' then
        return _own;
    end if;
    return array(
        select l.lexeme from unnest(_own) as l (lexeme) -- as in rows of an older version
        union
        select folded_text(l.lexeme) from unnest(_own) as l (lexeme)
        union
        select l.lexeme
        from unnest(tsvector_to_array(to_tsvector(config, concat_ws(' ', folded_text(word),
                 case when word ~ '[ÄÖÜØÅäöüøå]' then folded_text(digraph_text(word)) end)))) as l (lexeme));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_code_name(name) → whether an attribute of this name holds codes by which a shop finds products.
-- is_code_value(name, body) → whether a value looks like a code, whatever the attribute is called: digits
-- with letters or signs in one word ("PN-77"), capitals ("GSR 12V-15"), or a number of four digits and
-- more; but not a measure, a size, a date, a price.
-- bare_code(body) → a code without separators, in lower case: "AB-12 3" is "ab123".
-- code_forms(code) → a bare code, and where it may be a GTIN the same number of 12, 13 and 14 digits and
-- without zeros in front: a UPC is an EAN with a zero, and spreadsheets drop it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_code_name(name text) returns boolean
language sql immutable parallel safe
return name ~* ('(sku|ean|upc|gtin|mpn|asin|isbn|barcode)'
                '|(model|item|part|article|product|style)[ _-]*(number|no|nr|code|id)$');

create or replace function vitrina_internal.is_code_value(name text, body text) returns boolean
language sql immutable parallel safe
return body ~ '[0-9]' and char_length(body) between 3 and 40
    and case when body ~ '^[0-9]+$' then char_length(body) >= 4
             when body ~ '\s' then body ~ '^[A-Z][A-Z0-9]*(?: [A-Z0-9][A-Z0-9./_#-]*){1,2}$'
                                  and body ~ '[A-Z][0-9]|[0-9][A-Z]|[0-9][/_#-]'
             else body ~ '^[A-Za-z0-9][A-Za-z0-9./_#-]*$' and body ~ '[A-Za-z/_#-]'
                 -- 10mm, 3-tier; 36x48, 10/12, 2024-05-01
                 and body !~* '^[0-9]+(?:[.,][0-9]+)?-?[a-z]{1,6}$'
                 and body !~* '^[0-9.,]+[a-z]{0,3}(?:[x*/-][0-9.,]+[a-z]{0,3})+$' end
    and name !~* ('price|preis|prix|prezzo|preço|preco|precio|prijs|cena|cost|msrp|rrp|uvp|amount|betrag|stock|qty|quantit'
                  '|inventory|bestand|lager|menge|year|jahr|année|annee|anno|año|jaar|date|datum|fecha|time|weight'
                  '|gewicht|poids|peso|waga|width|height|length|depth|size|breite|höhe|länge|tiefe|größe|taille|talla'
                  '|volume|rating|review|count|views|sales|rank|position|zip|phone|価格|在庫|年|サイズ');

create or replace function vitrina_internal.bare_code(body text) returns text
language sql immutable parallel safe
return lower(translate(folded_text(normalize(left(body, 500), nfkc)), e' -_./\t#\\:,' || chr(160), ''));

create or replace function vitrina_internal.code_forms(code text) returns text[]
language sql immutable parallel safe
return case when code ~ '^0*[1-9][0-9]{6,13}$' and char_length(code) <= 14
            then array[ltrim(code, '0'), code]
                || case when char_length(ltrim(code, '0')) <= 12 then lpad(ltrim(code, '0'), 12, '0') end
                || case when char_length(ltrim(code, '0')) <= 13 then lpad(ltrim(code, '0'), 13, '0') end
                || lpad(ltrim(code, '0'), 14, '0')
            else array[code] end;

-- ---------------------------------------------------------------------------------------------
-- is_category_name(name) → whether an attribute of this name says what a product is in the shop's own
-- order: a category, of a path the last. category_lexeme(config, body) → the lexeme of a whole category,
-- by which a query is recognised as its name: "@chair game video".
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_category_name(name text) returns boolean
language sql immutable parallel safe
return name ~* '^(?:product[ _-]?|main[ _-]?|sub[ _-]?)?(?:categor|catégor|kategor|breadcrumb)|^product[ _-]?type$';

create or replace function vitrina_internal.category_lexeme(config regconfig, body text) returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select '@' || nullif(left(array_to_string(tsvector_to_array(to_tsvector(config, folded_text(
        parted_text(clean_text(left(case when translate(body, '>|/', '') = body then body
                                         else regexp_replace(body, '^.*[>|/] *', '') end, 200)))))), ' '), 200), '');
$func$;

-- ---------------------------------------------------------------------------------------------
-- product_lexemes(product, config, codes) → the full text of a product: title (A), keywords (B),
-- caption (C), description, the shop's own text and the short texts among the attributes (D). Keywords
-- are also whole, as #keyword, and codes, as =code: these codes, the external id, and the attributes
-- that are named like a code; and as =?code the values of others that look like one; the product's
-- category, see category_lexeme.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.product_lexemes(
    product products, config text, codes text[]
) returns tsvector
language sql stable parallel safe security invoker
set search_path from current
as $func$
    -- cut, since a tsvector takes at most 1 MB
    select setweight(text_lexemes(config::regconfig, product.title), 'A')
        || setweight(text_lexemes(config::regconfig, left(array_to_string(product.keywords, ' . '), 10000)), 'B')
        || setweight(text_lexemes(config::regconfig, coalesce(left(product.caption, 10000), '')), 'C')
        || setweight(text_lexemes(config::regconfig, coalesce(left(product.description, 30000), '')), 'D')
        -- without positions: they have no order, and it halves the row
        || strip(text_lexemes(config::regconfig, coalesce(left(product.text, 30000), '')))
        || strip(text_lexemes(config::regconfig, coalesce(left(a.texts, 30000), '')))
        || array_to_tsvector(array(
               select '#' || u.keyword from unnest(product.keywords) as u (keyword) where u.keyword <> ''
               union
               select '=' || bare_code(u.code)
               from unnest(a.codes || product_lexemes.codes || product.external_id) as u (code)
               where bare_code(u.code) <> ''
               union
               select c.lexeme
               from (select category_lexeme(config::regconfig, u.body) as lexeme
                     from unnest(a.categories) as u (body)) as c
               where c.lexeme is not null
               union
               select '=?' || bare_code(u.code)
               from unnest(a.guesses[:50]) as u (code)))
    from (
        select string_agg(v.body, ' . ') filter (where v.body ~ '[[:alpha:]]') as texts,
               array_agg(v.body) filter (where v.is_code) as codes,
               array_agg(distinct v.body) filter (where v.is_guess) as guesses,
               array_agg(v.body) filter (where v.is_category) as categories
        from (
            select e.value #>> '{}' as body,
                   -- a word is a poor code: many queries would match it
                   is_code_name(t.key) and e.value #>> '{}' ~ '\d' as is_code,
                   is_code_value(t.key, e.value #>> '{}') as is_guess,
                   is_category_name(t.key)
                       and (jsonb_typeof(t.value) = 'string' or e.value = t.value -> -1) as is_category
            from jsonb_each(product.attributes) as t
            cross join lateral jsonb_array_elements(
                case when jsonb_typeof(t.value) = 'array' then t.value
                     else jsonb_build_array(t.value) end) as e
            where jsonb_typeof(e.value) = 'string'
                or jsonb_typeof(e.value) = 'number'
        ) as v
        -- texts that name something; not addresses or keys of the shop's own software
        where char_length(v.body) <= case when v.is_category then 500 else 60 end and v.body !~ '^\w+://|^[0-9a-fA-F-]{20,}$'
    ) as a;
$func$;
