"""The ids of a file: each is used once, and products without an id get one that is made."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import replace

from vitrina.files.items import Product, Reject, Repeat


class SeenIds:
    """The ids of a file, on disk: a file of millions of rows is checked in constant memory."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")
        self._db.execute("create table seen (id text primary key, line int, said blob, count int)")

    def _first(self, key: str, product: Product) -> tuple[int, bytes, int]:
        said = hashlib.sha256(f"{product.title}\0{product.image}".encode()).digest()[:12]
        row: tuple[int, bytes, int] = self._db.execute(
            "insert into seen values (?, ?, ?, 1) on conflict do update set count = count + 1"
            " returning line, said, count",
            (key, product.line, said),
        ).fetchone()
        return row[0], said if row[1] == said else b"", row[2]

    def checked(self, product: Product) -> Product | Repeat | Reject:
        """The product, where its id is new."""
        line, same, count = self._first(product.external_id, product)
        if count == 1:
            return product
        if same:
            return Repeat(product.line, product.external_id, line)
        return Reject(
            product.line,
            product.external_id,
            f"the id stands on line {line} already, with another title or picture",
        )

    def numbered(self, product: Product) -> Product:
        """The product with an id that is made from its address, picture and title."""
        key = f"{product.url or ''}\0{product.image or ''}\0{product.title}"
        count = self._first(key, product)[2]
        made = hashlib.sha256(key.encode()).hexdigest()[:16]
        return replace(product, external_id=made if count == 1 else f"{made}-{count}")

    def close(self) -> None:
        """Give back the disk."""
        self._db.close()
