-- The words that misspelt ones are corrected to.

-- ---------------------------------------------------------------------------------------------
-- without_letters(word, at_most) → the word, and what is left of it without one letter, and without two
-- where at_most is 2; words without accents, in lower case.
-- consonants(word) → a mark and the consonants of a word, double ones once: many misspell its vowels.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.without_letters(word text, at_most int) returns text[]
language sql immutable parallel safe
return array(
    select word
    union
    select left(word, i.place - 1) || substr(word, i.place + 1)
    from generate_series(1, char_length(word)) as i (place)
    union
    select left(word, i.place - 1) || substr(word, i.place + 1, j.place - i.place - 1)
        || substr(word, j.place + 1)
    from generate_series(1, case when at_most > 1 then char_length(word) else 0 end) as i (place)
    cross join lateral generate_series(i.place + 1, char_length(word)) as j (place)
);

create or replace function vitrina_internal.consonants(word text) returns text
language sql immutable parallel safe
return '*' || regexp_replace(translate(word, 'aeiouy', ''), '(.)\1+', '\1', 'g');

-- ---------------------------------------------------------------------------------------------
-- is_spelling(word) → whether misspelt words are corrected to it: it is all letters, 3 to 30 of them.
-- spelling_keys(word) → what a misspelt word shares with it, as the symmetric deletes of SymSpell
-- (W. Garbe): the word, less one letter each, and its consonants. That a query's word loses two letters
-- and a known one only one keeps the table small.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_spelling(word text) returns boolean
language sql immutable parallel safe
return char_length(word) >= 3 and char_length(word) <= 30 and word !~ '[\x01-@\[-`{-\x7f]' and word !~ unspaced_run();

create or replace function vitrina_internal.spelling_keys(word text) returns text[]
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _word text := folded_text(word);
    _consonants text := consonants(_word);
    _keys text[] := array[_word];
begin
    -- as without_letters(_word, 1) in a sixth of its time: every word of the vocabulary passes here
    for _i in 1 .. char_length(_word) loop
        -- of a double letter, it is all the same which goes
        if substr(_word, _i, 1) <> substr(_word, _i + 1, 1) then
            _keys := _keys || (left(_word, _i - 1) || substr(_word, _i + 1));
        end if;
    end loop;
    return case when char_length(_consonants) > 3 then _keys || _consonants else _keys end;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- note_spellings(words): adds new words to those that misspelt ones are corrected to; see is_spelling.
-- vocabulary_words() → all words of the thesaurus and of aliases, and irregular plurals.
-- note_vocabulary(): notes these. renew_spellings(): makes keys of an earlier version anew.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.note_spellings(words text[]) returns void
language sql volatile security invoker
set search_path from current
as $func$
    insert into spellings (word, keys)
    select n.word, spelling_keys(n.word)
    from (
        select distinct lower(u.word) collate "C" as word
        from unnest(words) as u (word)
        where is_spelling(u.word)
    ) as n
    where not exists (select from spellings as s where s.word = n.word);
$func$;

create or replace function vitrina_internal.vocabulary_words() returns setof text
language sql stable security invoker
set search_path from current
as $func$
    select w.word
    from (select t.term from thesaurus as t union all select a.alias from keyword_aliases as a) as k (term)
    cross join string_to_table(k.term, ' ') as w (word)
    union
    select f.word from jsonb_object_keys(word_forms()) as f (word);
$func$;

create or replace function vitrina_internal.note_vocabulary() returns void
language sql volatile security invoker
set search_path from current
as $func$
    select note_spellings(array(select w.word from vocabulary_words() as w (word)));
$func$;

create or replace function vitrina_internal.renew_spellings() returns void
language sql volatile security invoker
set search_path from current
as $func$
    update spellings as s set keys = spelling_keys(s.word) where s.keys is distinct from spelling_keys(s.word);
$func$;
