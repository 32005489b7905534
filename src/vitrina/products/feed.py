"""A feed at an address: fetched unless it is unchanged since it was last loaded."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from vitrina import __version__
from vitrina.db.database import Database, Jsonb
from vitrina.errors import FetchError, InputError, PrivateAddressError
from vitrina.files import FileOptions
from vitrina.http.fetch import FEED, Bounds, fetch
from vitrina.redaction import shown_address


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed: its file, or None where nothing has changed since it was last loaded.

    `mark` is what is kept of it once all of it is loaded.
    """

    name: str
    file: Path | None
    mark: dict[str, Any]


def is_address(path: str) -> bool:
    """Whether a path is the address of a feed."""
    return path.lower().startswith(("http://", "https://"))


def feed_source(url: str) -> str:
    """The name of the source for a feed: its host."""
    return re.sub(r"^www\.", "", (urlsplit(url).hostname or "feed").lower())


@contextlib.contextmanager
def opened_feed(
    database: Database, url: str, *, source: str, options: FileOptions, allow_private: bool
) -> Iterator[Feed]:
    """The feed at `url`, unless it is what the source was last loaded from, read the same way.

    Raises InputError, without what is secret in the address, if it cannot be fetched.
    """
    name = shown_address(url)
    read_as = _digest_of(options)
    before = None if options.remap else _mark_of(database, source)
    if before is not None and (before["address"], before["read_as"]) != (name, read_as):
        before = None
    bounds = Bounds(FEED.bytes, FEED.seconds, FEED.redirects, allow_private)
    try:
        found = fetch(
            url,
            etag=before["etag"] if before else None,
            modified=before["modified"] if before else None,
            bounds=bounds,
        )
    except PrivateAddressError as exc:
        raise InputError(
            f"cannot fetch {name}: {exc} (--allow-private-images allows private addresses)"
        ) from None
    except FetchError as exc:
        raise InputError(f"cannot fetch {name}: {exc}") from None
    with found:
        digest = _digest(found.path) if found.path else before and before["sha256"]
        mark = {
            "address": name,
            "etag": found.etag,
            "modified": found.modified,
            "sha256": digest,
            "read_as": read_as,
        }
        unchanged = before is not None and before["sha256"] == digest
        yield Feed(_file_name(url), None if unchanged else found.path, mark)


def keep_mark(database: Database, source: str, mark: dict[str, Any]) -> None:
    """Keep with the source what it was loaded from."""
    database.value("select vitrina.put_source(%s, 'file', %s)", (source, Jsonb({"feed": mark})))


def _mark_of(database: Database, source: str) -> dict[str, Any] | None:
    rows = database.rows(
        # others may have made an operator of that name for the types of a bare one
        "select s.config operator(pg_catalog.->) 'feed' as mark from vitrina.sources as s"
        " where s.name = %s and s.kind = 'file'",
        (source,),
    )
    return rows[0]["mark"] if rows else None


def _digest_of(options: FileOptions) -> str:
    """Of how a file is read: read another way, the same bytes are other products."""
    told = asdict(options) | {"rejects": None, "remap": None, "version": __version__}
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file_name(url: str) -> str:
    """The last part of the address, by whose ending a format may be told; without its query."""
    parts = urlsplit(url)
    last = unquote(parts.path.rstrip("/").rpartition("/")[2])
    return last or parts.hostname or "feed"
