"""Weave Datasets of a catalogue: publishes products or vocabulary, reads products."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from vitrina.errors import InputError, NotFoundError
from vitrina.redaction import redact, without_pictures
from vitrina.weave.private import leave

if TYPE_CHECKING:
    from vitrina.files.opening import Openers
    from vitrina.files.rows import BadRow, Row

__all__ = ["OPENERS", "client_of", "name_of", "publish", "read"]

What = Literal["products", "vocabulary"]

BATCH = 500  # rows in one request
BATCH_CHARACTERS = 4_000_000  # or this many, whichever comes first

_REFERENCE = re.compile(r"weave:///([^/:]+)/([^/:]+)/object/([^/:]+):([\w-]+)")
_NAME = re.compile(r"\w[\w.-]{0,127}")


def publish(
    rows: Iterable[Mapping[str, Any]], name: str, *, project: str, what: What = "products"
) -> str:
    """Publish rows of the catalogue as a Weave Dataset, batch by batch; returns its reference.

    Equal rows under the same name are the same version. Pictures in data: URLs are not sent.

    Args:
        rows: products, as in the view vitrina.catalog, or keywords, as listed.
        name: the dataset's name.
        project: "entity/project" or "project".
        what: "products" or "vocabulary".

    Raises:
        NotFoundError: there are no rows to publish.
        ConfigError, TraceServerError: see trace_server.connect; the rows were not accepted.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of a dataset: use letters, digits, '.', '_' and '-'"
        )
    plain = map(_plain, rows) if what == "products" else map(_keyword, rows)
    first = next(plain, None)
    if first is None:
        raise NotFoundError(f"no {what} to publish: run `vitrina ingest` first")
    with client_of(project) as client:
        digests: list[str] = []
        common = {"project_id": client.project_id}
        for batch in _batches(itertools.chain([first], plain)):
            digests += client.server.table_create({"table": {**common, "rows": batch}}).row_digests
        whole = client.server.table_create_from_digests({**common, "row_digests": digests})
        return _publish_table(client, name, what, whole.digest)


def _publish_table(client: Any, name: str, what: What, digest: str) -> str:
    """A Dataset around published rows; weave.publish would fetch them all again."""
    kind = {"_type": "Dataset", "_class_name": "Dataset", "_bases": ["Object", "BaseModel"]}
    value = {
        **kind,
        "name": name,
        "description": f"{what} of a vitrina catalogue",
        "rows": f"weave:///{client.project_id}/table/{digest}",
    }
    made = {"project_id": client.project_id, "object_id": name, "val": value}
    published = client.server.obj_create({"obj": made})
    return f"weave:///{client.project_id}/object/{name}:{published.digest}"


def name_of(reference: str) -> str:
    """The name of the dataset, also used for its source. Raises InputError."""
    return _parse(reference)[2]


def read(reference: str) -> Generator[Row | BadRow, None, None]:
    """The rows of weave:///entity/project/object/name:version, page by page, numbered from 1.

    The version is a digest, v0, v1 …, or latest. Rows that `publish` wrote are read as an export.

    Raises:
        InputError: the dataset was not found.
        ConfigError, TraceServerError: see trace_server.connect; or the server stopped answering.
    """
    entity, project, name, version = _parse(reference)
    with client_of(f"{entity}/{project}", create=False) as client:
        request = {
            "project_id": client.project_id,
            "digest": _table_of(client, reference, name, version),
            "limit": BATCH,
        }
        for offset in itertools.count(0, BATCH):
            page = client.server.table_query({**request, "offset": offset}).rows
            for line, item in enumerate(page, offset + 1):
                yield _row(line, item.val)
            if len(page) < BATCH:
                return


def _parse(reference: str) -> tuple[str, ...]:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise InputError(
            f"{reference} is not a dataset: give weave:///entity/project/object/name:version"
        )
    return match.groups()


def _table_of(client: Any, reference: str, name: str, version: str) -> str:
    """The digest of the rows of a dataset."""
    from weave import ObjectRef

    try:
        found = client.get(ObjectRef(client.entity, client.project, name, version), objectify=False)
        return str(found.rows.table_ref.digest)
    except ValueError as exc:
        raise InputError(f"{reference} cannot be read: {redact(str(exc))}") from exc
    except AttributeError as exc:
        raise InputError(f"{reference} is not a dataset: it has no rows") from exc


def _row(line: int, value: object) -> Row | BadRow:
    from vitrina.files.documents import json_row

    return json_row(line, json.dumps(value))


def _keyword(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: row[key] for key in ("keyword", "facet", "products")}
    return {**kept, "aliases": list(row["aliases"] or [])}


def _plain(value: object) -> Any:
    """A value of the database, in its JSON form."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, str):
        return without_pictures(value)
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        length = len(json.dumps(row))
        if batch and (len(batch) >= BATCH or size + length > BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch


@contextlib.contextmanager
def client_of(project: str, *, create: bool = True) -> Iterator[Any]:
    """weave's client, for the block; turns its failures into our errors."""
    from vitrina.weave.server import TraceServerError, connect  # on use: it has the network

    client = connect(project, create=create, quick=False)
    try:
        yield client
    except Exception as exc:
        if type(exc).__module__.partition(".")[0] not in ("weave", "httpx"):
            raise
        raise TraceServerError(f"The trace server failed: {redact(str(exc))}") from exc
    finally:
        leave(client)


OPENERS: Openers = {"weave:///": read}  # for open_rows
