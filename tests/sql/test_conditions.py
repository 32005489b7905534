"""sql/70-search: words of a query that are conditions, in five languages, and what they leave out."""

from __future__ import annotations

import json

import psycopg
import pytest

from rehearsal import filled
from small_shop import CATALOGUE, Row, put

pytestmark = pytest.mark.once

SHOP: list[Row] = [
    ("heels", "Red court shoes with heels", [("shoes", "type"), ("heels", "feature"), ("red", "color")],
     {"price": 70}),
    ("flats", "Black shoes, no heels", [("shoes", "type"), ("heels", "feature"), ("black", "color")],
     {"price": 40}),
    ("high", "Evening shoes", [("shoes", "type"), ("heels", "feature"), ("black", "color")],
     {"price": 90, "price_max": 120}),
    ("boots", "White leather shoes", [("shoes", "type"), ("leather", "material"), ("white", "color")],
     {"price": 55}),
    ("shiny", "Shiny shoes", [("shoes", "type"), ("patent leather", "material")], {"price": 65}),
    ("vegan", "Grey faux leather shoes", [("shoes", "type"), ("faux leather", "material")], {"price": 20}),
    ("hooded", "Hooded jacket", [("jacket", "type"), ("blue", "color")], {"price": 60}),
    ("plain", "Cotton jacket with stripes", [("jacket", "type"), ("striped", "style")], {"price": 1299}),
    ("wool", "Wool shawl Air Max 95", [("shawl", "type"), ("wool", "material")], {}),
    ("chest", "Oak chest", [("chest", "type"), ("with wheels", "feature")], {"price": 400}),
    ("still", "Pine chest", [("chest", "type"), ("without wheels", "feature")], {"price": 300}),
    ("rolling", "Walnut chest on wheels", [("chest", "type"), ("walnut", "material")], {"price": 350}),
    ("summer", "Summer dress", [("dress", "type"), ("sleeveless", "style")], {"price": 30}),
    ("winter", "Winter dress with long sleeves", [("dress", "type"), ("long sleeve", "style")], {"price": 80}),
]  # fmt: skip

# a query: what is searched for; what is left out, or the price as "low..high"
READ = """
sofa not black                           | sofa | black
sofa, not black                          | sofa, | black
not black sofa                           | sofa | black
sofa no black                            | sofa | black
sofa except leather                      | sofa | leather,patent leather
sofa excluding black                     | sofa | black
sofa other than black                    | sofa | black
anything but black                       |  | black
sofa that is not black                   | sofa | black
sofa that isn't black                    | sofa | black
sofa but not in black                    | sofa | black
sofa not made of leather                 | sofa | leather,patent leather
sofa with no wool                        | sofa | wool
non-leather shoes                        | shoes | leather,patent leather
no leather jacket                        | jacket | leather,patent leather
shoes no heels                           | shoes | heels
dress without stripes                    | dress | striped
dress without any stripes                | dress | striped
shoes not black or white                 | shoes | black,white
shoes neither black nor white            | shoes | black,white
shoes not black and not red              | shoes | black,red
shoes without heels or leather           | shoes | heels,leather,patent leather
shoes not black but white                | shoes white | black
shoes without heels in black             | shoes in black | heels
jacket without hood                      | jacket | hood
jacket w/o hood                          | jacket | hood
jacket without a big hood                | jacket | hood
t-shirt no frills                        | t-shirt | frills
shoes without laces                      | shoes | laces
dress no sleeves                         | dress sleeveless | long sleeve,sleeves
Kleid ohne lange Ärmel                   | Kleid | long sleeve
lamp max price 50                        | lamp | ..50
gift not for men                         | gift | men
sofa without lether                      | sofa | leather,patent leather
Sofa nicht schwarz                       | Sofa | black
Schuhe aber nicht rot                    | Schuhe | red
Schuhe ohne Absatz                       | Schuhe | heels
Kleid ohne Streifen                      | Kleid | striped
Sofa kein Leder                          | Sofa | leather,patent leather
Sofa nicht aus Leder                     | Sofa | leather,patent leather
Schuhe außer schwarz                     | Schuhe | black
Schuhe ausser weiß                       | Schuhe | white
Schuhe weder schwarz noch weiß           | Schuhe | black,white
Schuhe nicht in Schwarz oder Weiß        | Schuhe | black,white
Jacke ohne Kapuze                        | Jacke | Kapuze
robe sans rayures                        | robe | striped
chaussures sans talons                   | chaussures | heels
robe pas noire                           | robe | black
canapé pas en cuir                       | canapé | leather,patent leather
canapé mais pas noir                     | canapé | black
robe sauf noir et blanc                  | robe | black,white
chaussures sans talons ni cuir           | chaussures | heels,leather,patent leather
zapatos sin tacón                        | zapatos | heels
zapatos que no sean negros               | zapatos | black
sofá no negro                            | sofá | black
sofá pero no rojo                        | sofá | red
bolso sin cuero                          | bolso | leather,patent leather
zapatos excepto blanco o negro           | zapatos | black,white
scarpe senza tacco                       | scarpe | heels
scarpe non nere                          | scarpe | black
scarpe ma non rosse                      | scarpe | red
divano tranne pelle                      | divano | leather,patent leather
scarpe che non siano bianche             | scarpe | white
lamp under 50                            | lamp | ..50
lamp below 50                            | lamp | ..50
lamp less than 50                        | lamp | ..50
lamp cheaper than $50                    | lamp | ..50
lamp up to 50                            | lamp | ..50
lamp max 50                              | lamp | ..50
lamp max. 50 euros                       | lamp | ..50
lamp at most 50                          | lamp | ..50
lamp not more than 50 euros              | lamp | ..50
lamp for under £20                       | lamp | ..20
lamp < 50                                | lamp | ..50
lamp <=50                                | lamp | ..50
lamp $49.99 or less                      | lamp | ..49.99
lamp 50€ max                             | lamp | ..50
lamp under fifty                         | lamp | ..50
lamp under 1,299.00                      | lamp | ..1299
lamp unter 1.299,00 €                    | lamp | ..1299
lamp under 1,299                         | lamp | ..1299
lampe moins de 1 299 €                   | lampe | ..1299
lamp under $1.5k                         | lamp | ..1500
lamp over 100                            | lamp | 100..
lamp above 100                           | lamp | 100..
lamp at least 100                        | lamp | 100..
lamp 100 and up                          | lamp | 100..
lamp $100+                               | lamp | 100..
lamp between 50 and 80                   | lamp | 50..80
lamp 50-80 €                             | lamp | 50..80
lamp 50–80€                              | lamp | 50..80
lamp $50 to $80                          | lamp | 50..80
lamp €50 - €80                           | lamp | 50..80
lamp from 50 to 80                       | lamp | 50..80
lamp over 50 and under 80                | lamp | 50..80
lamp price 50-80                         | lamp | 50..80
lamp around 50 €                         | lamp | 40..60
lamp budget 80                           | lamp | ..80
under 50                                 |  | ..50
Lampe unter 50 Euro                      | Lampe | ..50
Lampe bis 80                             | Lampe | ..80
Lampe bis zu 80 €                        | Lampe | ..80
Lampe höchstens 80                       | Lampe | ..80
Lampe ab 100                             | Lampe | 100..
Lampe mindestens 100 Euro                | Lampe | 100..
Lampe von 50 bis 80 Euro                 | Lampe | 50..80
Lampe zwischen 50 und 80                 | Lampe | 50..80
Lampe für 20,- €                         | Lampe | ..20
lampe moins de 50 €                      | lampe | ..50
lampe jusqu'à 50 euros                   | lampe | ..50
lampe à partir de 100 €                  | lampe | 100..
lampe de 50 à 80 €                       | lampe | 50..80
lampe entre 50 et 80 euros               | lampe | 50..80
lampe 50 € maximum                       | lampe | ..50
lámpara menos de 50                      | lámpara | ..50
lámpara hasta 50 euros                   | lámpara | ..50
lámpara más de 100                       | lámpara | 100..
lámpara entre 50 y 80                    | lámpara | 50..80
lámpara de 50 a 80 euros                 | lámpara | 50..80
divano meno di 50                       | divano | ..50
divano fino a 50 euro                   | divano | ..50
divano più di 100                       | divano | 100..
divano da 50 a 80 euro                  | divano | 50..80
divano tra 50 e 80                      | divano | 50..80
sofa not black under 500                 | sofa | black ..500
under 500 sofa no leather                | sofa | leather,patent leather ..500
"""

PLAIN = """
bed frame no box spring needed; lamp no batteries included; no-sew curtain; under desk drawer; over the knee boots; under bed storage; over ear headphones
between sizes; without you t-shirt; max 95; air max 95; nike air max 95; size 8-10; size 40-42
2-3 seater sofa; 3-4 years; toys 3-4 years; rug under 50 cm; tv over 50 inch; tv under 50"; 50 cm
mirror 40 x 60 cm; dumbbell under 20 kg; shoes size under 40; No. 5; no 5; no iron shirt; no show socks
non-slip mat; non slip mat; table with at least 3 drawers; Spielzeug ab 3; Spielzeug ab 3 Jahren
Teppich bis 200 cm; Tisch Breite unter 80; canapé 3 places; robe taille 38-40; women over 50
kids under 5; "not black" sofa; sofa -black; sofa -"black leather"; "under 50"; with or without
mit oder ohne Rollen; no more than 3 drawers; 100% cotton; lamp 20 euros; under; without; not; no 50
not "black"; iphone 12-13; bis; sans serif poster; under 50 pieces; puzzle over 1000 pieces; %; under 50%
"""


@filled
def shop(db: psycopg.Connection) -> None:
    put(db, CATALOGUE + SHOP)
    for alias, keyword in (("real leather", "leather"), ("pumps", "heels")):
        db.execute(
            "insert into keyword_aliases (alias, keyword_id, method)"
            " select normal_form(%s), k.id, 'manual' from keywords as k where k.name = %s"
            " on conflict do nothing",
            [alias, keyword],
        )
    db.execute("set role vitrina_reader")


def found(db: psycopg.Connection, query: str | None, more: str = "") -> list[str]:
    rows = db.execute(f"select external_id from search(%s, 100 {more})", [query])
    return [row[0] for row in rows]


def test_conditions_are_read(shop: psycopg.Connection) -> None:
    cases = [[part.strip() for part in line.split("|")] for line in READ.strip().splitlines()]
    assert len(cases) > 110
    rows = shop.execute(
        "select u.query, r.* from unnest(%s::text[]) with ordinality as u (query, place)"
        " cross join lateral read_query(u.query) as r order by u.place",
        [[case[0] for case in cases]],
    )
    names = [column.name for column in rows.description or ()]
    wrong = []
    for (query, words, meant), row in zip(cases, rows.fetchall(), strict=True):
        read = dict(zip(names, row, strict=True))
        left_out = ",".join(sorted(read["without_keywords"] + read["without_words"]))
        low, high = read["price_min"], read["price_max"]
        price = (
            ""
            if low is high is None
            else f"{'' if low is None else low}..{'' if high is None else high}"
        )
        if (read["words"], f"{left_out} {price}".strip()) != (words, meant):
            wrong.append((query, read["words"], left_out, price))
    assert "\n".join(map(repr, wrong)) == ""


def test_other_queries_stay(shop: psycopg.Connection) -> None:
    queries = [query.strip() for query in PLAIN.replace("\n", ";").split(";") if query.strip()]
    rows = shop.execute(
        "select u.query from unnest(%s::text[]) as u (query) cross join lateral read_query(u.query) as r"
        " where r.conditions <> '{}'",
        [queries],
    )
    assert rows.fetchall() == []


@pytest.mark.parametrize(
    ("query", "words", "filters"),
    [
        ("shoes not black", "shoes", "without_keywords => '{black}'"),
        ("shoes not black under 60", "shoes", "without_keywords => '{black}', where_path => '$.price <= 60'"),
        ("shoes without leather", "shoes", "without_keywords => '{leather, patent leather}'"),
        ("shoes over 100", "shoes", "where_path => '$.price >= 100 || $.price_max >= 100'"),
        ("sofa 800-1000 €", "sofa",
         "where_path => '($.price >= 800 || $.price_max >= 800) && $.price <= 1000'"),
        ("under 50", None, "where_path => '$.price <= 50'"),
        ("not metal", None, "without_keywords => '{metal}'"),
        ("green sofa", "green sofa", "mode => 'hybrid'"),
    ],
)  # fmt: skip
def test_a_condition_is_the_filter_given_by_hand(
    shop: psycopg.Connection, query: str, words: str | None, filters: str
) -> None:
    columns = "external_id, score, relevance, missing"
    said = shop.execute(f"select {columns} from search(%s, 100)", [query]).fetchall()
    given = shop.execute(f"select {columns} from search(%s, 100, {filters})", [words]).fetchall()
    assert said == given
    assert said
    assert shop.execute("select count_matches(%s)", [query]).fetchone() == (len(said),)
    if "mode" not in filters:
        counts = f"select * from facets(%s, attributes => '{{}}', {filters})"
        given = shop.execute(counts, [words]).fetchall()
        counts = "select * from facets(%s, attributes => '{}')"
        assert shop.execute(counts, [query]).fetchall() == given


def test_what_is_left_out(shop: psycopg.Connection) -> None:
    # the narrower keyword too; but not a title that says that it has none, nor an imitation
    shoes = {"heels", "flats", "high", "boots", "shiny", "vegan"}
    assert set(found(shop, "shoes without heels")) & shoes == {"flats", "boots", "shiny", "vegan"}
    assert not set(found(shop, "Schuhe ohne Absatz")) & {"heels", "high"}
    assert set(found(shop, "shoes not leather")) & shoes == {"heels", "flats", "high", "vegan"}
    # by the words of a title, where no keyword says so: hooded has the stem of hood
    assert set(found(shop, "jacket without hood")) & {"hooded", "plain"} == {"plain"}
    # "with wheels" has them, "without wheels" has none
    assert set(found(shop, "chest without wheels")) & {"chest", "still", "rolling"} == {"still"}
    # a keyword that says what is not there comes first, and what has it is left out
    assert found(shop, "dress sans manches")[0] == "summer"
    assert "winter" not in found(shop, "dress sans manches")
    # given filters hold as well
    assert found(shop, "shoes not black", ", where_path => '$.price > 65'") == ["heels"]
    assert found(shop, "under 50 over 30", ", with_keywords => '{black}'") == ["flats"]
    # quotes and signs are literal
    assert found(shop, '"under 50"') == []
    missing = shop.execute("select missing from search('green shoes not black')").fetchall()
    assert missing
    assert all("black" not in names and "not" not in names for (names,) in missing)


def test_products_without_keywords_go_by_their_titles(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    products = [{"external_id": str(n), "title": title, "attributes": {}} for n, title in
                enumerate(["Black metal bench", "Metal bench, not black", "Oak bench"])]  # fmt: skip
    db.execute("select put_products('shop', %s)", [json.dumps(products)])
    assert set(found(db, "bench not black", ", mode => 'text'")) == {"1", "2"}


def test_the_words_are_data(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    db.execute(
        "insert into condition_words (phrase, kind) values ('minus the', 'without'), ('talers', 'currency')"
    )
    assert db.execute("select words, price_max from read_query('sofa minus the metal up to 5 talers')").fetchone() == (
        "sofa", 5,
    )  # fmt: skip
    db.execute("update condition_words set used = false where phrase = 'under'")
    assert db.execute("select conditions from read_query('sofa under 50')").fetchone() == ([],)
