-- Showing the vocabulary.

-- ---------------------------------------------------------------------------------------------
-- list_keywords(of_facet, k) → the vocabulary, most used first: keyword, facet, whether it is pinned,
-- how many products have it, and its other terms. of_facet: null for all.
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
        limit check_k(k)
    ) as w
    order by w.products desc, w.name;
$func$;

-- ---------------------------------------------------------------------------------------------
-- show_keyword(term) → the keyword of a term, one row per alias: how and when it was decided, its
-- similarity, how many products say it, and its commonest spelling. For a dropped term, one row without
-- a keyword. A synonym that no product says yet shows the keyword that it would be. Raises VT003 for an
-- unknown term.
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
    select m.* into _met from meet_term(show_keyword.term) as m;
    if not _met.met then
        select k.keyword_id into _met.keyword_id from known_key(_met.form) as k;
        if _met.keyword_id is null then
            perform meet_term(show_keyword.term, true);
        end if;
    end if;
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
-- meet_term(term, needed) → its normal form, whether it is known, its keyword (null if it was dropped)
-- and whether it is that keyword's own name. Raises VT004 for a term that cannot be a keyword, VT003 if
-- it is needed but unknown.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.meet_term(
    term text, needed boolean default false,
    out form text, out met boolean, out keyword_id bigint, out name text, out own boolean
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    form := normal_form(meet_term.term);
    if not is_term(meet_term.term, meet_term.form) then
        raise exception '% cannot be a keyword: %',
            coalesce(quote_literal(left(meet_term.term, 40)), 'null'),
            coalesce(no_keyword(meet_term.term, meet_term.form), 'it is null')
            using errcode = 'VT004', hint = 'give a term of 1 to 100 characters, like side table';
    end if;
    select true, w.id, w.name, normal_form(w.name) = a.alias into met, keyword_id, name, own
    from keyword_aliases as a
    left join keywords as w on w.id = a.keyword_id
    where a.alias = meet_term.form;
    met := coalesce(met, false);
    own := coalesce(own, false);
    if needed and not met then
        raise exception 'keyword or alias % not found', quote_literal(meet_term.term)
            using errcode = 'VT003', hint = coalesce(
                (select format('it would be the keyword %s', w.name)
                 from known_key(form) as k join keywords as w on w.id = k.keyword_id),
                nearest_hint(
                    form, array(select a.alias from keyword_aliases as a where a.keyword_id is not null),
                    'the vocabulary is empty: `vitrina ingest` fills it'));
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- keywords_named(forms, other_than) → the keywords whose own names are among these terms.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keywords_named(forms text[], other_than bigint default null)
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
-- said_facet(form, keyword_id) → the facet of a term: the one mostly said, else of the thesaurus, else
-- of this keyword.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.said_facet(form text, keyword_id bigint default null) returns text
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(
        (select mode() within group (order by t.facet) from product_terms as t
         where t.form = said_facet.form and t.facet <> 'other'),
        (select t.facet from thesaurus as t
         where t.term = said_facet.form and (t.language = '' or t.language = (select shop_language()))
         order by t.language limit 1),
        (select w.facet from keywords as w where w.id = said_facet.keyword_id));
$func$;

-- ---------------------------------------------------------------------------------------------
-- keyword_of(term) → like meet_term, for a term with a keyword. Raises VT003 otherwise.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keyword_of(
    term text, out form text, out met boolean, out keyword_id bigint, out name text, out own boolean
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    select m.form, m.met, m.keyword_id, m.name, m.own into form, met, keyword_id, name, own
    from meet_term(keyword_of.term, true) as m;
    if keyword_id is null then
        raise exception '% was dropped: it has no keyword', quote_literal(keyword_of.term)
            using errcode = 'VT003', hint = 'bring it back first: vitrina keywords split '
                || shell_quoted(keyword_of.term);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- known_facets() → all facets.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.known_facets() returns text[]
language sql immutable parallel safe
return array['type', 'material', 'style', 'color', 'feature', 'size', 'audience', 'other'];
