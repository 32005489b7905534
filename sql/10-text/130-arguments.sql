-- What arguments may be: every error says which one, or which row, is wrong and what it may be.

-- ---------------------------------------------------------------------------------------------
-- check_k(k, at_least, at_most) → k, how many rows to give. Raises VT004 where it is out of range;
-- null, for all of them, is in it where at_most is null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_k(k int, at_least int default 0, at_most int default null)
returns int
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if k < at_least or k > at_most or (k is null and at_most is not null) then
        raise exception 'k must be % %, not %', at_least, coalesce('to ' || at_most, 'or more'),
            coalesce(k::text, 'null')
            using errcode = 'VT004', hint = 'how many rows to give, like 10';
    end if;
    return k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_text(argument, value, at_most): raises VT004 for a text that is not 1 to `at_most` characters.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_text(argument text, value text, at_most int default 500)
returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if length(coalesce(value, '')) not between 1 and at_most then
        raise exception '% must have 1 to % characters, not %', argument, at_most,
            coalesce(length(value)::text, 'null')
            using errcode = 'VT004', hint = 'give it a shorter text that is not empty';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_word(argument, value, words): raises VT004 if the value is not one of the words.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_word(argument text, value text, variadic words text[])
returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if value = any (words) is not true then
        raise exception '% cannot be %', argument, quote_nullable(left(value, 100))
            using errcode = 'VT004', hint = 'one of ' || array_to_string(words, ', ');
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- nearest_names(name, names, k) → the k of these names that look most like this one, nearest first: by
-- the share of pairs of letters that they have in common. None where nothing is common.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.nearest_names(name text, names text[], k int default 3)
returns text[]
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    with said as (
        select distinct substr(w.word, i.place, 2) as pair
        from (select ' ' || lower(left(name, 100)) || ' ' as word) as w
        cross join lateral generate_series(1, length(w.word) - 1) as i (place)
    ),
    others as (
        select u.name, min(u.place) as place, count(distinct p.pair) as pairs,
               count(distinct p.pair) filter (where p.pair in (select s.pair from said as s)) as shared
        from unnest(names) with ordinality as u (name, place)
        cross join lateral (select ' ' || lower(left(u.name, 100)) || ' ' as word) as w
        cross join lateral (select substr(w.word, i.place, 2) as pair
                            from generate_series(1, length(w.word) - 1) as i (place)) as p
        group by u.name
    )
    select coalesce(array_agg(n.name order by n.likeness desc, n.place), '{}')
    from (
        select o.name, o.place, o.shared * 2.0 / (o.pairs + (select count(*) from said)) as likeness
        from others as o
        where o.shared > 0
        order by likeness desc, o.place
        limit k
    ) as n
    where n.likeness > 0.2;
$func$;

-- ---------------------------------------------------------------------------------------------
-- nearest_hint(name, names, otherwise) → a hint for an unknown name: the nearest names, else the first,
-- else a text for when there are none.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.nearest_hint(name text, names text[], otherwise text) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case
        when n.near <> '{}' then 'nearest: ' || array_to_string(n.near, ', ')
        when names <> '{}' then 'there are: ' || array_to_string(names[:5], ', ')
            || case when cardinality(names) > 5 then ' …' else '' end
        else otherwise end
    from (select nearest_names(name, names) as near) as n;
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_lease(lease): raises VT004 where no time can be added to now.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_lease(lease interval) returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if lease between '-1 year' and '1 year' is not true then
        raise exception 'a lease is a year at most, not %', coalesce(lease::text, 'null')
            using errcode = 'VT004', hint = 'like ''10 minutes''';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_list(argument, items): raises VT004 for an array of arrays, or one with a null in it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_list(argument text, items text[]) returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if array_ndims(items) > 1 or array_position(items, null) is not null then
        raise exception '% must be a plain list without nulls', argument
            using errcode = 'VT004', hint = 'like ''{a,b}''';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- name_or_null(said) → a text of 1 to 500 characters, or null: what no column takes that must be there.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.name_or_null(said text) returns text
language sql immutable parallel safe
return case when length(said) between 1 and 500 then said end;

-- ---------------------------------------------------------------------------------------------
-- too_many(argument, count, at_most): raises VT004; called where a list is longer than that.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.too_many(argument text, count int, at_most int) returns text[]
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
begin
    raise exception '% takes % items at most, not %', argument, at_most, count
        using errcode = 'VT004', hint = 'give them in parts';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_readable(value) → whether programs can read this JSON: it nests less than 500 deep, and its numbers are
-- those of double precision. Postgres takes more, and what a worker cannot read it would claim for ever.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_readable(value jsonb) returns boolean
language sql immutable parallel safe
return not jsonb_path_exists(value, 'strict $.**{500 to last}')
    and not jsonb_path_exists(value, 'strict $.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308))');

-- ---------------------------------------------------------------------------------------------
-- is_pictures(value), is_variants(value) → whether these are the pictures, or variants, of a product.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_pictures(value jsonb) returns boolean
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case when jsonb_typeof(value) <> 'array' or octet_length(value::text) > 4194304 then false
    else not exists (
        select from jsonb_array_elements(value) as i (item)
        where jsonb_typeof(i.item -> 'image') is distinct from 'string' or i.item ->> 'image' = ''
            or i.item ->> 'role' not in ('main', 'further', 'variant')) end;
$func$;

create or replace function vitrina_internal.is_variants(value jsonb) returns boolean
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case when jsonb_typeof(value) <> 'array' or octet_length(value::text) > 4194304 then false
    else not exists (
        select from jsonb_array_elements(value) as i (item)
        where jsonb_typeof(i.item) <> 'object'
            or jsonb_typeof(i.item -> 'attributes') not in ('object', 'null')
            or not is_readable(i.item -> 'attributes')
            or jsonb_typeof(i.item -> 'codes') not in ('array', 'null')
            or jsonb_path_exists(
                i.item, 'strict $.codes[*] ? (@.type() == "object" || @.type() == "array")', '{}', true)
            or exists (select from unnest(array['sku', 'title', 'image']) as k (key)
                       where jsonb_typeof(i.item -> k.key) in ('object', 'array'))) end;
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_rows(argument, rows, keys): raises VT004 if this is not an array of objects with these keys,
-- and names the first row at fault. keys: a jsonb object, each key with its kind (see below); with a
-- "!" behind it the key must be there, otherwise it may be missing or null. "a|b": one of these words.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_rows(argument text, rows jsonb, keys jsonb) returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _kinds constant jsonb := '{
        "text": "a text of 1 MB at most", "name": "a text of 1 to 500 characters",
        "title": "a text of 1 to 2000 characters", "count": "a whole number from 0 to 2147483647",
        "size": "a whole number from 1 to 2147483647",
        "id": "a whole number from 0 to 9223372036854775807",
        "amount": "a number from 0 to 999999", "object": "a JSON object, less than 500 deep, with numbers below 1e308",
        "objects": "an array of JSON objects", "texts": "an array of texts",
        "any": "a JSON value", "sha256": "64 hexadecimal digits",
        "hex": "hexadecimal digits, two a byte, 64 bytes at most", "bits": "64 binary digits",
        "layout": "192 whole numbers of at most three digits, like [1,-2,…]",
        "base64": "base64",
        "pictures": "an array of objects with an image and its role: main, further or variant",
        "variants": "an array of objects with sku, title, codes, image and attributes"}';
    _bad record;
begin
    if jsonb_typeof(rows) <> 'array' then
        raise exception '% must be a JSON array of objects, not %', argument, left(rows::text, 60)
            using errcode = 'VT004',
            hint = format('each with: %s', (select string_agg(k.key, ', ') from jsonb_each(keys) as k));
    end if;
    select r.place, r.row, k.key, rtrim(k.kind, '!') as kind into _bad
    from jsonb_array_elements(rows) with ordinality as r (row, place)
    left join jsonb_each_text(keys) as k (key, kind) on jsonb_typeof(r.row) = 'object'
    cross join lateral (select r.row -> k.key as value, r.row ->> k.key as said) as v
    where case
        when jsonb_typeof(r.row) <> 'object' then true
        when k.key is null then false
        when v.said is null then right(k.kind, 1) = '!'
        else not case rtrim(k.kind, '!')
            when 'any' then true
            when 'object' then jsonb_typeof(v.value) = 'object' and is_readable(v.value)
            when 'objects' then jsonb_typeof(v.value) = 'array'
                and not jsonb_path_exists(v.value, 'strict $[*] ? (@.type() != "object")')
            when 'texts' then jsonb_typeof(v.value) = 'array'
                and not jsonb_path_exists(
                    v.value, 'strict $[*] ? (@.type() == "object" || @.type() == "array")')
            when 'pictures' then is_pictures(v.value)
            when 'variants' then is_variants(v.value)
            else jsonb_typeof(v.value) in ('string', 'number', 'boolean')
                and case rtrim(k.kind, '!')
                    when 'text' then octet_length(v.said) <= 1048576
                    when 'name' then length(v.said) between 1 and 500
                    when 'title' then length(v.said) between 1 and 2000
                    when 'count' then case when v.said ~ '^\d{1,10}$'
                                           then v.said::numeric <= 2147483647 else false end
                    when 'size' then case when v.said ~ '^\d{1,10}$'
                                          then v.said::numeric between 1 and 2147483647 else false end
                    when 'id' then case when v.said ~ '^\d{1,19}$'
                                        then v.said::numeric <= 9223372036854775807 else false end
                    when 'amount' then v.said ~ '^\d{1,6}(\.\d{1,40})?$|^\d(\.\d{1,40})?[eE]-\d{1,2}$'
                    when 'sha256' then length(v.said) = 64 and v.said !~ '[^0-9a-fA-F]'
                    when 'hex' then length(v.said) between 2 and 128 and length(v.said) % 2 = 0
                        and v.said !~ '[^0-9a-fA-F]'
                    when 'bits' then length(v.said) = 64 and v.said !~ '[^01]'
                    when 'layout' then v.said ~ '^\[-?\d{1,3}(,-?\d{1,3}){191}\]$'
                    when 'base64' then v.said ~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$'
                    else v.said = any (string_to_array(rtrim(k.kind, '!'), '|')) end
            end
        end
    limit 1;
    if not found then
        return;
    end if;
    raise exception 'row % of %', _bad.place, argument || coalesce(' (' || left(coalesce(
            _bad.row ->> 'external_id', _bad.row ->> 'product_id', _bad.row ->> 'custom_id',
            _bad.row ->> 'sha256', _bad.row ->> 'input_hash'), 60) || ')', '') || case
        when _bad.key is null then ' must be a JSON object, not ' || left(_bad.row::text, 60)
        else format(': its %s must be %s, not %s', _bad.key,
                    coalesce(_kinds ->> _bad.kind, 'one of ' || replace(_bad.kind, '|', ', ')),
                    coalesce(left((_bad.row -> _bad.key)::text, 60), 'missing')) end
        using errcode = 'VT004', hint = 'mend this row or leave it out; nothing was written';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_embeddings(what, space, ids, embeddings): raises VT004 where the arrays differ in length, or
-- a vector has other dimensions than the space or is all zero: cosine is undefined there.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_embeddings(
    what text, space spaces, ids bigint[], embeddings @vector@.halfvec[]
) returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _bad record;
begin
    if cardinality(ids) is distinct from cardinality(embeddings) then
        raise exception '% ids and embeddings must be of one length', what
            using errcode = 'VT004', hint = 'give one embedding per id';
    end if;
    select u.id, @vector@.vector_dims(u.embedding) as dimensions into _bad
    from unnest(ids, embeddings) as u (id, embedding)
    where @vector@.vector_dims(u.embedding) <> space.dimensions or @vector@.l2_norm(u.embedding) = 0
    limit 1;
    if _bad.dimensions <> space.dimensions then
        raise exception 'the embedding of % % has % dimensions, the space % has %', what, _bad.id,
            _bad.dimensions, space.name, space.dimensions
            using errcode = 'VT004', hint = 'give vectors of the model that the space is for';
    elsif found then
        raise exception 'the embedding of % % is all zero', what, _bad.id
            using errcode = 'VT004', hint = 'leave it out: it has no direction to compare';
    end if;
end
$func$;
