"""How a file was read: kept with its source, and described in a line."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from vitrina.errors import InputError
from vitrina.printing import counted

SHOWN = {
    "title": "title",
    "external_id": "id",
    "image": "picture",
    "price": "price",
    "sale_price": "sale price",
    "text": "text",
    "url": "address",
    "group": "group",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """Which format a file has, and which column each field is read from.

    Attributes:
        format: its name.
        columns: the columns of each field, best first.
        language: of texts that a file has in several.
        encoding, delimiter: of its text, where it has them.
        image: a template of pictures, as given.
        sheet: of a workbook with several.
    """

    format: str
    columns: dict[str, list[str]] = field(default_factory=dict)
    language: str = "en"
    encoding: str | None = None
    delimiter: str | None = None
    image: str | None = None
    sheet: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The reading as it is stored with a source."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Reading:
        """A reading as it was stored. Raises InputError if it cannot be used."""
        try:
            return cls(**stored)
        except TypeError as exc:
            raise InputError(f"the stored reading cannot be used: {exc} (--remap)") from None

    def sentence(self) -> str:
        """The reading in one line: `format shopify · title ← Title · id ← Handle`."""
        parts = [f"format {self.format}"]
        for name, shown in SHOWN.items():
            columns = self.columns.get(name)
            if columns:
                parts.append(f"{shown} ← {columns[0]}")
        if self.image:
            parts.append(f"picture ← {self.image}")
        return " · ".join(parts)


@dataclass(slots=True)
class Tally:
    """Counts of what a file gave: products, variants, rejects, and other things to report."""

    rows: int = 0
    products: int = 0
    variants: int = 0
    repeated: int = 0
    rejected: int = 0
    pictures: int = 0
    without_picture: int = 0
    made_ids: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    bad_prices: list[tuple[int, str, str]] = field(default_factory=list)
    bad_price_count: int = 0

    def sentence(self) -> str:
        """`312 rows → 74 products, 238 variants`."""
        parts = [counted(self.products, "product")]
        if self.variants:
            parts.append(counted(self.variants, "variant"))
        if self.rejected:
            parts.append(f"{self.rejected:,} rejected")
        if self.repeated:
            parts.append(f"{self.repeated:,} repeated")
        parts += [f"{count:,} left out ({reason})" for reason, count in self.left_out.items()]
        return f"{counted(self.rows, 'row')} → {', '.join(parts)}"
