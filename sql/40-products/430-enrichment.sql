-- The results of models and pictures for products, each stored once.

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
-- put_images(images): stores pictures, each once. images: a jsonb array of {sha256 (hex), mime,
-- width, height, bytes, thumbnail (base64 WebP), dhash (64 binary digits)}.
-- ---------------------------------------------------------------------------------------------
create or replace function put_images(images jsonb) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    insert into images (sha256, mime, width, height, bytes, thumbnail, dhash)
    select distinct on (r.sha256)
        decode(r.sha256, 'hex'), name_or_null(r.mime), r.width, r.height, r.bytes,
        decode(r.thumbnail, 'base64'), case when length(r.dhash) = 64 then r.dhash::bit(64) end
    from jsonb_to_recordset(put_images.images) as r (
        sha256 text, mime text, width int, height int, bytes int, thumbnail text, dhash text)
    order by r.sha256
    -- locks a picture that is stored already, so that collect_images leaves it
    on conflict (sha256) do update set mime = excluded.mime;
exception when data_exception or integrity_constraint_violation then
    -- which row it was is looked for only now: thumbnails are long
    perform check_rows('images', put_images.images,
        '{"sha256": "sha256!", "mime": "name!", "width": "size!",
         "height": "size!", "bytes": "size!", "thumbnail": "base64!",
         "dhash": "bits!"}');
    raise;
end
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
         "terms": "objects", "description": "text", "caption": "text"}');
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
    return coalesce(cardinality(_written), 0);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_enrichments(enrichments) → how many products it wrote.
-- enrichments: a jsonb array of {product_id, image_sha256 (hex or null), image_error, terms:
-- [{term, facet}], description, caption}; if a product is there twice, the last row counts. Terms are
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

-- ---------------------------------------------------------------------------------------------
-- missing_embeddings(product_ids, space) → (product_id, input, input_hash) of the products whose text
-- is not embedded in this text space, or has changed since. space: a name; null for the active one.
-- ---------------------------------------------------------------------------------------------
create or replace function missing_embeddings(product_ids bigint[], space text default null)
returns table (product_id bigint, input text, input_hash bytea)
language sql stable security invoker
set search_path from current
as $func$
    select p.id, i.input, sha256(convert_to(i.input, 'utf8'))
    from products as p
    cross join lateral (select embedding_input(p.keywords, p.caption) as input) as i
    join spaces as s on s.modality = 'text'
        and case when space is null then s.state = 'active' else s.name = space end
    left join product_embeddings as e on e.product_id = p.id and e.space_id = s.id
    where p.id = any (product_ids)
        and p.enriched_at is not null
        and e.input_hash is distinct from sha256(convert_to(i.input, 'utf8'))
    order by p.id;
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_embeddings(space, product_ids, input_hashes, embeddings) → how many were new or changed.
-- Parallel arrays; space: a name. In a text space it skips a vector whose hash is not that of the
-- product's present text (see missing_embeddings): it was made of an older text. Raises VT003 for an
-- unknown space, VT004 for a vector of other dimensions, or of zeros only.
-- ---------------------------------------------------------------------------------------------
create or replace function put_embeddings(
    space text, product_ids bigint[], input_hashes bytea[], embeddings @vector@.halfvec[]
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces;
    _count int;
begin
    select s.* into _space from spaces as s where s.name = put_embeddings.space;
    if not found then
        raise exception 'space % not found', quote_literal(left(put_embeddings.space, 100))
            using errcode = 'VT003', hint = 'see: select * from vitrina.space_status()';
    end if;
    perform check_embeddings('product', _space, product_ids, embeddings);
    insert into product_embeddings as e (space_id, product_id, input_hash, embedding)
    select _space.id, u.id, coalesce(u.hash, ''), u.embedding
    from (
        select distinct on (g.id) g.id, g.hash, g.embedding
        from unnest(product_ids, input_hashes, embeddings) with ordinality
            as g (id, hash, embedding, place)
        where g.embedding is not null
        order by g.id, g.place desc
    ) as u
    -- products that are gone are skipped, the others stay as they are until this commits: a
    -- vector of an older text never replaces a newer one
    join products as p on p.id = u.id
    where _space.modality <> 'text' or p.enriched_at is null
        or u.hash = sha256(convert_to(embedding_input(p.keywords, p.caption), 'utf8'))
    order by u.id
    for share of p
    on conflict (space_id, product_id) do update set
        input_hash = excluded.input_hash, embedding = excluded.embedding
    where e.input_hash <> excluded.input_hash or e.embedding operator(@vector@.<>) excluded.embedding;
    get diagnostics _count = row_count;
    return _count;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- embed_products(product_ids, space) → how many missing embeddings it made in this text space; null for
-- the active one. Its model must be the local one (VT004 otherwise).
-- ---------------------------------------------------------------------------------------------
create or replace function embed_products(product_ids bigint[], space text default null) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces := active_space('text');
    _ids bigint[];
    _inputs text[];
    _hashes bytea[];
begin
    if space is not null then
        select s.* into _space from spaces as s where s.name = space and s.modality = 'text';
    end if;
    if _space.provider is distinct from 'local' then
        raise exception '%', case when space is null then 'the active text space is not local'
                                  else quote_literal(left(space, 100)) || ' is not a space of the local text model' end
            using errcode = 'VT004',
            hint = 'its embeddings come from its provider: `vitrina work`, `vitrina spaces build`';
    end if;
    -- else a vector of the old keywords could overwrite that of newly changed ones
    perform hold_keywords();
    select array_agg(m.product_id), array_agg(m.input), array_agg(m.input_hash)
    into _ids, _inputs, _hashes
    from missing_embeddings(product_ids, _space.name) as m;
    if _ids is null then
        return 0;
    end if;
    return put_embeddings(_space.name, _ids, _hashes, (
        select array_agg(e.embedding order by e.ordinal) from embed_all(_inputs) as e));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- find_generations(stage, model, prompt_version, input_hashes) → the stored answers to these inputs.
-- ---------------------------------------------------------------------------------------------
create or replace function find_generations(
    stage text, model text, prompt_version text, input_hashes bytea[]
) returns table (input_hash bytea, output jsonb)
language sql stable security invoker
set search_path from current
as $func$
    select g.input_hash, g.output
    from generations as g
    where g.stage = find_generations.stage
        and g.model = find_generations.model
        and g.prompt_version = find_generations.prompt_version
        and g.input_hash = any (input_hashes);
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_generations(generations) → how many were new. generations: a jsonb array of {stage, input_hash
-- (hex), provider, model, prompt_version, output, input_tokens, cached_tokens, output_tokens, cost (USD
-- or null), seconds}. Keeps answers that are stored already.
-- ---------------------------------------------------------------------------------------------
create or replace function put_generations(generations jsonb) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _count int;
    _good boolean;
begin
    with put as (
        insert into generations as g (
            stage, input_hash, provider, model, prompt_version, output,
            input_tokens, cached_tokens, output_tokens, cost, seconds)
        select name_or_null(r.stage), case when length(r.input_hash) between 2 and 128
                                            then decode(r.input_hash, 'hex') end,
               name_or_null(r.provider), name_or_null(r.model), name_or_null(r.prompt_version),
               r.output, coalesce(r.input_tokens, 0), coalesce(r.cached_tokens, 0),
               coalesce(r.output_tokens, 0), r.cost, r.seconds
        from jsonb_to_recordset(put_generations.generations) as r (
            stage text, input_hash text, provider text, model text, prompt_version text,
            output jsonb, input_tokens int, cached_tokens int, output_tokens int, cost numeric,
            seconds real)
        order by r.stage, r.input_hash
        on conflict (stage, input_hash, model, prompt_version) do nothing
        returning g.input_tokens, g.cached_tokens, g.output_tokens, g.cost, g.seconds
    )
    select count(*), bool_and(least(p.input_tokens, p.cached_tokens, p.output_tokens) >= 0
                              and (p.cost >= 0 and p.cost < 1000000) is not false
                              and (p.seconds >= 0 and p.seconds < 1000000) is not false)
    into _count, _good
    from put as p;
    if not _good then
        raise data_exception;
    end if;
    return _count;
exception when data_exception or integrity_constraint_violation then
    -- which row it was is looked for only now
    perform check_rows('generations', put_generations.generations,
        '{"stage": "name!", "input_hash": "hex!", "provider": "name!",
         "model": "name!", "prompt_version": "name!", "output": "any!",
         "input_tokens": "count", "cached_tokens": "count",
         "output_tokens": "count", "cost": "amount", "seconds": "amount"}');
    raise;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- drop_answers(stage, model, before, dry_run) → answers: how many stored answers it dropped; usd: their
-- cost, if known; unpriced: how many have no known price. A null filter is ignored; before: answers
-- stored earlier. With dry_run it only counts them. Products keep their results; asking again costs
-- again. The spend stays known, so budgets stay as they are: a row keeps its tokens and cost, without
-- its output, under a key that no request uses. Only for the owner of the schema.
-- ---------------------------------------------------------------------------------------------
create or replace function drop_answers(
    stage text default null, model text default null, before timestamptz default null,
    dry_run boolean default false
) returns table (answers bigint, usd numeric, unpriced bigint)
language sql volatile security invoker
set search_path from current
as $func$
    with found as materialized (
        select g.id, g.cost
        from generations as g
        where g.output <> 'null'
            and (drop_answers.stage is null or g.stage = drop_answers.stage)
            and (drop_answers.model is null or g.model = drop_answers.model)
            and (before is null or g.created_at < before)
        for update
    ),
    dropped as (
        update generations as g set
            output = 'null',
            input_hash = sha256(g.input_hash || convert_to('dropped ' || g.id, 'utf8'))
        from found as f
        where g.id = f.id and dry_run is not true
    )
    select count(*), coalesce(sum(f.cost), 0), count(*) filter (where f.cost is null)
    from found as f;
$func$;

-- ---------------------------------------------------------------------------------------------
-- drop_unused(images) → how many of these thumbnails it deleted: those that no product has any more.
-- It skips thumbnails that a worker is about to use: put_images locks them.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.drop_unused(images bytea[]) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _unused bytea[];
    _count int;
begin
    select array_agg(u.sha256) into _unused
    from (
        select i.sha256 from images as i
        where i.sha256 = any (drop_unused.images)
            and not exists (select from products as p where p.image_sha256 = i.sha256)
            and not exists (select from product_images as o where o.image_sha256 = i.sha256)
        for update of i skip locked
    ) as u;
    -- check again, now that they are locked: a reference may be newer than the first check
    delete from images as i
    where i.sha256 = any (_unused)
        and not exists (select from products as p where p.image_sha256 = i.sha256)
        and not exists (select from product_images as o where o.image_sha256 = i.sha256);
    get diagnostics _count = row_count;
    return _count;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- collect_images(k) → how many thumbnails without a product it deleted, at most k.
-- ---------------------------------------------------------------------------------------------
create or replace function collect_images(k int default 10000) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    perform check_k(k, 0, 2147483647);
    return drop_unused(array(
        select i.sha256 from images as i
        where not exists (select from products as p where p.image_sha256 = i.sha256)
            and not exists (select from product_images as o where o.image_sha256 = i.sha256)
        limit k));
end
$func$;
