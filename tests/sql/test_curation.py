"""sql/80-curation: the vocabulary by hand, and back again."""

from __future__ import annotations

import psycopg
import pytest

from rehearsal import filled
from soundness import assert_sound
from vocabulary import (
    differing,
    enrich,
    fill,
    keywords,
    pay,
    rows,
    state,
    terms_of,
)

pytestmark = pytest.mark.once


@filled
def shop(db: psycopg.Connection) -> None:
    """Twelve products in the local space."""
    fill(db, 12)


CHANGES = {
    "merge": "select * from merge_keywords('{zig lamp}', 'wobble stool')",
    "merge many": "select * from merge_keywords('{black,white,said by none}', 'teal')",
    "confirm": "select * from merge_keywords('{near zig}', 'zig lamp')",
    "split": "select * from split_keyword('lamp of zig')",
    "split as": "select * from split_keyword('lamp of zig', 'Zigzag lamp')",
    "split into another": "select * from split_keyword('lamp of zig', 'teal')",
    "rename": "select * from rename_keyword('black', 'Jet Black')",
    "respell": "select * from rename_keyword('black', 'BLACK')",
    "pin": "select * from pin_keyword('white')",
    "facet": "select * from set_facet('white', 'material')",
    "drop": "select * from drop_keyword('zig lamp')",
    "drop an alias": "select * from drop_keyword('lamp of zig')",
    "drop in advance": "select * from drop_keyword('said by none')",
    "distinct": "select * from distinguish_keywords('black', 'teal')",
    "set": "select * from set_keywords('shop', '{1,2,5}', '{teal,lamp of zig}')",
    "set new": "select * from set_keywords('shop', '{1}', '{Some Lamp,black}', true)",
    "set no keyword": "select * from set_keywords('shop', '{1,2}', '{}')",
}


@pytest.mark.parametrize("paid", [False, True], ids=["local", "paid"])
def test_every_undo_leaves_everything_as_it_was(db: psycopg.Connection, paid: bool) -> None:
    """Row by row, over 40 products; redo likewise, and undone again."""
    fill(db, 40)
    enrich(db, {i: [*terms_of(i), "lamp of zig"] for i in range(1, 40, 7)})
    db.execute("select merge_keywords('{lamp of zig}', 'zig lamp')")
    db.execute("insert into keyword_aliases (alias, keyword_id, similarity, method)"
               " select 'near zig', id, 0.87654321, 'embedding' from keywords"
               " where name = 'zig lamp'")  # fmt: skip
    db.execute("select embed_products(array(select id from products))")
    if paid:
        pay(db)
    first = state(db)
    for name, change in CHANGES.items():
        done = rows(db, change)
        changed = state(db)
        if name == "confirm":
            assert differing(changed, first) == ["keyword_aliases"]
        assert done or name == "respell", name
        assert differing(changed, first), name
        undone = rows(db, "select * from undo_keyword_change()")
        assert undone, name
        assert differing(state(db), first) == [], name
        redo = undone[0].change
        db.execute("select undo_keyword_change(%s)", [redo])
        assert differing(state(db), changed) == [], name
        db.execute("select undo_keyword_change()")
        assert differing(state(db), first) == [], name
    for name in ("merge", "rename", "facet", "set new", "drop in advance"):
        db.execute(CHANGES[name].encode())
    assert_sound(db)


@pytest.mark.parametrize("paid", [False, True], ids=["local", "paid"])
def test_merge_split_merge_and_back(db: psycopg.Connection, paid: bool) -> None:
    fill(db, 40)
    if paid:
        pay(db)
    states = [state(db)]
    for change in (
        "select merge_keywords('{zig lamp}', 'wobble stool')",
        "select split_keyword('zig lamp')",
        "select merge_keywords('{zig lamp}', 'wobble stool')",
        "select merge_keywords('{qua shelf}', 'zig lamp')",
    ):
        db.execute(change.encode())
        states.append(state(db))
    assert states[3]["products"] == states[1]["products"] != states[2]["products"]
    assert states[3]["product_text"] == states[1]["product_text"]
    assert states[2]["products"] == states[0]["products"]
    assert states[2]["jobs"] == states[0]["jobs"] == []
    for before in reversed(states[:-1]):
        db.execute("select undo_keyword_change()")
        assert differing(state(db), before) == []
    with pytest.raises(psycopg.DatabaseError, match="no change to undo"):
        db.execute("select undo_keyword_change()")


def test_a_merge_moves_products_search_and_vectors_at_once(shop: psycopg.Connection) -> None:
    done = rows(shop, "select * from merge_keywords('{zig lamp}', 'Qua Shelves')")
    assert [(r.alias, r.before, r.after, r.products) for r in done] == [
        ("zig lamp", "zig lamp", "qua shelf", 4)
    ]
    assert keywords(shop, 1) == ["qua shelf", "white", "thing"]
    assert shop.execute("select said from product_keywords as pk join keywords as w"
                        " on w.id = pk.keyword_id and w.name = 'qua shelf'"
                        " join products as p on p.id = pk.product_id and p.external_id = '1'"
                        ).fetchone() == ("zig lamp",)  # fmt: skip
    found = "select count(*) from search(null, k => 100, with_keywords => array[%s])"
    assert shop.execute(found, ["zig lamp"]).fetchone() == (8,)
    assert shop.execute(found, ["qua shelf"]).fetchone() == (8,)
    text = "select count(*) from search(%s, k => 100, mode => 'text')"
    assert shop.execute(text, ["shelf"]).fetchone() == (8,)
    assert shop.execute(text, ["lamp"]).fetchone() == (0,)
    assert rows(shop, "select * from missing_embeddings(array(select id from products))") == []
    shop.execute("select undo_keyword_change()")
    assert shop.execute(text, ["lamp"]).fetchone() == (4,)
    assert shop.execute(found, ["zig lamp"]).fetchone() == (4,)


def test_times_of_enrichment_stay(shop: psycopg.Connection) -> None:
    times = "select array_agg((updated_at, enriched_at)::text order by id) from products"
    before = shop.execute(times).fetchone()
    shop.execute("select merge_keywords('{zig lamp}', 'qua shelf')")
    assert shop.execute(times).fetchone() == before


def test_a_paid_vector_is_queued_once_and_only_where_the_text_differs(
    shop: psycopg.Connection,
) -> None:
    pay(shop)
    shop.execute("select merge_keywords('{zig lamp}', 'qua shelf')")
    jobs = "select external_id::int, stage, state, version from jobs join products on id = product_id order by 1"
    assert shop.execute(jobs).fetchall() == [(i, "embed", "queued", 1) for i in (1, 4, 7, 10)]
    shop.execute("select merge_keywords('{black}', 'white')")
    queued = shop.execute(jobs).fetchall()
    assert [row[0] for row in queued] == [0, 1, 4, 7, 8, 10]
    assert {row[3] for row in queued} == {1}
    shop.execute("select undo_keyword_change()")
    shop.execute("select undo_keyword_change()")
    assert shop.execute(jobs).fetchall() == []


def test_a_product_at_work_is_queued_again(shop: psycopg.Connection) -> None:
    """Its worker may have read the text already."""
    pay(shop)
    shop.execute("select queue_products(array(select id from products where external_id = '1'))")
    (product, version) = shop.execute(
        "select product_id, version from claim_jobs('w', 1)"
    ).fetchone() or (0, 0)
    shop.execute("select merge_keywords('{zig lamp}', 'qua shelf')")
    shop.execute("select undo_keyword_change()")
    done = shop.execute("select finish_jobs('w', %s, %s)", [[product], [version]]).fetchone()
    assert done == (0,)
    assert shop.execute("select state from jobs where product_id = %s", [product]).fetchone() == (
        "queued",
    )


def test_a_dropped_term_stays_dropped_until_it_is_brought_back(shop: psycopg.Connection) -> None:
    shop.execute("select drop_keyword('zig lamp')")
    assert keywords(shop, 1) == ["white", "thing"]
    enrich(shop, {2: ["Zig Lamps", "teal"]})
    assert keywords(shop, 2) == ["teal"]
    with pytest.raises(psycopg.DatabaseError, match="was dropped"):
        shop.execute("select merge_keywords('{teal}', 'zig lamp')")
    (shown,) = rows(shop, "select * from show_keyword('zig lamp')")
    assert (shown.keyword, shown.alias, shown.method, shown.products) == (
        None, "zig lamp", "manual", 5,
    )  # fmt: skip
    shop.execute("select split_keyword('zig lamp')")
    assert keywords(shop, 2) == ["zig lamp", "teal"]
    assert keywords(shop, 1) == ["zig lamp", "white", "thing"]


def test_a_split_takes_one_alias_out_for_good(shop: psycopg.Connection) -> None:
    shop.execute("select merge_keywords('{zig lamp,qua shelf}', 'wobble stool')")
    shop.execute("select split_keyword('qua shelves', 'Quaint shelf')")
    assert keywords(shop, 1) == ["wobble stool", "white", "thing"]
    assert keywords(shop, 2) == ["Quaint shelf", "walnut", "thing"]
    aliases = {r.alias for r in rows(shop, "select * from show_keyword('quaint shelf')")}
    assert aliases == {"quaint shelf", "qua shelf"}
    pairs = shop.execute("select term_a, term_b, method from keyword_distinctions").fetchall()
    assert set(pairs) == {
        ("qua shelf", "wobble stool", "manual"), ("quaint shelf", "wobble stool", "manual"),
    }  # fmt: skip
    vector = (
        "select count(*) from keyword_embeddings join keywords on id = keyword_id where name = %s"
    )
    assert shop.execute(vector, ["Quaint shelf"]).fetchone() == (1,)


def test_a_renamed_keyword_keeps_its_old_name_as_an_alias(shop: psycopg.Connection) -> None:
    shop.execute("select rename_keyword('zig lamp', 'Zigzag light')")
    assert keywords(shop, 1) == ["Zigzag light", "white", "thing"]
    enrich(shop, {0: ["zig lamp"]})
    assert keywords(shop, 0) == ["Zigzag light"]
    listed = rows(shop, "select * from list_keywords() where keyword = 'Zigzag light'")
    assert [(r.products, r.aliases) for r in listed] == [(5, ["zig lamp"])]


def test_the_list_is_most_used_first_and_by_facet(shop: psycopg.Connection) -> None:
    shop.execute("select set_facet('teal', 'color')")
    shop.execute("select pin_keyword('teal')")
    listed = rows(shop, "select * from list_keywords()")
    assert [r.keyword for r in listed][:2] == ["thing", "qua shelf"]
    (teal,) = rows(shop, "select * from list_keywords('color') where pinned")
    assert (teal.keyword, teal.products, teal.aliases) == ("teal", 3, [])
    assert len(rows(shop, "select * from list_keywords(k => 2)")) == 2


@pytest.mark.parametrize(
    ("call", "state_", "message"),
    [
        ("merge_keywords('{black}', 'nope')", "VT003", "keyword or alias 'nope' not found"),
        ("merge_keywords('{black,!!}', 'white')", "VT004", "no letter or digit"),
        ("merge_keywords(array[repeat('x', 10000)], 'white')", "VT004", "at most 200"),
        ("merge_keywords(array[null], 'white')", "VT004", "null cannot be a keyword"),
        ("split_keyword('black')", "VT004", "the keyword itself"),
        ("split_keyword('nope')", "VT003", "keyword or alias 'nope' not found"),
        ("split_keyword('noir', 'white one')", "VT004", "'white one' is an alias of 'white'"),
        ("split_keyword('noir', 'Black')", "VT004", "already belongs to 'black'"),
        ("rename_keyword('black', 'white')", "VT004", "'white' is already a keyword"),
        ("rename_keyword('black', 'white one')", "VT004", "already an alias of 'white'"),
        ("rename_keyword('black', ' ')", "VT004", "no letter or digit"),
        ("pin_keyword('nope')", "VT003", "keyword or alias 'nope' not found"),
        ("set_facet('black', 'colour')", "VT004", "facet 'colour' not found"),
        ("drop_keyword('')", "VT004", "no letter or digit"),
        ("distinguish_keywords('black', 'noir')", "VT004", "are the same keyword, 'black'"),
        ("distinguish_keywords('Black', 'black')", "VT004", "spellings of the same term"),
        ("show_keyword('nope')", "VT003", "keyword or alias 'nope' not found"),
        ("undo_keyword_change(99)", "VT003", "change 99 not found"),
    ],
)
def test_what_cannot_be_is_named_and_changes_nothing(
    shop: psycopg.Connection, call: str, state_: str, message: str
) -> None:
    shop.execute("select merge_keywords('{noir}', 'black')")
    shop.execute("select merge_keywords('{white one}', 'white')")
    before = state(shop)
    with pytest.raises(psycopg.DatabaseError, match=message) as caught:
        shop.execute(f"select {call}".encode())
    assert caught.value.sqlstate == state_
    assert differing(state(shop), before) == []


@pytest.mark.parametrize(
    "term", ["شجرة", "木製の椅子", 'O\'Brien "x"', "7", "日本\u0007 style", "%s \\ ;--"]
)
def test_odd_terms_are_terms(shop: psycopg.Connection, term: str) -> None:
    enrich(shop, {3: [term]})
    shop.execute("select embed_products(array(select id from products))")
    before = state(shop)
    own = keywords(shop, 3)
    shop.execute("select merge_keywords(array[%s], 'black')", [term])
    assert keywords(shop, 3) == ["black"]
    shop.execute("select split_keyword(%s)", [term])
    assert len(keywords(shop, 3)) == 1
    assert keywords(shop, 3) != ["black"]
    shop.execute("select drop_keyword(%s)", [term])
    assert keywords(shop, 3) == []
    for _ in range(3):
        shop.execute("select undo_keyword_change()")
    assert keywords(shop, 3) == own
    assert differing(state(shop), before) == []


def test_a_later_change_of_the_same_rows_must_be_undone_first(shop: psycopg.Connection) -> None:
    shop.execute("select merge_keywords('{zig lamp}', 'qua shelf')")
    shop.execute("select merge_keywords('{teal}', 'black')")
    shop.execute("select merge_keywords('{qua shelf}', 'wobble stool')")
    with pytest.raises(
        psycopg.DatabaseError, match=r"change 1 cannot be undone: change 3 \(merge\)"
    ):
        shop.execute("select undo_keyword_change(1)")
    shop.execute("select undo_keyword_change(2)")
    with pytest.raises(psycopg.DatabaseError, match="already undone") as caught:
        shop.execute("select undo_keyword_change(2)")
    assert caught.value.diag.message_hint == "to redo it: vitrina keywords undo 4"
    shop.execute("select undo_keyword_change(3)")
    shop.execute("select undo_keyword_change(1)")
    with pytest.raises(
        psycopg.DatabaseError, match=r"change 5 cannot be undone: change 6 \(undo\)"
    ):
        shop.execute("select undo_keyword_change(5)")  # 3 again, without 1
    history = rows(shop, "select * from keyword_history()")
    assert [(r.id, r.action, r.state) for r in history] == [
        (6, "undo", "undid 1"), (5, "undo", "undid 3"), (4, "undo", "undid 2"),
        (3, "merge", "undone"), (2, "merge", "undone"), (1, "merge", "undone"),
    ]  # fmt: skip
    assert history[-1].arguments == {"terms": ["zig lamp"], "into": "qua shelf"}


def test_a_keyword_named_back_has_no_vector_of_the_other_name(shop: psycopg.Connection) -> None:
    """Nor in a space that was made between the two."""
    shop.execute("select rename_keyword('black', 'Jet Black')")
    shop.execute("select create_space('later', 'local', 'minilm-word-pieces-1', 'text', 256)")
    shop.execute("select embed_keywords('later')")
    pay(shop)
    shop.execute("select undo_keyword_change()")
    missing = "select name from missing_keyword_embeddings('paid')"
    assert shop.execute(missing).fetchall() == [("black",)]
    vector = (
        "select count(*) from keyword_embeddings as e join keywords as w on w.id = e.keyword_id"
        " join spaces as s on s.id = e.space_id"
        " where w.name = 'black' and e.embedding::text = embed_text('black')::text"
    )
    assert shop.execute(vector).fetchone() == (2,)


def test_an_undo_is_recorded_though_its_product_is_gone(shop: psycopg.Connection) -> None:
    shop.execute("select set_keywords('shop', '{1}', '{teal}')")
    shop.execute("delete from products where external_id = '1'")
    assert rows(shop, "select * from undo_keyword_change()") == []
    assert_sound(shop)
    with pytest.raises(psycopg.DatabaseError, match="already undone") as caught:
        shop.execute("select undo_keyword_change(1)")
    assert caught.value.diag.message_hint == "to redo it: vitrina keywords undo 2"
    assert rows(shop, "select * from undo_keyword_change(2)") == []
    states = shop.execute("select state from keyword_history()").fetchall()
    assert states == [("undid 2",), ("undone",), ("holds",)]


def test_the_history_says_what_holds_however_often_it_was_undone(
    shop: psycopg.Connection,
) -> None:
    shop.execute("select distinguish_keywords('black', 'teal')")
    for undone in range(1, 6):
        shop.execute("select undo_keyword_change(%s)", [undone])
        (count,) = shop.execute("select count(*) from keyword_distinctions").fetchone() or (None,)
        (first,) = shop.execute("select state from keyword_history() where id = 1").fetchone() or ()
        assert (count, first) == ((0, "undone") if undone % 2 else (1, "holds"))
        assert_sound(shop)
    with pytest.raises(psycopg.DatabaseError, match="no change to undo"):
        shop.execute("select undo_keyword_change()")


def test_what_was_learned_into_a_keyword_that_goes_is_learned_anew(
    shop: psycopg.Connection,
) -> None:
    shop.execute("select merge_keywords('{zig lamp}', 'qua shelf')")
    shop.execute("select split_keyword('zig lamp', 'zag lamp')")
    shop.execute("insert into keyword_aliases (alias, keyword_id, similarity, method)"
                 " select 'zag lamp light', id, 0.9, 'embedding' from keywords"
                 " where name = 'zag lamp'")  # fmt: skip
    enrich(shop, {0: ["zag lamp light"]})
    assert keywords(shop, 0) == ["zag lamp"]
    shop.execute("select undo_keyword_change()")
    assert keywords(shop, 0) == ["zag lamp light"]
    assert keywords(shop, 1) == ["qua shelf", "white", "thing"]


def test_redo_takes_the_place_of_what_was_learned_meanwhile(shop: psycopg.Connection) -> None:
    shop.execute("select merge_keywords('{in advance}', 'black')")
    shop.execute("select split_keyword('in advance', 'of its own')")
    shop.execute("select undo_keyword_change()")
    enrich(shop, {0: ["of its own"], 1: ["in advance"]})
    assert (keywords(shop, 0), keywords(shop, 1)) == (["of its own"], ["black"])
    shop.execute("select undo_keyword_change(3)")
    assert (keywords(shop, 0), keywords(shop, 1)) == (["of its own"], ["of its own"])
    assert shop.execute("select count(*) from keywords where name = 'of its own'").fetchone() == (
        1,
    )
    shop.execute("select undo_keyword_change()")
    assert (keywords(shop, 0), keywords(shop, 1)) == (["of its own"], ["black"])


def test_readers_look_and_writers_change(shop: psycopg.Connection) -> None:
    shop.execute("set role vitrina_reader")
    assert len(rows(shop, "select * from vitrina.show_keyword('black')")) == 1
    assert rows(shop, "select * from vitrina.keyword_history()") == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.execute("select vitrina.drop_keyword('black')")
    shop.execute("set role vitrina_writer")
    shop.execute("select vitrina.merge_keywords('{black}', 'white')")
    shop.execute("select vitrina.undo_keyword_change()")
    shop.execute("reset role")
    assert {r.role for r in rows(shop, "select * from keyword_history()")} == {"postgres"}
