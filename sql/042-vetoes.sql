-- Vetoes: why two terms may never be one keyword, however near their vectors are.

-- ---------------------------------------------------------------------------------------------
-- _numbers(form) → the numbers in it, each with its unit where that is a measure; sorted.
-- ---------------------------------------------------------------------------------------------
create or replace function _numbers(form text) returns text[]
language sql immutable parallel safe
return array(
    select m.found[1]
    from regexp_matches(form, '\d+(?:[./]\d+)*(?: (?:inch|mm|g|mg|oz|ml|gal|qt|pt|w|v|a|mah|gb|mb|'
        'hz|mhz|ghz|k|ct|month|day|minute|second|degree|percent|ply|rpm)\M)?', 'g') as m (found)
    order by m.found[1]);

-- ---------------------------------------------------------------------------------------------
-- _contrast(a, b) → the group of `contrasts` from which one canonical form has a term and the other
-- has another, as "group: term / term"; null where there is none.
-- ---------------------------------------------------------------------------------------------
create or replace function _contrast(a text[], b text[]) returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    with l as materialized (
        select distinct on (c.contrast_group, c.key) c.contrast_group, c.key, c.term
        from _phrases(a) as p join contrasts as c on c.key = p.key
        order by c.contrast_group, c.key, c.term
    ), r as materialized (
        select distinct on (c.contrast_group, c.key) c.contrast_group, c.key, c.term
        from _phrases(b) as p join contrasts as c on c.key = p.key
        order by c.contrast_group, c.key, c.term
    )
    select l.contrast_group || ': ' || l.term || ' / ' || r.term
    from l join r using (contrast_group)
    where l.key <> r.key
        and not exists (select from r as o where (o.contrast_group, o.key) = (l.contrast_group, l.key))
        and not exists (select from l as o where (o.contrast_group, o.key) = (r.contrast_group, r.key))
    order by length(l.key) + length(r.key) desc, l.contrast_group, l.term, r.term
    limit 1;
$func$;

-- ---------------------------------------------------------------------------------------------
-- _form_veto(a, b, narrower) → why two canonical forms may not be one keyword, or null. The first
-- that applies of: numbers ("3 / 4"), negation (sugar free / sugar), contrast (black / white, with
-- the group), known (both are in the thesaurus, as different things), narrower (one has more words:
-- "side table", "table"; where `narrower` asks for it), words (those that differ are not near).
-- ---------------------------------------------------------------------------------------------
create or replace function _form_veto(a text, b text, narrower boolean default true) returns text
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
declare
    _a text[] := string_to_array(a, ' ');
    _b text[] := string_to_array(b, ' ');
    _only_a text[];
    _only_b text[];
    _why text;
    _near real;
begin
    if a = b then
        return null;
    end if;
    if (a ~ '\d' or b ~ '\d') and _numbers(a) <> _numbers(b) then
        return format('numbers: %s / %s', coalesce(nullif(array_to_string(_numbers(a), ', '), ''), 'none'),
                      coalesce(nullif(array_to_string(_numbers(b), ', '), ''), 'none'));
    end if;
    _only_a := array(select u.word from unnest(_a) with ordinality as u (word, place)
                     where u.word <> all (_b) order by u.place);
    _only_b := array(select u.word from unnest(_b) with ordinality as u (word, place)
                     where u.word <> all (_a) order by u.place);
    -- a word and its opposite
    if ('without' = any (_only_a)) <> ('without' = any (_only_b)) then
        return format('negation: %s / %s', a, b);
    end if;
    if _only_a <> '{}' and _only_b <> '{}' then
        select format('negation: %s / %s', l.word, r.word) into _why
        from unnest(_only_a) as l (word)
        join unnest(_only_b) as r (word)
            on r.word = any (array['un' || l.word, 'non' || l.word, 'in' || l.word, 'anti' || l.word, 'de' || l.word])
            or l.word = any (array['un' || r.word, 'non' || r.word, 'in' || r.word, 'anti' || r.word, 'de' || r.word])
        limit 1;
        if found then
            return _why;
        end if;
    end if;
    _why := 'contrast, ' || _contrast(_a, _b);
    if _why is not null then
        return _why;
    end if;
    if _only_a = '{}' and _only_b = '{}' then
        -- "dress shirt" and "shirt dress": each is what its last word says
        if _a[cardinality(_a)] <> _b[cardinality(_b)] and 2 = (
            select count(distinct t.key) from thesaurus as t
            where t.facet = 'type' and t.key in (_a[cardinality(_a)], _b[cardinality(_b)]))
        then
            return format('order: %s / %s', a, b);
        end if;
        return null;
    end if;
    if (select count(*) from (values (_squash(a)), (_squash(b))) as v (key)
        where exists (select from thesaurus as t where t.key = v.key)) = 2
        or _only_a <> '{}' and _only_b <> '{}' and
        (select count(*) from (values (_squash(array_to_string(_only_a, ' '))),
                                      (_squash(array_to_string(_only_b, ' ')))) as v (key)
         where exists (select from thesaurus as t where t.key = v.key)) = 2
    then
        return format('known: %s / %s are different things', a, b);
    end if;
    if _only_a = '{}' or _only_b = '{}' then
        return case when narrower then format('narrower: %s has more to it (%s)',
            case when _only_a = '{}' then b else a end, array_to_string(_only_a || _only_b, ' ')) end;
    end if;
    if cardinality(_only_a) < cardinality(_a) then
        -- the words they share bring any two terms near: what differs must be near by itself
        _near := 1 - (embed_text(array_to_string(_only_a, ' ')) <=> embed_text(array_to_string(_only_b, ' ')));
        if coalesce(_near, 0) < 0.6 then
            return format('words: %s / %s', array_to_string(_only_a, ' '), array_to_string(_only_b, ' '));
        end if;
    end if;
    return null;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _facets_differ(a, b): both are known and they are not the same; 'other' says nothing.
-- ---------------------------------------------------------------------------------------------
create or replace function _facets_differ(a text, b text) returns boolean
language sql immutable parallel safe
return coalesce(nullif(a, 'other') <> nullif(b, 'other'), false);

-- ---------------------------------------------------------------------------------------------
-- _distinct(a, b) → 'distinct: decided by hand' or 'by a judge', where that was decided of the
-- two terms in normal form; else null.
-- ---------------------------------------------------------------------------------------------
create or replace function _distinct(a text, b text) returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select 'distinct: decided by ' || case d.method when 'manual' then 'hand' else 'a judge' end
    from keyword_distinctions as d
    where d.term_a = least(a, b) and d.term_b = greatest(a, b);
$func$;

-- ---------------------------------------------------------------------------------------------
-- _veto(a, b) → why two terms in normal form may never be one keyword under the policy in force,
-- in words of a shop ("numbers: 3 / 4", "contrast, color: black / white"), or null.
-- ---------------------------------------------------------------------------------------------
create or replace function _veto(a text, b text) returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(_distinct(a, b), case when p.mode = 'strict' then _form_veto(
        (_canonical_form(a)).canonical, (_canonical_form(b)).canonical, not p.merge_narrower) end)
    from keyword_policy as p;
$func$;
