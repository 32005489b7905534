-- The key that the spellings of a term share.

-- ---------------------------------------------------------------------------------------------
-- lower_text(body) → the text in lower case and NFKC form, in any locale of the database.
-- Removes accents ("décor", "decor"), but keeps ä, ö, ü and å, which are letters of their own.
-- Removes marks that are often left out (Hebrew and Arabic vowels) and invisible characters. Turns
-- punctuation and symbols of any script into spaces.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.lower_text(body text) returns text
language sql immutable parallel safe
return case when octet_length(body) = char_length(body) then lower(body collate "C")
    else translate(
        normalize(
            regexp_replace(
                regexp_replace(
                    normalize(translate(body, '™℠©®', ''), nfkd) collate "C",
                    '(?<![AOUaou])\u0308|(?<![Aa])\u030a|[\u0300-\u0307\u0309\u030b-\u036f\u00ad'
                    '\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670'
                    '\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]', '', 'g'),
                -- but keeps primes (feet and inches), × and the fraction's bar
                '[\u0080-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb\u00bf\u00f7\u037e\u0387\u055a-\u055f'
                '\u0589\u058a\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u060c\u061b\u061e\u061f\u066a-\u066d\u06d4'
                '\u0964\u0965\u2000-\u2018\u201a-\u2031\u2034-\u2043\u2045-\u2bff\u3000-\u3003\u3008-\u3020'
                '\u3030\ue000-\uf8ff\U0001f000-\U0001faff]', ' ', 'g'),
            nfc),
        'ABCDEFGHIJKLMNOPQRSTUVWXYZ’′×⁄ÄÖÜÅØÆŒÐÞĐĦŁ'
        'ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЂЄІЈЉЊЋЏҐ',
        'abcdefghijklmnopqrstuvwxyz''''x/äöüåøæœðþđħł'
        'αβγδεζηθικλμνξοπρστυφχψωσабвгдежзиклмнопрстуфхцчшщъыьэюяђєіјљњћџґ')
    end;

-- ---------------------------------------------------------------------------------------------
-- plain_words(body) → a text in lower case with its quantities spelled one way ("24 inch", "3 tier",
-- "1000", "50 percent"), and without punctuation.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.plain_words(body text) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if body ~ '[''"`+%&/]' then
        body := regexp_replace(body, '(\d)\s*(?:"|''''|'' ?'')', '\1 inch ', 'g');
        body := regexp_replace(body, '(\d)''(?!s\M)', '\1 ft ', 'g');
        body := regexp_replace(body, '[''`](?:s\M)?', '', 'g');
        body := replace(replace(body, '%', ' percent '), '&', ' and ');
        body := replace(regexp_replace(body, '\mw/o\M', 'without', 'g'), 'w/', 'with ');
        body := regexp_replace(body, '(\d)\s?\+', '\1 plus ', 'g');
    end if;
    if body ~ '\d' then
        -- 1,000 is 1000; 2.0 is 2; 10x12 is 10 x 12; 3tier is 3 tier; a4 is a 4
        body := regexp_replace(body, '(\d),(?=\d{3}(?!\d))', '\1', 'g');
        body := regexp_replace(body, '(\d),(?=\d)', '\1.', 'g');
        body := regexp_replace(body, '(\d)\.0+(?!\d)', '\1', 'g');
        body := regexp_replace(body, '(\d)(?=[^\d\s!-/:-@\[-`{-~])|([^\d\s!-/:-@\[-`{-~])(?=\d)',
                                '\1\2 ', 'g');
    end if;
    body := regexp_replace(body, '[./](?!\d)|(?<!\d)[./]', ' ', 'g');
    body := regexp_replace(body, '[\x01-\-:-@\[-`{-\x7f]+', ' ', 'g');
    return body;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- singular_word(word) → a word without the ending of a plural ("boxes", "shelves", "ladies"); and one
-- spelling of "hoody" and "hoodie".
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.singular_word(word text) returns text
language sql immutable parallel safe
return case
    when right(word, 1) = 's' and length(word) > 2 then case
        -- what ends in s without being a plural, or is another thing without it ("shorts", "glasses")
        when invariant_words() ? word or right(word, 2) in ('ss', 'us', 'is') then word
        when right(word, 4) in ('ches', 'shes', 'sses', 'zzes') or right(word, 3) = 'xes'
            then left(word, -2)
        when right(word, 3) = 'ies' and length(word) > 4 then left(word, -3) || 'y'
        when right(word, 3) = 'ves' and word ~ '(?:shel|wol|scar|loa|hoo|thie|dwar)ves$'
            then left(word, -3) || 'f'
        else left(word, -1)
    end
    when right(word, 2) = 'ie' and length(word) > 3 then left(word, -2) || 'y'
    else word
end;

-- ---------------------------------------------------------------------------------------------
-- american_word(word) → a word with the American z where the British write an s ("organiser").
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.american_word(word text) returns text
language sql immutable parallel safe
return case when position('is' in word) > 2 then regexp_replace(word,
    '^((?:de)?(?:alkal|anod|atom|caramel|categor|crystall|custom|deodor|digital|emuls|energ|equal|'
    'fertil|galvan|homogen|ion|magnet|maxim|mineral|minim|modern|moistur|motor|neutral|odor|optim|'
    'organ|oxid|pasteur|personal|polar|pressur|revital|sanit|stabil|standard|steril|synthes|tender|'
    'textur|vapor|visual|volum|winter)i)s(e|ed|er|ing|ation|able)$', '\1z\2') else word end;

-- ---------------------------------------------------------------------------------------------
-- is_filler(word, before) → whether the last word of a term says nothing behind the one before it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_filler(word text, before text) returns boolean
language sql immutable parallel safe
return word in ('with', 'for', 'of', 'and', 'the', 'a') and before !~ '^\d'
    or word = 'color' and before in ('black', 'white', 'gray', 'silver', 'gold', 'red', 'orange',
        'yellow', 'green', 'blue', 'navy', 'purple', 'pink', 'brown', 'beige', 'tan', 'cream', 'ivory',
        'teal', 'turquoise', 'khaki', 'maroon', 'burgundy', 'lavender', 'bronze', 'copper', 'charcoal',
        'coral', 'peach', 'walnut', 'oak')
    or word = 'style' and before not in ('hair', 'life', 'free', 'up', 'art', 'old', 'step')
    or word = 'size' and (before in ('king', 'queen', 'twin', 'full', 'single', 'double', 'xl', 'small',
        'medium', 'large') or before ~ '^\d')
    or word = 'shape' and before in ('round', 'square', 'oval', 'rectangle', 'rectangular');

-- ---------------------------------------------------------------------------------------------
-- normal_form(term) → the key that the spellings of a term share.
-- Ignores case, accents, spaces, hyphens and other punctuation, plurals (feet, knives, men's), the
-- difference of number words and digits, of units (24", 24in, 24-inch), of British and American
-- spelling; "color", "size", "style" and "shape" behind a word that is a color, size … anyway; and
-- "with", "for" or "of" at the end. It is a key, not a word: "Grey Book-Shelves" gives "gray book
-- shelf". Empty if the term has no letter or digit. Never raises.
-- ---------------------------------------------------------------------------------------------
create or replace function normal_form(term text) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    -- number words; irregular plurals; British and other spellings; units
    _words constant jsonb := word_forms();
    -- behind a number
    _units constant jsonb := measure_words();
    -- behind another word: "wall mounted", "queen-sized"
    _tails constant jsonb := part_words();
    _text text := lower_text(left(term, 10000)); -- longer than any term
    _parts text[];
    _word text;
    _known text;
    _before text;
    _spelled boolean;
    _form text[] := '{}';
    _n int := 0;
begin
    if _text ~ '[^a-z -]' then
        _text := plain_words(_text);
    else
        _text := translate(_text, '-', ' ');
    end if;
    _parts := array_remove(string_to_array(_text, ' '), '');
    for _i in 1 .. coalesce(cardinality(_parts), 0) loop
        _word := _parts[_i];
        _known := _words ->> _word;
        if _known is not null then
            _word := _known;
        else
            _word := singular_word(_word);
            _word := american_word(_word);
        end if;
        if _n > 0 then
            _before := _form[_n];
            if _before ~ '^\d' then
                if _spelled and _before ~ '^[2-9]0$' and _known ~ '^[1-9]$' then -- "twenty four"
                    _form[_n] := (_before::int + _known::int)::text;
                    continue;
                end if;
                if _word = 'in' and coalesce(_words ->> _parts[_i + 1], _parts[_i + 1]) ~ '^\d' then
                    null; -- "2 in 1": not inches
                elsif _units ? _word then
                    _word := _units ->> _word;
                end if;
            elsif _tails ? _word then
                _word := _tails ->> _word;
            end if;
        end if;
        _spelled := _known ~ '^\d';
        _n := _n + 1;
        _form[_n] := _word;
    end loop;
    while _n > 1 loop
        exit when not is_filler(_form[_n], _form[_n - 1]);
        _n := _n - 1;
    end loop;
    return array_to_string(_form[1:_n], ' ');
end
$func$;
