-- Vetoes: why two terms may never be the same keyword, however near their vectors are.

-- ---------------------------------------------------------------------------------------------
-- numbers_in(form) → the numbers in it, each with its unit if that is a measure; sorted.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.numbers_in(form text) returns text[]
language sql immutable parallel safe
return array(
    select m.found[1]
    from regexp_matches(form, '\d+(?:[./]\d+)*(?: (?:inch|mm|g|mg|oz|ml|gal|qt|pt|w|v|a|mah|gb|mb|'
        'hz|mhz|ghz|k|ct|month|day|minute|second|degree|percent|ply|rpm)\M)?', 'g') as m (found)
    order by m.found[1]);

-- ---------------------------------------------------------------------------------------------
-- marks_contrast(a, b) → from two lists of marks, the terms of a group that differ ("color: black /
-- white"), or null. Terms in both lists are ignored.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.marks_contrast(a text[], b text[]) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _l text;
    _r text;
    _terms text;
    _why text;
    _best text := '';
begin
    foreach _l in array a loop
        continue when _l = any (b);
        foreach _r in array b loop
            if split_part(_l, ': ', 1) = split_part(_r, ': ', 1) and _r <> all (a) then
                _terms := split_part(_l, ': ', 2) || ' / ' || split_part(_r, ': ', 2);
                -- the longest terms say most ("bar stool / step stool"); the shortest name of a group
                -- is the broadest ("color", "tea kind")
                if length(_terms) > length(_best)
                    or length(_terms) = length(_best) and length(_l) < length(_why) then
                    _why := _l;
                    _best := _terms;
                end if;
            end if;
        end loop;
    end loop;
    return split_part(_why, ': ', 1) || ': ' || nullif(_best, '');
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- negation_veto(a, only_a, b, only_b) → "negation: sugar free / sugar" where one of two terms denies
-- what the other says, by a word or by the beginning of one; else null. only_a, only_b: the words that
-- one has and the other has not.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.negation_veto(
    a text, only_a text[], b text, only_b text[]
) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _denials constant text[] := '{without,non,not,no,anti,free}';
    _word text;
    _opposite text;
begin
    if only_a && _denials <> only_b && _denials then
        return format('negation: %s / %s', a, b);
    end if;
    foreach _word in array only_a loop
        foreach _opposite in array only_b loop
            if length(_opposite) > length(_word) and _opposite like '%' || _word
                    and left(_opposite, -length(_word)) in ('un', 'non', 'in', 'im', 'anti', 'de')
                or length(_opposite) < length(_word) and _word like '%' || _opposite
                    and left(_word, -length(_opposite)) in ('un', 'non', 'in', 'im', 'anti', 'de')
            then
                return format('negation: %s / %s', _word, _opposite);
            end if;
        end loop;
    end loop;
    return null;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- words_veto(a, b) → "words: …" where these words, in which two terms differ, are not near by
-- themselves: those that the terms share bring any two terms near. Else null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.words_veto(a text, b text) returns text
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
begin
    return case when coalesce(1 - (embed_text(a) operator(@vector@.<=>) embed_text(b)), 0)::real < 0.75
                then format('words: %s / %s', a, b) end;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- form_veto(a, a_marks, b, b_marks, narrower) → why two canonical forms may not be the same keyword,
-- or null. The first that applies of: numbers ("3 / 4"), negation (sugar free / sugar), contrast
-- (black / white, with the group), order (dress shirt / shirt dress), known (the thesaurus has both
-- as different things), narrower (one form has more words: "side table", "table"; only if
-- `narrower`), words (the words that differ are not near each other).
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.form_veto(
    a text, a_marks text[], b text, b_marks text[], narrower boolean default true
) returns text
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _a text[] := string_to_array(a, ' ');
    _b text[] := string_to_array(b, ' ');
    _only_a text[] := '{}';
    _only_b text[] := '{}';
    _word text;
    _why text;
    _keys text[];
    _known text[];
begin
    if a = b then
        return null;
    end if;
    if (a ~ '\d' or b ~ '\d') and numbers_in(a) <> numbers_in(b) then
        return format('numbers: %s / %s', coalesce(nullif(array_to_string(numbers_in(a), ', '), ''), 'none'),
                      coalesce(nullif(array_to_string(numbers_in(b), ', '), ''), 'none'));
    end if;
    foreach _word in array _a loop
        if _word <> all (_b) then
            _only_a := _only_a || _word;
        end if;
    end loop;
    foreach _word in array _b loop
        if _word <> all (_a) then
            _only_b := _only_b || _word;
        end if;
    end loop;
    _why := negation_veto(a, _only_a, b, _only_b);
    if _why is not null then
        return _why;
    end if;
    if a_marks <> '{}' and b_marks <> '{}' then
        _why := marks_contrast(a_marks, b_marks);
        if _why is not null then
            return 'contrast, ' || _why;
        end if;
    end if;
    if _only_a = '{}' and _only_b = '{}' then
        -- the last word says what "dress shirt" and "shirt dress" are
        if _a[cardinality(_a)] <> _b[cardinality(_b)] and 2 = (
            select count(distinct t.key) from thesaurus as t
            where (t.language = '' or t.language = (select shop_language()))
                and t.facet = 'type' and t.key in (_a[cardinality(_a)], _b[cardinality(_b)]))
        then
            return format('order: %s / %s', a, b);
        end if;
        return null;
    end if;
    _keys := array[squashed(a), squashed(b), squashed(array_to_string(_only_a, ' ')),
                   squashed(array_to_string(_only_b, ' '))];
    select array_agg(t.key) into _known from thesaurus as t
    where t.key = any (_keys) and (t.language = '' or t.language = (select shop_language()));
    if _keys[1:2] <@ _known or _only_a <> '{}' and _only_b <> '{}' and _keys[3:4] <@ _known then
        return format('known: %s / %s are different things', a, b);
    end if;
    if _only_a = '{}' or _only_b = '{}' then
        if narrower then
            return format('narrower: %s says more than %s', case when _only_a = '{}' then b else a end,
                          case when _only_a = '{}' then a else b end);
        end if;
    elsif cardinality(_a) = 1 and cardinality(_b) = 1 and (_a[1] in (b || 'ed', b || 'd')
        or _b[1] in (a || 'ed', a || 'd'))
    then
        -- "salt" and "salted": a thing, and a treatment
        return format('words: %s / %s', a, b);
    elsif cardinality(_only_a) < cardinality(_a) then
        return words_veto(array_to_string(_only_a, ' '), array_to_string(_only_b, ' '));
    end if;
    return null;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- facets_differ(a, b): whether both facets are known and different; 'other' counts as unknown.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.facets_differ(a text, b text) returns boolean
language sql immutable parallel safe
return coalesce(nullif(a, 'other') <> nullif(b, 'other'), false);

-- ---------------------------------------------------------------------------------------------
-- facet_veto(a, b) → "facet: color / material" if both are known and different; else null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.facet_veto(a text, b text) returns text
language sql immutable parallel safe
return case when facets_differ(a, b) then 'facet: ' || a || ' / ' || b end;

-- ---------------------------------------------------------------------------------------------
-- decided_distinct(a, b) → 'distinct: decided by hand' or 'by a judge', if the two terms in normal
-- form were decided to be different; else null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.decided_distinct(a text, b text) returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select 'distinct: decided by ' || case d.method when 'manual' then 'hand' else 'a judge' end
    from keyword_distinctions as d
    where d.term_a = least(a, b) and d.term_b = greatest(a, b);
$func$;

-- ---------------------------------------------------------------------------------------------
-- term_veto(a, b) → why two terms in normal form may never be the same keyword under the current
-- policy, in a shop's words ("numbers: 3 / 4", "contrast, color: black / white"), or null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.term_veto(a text, b text) returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(decided_distinct(a, b), case when p.mode = 'strict' then form_veto(
        l.canonical, contrast_marks(l.canonical), r.canonical, contrast_marks(r.canonical), not p.merge_narrower) end)
    from keyword_policy as p, canonical_form(a) as l, canonical_form(b) as r;
$func$;
