"""sql/040-keywords.sql: what a term is, and why."""

import threading

import psycopg
import pytest
from psycopg.rows import namedtuple_row


def resolve(db: psycopg.Connection, *said: str, facets: list[str] | None = None) -> list:
    with db.cursor(row_factory=namedtuple_row) as cur:
        return cur.execute(
            "select * from resolve_keywords(%s::text[], facets => %s::text[])", [list(said), facets]
        ).fetchall()


def test_first_come_is_canonical_and_spellings_follow(db: psycopg.Connection) -> None:
    rows = resolve(db, "Wobble Racks", "wobble-rack", "wobble rack")
    assert [row.ordinal for row in rows] == [1, 2, 3]
    assert [row.keyword for row in rows] == ["wobble racks"] * 3
    assert [row.method for row in rows] == ["new", "exact", "exact"]


def test_terms_the_thesaurus_tells_apart_stay_apart_in_its_spelling(db: psycopg.Connection) -> None:
    db.execute("update spaces set threshold = 0.1 where name = 'local-text'")
    rows = resolve(db, "T Shirts", "shirts", "Shirt")
    assert [row.keyword for row in rows] == ["t-shirt", "shirt", "shirt"]
    assert [row.method for row in rows] == ["new", "new", "exact"]


def test_a_known_synonym_is_taken_from_the_thesaurus(db: psycopg.Connection) -> None:
    db.execute("insert into thesaurus values ('Davenports', 'sofa') on conflict do nothing")
    rows = resolve(db, "davenport", "sofa")
    assert [(row.keyword, row.method) for row in rows] == [("sofa", "thesaurus"), ("sofa", "exact")]
    alias = db.execute("select method from keyword_aliases where alias = 'davenport'").fetchone()
    assert alias == ("thesaurus",)


def test_a_near_term_joins_the_nearest_keyword_and_keeps_its_similarity(
    db: psycopg.Connection,
) -> None:
    db.execute("update spaces set threshold = 0.6 where name = 'local-text'")
    first, near = resolve(db, "storage ottoman", "ottoman with storage")
    assert first.method == "new"
    assert (near.keyword, near.method) == ("storage ottoman", "embedding")
    assert 0.6 < near.similarity < 1
    again = resolve(db, "ottoman with storage")[0]
    assert (again.method, again.similarity) == ("embedding", near.similarity)


@pytest.mark.parametrize(
    ("one", "other", "veto"),
    [
        ("3-tier shelf", "4-tier shelf", "numbers"),
        ("set of 2", "set of two", None),
        ("black chair", "white chair", "contrast"),
        ("indoor swing", "outdoor swing", "contrast"),
        ("garden gnome", "large garden gnome", "narrower"),
        ("gnome with hat", "hat gnome", None),
    ],
)
def test_numbers_and_contrasts_veto_a_merge(
    db: psycopg.Connection, one: str, other: str, veto: str | None
) -> None:
    db.execute("update spaces set threshold = 0.3 where name = 'local-text'")
    first, second = resolve(db, one, other)
    assert second.veto == veto
    assert (second.keyword == first.keyword) == (veto is None)


def test_different_known_facets_are_never_one_keyword(db: psycopg.Connection) -> None:
    db.execute("update spaces set threshold = 0.3 where name = 'local-text'")
    first, second = resolve(db, "walnut wood", "walnut tone", facets=["material", "color"])
    assert (second.method, second.veto) == ("new", "facet")
    assert (first.facet, second.facet) == ("material", "color")
    unknown = resolve(db, "walnut timber", facets=["other"])[0]
    assert unknown.method == "embedding"


def test_terms_of_nothing_have_no_keyword(db: psycopg.Connection) -> None:
    rows = resolve(db, "!!", "lamp", "")
    assert [row.keyword for row in rows] == [None, "lamp", None]
    assert db.execute("select count(*) from keywords").fetchone() == (1,)


def test_a_term_without_any_known_word_is_still_a_keyword(db: psycopg.Connection) -> None:
    assert resolve(db, "🪑🪑x")[0].method == "new"


def test_arrays_must_have_one_length(db: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DatabaseError, match="of one length") as caught:
        db.execute("select resolve_keywords(array['a', 'b'], facets => array['type'])")
    assert caught.value.sqlstate == "VT004"


def test_another_space_needs_embeddings(db: psycopg.Connection) -> None:
    db.execute("select create_space('paid', 'openai', 'm', 'text', 3)")
    db.execute("select use_space('paid')")
    with pytest.raises(psycopg.DatabaseError, match="give one embedding per term"):
        resolve(db, "lamp")
    rows = db.execute(
        "select keyword, method from resolve_keywords(array['lamp', 'light', 'sofa'],"
        " array['[1,0,0]', '[0.9,0.1,0]', '[0,1,0]']::halfvec[])"
    ).fetchall()
    assert rows == [("lamp", "new"), ("lamp", "embedding"), ("sofa", "new")]


def test_a_snapshot_that_cannot_see_other_decisions_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.DatabaseError, match="READ COMMITTED"):
            conn.execute("select vitrina.resolve_keywords(array['lamp'])")


def test_two_workers_never_create_two_keywords_that_are_one(
    db: psycopg.Connection, database_url: str
) -> None:
    """Eight sessions learn near terms at once; serially they would be one keyword a group."""
    db.execute("update spaces set threshold = 0.6 where name = 'local-text'")
    groups = ["storage ottoman", "leather sofa", "glass vase", "wall mirror", "office desk"]
    variants = [[f"{group} {i}x", f"{group} {i}x set"] for group in groups for i in (1, 2)]
    start = threading.Barrier(8)

    def learn(seed: int) -> None:
        with psycopg.connect(database_url, autocommit=True) as conn:
            start.wait()
            for offset in range(len(variants)):
                terms = variants[(seed * 3 + offset) % len(variants)]
                conn.execute(
                    "select vitrina.resolve_keywords(%s::text[])",
                    [terms if seed % 2 else terms[::-1]],
                )

    threads = [threading.Thread(target=learn, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mergeable = db.execute(
        "select l.name, r.name from keyword_embeddings as a"
        " join keyword_embeddings as b on b.keyword_id > a.keyword_id and b.space_id = a.space_id"
        " join keywords as l on l.id = a.keyword_id join keywords as r on r.id = b.keyword_id"
        " where 1 - (a.embedding <=> b.embedding) > 0.6"
        " and _veto(normal_form(l.name), normal_form(r.name)) is null"
    ).fetchall()
    assert mergeable == []
    assert db.execute("select count(*) from keyword_aliases").fetchone() == (len(variants) * 2,)


def test_similar_keywords_are_ordered_and_leave_the_term_out(db: psycopg.Connection) -> None:
    db.execute("update spaces set threshold = 0.99 where name = 'local-text'")
    resolve(db, "coat rack", "coat hook", "umbrella stand", "teapot")
    rows = db.execute("select keyword, similarity from similar_keywords('coat rack', 2)").fetchall()
    assert [row[0] for row in rows] == ["coat hook", "umbrella stand"]
    assert rows[0][1] > rows[1][1] > 0
    unknown = db.execute("select keyword from similar_keywords('tea pots', 1)").fetchone()
    assert unknown == ("teapot",)


def test_shop_terms_are_kept_in_normal_form(db: psycopg.Connection) -> None:
    db.execute("insert into contrasts values ('Left-Handed', 'hand'), ('right-handed', 'hand')")
    rows = db.execute(
        "select term from contrasts where contrast_group = 'hand' order by 1"
    ).fetchall()
    assert rows == [("left handed",), ("right handed",)]
