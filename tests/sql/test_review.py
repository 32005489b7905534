"""sql/80-curation: what deserves a look, and everything decided anew."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from rehearsal import filled
from vocabulary import differing, enrich, fill, keywords, rows, state

pytestmark = pytest.mark.once


@filled
def shop(db: psycopg.Connection) -> None:
    """Twelve products in the local space."""
    fill(db, 12)


def alias(db: psycopg.Connection, term: str, keyword: str, similarity: float = 0.9) -> None:
    """As if it had been learned by its vector."""
    db.execute(
        "insert into keyword_aliases (alias, keyword_id, similarity, method)"
        " select normal_form(%s), id, %s, 'embedding' from keywords where name = %s",
        [term, similarity, keyword],
    )


def answer(db: psycopg.Connection, *pairs: tuple[str, str, bool], key: str = "ab") -> None:
    """As if a judge had answered."""
    row = {
        "stage": "judge", "input_hash": key, "provider": "p", "model": "m", "prompt_version": "1",
        "output": {"pairs": [{"a": a, "b": b, "same": same} for a, b, same in pairs]},
    }  # fmt: skip
    db.execute("select put_generations(%s)", [json.dumps([row])])


def pairs(db: psycopg.Connection, above: float = 0.3) -> set[frozenset[str]]:
    found = rows(db, "select keyword, other from judge_pairs(100, %s::real)", above)
    return {frozenset((r.keyword, r.other)) for r in found}


def test_an_audit_says_what_is_wrong_and_what_to_do(shop: psycopg.Connection) -> None:
    alias(shop, "3 legged stool", "wobble stool")
    alias(shop, "off white", "white", 0.7501)
    shop.execute("update spaces set threshold = 0.75 where name = 'local-text'")
    enrich(shop, {i: ["3-legged stool", "off-white"] for i in range(5)})
    found = rows(shop, "select * from audit_keywords()")
    merges = {r.term: r for r in found if r.problem == "merge"}
    assert set(merges) == {
        "3 leg stool" if "3 leg stool" in merges else "3 legged stool",
        "off white",
    }
    wrong = next(r for term, r in merges.items() if term.startswith("3"))
    assert wrong.reason.startswith("numbers")
    assert wrong.products == 5
    assert wrong.command.startswith("vitrina keywords split '3 leg")
    assert merges["off white"].reason
    shop.execute(f"select split_keyword('{wrong.term}')".encode())
    assert {
        r.term for r in rows(shop, "select * from audit_keywords()") if r.problem == "merge"
    } == {"off white"}


def test_near_keywords_without_a_hard_veto_are_judged(shop: psycopg.Connection) -> None:
    enrich(shop, {0: ["garden bench", "wooden garden bench", "3 seat bench", "4 seat bench"]})
    open_ = pairs(shop)
    assert frozenset(("garden bench", "wooden garden bench")) in open_
    assert not any({"3 seat bench", "4 seat bench"} == set(pair) for pair in open_)
    assert frozenset(("black", "white")) not in open_
    shop.execute("select distinguish_keywords('wooden garden bench', 'garden bench')")
    assert frozenset(("garden bench", "wooden garden bench")) not in pairs(shop)


def test_answers_are_applied_once_and_undone_ones_stay_undone(shop: psycopg.Connection) -> None:
    before = state(shop)
    answer(shop, ("zig lamp", "qua shelf", True), ("teal", "walnut", False), ("teal", "gone", True))
    done = rows(shop, "select * from apply_judgements()")
    assert [(r.alias, r.before, r.after) for r in done] == [
        ("teal | walnut", None, "distinct (judge)"), ("qua shelf", "qua shelf", "zig lamp"),
    ]  # fmt: skip
    assert keywords(shop, 2) == ["zig lamp", "walnut", "thing"]
    assert shop.execute(
        "select method from keyword_aliases where alias = 'qua shelf'"
    ).fetchone() == ("judge",)
    assert rows(shop, "select * from apply_judgements()") == []
    shop.execute("select undo_keyword_change()")
    shop.execute("select undo_keyword_change()")
    assert [t for t in differing(state(shop), before) if t != "generations"] == []
    assert rows(shop, "select * from apply_judgements()") == []
    assert pairs(shop).isdisjoint({frozenset(("zig lamp", "qua shelf"))})


def test_a_judge_neither_joins_the_pinned_nor_what_was_told_apart(shop: psycopg.Connection) -> None:
    for term in ("zig lamp", "qua shelf"):
        shop.execute("select pin_keyword(%s)", [term])
    answer(shop, ("zig lamp", "qua shelf", True), ("black", "teal", True), ("teal", "white", True),
           ("black", "white", False), ("thing", "zig lamp", True))  # fmt: skip
    rows(shop, "select * from apply_judgements()")
    names = {r.keyword for r in rows(shop, "select * from list_keywords()")}
    assert {"zig lamp", "qua shelf"} <= names
    assert "thing" not in names  # the pinned one stays, though it is less used
    assert {"black", "white"} <= names
    assert "teal" not in names


def test_a_rebuild_of_what_is_right_changes_nothing(shop: psycopg.Connection) -> None:
    before = state(shop)
    assert rows(shop, "select * from rebuild_keywords()") == []
    assert rows(shop, "select * from rebuild_keywords(false)") == []
    assert differing(state(shop), before) == []


def test_a_rebuild_decides_anew_but_what_a_hand_decided(shop: psycopg.Connection) -> None:
    shop.execute("select merge_keywords('{zig lamp}', 'wobble stool')")
    alias(shop, "offwhitish", "white")
    alias(shop, "blackish", "black")
    enrich(shop, {5: ["offwhitish", "black"], 7: ["blackish"], 9: ["thing of old"]})
    shop.execute("insert into thesaurus (term, canonical) values ('blackish', 'black')")
    before = state(shop)
    dry = rows(shop, "select * from rebuild_keywords()")
    assert [(r.term, r.before, r.after, r.products, r.note) for r in dry] == [
        ("offwhitish", "white", "offwhitish", 1, None)
    ]
    assert differing(state(shop), before) == []
    assert rows(shop, "select * from rebuild_keywords(false)") == dry
    assert keywords(shop, 5) == ["offwhitish", "black"]
    assert keywords(shop, 7) == ["black"]
    assert keywords(shop, 1) == ["wobble stool", "white", "thing"]
    assert rows(shop, "select * from rebuild_keywords(false)") == []
    shop.execute("select undo_keyword_change()")
    assert [t for t in differing(state(shop), before) if "product_embeddings" not in t] == []


def test_a_rebuild_under_another_threshold_joins_and_parts(shop: psycopg.Connection) -> None:
    enrich(shop, {0: ["storage ottoman", "tufted bench"], 1: ["ottoman with some storage"]})
    apart = state(shop)
    shop.execute("update spaces set threshold = 0.6 where name = 'local-text'")
    joined = rows(shop, "select * from rebuild_keywords(false)")
    moved = {r.term: r.after for r in joined}
    assert keywords(shop, 1)[0] in {"storage ottoman", "ottoman with some storage"}
    shop.execute("update spaces set threshold = 0.99 where name = 'local-text'")
    parted = {r.term for r in rows(shop, "select * from rebuild_keywords(false)")}
    assert parted == set(moved)
    again = state(shop)
    for table in ("products", "product_text"):
        assert again[table] == apart[table]


def test_terms_of_a_paid_space_stay_where_no_vector_is_stored(shop: psycopg.Connection) -> None:
    shop.execute("select create_space('paid', 'openai', 'm', 'text', 3)")
    shop.execute("select use_space('paid')")
    put: Any = "select put_keyword_embeddings('paid', array_agg(id), array_agg('[1,0,0]'::halfvec))"
    shop.execute(put + " from keywords where name in ('qua shelf', 'zig lamp')")
    shop.execute("update spaces set threshold = 0.6 where name = 'paid'")
    alias(shop, "shelf like", "qua shelf")
    enrich(shop, {3: ["shelf like"]})
    vetoed = rows(shop, "select * from rebuild_keywords()")
    assert "shelf like" not in {r.term for r in vetoed if r.note is None}
    shop.execute("update keyword_policy set mode = 'plain'")
    done = {r.term: r for r in rows(shop, "select * from rebuild_keywords(false)")}
    assert done["qua shelf"].after == "zig lamp"
    assert done["shelf like"].after == "zig lamp"
    assert done["shelf like"].note == "its vector is not stored: it keeps its keyword"
    assert keywords(shop, 3) == ["zig lamp"]
