-- Keywords of single products, set by a person. They are kept over later enrichments; each change is in
-- the history of the vocabulary, and can be undone.

-- ---------------------------------------------------------------------------------------------
-- set_keywords(source, external_ids, keywords, add_new) → its effect, one row per product: its keywords
-- before and after. Later enrichments of these products keep them, until reset_keywords. keywords:
-- names or aliases of the vocabulary; '{}' for no keyword. add_new: terms that are unknown become
-- keywords. Raises VT003 for an unknown source, product, or (without add_new) keyword, and names the
-- nearest; VT004 for a term that cannot be a keyword, and for more than 10,000 products or 100 keywords.
-- ---------------------------------------------------------------------------------------------
create or replace function set_keywords(
    source text, external_ids text[], keywords text[], add_new boolean default false
)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _products bigint[];
    _given record;
    _new text[] := '{}';
    _synonyms text[] := '{}';
    _made bigint[] := '{}';
    _snapshot jsonb;
begin
    perform hold_keywords(true);
    perform check_list('keywords', set_keywords.keywords);
    if cardinality(set_keywords.keywords) > 100 then
        perform too_many('keywords', cardinality(set_keywords.keywords), 100);
    end if;
    _products := products_named(set_keywords.source, set_keywords.external_ids);
    for _given in
        select u.term, m.form, m.met, k.keyword_id
        from unnest(set_keywords.keywords) with ordinality as u (term, place)
        cross join lateral meet_term(u.term) as m
        cross join lateral known_key(m.form) as k
        order by u.place
    loop
        if _given.met then
            perform keyword_of(_given.term); -- a dropped one is an error
        elsif _given.keyword_id is not null then
            _synonyms := _synonyms || _given.form;
        elsif add_new is not true then
            perform meet_term(_given.term, true);
        elsif _given.form <> all (array(select normal_form(n.term) from unnest(_new) as n (term))) then
            _new := _new || _given.term;
        end if;
    end loop;
    _snapshot := take_snapshot(
        '{}', _synonyms || array(select normal_form(n.term) from unnest(_new) as n (term)), _products);
    perform point_terms(array[s.form], k.keyword_id)
    from unnest(_synonyms) as s (form)
    cross join lateral known_key(s.form) as k;
    for _given in select n.term, normal_form(n.term) as form from unnest(_new) as n (term) loop
        _made := _made || make_keyword(given_name(_given.term), said_facet(_given.form));
        perform point_terms(array[_given.form], _made[cardinality(_made)]);
    end loop;
    insert into given_keywords as g (product_id, terms, said)
    select p.id, coalesce(set_keywords.keywords, '{}'), said_of(p.id) from unnest(_products) as p (id)
    on conflict (product_id) do update set terms = excluded.terms;
    perform write_terms(jsonb_agg(jsonb_build_object(
        'product_id', p.id, 'terms', given_terms(coalesce(set_keywords.keywords, '{}')))))
    from unnest(_products) as p (id);
    return query select r.* from record_change(
        _snapshot, 'set',
        jsonb_build_object('source', set_keywords.source, 'products', set_keywords.external_ids,
                           'keywords', set_keywords.keywords), _made) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- reset_keywords(source, external_ids) → its effect, as set_keywords gives it. These products get the
-- keywords that models said of them; those whose keywords no person set stay as they are. Raises VT003
-- for an unknown source or product.
-- ---------------------------------------------------------------------------------------------
create or replace function reset_keywords(source text, external_ids text[])
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _products bigint[];
    _snapshot jsonb;
begin
    perform hold_keywords(true);
    _products := array(
        select g.product_id from given_keywords as g
        where g.product_id = any (products_named(reset_keywords.source, reset_keywords.external_ids)));
    _snapshot := take_snapshot('{}', '{}', _products);
    perform restore_given(_products, '[]');
    return query select r.* from record_change(
        _snapshot, 'reset',
        jsonb_build_object('source', reset_keywords.source, 'products', reset_keywords.external_ids)) as r;
end
$func$;
