-- The full-text rows of products, in the language of their source.

-- ---------------------------------------------------------------------------------------------
-- settle_languages(product_ids): detects the text-search configuration of their sources, if it was not
-- given and these are the first products.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.settle_languages(product_ids bigint[]) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    update sources as s set
        text_config_due = false,
        text_config = detect_text_config(array(
            select concat_ws(' ', p.title, left(p.text, 500))
            from products as p
            where p.id = any (product_ids) and p.source_id = s.id
            order by p.id limit 1000))
    where s.text_config_due
        and exists (select from products as p where p.id = any (product_ids) and p.source_id = s.id);
    if found then
        perform renew_language_keys();
        perform renew_rules();
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- stored_text(product, config) → the full text of a product as it should be stored, with the codes of its
-- variants; see product_lexemes.
-- words_to_spell(product) → the words of its texts as they are written, which misspelt ones are corrected to.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.stored_text(product products, config text) returns tsvector
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select product_lexemes(product, config, product.sku || product.codes || array(
        select c.code
        from variants as v
        cross join lateral unnest(v.sku || v.codes) as c (code)
        where v.product_id = product.id and length(c.code) <= 100
        order by v.position
        limit 2000)); -- of more, a full text would be too long
$func$;

create or replace function vitrina_internal.words_to_spell(product products) returns text[]
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select tsvector_to_array(to_tsvector('pg_catalog.simple', clean_text(
        left(concat_ws(' ', product.title, array_to_string(product.keywords, ' '),
                       left(product.description, 30000), left(product.text, 30000),
                       string_agg(a.value, ' ')), 100000))))
    from jsonb_each_text(product.attributes) as a
    where char_length(a.value) <= 200;
$func$;

-- ---------------------------------------------------------------------------------------------
-- refresh_text(product_ids): renews the full-text rows of these products, in the text-search
-- configuration of their source, and keeps the words that are new; see product_lexemes.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.refresh_text(product_ids bigint[]) returns void
language sql volatile security invoker
set search_path from current
as $func$
    select settle_languages(product_ids);
    with written as (
        insert into product_text as t (product_id, tsv, version)
        select p.id, stored_text(p, s.text_config), text_version()
        from products as p
        join sources as s on s.id = p.source_id
        where p.id = any (product_ids)
        order by p.id
        on conflict (product_id) do update set tsv = excluded.tsv, version = excluded.version
            where t.tsv <> excluded.tsv or t.version <> excluded.version
        returning product_id, tsv
    )
    insert into catalogue_words (config, word)
    select n.config, n.word
    from (
        select distinct s.text_config as config, l.lexeme collate "C" as word
        from written as w
        join products as p on p.id = w.product_id
        join sources as s on s.id = p.source_id
        cross join unnest(tsvector_to_array(w.tsv)) as l (lexeme)
        -- not codes, keywords, numbers
        where l.lexeme !~ '[\x01-@\[-`{-\x7f]' and char_length(l.lexeme) between 3 and 40
    ) as n
    where not exists (
        select from catalogue_words as c where c.config = n.config and c.word = n.word);
    -- rules for endings may take the end of a compound: of Küchentisch they leave kuchent
    insert into catalogue_words (config, word, lexeme)
    select n.config, n.word, l.lexeme
    from (
        select distinct s.text_config as config, lower(folded_text(w.word)) collate "C" as word
        from products as p
        join sources as s on s.id = p.source_id
        cross join regexp_split_to_table(clean_text(p.title), '[\x01-@\[-`{-\x7f]+') as w (word)
        where p.id = any (product_ids) and char_length(w.word) between 6 and 40
            and makes_compounds(s.text_config)
    ) as n
    cross join lateral unnest(word_lexemes(n.config::regconfig, n.word)) as l (lexeme)
    where l.lexeme <> n.word and not exists (
        select from catalogue_words as c
        where c.config = n.config and c.word = n.word and c.lexeme = l.lexeme);
    select note_spellings(array(
        select distinct w.word
        from products as p
        cross join lateral unnest(words_to_spell(p)) as w (word)
        where p.id = any (product_ids)));
$func$;

-- ---------------------------------------------------------------------------------------------
-- renew_text(after, at_most) → how many products have a new full-text row, and the last of them: of those
-- above the id `after` without a row, or with one of an older version (see text_version), the first
-- `at_most`. Skips products that others are writing: it waits for nobody.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.renew_text(
    after bigint, at_most int, out renewed int, out last bigint
)
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _about constant text := ' ?(Composed from the title and attributes(; colours measured in the picture)?'
                            '|No keyword was recognised in the title)\.$';
    _ids bigint[];
begin
    select array_agg(o.id), max(o.id) into _ids, last
    from (select p.id
          from products as p
          left join product_text as t on t.product_id = p.id
          where p.id > renew_text.after and t.version is distinct from text_version()
          order by p.id limit at_most) as o;
    -- then nothing newer can be written before what is read here
    select coalesce(array_agg(l.id), '{}') into _ids
    from (select p.id from products as p where p.id = any (_ids)
          order by p.id for no key update skip locked) as l;
    -- the local tagger of early versions wrote about its descriptions in them
    update products as p set description = regexp_replace(regexp_replace(
        p.description, _about, ''), '(^|\. )(Also noted|Listed under): ', '\1', 'g')
    where p.id = any (_ids) and p.description ~ _about;
    perform refresh_text(_ids);
    renewed := cardinality(_ids);
end
$func$;
