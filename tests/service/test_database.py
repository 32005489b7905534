"""db/: every failure to reach or use a database is one clear error, without a secret."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from vitrina import embedded
from vitrina.db.connection import connect
from vitrina.db.database import Database, HalfVector
from vitrina.db.faults import BY_STATE, mapped
from vitrina.errors import (
    AccessError,
    ConfigError,
    DatabaseError,
    InputError,
    NotFoundError,
    ReadOnlyError,
    SchemaError,
    UnreachableError,
    VitrinaError,
)
from waiting import HANG, eventually


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql//user:hunter2@host/db",
        "nonsense hunter2",
        "postgresql://user:hunter2@host:port/db",
        "host=h pasword=hunter2",
    ],
)
def test_a_url_that_is_none_is_refused_without_showing_it(dsn: str) -> None:
    with pytest.raises((ConfigError, UnreachableError)) as caught:
        connect(dsn)
    assert "hunter2" not in str(caught.value)


def test_a_closed_port_is_unreachable(closed_port: int) -> None:
    with pytest.raises(UnreachableError, match="cannot reach the database") as caught:
        connect(f"postgresql://u:hunter2@127.0.0.1:{closed_port}/shop")
    assert "hunter2" not in str(caught.value)


def test_a_database_that_is_not_there_is_named(server: embedded.Server) -> None:
    with pytest.raises(UnreachableError, match='database "nowhere" does not exist'):
        connect(server.url("nowhere"))


@pytest.fixture
def password_database(server: embedded.Server) -> Iterator[str]:
    """A database that one role enters by password only."""
    hba = server.data / "pg_hba.conf"
    before = hba.read_bytes()
    hba.write_bytes(b"local all keyholder scram-sha-256\n" + before)
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute("create role keyholder login password 'right'")
        conn.execute("select pg_reload_conf()")
    url = server.url("postgres").replace("//postgres@", "//keyholder:wrong@")

    def refused() -> bool:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return True
        return False

    eventually(refused)  # the server reads the file when it gets to it
    yield url
    hba.write_bytes(before)
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute("select pg_reload_conf()")
        conn.execute("drop role keyholder")


def test_a_wrong_password_is_access(password_database: str) -> None:
    with pytest.raises(AccessError, match=r"refused the login: .*keyholder") as caught:
        connect(password_database)
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("select vitrina.search(k => -1)", InputError),
        ("select vitrina.similar_products(99)", NotFoundError),
        ("select vitrina.gone()", SchemaError),
        ("select * from vitrina.gone", SchemaError),
        ("set transaction read only; delete from vitrina.products", ReadOnlyError),
        ("select 1 / 0", DatabaseError),
    ],
)
def test_errors_of_statements_are_mapped(
    database_url: str, query: str, kind: type[VitrinaError]
) -> None:
    with connect(database_url) as conn, pytest.raises(kind), mapped():
        conn.execute(query.encode())


def test_a_pool_outlives_a_restart_of_the_server(
    database_url: str, make_database: Callable[[str], str]
) -> None:
    with Database(database_url, size=2) as pool:
        assert pool.value("select 1") == 1
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute(
                "select pg_terminate_backend(a.pid) from pg_stat_activity as a"
                " where a.datname = current_database() and a.pid <> pg_backend_pid()"
            )
        assert pool.value("select 2") == 2


def test_a_stopped_server_is_named_and_waited_for_once(
    own_server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = own_server.data.parents[1]
    with Database(own_server.url(), read_only=True) as database:
        assert database.value("select 1") == 1
        embedded.stop(home)
        with pytest.raises(UnreachableError, match="cannot reach the database: it does not answer"):
            database.value("select 1")
        with monkeypatch.context() as patch:
            patch.setattr(ConnectionPool, "getconn", lambda *_, **__: pytest.fail("it waits again"))
            with pytest.raises(UnreachableError, match="check that its server runs"):
                database.value("select 1")
        embedded.start(home, version=own_server.version)
        assert database.value("select 1") == 1


def test_a_database_that_is_back_by_the_second_look_was_away(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([False])
    monkeypatch.setattr("vitrina.db.database.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("vitrina.db.database.answers", lambda _: next(looks, True))
    said: list[str] = []
    with Database(database_url, size=1, wait=HANG, notice=said.append) as pool:
        with ThreadPoolExecutor(1) as threads:
            with pool.transaction():  # it holds the only connection
                asked = threads.submit(pool.value, "select 1")
                eventually(lambda: said or asked.done())
            assert asked.result(HANG) == 1
    assert said[-1] == "the database is back"


@dataclass
class Numbered:
    n: int


def test_vectors_and_streams(database_url: str) -> None:
    with Database(database_url) as pool:
        vectors = [HalfVector([1, 2, 3]), HalfVector([0.5, 0, 0])]
        row = pool.rows("select unnest(%s) as v", (vectors,))
        assert [item["v"].to_list() for item in row] == [[1, 2, 3], [0.5, 0, 0]]
        numbers = [row.n for row in pool.stream(Numbered, "select generate_series(1, 1200) as n")]
        assert numbers == list(range(1, 1201))


def test_a_failed_transaction_writes_nothing(database_url: str) -> None:
    with Database(database_url) as pool:

        def half() -> None:
            with pool.transaction() as conn:
                conn.execute("select vitrina.put_source('half')")
                conn.execute("select 1 / 0")

        with pytest.raises(DatabaseError):
            half()
        assert pool.value("select count(*) from vitrina.sources") == 0


def test_every_code_of_the_sql_has_an_exception_of_its_own_and_is_in_the_docs() -> None:
    root = Path(__file__).parents[2]
    bodies = [path.read_text("utf-8") for path in (root / "sql").rglob("*.sql")]
    bodies.append((root / "src/vitrina/db/preamble.py").read_text("utf-8"))
    raised = {code for body in bodies for code in re.findall(r"errcode = '(VT\d{3})'", body)}
    # what the SQL catches itself reaches no caller
    caught = {code for body in bodies for code in re.findall(r"when sqlstate '(VT\d{3})'", body)}
    raised -= caught - BY_STATE.keys()
    known = {code: error for code, error in BY_STATE.items() if code.startswith("VT")}
    assert raised == known.keys()
    assert len(set(known.values())) == len(known)
    docs = " ".join((root / "docs/sql.md").read_text("utf-8").split())
    assert [code for code in sorted(raised) if f"{code} (" not in docs] == []


def test_every_error_of_the_sql_has_a_hint() -> None:
    root = Path(__file__).parents[2]
    without = [
        f"{path.name}: {' '.join(found.split())[:100]}"
        for path in sorted((root / "sql").rglob("*.sql"))
        for found in re.findall(r"raise exception '.*?;\n", path.read_text("utf-8"), re.DOTALL)
        if not re.search(r"\bhint\b", found)
    ]
    assert without == []


def test_reads_of_a_block_share_a_transaction_that_survives_a_failure(database_url: str) -> None:
    with Database(database_url, size=1, read_only=True, statement_seconds=30) as database:
        moment = "select now()::text || pg_backend_pid()"
        apart = {database.value(moment), database.value(moment)}
        with database.together(), database.together():
            first = database.value(moment)
            assert first == database.value(moment)
            assert database.value("show transaction_read_only") == "on"
            assert database.value("show statement_timeout") == "30s"
            with pytest.raises(DatabaseError):
                database.value("select 1 / 0")
            second = database.value(moment)
            assert database.value("show transaction_read_only") == "on"
        assert len(apart | {first, second, database.value(moment)}) == 5


def test_a_connection_that_was_cut_off_while_idle_gives_way(database_url: str) -> None:
    with Database(database_url, size=1, read_only=True) as database:
        pid = database.value("select pg_backend_pid()")
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute("select pg_terminate_backend(%s, 60000)", (pid,))
        assert database.value("select pg_backend_pid()") != pid
