-- A shop's own vocabulary.

-- ---------------------------------------------------------------------------------------------
-- seed_rows(rows) → the rows of seed_keywords, read: the line number of each, and the normal forms of
-- its keyword and its aliases.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.seed_rows(rows jsonb)
returns table (line int, keyword text, form text, facet text, aliases text[], problem text)
language sql stable security invoker
set search_path from current
as $func$
    select r.line,
           case when r.problem is null then given_name(r.row ->> 'keyword') end,
           case when r.problem is null then normal_form(r.row ->> 'keyword') end,
           nullif(btrim(r.row ->> 'facet'), ''),
           case when r.problem is null then array(
               select given_name(a.alias)
               from jsonb_array_elements_text(coalesce(nullif(r.row -> 'aliases', 'null'), '[]')) as a (alias)
               where a.alias is not null and given_name(a.alias) <> '') else '{}' end,
           r.problem
    from (
        select coalesce(case when u.row ->> 'line' ~ '^\d{1,9}$'
                             then (u.row ->> 'line')::int end, u.place::int) as line,
               u.row,
               case when jsonb_typeof(u.row) <> 'object' then 'it is not an object'
                    when jsonb_typeof(u.row -> 'keyword') is distinct from 'string'
                        then 'it has no keyword'
                    when jsonb_typeof(u.row -> 'facet') not in ('string', 'null')
                        then 'its facet is not a text'
                    when jsonb_typeof(u.row -> 'aliases') not in ('array', 'null')
                        or jsonb_path_exists(u.row, 'strict $.aliases[*] ? (@.type() != "string")',
                                             silent => true)
                        then 'its aliases are not a list of texts'
               end as problem
        from jsonb_array_elements(rows) with ordinality as u (row, place)
    ) as r;
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_seed(rows) → the problems of seed_keywords with these rows: the line (the row's own "line",
-- else its place), the keyword, and the problem.
-- ---------------------------------------------------------------------------------------------
create or replace function check_seed(rows jsonb)
returns table (line int, keyword text, problem text)
language sql stable security invoker
set search_path from current
as $func$
    select check_rows('rows', case when jsonb_typeof(rows) = 'array' then '[]' else rows end,
        '{"keyword": "text", "facet": "text", "aliases": "texts"}');
    with given as materialized (select r.* from seed_rows(rows) as r),
    good as (select g.* from given as g where g.problem is null and is_term(g.keyword, g.form)),
    -- every term with its line: the keyword, and its other aliases
    terms as materialized (
        select g.line, g.keyword, g.form as own, g.keyword as term, g.form, true as is_keyword
        from good as g
        union all
        select g.line, g.keyword, g.form, a.alias, normal_form(a.alias), false
        from good as g
        cross join lateral unnest(g.aliases) as a (alias)
        where normal_form(a.alias) <> g.form
    ),
    first as materialized (
        select distinct on (t.form, t.is_keyword) t.form, t.is_keyword, t.line, t.keyword, t.own
        from terms as t order by t.form, t.is_keyword, t.line
    ),
    met as materialized (
        select t.form, w.id, w.name, w.pinned, a.method, normal_form(w.name) = t.form as own
        from (select distinct t.form from terms as t) as t
        join keyword_aliases as a on a.alias = t.form
        left join keywords as w on w.id = a.keyword_id
    )
    select p.line, p.keyword, p.problem
    from (
        select g.line, g.keyword, coalesce(g.problem, case
                when not is_term(g.keyword, g.form)
                    then 'it cannot be a keyword: ' || no_keyword(g.keyword, g.form)
                when g.facet <> all (known_facets())
                    then format('facet %s not found: use one of %s', quote_literal(g.facet),
                                array_to_string(known_facets(), ', ')) end) as problem
        from given as g
        union all
        select t.line, t.keyword, format('line %s has the same keyword', f.line)
        from terms as t join first as f on f.form = t.form and f.is_keyword
        where t.is_keyword and t.line <> f.line
        union all
        select t.line, t.keyword, case
                when not is_term(t.term, t.form)
                    then format('its alias %L cannot be a keyword: %s', left(t.term, 40), no_keyword(t.term, t.form))
                when k.line is not null
                    then format('its alias %L is the keyword of line %s', t.term, k.line)
                when f.line <> t.line
                    then format('its alias %L belongs to %L in line %s', t.term, f.keyword, f.line)
            end
        from terms as t
        left join first as k on k.form = t.form and k.is_keyword
        left join first as f on f.form = t.form and not f.is_keyword and f.own <> t.own
        where not t.is_keyword
        union all
        -- against the stored vocabulary: decisions by hand, and keywords learned as aliases
        select t.line, t.keyword, case
                when t.is_keyword and m.id is null
                    then format('it was dropped by hand; to bring it back: vitrina keywords split %s', shell_quoted(t.term))
                when t.is_keyword and not m.own
                    then format('it is an alias of %L; to split it off: vitrina keywords split %s',
                                m.name, shell_quoted(t.term))
                when not t.is_keyword and m.id is null
                    then format('its alias %L was dropped by hand; to bring it back: '
                                'vitrina keywords split %s', t.term, shell_quoted(t.term))
                when not t.is_keyword and m.own and m.pinned
                    then format('its alias %L is a pinned keyword; to unpin it: '
                                'vitrina keywords unpin %s', t.term, shell_quoted(t.term))
                when not t.is_keyword and not m.own and m.method = 'manual'
                    and normal_form(m.name) <> t.own
                    then format('its alias %L was given to %L by hand; to split it off: '
                                'vitrina keywords split %s', t.term, m.name, shell_quoted(t.term))
            end
        from terms as t join met as m on m.form = t.form
        where not exists (select from first as f
                          where not t.is_keyword and f.form = t.form and f.is_keyword)
    ) as p
    where p.problem is not null
    order by p.line, p.problem;
$func$;

-- ---------------------------------------------------------------------------------------------
-- seed_keywords(rows) → its effect, as merge_keywords gives it. Loads a shop's own vocabulary: its
-- keywords are pinned, its aliases count as decided by hand, and other learned terms follow. rows: a
-- jsonb array of {keyword, facet, aliases: [text]}; without a facet the thesaurus decides. The same
-- rows again change nothing. Raises VT004 with every problem, see check_seed; then nothing has changed.
-- ---------------------------------------------------------------------------------------------
create or replace function seed_keywords(rows jsonb)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _problems text[];
    _forms text[];
    _snapshot jsonb;
    _row record;
    _keyword bigint;
    _made bigint[] := '{}';
begin
    if jsonb_typeof(seed_keywords.rows) is distinct from 'array' then
        raise exception 'a seed must be an array of rows' using errcode = 'VT004',
            hint = 'give rows like [{"keyword": "sofa", "facet": "type", "aliases": ["couch"]}]';
    end if;
    perform hold_keywords(true);
    select array_agg(format('line %s%s: %s', p.line, coalesce(' (' || left(p.keyword, 60) || ')', ''),
                            p.problem) order by p.line, p.problem)
    into _problems
    from check_seed(seed_keywords.rows) as p;
    if _problems is not null then
        raise exception '% in the seed, nothing is changed:%', case cardinality(_problems)
                when 1 then '1 problem' else cardinality(_problems) || ' problems' end,
            e'\n  ' || array_to_string(_problems[:50], e'\n  ')
            || case when cardinality(_problems) > 50 then e'\n  …' else '' end
            using errcode = 'VT004', hint = 'mend these lines and load the whole seed again';
    end if;

    select array_agg(distinct f.form) into _forms
    from seed_rows(seed_keywords.rows) as r
    cross join lateral (
        select r.form union all select normal_form(a.alias) from unnest(r.aliases) as a (alias)
    ) as f (form);
    _snapshot := take_snapshot(keywords_named(_forms), _forms);
    for _row in select r.* from seed_rows(seed_keywords.rows) as r order by r.line loop
        _keyword := (keywords_named(array[_row.form]))[1];
        if _keyword is null then
            _keyword := make_keyword(
                _row.keyword, coalesce(_row.facet, said_facet(_row.form)), true);
            _made := _made || _keyword;
        else
            perform name_keyword(_keyword, _row.keyword);
            update keywords as w set pinned = true, facet = coalesce(_row.facet, w.facet)
            where w.id = _keyword and (not w.pinned or w.facet <> _row.facet);
        end if;
        perform merge_terms(
            array(select normal_form(a.alias) from unnest(_row.aliases) as a (alias)
                  where normal_form(a.alias) <> _row.form), _keyword, 'manual');
        perform point_terms(array[_row.form], _keyword);
    end loop;
    return query select r.* from record_change(
        _snapshot, 'seed',
        jsonb_build_object('keywords', jsonb_array_length(seed_keywords.rows)), _made) as r;
end
$func$;
