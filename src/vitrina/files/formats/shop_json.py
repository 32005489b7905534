"""JSON of Shopify's interfaces, and of the sample shops that teach with it."""

from __future__ import annotations

from typing import Any, ClassVar

from vitrina.files.addresses import addresses
from vitrina.files.cells import in_stock, line_of
from vitrina.files.formats.base import Format, Money, Own, Reader
from vitrina.files.items import Variant
from vitrina.files.linked import many
from vitrina.files.names import is_called
from vitrina.files.nested import price_of
from vitrina.files.numbers import Price
from vitrina.files.rows import Row, RowFile

_OPTIONS = ("color", "size", "material")


class ShopifyJsonReader(Reader):
    """Reads products as Shopify's admin or storefront gives them, with their variants."""

    own: ClassVar[Own] = {
        "title": ("title",),
        "external_id": ("id", "handle"),
        "group": (),
        "text": ("body_html", "descriptionHtml", "description"),
        "image": ("images", "image", "featuredImage"),
        "url": ("online_store_url",),
        "price": ("price",),
        "brand": ("vendor",),
        "category": ("product_type",),
        "sku": (),
        "stock": (),
    }
    structure = (
        "variants", "options", "admin_graphql_api_id", "template_suffix", "published_scope",
        "created_at", "updated_at", "published_at", "status", "media", "price",
        "priceRange", "priceRangeV2", "compareAtPriceRange", "maxVariantPrice", "minVariantPrice",
        "availableForSale", "totalInventory", "tracksInventory", "totalVariants",
    )  # fmt: skip

    def left_out(self, values: dict[str, Any]) -> str | None:
        status = str(values.get("status") or "").lower()
        if status in ("draft", "archived"):
            return status
        hidden = "published_at" in values and values["published_at"] is None
        return "not published" if hidden else None

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        found: dict[str, object] = {}
        if isinstance(tags := values.get("tags"), str):
            found["tags"] = [tag.strip() for tag in tags.split(",") if tag.strip()]
        for variant in self._each(values):
            for name, value in self._named(values, variant).items():
                listed = found.setdefault(name, [])
                if isinstance(listed, list) and value not in listed:
                    listed.append(value)
        return {
            name: value[0]
            if isinstance(value, list) and len(value) == 1 and name != "tags"
            else value
            for name, value in found.items()
            if value
        }

    @staticmethod
    def _each(values: dict[str, Any]) -> list[dict[str, Any]]:
        return [variant for variant in many(values.get("variants")) if isinstance(variant, dict)]

    @staticmethod
    def _named(values: dict[str, Any], variant: dict[str, Any]) -> dict[str, object]:
        names = [
            line_of(option.get("name") if isinstance(option, dict) else option) or ""
            for option in many(values.get("options"))
        ]
        found: dict[str, object] = {}
        for said in many(variant.get("selectedOptions")):
            if isinstance(said, dict) and said.get("value") not in (None, "", "Default Title"):
                found[line_of(said.get("name")) or "option"] = str(said["value"])
        for number in (1, 2, 3):
            value = variant.get(f"option{number}")
            if value and value != "Default Title":
                name = names[number - 1] if number <= len(names) else ""
                found[name or f"option{number}"] = str(value)
        return found or {
            name: value
            for name, value in variant.items()
            if isinstance(value, str) and value and any(is_called(f, name) for f in _OPTIONS)
        }

    def money(self, values: dict[str, Any], prices: dict[str, Price]) -> Money:
        """The currency of the variants; where the file has none of these, the range of prices."""
        price = price_of([one.get("price") for one in self._each(values)])
        if price is None:
            price = price_of([values.get("priceRangeV2"), values.get("priceRange")])
            return Money(price.low, price.high, None, price.currency) if price else Money()
        return Money(currency=price.currency)

    def stock(self, values: dict[str, Any]) -> bool | None:
        said = values.get("availableForSale")
        return said if isinstance(said, bool) else None

    def variants_in(self, row: Row, money: Money) -> list[Variant]:
        pictures = {
            picture.get("id"): next(addresses(picture), None)
            for picture in many(row.values.get("images"))
            if isinstance(picture, dict) and picture.get("id")
        }
        return [self._variant_of(row, one, pictures) for one in self._each(row.values)]

    def _variant_of(self, row: Row, one: dict[str, Any], pictures: dict[Any, Any]) -> Variant:
        options = self._named(row.values, one)
        price, was = (
            price_of(_either(one, *names))
            for names in (("price",), ("compare_at_price", "compareAtPrice"))
        )
        before = was.low if was and price and was.low > price.low else None
        stock = _either(one, "available", "availableForSale")
        if (
            stock is None
            and (quantity := _either(one, "inventory_quantity", "inventoryQuantity")) is not None
        ):
            policy = str(_either(one, "inventory_policy", "inventoryPolicy")).lower()
            stock = in_stock(quantity) or policy == "continue"
        own = _either(one, "featured_image", "image")
        return Variant(
            row.line,
            str(one.get("sku") or "") or None,
            " / ".join(str(value) for value in options.values()) or None,
            tuple(str(code) for code in [one.get("barcode")] if code),
            options,
            next(addresses(own), None) if own else pictures.get(one.get("image_id")),
            price.low if price else None,
            before,
            stock,
        )


def _either(values: dict[str, Any], *names: str) -> Any:
    """The first of these values that is there: Shopify's interfaces spell them in two ways."""
    return next((values[name] for name in names if values.get(name) is not None), None)


class SampleReader(Reader):
    """Reads the sample shops: dummyjson, fakestore, platzi."""

    structure = ("reviews", "meta", "createdAt", "updatedAt", "creationAt", "discountPercentage")
    own: ClassVar[Own] = {"image": ("images", "image", "thumbnail"), "mpn": (), "group": ()}

    def found(self, columns: list[str]) -> dict[str, list[str]]:
        fields = super().found(columns)
        if "meta" in columns:
            fields["ean"] = ["meta.barcode"]
        return fields

    def attributes(self, row: Row) -> Any:
        found, prices, long = super().attributes(row)
        if isinstance(category := found.get("category"), dict):
            found["category"] = line_of(category)
        return found, prices, long


def _is_shopify(file: RowFile, columns: frozenset[str]) -> bool:
    return (
        file.kind.startswith("json")
        and "variants" in columns
        and (
            "title" in columns
            and bool(
                columns & {"bodyhtml", "descriptionhtml", "vendor", "image", "images", "handle"}
            )
        )
    )


def _is_sample(file: RowFile, columns: frozenset[str]) -> bool:
    return (
        file.kind.startswith("json")
        and {"title", "price"} <= columns
        and bool(
            columns & {"discountpercentage", "creationat"}
            or {"rating", "image", "category"} <= columns
        )
    )


FORMAT = Format(
    "shopify-json",
    "JSON products with variants and body_html, vendor or images",
    '{"products":[{"id":1,"title":"Stool","body_html":"…","variants":[{"sku":"ST-R","price":"49.00"}]}]}\n',
    _is_shopify,
    ShopifyJsonReader,
)

SAMPLE = Format(
    "dummyjson",
    "JSON products with discountPercentage, creationAt, or rating, image and category",
    '{"products":[{"id":1,"title":"Stool","price":49,"images":["https://shop.example/1.jpg"],'
    '"discountPercentage":7}],"total":1}\n',
    _is_sample,
    SampleReader,
)
