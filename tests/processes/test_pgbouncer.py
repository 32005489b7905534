"""Through pgbouncer in transaction mode, as a role that is no superuser and owns no extension."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from psycopg import sql

from vitrina import embedded
from vitrina.db import schema
from vitrina.db.connection import Listener
from waiting import HANG, eventually

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

CONFIG = """
[databases]
* = host={server.socket} port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = extra_float_digits
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def owner(empty_database: str, make_role: Callable[..., str]) -> Iterator[tuple[str, str, str]]:
    """A database, who owns vitrina in it, and the shop's own role; a DBA made the extension."""
    owner, shop = make_role(), make_role()
    with psycopg.connect(empty_database, autocommit=True) as dba:
        dba.execute("create extension vector")
        for statement in (
            "create schema vitrina authorization {0}",
            "create schema vitrina_internal authorization {0}",
            "create table product (id bigint primary key, title text, price numeric)",
            "alter table product owner to {1}",
            "grant select, trigger on product to {0}",
        ):
            dba.execute(sql.SQL(statement).format(sql.Identifier(owner), sql.Identifier(shop)))
        yield empty_database, owner, shop
        for role in (owner, shop):
            dba.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(role)))


@pytest.fixture
def bouncer(server: embedded.Server, owner: tuple[str, str, str]) -> Iterator[Callable[[str], str]]:
    """A pgbouncer before the server; gives the address for a role."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not on this machine: apt-get install pgbouncer")
    url, *roles = owner
    folder, port = Path(tempfile.mkdtemp(prefix="vt-pgb-", dir="/tmp")), free_port()
    folder.chmod(0o755)
    (folder / "users.txt").write_text("".join(f'"{role}" ""\n' for role in roles))
    (folder / "pgbouncer.ini").write_text(CONFIG.format(server=server, port=port, folder=folder))
    files = server.data.stat()
    # it may not be root, and must get into the folder of the server's socket
    process = subprocess.Popen(
        [PGBOUNCER, str(folder / "pgbouncer.ini")], stderr=subprocess.PIPE, text=True,
        user=files.st_uid, group=files.st_gid, extra_groups=[],
    )  # fmt: skip
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]

    def address(role: str) -> str:
        return f"postgresql://{role}@127.0.0.1:{port}/{name}"

    def answers() -> bool:
        assert process.poll() is None, process.communicate()[1]
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(address(roles[0])).close()
            return True
        return False

    try:
        eventually(answers)
        yield address
    finally:
        process.terminate()
        process.communicate()
        shutil.rmtree(folder)


def test_a_shop_behind_a_transaction_pooler(
    bouncer: Callable[[str], str],
    owner: tuple[str, str, str],
    vitrina: Callable[..., Result],
) -> None:
    url, name, shop_name = owner
    schema.upgrade(url.replace("postgres@", f"{name}@"))
    pooled = bouncer(name)

    def run(*args: str) -> str:
        done = vitrina(*args, url=pooled)
        assert done.exit_code == 0, done.stderr
        return done.stdout

    def found(words: str) -> list[str]:
        lines = run("search", words, "--csv", "-k", "1").splitlines()
        return lines[1:]

    with psycopg.connect(bouncer(shop_name), autocommit=True, prepare_threshold=None) as shop:
        shop.execute("insert into product values (1, 'Oak table', 90), (2, 'Velvet sofa', 700)")
        run("attach", "product", "--title", "title", "--attributes", "price")
        run("work", "--drain")
        assert "Velvet sofa" in found("couch")[0]
        shop.execute("update product set title = 'Leather armchair' where id = 2")
        shop.execute("insert into product values (3, 'Brass floor lamp', 60)")
        run("work", "--drain")
        assert "Leather armchair" in found("leather armchair")[0]
        assert "Brass floor lamp" in found("lamp")[0]
        shop.execute("delete from product where id = 3")
        assert all("lamp" not in line for line in found("lamp"))
        assert "in step" in run("sources", "--sync", "--csv")
        assert run("doctor", "--csv").count(",wrong,") == 0
        run("detach", "product")
        assert shop.execute(
            "select count(*) from pg_trigger where tgrelid = 'product'::regclass"
        ).fetchone() == (0,)
        # what the pool's connections were left with
        for _ in range(4):
            assert shop.execute("show search_path").fetchone() == ('"$user", public',)
    with psycopg.connect(url) as dba:
        assert dba.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and database ="
            " (select oid from pg_database where datname = current_database())"
        ).fetchone() == (0,)


def test_listening_is_left_out_through_a_pooler(
    bouncer: Callable[[str], str], owner: tuple[str, str, str]
) -> None:
    url, name, _ = owner
    direct, pooled = url.replace("postgres@", f"{name}@"), bouncer(name)
    stop = threading.Event()
    for dsn, told in ((direct, True), (pooled, False)):
        listener = Listener(dsn, "vitrina_jobs")
        try:
            assert not listener.wait(0.01, stop)
            with psycopg.connect(direct, autocommit=True) as conn:
                conn.execute("select pg_notify('vitrina_jobs', '')")
            assert listener.wait(HANG if told else 0.2, stop) is told
        finally:
            listener.close()
