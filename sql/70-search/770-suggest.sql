-- Keywords for a query that is still being typed.

-- ---------------------------------------------------------------------------------------------
-- begun_words(form) → a tsquery for texts with all the words of a form, the last as a prefix.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.begun_words(form text) returns tsquery
language sql immutable parallel safe
return (
    -- words of a normal form have neither quotes nor backslashes
    select (string_agg(quote_literal(w.word), ' & ' order by w.place) || ':*')::tsquery
    from string_to_table(form, ' ') with ordinality as w (word, place)
);

-- ---------------------------------------------------------------------------------------------
-- suggest(prefix, k) → keywords for a query that is being typed, most used first: those with a word
-- that begins so, and those with such an alias; then `suggestion` is the alias and `keyword` its
-- keyword. products: how many have the keyword. Compares in normal form (case, hyphens, plurals do not
-- matter) and ignores other characters than letters and digits. Where no alias begins so, misspelt words are
-- corrected. No rows for an empty prefix. Raises VT004 for a k that is not 1 to 1000.
-- ---------------------------------------------------------------------------------------------
create or replace function suggest(prefix text, k int default 10)
returns table (suggestion text, keyword text, facet text, products bigint)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    -- a single sign means nothing yet, though normal_form reads "%" and "&" as words
    _prefix text := translate(left(prefix, 200), '%&+', '   ');
    -- an unfinished word has no plural yet: "dres" must find "dress"
    _typed text[] := array[normal_form(_prefix), rtrim(rtrim(normal_form(_prefix || 'q'), 'q'))];
begin
    perform check_k(k, 1, 1000);
    if not exists (
        select
        from unnest(_typed) as u (form)
        join keyword_aliases as a
            on array_to_tsvector(array_remove(string_to_array(left(a.alias, 200), ' '), '')) @@ begun_words(u.form)
        where u.form <> '') then
        _prefix := coalesce(corrected_query(_prefix), '');
        _typed := array[normal_form(_prefix), rtrim(rtrim(normal_form(_prefix || 'q'), 'q'))];
    end if;
    return query
    select case when n.alias = normal_form(w.name) then w.name else n.alias end,
           w.name, w.facet, n.products
    from (
        select m.keyword_id, c.products,
               -- its own name before its aliases, a short one before a long one
               (array_agg(m.alias order by m.method = 'new' desc, length(m.alias), m.alias))[1]
                   as alias,
               bool_or(m.begins) as begins
        from (
            select distinct on (a.alias) a.alias, a.keyword_id, a.method,
                   starts_with(a.alias, t.form) as begins
            from (select distinct u.form from unnest(_typed) as u (form) where u.form <> '') as t
            join keyword_aliases as a
                on array_to_tsvector(array_remove(string_to_array(left(a.alias, 200), ' '), '')) @@ begun_words(t.form)
            order by a.alias, begins desc
        ) as m
        cross join lateral (
            select count(*) as products
            from product_keywords as pk
            where pk.keyword_id = m.keyword_id) as c
        group by m.keyword_id, c.products
        order by c.products desc, begins desc, min(length(m.alias)), m.keyword_id
        limit k
    ) as n
    join keywords as w on w.id = n.keyword_id
    order by n.products desc, n.begins desc, length(w.name), w.name;
end
$func$;
