-- Prices that a query says: "under 50", "50-80 €", "ab 100".

-- ---------------------------------------------------------------------------------------------
-- typed_number(body) → a number as people write it: 1.299,00 and 1,299.00 are the same.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.typed_number(body text) returns numeric
language sql immutable parallel safe
return case when body ~ '[.,][0-9]{1,2}$'
    then (regexp_replace(regexp_replace(body, '[.,][0-9]{1,2}$', ''), '[.,'']', '', 'g') || '.'
          || substring(body from '[0-9]{1,2}$'))::numeric
    else regexp_replace(body, '[.,'']', '', 'g')::numeric end;

-- ---------------------------------------------------------------------------------------------
-- amount_at(typed, place) → the amount that begins at a place of a typed query: low, and high of a range
-- in one word ("50-80€"); money: whether a currency is said; plus: "50€+"; next: the place behind it,
-- null if there is no amount.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.amount_at(
    typed typed_query, place int, out low numeric, out high numeric, out money boolean,
    out plus boolean, out next int
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _number constant text := '([0-9]{1,3}(?:[.,''][0-9]{3})+(?:[.,][0-9]{1,2})?|[0-9]{1,9}(?:[.,][0-9]{1,2})?)(?:[.,]-{1,2})?';
    _sign constant text := '([^0-9\s.,''-]*)';
    _pattern constant text := format('^%1$s%2$s%1$s(?:-%1$s%2$s%1$s)?$', _sign, _number);
    _at int := place;
    _size int := mark_size(typed.marks, place, 'currency');
    _word text;
    _found text[];
    _affix text;
    _times int := 1;
begin
    money := _size > 0;
    plus := false;
    _at := _at + _size;
    _word := typed.plain[_at];
    -- 1 299 €
    if _word ~ '^[^0-9]?[0-9]{1,3}$' and typed.plain[_at + 1] ~ '^[0-9]{3}(?:[.,][0-9]{1,2})?[^0-9.,-]*$'
        and (money or _word ~ '^[^0-9]' or typed.plain[_at + 1] ~ '[^0-9]$'
             or mark_size(typed.marks, _at + 2, 'currency') > 0) then
        _at := _at + 1;
        _word := _word || typed.plain[_at];
    end if;
    _found := regexp_match(_word, _pattern);
    if _found is null then
        _size := mark_size(typed.marks, _at, 'number');
        if _size = 0 then
            return;
        end if;
        low := mark_value(typed.marks, _at, 'number')::numeric;
        _at := _at + _size - 1;
    else
        foreach _affix in array array[_found[1], _found[3], _found[4], _found[6]] loop
            continue when coalesce(_affix, '') = '';
            plus := plus or _affix ~ '\+$';
            _affix := rtrim(_affix, '+');
            if _affix = 'k' and _found[5] is null then
                _times := 1000;
            elsif exists (select from condition_words as w
                          where w.phrase = _affix and w.kind = 'currency' and w.used) then
                money := true;
            elsif _affix <> '' then
                return;
            end if;
        end loop;
        low := typed_number(_found[2]) * _times;
        high := typed_number(_found[5]);
    end if;
    next := _at + 1;
    _size := mark_size(typed.marks, next, 'currency');
    if _size > 0 then
        money := true;
        next := next + _size;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_price(typed, place, last, low, high, sure) → whether numbers without a currency, said from a place
-- to the last, are a price: no unit or thing to count follows, no dimension or age stands before. sure:
-- by a word that says prices, like "under"; "max" and "from" are said of much else too, so the numbers
-- must be no small ones, nor all of the query, nor in titles ("air max 95").
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_price(
    typed typed_query, place int, last int, low numeric, high numeric, sure boolean
) returns boolean
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _next text := typed.plain[last + 1];
    _least numeric := least(low, high);
    _ends boolean := typed.ends[last];
    _person int := lead_size(typed.marks, place, 'person');
begin
    if not _ends and (_next ~ '^[0-9%°"/x]' and _next !~ '^x?[a-z]{3}' or mark_size(typed.marks, last + 1, 'unit') > 0
        and (mark_value(typed.marks, last + 1, 'unit') <> 'last' or typed.said[last + 2] is null)) then
        return false;
    end if;
    if lead_size(typed.marks, place, 'dimension') > 0
        or lead_size(typed.marks, place, 'filler') = 1 and lead_size(typed.marks, place - 1, 'dimension') > 0 then
        return false;
    end if;
    -- women over 50; kids under 10
    if _person > 0 and not typed.ends[place - 1] and (
        high is null or mark_value(typed.marks, place - _person, 'person') = 'child' and high <= 17) then
        return false;
    end if;
    if high is null and lead_size(typed.marks, place, 'max') > 0 and low between 30 and 100 then
        return false; -- for over 50
    end if;
    -- under 5 hooks
    if _least < 20 and _next ~ '^[a-z]' and not _ends
        and coalesce(typed.marks -> (last + 1)::text, '{}') - 'number' - 'generic' - 'imitation' = '{}' then
        return false;
    end if;
    if sure then
        return true;
    end if;
    return _least >= 20 and cardinality(typed.said) > last - place + 1 and not exists (
        select
        from (select distinct s.text_config from sources as s) as c
        cross join (values (array_to_string(typed.plain[place:last], ' ')),
                           (array_to_string(typed.plain[place - 1:place], ' '))) as s (said)
        cross join lateral (
            select phraseto_tsquery(c.text_config::regconfig, phrase_text(s.said)) as phrase) as q
        where numnode(q.phrase) > 1
            and is_written(in_title(q.phrase)));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- price_at(typed, place) → the price range that is said from a place of a typed query to the last;
-- low or high is null for no bound, last for no price.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.price_at(
    typed typed_query, place int, out low numeric, out high numeric, out last int
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _marks jsonb := typed.marks;
    _between int := mark_size(_marks, place, 'between');
    _opens int := greatest(_between, mark_size(_marks, place, 'from'));
    _most int := mark_size(_marks, place, 'max');
    _least int := mark_size(_marks, place, 'min');
    _about int := mark_size(_marks, place, 'about');
    _priced boolean := lead_size(_marks, place, 'price') > 0;
    _sure boolean := false;
    _one record;
    _other record;
    _high numeric;
    _money boolean;
    _size int;
begin
    -- a range: with or without a word before it
    _one := amount_at(typed, place + _opens);
    if _one.next is not null then
        _size := greatest(mark_size(_marks, _one.next, 'to'),
                          case when _between > 0 then mark_size(_marks, _one.next, 'and') else 0 end);
        if _one.high is not null then
            _high := _one.high;
            _money := _one.money;
            last := _one.next - 1;
        elsif _size > 0 then
            _other := amount_at(typed, _one.next + _size);
            if _other.high is null then
                _high := _other.low;
                _money := _one.money or _other.money;
                last := _other.next - 1;
            end if;
        end if;
        if last is not null then
            low := least(_one.low, _high);
            high := greatest(_one.low, _high);
            if not (_money or _priced or _opens > 0 and is_price(typed, place, last, low, high, _between > 0)) then
                last := null;
            end if;
            return;
        end if;
        if _opens = 0 then
            _size := mark_size(_marks, _one.next, 'or_less');
            if _size > 0 or _priced and mark_value(_marks, place - lead_size(_marks, place, 'price'), 'price') = 'max' then
                high := _one.low;
            else
                _size := mark_size(_marks, _one.next, 'or_more');
                if _size > 0 or _one.plus and _one.money then
                    low := _one.low;
                end if;
            end if;
        end if;
    end if;
    if coalesce(low, high) is null and greatest(_most, _least, _about) > 0 then
        _size := 0;
        _one := amount_at(typed, place + greatest(_most, _least, _about));
        if _one.next is null or _one.high is not null then
            return;
        elsif _about > greatest(_most, _least) or greatest(_most, _least) = 0 then
            if _one.money or _priced then
                low := round(_one.low * 0.8, 2);
                high := round(_one.low * 1.2, 2);
            end if;
        elsif _most >= _least then
            if mark_value(_marks, place, 'max') <> 'money' or _one.money then
                high := _one.low;
                _sure := mark_value(_marks, place, 'max') = '';
            end if;
        else
            low := _one.low;
            _sure := mark_value(_marks, place, 'min') = '';
        end if;
    end if;
    if coalesce(low, high) is not null then
        last := _one.next - 1 + _size;
        if not (_one.money or _priced or is_price(typed, place, last, low, high, _sure)) then
            last := null;
        end if;
    end if;
end
$func$;
