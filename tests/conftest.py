"""A real Postgres for every test: one server and one template a session, one database a test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.db import schema
from vitrina.settings import Settings

VERSION = int(os.environ.get("VITRINA_TEST_POSTGRES", "18"))
SHARED = Path(
    os.environ.get("VITRINA_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
).resolve()
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def pytest_report_header() -> str:
    return f"Postgres {VERSION}, shared data {'at ' + str(SHARED) if SHARED.is_dir() else 'absent'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On an older Postgres only what touches a database is run again, less what is marked `once`."""
    if VERSION == 18:
        return
    again = [
        item
        for item in items
        if "server" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("once")
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in again])
    items[:] = again


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer's reaches a test."""
    for name in [name for name in os.environ if name.startswith(("VITRINA_", "OPENAI_", "WANDB_"))]:
        if name not in ("VITRINA_TEST_POSTGRES", "VITRINA_SHARED_DATA"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VITRINA_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real catalogues; tests that need them are skipped where they are not."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}: set VITRINA_SHARED_DATA")
    return SHARED


@pytest.fixture(scope="session")
def server() -> Iterator[embedded.Server]:
    """An embedded server of its own, in a folder with a short path."""
    home = Path(tempfile.mkdtemp(prefix="vt-", dir="/tmp"))
    home.chmod(0o755)
    try:
        yield embedded.start(home, version=VERSION, options=FAST)
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def template(server: embedded.Server) -> str:
    """A database with vitrina installed, to copy for each test."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute("create database vitrina_template")
    schema.upgrade(server.url("vitrina_template"))
    return "vitrina_template"


@pytest.fixture
def make_database(server: embedded.Server) -> Iterator[Callable[[str], str]]:
    """A function that makes a database from a template and returns its URL."""
    made: list[str] = []

    def make(source: str) -> str:
        name = f"t_{uuid4().hex[:12]}"
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute(
                # copying files takes half the time of writing them through the log
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(source)
                )
            )
        made.append(name)
        return server.url(name)

    yield make
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        for name in made:
            conn.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )


@pytest.fixture
def empty_database(make_database: Callable[[str], str]) -> str:
    """The URL of a database without vitrina."""
    return make_database("template0")


@pytest.fixture
def database_url(make_database: Callable[[str], str], template: str) -> str:
    """The URL of a database with vitrina, and nothing in it."""
    return make_database(template)


@pytest.fixture
def db(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a database with vitrina, in autocommit, with vitrina on its path."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
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
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
            for role in member_of:
                conn.execute(
                    sql.SQL("grant {} to {}").format(sql.Identifier(role), sql.Identifier(name))
                )
        made.append(name)
        return name

    yield make
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        for name in made:
            # its databases are gone by now, or belong to others
            conn.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))
