-- Filling and indexing a space beside the space in use.

-- ---------------------------------------------------------------------------------------------
-- index_pays(rows, dimensions): whether an HNSW index is faster than reading every vector. Reading
-- 10 MB of vectors takes about as long as walking the graph, and is exact.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.index_pays(rows float8, dimensions int) returns boolean
language sql immutable parallel safe
return rows * dimensions > 5e6;

-- ---------------------------------------------------------------------------------------------
-- space_indexes(space) → the index that each partition of a space should have; of all spaces without
-- a name. Its name, its `definition` (the text after `create index NAME`), the rows it covers,
-- whether it pays, the memory of its graph in bytes, and its state: null (missing), 'invalid' (a
-- build failed), 'building', 'ready'. `other`: an index of the other kind, left over.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.space_indexes(space text default null)
returns table (
    space_id int, part text, name text, definition text, rows bigint, pays boolean, memory bigint,
    state text, other text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    for space_id, part, name, other, definition, memory, pays in
        select s.id, c.relname,
               c.relname || case when k.bits then '_hnsw_bits' else '_hnsw' end,
               (select o.relname from pg_class as o
                where o.relnamespace = c.relnamespace
                    and o.relname = c.relname || case when k.bits then '_hnsw' else '_hnsw_bits' end),
               -- ef_construction: 64, the default, finds 92 of the 100 nearest for hard queries
               -- among 100,000 at 256 dimensions, 200 finds 98, for twice the time of a build
               format(case when k.bits
                           then 'on vitrina.%1$I using hnsw'
                                ' ((@vector@.binary_quantize(embedding)::bit(%2$s)) @vector@.bit_hamming_ops)'
                                ' with (ef_construction = 200)'
                           else 'on vitrina.%1$I using hnsw'
                                ' ((embedding::@vector@.halfvec(%2$s)) @vector@.halfvec_cosine_ops)'
                                -- keywords are inserted singly, and also searched exactly
                                || case when p.parent <> 'keyword_embeddings'
                                   then ' with (ef_construction = 200)' else '' end end,
                      c.relname, s.dimensions),
               -- measured: about 1 kB of neighbours beside each vector
               case when k.bits then s.dimensions / 8 else s.dimensions * 2 end + 1000,
               null
        from spaces as s
        cross join unnest(array['product_embeddings', 'keyword_embeddings', 'picture_embeddings']) as p (parent)
        cross join lateral (
            select s.quantized and p.parent = 'product_embeddings' as bits) as k
        join pg_class as c on c.relnamespace = 'vitrina'::regnamespace
            and c.relname = p.parent || '_' || s.id
        where space_indexes.space is null or s.name = space_indexes.space
        order by s.id, c.relname desc
    loop
        -- through the parent: roles may read that table
        execute format('select count(*) from %I as e where e.space_id = $1',
                       regexp_replace(part, '_\d+$', '')) into rows using space_id;
        select index_pays(rows, s.dimensions) into pays from spaces as s where s.id = space_id;
        memory := rows * memory;
        state := (
            select case when i.indisvalid then 'ready'
                        when exists (select from pg_stat_progress_create_index as r
                                     where r.index_relid = i.indexrelid) then 'building'
                        else 'invalid' end
            from pg_index as i
            join pg_class as c on c.oid = i.indexrelid
            where c.relnamespace = 'vitrina'::regnamespace and c.relname = name);
        return next;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- index_statements(space, at_least, most_memory) → the statements that index a space, to run in this
-- order and each outside of a transaction; no rows if it has its indexes or they would not pay.
-- They also analyze a table filled since its last analyze, as the planner takes it for empty, and
-- drop and rebuild an index left by a failed build. at_least: index from this many numbers (rows ×
-- dimensions); null: where it pays. memory: the maintenance_work_mem to set before, in kB: the size
-- of the graph, at most `most_memory` kB; a build with less takes several times as long. Raises
-- VT003 if the space is not found.
-- ---------------------------------------------------------------------------------------------
create or replace function index_statements(
    space text, at_least bigint default null, most_memory int default 1048576
) returns table (name text, rows bigint, memory int, statement text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    perform named_space(index_statements.space);
    return query
    select i.name, i.rows,
           greatest(pg_size_bytes(current_setting('maintenance_work_mem')) / 1024,
                    least(i.memory / 1024 + 1024, most_memory))::int,
           t.statement
    from (select x.*, s.dimensions,
                 case when index_statements.at_least is null then x.pays
                      else x.rows > 0 and x.rows * s.dimensions >= index_statements.at_least end as due
          from space_indexes(space) as x
          join spaces as s on s.id = x.space_id) as i
    cross join lateral (values
        (0, format('vacuum (analyze) vitrina.%I', i.part), i.rows > 1000 and 0.9 * i.rows > (
            select c.reltuples from pg_class as c where c.oid = i.part::regclass)),
        (1, format('drop index concurrently if exists vitrina.%I', i.name), i.state = 'invalid'),
        (2, format('create index concurrently if not exists %I %s', i.name, i.definition),
         i.due and (i.state is null or i.state = 'invalid')),
        (3, format('drop index concurrently if exists vitrina.%I', coalesce(i.other, '')),
         i.other is not null)
    ) as t (step, statement, needed)
    where t.needed
    order by i.part desc, t.step;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- index_spaces(at_least) → how many HNSW indexes it built: for partitions without an index, where it
-- pays, or from `at_least` numbers (rows × dimensions). Filling before indexing is several times
-- faster than the reverse; searches without an index are right, and exact. Writes to a partition
-- wait meanwhile; index_statements avoids that. Only for the owner.
-- ---------------------------------------------------------------------------------------------
create or replace function index_spaces(at_least bigint default null) returns int
language plpgsql volatile security invoker
set search_path from current
set maintenance_work_mem = '512MB'
as $func$
declare
    _part record;
    _made int := 0;
begin
    -- else two workers that finish together both find the index missing
    perform pg_advisory_xact_lock(hashtext('vitrina.index_spaces'));
    for _part in
        select i.*
        from space_indexes() as i
        join spaces as s on s.id = i.space_id
        where i.rows > 0 and (i.state is null or i.state = 'invalid')
            and case when index_spaces.at_least is null then i.pays
                     else i.rows * s.dimensions >= index_spaces.at_least end
    loop
        -- `vitrina spaces build` indexes the space that it fills
        continue when not pg_try_advisory_xact_lock(
            hashtext('vitrina.build_space'), _part.space_id);
        if _part.state = 'invalid' then
            execute format('drop index if exists vitrina.%I', _part.name);
        end if;
        execute format('create index if not exists %I %s', _part.name, _part.definition);
        _made := _made + 1;
    end loop;
    return _made;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- space_status(space) → the spaces, or one: how many products and keywords have a vector in it, how
-- many should have a vector but do not, and the index over its products: 'ready', 'none' (it would
-- not pay), 'missing', 'invalid' (its build failed) or 'building'.
-- ---------------------------------------------------------------------------------------------
create or replace function space_status(space text default null)
returns table (
    name text, modality text, provider text, model text, dimensions int, threshold real,
    weight real, state text, quantized boolean, products bigint, missing_products bigint,
    keywords bigint, missing_keywords bigint, index text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces;
begin
    for _space in
        select s.* from spaces as s
        where space_status.space is null or s.name = space_status.space
        order by s.id
    loop
        return query
        select _space.name, _space.modality, _space.provider, _space.model, _space.dimensions,
               _space.threshold, _space.weight, _space.state, _space.quantized,
               i.rows, p.missing, k.keywords, w.missing,
               coalesce(i.state, case when i.pays then 'missing' else 'none' end)
        from space_indexes(_space.name) as i
        cross join lateral (
            select count(*) as missing
            from products as p
            where case when _space.modality = 'text' then p.enriched_at is not null
                       else p.image_sha256 is not null end
                and not exists (
                    select from product_embeddings as e
                    where e.space_id = _space.id and e.product_id = p.id
                        and (_space.modality <> 'joint' or e.input_hash = p.image_sha256))
        ) as p
        cross join lateral (
            select count(*) as keywords from keyword_embeddings as e where e.space_id = _space.id
        ) as k
        cross join lateral (
            select count(*) as missing
            from (
                select w.name
                from keywords as w
                where _space.modality <> 'image' and not exists (
                    select from keyword_embeddings as e
                    where e.space_id = _space.id and e.keyword_id = w.id)
                offset 0) as w
            -- a word without a known piece never has a vector in the local space
            where _space.provider <> 'local' or embed_text(w.name) is not null
        ) as w
        where i.part like 'product%';
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- stored_pictures(product_ids) → the stored pictures of these products, of all for null: position is null
-- for a product's own picture, and that of further ones.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.stored_pictures(product_ids bigint[])
returns table (product_id bigint, "position" int, image_sha256 bytea)
language sql stable security invoker
set search_path from current
as $func$
    select p.id, null::int, p.image_sha256
    from products as p
    where p.image_sha256 is not null and (product_ids is null or p.id = any (product_ids))
    union all
    select m.product_id, m.position, m.image_sha256
    from product_images as m
    join products as p on p.id = m.product_id
    where m.image_sha256 is not null and m.image is distinct from p.image
        and (product_ids is null or m.product_id = any (product_ids));
$func$;

-- ---------------------------------------------------------------------------------------------
-- missing_in_space(space) → the enriched products whose text is not embedded in this text space, or
-- has changed since; of a joint space those with a picture that is not, or has changed. Equal texts and
-- pictures come together, so that each is embedded once.
-- ---------------------------------------------------------------------------------------------
create or replace function missing_in_space(space text)
returns table (product_id bigint, input_hash bytea)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces;
begin
    select s.* into _space from spaces as s where s.name = missing_in_space.space;
    if _space.modality = 'joint' then
        return query
        -- there is a min of bytea from Postgres 18 on only
        select i.product_id, decode(min(encode(i.image_sha256, 'hex')), 'hex')
        from stored_pictures(null) as i
        left join product_embeddings as e
            on i.position is null and e.space_id = _space.id and e.product_id = i.product_id
        left join picture_embeddings as f
            on f.space_id = _space.id and f.product_id = i.product_id and f.position = i.position
        where coalesce(e.input_hash, f.input_hash) is distinct from i.image_sha256
        group by i.product_id
        order by 2, 1;
    elsif _space.modality = 'text' then
        return query
        select p.id, i.input_hash
        from products as p
        cross join lateral (
            select sha256(convert_to(embedding_input(p.keywords, p.caption), 'utf8')) as input_hash) as i
        left join product_embeddings as e on e.space_id = _space.id and e.product_id = p.id
        where p.enriched_at is not null and e.input_hash is distinct from i.input_hash
        order by i.input_hash, p.id;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- missing_pictures(product_ids, space) → (product_id, position, image_sha256, thumbnail) of the pictures of
-- these products that are not embedded in this joint space, or have changed since; position: of a
-- further picture, null for the product's own. thumbnail: the stored picture, WebP of at most 320
-- pixels: more than such models look at, so nothing is fetched again.
-- ---------------------------------------------------------------------------------------------
create or replace function missing_pictures(product_ids bigint[], space text)
returns table (product_id bigint, "position" int, image_sha256 bytea, thumbnail bytea)
language sql stable security invoker
set search_path from current
as $func$
    select i.product_id, i.position, i.image_sha256, t.thumbnail
    from stored_pictures(coalesce(product_ids, '{}')) as i
    join images as t on t.sha256 = i.image_sha256
    join spaces as s on s.name = missing_pictures.space and s.modality = 'joint'
    left join product_embeddings as e
        on i.position is null and e.space_id = s.id and e.product_id = i.product_id
    left join picture_embeddings as f
        on f.space_id = s.id and f.product_id = i.product_id and f.position = i.position
    where coalesce(e.input_hash, f.input_hash) is distinct from i.image_sha256
    order by i.product_id, i.position nulls first;
$func$;

-- ---------------------------------------------------------------------------------------------
-- missing_keyword_embeddings(space, k, after) → up to k keywords without a vector in this space, by
-- id, after the id `after`.
-- ---------------------------------------------------------------------------------------------
create or replace function missing_keyword_embeddings(
    space text, k int default 500, after bigint default 0
) returns table (id bigint, name text)
language sql stable security invoker
set search_path from current
as $func$
    select w.id, w.name
    from keywords as w
    join spaces as s on s.name = space
    where w.id > after and not exists (
        select from keyword_embeddings as e where e.space_id = s.id and e.keyword_id = w.id)
    order by w.id
    limit check_k(k);
$func$;

-- ---------------------------------------------------------------------------------------------
-- embed_keywords(space) → how many missing vectors of keywords it made in this space of the local
-- model. Raises VT004 if the vectors of the space are not made in the database.
-- ---------------------------------------------------------------------------------------------
create or replace function embed_keywords(space text) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _ids bigint[];
    _names text[];
begin
    if not exists (select from spaces as s where s.name = space and s.provider = 'local'
                   and s.modality = 'text') then
        raise exception '% is not a space of the local text model', quote_nullable(left(space, 100))
            using errcode = 'VT004', hint = 'its vectors come from its provider: `vitrina spaces build`';
    end if;
    select array_agg(m.id order by m.id), array_agg(m.name order by m.id) into _ids, _names
    from missing_keyword_embeddings(space, null) as m;
    return coalesce(put_keyword_embeddings(space, v.ids, v.embeddings), 0)
    from (
        select array_agg(_ids[e.ordinal]) as ids, array_agg(e.embedding) as embeddings
        from embed_all(_names) as e
        where e.embedding is not null
    ) as v;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- nearest_quantized(space, embedding, k, predicate, …) → like nearest_products, in a quantized space:
-- takes 4 k candidates from the index, by the Hamming distance of the signs, and orders them by
-- exact cosine distance.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.nearest_quantized(
    space spaces, embedding @vector@.halfvec, k int, predicate text default null,
    filter jsonb default null, where_path jsonpath default null, wanted bigint[] default null,
    unwanted bigint[] default null, source_ids int[] default null, operators text default null
) returns table (product_id bigint, distance float8)
language plpgsql stable security invoker
set search_path from current
set hnsw.ef_search = 400
set hnsw.iterative_scan = 'relaxed_order'
as $func$
#variable_conflict use_column
begin
    return query execute format(
        'select c.product_id, c.embedding operator(@vector@.<=>) $1 as distance
         from (select e.product_id, e.embedding
               from product_embeddings as e
               where e.space_id = %2$s and %3$s
               order by @vector@.binary_quantize(e.embedding)::bit(%1$s)
                        operator(@vector@.<~>) @vector@.binary_quantize($1)::bit(%1$s)
               limit $9) as c
         order by distance, c.product_id
         limit $2', space.dimensions, space.id, coalesce(
            'exists (select from products as p where p.id = e.product_id and ' || predicate
            || ' offset 0)', 'true'))
    using embedding, k, filter, where_path, wanted, unwanted, source_ids, operators, 4 * k;
end
$func$;
