-- Single products by their names: known, shown, deleted.

-- ---------------------------------------------------------------------------------------------
-- source_named(name) → the source's id. Raises VT003 for an unknown source, and names the nearest.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.source_named(name text) returns int
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _id int;
begin
    select s.id into _id from sources as s where s.name = source_named.name;
    if not found then
        raise exception 'source % not found', coalesce(quote_literal(left(source_named.name, 100)), 'null')
            using errcode = 'VT003', hint = nearest_hint(
                source_named.name, array(select s.name from sources as s order by s.id limit 1000),
                'no source is there yet: select vitrina.put_source(name)');
    end if;
    return _id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- products_named(source, external_ids) → the ids of these products. Raises VT003 for an unknown source
-- or product, and names the nearest; VT004 for more than 10,000.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.products_named(source text, external_ids text[]) returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _source int := source_named(products_named.source);
    _missing text;
begin
    perform check_list('external_ids', external_ids);
    if cardinality(external_ids) > 10000 then
        perform too_many('external_ids', cardinality(external_ids), 10000);
    end if;
    select u.id into _missing
    from unnest(external_ids) with ordinality as u (id, place)
    where not exists (select from products as p where p.source_id = _source and p.external_id = u.id)
    order by u.place limit 1;
    if found then
        raise exception 'product % not found in source %', quote_literal(left(_missing, 100)),
            quote_ident(products_named.source)
            using errcode = 'VT003', hint = nearest_hint(
                _missing, near_products(_missing, products_named.source), 'see: select external_id from vitrina.catalog');
    end if;
    return array(
        select p.id from products as p
        where p.source_id = _source and p.external_id = any (external_ids) order by p.id);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- product_named(external_id) → the id of the product with this external id, in whatever source. Raises
-- VT003 if it is not found, and names the nearest; VT004 if several sources have it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.product_named(external_id text) returns bigint
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _ids bigint[];
    _sources text[];
begin
    select array_agg(p.id), array_agg(s.name order by s.name) into _ids, _sources
    from products as p
    join sources as s on s.id = p.source_id
    where p.external_id = product_named.external_id;
    if cardinality(_ids) > 1 then
        raise exception 'several sources have a product %', quote_literal(left(product_named.external_id, 100))
            using errcode = 'VT004', hint = 'name its source too, one of '
                || array_to_string(_sources[:5], ', ');
    elsif _ids is null then
        raise exception 'product % not found', coalesce(quote_literal(left(product_named.external_id, 100)), 'null')
            using errcode = 'VT003', hint = coalesce(
                (select format('%s is the product id of %L: give it as a number, without quotes',
                               product_named.external_id, p.external_id)
                 from products as p
                 where p.id = case when product_named.external_id ~ '^[0-9]{1,18}$'
                                   then product_named.external_id::bigint end),
                nearest_hint(product_named.external_id, near_products(product_named.external_id),
                             'see: select external_id from vitrina.catalog'));
    end if;
    return _ids[1];
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- near_products(external_id, source) → external ids that look like this one, nearest first, at most
-- three. source: null for all.
-- ---------------------------------------------------------------------------------------------
create or replace function near_products(external_id text, source text default null)
returns text[]
language sql stable security invoker
set search_path from current
as $func$
    select nearest_names(near_products.external_id, array(
        -- few are worth a closer look: those that begin or end alike
        select p.external_id
        from products as p
        join sources as s on s.id = p.source_id
        cross join (select case when length(near_products.external_id) < 4 then 1 else 2 end as letters) as n
        where (near_products.source is null or s.name = near_products.source)
            and abs(length(p.external_id) - length(near_products.external_id)) <= 2
            and (lower(left(p.external_id, n.letters)) = lower(left(near_products.external_id, n.letters))
                 or lower(right(p.external_id, n.letters)) = lower(right(near_products.external_id, n.letters)))
        order by abs(length(p.external_id) - length(near_products.external_id)), p.id
        limit 2000));
$func$;

-- ---------------------------------------------------------------------------------------------
-- get_products(product_ids) → everything known of these products, one row each. keywords: an array of
-- {keyword, facet, said, method, similarity, decided_at}: the word that was said and how it became the
-- keyword; by_hand: whether a person set them. Addresses are shown as by shown_address. state: as in
-- the view catalog; error: of a job, null for a role that may not see the queue. Products that are not there are skipped, with a notice.
-- ---------------------------------------------------------------------------------------------
create or replace function get_products(product_ids bigint[])
returns table (
    product_id bigint, source text, external_id text, sku text, codes text[], title text, text text,
    description text, caption text, keywords jsonb, by_hand boolean, attributes jsonb, url text,
    image text, image_error text, images jsonb, variants jsonb, state text, error text,
    enriched_at timestamptz, created_at timestamptz, updated_at timestamptz
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _gone text;
    _errors jsonb := '{}';
begin
    -- not for a reader, who may not see the queue
    if has_table_privilege('jobs', 'select') then
        select coalesce(jsonb_object_agg(j.product_id, j.error), '{}') into _errors
        from jobs as j
        where j.product_id = any (get_products.product_ids) and j.error is not null;
    end if;
    select string_agg(u.id::text, ', ') into _gone
    from (select u.id from unnest(get_products.product_ids) as u (id)
          where not exists (select from products as p where p.id = u.id) limit 5) as u;
    if _gone is not null then
        raise notice 'product % not found', _gone;
    end if;
    return query
    select p.id, s.name, p.external_id, p.sku, p.codes, p.title, p.text, p.description, p.caption,
           k.keywords, exists (select from given_keywords as g where g.product_id = p.id),
           p.attributes, shown_address(p.url), shown_address(p.image), p.image_error, i.images,
           v.variants,
           (select c.state from catalog as c where c.product_id = p.id),
           _errors ->> p.id::text, p.enriched_at, p.created_at, p.updated_at
    from products as p
    join vitrina.sources as s on s.id = p.source_id
    cross join lateral (
        select coalesce(jsonb_agg(jsonb_build_object(
                   'keyword', w.name, 'facet', w.facet, 'said', pk.said, 'method', a.method,
                   'similarity', a.similarity, 'decided_at', a.decided_at)
               order by array_position(p.keywords, w.name), w.name), '[]') as keywords
        from product_keywords as pk
        join vitrina.keywords as w on w.id = pk.keyword_id
        left join keyword_aliases as a on a.alias = normal_form(pk.said)
        where pk.product_id = p.id
    ) as k
    cross join lateral (
        select coalesce(jsonb_agg(jsonb_build_object(
                   'image', shown_address(m.image), 'role', m.role, 'width', x.width,
                   'height', x.height, 'mime', x.mime) order by m.position), '[]') as images
        from product_images as m
        left join vitrina.images as x on x.sha256 = m.image_sha256
        where m.product_id = p.id
    ) as i
    cross join lateral (
        select coalesce(jsonb_agg(jsonb_build_object(
                   'sku', r.sku, 'title', r.title, 'codes', r.codes, 'attributes', r.attributes,
                   'image', shown_address(r.image)) order by r.position), '[]') as variants
        from vitrina.variants as r
        where r.product_id = p.id
    ) as v
    join (select u.id, min(u.place) as place
          from unnest(get_products.product_ids) with ordinality as u (id, place) group by u.id) as u
        on u.id = p.id
    order by u.place;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- get_products(source, external_ids) → the same, for the products with these external ids in that source.
-- Raises VT003 for an unknown source or product, and names the nearest.
-- ---------------------------------------------------------------------------------------------
create or replace function get_products(source text, external_ids text[])
returns table (
    product_id bigint, source text, external_id text, sku text, codes text[], title text, text text,
    description text, caption text, keywords jsonb, by_hand boolean, attributes jsonb, url text,
    image text, image_error text, images jsonb, variants jsonb, state text, error text,
    enriched_at timestamptz, created_at timestamptz, updated_at timestamptz
)
language sql stable security invoker
set search_path from current
as $func$
    select g.*
    from get_products(products_named(get_products.source, get_products.external_ids)) as g
    order by array_position(get_products.external_ids, g.external_id);
$func$;

-- ---------------------------------------------------------------------------------------------
-- delete_products(source, external_ids) → how many it deleted, with all that is known of them;
-- answers of models stay stored. Products that are not there are skipped. Raises VT003 for an unknown
-- source, VT004 for an attached one: there the shop's own table decides.
-- ---------------------------------------------------------------------------------------------
create or replace function delete_products(source text, external_ids text[]) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _source int := source_named(delete_products.source);
    _ids bigint[];
    _images bytea[];
    _count int;
begin
    perform check_list('external_ids', external_ids);
    perform refuse_attached(source);
    -- in the order in which others lock them
    _ids := array(select p.id from products as p
                  where p.source_id = _source and p.external_id = any (delete_products.external_ids)
                  order by p.id for update);
    _images := array(select p.image_sha256 from products as p
                     where p.id = any (_ids) and p.image_sha256 is not null
                     union
                     select i.image_sha256 from product_images as i
                     where i.product_id = any (_ids) and i.image_sha256 is not null);
    delete from products as p where p.id = any (_ids);
    get diagnostics _count = row_count;
    perform drop_unused(_images);
    return _count;
end
$func$;
