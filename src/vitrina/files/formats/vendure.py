"""Vendure's file of products: a row without a name is a further variant of the row above."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from vitrina.files.cells import is_yes
from vitrina.files.formats.base import Format, Own, Reader, Setup
from vitrina.files.items import LeftOut, Product, Reject
from vitrina.files.names import plain
from vitrina.files.rows import Row


class VendureReader(Reader):
    """Reads products; facets are attributes, `name:de` is a language."""

    groups = True
    whole = False
    own: ClassVar[Own] = {
        "title": ("name",),
        "external_id": ("slug", "sku"),
        "group": (),
        "text": ("description",),
        "image": ("assets",),
        "url": (),
        "price": ("price",),
        "sku": ("sku",),
        "stock": ("stockOnHand",),
    }
    structure = (
        "optionGroups", "optionValues", "facets", "variantAssets", "variantFacets", "enabled",
        "taxCategory", "trackInventory",
    )  # fmt: skip

    def __init__(self, setup: Setup) -> None:
        self._language = _languages(setup.file.columns, setup.language)
        super().__init__(setup)

    def restart(self) -> None:
        self._number = 0
        self._groups: list[str] = []

    def prepare(self, row: Row) -> Row:
        if not self._language:
            return row
        return Row(
            row.line,
            {
                self._language.get(name, name): value
                for name, value in row.values.items()
                if self._language.get(name, name)
            },
        )

    def key(self, row: Row) -> str | None:
        if self.said(row.values, "name"):
            self._number += 1
        return str(self._number)

    def group_id(self, key: str | None, head: Row) -> str:
        return self.external_id(head)

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        groups = (self.said(row.values, "optionGroups") for row in rows)
        said = next((group for group in groups if group), "")
        self._groups = [name.strip() for name in said.split("|") if name.strip()]
        yield from super().products(key, rows)

    def left_out(self, values: dict[str, Any]) -> str | None:
        return "not enabled" if is_yes(self.said(values, "enabled")) is False else None

    def role(self, values: dict[str, Any]) -> str:
        return "both" if self.said(values, "name") else "variant"

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        said = [item.strip() for item in self.said(values, "optionValues").split("|")]
        return {name: value for name, value in zip(self._groups, said, strict=False) if value}

    def variant_pictures(self, values: dict[str, Any]) -> list[str]:
        pieces = self.said(values, "variantAssets").split("|")
        return [bare for piece in pieces if (bare := piece.strip())]

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        found: dict[str, list[str]] = {}
        for column in ("facets", "variantFacets"):
            for piece in self.said(values, column).split("|"):
                name, colon, value = piece.partition(":")
                if colon and value.strip():
                    found.setdefault(name.strip(), []).append(value.strip())
        return {name: items[0] if len(items) == 1 else items for name, items in found.items()}


def _languages(columns: list[str], wanted: str) -> dict[str, str]:
    """`name:en` as `name` in the language that is wanted, as "" in the others."""
    by_name: dict[str, dict[str, str]] = {}
    for column in columns:
        name, colon, language = column.partition(":")
        if colon and len(language) in (2, 5) and name not in ("product", "variant"):
            by_name.setdefault(name, {})[language] = column
    renamed: dict[str, str] = {}
    for name, found in by_name.items():
        chosen = next((lang for lang in (wanted, "en") if lang in found), next(iter(found)))
        renamed |= {column: name if lang == chosen else "" for lang, column in found.items()}
    return renamed


FORMAT = Format(
    "vendure",
    "columns optionGroups and optionValues",
    "name,slug,assets,facets,optionGroups,optionValues,sku,price\n"
    "Mug,mug,a.jpg|b.jpg,category:Mugs,Size,S,M-S,7\n,,,,,L,M-L,9\n",
    lambda file, columns: (
        {"optiongroups", "optionvalues"} <= {plain(name.partition(":")[0]) for name in file.columns}
    ),
    VendureReader,
)
