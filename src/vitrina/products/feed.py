"""Feeds: files at an address, fetched again only if they have changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from urllib.parse import parse_qsl, urlsplit

from vitrina import __version__
from vitrina.db.database import Database, Jsonb
from vitrina.errors import FetchError, InputError, PrivateAddressError
from vitrina.files import FileOptions
from vitrina.files.options import PRUNE_MOST
from vitrina.http.fetch import FEED, fetch, login_of
from vitrina.redaction import is_sensitive, shown_address

_PLAIN = re.compile(r"[A-Za-z]{0,20}|[\w.-]{0,12}")  # a value that is no token
_TOKEN = re.compile(r"(?=[^/]*\d)[\w~-]{20,}")  # a part of a path that is one


@dataclass(frozen=True, slots=True)
class Feed:
    """A fetched feed: `path` of the file, None if it is unchanged since the last ingest."""

    name: str
    path: str | None
    key: str
    etag: str | None = None
    modified: str | None = None
    sha256: str | None = None

    def remember(self, database: Database, source: str) -> None:
        """Keep with the source what tells next time whether the feed has changed."""
        kept = {name: value for name, value in asdict(self).items() if name != "path" and value}
        database.value("select vitrina.put_source(%s, 'file', %s)", (source, Jsonb({"feed": kept})))


def is_address(path: str) -> bool:
    """Whether `path` is the address of a feed."""
    return path[:8].lower().startswith(("http://", "https://"))


def host_of(address: str) -> str:
    """The name of a source for an address: the host, without www."""
    return (urlsplit(address).hostname or "feed").removeprefix("www.")


def public_name(address: str) -> str:
    """The address, fit to be stored and shown: without a login, *** for all that may be a token."""
    parts = urlsplit(shown_address(address))
    path = _TOKEN.sub("***", parts.path)
    query = "&".join(
        f"{name}={value}"
        if _PLAIN.fullmatch(value) and not is_sensitive(name) and not name.startswith("pass")
        else f"{name}=***"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return f"{parts.scheme}://{parts.netloc}{path}" + (f"?{query}" if query else "")


@contextlib.contextmanager
def fetched(
    database: Database,
    address: str,
    *,
    source: str,
    options: FileOptions,
    allow_private: bool,
    always: bool,
) -> Iterator[Feed]:
    """The feed at an address, for as long as the block lasts.

    Args:
        database: knows the feed as it was when it was last ingested.
        address: its user name and password, or those of `.netrc`, go to its server only.
        source, options: who reads it, and how: read otherwise, an unchanged feed is read again.
        allow_private: allow addresses of the private network.
        always: fetch it even if it is unchanged.

    Raises InputError if the feed cannot be fetched; the address is shown without secrets.
    """
    name = public_name(address)
    key = _key(address, options)
    known = {} if always else _known(database, source, key)
    bare, login = login_of(address)
    try:
        found = fetch(
            bare,
            etag=known.get("etag"),
            modified=known.get("modified"),
            login=login,
            bounds=replace(FEED, allow_private=allow_private),
        )
    except FetchError as exc:
        hint = " (--allow-private-images)" if isinstance(exc, PrivateAddressError) else ""
        raise InputError(f"cannot fetch {name}: {exc}{hint}") from exc
    with found:
        if found.file is None:
            yield Feed(name, None, key)
            return
        digest = hashlib.file_digest(found.file, "sha256").hexdigest()  # type: ignore[arg-type]
        same = digest == known.get("sha256")
        yield Feed(name, None if same else found.file.name, key, found.etag, found.modified, digest)


def _key(address: str, options: FileOptions) -> str:
    """What the feed is and how it is read, as a hash."""
    read = replace(options, rejects=None, remap=False, prune_most=PRUNE_MOST)
    told = [__version__, shown_address(address), repr(read)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _known(database: Database, source: str, key: str) -> dict[str, str]:
    rows = database.rows(
        # others may have made an operator of that name for the types of a bare one
        "select s.config operator(pg_catalog.->) 'feed' as feed from vitrina.sources as s"
        " where s.name = %s and s.kind = 'file'",
        (source,),
    )
    known = (rows[0]["feed"] if rows else None) or {}
    return known if known.get("key") == key else {}
