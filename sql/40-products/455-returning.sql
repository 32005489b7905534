-- What people decided of a product of an attached source outlives its leaving: a shop takes a product off
-- its list and lists it again, or fills its table anew.

-- ---------------------------------------------------------------------------------------------
-- keep_decisions(): the trigger by which a product that leaves an attached source leaves its number, the keywords
-- that a person set, its rules and its judgements in left_products. The other products leave nothing. It
-- runs in the shop's transaction.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keep_decisions() returns trigger
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    if exists (select from attachments as a where a.source_id = old.source_id) then
        insert into left_products as l
            (source_id, external_id, product_id, given_keywords, rules, judgements, judgement_doubts)
        select old.source_id, old.external_id, old.id, d.given, d.rules, d.judgements, d.doubts
        from (
            select (select to_jsonb(g) from given_keywords as g where g.product_id = old.id) as given,
                   (select jsonb_agg(to_jsonb(r)) from rules as r where r.product_id = old.id) as rules,
                   (select jsonb_agg(to_jsonb(j)) from judgements as j where j.product_id = old.id) as judgements,
                   (select jsonb_agg(to_jsonb(o)) from judgement_doubts as o where o.product_id = old.id) as doubts
            offset 0 -- each is looked up once
        ) as d
        where num_nonnulls(d.given, d.rules, d.judgements, d.doubts) > 0
        on conflict (source_id, external_id) do update set
            product_id = excluded.product_id, given_keywords = excluded.given_keywords, rules = excluded.rules,
            judgements = excluded.judgements, judgement_doubts = excluded.judgement_doubts, left_at = now();
    end if;
    return old;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- take_back(source_id, products) → the ids of those of these rows (see put_products) that had left with
-- decisions of people. They are products again under their old numbers, which the history of the vocabulary
-- names, with these decisions, in the words of now; what else they are is still to be written.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.take_back(source_id int, products jsonb) returns bigint[]
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _back left_products[];
    _ids bigint[];
    _given bigint[];
begin
    if not exists (select from left_products as l where l.source_id = take_back.source_id) then
        return '{}';
    end if;
    perform hold_keywords(); -- before any product is locked
    with back as (
        delete from left_products as l
        using (select distinct g.external_id
               from jsonb_to_recordset(take_back.products) as g (external_id text)) as g
        where l.source_id = take_back.source_id and l.external_id = g.external_id and not exists (
            select from vitrina.products as p
            where p.source_id = l.source_id and p.external_id = l.external_id)
        returning l as row
    )
    select array_agg(b.row), array_agg((b.row).product_id),
           array_agg((b.row).product_id) filter (where (b.row).given_keywords is not null)
    into _back, _ids, _given
    from back as b;
    if _back is null then
        return '{}';
    end if;
    -- an undo may have taken the alias of a term meanwhile
    perform learn_terms(array(
        select distinct t.term
        from unnest(_back) as b
        cross join lateral jsonb_array_elements_text(b.given_keywords -> 'terms') as t (term)
        order by t.term));
    -- an empty text is in no product: whoever writes all of them finds these changed
    insert into vitrina.products (id, source_id, external_id, title, text, input_hash) overriding system value
    select distinct on (b.product_id) b.product_id, b.source_id, b.external_id, g.title, '', ''
    from unnest(_back) as b
    join jsonb_to_recordset(take_back.products) as g (external_id text, title text) on g.external_id = b.external_id
    order by b.product_id;
    insert into given_keywords
    select r.* from unnest(_back) as b
    cross join lateral jsonb_populate_record(null::given_keywords, b.given_keywords) as r
    where b.given_keywords is not null;
    insert into rules overriding system value
    select r.* from unnest(_back) as b
    cross join lateral jsonb_populate_recordset(null::rules, b.rules) as r;
    update rules as r set forms = coalesce(rule_forms(r.query), '{}')
    where r.product_id = any (_ids) and r.forms is distinct from coalesce(rule_forms(r.query), '{}');
    insert into judgements
    select r.* from unnest(_back) as b
    cross join lateral jsonb_populate_recordset(null::judgements, b.judgements) as r;
    insert into judgement_doubts
    select r.* from unnest(_back) as b
    cross join lateral jsonb_populate_recordset(null::judgement_doubts, b.judgement_doubts) as r;
    if _given is not null then
        perform write_terms(jsonb_agg(jsonb_build_object(
            'product_id', g.product_id, 'terms', given_terms(g.terms))))
        from given_keywords as g where g.product_id = any (_given);
        perform refresh_keywords(_given);
    end if;
    return _ids;
end
$func$;
