-- The answers of models: each stored once, found again, dropped on request.

-- ---------------------------------------------------------------------------------------------
-- find_generations(stage, model, prompt_version, input_hashes) → the stored answers to these inputs.
-- ---------------------------------------------------------------------------------------------
create or replace function find_generations(
    stage text, model text, prompt_version text, input_hashes bytea[]
) returns table (input_hash bytea, output jsonb)
language sql stable security invoker
set search_path from current
as $func$
    select g.input_hash, g.output
    from generations as g
    where g.stage = find_generations.stage
        and g.model = find_generations.model
        and g.prompt_version = find_generations.prompt_version
        and g.input_hash = any (input_hashes);
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_generations(generations) → how many were new. generations: a jsonb array of {stage, input_hash
-- (hex), provider, model, prompt_version, output, input_tokens, cached_tokens, output_tokens, cost (USD
-- or null), seconds}. Keeps answers that are stored already.
-- ---------------------------------------------------------------------------------------------
create or replace function put_generations(generations jsonb) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _count int;
    _good boolean;
begin
    with put as (
        insert into generations as g (
            stage, input_hash, provider, model, prompt_version, output,
            input_tokens, cached_tokens, output_tokens, cost, seconds)
        select name_or_null(r.stage), case when length(r.input_hash) between 2 and 128
                                            then decode(r.input_hash, 'hex') end,
               name_or_null(r.provider), name_or_null(r.model), name_or_null(r.prompt_version),
               r.output, coalesce(r.input_tokens, 0), coalesce(r.cached_tokens, 0),
               coalesce(r.output_tokens, 0), r.cost, r.seconds
        from jsonb_to_recordset(put_generations.generations) as r (
            stage text, input_hash text, provider text, model text, prompt_version text,
            output jsonb, input_tokens int, cached_tokens int, output_tokens int, cost numeric,
            seconds real)
        order by r.stage, r.input_hash
        on conflict (stage, input_hash, model, prompt_version) do nothing
        returning g.input_tokens, g.cached_tokens, g.output_tokens, g.cost, g.seconds
    )
    select count(*), bool_and(least(p.input_tokens, p.cached_tokens, p.output_tokens) >= 0
                              and (p.cost >= 0 and p.cost < 1000000) is not false
                              and (p.seconds >= 0 and p.seconds < 1000000) is not false)
    into _count, _good
    from put as p;
    if not _good then
        raise data_exception;
    end if;
    return _count;
exception when data_exception or integrity_constraint_violation then
    -- which row it was is looked for only now
    perform check_rows('generations', put_generations.generations,
        '{"stage": "name!", "input_hash": "hex!", "provider": "name!",
         "model": "name!", "prompt_version": "name!", "output": "any!",
         "input_tokens": "count", "cached_tokens": "count",
         "output_tokens": "count", "cost": "amount", "seconds": "amount"}');
    raise;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- drop_answers(stage, model, before, dry_run) → answers: how many stored answers it dropped; usd: their
-- cost, if known; unpriced: how many have no known price. A null filter is ignored; before: answers
-- stored earlier. With dry_run it only counts them. Products keep their results; asking again costs
-- again. The spend stays known, so budgets stay as they are: a row keeps its tokens and cost, without
-- its output, under a key that no request uses. Only for the owner of the schema.
-- ---------------------------------------------------------------------------------------------
create or replace function drop_answers(
    stage text default null, model text default null, before timestamptz default null,
    dry_run boolean default false
) returns table (answers bigint, usd numeric, unpriced bigint)
language sql volatile security invoker
set search_path from current
as $func$
    with found as materialized (
        select g.id, g.cost
        from generations as g
        where g.output <> 'null'
            and (drop_answers.stage is null or g.stage = drop_answers.stage)
            and (drop_answers.model is null or g.model = drop_answers.model)
            and (before is null or g.created_at < before)
        for update
    ),
    dropped as (
        update generations as g set
            output = 'null',
            input_hash = sha256(g.input_hash || convert_to('dropped ' || g.id, 'utf8'))
        from found as f
        where g.id = f.id and dry_run is not true
    )
    select count(*), coalesce(sum(f.cost), 0), count(*) filter (where f.cost is null)
    from found as f;
$func$;
