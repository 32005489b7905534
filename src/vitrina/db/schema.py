"""Installs vitrina into a database: Alembic for state, then sql/ for behaviour, then data files."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import psycopg

from vitrina import __version__
from vitrina.db import builtin_data, full_text
from vitrina.db.behaviour import (
    DROP_BEHAVIOUR,
    DROP_CHANGED,
    VECTOR,
    comments,
    qualified,
    sql_digest,
    sql_files,
)
from vitrina.db.connection import connect, fetch_value, pin_path
from vitrina.db.faults import mapped
from vitrina.db.folders import data_dir
from vitrina.db.full_text import Progress
from vitrina.db.preamble import PREAMBLE
from vitrina.errors import DatabaseError, SchemaError
from vitrina.printing import counted

if TYPE_CHECKING:
    from alembic.config import Config

LOCK_KEY = (0x76697472, 0x696E61)  # "vitr", "ina": the advisory lock of an upgrade
LOCK_SECONDS = 600.0
POSTGRES = "postgres"  # whose major version is among what is installed
_REVISION = re.compile(r'^(revision|down_revision) = "(\w+)"', re.MULTILINE)

MOVED = """\
select format('from the schema %s to %s', vitrina_internal.vector_schema(),
              quote_ident(n.nspname::text))
from pg_extension as e
join pg_namespace as n on n.oid = e.extnamespace
where e.extname = 'vector' and vitrina_internal.vector_schema() <> quote_ident(n.nspname::text)
"""


@dataclass(frozen=True, slots=True)
class State:
    """The version installed in a database, compared with this vitrina's."""

    revision: str | None
    head: str
    behind: tuple[str, ...]
    moved: str | None = None  # "from the schema … to …", if the extension has moved since

    @property
    def installed(self) -> bool:
        """Whether vitrina is installed."""
        return self.revision is not None

    @property
    def current(self) -> bool:
        """Whether an upgrade has nothing to do."""
        return self.revision == self.head and not self.behind and self.moved is None

    @property
    def lacks(self) -> str:
        """A text about the missing parts; empty if the database is current."""
        parts = list(self.behind)
        if self.revision != self.head:
            parts.insert(0, f"revision {self.head}")
        said = f"behind: {', '.join(parts)}" if parts else ""
        moved = f"the extension vector was moved {self.moved}" if self.moved else ""
        return "; ".join(filter(None, (said, moved)))


def run_sql(body: str) -> None:
    """Run statements in a migration unchanged: without parameters, `%` and `:` are plain text."""
    from alembic import op

    if VECTOR in body:
        body = qualified(body)
    context = op.get_context()
    if context.as_sql:
        context.impl.static_output(body)
        return
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - an online migration has a connection
    driver.execute(body)


def _alembic(**options: object) -> Config:
    from alembic.config import Config

    config = Config(**options)  # type: ignore[arg-type]
    config.set_main_option("script_location", str(data_dir("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """The newest revision of this vitrina.

    Read from the files: many commands need it, and importing Alembic takes most of a second.
    """
    known: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for path in (data_dir("migrations") / "versions").glob("*.py"):
        for name, revision in _REVISION.findall(path.read_text("utf-8")):
            known[name].add(revision)
    heads = known["revision"] - known["down_revision"]
    if len(heads) != 1:
        raise SchemaError("the migrations of this vitrina are damaged: install vitrina again")
    return heads.pop()


@contextlib.contextmanager
def _locked(dsn: str) -> Iterator[None]:
    """Hold the upgrade lock on its own connection.

    It polls: a blocked pg_advisory_lock keeps a snapshot open, and an index build of the winner
    would wait for it.
    """
    with connect(dsn, autocommit=True) as conn:
        deadline = time.monotonic() + LOCK_SECONDS
        while not fetch_value(conn, "select pg_try_advisory_lock(%s, %s)", LOCK_KEY):
            if time.monotonic() > deadline:
                raise DatabaseError(
                    f"another upgrade has held the lock for {LOCK_SECONDS:.0f} s: "
                    "look for it in pg_stat_activity"
                )
            time.sleep(0.2)
        try:
            yield
        finally:
            conn.execute("select pg_advisory_unlock(%s, %s)", LOCK_KEY)


def _session(dsn: str) -> psycopg.Connection:
    """A connection that has run the preamble."""
    conn = connect(dsn)
    try:
        conn.execute(PREAMBLE)
        conn.commit()
    except BaseException:
        conn.close()
        raise
    return conn


def _migrate(dsn: str, revision: str, *, down: bool = False) -> None:
    from alembic import command
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: _session(dsn), poolclass=NullPool
    )
    with engine.connect() as connection:
        config = _alembic()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
        connection.commit()


def upgrade(dsn: str, progress: Progress | None = None) -> list[str]:
    """Upgrade a database to this version; safe to repeat and to race. Returns the steps done.

    Args:
        dsn: the database.
        progress: called with the products whose full text was renewed, and how many there are.
    """
    with mapped(), _locked(dsn), _session(dsn) as conn:
        before = state(conn)
        if before.current:
            return []
        done = []
        if before.revision != before.head:
            _migrate(dsn, "head")
            done.append(f"schema {before.revision or 'none'} -> {before.head}")
        conn.execute(DROP_CHANGED)
        for _, path in sql_files():
            conn.execute(qualified(path.read_text("utf-8")).encode())
        conn.execute(comments().encode())
        _record(conn, "sql", sql_digest())
        done.append("functions and views")
        # of all that was made of words, as another Postgres folds and stems them otherwise
        for seed in builtin_data.all_seeds():
            if {seed.name, POSTGRES} & {*before.behind}:
                seed.load(conn)
                _record(conn, seed.name, seed.sha256)
                done.append(seed.name.replace("_", " "))
        _record(conn, POSTGRES, str(_major(conn)))
        conn.commit()
        if full_text.NAME in before.behind:
            # afterwards, in small transactions: searches and writers go on
            renewed, all_of_them = full_text.renew(conn, progress)
            if renewed:
                done.append(f"full text of {counted(renewed, 'product')}")
            if all_of_them:
                _record(conn, full_text.NAME, full_text.version(_major(conn)))
            conn.commit()
        return done


def _record(conn: psycopg.Connection, name: str, sha256: str) -> None:
    conn.execute(
        "insert into vitrina.installed (name, sha256, version) values (%s, %s, %s)"
        " on conflict (name) do update set sha256 = excluded.sha256,"
        " version = excluded.version, installed_at = now()",
        (name, sha256, __version__),
    )


def _major(conn: psycopg.Connection) -> int:
    """The major version of the server."""
    return conn.info.server_version // 10_000


def state(conn: psycopg.Connection) -> State:
    """The installed version, and the parts (`sql`, data files) that differ from this vitrina's."""
    wanted = {"sql": sql_digest()} | {seed.name: seed.sha256 for seed in builtin_data.all_seeds()}
    wanted |= {POSTGRES: str(_major(conn)), full_text.NAME: full_text.version(_major(conn))}
    revision: str | None = None
    found: dict[str, str] = {}
    moved: str | None = None
    pin_path(conn)
    if fetch_value(conn, "select to_regclass('vitrina.alembic_version') is not null"):
        revision = fetch_value(conn, "select version_num from vitrina.alembic_version")
    if revision is not None:
        found = dict(conn.execute("select i.name, i.sha256 from vitrina.installed as i").fetchall())
        if fetch_value(
            conn, "select to_regprocedure('vitrina_internal.vector_schema()') is not null"
        ):
            moved = fetch_value(conn, MOVED)
    conn.rollback()
    behind = tuple(name for name, sha256 in wanted.items() if found.get(name) != sha256)
    return State(revision, head(), behind, moved)


def check(dsn: str) -> State:
    """The version installed at `dsn`."""
    with mapped(), connect(dsn) as conn:
        return state(conn)


def downgrade(dsn: str, revision: str = "base") -> None:
    """Downgrade the schema to `revision`; `base` removes vitrina and all its data.

    Behaviour belongs to the newest state, so it is dropped first: install the older vitrina and run
    its `vitrina db upgrade` to get its behaviour back.
    """
    with mapped(), _locked(dsn), _session(dsn) as conn:
        before = state(conn)
        if not before.installed:
            raise SchemaError("vitrina is not installed in this database: nothing to downgrade")
        conn.execute(DROP_BEHAVIOUR)
        conn.execute("delete from vitrina.installed where name = 'sql'")
        conn.commit()
        _migrate(dsn, revision, down=True)
        if revision == "base":
            conn.execute("drop table vitrina.alembic_version")
            conn.execute("drop schema vitrina, vitrina_internal")
        conn.commit()


INSTALLED_ROW = """\
insert into vitrina.installed (name, sha256, version) values ('%s', '%s', '%s');
"""
INSTALLED_ON = """\
insert into vitrina.installed (name, sha256, version)
select i.name, i.made_by, '%s'
from (values ('postgres', vitrina_internal.postgres_major()::text),
             ('full text', vitrina_internal.text_version()::text)) as i (name, made_by);
"""


def write_sql(out: TextIO, *, data: bool = True) -> None:
    """Write the SQL of an upgrade of an empty database, for psql; connects to no database.

    Args:
        out: the stream to write to.
        data: also write the rows of the data files, as `copy … from stdin` blocks (tens of
            megabytes).
    """
    from alembic import command

    migrations = io.StringIO()
    command.upgrade(_alembic(output_buffer=migrations), "head", sql=True)
    out.write(f"-- vitrina {__version__}: psql --set ON_ERROR_STOP=1 --file THIS\n\n")
    out.write(PREAMBLE + "\n" + migrations.getvalue().strip() + "\n\nbegin;\n\n")
    for name, path in sql_files():
        out.write(f"-- sql/{name}\n\n{qualified(path.read_text('utf-8'))}\n")
    out.write(comments() + "\n")
    digests = {"sql": sql_digest()}
    for seed in builtin_data.all_seeds():
        if data:
            seed.write(out)
            digests[seed.name] = seed.sha256
        else:
            out.write(f"-- data: {seed.name} is left out; `vitrina db upgrade` loads it\n\n")
    for name, sha256 in digests.items():
        out.write(INSTALLED_ROW % (name, sha256, __version__))
    out.write(INSTALLED_ON % __version__)
    out.write("commit;\n")
