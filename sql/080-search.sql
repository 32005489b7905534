-- ---------------------------------------------------------------------------------------------
-- _query_lexemes(query) → its lexemes in the text-search configurations of the sources, and in how
-- many products each stands. Exact below 10,000 products; above, from the planner's statistics
-- (a lexeme they do not list is rare), which cost no scan.
-- ---------------------------------------------------------------------------------------------
create or replace function _query_lexemes(query text) returns table (lexeme text, products bigint)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _total real := (select c.reltuples from pg_class as c where c.oid = 'product_text'::regclass);
begin
    if _total < 10000 then
        return query
        select l.lexeme, (select count(*) from product_text as t
                          where t.tsv @@ l.quoted::tsquery)
        from (select distinct u.lexeme, quote_literal(u.lexeme) as quoted
              from (select distinct s.text_config from sources as s) as c
              cross join unnest(tsvector_to_array(to_tsvector(c.text_config::regconfig, query)))
                  as u (lexeme)) as l;
    else
        return query
        select l.lexeme, coalesce((f.freqs[m.place] * _total)::bigint, (f.least * _total)::bigint, 1)
        from (select distinct u.lexeme
              from (select distinct s.text_config from sources as s) as c
              cross join unnest(tsvector_to_array(to_tsvector(c.text_config::regconfig, query)))
                  as u (lexeme)) as l
        left join lateral (
            select s.most_common_elems::text::text[] as elems, s.most_common_elem_freqs as freqs,
                   s.most_common_elem_freqs[cardinality(s.most_common_elem_freqs) - 2] / 2 as least
            from pg_stats as s
            where s.schemaname = 'vitrina' and s.tablename = 'product_text' and s.attname = 'tsv'
        ) as f on true
        left join lateral (select array_position(f.elems, l.lexeme) as place) as m on true;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _text_rank(tsv, lexemes, weights) → how much of the query a product's text covers, 0 to 1: each
-- lexeme counts its weight (its rarity; they sum to 1), most where it stands in the title.
-- ---------------------------------------------------------------------------------------------
create or replace function _text_rank(tsv tsvector, lexemes tsquery[], weights real[]) returns real
language sql immutable parallel safe
return (
    -- 1.6449: ts_rank divides by the sum of 1/n², so a single hit in the title is 1 again
    select sum(u.weight * least(1, 1.6449 * ts_rank('{0.1, 0.3, 0.6, 1}', tsv, u.lexeme)))::real
    from unnest(lexemes, weights) as u (lexeme, weight)
);

-- ---------------------------------------------------------------------------------------------
-- _nearest_products(space, embedding, k, ids, predicate, …) → the k products nearest by cosine
-- distance among those that the filter leaves. ids: the products left, where they are few (exact);
-- else predicate over `products as p`, with the values $3 to $8 below, is checked along the way.
-- Always k rows where k match: an index scan that gives up is finished exactly.
-- ---------------------------------------------------------------------------------------------
create or replace function _nearest_products(
    space spaces, embedding halfvec, k int, ids bigint[] default null, predicate text default null,
    filter jsonb default null, where_path jsonpath default null, wanted bigint[] default null,
    unwanted bigint[] default null, source_ids int[] default null, operators text default null
) returns table (product_id bigint, distance float8)
language plpgsql stable security invoker
set search_path from current
set hnsw.ef_search = 200
set hnsw.iterative_scan = 'relaxed_order'
as $func$
#variable_conflict use_column
declare
    _rows real := (select c.reltuples from pg_class as c
                   where c.oid = ('product_embeddings_' || space.id)::regclass);
    _narrow text := coalesce(
        'exists (select from products as p where p.id = e.product_id and ' || predicate || ' offset 0)',
        'true');
    _ids bigint[];
    _distances float8[];
begin
    if ids is not null then
        return query
        select e.product_id, e.embedding <=> _nearest_products.embedding
        from product_embeddings as e
        where e.space_id = space.id and e.product_id = any (ids)
        order by 2, 1
        limit k;
        return;
    end if;
    -- reading 10 MB of vectors takes about as long as walking the graph, and is exact
    if _rows * space.dimensions > 5e6 then
        execute format(
            'select array_agg(n.product_id), array_agg(n.distance)
             from (select e.product_id, e.embedding::halfvec(%1$s) <=> $1 as distance
                   from product_embeddings as e
                   where e.space_id = %2$s and %3$s
                   order by e.embedding::halfvec(%1$s) <=> $1
                   limit $2) as n', space.dimensions, space.id, _narrow)
        into _ids, _distances
        using embedding, k, filter, where_path, wanted, unwanted, source_ids, operators;
        if cardinality(_ids) >= k then
            return query
            select u.id, u.distance from unnest(_ids, _distances) as u (id, distance)
            order by u.distance, u.id;
            return;
        end if;
    end if;
    -- the bare operator cannot use the index: exact
    return query execute format(
        'select e.product_id, e.embedding <=> $1 as distance
         from product_embeddings as e
         where e.space_id = %s and %s
         order by distance, e.product_id
         limit $2', space.id, _narrow)
    using embedding, k, filter, where_path, wanted, unwanted, source_ids, operators;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _text_candidates(lexemes, frequencies, k, ids, predicate, …) → up to k products whose text has
-- any of the lexemes, best rank first, narrowed as in _nearest_products. Common lexemes do not
-- bring candidates of their own once the rarer ones give enough: products with all of them do.
-- ---------------------------------------------------------------------------------------------
create or replace function _text_candidates(
    lexemes text[], frequencies bigint[], weights real[], k int, ids bigint[] default null,
    predicate text default null, filter jsonb default null, where_path jsonpath default null,
    wanted bigint[] default null, unwanted bigint[] default null, source_ids int[] default null,
    operators text default null
) returns table (product_id bigint)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _any text;
    _all text;
    _parsed tsquery[];
    _narrow text := coalesce(
        'exists (select from products as p where p.id = t.product_id and ' || predicate || ' offset 0)',
        'true');
begin
    select string_agg(quote_literal(u.lexeme), ' & '), array_agg(quote_literal(u.lexeme)::tsquery
                                                                 order by u.place),
           string_agg(quote_literal(u.lexeme), ' | ') filter (where u.before < 4000)
    into _all, _parsed, _any
    from (
        select v.*, coalesce(sum(v.frequency) over (
            order by v.frequency, v.place rows between unbounded preceding and 1 preceding), 0) as before
        from unnest(lexemes, frequencies) with ordinality as v (lexeme, frequency, place)
    ) as u;
    return query execute format(
        'select t.product_id
         from product_text as t
         where (t.tsv @@ $1 or t.tsv @@ $2) and ($9 is null or t.product_id = any ($9)) and %s
         order by _text_rank(t.tsv, $10, $11) desc, t.product_id
         limit $12', _narrow)
    using _any::tsquery, _all::tsquery, filter, where_path, wanted, unwanted, source_ids, operators,
          ids, _parsed, weights, k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _query_operators(query) → the parts of a query that must hold: "quoted phrases" and -words, in the
-- syntax of websearch_to_tsquery; null without any. _query_words(query) → the rest, to be ranked.
-- ---------------------------------------------------------------------------------------------
create or replace function _query_operators(query text) returns text
language sql immutable parallel safe
return (
    select string_agg(m.found[1], ' ')
    from regexp_matches(query, '(?:^|\s)(-?"[^"]+"|-[[:alpha:]][^\s"]*)', 'g') as m (found)
);

create or replace function _query_words(query text) returns text
language sql immutable parallel safe
return btrim(translate(
    regexp_replace(query, '(^|\s)-("[^"]*"|[[:alpha:]][^\s"]*)', ' ', 'g'), '"', ' '));

-- ---------------------------------------------------------------------------------------------
-- query_to_embed(query) → (space, words) where a search for this query has no vector yet: the active
-- text space is not the local one, and nobody has searched for these words. Embed `words`, then
-- put_query_embedding. No row otherwise.
-- ---------------------------------------------------------------------------------------------
create or replace function query_to_embed(query text) returns table (space text, words text)
language sql stable security invoker
set search_path from current
as $func$
    select s.name, w.words
    from (select _query_words(query) as words) as w
    join spaces as s on s.modality = 'text' and s.state = 'active' and s.provider <> 'local'
    where w.words <> '' and not exists (
        select
        from query_embeddings as q
        where q.space_id = s.id and q.query_hash = sha256(convert_to(w.words, 'utf8')));
$func$;

-- ---------------------------------------------------------------------------------------------
-- query_embedding(words) → the vector of a query in the active text space, if it is known: made here
-- in the local one, remembered in others; null otherwise.
-- ---------------------------------------------------------------------------------------------
create or replace function query_embedding(words text) returns halfvec
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _space spaces := _active_space('text');
begin
    if _space.provider = 'local' then
        return embed_text(words);
    end if;
    return (
        select q.embedding
        from query_embeddings as q
        where q.space_id = _space.id
            and q.query_hash = sha256(convert_to(_query_words(words), 'utf8')));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_query_embedding(space, words, embedding, keep): remember the vector of a query; the `keep` most
-- lately remembered ones of all spaces stay.
-- ---------------------------------------------------------------------------------------------
create or replace function put_query_embedding(
    space text, words text, embedding halfvec, keep int default 10000
) returns void
language sql volatile security invoker
set search_path from current
as $func$
    insert into query_embeddings as q (space_id, query_hash, embedding)
    select s.id, sha256(convert_to(words, 'utf8')), put_query_embedding.embedding
    from spaces as s where s.name = space
    on conflict (space_id, query_hash) do update
        set embedding = excluded.embedding, used_at = now();
    delete from query_embeddings as q
    where q.used_at <= (select o.used_at from query_embeddings as o
                        order by o.used_at desc offset keep limit 1);
$func$;

-- ---------------------------------------------------------------------------------------------
-- _filter_predicate(…) → a condition over `products as p` on the values that are given, or null. Its
-- parameters: $3 filter, $4 where_path, $5 wanted and $6 unwanted keyword ids, $7 source ids,
-- $8 operators of the query. The text is made of constants; every value stays a parameter.
-- ---------------------------------------------------------------------------------------------
create or replace function _filter_predicate(
    filter jsonb, where_path jsonpath, wanted bigint[], unwanted bigint[], source_ids int[],
    operators text
) returns text
language sql immutable parallel safe
return nullif(concat_ws(' and ',
    case when filter <> '{}' then 'p.attributes @> $3' end,
    case when where_path is not null then 'p.attributes @@ $4' end,
    case when cardinality(wanted) > 0 then
        'p.id in (select pk.product_id from product_keywords as pk where pk.keyword_id = any ($5)'
        ' group by pk.product_id having count(*) = cardinality($5))' end,
    case when cardinality(unwanted) > 0 then
        'p.id not in (select pk.product_id from product_keywords as pk'
        ' where pk.keyword_id = any ($6))' end,
    case when source_ids is not null then 'p.source_id = any ($7)' end,
    case when operators is not null then
        'exists (select from product_text as t join vitrina.sources as s on s.id = p.source_id'
        ' where t.product_id = p.id'
        ' and t.tsv @@ websearch_to_tsquery(s.text_config::regconfig, $8))' end), '');

-- ---------------------------------------------------------------------------------------------
-- _keyword_ids(terms) → the keywords these terms are, by their aliases; -1 for a term that is none.
-- ---------------------------------------------------------------------------------------------
create or replace function _keyword_ids(terms text[]) returns bigint[]
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(array_agg(distinct coalesce(a.keyword_id, -1)), '{}')
    from unnest(terms) as u (term)
    left join keyword_aliases as a on a.alias = normal_form(u.term);
$func$;

-- ---------------------------------------------------------------------------------------------
-- _check_search(…): raises VT004 for arguments a search cannot use, naming the way out.
-- ---------------------------------------------------------------------------------------------
create or replace function _check_search(
    k int, "offset" int, mode text, embedding halfvec, image_embedding halfvec,
    text_space spaces, image_space spaces
) returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if k is null or k not between 1 and 1000 then
        raise exception 'k must be 1 to 1000, not %', k using errcode = 'VT004';
    end if;
    if "offset" is null or "offset" not between 0 and 10000 then
        raise exception 'offset must be 0 to 10000, not %', "offset" using errcode = 'VT004',
            hint = 'narrow the search instead of paging deeper';
    end if;
    if mode is null or mode not in ('hybrid', 'vector', 'text') then
        raise exception 'mode must be hybrid, vector or text, not %', quote_nullable(mode)
            using errcode = 'VT004';
    end if;
    if vector_dims(embedding) is distinct from nullif(text_space.dimensions, null)
        and embedding is not null then
        raise exception 'the embedding has % dimensions, the active text space % has %',
            vector_dims(embedding), text_space.name, text_space.dimensions using errcode = 'VT004';
    end if;
    if image_embedding is not null
        and vector_dims(image_embedding) is distinct from image_space.dimensions then
        raise exception 'the image embedding has % dimensions, the active image space % has %',
            vector_dims(image_embedding), image_space.name, image_space.dimensions
            using errcode = 'VT004';
    end if;
    if l2_norm(embedding) = 0 or l2_norm(image_embedding) = 0 then
        raise exception 'an embedding that is all zero has no direction to search in'
            using errcode = 'VT004';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- search(query, k, offset, …) → the k products that match best, after the first `offset` ones.
-- query: words; "a phrase" must stand as it is, -word must not. An external id finds its product.
-- filter: attributes contain it ('{"brand": "x"}'); where_path: a jsonpath predicate over attributes
-- ('$.price < 50'). with_keywords: all of them; without_keywords: none of them. sources: names.
-- mode: hybrid, vector (similarity alone) or text (words alone). embedding, image_embedding: of the
-- query, in the active text and image space; a local text space embeds `query` here.
-- Without query and embeddings: all that the filters leave, by id.
-- score: 0 to 1, orders the rows; 1 more for an exact external id. similarity: cosine of the text
-- vectors, else of the image vectors, null where no vector took part. text_rank: share of the query
-- that the text covers, 0 to 1. matched: the channels (code, text, vector, image) that found it.
-- Raises VT004 for arguments it cannot use.
-- ---------------------------------------------------------------------------------------------
create or replace function search(
    query text default null, k int default 10, "offset" int default 0, filter jsonb default '{}',
    where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null, mode text default 'hybrid',
    embedding halfvec default null, image_embedding halfvec default null
) returns table (
    product_id bigint, source text, external_id text, title text, caption text, keywords text[],
    url text, image text, score real, similarity real, text_rank real, matched text[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _text_space spaces := _active_space('text');
    _image_space spaces := _active_space('image');
    _words text := coalesce(_query_words(query), '');
    _operators text := _query_operators(query);
    _wanted bigint[] := _keyword_ids(with_keywords);
    _unwanted bigint[] := _keyword_ids(without_keywords);
    _source_ids int[];
    _predicate text;
    _ids bigint[];
    _lexemes text[] := '{}';
    _frequencies bigint[];
    _weights real[];
    _parsed tsquery[];
    _depth int;
begin
    perform _check_search(k, "offset", mode, embedding, image_embedding, _text_space, _image_space);
    -- one depth for many pages, so that the order does not change from one to the next
    _depth := greatest(200, 2 ^ ceil(log(2, 2 * ("offset" + k))));
    if sources is not null then
        select coalesce(array_agg(s.id), '{}') into _source_ids
        from vitrina.sources as s where s.name = any (search.sources);
    end if;
    _predicate := _filter_predicate(filter, where_path, _wanted, _unwanted, _source_ids, _operators);
    if _predicate is not null then
        execute format('select coalesce(array_agg(f.id), ''{}'') from'
                       ' (select p.id from products as p where %s limit 10001) as f', _predicate)
        into _ids
        using null, null, filter, where_path, _wanted, _unwanted, _source_ids, _operators;
        if cardinality(_ids) > 10000 then
            _ids := null;
        else
            _predicate := null;
        end if;
    end if;
    if mode = 'text' then
        embedding := null;
        image_embedding := null;
    elsif embedding is null and _words <> '' then
        embedding := query_embedding(_words);
    end if;
    if mode <> 'vector' and _words <> '' then
        select coalesce(array_agg(l.lexeme), '{}'), array_agg(l.products),
               array_agg((l.idf / l.total)::real), array_agg(quote_literal(l.lexeme)::tsquery)
        into _lexemes, _frequencies, _weights, _parsed
        from (
            -- the inverse document frequency of BM25 (Robertson and Zaragoza 2009, eq. 3.3)
            select q.lexeme, q.products, i.idf, sum(i.idf) over () as total
            from _query_lexemes(_words) as q
            cross join (select greatest(count(*), 1) as products from product_text) as n
            cross join lateral (
                select ln(1 + (n.products - least(q.products, n.products) + 0.5)
                              / (q.products + 0.5)) as idf) as i
        ) as l;
    end if;

    return query
    with found as materialized (
        select n.product_id, 'vector' as channel
        from _nearest_products(_text_space, embedding, _depth, _ids, _predicate, filter, where_path,
                               _wanted, _unwanted, _source_ids, _operators) as n
        where embedding is not null
        union all
        select n.product_id, 'image'
        from _nearest_products(_image_space, image_embedding, _depth, _ids, _predicate, filter,
                               where_path, _wanted, _unwanted, _source_ids, _operators) as n
        where image_embedding is not null
        union all
        select c.product_id, 'text'
        from _text_candidates(_lexemes, _frequencies, _weights, _depth, _ids, _predicate, filter,
                              where_path, _wanted, _unwanted, _source_ids, _operators) as c
        where cardinality(_lexemes) > 0
        union all
        select p.id, 'code'
        from products as p
        where mode <> 'vector' and lower(p.external_id) = lower(btrim(query))
            and (_ids is null or p.id = any (_ids))
        union all
        select p.id, null
        from products as p
        where _words = '' and embedding is null and image_embedding is null
            and (_ids is null or p.id = any (_ids))
    ),
    pool as (
        select f.product_id, array_remove(array_agg(f.channel order by f.channel), null) as matched
        from found as f
        group by f.product_id
    ),
    measured as (
        select o.product_id, o.matched, 1 - (e.embedding <=> search.embedding) as similarity,
               1 - (i.embedding <=> image_embedding) as image_similarity,
               _text_rank(t.tsv, _parsed, _weights) as text_rank
        from pool as o
        left join product_embeddings as e
            on e.space_id = _text_space.id and e.product_id = o.product_id
        left join product_embeddings as i
            on i.space_id = _image_space.id and i.product_id = o.product_id
        left join product_text as t on t.product_id = o.product_id
    ),
    scored as (
        select m.*,
               (coalesce(m.text_rank, 0)
                + coalesce(_text_space.weight * greatest(m.similarity, 0), 0)
                + coalesce(_image_space.weight * greatest(m.image_similarity, 0), 0))
               / nullif(case when cardinality(_lexemes) > 0 then 1 else 0 end
                        + case when embedding is not null then _text_space.weight else 0 end
                        + case when image_embedding is not null then _image_space.weight else 0 end,
                        0)
               + case when 'code' = any (m.matched) then 1 else 0 end as score
        from measured as m
        order by score desc nulls last, m.similarity desc nulls last, m.product_id
        limit k offset "offset"
    )
    select p.id, s.name, p.external_id, p.title, p.caption, p.keywords, p.url, p.image,
           coalesce(c.score, 0)::real, coalesce(c.similarity, c.image_similarity)::real,
           c.text_rank, c.matched
    from scored as c
    join products as p on p.id = c.product_id
    join vitrina.sources as s on s.id = p.source_id
    order by c.score desc nulls last, c.similarity desc nulls last, p.id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- similar_products(of_product, k) → the k products most like one, itself left out: by its own text
-- and image vectors. The columns of search. Raises VT003 where there is no such product.
-- ---------------------------------------------------------------------------------------------
create or replace function similar_products(of_product bigint, k int default 10)
returns table (
    product_id bigint, source text, external_id text, title text, caption text, keywords text[],
    url text, image text, score real, similarity real, text_rank real, matched text[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _embedding halfvec;
    _image_embedding halfvec;
begin
    if not exists (select from products as p where p.id = of_product) then
        raise exception 'there is no product %', of_product using errcode = 'VT003';
    end if;
    select e.embedding into _embedding from product_embeddings as e
    where e.product_id = of_product and e.space_id = (_active_space('text')).id;
    select e.embedding into _image_embedding from product_embeddings as e
    where e.product_id = of_product and e.space_id = (_active_space('image')).id;
    if _embedding is null and _image_embedding is null then
        return;
    end if;
    return query
    select s.*
    from search(mode => 'vector', k => least(similar_products.k + 1, 1000),
                embedding => _embedding, image_embedding => _image_embedding) as s
    where s.product_id <> of_product
    order by s.score desc, s.similarity desc, s.product_id
    limit similar_products.k;
end
$func$;
