-- Text as people type it, read one way in what is indexed and in what is asked.

-- ---------------------------------------------------------------------------------------------
-- decoded_entities(body) → a text with the common HTML entities, and all by number, as characters.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.decoded_entities(body text) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _names constant jsonb := '{"amp": "&", "quot": "\"", "apos": "''", "lt": " < ", "gt": " > ", "nbsp": " ",
        "times": "x", "deg": "°", "frac12": "½", "ndash": "-", "mdash": "-", "rsquo": "''", "hellip": " ",
        "reg": " ", "trade": " ", "copy": " ", "szlig": "ß", "aelig": "æ", "AElig": "Æ", "oslash": "ø",
        "Oslash": "Ø", "ccedil": "ç", "Ccedil": "Ç", "ntilde": "ñ", "Ntilde": "Ñ"}';
    _marks constant jsonb := '{"acute": "\u0301", "grave": "\u0300", "circ": "\u0302", "tilde": "\u0303",
        "uml": "\u0308", "ring": "\u030a", "caron": "\u030c"}';
    _entity text;
    _code text;
    _known text;
begin
    for _entity in select distinct m.found[1] from regexp_matches(body, '&([#\w]{2,10});', 'g') as m (found) loop
        _code := lower(substr(_entity, 2));
        _known := case
            when _entity ~ '^#[0-9]{1,7}$' then substr(_entity, 2)
            when _entity ~* '^#x[0-9a-f]{1,6}$' then (('x' || lpad(substr(_code, 2), 8, '0'))::bit(32)::int)::text
            end;
        if _known is not null then
            -- without a zero, surrogates, and what lies beyond Unicode
            _known := case when _known::int between 1 and 55295 or _known::int between 57344 and 1114111
                           then chr(_known::int) end;
        elsif _names ? _entity then
            _known := _names ->> _entity;
        elsif _entity ~ '^[A-Za-z](acute|grave|circ|tilde|uml|ring|caron)$' then
            _known := normalize(left(_entity, 1) || (_marks ->> substr(_entity, 2)), nfc);
        end if;
        if _known is not null then
            body := replace(body, '&' || _entity || ';', _known);
        end if;
    end loop;
    return body;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- folded_text(body) → a text without accents, its ligatures and letters with strokes in plain letters
-- ("łóżko" is "lozko", "straße" is "strasse"), for Latin and Greek; the marks of other scripts, such as
-- those of kana and й, make other letters and stay. Hiragana becomes katakana.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.folded_text(body text) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if octet_length(body) = char_length(body) then
        return body;
    end if;
    if body ~ '[\u3041-\u3096]' then
        body := translate(body,
            'ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢっつづてでとどなにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもゃやゅゆょよらりるれろゎわゐゑをんゔゕゖ',
            'ァアィイゥウェエォオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂッツヅテデトドナニヌネノハバパヒビピフブプヘベペホボポマミムメモャヤュユョヨラリルレロヮワヰヱヲンヴヵヶ');
    end if;
    if body ~ '[\u00c0-\u024f\u0300-\u03ff\u0401\u0451\u1e00-\u1fff]' then
        body := normalize(regexp_replace(normalize(body, nfkd) collate "C",
            '(?<=[A-Za-z\u0131\u0370-\u03ff])[\u0300-\u036f]+', '', 'g'), nfc);
        if body ~ '[\u00c6-\u017f\u0401\u0451\u1e9e]' then
            body := translate(body, 'øØłŁđĐðÐħĦıŋŊŧŦёЁ', 'oOlLdDdDhHinNtTеЕ');
            body := replace(replace(replace(replace(replace(replace(replace(replace(body,
                'ß', 'ss'), 'ẞ', 'SS'), 'æ', 'ae'), 'Æ', 'AE'), 'œ', 'oe'), 'Œ', 'OE'), 'þ', 'th'), 'Þ', 'TH');
        end if;
    end if;
    return body;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- digraph_text(body) → a text with ä, ö, ü, ø and å in the two letters by which they are also written.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.digraph_text(body text) returns text
language sql immutable parallel safe
return replace(replace(replace(replace(replace(translate(normalize(body, nfc), 'ÄÖÜØÅ', 'äöüøå'),
    'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ø', 'oe'), 'å', 'aa');

-- ---------------------------------------------------------------------------------------------
-- clean_text(body) → a text with its entities, widths (ＵＳＢ, ﾜﾝﾋﾟｰｽ), dashes and quotes, decimals (10,5)
-- and thousands (1,000) written one way; c++ and c# as words.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.clean_text(body text) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if strpos(body, '&') > 0 and body ~ '&[#\w]{2,10};' then
        body := decoded_entities(body);
    end if;
    if octet_length(body) <> char_length(body) then
        -- the last three, which are not seen, go
        body := translate(body,
            '‐‑‒–—―−⁄∕×’‘´′″“”„«»…•·・｡､®™©' || chr(160) || chr(8239) || chr(173) || chr(8203) || chr(65279),
            '-------//x''''''''""""""' || repeat(' ', 11));
        if octet_length(body) <> char_length(body) then
            body := translate(normalize(body, nfkc), '⁄・', '/ ');
        end if;
    end if;
    if body ~ '[a-zA-Z](?:\+\+|#)' then
        body := regexp_replace(body, '([a-zA-Z])\+\+', '\1plusplus', 'g');
        body := regexp_replace(body, '(?<![a-zA-Z0-9])([a-zA-Z])#(?![a-zA-Z0-9])', '\1sharp', 'g');
    end if;
    if body ~ '[0-9],[0-9]' then
        body := regexp_replace(body, '(?<![0-9.,])0,([0-9])', '0.\1', 'g');
        body := regexp_replace(body, '([0-9]),(?=[0-9]{3}(?![0-9]))', '\1', 'g');
        body := regexp_replace(body, '(?<![0-9.,])([0-9]+),([0-9]{1,2})(?![0-9,])', '\1.\2', 'g');
    end if;
    if body ~ '[0-9]\.0' then
        body := regexp_replace(body, '(?<![0-9.])([0-9]+)\.0+(?![0-9]|\.[0-9])', '\1', 'g');
    end if;
    return body;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- joined_words(body, with_parts) → the words of a clean text that have signs in them, or digits beside
-- letters, without the signs: "GSR12V-15", "t-shirt" and "LC1/D09" are GSR12V15, tshirt and LC1D09; with
-- their parts that are such words too: LC1 and D09. Null if it has no such word.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.joined_words(body text, with_parts boolean default false)
returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _joined text := '';
    _word text;
begin
    -- letters and digits are those of ASCII and all that is beyond it, in any locale
    if body !~ '[^\x01-/:-@\[-`{-\x7f][./_#\\-][^\x01-/:-@\[-`{-\x7f]|[0-9][^\x01-@\[-`{-\x7f]|[^\x01-@\[-`{-\x7f][0-9]' then
        return null;
    end if;
    for _word in
        select btrim(m.found[1], './_#\-')
        from regexp_matches(body,
            '([^\s,;:()"<>|!?&+*]*(?:[^\s,;:()"<>|!?&+*][./_#\\-][^\s,;:()"<>|!?&+*]|[0-9])[^\s,;:()"<>|!?&+*]*)', 'g') as m (found)
    loop
        continue when char_length(_word) not between 2 and 40;
        if _word ~ '[0-9]' then
            -- 10.5mm is not 105mm, and 1/2 is not 12
            continue when _word ~ '(?<![0-9.])[0-9]+\.[0-9]+(?![0-9.])'
                or _word !~ '[^\x01-@\[-`{-\x7f].*[./_#\\-]|[./_#\\-].*[^\x01-@\[-`{-\x7f]|[0-9][^\x01-@\[-`{-\x7f]|[^\x01-@\[-`{-\x7f][0-9]|(?:[0-9].?){6}'
                or _word ~ '^[0-9]+$';
            _joined := _joined || translate(_word, './_#\-', '') || ' ';
            if with_parts and _word ~ '[/_#\\-]' then
                _joined := concat(_joined, joined_words(translate(_word, '/_#\-', '     ')), ' ');
            end if;
        -- two words with a hyphen may be one
        elsif _word ~ '^[^\x01-@\[-`{-\x7f]+[_-][^\x01-@\[-`{-\x7f]+$' then
            _joined := _joined || translate(_word, '_-', '') || ' ';
        end if;
    end loop;
    return nullif(rtrim(_joined), '');
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- parted_text(body) → a clean text with spaces for the signs in its words, and between digits and
-- letters: Postgres would take "lc1/d09" for a file, "foo.bar" for a host, "-15" for a signed number.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.parted_text(body text) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    body := regexp_replace(body, '[-_/\\#@+&]', ' ', 'g');
    if strpos(body, '.') > 0 and body ~ '\.[^\s0-9]|[^0-9]\.[0-9]' then
        body := regexp_replace(regexp_replace(body, '\.([^0-9])', ' \1', 'g'), '([^0-9])\.', '\1 ', 'g');
    end if;
    if body ~ '[0-9][^\x01-@\[-`{-\x7f]' then
        body := regexp_replace(body, '([0-9])([^\x01-@\[-`{-\x7f])', '\1 \2', 'g');
    end if;
    if body ~ '[^\x01-@\[-`{-\x7f][0-9]' then
        body := regexp_replace(body, '([^\x01-@\[-`{-\x7f])([0-9])', '\1 \2', 'g');
    end if;
    return body;
end
$func$;
