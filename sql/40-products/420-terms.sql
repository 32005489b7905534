-- The terms said of products are stored (product_terms); their keywords are derived from them through
-- the aliases. So a change of the vocabulary is a change of aliases, then a refresh.

-- ---------------------------------------------------------------------------------------------
-- hold_keywords(to_change): until the transaction ends, no other one changes existing aliases; with
-- to_change no other one derives or learns keywords. Whoever also needs the lock 'vitrina.keywords'
-- takes this one first, so that there is no deadlock.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.hold_keywords(to_change boolean default false) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'keywords can only change in READ COMMITTED transactions'
            using errcode = 'VT004', hint = 'set transaction isolation level read committed: a snapshot cannot see the decisions of others';
    end if;
    if to_change then
        perform pg_advisory_xact_lock(hashtext('vitrina.curation'));
        perform pg_advisory_xact_lock(hashtext('vitrina.keywords'));
    else
        perform pg_advisory_xact_lock_shared(hashtext('vitrina.curation'));
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_term(term, form): whether a term, with its normal form, can be a keyword or an alias.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_term(term text, form text) returns boolean
language sql immutable parallel safe
return form is not null and no_keyword(term, form) is null;

-- ---------------------------------------------------------------------------------------------
-- shell_quoted(term) → a term as a shell argument, for hints.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.shell_quoted(term text) returns text
language sql immutable parallel safe
return case when term ~ '^[[:alnum:]_.-]+$' and term !~ '^-' then term
            else '''' || replace(term, '''', '''\''''') || '''' end;

-- ---------------------------------------------------------------------------------------------
-- write_terms(said): replaces the terms of products. said: a jsonb array of {product_id, terms:
-- [{term, facet}]}, each product once. Skips terms that cannot be a keyword, and products that are
-- gone.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.write_terms(said jsonb) returns void
language sql volatile security invoker
set search_path from current
as $func$
    with said_terms as materialized (
        select e.product_id, t.place, t.term, t.facet
        from jsonb_to_recordset(said) as e (product_id bigint, terms jsonb)
        cross join lateral rows from (
            jsonb_to_recordset(coalesce(e.terms, '[]')) as (term text, facet text))
            with ordinality as t (term, facet, place)
    ),
    -- many products share a term
    forms as materialized (
        select d.term, normal_form(d.term) as form
        from (select distinct s.term from said_terms as s) as d
    ),
    given as materialized (
        select s.product_id, s.place, s.term, f.form, s.facet
        from said_terms as s
        join forms as f on f.term = s.term
        where is_term(f.term, f.form)
    ),
    gone as (
        delete from product_terms as t
        using jsonb_to_recordset(said) as e (product_id bigint)
        where t.product_id = e.product_id and not exists (
            select from given as g where g.product_id = t.product_id and g.place = t.place)
    )
    insert into product_terms as t (product_id, place, term, form, facet)
    select g.product_id, g.place, g.term, g.form, g.facet
    from given as g
    join products as p on p.id = g.product_id
    order by g.product_id, g.place
    on conflict (product_id, place) do update set
        term = excluded.term, form = excluded.form, facet = excluded.facet
    where (t.term, t.form, t.facet) is distinct from (excluded.term, excluded.form, excluded.facet);
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_terms(said): write_terms of what models said; for products whose keywords a person set, it is only
-- kept for later.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.put_terms(said jsonb) returns void
language sql volatile security invoker
set search_path from current
as $func$
    with kept as (
        update given_keywords as g set said = coalesce(e.terms, '[]')
        from jsonb_to_recordset(put_terms.said) as e (product_id bigint, terms jsonb)
        where g.product_id = e.product_id
        returning g.product_id
    ),
    others as materialized (
        select jsonb_agg(e.value) as said
        from jsonb_array_elements(put_terms.said) as e (value)
        where not exists (select from kept as k where k.product_id = (e.value ->> 'product_id')::bigint)
    )
    select write_terms(o.said) from others as o where o.said is not null;
$func$;

-- ---------------------------------------------------------------------------------------------
-- derive_keywords(product_ids) → the keywords of each product, in the order in which they were first
-- said; updates product_keywords. `said` is the first word for each.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.derive_keywords(product_ids bigint[])
returns table (product_id bigint, keywords text[])
language sql volatile security invoker
set search_path from current
as $func$
    with said as materialized (
        select distinct on (t.product_id, w.id) t.product_id, w.id, w.name, t.term, t.place
        from product_terms as t
        join keyword_aliases as a on a.alias = t.form
        join vitrina.keywords as w on w.id = a.keyword_id
        where t.product_id = any (product_ids)
        order by t.product_id, w.id, t.place
    ),
    gone as (
        delete from product_keywords as pk
        where pk.product_id = any (product_ids) and not exists (
            select from said as s where s.product_id = pk.product_id and s.id = pk.keyword_id)
    ),
    kept as (
        insert into product_keywords as pk (product_id, keyword_id, said)
        select s.product_id, s.id, s.term from said as s
        order by s.product_id, s.id
        on conflict (product_id, keyword_id) do update set said = excluded.said
        where pk.said <> excluded.said
    )
    select u.id, coalesce(array_agg(s.name order by s.place) filter (where s.id is not null), '{}')
    from (select distinct v.id from unnest(product_ids) as v (id)) as u
    left join said as s on s.product_id = u.id
    group by u.id;
$func$;

-- ---------------------------------------------------------------------------------------------
-- refresh_keywords(product_ids) → how many of these products have other keywords now. Derives them
-- again, and with them the full text and the vector of changed products. enriched_at stays as it
-- was.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.refresh_keywords(product_ids bigint[]) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _changed bigint[];
begin
    -- in the order in which others lock them
    perform from products as p where p.id = any (product_ids) order by p.id for no key update;
    with changed as (
        update products as p set keywords = d.keywords
        from derive_keywords(product_ids) as d
        where p.id = d.product_id and p.keywords <> d.keywords
        returning p.id
    )
    select coalesce(array_agg(c.id order by c.id), '{}') into _changed from changed as c;
    perform refresh_text(_changed);
    perform refresh_embeddings(_changed);
    return cardinality(_changed);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- refresh_embeddings(product_ids): renews the vectors, in the active text space, of products whose
-- text has changed: at once if that space is local, else by queueing them. A job that waits for the
-- vector of a text that is already embedded is deleted. Products without a vector wait for their
-- enrichment.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.refresh_embeddings(product_ids bigint[]) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces := active_space('text');
    _stale bigint[];
    _queue bigint[];
    _moot bigint[];
begin
    select array_agg(t.id) filter (where t.stale),
           array_agg(t.id) filter (where t.state = 'leased'
                                   or (t.stale and (t.state is distinct from 'queued'
                                                    or t.stage = 'picture'))),
           array_agg(t.id) filter (where t.state = 'queued' and t.stage = 'embed' and not t.stale)
    into _stale, _queue, _moot
    from (
        select p.id, j.state, j.stage, e.input_hash
                   <> sha256(convert_to(embedding_input(p.keywords, p.caption), 'utf8')) as stale
        from products as p
        left join product_embeddings as e on e.product_id = p.id and e.space_id = _space.id
        left join jobs as j on j.product_id = p.id
        where p.id = any (product_ids) and p.enriched_at is not null
    ) as t;
    if _space.provider = 'local' then
        perform embed_products(_stale);
        return;
    end if;
    -- a worker may already have read the text, so the product is queued again
    perform queue_products(coalesce(_queue, '{}'), 'embed');
    delete from jobs as j
    where j.product_id = any (_moot) and j.state = 'queued' and j.stage = 'embed';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- refresh_forms() → how many terms had an outdated normal form, as after an upgrade. Their aliases
-- follow, so that products keep their keywords.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.refresh_forms() returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _products bigint[];
    _count int;
begin
    perform hold_keywords(true);
    insert into keyword_aliases (alias, keyword_id, method)
    select distinct on (f.form) f.form, f.id, 'new'
    from (select normal_form(w.name) as form, w.id from keywords as w) as f
    where f.form <> ''
    order by f.form, f.id
    on conflict (alias) do nothing;

    with terms as materialized (
        select d.term, d.form as old, normal_form(d.term) as form
        from (select distinct t.term, t.form from product_terms as t) as d
    ),
    other as materialized (select t.* from terms as t where t.form <> t.old),
    aliases as (
        insert into keyword_aliases (alias, keyword_id, similarity, method, decided_at)
        select distinct on (c.form) c.form, c.keyword_id, c.similarity, c.method, c.decided_at
        from (
            select o.form, a.keyword_id, a.similarity, a.decided_at,
                   case when a.method = 'new' then 'form' else a.method end as method
            from other as o
            join keyword_aliases as a on a.alias = o.old
            union all
            select o.form, pk.keyword_id, null, now(), 'form'
            from other as o
            join product_keywords as pk on pk.said = o.term
            where o.old = ''
        ) as c
        where c.form <> ''
        order by c.form, c.decided_at, c.keyword_id
        on conflict (alias) do nothing
    ),
    changed as (
        update product_terms as t set form = o.form
        from other as o
        where t.term = o.term and t.form = o.old
        returning t.product_id
    )
    select count(*), array_agg(distinct c.product_id) into _count, _products from changed as c;
    if _count > 0 then
        perform refresh_keywords(_products);
    end if;
    return _count;
end
$func$;
