-- The vocabulary by hand. Every change is one of aliases and keywords; products follow at once, and
-- each is in the trail: see undo_keyword_change.

-- ---------------------------------------------------------------------------------------------
-- merge_keywords(terms, into_keyword) → what it did, a row a term: the keyword it was and is, and
-- the products that say it. A term that is a keyword takes all its aliases along; one that is an
-- alias comes alone; one that nobody has said yet is known from now on. Merging a term into the
-- keyword that it is already confirms that: a rebuild will leave it.
-- Raises VT003 where there is no keyword to merge into, VT004 for a term that can be none.
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
    _rows jsonb;
    _change bigint;
    _touched text[];
    _ids bigint[];
begin
    perform hold_keywords(true);
    select m.* into _into from meet_term(into_keyword, true) as m;
    if _into.keyword_id is null then
        raise exception '% was dropped: there is no keyword to merge into', quote_literal(into_keyword)
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
    _ids := keywords_named(_forms) || _into.keyword_id;
    _touched := _forms || array(
        select a.alias from keyword_aliases as a where a.keyword_id = any (keywords_named(_forms)));
    _rows := vocabulary_rows(_ids, _touched);
    perform merge_terms(_forms, _into.keyword_id, 'manual');
    _change := record_change(
        'merge', jsonb_build_object('terms', merge_keywords.terms, 'into', _into.name),
        _rows, vocabulary_rows(_ids, _touched));
    return query select r.* from change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- split_keyword(term, as_keyword) → what it did, as merge_keywords. The term is taken out of the
-- keyword it is an alias of, becomes a keyword of its own (as_keyword: under that name, or in the
-- keyword that has it), and the two stay distinct from now on. A term that was dropped comes back.
-- Raises VT003 for a term never met, VT004 where it is the keyword itself or the name is taken.
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
    _rows jsonb;
    _change bigint;
    _touched text[];
    _keyword bigint;
begin
    perform hold_keywords(true);
    select m.* into _from from meet_term(split_keyword.term, true) as m;
    select m.* into _to from meet_term(_name) as m;
    if _from.own then
        raise exception '% is the keyword itself, not an alias', quote_literal(split_keyword.term)
            using errcode = 'VT004', hint = 'split its aliases off it: vitrina keywords show '
                || shell_quoted(_from.name);
    elsif _to.own and _to.keyword_id = _from.keyword_id then
        raise exception '% is % already', quote_literal(split_keyword.term), quote_literal(_to.name)
            using errcode = 'VT004', hint = 'split it off under another name';
    elsif not _to.own and _to.keyword_id is not null
        and _to.keyword_id is distinct from _from.keyword_id then
        raise exception '% is an alias of %', quote_literal(_name), quote_literal(_to.name)
            using errcode = 'VT004', hint = 'name that keyword, or split this alias off first';
    end if;
    _old_form := normal_form(_from.name);
    _touched := array[_from.form, _to.form, _old_form];
    _rows := vocabulary_rows(
        array_remove(array[_from.keyword_id, _to.keyword_id], null), _touched);
    if _to.own then
        _keyword := _to.keyword_id;
    else
        _keyword := make_keyword(_name, said_facet(_from.form, _from.keyword_id));
    end if;
    perform point_terms(
        array_remove(array[_from.form, case when not _to.own then _to.form end], null), _keyword);
    perform distinguish(_old_form, f.form) from unnest(array[_from.form, _to.form]) as f (form)
    where _old_form is not null;
    _change := record_change(
        'split', jsonb_build_object('term', split_keyword.term, 'from', _from.name, 'as', _name),
        _rows, vocabulary_rows(
            array_remove(array[_from.keyword_id, _keyword], null), _touched));
    return query select r.* from change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- rename_keyword(term, name) → what it did, as merge_keywords. The keyword that `term` is has this
-- name from now on; its old name stays an alias. Raises VT003 for a term never met or dropped,
-- VT004 where the name is another keyword or its alias.
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
    _rows jsonb;
    _change bigint;
begin
    perform hold_keywords(true);
    select m.* into _old from keyword_of(rename_keyword.term) as m;
    select m.* into _new from meet_term(rename_keyword.name) as m;
    if _new.keyword_id <> _old.keyword_id then
        raise exception '% is % already', quote_literal(rename_keyword.name),
            case when _new.own then 'a keyword' else 'an alias of ' || quote_literal(_new.name) end
            using errcode = 'VT004', hint = format(
                'to make them one: vitrina keywords merge %s --into %s', shell_quoted(_old.name), shell_quoted(_new.name));
    end if;
    _rows := vocabulary_rows(array[_old.keyword_id], array[_new.form]);
    perform name_keyword(_old.keyword_id, given_name(rename_keyword.name));
    _change := record_change(
        'rename', jsonb_build_object('keyword', _old.name, 'name', given_name(rename_keyword.name)),
        _rows, vocabulary_rows(array[_old.keyword_id], array[_new.form]));
    return query select r.* from change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- pin_keyword(term, pinned) → what it did. A pinned keyword is not renamed or merged away but by
-- hand. pinned: false unpins. Raises VT003 for a term that is no keyword.
-- ---------------------------------------------------------------------------------------------
create or replace function pin_keyword(term text, pinned boolean default true)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _keyword record;
    _rows jsonb;
    _change bigint;
begin
    perform check_word('pinned', pinned::text, 'true', 'false');
    perform hold_keywords(true);
    select m.* into _keyword from keyword_of(pin_keyword.term) as m;
    _rows := vocabulary_rows(array[_keyword.keyword_id], '{}');
    update keywords as w set pinned = pin_keyword.pinned where w.id = _keyword.keyword_id;
    _change := record_change(
        case when pin_keyword.pinned then 'pin' else 'unpin' end,
        jsonb_build_object('keyword', _keyword.name),
        _rows, vocabulary_rows(array[_keyword.keyword_id], '{}'));
    return query select r.* from change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- set_facet(term, facet) → what it did: the keyword that `term` is, is in this facet from now on.
-- Raises VT003 for a term that is no keyword, VT004 for an unknown facet.
-- ---------------------------------------------------------------------------------------------
create or replace function set_facet(term text, facet text)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _keyword record;
    _rows jsonb;
    _change bigint;
begin
    perform hold_keywords(true);
    select m.* into _keyword from keyword_of(set_facet.term) as m;
    if set_facet.facet is null or set_facet.facet <> all (known_facets()) then
        raise exception '% is no facet', coalesce(quote_literal(set_facet.facet), 'null')
            using errcode = 'VT004', hint = 'they are ' || array_to_string(known_facets(), ', ');
    end if;
    _rows := vocabulary_rows(array[_keyword.keyword_id], '{}');
    update keywords as w set facet = set_facet.facet where w.id = _keyword.keyword_id;
    _change := record_change(
        'facet', jsonb_build_object('keyword', _keyword.name, 'facet', set_facet.facet),
        _rows, vocabulary_rows(array[_keyword.keyword_id], '{}'));
    return query select r.* from change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- drop_keyword(term) → what it did, as merge_keywords. Products lose the keyword that the term is,
-- with all its aliases, or the alias alone; said again, the term stays dropped. One that nobody has
-- said yet is dropped in advance. To bring it back: split_keyword(term).
-- ---------------------------------------------------------------------------------------------
create or replace function drop_keyword(term text)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _met record;
    _forms text[];
    _ids bigint[];
    _rows jsonb;
    _change bigint;
begin
    perform hold_keywords(true);
    select m.* into _met from meet_term(drop_keyword.term) as m;
    _ids := keywords_named(array[_met.form]);
    _forms := _met.form || array(
        select a.alias from keyword_aliases as a where a.keyword_id = any (_ids));
    _rows := vocabulary_rows(_ids, _forms);
    perform point_terms(_forms, null);
    delete from keywords as w where w.id = any (_ids);
    _change := record_change(
        'drop', jsonb_build_object('term', drop_keyword.term),
        _rows, vocabulary_rows(_ids, _forms));
    return query select r.* from change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- distinguish_keywords(a, b) → what it did. The two are different things: never one keyword, and
-- no judge is asked. Raises VT004 where they are one keyword now.
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
    _rows jsonb;
    _change bigint;
begin
    perform hold_keywords(true);
    select m.* into _a from meet_term(distinguish_keywords.a) as m;
    select m.* into _b from meet_term(distinguish_keywords.b) as m;
    if _a.form = _b.form then
        raise exception '% and % are spellings of one term', quote_literal(distinguish_keywords.a),
            quote_literal(distinguish_keywords.b) using errcode = 'VT004',
                hint = 'name two terms that are not written alike';
    elsif _a.keyword_id = _b.keyword_id then
        raise exception '% and % are one keyword, %', quote_literal(distinguish_keywords.a),
            quote_literal(distinguish_keywords.b), quote_literal(_a.name)
            using errcode = 'VT004', hint = 'take one out of it: vitrina keywords split '
                || shell_quoted(case when _a.own then distinguish_keywords.b
                                      else distinguish_keywords.a end);
    end if;
    _touched := array[_a.form, _b.form, normal_form(coalesce(_a.name, distinguish_keywords.a)),
                      normal_form(coalesce(_b.name, distinguish_keywords.b))];
    _rows := vocabulary_rows('{}', _touched);
    perform distinguish(_touched[1], _touched[2]);
    perform distinguish(_touched[3], _touched[4]);
    _change := record_change(
        'distinct', jsonb_build_object('a', distinguish_keywords.a, 'b', distinguish_keywords.b),
        _rows, vocabulary_rows('{}', _touched));
    return query select r.* from change_rows(_change) as r;
end
$func$;
