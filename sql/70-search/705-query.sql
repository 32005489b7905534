-- Reading a query: its words, its required parts, its vector.

-- ---------------------------------------------------------------------------------------------
-- query_operators(query) → the required parts of a query, "quoted phrases" and -words, in the syntax
-- of websearch_to_tsquery; null if it has no such part. query_words(query) → the other words, to be
-- ranked, at most 2,000 characters. asked_words(query) → these words without the conditions among them, and
-- with misspelt ones corrected.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.query_operators(query text) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select string_agg(case
        when o.joined is null then concat(o.sign, '"', phrase_text(o.body), '"')
        -- a single letter may be a stop word: of t-shirt only shirt is left
        when phrase_text(o.body) !~ '[^ ]{2}.* [^ ]{2}' then o.sign || o.joined
        -- without wi-fi is also without wifi
        when o.sign = '-' then format('-"%s" -%s', phrase_text(o.body), o.joined)
        else format('"%s"', phrase_text(o.body)) end, ' ')
    -- Postgres keeps 32 compiled regular expressions: what a plain comparison rules out, is not compiled again
    from (
        select m.sign, m.body,
               case when m.body !~ '[\s,;:()]' then folded_text(joined_words(clean_text(m.body))) end as joined
        from (
            select case when left(m.found[1], 1) = '-' then '-' else '' end as sign,
                   translate(regexp_replace(m.found[1], '^-', ''), '"', '') as body
            from regexp_matches(left(query, 2000), '(?:^|\s)(-?"[^"]+"|-[[:alpha:]][^\s"]*)', 'g') as m (found)
            where strpos(query, '-') > 0 or strpos(query, '"') > 0
        ) as m
    ) as o;
$func$;

create or replace function vitrina_internal.query_words(query text) returns text
language sql immutable parallel safe
return left(btrim(translate(case when strpos(query, '-') > 0 then regexp_replace(
    left(query, 10000), '(^|\s)-("[^"]*"|[[:alpha:]][^\s"]*)', ' ', 'g') else left(query, 10000) end,
    e'"\t\n\r', '    ')), 2000);

create or replace function vitrina_internal.asked_words(query text) returns text
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(query_words(corrected_query((read_conditions(query)).rest)), '');
$func$;

-- ---------------------------------------------------------------------------------------------
-- query_to_embed(query, in_spaces) → (space, words, modality), a row for each active space, or of in_spaces, in which a search for this
-- query has no vector yet: a text space that is not local, or a joint one, whose cache does not have these
-- words. Embed `words`, then call put_query_embedding. Otherwise no row.
-- ---------------------------------------------------------------------------------------------
create or replace function query_to_embed(query text, in_spaces text[] default null)
returns table (space text, words text, modality text)
language sql stable security invoker
set search_path from current
as $func$
    select s.name, w.words, s.modality
    from spaces as s
    -- the query is not read where the database makes all vectors itself
    cross join lateral (select case when s.id > 0 then asked_words(query) end as words offset 0) as w
    where s.modality <> 'image' and s.provider <> 'local'
        and s.id in ((space_to_search('text', in_spaces)).id, (space_to_search('image', in_spaces)).id)
        and w.words <> '' and not exists (
        select
        from query_embeddings as q
        where q.space_id = s.id and q.query_hash = sha256(convert_to(w.words, 'utf8')))
    order by s.modality desc, s.id;
$func$;

-- ---------------------------------------------------------------------------------------------
-- query_vector(space, words, keywords, weights) → the vector of a query's words in a text or joint space, and
-- its origin: 'cache' (remembered), 'local' (made here, in the local space), or 'vocabulary' (the
-- weighted mean of the vectors of the query's keywords). Nulls if there is no vector.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.query_vector(
    space spaces, words text, keywords text[], weights real[],
    out embedding @vector@.halfvec, out origin text
)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    if space.provider = 'local' then
        embedding := embed_text(words);
        origin := 'local';
    else
        select q.embedding, 'cache' into embedding, origin
        from query_embeddings as q
        where q.space_id = space.id and q.query_hash = sha256(convert_to(words, 'utf8'));
        if not found and cardinality(keywords) > 0 then
            select @vector@.l2_normalize(@vector@.sum(
                       e.embedding operator(@vector@.*)
                       array_fill(u.weight, array[space.dimensions])::@vector@.halfvec)),
                   'vocabulary'
            into embedding, origin
            from unnest(keywords, weights) as u (keyword, weight)
            join vitrina.keywords as w on w.name = u.keyword
            join keyword_embeddings as e on e.space_id = space.id and e.keyword_id = w.id;
        end if;
    end if;
    if embedding is null or @vector@.l2_norm(embedding) = 0 then
        embedding := null;
        origin := null;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- query_embedding(words) → the known vector of a query in the active text space: made here if the space
-- is local, else remembered; or null.
-- ---------------------------------------------------------------------------------------------
create or replace function query_embedding(words text) returns @vector@.halfvec
language sql stable security invoker
set search_path from current
as $func$
    select v.embedding
    from query_vector(active_space('text'), asked_words(words), '{}', '{}') as v;
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_query_embedding(space, words, embedding, keep): remembers the vector of a query; keeps the `keep`
-- latest vectors of all spaces.
-- ---------------------------------------------------------------------------------------------
create or replace function put_query_embedding(
    space text, words text, embedding @vector@.halfvec, keep int default 10000
) returns void
language sql volatile security invoker
set search_path from current
as $func$
    select check_text('words', words, 100000);
    select check_k(keep, 0, 2147483647);
    select check_embeddings('query', s, array[0], array[put_query_embedding.embedding])
    from spaces as s where s.name = space;
    insert into query_embeddings as q (space_id, query_hash, embedding)
    select s.id, sha256(convert_to(words, 'utf8')), put_query_embedding.embedding
    from spaces as s where s.name = space and put_query_embedding.embedding is not null
    on conflict (space_id, query_hash) do update
        set embedding = excluded.embedding, used_at = now();
    delete from query_embeddings as q
    where q.used_at <= (select o.used_at from query_embeddings as o
                        order by o.used_at desc offset keep limit 1);
$func$;
