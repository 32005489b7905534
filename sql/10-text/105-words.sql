-- Words that normal_form knows: made from src/vitrina/data/words.csv by scripts/make_words.py.

-- ---------------------------------------------------------------------------------------------
-- word_forms() → words whose key is another word: number words, irregular plurals, spellings, units.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.word_forms() returns jsonb
language sql immutable parallel safe
return '{"aches":"ache", "aeroplane":"airplane", "aeroplanes":"airplane", "ageing":"aging",
    "aluminium":"aluminum", "anaesthetic":"anesthetic", "analogue":"analog", "appendices":"appendix",
    "armour":"armor", "artefact":"artifact", "atlases":"atlas", "avalanches":"avalanche",
    "avocadoes":"avocado", "ax":"axe", "axes":"axe", "bacteria":"bacterium", "barbeque":"barbecue",
    "bevelled":"beveled", "bicolour":"bicolor", "bikinis":"bikini", "brioches":"brioche",
    "buses":"bus", "caches":"cache", "cacti":"cactus", "cactuses":"cactus", "caldron":"cauldron",
    "calibre":"caliber", "calliper":"caliper", "callipers":"caliper", "calves":"calf",
    "cancelation":"cancellation", "cancelled":"canceled", "cancelling":"canceling",
    "canvases":"canvas", "cardamon":"cardamom", "cargoes":"cargo", "catalogue":"catalog",
    "catsup":"ketchup", "centimeter":"cm", "centimeters":"cm", "centimetre":"centimeter",
    "centimetres":"cm", "centre":"center", "centres":"center", "channelled":"channeled",
    "checkered":"checked", "cheque":"check", "chequer":"check", "chequered":"checked",
    "cheques":"check", "children":"child", "childrens":"child", "chilies":"chili", "chilis":"chili",
    "chilli":"chili", "chillies":"chili", "chillis":"chili", "cms":"cm", "colors":"color",
    "colour":"color", "coloured":"colored", "colours":"color", "cosy":"cozy",
    "counsellor":"counselor", "data":"datum", "defence":"defense", "dhotis":"dhoti",
    "dialled":"dialed", "dialogue":"dialog", "diarrhoea":"diarrhea", "disc":"disk",
    "discolour":"discolor", "discs":"disk", "disks":"disk", "dominoes":"domino", "donuts":"donut",
    "doughnut":"donut", "doughnuts":"donut", "draught":"draft", "draughts":"draft", "echoes":"echo",
    "eight":"8", "eighteen":"18", "eighty":"80", "eleven":"11", "elves":"elf", "emus":"emu",
    "enamelled":"enameled", "enrol":"enroll", "favourite":"favorite", "favourites":"favorite",
    "feet":"foot", "fiberglas":"fiberglass", "fibre":"fiber", "fibreboard":"fiberboard",
    "fibreglass":"fiberglass", "fibres":"fiber", "fifteen":"15", "fifty":"50", "fillet":"filet",
    "fillets":"filet", "five":"5", "flavour":"flavor", "flavoured":"flavored", "flavours":"flavor",
    "forty":"40", "four":"4", "fourteen":"14", "fts":"ft", "fulfil":"fulfill", "fungi":"fungus",
    "gases":"gas", "gbs":"gb", "geese":"goose", "gigabyte":"gb", "gigabytes":"gb", "gigahertz":"ghz",
    "glamour":"glamor", "grays":"gray", "grey":"gray", "greys":"gray", "haemorrhoid":"hemorrhoid",
    "halves":"half", "harbour":"harbor", "headaches":"headache", "heroes":"hero", "hertz":"hz",
    "hibiscuses":"hibiscus", "hiccough":"hiccup", "honour":"honor", "hoummus":"hummus",
    "houmous":"hummus", "housewives":"housewife", "humour":"humor", "inches":"inch",
    "indices":"index", "instalment":"installment", "irises":"iris", "jewelery":"jewelry",
    "jewelled":"jeweled", "jeweller":"jeweler", "jewellery":"jewelry", "judgement":"judgment",
    "juttis":"jutti", "karats":"karat", "kerb":"curb", "kgs":"kg", "khakis":"khaki", "kilogram":"kg",
    "kilogramme":"kg", "kilogrammes":"kg", "kilograms":"kg", "kilometer":"km", "kilometers":"km",
    "kilometre":"kilometer", "kilometres":"km", "kilowatt":"kw", "kilowatts":"kw", "kms":"km",
    "knives":"knife", "kurtis":"kurti", "labelled":"labeled", "labelling":"labeling",
    "labour":"labor", "lacklustre":"lackluster", "ladies":"lady", "lbs":"lb", "leaves":"leaf",
    "lenses":"lens", "leukaemia":"leukemia", "levelling":"leveling", "lice":"louse",
    "licence":"license", "litre":"liter", "litres":"liter", "lives":"life", "ltr":"liter",
    "ltrs":"liter", "lustre":"luster", "mangoes":"mango", "manoeuvre":"maneuver",
    "marvellous":"marvelous", "maths":"math", "matrices":"matrix", "meagre":"meager",
    "media":"medium", "megabyte":"mb", "megabytes":"mb", "megahertz":"mhz", "men":"man",
    "mens":"man", "menus":"menu", "metre":"meter", "metres":"meter", "mice":"mouse",
    "microfibre":"microfiber", "microfibres":"microfiber", "milliamp":"mah", "milligram":"mg",
    "milligrams":"mg", "milliliter":"ml", "milliliters":"ml", "millilitre":"milliliter",
    "millilitres":"ml", "millimeter":"mm", "millimeters":"mm", "millimetre":"millimeter",
    "millimetres":"mm", "mls":"ml", "mms":"mm", "modelled":"modeled", "modelling":"modeling",
    "mojaris":"mojari", "mommy":"mom", "mould":"mold", "mouldable":"moldable", "moulded":"molded",
    "moulding":"molding", "mouldings":"molding", "moulds":"mold", "moustache":"mustache",
    "moustaches":"mustache", "multicolour":"multicolor", "multicoloured":"multicolored", "mum":"mom",
    "mummy":"mom", "mums":"mom", "mustaches":"mustache", "neighbour":"neighbor", "niches":"niche",
    "nine":"9", "nineteen":"19", "ninety":"90", "ochre":"ocher", "octopuses":"octopus",
    "odour":"odor", "odourless":"odorless", "odours":"odor", "oestrogen":"estrogen",
    "offence":"offense", "omelette":"omelet", "omelettes":"omelet", "one":"1",
    "orthopaedic":"orthopedic", "orthopaedics":"orthopedic", "orthopedics":"orthopedic",
    "ounce":"oz", "ounces":"oz", "oxen":"ox", "ozs":"oz", "paediatric":"pediatric",
    "panelled":"paneled", "panelling":"paneling", "paninis":"panini", "parlour":"parlor",
    "penknives":"penknife", "people":"person", "persons":"person", "platted":"plaited",
    "plough":"plow", "ploughs":"plow", "poof":"pouf", "potatoes":"potato", "pouffe":"pouf",
    "pouffes":"pouf", "pretence":"pretense", "programme":"program", "psis":"psi", "pyjama":"pajama",
    "pyjamas":"pajama", "quantity":"qty", "quiches":"quiche", "quizzes":"quiz", "racquet":"racket",
    "racquets":"racket", "rotis":"roti", "rpms":"rpm", "sabre":"saber", "safaris":"safari",
    "salamis":"salami", "saris":"sari", "savour":"savor", "savoury":"savory", "sceptre":"scepter",
    "selves":"self", "seven":"7", "seventeen":"17", "seventy":"70", "shelve":"shelf", "six":"6",
    "sixteen":"16", "sixty":"60", "skilful":"skillful", "skis":"ski", "smokey":"smoky",
    "smoulder":"smolder", "sombre":"somber", "speciality":"specialty", "spectre":"specter",
    "spiggot":"spigot", "storey":"story", "storeys":"story", "sulphate":"sulfate",
    "sulphur":"sulfur", "swivelling":"swiveling", "taxis":"taxi", "teeth":"tooth", "ten":"10",
    "terabyte":"tb", "terabytes":"tb", "theatre":"theater", "thermoses":"thermos", "thirteen":"13",
    "thirty":"30", "three":"3", "thru":"through", "tomatoes":"tomato", "tonne":"ton", "tonnes":"ton",
    "topazes":"topaz", "tornadoes":"tornado", "traveller":"traveler", "travelling":"traveling",
    "trellises":"trellis", "tricolour":"tricolor", "tunnelled":"tunneled", "tvs":"tv", "twelve":"12",
    "twenty":"20", "two":"2", "tyre":"tire", "tyres":"tire", "vapour":"vapor", "viruses":"virus",
    "walruses":"walrus", "whisky":"whiskey", "wives":"wife", "women":"woman", "womens":"woman",
    "woollen":"woolen", "wooly":"woolly", "yds":"yd", "yetis":"yeti", "yoghourt":"yogurt",
    "yoghurt":"yogurt", "yoghurts":"yogurt", "zucchinis":"zucchini"}'::jsonb;

-- ---------------------------------------------------------------------------------------------
-- invariant_words() → words that end in s but are no plurals, or mean another thing without it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.invariant_words() returns jsonb
language sql immutable parallel safe
return '{"abs":"abs", "as":"as", "asparagus":"asparagus", "atlas":"atlas", "bias":"bias",
    "braces":"braces", "briefs":"briefs", "bus":"bus", "canvas":"canvas", "chaos":"chaos",
    "christmas":"christmas", "clothes":"clothes", "cosmos":"cosmos", "ethos":"ethos",
    "eyeglasses":"eyeglasses", "flats":"flats", "gas":"gas", "glasses":"glasses", "gps":"gps",
    "greens":"greens", "has":"has", "ios":"ios", "is":"is", "its":"its", "kudos":"kudos",
    "lass":"lass", "lens":"lens", "news":"news", "overalls":"overalls", "pancreas":"pancreas",
    "plus":"plus", "series":"series", "shorts":"shorts", "species":"species",
    "sunglasses":"sunglasses", "suspenders":"suspenders", "sweats":"sweats", "tens":"tens",
    "texas":"texas", "thermos":"thermos", "this":"this", "thus":"thus", "tights":"tights", "us":"us",
    "was":"was", "yes":"yes"}'::jsonb;

-- ---------------------------------------------------------------------------------------------
-- measure_words() → units that count as units only behind a number.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.measure_words() returns jsonb
language sql immutable parallel safe
return '{"amp":"a", "ampere":"a", "amps":"a", "carat":"ct", "count":"ct", "cts":"ct", "deg":"degree",
    "foot":"ft", "ft":"ft", "gallon":"gal", "gm":"g", "gms":"g", "gr":"g", "gram":"g", "hr":"hour",
    "hrs":"hour", "in":"inch", "ins":"inch", "karat":"k", "kilo":"kg", "kilos":"kg", "kt":"k",
    "lb":"lb", "lbs":"lb", "liter":"l", "lt":"l", "man":"person", "meter":"m", "min":"minute",
    "mins":"minute", "mo":"month", "mos":"month", "mt":"m", "mth":"month", "mths":"month", "mtr":"m",
    "pc":"piece", "pce":"piece", "pcs":"piece", "pint":"pt", "pk":"pack", "pks":"pack", "pkt":"pack",
    "plies":"ply", "pound":"lb", "quart":"qt", "sec":"second", "secs":"second", "threads":"thread",
    "vdc":"v", "volt":"v", "volts":"v", "watt":"w", "watts":"w", "wk":"week", "wks":"week",
    "yard":"yd", "yr":"year", "yrs":"year"}'::jsonb;

-- ---------------------------------------------------------------------------------------------
-- brand_words() → names of makers, which are never taken for slips of typing.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.brand_words() returns jsonb
language sql immutable parallel safe
return '{"acer":"acer", "adidas":"adidas", "amazon":"amazon", "armani":"armani", "asics":"asics",
    "asus":"asus", "atari":"atari", "babolat":"babolat", "barilla":"barilla", "bershka":"bershka",
    "birkenstock":"birkenstock", "bissell":"bissell", "bosch":"bosch", "bose":"bose",
    "braun":"braun", "brita":"brita", "budweiser":"budweiser", "burberry":"burberry",
    "callaway":"callaway", "casio":"casio", "chanel":"chanel", "colgate":"colgate",
    "converse":"converse", "corsair":"corsair", "crayola":"crayola", "crocs":"crocs",
    "danone":"danone", "dell":"dell", "delonghi":"delonghi", "deuter":"deuter", "dewalt":"dewalt",
    "dior":"dior", "disney":"disney", "dyson":"dyson", "eastpak":"eastpak", "ebay":"ebay",
    "electrolux":"electrolux", "esprit":"esprit", "evian":"evian", "fanta":"fanta",
    "fender":"fender", "ferrero":"ferrero", "fila":"fila", "fitbit":"fitbit",
    "fjallraven":"fjallraven", "fujifilm":"fujifilm", "gardena":"gardena", "garmin":"garmin",
    "garnier":"garnier", "gibson":"gibson", "gillette":"gillette", "google":"google",
    "gopro":"gopro", "gucci":"gucci", "haribo":"haribo", "hasbro":"hasbro", "heineken":"heineken",
    "heinz":"heinz", "hermes":"hermes", "hilfiger":"hilfiger", "hitachi":"hitachi", "honda":"honda",
    "hoover":"hoover", "huawei":"huawei", "huggies":"huggies", "ikea":"ikea", "intel":"intel",
    "jbl":"jbl", "karcher":"karcher", "kawasaki":"kawasaki", "kellogg":"kellogg",
    "kenwood":"kenwood", "kitchenaid":"kitchenaid", "knorr":"knorr", "krups":"krups",
    "lacoste":"lacoste", "lamy":"lamy", "lavazza":"lavazza", "lego":"lego", "lenovo":"lenovo",
    "levis":"levis", "lindt":"lindt", "logitech":"logitech", "loreal":"loreal", "makita":"makita",
    "mammut":"mammut", "mattel":"mattel", "maybelline":"maybelline", "michelin":"michelin",
    "miele":"miele", "milka":"milka", "moleskine":"moleskine", "nescafe":"nescafe",
    "nespresso":"nespresso", "nestle":"nestle", "netflix":"netflix", "nike":"nike", "nikon":"nikon",
    "nintendo":"nintendo", "nivea":"nivea", "nutella":"nutella", "nvidia":"nvidia",
    "oakley":"oakley", "olympus":"olympus", "omega":"omega", "oppo":"oppo", "oreo":"oreo",
    "osprey":"osprey", "pampers":"pampers", "panasonic":"panasonic", "patagonia":"patagonia",
    "pelikan":"pelikan", "pepsi":"pepsi", "philips":"philips", "pirelli":"pirelli",
    "playmobil":"playmobil", "playstation":"playstation", "prada":"prada", "primark":"primark",
    "puma":"puma", "ravensburger":"ravensburger", "rayban":"rayban", "razer":"razer",
    "reebok":"reebok", "rolex":"rolex", "roomba":"roomba", "rubbermaid":"rubbermaid",
    "salomon":"salomon", "samsonite":"samsonite", "samsung":"samsung", "schleich":"schleich",
    "sega":"sega", "seiko":"seiko", "sennheiser":"sennheiser", "shimano":"shimano",
    "siemens":"siemens", "skechers":"skechers", "smeg":"smeg", "sonos":"sonos", "sony":"sony",
    "speedo":"speedo", "spotify":"spotify", "staedtler":"staedtler", "starbucks":"starbucks",
    "steinway":"steinway", "stihl":"stihl", "suzuki":"suzuki", "swatch":"swatch", "tefal":"tefal",
    "tesla":"tesla", "timberland":"timberland", "titleist":"titleist", "toshiba":"toshiba",
    "toyota":"toyota", "traeger":"traeger", "tumi":"tumi", "tupperware":"tupperware",
    "umbro":"umbro", "uniqlo":"uniqlo", "vans":"vans", "versace":"versace", "wayfair":"wayfair",
    "whirlpool":"whirlpool", "wilson":"wilson", "wrangler":"wrangler", "xbox":"xbox",
    "xiaomi":"xiaomi", "yamaha":"yamaha", "yeti":"yeti", "zara":"zara", "zwilling":"zwilling"}'::jsonb;

-- ---------------------------------------------------------------------------------------------
-- part_words() → words that mean the same as their base behind another word.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.part_words() returns jsonb
language sql immutable parallel safe
return '{"armed":"arm", "backed":"back", "bladed":"blade", "bottomed":"bottom", "coated":"coat",
    "collared":"collar", "colored":"color", "compartmented":"compartment", "doored":"door",
    "drawered":"drawer", "eared":"ear", "edged":"edge", "faced":"face", "filled":"fill",
    "finished":"finish", "flavored":"flavor", "handed":"hand", "handled":"handle", "headed":"head",
    "heeled":"heel", "holed":"hole", "layered":"layer", "legged":"leg", "mountable":"mount",
    "mounted":"mount", "mounting":"mount", "necked":"neck", "neckline":"neck", "paneled":"panel",
    "pocketed":"pocket", "proofed":"proof", "proofing":"proof", "shaped":"shape", "sided":"side",
    "sized":"size", "sleeved":"sleeve", "soled":"sole", "strapped":"strap", "styled":"style",
    "tiered":"tier", "tipped":"tip", "toed":"toe", "toned":"tone", "waistband":"waist",
    "waisted":"waist", "walled":"wall", "wheeled":"wheel"}'::jsonb;
