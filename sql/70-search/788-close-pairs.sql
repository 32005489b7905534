-- Which vectors are close to each other, without comparing all pairs.

-- ---------------------------------------------------------------------------------------------
-- hash_lines(dimensions) → lines in random directions, nine bundles of seven: a vector of 1 and -1 each,
-- and numbers to number the cells of a bundle with. The same ones at each call.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.hash_lines(dimensions int)
returns table (bundle int, line @vector@.halfvec, factor bigint, shift float8)
language sql immutable parallel safe security invoker rows 63
set search_path from current
as $func$
    select n.number / 7,
           (select array_agg(2 * get_bit(h.hash, d.dimension % 512) - 1 order by d.dimension)
            from generate_series(0, dimensions - 1) as d (dimension)
            join lateral (
                select sha512(convert_to(format('%s/%s', n.number, d.dimension / 512), 'utf8')) as hash
            ) as h on true)::float4[]::@vector@.halfvec,
           hashtextextended(n.number::text, 0) >> 24, n.number * 0.6180339887 % 1
    from generate_series(0, 62) as n (number);
$func$;

-- ---------------------------------------------------------------------------------------------
-- close_pairs(ids, vectors, min_similarity) → the pairs of vectors with a cosine of at least this, each
-- with the lesser id as `earlier`. vectors: one for each id, none of them zero. All pairs are compared
-- up to 1500 vectors; of more, those that fall into one cell of two bundles of lines, which divide the
-- space into cells at random (Datar et al. 2004): in measurements 99.7 % of all pairs at 0.99.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.close_pairs(
    ids bigint[], vectors @vector@.halfvec[], min_similarity real
) returns table (id bigint, earlier bigint, similarity real)
language plpgsql stable security invoker
set search_path from current
set work_mem = '64MB' -- for rows that are sorted once, in a call that is rare
as $func$
#variable_conflict use_column
declare
    _all boolean := cardinality(ids) <= 1500;
    _dimensions int := @vector@.vector_dims(vectors[1]);
    -- along a line, pairs at the limit are a seventh of a cell apart on average
    _cell float8 := 7 * sqrt(2 * greatest(1 - min_similarity, 0.001));
begin
    return query
    with given as materialized (
        select u.id, @vector@.l2_normalize(u.vector) as vector from unnest(ids, vectors) as u (id, vector)
    ),
    celled as materialized (
        select g.id, l.bundle, sum(l.factor * floor(
            -(g.vector operator(@vector@.<#>) l.line) / _cell + l.shift)::bigint)::bigint as cell
        from given as g
        cross join hash_lines(_dimensions) as l
        where not _all
        group by g.id, l.bundle
    ),
    tabled as materialized (
        select a.id, 9 * a.bundle + b.bundle as tab, a.cell as one, b.cell as other
        from celled as a
        join celled as b on b.id = a.id and b.bundle > a.bundle
    ),
    met as (
        select distinct a.id, b.id as earlier
        from tabled as a
        join tabled as b on b.tab = a.tab and b.one = a.one and b.other = a.other and b.id < a.id
        union all
        select a.id, b.id from given as a join given as b on b.id < a.id where _all
    )
    select m.id, m.earlier, c.similarity
    from met as m
    join given as a on a.id = m.id
    join given as b on b.id = m.earlier
    cross join lateral (
        select (1 - (a.vector operator(@vector@.<=>) b.vector))::real as similarity offset 0) as c
    where c.similarity >= min_similarity;
end
$func$;
