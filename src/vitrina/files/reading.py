"""How a file was read: kept with its source, and described in a line."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from vitrina.errors import InputError
from vitrina.files.cells import is_there
from vitrina.files.rows import TABLES, RowFile
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
_SAID = {
    **SHOWN,
    "was_price": "former price",
    "ean": "EAN",
    "sku": "SKU",
    "stock": "stock",
    "currency": "currency",
    "sale_starts": "start of the sale",
    "sale_ends": "end of the sale",
}
_MUST = ("title", "external_id")  # without their columns a source cannot be read again
_NAMED = 40  # columns named in an error


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
        earlier: the source is older than readings: no other column is read for a field.
        whole_ids: an id that a data frame wrote as 7.0 is 7; sources from before keep theirs.
    """

    format: str
    columns: dict[str, list[str]] = field(default_factory=dict)
    language: str = "en"
    encoding: str | None = None
    delimiter: str | None = None
    image: str | None = None
    sheet: str | None = None
    earlier: bool = False
    whole_ids: bool = False

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

    def applied(
        self,
        file: RowFile,
        found: dict[str, list[str]],
        columns: list[str],
        chosen: dict[str, str],
    ) -> tuple[dict[str, list[str]], list[str]]:
        """The columns of each field when the source is read again, and notices of what changed.

        A field keeps its columns. A field that had no column is found anew where the ids are those
        of before; a column of a field that is gone is said, but for titles and ids.

        Raises InputError where the columns of titles or ids are gone.
        """
        fields = {name: self.columns.get(name, []) for name in found}
        fields |= {name: [column] for name, column in chosen.items()}
        self._still_there(fields, columns, file.name)
        said = []
        for name, named in fields.items():
            # of rows with keys of their own the first may lack what others have
            if name not in _SAID or not named or file.kind not in TABLES:
                continue
            if not is_there(named[0], columns):
                rest = next((column for column in named if is_there(column, columns)), None)
                now = f"; it is read from {rest} now" if rest else ""
                said.append(
                    f"{_SAID[name]} was read from {named[0]}, which is gone{now}"
                    " (--remap reads the columns anew)"
                )
        if self.earlier or fields["external_id"][:1] != found["external_id"][:1]:
            return fields, said
        used = {column for named in fields.values() for column in named}
        for name, others in found.items():
            if fields[name] or name == "group":  # a group would change the ids
                continue
            if new := [one for one in others if one not in used]:
                fields[name] = new
                if name in _SAID:
                    said.append(f"{_SAID[name]} is read from {new[0]}, which is new")
        return fields, said

    def _still_there(self, fields: dict[str, list[str]], columns: list[str], name: str) -> None:
        for field_name in _MUST:
            named = fields.get(field_name, [])
            if named and not any(is_there(column, columns) for column in named):
                raise InputError(
                    f"{name} has no column {named[0]!r}, from which the {field_name} of this source"
                    f" is read; there are: {', '.join(columns[:_NAMED])} (--remap reads them anew)"
                )

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
    priced: int = 0
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
