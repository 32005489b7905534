"""Magento 2's export: configurable products name their children; attributes stand in one cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from vitrina.files.cells import is_yes
from vitrina.files.formats.base import Format, Own, Reader
from vitrina.files.items import LeftOut, Product, Reject
from vitrina.files.rows import Row

_QUOTED = re.compile(r'([\w:.-]+)="((?:[^"]|"")*)"((?:\|"(?:[^"]|"")*")*)')
_DROPPED = (
    "useconfig", "meta", "bundle", "customdesign", "customlayout", "downloadable", "related",
    "crosssell", "upsell", "associated", "configurable", "giftmessage", "minimal", "map", "msrp",
    "notify", "qty", "outofstock", "mincart", "maxcart", "backorders", "allowbackorders", "isqty",
    "managestock", "enableqty", "isdecimal", "page", "newfrom", "newto", "specialpricefrom",
    "specialpriceto", "displayproduct", "hidefrom", "small", "thumbnail", "swatch",
)  # fmt: skip


class MagentoReader(Reader):
    """Reads products, and children as the variants of the product that names them."""

    groups = True
    whole = False
    own: ClassVar[Own] = {
        "title": ("name",),
        "external_id": ("sku",),
        "group": (),
        "text": ("description", "short_description"),
        "image": ("base_image", "additional_images"),
        "url": (),
        "price": ("price",),
        "sale_price": ("special_price",),
        "was_price": (),
        "sku": ("sku",),
        "category": ("categories",),
        "stock": ("is_in_stock", "qty"),
    }
    structure = (
        "store_view_code", "attribute_set_code", "product_type", "product_websites", "visibility",
        "product_online", "tax_class_name", "url_key", "created_at", "updated_at", "website_id",
        "additional_attributes", "base_image_label", "additional_image_labels", "custom_options",
        "country_of_manufacture", "_store", "_attribute_set", "_type",
    )  # fmt: skip

    def restart(self) -> None:
        self._named: dict[str, dict[str, object]] = {}
        self._group: str | None = None

    def is_structure(self, column: str) -> bool:
        return column.lower().replace("_", "").startswith(_DROPPED)

    def key(self, row: Row) -> str | None:
        return self.said(row.values, "sku") or None

    def claims(self, row: Row) -> Iterable[tuple[str, str]]:
        own = self.key(row)
        said = self.said(row.values, "configurable_variations")
        if own and said and not self.said(row.values, "store_view_code"):
            for sku in _variations(said):
                yield sku, own

    def skip(self, values: dict[str, Any]) -> str | None:
        view = self.said(values, "store_view_code")
        return "another store view" if view and view not in ("default", "admin") else None

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        self._group = key
        self._named = {}
        for row in rows:
            if said := self.said(row.values, "configurable_variations"):
                self._named.update(_variations(said))
        yield from super().products(key, rows)

    def role(self, values: dict[str, Any]) -> str:
        sku = self.said(values, "sku")
        if sku in self._named:
            return "variant"
        return "product" if self.said(values, "configurable_variations") else "both"

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        return self._named.get(self.said(values, "sku"), {})

    def left_out(self, values: dict[str, Any]) -> str | None:
        if off := self.variant_left_out(values):
            return off
        hidden = self.said(values, "visibility").lower() == "not visible individually"
        return "not visible" if hidden else None

    def variant_left_out(self, values: dict[str, Any]) -> str | None:
        online = self.said(values, "product_online")
        return "disabled" if online == "2" or (online == "0" and is_yes(online) is False) else None

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        found = _pairs(self.said(values, "additional_attributes"))
        if said := self.said(values, "categories"):
            paths = [path.replace("\\/", "/").strip() for path in re.split(r"[,|]", said)]
            found["categories"] = paths[0] if len(paths) == 1 else paths
        return found

    def codes(self, values: dict[str, Any]) -> tuple[str, ...]:
        said = _pairs(self.said(values, "additional_attributes"))
        names = self.setup.names
        named = [*names.columns("ean", list(said)), *names.columns("mpn", list(said))]
        more = (str(said[name]) for name in named)
        return tuple(dict.fromkeys([*super().codes(values), *more]))

    def pictures(self, values: dict[str, Any]) -> list[str]:
        return [address for address in super().pictures(values) if address != "no_selection"]

    def variant_title(self, values: dict[str, Any], options: dict[str, object]) -> str:
        return self.title(values) or super().variant_title(values, options)


def _variations(said: str) -> dict[str, dict[str, object]]:
    """`sku=TEE-R,color=Red|sku=…` as options by SKU."""
    found: dict[str, dict[str, object]] = {}
    for piece in said.split("|"):
        pairs = _pairs(piece)
        if sku := pairs.pop("sku", None):
            found[str(sku)] = pairs
    return found


def _pairs(said: str) -> dict[str, object]:
    """`a=1,b=2` as pairs: a piece without `=` goes on with the value before it."""
    if '="' in said:
        found: dict[str, object] = {}
        for match in _QUOTED.finditer(said):
            values = [match[2], *re.findall(r'\|"((?:[^"]|"")*)"', match[3])]
            plain = [value.replace('""', '"') for value in values]
            found[match[1]] = plain[0] if len(plain) == 1 else plain
        return {name: value for name, value in found.items() if value}
    pairs: dict[str, str] = {}
    last = ""
    for piece in said.split(","):
        name, equals, value = piece.partition("=")
        if equals:
            last = name.strip()
            pairs[last] = value.strip()
        elif last:
            pairs[last] += f",{piece}"
    return {
        name: value.split("|") if "|" in value else value for name, value in pairs.items() if value
    }


FORMAT = Format(
    "magento",
    "columns sku, attribute_set_code and product_type",
    "sku,attribute_set_code,product_type,name,price,configurable_variations\n"
    "TEE-R,Default,simple,Tee red,19.00,\n"
    'TEE,Default,configurable,Tee,,"sku=TEE-R,color=Red|sku=TEE-B,color=Blue"\n',
    lambda file, columns: (
        {"sku", "attributesetcode", "producttype"} <= columns or {"sku", "baseimage"} <= columns
    ),
    MagentoReader,
)
