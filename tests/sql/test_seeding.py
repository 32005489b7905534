"""sql/80-curation: a shop's own vocabulary, all of it or none."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from rehearsal import filled
from vocabulary import differing, enrich, fill, keywords, rows, state

pytestmark = pytest.mark.once

SEED = [
    {"keyword": "Wobble seat", "facet": "type", "aliases": ["wobble stool", "rocking seat"]},
    {"keyword": "black", "facet": "color", "aliases": ["noir", "Blacks"]},
    {"keyword": "velvet", "aliases": None},
]


@filled
def shop(db: psycopg.Connection) -> None:
    """Twelve products in the local space."""
    fill(db, 12)


def seed(db: psycopg.Connection, *given: Any) -> list[Any]:
    return rows(db, "select * from seed_keywords(%s)", json.dumps(given))


def test_a_seed_is_pinned_and_what_was_learned_follows(shop: psycopg.Connection) -> None:
    before = state(shop)
    done = {r.alias: (r.before, r.after, r.products) for r in seed(shop, *SEED)}
    assert done["wobble stool"] == ("wobble stool", "Wobble seat", 4)
    assert done["noir"] == (None, "black", 0)
    assert keywords(shop, 0) == ["Wobble seat", "black"]
    listed = {r.keyword: r for r in rows(shop, "select * from list_keywords() where pinned")}
    assert set(listed) == {"Wobble seat", "black", "velvet"}
    assert listed["Wobble seat"].aliases == ["rocking seat", "wobble stool"]
    assert listed["velvet"].facet == "material"  # as the thesaurus has it
    enrich(shop, {1: ["Rocking Seats"]})
    assert keywords(shop, 1) == ["Wobble seat"]
    again = state(shop)
    assert seed(shop, *SEED) == []
    assert differing(state(shop), again) == []
    enrich(shop, {1: ["zig lamp", "white", "thing"]})
    rows(shop, "select * from undo_keyword_change()")
    undone = state(shop)
    assert [t for t in differing(undone, before) if t != "products"] == []
    assert keywords(shop, 0) == ["wobble stool", "black"]


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ([{"keyword": "a1", "aliases": ["night lamp"]}, {"keyword": "a2", "aliases": ["Night-Lamps"]}],
         ["line 2 (a2): its alias 'Night-Lamps' belongs to 'a1' in line 1"]),
        ([{"keyword": "a1", "aliases": ["a2"]}, {"keyword": "a2"}],
         ["line 1 (a1): its alias 'a2' is the keyword of line 2"]),
        ([{"keyword": "a lamp"}, {"keyword": "A Lamps", "line": 7}],
         ["line 7 (A Lamps): line 1 has the same keyword"]),
        ([{"keyword": "a1", "facet": "colour"}], ["line 1 (a1): facet 'colour' not found: use one of type,"]),
        ([{"keyword": "x" * 300}], ["line 1 (" + "x" * 60 + "): it cannot be a keyword: too long"]),
        ([{"keyword": "!!"}, {"keyword": "ok", "aliases": ["??", "y" * 300]}],
         ["line 1 (!!): it cannot be a keyword: empty", "line 2 (ok): its alias '??' cannot be a keyword: empty",
          "line 2 (ok): its alias '" + "y" * 40 + "' cannot be a keyword: too long"]),
        ([{"keyword": "noir"}], ["line 1 (noir): it is an alias of 'black'; to split it off: vitrina keywords split"]),
        ([{"keyword": "gone"}, {"keyword": "ok", "aliases": ["gone"]}],
         ["line 1 (gone): it was dropped by hand", "line 2 (ok): its alias 'gone' is the keyword of line 1"]),
        ([{"keyword": "ok", "aliases": ["white"]}], ["line 1 (ok): its alias 'white' is a pinned keyword"]),
        ([{"keyword": "ok", "aliases": ["noir"]}], ["line 1 (ok): its alias 'noir' was given to 'black' by hand"]),
        (["sofa", {"facet": "type"}, {"keyword": 7}, {"keyword": "ok", "aliases": "x;y"},
          {"keyword": "ok2", "aliases": [1]}, {"keyword": "ok3", "facet": 1}],
         ["line 1: it is not an object", "line 2: it has no keyword", "line 3: it has no keyword",
          "line 4: its aliases are not a list", "line 5: its aliases are not a list", "line 6: its facet is not a text"]),
    ],
)  # fmt: skip
def test_every_problem_is_named_and_nothing_is_changed(
    shop: psycopg.Connection, given: list[Any], problems: list[str]
) -> None:
    shop.execute("select merge_keywords('{noir}', 'black')")
    shop.execute("select drop_keyword('gone')")
    shop.execute("select pin_keyword('white')")
    before = state(shop)
    with pytest.raises(psycopg.DatabaseError) as caught:
        seed(shop, *given, {"keyword": "sound", "aliases": ["teal"], "line": 99})
    assert caught.value.sqlstate == "VT004"
    head, *said = str(caught.value.diag.message_primary).splitlines()
    assert head.startswith(f"{len(problems)} problem")
    assert len(said) == len(problems)
    for line, problem in zip(said, problems, strict=True):
        assert line.strip().startswith(problem)
    assert differing(state(shop), before) == []


def test_a_seed_is_an_array(shop: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DatabaseError, match="must be an array of rows"):
        shop.execute("select seed_keywords('{}')")
    assert seed(shop) == []
