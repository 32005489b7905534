-- What vitrina knows about words: `thesaurus` (synonyms) and `contrasts` (terms that exclude each
-- other). Both are tables: a shop extends them by insert.

-- ---------------------------------------------------------------------------------------------
-- squashed(form) → the form without spaces, so that "book shelf" equals "bookshelf"; numbers stay
-- apart.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.squashed(form text) returns text
language sql immutable parallel safe
return replace(regexp_replace(form, '(\d) (?=\d)', '\1_', 'g'), ' ', '');

-- ---------------------------------------------------------------------------------------------
-- squashed_phrases(words) → every run of up to five of the words, squashed, with its start and end;
-- of those with the same start, the longest first.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.squashed_phrases(words text[])
returns table (first int, last int, key text)
language plpgsql immutable parallel safe rows 8 security invoker
set search_path from current
as $func$
declare
    _n int := cardinality(words);
begin
    for _first in 1 .. _n loop
        for _last in reverse least(_first + 4, _n) .. _first loop
            first := _first;
            last := _last;
            key := array_to_string(words[_first:_last], ' ');
            key := case when key ~ '\d \d' then squashed(key) else replace(key, ' ', '') end;
            return next;
        end loop;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- known_words(words) → the longest phrases of the thesaurus among the words, left to right, each with
-- its canonical term (in normal form, through at most three synonyms) and its facet.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.known_words(words text[])
returns table (first int, last int, becomes text, facet text)
language plpgsql stable parallel safe rows 3 security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _found record;
    _next text;
    _end int := 0;
begin
    for _found in
        select p.first, p.last, p.key, t.becomes, t.facet
        from squashed_phrases(words) as p
        -- a single letter is a size ("m"), but among other words a unit ("2 m")
        join thesaurus as t on t.key = p.key and (length(p.key) > 1 or cardinality(words) = 1)
        order by p.first, p.last desc, t.term
    loop
        continue when _found.first <= _end;
        for _hop in 1 .. 2 loop
            exit when squashed(_found.becomes) = _found.key;
            select t.becomes, t.key into _next, _found.key
            from thesaurus as t where t.key = squashed(_found.becomes) order by t.term limit 1;
            exit when not found;
            _found.becomes := _next;
        end loop;
        first := _found.first;
        last := _found.last;
        becomes := _found.becomes;
        facet := _found.facet;
        _end := last;
        return next;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- canonical_form(form) → the form with its words in one spelling, order and unit; and its facet: that
-- of the whole, else of its last words if they are a type, else null. Known synonyms become their
-- canonical term ("couch cover", "sofa cover"); these pairs become equal: "storage bench" and "bench
-- with storage", "shoes for men" and "men shoes", "set of 2" and "2 piece set", "sugar free" and
-- "without sugar", "1 kg" and "1000 g", "boho style" and "boho".
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.canonical_form(form text, out canonical text, out facet text)
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    -- convert units to smaller units, so that equal quantities become equal
    _smaller constant jsonb := '{"m":[1000,"mm"],"cm":[10,"mm"],"ft":[12,"inch"],"yd":[36,"inch"],
        "l":[1000,"ml"],"kg":[1000,"g"],"kw":[1000,"w"],"year":[12,"month"],"hour":[60,"minute"],
        "tb":[1000,"gb"],"week":[7,"day"],"lb":[16,"oz"]}';
    -- words that add nothing behind words of this facet
    _noise constant jsonb := '{"color":["color","shade","tone","hue"],"size":["size"],
        "style":["style","design","look","theme","aesthetic"],"material":["material"]}';
    _words text[];
    _found record;
    _next int := 1;
    _unit text;
    _denied boolean := false;
    _split int;
    _units text[] := '{}';
    _facets text[] := '{}';
    _n int := 0;
begin
    if canonical_form.form ~ '\d' then
        form := regexp_replace(form, '\m(set|pack|box|bag|case) of (\d+)\M', '\2 \1', 'g');
        form := regexp_replace(form, '(\d+) (?:piece|count|ct) (set|pack)\M', '\1 \2', 'g');
        -- of gold, a carat is a karat
        form := regexp_replace(form, '(\d+) ct (?=.*\mgold\M)', '\1 k ', 'g');
    end if;
    _words := string_to_array(form, ' ');
    for _found in
        select k.first, k.last, k.becomes, k.facet from known_words(_words) as k
        union all
        select cardinality(_words) + 1, null, null, null
    loop
        for _i in _next .. _found.first - 1 loop
            _unit := _words[_i];
            if _unit in ('with', 'for', 'featuring', 'including') and _n > 0 and _split is null then
                _split := _n;
            elsif _unit in ('no', 'non', 'not', 'without', 'zero', 'anti') and _i < cardinality(_words) then
                _denied := true;
            elsif _unit in ('a', 'an', 'and', 'the', 'of', 'in', 'on', 'to', 'by', 'from', 'made')
                and cardinality(_words) > 1 then
                continue;
            elsif _unit = 'free' and _n > 0 then
                _units[_n] := 'without ' || _units[_n];
            elsif _n > 0 and _i = cardinality(_words) and _noise -> _facets[_n] ? _unit then
                continue;
            elsif _n > 0 and _smaller ? _unit and _units[_n] ~ '^\d+(\.\d+)?$' then
                _units[_n] := trim_scale(_units[_n]::numeric * (_smaller #>> array[_unit, '0'])::numeric);
                _n := _n + 1;
                _units[_n] := _smaller #>> array[_unit, '1'];
            else
                if _unit ~ '^[a-z]{3,}less$' then
                    _unit := 'without ' || left(_unit, -4);
                end if;
                _n := _n + 1;
                _units[_n] := case when _denied then 'without ' else '' end || _unit;
                _denied := false;
            end if;
        end loop;
        if _found.becomes is not null then
            if _n > 0 and _split is null and _found.becomes like 'with %' then
                _split := _n;
            end if;
            _n := _n + 1;
            _units[_n] := case when _denied then 'without ' else '' end || _found.becomes;
            _facets[_n] := _found.facet;
            _denied := false;
            _next := _found.last + 1;
        end if;
    end loop;
    if _n > 1 then
        for _i in 1 .. _n loop
            _units[_i] := regexp_replace(_units[_i], '^with ', '');
        end loop;
    end if;
    if _split < _n then
        _units := _units[_split + 1 :] || _units[: _split];
        _facets[_n] := _facets[_split];
    end if;
    -- "gift wrapping ribbon" has become "gift" and "gift ribbon"
    canonical := regexp_replace(coalesce(nullif(array_to_string(_units, ' '), ''), form, ''),
                                '\m([a-z]+) \1\M', '\1', 'g');
    facet := case when _n = 1 or _facets[_n] = 'type' then _facets[_n] end;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- contrast_marks(canonical) → the terms of `contrasts` in a canonical form, each as "group: term";
-- sorted.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.contrast_marks(canonical text) returns text[]
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    return array(
        select distinct on (c.contrast_group, c.key) c.contrast_group || ': ' || c.term
        from squashed_phrases(string_to_array(canonical, ' ')) as p
        join contrasts as c on c.key = p.key
        order by c.contrast_group, c.key, c.term);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- term_key(form) → the key that terms share if the thesaurus makes them the same.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.term_key(form text) returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select squashed(c.canonical) from canonical_form(term_key.form) as c;
$func$;

-- ---------------------------------------------------------------------------------------------
-- Triggers that maintain the keys: terms of the thesaurus and of contrasts are stored in normal form,
-- however inserted; aliases and names of keywords have their keys and marks; a change of the words
-- renews them.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.normalize_term() returns trigger
language plpgsql security invoker
set search_path from current
as $func$
begin
    new.term := normal_form(new.term);
    if tg_table_name = 'thesaurus' then
        new.key := squashed(new.term);
        new.becomes := normal_form(new.canonical);
    else
        new.key := term_key(new.term);
    end if;
    return new;
end
$func$;

create or replace function vitrina_internal.set_key() returns trigger
language plpgsql security invoker
set search_path from current
as $func$
begin
    if tg_table_name = 'keywords' then
        select c.canonical, contrast_marks(c.canonical) into new.form, new.marks
        from canonical_form(normal_form(new.name)) as c;
    else
        new.key := term_key(new.alias);
    end if;
    return new;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- renew_keys(terms): renews the keys of rows with one of these terms (in normal form) among their
-- words; of all rows if null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.renew_keys(terms text[]) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _touches text := (
        select string_agg(regexp_replace(squashed(t.term), '([^[:alnum:]])', '\\\1', 'g'), '|')
        from unnest(terms) as t (term));
begin
    update contrasts as c set key = k.key
    from contrasts as o cross join lateral term_key(o.term) as k (key)
    where c.term = o.term and c.contrast_group = o.contrast_group
        and (terms is null or squashed(o.term) ~ _touches) and c.key is distinct from k.key;
    update keywords as w set form = k.canonical, marks = m.marks
    from keywords as o
    cross join lateral canonical_form(normal_form(o.name)) as k
    cross join lateral contrast_marks(k.canonical) as m (marks)
    where w.id = o.id and (terms is null or squashed(normal_form(o.name)) ~ _touches)
        and (w.form, w.marks) is distinct from (k.canonical, m.marks);
    update keyword_aliases as a set key = k.key
    from keyword_aliases as o cross join lateral term_key(o.alias) as k (key)
    where a.alias = o.alias and (terms is null or squashed(o.alias) ~ _touches)
        and a.key is distinct from k.key;
end
$func$;

create or replace function vitrina_internal.words_changed() returns trigger
language plpgsql security invoker
set search_path from current
as $func$
begin
    perform renew_keys(array_agg(distinct t.term))
    from (select c.term from changed as c limit 101) as t
    having count(*) between 1 and 100;
    -- too many to look up one by one
    if (select count(*) from (select from changed as c limit 101) as t) > 100 then
        perform renew_keys(null);
    end if;
    return null;
end
$func$;

create or replace trigger normalize_term before insert or update of term, canonical on thesaurus
    for each row execute function normalize_term();
create or replace trigger normalize_term before insert or update of term on contrasts
    for each row execute function normalize_term();
create or replace trigger set_key before insert or update of alias on keyword_aliases
    for each row execute function set_key();
create or replace trigger set_key before insert or update of name on keywords
    for each row execute function set_key();
create or replace trigger thesaurus_inserted after insert on thesaurus
    referencing new table as changed for each statement execute function words_changed();
create or replace trigger thesaurus_updated after update on thesaurus
    referencing new table as changed for each statement execute function words_changed();
create or replace trigger thesaurus_deleted after delete on thesaurus
    referencing old table as changed for each statement execute function words_changed();
create or replace trigger contrasts_inserted after insert on contrasts
    referencing new table as changed for each statement execute function words_changed();
create or replace trigger contrasts_deleted after delete on contrasts
    referencing old table as changed for each statement execute function words_changed();

-- ---------------------------------------------------------------------------------------------
-- renew_forms(): brings stored normal forms of an older vitrina up to date. If two terms become the
-- same, the first stays.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.renew_forms() returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    with form as materialized (
        select t.term, normal_form(t.term) as form, normal_form(t.canonical) as becomes from thesaurus as t
    ), gone as (
        delete from thesaurus as t using (
            select f.*, row_number() over (partition by f.form order by f.term <> f.form, f.term) as place
            from form as f) as f
        where f.term = t.term and f.place > 1
        returning t.term
    )
    update thesaurus as t set term = f.form from form as f
    where f.term = t.term and t.term not in (select g.term from gone as g)
        and (f.term <> f.form or t.becomes is distinct from f.becomes);
    with form as materialized (
        select c.term, c.contrast_group, normal_form(c.term) as form from contrasts as c
    ), gone as (
        delete from contrasts as c using (
            select f.*, row_number() over (partition by f.contrast_group, f.form
                                           order by f.term <> f.form, f.term) as place
            from form as f) as f
        where (f.term, f.contrast_group) = (c.term, c.contrast_group) and f.place > 1
        returning c.term, c.contrast_group
    )
    update contrasts as c set term = f.form from form as f
    where (f.term, f.contrast_group) = (c.term, c.contrast_group) and f.term <> f.form
        and (c.term, c.contrast_group) not in (select g.term, g.contrast_group from gone as g);
    with form as materialized (
        select a.alias, normal_form(a.alias) as form from keyword_aliases as a
    ), gone as (
        delete from keyword_aliases as a using (
            select f.*, row_number() over (partition by f.form order by f.alias <> f.form, f.alias) as place
            from form as f) as f
        where f.alias = a.alias and f.place > 1
        returning a.alias
    )
    update keyword_aliases as a set alias = f.form from form as f
    where f.alias = a.alias and f.alias <> f.form and a.alias not in (select g.alias from gone as g);
    with old as (
        delete from keyword_distinctions as d
        where (normal_form(d.term_a), normal_form(d.term_b)) <> (d.term_a, d.term_b)
        returning normal_form(d.term_a) as a, normal_form(d.term_b) as b, d.method, d.decided_at
    )
    insert into keyword_distinctions (term_a, term_b, method, decided_at)
    select least(o.a, o.b), greatest(o.a, o.b), o.method, o.decided_at from old as o where o.a <> o.b
    on conflict do nothing;
    perform renew_keys(null);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- give_words(): loads the rows of the temporary table given_words (target, term, value, facet) into
-- thesaurus and contrasts. Rows given earlier but missing now are deleted, unless the shop has changed
-- them; rows that the shop changed or deleted stay so.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.give_words() returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    perform renew_forms();
    create temporary table new_words on commit drop as
    select distinct on (g.target, g.form, case g.target when 'contrasts' then g.value end) g.*
    from (select w.*, normal_form(w.term) as form from given_words as w) as g
    order by g.target, g.form, case g.target when 'contrasts' then g.value end, g.place;
    delete from thesaurus as t using seeded_words as s
    where s.target = 'thesaurus' and (s.term, s.value) = (t.term, t.canonical) and not exists (
        select from new_words as n where (n.target, n.form, n.value) = (s.target, s.term, s.value));
    delete from contrasts as t using seeded_words as s
    where s.target = 'contrasts' and (s.term, s.value) = (t.term, t.contrast_group) and not exists (
        select from new_words as n where (n.target, n.form, n.value) = (s.target, s.term, s.value));
    -- a canonical term is usually among the terms: its form is known
    create temporary table new_forms on commit drop as
    select u.value, coalesce(k.form, normal_form(u.value)) as form
    from (select distinct n.value from new_words as n where n.target = 'thesaurus') as u
    left join (select distinct on (w.term) w.term, w.form from new_words as w
               where w.target = 'thesaurus' order by w.term) as k on k.term = u.value;
    analyze new_words;
    analyze new_forms;
    -- does at once what the triggers do row by row
    alter table thesaurus disable trigger user;
    alter table contrasts disable trigger user;
    insert into thesaurus (term, canonical, facet, key, becomes)
    select n.form, n.value, n.facet, squashed(n.form), f.form
    from new_words as n
    join new_forms as f on f.value = n.value
    where n.target = 'thesaurus' and not exists (
        select from seeded_words as s where (s.target, s.term, s.value) = (n.target, n.form, n.value))
    on conflict do nothing;
    analyze thesaurus;
    insert into contrasts (term, contrast_group, key)
    select n.form, n.value, term_key(n.form) from new_words as n
    where n.target = 'contrasts' and not exists (
        select from seeded_words as s where (s.target, s.term, s.value) = (n.target, n.form, n.value))
    on conflict do nothing;
    alter table thesaurus enable trigger user;
    alter table contrasts enable trigger user;
    perform renew_keys(null);
    delete from seeded_words;
    insert into seeded_words (target, term, value) select n.target, n.form, n.value from new_words as n;
    drop table new_words, new_forms;
    analyze contrasts;
end
$func$;
