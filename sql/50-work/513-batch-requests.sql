-- The requests of batches: which are due, and what their answers settle.

-- ---------------------------------------------------------------------------------------------
-- products_to_batch(run, touched, sources, after, k) → the next k queued products, by id, with the
-- input of an enrichment, that await no answer of a batch. touched: those that this run has asked about
-- in their present version, due or not; otherwise the other products that are due.
-- ---------------------------------------------------------------------------------------------
create or replace function products_to_batch(
    run text, touched boolean, sources text[] default null, after bigint default 0,
    k int default 32
) returns table (
    product_id bigint, version bigint, source text, external_id text, title text,
    attributes jsonb, image text, image_root text, text text, asked int
)
language sql stable security invoker
set search_path from current
as $func$
    select p.id, j.version, s.name, p.external_id, p.title, p.attributes, p.image,
           s.config ->> 'image_root', left(p.text, 10000), p.asked
    from jobs as j
    join products as p on p.id = j.product_id
    join vitrina.sources as s on s.id = p.source_id
    where j.state = 'queued'
        and j.stage = 'enrich'
        and j.product_id > after
        and (products_to_batch.sources is null or s.name = any (products_to_batch.sources))
        and (touched or j.run_after <= now())
        and touched = exists (
            select
            from batch_requests as r
            join batches as b on b.id = r.batch_id
            where r.product_id = j.product_id and r.version = j.version
                and b.run = products_to_batch.run)
        and not exists (
            select from batch_requests as r
            where r.product_id = j.product_id and r.version = j.version and r.state = 'open')
    order by p.id
    limit check_k(k);
$func$;

-- ---------------------------------------------------------------------------------------------
-- find_requests(candidates) → for each, by its ordinal: the stored answer, whether a batch will answer
-- it, and how often a batch has asked it. candidates: a jsonb array of {product_id, version, stage,
-- input_hash (hex), model, prompt_version}. A request is missing if it has no output and is not open.
-- attempts counts by product and stage since the product was last enriched, so that a picture that changes each
-- time also ends; it is null if asking again is in vain.
-- ---------------------------------------------------------------------------------------------
create or replace function find_requests(candidates jsonb)
returns table (ordinal int, output jsonb, is_open boolean, attempts int)
language sql stable security invoker
set search_path from current
as $func$
    select check_rows('candidates', find_requests.candidates,
        '{"product_id": "id", "version": "id", "stage": "name!",
         "input_hash": "hex!", "model": "name!", "prompt_version": "name!"}');
    select
        c.place::int,
        g.output,
        exists (
            select from batch_requests as r
            where r.state = 'open' and r.stage = c.stage and r.input_hash = decode(c.input_hash, 'hex')
                and r.model = c.model and r.prompt_version = c.prompt_version),
        (select case when bool_or(r.state = 'refused') then null
                     else count(*) filter (where r.state in ('missing', 'done')) end
         from batch_requests as r
         join batches as b on b.id = r.batch_id
         join products as p on p.id = r.product_id
         where r.product_id = c.product_id and r.version = c.version and r.stage = c.stage
             -- versions begin anew when a product has been enriched
             and b.created_at > coalesce(p.enriched_at, '-infinity'))::int
    from rows from (jsonb_to_recordset(find_requests.candidates) as (
            product_id bigint, version bigint, stage text, input_hash text, model text,
            prompt_version text)) with ordinality
        as c (product_id, version, stage, input_hash, model, prompt_version, place)
    left join generations as g
        on g.stage = c.stage and g.input_hash = decode(c.input_hash, 'hex')
        and g.model = c.model and g.prompt_version = c.prompt_version
    order by c.place;
$func$;

-- ---------------------------------------------------------------------------------------------
-- add_requests(batch, requests) → the custom ids of the requests now in this batch; skips those that
-- another batch will answer. requests: a jsonb array of {custom_id, product_id, version, stage,
-- input_hash (hex), model, prompt_version, attempts, tokens, estimate}. Their products wait three days
-- for the batch; then they are due for any worker.
-- ---------------------------------------------------------------------------------------------
create or replace function add_requests(batch bigint, requests jsonb) returns setof text
language sql volatile security invoker
set search_path from current
as $func$
    select check_rows('requests', add_requests.requests,
        '{"custom_id": "name!", "product_id": "id", "version": "id!",
         "stage": "name!", "input_hash": "hex!", "model": "name!",
         "prompt_version": "name!", "attempts": "count!", "tokens": "count!",
         "estimate": "amount"}');
    select check_batch(batch);
    with given as materialized (
        select distinct on (r.custom_id) r.*
        from jsonb_to_recordset(add_requests.requests) as r (
            custom_id text, product_id bigint, version bigint, stage text, input_hash text,
            model text, prompt_version text, attempts int, tokens int, estimate numeric)
    ),
    added as (
        insert into batch_requests (
            batch_id, custom_id, product_id, version, stage, input_hash, model, prompt_version,
            attempts)
        select batch, g.custom_id, p.id, g.version, g.stage, decode(g.input_hash, 'hex'),
               g.model, g.prompt_version, g.attempts
        from given as g
        left join products as p on p.id = g.product_id
        order by g.stage, g.input_hash
        on conflict do nothing
        returning custom_id, product_id, version
    ),
    counted as (
        update batches as b set
            requests = b.requests + t.requests,
            tokens = b.tokens + t.tokens,
            estimate = case when t.unknown then null else coalesce(b.estimate, 0) + t.estimate end,
            stages = array(select distinct u.stage from unnest(b.stages || t.stages) as u (stage)
                           order by u.stage)
        from (
            select count(*) as requests, sum(g.tokens) as tokens, sum(g.estimate) as estimate,
                   bool_or(g.estimate is null) as unknown, array_agg(distinct g.stage) as stages
            from added as a
            join given as g on g.custom_id = a.custom_id
            having count(*) > 0
        ) as t
        where b.id = batch
    ),
    waiting as (
        update jobs as j set run_after = now() + interval '3 days'
        from (select distinct a.product_id, a.version from added as a) as a
        where j.product_id = a.product_id and j.version = a.version and j.state = 'queued'
    )
    select a.custom_id from added as a;
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_batch_answers(batch, answers) → how many of its open requests they settle. answers: a jsonb array
-- of {custom_id, state ('done', 'missing', 'refused', or 'released': to be asked again in another form,
-- and not counted as asked), error, provider, output, input_tokens, cached_tokens, output_tokens, cost}.
-- The first answer to a custom id counts; an unknown or settled custom id changes nothing. A paid
-- answer of no use is kept under a key that no request uses.
-- ---------------------------------------------------------------------------------------------
create or replace function put_batch_answers(batch bigint, answers jsonb) returns int
language sql volatile security invoker
set search_path from current
as $func$
    select check_rows('answers', put_batch_answers.answers,
        '{"custom_id": "name!", "state": "done|missing|refused|released!",
         "error": "text", "provider": "name", "output": "any",
         "input_tokens": "count", "cached_tokens": "count",
         "output_tokens": "count", "cost": "amount"}');
    select check_batch(batch);
    with given as (
        select distinct on (a.custom_id) a.*
        from rows from (jsonb_to_recordset(put_batch_answers.answers) as (
                custom_id text, state text, error text, provider text, output jsonb,
                input_tokens int, cached_tokens int, output_tokens int, cost numeric))
            with ordinality
            as a (custom_id, state, error, provider, output, input_tokens, cached_tokens,
                  output_tokens, cost, place)
        order by a.custom_id, a.place
    ),
    settled as (
        update batch_requests as r set state = g.state, error = g.error
        from given as g
        where r.batch_id = batch and r.custom_id = g.custom_id and r.state = 'open'
        returning r.custom_id, r.stage, r.input_hash, r.model, r.prompt_version, r.state, g.error,
                  g.provider, g.output, g.input_tokens, g.cached_tokens, g.output_tokens, g.cost
    ),
    stored as (
        select put_generations(coalesce(jsonb_agg(jsonb_build_object(
            'stage', s.stage,
            'input_hash', encode(case when s.state = 'done' then s.input_hash
                else sha256(s.input_hash || convert_to(batch || s.custom_id, 'utf8')) end, 'hex'),
            'provider', s.provider,
            'model', s.model,
            'prompt_version', s.prompt_version,
            'output', case when s.state = 'done' then s.output
                           else jsonb_build_object('error', s.state, 'reason', s.error) end,
            'input_tokens', s.input_tokens,
            'cached_tokens', s.cached_tokens,
            'output_tokens', s.output_tokens,
            'cost', s.cost)), '[]')) as n
        from settled as s
        where s.state = 'done' or s.input_tokens::bigint + s.output_tokens > 0
    ),
    counted as (
        update batches as b set
            answered = b.answered + t.answered,
            unanswered = b.unanswered + t.unanswered,
            cost = case when t.cost is null then b.cost else coalesce(b.cost, 0) + t.cost end
        from (
            select count(*) filter (where s.state = 'done') as answered,
                   count(*) filter (where s.state <> 'done') as unanswered,
                   sum(s.cost) as cost
            from settled as s
        ) as t
        where b.id = batch
    )
    select (select count(*) from settled)::int from stored as s;
$func$;

-- ---------------------------------------------------------------------------------------------
-- make_due(product_ids) → how many of these queued products no longer wait for a batch.
-- ---------------------------------------------------------------------------------------------
create or replace function make_due(product_ids bigint[]) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with due as (
        update jobs as j set run_after = now()
        where j.product_id = any (product_ids) and j.state = 'queued' and j.run_after > now()
        returning 1
    )
    select count(*)::int from due;
$func$;

-- ---------------------------------------------------------------------------------------------
-- claim_products(worker, product_ids, versions, lease) → the jobs of these products, if queued in these
-- versions, now leased to this worker: the columns of claim_jobs.
-- ---------------------------------------------------------------------------------------------
create or replace function claim_products(
    worker text, product_ids bigint[], versions bigint[], lease interval default '10 minutes'
) returns table (
    product_id bigint, version bigint, stage text, attempts int, source text, external_id text, title text,
    attributes jsonb, image text, image_root text, image_embedded text, deaths int,
    text text, asked int
)
language sql volatile security invoker
set search_path from current
as $func$
    select check_text('worker', worker);
    select check_lease(lease);
    with leased as (
        update jobs as j set
            state = 'leased',
            attempts = j.attempts + 1,
            begun_at = null,
            lease_until = now() + lease,
            worker = claim_products.worker
        from unnest(product_ids, versions) as u (product_id, version)
        where j.product_id = u.product_id and j.version = u.version and j.state = 'queued'
        returning j.product_id, j.version, j.stage, j.attempts, cardinality(j.deaths) as deaths
    )
    select l.product_id, l.version, l.stage, l.attempts, s.name, p.external_id, p.title, p.attributes,
           p.image, s.config ->> 'image_root', embedded_picture(p.id), l.deaths,
           left(p.text, 10000), p.asked
    from leased as l
    join products as p on p.id = l.product_id
    join sources as s on s.id = p.source_id
    order by l.product_id;
$func$;
