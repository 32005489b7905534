"""The README's sessions are run, and the references are what the code says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from psycopg.conninfo import conninfo_to_dict

import joint_models
import servers
from vitrina import embedded

ROOT = Path(__file__).parents[2]
SESSION = re.compile(r"```console\n\$ (?P<command>.+)\n(?P<output>(?:.*\n)*?)```")


def sessions(page: str) -> list[tuple[str, str]]:
    """(command, output) of every session on a page."""
    return [(m["command"], m["output"]) for m in SESSION.finditer((ROOT / page).read_text("utf-8"))]


SESSIONS = sessions("README.md")
REWRITE = bool(os.environ.get("VITRINA_REWRITE_DOCS"))


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def demo(server: embedded.Server, demo_template: str) -> Iterator[str]:
    """The URL of a database with the demo catalogue, as `make demo` leaves it."""
    name = servers.create(server, demo_template)
    yield server.url(name)
    servers.drop(server, name)


def printed(server: embedded.Server, vitrina: Callable[..., Result], url: str, command: str) -> str:
    """What a command of a session prints on stdout."""
    arguments = shlex.split(command)
    assert arguments[0] == "vitrina"
    if arguments[1:3] == ["db", "psql"]:
        psql = [embedded.psql_path(server.version), url, *arguments[3:]]
        return subprocess.run(psql, capture_output=True, text=True, check=True).stdout
    result = vitrina(*arguments[1:], url=url)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def agree(page: str, command: str, shown: str, found: str) -> None:
    """What a page shows is what is printed; with VITRINA_REWRITE_DOCS=1 the page is put right."""
    if REWRITE and lines(found) != lines(shown):
        path = ROOT / page
        before = f"```console\n$ {command}\n"
        new = before + "\n".join(lines(found)) + "\n"
        path.write_text(path.read_text("utf-8").replace(before + shown, new, 1), "utf-8")
        return
    assert lines(found) == lines(shown)


@pytest.mark.parametrize(("command", "output"), SESSIONS, ids=[s[0][:40] for s in SESSIONS])
def test_the_readme_shows_what_is_printed(
    demo: str, server: embedded.Server, vitrina: Callable[..., Result], command: str, output: str
) -> None:
    agree("README.md", command, output, printed(server, vitrina, demo, command))


@pytest.mark.parametrize("page", ["docs/vocabulary.md", "docs/steering.md"])
def test_the_pages_on_changes_show_what_is_printed(
    demo: str,
    server: embedded.Server,
    vitrina: Callable[..., Result],
    make_database: Callable[[str], str],
    page: str,
) -> None:
    """One after the other, as each changes the database for the next."""
    url = make_database(conninfo_to_dict(demo)["dbname"])
    shown = sessions(page)
    assert len(shown) >= 5
    for command, output in shown:
        agree(page, command, output, printed(server, vitrina, url, command))


def test_the_page_on_joint_spaces_shows_what_is_printed(
    demo: str,
    server: embedded.Server,
    vitrina: Callable[..., Result],
    make_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a folder that has what the script of the page writes, in the folder `models`."""
    made = joint_models.made(tmp_path_factory)
    monkeypatch.chdir(made.parent)
    url = make_database(conninfo_to_dict(demo)["dbname"])
    for command, output in sessions("docs/joint.md"):
        here = command.replace("--model-path models", f"--model-path {made.name}")
        agree("docs/joint.md", command, output, printed(server, vitrina, url, here))


DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")


def said(server: embedded.Server, vitrina: Callable[..., Result], url: str, command: str) -> str:
    """What a command of a session prints, on both streams; an error is one that ends so."""
    before, _, called = command.rpartition(" | ")
    fed = subprocess.run(before, shell=True, capture_output=True, check=True).stdout  # noqa: S602
    words = shlex.split(called)
    if words[1:3] == ["db", "psql"]:
        psql = [embedded.psql_path(server.version), url, *words[3:]]
        done = subprocess.run(
            psql, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        found, code = done.stdout, done.returncode
    else:
        result = vitrina(*words[1:], url=url, stdin=fed)
        found, code = result.output, result.exit_code
    assert (code != 0) == bool(re.search("^(Error|ERROR):", found, re.MULTILINE)), (command, found)
    return DATE.sub("2026-01-31 09:00", found)


def test_the_tour_shows_what_is_said(
    demo: str,
    server: embedded.Server,
    vitrina: Callable[..., Result],
    make_database: Callable[[str], str],
) -> None:
    """One after the other, as some change the catalogue for the next."""
    url = make_database(conninfo_to_dict(demo)["dbname"])
    for command, output in sessions("docs/tour.md"):
        agree("docs/tour.md", command, output, said(server, vitrina, url, command))


def test_the_page_on_searches_shows_what_is_printed(
    demo: str,
    server: embedded.Server,
    vitrina: Callable[..., Result],
    make_database: Callable[[str], str],
) -> None:
    """One after the other, as the log has what was searched for before."""
    url = make_database(conninfo_to_dict(demo)["dbname"])
    shown = sessions("docs/searches.md")
    assert len(shown) >= 5
    for command, output in shown:
        agree("docs/searches.md", command, output, printed(server, vitrina, url, command))


SEARCHES = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "search.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("statement", SEARCHES)
def test_the_page_on_search_runs(demo: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(demo) as conn:
        rows = conn.execute(statement).fetchall()
    assert rows or '"offset"' in statement


def test_the_page_on_search_shows_what_is_printed(
    demo: str, server: embedded.Server, vitrina: Callable[..., Result]
) -> None:
    shown = sessions("docs/search.md")
    assert shown
    for command, output in shown:
        agree("docs/search.md", command, output, printed(server, vitrina, demo, command))


def test_the_page_on_operations_shows_what_is_printed(
    demo: str, server: embedded.Server, vitrina: Callable[..., Result]
) -> None:
    shown = sessions("docs/operations.md")
    assert len(shown) >= 2
    for command, output in shown:
        agree("docs/operations.md", command, output, printed(server, vitrina, demo, command))


def test_the_readme_has_sessions() -> None:
    assert len(SESSIONS) >= 4


def test_the_references_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "make_docs.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_every_link_of_the_docs_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
