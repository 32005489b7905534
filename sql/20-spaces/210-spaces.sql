-- Creating, switching and dropping spaces. One space is in use for texts, one for pictures.

-- ---------------------------------------------------------------------------------------------
-- create_space(name, provider, model, modality, dimensions, threshold, weight, state, quantized, settings) →
-- its id. modality: text, image, or joint: of a model that embeds pictures and words alike, by which
-- words find pictures. settings: a JSON object that its provider reads. Creates a space with its
-- partitions: they refuse vectors of other dimensions, and their storage is plain, as scans read the heap. Its indexes are built once it has enough vectors: see
-- index_statements. quantized: index the vectors' signs, 16 times smaller. Searches continue
-- meanwhile. Raises VT004 for a wrong argument, before anything is created.
-- ---------------------------------------------------------------------------------------------
create or replace function create_space(
    name text, provider text, model text, modality text, dimensions int,
    threshold real default 0.6, weight real default 1, state text default 'building',
    quantized boolean default false, settings jsonb default '{}'
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space int;
    _parent text;
    _part text;
begin
    perform check_space(name, provider, model, modality, dimensions, threshold);
    perform check_word('state', state, 'building', 'active', 'retired'),
            check_word('quantized', quantized::text, 'true', 'false');
    if jsonb_typeof(settings) is distinct from 'object' then
        raise exception 'settings must be a JSON object, not %', coalesce(left(settings::text, 100), 'null')
            using errcode = 'VT004', hint = 'give ''{}'' for none';
    end if;
    if modality = 'joint' and provider = 'local' then
        raise exception 'the provider local has no joint model' using errcode = 'VT004',
            hint = 'fastembed runs one on this machine: vitrina spaces add NAME --provider fastembed …';
    end if;
    if weight between 0 and 1000 is not true then
        raise exception 'the weight of a space must be 0 to 1000, not %', coalesce(weight::text, 'null')
            using errcode = 'VT004', hint = '1 is the usual weight';
    end if;
    -- the tables that attaching a partition locks, in the order in which workers lock them
    lock table keywords, products in share row exclusive mode;
    lock table spaces in share row exclusive mode;
    if exists (select from spaces as s where s.name = create_space.name) then
        raise exception 'space % exists already', quote_literal(name) using errcode = 'VT004',
            hint = 'choose another name, or drop that space: vitrina spaces drop NAME';
    end if;
    insert into spaces as s (
        name, provider, model, modality, dimensions, threshold, weight, state, quantized, settings)
    values (create_space.name, create_space.provider, create_space.model, create_space.modality,
            create_space.dimensions, create_space.threshold, create_space.weight,
            create_space.state, create_space.quantized, create_space.settings)
    returning s.id into _space;
    foreach _parent in array array['keyword_embeddings', 'product_embeddings', 'picture_embeddings'] loop
        continue when create_space.modality = 'image' and _parent = 'keyword_embeddings'
            or create_space.modality = 'text' and _parent = 'picture_embeddings';
        _part := format('%s_%s', _parent, _space);
        -- created alone, then attached: `partition of` would block every search
        execute format('create table %I (like %I including defaults,'
                       ' constraint %I check (@vector@.vector_dims(embedding) = %s),'
                       ' constraint %I check (space_id = %s))', _part, _parent,
                       _part || '_dimensions', dimensions, _part || '_space', _space);
        execute format('alter table %I alter embedding set storage plain', _part);
        execute format('alter table %I attach partition %I for values in (%s)',
                       _parent, _part, _space);
        execute format('alter table %I drop constraint %I', _part, _part || '_space');
        perform describe_partition(_part::regclass);
    end loop;
    return _space;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- describe_partition(partition): gives it and its columns the comments of the table that it is a part of.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.describe_partition(partition regclass) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _said record;
begin
    for _said in
        select a.attname as name, d.description as text
        from pg_inherits as i
        join pg_description as d on d.objoid = i.inhparent and d.classoid = 'pg_class'::regclass
        left join pg_attribute as a on a.attrelid = i.inhparent and a.attnum = d.objsubid and d.objsubid > 0
        where i.inhrelid = partition
    loop
        execute format('comment on %s is %L', case when _said.name is null then format('table %s', partition)
            else format('column %s.%I', partition, _said.name) end, _said.text);
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_space(…): raises VT004 if a space cannot have these settings, saying what to do.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_space(
    name text, provider text, model text, modality text, dimensions int, threshold real
) returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if coalesce(name !~ '^[a-z0-9][a-z0-9._-]{0,99}$', true) then
        raise exception '% cannot be the name of a space', quote_nullable(left(name, 100))
            using errcode = 'VT004', hint = 'a-z, 0-9, ".", "_" and "-", at most 100 of them';
    end if;
    if coalesce(btrim(provider), '') = '' or coalesce(btrim(model), '') = '' then
        raise exception 'a space needs a provider and a model' using errcode = 'VT004',
            hint = 'name the provider and the model of its vectors';
    end if;
    if coalesce(modality not in ('text', 'image', 'joint'), true) then
        raise exception 'the modality must be text, image or joint, not %', quote_nullable(left(modality, 100))
            using errcode = 'VT004', hint = 'text for descriptions of products, image for their pictures, joint for both by one model';
    end if;
    if coalesce(dimensions not between 1 and 4000, true) then
        raise exception 'a space must have 1 to 4000 dimensions, not %', dimensions using errcode = 'VT004',
            hint = 'an index has no more: ask the model for shortened vectors (its parameter "dimensions")';
    end if;
    if coalesce(threshold not between 0 and 1, true) then
        raise exception 'the threshold must be a cosine from 0 to 1, not %', threshold
            using errcode = 'VT004', hint = 'like 0.6: above it two terms are one keyword';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- named_space(name) → the row of `spaces` with this name. Raises VT003 for another name, with the nearest.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.named_space(name text) returns spaces
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _space spaces;
begin
    select s.* into _space from spaces as s where s.name = named_space.name;
    if not found then
        raise exception 'space % not found', quote_nullable(left(name, 100)) using errcode = 'VT003',
            hint = nearest_hint(name, array(select s.name from spaces as s order by s.id),
                                'see: select * from vitrina.space_status()');
    end if;
    return _space;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- drop_space(name): drops the space, its embeddings and its cached queries; fast, as each is a table.
-- Raises VT003 if the space is not found, VT004 if it is active or if long searches keep it
-- locked.
-- ---------------------------------------------------------------------------------------------
create or replace function drop_space(name text) returns void
language plpgsql volatile security invoker
set search_path from current
set lock_timeout = '5s' -- new searches wait behind this lock
as $func$
declare
    _space spaces;
begin
    -- locked first: what is looked up then stays so
    perform from spaces as s where s.name = drop_space.name for update;
    _space := named_space(name);
    if _space.state = 'active' then
        raise exception 'space % is in use', quote_literal(drop_space.name)
            using errcode = 'VT004',
            hint = 'activate another space first: vitrina spaces activate NAME';
    end if;
    execute format('drop table if exists %I, %I, %I',
                   'keyword_embeddings_' || _space.id, 'product_embeddings_' || _space.id,
                   'picture_embeddings_' || _space.id);
    delete from spaces as s where s.id = _space.id;
exception when lock_not_available then
    raise exception 'space % could not be dropped: long-running statements keep it locked',
        quote_literal(drop_space.name) using errcode = 'VT004', hint = 'try again in a while';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- use_space(name): makes it the active space for texts, or for pictures (an image space or a joint one), and
-- retires the space before it, even if vectors are missing in it; see activate_space. A statement sees one space or the other, never
-- both. Raises VT003 if the space is not found.
-- ---------------------------------------------------------------------------------------------
create or replace function use_space(name text) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces := named_space(name);
begin
    -- concurrent switches take turns: the second sees the result of the first
    perform from spaces as s where (s.modality = 'text') = (_space.modality = 'text') order by s.id for update;
    update spaces as s set state = 'retired'
    where (s.modality = 'text') = (_space.modality = 'text') and s.state = 'active' and s.id <> _space.id;
    update spaces as s set state = 'active' where s.id = _space.id and s.state <> 'active';
    perform measure_background(use_space.name, true);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- activate_space(name, force) → the name of the previously active space, if any; activate that one
-- to go back. Like use_space, but raises VT004 if products or keywords have no vector in the space,
-- or an index is missing, saying how many; not with `force`. A product whose picture cannot be had
-- again (its job failed) does not count. VT003 if the space is not found.
-- ---------------------------------------------------------------------------------------------
create or replace function activate_space(name text, force boolean default false) returns text
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _status record;
    _before text;
    _hopeless bigint := 0;
begin
    perform named_space(name);
    select t.* into _status from space_status(activate_space.name) as t;
    if not force and _status.modality <> 'text' and _status.missing_products > 0 then
        select count(*) into _hopeless
        from products as p
        join jobs as j on j.product_id = p.id and j.state = 'failed'
        where p.image_sha256 is not null and not exists (
            select from product_embeddings as e
            join spaces as s on s.id = e.space_id
            where s.name = activate_space.name and e.product_id = p.id);
    end if;
    if not force and (_status.missing_products > _hopeless or _status.missing_keywords > 0
                      or _status.index in ('missing', 'invalid')) then
        raise exception 'space % is not complete: % of % products and % have no vector%',
            quote_literal(name), _status.missing_products,
            _status.missing_products + _status.products,
            _status.missing_keywords || case _status.missing_keywords when 1 then ' keyword' else ' keywords' end,
            case when _status.index in ('missing', 'invalid') then ', and its index is not built'
                 else '' end
            using errcode = 'VT004',
            hint = format('vitrina spaces build %s, or activate it with --force', name);
    end if;
    select s.name into _before
    from spaces as s
    where (s.modality = 'text') = (_status.modality = 'text') and s.state = 'active'
        and s.name <> activate_space.name;
    perform use_space(activate_space.name);
    return _before;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_in_spaces(in_spaces): raises VT003 for an unknown space, and names the nearest; VT004 for two for texts, or
-- two for pictures.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_in_spaces(in_spaces text[]) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    perform check_list('in_spaces', in_spaces);
    perform named_space(u.name) from unnest(in_spaces) as u (name);
    if exists (select from spaces as s where s.name = any (in_spaces) group by s.modality = 'text' having count(*) > 1) then
        raise exception 'a search is in one space for texts and one for pictures, not in %',
            left(array_to_string(in_spaces, ', '), 200) using errcode = 'VT004', hint = 'compare them one after the other';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- space_to_search(modality, in_spaces) → for 'text' or 'image' the space among these, or the active one.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.space_to_search(modality text, in_spaces text[]) returns spaces
language sql stable security invoker
set search_path from current
as $func$
    select s
    from spaces as s
    where (s.modality = 'text') = (space_to_search.modality = 'text')
        and (s.state = 'active' or s.name = any (in_spaces))
    order by coalesce(s.name = any (in_spaces), false) desc
    limit 1;
$func$;

-- ---------------------------------------------------------------------------------------------
-- active_space(modality) → the active row of `spaces` for 'text', or for 'image': an image space or a joint
-- one; or null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.active_space(modality text) returns spaces
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select s from spaces as s where (s.modality = 'text') = (active_space.modality = 'text') and s.state = 'active';
$func$;
