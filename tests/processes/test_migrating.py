"""The embedded Postgres goes from one major version to the next, also through a kill."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

import servers
from soundness import assert_sound_at
from vitrina import embedded
from vitrina.db import schema
from vitrina.embedded import clusters
from vitrina.errors import EmbeddedError
from waiting import eventually

STEMMED = {  # words in titles; of the first two, Postgres 16 keeps "div" and "ad", 18 "divan" and "add"
    "divano": ("italian", "Divano letto"),
    "added": ("english", "Table with an added leg"),
    "legno": ("italian", "Sedia di legno"),
    "evening": ("english", "Evening dress"),
}
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def old_home(servers_home: Path, pytestconfig: pytest.Config) -> Iterator[Path]:
    """A home with a Postgres 16, vitrina and a product, whose server is stopped."""
    with servers.own(servers_home, 16, servers.cache(pytestconfig.rootpath)) as server:
        with psycopg.connect(server.url(), autocommit=True) as conn:
            conn.execute("alter system set work_mem = '17MB'")
            conn.execute("select vitrina.put_source('shop', 'file', '{}')")
            conn.execute(
                "select vitrina.put_products('shop', "
                """'[{"external_id": "1", "title": "Red velvet sofa"}]')"""
            )
            conn.execute("create database shop")
        a_shop_of_its_own(server.url("shop"))
        home = server.data.parents[1]
        embedded.stop(home)
        yield home


def a_shop_of_its_own(url: str) -> None:
    """A database as shops have them: pgvector in another schema, an attached table, a role that reads."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("create schema extensions; create extension vector schema extensions")
    schema.upgrade(url)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("create role page login; grant vitrina_reader to page")
        conn.execute("create table public.chair (id int primary key, title text)")
        conn.execute("insert into public.chair values (1, 'Oak chair')")
        conn.execute("select vitrina.attach_table('public.chair', 'title')")
        conn.execute("select vitrina.sync_sources()")
        for config, title in STEMMED.values():
            conn.execute("select vitrina.put_source(%s, text_config => %s)", (config, config))
            rows = [{"external_id": title, "title": title}]
            conn.execute("select vitrina.put_products(%s, %s)", (config, Jsonb(rows)))


def missed(url: str) -> set[str]:
    """The words that find no product."""
    query = """
        select w.word from unnest(%s::text[]) as w (word) where not exists (
            select from vitrina.search(w.word, mode => 'text'))"""
    with psycopg.connect(url) as conn:
        return {word for (word,) in conn.execute(query, [list(STEMMED)])}


def goes_on(server: embedded.Server) -> None:
    """The shop writes, and the role finds it."""
    with psycopg.connect(server.url("shop"), autocommit=True) as conn:
        conn.execute("insert into public.chair values (2, 'Elm bench')")
        conn.execute("select vitrina.sync_sources()")
        assert schema.check(server.url("shop")).current
    with psycopg.connect(server.url("shop").replace("//postgres@", "//page@")) as conn:
        query = "select title from vitrina.search('elm bench', mode => 'text')"
        assert conn.execute(query).fetchone() == ("Elm bench",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("delete from vitrina.products")
    assert_sound_at(server.url("shop"))


def migrating(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vitrina", "db", "migrate"],
        env={**os.environ, "VITRINA_HOME": str(home)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.skipif(16 not in clusters.VERSIONS, reason="needs the binaries of Postgres 16")
def test_from_16_to_18(old_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # who is connected is not cut off
    server = embedded.start(old_home, version=16, options=servers.SAFE)
    with psycopg.connect(server.url()):
        with pytest.raises(EmbeddedError, match="1 sessions are connected"):
            embedded.migrate(old_home)
    # a full disk is seen before it is full
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, 10**6))
        with pytest.raises(EmbeddedError, match="MB are free"):
            embedded.migrate(old_home)
    # killed while pg_upgrade works on the copy
    killed = migrating(old_home)
    eventually(lambda: list(old_home.glob(".pg18-new-*/old/PG_VERSION")))
    killed.kill()
    killed.communicate()
    assert not (old_home / "pg18").exists()
    assert (old_home / "pg16" / "data" / "PG_VERSION").read_text() == "16\n"

    again = migrating(old_home)
    said = again.communicate()[1]
    assert again.returncode == 0, said
    assert "Postgres 16 is 18 now" in " ".join(said.split())
    assert not list(old_home.glob(".pg18-new-*"))
    new = embedded.start(old_home, options=servers.SAFE)
    with psycopg.connect(new.url()) as conn:
        assert conn.info.server_version >= 180000
        assert conn.execute("show work_mem").fetchone() == ("17MB",)
        assert conn.execute("select title from vitrina.search('sofa', mode => 'text')").fetchone()
    for name in ("vitrina", "shop"):
        assert schema.check(new.url(name)).behind == ("postgres", "full text")
        with pytest.raises(AssertionError):
            assert_sound_at(new.url(name))
        if name == "shop":
            assert missed(new.url(name)) == {"divano", "added"}
        assert "full text of" in schema.upgrade(new.url(name))[-1]
        if name == "shop":
            assert missed(new.url(name)) == set()
        assert_sound_at(new.url(name))
    goes_on(new)
    assert embedded.migrate(old_home) is None

    # killed between the two renames: the new one is complete, the old one has its name
    kept = old_home / "pg16-kept"
    kept.rename(old_home / "pg16")
    done = embedded.migrate(old_home)
    assert done is not None
    assert (done.version_from, done.version_to, done.kept) == (16, 18, kept)


def test_data_of_a_newer_version_is_not_replaced(tmp_path: Path) -> None:
    for version in (16, 18):
        (tmp_path / f"pg{version}" / "data").mkdir(parents=True)
    with pytest.raises(EmbeddedError, match="is there already"):
        embedded.migrate(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("pg*")) == ["pg16", "pg18"]
