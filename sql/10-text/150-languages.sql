-- The language of texts, as one of Postgres' text-search configurations.

-- ---------------------------------------------------------------------------------------------
-- language_hints() → letters that few languages have, words that are frequent in shops, and heads, with which
-- compounds end ("Stehlampe"), by language; also of languages for which Postgres has no configuration, so that
-- they are not taken for others. The stop words of the configurations count besides.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.language_hints()
returns table (language text, letters text, words text, heads text)
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    values
    ('english', '', 'with for and of from the men women kids black white red blue green grey gray brown yellow wooden wood leather cotton steel glass table chair sofa bed lamp shirt shoes dress bag light set pack size large small new',
     'lamp'),
    ('german', 'äöüß', 'schwarz schwarzer schwarze schwarzes weiß weiss weißer rot blau grün grau braun gelb holz eiche leder glas stahl edelstahl tisch stuhl lampe leuchte schrank regal bett sessel kissen kleid hemd hose schuhe tasche damen herren kinder stück für mit aus ohne und',
     'lampe leuchte laterne strahler stuhl hocker sessel schemel tisch tischchen schrank schränkchen regal kommode truhe anrichte gestell ständer garderobe möbel bett matratze kissen decke laken wäsche vorhang teppich läufer spiegel rahmen uhr wecker kerze becher kanne flasche teller schüssel schale pfanne topf messer gabel löffel besteck brett mühle kocher trockner heizung eimer kübel korb kiste kasten beutel tasche koffer hülle gürtel tuch kleid hemd bluse jacke mantel weste anzug schuh schuhe stiefel strumpf socke socken mütze kappe handschuh handschuhe schirm kette brosche brille gerät maschine stecker kabel halterung träger schlauch schere schraube schlüssel schloss pflanze blume baum puppe spiel spielzeug fahrrad pinsel bürste seife schürze stütze ablage'),
    ('french', 'éèêàçœùîôë', 'noir noire blanc blanche rouge bleu bleue vert verte gris grise brun jaune bois chêne cuir verre acier chaise lampe canapé fauteuil lit armoire étagère robe chemise pantalon chaussures sac femme homme enfant avec pour sans de du des en et la le les lot coton', ''),
    ('spanish', 'ñáéíóú', 'negro negra blanco blanca rojo roja azul verde gris marrón amarillo madera roble cuero piel vidrio cristal acero mesa silla lámpara sofá sillón cama armario estantería vestido camisa pantalón zapatos bolso mujer hombre niños con para sin de del y el la los algodón', ''),
    ('italian', 'àèìòù', 'nero nera bianco bianca rosso rossa blu verde grigio grigia marrone giallo legno rovere pelle vetro acciaio tavolo tavolino sedia lampada divano poltrona letto armadio scaffale vestito camicia pantaloni scarpe borsa donna uomo bambini con per senza di del della e il in cotone', ''),
    ('portuguese', 'ãõçáéâêóú', 'preto preta branco branca vermelho azul verde cinza cinzento marrom castanho amarelo madeira carvalho couro vidro aço mesa cadeira candeeiro luminária sofá poltrona cama armário estante vestido camisa calça sapatos bolsa feminino masculino mulher homem com para sem de do da em e algodão', ''),
    ('dutch', 'ĳ', 'zwart zwarte wit witte rood rode blauw blauwe groen groene grijs grijze bruin geel hout houten eiken leer leren glas staal tafel stoel lamp kast bed bank kussen jurk overhemd broek schoenen tas dames heren kinderen voor met zonder van en de het een stuks',
     'stoel tafel kast lamp krukje spiegel kussen kleed deken gordijn rek mand doos pannen jurk overhemd broek laarzen schoenen muts riem tas horloge sleutel houder poef'),
    ('danish', 'æøå', 'sort hvid rød blå grøn grå brun gul træ eg egetræ læder glas stål bord stol lampe sofa seng skab reol kjole skjorte bukser sko taske dame herre børn med til uden og af en i',
     'lampe stol bord skab reol kommode hylde seng skammel spejl tæppe pude dyne gardin ramme krus kande tallerken skål gryde kniv taske kasse kurv kjole skjorte bukser jakke frakke støvler sko bælte'),
    ('norwegian', 'æøå', 'svart hvit rød blå grønn grå brun gul tre eik skinn lær glass stål bord stol lampe sofa seng skap hylle kjole skjorte bukse sko veske dame herre barn med til uten og av en i',
     'lampe stol bord skap reol hylle kommode seng krakk speil teppe pute dyne gardin ramme krus mugge tallerken skål gryte kniv veske kasse kurv kjole skjorte bukse jakke frakk støvler sko belte'),
    ('swedish', 'åäö', 'svart vit röd blå grön grå brun gul trä ek läder skinn glas stål bord stol lampa soffa säng skåp hylla klänning skjorta byxor skor väska dam herr barn med till utan och av en i',
     'lampa stol bord skåp hylla byrå säng fåtölj soffa spegel matta kudde täcke gardin mugg kanna tallrik skål gryta kniv väska låda korg klänning skjorta byxor jacka stövlar skor mössa bälte'),
    ('finnish', 'äö', 'musta valkoinen punainen sininen vihreä harmaa ruskea keltainen puu tammi nahka lasi teräs pöytä tuoli valaisin sohva sänky kaappi hylly mekko paita housut kengät laukku naisten miesten lasten ja kanssa',
     'tuoli pöytä kaappi hylly valaisin lamppu sänky sohva matto peili tyyny verho laukku takki kengät housut paita mekko kello veitsi'),
    ('hungarian', 'őűáéíóöúü', 'fekete fehér piros kék zöld szürke barna sárga fa tölgy bőr üveg acél asztal szék lámpa kanapé ágy szekrény polc ruha ing nadrág cipő táska női férfi gyerek és a az',
     'asztal szék lámpa szekrény polc ágy kanapé szőnyeg tükör párna függöny táska csillár tartó cipő óra doboz'),
    ('turkish', 'ığşçöüİ', 'siyah beyaz kırmızı mavi yeşil gri kahverengi sarı ahşap meşe deri cam çelik masa sandalye lamba koltuk yatak dolap raf elbise gömlek pantolon ayakkabı çanta kadın erkek çocuk ve ile için', ''),
    ('romanian', 'ăâîșțşţ', 'negru neagră alb albă roșu albastru verde gri maro galben lemn stejar piele sticlă oțel masă scaun lampă canapea pat dulap raft rochie cămașă pantaloni pantofi geantă femei bărbați copii cu pentru fără de din și', ''),
    ('catalan', 'àèéíòóúç', 'negre negra blanc blanca vermell blau verd gris marró groc fusta roure cuir vidre acer taula cadira llum sofà llit armari prestatge vestit camisa pantalons sabates bossa dona home nens amb per sense de del i el la els', ''),
    ('indonesian', '', 'hitam putih merah biru hijau abu cokelat kuning kayu jati kulit kaca baja meja kursi lampu sofa tempat tidur lemari rak gaun kemeja celana sepatu tas wanita pria anak dengan untuk tanpa dari dan di yang', ''),
    ('irish', 'áéíóú', 'dubh bán dearg gorm glas liath donn buí adhmad leathar gloine cruach bord cathaoir lampa le agus gan na', ''),
    ('lithuanian', 'ąčęėįšųūž', 'juoda juodas balta baltas raudona mėlyna žalia pilka ruda geltona mediena ąžuolas oda stiklas plienas stalas kėdė lempa sofa lova spinta lentyna suknelė marškiniai kelnės batai rankinė moterims vyrams vaikams su ir be', ''),
    ('basque', '', 'beltza zuria gorria urdina berdea grisa marroia horia egurra larrua beira altzairua mahaia aulkia lanpara ohea armairua soinekoa alkandora eta', ''),
    ('polish', 'ąćęłńśźż', 'czarny czarna czarne biały biała białe czerwony niebieski zielony szary brązowy żółty drewno drewniany dąb skóra skórzany szkło stal stół stolik krzesło lampa sofa łóżko szafa regał sukienka koszula spodnie buty torebka damska damskie męska męskie dziecięce dla z ze do na i w bez', ''),
    ('czech', 'ěřščžůťďň', 'černý černá bílý bílá červený modrý zelený šedý hnědý žlutý dřevo dřevěný dub kůže sklo ocel stůl židle lampa pohovka postel skříň police šaty košile kalhoty boty taška dámské pánské dětské pro s z na a bez', ''),
    ('croatian', 'čćđšž', 'crni crna crno bijeli bijela crvena plava zelena siva smeđa žuta drvo hrast koža staklo čelik stol stolica lampa kauč krevet ormar polica haljina košulja hlače cipele torba ženska muška dječja za i s bez od', ''),
    ('vietnamese', 'ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ', 'đen trắng đỏ xanh gỗ da bàn ghế đèn cho và của', ''),
    ('estonian', 'õäöü', 'must valge punane sinine roheline hall pruun kollane puit tamm nahk klaas teras laud tool lamp diivan voodi kapp riiul kleit särk püksid kingad kott naiste meeste laste ja koos', '');
$func$;

-- ---------------------------------------------------------------------------------------------
-- script_config(sample) → the configuration for the script of most letters of a text, 'simple' for one
-- without configuration; null for Latin letters.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.script_config(sample text) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case when s.config = 'russian' and sample ~ '[іїєґІЇЄҐ]' then 'simple'
                when s.config = 'russian' and sample ~ '[ђјљњћџЂЈЉЊЋЏ]' then 'serbian'
                else s.config end
    from (values (null, 'A-Za-z\u00c0-\u024f\u1e00-\u1eff'), ('russian', '\u0400-\u04ff'), ('greek', '\u0370-\u03ff\u1f00-\u1fff'),
                 ('arabic', '\u0600-\u06ff'), ('hindi', '\u0900-\u097f'), ('armenian', '\u0530-\u058f'),
                 ('tamil', '\u0b80-\u0bff'),
                 -- Chinese, Japanese, Korean and Thai signs say more than a letter does
                 ('simple', '\u0590-\u05ff\u0980-\u0aff\u0b00-\u0b7f\u0c00-\u10ff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af'))
        as s (config, letters)
    cross join lateral (
        select char_length(regexp_replace(sample, '[^' || s.letters || ']', '', 'g'))
               * case s.config when 'simple' then 3 else 1 end as score) as c
    order by c.score desc, s.config nulls first
    limit 1;
$func$;

-- ---------------------------------------------------------------------------------------------
-- detect_text_config(texts) → the text-search configuration for the language of these texts, such as
-- titles: by their script, by frequent words, by how compounds end, and by letters. 'simple' for a language
-- for which Postgres has none; 'english' where the texts do not show it.
-- ---------------------------------------------------------------------------------------------
create or replace function detect_text_config(texts text[]) returns text
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
declare
    _sample text := left((select string_agg(left(u.body, 500), ' ') from unnest(texts[:1000]) as u (body)), 60000);
    _found text := script_config(_sample);
    _config text;
begin
    if _found is null and _sample is not null then
        with word as materialized (
            select w.word, least(count(*), 10) as said
            from regexp_split_to_table(
                lower(normalize(translate(_sample, 'ÄÖÜÅÆØÉÈÀÇŁŚŻİ', 'äöüåæøéèàçłśżi'), nfc)),
                '[\x01-@\[-`{-\x7f\u00a0-\u00bf\u2000-\u206f]+') as w (word)
            where char_length(w.word) between 1 and 20
            group by w.word
            order by count(*) desc, w.word
            limit 3000
        ),
        headed as ( -- once for each word, whatever its heads are
            select distinct h.language, w.word
            from word as w
            cross join lateral generate_series(3, char_length(w.word)) as n (size)
            join (select h.language, u.head
                  from language_hints() as h
                  cross join unnest(string_to_array(h.heads, ' ')) as u (head)) as h on h.head = right(w.word, n.size)
            where n.size = char_length(w.word) or char_length(w.word) >= n.size + 3
        ),
        scored as (
            select h.language, h.place,
                   -- once for a stop word, twice for a word that is listed here, or that ends with a head
                   coalesce(sum(w.said) filter (where d.dictionary is not null
                                                and ts_lexize(d.dictionary, w.word) = '{}'), 0)
                   + 2 * coalesce(sum(w.said) filter (where e.word is not null
                                                    or w.word = any (string_to_array(h.words, ' '))), 0)
                   + 0.5 * coalesce(sum(w.said) filter (where h.letters <> '' and w.word ~ ('[' || h.letters || ']')), 0)
                       as score
            from language_hints() with ordinality as h (language, letters, words, heads, place)
            left join lateral (
                select c.oid::regdictionary as dictionary
                from pg_ts_dict as c
                where c.dictname = h.language || '_stem' and c.dictnamespace = 'pg_catalog'::regnamespace) as d on true
            cross join word as w
            left join headed as e on e.language = h.language and e.word = w.word
            group by h.language, h.place
        ),
        placed as ( -- of two as likely, the one that is listed first
            select s.language, s.score, max(s.score) filter (where s.language = 'english') over () as english
            from scored as s
            order by s.score desc, s.place
            limit 1
        )
        select case when p.score >= 3 and p.score >= 1.2 * p.english then p.language end into _found
        from placed as p;
    end if;
    _found := coalesce(_found, 'english');
    select c.cfgname into _config
    from pg_ts_config as c
    where c.cfgname = _found and c.cfgnamespace = 'pg_catalog'::regnamespace;
    return coalesce(_config, 'simple');
end
$func$;
