"""evaluation/ and `vitrina eval`."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

from small_shop import CATALOGUE, put
from vitrina.catalog import Catalog
from vitrina.errors import InputError
from vitrina.settings import Settings
from waiting import HANG
from weave_recorder import PATIENT, WeaveRecorder

Run = Callable[..., Result]
GOOD = [
    ("sofa", "sofa-1", 2), ("sofa", "sofa-2", 1), ("metal rack", "rack-2", 1),
    ("metal rack", "lamp-1", 0), ("couch made of brass", "lamp-1", 3),
]  # fmt: skip


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        put(conn, CATALOGUE)
    with Catalog(settings=Settings(database_url=database_url)) as catalog:
        yield catalog


def judged(path: Path, rows: list[tuple], header: str = "query,external_id,grade") -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path


def test_the_figures_are_those_of_what_search_finds(catalog: Catalog, tmp_path: Path) -> None:
    done = catalog.evaluate(judged(tmp_path / "j.csv", GOOD), k=1)
    assert [one.mode for one in done.evaluations] == ["hybrid", "vector", "text"]
    assert (done.judgements, done.unknown, done.skipped) == (5, [], [])
    for one in done.evaluations:
        assert [score.query for score in one.scores] == [
            "sofa", "metal rack", "couch made of brass",
        ]  # fmt: skip
        for score in one.scores:
            grades = {code: grade for query, code, grade in GOOD if query == score.query}
            hits = catalog.search(score.query, k=10, mode=one.mode)
            assert score.found == [hit.external_id for hit in hits]
            gains = [2 ** grades.get(code, 0) - 1 for code in score.found]
            best = sorted((2**grade - 1 for grade in grades.values()), reverse=True)
            discount = [1 / math.log2(place + 2) for place in range(10)]
            assert score.ndcg == pytest.approx(
                sum(g * d for g, d in zip(gains, discount, strict=False))
                / sum(g * d for g, d in zip(best, discount, strict=False))
            )
            relevant = sum(grade > 0 for grade in grades.values())
            assert score.recall == (grades.get(score.found[0], 0) > 0) / relevant
        assert one.ndcg == pytest.approx(sum(score.ndcg for score in one.scores) / 3)
        assert one.mrr == pytest.approx(sum(score.reciprocal_rank for score in one.scores) / 3)
        assert one.recall == pytest.approx(sum(score.recall for score in one.scores) / 3)
        assert one.worst(2) == sorted(one.scores, key=lambda score: score.ndcg)[:2]


def test_what_the_catalogue_has_not_is_counted_and_named(catalog: Catalog, tmp_path: Path) -> None:
    rows = [*GOOD, ("sofa", "gone-1", 2), ("lamp", "gone-1", 1), ("desk", "sofa-1", 0)]
    done = catalog.evaluate(judged(tmp_path / "j.csv", rows), modes=["text"])
    assert done.unknown == ["gone-1"]
    assert done.skipped == ["lamp", "desk"]
    alone = catalog.evaluate(judged(tmp_path / "k.csv", GOOD), modes=["text"])
    assert done.evaluations == alone.evaluations, "what is not there can not be found"


def test_the_source_tells_equal_ids_apart(
    catalog: Catalog, database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        put(conn, [("lamp-1", "Garden gnome", [], {})], source="garden")
    path = judged(tmp_path / "j.csv", [("gnome", "lamp-1", 1)])
    with pytest.raises(InputError, match="'lamp-1' is in several sources: add a column source"):
        catalog.evaluate(path)
    header = "query,external_id,grade,source"
    path = judged(tmp_path / "j.csv", [("gnome", "lamp-1", 1, "garden")], header)
    assert catalog.evaluate(path, modes=["text"]).evaluations[0].mrr == 1
    path = judged(tmp_path / "j.csv", [("gnome", "lamp-1", 1, "attic")], header)
    with pytest.raises(InputError, match=r"no query of .* it lacks attic/lamp-1"):
        catalog.evaluate(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("query,external_id,grade\n", "no judgement found in"),
        ("q,id,g\na,b,1\n", "column query and column external_id and column grade not found"),
        ("query,external_id\na,b\n", "column grade not found: judgements need the columns"),
        ("query,external_id,grade\na,sofa-1,1\na,sofa-2,high\n", "line 3: grade 'high'"),
        ("query,external_id,grade\na,sofa-1,-1\n", "line 2: grade '-1'"),
        ("query,external_id,grade\na,sofa-1,nan\n", "line 2: grade 'nan'"),
        ("query,external_id,grade\na,sofa-1,1e9\n", "line 2: grade '1e9'"),
        ("query,external_id,grade\na,sofa-1,\n", "line 2: grade ''"),
        ("query,external_id,grade\n,sofa-1,1\n", "line 2: query is empty"),
        ("query,external_id,grade\na, ,1\n", "line 2: external_id is empty"),
        ("query,external_id,grade\na,sofa-1\n", "line 2: only 2 fields"),
        ("query,external_id,grade\na,sofa-1,1\na,sofa-1,2\n",
         "line 3: 'sofa-1' has another grade for 'a' on line 2"),
        ("query,external_id,grade\na,gone,1\n", "has a relevant product.*it lacks gone"),
        ("query,external_id,grade\na,sofa-1,0\n", "has a relevant product in this catalogue"),
        ('{"query": "a", "external_id": "sofa-1", "grade": true}', "line 1: grade 'True'"),
        ('{"query": "a", "external_id": "sofa-1"}', "column grade not found"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_one_clear_line(
    catalog: Catalog, vitrina: Run, database_url: str, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "j.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        catalog.evaluate(path)
    result = vitrina("eval", str(path), url=database_url)
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_same_judgement_twice_is_one(catalog: Catalog, tmp_path: Path) -> None:
    path = judged(tmp_path / "j.csv", GOOD * 2)
    assert catalog.evaluate(path, modes=["text"]).judgements == len(GOOD)


def test_the_command_prints_a_table(
    catalog: Catalog, vitrina: Run, database_url: str, tmp_path: Path
) -> None:
    path = judged(tmp_path / "j.csv", [*GOOD, ("sofa", "gone-1", 2), ("desk", "gone-2", 1)])
    result = vitrina("eval", str(path), "--worst", "1", url=database_url)
    assert result.exit_code == 0, result.stderr
    assert "7 judgements, 3 queries" in result.stderr
    assert "2 products are not in this catalogue and were left out: gone-1, gone-2" in result.stderr
    assert "1 query has no relevant product in it: desk" in result.stderr
    for word in ("hybrid", "vector", "text", "nDCG@10", "MRR", "recall@10", "reciprocal"):
        assert word in result.stdout


def test_the_command_prints_json_and_reads_stdin(
    catalog: Catalog, vitrina: Run, database_url: str
) -> None:
    rows = "query,external_id,grade\n" + "".join(f"{q},{c},{g}\n" for q, c, g in GOOD)
    result = vitrina(
        "eval", "-", "--json", "--mode", "text", "-k", "2", "--worst", "2",
        url=database_url, stdin=rows,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    (found,) = (json.loads(line) for line in result.stdout.splitlines())
    assert list(found) == ["mode", "queries", "nDCG@10", "MRR", "recall@2", "worst"]
    assert (found["mode"], found["queries"], len(found["worst"])) == ("text", 3, 2)
    assert list(found["worst"][0]) == ["query", "ndcg", "reciprocal_rank", "recall", "found"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("-k", "0"), "-k"), (("--mode", "fuzzy"), "--mode"), (("--worst", "0"), "--worst")],
)
def test_misuse_is_exit_2(
    vitrina: Run, database_url: str, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    path = judged(tmp_path / "j.csv", GOOD)
    result = vitrina("eval", str(path), *arguments, url=database_url)
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_an_evaluation_goes_to_weave(catalog: Catalog, database_url: str, tmp_path: Path) -> None:
    path = judged(tmp_path / "j.csv", GOOD)
    with WeaveRecorder() as recorder:
        done = subprocess.run(
            [sys.executable, "-c", PATIENT, "--database-url", database_url, "eval", str(path),
             "--mode", "text", "--mode", "hybrid", "--weave", "team/shop", "--json"],
            env={**os.environ, **recorder.environment, "HOME": str(tmp_path)},
            capture_output=True, text=True, check=False, timeout=HANG,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "2 evaluations logged to team/shop" in done.stderr
        figures = {found["mode"]: found for found in map(json.loads, done.stdout.splitlines())}
        for mode in ("text", "hybrid"):
            evaluation = next(
                call
                for call in recorder.named("Evaluation.evaluate")
                if call.get("display_name") == f"vitrina eval {mode}"
            )
            summary = evaluation["output"]["output"]
            assert summary["ndcg_at_10"] == figures[mode]["nDCG@10"]
            assert summary["mrr"] == figures[mode]["MRR"]
            rows = [
                call for call in recorder.named("Evaluation.predict_and_score")
                if call["parent_id"] == evaluation["id"]
            ]  # fmt: skip
            assert [row["inputs"]["example"]["query"] for row in rows] == [
                "sofa", "metal rack", "couch made of brass",
            ]  # fmt: skip
            assert set(rows[0]["output"]["scores"]) == {
                "ndcg_at_10", "reciprocal_rank", "recall_at_10",
            }  # fmt: skip
