-- The history of changes to the vocabulary: the rows before and after each change, so that it can be
-- undone exactly.

-- ---------------------------------------------------------------------------------------------
-- vocabulary_rows(ids, forms, products) → by table, the rows of these keywords and forms: keywords with
-- their vectors and aliases, aliases, distinctions; and what a person set for these products. Reads
-- vectors first: a new space locks these tables in that order.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.vocabulary_rows(
    ids bigint[], forms text[], products bigint[] default '{}'
) returns jsonb
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
            from keyword_distinctions as d where d.term_a = any (forms) or d.term_b = any (forms)),
        'given_keywords', (
            select coalesce(jsonb_agg(to_jsonb(g)), '[]')
            from given_keywords as g where g.product_id = any (products)));
$func$;

-- ---------------------------------------------------------------------------------------------
-- rows_of(tables) → the rows from vocabulary_rows, each with its table and its key.
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
               when 'given_keywords' then r.value ->> 'product_id'
           end,
           r.value
    from jsonb_each(tables) as t
    cross join lateral jsonb_array_elements(t.value) as r;
$func$;

-- ---------------------------------------------------------------------------------------------
-- rows_without(tables, others) → the rows of `tables` that have no equal row in `others`.
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
-- take_snapshot(ids, forms, products) → the present rows of these keywords, their aliases, these forms
-- and products. A change takes it first, and gives it to record_change when it is done.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.take_snapshot(
    ids bigint[], forms text[], products bigint[] default '{}'
) returns jsonb
language sql stable security invoker
set search_path from current
as $func$
    select jsonb_build_object('ids', ids, 'forms', f.forms, 'products', products,
                              'rows', vocabulary_rows(ids, f.forms, products))
    from (select forms || array(
              select a.alias from keyword_aliases as a where a.keyword_id = any (ids)) as forms) as f;
$func$;

-- ---------------------------------------------------------------------------------------------
-- record_change(snapshot, action, arguments, made, undoes) → the effect of a change, see change_rows:
-- the difference between the snapshot and the present rows, including those of the keywords it made.
-- Adds the change to the history; products follow. No rows if nothing differs.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.record_change(
    snapshot jsonb, action text, arguments jsonb, made bigint[] default '{}',
    undoes bigint default null
) returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _rows jsonb := vocabulary_rows(
        made || array(select i.id::bigint from jsonb_array_elements_text(snapshot -> 'ids') as i (id)),
        array(select f.form from jsonb_array_elements_text(snapshot -> 'forms') as f (form)),
        array(select p.id::bigint from jsonb_array_elements_text(snapshot -> 'products') as p (id)));
    _old jsonb := rows_without(snapshot -> 'rows', _rows);
    _new jsonb := rows_without(_rows, snapshot -> 'rows');
    _change bigint;
begin
    if _old = '{}' and _new = '{}' then
        return;
    end if;
    insert into keyword_changes as c (action, arguments, before, after, touched, undoes)
    select record_change.action, record_change.arguments, _old, _new,
           array(select r.key from rows_of(_old) as r
                 union select r.key from rows_of(_new) as r),
           record_change.undoes
    returning c.id into _change;
    perform follow_change(_old, _new);
    return query select r.* from change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- follow_change(old, new): renews the keywords of products that said a term with another keyword
-- now, whose keyword has another name, or whose keywords a person set.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.follow_change(old jsonb, new jsonb) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _products bigint[];
begin
    select array_agg(distinct t.product_id) || array(
               select (r.content ->> 'product_id')::bigint
               from (select r.* from rows_of(old) as r union all select r.* from rows_of(new) as r) as r
               where r.in_table = 'given_keywords')
    into _products
    from (
        select coalesce(o.content, n.content) ->> 'alias' as form
        from (select r.* from rows_of(old) as r where r.in_table = 'keyword_aliases') as o
        full join (select r.* from rows_of(new) as r where r.in_table = 'keyword_aliases') as n
            on n.key = o.key
        where o.content -> 'keyword_id' is distinct from n.content -> 'keyword_id'
        union
        select a.alias
        from rows_of(old) as o
        join rows_of(new) as n on n.key = o.key
        join keyword_aliases as a on a.keyword_id = (n.content ->> 'id')::bigint
        where o.in_table = 'keywords' and o.content -> 'name' <> n.content -> 'name'
    ) as f
    join product_terms as t on t.form = f.form;
    if _products <> '{}' then
        perform refresh_keywords(_products);
    end if;
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
-- words_of(terms) → an array of texts, or of {term}, as one text.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.words_of(terms jsonb) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select string_agg(coalesce(t.value ->> 'term', t.value #>> '{}'), ', ' order by t.place)
    from jsonb_array_elements(terms) with ordinality as t (value, place);
$func$;

-- ---------------------------------------------------------------------------------------------
-- change_rows(change) → its effect, one row per term: the keyword before and after, and how many
-- products say the term. Also for keywords with another name, facet or pin, for distinctions, and for
-- products whose keywords were set: then alias is the product's id in its source.
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
        union all
        select p.external_id, words_of(coalesce(b.o -> 'terms', b.n -> 'said')),
               words_of(coalesce(b.n -> 'terms', b.o -> 'said')), 1
        from pairs as b
        join products as p on p.id = (coalesce(b.o, b.n) ->> 'product_id')::bigint
        where b.in_table = 'given_keywords'
    ) as x
    order by x.products desc, x.alias;
$func$;

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
-- Terms that were learned into a deleted keyword are learned anew. Raises VT003 if the change is not
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
            using errcode = 'VT004', hint = 'to redo it: vitrina keywords undo '
                || (select max(c.id) from keyword_changes as c where c.undoes = _change.id);
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
    update keyword_changes as c set undone_at = now() where c.id = _change.id;
    update keyword_changes as c set undone_at = null where c.id = _change.undoes;
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
    delete from keywords as w where w.id = any (made);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- restore_given(products, given): these products get the keywords that a person had set for them, rows
-- of given_keywords; the others those that models said.
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

-- ---------------------------------------------------------------------------------------------
-- said_of(product) → the terms that models said of it, as [{term, facet}].
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.said_of(product bigint) returns jsonb
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(
        (select g.said from given_keywords as g where g.product_id = said_of.product),
        (select jsonb_agg(jsonb_build_object('term', t.term, 'facet', t.facet) order by t.place)
         from product_terms as t where t.product_id = said_of.product),
        '[]');
$func$;

-- ---------------------------------------------------------------------------------------------
-- given_terms(terms) → keywords that a person gave, as [{term}].
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.given_terms(terms text[]) returns jsonb
language sql immutable parallel safe
return case when terms is not null then array_to_json(array(
    select jsonb_build_object('term', t.term) from unnest(terms) with ordinality as t (term, place)
    order by t.place))::jsonb end;

-- ---------------------------------------------------------------------------------------------
-- keyword_history(k) → the latest k changes of the vocabulary, newest first: the author, the action,
-- and whether it was undone. terms: how many terms got another keyword.
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
