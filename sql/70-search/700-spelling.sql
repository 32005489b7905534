-- Misspelt words of a query: which they are, and the known words they are read as.

-- ---------------------------------------------------------------------------------------------
-- is_written(lexemes) → whether the text of any product matches.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_written(lexemes tsquery) returns boolean
language sql stable parallel safe security invoker
set search_path from current
set enable_seqscan = off -- expected to meet one soon, it reads all products where there is none
as $func$
    select exists (select from product_text as t where t.tsv @@ lexemes);
$func$;

-- ---------------------------------------------------------------------------------------------
-- near_letters(a, b) → whether two letters are neighbours on a keyboard.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.near_letters(a text, b text) returns boolean
language sql immutable parallel safe
return strpos((array['qwsz', 'vghn', 'xdfv', 'serfcx', 'wsdr', 'drtgvc', 'ftyhbv', 'gyujnb', 'ujko',
                     'huikmn', 'jiolm', 'kop', 'njk', 'bhjm', 'iklp', 'ol', 'wa', 'edft', 'awedxz', 'rfgy',
                     'yhji', 'cfgb', 'qase', 'zsdc', 'tghu', 'asx'])[ascii(a) - 96], b) > 0;

-- ---------------------------------------------------------------------------------------------
-- typing_cost(said, word) → how unlikely it is to type `said` for `word`: the least sum of slips that make
-- the one of the other, a restricted Damerau-Levenshtein distance where a swap, a doubled letter and a
-- neighbour on the keyboard cost less than 1; 9 where they differ in over four letters in a row. Both
-- without accents.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.typing_cost(said text, word text) returns real
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _a text[];
    _b text[];
    _n int := char_length(said);
    _m int := char_length(word);
    _from int := 0;
    _end int := 0;
    _two real[];
    _above real[];
    _row real[];
    _cost real;
begin
    -- what both begin and end with costs nothing
    while _from < least(_n, _m) and substr(said, _from + 1, 1) = substr(word, _from + 1, 1) loop
        _from := _from + 1;
    end loop;
    while _end < least(_n, _m) - _from and substr(said, _n - _end, 1) = substr(word, _m - _end, 1) loop
        _end := _end + 1;
    end loop;
    _n := _n - _from - _end;
    _m := _m - _from - _end;
    if greatest(_n, _m) > 5 then
        return 9;
    end if;
    -- with the letter before, which may be doubled
    _a := string_to_array(substr(' ' || said, _from + 1, _n + 1), null);
    _b := string_to_array(substr(' ' || word, _from + 1, _m + 1), null);
    _row := array[0::real];
    for _j in 1 .. _m loop
        _row[_j + 1] := _row[_j] + case when _b[_j + 1] = _b[_j] then 0.6 else 0.9 end;
    end loop;
    for _i in 1 .. _n loop
        _two := _above;
        _above := _row;
        _row := array[_above[1] + case when _a[_i + 1] = _a[_i] then 0.5
                                       when near_letters(_a[_i + 1], _a[_i]) then 0.8 else 0.9 end];
        for _j in 1 .. _m loop
            _cost := least(
                _above[_j + 1] + case when _a[_i + 1] = _a[_i] then 0.5 else 0.9 end,
                _row[_j] + case when _b[_j + 1] = _b[_j] then 0.6 else 0.9 end,
                _above[_j] + case when _a[_i + 1] = _b[_j + 1] then 0
                                  when near_letters(_a[_i + 1], _b[_j + 1]) then 0.7
                                  when _a[_i + 1] ~ '[aeiouy]' and _b[_j + 1] ~ '[aeiouy]' then 0.7
                                  else 1.1 end);
            if _i > 1 and _j > 1 and _a[_i + 1] = _b[_j] and _a[_i] = _b[_j + 1] then
                _cost := least(_cost, _two[_j - 1] + 0.6);
            end if;
            _row[_j + 1] := _cost;
        end loop;
    end loop;
    -- the first letter is seldom wrong
    return _row[_m + 1] + case when _from = 0 and _row[_m + 1] > 0.6 then 0.3 else 0 end;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_known(word, configs) → whether a word is one: of products or the vocabulary, as it is or inflected; a
-- stop word; a brand; a code; or a compound of two words of the catalogue. Without accents, in lower case.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_known(word text, configs text[]) returns boolean
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
begin
    -- step by step: most words are known by the first
    if exists (select from spellings as s where s.word = is_known.word collate "C")
        or jsonb_exists(brand_words(), is_known.word) then
        return true;
    end if;
    if exists (
        select
        from unnest(configs) as g (config)
        cross join lateral word_lexemes(g.config::regconfig, is_known.word) as l (lexemes)
        where l.lexemes = '{}' or exists (
            select from catalogue_words as c
            where c.config = g.config and c.word = any (l.lexemes) and c.word <> is_known.word collate "C")) then
        return true;
    end if;
    return is_written(quoted_lexeme('=' || is_known.word)::tsquery)
        or exists (select from spellings as s where s.word = normal_form(is_known.word) collate "C")
        or exists (
            -- with accents
            select from spellings as s
            where s.keys @> array[is_known.word] and folded_text(s.word) = is_known.word)
        or exists (
            select
            from unnest(configs) as g (config)
            cross join generate_series(4, char_length(is_known.word) - 3) as i (size)
            join catalogue_words as c
                on c.config = g.config and c.word = substr(is_known.word, i.size + 1) collate "C"
            where makes_compounds(g.config)
                and known_part(g.config, left(is_known.word, i.size)) is not null);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- likely_words(said, configs) → the known words that a misspelt one, without accents and in lower case, is
-- most likely meant to be, or null: one word, or two that were typed as one.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.likely_words(said text, configs text[]) returns text
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _size int := char_length(said);
    _words text[];
    _lexemes text[];
    _costs real[];
    _places int[];
    _counted record;
begin
    with near as materialized (
        select distinct s.word
        from spellings as s
        where s.keys && (without_letters(likely_words.said, case when _size between 6 and 20 then 2 else 1 end)
                         || consonants(likely_words.said))
            and abs(char_length(s.word) - _size) <= 2
    ),
    meant as (
        select n.word, typing_cost(likely_words.said, folded_text(n.word)) as cost from near as n
        union all
        -- the thesaurus has no plurals
        select n.word || 's', typing_cost(likely_words.said, folded_text(n.word) || 's') from near as n
        where likely_words.said like '%s' and n.word not like '%s'
        union all
        -- two words, both of them known
        select l.word || ' ' || r.word, 0.8
        from generate_series(3, _size - 3) as i (size)
        join spellings as l on l.word = left(likely_words.said, i.size) collate "C"
        join spellings as r on r.word = substr(likely_words.said, i.size + 1) collate "C"
    ),
    best as (
        select distinct m.word, m.cost
        from meant as m
        where m.cost <= case when _size < 6 then 1.2 when _size < 9 then 1.8 else 2.1 end
        order by m.cost, m.word
        limit 8
    )
    select array_agg(b.word order by b.cost, b.word), array_agg(b.cost order by b.cost, b.word)
    into _words, _costs
    from best as b;
    if _words is null then
        return null;
    end if;
    select array_agg(l.lexeme), array_agg(u.place::int) into _lexemes, _places
    from unnest(_words) with ordinality as u (word, place)
    cross join string_to_table(u.word, ' ') as w (word)
    cross join unnest(configs) as g (config)
    cross join unnest(word_lexemes(g.config::regconfig, w.word)) as l (lexeme);
    select * into _counted from lexeme_counts(_lexemes);
    return (
        select r.word
        from (
            select u.word, u.cost - 0.5 * ln(1 + coalesce(n.count, 0)) / ln(2 + _counted.products)
                               - coalesce(k.bonus, 0) as cost
            from unnest(_words, _costs) with ordinality as u (word, cost, place)
            -- of two words, the rarer one counts
            left join lateral (
                select min(c.count) as count
                from unnest(_places, _counted.counts) as c (place, count)
                where c.place = u.place) as n on true
            cross join lateral (
                select coalesce(
                    (select max(case when t.key = squashed(t.becomes) then 0.3 else 0.2 end)
                     from thesaurus as t
                     where t.key = any (w.keys)
                         and (t.language = '' or t.language = (select shop_language()))),
                    (select 0.2 from keyword_aliases as a where replace(a.alias, ' ', '') = any (w.keys) limit 1)) as bonus
                from (select array[replace(u.word, ' ', ''), squashed(normal_form(u.word))] as keys) as w) as k
            where n.count > 0 or k.bonus > 0
        ) as r
        where r.cost <= case when _size < 6 then 0.75 when _size < 9 then 1.1 else 1.5 end
        order by r.cost, r.word
        limit 1);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- corrected_words(query) → the parts of a query in their order, and what each is read as: `words` differs
-- from `said` for a word that is misspelt, for one that is two, and for two that are one. "…" and -word
-- stay, as do words of three letters and fewer, and those with digits or signs. At most 32 parts
-- are looked at, and eight words corrected.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.corrected_words(query text)
returns table (said text, words text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _said text[] := array(
        select m.found[1]
        from regexp_matches(left(query, 2000), '-?"[^"]*"|[^\s"]+', 'g') with ordinality as m (found, place)
        order by m.place);
    -- in lower case, without accents and signs around it; null for all that is never corrected
    _plain text[];
    _unknown int[];
    _configs text[];
    _words text;
    _left int := 8;
    _i int := 1;
    _last int;
begin
    _plain := array(
        select case when p.plain !~ '[\x01-@\[-`{-\x7f]' and char_length(p.plain) <= 30
                         and (octet_length(p.plain) = char_length(p.plain) or p.plain !~ unspaced_run()) then p.plain end
        from unnest(_said[:32]) with ordinality as u (part, place)
        cross join lateral (
            select case when left(u.part, 1) not in ('-', '"')
                        then lower(folded_text(btrim(u.part, '.,;:!?()[]''’“”„«»…'))) end as plain) as p
        order by u.place);
    _unknown := array(
        select u.place
        from unnest(_plain) with ordinality as u (plain, place)
        where char_length(u.plain) >= 3
            and not exists (select from spellings as s where s.word = u.plain collate "C"));
    if _unknown <> '{}' then
        _configs := array(select distinct s.text_config from sources as s order by 1);
        _unknown := array(
            select u.place from unnest(_unknown) as u (place) where not is_known(_plain[u.place], _configs));
    end if;
    while _i <= cardinality(_said) loop
        _words := null;
        _last := _i;
        if array[_i, _i + 1] && _unknown and exists (
            select from spellings as s where s.word = (_plain[_i] || _plain[_i + 1]) collate "C") then
            _last := _i + 1;
            _words := _plain[_i] || _plain[_last];
        elsif _i = any (_unknown) and _left > 0 and char_length(_plain[_i]) > 3 then
            _left := _left - 1;
            _words := likely_words(_plain[_i], _configs);
        end if;
        said := array_to_string(_said[_i:_last], ' ');
        words := coalesce(_words, said);
        return next;
        _i := _last + 1;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- corrected_query(query) → the query with its misspelt words corrected.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.corrected_query(query text) returns text
language sql stable security invoker
set search_path from current
as $func$
    select string_agg(c.words, ' ' order by c.place)
    from corrected_words(query) with ordinality as c (said, words, place);
$func$;
