"""A real Postgres for every test: one server a version and run, one template, a database a test."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

import catalogues
import chromium
import rehearsal
import servers
from catalogues import SHARED
from servers import VERSION, VERSIONS
from trust.report import pytest_addoption, pytest_terminal_summary
from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.settings import Settings

# hooks of tests/trust, which is not where pytest looks for them
__all__ = ["pytest_addoption", "pytest_terminal_summary"]

KEPT = ("VITRINA_TEST_POSTGRES", "VITRINA_SHARED_DATA")
FOREIGN = ("VITRINA_", "OPENAI_", "WANDB_", "JINA_", "COHERE_", "CO_API_", "VOYAGE_", "FASTEMBED_")
HOME = pytest.StashKey[Path]()


def pytest_report_header() -> str:
    versions = " and ".join(map(str, VERSIONS))
    data = f"at {SHARED}" if SHARED.is_dir() else "absent"
    browser = chromium.found() or f"absent: {chromium.ABSENT}"
    return f"Postgres {versions}, shared data {data}, Chromium {browser}"


def pytest_configure(config: pytest.Config) -> None:
    """The servers of a run belong to the process that hands out its tests."""
    given = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[HOME] = Path(given["servers"])
    elif not config.option.collectonly:
        home = servers.home()
        config.stash[HOME] = home.__enter__()
        config.add_cleanup(lambda: home.__exit__(None, None, None))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["servers"] = str(node.config.stash[HOME])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is SQL runs on every Postgres, less what is marked `once`; all else on the main one.

    Of its cases the first runs on the others: `_further_cases_on_others`.
    """
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    if "postgres" in metafunc.fixturenames and len(VERSIONS) > 1:
        on_sql = metafunc.definition.path.parent.name == "sql" and "once" not in marks
        if on_sql or "every_postgres" in marks:
            ids = [f"pg{version}" for version in VERSIONS]
            metafunc.parametrize("postgres", VERSIONS, indirect=True, scope="session", ids=ids)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On an older Postgres one case of a test, unless all is asked for; and the longest first."""
    if config.getoption("--trust") != "full":
        cases = _further_cases_on_others(items)
        items[:] = [item for item in items if item not in cases]
        config.hook.pytest_deselected(items=list(cases))
    items[:] = _longest_first(items)


def _further_cases_on_others(items: list[pytest.Item]) -> set[pytest.Item]:
    cases: dict[tuple[str, int], list[pytest.Item]] = {}
    for item in items:
        spec = getattr(item, "callspec", None)
        version = spec.params.get("postgres", VERSION) if spec else VERSION
        if version != VERSION:
            cases.setdefault((item.nodeid.partition("[")[0], version), []).append(item)
    return {item for same in cases.values() for item in same[1:]}


def _longest_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Each worker begins with some files of tests/processes or trust: their tests are the longest to wait for.

    A worker is given one part of what is collected, in this order, and takes from the end of
    another's when it is done.
    """
    files: dict[Path, list[pytest.Item]] = {}
    short: list[pytest.Item] = []
    for item in items:
        is_long = item.path.parent.name in ("processes", "trust")
        (files.setdefault(item.path, []) if is_long else short).append(item)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ordered: list[pytest.Item] = []
    for number in range(workers):
        for file in list(files.values())[number::workers]:
            ordered += file
        room = max(0, (number + 1) * len(items) // workers - len(ordered))
        ordered += short[:room]
        del short[:room]
    assert len(ordered) == len(items)
    return ordered


def pytest_collection_finish() -> None:
    """The thousands of tests that were collected stay: no search for garbage looks at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No setting of the developer's reaches a test."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        if name not in KEPT:
            monkeypatch.delenv(name)
    # most tests have no use for a home, and none for a folder that is made for it
    home = tmp_path_factory.getbasetemp() / f"home-{uuid4().hex[:12]}"
    monkeypatch.setenv("VITRINA_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real catalogues; tests that need them are skipped where they are not."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}: set VITRINA_SHARED_DATA")
    return SHARED


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> int:
    """The major version of Postgres a test runs on."""
    return getattr(request, "param", VERSION)


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, postgres: int) -> Iterator[embedded.Server]:
    """The server of a run that all tests of this version share."""
    home = request.config.stash[HOME]
    server = servers.start(home, postgres, servers.cache(request.config.rootpath))
    yield server
    servers.leave(server)


@pytest.fixture
def own_server(request: pytest.FixtureRequest, postgres: int) -> Iterator[embedded.Server]:
    """A server that a test may stop, with vitrina in its database `vitrina`."""
    home = request.config.stash[HOME]
    with servers.own(home, postgres, servers.cache(request.config.rootpath)) as server:
        yield server


@pytest.fixture(scope="session")
def servers_home(request: pytest.FixtureRequest) -> Path:
    """The folder of the servers of this run."""
    return request.config.stash[HOME]


@pytest.fixture(scope="session")
def template(server: embedded.Server) -> str:
    """A database with vitrina installed, to copy."""
    return servers.TEMPLATE


@pytest.fixture(scope="session")
def make_template(server: embedded.Server, servers_home: Path) -> Callable[..., str]:
    """A function that makes a database to copy or to read, once a run and version.

    make_template(name, fill, source=template): `fill` takes the address of a fresh copy of `source`.
    """

    def make(name: str, fill: Callable[[str], None], source: str = servers.TEMPLATE) -> str:
        with servers.locked(servers_home / f".{name}{server.version}"):
            conn = servers.admin(server)
            made = conn.execute("select from pg_database where datname = %s", (name,))
            if made.fetchone() is not None:
                return name
            fresh = servers.create(server, source)
            fill(server.url(fresh))
            # whole or not at all
            rename = sql.SQL("alter database {} rename to {}")
            conn.execute(rename.format(sql.Identifier(fresh), sql.Identifier(name)))
        return name

    return make


@pytest.fixture(scope="session")
def demo_template(make_template: Callable[..., str]) -> str:
    """A database with the demo catalogue, to copy or to read."""
    return make_template("vitrina_demo", catalogues.bring_in_demo)


@pytest.fixture
def make_database(server: embedded.Server) -> Iterator[Callable[[str], str]]:
    """A function that makes a database from a template and returns its URL."""
    made: list[str] = []

    def make(source: str) -> str:
        made.append(servers.create(server, source))
        return server.url(made[-1])

    yield make
    servers.drop(server, *made)


@pytest.fixture
def empty_database(make_database: Callable[[str], str]) -> str:
    """The URL of a database without vitrina."""
    return make_database("template0")


@pytest.fixture
def database_url(make_database: Callable[[str], str], template: str) -> str:
    """The URL of a database with vitrina, and nothing in it."""
    return make_database(template)


@pytest.fixture(scope="session")
def stage(server: embedded.Server) -> Iterator[rehearsal.Stage]:
    """The database whose tests are rolled back."""
    stage = rehearsal.Stage(server)
    yield stage
    stage.close()


@pytest.fixture
def db(request: pytest.FixtureRequest, server: embedded.Server) -> Iterator[psycopg.Connection]:
    """A connection as in autocommit, with vitrina on its path, to a database with nothing in it.

    All is rolled back at the end, unless the test is marked `committed` or knows the address.
    """
    if "make_role" in request.fixturenames:
        request.getfixturevalue("make_role")  # a role can go only when nothing holds a grant to it
    fills = rehearsal.fills(request.module, request.fixturenames)
    if request.node.get_closest_marker("committed") or "database_url" in request.fixturenames:
        url = request.getfixturevalue("database_url")
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("set search_path = vitrina, public")
            for fill in fills:
                fill(conn)
            yield conn
    else:
        with request.getfixturevalue("stage").rehearsal(fills) as conn:
            yield conn


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    """A catalog in a database of its own; pictures of the loopback interface are allowed."""
    with Catalog(
        settings=Settings(database_url=database_url, allow_private_images=True, concurrency=4)
    ) as catalog:
        yield catalog


@pytest.fixture
def vitrina() -> Callable[..., Result]:
    """Run the command line: vitrina("search", "sofa", url=…) → exit code, stdout, stderr."""

    def run(*args: str, url: str | None = None, stdin: str | bytes | None = None) -> Result:
        from vitrina.cli import main

        arguments = (["--database-url", url] if url else []) + list(args)
        return CliRunner().invoke(main, arguments, input=stdin)

    return run


@pytest.fixture
def make_role(server: embedded.Server) -> Iterator[Callable[..., str]]:
    """A function that makes a login role, a member of those named, and returns its name."""
    made: list[str] = []

    def make(*member_of: str) -> str:
        name = f"r_{uuid4().hex[:12]}"
        conn = servers.admin(server)
        conn.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        for role in member_of:
            conn.execute(
                sql.SQL("grant {} to {}").format(sql.Identifier(role), sql.Identifier(name))
            )
        made.append(name)
        return name

    yield make
    for name in made:
        # its databases are gone by now, or belong to others
        servers.admin(server).execute(
            sql.SQL("drop role if exists {}").format(sql.Identifier(name))
        )
