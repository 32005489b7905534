-- Batches: requests that a provider answers within a day at half the price.

-- ---------------------------------------------------------------------------------------------
-- lock_batches() → whether this transaction is now the only one that submits or collects batches. The
-- lock ends with the transaction; a lost machine is noticed within two minutes.
-- ---------------------------------------------------------------------------------------------
create or replace function lock_batches() returns boolean
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    perform set_config('idle_in_transaction_session_timeout', '0', true),
            set_config('tcp_keepalives_idle', '60', true),
            set_config('tcp_keepalives_interval', '20', true),
            set_config('tcp_keepalives_count', '3', true);
    return pg_try_advisory_xact_lock(hashtext('vitrina.batches'));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_batch(batch): raises VT003 if the batch is not found.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_batch(batch bigint) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    if not exists (select from batches as b where b.id = batch) then
        raise exception 'batch % not found', coalesce(batch::text, 'null')
            using errcode = 'VT003', hint = 'see: select * from vitrina.list_batches()';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- open_batch(token, run, settings, base_url, model) → the id of a new batch, in preparation.
-- ---------------------------------------------------------------------------------------------
create or replace function open_batch(
    token text, run text, settings jsonb, base_url text, model text
) returns bigint
language sql volatile security invoker
set search_path from current
as $func$
    select check_text('token', token);
    select check_text('run', run);
    select check_text('base_url', base_url, 2000);
    select check_text('model', model);
    select check_rows('settings', jsonb_build_array(settings), '{}');
    insert into batches (token, run, settings, base_url, model)
    values (open_batch.token, open_batch.run, open_batch.settings, open_batch.base_url,
            open_batch.model)
    returning id;
$func$;

-- ---------------------------------------------------------------------------------------------
-- note_batch(batch, facts): stores what is known of a batch. facts: a jsonb object with any of state,
-- remote_id, status, input_file, output_file, error_file, error.
-- ---------------------------------------------------------------------------------------------
create or replace function note_batch(batch bigint, facts jsonb) returns void
language sql volatile security invoker
set search_path from current
as $func$
    select check_rows('facts', jsonb_build_array(facts),
        '{"state": "preparing|creating|submitted|answered|collected|failed|abandoned",
          "remote_id": "name", "status": "text", "input_file": "text", "output_file": "text",
          "error_file": "text", "error": "text"}');
    select check_batch(batch);
    update batches as b set
        state = coalesce(facts ->> 'state', b.state),
        remote_id = coalesce(facts ->> 'remote_id', b.remote_id),
        status = coalesce(facts ->> 'status', b.status),
        input_file = coalesce(facts ->> 'input_file', b.input_file),
        output_file = coalesce(facts ->> 'output_file', b.output_file),
        error_file = coalesce(facts ->> 'error_file', b.error_file),
        error = coalesce(facts ->> 'error', b.error),
        submitted_at = case when facts ->> 'state' = 'submitted'
                            then coalesce(b.submitted_at, now()) else b.submitted_at end,
        collected_at = case when facts ->> 'state' = 'collected' then now()
                            else b.collected_at end
    where b.id = batch;
$func$;

-- ---------------------------------------------------------------------------------------------
-- settle_batch(batch, state, error) → how many requests were still open: they will get no answer.
-- state 'answered': they count as asked; 'failed' or 'abandoned': they were never asked, and their
-- products are due again.
-- ---------------------------------------------------------------------------------------------
create or replace function settle_batch(batch bigint, state text, error text default null)
returns int
language sql volatile security invoker
set search_path from current
as $func$
    select check_word('state', settle_batch.state, 'answered', 'failed', 'abandoned');
    select check_batch(batch);
    with left_open as (
        update batch_requests as r set
            state = case when settle_batch.state = 'answered' then 'missing' else 'released' end,
            error = coalesce(settle_batch.error, 'the batch ended without an answer')
        where r.batch_id = batch and r.state = 'open'
        returning r.product_id, r.version
    ),
    settled as (
        update batches as b set
            state = settle_batch.state,
            error = case when settle_batch.state = 'answered' and l.count = 0 then b.error
                         else coalesce(settle_batch.error, b.error) end,
            unanswered = b.unanswered + l.count
        from (select count(*) from left_open) as l
        where b.id = batch
    ),
    due as (
        update jobs as j set run_after = now()
        from (select distinct l.product_id, l.version from left_open as l) as l
        where settle_batch.state <> 'answered' and j.product_id = l.product_id
            and j.version = l.version and j.state = 'queued'
    )
    select count(*)::int from left_open;
$func$;

-- ---------------------------------------------------------------------------------------------
-- queued_tokens(base_url) → by model: the tokens of open batches in the endpoint's queue.
-- ---------------------------------------------------------------------------------------------
create or replace function queued_tokens(base_url text) returns table (model text, tokens bigint)
language sql stable security invoker
set search_path from current
as $func$
    select b.model, sum(b.tokens)::bigint
    from batches as b
    where b.state in ('preparing', 'creating', 'submitted')
        and b.base_url = queued_tokens.base_url
    group by b.model;
$func$;

-- ---------------------------------------------------------------------------------------------
-- batch_allowance(run, max_cost) → USD that this run may still submit: the rest of max_cost and of each
-- standing budget after what open batches may cost; null if nothing limits it.
-- ---------------------------------------------------------------------------------------------
create or replace function batch_allowance(run text, max_cost numeric default null)
returns numeric
language sql stable security invoker
set search_path from current
as $func$
    with rooms as (
        select b.usd - b.spent as usd
        from standing_budgets() as b
        union all
        select max_cost - coalesce(sum(
            case when b.state in ('preparing', 'creating', 'submitted') then b.estimate
                 else b.cost end), 0)
        from batches as b
        where b.run = batch_allowance.run
        having max_cost is not null
    )
    select min(r.usd) from rooms as r;
$func$;

-- ---------------------------------------------------------------------------------------------
-- list_batches(states, k) → the k newest batches in these states, newest first; null for all states.
-- ---------------------------------------------------------------------------------------------
create or replace function list_batches(states text[] default null, k int default 1000)
returns table (
    id bigint, remote_id text, model text, stages text[], state text, status text, requests int,
    answered int, unanswered int, tokens bigint, estimate numeric, cost numeric, base_url text,
    created_at timestamptz, submitted_at timestamptz, collected_at timestamptz, error text,
    token text, run text, settings jsonb, input_file text
)
language sql stable security invoker
set search_path from current
as $func$
    select b.id, b.remote_id, b.model, b.stages, b.state, b.status, b.requests, b.answered,
           b.unanswered, b.tokens, b.estimate, b.cost, b.base_url, b.created_at, b.submitted_at,
           b.collected_at, b.error, b.token, b.run, b.settings, b.input_file
    from batches as b
    where list_batches.states is null or b.state = any (list_batches.states)
    order by b.id desc
    limit check_k(k);
$func$;
