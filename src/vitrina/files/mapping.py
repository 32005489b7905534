"""Turns rows into products: which column is the title, the id, the picture, the address."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from vitrina.errors import InputError
from vitrina.files.rows import BadRow, Row
from vitrina.files.values import typed

FIELDS = ("external_id", "title", "image", "url")
MAX_TITLE = 2_000  # characters
MAX_ID = 500
MAX_ATTRIBUTES = 1_000_000  # characters of JSON

# Column names shops use, best first; compared in lower case without spaces, '_' and '-'.
KNOWN = {
    "external_id": "externalid id sku asin productid itemid articleid articlenumber productcode "
    "itemcode code handle variantsku uniqid",
    "title": "title producttitle productdisplayname productname displayname itemname name",
    "image": "image imageurl imagelink primaryimage mainimage imagesrc picture pictureurl photo "
    "img imgurl thumbnail",
    "url": "url link producturl productlink permalink",
}
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Product:
    """A product as its source gives it, and the line it came from."""

    line: int
    external_id: str
    title: str
    image: str | None = None
    image_stamp: str | None = None
    url: str | None = None
    attributes: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A row that says what an earlier one of the file says: the same id, title and picture."""

    line: int
    external_id: str
    first: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be used: its line, its id where it has one, and why."""

    line: int
    external_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """How columns become products.

    Args:
        columns: field to column, as given with --map; the rest is recognised by name.
        image: a template such as "{id}.jpg" over the columns, instead of an image column.
        image_root: the folder that pictures which are no URLs are under.
    """

    columns: dict[str, str] = field(default_factory=dict)
    image: str | None = None
    image_root: Path | None = None

    def __post_init__(self) -> None:
        for name in self.columns:
            if name not in FIELDS:
                raise InputError(f"cannot map {name!r}: the fields are {', '.join(FIELDS)}")
        if self.image_root is not None and not self.image_root.is_dir():
            raise InputError(f"no such folder: {self.image_root} (--image-root)")

    def resolve(self, columns: Iterable[str]) -> dict[str, str]:
        """Which column each field is read from. Raises InputError for a mapped one not there."""
        present = list(columns)
        by_name = {re.sub(r"[\s_-]", "", name).lower(): name for name in reversed(present)}
        found = dict(self.columns)
        for name, column in self.columns.items():
            if column not in present:
                raise InputError(
                    f"no column {column!r} for {name}; there are: {', '.join(present[:40])}"
                )
        for name, known in KNOWN.items():
            if name not in found and not (name == "image" and self.image):
                match = next((by_name[word] for word in known.split() if word in by_name), None)
                if match is not None and match not in found.values():
                    found[name] = match
        for placeholder in _PLACEHOLDER.findall(self.image or ""):
            if placeholder not in present:
                raise InputError(
                    f"no column {placeholder!r} for --image; there are: {', '.join(present[:40])}"
                )
        return found


def read_products(
    rows: Iterable[Row | BadRow], mapping: Mapping, *, name: str = "the file"
) -> Iterator[Product | Repeat | Reject]:
    """Map rows to products, in order; what cannot be used comes as a reject.

    The first row with an id is the product. Without a column of ids, rows are told apart by their
    address, picture and title, and by their count where even these are the same.

    Raises InputError where no row can ever be used: no title column, or no rows at all.
    """
    fields: dict[str, str] = {}
    keys: frozenset[str] = frozenset()
    empty = True
    with closing(_Seen()) as seen:
        for row in rows:
            empty = False
            if isinstance(row, BadRow):
                yield Reject(row.line, None, row.reason)
                continue
            if row.values.keys() != keys:
                keys = frozenset(row.values)
                fields = mapping.resolve(row.values)
                if "title" not in fields and row.line <= 2:
                    raise InputError(
                        f"no column of {name} looks like a title, among: "
                        f"{', '.join(list(row.values)[:40])}; say which: --map title=COLUMN"
                    )
            product = _product(row, fields, mapping)
            if isinstance(product, Reject):
                yield product
            elif "external_id" in fields:
                yield seen.checked(product)
            else:
                yield seen.numbered(product)
    if empty:
        raise InputError(f"{name} has no rows below its header")


class _Seen:
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
        key = f"{product.url or ''}\0{product.image or ''}\0{product.title}"
        count = self._first(key, product)[2]
        made = hashlib.sha256(key.encode()).hexdigest()[:16]
        return replace(product, external_id=made if count == 1 else f"{made}-{count}")

    def close(self) -> None:
        self._db.close()


def _text(value: object) -> str:
    """A field as one line of text; of a list, its first item."""
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None:
        return ""
    return " ".join(str(value).split())


def _product(row: Row, fields: dict[str, str], mapping: Mapping) -> Product | Reject:
    values = row.values
    external_id, title, image, url = (
        _text(values.get(fields[name])) if name in fields else "" for name in FIELDS
    )
    if not title:
        return Reject(row.line, external_id or None, "no title")
    if len(title) > MAX_TITLE:
        return Reject(
            row.line,
            external_id[:MAX_ID] or None,
            f"the title has {len(title):,} characters, more than {MAX_TITLE:,}",
        )
    if mapping.image:
        image = _PLACEHOLDER.sub(lambda match: _text(values[match[1]]), mapping.image)
    if not external_id and "external_id" in fields:
        return Reject(row.line, None, f"no {fields['external_id']}: the id is empty")
    if len(external_id) > MAX_ID:
        return Reject(row.line, external_id[:40], f"the id is longer than {MAX_ID} characters")
    attributes = {
        column: value
        for column, given in values.items()
        if column not in fields.values()
        and (value := typed(column, given) if isinstance(given, str) else given) is not None
    }
    if len(json.dumps(attributes)) > MAX_ATTRIBUTES:
        return Reject(row.line, external_id, f"more than {MAX_ATTRIBUTES:,} characters in one row")
    return Product(
        row.line,
        external_id,
        title,
        image or None,
        _stamp(image, mapping.image_root),
        url or None,
        attributes,
    )


def _stamp(image: str, root: Path | None) -> str | None:
    """Size and time of a picture on disk: tells that it was replaced without reading it."""
    if root is None or not image or "://" in image:
        return None
    try:
        path = (root / image).resolve()
        if not path.is_relative_to(root.resolve()):  # it is never read, so nothing is said of it
            return None
        stat = path.stat()
    except (OSError, ValueError, RuntimeError):
        return None
    return f"{stat.st_size}-{stat.st_mtime_ns}"
