-- The vocabulary by hand. Every change is one of aliases and keywords; products follow at once, and
-- each is in the trail: see undo_keyword_change.

-- ---------------------------------------------------------------------------------------------
-- list_keywords(of_facet, k) → the vocabulary, most used first: keyword, facet, whether it is pinned,
-- how many products have it, and the other terms that mean it. of_facet: null for all.
-- ---------------------------------------------------------------------------------------------
create or replace function list_keywords(of_facet text default null, k int default 1000)
returns table (keyword text, facet text, pinned boolean, products bigint, aliases text[])
language sql stable security invoker
set search_path from current
as $func$
    select w.name, w.facet, w.pinned, w.products,
           array(select a.alias from keyword_aliases as a
                 where a.keyword_id = w.id and a.alias <> normal_form(w.name) order by a.alias)
    from (
        select w.*, coalesce(u.products, 0) as products
        from keywords as w
        left join (
            select pk.keyword_id, count(*) as products from product_keywords as pk
            group by pk.keyword_id) as u on u.keyword_id = w.id
        where of_facet is null or w.facet = of_facet
        order by products desc, w.name
        limit k
    ) as w
    order by w.products desc, w.name;
$func$;

-- ---------------------------------------------------------------------------------------------
-- show_keyword(term) → the keyword that a term is, a row for each of its aliases: how and when it
-- was decided, how similar it was, in how many products it was said, and mostly in which words. Of
-- a term that was dropped, one row without a keyword. Raises VT003 for a term never met.
-- ---------------------------------------------------------------------------------------------
create or replace function show_keyword(term text)
returns table (
    keyword text, facet text, pinned boolean, alias text, method text, similarity real,
    decided_at timestamptz, products bigint, said text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _met record;
begin
    select m.* into _met from _meet_term(show_keyword.term, true) as m;
    return query
    select w.name, w.facet, w.pinned, a.alias, a.method, a.similarity, a.decided_at,
           u.products, u.said
    from keyword_aliases as a
    left join keywords as w on w.id = a.keyword_id
    cross join lateral (
        select count(distinct t.product_id) as products,
               mode() within group (order by t.term) as said
        from product_terms as t where t.form = a.alias) as u
    where a.alias = _met.form or a.keyword_id = _met.keyword_id
    order by a.alias = normal_form(w.name) desc, u.products desc, a.alias;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _meet_term(term, needed) → its normal form, whether it was met before, the keyword it is (none,
-- where it was dropped) and whether it is that keyword's own name. Raises VT004 for a term that can
-- be no keyword, VT003 where it is needed and was never met.
-- ---------------------------------------------------------------------------------------------
create or replace function _meet_term(
    term text, needed boolean default false,
    out form text, out met boolean, out keyword_id bigint, out name text, out own boolean
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    form := normal_form(_meet_term.term);
    if not _is_term(_meet_term.term, _meet_term.form) then
        raise exception '% can be no keyword: %',
            coalesce(quote_literal(left(_meet_term.term, 40)), 'null'),
            coalesce(_no_keyword(_meet_term.term, _meet_term.form), 'it is nothing')
            using errcode = 'VT004';
    end if;
    select true, w.id, w.name, normal_form(w.name) = a.alias into met, keyword_id, name, own
    from keyword_aliases as a
    left join keywords as w on w.id = a.keyword_id
    where a.alias = _meet_term.form;
    met := coalesce(met, false);
    own := coalesce(own, false);
    if needed and not met then
        raise exception 'there is no keyword or alias %', quote_literal(_meet_term.term)
            using errcode = 'VT003', hint = 'look for it: vitrina keywords similar '
                || _shell(_meet_term.term);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _named(term) → a term as the name of a keyword given by hand: as _keyword_name, in its own case.
-- ---------------------------------------------------------------------------------------------
create or replace function _named(term text) returns text
language sql immutable parallel safe
return btrim(regexp_replace(
    regexp_replace(normalize(term, nfc) collate "C",
                   '[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]', '', 'g'),
    '[\x01-\x20\x7f-\u00a0\u2028\u2029\u3000]+', ' ', 'g'));

-- ---------------------------------------------------------------------------------------------
-- _make_keyword(name, facet, pinned) → its id: a new keyword with its vectors in local spaces.
-- Those of other spaces come with the next work, as for any keyword without one.
-- ---------------------------------------------------------------------------------------------
create or replace function _make_keyword(name text, facet text, pinned boolean default false)
returns bigint
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _id bigint;
begin
    insert into keywords as w (name, facet, pinned)
    values (_make_keyword.name, coalesce(_make_keyword.facet, 'other'), _make_keyword.pinned)
    returning w.id into _id;
    perform _embed_keyword(_id);
    return _id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _embed_keyword(id): the vectors of a keyword's name in the local text spaces.
-- ---------------------------------------------------------------------------------------------
create or replace function _embed_keyword(id bigint) returns void
language sql volatile security invoker
set search_path from current
as $func$
    insert into keyword_embeddings (space_id, keyword_id, embedding)
    select s.id, w.id, e.embedding
    from keywords as w
    cross join spaces as s
    cross join lateral embed_text(w.name) as e (embedding)
    where w.id = _embed_keyword.id
        and s.modality = 'text' and s.provider = 'local' and e.embedding is not null
    on conflict (space_id, keyword_id) do nothing;
$func$;

-- ---------------------------------------------------------------------------------------------
-- _point_terms(forms, keyword_id, method): from now on these terms are this keyword; null: none.
-- ---------------------------------------------------------------------------------------------
create or replace function _point_terms(forms text[], keyword_id bigint, method text default 'manual')
returns void
language sql volatile security invoker
set search_path from current
as $func$
    insert into keyword_aliases as a (alias, keyword_id, method)
    select distinct u.form, _point_terms.keyword_id, _point_terms.method
    from unnest(forms) as u (form)
    order by u.form
    on conflict (alias) do update set
        keyword_id = excluded.keyword_id, method = excluded.method, similarity = null,
        decided_at = now()
    where (a.keyword_id, a.method) is distinct from (excluded.keyword_id, excluded.method);
$func$;

-- ---------------------------------------------------------------------------------------------
-- _distinguish(a, b, method): two terms in normal form are different things; what was said by hand
-- is not said over by a judge.
-- ---------------------------------------------------------------------------------------------
create or replace function _distinguish(a text, b text, method text default 'manual') returns void
language sql volatile security invoker
set search_path from current
as $func$
    insert into keyword_distinctions as d (term_a, term_b, method)
    select least(a, b), greatest(a, b), _distinguish.method where a <> b
    on conflict (term_a, term_b) do update set method = excluded.method, decided_at = now()
    where d.method <> 'manual' and excluded.method = 'manual';
$func$;

-- ---------------------------------------------------------------------------------------------
-- _merge_terms(forms, keyword_id, method): these terms are this keyword. One that is a keyword's
-- own name takes its aliases along, and the keyword goes. Distinctions within the keyword go too.
-- ---------------------------------------------------------------------------------------------
create or replace function _merge_terms(forms text[], keyword_id bigint, method text) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _gone bigint[] := _keywords_named(forms, keyword_id);
begin
    perform _point_terms(
        forms || array(select a.alias from keyword_aliases as a where a.keyword_id = any (_gone)),
        _merge_terms.keyword_id, _merge_terms.method);
    delete from keyword_distinctions as d
    using keyword_aliases as a, keyword_aliases as b
    where a.alias = d.term_a and b.alias = d.term_b
        and a.keyword_id = _merge_terms.keyword_id and b.keyword_id = _merge_terms.keyword_id;
    delete from keywords as w where w.id = any (_gone);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _keywords_named(forms, other_than) → the keywords whose own names are among these terms.
-- ---------------------------------------------------------------------------------------------
create or replace function _keywords_named(forms text[], other_than bigint default null)
returns bigint[]
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(array_agg(w.id), '{}')
    from keyword_aliases as a
    join keywords as w on w.id = a.keyword_id
    where a.alias = any (forms) and normal_form(w.name) = a.alias
        and w.id is distinct from other_than;
$func$;

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
    perform _hold_keywords(true);
    select m.* into _into from _meet_term(into_keyword, true) as m;
    if _into.keyword_id is null then
        raise exception '% was dropped: there is no keyword to merge into', quote_literal(into_keyword)
            using errcode = 'VT003', hint = 'bring it back first: vitrina keywords split '
                || _shell(into_keyword);
    end if;
    select array_agg(m.form) filter (where not (m.own and m.keyword_id = _into.keyword_id))
    into _forms
    from unnest(merge_keywords.terms) as u (term)
    cross join lateral _meet_term(u.term) as m;
    if _forms is null then
        return;
    end if;
    _ids := _keywords_named(_forms) || _into.keyword_id;
    _touched := _forms || array(
        select a.alias from keyword_aliases as a where a.keyword_id = any (_keywords_named(_forms)));
    _rows := _vocabulary_rows(_ids, _touched);
    perform _merge_terms(_forms, _into.keyword_id, 'manual');
    _change := _record_change(
        'merge', jsonb_build_object('terms', merge_keywords.terms, 'into', _into.name),
        _rows, _vocabulary_rows(_ids, _touched));
    return query select r.* from _change_rows(_change) as r;
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
    _name text := _named(coalesce(split_keyword.as_keyword, split_keyword.term));
    _old_form text;
    _rows jsonb;
    _change bigint;
    _touched text[];
    _keyword bigint;
begin
    perform _hold_keywords(true);
    select m.* into _from from _meet_term(split_keyword.term, true) as m;
    select m.* into _to from _meet_term(_name) as m;
    if _from.own then
        raise exception '% is the keyword itself, not an alias', quote_literal(split_keyword.term)
            using errcode = 'VT004', hint = 'split its aliases off it: vitrina keywords show '
                || _shell(_from.name);
    elsif _to.own and _to.keyword_id = _from.keyword_id then
        raise exception '% is % already', quote_literal(split_keyword.term), quote_literal(_to.name)
            using errcode = 'VT004', hint = 'split it off under another name';
    elsif not _to.own and _to.keyword_id <> _from.keyword_id then
        raise exception '% is an alias of %', quote_literal(_name), quote_literal(_to.name)
            using errcode = 'VT004', hint = 'name that keyword, or split this alias off first';
    end if;
    _old_form := normal_form(_from.name);
    _touched := array[_from.form, _to.form, _old_form];
    _rows := _vocabulary_rows(
        array_remove(array[_from.keyword_id, _to.keyword_id], null), _touched);
    if _to.own then
        _keyword := _to.keyword_id;
    else
        _keyword := _make_keyword(_name, _said_facet(_from.form, _from.keyword_id));
    end if;
    perform _point_terms(
        array_remove(array[_from.form, case when not _to.own then _to.form end], null), _keyword);
    perform _distinguish(_old_form, f.form) from unnest(array[_from.form, _to.form]) as f (form)
    where _old_form is not null;
    _change := _record_change(
        'split', jsonb_build_object('term', split_keyword.term, 'from', _from.name, 'as', _name),
        _rows, _vocabulary_rows(
            array_remove(array[_from.keyword_id, _keyword], null), _touched));
    return query select r.* from _change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _said_facet(form, keyword_id) → the facet of a term: as mostly said, else of the thesaurus, else
-- of this keyword.
-- ---------------------------------------------------------------------------------------------
create or replace function _said_facet(form text, keyword_id bigint default null) returns text
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(
        (select mode() within group (order by t.facet) from product_terms as t
         where t.form = _said_facet.form and t.facet <> 'other'),
        (select h.facet from thesaurus as h where h.term = _said_facet.form),
        (select w.facet from keywords as w where w.id = _said_facet.keyword_id));
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
    perform _hold_keywords(true);
    select m.* into _old from _keyword_of(rename_keyword.term) as m;
    select m.* into _new from _meet_term(rename_keyword.name) as m;
    if _new.keyword_id <> _old.keyword_id then
        raise exception '% is % already', quote_literal(rename_keyword.name),
            case when _new.own then 'a keyword' else 'an alias of ' || quote_literal(_new.name) end
            using errcode = 'VT004', hint = format(
                'to make them one: vitrina keywords merge %s --into %s', _shell(_old.name), _shell(_new.name));
    end if;
    _rows := _vocabulary_rows(array[_old.keyword_id], array[_new.form]);
    perform _name_keyword(_old.keyword_id, _named(rename_keyword.name));
    _change := _record_change(
        'rename', jsonb_build_object('keyword', _old.name, 'name', _named(rename_keyword.name)),
        _rows, _vocabulary_rows(array[_old.keyword_id], array[_new.form]));
    return query select r.* from _change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _name_keyword(id, name): give it another name, with the vectors of that; a space that is not
-- local gets its own with the next work.
-- ---------------------------------------------------------------------------------------------
create or replace function _name_keyword(id bigint, name text) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _old text;
begin
    select w.name into _old from keywords as w where w.id = _name_keyword.id;
    if _old = _name_keyword.name then
        return;
    end if;
    update keywords as w set name = _name_keyword.name where w.id = _name_keyword.id;
    if normal_form(_old) <> normal_form(_name_keyword.name) then
        perform _point_terms(array[normal_form(_old), normal_form(_name_keyword.name)], _name_keyword.id);
        delete from keyword_embeddings as e where e.keyword_id = _name_keyword.id;
        perform _embed_keyword(_name_keyword.id);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _keyword_of(term) → as _meet_term, of a term that is a keyword. Raises VT003 otherwise.
-- ---------------------------------------------------------------------------------------------
create or replace function _keyword_of(
    term text, out form text, out met boolean, out keyword_id bigint, out name text, out own boolean
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    select m.form, m.met, m.keyword_id, m.name, m.own into form, met, keyword_id, name, own
    from _meet_term(_keyword_of.term, true) as m;
    if keyword_id is null then
        raise exception '% was dropped: it is no keyword', quote_literal(_keyword_of.term)
            using errcode = 'VT003', hint = 'bring it back first: vitrina keywords split '
                || _shell(_keyword_of.term);
    end if;
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
    perform _hold_keywords(true);
    select m.* into _keyword from _keyword_of(pin_keyword.term) as m;
    _rows := _vocabulary_rows(array[_keyword.keyword_id], '{}');
    update keywords as w set pinned = pin_keyword.pinned where w.id = _keyword.keyword_id;
    _change := _record_change(
        case when pin_keyword.pinned then 'pin' else 'unpin' end,
        jsonb_build_object('keyword', _keyword.name),
        _rows, _vocabulary_rows(array[_keyword.keyword_id], '{}'));
    return query select r.* from _change_rows(_change) as r;
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
    perform _hold_keywords(true);
    select m.* into _keyword from _keyword_of(set_facet.term) as m;
    if set_facet.facet is null or set_facet.facet <> all (_facets()) then
        raise exception '% is no facet', coalesce(quote_literal(set_facet.facet), 'null')
            using errcode = 'VT004', hint = 'they are ' || array_to_string(_facets(), ', ');
    end if;
    _rows := _vocabulary_rows(array[_keyword.keyword_id], '{}');
    update keywords as w set facet = set_facet.facet where w.id = _keyword.keyword_id;
    _change := _record_change(
        'facet', jsonb_build_object('keyword', _keyword.name, 'facet', set_facet.facet),
        _rows, _vocabulary_rows(array[_keyword.keyword_id], '{}'));
    return query select r.* from _change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _facets() → the facets there are.
-- ---------------------------------------------------------------------------------------------
create or replace function _facets() returns text[]
language sql immutable parallel safe
return array['type', 'material', 'style', 'color', 'feature', 'size', 'other'];

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
    perform _hold_keywords(true);
    select m.* into _met from _meet_term(drop_keyword.term) as m;
    _ids := _keywords_named(array[_met.form]);
    _forms := _met.form || array(
        select a.alias from keyword_aliases as a where a.keyword_id = any (_ids));
    _rows := _vocabulary_rows(_ids, _forms);
    perform _point_terms(_forms, null);
    delete from keywords as w where w.id = any (_ids);
    _change := _record_change(
        'drop', jsonb_build_object('term', drop_keyword.term),
        _rows, _vocabulary_rows(_ids, _forms));
    return query select r.* from _change_rows(_change) as r;
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
    perform _hold_keywords(true);
    select m.* into _a from _meet_term(distinguish_keywords.a) as m;
    select m.* into _b from _meet_term(distinguish_keywords.b) as m;
    if _a.form = _b.form then
        raise exception '% and % are spellings of one term', quote_literal(distinguish_keywords.a),
            quote_literal(distinguish_keywords.b) using errcode = 'VT004';
    elsif _a.keyword_id = _b.keyword_id then
        raise exception '% and % are one keyword, %', quote_literal(distinguish_keywords.a),
            quote_literal(distinguish_keywords.b), quote_literal(_a.name)
            using errcode = 'VT004', hint = 'take one out of it: vitrina keywords split '
                || _shell(case when _a.own then distinguish_keywords.b
                                      else distinguish_keywords.a end);
    end if;
    _touched := array[_a.form, _b.form, normal_form(coalesce(_a.name, distinguish_keywords.a)),
                      normal_form(coalesce(_b.name, distinguish_keywords.b))];
    _rows := _vocabulary_rows('{}', _touched);
    perform _distinguish(_touched[1], _touched[2]);
    perform _distinguish(_touched[3], _touched[4]);
    _change := _record_change(
        'distinct', jsonb_build_object('a', distinguish_keywords.a, 'b', distinguish_keywords.b),
        _rows, _vocabulary_rows('{}', _touched));
    return query select r.* from _change_rows(_change) as r;
end
$func$;
