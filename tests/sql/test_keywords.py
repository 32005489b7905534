"""sql/30-keywords: what a term is, and why."""

import threading

import psycopg
import pytest
from psycopg.rows import namedtuple_row

pytestmark = pytest.mark.once


def resolve(db: psycopg.Connection, *said: str, facets: list[str] | None = None) -> list:
    with db.cursor(row_factory=namedtuple_row) as cur:
        return cur.execute(
            "select * from resolve_keywords(%s::text[], facets => %s::text[])", [list(said), facets]
        ).fetchall()


def test_first_come_is_canonical_and_spellings_follow(db: psycopg.Connection) -> None:
    rows = resolve(db, "Wobble Racks", "wobble-rack", "wobble  racks", "wobblerack")
    assert [row.ordinal for row in rows] == [1, 2, 3, 4]
    assert [row.keyword for row in rows] == ["wobble racks"] * 4
    assert [row.method for row in rows] == ["new", "form", "exact", "form"]


def test_terms_the_thesaurus_tells_apart_stay_apart_in_its_spelling(db: psycopg.Connection) -> None:
    db.execute("select set_keyword_threshold(0.1)")
    rows = resolve(db, "T Shirts", "shirts", "Shirt")
    assert [row.keyword for row in rows] == ["t-shirt", "shirt", "shirt"]
    assert [row.method for row in rows] == ["new", "new", "exact"]


def test_a_known_synonym_is_taken_from_the_thesaurus(db: psycopg.Connection) -> None:
    db.execute("insert into thesaurus values ('Davenette', 'sofa')")
    rows = resolve(db, "davenettes", "sofa")
    assert [(row.keyword, row.method) for row in rows] == [("sofa", "thesaurus"), ("sofa", "exact")]
    alias = db.execute("select method from keyword_aliases where alias = 'davenette'").fetchone()
    assert alias == ("thesaurus",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("leather couch", "leather sofa"),
        ("storage bench", "bench with storage"),
        ("shoes for men", "men's shoes"),
        ("set of 2", "2-piece set"),
        ("pack of 12", "12 pack"),
        ("sugar-free gum", "gum without sugar"),
        ("sleeveless dress", "dress without sleeves"),
        ("1 kg flour", "1000 g flour"),
        ("2 years", "24 months"),
        ("book shelf unit", "bookshelf unit"),
        ("bedside table with drawers", "drawers night stand"),
        ("14 carat gold ring", "14k gold ring"),
        ("height adjustable desk", "adjustable height desk"),
    ],
)
def test_terms_meet_by_what_is_known_of_their_words(
    db: psycopg.Connection, one: str, other: str
) -> None:
    for terms in ((one, other), (other, one)):
        first, second = resolve(db, *terms)
        assert first.keyword == second.keyword
        db.execute("truncate keywords cascade")


def test_a_synonym_of_the_shop_s_meets_keywords_that_are_there(db: psycopg.Connection) -> None:
    resolve(db, "grumble sofa")
    db.execute("insert into thesaurus values ('snorzle', 'couch')")
    assert resolve(db, "grumble snorzle")[0].keyword == "grumble sofa"
    db.execute("delete from thesaurus where term = 'snorzle'")
    assert resolve(db, "grumble snorzle bed")[0].method == "new"


def test_a_near_term_joins_the_nearest_keyword_and_keeps_its_similarity(
    db: psycopg.Connection,
) -> None:
    first, near = resolve(db, "glowing turtle statue", "glow turtle statue")
    assert first.method == "new"
    assert (near.keyword, near.method) == ("glowing turtle statue", "embedding")
    assert 0.88 < near.similarity < 1
    again = resolve(db, "glow turtle statue")[0]
    assert (again.method, again.similarity) == ("embedding", near.similarity)


@pytest.mark.parametrize(
    ("one", "other", "veto"),
    [
        ("3-tier shelf", "4-tier shelf", "numbers: 4 / 3"),
        ("5 kg", "5 lb", "numbers: 80 oz / 5000 g"),
        ("set of 2", "set of two", None),
        ("black chair", "white chair", "contrast, color: white / black"),
        ("indoor swing", "outdoor swing", "contrast, place: outdoor / indoor"),
        (
            "garden gnome",
            "large garden gnome",
            "narrower: large garden gnome says more than garden gnome",
        ),
        ("mid-century modern", "modern", "known: modern / mid century modern are different things"),
        ("slip", "non-slip", "negation: non slip / slip"),
        ("sugar", "sugar free", "negation: sugar free / sugar"),
        (
            "stretch fabric",
            "non-stretch fabric",
            "negation: without stretch / stretch",
        ),
        ("lined jacket", "unlined jacket", "negation: unlined / lined"),
        ("dress shirt", "shirt dress", "order: shirt dress / dress shirt"),
        (
            "leather sofa",
            "leather armchair",
            "contrast, seating: armchair / sofa",
        ),
        ("gnome with hat", "hat gnome", None),
    ],
)
def test_a_merge_is_vetoed_and_the_reason_said(
    db: psycopg.Connection, one: str, other: str, veto: str | None
) -> None:
    db.execute("select set_keyword_threshold(0.1)")
    first, second = resolve(db, one, other)
    assert second.veto == veto
    assert (second.keyword == first.keyword) == (veto is None)


def test_words_that_differ_must_be_near_by_themselves(db: psycopg.Connection) -> None:
    db.execute("select set_keyword_threshold(0.3)")
    second = resolve(db, "ceramic grumble pot lid", "ceramic wobble pot lid")[1]
    assert second.veto == "words: wobble / grumble"


def test_a_pair_decided_to_be_distinct_is_never_merged(db: psycopg.Connection) -> None:
    db.execute(
        "insert into keyword_distinctions (term_a, term_b, method)"
        " select least(p.a, p.b), greatest(p.a, p.b), 'manual'"
        " from (values ('glowing turtle statue', 'glow turtle statue')) as p (a, b)"
    )
    first, second = resolve(db, "glowing turtle statue", "glow turtle statue")
    assert second.method == "new"
    assert second.veto == "distinct: decided by hand"
    assert first.keyword != second.keyword


def test_a_term_dropped_by_hand_has_no_keyword(db: psycopg.Connection) -> None:
    db.execute("insert into keyword_aliases (alias, method) values ('junk', 'manual')")
    row = resolve(db, "Junk")[0]
    assert (row.keyword, row.method, row.veto) == (None, "manual", None)


def test_different_known_facets_are_never_one_keyword(db: psycopg.Connection) -> None:
    db.execute("select set_keyword_threshold(0.3)")
    first, second = resolve(
        db, "glowing turtle statue", "glow turtle statue", facets=["material", "color"]
    )
    assert (second.method, second.veto) == ("new", "facet: color / material")
    assert (first.facet, second.facet) == ("material", "color")


def test_a_facet_is_the_model_s_else_the_thesaurus_else_the_nearest_keyword_s(
    db: psycopg.Connection,
) -> None:
    rows = resolve(
        db,
        "teal",
        "grumble office chair",
        "sploog",
        "blorf",
        facets=["other", "other", "style", "other"],
    )
    assert [row.facet for row in rows] == ["color", "type", "style", "other"]
    vague = resolve(db, "wraparound scarfette", facets=["style"])[0]
    near = resolve(db, "wraparound scarfettes knot", facets=["other"])[0]
    assert (vague.facet, near.method, near.facet) == ("style", "new", "style")


def test_the_plain_policy_takes_the_nearest_whatever_it_is(db: psycopg.Connection) -> None:
    db.execute("select set_keyword_policy('plain')")
    db.execute("select set_keyword_threshold(0.3)")
    first, second = resolve(db, "black", "white")
    assert (second.keyword, second.method, second.veto) == (first.keyword, "embedding", None)
    db.execute("select set_keyword_policy('strict')")
    assert resolve(db, "gray")[0].veto == "contrast, color: gray / black"


def test_narrower_terms_merge_where_the_policy_says_so(db: psycopg.Connection) -> None:
    db.execute("select set_keyword_policy(merge_narrower => true)")
    db.execute("select set_keyword_threshold(0.3)")
    first, second = resolve(db, "garden gnome", "funny big garden gnome")
    assert second.keyword == first.keyword


def test_a_facet_has_a_threshold_of_its_own(db: psycopg.Connection) -> None:
    db.execute("select set_keyword_threshold(0.999, 'feature')")
    rows = resolve(db, "glowing turtle statue", "glow turtle statue", facets=["feature", "feature"])
    assert [row.method for row in rows] == ["new", "new"]
    db.execute("truncate keywords cascade")
    db.execute("select set_keyword_threshold(null, 'feature')")
    rows = resolve(db, "glowing turtle statue", "glow turtle statue", facets=["feature", "feature"])
    assert [row.method for row in rows] == ["new", "embedding"]


@pytest.mark.parametrize(
    ("call", "state"),
    [
        ("set_keyword_policy('lax')", "VT004"),
        ("set_keyword_threshold(1.5)", "VT004"),
        ("set_keyword_threshold(null)", "VT004"),
        ("set_keyword_threshold(0.5, space => 'local-image-2')", "VT004"),
        ("set_keyword_threshold(0.5, 'flavour')", "VT004"),
        ("set_keyword_threshold(0.5, space => 'nowhere')", "VT003"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(db: psycopg.Connection, call: str, state: str) -> None:
    with pytest.raises(psycopg.DatabaseError) as caught:
        db.execute(f"select {call}")
    assert caught.value.sqlstate == state


def test_terms_of_nothing_have_no_keyword_and_the_reason_is_said(db: psycopg.Connection) -> None:
    rows = resolve(db, "!!", "lamp", "", "🪑", "x" * 201, "word " * 2000)
    assert [row.keyword for row in rows] == [None, "lamp", None, None, None, None]
    assert [row.method for row in rows] == [None, "new", None, None, None, None]
    assert rows[0].veto == rows[3].veto == "empty: no letter or digit"
    assert rows[4].veto == "too long: 201 characters, a keyword has at most 200"
    assert rows[5].veto.startswith("too long: 9999 characters")
    assert db.execute("select count(*) from keywords").fetchone() == (1,)


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        (["tall\x01lamp\x1f", "Tall  lamp"], ["tall lamp", "tall lamp"]),
        (["椅子", "桌子", "椅子"], ["椅子", "桌子", "椅子"]),
        (["كرسي", "طاولة"], ["كرسي", "طاولة"]),
        (["\u202bשולחן\u202c", "שולחן"], ["שולחן", "שולחן"]),
        (["42", "43", "42"], ["42", "43", "42"]),
        (["🪑🪑x", "x"], ["🪑🪑x", "🪑🪑x"]),
        (["Стул", "стул", "стол"], ["стул", "стул", "стол"]),
    ],
)
def test_terms_of_any_script_are_keywords_of_their_own(
    db: psycopg.Connection, terms: list[str], names: list[str]
) -> None:
    assert [row.keyword for row in resolve(db, *terms)] == names


def test_arrays_must_have_one_length(db: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DatabaseError, match="must have the same length") as caught:
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
    # what is known of the words takes no vector
    assert resolve(db, "couches")[0].keyword == "sofa"
    assert db.execute(
        "select array_agg(u) from unknown_terms('{lamp,couch,Vase}') as u"
    ).fetchone() == (["Vase"],)


def test_explain_says_what_would_be_decided_and_writes_nothing(db: psycopg.Connection) -> None:
    db.execute("select set_keyword_threshold(0.3)")
    resolve(db, "black chair", "sofa", "coat rack")

    def explain(term: str) -> list:
        with db.cursor(row_factory=namedtuple_row) as cur:
            return cur.execute("select * from explain_keyword(%s)", [term]).fetchall()

    new = explain("white chair")
    assert (new[0].step, new[0].keyword, new[0].verdict) == ("new", "white chair", "new")
    assert new[0].veto == "contrast, color: white / black"
    assert (new[1].keyword, new[1].verdict) == ("black chair", "vetoed")
    assert {row.verdict for row in new[1:]} <= {"vetoed", "far"}
    assert (explain("couches")[0].step, explain("couches")[0].keyword) == ("thesaurus", "sofa")
    assert (explain("Coat-Racks")[0].step, explain("coat rack")[0].step) == ("form", "exact")
    assert (explain("!!")[0].step, explain("!!")[0].veto) == ("none", "empty: no letter or digit")
    assert db.execute("select count(*) from keyword_aliases").fetchone() == (3,)


def test_a_known_term_takes_no_lock(db: psycopg.Connection, database_url: str) -> None:
    resolve(db, "lamp")
    with psycopg.connect(database_url) as other:
        other.execute("select vitrina_internal.lock_vocabulary()")
        db.execute("set lock_timeout = '10s'")
        assert [row.method for row in resolve(db, "lamp", "Lamps")] == ["exact", "form"]
        db.execute("set lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            resolve(db, "teapot")


def test_an_index_changes_no_decision(db: psycopg.Connection) -> None:
    """The nearest is found by the index; what it misses, by the exact scan before a keyword is made."""
    db.execute("select set_keyword_policy('plain')")
    terms = [f"{a} {b}" for a in ("oak", "pine", "iron", "blue") for b in ("desk", "vase", "rug")]
    exact = [(row.keyword, row.method) for row in resolve(db, *terms)]
    db.execute("truncate keywords cascade")
    resolve(db, "seed")
    db.execute("select index_spaces(1)")
    assert [(row.keyword, row.method) for row in resolve(db, *terms)] == exact


def test_a_snapshot_that_cannot_see_other_decisions_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.DatabaseError, match="READ COMMITTED"):
            conn.execute("select vitrina.resolve_keywords(array['lamp'])")


def test_two_workers_never_create_two_keywords_that_are_one(
    db: psycopg.Connection, database_url: str
) -> None:
    """Eight sessions learn near terms at once; serially they would be one keyword a group."""
    db.execute("select set_keyword_threshold(0.6)")
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
        " where 1 - (a.embedding <=> b.embedding) > 0.6::real"
        " and vitrina_internal.term_veto(normal_form(l.name), normal_form(r.name)) is null"
    ).fetchall()
    assert mergeable == []
    assert db.execute("select count(*) from keyword_aliases").fetchone() == (len(variants) * 2,)


def test_similar_keywords_are_ordered_and_leave_the_term_out(db: psycopg.Connection) -> None:
    db.execute("select set_keyword_threshold(0.99)")
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
    assert rows == [("left hand",), ("right hand",)]


def test_words_given_anew_leave_a_shop_s_own_as_they_are(db: psycopg.Connection) -> None:
    db.execute("insert into thesaurus values ('grumble', 'wobble')")
    db.execute("update thesaurus set canonical = 'divan' where term = 'settee'")
    db.execute("delete from thesaurus where term = 'couch'")
    db.execute("delete from contrasts where contrast_group = 'season'")
    count = db.execute("select count(*) from thesaurus").fetchone()
    db.execute(
        "create temporary table given_words (place int generated always as identity,"
        " target text, term text, value text, facet text, domain text, language text default '')"
    )
    db.execute(
        "insert into given_words (target, term, value, language)"
        " select s.target, s.term, s.value, s.language from seeded_words as s where s.term <> 'sofa bed'"
        " union all values ('thesaurus', 'brandnew', 'newer', '')"
    )
    db.execute("select vitrina_internal.give_words()")
    rows = dict(
        db.execute(
            "select t.term, t.canonical from thesaurus as t"
            " where t.term in ('grumble', 'settee', 'couch', 'brandnew', 'sofa bed')"
        ).fetchall()
    )
    assert rows == {"grumble": "wobble", "settee": "divan", "brandnew": "newer"}
    assert db.execute("select count(*) from thesaurus").fetchone() == count
    assert db.execute(
        "select count(*) from contrasts where contrast_group = 'season'"
    ).fetchone() == (0,)


def test_what_was_kept_in_an_older_normal_form_is_renewed(db: psycopg.Connection) -> None:
    resolve(db, "men's shoes", "womens hat")
    db.execute("update keyword_aliases set alias = 'men shoe' where alias = 'man shoe'")
    db.execute("insert into keyword_distinctions values ('men belt', 'womens belt', 'judge')")
    db.execute("select vitrina_internal.renew_forms()")
    aliases = db.execute("select alias, key from keyword_aliases order by 1").fetchall()
    assert ("man shoe", "manshoe") in aliases
    assert db.execute("select term_a, term_b from keyword_distinctions").fetchall() == [
        ("man belt", "woman belt")
    ]
    assert resolve(db, "mens shoe")[0].keyword == "men's shoes"


def test_the_vector_of_a_keyword_is_that_of_its_name(db: psycopg.Connection) -> None:
    """In the local space, whatever is given, and whatever signs stand between its letters."""
    other = "[" + ",".join(["1"] * 256) + "]"
    db.execute("select resolve_keywords('{oak settle}', array[%s]::halfvec[])", [other])
    db.execute("select resolve_keywords(array[e'\\x02\\u008cå\\x04\\x1cÅ<\\u0098'])")
    rows = db.execute(
        "select w.name, e.embedding operator(public.<=>) embed_text(w.name) < 0.01 from keywords as w"
        " join keyword_embeddings as e on e.keyword_id = w.id order by w.name"
    ).fetchall()
    assert rows == [("oak settle", True), ("å å<", True)]
