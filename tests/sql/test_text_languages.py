"""sql/10-text/150: the language of a source is detected from its first products, once."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

pytestmark = pytest.mark.once

TITLES = [
    (
        "german",
        [
            "Bürostuhl ergonomisch schwarz",
            "Wandleuchte Messing",
            "Couchtisch Eiche massiv",
            "Kommode mit 3 Schubladen",
            "Sessel Samt dunkelgrün",
            "Esstisch ausziehbar 160 cm",
            "Regal Kiefer natur",
            "Hängelampe Glas rauchgrau",
            "Bettwäsche aus Baumwolle",
            "Teppich Wolle handgewebt",
        ],
    ),
    (
        "french",
        [
            "Chaise de bureau noire",
            "Applique murale en laiton",
            "Table basse chêne massif",
            "Commode 3 tiroirs",
            "Fauteuil velours vert",
            "Lampe à poser",
            "Étagère pin naturel",
            "Suspension verre fumé",
            "Parure de lit en coton",
            "Tapis laine tissé main",
        ],
    ),
    (
        "spanish",
        [
            "Silla de oficina negra",
            "Aplique de pared latón",
            "Mesa de centro roble macizo",
            "Cómoda con 3 cajones",
            "Sillón terciopelo verde",
            "Lámpara de mesa",
            "Estantería pino natural",
            "Colgante vidrio ahumado",
            "Funda nórdica algodón",
            "Alfombra lana",
        ],
    ),
    (
        "italian",
        [
            "Sedia da ufficio nera",
            "Applique in ottone",
            "Tavolino rovere massello",
            "Cassettiera 3 cassetti",
            "Poltrona velluto verde",
            "Lampada da tavolo",
            "Scaffale pino naturale",
            "Sospensione vetro fumé",
            "Copripiumino cotone",
            "Tappeto lana",
        ],
    ),
    (
        "dutch",
        [
            "Bureaustoel zwart",
            "Wandlamp messing",
            "Salontafel massief eiken",
            "Ladekast met 3 lades",
            "Fauteuil fluweel groen",
            "Eettafel uitschuifbaar",
            "Boekenkast grenen",
            "Hanglamp rookglas",
            "Dekbedovertrek katoen",
            "Vloerkleed wol",
        ],
    ),
    (
        "simple",
        [
            "Krzesło biurowe czarne",
            "Kinkiet mosiądz",
            "Stolik kawowy dąb",
            "Komoda 3 szuflady",
            "Fotel welur zielony",
            "Stół rozkładany",
            "Regał sosnowy",
            "Lampa wisząca szkło",
            "Pościel bawełna",
            "Dywan wełniany",
        ],
    ),
    (
        "portuguese",
        [
            "Cadeira de escritório preta",
            "Candeeiro de parede latão",
            "Mesa de centro carvalho",
            "Cómoda com 3 gavetas",
            "Poltrona veludo verde",
            "Luminária de mesa",
            "Estante pinho natural",
            "Pendente vidro fumê",
            "Capa de edredom algodão",
            "Tapete lã",
        ],
    ),
    (
        "swedish",
        [
            "Kontorsstol svart",
            "Vägglampa mässing",
            "Soffbord massiv ek",
            "Byrå med 3 lådor",
            "Fåtölj sammet grön",
            "Matbord utdragbart",
            "Hylla furu natur",
            "Taklampa rökglas",
            "Påslakan bomull",
            "Matta ull",
        ],
    ),
    (
        "danish",
        [
            "Kontorstol sort",
            "Væglampe messing",
            "Sofabord massiv eg",
            "Kommode med 3 skuffer",
            "Lænestol velour grøn",
            "Spisebord med udtræk",
            "Reol fyr natur",
            "Pendel røgglas",
            "Sengetøj bomuld",
            "Tæppe uld",
        ],
    ),
    (
        "norwegian",
        [
            "Kontorstol svart",
            "Vegglampe messing",
            "Salongbord massiv eik",
            "Kommode med 3 skuffer",
            "Lenestol fløyel grønn",
            "Spisebord med uttrekk",
            "Hylle furu natur",
            "Taklampe røykglass",
            "Sengetøy bomull",
            "Teppe ull",
        ],
    ),
    (
        "finnish",
        [
            "Toimistotuoli musta",
            "Seinävalaisin messinki",
            "Sohvapöytä tammi",
            "Lipasto 3 laatikkoa",
            "Nojatuoli vihreä sametti",
            "Ruokapöytä jatkettava",
            "Hylly mänty",
            "Kattovalaisin savulasi",
            "Pussilakana puuvilla",
            "Matto villa",
        ],
    ),
    (
        "turkish",
        [
            "Ofis koltuğu siyah",
            "Duvar lambası pirinç",
            "Orta sehpa meşe",
            "Şifonyer 3 çekmeceli",
            "Berjer kadife yeşil",
            "Yemek masası",
            "Raf çam",
            "Sarkıt lamba cam",
            "Nevresim takımı pamuk",
            "Halı yün",
        ],
    ),
    (
        "hungarian",
        [
            "Irodai szék fekete",
            "Fali lámpa sárgaréz",
            "Dohányzóasztal tölgy",
            "Komód 3 fiókkal",
            "Fotel bársony zöld",
            "Étkezőasztal",
            "Polc fenyő",
            "Függőlámpa",
            "Ágyneműhuzat pamut",
            "Szőnyeg gyapjú",
        ],
    ),
    (
        "romanian",
        [
            "Scaun de birou negru",
            "Aplică de perete alamă",
            "Măsuță de cafea stejar",
            "Comodă cu 3 sertare",
            "Fotoliu catifea verde",
            "Masă extensibilă",
            "Raft pin natural",
            "Lustră sticlă",
            "Lenjerie de pat bumbac",
            "Covor lână",
        ],
    ),
    (
        "simple",
        [
            "Kancelářská židle černá",
            "Nástěnné svítidlo mosaz",
            "Konferenční stolek dub",
            "Komoda se 3 zásuvkami",
            "Křeslo samet zelené",
            "Jídelní stůl",
            "Police borovice",
            "Závěsné svítidlo",
            "Povlečení bavlna",
            "Koberec vlna",
        ],
    ),
    ("russian", ["Офисный стул чёрный", "Бра латунь", "Журнальный столик дуб"]),
    ("simple", ["Офісний стілець чорний", "Бра латунь", "Журнальний столик дуб"]),
    ("greek", ["Καρέκλα γραφείου μαύρη", "Απλίκα τοίχου"]),
    ("arabic", ["كرسي مكتب أسود", "مصباح حائط"]),
    ("simple", ["オフィスチェア 黒", "ウォールランプ USB", "コーヒーテーブル オーク"]),
    ("simple", ["黑色办公椅", "壁灯 LED E27", "橡木茶几"]),
    ("simple", ["사무실 의자 검정", "벽등 황동"]),
    ("simple", ["เก้าอี้สำนักงานสีดำ", "โคมไฟผนัง"]),
    (
        "english",
        [
            "Office chair black",
            "Wall lamp brass",
            "Coffee table solid oak",
            "Chest of drawers",
            "Velvet armchair green",
            "Extendable table 160 cm",
            "Pine shelf",
            "Pendant lamp smoked glass",
            "Cotton duvet cover",
            "Wool rug",
        ],
    ),
    (
        "english",
        [
            "Nike Air Max 90",
            "Puma Suede Classic",
            "Reebok Club C 85",
            "Roadster T-shirt",
            "Levis 501",
        ],
    ),
    (
        "english",
        [
            "Café table",
            "Crème fraîche spoon",
            "Jalapeño relish 200 g",
            "Naïve art print",
            "Décor wall panel",
        ],
    ),
    ("english", ["Sofa", "Lamp", "Table"]),
]


@pytest.mark.parametrize(("config", "titles"), TITLES, ids=[titles[0] for _, titles in TITLES])
def test_a_language_shows_in_titles(db: psycopg.Connection, config: str, titles: list[str]) -> None:
    for some in (titles, titles[:3], titles * 60):
        assert db.execute("select detect_text_config(%s)", [some]).fetchone() == (config,)


# nothing but compounds, as many shops have them, and the same in English
COMPOUNDS = [
    ("german", ["Stehlampe", "Tischlampe", "Wandlampe", "Klemmlampe"]),
    ("german", ["Kleiderschrank", "Bücherregal", "Nachttisch"]),
    ("german", ["Damenjacke", "Wanderschuhe", "Reisekoffer"]),
    ("dutch", ["Vloerlamp", "Tafellamp", "Eettafel", "Boekenkast"]),
    ("danish", ["Bordlampe", "Spisebord", "Klædeskab"]),
    ("swedish", ["Bordslampa", "Matbord", "Bokhylla"]),
    ("finnish", ["Ruokapöytä", "Kirjahylly", "Pöytävalaisin"]),
    ("hungarian", ["Állólámpa", "Könyvespolc", "Étkezőasztal"]),
    ("english", ["Floor lamp", "Headlamp", "Bedside lamp", "Bed frame"]),
    ("english", ["Nightstand", "Bookcase", "Toolbox", "Footstool"]),
    ("english", ["Bed", "Pet bed", "Bed rail", "Platform bed"]),
]


@pytest.mark.parametrize(
    ("config", "titles"), COMPOUNDS, ids=[titles[0] for _, titles in COMPOUNDS]
)
def test_a_language_shows_in_how_compounds_end(
    db: psycopg.Connection, config: str, titles: list[str]
) -> None:
    assert db.execute("select detect_text_config(%s)", [titles]).fetchone() == (config,)


@pytest.mark.parametrize("texts", [None, [], [None], [""], ["12345 67"], ["Xyzzy GT-500"]])
def test_what_shows_no_language_is_english(
    db: psycopg.Connection, texts: list[str | None] | None
) -> None:
    assert db.execute("select detect_text_config(%s::text[])", [texts]).fetchone() == ("english",)


def put(db: psycopg.Connection, title: str) -> None:
    row = {"external_id": title, "title": title}
    db.execute("select put_products('shop', %s)", [json.dumps([row])])


def config_of(db: psycopg.Connection) -> str:
    row = db.execute("select text_config from sources where name = 'shop'").fetchone()
    assert row is not None
    return row[0]


def test_only_the_first_products_decide(db: psycopg.Connection) -> None:
    db.execute("select put_source('shop')")
    put(db, "Stuhl aus Eiche mit Kissen und Lehne")
    assert config_of(db) == "german"
    db.execute("select put_source('shop')")
    put(db, "Chaise noire en bois avec coussin pour le salon")
    assert config_of(db) == "german"


def test_a_given_configuration_is_kept(db: psycopg.Connection) -> None:
    db.execute("select put_source('shop')")
    db.execute("select put_source('shop', text_config => 'simple')")
    put(db, "Stuhl aus Eiche mit Kissen und Lehne")
    assert config_of(db) == "simple"


def test_ingest_says_what_it_detected_and_says_it_once(
    database_url: str, vitrina: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "shop.csv"
    file.write_text("id,title\n1,Bürostuhl schwarz mit Kissen\n2,Couchtisch aus Eiche\n")
    done = vitrina("ingest", str(file), "--source", "shop", "--dry-run", url=database_url)
    assert "detected" not in done.stderr
    done = vitrina("ingest", str(file), "--source", "shop", url=database_url)
    assert "text german (detected; --text-config)" in done.stderr
    done = vitrina("ingest", str(file), "--source", "shop", url=database_url)
    assert "detected" not in done.stderr
