"""The ids of a file: each is used once, and products without an id get one that is made."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import replace

from vitrina.files.items import Product, Reject, Repeat

_SAME = 12  # bytes that say title and picture


class SeenIds:
    """The ids of a file, on disk: a file of millions of rows is checked in constant memory."""

    def __init__(self, telling: Sequence[str] = (), remedy: str = "") -> None:
        """`telling`: attributes that tell forms of a product apart, for which `remedy` is said."""
        self._db = sqlite3.connect("")
        self._db.execute("create table seen (id text primary key, line int, said blob, count int)")
        self._telling = telling
        self._remedy = remedy

    def _first(self, key: str, said: bytes, line: int) -> tuple[int, bytes, int]:
        row: tuple[int, bytes, int] = self._db.execute(
            "insert into seen values (?, ?, ?, 1) on conflict do update set count = count + 1"
            " returning line, said, count",
            (key, line, said),
        ).fetchone()
        return row

    def _forms(self, product: Product) -> list[bytes]:
        """A checksum of each attribute that tells forms apart."""
        values = (product.attributes.get(name) for name in self._telling)
        return [zlib.crc32(repr(value).encode()).to_bytes(4) for value in values]

    def checked(self, product: Product) -> Product | Repeat | Reject:
        """The product, where its id is new."""
        same = hashlib.sha256(f"{product.title}\0{product.image}".encode()).digest()[:_SAME]
        forms = self._forms(product)
        line, said, count = self._first(product.external_id, b"".join([same, *forms]), product.line)
        if count == 1:
            return product
        if said[:_SAME] != same:
            other, remedy = "title or picture", ""
        else:
            before = (said[place : place + 4] for place in range(_SAME, len(said), 4))
            pairs = zip(self._telling, before, forms, strict=True)
            other = ", ".join(name for name, was, now in pairs if was != now)
            remedy = self._remedy
        if not other:
            return Repeat(product.line, product.external_id, line)
        reason = f"the id stands on line {line} already, with another {other}{remedy}"
        return Reject(product.line, product.external_id, reason)

    def numbered(self, product: Product) -> Product:
        """The product with an id that is made from its address, picture and title."""
        key = f"{product.url or ''}\0{product.image or ''}\0{product.title}"
        count = self._first(key, b"", product.line)[2]
        made = hashlib.sha256(key.encode()).hexdigest()[:16]
        return replace(product, external_id=made if count == 1 else f"{made}-{count}")

    def close(self) -> None:
        """Give back the disk."""
        self._db.close()
