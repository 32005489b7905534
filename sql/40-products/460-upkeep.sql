-- What happens to the products of a source that its file no longer has, or has under other ids.

-- ---------------------------------------------------------------------------------------------
-- file_source(name) → the id of a source of the kind file. Raises VT003 if it is not found, VT004 if it is
-- an attached table.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.file_source(name text) returns int
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _source int := source_named(file_source.name);
begin
    if exists (select from sources as s where s.id = _source and s.kind <> 'file') then
        raise exception 'source % is attached', quote_ident(file_source.name)
            using errcode = 'VT004', hint = 'its products follow the rows of its table';
    end if;
    return _source;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- prune_products(source, keep, most, dry_run) → how many products of the source it removed: those whose
-- external id is not in keep. With dry_run it only counts them. Raises VT004 if keep is empty, or if more
-- than the share `most` of the products would go: 0.3 is 30 %, 1 allows any number.
-- ---------------------------------------------------------------------------------------------
create or replace function prune_products(
    source text, keep text[], most real default 0.3, dry_run boolean default false
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _source int := file_source(source);
    _gone bigint[];
    _all int;
    _images bytea[];
begin
    if prune_products.most not between 0 and 1 or prune_products.most is null then
        raise exception 'most is %, which is not a share between 0 and 1', coalesce(most::text, 'null')
            using errcode = 'VT004', hint = 'give 0.3 for 30 % of the products';
    end if;
    select array_agg(p.id) filter (where k.external_id is null), count(*) into _gone, _all
    from products as p
    left join (select distinct u.external_id from unnest(keep) as u (external_id)) as k
        on k.external_id = p.external_id
    where p.source_id = _source;
    _gone := coalesce(_gone, '{}');
    if dry_run or _gone = '{}' then
        return cardinality(_gone);
    end if;
    if coalesce(cardinality(keep), 0) = 0 then
        raise exception 'prune_products would remove every product of source %', quote_ident(source)
            using errcode = 'VT004', hint = 'keep names the products to keep; see remove_source';
    end if;
    if cardinality(_gone) > _all * most then
        raise exception '% of the % products of source % would be removed, more than % %%',
            cardinality(_gone), _all, quote_ident(source), round(most::numeric * 100)
            using errcode = 'VT004', hint = 'if that is right, give --yes with --prune, or most => 1';
    end if;
    _images := array(select p.image_sha256 from products as p
                     where p.id = any (_gone) and p.image_sha256 is not null
                     union
                     select i.image_sha256 from product_images as i
                     where i.product_id = any (_gone) and i.image_sha256 is not null);
    delete from products as p where p.id = any (_gone);
    perform drop_unused(_images);
    perform collect_words(20000);
    return cardinality(_gone);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- propose_renames(source, products) → for each of these rows, as put_products takes them, the products of
-- the source that it may be: `was` is the id of the product now, external_id that of the row. by: how they
-- are the same, the surest way only: id (it is not renamed), code (the SKU or another code, also if one
-- of the two ids is it), url, or title and picture.
-- ---------------------------------------------------------------------------------------------
create or replace function propose_renames(source text, products jsonb)
returns table (external_id text, was text, by text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    perform check_rows('products', propose_renames.products, product_keys());
    return query
    with given as materialized (
        select r.*, array_remove(r.sku || r.codes, null) as known
        from read_products(propose_renames.products) as r
    ),
    ours as materialized (
        select p.external_id, p.title, p.image, p.url, array_remove(p.sku || p.codes, null) as known
        from vitrina.products as p
        where p.source_id = file_source(propose_renames.source)
    ),
    pairs as (
        select g.external_id, o.external_id as was, 1 as place, 'id' as by
        from given as g join ours as o on o.external_id = g.external_id
        where o.title = g.title or o.url = g.url or o.known && g.known
        union all
        select c.external_id, c.was, 2, 'code'
        from (
            select distinct g.external_id, o.external_id as was
            from (select g.external_id, u.code from given as g
                  cross join lateral unnest(g.known || g.external_id) as u (code)) as g
            join (select o.external_id, u.code, u.code = o.external_id as is_id from ours as o
                  cross join lateral unnest(o.known || o.external_id) as u (code)) as o
                on o.code = g.code
            where g.external_id <> o.external_id
        ) as c
        union all
        select g.external_id, o.external_id, 3, 'url'
        from given as g join ours as o on o.url = g.url
        where g.external_id <> o.external_id
        union all
        select g.external_id, o.external_id, 4, 'title and picture'
        from given as g join ours as o on o.title = g.title and o.image is not distinct from g.image
        where g.external_id <> o.external_id
    ),
    ranked as (
        select p.*, rank() over (partition by p.external_id order by p.place) as nth
        from pairs as p
    )
    select r.external_id, r.was, r.by from ranked as r where r.nth = 1
    order by r.external_id, r.was;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- rename_products(source, pairs, dry_run) → what happened to each pair {external_id, was}: the product with
-- the external id `was` keeps its row, its enrichment and its vectors under the new external id. outcome:
-- renamed; ambiguous if one of both ids is in several pairs; taken if a product that stays has the new
-- id; gone if no product has the old one. A pair of one id twice says that this product keeps its id.
-- ---------------------------------------------------------------------------------------------
create or replace function rename_products(source text, pairs jsonb, dry_run boolean default false)
returns table (external_id text, was text, outcome text)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _source int := file_source(source);
    _plan jsonb;
    _ids bigint[];
begin
    perform check_rows('pairs', pairs, '{"external_id": "name!", "was": "name!"}');
    with given as materialized (
        select distinct g.external_id, g.was
        from jsonb_to_recordset(pairs) as g (external_id text, was text)
    ),
    open as materialized ( -- a product that keeps its id is no other product, too
        select g.* from given as g
        where g.external_id <> g.was and not exists (
            select from given as k
            where k.external_id = k.was and k.external_id in (g.external_id, g.was))
    ),
    counted as materialized (
        select o.external_id, o.was, p.id,
               count(*) over (partition by o.external_id) + count(*) over (partition by o.was) > 2 as many
        from open as o
        left join products as p on p.source_id = _source and p.external_id = o.was
    ),
    movable as (
        select c.* from counted as c where c.id is not null and not c.many
    )
    select jsonb_agg(jsonb_build_object('external_id', c.external_id, 'was', c.was, 'id', c.id,
               'outcome', case when c.id is null then 'gone' when c.many then 'ambiguous'
                               when t.id is not null and m.id is null then 'taken'
                               else 'renamed' end))
    into _plan
    from counted as c
    left join products as t on t.source_id = _source and t.external_id = c.external_id
    left join movable as m on m.id = t.id;
    -- whose id is taken keeps the own one, which another may want
    while exists (
        select from jsonb_to_recordset(_plan) as r (external_id text, outcome text)
        join jsonb_to_recordset(_plan) as s (was text, outcome text)
            on s.was = r.external_id and s.outcome in ('taken', 'ambiguous')
        where r.outcome = 'renamed') loop
        select jsonb_agg(case when s.was is not null and r.row ->> 'outcome' = 'renamed'
                              then r.row || '{"outcome": "taken"}' else r.row end)
        into _plan
        from jsonb_array_elements(_plan) as r (row)
        left join (select distinct s.was from jsonb_to_recordset(_plan) as s (was text, outcome text)
                   where s.outcome in ('taken', 'ambiguous')) as s on s.was = r.row ->> 'external_id';
    end loop;
    if dry_run is not true and _plan is not null then
        -- two steps, as ids may be exchanged
        update products as p set external_id = e'\x01' || p.id
        from jsonb_to_recordset(_plan) as r (id bigint, outcome text)
        where p.id = r.id and r.outcome = 'renamed';
        with moved as (
            update products as p set external_id = r.external_id, updated_at = now()
            from jsonb_to_recordset(_plan) as r (external_id text, id bigint, outcome text)
            where p.id = r.id and r.outcome = 'renamed'
            returning p.id
        )
        select array_agg(m.id) into _ids from moved as m;
        perform refresh_text(_ids);
    end if;
    return query
    select r.external_id, r.was, r.outcome
    from jsonb_to_recordset(coalesce(_plan, '[]')) as r (external_id text, was text, outcome text)
    order by r.external_id, r.was;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- compare_products(source, products) → the counts that put_products would return; writes nothing. An
-- unknown source has no products yet.
-- ---------------------------------------------------------------------------------------------
create or replace function compare_products(source text, products jsonb)
returns table (inserted int, updated int, unchanged int, queued int)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    perform check_rows('products', compare_products.products, product_keys());
    return query
    select count(*) filter (where p.id is null)::int,
           count(*) filter (where p.id is not null and c.differs)::int,
           count(*) filter (where p.id is not null and not c.differs)::int,
           count(*) filter (where p.input_hash is distinct from r.input_hash)::int
    from read_products(compare_products.products) as r
    left join sources as s on s.name = compare_products.source
    left join vitrina.products as p on p.source_id = s.id and p.external_id = r.external_id
    cross join lateral (
        select (p.title, p.text, p.image, p.image_stamp, p.url, p.attributes, p.sku, p.codes,
                p.parts_hash)
               is distinct from
               (r.title, r.text, r.image, r.image_stamp, r.url, r.attributes, r.sku, r.codes,
                r.parts_hash)) as c (differs);
end
$func$;
