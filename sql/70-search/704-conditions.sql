-- Conditions that a query says in words, and the rest of it, which is searched for.

-- ---------------------------------------------------------------------------------------------
-- read_conditions(query) → the conditions of a query. rest: what is left of it, all of it if there are
-- none. said: the conditions as they were typed; things, names, words: what is excluded, see
-- exclusion_at; low, high: of the price. "…" and -word are never read; a code of a product neither.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.read_conditions(
    query text, out rest text, out said text[], out meanings text[], out things text[], out names text[],
    out words text[], out low numeric, out high numeric
)
language plpgsql stable security invoker
set search_path from current
set plan_cache_mode = force_generic_plan -- of so few words, a plan costs more than it can gain
as $func$
declare
    _typed typed_query := typed_query(query);
    _at int := 1;
    _size int;
    _price record;
    _without record;
    _last int;
    _kept int[] := '{}';
    _rest text[] := '{}';
begin
    said := '{}';
    meanings := '{}';
    things := '{}';
    names := '{}';
    words := '{}';
    rest := query;
    if _typed is null then
        return;
    end if;
    while _at <= cardinality(_typed.plain) loop
        _size := greatest(mark_size(_typed.marks, _at, 'name'), 1);
        _last := null;
        if _typed.plain[_at] is not null and mark_size(_typed.marks, _at, 'name') = 0 then
            _price := price_at(_typed, _at);
            if _price.last is not null then
                _last := _price.last;
                low := greatest(low, _price.low);
                high := least(high, _price.high);
            else
                _without := exclusion_at(_typed, _at);
                _last := _without.last;
            end if;
        end if;
        if _last is null then
            _kept := _kept || array(select i from generate_series(_at, _at + _size - 1) as i);
            _rest := _rest || _typed.said[_at:_at + _size - 1];
            _at := _at + _size;
            continue;
        end if;
        -- with the words that lead to it: "but not black", "for under 50", "Preis bis 80"
        loop
            _size := greatest(lead_size(_typed.marks, _at, 'lead'),
                              case when _price.last is not null then lead_size(_typed.marks, _at, 'price') else 0 end);
            exit when _size = 0 or _kept[cardinality(_kept) - _size + 1] is distinct from _at - _size;
            _kept := _kept[:cardinality(_kept) - _size];
            _rest := _rest[:cardinality(_rest) - _size];
            _at := _at - _size;
        end loop;
        said := said || array_to_string(_typed.said[_at:_last], ' ');
        if _price.last is not null then
            meanings := meanings || price_meaning(_price.low, _price.high);
        else
            things := things || _without.things;
            names := names || _without.names;
            words := words || _without.words;
            meanings := meanings || ('without ' || array_to_string(array(
                select coalesce(u.name, u.word, u.thing)
                from unnest(_without.things, _without.names, _without.words) as u (thing, name, word)), ', '));
            if _without.instead is not null then
                _kept := _kept || 0;
                _rest := _rest || _without.instead;
            end if;
        end if;
        _at := _last + 1;
        -- "not black but white"
        while mark_value(_typed.marks, _at, 'lead') = 'after' loop
            _at := _at + mark_size(_typed.marks, _at, 'lead');
        end loop;
    end loop;
    if said <> '{}' then
        if code_holders(bare_code(btrim(query))) <> '{}' then
            said := '{}';
            meanings := '{}';
            things := '{}';
            low := null;
            high := null;
        else
            rest := array_to_string(_rest || _typed.said[cardinality(_typed.plain) + 1:], ' ');
        end if;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- price_meaning(low, high) → a price range in words. price_path(low, high) → it as a predicate over
-- attributes: a product with several prices has `price`, the lowest, and `price_max`. Null for none.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.price_meaning(low numeric, high numeric) returns text
language sql immutable parallel safe
return case when low is null then 'price up to ' || trim_scale(high)
            when high is null then 'price from ' || trim_scale(low)
            else format('price %s to %s', trim_scale(low), trim_scale(high)) end;

create or replace function vitrina_internal.price_path(low numeric, high numeric) returns jsonpath
language sql immutable parallel safe
return nullif(concat_ws(' && ',
    '($.price >= ' || trim_scale(low) || ' || $.price_max >= ' || trim_scale(low) || ')',
    '($.price <= ' || trim_scale(high) || ')'), '')::jsonpath;

-- ---------------------------------------------------------------------------------------------
-- with_query(filters, query) → the filters, and those that a query says: its "phrases", -words and conditions.
-- asked: its other words, see asked_words. So a search reads its query once.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.with_query(inout filters filters, query text, out asked text)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _read record;
begin
    asked := '';
    if query is not null then
        _read := read_conditions(query);
        asked := coalesce(query_words(corrected_query(_read.rest)), '');
        filters.operators := query_operators(query);
        filters.price_path := price_path(_read.low, _read.high);
        if _read.things <> '{}' then
            filters := without_things(filters, _read.things, _read.names, _read.words);
        end if;
    end if;
end
$func$;
