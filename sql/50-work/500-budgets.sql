-- What may be spent: budgets, and what was spent in their periods.

-- ---------------------------------------------------------------------------------------------
-- standing_budgets() → each budget: its period, its USD, what the present period has spent of them, and what is
-- left. Spent is what is stored, and what open batches may still cost by their estimates: their answers will come.
-- ---------------------------------------------------------------------------------------------
create or replace function standing_budgets() returns table (period text, usd numeric, spent numeric, usd_left numeric)
language sql stable security invoker
set search_path from current
as $func$
    select s.period, s.usd, s.spent, greatest(s.usd - s.spent, 0)
    from (
        select b.period, b.usd, coalesce(sum(g.cost), 0) + (
                   select coalesce(sum(greatest(o.estimate - coalesce(o.cost, 0), 0)), 0)
                   from batches as o
                   where o.state in ('preparing', 'creating', 'submitted')) as spent
        from budgets as b
        left join generations as g on b.period = 'total'
            or g.created_at >= date_trunc(b.period, now())
        group by b.period, b.usd) as s
    order by array_position(array['day', 'month', 'total'], s.period);
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_budget(beyond) → the USD left of the budget that ends first; null without budgets. beyond: USD
-- that are spent but not stored yet. Open batches count as spent. Raises VT005 if the budget of a period is
-- spent.
-- ---------------------------------------------------------------------------------------------
create or replace function check_budget(beyond numeric default 0, out usd_left numeric)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _budget record;
begin
    for _budget in
        select b.period, b.usd, b.spent + coalesce(beyond, 0) as spent from standing_budgets() as b
    loop
        if _budget.spent >= _budget.usd then
            raise exception 'the budget of % USD (%) is spent: % USD',
                _budget.usd, _budget.period, round(_budget.spent, 4) using errcode = 'VT005',
                hint = 'raise it: vitrina cost --budget USD --period ' || _budget.period;
        end if;
        usd_left := least(usd_left, _budget.usd - _budget.spent);
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- set_budget(usd, period): sets the most to spend a day, a month, or in total; null removes it.
-- ---------------------------------------------------------------------------------------------
create or replace function set_budget(usd numeric, period text default 'total') returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    perform check_word('period', period, 'day', 'month', 'total');
    if not usd between 0 and 99999999 then
        raise exception 'a budget must be 0 to 99999999 USD, not %', left(usd::text, 40)
            using errcode = 'VT004', hint = 'null removes the budget';
    end if;
    delete from budgets as b where b.period = set_budget.period;
    insert into budgets (period, usd)
    select set_budget.period, set_budget.usd where set_budget.usd is not null;
end
$func$;
