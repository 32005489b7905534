-- ---------------------------------------------------------------------------------------------
-- _lower_text(body) → in lower case and compatibility form (NFKC), whatever the database's locale.
-- Accents go ("décor", "decor"), but not the letters of their own that ä, ö, ü and å are; so do
-- marks that are often left out (Hebrew and Arabic vowels) and what cannot be seen; punctuation
-- and symbols of any script become spaces.
-- ---------------------------------------------------------------------------------------------
create or replace function _lower_text(body text) returns text
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
                -- but not primes, which stand for feet and inches, nor × and the fraction's bar
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
-- normal_form(term) → the key under which spellings of one term meet.
-- Case, accents, spaces, hyphens and other punctuation make no difference, nor do plurals (feet,
-- knives, men's), number words and digits, units (24", 24in, 24-inch), British and American
-- spelling, "color", "size", "style" and "shape" behind what is a color, size … anyway, and a
-- "with", "for" or "of" at the end. It is a key, not a word: "Grey Book-Shelves" gives "gray book
-- shelf". Empty where there is no letter or digit. Never raises.
-- ---------------------------------------------------------------------------------------------
create or replace function normal_form(term text) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    -- number words; irregular plurals; British and other spellings; units
    _words constant jsonb :=
    '{"one":"1","two":"2","three":"3","four":"4","five":"5","six":"6","seven":"7","eight":"8",
    "nine":"9","ten":"10","eleven":"11","twelve":"12","thirteen":"13","fourteen":"14",
    "fifteen":"15","sixteen":"16","seventeen":"17","eighteen":"18","nineteen":"19","twenty":"20",
    "thirty":"30","forty":"40","fifty":"50","sixty":"60","seventy":"70","eighty":"80",
    "ninety":"90"}'::jsonb ||
    '{"aches":"ache","appendices":"appendix","atlases":"atlas","avalanches":"avalanche",
    "avocadoes":"avocado","ax":"axe","axes":"axe","bacteria":"bacterium","bikinis":"bikini",
    "brioches":"brioche","buses":"bus","caches":"cache","cacti":"cactus","cactuses":"cactus",
    "calves":"calf","canvases":"canvas","cargoes":"cargo","children":"child","childrens":"child",
    "chilies":"chili","chilis":"chili","chilli":"chili","chillies":"chili","chillis":"chili",
    "data":"datum","dhotis":"dhoti","dominoes":"domino","echoes":"echo","elves":"elf",
    "emus":"emu","feet":"foot","fungi":"fungus","gases":"gas","geese":"goose","halves":"half",
    "headaches":"headache","heroes":"hero","hibiscuses":"hibiscus","housewives":"housewife",
    "indices":"index","irises":"iris","juttis":"jutti","khakis":"khaki","knives":"knife",
    "kurtis":"kurti","ladies":"lady","leaves":"leaf","lenses":"lens","lice":"louse",
    "lives":"life","mangoes":"mango","matrices":"matrix","media":"medium","men":"man",
    "mens":"man","menus":"menu","mice":"mouse","mojaris":"mojari","moustache":"mustache",
    "moustaches":"mustache","mustaches":"mustache","niches":"niche","octopuses":"octopus",
    "oxen":"ox","paninis":"panini","penknives":"penknife","people":"person","persons":"person",
    "potatoes":"potato","quiches":"quiche","quizzes":"quiz","rotis":"roti","safaris":"safari",
    "salamis":"salami","saris":"sari","selves":"self","skis":"ski","taxis":"taxi",
    "teeth":"tooth","thermoses":"thermos","tomatoes":"tomato","topazes":"topaz",
    "tornadoes":"tornado","trellises":"trellis","viruses":"virus","walruses":"walrus",
    "wives":"wife","women":"woman","womens":"woman","yetis":"yeti","zucchinis":"zucchini"}'::jsonb ||
    '{"aeroplane":"airplane","aeroplanes":"airplane","ageing":"aging","aluminium":"aluminum",
    "anaesthetic":"anesthetic","analogue":"analog","armour":"armor","artefact":"artifact",
    "barbeque":"barbecue","bevelled":"beveled","bicolour":"bicolor","caldron":"cauldron",
    "calibre":"caliber","calliper":"caliper","callipers":"caliper","cancelation":"cancellation",
    "cancelled":"canceled","cancelling":"canceling","cardamon":"cardamom","catalogue":"catalog",
    "catsup":"ketchup","centimetre":"centimeter","centre":"center","centres":"center",
    "channelled":"channeled","checkered":"checked","cheque":"check","chequer":"check",
    "chequered":"checked","cheques":"check","colors":"color","colour":"color",
    "coloured":"colored","colours":"color","cosy":"cozy","counsellor":"counselor",
    "defence":"defense","dialled":"dialed","dialogue":"dialog","diarrhoea":"diarrhea",
    "disc":"disk","discolour":"discolor","discs":"disk","disks":"disk","donuts":"donut",
    "doughnut":"donut","doughnuts":"donut","draught":"draft","draughts":"draft",
    "enamelled":"enameled","enrol":"enroll","favourite":"favorite","favourites":"favorite",
    "fiberglas":"fiberglass","fibre":"fiber","fibreboard":"fiberboard","fibreglass":"fiberglass",
    "fibres":"fiber","fillet":"filet","fillets":"filet","flavour":"flavor",
    "flavoured":"flavored","flavours":"flavor","fulfil":"fulfill","glamour":"glamor",
    "grays":"gray","grey":"gray","greys":"gray","haemorrhoid":"hemorrhoid","harbour":"harbor",
    "hiccough":"hiccup","honour":"honor","hoummus":"hummus","houmous":"hummus","humour":"humor",
    "instalment":"installment","jewelery":"jewelry","jewelled":"jeweled","jeweller":"jeweler",
    "jewellery":"jewelry","judgement":"judgment","karats":"karat","kerb":"curb",
    "kilometre":"kilometer","labelled":"labeled","labelling":"labeling","labour":"labor",
    "lacklustre":"lackluster","leukaemia":"leukemia","levelling":"leveling","licence":"license",
    "litre":"liter","litres":"liter","ltr":"liter","ltrs":"liter","lustre":"luster",
    "manoeuvre":"maneuver","marvellous":"marvelous","maths":"math","meagre":"meager",
    "metre":"meter","metres":"meter","microfibre":"microfiber","microfibres":"microfiber",
    "millilitre":"milliliter","millimetre":"millimeter","modelled":"modeled",
    "modelling":"modeling","mommy":"mom","mould":"mold","mouldable":"moldable",
    "moulded":"molded","moulding":"molding","mouldings":"molding","moulds":"mold",
    "moustache":"mustache","multicolour":"multicolor","multicoloured":"multicolored","mum":"mom",
    "mummy":"mom","mums":"mom","neighbour":"neighbor","ochre":"ocher","odour":"odor",
    "odourless":"odorless","odours":"odor","oestrogen":"estrogen","offence":"offense",
    "omelette":"omelet","omelettes":"omelet","orthopaedic":"orthopedic",
    "orthopaedics":"orthopedic","orthopedics":"orthopedic","paediatric":"pediatric",
    "panelled":"paneled","panelling":"paneling","parlour":"parlor","platted":"plaited",
    "plough":"plow","ploughs":"plow","poof":"pouf","pouffe":"pouf","pouffes":"pouf",
    "pretence":"pretense","programme":"program","pyjama":"pajama","pyjamas":"pajama",
    "racquet":"racket","racquets":"racket","sabre":"saber","savour":"savor","savoury":"savory",
    "sceptre":"scepter","skilful":"skillful","smokey":"smoky","smoulder":"smolder",
    "sombre":"somber","speciality":"specialty","spectre":"specter","spiggot":"spigot",
    "storey":"story","storeys":"story","sulphate":"sulfate","sulphur":"sulfur",
    "swivelling":"swiveling","theatre":"theater","thru":"through","tonne":"ton","tonnes":"ton",
    "traveller":"traveler","travelling":"traveling","tricolour":"tricolor",
    "tunnelled":"tunneled","tyre":"tire","tyres":"tire","vapour":"vapor","whisky":"whiskey",
    "woollen":"woolen","wooly":"woolly","yoghourt":"yogurt","yoghurt":"yogurt",
    "yoghurts":"yogurt"}'::jsonb ||
    '{"centimeter":"cm","centimeters":"cm","centimetres":"cm","cms":"cm","fts":"ft","gbs":"gb",
    "gigabyte":"gb","gigabytes":"gb","gigahertz":"ghz","hertz":"hz","inches":"inch","kgs":"kg",
    "kilogram":"kg","kilogramme":"kg","kilogrammes":"kg","kilograms":"kg","kilometer":"km",
    "kilometers":"km","kilometres":"km","kilowatt":"kw","kilowatts":"kw","kms":"km","lbs":"lb",
    "megabyte":"mb","megabytes":"mb","megahertz":"mhz","milliamp":"mah","milligram":"mg",
    "milligrams":"mg","milliliter":"ml","milliliters":"ml","millilitres":"ml","millimeter":"mm",
    "millimeters":"mm","millimetres":"mm","mls":"ml","mms":"mm","ounce":"oz","ounces":"oz",
    "ozs":"oz","psis":"psi","quantity":"qty","rpms":"rpm","terabyte":"tb","terabytes":"tb",
    "tvs":"tv","yds":"yd"}'::jsonb;
    -- what ends in s without being a plural, or is another thing without it ("shorts", "glasses")
    _singular constant jsonb :=
    '{"abs":1,"as":1,"asparagus":1,"atlas":1,"bias":1,"braces":1,"briefs":1,
    "bus":1,"canvas":1,"chaos":1,"christmas":1,"clothes":1,"cosmos":1,"ethos":1,
    "eyeglasses":1,"flats":1,"gas":1,"glasses":1,"gps":1,"greens":1,"has":1,
    "ios":1,"is":1,"its":1,"kudos":1,"lass":1,"lens":1,"news":1,"overalls":1,
    "pancreas":1,"plus":1,"series":1,"shorts":1,"species":1,"sunglasses":1,"tens":1,
    "suspenders":1,"sweats":1,"texas":1,"thermos":1,"this":1,"thus":1,"tights":1,
    "us":1,"was":1,"yes":1}';
    -- behind a number
    _units constant jsonb :=
    '{"amp":"a","ampere":"a","amps":"a","carat":"ct","count":"ct","cts":"ct","deg":"degree",
    "foot":"ft","ft":"ft","gallon":"gal","gm":"g","gms":"g","gr":"g","gram":"g","hr":"hour",
    "hrs":"hour","in":"inch","ins":"inch","karat":"k","kilo":"kg","kilos":"kg","kt":"k",
    "lb":"lb","lbs":"lb","liter":"l","lt":"l","man":"person","meter":"m","min":"minute",
    "mins":"minute","mo":"month","mos":"month","mt":"m","mth":"month","mths":"month","mtr":"m",
    "pc":"piece","pce":"piece","pcs":"piece","pint":"pt","pk":"pack","pks":"pack","pkt":"pack",
    "plies":"ply","pound":"lb","quart":"qt","sec":"second","secs":"second","threads":"thread",
    "vdc":"v","volt":"v","volts":"v","watt":"w","watts":"w","wk":"week","wks":"week","yard":"yd",
    "yr":"year","yrs":"year"}';
    -- behind another word: "wall mounted", "queen-sized"
    _tails constant jsonb :=
    '{"armed":"arm","backed":"back","bladed":"blade","bottomed":"bottom","coated":"coat",
    "collared":"collar","colored":"color","compartmented":"compartment","doored":"door",
    "drawered":"drawer","eared":"ear","edged":"edge","faced":"face","filled":"fill",
    "finished":"finish","flavored":"flavor","handed":"hand","handled":"handle","headed":"head",
    "heeled":"heel","holed":"hole","layered":"layer","legged":"leg","mountable":"mount",
    "mounted":"mount","mounting":"mount","necked":"neck","neckline":"neck","paneled":"panel",
    "pocketed":"pocket","proofed":"proof","proofing":"proof","shaped":"shape","sided":"side",
    "sized":"size","sleeved":"sleeve","soled":"sole","strapped":"strap","styled":"style",
    "tiered":"tier","tipped":"tip","toed":"toe","toned":"tone","waistband":"waist",
    "waisted":"waist","walled":"wall","wheeled":"wheel"}';
    _text text := _lower_text(left(term, 10000)); -- no term is longer
    _parts text[];
    _word text;
    _known text;
    _before text;
    _spelled boolean;
    _form text[] := '{}';
    _n int := 0;
begin
    if _text ~ '[^a-z -]' then
        if _text ~ '[''"`+%&/]' then
            _text := regexp_replace(_text, '(\d)\s*(?:"|''''|'' ?'')', '\1 inch ', 'g');
            _text := regexp_replace(_text, '(\d)''(?!s\M)', '\1 ft ', 'g');
            _text := regexp_replace(_text, '[''`](?:s\M)?', '', 'g');
            _text := replace(replace(_text, '%', ' percent '), '&', ' and ');
            _text := replace(regexp_replace(_text, '\mw/o\M', 'without', 'g'), 'w/', 'with ');
            _text := regexp_replace(_text, '(\d)\s?\+', '\1 plus ', 'g');
        end if;
        if _text ~ '\d' then
            -- 1,000 is 1000; 2.0 is 2; 10x12 is 10 x 12; 3tier is 3 tier; a4 is a 4
            _text := regexp_replace(_text, '(\d),(?=\d{3}(?!\d))', '\1', 'g');
            _text := regexp_replace(_text, '(\d),(?=\d)', '\1.', 'g');
            _text := regexp_replace(_text, '(\d)\.0+(?!\d)', '\1', 'g');
            _text := regexp_replace(_text, '(\d)(?=[^\d\s!-/:-@\[-`{-~])|([^\d\s!-/:-@\[-`{-~])(?=\d)',
                                    '\1\2 ', 'g');
        end if;
        _text := regexp_replace(_text, '[./](?!\d)|(?<!\d)[./]', ' ', 'g');
        _text := regexp_replace(_text, '[\x01-\-:-@\[-`{-\x7f]+', ' ', 'g');
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
            if right(_word, 1) = 's' and length(_word) > 2 then
                _word := case
                    when _singular ? _word or right(_word, 2) in ('ss', 'us', 'is') then _word
                    when right(_word, 4) in ('ches', 'shes', 'sses', 'zzes') or right(_word, 3) = 'xes'
                        then left(_word, -2)
                    when right(_word, 3) = 'ies' and length(_word) > 4 then left(_word, -3) || 'y'
                    when right(_word, 3) = 'ves' and _word ~ '(?:shel|wol|scar|loa|hoo|thie|dwar)ves$'
                        then left(_word, -3) || 'f'
                    else left(_word, -1)
                end;
            -- one key for "hoody", "hoodie" and "hoodies"
            elsif right(_word, 2) = 'ie' and length(_word) > 3 then
                _word := left(_word, -2) || 'y';
            end if;
            if position('is' in _word) > 2 then
                _word := regexp_replace(_word, '^((?:de)?(?:alkal|anod|atom|caramel|categor|crystall|'
                    'custom|deodor|digital|emuls|energ|equal|fertil|galvan|homogen|ion|magnet|maxim|'
                    'mineral|minim|modern|moistur|motor|neutral|odor|optim|organ|oxid|pasteur|personal|'
                    'polar|pressur|revital|sanit|stabil|standard|steril|synthes|tender|textur|vapor|'
                    'visual|volum|winter)i)s(e|ed|er|ing|ation|able)$', '\1z\2');
            end if;
        end if;
        if _n > 0 then
            _before := _form[_n];
            if _before ~ '^\d' then
                if _spelled and _before ~ '^[2-9]0$' and _known ~ '^[1-9]$' then -- "twenty four"
                    _form[_n] := (_before::int + _known::int)::text;
                    continue;
                end if;
                if _word = 'in' and coalesce(_words ->> _parts[_i + 1], _parts[_i + 1]) ~ '^\d' then
                    null; -- "2 in 1": no inches
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
        _word := _form[_n];
        _before := _form[_n - 1];
        exit when not (
            _word in ('with', 'for', 'of', 'and', 'the', 'a') and _before !~ '^\d'
            or _word = 'color' and _before in ('black', 'white', 'gray', 'silver', 'gold', 'red',
                'orange', 'yellow', 'green', 'blue', 'navy', 'purple', 'pink', 'brown', 'beige', 'tan',
                'cream', 'ivory', 'teal', 'turquoise', 'khaki', 'maroon', 'burgundy', 'lavender',
                'bronze', 'copper', 'charcoal', 'coral', 'peach', 'walnut', 'oak')
            or _word = 'style' and _before not in ('hair', 'life', 'free', 'up', 'art', 'old', 'step')
            or _word = 'size' and (_before in ('king', 'queen', 'twin', 'full', 'single', 'double',
                'xl', 'small', 'medium', 'large') or _before ~ '^\d')
            or _word = 'shape' and _before in ('round', 'square', 'oval', 'rectangle', 'rectangular'));
        _n := _n - 1;
    end loop;
    return array_to_string(_form[1:_n], ' ');
end
$func$;
