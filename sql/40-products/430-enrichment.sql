-- What models say of products, stored once.

-- ---------------------------------------------------------------------------------------------
-- embedding_input(keywords, caption) → the text of a product to embed: its keywords, separated by
-- commas, then its caption on a line of its own.
-- ---------------------------------------------------------------------------------------------
create or replace function embedding_input(keywords text[], caption text) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select array_to_string(keywords, ',') || e'\n' || coalesce(caption, '');
$func$;

-- ---------------------------------------------------------------------------------------------
-- each_once(enrichments) → the enrichments, only the last of each product. Raises VT004 for rows that
-- put_enrichments does not take.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.each_once(enrichments jsonb) returns jsonb
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select check_rows('enrichments', enrichments,
        '{"product_id": "id!", "image_sha256": "sha256", "image_error": "text",
         "terms": "objects", "description": "text", "caption": "text", "answers": "objects"}');
    select case when count(*) = count(distinct e.value ->> 'product_id') then enrichments else (
        select jsonb_agg(o.value order by o.place)
        from (
            select distinct on (d.value ->> 'product_id') d.value, d.place
            from jsonb_array_elements(enrichments) with ordinality as d (value, place)
            order by d.value ->> 'product_id', d.place desc
        ) as o) end
    from jsonb_array_elements(enrichments) as e (value);
$func$;

-- ---------------------------------------------------------------------------------------------
-- learn_said(enrichments): resolves their terms against the vocabulary, and learns new terms.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.learn_said(enrichments jsonb) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _said text[];
    _facets text[];
begin
    -- nobody may change a decision between resolving a term and using the result
    perform hold_keywords();
    select array_agg(t.term order by e.place, t.place), array_agg(t.facet order by e.place, t.place)
    into _said, _facets
    from rows from (jsonb_to_recordset(enrichments) as (terms jsonb)) with ordinality as e (terms, place)
    cross join lateral rows from (
        jsonb_to_recordset(coalesce(e.terms, '[]')) as (term text, facet text))
        with ordinality as t (term, facet, place);
    perform r.ordinal
    from resolve_keywords(coalesce(_said, '{}'), null, coalesce(_facets, '{}')) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- write_enrichments(enrichments) → how many products it wrote; their terms are already learned.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.write_enrichments(enrichments jsonb) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _ids bigint[];
    _written bigint[];
    _without record;
begin
    select array_agg(e.product_id) into _ids
    from jsonb_to_recordset(enrichments) as e (product_id bigint);
    select e.product_id, e.image_sha256 into _without
    from jsonb_to_recordset(enrichments) as e (product_id bigint, image_sha256 text)
    where e.image_sha256 is not null
        and not exists (select from images as i where i.sha256 = decode(e.image_sha256, 'hex'))
    limit 1;
    if found then
        raise exception 'picture % of product % is not stored', left(_without.image_sha256, 12),
            _without.product_id
            using errcode = 'VT003', hint = 'store it first: vitrina.put_images';
    end if;
    perform put_terms(enrichments);

    with given as materialized (
        select r.*
        from jsonb_to_recordset(enrichments) as r (
            product_id bigint, image_sha256 text, image_error text, description text, caption text)
    ),
    written as (
        update products as p set
            keywords = d.keywords,
            description = g.description,
            caption = g.caption,
            image_sha256 = decode(g.image_sha256, 'hex'),
            image_error = g.image_error,
            enriched_at = now(),
            updated_at = now()
        from given as g
        join derive_keywords(_ids) as d on d.product_id = g.product_id
        where p.id = g.product_id
        returning p.id
    )
    select array_agg(w.id) into _written from written as w;
    perform name_pictures(_written);
    perform refresh_text(_written);
    insert into generation_uses as u (product_id, generation_id)
    select distinct e.product_id, g.id
    from jsonb_to_recordset(enrichments) as e (product_id bigint, answers jsonb)
    cross join jsonb_to_recordset(coalesce(nullif(e.answers, 'null'), '[]')) as a (
        stage text, input_hash text, model text, prompt_version text)
    join generations as g on g.stage = a.stage and g.input_hash = decode(a.input_hash, 'hex')
        and g.model = a.model and g.prompt_version = a.prompt_version
    where e.product_id = any (_written)
    order by e.product_id, g.id
    on conflict (product_id, generation_id) do update set used_at = now();
    return coalesce(cardinality(_written), 0);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_enrichments(enrichments) → how many products it wrote.
-- enrichments: a jsonb array of {product_id, image_sha256 (hex or null), image_error, terms:
-- [{term, facet}], description, caption, answers: [{stage, input_hash (hex), model, prompt_version}]: the
-- generations it is made of, see product_generations}; if a product is there twice, the last row counts. Terms are
-- resolved against the vocabulary, and new terms learned (see resolve_keywords: if the active text
-- space is not local, call it first with the embeddings of the new terms).
-- ---------------------------------------------------------------------------------------------
create or replace function put_enrichments(enrichments jsonb) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _given jsonb := each_once(enrichments);
begin
    perform learn_said(_given);
    return write_enrichments(_given);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- store_enrichments(worker, product_ids, versions, enrichments, images) → the products it wrote: those
-- among the enrichments that this worker leases in these versions (see hold_jobs). Drops work that
-- comes too late. The products and their jobs stay locked until the transaction ends. enrichments: see
-- put_enrichments; images: see put_images.
-- ---------------------------------------------------------------------------------------------
create or replace function store_enrichments(
    worker text, product_ids bigint[], versions bigint[], enrichments jsonb,
    images jsonb default '[]'
) returns setof bigint
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _given jsonb := each_once(enrichments);
    _held bigint[];
begin
    perform check_rows('images', images, '{"sha256": "sha256!"}');
    -- the vocabulary first, then products, then jobs: all transactions lock in this order
    perform learn_said(_given);
    _held := array(select h.product_id
                   from hold_jobs(store_enrichments.worker, store_enrichments.product_ids,
                                  store_enrichments.versions) as h (product_id));
    select coalesce(jsonb_agg(e.value order by e.place), '[]') into _given
    from jsonb_array_elements(_given) with ordinality as e (value, place)
    where (e.value ->> 'product_id')::bigint = any (_held);
    perform put_images((
        select coalesce(jsonb_agg(i.value), '[]')
        from jsonb_array_elements(images) as i (value)
        where exists (select from jsonb_array_elements(_given) as e (value)
                      where e.value ->> 'image_sha256' = i.value ->> 'sha256')));
    perform write_enrichments(_given);
    return query
    select (e.value ->> 'product_id')::bigint from jsonb_array_elements(_given) as e (value);
end
$func$;
