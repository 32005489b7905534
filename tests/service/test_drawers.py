"""What the drawer under each screen shows is run: SQL, command line, Python and curl find the same."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass
from typing import Any

import psycopg
import pytest
from click.testing import Result
from psycopg.rows import dict_row
from selectolax.lexbor import LexborHTMLParser

import servers
from serving import Served, serving
from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.settings import Settings

Row = dict[str, Any]
LANGUAGES = ("sql", "cli", "python")
# a row is known by the first of these that all languages have
NAMES = ("product_id", "external_id", "change", "matching", "term", "keyword", "query", "day", "name", "source", "id", "what", "stage", "failed", "gate")  # fmt: skip
ALL = {"sql", "cli", "python", "curl"}
# screens, what their drawer has, and the places of what says the same in each language
SCREENS: list[tuple[str, set[str], list[tuple[int, int, int]]]] = [
    ("/", {"sql", "python", "curl"}, []),
    ("/?q=grey+sofa", ALL, [(0, 0, 0)]),
    ("/product/35", ALL, [(0, 0, 0), (1, 1, 1), (2, 2, 2)]),
    ("/product/35?why=sofa", ALL, [(0, 0, 0), (1, 1, 1), (2, 2, 2)]),
    ("/explain?product=FU-107&q=grey+sofa", ALL, [(0, 0, 0)]),
    ("/explain?product=FU-107&q=-leather+sofa&k.color=gray&sort=price&mode=text", ALL, [(0, 0, 0)]),
    ("/explain?id=35&q=it%27s+a+table&beside=FU-110&page=2&n=5", ALL, [(0, 0, 0), (1, 1, 1)]),
    ("/explain?q=grey+sofa", ALL, [(0, 0, 0)]),
    ("/vocabulary", {"sql", "cli", "python"}, [(0, 0, 0)]),
    ("/vocabulary?facet=material", {"sql", "cli", "python"}, [(0, 0, 0)]),
    ("/vocabulary/keyword?name=sofa", {"sql", "cli", "python"}, [(0, 0, 0)]),
    ("/vocabulary/review", {"sql", "cli", "python"}, []),  # nothing is in doubt
    ("/vocabulary/history", {"sql", "cli", "python"}, [(0, 0, 0)]),
    ("/work", {"sql", "cli", "python"}, [(1, 1, 1), (3, 3, 3), (4, 2, 4)]),
    ("/evaluate", {"sql", "cli", "python"}, [(0, 0, 0)]),
    ("/evaluate?q=grey+sofa", {"sql", "cli", "python"}, []),
    ("/evaluate/compare?a.mode=text&b.vector=2&b.floor=0.1", {"sql", "cli", "python"}, []),
    ("/searches", {"sql", "cli", "python"}, [(0, 0, 0), (1, 1, 1)]),
    ("/searches?which=empty&days=7", {"sql", "cli", "python"}, [(0, 0, 0), (1, 1, 1)]),
    ("/searches?which=corrected&days=90", {"sql", "cli", "python"}, [(0, 0, 0), (1, 1, 1)]),
    ("/docs", {"curl"}, []),
]  # fmt: skip


@pytest.fixture(scope="module")
def url(server: embedded.Server, demo_template: str) -> Iterator[str]:
    """The demo catalogue with something to show on each screen."""
    name = servers.create(server, demo_template)
    url = server.url(name)
    with Catalog(settings=Settings(database_url=url)) as catalog:
        for hit in catalog.search("grey sofa", k=3):
            catalog.judgements.grade("grey sofa", hit.product_id, 2)
        catalog.rules.add("it's a sofa", pin=["FU-107"])
        catalog.searches.policy(log=True)
        catalog.keywords.merge(["settle"], "sofa")
    with psycopg.connect(url, autocommit=True) as conn:
        searched = [{"query": "grey sofa", "results": 3}, {"query": "zorb", "results": 0},
                    {"query": "sofaa", "results": 2, "corrected": "sofa"}]  # fmt: skip
        conn.execute("select vitrina.log_searches(%s)", [json.dumps(searched)])
        conn.execute("insert into vitrina.jobs (product_id, state, error)"
                     " values (3, 'failed', 'HTTP 500'), (4, 'failed', 'timed out')")  # fmt: skip
    yield url
    servers.drop(server, name)


@pytest.fixture(scope="module")
def served(url: str) -> Iterator[Served]:
    with serving(url, "--edit") as running:
        yield running


def sql_rows(url: str, text: str) -> list[list[Row]]:
    """The rows of each statement."""
    with psycopg.connect(url, row_factory=dict_row) as conn:
        cursor = conn.execute(text.encode())
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
    return found


def python_rows(url: str, text: str) -> list[list[Row]]:
    """The rows of each call."""
    calls = [call for call in re.split(r"\n(?=catalog\.)", text) if call]
    with Catalog(settings=Settings(database_url=url), read_only=True) as catalog:
        made = [eval(call, {"catalog": catalog}) for call in calls]  # noqa: S307
    return [
        [asdict(each) for each in (one if isinstance(one, list | tuple) else [one])]
        if not isinstance(one, list | tuple) or not one or is_dataclass(one[0])
        else [dict(each) for each in one]
        for one in made
    ]


def cli_rows(vitrina: Callable[..., Result], url: str, text: str) -> list[list[Row]]:
    """The rows of each command."""
    found = []
    for line in text.splitlines():
        words = shlex.split(line)
        assert words[0] == "vitrina"
        if words[1] == "doctor":  # what it says is for people
            found.append([])
            continue
        flags = [] if "--csv" in words else ["--json"]
        before = words[1:].index("--") if "--" in words[1:] else len(words) - 1
        done = vitrina(*words[1:][:before], *flags, *words[1:][before:], url=url)
        assert done.exit_code == 0, (line, done.stderr)
        if "--csv" in words:
            found.append(list(csv.DictReader(io.StringIO(done.stdout))))
        else:
            found.append([json.loads(each) for each in done.stdout.splitlines()])
    return found


def known(rows: list[list[Row]]) -> list[list[str]]:
    """By what each language knows its rows."""
    if not all(rows):
        assert not any(rows), rows
        return [[] for _ in rows]
    name = next(name for name in NAMES if all(name in each[0] for each in rows))
    return [[str(row[name]) for row in each] for each in rows]


@pytest.mark.parametrize(("path", "languages", "same"), SCREENS)
def test_each_language_says_the_same(
    served: Served,
    url: str,
    vitrina: Callable[..., Result],
    path: str,
    languages: set[str],
    same: list[tuple[int, int, int]],
) -> None:
    page = LexborHTMLParser(served.get(path).text)
    how = {pre.attributes["data-how"]: pre.text() for pre in page.css("details.how [data-how]")}
    assert set(how) == languages
    if "curl" not in how:
        assert "The API has what" in page.css_first("details.how > p").text()
    for line in how.get("curl", "").splitlines():
        address = shlex.split(line)[1]
        assert address.startswith(served.base)
        answer = served.get(address.removeprefix(served.base))
        assert answer.status_code == 200, answer.text
    found = {
        "sql": sql_rows(url, how["sql"]) if "sql" in how else [],
        "cli": cli_rows(vitrina, url, how["cli"]) if "cli" in how else [],
        "python": python_rows(url, how["python"]) if "python" in how else [],
    }
    for places in same:
        rows = [found[language][place] for language, place in zip(LANGUAGES, places, strict=True)]
        first, *others = known(rows)
        assert first, f"{path} shows nothing to compare"
        assert all(each == first for each in others), path


def test_what_a_page_compares_is_what_python_compares(served: Served, url: str) -> None:
    page = LexborHTMLParser(served.get("/evaluate/compare?a.mode=text&b.vector=2").text)
    python = next(each.text() for each in page.css("[data-how=python]"))
    with Catalog(settings=Settings(database_url=url), read_only=True) as catalog:
        compared = eval(python, {"catalog": catalog})  # noqa: S307
    shown = [each.text() for each in page.css(".hits .title")]
    assert shown == [
        placed.hit.title for one in compared for side in (one.first, one.second) for placed in side.hits
    ]  # fmt: skip
