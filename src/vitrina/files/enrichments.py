"""Takes the enrichment of a product (keywords, texts, a vector) out of the rows of a file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Generator, Iterable
from collections.abc import Mapping as Columns
from dataclasses import dataclass, field
from unicodedata import normalize

from vitrina.db.database import HalfVector
from vitrina.errors import InputError
from vitrina.files import names
from vitrina.files.mapping import Mapping
from vitrina.files.rows import BadRow, Row
from vitrina.files.values import parse_list

# Column names, best first; compared in lower case without spaces, '_' and '-'.
KNOWN = {
    "keywords": ("keywords", "tags"),
    "description": ("description", "imgdescription", "imagedescription"),
    "caption": ("caption",),
    "embedding": ("embedding", "vector"),
}
_PRODUCT = ("external_id", "title", "image", "url")
NOTHING = frozenset({"", "nan", "none", "null"})
MAX_KEYWORD = 200  # characters
MAX_TEXT = 100_000  # characters of keywords, description and caption together
MAX_DIMENSIONS = 4_000


@dataclass(slots=True)
class Said:
    """The enrichment in a row; `flaws` says which parts of it cannot be used, and why."""

    keywords: list[str] | None = None
    description: str | None = None
    caption: str | None = None
    embedding: HalfVector | None = None
    flaws: list[str] = field(default_factory=list)


def _embedding(value: object) -> HalfVector | None:
    """A vector from a list, or from a text as JSON, Python or NumPy write lists."""
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in NOTHING:
            return None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            try:
                parts = text.strip("[]() ").replace(",", " ").split()
                value = [float(part) for part in parts] or text
            except ValueError:
                raise ValueError("the embedding is not a list of numbers") from None
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
        raise ValueError("the embedding is not a flat list of numbers")
    if len(value) > MAX_DIMENSIONS:
        raise ValueError(f"the embedding has {len(value):,} numbers, more than {MAX_DIMENSIONS:,}")
    try:
        vector = HalfVector(value) if math.isfinite(sum(value)) else None
    except (OverflowError, ValueError):
        vector = None
    if vector is None:
        raise ValueError("the embedding has a number that is NaN, infinite or beyond 65,504")
    if not any(vector.to_list()):
        raise ValueError("the embedding is all zero: it has no direction")
    return vector


def _keywords(value: object) -> list[str] | None:
    """Terms from a list, from a list written as text, or from a text with commas."""
    items: object = value
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in NOTHING:
            return None
        items = parse_list(text) if text[0] in "[({" else re.split("[,;|]", text)
    elif value is None:
        return None
    if not isinstance(items, list) or any(isinstance(item, list | dict) for item in items):
        raise ValueError("the keywords are not a list of texts")
    said = [" ".join(str(item).split()) for item in items]
    terms = [term for term in dict.fromkeys(said) if term.lower() not in NOTHING]
    longest = max((len(normalize("NFKC", term)) for term in terms), default=0)
    if longest > MAX_KEYWORD:
        raise ValueError(f"a keyword has {longest:,} characters, more than {MAX_KEYWORD}")
    return terms or None


def _text(value: object) -> str | None:
    text = "" if value is None else str(value).strip()
    return None if text.lower() in NOTHING else text


def _texts(given: Columns[str, object]) -> tuple[list[str] | None, str | None, str | None]:
    """Keywords, description and caption. Raises ValueError where one of them cannot be used."""
    keywords = _keywords(given.get("keywords"))
    description, caption = _text(given.get("description")), _text(given.get("caption"))
    size = len(description or "") + len(caption or "") + sum(map(len, keywords or ()))
    if size > MAX_TEXT:
        raise ValueError(f"more than {MAX_TEXT:,} characters of keywords, description and caption")
    return keywords, description, caption


class Enrichments:
    """Takes the enrichment out of rows on their way to becoming products."""

    def __init__(self, columns: Columns[str, str], mapping: Mapping) -> None:
        if unknown := next((name for name in columns if name not in KNOWN), None):
            raise InputError(f"cannot map {unknown!r}: the fields are {', '.join(KNOWN)}")
        self._chosen = columns
        self._mapping = mapping
        self._columns: list[str] = []
        self._fields: dict[str, str] = {}
        self._kept: frozenset[str] = frozenset()
        self._present: dict[str, None] = {}
        self._found: set[str] = set()
        self.by_line: dict[int, Said] = {}

    def _resolve(self, columns: list[str]) -> None:
        """Find out which of these columns each field is read from."""
        by_name = {re.sub(r"[\s_-]", "", name).lower(): name for name in reversed(columns)}
        found = {
            name: next((by_name[word] for word in known if word in by_name), "")
            for name, known in KNOWN.items()
        } | dict(self._chosen)
        self._columns = columns
        self._fields = {name: column for name, column in found.items() if column in columns}
        self._kept = self._read_from(columns)
        self._present.update(dict.fromkeys(columns))
        self._found.update(self._fields)

    def _read_from(self, columns: list[str]) -> frozenset[str]:
        """The columns that the product itself is read from."""
        found = [names.built_in().columns(name, columns)[:1] for name in _PRODUCT]
        return frozenset(column for one in found for column in one) | frozenset(
            self._mapping.columns.values()
        )

    def take(self, row: Row) -> tuple[Row, Said]:
        """The row without its enrichment, and the enrichment.

        What stands there without the rest (a description alone, say) stays an attribute.
        """
        columns = list(row.values)
        if columns != self._columns:
            self._resolve(columns)
        given = {name: row.values[column] for name, column in self._fields.items()}
        said = Said()
        try:
            said.embedding = _embedding(given.get("embedding"))
        except ValueError as exc:
            said.flaws.append(str(exc))
        try:
            keywords, description, caption = _texts(given)
        except ValueError as exc:
            said.flaws.append(str(exc))
        else:
            # an export says which products are enriched; models may find no keyword for one
            if caption and (keywords or row.values.get("state") == "enriched"):
                said.keywords = keywords or []
                said.description, said.caption = description, caption
        gone = {
            self._fields[name]
            for name, value in given.items()
            if said.caption or name == "embedding" or _text(value) in (None, "[]")
        } - self._kept
        return Row(row.line, {c: None if c in gone else v for c, v in row.values.items()}), said

    def strip(
        self, rows: Iterable[Row | BadRow], *, keep: bool
    ) -> Generator[Row | BadRow, None, None]:
        """The rows without their enrichments, which wait in `by_line` where they are kept."""
        for row in rows:
            if isinstance(row, BadRow):
                yield row
            else:
                bare, said = self.take(row)
                if keep:
                    self.by_line[row.line] = said
                yield bare

    def look_ahead(self, rows: Iterable[Row | BadRow]) -> int | None:
        """How many numbers the first vector of the file has; None without any."""
        said = (self.take(row)[1] for row in rows if isinstance(row, Row))
        return next((one.embedding.dimensions() for one in said if one.embedding is not None), None)

    def check(self, name: str) -> None:
        """Raises InputError where no row so far has the columns that make an import."""
        there = ", ".join(list(self._present)[:40])
        for key, column in self._chosen.items():
            if column not in self._present:
                raise InputError(f"no column {column!r} for {key}; there are: {there}")
        if not ({"keywords", "caption"} <= self._found or "embedding" in self._found):
            raise InputError(
                f"no columns of {name} look like keywords and caption, or embedding, among:"
                f" {there}; name the column with --map caption=COLUMN, or use `vitrina ingest`"
            )
