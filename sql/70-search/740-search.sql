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
            where w.key not in ('text', 'vector', 'image', 'complete') or jsonb_typeof(w.value) <> 'number'
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
-- first_products(k, filters, sort) → the first k products of those that the filters leave, by a sort, or
-- the most boosted first, and by id.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.first_products(k int, filters filters, sort text) returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _order text := sort_order(sort);
    _ids bigint[];
begin
    if sort = 'relevance' and boost_factor(filters.rules) is not null then
        _order := boost_factor(filters.rules) || ' desc, ';
    end if;
    execute format('select array_agg(n.id order by n.place)'
                   ' from (select p.id, row_number() over (order by %1$s p.id) as place'
                   '       from products as p where %2$s order by %1$s p.id limit $2) as n',
                   _order, coalesce(filter_predicate(filters), 'true'))
    into _ids
    using filters, k;
    return _ids;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- found_products(k, mode, words, code, …, sort, part) → at least k products as search finds them, or all, the first
-- ones first. part: for a null k, see answers.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.found_products(
    k int, mode text, words text, code text, reading reading, text_space spaces,
    embedding @vector@.halfvec, image_space spaces, image_embedding @vector@.halfvec, weights jsonb,
    filters filters, min_relevance real, sort text, part int default 1
) returns hits
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _found hits;
    _depth int;
    _among bigint[];
begin
    if words = '' and embedding is null and image_embedding is null then
        _found.ids := first_products(k, filters, sort);
        _found.relevances := array_fill(1::real, array[coalesce(cardinality(_found.ids), 0)]);
        return case when sort = 'relevance' then with_pins(_found, filters) else _found end;
    end if;
    _depth := case when sort = 'relevance' then k else 2147483647 end; -- the first is known only when all are
    if (mode = 'vector' or words = '') and image_embedding is null then
        _found := near_products(_depth, text_space, embedding, 'vector', filters, min_relevance);
    elsif (mode = 'vector' or words = '') and embedding is null then
        _found := near_products(_depth, image_space, image_embedding, 'image', filters, min_relevance);
    else
        if mode <> 'vector' and words <> '' then
            min_relevance := coalesce(min_relevance, (select p.min_relevance from search_policy as p));
        end if;
        min_relevance := nullif(min_relevance, 0);
        if sort <> 'relevance' and min_relevance is not null then
            -- only those that may be among the first need figures
            _found := fused_products(null, code, reading, text_space, embedding, image_space,
                                     image_embedding, weights, filters, min_relevance);
            _among := first_in_order((with_pins(_found, filters)).ids, reading.demand, sort, k);
        end if;
        _found := fused_products(_depth, code, reading, text_space, embedding, image_space,
                                 image_embedding, weights, filters, min_relevance, _among, part);
    end if;
    if _among is not null then
        -- a pin that is further back would come early
        filters.rules.pinned := array(
            select u.id from unnest((filters.rules).pinned) with ordinality as u (id, place)
            where u.id = any (_among) order by u.place);
    end if;
    _found := with_pins(_found, filters);
    return case when sort = 'relevance' then _found else sorted_hits(_found, sort) end;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- searched(query, first, …) → the first products that search finds with these arguments of it, the origin
-- of the query's vector, what it asks for, how it was read, its rules, and the vectors that took part. asked:
-- its asked_words, if they are known. part: see answers; where all nearest products are found, it is not heeded.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.searched(
    query text, first int, filters filters, mode text, embedding @vector@.halfvec,
    image_embedding @vector@.halfvec, weights jsonb, min_relevance real, group_by text,
    sort text default 'relevance', in_spaces text[] default null, asked text default null, part int default 1,
    out matches hits, out origin text, out labels text[], out code text, out keywords text[],
    out words text, out rules steering, out reading reading, out text_vector @vector@.halfvec,
    out image_vector @vector@.halfvec
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _text_space spaces;
    _image_space spaces;
    _reading reading;
    _joint boolean;
    _depth int := first;
    _count int;
begin
    words := coalesce(asked, asked_words(query));
    if in_spaces is not null then
        perform check_in_spaces(in_spaces);
    end if;
    _text_space := space_to_search('text', in_spaces);
    _image_space := space_to_search('image', in_spaces);
    mode := coalesce(mode, 'hybrid');
    weights := coalesce(weights, '{}');
    sort := coalesce(sort, 'relevance');
    perform check_search(mode, weights, embedding, image_embedding, min_relevance, _text_space,
                         _image_space);
    if group_by is not null then
        perform check_text('group_by', group_by);
    end if;
    perform check_text('sort', sort);
    if mode = 'text' then
        embedding := null;
        image_embedding := null;
    end if;
    -- words find pictures in a joint space, unless a picture is given
    _joint := words <> '' and mode <> 'text' and image_embedding is null and _image_space.modality = 'joint';
    if image_embedding is not null then
        _image_space := by_picture(_image_space);
    end if;
    if words <> '' and (mode <> 'vector' or _joint
                        or embedding is null and _text_space.provider <> 'local') then
        _reading := read_words(words);
    end if;
    if _joint then
        select v.embedding into image_embedding
        from query_vector(_image_space, words, _reading.keywords, _reading.weights) as v;
    end if;
    if embedding is not null then
        origin := 'given';
    elsif words <> '' and mode <> 'text' and _text_space.id is not null then
        select v.embedding, v.origin into embedding, origin
        from query_vector(_text_space, words, _reading.keywords, _reading.weights) as v;
        -- "the" has a vector, but says nothing
        if mode = 'hybrid' and (_reading.demand).labels is null and min_relevance is distinct from 0 then
            embedding := null;
            image_embedding := case when not _joint then image_embedding end;
        end if;
    end if;
    if mode = 'vector' then
        _reading := null;
    end if;
    -- what is nearest to a vector is neither pinned nor boosted
    filters := with_rules(filters, query, mode = 'vector' or words = '' and num_nonnulls(embedding, image_embedding) > 0);
    rules := filters.rules;
    reading := _reading;
    text_vector := embedding;
    image_vector := image_embedding;
    labels := (_reading.demand).labels;
    keywords := _reading.keywords;
    code := case when mode = 'vector' then '' else coalesce(bare_code(btrim(query)), '') end;
    loop
        matches := found_products(_depth, mode, words, code, _reading, _text_space, embedding,
                                  _image_space, image_embedding, weights, filters, min_relevance, sort, part);
        exit when group_by is null;
        _count := coalesce(cardinality(matches.ids), 0);
        matches := first_of_groups(matches, group_by);
        -- until there are groups enough, or no more products
        exit when first is null or cardinality(matches.ids) >= first or _count < _depth;
        _depth := least(_depth * 5::bigint, 2147483647);
    end loop;
    if coalesce(matches.ids, '{}') = '{}' then
        perform say_unknown_attributes(filters);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- search(query, k, offset, …) → the k products that match best, after the first `offset` ones. query:
-- words, of which misspelt ones are corrected (see read_query); "a phrase" is required as it is, -word is
-- excluded. A code (external id, SKU …) finds its product first. filter: the attributes contain it ('{"brand": "x"}'); where_path: a jsonpath predicate
-- over attributes ('$.price < 50'). with_keywords: all are required; without_keywords: all are
-- excluded; any_keywords: of each facet any of
-- these ('{"color": ["black", "white"]}'). sources: names. mode: hybrid, vector (similarity only) or text (words only). embedding,
-- image_embedding: of the query, in the active text and image space. In a joint space the words find
-- pictures too, by their remembered vector (see query_to_embed) or the mean of their keywords' vectors; they
-- count most where texts are silent; an image_embedding goes before. weights: of the channels in the
-- score, '{"text": 1, "vector": 0.5, "image": 1}'; by default text counts 1, a similarity the weight of
-- its space. Without query and embeddings: all products that match the filters, by id. url, image: as
-- shown_address shows them. score: 0 to 1, orders the rows; plus 1 for a code. similarity: cosine of
-- the text vectors, else of the image vectors, null without vectors. text_rank: the share of the query
-- that the text covers, 0 to 1. matched: the channels (code, text, vector, image) that found it; pinned and boosted
-- by rules, see put_rules: pinned products come first in the order of relevance, whatever theirs is.
-- query_vector: the origin of the query's text vector: given, cache (remembered), local (made here),
-- vocabulary (the mean of its keywords' vectors); null without a vector. min_relevance: what is less surely an answer is
-- left out; null: as the database's policy says, for words. sort: relevance, newest, oldest, or an
-- attribute (price), with - before it the greatest first (-price); products without it come last, equal
-- ones by relevance. group_by: the name of an attribute: of the products with the same value only the
-- first. A notice says if no product has an attribute that is named here. sku: that of the variant that was asked
-- for, by its code, a filter or a word ("red"), and image is its picture; else the product's. in_spaces: names of
-- spaces to search in instead of the active ones, to compare them: one for texts, one for pictures. Raises
-- VT004 for wrong arguments, VT003 for an unknown space.
-- ---------------------------------------------------------------------------------------------
create or replace function search(
    query text default null, k int default 10, "offset" int default 0, filter jsonb default '{}',
    where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null, mode text default 'hybrid',
    embedding @vector@.halfvec default null, image_embedding @vector@.halfvec default null,
    weights jsonb default '{}', min_relevance real default null, sort text default 'relevance',
    group_by text default null, any_keywords jsonb default '{}', in_spaces text[] default null
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
    _asked record;
    _filters filters;
    _end int;
    _search record;
    _found hits;
    _boosted bigint[];
begin
    if k = 0 then
        return;
    end if;
    "offset" := least(coalesce("offset", 0), 2000000000); -- more than any catalogue has
    perform check_page(k, "offset");
    _asked := with_query(filters_of(filter, where_path, with_keywords, without_keywords, sources, null, any_keywords),
                         query);
    _filters := _asked.filters;
    _end := "offset" + k;
    _search := searched(query, _end, _filters, mode, embedding, image_embedding, weights,
                        min_relevance, group_by, sort, in_spaces, _asked.asked);
    _found := _search.matches;
    _boosted := boosted_among(_found.ids["offset" + 1:_end], _search.rules);
    perform say_unknown_name('grouped', group_by, _found.ids);
    if sort not in ('relevance', 'newest', 'oldest') then
        perform say_unknown_name('sorted', ltrim(sort, '-'), _found.ids);
    end if;
    return query
    select p.id, s.name, p.external_id, p.title, p.caption, p.keywords,
           shown_address(p.url), shown_address(coalesce(v.image, p.image)),
           coalesce(f.score, 0)::real, f.similarity::real, f.rank,
           coalesce(string_to_array(f.channels, ','), '{}')
               || case when p.id = any (_boosted) then '{boosted}'::text[] else '{}' end, _search.origin,
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
        concat_ws(' ', _search.words, array_to_string(_search.keywords || with_keywords || chosen_words(any_keywords), ' ')),
        coalesce(_filters.options, '{}')) as v on v.product_id = p.id
    order by f.place;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- count_matches(query, …) → how many products search finds on all pages, with these arguments of it. Of words that
-- find over 100,000 it counts a part, and a notice says so.
-- ---------------------------------------------------------------------------------------------
create or replace function count_matches(
    query text default null, filter jsonb default '{}', where_path jsonpath default null,
    with_keywords text[] default '{}', without_keywords text[] default '{}',
    sources text[] default null, mode text default 'hybrid',
    embedding @vector@.halfvec default null, image_embedding @vector@.halfvec default null,
    weights jsonb default '{}', min_relevance real default null, group_by text default null,
    any_keywords jsonb default '{}'
) returns bigint
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _asked record := with_query(
        filters_of(filter, where_path, with_keywords, without_keywords, sources, null, any_keywords), query);
    _found record := found_part(query, _asked.asked, _asked.filters, mode, embedding, image_embedding, weights,
                                min_relevance, group_by);
begin
    if _found.part > 1 then
        raise notice 'about % products: of so many a part is counted', cardinality(_found.ids)::bigint * _found.part;
        return cardinality(_found.ids)::bigint * _found.part;
    end if;
    return (
        select coalesce(cardinality((s.matches).ids), 0)
        from searched(query, null, _asked.filters, mode, embedding, image_embedding, weights, min_relevance,
                      group_by, asked => _asked.asked) as s);
end
$func$;
