-- The words of a query by which conditions are recognised: data, in the table condition_words.

-- ---------------------------------------------------------------------------------------------
-- condition_form(body) → a text as condition_words has it: in lower case, without accents, with plain
-- quotes and dashes.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.condition_form(body text) returns text
language sql immutable parallel safe
return lower(folded_text(translate(body, '’‘´`‐‑‒–—−', '''''''''------')));

-- ---------------------------------------------------------------------------------------------
-- give_condition_words(): loads the rows of the temporary table given_conditions (kind, phrase,
-- language, value). Rows given earlier but missing now are deleted; a shop's own, and those that it
-- has switched off, stay.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.give_condition_words() returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    create temporary table new_conditions on commit drop as
    select distinct on (g.kind, w.phrase, g.language) g.kind, w.phrase, g.language, g.value
    from given_conditions as g
    cross join lateral (select condition_form(g.phrase) as phrase) as w
    order by g.kind, w.phrase, g.language, g.value;
    delete from condition_words as c
    where c.built_in and not exists (
        select from new_conditions as n
        where (n.phrase, n.kind, n.language) = (c.phrase, c.kind, c.language));
    insert into condition_words as c (phrase, kind, language, value, built_in)
    select n.phrase, n.kind, n.language, n.value, true from new_conditions as n
    on conflict (phrase, kind, language) do update set value = excluded.value where c.built_in;
    drop table new_conditions;
    analyze condition_words;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- mark_size(marks, place, kind) → of how many words the phrase of this kind is that begins at a place of
-- a typed query; 0 for none. mark_value(…) → its value. lead_size(marks, place, kind) → the same of the
-- phrase that ends right before the place.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.mark_size(marks jsonb, place int, kind text) returns int
language sql immutable parallel safe
return coalesce((marks -> place::text -> kind ->> 0)::int, 0);

create or replace function vitrina_internal.mark_value(marks jsonb, place int, kind text) returns text
language sql immutable parallel safe
return coalesce(marks -> place::text -> kind ->> 1, '');

create or replace function vitrina_internal.lead_size(marks jsonb, place int, kind text) returns int
language sql immutable parallel safe
return case when mark_size(marks, place - 3, kind) = 3 then 3
            when mark_size(marks, place - 2, kind) = 2 then 2
            when mark_size(marks, place - 1, kind) = 1 then 1
            else 0 end;

-- ---------------------------------------------------------------------------------------------
-- typed_query(query) → a query in its parts, with the phrases of condition_words in it; null if there
-- is nothing by which a condition begins. Looks at 48 parts.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.typed_query(query text) returns typed_query
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _typed typed_query;
    _begins boolean;
    _form text := condition_form(left(query, 2000));
begin
    -- most queries have no word by which a condition begins, and no number with a sign
    if query !~ '[€$£¥₹<>≤≥]|[0-9][a-zA-Z]|[a-zA-Z][0-9]|[nN][oO][nN]-' and not (
        select coalesce(bool_or(k.kind in ('without', 'not')), false)
               -- "for" may say a price, but not without a number
               or coalesce(bool_or(k.kind not in ('without', 'not', 'number')), false)
                  and (bool_or(k.kind = 'number') or _form ~ '[0-9]')
        from string_to_table(translate(_form, e',.;:!?()[]{}"\t\n' || chr(160) || chr(8239), repeat(' ', 16)), ' ') as u (word)
        cross join lateral (
            select w.kind
            from condition_words as w
            where w.phrase >= u.word collate "C" and w.phrase < (u.word || '!') collate "C"
                and w.kind in ('without', 'not', 'max', 'min', 'between', 'from', 'about', 'or_less', 'or_more',
                               'currency', 'price', 'number') and w.used
            offset 0) as k -- one look into the index a word, not a scan
        where u.word <> '') then
        return null;
    end if;
    _typed.said := array(
        select m.found[1]
        from regexp_matches(left(translate(query, chr(160) || chr(8239), '  '), 2000),
                            '-?"[^"]*"|[0-9]+"|[<>≤≥]=?|[^\s"<>≤≥]+', 'g') with ordinality as m (found, place)
        order by m.place);
    _typed.plain := array(
        -- not the sign of an inch
        select case when u.part !~ '^-?"|^-[[:alpha:]]' then nullif(regexp_replace(
            condition_form(btrim(u.part, '.,;:!?()[]{}…„“”«»')), '^[ld]''(?=[a-z])', ''), '') end
        from unnest(_typed.said[:48]) with ordinality as u (part, place)
        order by u.place);
    _typed.ends := array(
        select u.part ~ '[.,;:!?)]$'
        from unnest(_typed.said[:48]) with ordinality as u (part, place)
        order by u.place);
    select jsonb_object_agg(m.place, m.kinds), bool_or(m.begins) into _typed.marks, _begins
    from (
        select m.place, jsonb_object_agg(m.kind, jsonb_build_array(m.size, m.value)) as kinds,
               bool_or(m.kind in ('without', 'not', 'max', 'min', 'between', 'from', 'about', 'or_less',
                                  'or_more', 'currency', 'price')) as begins
        from (
            select distinct on (p.place, w.kind) p.place, w.kind, s.size, w.value
            from generate_series(1, cardinality(_typed.plain)) as p (place)
            cross join generate_series(1, 5) as s (size)
            join condition_words as w
                on w.phrase = array_to_string(_typed.plain[p.place:p.place + s.size - 1], ' ', '"')
            where p.place + s.size - 1 <= cardinality(_typed.plain) and w.used and w.kind <> 'thing'
            order by p.place, w.kind, s.size desc, w.value
        ) as m
        group by m.place
    ) as m;
    if _begins is true or exists (
        -- 50€, non-leather
        select from unnest(_typed.plain) as u (part) where u.part ~ '[€$£¥₹]|^[0-9.,]+[a-z]+$|^[a-z]+[0-9]|^non-') then
        return _typed;
    end if;
    return null;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- typed_words(typed, first, last) → these parts of a typed query as they were typed, without the signs
-- around them.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.typed_words(typed typed_query, first int, last int) returns text
language sql immutable parallel safe
return btrim(array_to_string(typed.said[first:last], ' '), '.,;:!?()[]{}…„“”«»');
