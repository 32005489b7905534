"""cli/: what people type, what they are told, and the exit code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from PIL import Image

from openai_stub import OpenAIStub
from vitrina.catalog import Catalog
from vitrina.cli import COMMANDS, main
from waiting import HANG, eventually

Run = Callable[..., Result]
GOOD = "id,title,color\n1,Oak shoe rack,brown\n2,Red velvet sofa,red\n"


@pytest.fixture
def products(tmp_path: Path) -> Path:
    path = tmp_path / "products.csv"
    path.write_text(GOOD)
    return path


def count(url: str) -> int:
    with psycopg.connect(url) as conn:
        return conn.execute("select count(*) from vitrina.products").fetchone()[0]


def lines(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_help_is_quick_and_light() -> None:
    code = (
        "import sys; from vitrina.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as exc: assert exc.code == 0\n"
        "heavy = {'openai', 'weave', 'psycopg', 'sqlalchemy', 'numpy', 'PIL', 'requests', 'rich'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == "set()\n"
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(vitrina: Run, name: str) -> None:
    command = main.get_command(None, name)
    for path in [[name]] + [[name, sub] for sub in getattr(command, "commands", {})]:
        result = vitrina(*path, "-h")
        assert result.exit_code == 0
        group = len(path) == 1 and hasattr(command, "commands")
        if not group and path != ["db", "stop"]:
            assert "Example:" in result.stdout, path


def test_ingest_search_similar_export(vitrina: Run, database_url: str, products: Path) -> None:
    first = vitrina("ingest", str(products), url=database_url)
    assert first.exit_code == 0, first.stderr
    assert "2 products: 2 new, 0 changed, 0 unchanged" in first.stderr
    assert "2 products enriched: 2 generations (0 reused), 2 embeddings" in first.stderr
    again = vitrina("ingest", str(products), url=database_url)
    assert "0 new, 0 changed, 2 unchanged" in again.stderr
    assert "0 products enriched: 0 generations (0 reused), 0 embeddings" in again.stderr
    found = lines(vitrina("search", "shoe rack", "--json", url=database_url))
    assert [hit["external_id"] for hit in found] == ["1"]
    assert (found[0]["missing"], found[0]["relevance"]) == ([], 1)
    none = vitrina("search", "dog food", url=database_url)
    assert (none.exit_code, none.stdout) == (0, "")
    assert "nothing matches; nearest: " in none.stderr
    assert "show them: --min-relevance 0" in none.stderr
    shown = lines(vitrina("search", "dog food", "--min-relevance", "0", "--json", url=database_url))
    assert len(shown) == 2
    assert "grey" in vitrina("search", "grey sofa", url=database_url).stdout
    meant = vitrina("search", "shoe rakc", "--json", url=database_url)
    assert lines(meant) == found
    assert "showing results for rack; search instead for rakc: --exact" in meant.stderr
    assert vitrina("search", "shoe rakc", "--exact", "--json", url=database_url).stdout == ""
    assert {"shoe rack", "brown"} <= set(found[0]["keywords"])
    similar = lines(vitrina("similar", "1", "--of", "products", "--json", url=database_url))
    assert [hit["external_id"] for hit in similar] == ["2"]
    exported = lines(vitrina("export", url=database_url))
    assert [row["external_id"] for row in exported] == ["1", "2"]
    assert all(row["caption"] and row["state"] == "enriched" for row in exported)
    table = vitrina("export", "--csv", url=database_url)
    assert table.stdout.splitlines()[0].startswith("product_id,source,external_id,title")
    assert vitrina("search", "sofa", url=database_url).stdout.count("Red velvet sofa") == 1


def test_json_lines_come_in_from_stdin(vitrina: Run, database_url: str) -> None:
    rows = '{"id": 1, "title": "Lamp", "price": 5}\n{"id": 2, "name": "Sofa"}\n'
    result = vitrina("ingest", "-", "--source", "pipe", url=database_url, stdin=rows)
    assert result.exit_code == 0, result.stderr
    exported = lines(vitrina("export", "--source", "pipe", url=database_url))
    assert [(row["title"], row["attributes"]) for row in exported] == [
        ("Lamp", {"price": 5}),
        ("Sofa", {}),
    ]


def test_a_changed_price_is_stored_and_costs_nothing(
    vitrina: Run, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,title,price\n1,Lamp,$5\n")
    vitrina("ingest", str(path), url=database_url)
    assert "$5" in vitrina("search", "lamp", url=database_url).stdout
    path.write_text("id,title,price\n1,Lamp,$6\n")
    result = vitrina("ingest", str(path), url=database_url)
    assert "1 changed" in result.stderr
    assert "0 products enriched" in result.stderr
    assert lines(vitrina("export", url=database_url))[0]["attributes"] == {
        "price": 6, "currency": "$",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "options", "code", "message"),
    [
        ("gone.csv", None, [], 1, "no such file"),
        (".", None, [], 1, "is a folder"),
        ("a.csv", b"", [], 1, "is empty"),
        ("a.csv", b"id,title\n", [], 1, "no rows below its header"),
        ("a.csv", b"id,colour\n1,red\n", [], 1, "with --map title=COLUMN"),
        ("a.csv", b"id,title\n1,a\n", ["--map", "title=x"], 1, "no column 'x' for title"),
        ("a.csv", b"id,title\n1,a\n", ["--map", "title"], 2, "is not FIELD=COLUMN"),
        ("a.csv", b"id,title\n1,a\n", ["--encoding", "klingon"], 1, "unknown encoding"),
        ("a.csv", b"id,title\n1,a\n", ["--text-config", "klingon"], 1, "klingon"),
        ("a.csv", b"id,title\n1,a\n", ["--image-root", "/no/such"], 1, "no such folder"),
        ("a.csv", b"id,title\n1,a\n", ["--rejects", "/no/such/file"], 0, ""),
        ("a.csv", b"id,title\n1,a\n", ["--limit", "0"], 2, "--limit"),
        ("a.csv", b"id,title\n1,a\n", ["--delimiter", "ab"], 2, "one character"),
    ],
)
def test_a_file_or_option_that_cannot_be_used_writes_nothing(
    vitrina: Run,
    database_url: str,
    tmp_path: Path,
    name: str,
    data: bytes | None,
    options: list[str],
    code: int,
    message: str,
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    result = vitrina("ingest", str(path), *options, url=database_url)
    assert result.exit_code == code, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert count(database_url) == (1 if code == 0 else 0)


@pytest.mark.parametrize(
    ("name", "bad", "reason"),
    [
        ("a.csv", b"9\n", "only 1 fields where the header has 2"),
        ("a.csv", b"1,other\n", "the id stands on line 2 already"),
        ("a.csv", b"9,a\0b\n", "a NUL byte in title"),
        ("a.csv", b"9," + b"x" * 1_048_576 + b"\n", "the title has 1,048,576 characters"),
        ("a.csv", b"9,\n", "no title"),
        ("a.jsonl", b'{"id": 9, "title"\n', "broken JSON"),
    ],
)
def test_a_bad_row_is_kept_aside_and_the_rest_goes_in(
    vitrina: Run, database_url: str, tmp_path: Path, name: str, bad: bytes, reason: str
) -> None:
    if name.endswith("csv"):
        data = b"id,title\n1,Oak shoe rack\n" + bad + b"2,Red sofa\n"
        line = 3
    else:
        row = b'{"id": %d, "title": "Lamp"}\n'
        data, line = row % 1 + bad + row % 2, 2
    path = tmp_path / name
    path.write_bytes(data)
    rejects = tmp_path / "rejects.csv"
    plain = vitrina("ingest", str(path), url=database_url)
    assert plain.exit_code == 1
    assert f"line {line}: " in plain.stderr
    assert reason in plain.stderr
    assert count(database_url) == 2
    kept = vitrina("ingest", str(path), "--rejects", str(rejects), url=database_url)
    assert kept.exit_code == 0
    head, entry = rejects.read_text("utf-8").splitlines()
    assert head == "line,external_id,reason"
    assert entry.startswith(f"{line},")
    assert reason in entry.replace('""', '"')


def test_pictures_that_cannot_be_used_are_named_and_tried_again(
    vitrina: Run, database_url: str, tmp_path: Path
) -> None:
    root = tmp_path / "pictures"
    root.mkdir()
    picture = root / "good.png"
    Image.new("RGB", (40, 40), "red").save(picture)
    whole = picture.read_bytes()
    (root / "html.png").write_text("<!doctype html><p>Not found")
    (root / "cut.png").write_bytes(whole[: len(whole) // 2])
    (root / "zero.png").write_bytes(b"")
    (root / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (root / "folder.png").mkdir()
    Image.new("1", (8000, 8000)).save(root / "bomb.png")
    names = ["good.png", "html.png", "cut.png", "zero.png", "drawing.svg", "folder.png",
             "bomb.png", "gone.png", "../products.csv"]  # fmt: skip
    path = tmp_path / "products.csv"
    path.write_text(
        "id,title,image\n" + "".join(f"{i},Lamp {i},{n}\n" for i, n in enumerate(names))
    )
    result = vitrina("ingest", str(path), "--image-root", str(root), url=database_url)
    assert result.exit_code == 0, result.stderr
    assert "8 pictures are unavailable" in result.stderr
    rows = lines(vitrina("export", url=database_url))
    errors = {row["image"]: row["image_error"] for row in rows}
    assert errors.pop("good.png") is None
    assert all(errors.values())
    for name, word in {
        "html.png": "HTML", "zero.png": "empty", "drawing.svg": "SVG", "folder.png": "folder",
        "bomb.png": "pixel", "gone.png": "file not found", "../products.csv": "leads out",
    }.items():  # fmt: skip
        assert word.lower() in errors[name].lower(), (name, errors[name])
    assert all(row["state"] == "enriched" and row["caption"] for row in rows)
    (root / "gone.png").write_bytes(whole)
    again = vitrina("ingest", "--retry-images", url=database_url)
    assert again.exit_code == 0, again.stderr
    assert "8 products queued" in again.stderr
    assert "7 pictures are unavailable" in again.stderr


@pytest.mark.parametrize(
    "reference",
    [
        "html.png",
        "/no/such.png",
        "http://127.0.0.1:9/a.png",
        "ftp://x/y.png",
        "https://[::1]/a.png",
    ],
)
def test_a_query_picture_that_cannot_be_used_is_one_line(
    vitrina: Run, database_url: str, tmp_path: Path, reference: str
) -> None:
    (tmp_path / "html.png").write_text("<html>")
    given = str(tmp_path / reference) if reference == "html.png" else reference
    result = vitrina("search", "--image", given, url=database_url)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("Error: ")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["search"], 2, "give words to search for"),
        (["search", "x", "-k", "-1"], 1, "k must be 0 to 10000"),
        (["search", "x", "--filter", "{"], 2, "not JSON"),
        (["search", "x", "--filter", "[1]"], 2, "give a JSON object"),
        (["search", "x", "--where", "$.price <"], 1, "jsonpath"),
        (["similar", "abc"], 1, "product 'abc' not found"),
        (["similar", "12345"], 1, "product '12345' not found"),
        (["similar", "x", "--source", "y"], 1, "product 'x' not found"),
        (["similar", "x", "--of", "y"], 1, "source 'y' not found"),
        (["show", "x"], 1, "product 'x' not found"),
        (["delete", "x"], 1, "product 'x' not found"),
        (["sources", "remove", "x"], 1, "source 'x' not found"),
        (["search", "x", "--source", "y"], 1, "source 'y' not found"),
        (["search", "x", "--with", "y"], 1, "keyword 'y' not found"),
        (["search", "x", "--attr", "size"], 2, "like gender=Women"),
        (["search", "x", "--where", "$.price"], 1, "is no condition"),
        (["nonsense"], 2, "No such command"),
        (["ingest"], 2, "name a file"),
    ],
)
def test_misuse_is_explained(
    vitrina: Run, database_url: str, arguments: list[str], code: int, message: str
) -> None:
    result = vitrina(*arguments, url=database_url)
    assert result.exit_code == code, result.stderr
    assert message in result.stderr


def test_databases_that_cannot_be_used(vitrina: Run, empty_database: str) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    unreachable = vitrina("search", "x", url=f"postgresql://u:hunter2@127.0.0.1:{port}/x")
    assert unreachable.exit_code == 1
    assert "cannot reach the database" in unreachable.stderr
    assert "hunter2" not in unreachable.stderr
    bare = vitrina("search", "x", url=empty_database)
    assert (bare.exit_code, "vitrina db upgrade" in bare.stderr) == (1, True)


def test_a_read_only_database_takes_searches_and_refuses_products(
    vitrina: Run, database_url: str, products: Path
) -> None:
    vitrina("ingest", str(products), url=database_url)
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(f"alter database {name} set default_transaction_read_only = on")
    assert lines(vitrina("search", "sofa", "--json", url=database_url))[0]["external_id"] == "2"
    changed = products.with_name("more.csv")
    changed.write_text("id,title\n3,Desk\n")
    result = vitrina("ingest", str(changed), url=database_url)
    assert result.exit_code == 1
    assert "read-only" in result.stderr
    assert count(database_url) == 2


def test_keywords_and_status(vitrina: Run, database_url: str, products: Path) -> None:
    vitrina("ingest", str(products), url=database_url)
    listed = lines(vitrina("keywords", "list", "--facet", "color", "--json", url=database_url))
    assert {row["keyword"] for row in listed} == {"brown", "red"}
    resolved = lines(vitrina("keywords", "resolve", "couch", "Sofas", "--json", url=database_url))
    assert [(row["keyword"], row["method"]) for row in resolved] == [
        ("sofa", "thesaurus"),
        ("sofa", "form"),
    ]
    near = lines(
        vitrina("keywords", "similar", "shoe shelf", "-k", "1", "--json", url=database_url)
    )
    assert near[0]["keyword"] == "shoe rack"
    (status,) = lines(vitrina("status", "--json", url=database_url))
    assert (status["products"], status["enriched"], status["queued"]) == (2, 2, 0)


def test_doctor_says_what_to_do(vitrina: Run, database_url: str, empty_database: str) -> None:
    good = vitrina("doctor", "--json", url=database_url)
    assert good.exit_code == 0, good.stdout
    assert {row["level"] for row in lines(good)} <= {"ok", "note"}
    bad = vitrina("doctor", "--json", url=empty_database)
    assert bad.exit_code == 1
    wrong = [row for row in lines(bad) if row["level"] == "wrong"]
    assert {row["check"] for row in wrong} == {"pgvector", "schema"}
    assert all(row["do"] != "nothing" for row in wrong)


def test_doctor_looks_deep_only_if_asked(vitrina: Run, database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("select vitrina.put_source('shop')")
        conn.execute(
            'select vitrina.put_products(\'shop\', \'[{"external_id": "1", "title": "Oak desk"}]\')'
        )
    sound = vitrina("doctor", "--deep", "--json", url=database_url)
    assert sound.exit_code == 0, sound.stdout
    texts = next(row for row in lines(sound) if row["check"] == "full text of products")
    assert (texts["level"], texts["found"], texts["do"]) == ("ok", "0 of 1 wrong", "nothing")
    with psycopg.connect(database_url) as conn:
        conn.execute("delete from vitrina.product_text")
    assert vitrina("doctor", url=database_url).exit_code == 0
    broken = vitrina("doctor", "--deep", "--json", url=database_url)
    assert broken.exit_code == 1
    (wrong,) = [row for row in lines(broken) if row["level"] == "wrong"]
    assert wrong["check"] == "full text of products"
    assert wrong["found"] == "1 of 1 wrong, like product 1"
    assert "refresh_text" in wrong["do"]
    with Catalog(database_url) as catalog:
        assert [one.check for one in catalog.check() if one.wrong] == ["full text of products"]


def test_doctor_reaches_for_the_provider(
    vitrina: Run, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def provider() -> tuple[str, str]:
        rows = lines(vitrina("doctor", "--json", url=database_url))
        return next((row["level"], row["found"]) for row in rows if row["check"] == "provider")

    with OpenAIStub(key="right") as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("OPENAI_API_KEY", "right")
        assert provider()[0] == "ok"
        monkeypatch.setenv("OPENAI_API_KEY", "wr0ng-key")
        level, found = provider()
        assert (level, "refuses the key" in found, "wr0ng" in found) == ("wrong", True, False)
        monkeypatch.setenv("OPENAI_API_KEY", "right")
        monkeypatch.setenv("VITRINA_VISION_MODEL", "no-such-model")
        level, found = provider()
        assert (level, "no-such-model" in found) == ("wrong", True)
    assert provider()[0] == "wrong"


def test_queued_products_wait_for_a_worker(vitrina: Run, database_url: str, products: Path) -> None:
    vitrina("ingest", str(products), "--no-enrich", url=database_url)
    assert lines(vitrina("status", "--json", url=database_url))[0]["queued"] == 2
    result = vitrina("work", "--drain", url=database_url)
    assert "2 products enriched" in result.stderr


def test_a_watching_worker_takes_what_comes_and_stops_when_told(
    vitrina: Run, database_url: str, products: Path
) -> None:
    environment = {**os.environ, "VITRINA_DATABASE_URL": database_url}
    worker = subprocess.Popen(
        [sys.executable, "-m", "vitrina", "work"],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        vitrina("ingest", str(products), "--no-enrich", url=database_url)
        status = ("status", "--json")
        eventually(lambda: not lines(vitrina(*status, url=database_url))[0]["queued"])
        worker.terminate()
        _, err = worker.communicate(timeout=HANG)
        assert worker.returncode == 0
        assert "2 products enriched" in err
    finally:
        worker.kill()
        worker.wait()


def test_without_a_url_the_embedded_postgres_is_used_and_said_once(tmp_path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="vt-", dir="/tmp") as home:
        environment = {**os.environ, "VITRINA_HOME": home}

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-W", "error", "-m", "vitrina", *arguments],
                env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip

        try:
            result = run("status", "--json")
            assert result.returncode == 0, result.stderr
            assert json.loads(result.stdout)["products"] == 0
            assert result.stderr.count("embedded Postgres") == 1
            assert result.stderr.count("\n") == 1
            assert run("db", "check").returncode == 0
            psql = run("db", "psql", "-Atc", "select count(*) from vitrina.search('x')")
            assert psql.stdout.strip() == "0", psql.stderr
            assert run("db", "url").stdout.startswith("postgresql://")
        finally:
            assert run("db", "stop").returncode == 0


def test_a_dump_is_written_and_restored_without_other_tools(
    vitrina: Run, database_url: str, empty_database: str, products: Path, tmp_path: Path
) -> None:
    dump = str(tmp_path / "shop.dump")
    vitrina("ingest", str(products), "--no-enrich", url=database_url)
    done = vitrina("db", "dump", "--format", "custom", "--file", dump, url=database_url)
    assert done.exit_code == 0
    assert vitrina("db", "restore", "--exit-on-error", dump, url=empty_database).exit_code == 0
    assert vitrina("db", "check", url=empty_database).exit_code == 0
    assert count(empty_database) == 2
    assert vitrina("db", "restore", dump + ".gone", url=empty_database).exit_code == 1


def test_a_file_of_rejects_only_says_why(
    vitrina: Callable[..., Result], database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "bare.csv").write_text("id,title\n1,\n2,\n")
    ran = vitrina("ingest", str(tmp_path / "bare.csv"), url=database_url)
    assert ran.exit_code == 1
    assert "line 3: no title" in ran.stderr
    assert "--rejects FILE" in ran.stderr
    assert "not found" not in ran.stderr
