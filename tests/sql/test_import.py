"""sql/40-products: products with their enrichment, and the space of their vectors."""

import json

import psycopg
import pytest
from psycopg.rows import dict_row

from rehearsal import filled

pytestmark = pytest.mark.once

LAMP = {
    "external_id": "1",
    "title": "Brass reading lamp",
    "keywords": ["Lamps", "brass"],
    "description": "A lamp.",
    "caption": "A brass lamp.",
}
SOFA = {
    "external_id": "2",
    "title": "Sofa",
    "keywords": ["sofa"],
    "description": "",
    "caption": None,
}
NOTHING = {"inserted": 0, "updated": 0, "unchanged": 2, "queued": 0, "enriched": 0, "embedded": 0}


@filled
def shop(db: psycopg.Connection) -> None:
    """A source, and a space for vectors of three numbers."""
    db.execute("select put_source('shop'), import_space('three', 'test', 'm', 3)")


def import_products(
    db: psycopg.Connection,
    *products: dict,
    space: str | None = "three",
    embeddings: list[str | None] | None = None,
) -> dict:
    with db.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            "select * from import_products('shop', %s, %s, %s::text[]::halfvec[])",
            [json.dumps(products), space, embeddings],
        ).fetchone()


def test_what_is_known_is_stored_and_the_rest_is_queued(shop: psycopg.Connection) -> None:
    done = import_products(shop, LAMP, SOFA, embeddings=["[1,0,0]", None])
    assert done == {
        **NOTHING,
        "inserted": 2,
        "unchanged": 0,
        "queued": 1,
        "enriched": 1,
        "embedded": 1,
    }
    rows = shop.execute(
        "select external_id, keywords, description, caption, state, enriched_at is null"
        " from catalog order by external_id"
    ).fetchall()
    assert rows == [
        ("1", ["lamp", "brass"], "A lamp.", "A brass lamp.", "enriched", False),
        ("2", [], None, None, "queued", True),
    ]
    said = shop.execute("select said from product_keywords order by said").fetchall()
    assert said == [("Lamps",), ("brass",)]
    assert shop.execute("select title from search('brass', mode => 'text')").fetchall() == [
        ("Brass reading lamp",)
    ]


def test_again_changes_nothing_and_a_new_caption_is_one_enrichment(
    shop: psycopg.Connection,
) -> None:
    vectors = ["[1,0,0]", "[0,1,0]"]
    import_products(shop, LAMP, SOFA, embeddings=vectors)
    before = shop.execute("select id, updated_at from products order by id").fetchall()
    assert import_products(shop, LAMP, SOFA, embeddings=vectors) == NOTHING
    assert shop.execute("select id, updated_at from products order by id").fetchall() == before
    changed = import_products(
        shop, {**LAMP, "caption": "A lamp of brass."}, SOFA, embeddings=vectors
    )
    assert changed == {**NOTHING, "enriched": 1, "embedded": 1}, "its vector is of another text now"
    spelled = import_products(shop, {**LAMP, "keywords": ["lamp", "brass"]}, SOFA)
    assert spelled == {**NOTHING, "enriched": 1}
    turned = import_products(shop, LAMP, SOFA, embeddings=["[0,0,1]", None])
    assert turned == {**NOTHING, "enriched": 1, "embedded": 1}


def test_a_vector_counts_as_made_from_what_is_stored(shop: psycopg.Connection) -> None:
    import_products(shop, LAMP, embeddings=["[1,0,0]"])
    ids = shop.execute("select array_agg(id) from products").fetchone()
    assert shop.execute("select * from missing_embeddings(%s, 'three')", ids).fetchall() == []
    # a local text space embeds at once, so that searches find the product meanwhile
    assert shop.execute("select * from missing_embeddings(%s)", ids).fetchall() == []
    assert shop.execute(
        "select 'vector' = any (matched) from search('light', 1, min_relevance => 0)"
    ).fetchone() == (True,)
    shop.execute("update products set caption = 'Another.'")
    assert len(shop.execute("select * from missing_embeddings(%s, 'three')", ids).fetchall()) == 1


@pytest.mark.parametrize("state", ["queued", "failed", "leased"])
def test_a_product_that_waits_waits_no_more(shop: psycopg.Connection, state: str) -> None:
    bare = {"external_id": "1", "title": LAMP["title"]}
    assert import_products(shop, bare)["queued"] == 1
    if state == "leased":
        shop.execute("select claim_jobs('somebody')")
    shop.execute("update jobs set state = %s", [state])
    done = import_products(shop, LAMP)
    assert (done["unchanged"], done["queued"], done["enriched"]) == (1, 0, 1)
    assert shop.execute("select count(*) from jobs").fetchone() == (0,)
    retitled = import_products(shop, {**LAMP, "title": "Brass lamp"})
    assert (retitled["updated"], retitled["queued"], retitled["enriched"]) == (1, 0, 0)
    assert import_products(shop, {**bare, "title": "Lamp"})["queued"] == 1, "nothing is known of it"


def test_the_picture_of_a_product_stays(shop: psycopg.Connection) -> None:
    import_products(shop, LAMP, SOFA)
    shop.execute("insert into images values (sha256('x'), 'image/webp', 1, 1, 1, '', 0::bit(64))")
    shop.execute("update products set image_sha256 = sha256('x') where external_id = '1'")
    shop.execute("update products set image_error = 'gone' where external_id = '2'")
    import_products(shop, {**LAMP, "caption": "New."}, {**SOFA, "caption": "New."})
    rows = shop.execute(
        "select image_sha256 is not null, image_error, caption from products order by external_id"
    ).fetchall()
    assert rows == [(True, None, "New."), (False, "gone", "New.")]


def test_no_vectors_of_terms_are_needed_where_the_space_in_use_is_not_local(
    shop: psycopg.Connection,
) -> None:
    shop.execute("insert into thesaurus values ('davenport', 'sofa') on conflict do nothing")
    shop.execute("select use_space('three')")
    sofa = {**SOFA, "caption": "A sofa.", "keywords": ["Davenport", "wobble rack", "!?", "sofas"]}
    assert import_products(shop, LAMP, sofa)["enriched"] == 2
    assert shop.execute("select keywords from products where external_id = '2'").fetchone() == (
        ["sofa", "wobble rack"],
    )
    assert import_products(shop, LAMP, sofa) == NOTHING
    with pytest.raises(psycopg.DatabaseError, match="give one embedding per term") as caught:
        shop.execute("select * from resolve_keywords('{never heard of}')")
    assert caught.value.sqlstate == "VT004"
    missing = shop.execute("select name from missing_keyword_embeddings('three')").fetchall()
    assert ("wobble rack",) in missing


@pytest.mark.parametrize(
    ("call", "state", "message"),
    [
        ("import_products('elsewhere', '[]')", "VT003", "source 'elsewhere' not found"),
        (
            "import_products('shop', '[]', 'three', '{\"[1,2,3]\"}')",
            "VT004",
            "one item per product",
        ),
        ("import_space('three', 'test', 'm', 4)", "VT004", "of 3 dimensions, these have 4"),
        ("import_space('three', 'test', 'n', 3)", "VT004", "is for test m, not for test n"),
        ("import_space('local-image-2', 'local', 'm', 3)", "VT004", "the database makes them"),
        ("import_space('No Name', 'test', 'm', 3)", "VT004", "cannot be the name"),
        ("import_space(null, 'test', 'm', 5000)", "VT004", "dimensions"),
    ],
)
def test_what_cannot_be_is_named(
    shop: psycopg.Connection, call: str, state: str, message: str
) -> None:
    with pytest.raises(psycopg.DatabaseError, match=message) as caught:
        shop.execute(f"select {call}")
    assert caught.value.sqlstate == state


def test_an_error_leaves_nothing_behind(shop: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DatabaseError, match="all zero"):
        import_products(shop, LAMP, embeddings=["[0,0,0]"])
    with pytest.raises(psycopg.DatabaseError, match="has 2 dimensions"):
        import_products(shop, LAMP, embeddings=["[1,0]"])
    assert shop.execute("select count(*) from products").fetchone() == (0,)


def test_a_space_is_named_after_what_made_its_vectors(db: psycopg.Connection) -> None:
    name = "select import_space(null, 'OpenAI', 'org/embed v2', 3)"
    assert db.execute(name).fetchone() == ("openai-org-embed-v2-3",)
    assert db.execute(name).fetchone() == ("openai-org-embed-v2-3",)
    assert db.execute(
        "select provider, model, modality, dimensions, threshold, state from spaces"
        " where name = 'openai-org-embed-v2-3'"
    ).fetchone() == ("OpenAI", "org/embed v2", "text", 3, pytest.approx(0.6), "building")


def test_the_writer_imports_and_is_told_who_makes_spaces(shop: psycopg.Connection) -> None:
    shop.execute("set role vitrina_writer")
    assert import_products(shop, LAMP, embeddings=["[1,0,0]"])["embedded"] == 1
    assert shop.execute("select import_space('three', 'test', 'm', 3)").fetchone() == ("three",)
    for arguments, needed in [
        (
            "'four', 'test', 'it''s', 4",
            "vitrina.create_space('four', 'test', 'it''s', 'text', 4, 0.6);",
        ),
        ("'three', 'test', 'm', 3, use => true", "vitrina.use_space('three');"),
    ]:
        with pytest.raises(psycopg.DatabaseError, match="vitrina_writer may not") as caught:
            shop.execute(f"select import_space({arguments})")
        assert caught.value.sqlstate == "VT002"
        hint = caught.value.diag.message_hint
        assert "as postgres, the owner" in hint
        assert needed in hint
    shop.execute("reset role")
    shop.execute("select vitrina.create_space('four', 'test', 'it''s', 'text', 4, 0.6)")
    shop.execute("set role vitrina_writer")
    assert shop.execute("select import_space('four', 'test', 'it''s', 4)").fetchone() == ("four",)


def test_a_space_is_ensured_and_used_where_nothing_else_is(db: psycopg.Connection) -> None:
    ensure = "select name, state from ensure_space('openai', 'Big/Model', 3)"
    assert db.execute(ensure).fetchone() == ("openai-big-model-3", "active")
    assert db.execute(ensure).fetchone() == ("openai-big-model-3", "active")
    with pytest.raises(psycopg.DatabaseError, match="is for openai Big/Model") as caught:
        db.execute("select ensure_space('openai', 'big-model', 3)")
    assert caught.value.sqlstate == "VT004"


def test_a_space_is_ensured_beside_the_one_with_vectors(db: psycopg.Connection) -> None:
    db.execute("select put_source('shop')")
    import_products(db, LAMP, space=None)
    db.execute("select embed_products(array(select id from products))")
    ensure = "select name, state from ensure_space('openai', 'm', 3)"
    assert db.execute(ensure).fetchone() == ("openai-m-3", "building")
    active = "select name from spaces where modality = 'text' and state = 'active'"
    assert db.execute(active).fetchone() == ("local-text",)


def test_the_writer_ensures_a_space_that_is_there_and_is_told_who_makes_one(
    db: psycopg.Connection,
) -> None:
    ensure = "select name, state from ensure_space('openai', 'm', 3)"
    steps = [
        ("may not create space openai-m-3", "create_space('openai-m-3', 'openai', 'm', 'text'"),
        ("may not activate space openai-m-3", "use_space('openai-m-3');"),
    ]
    for message, hint in steps:
        db.execute("set role vitrina_writer")
        with pytest.raises(psycopg.DatabaseError, match=message) as caught:
            db.execute(ensure)
        assert caught.value.sqlstate == "VT002"
        assert hint in caught.value.diag.message_hint
        db.execute("reset role")
        db.execute("select import_space(null, 'openai', 'm', 3)")
    db.execute("select use_space('openai-m-3')")
    db.execute("set role vitrina_writer")
    assert db.execute(ensure).fetchone() == ("openai-m-3", "active")


@pytest.mark.parametrize(
    "call",
    [
        "import_products('shop', '[]')",
        "import_space('a', 'b', 'c', 3)",
        "ensure_space('a', 'b', 3)",
    ],
)
def test_the_reader_does_not_import(shop: psycopg.Connection, call: str) -> None:
    shop.execute("set role vitrina_reader")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.execute(f"select {call}")
