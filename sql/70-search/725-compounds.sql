-- Compounds of languages that write them as one word: "Bürostuhl" is a chair, a "Stuhl für Büro" one too.

-- ---------------------------------------------------------------------------------------------
-- known_part(config, part) → the word of the catalogue that this part of a compound is, as it is or with
-- one of the sounds that join it to the next ("arbeits-", "küchen-").
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.known_part(config text, part text) returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(c.lexeme, c.word)
    from unnest(array['', 's', 'e', 'n', 'en', 'er', 'es']) with ordinality as j (joint, place)
    join catalogue_words as c
        on c.config = known_part.config and c.word = left(part, char_length(part) - char_length(j.joint))
    where right(part, char_length(j.joint)) = j.joint and char_length(c.word) >= 3
    order by j.place
    limit 1;
$func$;

-- ---------------------------------------------------------------------------------------------
-- compounds_of(configs, lexemes) → for lexemes and words of a query, in the syntax of tsquery, which else finds what
-- is meant: for "stuhl" at most twenty words of the catalogue that end in it, the shortest first; for
-- "burostuhl" its two parts together, if the catalogue has both.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.compounds_of(configs text[], lexemes text[])
returns table (lexeme text, text text)
language sql stable parallel safe security invoker
set search_path from current
as $func$
    with asked as materialized (
        select g.config, u.lexeme
        from unnest(configs) as g (config)
        cross join (select distinct u.lexeme from unnest(lexemes) as u (lexeme)) as u
        where makes_compounds(g.config) and u.lexeme !~ '[\x01-@\[-`{-\x7f]'
            and char_length(u.lexeme) between 3 and 40
    )
    select a.lexeme, string_agg(distinct quoted_lexeme(w.lexeme), ' | ')
    from asked as a
    cross join lateral (
        select distinct c.word, coalesce(c.lexeme, c.word) as lexeme, char_length(c.word)
        from catalogue_words as c
        -- of another collation than the words have, the index would not be used
        where c.config = a.config and reverse(c.word) > reverse(a.lexeme) collate "C"
            and reverse(c.word) < (reverse(a.lexeme) || chr(1114111)) collate "C"
            and char_length(c.word) >= char_length(a.lexeme) + 3
            -- adjectives, no tables
            and c.word !~ '(?:prak|elas|roman|akus|op|sta|plas|automa|magne|synthe|kosme|exo|iden|aroma|asthe|fantas|gigan|drama)tisch$'
            and (char_length(a.lexeme) > 3
                 or known_part(a.config, left(c.word, -3)) is not null)
        order by char_length(c.word), c.word, lexeme
        limit 20
    ) as w
    group by a.config, a.lexeme
    union all
    select p.lexeme, p.text
    from asked as a
    cross join lateral (
        select distinct a.lexeme, i.size,
               quoted_lexeme(m.word) || ' & ' || quoted_lexeme(coalesce(h.lexeme, h.word)) as text
        from generate_series(char_length(a.lexeme) - 3, 4, -1) as i (size)
        cross join lateral known_part(a.config, left(a.lexeme, char_length(a.lexeme) - i.size)) as m (word)
        join catalogue_words as h on h.config = a.config and h.word = right(a.lexeme, i.size) collate "C"
        where m.word is not null
        order by i.size desc, text
        limit 2
    ) as p;
$func$;
