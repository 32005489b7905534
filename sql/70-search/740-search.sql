-- Search: words, vectors and filters, in a single order.

-- ---------------------------------------------------------------------------------------------
-- check_page(…), check_search(…): raise VT004 for arguments that a search cannot use, saying what to do.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_page(k int, "offset" int) returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if k is null or k not between 0 and 10000 then
        raise exception 'k must be 0 to 10000, not %', coalesce(k::text, 'null')
            using errcode = 'VT004', hint = 'get more in pages, with "offset"';
    end if;
    if "offset" < 0 then
        raise exception 'offset must be 0 or more, not %', "offset" using errcode = 'VT004',
            hint = 'use 0 for the first page';
    end if;
end
$func$;

create or replace function vitrina_internal.check_search(
    mode text, weights jsonb, embedding @vector@.halfvec, image_embedding @vector@.halfvec,
    min_relevance real, text_space spaces, image_space spaces
) returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _wrong text;
begin
    if not min_relevance between 0 and 1 then
        raise exception 'min_relevance must be 0 to 1, not %', min_relevance using errcode = 'VT004',
            hint = '0 gives all rows; without it, the database''s own policy holds';
    end if;
    if mode not in ('hybrid', 'vector', 'text') then
        raise exception 'mode must be hybrid, vector or text, not %', quote_literal(left(mode, 100))
            using errcode = 'VT004', hint = 'hybrid uses both words and vectors';
    end if;
    if weights <> '{}' then
        if jsonb_typeof(weights) = 'object' then
            select w.key into _wrong
            from jsonb_each(weights) as w
            where w.key not in ('text', 'vector', 'image') or jsonb_typeof(w.value) <> 'number'
                or not w.value::numeric between 0 and 1000
            limit 1;
        end if;
        if _wrong is not null or jsonb_typeof(weights) <> 'object' then
            raise exception 'weights cannot be %', left(weights::text, 100) using errcode = 'VT004',
                hint = 'give weights like ''{"text": 1, "vector": 0.5, "image": 2}'', each from 0 to 1000';
        end if;
    end if;
    if embedding is not null and @vector@.vector_dims(embedding) is distinct from text_space.dimensions then
        raise exception 'the embedding has % dimensions, the active text space % has %',
            @vector@.vector_dims(embedding), text_space.name, text_space.dimensions using errcode = 'VT004',
                hint = 'embed the query with the model of that space';
    end if;
    if image_embedding is not null
        and @vector@.vector_dims(image_embedding) is distinct from image_space.dimensions then
        raise exception 'the image embedding has % dimensions, the active image space % has %',
            @vector@.vector_dims(image_embedding), image_space.name, image_space.dimensions
            using errcode = 'VT004', hint = 'embed the picture with the model of that space';
    end if;
    if @vector@.l2_norm(embedding) = 0 or @vector@.l2_norm(image_embedding) = 0 then
        raise exception 'an embedding of zeros has no direction to search in'
            using errcode = 'VT004', hint = 'leave it out, or give the vector of the query';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- coded_products(code, filters) → the products with this code that match the filters.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.coded_products(code text, filters filters) returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _ids bigint[];
begin
    if code = '' or char_length(code) > 100 then
        return '{}';
    end if;
    _ids := code_holders(code);
    if _ids <> '{}' and filter_predicate(filters) is not null then
        execute format('select coalesce(array_agg(p.id), ''{}'') from products as p'
                       ' where p.id = any ($2) and %s', filter_predicate(filters, true))
        into _ids
        using filters, _ids;
    end if;
    return _ids;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- fusion_query(reading, text_space_id, image_space_id, complete) → the query by which fused_products
-- orders what the channels found: parameters $1 (products with the code) and $3 to $8 (vector, image,
-- text; each with its distances or ranks), without $9, at most $14. $10 to $13: weights of text, vector
-- and image, and their sum. What a channel has not said of a product is looked up: by the reading's rank
-- of the parts $2, in these spaces by the vectors $15 and $16; null for a channel that takes no part.
-- complete: the text channel has said all it can. $17, $18: see read_demand and by_text. $19: the least
-- relevance, $20 and $21: mean and clear similarity of the spaces, $22: see strictness. Products with all of the query come first.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.fusion_query(
    reading reading, text_space_id int, image_space_id int, complete boolean
) returns text
language sql immutable parallel safe
return format(
    'with found as (
        select u.id, u.distance, null::float8 as image_distance, null::real as rank,
               ''vector'' as channel
        from unnest($3, $4) as u (id, distance)
        union all
        select u.id, null, u.distance, null, ''image'' from unnest($5, $6) as u (id, distance)
        union all
        select u.id, null, null, u.rank, ''text'' from unnest($7, $8) as u (id, rank)
        union all
        select u.id, null, null, null, ''code'' from unnest($1) as u (id)
    ),
    pool as (
        select f.id, max(f.distance) as distance, max(f.image_distance) as image_distance,
               max(f.rank) as rank, string_agg(f.channel, '','' order by f.channel) as channels
        from found as f
        where f.id <> all ($9)
        group by f.id
    ),
    measured as (
        select f.id, f.channels, d.rank, coalesce(d.head, 0) as head, coalesce(d.lacks, %7$s) as lacks,
               1 - coalesce(f.distance, (%2$s)) as similarity,
               1 - coalesce(f.image_distance, (%3$s)) as image_similarity
        from pool as f
        left join lateral (
            select coalesce(f.rank, %1$s) as rank, m.head, %5$s as lacks
            from product_text as t
            cross join lateral (select %4$s as head) as m
            where t.product_id = f.id
        ) as d on true
    ),
    judged as (
        select m.*,
               coalesce((coalesce($10 * m.rank, 0)
                         + coalesce($11 * greatest(m.similarity, 0), 0)
                         + coalesce($12 * greatest(m.image_similarity, 0), 0)) / $13, 0) as mean,
               case when m.id = any ($1) then 1
                    else greatest(%8$s, by_similarity(m.similarity, $20[1], $20[2], %9$s),
                                  by_similarity(m.image_similarity, $21[1], $21[2], 1)) end as relevance
        from (select m.*, %6$s as covered from measured as m) as m
    ),
    scored as (
        select j.*, case when %10$s then j.mean / 2 + 0.5 * (j.lacks = 0)::int else j.mean end
                    + (j.id = any ($1))::int as score
        from judged as j
        where j.relevance >= $19 or $19 is null
        order by score desc, j.similarity desc nulls last, j.id
        limit $14
    )
    select array_agg(c.id) as ids, array_agg(c.score) as scores,
           array_agg(coalesce(c.similarity, c.image_similarity)) as similarities,
           array_agg(c.rank) as ranks, array_agg(c.channels) as channels,
           array_agg(c.relevance)::real[] as relevances, array_agg(c.lacks) as lacks
    from scored as c',
    case when reading.rank is null then 'null::real'
         when complete then '0'
         else '(' || reading.rank || ')::real' end,
    case when text_space_id is null then 'null::float8'
         else 'select e.embedding operator(@vector@.<=>) $15 from product_embeddings as e'
              ' where e.space_id = ' || text_space_id || ' and e.product_id = f.id' end,
    case when image_space_id is null then 'null::float8'
         else 'select e.embedding operator(@vector@.<=>) $16 from product_embeddings as e'
              ' where e.space_id = ' || image_space_id || ' and e.product_id = f.id' end,
    coalesce((reading.demand).head, '0'), coalesce((reading.demand).lacks, '0'),
    coalesce((reading.demand).covered, '0'),
    coalesce((1::bigint << cardinality((reading.demand).labels)) - 1, 0),
    by_text(reading.demand),
    strictness(reading.demand),
    case when (reading.demand).labels is null then 'false' else 'true' end);

-- ---------------------------------------------------------------------------------------------
-- fused_products(k, …, min_relevance) → at least k products that any channel finds, or all of them, best
-- first: those with all of the query, then the others, each by the weighted mean over the channels. The
-- hundred best of each channel's first hits come first, all others behind them: so the first n are the
-- same for every k.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.fused_products(
    k int, code text, reading reading, text_space spaces, embedding @vector@.halfvec,
    image_space spaces, image_embedding @vector@.halfvec, weights jsonb, filters filters,
    min_relevance real
) returns hits
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _text_weight real := case when reading.rank is null then 0
                              else coalesce((weights ->> 'text')::real, 1) end;
    _vector_weight real := case when embedding is null then 0
                                else coalesce((weights ->> 'vector')::real, text_space.weight) end;
    _image_weight real := case when image_embedding is null then 0
                               else coalesce((weights ->> 'image')::real, image_space.weight) end;
    _total real := nullif(_text_weight + _vector_weight + _image_weight, 0);
    _codes bigint[] := coded_products(code, filters);
    _sold boolean := is_sold((reading.demand).kinds, filters);
    _own boolean := not _sold and is_own_trade((reading.demand).domain);
    _depth int;
    _among bigint[];
    _vector record;
    _image record;
    _text record;
    _found hits;
    _more hits;
begin
    _found.ids := '{}';
    -- the hundred best first, then all
    foreach _depth in array array[100, null] loop
        _vector := nearest_products(text_space, embedding, _depth, _among, filters);
        _image := nearest_products(image_space, image_embedding, _depth, _vector.among, filters);
        _among := _image.among;
        if _among is null and embedding is null and image_embedding is null then
            _among := filtered_ids(filters, 5000);
        end if;
        _text := text_matches(reading, _depth, _among, filters);
        execute fusion_query(
            reading, case when embedding is not null then text_space.id end,
            case when image_embedding is not null then image_space.id end, _depth is null)
        into _more
        using _codes, reading.parts, _vector.ids, _vector.distances, _image.ids, _image.distances,
              _text.ids, _text.ranks, _found.ids, _text_weight, _vector_weight, _image_weight, _total,
              _depth, embedding, image_embedding, (reading.demand).texts, _sold or _own, min_relevance,
              array[coalesce(text_space.background_mean, 0), clear_similarity(text_space)],
              array[coalesce(image_space.background_mean, 0), clear_similarity(image_space)],
              case when _sold then 0.8 when _own then 0.85 else 1.3 end::float8;
        _found.ids := _found.ids || _more.ids;
        _found.scores := _found.scores || _more.scores;
        _found.similarities := _found.similarities || _more.similarities;
        _found.ranks := _found.ranks || _more.ranks;
        _found.channels := _found.channels || _more.channels;
        _found.relevances := _found.relevances || _more.relevances;
        _found.lacks := _found.lacks || _more.lacks;
        exit when cardinality(_found.ids) >= k or cardinality(_found.ids) < 100;
    end loop;
    return _found;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- near_products(k, space, embedding, channel, filters, min_relevance) → like fused_products, for a
-- single channel of vectors.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.near_products(
    k int, space spaces, embedding @vector@.halfvec, channel text, filters filters,
    min_relevance real
) returns hits
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _near record;
    _found hits;
begin
    _near := nearest_products(space, embedding, k, null, filters);
    select coalesce(array_agg(u.id order by u.place), '{}'),
           array_agg(greatest(1 - u.distance, 0) order by u.place),
           array_agg(1 - u.distance order by u.place), array_agg(u.relevance order by u.place)
    into _found.ids, _found.scores, _found.similarities, _found.relevances
    from (
        select n.*, by_similarity(1 - n.distance, coalesce(space.background_mean, 0),
                                  clear_similarity(space), 1)::real as relevance
        from unnest(_near.ids, _near.distances) with ordinality as n (id, distance, place)
    ) as u
    where u.relevance >= min_relevance or min_relevance is null;
    _found.channels := array_fill(channel, array[cardinality(_found.ids)]);
    return _found;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- first_products(k, filters) → the k products with the lowest ids of those that the filters leave.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.first_products(k int, filters filters) returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _ids bigint[];
begin
    execute format('select array_agg(n.id)'
                   ' from (select p.id from products as p where %s order by p.id limit $2) as n',
                   coalesce(filter_predicate(filters), 'true'))
    into _ids
    using filters, k;
    return _ids;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- found_products(k, mode, words, code, …) → at least k products as search finds them, or all, best first.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.found_products(
    k int, mode text, words text, code text, reading reading, text_space spaces,
    embedding @vector@.halfvec, image_space spaces, image_embedding @vector@.halfvec, weights jsonb,
    filters filters, min_relevance real
) returns hits
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _found hits;
begin
    if words = '' and embedding is null and image_embedding is null then
        _found.ids := first_products(k, filters);
        _found.relevances := array_fill(1::real, array[coalesce(cardinality(_found.ids), 0)]);
    elsif (mode = 'vector' or words = '') and image_embedding is null then
        _found := near_products(k, text_space, embedding, 'vector', filters, min_relevance);
    elsif (mode = 'vector' or words = '') and embedding is null then
        _found := near_products(k, image_space, image_embedding, 'image', filters, min_relevance);
    else
        if mode <> 'vector' and words <> '' then
            min_relevance := coalesce(min_relevance, (select p.min_relevance from search_policy as p));
        end if;
        _found := fused_products(k, code, reading, text_space, embedding, image_space,
                                 image_embedding, weights, filters, nullif(min_relevance, 0));
    end if;
    return _found;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- first_of_groups(found, attribute) → of the products found, the first with each value of an attribute;
-- of a list its first item counts. Products without the attribute are groups of their own.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.first_of_groups(found hits, attribute text) returns hits
language sql stable security invoker
set search_path from current
as $func$
    select row(array_agg(g.id order by g.place), array_agg(g.score order by g.place),
               array_agg(g.similarity order by g.place), array_agg(g.rank order by g.place),
               array_agg(g.channels order by g.place), array_agg(g.relevance order by g.place),
               array_agg(g.lacks order by g.place))::hits
    from (
        select distinct on (v.value, case when v.value is null then f.id end) f.*
        from unnest(found.ids, found.scores, found.similarities, found.ranks, found.channels,
                    found.relevances, found.lacks)
            with ordinality as f (id, score, similarity, rank, channels, relevance, lacks, place)
        join products as p on p.id = f.id
        cross join lateral (select p.attributes -> attribute as value) as a
        cross join lateral (
            select nullif(case jsonb_typeof(a.value) when 'array' then a.value ->> 0
                          when 'object' then null else a.value #>> '{}' end, '') as value) as v
        order by v.value, case when v.value is null then f.id end, f.place
    ) as g;
$func$;

-- ---------------------------------------------------------------------------------------------
-- asked_variants(ids, code, words, options) → of each of these products the variant that was asked for: by
-- its code; else by attributes that the filter names, or words of the query say, and that not all of
-- its variants have. Of a product with a single variant, that one. image: its picture, null if it was
-- not asked for.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.asked_variants(
    ids bigint[], code text, words text, options jsonb
) returns table (product_id bigint, sku text, image text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    if not exists (select from variants as v where v.product_id = any (ids)) then
        return;
    end if;
    return query
    select distinct on (r.id) r.id, r.sku, case when r.asked then r.image end
    from (
        select v.*, v.place > min(v.place) over w or v.coded as asked, count(*) over w as variants
        from (
            select v.product_id as id, v.position, v.sku, v.image, c.coded,
                   o.count * 1000 + coalesce(l.said, 0) as place, l.unsaid
            from variants as v
            join products as p on p.id = v.product_id
            join sources as s on s.id = p.source_id
            cross join lateral (
                select asked_variants.code <> '' and asked_variants.code = any (array(
                    select bare_code(u.code) from unnest(v.sku || v.codes) as u (code))) as coded) as c
            cross join lateral (
                select count(*) from jsonb_each(options) as o
                where v.attributes -> o.key @> o.value) as o
            cross join lateral (
                -- "red" says more of red than of dark red
                select sum(w.said) as said, sum(w.size - w.said) as unsaid
                from (select tsvector_to_array(to_tsvector(s.text_config::regconfig, words)) as lexemes) as q
                cross join lateral (
                    select v.title
                    union all
                    select e.value #>> '{}' from jsonb_each(v.attributes) as e
                    where jsonb_typeof(e.value) = 'string'
                ) as a (value)
                cross join lateral (
                    select count(*) as size,
                           count(*) filter (where t.lexeme = any (q.lexemes)) as said
                    from unnest(to_tsvector(s.text_config::regconfig, left(a.value, 100))) as t
                ) as w
                where words <> '' and w.said > 0) as l
            where v.product_id = any (ids)
        ) as v
        window w as (partition by v.id)
    ) as r
    where r.asked or r.variants = 1
    order by r.id, r.coded desc, r.place desc, r.unsaid, r.image is null, r.position;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- say_unknown_group(group_by, ids): a notice names the nearest attributes if no product has the one to
-- group by; looks there only if these products, which were found, lack it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.say_unknown_group(group_by text, ids bigint[]) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _unknown record;
begin
    if group_by is null
        or exists (select from products as p where p.id = any (ids) and jsonb_exists(p.attributes, group_by)) then
        return;
    end if;
    select u.nearest into _unknown from unknown_names(attributes => array[group_by]) as u;
    if found then
        raise notice 'attribute % not found: nothing is grouped', quote_literal(left(group_by, 100))
            using hint = case when _unknown.nearest <> '{}'
                then 'nearest: ' || array_to_string(_unknown.nearest, ', ')
                else 'name an attribute of products' end;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- searched(query, first, …) → the first products that search finds with these arguments of it, the origin
-- of the query's vector, what it asks for, and how it was read.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.searched(
    query text, first int, filters filters, mode text, embedding @vector@.halfvec,
    image_embedding @vector@.halfvec, weights jsonb, min_relevance real, group_by text,
    out matches hits, out origin text, out labels text[], out code text, out keywords text[],
    out words text
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _text_space spaces;
    _image_space spaces;
    _reading reading;
    _depth int := first;
    _count int;
begin
    words := asked_words(query);
    select s.* into _text_space from spaces as s where s.modality = 'text' and s.state = 'active';
    select s.* into _image_space from spaces as s where s.modality = 'image' and s.state = 'active';
    mode := coalesce(mode, 'hybrid');
    weights := coalesce(weights, '{}');
    perform check_search(mode, weights, embedding, image_embedding, min_relevance, _text_space,
                         _image_space);
    if group_by is not null then
        perform check_text('group_by', group_by);
    end if;
    if mode = 'text' then
        embedding := null;
        image_embedding := null;
    end if;
    if words <> '' and (mode <> 'vector'
                        or embedding is null and _text_space.provider <> 'local') then
        _reading := read_words(words);
    end if;
    if embedding is not null then
        origin := 'given';
    elsif words <> '' and mode <> 'text' and _text_space.id is not null then
        select v.embedding, v.origin into embedding, origin
        from query_vector(_text_space, words, _reading.keywords, _reading.weights) as v;
        -- "the" has a vector, but says nothing
        if mode = 'hybrid' and (_reading.demand).labels is null and min_relevance is distinct from 0 then
            embedding := null;
        end if;
    end if;
    if mode = 'vector' then
        _reading := null;
    end if;
    labels := (_reading.demand).labels;
    keywords := _reading.keywords;
    code := case when mode = 'vector' then '' else coalesce(bare_code(btrim(query)), '') end;
    loop
        matches := found_products(_depth, mode, words, code, _reading, _text_space, embedding,
                                  _image_space, image_embedding, weights, filters, min_relevance);
        exit when group_by is null;
        _count := coalesce(cardinality(matches.ids), 0);
        matches := first_of_groups(matches, group_by);
        -- until there are groups enough, or no more products
        exit when cardinality(matches.ids) >= first or _count < _depth;
        _depth := least(_depth * 5::bigint, 2147483647);
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- search(query, k, offset, …) → the k products that match best, after the first `offset` ones. query:
-- words, of which misspelt ones are corrected (see read_query); "a phrase" is required as it is, -word is
-- excluded. A code (external id, SKU …) finds its product first. filter: the attributes contain it ('{"brand": "x"}'); where_path: a jsonpath predicate
-- over attributes ('$.price < 50'). with_keywords: all are required; without_keywords: all are
-- excluded. sources: names. mode: hybrid, vector (similarity only) or text (words only). embedding,
-- image_embedding: of the query, in the active text and image space. weights: of the channels in the
-- score, '{"text": 1, "vector": 0.5, "image": 1}'; by default text counts 1, a similarity the weight of
-- its space. Without query and embeddings: all products that match the filters, by id. url, image: as
-- shown_address shows them. score: 0 to 1, orders the rows; plus 1 for a code. similarity: cosine of
-- the text vectors, else of the image vectors, null without vectors. text_rank: the share of the query
-- that the text covers, 0 to 1. matched: the channels (code, text, vector, image) that found it.
-- query_vector: the origin of the query's text vector: given, cache (remembered), local (made here),
-- vocabulary (the mean of its keywords' vectors); null without a vector. group_by: the name of an
-- attribute: of the products with the same value only the best; a notice says if no product has it. sku: that of the variant that was asked
-- for, by its code, a filter or a word ("red"), and image is its picture; else the product's. Raises
-- VT004 for wrong arguments.
-- ---------------------------------------------------------------------------------------------
create or replace function search(
    query text default null, k int default 10, "offset" int default 0, filter jsonb default '{}',
    where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null, mode text default 'hybrid',
    embedding @vector@.halfvec default null, image_embedding @vector@.halfvec default null,
    weights jsonb default '{}', group_by text default null, min_relevance real default null
) returns table (
    product_id bigint, source text, external_id text, title text, caption text, keywords text[],
    url text, image text, score real, similarity real, text_rank real, matched text[],
    query_vector text, relevance real, missing text[], attributes jsonb, sku text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _filters filters;
    _end int;
    _search record;
    _found hits;
begin
    if k = 0 then
        return;
    end if;
    "offset" := least(coalesce("offset", 0), 2000000000); -- more than any catalogue has
    perform check_page(k, "offset");
    _filters := filters_of(filter, where_path, with_keywords, without_keywords, sources, query);
    _end := "offset" + k;
    _search := searched(query, _end, _filters, mode, embedding, image_embedding, weights,
                        min_relevance, group_by);
    _found := _search.matches;
    perform say_unknown_group(group_by, _found.ids);
    return query
    select p.id, s.name, p.external_id, p.title, p.caption, p.keywords,
           shown_address(p.url), shown_address(coalesce(v.image, p.image)),
           coalesce(f.score, 0)::real, f.similarity::real, f.rank,
           coalesce(string_to_array(f.channels, ','), '{}'), _search.origin,
           f.relevance,
           array(select l.label from unnest(_search.labels) with ordinality as l (label, place)
                 where f.lacks >> (l.place::int - 1) & 1 = 1 order by l.place),
           p.attributes, coalesce(v.sku, p.sku)
    from unnest(_found.ids["offset" + 1:_end], _found.scores["offset" + 1:_end],
                _found.similarities["offset" + 1:_end], _found.ranks["offset" + 1:_end],
                _found.channels["offset" + 1:_end], _found.relevances["offset" + 1:_end],
                _found.lacks["offset" + 1:_end])
        with ordinality as f (id, score, similarity, rank, channels, relevance, lacks, place)
    join products as p on p.id = f.id
    join vitrina.sources as s on s.id = p.source_id
    left join asked_variants(
        _found.ids["offset" + 1:_end], _search.code,
        concat_ws(' ', _search.words, array_to_string(_search.keywords || with_keywords, ' ')),
        coalesce(_filters.options, '{}')) as v on v.product_id = p.id
    order by f.place;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- count_matches(query, …) → how many products search finds on all pages, with these arguments of it.
-- ---------------------------------------------------------------------------------------------
create or replace function count_matches(
    query text default null, filter jsonb default '{}', where_path jsonpath default null,
    with_keywords text[] default '{}', without_keywords text[] default '{}',
    sources text[] default null, mode text default 'hybrid',
    embedding @vector@.halfvec default null, image_embedding @vector@.halfvec default null,
    weights jsonb default '{}', group_by text default null, min_relevance real default null
) returns bigint
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(cardinality((s.matches).ids), 0)
    from searched(query, 2000000000,
                  filters_of(filter, where_path, with_keywords, without_keywords, sources, query),
                  mode, embedding, image_embedding, weights, min_relevance, group_by) as s;
$func$;
