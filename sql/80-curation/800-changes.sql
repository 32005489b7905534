-- The trail of changes to the vocabulary: the rows as they were and as they became, so that each
-- change can be undone to the letter.

-- ---------------------------------------------------------------------------------------------
-- vocabulary_rows(ids, forms) → by table, the rows of these keywords and of these forms: keywords
-- with their vectors and aliases, aliases, distinctions. Vectors are read first, in the order in
-- which a new space locks these tables.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.vocabulary_rows(ids bigint[], forms text[]) returns jsonb
language sql stable security invoker
set search_path from current
as $func$
    select jsonb_build_object(
        'keyword_embeddings', (
            select coalesce(jsonb_agg(to_jsonb(e)), '[]')
            from keyword_embeddings as e where e.keyword_id = any (ids)),
        'keywords', (
            select coalesce(jsonb_agg(to_jsonb(w)), '[]') from keywords as w where w.id = any (ids)),
        'keyword_aliases', (
            select coalesce(jsonb_agg(to_jsonb(a)), '[]')
            from keyword_aliases as a where a.alias = any (forms) or a.keyword_id = any (ids)),
        'keyword_distinctions', (
            select coalesce(jsonb_agg(to_jsonb(d)), '[]')
            from keyword_distinctions as d where d.term_a = any (forms) or d.term_b = any (forms)));
$func$;

-- ---------------------------------------------------------------------------------------------
-- rows_of(tables) → the rows in what vocabulary_rows gives, each with its table and its key.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rows_of(tables jsonb)
returns table (in_table text, key text, content jsonb)
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select t.key,
           t.key || ' ' || case t.key
               when 'keywords' then r.value ->> 'id'
               when 'keyword_aliases' then r.value ->> 'alias'
               when 'keyword_embeddings' then concat_ws(' ', r.value ->> 'space_id', r.value ->> 'keyword_id')
               when 'keyword_distinctions' then concat_ws(' | ', r.value ->> 'term_a', r.value ->> 'term_b')
           end,
           r.value
    from jsonb_each(tables) as t
    cross join lateral jsonb_array_elements(t.value) as r;
$func$;

-- ---------------------------------------------------------------------------------------------
-- rows_without(tables, others) → the rows of `tables` that are not, to the letter, among `others`.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rows_without(tables jsonb, others jsonb) returns jsonb
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(jsonb_object_agg(d.in_table, d.contents), '{}')
    from (
        select r.in_table, jsonb_agg(r.content order by r.key) as contents
        from rows_of(tables) as r
        left join rows_of(others) as o on o.key = r.key
        where o.content is distinct from r.content
        group by r.in_table
    ) as d;
$func$;

-- ---------------------------------------------------------------------------------------------
-- record_change(action, arguments, before, after, undoes) → the change's number, or null where
-- nothing differs between before and after. Products follow: those that said a term that is
-- another keyword now, or whose keyword has another name.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.record_change(
    action text, arguments jsonb, before jsonb, after jsonb, undoes bigint default null
) returns bigint
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _old jsonb := rows_without(before, after);
    _new jsonb := rows_without(after, before);
    _change bigint;
    _products bigint[];
begin
    if _old = '{}' and _new = '{}' then
        return null;
    end if;
    insert into keyword_changes (action, arguments, before, after, touched, undoes)
    select record_change.action, coalesce(record_change.arguments, '{}'), _old, _new,
           array(select r.key from rows_of(_old) as r
                 union select r.key from rows_of(_new) as r),
           record_change.undoes
    returning keyword_changes.id into _change;

    select array_agg(distinct t.product_id) into _products
    from (
        select coalesce(o.content, n.content) ->> 'alias' as form
        from (select r.* from rows_of(_old) as r where r.in_table = 'keyword_aliases') as o
        full join (select r.* from rows_of(_new) as r where r.in_table = 'keyword_aliases') as n
            on n.key = o.key
        where o.content -> 'keyword_id' is distinct from n.content -> 'keyword_id'
        union
        select a.alias
        from rows_of(_old) as o
        join rows_of(_new) as n on n.key = o.key
        join keyword_aliases as a on a.keyword_id = (n.content ->> 'id')::bigint
        where o.in_table = 'keywords' and o.content -> 'name' <> n.content -> 'name'
    ) as f
    join product_terms as t on t.form = f.form;
    if _products is not null then
        perform refresh_keywords(_products);
    end if;
    return _change;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- keyword_label(content) → a row of keywords in a few words.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keyword_label(content jsonb) returns text
language sql immutable parallel safe
return (content ->> 'name') || ' (' || (content ->> 'facet')
    || case when (content ->> 'pinned')::boolean then ', pinned' else '' end || ')';

-- ---------------------------------------------------------------------------------------------
-- change_rows(change) → what it did, a row for each term: the keyword it was before and after,
-- and the products that say it. Also for keywords with another name, facet or pin, and for
-- distinctions.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.change_rows(change bigint)
returns table (change bigint, alias text, before text, after text, products bigint)
language sql stable security invoker
set search_path from current
as $func$
    with old as (
        select r.* from keyword_changes as c cross join lateral rows_of(c.before) as r
        where c.id = change_rows.change
    ),
    new as (
        select r.* from keyword_changes as c cross join lateral rows_of(c.after) as r
        where c.id = change_rows.change
    ),
    pairs as (
        select coalesce(o.in_table, n.in_table) as in_table, o.content as o, n.content as n
        from old as o full join new as n on n.key = o.key
    )
    select change_rows.change, x.*
    from (
        select coalesce(b.o, b.n) ->> 'alias' as alias,
               coalesce(ow.content ->> 'name', ok.name) as before,
               coalesce(nw.content ->> 'name', nk.name) as after,
               (select count(distinct t.product_id) from product_terms as t
                where t.form = coalesce(b.o, b.n) ->> 'alias') as products
        from pairs as b
        left join old as ow on ow.key = 'keywords ' || (b.o ->> 'keyword_id')
        left join keywords as ok on ok.id = (b.o ->> 'keyword_id')::bigint
        left join new as nw on nw.key = 'keywords ' || (b.n ->> 'keyword_id')
        left join keywords as nk on nk.id = (b.n ->> 'keyword_id')::bigint
        where b.in_table = 'keyword_aliases'
        union all
        select b.o ->> 'name', keyword_label(b.o), keyword_label(b.n),
               (select count(*) from product_keywords as pk
                where pk.keyword_id = (b.n ->> 'id')::bigint)
        from pairs as b
        where b.in_table = 'keywords' and b.o is not null and b.n is not null
        union all
        select concat_ws(' | ', coalesce(b.o, b.n) ->> 'term_a', coalesce(b.o, b.n) ->> 'term_b'),
               'distinct (' || (b.o ->> 'method') || ')', 'distinct (' || (b.n ->> 'method') || ')', 0
        from pairs as b
        where b.in_table = 'keyword_distinctions'
    ) as x
    order by x.products desc, x.alias;
$func$;

-- ---------------------------------------------------------------------------------------------
-- made_keywords(change) → the keywords that go away when it is undone: those that it made, and
-- those that were learned since under a name that comes back.
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
-- later_change(change) → the latest change that still holds and touched what this one touched:
-- its rows, a keyword it would need, or an alias of a keyword it would take away. A change and its
-- undo, both later, count as none.
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
-- undo_keyword_change(id) → what it did, a row a term. Puts back the rows that a change of the
-- vocabulary removed or altered, to the letter, and takes away those it made; products follow.
-- id: of keyword_history; null for the latest change that still holds. To undo an undo is to do
-- the change again. Terms that have been learned into a keyword that goes away are learned anew.
-- Raises VT003 where there is no such change, VT004 where it is undone already, or where a later
-- one touched the same rows: it is named.
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
    _before jsonb;
    _undo bigint;
    _last bigint;
begin
    perform hold_keywords(true);
    select c.* into _change from keyword_changes as c
    where case when undo_keyword_change.id is null then c.undoes is null and c.undone_at is null
               else c.id = undo_keyword_change.id end
    order by c.id desc limit 1;
    if not found then
        raise exception '%', coalesce('there is no change ' || undo_keyword_change.id,
                                      'there is no change to undo')
            using errcode = 'VT003', hint = 'see: vitrina keywords history';
    end if;
    if _change.undone_at is not null then
        raise exception 'change % is undone already', _change.id
            using errcode = 'VT004', hint = 'to do it again: vitrina keywords undo '
                || (select max(c.id) from keyword_changes as c where c.undoes = _change.id);
    end if;
    select c.* into _later from later_change(_change) as c;
    if _later.id is not null then
        raise exception 'change % cannot be undone: change % (%) touched the same since',
            _change.id, _later.id, _later.action
            using errcode = 'VT004', hint = 'undo that one first: vitrina keywords undo ' || _later.id;
    end if;

    _made := made_keywords(_change);
    select array_agg(distinct (r.content ->> 'id')::bigint) filter (where r.in_table = 'keywords'),
           array_agg(distinct r.content ->> 'alias') filter (where r.in_table = 'keyword_aliases')
           || array_agg(r.content ->> 'term_a') filter (where r.in_table = 'keyword_distinctions')
    into _ids, _forms
    from (select r.* from rows_of(_change.before) as r
          union all select r.* from rows_of(_change.after) as r) as r;
    _ids := _ids || _made;
    _forms := _forms || array(select a.alias from keyword_aliases as a where a.keyword_id = any (_made));

    _before := vocabulary_rows(_ids, _forms);
    select coalesce(max(w.id), 0) into _last from keywords as w;
    perform restore_rows(_change.before, _change.after, _made);
    perform learn_terms(array(
        select min(t.term) from product_terms as t
        where t.form = any (_forms) and not exists (
            select from keyword_aliases as a where a.alias = t.form)
        group by t.form order by min(t.product_id), t.form));
    -- those that were learned anew just now are of this undo
    _ids := _ids || array(select w.id from keywords as w where w.id > _last
                              and w.id <> all (_ids));
    _undo := record_change('undo', jsonb_build_object('change', _change.id, 'action', _change.action),
                            _before, vocabulary_rows(_ids, _forms), _change.id);
    update keyword_changes as c set undone_at = now() where c.id = _change.id;
    update keyword_changes as c set undone_at = null where c.id = _change.undoes;
    return query select r.* from change_rows(_undo) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- restore_rows(before, after, made): the rows of `before` instead of those of `after`, and
-- without the keywords in `made`. Vectors of a space that is gone stay away.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.restore_rows(before jsonb, after jsonb, made bigint[]) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _touched jsonb := jsonb_build_array(before, after);
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

    -- a name is unique: those that go give theirs up first
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
    delete from keywords as w where w.id = any (made);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- keyword_history(k) → the latest k changes of the vocabulary, newest first: by whom, what, and
-- whether it was undone. terms: how many of its terms are another keyword since.
-- ---------------------------------------------------------------------------------------------
create or replace function keyword_history(k int default 20) returns table (
    id bigint, at timestamptz, role text, action text, arguments jsonb, terms int, state text
)
language sql stable security invoker
set search_path from current
as $func$
    select c.id, c.at, c.role, c.action, c.arguments,
           (select count(*)::int from unnest(c.touched) as t (key) where t.key like 'keyword\_aliases %'),
           case when c.undone_at is not null then 'undone'
                when c.undoes is not null then 'undid ' || c.undoes
                else 'holds' end
    from keyword_changes as c
    order by c.id desc
    limit check_k(k);
$func$;
