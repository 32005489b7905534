"""vitrina's own export: a row a product, with its variants, pictures and attributes as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from vitrina.files.formats.base import MAX_ATTRIBUTES, Format, Own, Reader
from vitrina.files.items import LeftOut, Picture, Product, Reject, Variant
from vitrina.files.rows import Row

_ROLES = ("main", "further", "variant")
_COLUMNS = frozenset({"productid", "externalid", "title", "attributes", "keywords", "caption"})


class OwnReader(Reader):
    """Reads products as they were exported; `vitrina import` reads the answers of models."""

    own: ClassVar[Own] = {
        "title": ("title",),
        "external_id": ("external_id",),
        "image": ("image",),
        "url": ("url",),
        "text": ("text",),
        "sku": ("sku",),
        **dict.fromkeys(
            ("group", "price", "sale_price", "was_price", "currency", "brand", "category", "ean",
             "mpn", "stock", "sale_starts", "sale_ends"), ()),
    }  # fmt: skip

    def key(self, row: Row) -> str | None:
        return None

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        for row in rows:
            yield self._read(row)

    def _read(self, row: Row) -> Product | Reject:
        values = row.values
        external_id, title = self.external_id(row), self.title(values)
        if flaw := self.flaw(row, external_id, title):
            return flaw
        read = {name: _of_json(values.get(name)) for name in ("attributes", "variants", "images")}
        if sum(len(json.dumps(value, default=str)) for value in read.values()) > MAX_ATTRIBUTES:
            return Reject(
                row.line, external_id, f"more than {MAX_ATTRIBUTES:,} characters in one row"
            )
        attributes = read["attributes"] if isinstance(read["attributes"], dict) else {}
        return Product(
            row.line,
            external_id,
            title or "",
            image=_text(values.get("image")),
            url=_text(values.get("url")),
            attributes=attributes,
            text=_text(values.get("text")),
            sku=_text(values.get("sku")),
            codes=_texts(_of_json(values.get("codes"))),
            images=tuple(
                Picture(one["image"], one["role"] if one.get("role") in _ROLES else "further")
                for one in _objects(read["images"])
                if isinstance(one.get("image"), str) and one["image"]
            ),
            variants=tuple(
                Variant(
                    row.line,
                    sku=_text(one.get("sku")),
                    title=_text(one.get("title")),
                    codes=_texts(one.get("codes")),
                    attributes=one["attributes"] if isinstance(one.get("attributes"), dict) else {},
                    image=_text(one.get("image")),
                )
                for one in _objects(read["variants"])
            ),
        )


def _of_json(value: object) -> Any:
    """A value that stands in a cell of a table as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int | float) and str(value) else None


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else []
    return tuple(text for item in items if (text := _text(item)))


FORMAT = Format(
    "vitrina",
    "columns product_id, external_id, attributes, keywords and caption",
    '{"product_id": 1, "external_id": "7", "title": "Oak bench", "caption": null, "keywords": [],'
    ' "attributes": {"price": 129}}\n',
    lambda file, columns: columns >= _COLUMNS,
    OwnReader,
)
