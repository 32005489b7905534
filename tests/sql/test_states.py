"""A fresh database is the one that is written down, and an upgraded one is like a fresh one."""

from __future__ import annotations

import functools
import subprocess
import tarfile
from pathlib import Path

import psycopg
import pytest

import snapshot
from soundness import assert_sound
from vitrina import embedded
from vitrina.db import schema

DATA = Path(__file__).resolve().parents[1] / "data"
STATES = DATA / "states.tar.xz"
TITLES = {"Brass reading lamp", "Bamboo shoe rack", "Black metal side table"}
CHAIRS = {"Oak chair", "Pine chair"}
FEW = ("0001", "0038")  # `make test` upgrades these, `make trust` all


@functools.cache
def states() -> dict[str, bytes]:
    """The dumps that commits made of their databases, by revision."""
    with tarfile.open(STATES) as tar:
        return {
            member.name.removesuffix(".sql"): file.read()
            for member in tar
            if (file := tar.extractfile(member)) is not None
        }


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "revision" in metafunc.fixturenames:
        whole = metafunc.config.getoption("--trust") == "full"
        metafunc.parametrize("revision", sorted(states()) if whole else FEW)


def test_the_schema_is_the_one_that_is_written_down(server: embedded.Server, template: str) -> None:
    there = snapshot.of(server.url(template)).splitlines()
    written = (DATA / "schema.txt").read_text("utf-8").splitlines()
    assert there == written, "run scripts/make_schema.py and look at the difference"


@pytest.mark.once
def test_a_database_of_a_commit_becomes_like_a_fresh_one(
    revision: str, empty_database: str, server: embedded.Server
) -> None:
    psql = [embedded.psql_path(server.version), empty_database, "-qX", "-v", "ON_ERROR_STOP=1"]
    done = subprocess.run(psql, input=states()[revision], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert schema.check(empty_database).revision == revision
    schema.upgrade(empty_database)
    assert schema.check(empty_database).current
    with psycopg.connect(empty_database, autocommit=True) as conn:
        attached = conn.execute("select count(*) from vitrina.attachments").fetchone() == (1,)
        # what was attached was not yet swept
        conn.execute("select vitrina.sync_sources()")
        expected = TITLES | (CHAIRS if attached else set())
        titles = conn.execute("select title from vitrina.catalog").fetchall()
        assert sorted(title for (title,) in titles) == sorted(expected)
        found = conn.execute(
            "select title from vitrina.search('bamboo shoe rack', min_relevance => 0)"
        ).fetchone()
        assert found == ("Bamboo shoe rack",)
        if attached:
            conn.execute("insert into public.chair values (3, 'Elm chair')")
            conn.execute("select vitrina.sync_sources()")
            assert conn.execute(
                "select count(*) from vitrina.catalog where title = 'Elm chair'"
            ).fetchone() == (1,)
        assert_sound(conn)
        if attached:
            # an attached table has functions and triggers of its own
            conn.execute("select vitrina.detach('chair')")
    assert snapshot.of(empty_database).splitlines() == (
        (DATA / "schema.txt").read_text("utf-8").splitlines()
    )
