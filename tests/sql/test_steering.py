"""sql/70-search: orders, choices, and counts that agree with what a search then finds."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rehearsal import filled
from small_shop import CATALOGUE, put

pytestmark = pytest.mark.once


@filled
def shop(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    db.execute("set role vitrina_reader")


def found(db: psycopg.Connection, arguments: str) -> list[str]:
    rows = db.execute(f"select external_id from search({arguments})").fetchall()
    return [row[0] for row in rows]


def test_sorted_by_an_attribute(shop: psycopg.Connection) -> None:
    everything = found(shop, "k => 100")
    assert found(shop, "sort => 'price'")[:3] == ["rack-1", "rack-2", "table-1"]
    assert found(shop, "sort => '-price', k => 2, \"offset\" => 1") == ["sofa-2", "table-2"]
    assert found(shop, "sort => 'brand', k => 2") == ["rack-2", "sofa-2"], "equal ones by id"
    assert found(shop, "sort => 'brand'")[-1] == "table-2", "without a brand"
    assert found(shop, "sort => '-tags'")[:2] == ["rack-1", "rack-2"], "of a list the greatest"
    assert found(shop, "sort => 'oldest'") == everything
    assert found(shop, "sort => 'relevance'") == found(shop, "sort => null") == everything
    assert found(shop, "sort => 'price', group_by => 'brand'") == ["rack-1", "rack-2", "table-2"]
    racks = found(shop, "'shoe rack'")
    assert found(shop, "'shoe rack', sort => '-price'") == ["rack-2", "rack-1"]
    assert sorted(racks) == ["rack-1", "rack-2"], "the same rows in every order"
    # the other sofa costs less, and is not green
    assert found(shop, "'green sofa', sort => 'price'")[:2] == ["sofa-1", "sofa-2"]
    assert found(shop, "'green sofa', sort => 'price', k => 1") == ["sofa-1"]
    near = "embedding => embed_text('sofa'), mode => 'vector', sort => 'price', k => 1"
    assert found(shop, near) == ["rack-1"]


def test_an_unknown_attribute_to_sort_by_is_said(shop: psycopg.Connection) -> None:
    said: list[str | None] = []
    shop.add_notice_handler(lambda notice: said.append(notice.message_primary))
    assert found(shop, "sort => '-prise'") == found(shop, "")
    assert said == ["attribute 'prise' not found: nothing is sorted"]
    with pytest.raises(psycopg.DatabaseError, match="sort must have 1 to 500 characters"):
        found(shop, "sort => ''")


def test_any_of_a_facet_and_all_facets(shop: psycopg.Connection) -> None:
    any_of = "any_keywords => '%s'"
    assert found(shop, any_of % '{"material": ["oak", "Metals"]}') == [
        "rack-2",
        "table-1",
        "table-2",
    ]
    both = '{"material": ["oak", "metal"], "type": ["shoe rack", "sofa"], "color": []}'
    assert found(shop, any_of % both) == ["rack-2"]
    assert found(shop, any_of % '{"material": ["gold"]}') == []
    assert found(shop, any_of % '{"color": ["metal"]}') == [], "a keyword of another facet"
    assert found(shop, f"'table', {any_of}" % '{"material": ["oak"]}') == ["table-2"]
    liked = "select external_id from recommend(array[(select min(product_id) from catalog)], %s)"
    assert shop.execute(liked % (any_of % '{"material": ["oak"]}')).fetchall() == [("table-2",)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[]", "any_keywords must be a JSON object"),
        ('{"colour": ["black"]}', "facet 'colour' not found"),
        ('{"color": "black"}', "list of at most 1000 keywords for color"),
        ('{"color": [1]}', "list of at most 1000 keywords for color"),
    ],
)
def test_what_is_no_choice_is_an_error(shop: psycopg.Connection, given: str, message: str) -> None:
    with pytest.raises(psycopg.DatabaseError, match=message) as caught:
        shop.execute("select search(any_keywords => %s)", [given])
    assert caught.value.sqlstate == "VT004"


@pytest.fixture
def real(db: psycopg.Connection, shared_data: Path) -> psycopg.Connection:
    """Real products, with prices, lists and variants of ours."""
    chance = random.Random(3)  # noqa: S311
    rows = []
    with (shared_data / "fashion" / "styles.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            facets = {"articleType": "type", "baseColour": "color", "gender": "audience"}
            terms = [(row[name], facet) for name, facet in facets.items() if row[name]]
            attributes: dict[str, Any] = {name: row[name] for name in ("season", "usage", "year")}
            attributes |= {"price": chance.randrange(5, 200), "stocked": chance.random() < 0.7}
            attributes["sizes"] = chance.sample(range(36, 60), 3)
            attributes["tags"] = chance.sample(["sale", "new", "eco", "gift"], chance.randrange(3))
            if chance.random() < 0.1:
                del attributes["price"]
            rows.append((row["id"], row["productDisplayName"], terms, attributes))
    ids = put(db, rows)
    for code, product in list(ids.items())[::3]:
        attributes = {"cut": ["slim", "wide"], "shade": ["dark", "pale"]}
        db.execute(
            "update products set attributes = attributes || %s where id = %s",
            [json.dumps(attributes), product],
        )
        for place, (cut, shade) in enumerate(chance.sample(
            [(cut, shade) for cut in attributes["cut"] for shade in attributes["shade"]], 2
        )):  # fmt: skip
            db.execute(
                "insert into variants (product_id, position, sku, attributes) values (%s, %s, %s, %s)",
                [product, place + 1, f"{code}-{place}", json.dumps({"cut": cut, "shade": shade})],
            )
    db.execute("set role vitrina_reader")
    return db


QUERIES = [None, "shirt", "blue shirt", "red", "casual shoes women", "nike", "sarees", "black watch",
           "something blue", "dog food", "mens sandals", "white -puma", "trousers"]  # fmt: skip
SEARCH = """query => %(query)s, mode => %(mode)s, filter => %(filter)s,
    where_path => %(where)s::jsonpath, with_keywords => %(with)s::text[],
    without_keywords => %(without)s::text[], any_keywords => %(any)s, group_by => %(group)s,
    min_relevance => %(floor)s::real"""


def filters(chance: random.Random) -> dict[str, Any]:
    """A random search."""
    some = {
        "color": ["Blue", "Black", "White", "Red"],
        "type": ["Tshirts", "Shirts", "Watches", "Casual Shoes"],
        "audience": ["Men", "Women"],
    }
    filter_ = {}
    for name, values in {"season": ["Summer", "Fall"], "usage": ["Casual", "Ethnic"],
                         "tags": ["sale", ["eco", "gift"]], "cut": ["slim", "wide"],
                         "shade": ["dark", "pale"], "stocked": [True, False]}.items():  # fmt: skip
        if chance.random() < 0.2:
            filter_[name] = chance.choice(values)
    paths = ["$.price >= 20 && $.price <= 120", '$.season == "Winter" || $.season == "Spring"',
             "exists($.price)", "$.sizes == 40", '$.year like_regex "^201"']  # fmt: skip
    picked = chance.sample(paths, chance.choice([0, 0, 1, 2]))
    return {
        "query": chance.choice(QUERIES),
        "mode": chance.choice(["hybrid", "hybrid", "text"]),
        "filter": filter_,
        "where": " && ".join(f"({path})" for path in picked) or None,
        "with": chance.choice([[], [], ["Men"]]),
        "without": chance.choice([[], [], ["Navy Blue"]]),
        "any": {
            facet: chance.sample(names, chance.randrange(3))
            for facet, names in some.items()
            if chance.random() < 0.3
        },
        "group": chance.choice([None, None, None, "usage"]),
        "floor": chance.choice([None, None, 0.2]),
    }


def given(search: dict[str, Any]) -> dict[str, Any]:
    return {**search, "filter": json.dumps(search["filter"]), "any": json.dumps(search["any"])}


def without(path: str | None, name: str) -> list[str]:
    """The conditions of a path that are not about an attribute."""
    conditions = path[1:-1].replace("20 && $", "20) && ($").split(") && (") if path else []
    return [one for one in conditions if f"$.{name}" not in one]


def clicked(search: dict[str, Any], row: tuple) -> dict[str, Any]:
    """The search after this value is chosen in place of what was chosen of its facet."""
    kind, facet, value, _, low, high, *_ = row
    if kind == "keyword":
        return {**search, "any": {**search["any"], facet: [value]}}
    conditions = without(search["where"], facet)
    filter_ = {name: given for name, given in search["filter"].items() if name != facet}
    if low is not None:
        conditions.append(f"exists($.{facet} ? (@ >= {low} && @ <= {high}))")
    else:
        filter_[facet] = {"true": True, "false": False}.get(value, value)
    where = " && ".join(f"({one})" for one in conditions) or None
    return {**search, "filter": filter_, "where": where}


@pytest.mark.once
def test_a_count_is_what_choosing_it_finds(real: psycopg.Connection) -> None:
    chance = random.Random(11)  # noqa: S311
    compared, chosen = 0, 0
    for number in range(100):
        search = filters(chance)
        rows = real.execute(f"select * from facets({SEARCH}, k => 4)", given(search)).fetchall()
        for row in chance.sample(rows, min(1, len(rows))):
            then = given(clicked(search, row))
            counted = real.execute(f"select count_matches({SEARCH})", then).fetchone()
            assert counted == (row[3],), (search, row)
            compared += row[3] > 0
            chosen += row[6]
        if number % 20 == 0:
            size, pages, offset = 40, [], 0
            while page := real.execute(
                f'select product_id from search({SEARCH}, k => %(k)s, "offset" => %(offset)s)',
                {**given(search), "k": size, "offset": offset},
            ).fetchall():
                pages += page
                offset += size
            assert len(set(pages)) == len(pages)
            counted = real.execute(f"select count_matches({SEARCH})", given(search)).fetchone()
            assert counted == (len(pages),), search
    assert compared > 25
    assert chosen > 2
