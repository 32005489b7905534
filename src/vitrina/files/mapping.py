"""The columns that a person chose for fields."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vitrina.errors import InputError
from vitrina.files.cells import is_there

FIELDS = (
    "external_id", "title", "image", "url", "text", "price", "sale_price", "was_price", "currency",
    "sku", "ean", "group", "stock",
)  # fmt: skip
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Mapping:
    """How columns become products.

    Args:
        columns: field to column, or to a path such as images.0.src; the rest is found by name.
        image: a template such as "{id}.jpg" over the columns, instead of an image column.
        image_root: the folder of pictures that have a path instead of a URL.
        names: a CSV file of the shop's own names of columns: field, language, names.
    """

    columns: dict[str, str] = field(default_factory=dict)
    image: str | None = None
    image_root: Path | None = None
    names: Path | None = None

    def __post_init__(self) -> None:
        for name in self.columns:
            if name not in FIELDS:
                raise InputError(f"cannot map {name!r}: the fields are {', '.join(FIELDS)}")
        if self.image_root is not None and not self.image_root.is_dir():
            raise InputError(f"no such folder: {self.image_root} (--image-root)")

    def check(self, columns: Iterable[str]) -> None:
        """Raises InputError if a named column is missing."""
        present = list(columns)
        shown = ", ".join(present[:_SHOWN])
        for name, column in self.columns.items():
            if not is_there(column, present):
                raise InputError(f"no column {column!r} for {name}; there are: {shown}")
        for placeholder in _PLACEHOLDER.findall(self.image or ""):
            if placeholder not in present:
                raise InputError(f"no column {placeholder!r} for --image; there are: {shown}")
