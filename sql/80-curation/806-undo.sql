-- The undoing of a change: exactly the rows that were there before it.

-- ---------------------------------------------------------------------------------------------
-- made_keywords(change) → the keywords that an undo deletes: those that the change made, and those
-- learned since under a name that comes back.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.made_keywords(change keyword_changes) returns bigint[]
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(array_agg(w.id), '{}')
    from keywords as w
    where (w.id in (select (r.content ->> 'id')::bigint from rows_of(change.after) as r
                    where r.in_table = 'keywords')
           or w.name in (select r.content ->> 'name' from rows_of(change.before) as r
                         where r.in_table = 'keywords'))
        and w.id not in (select (r.content ->> 'id')::bigint from rows_of(change.before) as r
                         where r.in_table = 'keywords');
$func$;

-- ---------------------------------------------------------------------------------------------
-- later_change(change) → the latest change that still holds and touched the same as this change: its
-- rows, a keyword it would need, or an alias of a keyword it would delete. A later change with its undo
-- does not count.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.later_change(change keyword_changes) returns setof keyword_changes
language sql stable security invoker
set search_path from current
as $func$
    with keys as (
        select array(
            select t.key from unnest(change.touched) as t (key)
            union
            select 'keywords ' || m.id from unnest(made_keywords(change)) as m (id)
            union
            select 'keyword_aliases ' || a.alias
            from keyword_aliases as a where a.keyword_id = any (made_keywords(change))
            union
            select 'keywords ' || (r.content ->> 'keyword_id')
            from rows_of(change.before) as r
            where r.in_table = 'keyword_aliases' and not exists (
                select from keywords as w where w.id = (r.content ->> 'keyword_id')::bigint)
                and r.content ->> 'keyword_id' is not null) as keys
    )
    select c.*
    from keyword_changes as c
    cross join keys as k
    where c.id > change.id
        and c.undone_at is null
        and (c.undoes is null or c.undoes < change.id)
        and c.touched && k.keys
    order by c.id desc
    limit 1;
$func$;

-- ---------------------------------------------------------------------------------------------
-- undo_keyword_change(id) → its effect, one row per term. Restores exactly the rows that a change of
-- the vocabulary removed or altered, and deletes those it made; products follow. id: from
-- keyword_history; null for the latest change that still holds. Undoing an undo redoes the change.
-- Terms that were learned into a deleted keyword are learned anew. No rows if nothing differs: the
-- products whose keywords it set are gone. Raises VT003 if the change is not
-- found, VT004 if it is already undone, or if a later change, which it names, touched the same rows.
-- ---------------------------------------------------------------------------------------------
create or replace function undo_keyword_change(id bigint default null)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _change keyword_changes;
    _later keyword_changes;
    _made bigint[];
    _ids bigint[];
    _forms text[];
    _products bigint[];
    _snapshot jsonb;
    _last bigint;
begin
    perform hold_keywords(true);
    select c.* into _change from keyword_changes as c
    where case when undo_keyword_change.id is null then c.undoes is null and c.undone_at is null
               else c.id = undo_keyword_change.id end
    order by c.id desc limit 1;
    if not found then
        raise exception '%', coalesce('change ' || undo_keyword_change.id || ' not found',
                                      'no change to undo')
            using errcode = 'VT003', hint = 'see: vitrina keywords history';
    end if;
    if _change.undone_at is not null then
        raise exception 'change % is already undone', _change.id
            using errcode = 'VT004', hint = coalesce(
                'to redo it: vitrina keywords undo '
                || (select max(c.id) from keyword_changes as c where c.undoes = _change.id),
                'see: vitrina keywords history');
    end if;
    select c.* into _later from later_change(_change) as c;
    if _later.id is not null then
        raise exception 'change % cannot be undone: change % (%) has touched the same rows since',
            _change.id, _later.id, _later.action
            using errcode = 'VT004', hint = 'undo that change first: vitrina keywords undo ' || _later.id;
    end if;

    _made := made_keywords(_change);
    select array_agg(distinct (r.content ->> 'id')::bigint) filter (where r.in_table = 'keywords'),
           array_agg(distinct r.content ->> 'alias') filter (where r.in_table = 'keyword_aliases')
           || array_agg(r.content ->> 'term_a') filter (where r.in_table = 'keyword_distinctions'),
           array_agg((r.content ->> 'product_id')::bigint) filter (where r.in_table = 'given_keywords')
    into _ids, _forms, _products
    from (select r.* from rows_of(_change.before) as r
          union all select r.* from rows_of(_change.after) as r) as r;
    _ids := _ids || _made;
    _forms := _forms || array(select a.alias from keyword_aliases as a where a.keyword_id = any (_made));

    _snapshot := take_snapshot(_ids, _forms, coalesce(_products, '{}'));
    select coalesce(max(w.id), 0) into _last from keywords as w;
    perform restore_rows(_change.before, _change.after, _made);
    perform restore_given(_products, _change.before -> 'given_keywords');
    perform learn_terms(array(
        select min(t.term) from product_terms as t
        where (t.form = any (_forms) or t.product_id = any (_products)) and not exists (
            select from keyword_aliases as a where a.alias = t.form)
        group by t.form order by min(t.product_id), t.form));
    -- what an undone undo had undone holds again, what that had undone does not, and so on
    with recursive chain as (
        select _change.id, _change.undoes, false as holds
        union all
        select c.id, c.undoes, not h.holds from chain as h join keyword_changes as c on c.id = h.undoes
    )
    update keyword_changes as c set undone_at = case when not h.holds then now() end
    from chain as h
    where c.id = h.id;
    return query select r.* from record_change(
        _snapshot, 'undo', jsonb_build_object('change', _change.id, 'action', _change.action),
        -- the terms just learned anew belong to this undo
        array(select w.id from keywords as w where w.id > _last and w.id <> all (_ids)),
        _change.id) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- restore_rows(before, after, made): replaces the rows of `after` by those of `before`, and deletes the
-- keywords in `made`. Skips vectors of a space that is gone.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.restore_rows(before jsonb, after jsonb, made bigint[]) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _touched jsonb := jsonb_build_array(before, after);
    _renamed bigint[];
begin
    delete from keyword_embeddings as e
    using jsonb_array_elements(_touched) as t
    cross join lateral jsonb_to_recordset(t -> 'keyword_embeddings') as r (space_id int, keyword_id bigint)
    where e.space_id = r.space_id and e.keyword_id = r.keyword_id;
    delete from keyword_distinctions as d
    using jsonb_array_elements(_touched) as t
    cross join lateral jsonb_to_recordset(t -> 'keyword_distinctions') as r (term_a text, term_b text)
    where d.term_a = r.term_a and d.term_b = r.term_b;
    delete from keyword_aliases as a
    using jsonb_array_elements(_touched) as t
    cross join lateral jsonb_to_recordset(t -> 'keyword_aliases') as r (alias text)
    where a.alias = r.alias;

    -- a vector that was made since the change is of the other name
    _renamed := array(
        select b.id
        from jsonb_to_recordset(before -> 'keywords') as b (id bigint, name text)
        join jsonb_to_recordset(after -> 'keywords') as a (id bigint, name text) on a.id = b.id
        where normal_form(a.name) <> normal_form(b.name));
    delete from keyword_embeddings as e where e.keyword_id = any (_renamed);

    -- a name is unique: keywords to be deleted give up theirs first
    update keywords as w set name = 'goes away: ' || w.id where w.id = any (made);
    update keywords as w set name = r.name, facet = r.facet, pinned = r.pinned, created_at = r.created_at
    from jsonb_populate_recordset(null::keywords, before -> 'keywords') as r
    where w.id = r.id;
    insert into keywords overriding system value
    select r.* from jsonb_populate_recordset(null::keywords, before -> 'keywords') as r
    where not exists (select from keywords as w where w.id = r.id);

    insert into keyword_aliases
    select r.* from jsonb_populate_recordset(null::keyword_aliases, before -> 'keyword_aliases') as r;
    insert into keyword_distinctions
    select r.* from jsonb_populate_recordset(
        null::keyword_distinctions, before -> 'keyword_distinctions') as r;
    insert into keyword_embeddings
    select r.* from jsonb_populate_recordset(
        null::keyword_embeddings, before -> 'keyword_embeddings') as r
    join spaces as s on s.id = r.space_id;
    perform embed_keyword(u.id) from unnest(_renamed) as u (id); -- in a space that is new since
    delete from keywords as w where w.id = any (made);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- restore_given(products, given): these products get the keywords that a person had set for them, rows
-- of given_keywords; the others those that models said. A product that has left gets them if it returns.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.restore_given(products bigint[], given jsonb) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _said jsonb;
begin
    if products is null then
        return;
    end if;
    update left_products as l set given_keywords = (
        select g.content from jsonb_array_elements(given) as g (content)
        where (g.content ->> 'product_id')::bigint = l.product_id)
    where l.product_id = any (restore_given.products);
    select jsonb_agg(jsonb_build_object('product_id', p.id, 'terms', said_of(p.id))) into _said
    from vitrina.products as p
    where p.id = any (restore_given.products);
    delete from given_keywords as g where g.product_id = any (restore_given.products);
    insert into given_keywords (product_id, terms, said)
    select r.product_id, r.terms, s.terms
    from jsonb_to_recordset(given) as r (product_id bigint, terms text[])
    join jsonb_to_recordset(_said) as s (product_id bigint, terms jsonb) on s.product_id = r.product_id;
    perform write_terms(coalesce(jsonb_agg(jsonb_build_object(
        'product_id', s.product_id, 'terms', coalesce(given_terms(g.terms), s.terms))), '[]'))
    from jsonb_to_recordset(_said) as s (product_id bigint, terms jsonb)
    left join given_keywords as g on g.product_id = s.product_id;
end
$func$;
