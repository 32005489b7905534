"""Google Merchant Center and Meta: feeds as text, RSS or Atom; variants are full items."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from vitrina.files.formats.base import Format, Reader
from vitrina.files.linked import many
from vitrina.files.rows import RowFile


class GoogleReader(Reader):
    """Reads a feed of items; those with the same `item_group_id` are a product."""

    groups = True
    own: ClassVar[dict[str, tuple[str, ...]]] = {
        "title": ("title", "structured_title"),
        "external_id": ("id",),
        "group": ("item_group_id",),
        "text": ("description", "rich_text_description", "summary", "content"),
        "image": (
            "image_link",
            "image url",
            "additional_image_link",
            "additional image url",
            "image",
        ),
        "url": ("link",),
        "price": ("price",),
        "sale_price": ("sale_price",),
        "sale_starts": ("sale_price_effective_date",),
        "sale_ends": (),
        "was_price": (),
        "currency": (),
        "sku": (),
        "ean": ("gtin",),
        "mpn": ("mpn",),
        "stock": ("availability",),
    }
    structure = (
        "identifier_exists", "adult", "is_bundle", "shipping", "tax", "tax_category", "mobile_link",
        "excluded_destination", "included_destination",
        "shipping_label", "expiration_date", "availability_date", "product_detail", "override",
        "ads_redirect",
        "shipping_weight", "image tag", "video url", "video", "status", "visibility",
        "max_handling_time", "min_handling_time", "pause", "updated", "published", "checkout_url",
    )  # fmt: skip

    def skip(self, values: dict[str, Any]) -> str | None:
        return "translation" if self.said(values, "override") else None

    def left_out(self, values: dict[str, Any]) -> str | None:
        for column in ("status", "visibility"):
            said = str(values.get(column) or "").strip().lower()
            if said in ("archived", "hidden", "staging", "draft"):
                return said
        return None

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        found: dict[str, object] = {}
        column = next(
            (c for c in values if c.lower().replace(" ", "_").startswith("product_detail")), ""
        )
        for said in many(values.get(column)):
            if isinstance(said, dict):
                triples = [(said.get("attribute_name"), said.get("attribute_value"))]
            else:
                pieces = [re.split(r"\s*:\s*", piece) for piece in str(said).split(",")]
                triples = [(piece[-2], piece[-1]) for piece in pieces if len(piece) >= 2]
            found.update({str(n): v for n, v in triples if n and v and len(str(v)) <= 200})
        return found


class MetaReader(GoogleReader):
    """Reads the same, with the additions of Meta's catalogues."""


_SURE = {"imagelink", "price", "availability", "gtin", "brand", "itemgroupid"}
_META = {"fbproductcategory", "quantitytosellonfacebook"}


def _is_feed(file: RowFile, columns: frozenset[str]) -> bool:
    if not {"id", "title"} <= columns:
        return False
    if file.kind == "xml":
        return bool(columns & _SURE)
    return file.kind in ("csv", "sheet") and ("imagelink" in columns or _is_meta(file, columns))


def _is_meta(file: RowFile, columns: frozenset[str]) -> bool:
    return bool(columns & _META) or any(
        name.lower().startswith(("style[0]", "image[0].", "product_tags[0]"))
        for name in file.columns
    )


META = Format(
    "meta",
    "as google-merchant, with fb_product_category, quantity_to_sell_on_facebook or style[0]",
    "id,title,price,image_link,fb_product_category\nB-1,Boot,60.00 EUR,https://shop.example/1.jpg,Shoes\n",
    lambda file, columns: _is_feed(file, columns) and _is_meta(file, columns),
    MetaReader,
)

FORMAT = Format(
    "google-merchant",
    "columns id, title and image_link; or RSS or Atom with the namespace g",
    "id\ttitle\timage_link\tprice\titem_group_id\n"
    "B-S\tBoot S\thttps://shop.example/1.jpg\t60.00 EUR\tB\n",
    _is_feed,
    GoogleReader,
)
