-- The `local` text embedding: a text is the mean of its word pieces' vectors (vitrina.word_pieces),
-- normalised to length one. Words and pieces are cut as the model's own tokenizer cuts them.

-- ---------------------------------------------------------------------------------------------
-- plain_text(body): the text in lower case, without accents and control characters, with spaces
-- around Chinese characters and punctuation; independent of the database's locale.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.plain_text(body text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path from current
as $func$
    select case when body collate "C" ~ '^[\t\n\r -~]*$' then
        regexp_replace(translate(lower(body collate "C"), E'\t\n\r', '   '),
            '[!-/:-@\[-`{-~]', ' \& ', 'g')
    else regexp_replace(
        translate(
            lower(regexp_replace(normalize(body, nfd) collate "C",
                -- Controls, formats, private use, marks of the scripts that have pieces (Cc, Cf, Co,
                -- Mn).
                '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\u009f\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd'
                '\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0600-\u0605\u0610-\u061a\u061c\u064b-\u065f'
                '\u0670\u06d6-\u06dd\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0890-\u089f\u08ca-\u0902'
                '\u093a\u093c\u0941-\u0948\u094d\u0951-\u0957\u0962\u0963\u0981\u09bc\u09c1-\u09c4'
                '\u09cd\u09e2\u09e3\u09fe\u0b82\u0bc0\u0bcd\u0c81\u0cbc\u0cbf\u0cc6\u0ccc\u0ccd\u0ce2'
                '\u0ce3\u0d81\u0dca\u0dd2-\u0dd6\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0f18\u0f19\u0f35'
                '\u0f37\u0f39\u0f71-\u0f7e\u0f80-\u0f84\u0f86\u0f87\u0f8d-\u0fbc\u0fc6\u102d-\u1030'
                '\u1032-\u1037\u1039\u103a\u103d\u103e\u1058\u1059\u105e-\u1060\u1071-\u1074\u1082'
                '\u1085\u1086\u108d\u109d\u1ab0-\u1abd\u1abf-\u1ace\u1dc0-\u1dff\u200b-\u200f'
                '\u202a-\u202e\u2060-\u206f\u20d0-\u20dc\u20e1\u20e5-\u20f0\u2de0-\u2dff\u302a-\u302d'
                '\u3099\u309a\ua66f\ua674-\ua67d\ua69e\ua69f\ua8e0-\ua8f1\ua8ff\ua9e5\uaa7c'
                '\ue000-\uf8ff\ufb1e\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\ufff9-\ufffb\ufffd'
                '\U000e0000-\U000e0fff]', '', 'g')),
            -- Other spaces; the capitals that NFD leaves and lower() needs a Unicode locale for.
            E'\t\n\r\u00a0\u1680\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029'
            '\u202f\u205f\u3000'
            'ÆÐØÞĐĦŁŊŒƆƏƐƑƔƗƜƝƦƩƱƲƷɄɅΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩϴЂЄІЈЉЊЋАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯӀ'
            'ԱԲԳԴԵԹԻԼԿՀՄՅՆՈՊՍՎՏՐՒՔᲐᲑᲒᲓᲔᲕᲗᲘᲙᲚᲛᲜᲝᲠᲡᲢᲣẞⱢⱭⱯⱰꞬꞭꞮꟅ',
            '                   '
            'æðøþđħłŋœɔəɛƒɣɨɯɲʀʃʊʋʒʉʌαβγδεζηθικλμνξοπρστυφχψωθђєіјљњћабвгдежзиклмнопрстуфхцчшщъыьэюяӏ'
            'աբգդեթիլկհմյնոպսվտրւքაბგდევთიკლმნორსტუßɫɑɐɒɡɬɪʂ'),
        -- Punctuation (P*) of ASCII and of those scripts; Chinese characters.
        '[!-/:-@\[-`{-~\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u037e\u0387\u055a-\u055f\u0589\u058a'
        '\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u0609\u060a\u060c\u060d\u061b\u061d-\u061f\u066a-\u066d'
        '\u06d4\u0964\u0965\u0970\u09fd\u0c84\u0df4\u0e4f\u0e5a\u0e5b\u0f04-\u0f12\u0f14\u0f3a-\u0f3d'
        '\u0f85\u0fd0-\u0fd4\u0fd9\u0fda\u104a-\u104f\u10fb\u2010-\u2027\u2030-\u2043\u2045-\u2051'
        '\u2053-\u205e\u207d\u207e\u208d\u208e\u2308-\u230b\u2329\u232a\u2768-\u2775\u27c5\u27c6'
        '\u27e6-\u27ef\u2983-\u2998\u29d8-\u29db\u29fc\u29fd\u2e00-\u2e2e\u2e30-\u2e4f\u2e52-\u2e5d'
        '\u3001-\u3003\u3008-\u3011\u3014-\u301f\u3030\u303d\u30a0\u30fb\ua673\ua67e\ua8f8-\ua8fa'
        '\ua8fc\ufd3e\ufd3f\ufe10-\ufe19\ufe30-\ufe61\ufe63\ufe68\ufe6a\ufe6b\uff01-\uff03'
        '\uff05-\uff0a\uff0c-\uff0f\uff1a\uff1b\uff1f\uff20\uff3b-\uff3d\uff3f\uff5b\uff5d\uff5f-\uff65'
        '\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002ceaf'
        '\U0002f800-\U0002fa1f]', ' \& ', 'g')
    end
$func$;

-- ---------------------------------------------------------------------------------------------
-- split_word(word): the longest known pieces that make up a word, in order ('tabletops' gives
-- 'tablet', '##ops'); null if a part is unknown: the whole word then counts as unknown.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.split_word(word text)
returns text[]
language sql
stable
strict
parallel safe
security invoker
set search_path from current
as $func$
    with recursive cut (pieces, rest) as (
        select array[]::text[] collate "C", left(word, 101) collate "C"
        union all
        select c.pieces || longest.piece, substr(c.rest, longest.size + 1)
        from cut as c
        cross join lateral (
            select wp.piece, l.size
            from generate_series(least(char_length(c.rest), 18), 1, -1) as l (size)
            cross join lateral (
                select p.piece
                from word_pieces as p
                where p.piece = (case when cardinality(c.pieces) = 0 then '' else '##' end
                    || left(c.rest, l.size)) collate "C"
                limit 1
            ) as wp
            limit 1  -- the series counts down, so this is the longest
        ) as longest
        where c.rest <> '' and char_length(word) <= 100
    )
    select c.pieces from cut as c where c.rest = '' and cardinality(c.pieces) > 0
$func$;

-- ---------------------------------------------------------------------------------------------
-- embed_texts(texts): one row per text: its place in the array, from 1, and its vector of length 1
-- of the first 3,072 characters; null for a text without a known word.
-- ---------------------------------------------------------------------------------------------
create or replace function embed_texts(texts text[])
returns table (ordinal int, embedding @vector@.halfvec)
language sql
stable
strict
parallel safe
security invoker
set search_path from current
as $func$
    select t.ordinal::int, e.embedding
    from unnest(texts) with ordinality as t (body, ordinal)
    cross join lateral (
        select case when @vector@.l2_norm(@vector@.avg(v.embedding)) > 0
                    then @vector@.l2_normalize(@vector@.avg(v.embedding)) end
        from string_to_table(plain_text(left(t.body, 3072) collate "C"), ' ') as w (word)
        -- `limit 1` makes the planner use the index for each word, however many it expects
        left join lateral (
            select p.embedding from word_pieces as p where p.piece = w.word collate "C" limit 1
        ) as whole on true
        left join lateral (
            select p.embedding
            from unnest(split_word(case when whole.embedding is null then w.word end)) as s (piece)
            cross join lateral (
                select p.embedding from word_pieces as p where p.piece = s.piece collate "C" limit 1
            ) as p
        ) as parts on true
        cross join lateral (values (coalesce(whole.embedding, parts.embedding))) as v (embedding)
        where w.word <> ''
    ) as e (embedding)
    order by t.ordinal
$func$;

-- ---------------------------------------------------------------------------------------------
-- embed_text(query): the vector of one text, as embed_texts gives it.
-- ---------------------------------------------------------------------------------------------
create or replace function embed_text(query text)
returns @vector@.halfvec
language sql
stable
strict
parallel safe
security invoker
set search_path from current
as $func$
    select e.embedding from embed_texts(array[query]) as e
$func$;
