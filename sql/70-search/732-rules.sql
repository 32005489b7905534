-- What a merchandiser decides for a query: products pinned, hidden and boosted.

-- ---------------------------------------------------------------------------------------------
-- rule_units(query) → what the units of a query mean, in the order of these texts: the keyword that it is
-- (#12), or its words without inflection; without stop words, unless it has no others.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rule_units(query text) returns text[]
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(nullif(array_agg(distinct u.meaning) filter (where u.meaning <> ''), '{}'),
                    array_agg(distinct u.form))
    from (
        select coalesce('#' || w.id, string_agg(array_to_string(word_lexemes(c.config, n.word), '|'), ' ' order by n.place)) as meaning,
               normal_form(string_agg(n.word, ' ' order by n.place)) as form
        from query_parts(rule_units.query) as p
        cross join lateral (
            select coalesce((select s.text_config::regconfig from sources as s order by s.id limit 1), 'english')) as c (config)
        cross join unnest(p.said, p.units) with ordinality as n (word, unit, place)
        left join keywords as w on w.name = p.names[n.unit]
        group by n.unit, w.id
    ) as u;
$func$;

-- ---------------------------------------------------------------------------------------------
-- rule_forms(query) → what the words of a query may be known by: each, and up to five in a row, without
-- spaces; and what the thesaurus says that they are. Rules that share none of it mean something else.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rule_forms(query text) returns text[]
language sql stable security invoker
set search_path from current
as $func$
    with word as materialized (
        select normal_form(u.word) as word, u.lexeme, u.place
        from (
            select n.word, n.place, array_to_string(word_lexemes(coalesce(
                       (select s.text_config::regconfig from sources as s order by s.id limit 1), 'english'), n.word), '|') as lexeme
            from query_parts(rule_forms.query) as p
            cross join unnest(p.said) with ordinality as n (word, place)) as u
    ),
    form as materialized (
        select squashed(string_agg(w.word, ' ' order by w.place)) as form
        from word as f
        cross join generate_series(0, 4) as s (size)
        join word as w on w.place between f.place and f.place + s.size
        group by f.place, s.size
        union
        select w.lexeme from word as w
    )
    select coalesce(array_agg(distinct f.form), '{}')
    from (
        select f.form from form as f
        union
        select squashed(o.name)
        from form as f
        join thesaurus as t on t.key = f.form
        cross join lateral (values (t.becomes), (normal_form(t.canonical))) as o (name)
    ) as f
    where f.form <> '';
$func$;

-- ---------------------------------------------------------------------------------------------
-- renew_rules(terms): renews the forms of the rules whose words may be known by one of these terms (in normal
-- form); of all if null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.renew_rules(terms text[] default null) returns void
language sql volatile security invoker
set search_path from current
as $func$
    update rules as r set forms = f.forms
    from rules as o
    cross join lateral (select coalesce(rule_forms(o.query), '{}') as forms) as f
    where r.id = o.id and o.removed_at is null and o.forms is distinct from f.forms
        and (terms is null or o.forms && array(select squashed(t.term) from unnest(terms) as t (term)));
$func$;

-- ---------------------------------------------------------------------------------------------
-- rules_for(query) → the rules that hold now for a query: those for all, and those whose query is the
-- same, or means the same: in another case or number, with a synonym, or misspelt.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rules_for(query text) returns setof rules
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _words text;
    _form text := normal_form(folded_text(left(query, 2000)));
    _known text[];
    _units text[];
begin
    return query
    select r.* from rules as r
    where r.query is null and r.removed_at is null
        and coalesce(r.valid_from <= now(), true) and coalesce(r.valid_to > now(), true);
    if coalesce(btrim(query), '') = '' or not exists (
        select from rules as r where r.query is not null and r.removed_at is null) then
        return;
    end if;
    _words := asked_words(query);
    _units := rule_units(_words);
    -- a rule means the same only if it is known by something that a unit of the query is known by
    _known := rule_forms(_words) || array(
        select squashed(a.alias) from keyword_aliases as a
        where '#' || a.keyword_id = any (_units));
    return query
    select r.* from rules as r
    where r.query is not null and r.removed_at is null
        and coalesce(r.valid_from <= now(), true) and coalesce(r.valid_to > now(), true)
        and (normal_form(folded_text(r.query)) = _form
             or r.forms && _known and rule_units(query_words(r.query)) = _units);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- with_rules(filters, query, hides_only) → the filters with the rules that hold for a query, or with those
-- that hide products. A hidden product is not pinned.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.with_rules(
    filters filters, query text, hides_only boolean default false
) returns filters
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _rules steering;
begin
    if not exists (select from rules as r where r.removed_at is null) then
        return filters;
    end if;
    select array_agg(r.product_id order by r.position, r.id) filter (where r.action = 'pin'),
           array_agg(r.product_id) filter (where r.action = 'hide' and r.product_id is not null),
           array_agg(r.attribute) filter (where r.action = 'hide' and r.attribute is not null),
           array_agg(r.value) filter (where r.action = 'hide' and r.attribute is not null),
           array_agg(r.product_id order by r.id) filter (where r.action = 'boost'),
           array_agg(r.attribute order by r.id) filter (where r.action = 'boost'),
           array_agg(r.value order by r.id) filter (where r.action = 'boost'),
           array_agg(r.weight order by r.id) filter (where r.action = 'boost')
    into _rules
    from rules_for(query) as r
    where r.action = 'hide' or not hides_only;
    filters.rules := _rules;
    return filters;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- boosted_among(ids, rules) → those of these products that the rules boost.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.boosted_among(ids bigint[], rules steering) returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _ids bigint[];
begin
    if boost_factor(rules) is not null then
        execute format('select array_agg(p.id) from products as p where p.id = any ($1) and %s <> 1', boost_factor(rules))
        into _ids
        using ids;
    end if;
    return coalesce(_ids, '{}');
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- with_pins(matches, filters) → the pinned products that match the filters, then the others; a pinned one
-- has its figures, if it was found too.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.with_pins(matches hits, filters filters) returns hits
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _pins bigint[];
    _pinned hits;
begin
    if coalesce(cardinality((filters.rules).pinned), 0) = 0 then
        return matches;
    end if;
    execute format(
        'select array_agg(u.id order by u.place)
         from (select u.id, min(u.place) as place
               from unnest((($1).rules).pinned) with ordinality as u (id, place) group by u.id) as u
         where exists (select from products as p where p.id = u.id and %s)',
        coalesce(filter_predicate(filters, true), 'true'))
    into _pins
    using filters;
    if _pins is null then
        return matches;
    end if;
    select array_agg(n.id order by n.pin, n.place), array_agg(n.score order by n.pin, n.place),
           array_agg(n.similarity order by n.pin, n.place), array_agg(n.rank order by n.pin, n.place),
           array_agg(case when n.pin is not null then concat_ws(',', n.channels, 'pinned') else n.channels end
                     order by n.pin, n.place),
           array_agg(n.relevance order by n.pin, n.place), array_agg(n.lacks order by n.pin, n.place)
    into _pinned
    from (
        select coalesce(f.id, p.id) as id, f.score, f.similarity, f.rank, f.channels, f.relevance, f.lacks, f.place,
               p.place as pin
        from unnest(matches.ids, matches.scores, matches.similarities, matches.ranks, matches.channels,
                    matches.relevances, matches.lacks)
            with ordinality as f (id, score, similarity, rank, channels, relevance, lacks, place)
        full join unnest(_pins) with ordinality as p (id, place) on p.id = f.id
    ) as n;
    return _pinned;
end
$func$;
