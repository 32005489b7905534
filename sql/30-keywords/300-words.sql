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
-- source_language(text_config) → the language of a text-search configuration, or null: of 'simple', or
-- of a shop's own that does not name one.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.source_language(text_config text) returns text
language sql immutable parallel safe
return substring(text_config from '(english|german|french|spanish)[^.]*$');

-- ---------------------------------------------------------------------------------------------
-- shop_language() → the language of all sources; if they have several, or none is known, that of the
-- policy, or null. A term
-- of the thesaurus with a language ("rot" is red in German) only counts where it is this one.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.shop_language() returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(
        (select case when count(distinct l.language) = 1 then min(l.language) end
         from (select source_language(s.text_config) as language
               from sources as s where not s.text_config_due) as l),
        (select p.language from keyword_policy as p));
$func$;

-- ---------------------------------------------------------------------------------------------
-- shown_language() → the language of the keywords' names: that of the policy, else of all sources, else
-- English.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.shown_language() returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select coalesce((select p.language from keyword_policy as p), shop_language(), 'english');
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
            and (t.language = '' or t.language = (select shop_language()))
        order by p.first, p.last desc, t.term
    loop
        continue when _found.first <= _end;
        for _hop in 1 .. 2 loop
            exit when squashed(_found.becomes) = _found.key;
            select t.becomes, t.key into _next, _found.key
            from thesaurus as t
            where t.key = squashed(_found.becomes)
                and (t.language = '' or t.language = (select shop_language()))
            order by t.term limit 1;
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
-- smaller_units() → a unit in smaller ones, so that equal quantities meet.
-- noise_words() → what adds nothing behind words of a facet.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.smaller_units() returns jsonb
language sql immutable parallel safe
return '{"m":[1000,"mm"],"cm":[10,"mm"],"ft":[12,"inch"],"yd":[36,"inch"],
    "l":[1000,"ml"],"kg":[1000,"g"],"kw":[1000,"w"],"year":[12,"month"],"hour":[60,"minute"],
    "tb":[1000,"gb"],"week":[7,"day"],"lb":[16,"oz"]}'::jsonb;

create or replace function vitrina_internal.noise_words() returns jsonb
language sql immutable parallel safe
return '{"color":["color","shade","tone","hue"],"size":["size"],
    "style":["style","design","look","theme","aesthetic"],"material":["material"]}'::jsonb;

-- ---------------------------------------------------------------------------------------------
-- counted_sets(form) → "set of 2" and "2 piece set" as "2 set"; and of gold, a carat is a karat.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.counted_sets(form text) returns text
language sql immutable parallel safe
return regexp_replace(
    regexp_replace(
        regexp_replace(form, '\m(set|pack|box|bag|case) of (\d+)\M', '\2 \1', 'g'),
        '(\d+) (?:piece|count|ct) (set|pack)\M', '\1 \2', 'g'),
    '(\d+) ct (?=.*\mgold\M)', '\1 k ', 'g');

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
    _smaller constant jsonb := smaller_units();
    _noise constant jsonb := noise_words();
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
        form := counted_sets(form);
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
