"""Whether the Postgres is fit: its version, its role as a standby, who may do what."""

from __future__ import annotations

from collections.abc import Iterator

from vitrina.db.database import Database
from vitrina.db.standby import STANDBY, Standby, standby_of
from vitrina.doctor.finding import Finding, Rows
from vitrina.errors import VitrinaError

LATE = "see pg_stat_replication on the primary, and the standby's log"


def replica(dsn: str, read_url: str) -> Iterator[Finding]:
    """The replica that searches read."""
    try:
        with Database(read_url, size=1) as replica, Database(dsn, size=1) as primary:
            behind = standby_of(replica, primary)
    except VitrinaError as exc:
        yield Finding("replica", "wrong", str(exc), "correct VITRINA_READ_URL, or unset it")
        return
    if behind is None:
        yield Finding(
            "replica", "note", "VITRINA_READ_URL is no standby: what is written may never be read",
            "point it at a standby of VITRINA_DATABASE_URL, or unset it",
        )  # fmt: skip
    elif behind.late:
        yield Finding("replica", "wrong", behind.said, LATE)
    else:
        yield Finding("replica", "ok", behind.said)


def _standby(rows: Rows, reading: bool) -> Iterator[Finding]:
    """Whether the database is a standby, and how late."""
    found = rows(STANDBY)
    if not found:
        return
    ((_, follows, seconds),) = found
    behind = Standby(seconds, None, follows)
    if not reading:
        yield Finding(
            "server", "wrong", f"it is {behind.said}, and read-only: only searches work",
            "use the primary to ingest; for searches alone: vitrina doctor --read-only",
        )  # fmt: skip
    else:
        late = behind.late
        yield Finding("server", "note", f"it is {behind.said}", LATE if late else "nothing")


def postgres(rows: Rows, reading: bool) -> Iterator[Finding]:
    """Its version, encoding and pgvector; whether it is a standby that only searches may use."""
    ((version, number, encoding, role),) = rows(
        "select current_setting('server_version'), current_setting('server_version_num')::int,"
        " current_setting('server_encoding'), current_user"
    )
    yield (
        Finding("Postgres", "ok", f"{version}, as {role}")
        if number >= 140000
        else Finding("Postgres", "wrong", version, "upgrade the server to 14 or newer")
    )
    if encoding != "UTF8":
        yield Finding("encoding", "wrong", encoding, "use a database in UTF8")
    yield from _standby(rows, reading)
    found = rows(
        "select e.extversion, n.nspname, pg_get_userbyid(e.extowner) from pg_extension as e"
        " join pg_namespace as n on n.oid = e.extnamespace where e.extname = 'vector'"
    )
    if not found:
        available = rows(
            "select a.default_version from pg_available_extensions as a where a.name = 'vector'"
        )
        yield Finding(
            "pgvector",
            "wrong",
            "not in this database" if available else "not on this server",
            "as a DBA: create extension vector;"
            if available
            else "install the package of pgvector 0.8 or newer on the server",
        )
        return
    ((extension, namespace, owner),) = found
    old = tuple(int(part) for part in extension.split(".")[:2]) < (0, 8)
    yield Finding(
        "pgvector",
        "wrong" if old else "ok",
        f"{extension} in the schema {namespace}, owned by {owner}",
        "as a DBA: alter extension vector update;" if old else "nothing",
    )


def privileges(rows: Rows) -> Iterator[Finding]:
    """What this role may do, and whether the roles to grant are there."""
    ((owner, owns, searches, works),) = rows(
        "select pg_get_userbyid(n.nspowner), pg_has_role(n.nspowner, 'usage'),"
        " has_schema_privilege(n.oid, 'usage')"
        " and has_table_privilege('vitrina.products', 'select'),"
        " has_schema_privilege(n.oid, 'usage') and has_table_privilege('vitrina.jobs', 'update')"
        " from pg_namespace as n where n.nspname = 'vitrina'"
    )
    may = [
        word
        for word, can in (("search", searches), ("work", works), ("attach and upgrade", owns))
        if can
    ]
    yield Finding(
        "grants",
        "ok" if searches else "wrong",
        f"vitrina belongs to {owner}; this role may {', '.join(may) or 'do nothing'}",
        "nothing" if searches else "grant vitrina_reader or vitrina_writer to it",
    )
    for role, what in (("vitrina_reader", "search"), ("vitrina_writer", "ingest and enrich")):
        ((exists, member),) = rows(
            "select r.oid is not null, pg_has_role(current_user, r.oid, 'member')"
            " from (select to_regrole(%s)::oid as oid) as r",
            role,
        )
        if not exists:
            yield Finding(
                role,
                "note",
                "the role is missing; only its owner can use vitrina",
                f"as a DBA: create role {role} nologin; then: vitrina db upgrade",
            )
        else:
            yield Finding(
                role, "ok", f"may {what}; this role is {'' if member else 'not '}a member"
            )


def creators(rows: Rows) -> Iterator[Finding]:
    """The roles that may create functions and operators beside the extension's and vitrina's."""
    for schema_name, owner, role, vitrinas_own in rows(
        "select format('%I', n.nspname::text), format('%I', pg_get_userbyid(n.nspowner)::text),"
        " case when a.grantee = 0 then 'public' else format('%I', r.rolname::text) end,"
        " n.nspname in ('vitrina', 'vitrina_internal')"
        " from pg_namespace as n"
        " cross join aclexplode(n.nspacl) as a"
        " left join pg_roles as r on r.oid = a.grantee"
        " where a.privilege_type = 'CREATE' and a.grantee <> n.nspowner"
        " and r.rolsuper is distinct from true and r.rolname is distinct from 'pg_database_owner'"
        " and (n.nspname in ('vitrina', 'vitrina_internal') or n.oid in ("
        "  select e.extnamespace from pg_extension as e where e.extname = 'vector'))"
        " order by 4, 1, 3"
    ):
        who = "every role" if role == "public" else f"role {role}"
        harm = (
            "vitrina's functions run"
            if vitrinas_own
            else "sessions with the schema on their search_path run; vitrina's functions do not"
        )
        yield Finding(
            "grants",
            "wrong" if vitrinas_own else "note",
            f"{who} may create in the schema {schema_name}: functions and operators made there"
            f" are what {harm}",
            f"as {owner}: revoke create on schema {schema_name} from {role};",
        )
