"""keywords/curate.py, files/keyword_file.py and `vitrina keywords`: a vocabulary in its owner's hands."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result

from vitrina.catalog import Catalog
from vitrina.errors import InputError
from vitrina.files.keyword_file import read_seed
from vocabulary import enrich, fill, keywords, state
from waiting import HANG, waits_for_a_lock

Run = Callable[..., Result]


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_search_follows_every_change_at_once(catalog: Catalog, db: psycopg.Connection) -> None:
    fill(db, 12)

    def found(*keywords: str, words: str | None = None) -> int:
        mode: Any = "text" if words else "hybrid"
        return len(catalog.search(words, with_keywords=keywords, k=100, mode=mode))

    assert (found("zig lamp"), found(words="zig")) == (4, 4)
    catalog.keywords.merge(["zig lamp"], "qua shelf")
    assert (found("zig lamp"), found("qua shelf"), found(words="zig")) == (8, 8, 0)
    catalog.keywords.split("zig lamp")
    assert (found("zig lamp"), found("qua shelf"), found(words="zig")) == (4, 4, 4)
    catalog.keywords.rename("zig lamp", "zag lamp")
    assert (found("zig lamp"), found(words="zag"), found(words="zig")) == (4, 4, 0)
    catalog.keywords.drop("zag lamp")
    assert (found("zag lamp"), found(words="zag")) == (0, 0)
    for _ in range(4):
        catalog.keywords.undo()
    assert (found("zig lamp"), found(words="zig")) == (4, 4)


def test_a_session_of_the_command_line(
    vitrina: Run, database_url: str, db: psycopg.Connection
) -> None:
    fill(db, 12)

    def run(*args: str) -> list[dict[str, Any]]:
        return lines(vitrina("keywords", *args, "--json", url=database_url))

    merged = vitrina("keywords", "merge", "zig lamp", "--into", "qua shelf", url=database_url)
    assert merged.stderr == "change 1; to undo it: vitrina keywords undo 1\n"
    assert "qua shelf" in merged.stdout
    assert {row["alias"] for row in run("show", "qua shelf")} == {"qua shelf", "zig lamp"}
    assert run("split", "zig lamp", "--as", "zag lamp")[0]["after"] == "zag lamp"
    assert run("rename", "teal", "Petrol")
    assert run("pin", "petrol")[0]["after"] == "Petrol (color, pinned)"
    assert run("unpin", "petrol")
    assert run("facet", "thing", "type")
    assert run("drop", "thing")[0]["after"] is None
    assert run("distinct", "black", "petrol")[0]["after"] == "distinct (manual)"
    assert run("audit", "-k", "3") is not None
    assert run("rebuild") == []
    assert [row["action"] for row in run("history")] == [
        "distinct", "drop", "facet", "unpin", "pin", "rename", "split", "merge",
    ]  # fmt: skip
    again = vitrina("keywords", "distinct", "black", "petrol", url=database_url)
    assert (again.exit_code, again.stderr) == (0, "nothing to change\n")
    for number in range(8, 0, -1):
        assert run("undo")[0]["change"] == 17 - number
    assert lines(vitrina("keywords", "undo", "16", "--json", url=database_url))
    wrong = vitrina("keywords", "show", "nope", url=database_url)
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("Error: keyword or alias 'nope' not found; ")
    mistyped = vitrina(
        "keywords", "merge", "zigg lmap", "thing", "--into", "black", url=database_url
    )
    assert (mistyped.exit_code, mistyped.stderr.splitlines()[1:]) == (
        0, ["no product says 'zigg lmap': it is kept for searches and for new products"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seed.csv", "keyword,facet,aliases\nSofa,type,couch;settee\noak,material,\n"),
        ("excel.csv", "\ufeffKeyword;Facet;Aliases\nSofa;type;couch | settee\noak;material;\n"),
        ("seed.jsonl", '{"keyword": "Sofa", "facet": "type", "aliases": ["couch", "settee"]}\n'
                       '{"keyword": "oak", "facet": "material"}\n'),
    ],
)  # fmt: skip
def test_a_seed_comes_in_each_form(
    vitrina: Run, database_url: str, db: psycopg.Connection, tmp_path: Path, name: str, text: str
) -> None:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    done = lines(vitrina("keywords", "seed", str(file), "--json", url=database_url))
    assert {row["alias"]: row["after"] for row in done} == {
        "sofa": "Sofa", "couch": "Sofa", "settee": "Sofa", "oak": "oak",
    }  # fmt: skip
    listed = db.execute("select keyword, facet, pinned from list_keywords()").fetchall()
    assert set(listed) == {("Sofa", "type", True), ("oak", "material", True)}
    again = vitrina("keywords", "seed", str(file), url=database_url)
    assert again.stderr == "nothing to change\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "keyword,facet,aliases\nsofa,type,couch\nchair,colour,couch\n\"x\n",
         ["1 lines of", "line 4: "]),
        ("a.csv", "keyword,facet,aliases\nsofa,type,couch\nchair,colour,couch\n,type,\n",
         ["Error: 3 problems in the seed, nothing is changed:", "line 3 (chair): facet 'colour' not found",
          "line 3 (chair): its alias couch belongs to sofa in line 2".replace("couch", "'couch'").replace("sofa", "'sofa'"),
          "line 4: it has no keyword"]),
        ("a.csv", "term_id,words\n1,sofa\n", ["no keywords in a column `keyword`: its columns are term_id, words"]),
        ("a.csv", "keyword\n", ["no keywords in a column `keyword`: it is empty"]),
        ("a.csv", "", ["is empty"]),
        ("a.jsonl", '{"keyword": "sofa"}\n{"keyword": "so', ["line 2: broken JSON"]),
        ("a.jsonl", '{"keyword": "sofa"}\n{"keyword": ["x"], "aliases": 3}\n', ["line 2: it has no keyword"]),
        ("missing.csv", None, ["no such file"]),
    ],
)  # fmt: skip
def test_a_bad_seed_is_one_line_a_problem_and_changes_nothing(
    vitrina: Run, database_url: str, db: psycopg.Connection, tmp_path: Path,
    name: str, text: str | None, said: list[str],
) -> None:  # fmt: skip
    before = state(db)
    file = tmp_path / name
    if text is not None:
        file.write_text(text, "utf-8")
    result = vitrina("keywords", "seed", str(file), url=database_url)
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    for part in said:
        assert part in result.stderr
    assert state(db) == before


def test_lines_of_a_seed_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    file = tmp_path / "seed.csv"
    file.write_text('keyword,aliases\nsofa,"couch\nand more"\n\nlamp,\n', "utf-8")
    assert [row["line"] for row in read_seed(str(file))] == [2, 5]
    with pytest.raises(InputError, match="no such file"):
        read_seed(str(tmp_path / "nope.csv"))


def test_a_worker_that_looked_before_a_merge_is_right_after_it(
    database_url: str, db: psycopg.Connection
) -> None:
    """Two sessions: one has put products and not committed when the other merges their keyword."""
    fill(db, 12)
    merged = threading.Event()
    worker, owner = psycopg.connect(database_url), psycopg.connect(database_url)
    worker.execute("set search_path = vitrina, public")
    worker.execute("select resolve_keywords('{zig lamp,teal}')")
    enrich(worker, {0: ["zig lamp", "teal"]})

    def merge() -> None:
        owner.execute("select vitrina.merge_keywords('{zig lamp}', 'qua shelf')")
        owner.commit()
        merged.set()

    thread = threading.Thread(target=merge)
    thread.start()
    waits_for_a_lock(db, owner)
    assert not merged.is_set(), "the merge waits for what is being put"
    worker.commit()
    thread.join(HANG)
    assert merged.is_set()
    assert keywords(db, 0) == ["qua shelf", "teal"]

    # the other way round: the merge is under way when a worker puts what it resolved before
    owner.execute("select vitrina.split_keyword('zig lamp')")
    put = threading.Thread(target=lambda: (enrich(worker, {1: ["zig lamp"]}), worker.commit()))
    put.start()
    waits_for_a_lock(db, worker)
    assert put.is_alive(), "what is put waits for the split"
    owner.commit()
    put.join(HANG)
    assert not put.is_alive()
    assert (keywords(db, 0), keywords(db, 1)) == (["zig lamp", "teal"], ["zig lamp"])
    worker.close()
    owner.close()


def test_workers_and_an_owner_at_once_never_deadlock(
    database_url: str, db: psycopg.Connection
) -> None:
    """Four sessions put products with new and known terms while a fifth merges, splits, undoes."""
    fill(db, 12)
    errors: list[BaseException] = []
    start = threading.Barrier(5)

    def work(number: int) -> None:
        try:
            with psycopg.connect(database_url, autocommit=True) as conn:
                conn.execute("set search_path = vitrina, public")
                start.wait()
                for round_ in range(8):
                    said = {
                        i: ["zig lamp", f"new {number} of {round_}", "qua shelf"]
                        for i in range(number, 12, 4)
                    }
                    enrich(conn, said)
                    conn.execute("select embed_products(array(select id from products))")
        except BaseException as exc:
            errors.append(exc)

    def own() -> None:
        try:
            with psycopg.connect(database_url, autocommit=True) as conn:
                start.wait()
                for _ in range(4):
                    conn.execute("select vitrina.merge_keywords('{zig lamp}', 'qua shelf')")
                    conn.execute("select vitrina.split_keyword('zig lamp')")
                    conn.execute("select vitrina.undo_keyword_change()")
                    conn.execute("select vitrina.undo_keyword_change()")
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    threads.append(threading.Thread(target=own))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    derived = db.execute(
        "select p.keywords, array(select w.name from product_terms as t"
        " join keyword_aliases as a on a.alias = t.form join keywords as w on w.id = a.keyword_id"
        " where t.product_id = p.id order by t.place) from products as p"
    ).fetchall()
    assert all(list(dict.fromkeys(names)) == kept for kept, names in derived)
    assert db.execute("select count(*) from missing_embeddings(array(select id from products))"
                      ).fetchone() == (0,)  # fmt: skip
