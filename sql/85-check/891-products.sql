-- Checks of products: each row of the shop has its product, and each product its text and its words. A check
-- is a row: its name; how many rows it looked at; how many of them are wrong; how many wait for a worker,
-- which is no fault; an example of those that are wrong, or else wait; and how to mend them. `offset 0`: what
-- is checked is worked out once a row, however often it is named.

-- ---------------------------------------------------------------------------------------------
-- checked_source(source_id) → the rows of an attached source and its products, both ways, as a sweep compares
-- them. Waiting are those whose change is noted; where the source is polled, has no trigger on one of the
-- tables that it reads, cannot be read, or is to be swept: all, as the next sweep finds them.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_source(source_id int)
returns table (looked bigint, wrong bigint, waiting bigint, example text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _name text := (select s.name from sources as s where s.id = checked_source.source_id);
    _swept boolean := (
        select not a.triggers or a.swept_at is null or a.problem is not null
            or exists (select from changes as c where c.source_id = a.source_id and c.external_id = '')
            or exists (select from unnest(a.reads) as r (relation)
                       where r.relation not in (select w.relation from wakes as w
                                                where w.source_id = a.source_id))
        from attachments as a where a.source_id = checked_source.source_id);
begin
    return query execute format($sql$
        with given as materialized (
            select r.*, reject_reason(r.external_id, r.title, r.attributes, r.text, r.codes, r.images, r.variants,
                                      count(*) over (partition by r.external_id)) as reason
            from vitrina_internal.%I(null, null) as r
        ),
        pair as (
            select coalesce(g.external_id, p.external_id) as external_id,
                   case
                       when g.external_id is null then true
                       when g.reason is not null or j.reason is not null then p.id is not null or j.reason is null
                       else (g.title, coalesce(g.image, g.images #>> '{0,image}'), g.image_stamp, g.url,
                             product_attributes(g.attributes, g.variants), nullif(g.text, ''), nullif(g.sku, ''),
                             coalesce(g.codes, '[]'), parts_hash(g.variants, g.images)) is distinct from
                            (p.title, p.image, p.image_stamp, p.url, p.attributes, p.text, p.sku,
                             to_jsonb(p.codes), p.parts_hash) end as differs
            -- rows without an id that can be one are never products
            from (select g.* from given as g where length(g.external_id) between 1 and 500) as g
            full join (select p.* from products as p where p.source_id = $1) as p
                on p.external_id = g.external_id
            left join rejects as j on j.source_id = $1 and j.external_id = g.external_id
        ),
        judged as (
            select p.external_id, p.differs and not ($2 or c.is_noted) as wrong,
                   p.differs and ($2 or c.is_noted) as waiting
            from pair as p
            cross join lateral (
                select p.differs and exists (
                    select from changes as c
                    where c.source_id = $1 and c.external_id = p.external_id) as is_noted) as c
        )
        select count(*), count(*) filter (where j.wrong), count(*) filter (where j.waiting),
               coalesce(min(j.external_id) filter (where j.wrong), min(j.external_id) filter (where j.waiting))
        from judged as j
    $sql$, 'rows_' || checked_source.source_id)
    using checked_source.source_id, _swept;
exception when others then
    return query
    select 0::bigint, 0::bigint, count(*), format('source %s cannot be read: %s', _name, sqlerrm)
    from products as p where p.source_id = checked_source.source_id;
end
$func$;

create or replace function vitrina_internal.checked_sources()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language sql stable security invoker
set search_path from current
as $func$
    select 'products of attached tables', coalesce(sum(c.looked), 0)::bigint, coalesce(sum(c.wrong), 0)::bigint,
           coalesce(sum(c.waiting), 0)::bigint,
           (array_agg(case when c.looked = 0 and c.waiting > 0 then c.example
                           else s.name || ' ' || c.example end order by c.wrong > 0 desc, s.name)
                filter (where c.wrong > 0 or c.waiting > 0))[1],
           'select vitrina.sweep_source(s.name) from vitrina.sources as s where s.kind = ''table''; vitrina work'
    from attachments as a
    join sources as s on s.id = a.source_id
    cross join lateral checked_source(a.source_id) as c;
$func$;

-- ---------------------------------------------------------------------------------------------
-- checked_products() → the checks of the rows of products themselves.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_products()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language sql stable security invoker
set search_path from current
as $func$
    -- a product that is not enriched waits in the queue, else no worker will ever see it
    select 'products to enrich', count(*), count(*) filter (where p.enriched_at is null and j.product_id is null),
           count(*) filter (where p.enriched_at is null and j.product_id is not null),
           'product ' || coalesce(min(p.id) filter (where p.enriched_at is null and j.product_id is null),
                                  min(p.id) filter (where p.enriched_at is null)),
           'select vitrina.queue_products(array(select p.id from vitrina.products as p'
           ' where p.enriched_at is null));'
    from products as p
    left join jobs as j on j.product_id = p.id
    union all
    select 'hashes of what is enriched', count(*), count(*) filter (where c.wrong), 0,
           'product ' || min(p.id) filter (where c.wrong),
           'update vitrina.products as p set input_hash = vitrina_internal.enrichment_hash('
           'p.title, p.image, p.image_stamp, p.attributes, p.text);'
    from products as p
    cross join lateral (
        select p.input_hash <> enrichment_hash(p.title, p.image, p.image_stamp, p.attributes, p.text)
        offset 0) as c (wrong)
    union all
    -- the product's own picture, among its pictures, is the same stored one
    select 'own pictures', count(*), count(*) filter (where c.differs and j.product_id is null),
           count(*) filter (where c.differs and j.product_id is not null),
           'product ' || coalesce(min(p.id) filter (where c.differs and j.product_id is null),
                                  min(p.id) filter (where c.differs)),
           'select vitrina_internal.name_pictures(array(select p.id from vitrina.products as p));'
    from products as p
    join product_images as i on i.product_id = p.id and i.image = p.image
    left join jobs as j on j.product_id = p.id
    cross join lateral (select i.image_sha256 is distinct from p.image_sha256) as c (differs);
$func$;

-- ---------------------------------------------------------------------------------------------
-- checked_texts() → the checks of what full text and the correction of misspelt words are made of.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_texts()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language sql stable security invoker
set search_path from current
as $func$
    select 'full text of products', count(*), count(*) filter (where c.wrong), 0,
           'product ' || min(c.id) filter (where c.wrong),
           'select vitrina_internal.refresh_text(array(select p.id from vitrina.products as p));'
    from (
        select p.id, t.version is distinct from text_version()
                   or t.tsv is distinct from stored_text(p, s.text_config) as wrong
        from products as p
        join sources as s on s.id = p.source_id
        left join product_text as t on t.product_id = p.id
        offset 0
    ) as c
    union all
    (with lexeme as materialized (
        select distinct s.text_config as config, l.lexeme collate "C" as word
        from product_text as t
        join products as p on p.id = t.product_id
        join sources as s on s.id = p.source_id
        cross join unnest(tsvector_to_array(t.tsv)) as l (lexeme)
        where l.lexeme !~ '[\x01-@\[-`{-\x7f]' and char_length(l.lexeme) between 3 and 40
    ),
    compound as materialized (
        select distinct s.text_config as config, lower(folded_text(w.word)) collate "C" as word
        from products as p
        join sources as s on s.id = p.source_id
        cross join regexp_split_to_table(clean_text(p.title), '[\x01-@\[-`{-\x7f]+') as w (word)
        where char_length(w.word) between 6 and 40 and makes_compounds(s.text_config)
    ),
    wanted as (
        select l.config, l.word, null as lexeme from lexeme as l
        union all
        select o.config, o.word, l.lexeme
        from compound as o
        cross join lateral unnest(word_lexemes(o.config::regconfig, o.word)) as l (lexeme)
        where l.lexeme <> o.word
    )
    select 'words of the catalogue', count(*), count(*) filter (where c.word is null), 0,
           min(w.word) filter (where c.word is null),
           'update vitrina.product_text as t set version = 0;'
           ' select vitrina_internal.refresh_text(array(select p.id from vitrina.products as p));'
    from wanted as w
    left join (select distinct c.config, c.word, null as lexeme from catalogue_words as c
               union all
               select c.config, c.word, c.lexeme from catalogue_words as c where c.lexeme is not null) as c
        on c.config = w.config and c.word = w.word and c.lexeme is not distinct from w.lexeme)
    union all
    (with wanted as materialized (
        select lower(v.word) collate "C" as word, true as is_kept
        from vocabulary_words() as v (word)
        where is_spelling(v.word)
        union
        select lower(u.word) collate "C", false
        from products as p
        cross join lateral unnest(words_to_spell(p)) as u (word)
        where is_spelling(u.word)
    ),
    lacking as (
        select w.word
        from wanted as w
        where not exists (select from spellings as s where s.word = w.word)
            -- collect_words takes the words that no full text has
            and (w.is_kept or exists (
                select
                from (select distinct o.text_config as config from sources as o) as g
                cross join lateral word_lexemes(g.config::regconfig, w.word) as l (lexemes)
                where l.lexemes <> '{}' and exists (
                    select
                    from unnest(l.lexemes) as u (lexeme)
                    join product_text as t on t.tsv @@ quoted_lexeme(u.lexeme)::tsquery)))
    )
    select 'words to correct to', (select count(distinct w.word) from wanted as w),
           count(*), 0, min(o.word),
           'delete from vitrina.spellings; select vitrina_internal.note_vocabulary(),'
           ' vitrina_internal.refresh_text(array(select p.id from vitrina.products as p));'
    from (select l.word from lacking as l
          union
          select s.word from spellings as s where s.keys <> spelling_keys(s.word)) as o);
$func$;
