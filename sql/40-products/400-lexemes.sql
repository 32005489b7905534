-- The full text by which a product is found.

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
-- is_code_name(name) → whether an attribute of this name holds codes by which a shop finds products.
-- bare_code(body) → a code without separators, in lower case: "AB-12 3" is "ab123".
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_code_name(name text) returns boolean
language sql immutable parallel safe
return name ~* ('(sku|ean|upc|gtin|mpn|asin|isbn|barcode)'
                '|(model|item|part|article|product|style)[ _-]*(number|no|nr|code|id)$');

create or replace function vitrina_internal.bare_code(body text) returns text
language sql immutable parallel safe
return lower(translate(left(body, 500), e' -_./\t', ''));

-- ---------------------------------------------------------------------------------------------
-- product_lexemes(product, config, codes) → the full text of a product: title (A), keywords (B),
-- caption (C), description, the shop's own text and the short texts among the attributes (D). Keywords
-- are also whole, as #keyword, and codes, as =code: these codes, the external id, and the attributes
-- that are named like a code.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.product_lexemes(
    product products, config text, codes text[]
) returns tsvector
language sql stable parallel safe security invoker
set search_path from current
as $func$
    -- cut, since a tsvector takes at most 1 MB
    select setweight(to_tsvector(config::regconfig, with_pairs(product.title)), 'A')
        || setweight(to_tsvector(config::regconfig, left(array_to_string(product.keywords, ' . '), 10000)), 'B')
        || setweight(to_tsvector(config::regconfig, with_pairs(coalesce(left(product.caption, 10000), ''))), 'C')
        || setweight(to_tsvector(config::regconfig, with_pairs(coalesce(left(product.description, 30000), ''))), 'D')
        -- without positions: they have no order, and it halves the row
        || strip(to_tsvector(config::regconfig, with_pairs(coalesce(left(product.text, 30000), ''))))
        || strip(to_tsvector(config::regconfig, with_pairs(coalesce(left(a.texts, 30000), ''))))
        || array_to_tsvector(array(
               select '#' || u.keyword from unnest(product.keywords) as u (keyword) where u.keyword <> ''
               union
               select '=' || bare_code(u.code)
               from unnest(a.codes || product_lexemes.codes || product.external_id) as u (code)
               where bare_code(u.code) <> ''))
    from (
        select string_agg(v.body, ' . ') filter (where v.body ~ '[[:alpha:]]') as texts,
               array_agg(v.body) filter (where v.is_code) as codes
        from (
            select e.value #>> '{}' as body,
                   -- a word is a poor code: many queries would match it
                   is_code_name(t.key) and e.value #>> '{}' ~ '\d' as is_code
            from jsonb_each(product.attributes) as t
            cross join lateral jsonb_array_elements(
                case when jsonb_typeof(t.value) = 'array' then t.value
                     else jsonb_build_array(t.value) end) as e
            where jsonb_typeof(e.value) = 'string'
                or jsonb_typeof(e.value) = 'number' and is_code_name(t.key)
        ) as v
        -- texts that name something; not addresses or keys of the shop's own software
        where char_length(v.body) <= 60 and v.body !~ '^\w+://|^[0-9a-fA-F-]{20,}$'
    ) as a;
$func$;
