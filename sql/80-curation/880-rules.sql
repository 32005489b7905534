-- Rules of searches: setting, listing, removing and restoring them.

-- ---------------------------------------------------------------------------------------------
-- rule_text(given, name) → a field of a rule as text: of a text, a number or a boolean; null if it is empty.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rule_text(given jsonb, name text) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if jsonb_typeof(given -> name) in ('array', 'object') then
        raise exception '% must be a text or a number, not %', name, left((given -> name)::text, 100)
            using errcode = 'VT004', hint = 'give one value; for several, give several rules';
    end if;
    if length(given ->> name) > 2000 then
        raise exception '% must have at most 2000 characters', name using errcode = 'VT004',
            hint = 'give a shorter text';
    end if;
    return nullif(btrim(given ->> name), '');
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- rule_product(given) → the product that a rule names, by product_id, or external_id and its source if several
-- have it; null if it names none. Raises VT003 for an unknown one, and names the nearest.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rule_product(given jsonb) returns bigint
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _id text := rule_text(given, 'product_id');
    _external_id text := rule_text(given, 'external_id');
    _source text := rule_text(given, 'source');
    _found bigint[];
begin
    if _external_id is not null then
        if _source is not null then
            return (products_named(_source, array[_external_id]))[1];
        end if;
        select array_agg(p.id) into _found from products as p where p.external_id = _external_id;
        if cardinality(_found) > 1 then
            raise exception 'several sources have a product %', quote_literal(left(_external_id, 100))
                using errcode = 'VT004', hint = 'name its source too';
        end if;
        if _found is null then
            raise exception 'product % not found', quote_literal(left(_external_id, 100))
                using errcode = 'VT003', hint = nearest_hint(
                    _external_id, near_products(_external_id), 'see: select external_id from vitrina.catalog');
        end if;
        return _found[1];
    end if;
    if _id is null then
        return null;
    end if;
    if _id ~ '^\d{1,18}$' then
        select array[p.id] into _found from products as p where p.id = _id::bigint;
    end if;
    if _found is null then
        raise exception 'product % not found', left(_id, 100) using errcode = 'VT003',
            hint = 'see: select product_id, title from vitrina.catalog';
    end if;
    return _found[1];
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- rule_time(given, name) → a field of a rule as a time; null if it is empty.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rule_time(given jsonb, name text) returns timestamptz
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _said text := rule_text(given, name);
begin
    return _said::timestamptz;
exception when data_exception then
    raise exception '% is no date: %', name, quote_literal(left(_said, 100))
        using errcode = 'VT004', hint = 'like 2026-11-27, or 2026-11-27 18:00';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- parse_rule(given) → a rule, from a JSON object as put_rules takes it. Raises VT003 and VT004, see there.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.parse_rule(given jsonb) returns rules
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _known constant text[] := array['query', 'action', 'product_id', 'source', 'external_id', 'attribute', 'value',
        'weight', 'position', 'valid_from', 'valid_to', 'id', 'title', 'state', 'role', 'created_at', 'removed_at'];
    _rule rules;
    _wrong text;
    _unknown record;
begin
    if jsonb_typeof(given) is distinct from 'object' then
        raise exception 'a rule must be a JSON object, not %', coalesce(left(given::text, 100), 'null')
            using errcode = 'VT004', hint = 'like {"query": "sofa", "action": "pin", "external_id": "FU-107"}';
    end if;
    select k.key into _wrong from jsonb_object_keys(given) as k (key) where k.key <> all (_known) limit 1;
    if found then
        raise exception 'a rule has no field %', quote_literal(left(_wrong, 100)) using errcode = 'VT004',
            hint = 'its fields are ' || array_to_string(_known[:11], ', ');
    end if;
    _rule.query := rule_text(given, 'query');
    _rule.action := lower(rule_text(given, 'action'));
    perform check_word('action', _rule.action, 'pin', 'hide', 'boost');
    _rule.product_id := rule_product(given);
    _rule.attribute := rule_text(given, 'attribute');
    _rule.value := rule_text(given, 'value');
    if (_rule.product_id is null) = (_rule.attribute is null) then
        raise exception 'a rule is about one product, or about one attribute' using errcode = 'VT004',
            hint = 'give external_id or product_id, or attribute and its value';
    end if;
    if _rule.action = 'pin' and _rule.product_id is null then
        raise exception 'only a product can be pinned, not an attribute' using errcode = 'VT004',
            hint = 'boost the attribute, with a weight of 10 or more';
    end if;
    if _rule.attribute is not null then
        select u.nearest into _unknown from unknown_names(attributes => array[_rule.attribute]) as u;
        if found then
            raise exception 'attribute % not found', quote_literal(left(_rule.attribute, 100)) using errcode = 'VT003',
                hint = nearest_hint(_rule.attribute, _unknown.nearest, 'name an attribute of products');
        end if;
    end if;
    _wrong := rule_text(given, 'weight');
    if _rule.action = 'boost' then
        if coalesce(_wrong !~ '^\d{1,4}(\.\d{1,9})?$' or _wrong::numeric not between 0.001 and 1000, true) then
            raise exception 'the weight of a boost must be 0.001 to 1000, not %', coalesce(left(_wrong, 100), 'null')
                using errcode = 'VT004', hint = 'the score is multiplied by it: 1.2 lifts a little, 0.5 lowers';
        end if;
        _rule.weight := _wrong;
    elsif _wrong is not null then
        raise exception 'only a boost has a weight' using errcode = 'VT004', hint = 'leave the weight out';
    end if;
    _wrong := rule_text(given, 'position');
    if _rule.action = 'pin' then
        if _wrong !~ '^[1-9]\d{0,5}$' then
            raise exception 'the position of a pin must be 1 or more, not %', left(_wrong, 100)
                using errcode = 'VT004', hint = '1 is the first; without it the pin comes behind the others';
        end if;
        _rule.position := _wrong;
    elsif _wrong is not null then
        raise exception 'only a pin has a position' using errcode = 'VT004', hint = 'leave the position out';
    end if;
    _rule.valid_from := rule_time(given, 'valid_from');
    _rule.valid_to := rule_time(given, 'valid_to');
    if _rule.valid_from >= _rule.valid_to then
        raise exception 'the rule ends before it begins' using errcode = 'VT004',
            hint = 'give a valid_to after valid_from';
    end if;
    return _rule;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- rule_remark(rule, near) → why a rule changes no search as things are: it has ended, or no product has its
-- value; null if it may. near: name the nearest values, of the first products.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rule_remark(rule rules, near boolean) returns text
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _met boolean;
    _values text[];
begin
    if rule.valid_to <= now() then
        return format('valid_to is past (%s): the rule never holds', to_char(rule.valid_to, 'YYYY-MM-DD HH24:MI'));
    end if;
    if rule.value is null then
        return null;
    end if;
    execute format('select exists (select from vitrina.products as p where %s)',
                   attribute_condition(rule.attribute, rule.value)) into _met;
    if _met then
        return null;
    end if;
    if near then
        _values := array(
            select distinct left(e.item #>> '{}', 100) as value
            from (select p.attributes from products as p order by p.id limit 2000) as p
            cross join lateral jsonb_path_query(p.attributes -> rule.attribute, '$[*]') as e (item)
            order by value);
        _values := nearest_names(rule.value, _values);
    end if;
    return format('no product has %s %s%s', rule.attribute, quote_literal(left(rule.value, 100)),
                  '; nearest: ' || nullif(array_to_string(_values, ', '), ''));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_rules(rules, prune) → the id and the state (added, changed, unchanged) of each rule, in their order;
-- remark: why it changes no search as things are (it has ended, no product has its value), else null.
-- rules: a jsonb array of at most 10,000 objects: query (none: of every search; else of all that mean the
-- same), action (pin, hide, boost), and a product (external_id, with its source if several have it, or product_id)
-- or an attribute, with a value or without (then: any that says yes, as in_stock); weight of a boost:
-- the score is multiplied by it; position of a pin: without it behind the others; valid_from, valid_to.
-- Fields of list_rules that say nothing of a rule are ignored. A rule for the same query, action, and product or
-- attribute is changed. prune: these are all rules, others are removed. Raises VT003 for an unknown
-- product or attribute, VT004 for a wrong field; the message names the rule; then nothing has changed.
-- ---------------------------------------------------------------------------------------------
create or replace function put_rules(rules jsonb, prune boolean default false)
returns table (id bigint, state text, remark text)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _row jsonb;
    _nr int := 0;
    _rule rules;
    _old rules;
    _ids bigint[] := '{}';
    _state text;
    _hint text;
begin
    if jsonb_typeof(rules) is distinct from 'array' or jsonb_array_length(rules) > 10000 then
        raise exception 'rules must be a JSON array of at most 10000 objects' using errcode = 'VT004',
            hint = 'like [{"query": "sofa", "action": "pin", "external_id": "FU-107"}]';
    end if;
    perform pg_advisory_xact_lock(hashtext('vitrina.rules'));
    for _row in select e.value from jsonb_array_elements(rules) as e loop
        _nr := _nr + 1;
        begin
            _rule := parse_rule(_row);
        exception when sqlstate 'VT003' or sqlstate 'VT004' then
            get stacked diagnostics _hint = pg_exception_hint;
            raise exception 'row % of rules: %', _nr, sqlerrm using errcode = sqlstate, hint = _hint;
        end;
        select r.* into _old
        from vitrina.rules as r
        where r.removed_at is null and r.action = _rule.action and r.product_id is not distinct from _rule.product_id
            and r.attribute is not distinct from _rule.attribute and r.value is not distinct from _rule.value
            and normal_form(r.query) is not distinct from normal_form(_rule.query)
        order by r.id limit 1;
        if _rule.action = 'pin' then
            _rule.position := coalesce(_rule.position, _old.position, (
                select max(r.position) from vitrina.rules as r
                where r.removed_at is null and r.action = 'pin'
                    and normal_form(r.query) is not distinct from normal_form(_rule.query)) + 1, 1);
        end if;
        if _old.id is null then
            insert into vitrina.rules as r (query, forms, action, product_id, attribute, value, weight, position,
                                            valid_from, valid_to)
            values (_rule.query, coalesce(rule_forms(_rule.query), '{}'), _rule.action, _rule.product_id, _rule.attribute,
                    _rule.value, _rule.weight, _rule.position, _rule.valid_from, _rule.valid_to)
            returning r.id into id;
            _state := 'added';
        else
            id := _old.id;
            _state := 'unchanged';
            if (_old.weight, _old.position, _old.valid_from, _old.valid_to)
                is distinct from (_rule.weight, _rule.position, _rule.valid_from, _rule.valid_to) then
                update vitrina.rules as r
                set weight = _rule.weight, position = _rule.position, valid_from = _rule.valid_from,
                    valid_to = _rule.valid_to
                where r.id = _old.id;
                _state := 'changed';
            end if;
        end if;
        state := _state;
        remark := rule_remark(_rule, _nr <= 20);
        _ids := _ids || id;
        return next;
    end loop;
    if prune then
        update vitrina.rules as r set removed_at = now() where r.removed_at is null and r.id <> all (_ids);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- list_rules(for_query, removed, k) → the rules: first those for all searches, then by query; pins, hides, boosts.
-- for_query: only those that hold now for a search of these words. removed: those that were removed, the latest
-- first, instead. state: holds, planned (not yet), ended or removed.
-- ---------------------------------------------------------------------------------------------
create or replace function list_rules(for_query text default null, removed boolean default false, k int default null)
returns table (
    id bigint, query text, action text, source text, external_id text, title text, attribute text, value text,
    weight real, "position" int, valid_from timestamptz, valid_to timestamptz, state text, role text,
    created_at timestamptz, removed_at timestamptz
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _ids bigint[];
begin
    perform check_k(list_rules.k);
    if list_rules.for_query is not null then
        _ids := array(select r.id from rules_for(list_rules.for_query) as r);
    end if;
    return query
    select r.id, r.query, r.action, s.name, p.external_id, p.title, r.attribute, r.value, r.weight, r.position,
           r.valid_from, r.valid_to,
           case when r.removed_at is not null then 'removed'
                when r.valid_from > now() then 'planned'
                when r.valid_to <= now() then 'ended' else 'holds' end,
           r.role, r.created_at, r.removed_at
    from rules as r
    left join products as p on p.id = r.product_id
    left join vitrina.sources as s on s.id = p.source_id
    where (r.removed_at is not null) = coalesce(list_rules.removed, false)
        and (_ids is null or r.id = any (_ids))
    order by r.removed_at desc, r.query nulls first,
             array_position(array['pin', 'hide', 'boost'], r.action), r.position, r.id
    limit list_rules.k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- remove_rules(ids) → how many rules it removed. A removed rule is kept: list_rules shows it, and
-- restore_rules brings it back. Raises VT003 for an id that no rule has; then nothing has changed.
-- ---------------------------------------------------------------------------------------------
create or replace function remove_rules(ids bigint[]) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    return set_removed(ids, true);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- restore_rules(ids) → how many removed rules hold again; see remove_rules. Raises VT004 for a rule whose query,
-- action, and product or attribute another has by now: only one of them can hold.
-- ---------------------------------------------------------------------------------------------
create or replace function restore_rules(ids bigint[]) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    return set_removed(ids, false);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- set_removed(ids, removed) → how many rules are removed now, or restored.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.set_removed(ids bigint[], removed boolean) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _wrong bigint;
    _same bigint;
    _count int;
begin
    perform pg_advisory_xact_lock(hashtext('vitrina.rules'));
    select u.id into _wrong
    from unnest(ids) as u (id)
    where not exists (select from rules as r where r.id = u.id and (r.removed_at is null) = removed)
    limit 1;
    if found then
        raise exception '% % not found', case when removed then 'rule' else 'removed rule' end, coalesce(_wrong::text, 'null')
            using errcode = 'VT003', hint = case when removed then 'see: vitrina rules list'
                                                 else 'see: vitrina rules list --removed' end;
    end if;
    if not removed then
        select r.id, o.id into _wrong, _same
        from rules as r
        join rules as o on o.id <> r.id and (o.removed_at is null or o.id = any (ids))
            and (o.action, o.product_id, o.attribute, o.value, normal_form(o.query))
                is not distinct from (r.action, r.product_id, r.attribute, r.value, normal_form(r.query))
        where r.id = any (ids)
        order by r.id, o.id limit 1;
        if found then
            raise exception 'rule % cannot be restored: rule % is about the same', _wrong, _same using errcode = 'VT004',
                hint = 'restore one of them; a rule that holds is removed first: vitrina rules remove ' || _same;
        end if;
    end if;
    -- the words of a removed rule are not followed: what they are known by may be another
    update rules as r
    set removed_at = case when removed then now() end,
        forms = case when removed then r.forms else coalesce(rule_forms(r.query), '{}') end
    where r.id = any (ids) and (r.removed_at is null) = removed;
    get diagnostics _count = row_count;
    return _count;
end
$func$;
