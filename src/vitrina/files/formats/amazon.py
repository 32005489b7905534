"""Amazon: listing templates of both kinds and reports, and records like those of ABO."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from vitrina.files.cells import unwrapped
from vitrina.files.formats.base import Format, Own, Reader, Setup
from vitrina.files.linked import many
from vitrina.files.rows import Row, RowFile

_LAST = {
    "our_price": "standard_price",
    "discounted_price": "sale_price",
    "parent_sku": "parent_sku",
    "parentage_level": "parent_child",
}
_LIMITS = {"start_at": "sale_from_date", "end_at": "sale_end_date"}
_RENAMED = {
    "contribution_sku": "item_sku",
    "main_product_image_locator": "main_image_url",
    "externally_assigned_product_identifier": "external_product_id",
    "brand": "brand_name",
}


class ListingReader(Reader):
    """Reads templates and reports; children are the variants of their parent."""

    groups = True
    own: ClassVar[Own] = {
        "title": ("item_name", "item-name"),
        "external_id": ("item_sku", "seller-sku", "asin1", "listing-id"),
        "group": (),
        "text": ("product_description", "item-description", "bullet_point"),
        "image": ("main_image_url", "other_image_url", "other_product_image_locator", "image-url"),
        "url": (),
        "price": ("standard_price", "price", "list_price"),
        "sale_price": ("sale_price",),
        "was_price": (),
        "brand": ("brand_name",),
        "category": ("feed_product_type", "product_type"),
        "sku": ("item_sku", "seller-sku"),
        "ean": ("external_product_id", "product-id"),
        "stock": ("quantity",),
    }
    structure = (
        "parent_child", "parent_sku", "relationship_type", "variation_theme", "update_delete",
        "external_product_id_type", "product-id-type", "status", "record_action", "currency",
        "item-note", "open-date", "fulfillment-channel", "merchant-shipping-group", "add-delete",
        "zshop-shipping-fee", "item-is-marketplace", "product_tax_code", "condition_type",
        "child_parent_sku_relationship", "item-condition",
    )  # fmt: skip

    def __init__(self, setup: Setup) -> None:
        self._names = {column: _name(column) for column in setup.file.columns}
        super().__init__(setup)

    def is_structure(self, column: str) -> bool:
        return column.startswith(("bullet_point", "other_image", "swatch_image", "zshop"))

    def prepare(self, row: Row) -> Row:
        if all(name == column for column, name in self._names.items()):
            return row
        found: dict[str, object] = {}
        for column, value in row.values.items():
            name = self._names.get(column, column)
            before = found.get(name)
            if before in (None, ""):
                found[name] = value
            elif value not in (None, ""):
                found[name] = [*many(before), *many(value)]
        return Row(row.line, found)

    def found(self, columns: list[str]) -> dict[str, list[str]]:
        fields = super().found(columns)
        fields["text"] += [c for c in columns if re.fullmatch(r"bullet_point\d+", c)]
        return fields

    def key(self, row: Row) -> str | None:
        level = self.said(row.values, "parent_child").lower()
        parent = self.first(row.values, ["parent_sku"]) if "parent_sku" in row.values else ""
        if level == "child" or (parent and level != "parent"):
            return parent or None
        return self.external_id(row) or None if level == "parent" else None

    def role(self, values: dict[str, Any]) -> str:
        level = self.said(values, "parent_child").lower()
        if level == "parent":
            return "product"
        return "variant" if self.said(values, "parent_sku") else "both"

    def left_out(self, values: dict[str, Any]) -> str | None:
        if (
            self.said(values, "update_delete") or self.said(values, "record_action")
        ).lower() == "delete":
            return "deleted"
        status = self.said(values, "status").lower()
        return status if status in ("inactive", "incomplete") else None


def _name(column: str) -> str:
    """`item_name[marketplace_id=…][language_tag=en_US]#1.value` is item_name."""
    if "#" not in column and "[" not in column:
        return column
    parts = [re.sub(r"\[[^\]]*\]|#\d+", "", part) for part in column.split(".")]
    if parts[-1] in _LIMITS:  # of the time in which a price holds
        return _LIMITS[parts[-1]] if "discounted_price" in parts else column
    for part in reversed(parts):
        if part in _LAST:
            return _LAST[part]
    number = re.search(r"#(\d+)", column)
    if parts[0].startswith("other_product_image_locator"):
        return parts[0]
    if parts[0] == "bullet_point" and number:
        return f"bullet_point{number[1]}"
    return _RENAMED.get(parts[0], parts[0])


_IDS = ("main_image_id", "other_image_id")


class AboReader(Reader):
    """Reads records whose texts are lists of `{language_tag, value}`.

    Their pictures have ids; a list beside the file gives the paths.
    """

    own: ClassVar[Own] = {
        "title": ("item_name",),
        "external_id": ("item_id",),
        "group": (),
        "text": ("product_description", "bullet_point"),
        "image": ("main_image_url", "image_url"),
        "url": (),
        "brand": ("brand",),
        "category": ("product_type", "node"),
        "mpn": ("model_number",),
        "ean": (),
        "sku": (),
    }
    structure = (*_IDS, "node", "3dmodel_id", "spin_id", "domain_name", "marketplace", "country")

    def prepare(self, row: Row) -> Row:
        return Row(
            row.line,
            {name: unwrapped(value, self.setup.language) for name, value in row.values.items()},
        )

    def found(self, columns: list[str]) -> dict[str, list[str]]:
        fields = super().found(columns)
        if self.setup.path_of is not None and not fields["image"] and not self.setup.image:
            fields["image"] = [column for column in _IDS if column in columns]
        return fields

    def pictures(self, values: dict[str, Any]) -> list[str]:
        found = super().pictures(values)
        if not set(_IDS) & set(self.columns(values, "image")):
            return found
        # without the list an id leads to no picture
        path_of = self.setup.path_of or (lambda image_id: None)
        return [path for image_id in found if (path := path_of(image_id))]

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        paths = [
            str(node["node_name"])
            for node in many(values.get("node"))
            if isinstance(node, dict) and node.get("node_name")
        ]
        return {"category": paths[0] if len(paths) == 1 else paths} if paths else {}


def _is_listing(file: RowFile, columns: frozenset[str]) -> bool:
    if file.kind not in ("csv", "sheet"):
        return False
    report = {"itemname", "sellersku"} <= columns
    names = {_name(column) for column in file.columns}
    return report or {"item_sku", "item_name"} <= names


FORMAT = Format(
    "amazon",
    "columns item_sku (or contribution_sku) and item_name; a report: item-name and seller-sku",
    "item_sku\titem_name\tstandard_price\tmain_image_url\tparent_child\tparent_sku\n"
    "TEE\tTee\t\t\tparent\t\nTEE-R\tTee red\t19.00\thttps://shop.example/r.jpg\tchild\tTEE\n",
    _is_listing,
    ListingReader,
)

ABO = Format(
    "abo",
    "JSON records with item_id and item_name, a list of language_tag and value",
    '{"item_id":"B1","item_name":[{"language_tag":"en_US","value":"Office chair"}]}\n',
    lambda file, columns: file.kind.startswith("json") and {"itemid", "itemname"} <= columns,
    AboReader,
)
