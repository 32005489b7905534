-- Editing the vocabulary by hand. Every change changes aliases and keywords; products follow at once,
-- and each is in the history: see undo_keyword_change.

-- ---------------------------------------------------------------------------------------------
-- merge_keywords(terms, into_keyword) → its effect, one row per term: the keyword before and after, and
-- how many products say the term. A keyword brings all its aliases along; an alias comes alone; a new
-- term is known from now on. Merging a term into its present keyword confirms that: a rebuild will
-- leave it. Raises VT003 if the keyword to merge into is not found, VT004 for a term that cannot be a
-- keyword.
-- ---------------------------------------------------------------------------------------------
create or replace function merge_keywords(terms text[], into_keyword text)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _into record;
    _forms text[];
    _snapshot jsonb;
begin
    perform hold_keywords(true);
    select m.* into _into from meet_term(into_keyword, true) as m;
    if _into.keyword_id is null then
        raise exception '% was dropped, so terms cannot merge into it', quote_literal(into_keyword)
            using errcode = 'VT003', hint = 'bring it back first: vitrina keywords split '
                || shell_quoted(into_keyword);
    end if;
    select array_agg(m.form) filter (where not (m.own and m.keyword_id = _into.keyword_id))
    into _forms
    from unnest(merge_keywords.terms) as u (term)
    cross join lateral meet_term(u.term) as m;
    if _forms is null then
        return;
    end if;
    _snapshot := take_snapshot(keywords_named(_forms) || _into.keyword_id, _forms);
    perform merge_terms(_forms, _into.keyword_id, 'manual');
    return query select r.* from record_change(
        _snapshot, 'merge',
        jsonb_build_object('terms', merge_keywords.terms, 'into', _into.name)) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- split_keyword(term, as_keyword) → its effect, as merge_keywords gives it. Takes an alias out of its
-- keyword and makes it a keyword of its own (as_keyword: under that name, or in the keyword that has
-- it); the two stay distinct. Brings a dropped term back. Raises VT003 for an unknown term, VT004 if it
-- is the keyword itself or the name is taken.
-- ---------------------------------------------------------------------------------------------
create or replace function split_keyword(term text, as_keyword text default null)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _from record;
    _to record;
    _name text := given_name(coalesce(split_keyword.as_keyword, split_keyword.term));
    _old_form text;
    _snapshot jsonb;
    _keyword bigint;
begin
    perform hold_keywords(true);
    select m.* into _from from meet_term(split_keyword.term, true) as m;
    select m.* into _to from meet_term(_name) as m;
    if _from.own then
        raise exception '% is the keyword itself, not an alias', quote_literal(split_keyword.term)
            using errcode = 'VT004', hint = 'split off its aliases instead: vitrina keywords show '
                || shell_quoted(_from.name);
    elsif _to.own and _to.keyword_id = _from.keyword_id then
        raise exception '% already belongs to %', quote_literal(split_keyword.term), quote_literal(_to.name)
            using errcode = 'VT004', hint = 'split it off under another name';
    elsif not _to.own and _to.keyword_id is not null
        and _to.keyword_id is distinct from _from.keyword_id then
        raise exception '% is an alias of %', quote_literal(_name), quote_literal(_to.name)
            using errcode = 'VT004', hint = 'name that keyword, or split this alias off first';
    end if;
    _old_form := normal_form(_from.name);
    _snapshot := take_snapshot(array[_from.keyword_id, _to.keyword_id],
                               array[_from.form, _to.form, _old_form]);
    if _to.own then
        _keyword := _to.keyword_id;
    else
        _keyword := make_keyword(_name, said_facet(_from.form, _from.keyword_id));
    end if;
    perform point_terms(
        array_remove(array[_from.form, case when not _to.own then _to.form end], null), _keyword);
    perform distinguish(_old_form, f.form) from unnest(array[_from.form, _to.form]) as f (form)
    where _old_form is not null;
    return query select r.* from record_change(
        _snapshot, 'split',
        jsonb_build_object('term', split_keyword.term, 'from', _from.name, 'as', _name),
        array[_keyword]) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- rename_keyword(term, name) → its effect, as merge_keywords gives it. Renames the keyword of `term`;
-- its old name stays an alias. Raises VT003 for an unknown or dropped term, VT004 if the name is
-- another keyword or its alias.
-- ---------------------------------------------------------------------------------------------
create or replace function rename_keyword(term text, name text)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _old record;
    _new record;
    _snapshot jsonb;
begin
    perform hold_keywords(true);
    select m.* into _old from keyword_of(rename_keyword.term) as m;
    select m.* into _new from meet_term(rename_keyword.name) as m;
    if _new.keyword_id <> _old.keyword_id then
        raise exception '% is already %', quote_literal(rename_keyword.name),
            case when _new.own then 'a keyword' else 'an alias of ' || quote_literal(_new.name) end
            using errcode = 'VT004', hint = format(
                'to merge them: vitrina keywords merge %s --into %s', shell_quoted(_old.name), shell_quoted(_new.name));
    end if;
    _snapshot := take_snapshot(array[_old.keyword_id], array[_new.form]);
    perform name_keyword(_old.keyword_id, given_name(rename_keyword.name));
    return query select r.* from record_change(
        _snapshot, 'rename',
        jsonb_build_object('keyword', _old.name, 'name', given_name(rename_keyword.name))) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- pin_keyword(term, pinned) → its effect. Only a person can rename a pinned keyword or merge it away.
-- pinned: false unpins it. Raises VT003 for a term without a keyword.
-- ---------------------------------------------------------------------------------------------
create or replace function pin_keyword(term text, pinned boolean default true)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _keyword record;
    _snapshot jsonb;
begin
    perform check_word('pinned', pinned::text, 'true', 'false');
    perform hold_keywords(true);
    select m.* into _keyword from keyword_of(pin_keyword.term) as m;
    _snapshot := take_snapshot(array[_keyword.keyword_id], '{}');
    update keywords as w set pinned = pin_keyword.pinned where w.id = _keyword.keyword_id;
    return query select r.* from record_change(
        _snapshot, case when pin_keyword.pinned then 'pin' else 'unpin' end,
        jsonb_build_object('keyword', _keyword.name)) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- set_facet(term, facet) → its effect: moves the keyword of `term` into this facet. Raises VT003 for a
-- term without a keyword, VT004 for an unknown facet.
-- ---------------------------------------------------------------------------------------------
create or replace function set_facet(term text, facet text)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _keyword record;
    _snapshot jsonb;
begin
    perform hold_keywords(true);
    select m.* into _keyword from keyword_of(set_facet.term) as m;
    if set_facet.facet is null or set_facet.facet <> all (known_facets()) then
        raise exception 'facet % not found', coalesce(quote_literal(set_facet.facet), 'null')
            using errcode = 'VT004', hint = 'use one of ' || array_to_string(known_facets(), ', ');
    end if;
    _snapshot := take_snapshot(array[_keyword.keyword_id], '{}');
    update keywords as w set facet = set_facet.facet where w.id = _keyword.keyword_id;
    return query select r.* from record_change(
        _snapshot, 'facet',
        jsonb_build_object('keyword', _keyword.name, 'facet', set_facet.facet)) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- drop_keyword(term) → its effect, as merge_keywords gives it. Removes the term's keyword, with all its
-- aliases, or the alias only, from products; if said again, the term stays dropped. A new term can be
-- dropped in advance. To bring it back: split_keyword(term).
-- ---------------------------------------------------------------------------------------------
create or replace function drop_keyword(term text)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _met record;
    _ids bigint[];
    _snapshot jsonb;
begin
    perform hold_keywords(true);
    select m.* into _met from meet_term(drop_keyword.term) as m;
    _ids := keywords_named(array[_met.form]);
    _snapshot := take_snapshot(_ids, array[_met.form]);
    perform point_terms(_met.form || array(
        select a.alias from keyword_aliases as a where a.keyword_id = any (_ids)), null);
    delete from keywords as w where w.id = any (_ids);
    return query select r.* from record_change(
        _snapshot, 'drop', jsonb_build_object('term', drop_keyword.term)) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- distinguish_keywords(a, b) → its effect. The two terms are different things: never the same keyword,
-- and no judge is asked. Raises VT004 if they are the same keyword now.
-- ---------------------------------------------------------------------------------------------
create or replace function distinguish_keywords(a text, b text)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _a record;
    _b record;
    _touched text[];
    _snapshot jsonb;
begin
    perform hold_keywords(true);
    select m.* into _a from meet_term(distinguish_keywords.a) as m;
    select m.* into _b from meet_term(distinguish_keywords.b) as m;
    if _a.form = _b.form then
        raise exception '% and % are spellings of the same term', quote_literal(distinguish_keywords.a),
            quote_literal(distinguish_keywords.b) using errcode = 'VT004',
                hint = 'give two terms with different normal forms';
    elsif _a.keyword_id = _b.keyword_id then
        raise exception '% and % are the same keyword, %', quote_literal(distinguish_keywords.a),
            quote_literal(distinguish_keywords.b), quote_literal(_a.name)
            using errcode = 'VT004', hint = 'split one off first: vitrina keywords split '
                || shell_quoted(case when _a.own then distinguish_keywords.b
                                      else distinguish_keywords.a end);
    end if;
    _touched := array[_a.form, _b.form, normal_form(coalesce(_a.name, distinguish_keywords.a)),
                      normal_form(coalesce(_b.name, distinguish_keywords.b))];
    _snapshot := take_snapshot('{}', _touched);
    perform distinguish(_touched[1], _touched[2]);
    perform distinguish(_touched[3], _touched[4]);
    return query select r.* from record_change(
        _snapshot, 'distinct',
        jsonb_build_object('a', distinguish_keywords.a, 'b', distinguish_keywords.b)) as r;
end
$func$;
