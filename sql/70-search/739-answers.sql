-- The answers to a query: all products above a floor of relevance, in no order.

-- ---------------------------------------------------------------------------------------------
-- possible_texts(demand, min_relevance) → what the text of a product matches if by_text can be as much as
-- this: what the kind of thing wanted is known by; and of so many units, the rarest first, that without
-- all of them too little of the query is left. Null if nothing is.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.possible_texts(demand demand, min_relevance real) returns tsquery
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _n int := cardinality(demand.labels);
    -- the inverse of by_text for a product that is not, and does not mention, what is wanted
    _least float8 := case when demand.head is null then power(min_relevance, 1 / 1.6) else min_relevance / 0.4 end;
    _all int := (1 << _n) - 1;
    _lacks int := 0;
    _covered float8[];
    _share float8;
    _unit int;
    _texts tsquery[] := '{}';
begin
    if _n is null then
        return null;
    end if;
    if demand.head is not null then
        -- those by which read_demand takes a product for it, or for one that mentions it
        _texts := array[demand.texts[_n + 1], demand.texts[_n + 3], demand.texts[_n + 5]] || demand.texts[_n + 7:];
    end if;
    for _i in 1 .. _n loop
        execute format('select %s from (select $1 as lacks) as m', demand.covered)
        into _share
        using _all & ~(1 << (_i - 1));
        _covered := _covered || coalesce(_share, 0);
    end loop;
    _share := 1;
    for _unit in select u.place from unnest(_covered) with ordinality as u (share, place) order by u.share desc loop
        exit when _share + 1e-6 < _least;
        _share := _share - _covered[_unit];
        _texts := _texts || demand.texts[_unit];
    end loop;
    return (select string_agg('(' || t.text::text || ')', ' | ')::tsquery
            from unnest(_texts) as t (text) where numnode(t.text) > 0);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- judged_texts(demand, unless, said) → a query: `m` with the id, head, lacks and covered of the products of
-- `%s`, a condition over `product_text as t`; see read_demand. unless: a condition over `t.head`; where it is
-- met, what the product lacks is not looked at. said: another condition over them, which it tells.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.judged_texts(
    demand demand, unless text default 'false', said text default 'true'
) returns text
language sql immutable parallel safe
return format(
    -- one after the other, for each refers to the one before more than once
    'select m.*, %3$s as covered
     from (select t.id, t.said, t.head, case when %4$s then 0 else (select %2$s from (select t.head) as m) end as lacks
           from (select t.product_id as id, t.tsv, %5$s as said, %1$s as head
                 from product_text as t where %%s offset 0) as t offset 0) as m offset 0',
    coalesce(demand.head, '0'), coalesce(demand.lacks, '0'), coalesce(demand.covered, '0'),
    unless, said);

-- ---------------------------------------------------------------------------------------------
-- near_answers(space, embedding, min_similarity, near, distances, filters, part) → the products at least so similar
-- that match the filters, with their similarities. near, distances: the hundred nearest ones. part: see answers.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.near_answers(
    space spaces, embedding @vector@.halfvec, min_similarity float8, near bigint[], distances float8[], filters filters,
    part int, out ids bigint[], out similarities float8[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    if embedding is null then
        return;
    end if;
    if cardinality(distances) < 100 or (select max(u.distance) from unnest(distances) as u (distance)) > 1 - min_similarity then
        -- all that are so near are among them
        select array_agg(u.id), array_agg(1 - u.distance) into ids, similarities
        from unnest(near, distances) as u (id, distance)
        where 1 - u.distance >= min_similarity and u.id % part = 0;
        return;
    end if;
    execute format(
        'select array_agg(e.product_id), array_agg(1 - e.distance)
         from (%1$s offset 0) as e
         where e.distance <= 1 - $2 and %2$s', format(
            case when not has_further(space.id)
                 then 'select e.product_id, e.embedding operator(@vector@.<=>) $3 as distance
                       from product_embeddings as e where e.space_id = %1$s and e.product_id %% %2$s = 0'
                 else 'select e.product_id, min(e.embedding operator(@vector@.<=>) $3) as distance
                       from (select product_id, embedding from product_embeddings where space_id = %1$s
                             union all
                             select product_id, embedding from picture_embeddings where space_id = %1$s) as e
                       where e.product_id %% %2$s = 0
                       group by e.product_id' end, space.id, part),
        coalesce('(select true from products as p where p.id = e.product_id and '
                 || filter_predicate(filters, true) || ')', 'true'))
    into ids, similarities
    using filters, min_similarity, embedding;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- text_answers(reading, spaces, filters, min_relevance, sold, count, part) → the products that by_text takes for
-- answers so sure. spaces: those whose vectors find products too; others must match a lexeme. part: see answers.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.text_answers(
    reading reading, spaces int[], filters filters, min_relevance real, sold boolean, count bigint, part int
) returns bigint[]
language plpgsql stable security invoker
set search_path from current
set enable_seqscan = off -- so long a tsquery is dear to compare with every product
as $func$
declare
    _found record;
    _fits text := concat_ws(
        ' and ', case when part > 1 then format('t.product_id %% %s = 0', part) else 'true' end,
        '(select true from products as p where p.id = t.product_id and ' || filter_predicate(filters, true) || ')');
    -- what is of the type wanted is an answer, whatever else it has
    _kind text := case when (reading.demand).head is not null and min_relevance <= 0.5
                            and numnode((reading.demand).texts[cardinality((reading.demand).labels) + 1]) > 0
                       then format('t.tsv @@ $17[%s]', cardinality((reading.demand).labels) + 1) end;
begin
    execute format(
        'select array_agg(a.id) filter (where a.said) as ids, array_agg(a.id) filter (where not a.said) as unsaid
         from (select m.id, m.said from (%s) as m where %s >= $19 %s) as a',
        format(judged_texts(reading.demand, case when _kind is null then 'false' else 't.head = 3' end, 't.tsv @@ $4'),
               concat_ws(' and ', 't.tsv @@ $3', _fits, 'not ' || _kind)),
        by_text(reading.demand),
        'union all select t.product_id, t.tsv @@ $4 from product_text as t where ' || _kind || ' and ' || _fits)
    into _found
    using filters, null::int, possible_texts(reading.demand, min_relevance), reading.every, null::int, null::int,
          null::int, null::int, null::int, null::int, null::int, null::int, null::int, null::int, null::int,
          null::int, (reading.demand).texts, sold, min_relevance, null::int, null::int, null::int, count;
    return _found.ids || array(select e.product_id from product_embeddings as e
                               where e.space_id = any (spaces) and e.product_id = any (_found.unsaid));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- worded_answers(space, embedding, near, distances, known, demand, …, part) → the products, beside the known ones,
-- that the vector of a query's words takes for answers so sure: in a text space, or by their picture in a joint
-- one. near, distances: the hundred nearest ones.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.worded_answers(
    space spaces, embedding @vector@.halfvec, near bigint[], distances float8[], known bigint[], demand demand,
    filters filters, min_relevance real, strictness float8, part int
) returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _mean float8 := coalesce(space.background_mean, 0);
    _clear float8 := clear_similarity(space);
    _near record;
    _others bigint[];
begin
    _near := near_answers(
        space, embedding, _mean + 2 * min_relevance * least(strictness, 1) * (_clear - _mean) - 1e-9,
        near, distances, filters, part);
    -- the words of a product matter only where its vector alone does not decide
    select array_agg(n.id) filter (where n.sure) as ids, array_agg(n.id) filter (where not n.sure) as unsure,
           array_agg(n.similarity) filter (where not n.sure) as similarities
    into _near
    from (
        select u.id, u.similarity, by_similarity(u.similarity, _mean, _clear, greatest(strictness, 1.3)) >= min_relevance as sure
        from unnest(_near.ids, _near.similarities) as u (id, similarity)
        left join unnest(known) as k (id) on k.id = u.id
        where k.id is null
    ) as n;
    execute format(
        'select array_agg(n.id)
         from unnest($3, $4) as n (id, similarity)
         left join (%s) as l on l.id = n.id
         cross join lateral (select coalesce(l.head, 0) as head, coalesce(l.covered, 0) as covered) as m
         where by_similarity(n.similarity, $20[1], $20[2], %s) >= $19',
        format(judged_texts(demand, (demand.head is not null)::text), 't.product_id = any ($3)'),
        vitrina_internal.strictness(demand))
    into _others
    using filters, null::int, _near.unsure, _near.similarities, null::int, null::int, null::int, null::int,
          null::int, null::int, null::int, null::int, null::int, null::int, null::int, null::int,
          demand.texts, null::boolean, min_relevance, array[_mean, _clear], null::int, strictness;
    return _near.ids || _others;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- answers(codes, reading, …, filters, min_relevance, sold, strictness, count, part) → the products that fusion finds and
-- that are at least so surely an answer: by the code, by their text, or by a vector. near, distances: the
-- first hits of nearest_products. sold, strictness, count: as in fused_products. part: only those whose id is
-- divisible by it; 1: all.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.answers(
    codes bigint[], reading reading, text_space spaces, embedding @vector@.halfvec, near bigint[],
    distances float8[], image_space spaces, image_embedding @vector@.halfvec, image_near bigint[],
    image_distances float8[], filters filters, min_relevance real, sold boolean, strictness float8,
    count bigint, part int
) returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _mean float8 := coalesce(image_space.background_mean, 0);
    _ids bigint[];
begin
    _ids := text_answers(
        reading, array_remove(array[case when embedding is not null then text_space.id end,
                                    case when image_embedding is not null then image_space.id end], null),
        filters, min_relevance, sold, count, part);
    _ids := _ids || worded_answers(text_space, embedding, near, distances, _ids, reading.demand, filters,
                                   min_relevance, strictness, part);
    if image_space.modality = 'joint' then
        _ids := _ids || worded_answers(image_space, image_embedding, image_near, image_distances, _ids,
                                       reading.demand, filters, min_relevance, strictness, part);
    else
        _ids := _ids || (near_answers(
            image_space, image_embedding,
            _mean + 2 * min_relevance * (clear_similarity(image_space) - _mean),
            image_near, image_distances, filters, part)).ids;
    end if;
    _ids := _ids || array(select u.id from unnest(codes) as u (id) where u.id % part = 0);
    return array(select distinct u.id from unnest(_ids) as u (id));
end
$func$;
