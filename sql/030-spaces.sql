-- ---------------------------------------------------------------------------------------------
-- create_space(name, provider, model, modality, dimensions, threshold, weight, state) → its id.
-- A space with its partitions: a vector of other dimensions is refused, and storage is plain, as
-- scans read the heap. Its HNSW indexes are made by index_spaces, once there is something in it.
-- Raises unique_violation for a name that is taken, check_violation for dimensions beyond 4000.
-- ---------------------------------------------------------------------------------------------
create or replace function create_space(
    name text, provider text, model text, modality text, dimensions int,
    threshold real default 0.6, weight real default 1, state text default 'building'
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space int;
    _parent text;
    _part text;
begin
    insert into spaces as s (name, provider, model, modality, dimensions, threshold, weight, state)
    values (create_space.name, create_space.provider, create_space.model, create_space.modality,
            create_space.dimensions, create_space.threshold, create_space.weight,
            create_space.state)
    returning s.id into _space;
    foreach _parent in array array['product_embeddings', 'keyword_embeddings'] loop
        continue when create_space.modality = 'image' and _parent = 'keyword_embeddings';
        _part := format('%s_%s', _parent, _space);
        execute format('create table %I partition of %I for values in (%s)',
                       _part, _parent, _space);
        execute format('alter table %I alter embedding set storage plain,'
                       ' add constraint %I check (vector_dims(embedding) = %s)',
                       _part, _part || '_dimensions', dimensions);
    end loop;
    return _space;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- index_spaces(at_least) → how many HNSW indexes it made: of partitions that have none and hold at least
-- `at_least` numbers (rows × dimensions). Filling first and indexing then is several times quicker than
-- the other way round; searches are right, and exact, without. Only the owner may.
-- ---------------------------------------------------------------------------------------------
create or replace function index_spaces(at_least bigint default 1) returns int
language plpgsql volatile security invoker
set search_path from current
set maintenance_work_mem = '512MB'
as $func$
declare
    _part record;
    _rows bigint;
    _made int := 0;
begin
    -- two workers that finish together would both find the index missing
    perform pg_advisory_xact_lock(hashtext('vitrina.index_spaces'));
    for _part in
        select c.relname as name, s.dimensions
        from spaces as s
        cross join unnest(array['product_embeddings', 'keyword_embeddings']) as p (name)
        join pg_class as c on c.relnamespace = 'vitrina'::regnamespace
            and c.relname = p.name || '_' || s.id
        where not exists (
            select from pg_indexes as i
            where i.schemaname = 'vitrina' and i.indexname = c.relname || '_hnsw')
        order by s.id, c.relname
    loop
        execute format('select count(*) from %I', _part.name) into _rows;
        if _rows > 0 and _rows * _part.dimensions >= at_least then
            execute format('create index if not exists %I on %I using hnsw'
                           ' ((embedding::halfvec(%s)) halfvec_cosine_ops)',
                           _part.name || '_hnsw', _part.name, _part.dimensions);
            _made := _made + 1;
        end if;
    end loop;
    return _made;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- drop_space(name): the space, its embeddings and its cached queries; fast, one table a drop.
-- Raises VT003 where there is no such space and VT004 where it is the active one.
-- ---------------------------------------------------------------------------------------------
create or replace function drop_space(name text) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces;
begin
    select s.* into _space from spaces as s where s.name = drop_space.name for update;
    if not found then
        raise exception 'there is no space %', quote_ident(drop_space.name) using errcode = 'VT003';
    end if;
    if _space.state = 'active' then
        raise exception 'the space % is in use', quote_ident(drop_space.name)
            using errcode = 'VT004', hint = 'make another one active first: vitrina.use_space(name)';
    end if;
    execute format('drop table if exists %I, %I',
                   'product_embeddings_' || _space.id, 'keyword_embeddings_' || _space.id);
    delete from spaces as s where s.id = _space.id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- use_space(name): make it the active space of its modality, and the one before it retired.
-- Raises VT003 where there is no such space.
-- ---------------------------------------------------------------------------------------------
create or replace function use_space(name text) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces;
begin
    select s.* into _space from spaces as s where s.name = use_space.name;
    if not found then
        raise exception 'there is no space %', quote_ident(use_space.name) using errcode = 'VT003';
    end if;
    update spaces as s set state = 'retired'
    where s.modality = _space.modality and s.state = 'active' and s.id <> _space.id;
    update spaces as s set state = 'active' where s.id = _space.id and s.state <> 'active';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _active_space(modality) → the row of `spaces` in use for 'text' or 'image'; null without one.
-- ---------------------------------------------------------------------------------------------
create or replace function _active_space(modality text) returns spaces
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select s from spaces as s where s.modality = _active_space.modality and s.state = 'active';
$func$;
