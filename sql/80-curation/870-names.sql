-- Names that a person typed: which are unknown, and which they may have meant.

-- ---------------------------------------------------------------------------------------------
-- unknown_names(sources, keywords, attributes) → those names that are not known, each with up to three
-- known names that look most like it. kind: source, keyword (also for an alias) or attribute. Searches
-- take an unknown name to match no product, and say so in a notice; a program asks here. A synonym of a
-- keyword is known. Raises VT004 for more than 1000 names of a kind.
-- ---------------------------------------------------------------------------------------------
create or replace function unknown_names(
    sources text[] default '{}', keywords text[] default '{}', attributes text[] default '{}'
) returns table (kind text, name text, nearest text[])
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _known text[];
begin
    if greatest(cardinality(sources), cardinality(keywords), cardinality(attributes)) > 1000 then
        perform too_many('sources, keywords and attributes', greatest(
            cardinality(sources), cardinality(keywords), cardinality(attributes)), 1000);
    end if;
    return query
    select 'source', u.name, nearest_names(
        u.name, array(select s.name from vitrina.sources as s order by s.id limit 1000))
    from unnest(sources) as u (name)
    where not exists (select from vitrina.sources as s where s.name = u.name);
    return query
    select 'keyword', u.name, nearest_names(
        normal_form(u.name), array(select a.alias from keyword_aliases as a where a.keyword_id is not null))
    from unnest(keywords) as u (name)
    -- a dropped one is known, and no product has it
    where not exists (select from keyword_aliases as a where a.alias = normal_form(u.name))
        and (known_key(normal_form(u.name))).keyword_id is null;
    -- looks at all products only for a name that the first ones lack
    if cardinality(attributes) > 0 then
        _known := array(
            select distinct k.key
            from (select p.attributes from products as p order by p.id limit 2000) as p
            cross join lateral jsonb_object_keys(p.attributes) as k (key)
            order by k.key);
        return query
        select 'attribute', u.name, nearest_names(u.name, _known)
        from unnest(attributes) as u (name)
        where u.name <> all (_known)
            and not exists (select from products as p where jsonb_exists(p.attributes, u.name));
    end if;
end
$func$;
