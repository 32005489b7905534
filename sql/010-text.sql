-- ---------------------------------------------------------------------------------------------
-- normal_form(term) → the key under which spellings of one term meet.
-- Lower case; hyphens, slashes and underscores become spaces; number words become digits;
-- British spellings become American; the words lose their plural. It is a key, not a word:
-- "Grey Book-Shelves" and "gray bookshelf" both give "gray bookshelf". Empty for no letters
-- or digits. Never raises.
-- ---------------------------------------------------------------------------------------------
create or replace function normal_form(term text) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(string_agg(
        case
            when w.spelled is not null then w.spelled
            -- "glass" is a material, "glasses" are worn: not one word's two numbers
            when w.word in ('glasses', 'sunglasses', 'eyeglasses', 'series', 'lens') then w.word
            when w.word in ('knives', 'wives', 'lives') then regexp_replace(w.word, 'ves$', 'fe')
            when w.word ~ '(el|ar|oa|hoo|wol)ves$' then regexp_replace(w.word, 'ves$', 'f')
            -- one key for "hoody", "hoodie" and "hoodies"
            when w.word ~ '[[:alpha:]]{2}ies$|[[:alpha:]]{3}ie$'
                then regexp_replace(w.word, 'ies?$', 'y')
            when w.word ~ '(ss|sh|ch|x|zz)es$' then regexp_replace(w.word, 'es$', '')
            when w.word ~ '[[:alpha:]]{2}s$' and w.word !~ '(ss|us|is)$'
                then regexp_replace(w.word, 's$', '')
            else w.word
        end, ' ' order by w.place), '')
    from (
        select
            s.place,
            s.word,
            (select v.becomes
             from (values
                 ('one', '1'), ('two', '2'), ('three', '3'), ('four', '4'), ('five', '5'),
                 ('six', '6'), ('seven', '7'), ('eight', '8'), ('nine', '9'), ('ten', '10'),
                 ('eleven', '11'), ('twelve', '12'),
                 ('grey', 'gray'), ('colour', 'color'), ('coloured', 'colored'),
                 ('multicolour', 'multicolor'), ('jewellery', 'jewelry'), ('aluminium', 'aluminum'),
                 ('mould', 'mold'), ('centre', 'center'), ('fibre', 'fiber'), ('metre', 'meter'),
                 ('tyre', 'tire'), ('pyjama', 'pajama'), ('pyjamas', 'pajama'),
                 ('moisturiser', 'moisturizer'), ('organiser', 'organizer'),
                 ('organisers', 'organizer'), ('grille', 'grill'), ('storey', 'story')
             ) as v (spelling, becomes)
             where v.spelling = s.word) as spelled
        from regexp_split_to_table(
            regexp_replace(
                -- "3tier" and "3-tier" are "3 tier"; an apostrophe joins: "men's" is "men"
                regexp_replace(
                    regexp_replace(lower(normalize(term, nfkc)), '[''’`]s?(?![[:alnum:]])', '', 'g'),
                    '([0-9])([[:alpha:]])', '\1 \2', 'g'),
                '[^[:alnum:].,]+|[.,](?![0-9])', ' ', 'g'),
            '\s+') with ordinality as s (word, place)
        where s.word <> ''
    ) as w;
$func$;
