-- Kinds: what is a kind of what, and what nearly the same. `related_terms` is a table: a shop extends it by
-- insert.

-- ---------------------------------------------------------------------------------------------
-- kinds_of(form, facet) → the key of a keyword in canonical form, then the keys of all that it is a kind
-- of: what its last words say ("computer desk", "desk"), and what stands above these in related_terms.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.kinds_of(form text, facet text) returns text[]
language sql stable parallel safe security invoker
set search_path from current
as $func$
    with recursive said as materialized (
        select array_agg(squashed(array_to_string(w.words[i.place:], ' ')) order by i.place) as keys
        from (select string_to_array(form, ' ') as words) as w
        cross join generate_series(1, case when facet in ('type', 'color', 'material')
                                           then cardinality(w.words) else 1 end) as i (place)
    ),
    up as (
        -- neither what it is not, nor what that is a kind of: a towel ring is no ring, and no jewelry
        select u.key
        from said as s
        cross join unnest(s.keys) as u (key)
        where u.key = s.keys[1] or not exists (
            select from related_terms as o
            where o.key = u.key and o.related_key = any (s.keys) and o.weight = 0)
        union
        select r.key
        from up as u
        join related_terms as r on r.related_key = u.key and r.weight = 1
        cross join said as s
        where not exists (
            select from related_terms as o
            where o.key = r.key and o.related_key = any (s.keys) and o.weight = 0)
    )
    select array(select u.key from up as u cross join said as s order by u.key <> s.keys[1], u.key);
$func$;

-- ---------------------------------------------------------------------------------------------
-- Triggers on related_terms: its terms are stored in normal form, however inserted, with their keys; a change
-- renews the kinds of keywords.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.normalize_relation() returns trigger
language plpgsql security invoker
set search_path from current
as $func$
begin
    new.term := normal_form(new.term);
    new.related := normal_form(new.related);
    new.key := term_key(new.term);
    new.related_key := term_key(new.related);
    return new;
end
$func$;

create or replace function vitrina_internal.relations_changed() returns trigger
language plpgsql security invoker
set search_path from current
as $func$
declare
    _keys text[] := array(select c.related_key from changed as c);
begin
    if tg_op = 'UPDATE' then
        _keys := _keys || array(select c.related_key from before as c);
    end if;
    update keywords as w set kinds = k.kinds
    from keywords as o
    cross join lateral kinds_of(o.form, o.facet) as k (kinds)
    where w.id = o.id and o.kinds && _keys and o.kinds is distinct from k.kinds;
    return null;
end
$func$;

create or replace trigger normalize_relation before insert or update of term, related on related_terms
    for each row execute function normalize_relation();
create or replace trigger relations_inserted after insert on related_terms
    referencing new table as changed for each statement execute function relations_changed();
create or replace trigger relations_updated after update on related_terms
    referencing old table as before new table as changed for each statement execute function relations_changed();
create or replace trigger relations_deleted after delete on related_terms
    referencing old table as changed for each statement execute function relations_changed();
