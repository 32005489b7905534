-- Sources and their products: written if changed, queued if an enrichment would change.

-- ---------------------------------------------------------------------------------------------
-- input_hash(title, image, image_stamp, attributes) → the hash of the input of an enrichment. Numbers
-- and booleans among the attributes (price, stock) describe nothing: changing them costs nothing.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.input_hash(
    title text, image text, image_stamp text, attributes jsonb
) returns bytea
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select sha256(convert_to(jsonb_build_array(
        title, image, image_stamp,
        (select jsonb_object_agg(a.key, a.value)
         from jsonb_each(attributes) as a
         where jsonb_typeof(a.value) not in ('number', 'boolean', 'null')))::text, 'utf8'));
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_source(name, kind, config, text_config) → the source's id; creates the source or updates its
-- settings. text_config: a text-search configuration ('english', 'german', 'simple' …), or the shop's
-- own with its schema ('public.shop'). config is merged into the stored one. config.image_root: the
-- folder of pictures without a URL; workers trust it if the schema's owner sets it here; from other
-- roles it must lie below a trusted folder (see trusted_root, or `vitrina work --image-root`). Raises
-- VT004 for an unknown configuration or kind, a config that is not an object, or a name that is empty
-- or over 200 characters.
-- ---------------------------------------------------------------------------------------------
create or replace function put_source(
    name text, kind text default 'file', config jsonb default '{}', text_config text default null
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _id int;
    _config regconfig;
begin
    if length(coalesce(put_source.name, '')) not between 1 and 200 then
        raise exception 'the name of a source must have 1 to 200 characters' using errcode = 'VT004',
            hint = 'give it a short name, like shop';
    end if;
    if coalesce(put_source.kind, '') not in ('file', 'table') then
        raise exception 'a source cannot be of the kind %', quote_nullable(left(put_source.kind, 100))
            using errcode = 'VT004', hint = 'use file or table';
    end if;
    if jsonb_typeof(put_source.config) is distinct from 'object' then
        raise exception 'the config of a source must be a JSON object' using errcode = 'VT004',
            hint = 'like ''{"image_root": "/srv/pictures"}''';
    end if;
    begin
        _config := put_source.text_config::regconfig;
    exception when others then
        raise exception 'text-search configuration % not found',
            quote_literal(left(put_source.text_config, 100)) using errcode = 'VT004',
            hint = 'see: select cfgname from pg_ts_config';
    end;
    insert into sources as s (name, kind, config, text_config)
    values (put_source.name, put_source.kind, put_source.config,
            coalesce(_config, 'english')::text)
    on conflict (name) do update set
        config = s.config || excluded.config,
        text_config = coalesce(_config::text, s.text_config)
    returning s.id into _id;
    -- only the owner has this privilege; a writer can only narrow the folder
    if put_source.config ->> 'image_root' is not null
        and has_column_privilege('vitrina.sources', 'trusted_root', 'update') then
        update sources as s set trusted_root = put_source.config ->> 'image_root' where s.id = _id;
    end if;
    return _id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- source_languages(source) → the language of a source's titles, by its text-search configuration, else
-- as a worker found it, else null; and the language in which keywords are shown.
-- ---------------------------------------------------------------------------------------------
create or replace function source_languages(source text, out language text, out shown text)
language sql stable security invoker
set search_path from current
as $func$
    select source_language(s.text_config, s.language), shown_language()
    from sources as s where s.name = source_languages.source;
$func$;

-- ---------------------------------------------------------------------------------------------
-- remove_source(name) → how many products it had. Deletes the source with its products; the vocabulary
-- stays. Raises VT003 if the source is not found, VT004 if it is attached.
-- ---------------------------------------------------------------------------------------------
create or replace function remove_source(name text) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _source int;
    _count int;
    _images bytea[];
begin
    select s.id into _source from sources as s where s.name = remove_source.name;
    if not found then
        raise exception 'source % not found', quote_literal(left(remove_source.name, 100))
            using errcode = 'VT003', hint = 'see: select name from vitrina.sources';
    end if;
    if exists (select from attachments as a where a.source_id = _source) then
        raise exception 'source % is attached', quote_ident(remove_source.name)
            using errcode = 'VT004', hint = format('detach it: select vitrina.detach(%L);', remove_source.name);
    end if;
    _images := array(select distinct p.image_sha256 from products as p
                     where p.source_id = _source and p.image_sha256 is not null);
    delete from products as p where p.source_id = _source;
    get diagnostics _count = row_count;
    delete from sources as s where s.id = _source;
    perform drop_unused(_images);
    return _count;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- refresh_text(product_ids): renews the full-text rows of these products, in the text-search
-- configuration of their source; see product_lexemes.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.refresh_text(product_ids bigint[]) returns void
language sql volatile security invoker
set search_path from current
as $func$
    insert into product_text as t (product_id, tsv)
    select p.id, product_lexemes(p, s.text_config, p.sku || p.codes || array(
               select c.code
               from variants as v
               cross join lateral unnest(v.sku || v.codes) as c (code)
               where v.product_id = p.id))
    from products as p
    join sources as s on s.id = p.source_id
    where p.id = any (product_ids)
    order by p.id
    on conflict (product_id) do update set tsv = excluded.tsv where t.tsv <> excluded.tsv;
$func$;

-- ---------------------------------------------------------------------------------------------
-- queue_products(product_ids, stage) → how many. Queues them for enrichment, or again if a worker has
-- them. stage: 'enrich', or 'embed' if only the text to embed has changed: then no picture is fetched
-- and no model asked. A product that waits for the whole enrichment, or failed at it, stays as it is;
-- unknown products are skipped.
-- ---------------------------------------------------------------------------------------------
create or replace function queue_products(product_ids bigint[], stage text default 'enrich')
returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _count int;
begin
    perform check_word('stage', queue_products.stage, 'enrich', 'embed');
    with queued as (
        insert into jobs as j (product_id, stage)
        select distinct u.id, queue_products.stage
        from unnest(product_ids) as u (id)
        where u.id is not null
        order by u.id
        on conflict (product_id) do update set
            version = j.version + 1,
            stage = case when j.stage = 'enrich' then 'enrich' else excluded.stage end,
            attempts = 0,
            deaths = '{}',
            error = null,
            reply = null,
            -- a leased job stays with its worker, whose finish will see the new version
            state = case when j.state = 'leased' then 'leased' else 'queued' end,
            run_after = case when j.state = 'leased' then j.run_after else now() end
        -- a queued enrichment also embeds; one at work may already have read the text
        where excluded.stage = 'enrich' or j.stage = 'embed' or j.state = 'leased'
        returning 1
    ),
    -- a hint for idle workers; they also check every second
    told as materialized (
        select pg_notify('vitrina_jobs', '') from queued limit 1
    )
    select count(*) into _count from queued cross join (select count(*) from told) as t;
    return _count;
exception when foreign_key_violation then
    -- some are not there; looked up only now, as each new job's key is looked up by itself
    return queue_products(
        array(select p.id from products as p where p.id = any (product_ids)), stage);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_products(source, products) → counts of rows inserted, updated, unchanged, and queued.
-- products: a jsonb array of {external_id, title, image, image_stamp, url, attributes}, each external
-- id once. A product is queued for enrichment when the input of an enrichment has changed; a new
-- price is stored and costs nothing. Raises VT003 for an unknown source.
-- ---------------------------------------------------------------------------------------------
create or replace function put_products(source text, products jsonb)
returns table (inserted int, updated int, unchanged int, queued int)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _source int;
    _given int;
    _twice text;
    _changed bigint[];
    _to_queue bigint[];
begin
    select s.id into _source from sources as s where s.name = put_products.source;
    if not found then
        raise exception 'source % not found', quote_literal(left(put_products.source, 100))
            using errcode = 'VT003', hint = 'create it: select vitrina.put_source(name)';
    end if;
    perform check_rows('products', put_products.products,
        '{"external_id": "name!", "title": "title!", "image": "text",
         "image_stamp": "text", "url": "text", "attributes": "object"}');
    _given := jsonb_array_length(put_products.products);
    with given as (
        select r.external_id, r.title, r.image, r.image_stamp, r.url,
               coalesce(r.attributes, '{}') as attributes,
               input_hash(r.title, r.image, r.image_stamp, coalesce(r.attributes, '{}')) as input_hash
        from jsonb_to_recordset(put_products.products) as r (
            external_id text, title text, image text, image_stamp text, url text, attributes jsonb)
    ),
    before as materialized (
        select p.id, p.external_id, p.input_hash
        from products as p
        join given as g on g.external_id = p.external_id
        where p.source_id = _source
    ),
    written as (
        insert into products as p
            (source_id, external_id, title, image, image_stamp, url, attributes, input_hash)
        select _source, g.external_id, g.title, g.image, g.image_stamp, g.url, g.attributes,
               g.input_hash
        from given as g
        order by g.external_id
        on conflict (source_id, external_id) do update set
            title = excluded.title, image = excluded.image, image_stamp = excluded.image_stamp,
            url = excluded.url, attributes = excluded.attributes, input_hash = excluded.input_hash,
            updated_at = now()
        where (p.title, p.image, p.image_stamp, p.url, p.attributes)
              is distinct from
              (excluded.title, excluded.image, excluded.image_stamp, excluded.url,
               excluded.attributes)
        returning p.id, p.external_id, p.input_hash
    )
    select count(*) filter (where b.id is null), count(*) filter (where b.id is not null),
           array_agg(w.id), array_agg(w.id) filter (where b.input_hash is distinct from w.input_hash)
    into inserted, updated, _changed, _to_queue
    from written as w
    left join before as b on b.external_id = w.external_id;
    unchanged := _given - inserted - updated;
    perform refresh_text(_changed);
    queued := queue_products(coalesce(_to_queue, '{}'));
    return next;
exception when cardinality_violation then
    select r.external_id into _twice
    from jsonb_to_recordset(put_products.products) as r (external_id text)
    group by r.external_id having count(*) > 1 limit 1;
    if not found then
        raise;
    end if;
    raise exception 'products has external id % twice', quote_literal(_twice)
        using errcode = 'VT004', hint = 'give each external id once; nothing was written';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- count_to_queue(source, products) → how many of them put_products would queue; writes nothing.
-- ---------------------------------------------------------------------------------------------
create or replace function count_to_queue(source text, products jsonb) returns int
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    return (
        select count(*)
        from jsonb_to_recordset(count_to_queue.products) as r (
            external_id text, title text, image text, image_stamp text, attributes jsonb)
        left join sources as s on s.name = source
        left join vitrina.products as p on p.source_id = s.id and p.external_id = r.external_id
        where p.input_hash is distinct from
            input_hash(r.title, r.image, r.image_stamp, coalesce(r.attributes, '{}')));
exception when data_exception then
    perform check_rows('products', count_to_queue.products,
        '{"external_id": "text", "title": "text", "image": "text",
         "image_stamp": "text", "url": "text", "attributes": "object"}');
    raise;
end
$func$;
