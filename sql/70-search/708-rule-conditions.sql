-- Conditions that rules make of products.

-- ---------------------------------------------------------------------------------------------
-- attribute_condition(name, value) → a condition over `products as p`: its attribute is this value, or a
-- list that has it; for a null value, it says yes (true, a number but 0, "in stock", not "no").
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.attribute_condition(name text, value text) returns text
language sql immutable parallel safe
return case when value is null then format(
        'coalesce(lower(p.attributes ->> %L) not in ('''', ''false'', ''0'', ''no'', ''n'', ''none'', ''off'','
        ' ''[]'', ''{}'', ''out of stock'', ''outofstock'', ''out_of_stock''), false)', name)
    else '(' || (
        select string_agg(format('p.attributes @> %L', jsonb_build_object(name, f.form)), ' or ')
        from (
            select t.form from (values (to_jsonb(value)), (jsonb_build_array(value))) as t (form)
            union all
            select t.form
            from (select case when value ~ '^(-?(0|[1-9]\d{0,30})(\.\d{1,30})?|true|false)$' then value::jsonb end as own) as o
            cross join lateral (values (o.own), (jsonb_build_array(o.own))) as t (form)
            where o.own is not null
        ) as f) || ')' end;

-- ---------------------------------------------------------------------------------------------
-- hidden_condition(rules) → a condition over `products as p` that hidden products do not meet, of the filters
-- in $1; null if the rules hide nothing. boost_factor(rules) → an expression over them: what the
-- score is multiplied by; null if nothing is boosted.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.hidden_condition(rules steering) returns text
language sql immutable parallel safe
return nullif(concat_ws(' and ',
    case when cardinality(rules.hidden) > 0 then 'p.id <> all ((($1).rules).hidden)' end,
    (select string_agg('not ' || attribute_condition(u.name, u.value), ' and ')
     from unnest(rules.hidden_attributes, rules.hidden_values) as u (name, value))), '');

create or replace function vitrina_internal.boost_factor(rules steering) returns text
language sql immutable parallel safe
return (
    select string_agg(format('case when %s then %s else 1 end',
                             case when u.id is not null then 'p.id = ' || u.id
                                  else attribute_condition(u.name, u.value) end, u.weight), ' * ')
    from unnest(rules.boosted, rules.boosted_attributes, rules.boosted_values, rules.weights) as u (id, name, value, weight));
