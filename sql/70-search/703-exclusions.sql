-- What a query excludes in words: "not black", "ohne Ärmel", "sans rayures".

-- ---------------------------------------------------------------------------------------------
-- thing_named(said) → what a word or a few are known as: name, the keyword; facet; word, what the
-- thesaurus or condition_words call it in other words. Nulls if it is not known.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.thing_named(
    said text, out name text, out facet text, out word text
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _form text := normal_form(left(said, 200));
    _english boolean;
    _becomes text;
begin
    if _form = '' then
        return;
    end if;
    select w.value, w.language = 'english' into word, _english
    from condition_words as w
    where w.phrase = condition_form(said) and w.kind = 'thing' and w.used
    order by w.language = coalesce((select shop_language()), 'english') desc, w.language
    limit 1;
    select k.name, k.facet into name, facet
    from (
        select a.keyword_id, 0 as place from keyword_aliases as a where a.alias = _form
        union all
        select a.keyword_id, 1 from keyword_aliases as a where a.key = squashed(_form)
        union all
        select a.keyword_id, 2
        from thesaurus as t
        join keyword_aliases as a on a.key = squashed(t.becomes)
        where t.key = squashed(_form) and (t.language = '' or t.language = (select shop_language()))
        union all
        -- "laces" are no lace
        select a.keyword_id, case when _english then -1 else 3 end
        from keyword_aliases as a where a.key = squashed(normal_form(word))
        union all
        select a.keyword_id, 4
        from thesaurus as t
        join keyword_aliases as a on a.key = squashed(t.becomes)
        where t.key = squashed(normal_form(word)) and t.language = ''
    ) as f
    join keywords as k on k.id = f.keyword_id
    order by f.place, k.id
    limit 1;
    if name is null then
        select t.canonical, t.facet into _becomes, facet
        from thesaurus as t
        where t.key = squashed(_form) and (t.language = '' or t.language = (select shop_language()))
        order by t.language limit 1;
        word := coalesce(word, _becomes);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- thing_at(typed, place, known) → the thing that is said at a place of a typed query, up to the last:
-- the longest phrase that is known, else, unless only known ones are wanted, the word that stands there, spelled right;
-- last is null for no thing. whole: nothing but this thing and the word before it is said; then of "no
-- leather jacket" only leather is the thing.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.thing_at(
    typed typed_query, place int, known boolean, whole boolean,
    out said text, out name text, out facet text, out word text, out last int
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _at int := place;
    _named record;
    _size int;
begin
    -- "not in black", "ohne die Lehnen"
    loop
        _size := mark_size(typed.marks, _at, 'filler');
        exit when _size = 0 or typed.plain[_at + _size] is null
            or mark_size(typed.marks, _at + _size, 'without') > 0;
        _at := _at + _size;
    end loop;
    for _last in reverse least(_at + 3, cardinality(typed.plain)) .. _at loop
        continue when array_position(typed.plain[_at:_last], null) is not null
            or true = any (typed.ends[_at:_last - 1])
            -- "black and" would be black, "noir et blanc" a pattern
            or exists (select from generate_series(_at + 1, _last) as i (place)
                       where typed.marks -> i.place::text ?| case when i.place = _last
                           then array['and', 'or', 'filler', 'lead'] else array['and', 'or'] end);
        said := typed_words(typed, _at, _last);
        _named := thing_named(said);
        if _named.name is null and _named.word is null and _last = _at and char_length(said) > 3 then
            _named := thing_named(corrected_query(said));
            if coalesce(_named.name, _named.word) is not null then
                said := corrected_query(said);
            end if;
        end if;
        continue when whole and _named.facet = 'type' and _last > _at;
        if _named.name is not null or _named.word is not null then
            name := _named.name;
            facet := _named.facet;
            word := _named.word;
            last := _last;
            return;
        end if;
    end loop;
    if not known and said ~ '[^[:punct:][:digit:][:space:]]{3}' and typed.plain[_at] !~ '^[0-9]'
        and typed.marks -> _at::text -> 'lead' is null
        and exists (select from sources as s
                    where cardinality(word_lexemes(s.text_config::regconfig, said)) > 0) then
        last := _at;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- exclusion_at(typed, place) → what is excluded from a place of a typed query to the last: things, in
-- the words of the shop, their keywords and other words, null where there are none; last is null for no
-- exclusion. Further things follow behind "or", and those of the same facet behind "and". instead: the
-- keyword that "without sleeves" or "no drill" is known as, if products have it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.exclusion_at(
    typed typed_query, place int, out things text[], out names text[], out words text[],
    out instead text, out last int
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _marks jsonb := typed.marks;
    _size int := greatest(mark_size(_marks, place, 'without'), mark_size(_marks, place, 'not'));
    _thing record;
    _facet text;
    _next int;
begin
    if typed.plain[place] ~ '^non-[a-z]{3}' then
        -- non-leather
        _thing := thing_named(substr(typed.plain[place], 5));
        if (thing_named(typed.plain[place])).word is null and coalesce(_thing.name, _thing.word) is not null then
            things := array[substr(typed.plain[place], 5)];
            names := array[_thing.name];
            words := array[_thing.word];
            last := place;
        end if;
        return;
    end if;
    -- "no more than" is no exclusion, whatever follows
    if _size = 0 or true = any (typed.ends[place:place + _size - 1])
        or greatest(mark_size(_marks, place, 'max'), mark_size(_marks, place, 'min')) > _size then
        return;
    end if;
    _thing := thing_at(typed, place + _size, false,
                       place = 1 and cardinality(typed.said) <= place + _size + 3);
    -- "no box spring needed" names what it is
    if _thing.last is null or mark_size(_marks, _thing.last + 1, 'void') + mark_size(_marks, _thing.last, 'void') > 0 then
        return;
    end if;
    -- "no assembly", "sans fil": a keyword that says so
    instead := (
        select k.name
        from thing_named(array_to_string(typed.plain[place:_thing.last], ' ')) as k
        where exists (select from keywords as w
                      join product_keywords as p on p.keyword_id = w.id where w.name = k.name));
    loop
        things := things || _thing.said;
        names := names || _thing.name;
        words := words || _thing.word;
        last := _thing.last;
        _facet := coalesce(_facet, _thing.facet);
        _size := mark_size(_marks, last + 1, 'generic');
        if _size > 0 and not typed.ends[last] then
            last := last + _size;
        end if;
        _next := last + 1;
        _size := mark_size(_marks, _next, 'or');
        exit when cardinality(things) = 8;
        if _size > 0 then
            _thing := thing_at(typed, _next + _size, true, false);
            exit when _thing.last is null;
        else
            _size := mark_size(_marks, _next, 'and');
            exit when _size = 0;
            _thing := thing_at(typed, _next + _size, true, false);
            exit when _thing.last is null or _thing.facet is distinct from _facet;
        end if;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- excluded_keywords(thing, name, word) → the keywords of a thing that is excluded, see exclusion_at: it,
-- the narrower ones ("drawer", "2-drawer", "with drawers"), but no imitation of it ("faux leather") and
-- none that says that it is not there ("without drawers").
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.excluded_keywords(thing text, name text, word text) returns text[]
language sql stable security invoker
set search_path from current
as $func$
    select array(
        select w.name
        from (select distinct normal_form(u.body) as form
              from unnest(array[excluded_keywords.name, excluded_keywords.word,
                                case when excluded_keywords.name is null then excluded_keywords.thing end]) as u (body)) as f
        join keywords as w on w.form = f.form or right(w.form, char_length(f.form) + 1) = ' ' || f.form
            and not exists (
                select from condition_words as c
                where c.kind in ('imitation', 'without', 'not') and c.used
                    and c.phrase = any (regexp_split_to_array(w.name, '[ -]')))
        where f.form <> ''
        union
        select excluded_keywords.name where excluded_keywords.name is not null
        order by 1
        limit 200);
$func$;

-- ---------------------------------------------------------------------------------------------
-- without_things(filters, things, names, words) → the filters, with these things excluded: a product with
-- one of their keywords; where the thing is no keyword of its own, or the product has none, by the words of
-- its title. A product whose title says that it has no such thing stays.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.without_things(
    filters filters, things text[], names text[], words text[]
) returns filters
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _configs text[] := array(select distinct s.text_config from sources as s);
    _marks text;
    _bodies text[];
    _tagged tsquery;
    _titled tsquery;
    _alike text;
begin
    select string_agg(distinct w.phrase, '|') into _marks
    from condition_words as w
    where w.kind in ('without', 'not') and w.used and w.phrase ~ '^[a-z]+$';
    for _i in 1 .. coalesce(cardinality(things), 0) loop
        _bodies := array(
            select distinct lower(u.body)
            from unnest(array[things[_i], names[_i], words[_i]]) as u (body) where u.body <> '');
        select string_agg('(' || q.phrase::text || ')', ' | ')::tsquery into _titled
        from (select distinct in_title(phraseto_tsquery(c.config::regconfig, phrase_text(u.body))) as phrase
              from unnest(_configs) as c (config)
              cross join unnest(_bodies) as u (body)) as q
        where numnode(q.phrase) > 0;
        select string_agg(quoted_lexeme('#' || u.name), ' | ')::tsquery into _tagged
        from unnest(excluded_keywords(things[_i], names[_i], words[_i])) as u (name);
        select string_agg(regexp_replace(regexp_replace(u.body, '([^[:alnum:] ])', '\\\1', 'g'),
                                         's?$', 's?'), '|') into _alike
        from unnest(_bodies) as u (body);
        filters.excluded := filters.excluded || case when names[_i] is null
            then coalesce(_tagged || _titled, _tagged, _titled) else _tagged end;
        filters.untagged := filters.untagged || _titled;
        filters.kept := filters.kept || format('\m(?:%1$s)[^[:alnum:]]+(?:%2$s)\M|\m(?:%2$s)[ -]free\M', _marks, _alike);
    end loop;
    return filters;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- without_predicate(filters, one_by_one) → the condition over `products as p` that without_things makes,
-- as filter_predicate has it; null for none.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.without_predicate(filters filters, one_by_one boolean)
returns text
language sql immutable parallel safe
return (
    select string_agg(format(case when one_by_one then
        '(not exists (select from product_text as t where t.product_id = p.id and (t.tsv @@ ($1).excluded[%1$s]'
        ' or p.keywords = ''{}'' and t.tsv @@ ($1).untagged[%1$s])) or p.title ~* ($1).kept[%1$s])'
    else
        '(p.id not in (select t.product_id from product_text as t where t.tsv @@ ($1).excluded[%1$s])'
        ' and (p.keywords <> ''{}'' or p.id not in (select t.product_id from product_text as t'
        ' where t.tsv @@ ($1).untagged[%1$s])) or p.title ~* ($1).kept[%1$s])' end, u.i),
        ' and ' order by u.i)
    from generate_subscripts(filters.excluded, 1) as u (i));
