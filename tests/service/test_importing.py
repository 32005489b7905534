"""products/load_enriched.py, files/enrichments.py and `vitrina import`: what is known is not paid for again."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psycopg
import pytest
from click.testing import Result

from vitrina.catalog import Catalog
from vitrina.errors import AccessError, InputError
from vitrina.files import FileOptions, Mapping, Row
from vitrina.files.enrichments import Enrichments, Said
from vitrina.products.load_enriched import Imported, import_file
from waiting import eventually

Run = Callable[..., Result]
SPACE = "openai-text-embedding-3-large-3"
GOOD = """id,title,keywords,img_description,caption,embedding
1,Oak shoe rack,"['shoe rack', 'oak']",A rack of oak.,An oak shoe rack.,"[1.0, 0.5, -2e-05]"
2,Red sofa,,,,
3,Lamp,nan,nan,nan,"[0,0.5,1]"
"""


def write(tmp_path: Path, text: str, name: str = "tagged.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def counts(done: Imported) -> tuple[int, ...]:
    loaded = done.loaded
    changed = (loaded.inserted, loaded.updated, loaded.unchanged)
    return (*changed, done.enriched, done.embedded, done.queued, done.refused)


def take(**values: object) -> tuple[dict[str, object], Said]:
    """A row's values that become the product, and what is known of it."""
    row = Row(2, {"title": "A", **values})
    bare, said = Enrichments({}, Mapping()).take(row)
    return {name: value for name, value in bare.values.items() if value is not None}, said


# -- reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ("[1, -0.5, 2e-3]", [1, -0.5, 0.002]),
        ("[1.0 , .5 , 1.]", [1, 0.5, 1]),
        ("(1, 2)", [1, 2]),
        ("[0.25 1.\n 3.]", [0.25, 1, 3]),
        ([1, 2.5], [1, 2.5]),
        ("", None),
        ("NaN", None),
        ("[]", None),
        (None, None),
        ([], None),
    ],
)
def test_vectors_are_read_as_lists_are_written(value: object, numbers: list[float] | None) -> None:
    attributes, said = take(embedding=value)
    assert said.flaws == []
    assert attributes == {"title": "A"}
    if numbers is None:
        assert said.embedding is None
    else:
        assert said.embedding is not None
        assert said.embedding.to_list() == pytest.approx(numbers, rel=1e-3)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("[1, NaN, 2]", "NaN, infinite"),
        ("[1, nan]", "NaN, infinite"),
        ("[1, Infinity, -Infinity]", "NaN, infinite"),
        ("[1e999]", "NaN, infinite"),
        ("[70000, 1]", "beyond 65,504"),
        (f"[{'9' * 5000}]", "beyond 65,504"),
        (f"[{'9' * 400}]", "beyond 65,504"),
        ("[0, 0.0, -0.0]", "all zero"),
        ("[1e-30, 0]", "all zero"),
        ("[[1, 2], [3]]", "not a flat list"),
        ("[true, 1]", "not a flat list"),
        ('["1", "2"]', "not a flat list"),
        ('{"a": 1}', "not a flat list"),
        ("5", "not a flat list"),
        ("[0.1 ... 0.3]", "not a list of numbers"),
        ("sofa", "not a list of numbers"),
        ("[" * 100_000, "not a flat list"),
        ([1] * 4001, "4,001 numbers, more than 4,000"),
    ],
)
def test_a_vector_that_cannot_be_used_is_named(value: object, reason: str) -> None:
    attributes, said = take(embedding=value)
    assert said.embedding is None
    assert len(said.flaws) == 1
    assert reason in said.flaws[0]
    assert attributes == {"title": "A"}


@pytest.mark.parametrize(
    ("value", "terms"),
    [
        ("['shoe rack', \"men's\"]", ["shoe rack", "men's"]),
        ('["a", "b", "a", null, "", 3]', ["a", "b", "3"]),
        ("black,  side   table ,metal", ["black", "side table", "metal"]),
        ("black; metal|oak", ["black", "metal", "oak"]),
        (["a", None, "b"], ["a", "b"]),
        ("nan", None),
        ("[]", None),
        (None, None),
        ("[nan]", "not a list of texts"),
        ("('a', 'b')", "not a list of texts"),
        ("[['a']]", "not a list of texts"),
        ({"a": 1}, "not a list of texts"),
        ("x" * 201, "a keyword has 201 characters"),
        ("\ufdfa" * 12, "a keyword has 216 characters"),
        (",".join(["y" * 200] * 2 + [f"k{i}" for i in range(20_000)]), "more than 100,000"),
    ],
)
def test_keywords_are_read_as_lists_and_as_text(value: object, terms: list[str] | str) -> None:
    _, said = take(tags=value, caption="A.")
    if isinstance(terms, str):
        assert terms in said.flaws[0]
    else:
        assert said.keywords == terms
        assert said.flaws == []


def test_what_is_known_leaves_the_attributes_and_parts_of_it_stay() -> None:
    known = {"Keywords": "a,b", "image description": "D", "CAPTION": "C", "vector": "[1]"}
    attributes, said = take(**known, colour="red")
    assert attributes == {"title": "A", "colour": "red"}
    assert (said.keywords, said.description, said.caption) == (["a", "b"], "D", "C")
    parts, said = take(
        keywords="a,b", description="the shop's text", caption="nan", embedding="[1]"
    )
    assert parts == {"title": "A", "keywords": "a,b", "description": "the shop's text"}
    assert (said.keywords, said.description, said.caption) == (None, None, None)
    assert said.embedding is not None


# -- files -----------------------------------------------------------------------------------------


def test_an_export_says_that_a_product_without_keywords_is_enriched() -> None:
    known = {"keywords": "[]", "description": "A thing.", "caption": "Thing."}
    attributes, said = take(**known, state="enriched")
    assert (said.keywords, said.description, said.caption) == ([], "A thing.", "Thing.")
    assert attributes == {"title": "A", "state": "enriched"}
    assert take(**known, state="queued")[1].caption is None
    assert take(**known)[1].caption is None


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_import_of_an_export_pays_for_nothing_again(
    vitrina: Run, database_url: str, tmp_path: Path, form: str
) -> None:
    known = {"id": "2", "title": "Thing", "description": "A thing.", "caption": "Thing."}
    line = json.dumps({**known, "keywords": [], "state": "enriched"})
    path = write(tmp_path, line + "\n", "known.jsonl")
    vitrina("import", str(path), "--source", "first", url=database_url)
    options = ["--csv"] if form == "csv" else []
    exported = vitrina("export", "--source", "first", *options, url=database_url).stdout
    copy = write(tmp_path, exported, f"copy.{form}")
    done = vitrina("import", str(copy), "--source", "second", url=database_url)
    assert "1 enriched as they are, 0 embeddings, 0 queued" in done.stderr
    again = json.loads(vitrina("export", "--source", "second", url=database_url).stdout)
    assert (again["state"], again["description"], again["caption"], again["keywords"]) == (
        "enriched",
        "A thing.",
        "Thing.",
        [],
    )


def test_what_is_known_comes_in_as_it_is(catalog: Catalog, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    done = catalog.import_enriched(path)
    assert counts(done) == (3, 0, 0, 1, 2, 2, 0)
    assert done.space == SPACE
    rows = {row.external_id: row for row in catalog.export()}
    assert rows["1"].keywords == ["shoe rack", "oak"]
    assert rows["1"].description == "A rack of oak."
    assert rows["1"].caption == "An oak shoe rack."
    assert {row.state for row in rows.values()} == {"enriched", "queued"}
    assert [row.attributes for row in rows.values()] == [{}, {}, {}]
    assert catalog.status().text_space == "local-text", "the active space stays"
    assert catalog.database.value(
        "select array_agg(m.product_id) from vitrina.missing_embeddings(%s, %s) as m",
        ([row.product_id for row in rows.values()], SPACE),
    ) in (None, [])
    again = catalog.import_enriched(path)
    assert counts(again) == (0, 0, 3, 0, 0, 0, 0)
    assert again.space == SPACE


def test_columns_can_be_named(catalog: Catalog, tmp_path: Path) -> None:
    path = write(tmp_path, "code,name,kw,alt,caption,v\n7,Lamp,brass,A brass lamp.,old,[1 2]\n")
    columns = {"keywords": "kw", "caption": "alt", "embedding": "v"}
    mapping = Mapping(columns={"external_id": "code"})
    done = catalog.import_enriched(
        path,
        source="s",
        options=FileOptions(mapping),
        columns=columns,
        space="mine",
        model="m",
        provider="p",
    )
    assert counts(done) == (1, 0, 0, 1, 1, 0, 0)
    assert done.space == "mine"
    (row,) = catalog.export()
    assert (row.caption, row.attributes) == ("A brass lamp.", {"caption": "old"})
    title_too = {"keywords": "kw", "caption": "name"}
    done = catalog.import_enriched(path, source="t", columns=title_too)
    assert (done.enriched, done.loaded.rejected) == (1, 0)


def test_json_lines_and_what_each_line_knows(catalog: Catalog, tmp_path: Path) -> None:
    lines = [
        {"id": 1, "title": "Bare"},
        {"id": 2, "title": "Tagged", "tags": ["oak"], "caption": "Oak.", "embedding": [0.5, 1]},
    ]
    path = write(tmp_path, "\n".join(map(json.dumps, lines)), "a.jsonl")
    assert counts(catalog.import_enriched(path)) == (2, 0, 0, 1, 1, 1, 0)


def test_a_vector_that_cannot_be_used_costs_nobody_a_product(
    catalog: Catalog, tmp_path: Path
) -> None:
    bad = '4,Chair,oak,,"A chair.","[1, 2]"\n5,Desk,"[oops",,A desk.,"[1,2,3]"\n6,,,,,\n'
    path = write(tmp_path, GOOD + bad)
    rejects = tmp_path / "rejects.csv"
    done = catalog.import_enriched(path, options=FileOptions(rejects=str(rejects)))
    assert counts(done) == (5, 0, 0, 2, 3, 3, 2)
    assert (done.loaded.read, done.loaded.rejected) == (6, 1)
    kept = list(csv.reader(rejects.read_text().splitlines()))[1:]
    assert [(row[0], row[1]) for row in kept] == [("7", "6"), ("5", "4"), ("6", "5")]
    assert kept[1][2] == "the embedding has 2 numbers, the space 3; the rest of the row came in"
    assert "not a list of texts" in kept[2][2]
    assert len(done.loaded.rejects) == 3
    states = {row.external_id: row.state for row in catalog.export()}
    assert (states["4"], states["5"]) == ("enriched", "queued")


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (GOOD, {"space": "taken"}, "of 2 dimensions, these have 3"),
        (GOOD, {"space": "local-text"}, "of 256 dimensions, these have 3"),
        (GOOD, {"space": "taken-3"}, "is for openai other, not for openai text-embedding-3-large"),
        (GOOD, {"space": "No!"}, "cannot be the name of a space"),
        (GOOD, {"provider": "local"}, "the database makes them"),
        (GOOD, {"columns": {"caption": "nope"}}, "no column 'nope' for caption"),
        (GOOD, {"columns": {"colour": "id"}}, "cannot map 'colour'"),
        ("id,title\n1,a\n", {}, "no columns of .* look like keywords and caption"),
        ("id,title,caption\n1,a,b\n", {}, "or use `vitrina ingest`"),
        ("id,title,tags,caption\n1,a,b,c\n", {"use": True}, "no space to use"),
        ("id,caption,tags\n1,a,b\n", {}, "looks like a title"),
        (
            "id,title,tags,caption,embedding\n"
            + "".join(f"{i},Chair {i},,,\n" for i in range(600))
            + '600,Last,a,b,"[1,2,3]"\n',
            {"space": "taken"},
            "of 2 dimensions, these have 3",
        ),
    ],
)
def test_what_cannot_go_in_is_said_before_anything_is_written(
    catalog: Catalog, tmp_path: Path, data: str, options: dict, message: str
) -> None:
    for name, model, size in (("taken", "text-embedding-3-large", 2), ("taken-3", "other", 3)):
        catalog.database.value(
            "select vitrina.create_space(%s, 'openai', %s, 'text', %s)", (name, model, size)
        )
    with pytest.raises(InputError, match=message):
        catalog.import_enriched(write(tmp_path, data), **options)
    assert (
        catalog.database.value(
            "select (select count(*) from vitrina.products) + (select count(*) from vitrina.sources)"
        )
        == 0
    )
    assert catalog.database.value("select count(*) from vitrina.spaces") == 4


def test_a_role_without_the_right_is_told_who_has_it(
    catalog: Catalog, database_url: str, tmp_path: Path
) -> None:
    path = write(tmp_path, GOOD)
    with Catalog(f"{database_url}&options=-crole%3Dvitrina_writer") as writer:
        with pytest.raises(AccessError, match=r"as postgres, the owner: .*create_space") as caught:
            writer.import_enriched(path)
        assert writer.status().products == 0
        statement = str(caught.value).partition("owner: ")[2]
        with psycopg.connect(database_url) as owner:
            owner.execute(statement)
        assert counts(writer.import_enriched(path)) == (3, 0, 0, 1, 2, 2, 0)
        with pytest.raises(AccessError, match=r"use_space\('openai-text-embedding-3-large-3'\);"):
            writer.import_enriched(path, use=True)
    assert counts(catalog.import_enriched(path, use=True)) == (0, 0, 3, 0, 0, 0, 0)
    assert catalog.status().text_space == SPACE


def test_imports_that_race_make_one_space(catalog: Catalog, tmp_path: Path) -> None:
    rows = [
        f'{i},Chair {i},"chair {i},oak,thing {i % 7}",,Chair {i}.,"[1,{i},0]"\n' for i in range(300)
    ]
    path = write(tmp_path, GOOD.splitlines(keepends=True)[0] + "".join(rows))
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(
                lambda i: import_file(catalog.database, str(path), source=f"s{i % 2}"), range(4)
            )
        )
    assert sum(one.loaded.inserted for one in done) == 600
    assert sum(one.enriched for one in done) == 600
    assert sum(one.embedded for one in done) == 600
    assert {one.space for one in done} == {SPACE}
    assert catalog.status().queued == 0


def test_a_batch_that_meets_a_worker_is_tried_again(
    catalog: Catalog, db: psycopg.Connection, tmp_path: Path
) -> None:
    path = write(tmp_path, GOOD)
    catalog.import_enriched(path)
    path.write_text(GOOD.replace("An oak", "One oak"))
    db.execute("set deadlock_timeout = '1min'")  # the import is the one that gives way
    waiting = (
        "select exists (select from pg_stat_activity where datname = current_database()"
        " and pg_backend_pid() = any (pg_blocking_pids(pid)))"
    )
    with ThreadPoolExecutor(1) as pool, db.transaction():
        db.execute("select from products where external_id = '2' for update")
        running = pool.submit(catalog.import_enriched, path)
        eventually(lambda: db.execute(waiting).fetchone() == (True,))
        db.execute("select from products where external_id = '1' for update")
    assert counts(running.result()) == (0, 0, 3, 1, 1, 0, 0)


# -- the command -----------------------------------------------------------------------------------


def test_the_command_says_what_it_did(vitrina: Run, database_url: str, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    first = vitrina("import", str(path), url=database_url)
    assert first.exit_code == 0, first.stderr
    assert "3 products: 3 new" in first.stderr
    assert f"1 enriched as they are, 2 embeddings into the space {SPACE}, 2 queued" in first.stderr
    assert (
        f"searches use local-text as before; to switch: vitrina spaces activate {SPACE}"
        in first.stderr
    )
    used = vitrina("import", str(path), "--use", url=database_url)
    assert used.exit_code == 0, used.stderr
    assert "0 enriched as they are, 0 embeddings" in used.stderr
    assert (
        f"searches use {SPACE}: queries by text are embedded by text-embedding-3-large"
        in used.stderr
    )
    assert vitrina("import", url=database_url).exit_code == 2
    assert vitrina("import", str(path), "--threshold", "2", url=database_url).exit_code == 2


def test_the_command_reads_stdin_and_keeps_rejects(
    vitrina: Run, database_url: str, tmp_path: Path
) -> None:
    rows = '{"id": 1, "title": "Lamp", "kw": ["brass"], "alt": "A.", "embedding": [1, 0]}\n'
    rows += '{"id": 2, "title": "Sofa", "embedding": "[0, 0]"}\n'
    arguments = ["import", "-", "--map", "keywords=kw", "--map", "caption=alt"]
    failed = vitrina(*arguments, url=database_url, stdin=rows)
    assert failed.exit_code == 1
    assert "1 enriched as they are, 1 embedding" in failed.stderr
    assert "line 2: the embedding is all zero: it has no direction; the rest" in failed.stderr
    rejects = tmp_path / "rejects.csv"
    again = vitrina(*arguments, "--rejects", str(rejects), url=database_url, stdin=rows)
    assert again.exit_code == 0, again.stderr
    assert "2 unchanged" in again.stderr
    assert rejects.read_text().startswith("line,external_id,reason\n2,2,the embedding is all zero")


# -- real files ------------------------------------------------------------------------------------


def nearest(vectors: np.ndarray, query: int, k: int) -> tuple[set[int], np.ndarray]:
    """numpy's k nearest by cosine, the query itself left out; and every cosine."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit[query]
    order = [int(i) for i in np.argsort(-cosines, kind="stable") if i != query]
    return set(order[:k]), cosines


def same(found: list[int], vectors: np.ndarray, query: int) -> bool:
    """Whether these are numpy's nearest; where the last places tie, any of the tied will do."""
    top, cosines = nearest(vectors, query, len(found))
    worst = min(cosines[i] for i in top)
    tied = all(abs(cosines[i] - worst) < 1e-6 for i in top.symmetric_difference(found))
    return len(found) == len(set(found)) and query not in found and tied


@pytest.mark.data
def test_the_real_files_come_in_and_are_searched_exactly(
    catalog: Catalog, db: psycopg.Connection, shared_data: Path
) -> None:
    folder = shared_data / "furniture"
    tagged = catalog.import_enriched(folder / "items_tagged_and_captioned.csv")
    assert counts(tagged) == (312, 0, 0, 49, 0, 263, 0)
    assert catalog.status().queued == 263
    file = folder / "items_tagged_and_captioned_embeddings.csv"
    done = catalog.import_enriched(file, use=True)
    assert counts(done) == (49, 0, 0, 49, 49, 0, 0)
    assert done.space == "openai-text-embedding-3-large-3072"
    for path, rows in ((folder / "items_tagged_and_captioned.csv", 312), (file, 49)):
        assert counts(catalog.import_enriched(path)) == (0, 0, rows, 0, 0, 0, 0)
    assert [one for one in catalog.check() if one.wrong] == []

    with file.open(newline="") as handle:
        said = [json.loads(row["embedding"]) for row in csv.DictReader(handle)]
    vectors = np.array(said, np.float16).astype(np.float64)
    space = db.execute("select id from spaces where state = 'active' and modality = 'text'")
    partition = f"product_embeddings_{space.fetchone()[0]}"
    stored = db.execute(
        f"select e.product_id, e.embedding::text from {partition} as e order by e.product_id"
    ).fetchall()
    rounded = np.array([json.loads(text) for _, text in stored], np.float16).astype(np.float64)
    place = {
        id_: int(np.flatnonzero((vectors == row).all(axis=1))[0])
        for (id_, _), row in zip(stored, rounded, strict=True)
    }
    assert sorted(place.values()) == list(range(49)), "every vector is stored as it came"

    def agree() -> tuple[int, int]:
        """For how many products similar_products, and search, give numpy's five nearest."""
        similar = searched = 0
        for id_, query in place.items():
            rows = db.execute("select product_id from similar_products(%s, 5)", [id_]).fetchall()
            similar += len(rows) == 5 and same([place[row[0]] for row in rows], vectors, query)
            rows = db.execute(
                "select s.product_id from product_embeddings as e, lateral"
                " search(embedding => e.embedding, mode => 'vector', k => 6) as s"
                " where e.product_id = %s and e.space_id = (vitrina_internal.active_space('text')).id",
                [id_],
            ).fetchall()
            others = [place[row[0]] for row in rows if row[0] != id_]
            searched += len(others) == 5 and same(others, vectors, query)
        return similar, searched

    def scans() -> int:
        db.execute("select pg_stat_force_next_flush()")
        return db.execute(
            "select idx_scan from pg_stat_user_indexes where indexrelname = %s",
            [f"{partition}_hnsw"],
        ).fetchone()[0]

    db.execute("select index_spaces(at_least => 1)")
    before = scans()
    assert agree() == (49, 49)
    assert scans() == before, "so small a space is read as a whole"
    db.execute("update pg_class set reltuples = 1e6 where oid = %s::regclass", [partition])
    db.execute("set enable_seqscan = off; set enable_sort = off")
    assert agree() == (49, 49)
    assert scans() >= before + 98, "the HNSW index was not used"
    plan = db.execute(
        f"explain select e.product_id from {partition} as e"
        " order by e.embedding::halfvec(3072) <=> (select x.embedding::halfvec(3072)"
        f" from {partition} as x limit 1) limit 5"
    ).fetchall()
    assert f"Index Scan using {partition}_hnsw" in str(plan)
