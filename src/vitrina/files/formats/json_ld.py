"""schema.org products as JSON-LD, in JSON or in web pages."""

from __future__ import annotations

from typing import Any, ClassVar

from vitrina.files.cells import in_stock, line_of
from vitrina.files.formats.base import Format, Money, Own, Reader
from vitrina.files.items import Variant
from vitrina.files.linked import many
from vitrina.files.numbers import Price, parse_price
from vitrina.files.rows import Row

_IDS = (
    "productGroupID",
    "sku",
    "productID",
    "mpn",
    "gtin",
    "gtin13",
    "gtin12",
    "gtin14",
    "gtin8",
    "@id",
)
_TOLD = ("color", "material", "size", "pattern", "brand", "category", "model", "manufacturer")


class JsonLdReader(Reader):
    """Reads Product and ProductGroup; offers give prices, `hasVariant` the variants."""

    own: ClassVar[Own] = {
        "title": ("name",),
        "external_id": _IDS,
        "group": (),
        "text": ("description",),
        "image": ("image",),
        "url": ("url",),
        "price": (),
        "sale_price": (),
        "sku": ("sku",),
        "ean": ("gtin", "gtin13", "gtin12", "gtin14", "gtin8"),
        "mpn": ("mpn",),
        "stock": (),
    }
    structure = (
        "@context", "@type", "@id", "offers", "hasVariant", "variesBy", "isVariantOf", "review",
        "aggregateRating", "mainEntityOfPage", "additionalProperty",
    )  # fmt: skip

    def attributes(self, row: Row) -> tuple[dict[str, object], dict[str, Price], list[str]]:
        found, prices, long = super().attributes(row)
        for name in _TOLD:
            if isinstance(row.values.get(name), dict | list):
                text = line_of(found[name], self.setup.language)
                if text:
                    found[name] = text
        return found, prices, long

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        found: dict[str, object] = {}
        for said in many(values.get("additionalProperty")):
            if isinstance(said, dict) and said.get("name") and said.get("value") is not None:
                found[str(said["name"])] = said["value"]
        for variant in self._variants(values):
            for name in _TOLD:
                text = line_of(variant.get(name)) if variant.get(name) else ""
                listed = found.setdefault(name, []) if text else None
                if isinstance(listed, list) and text not in listed:
                    listed.append(text)
        return {
            name: value[0] if isinstance(value, list) and len(value) == 1 else value
            for name, value in found.items()
        }

    @staticmethod
    def _variants(values: dict[str, Any]) -> list[dict[str, Any]]:
        return [one for one in many(values.get("hasVariant")) if isinstance(one, dict)]

    def money(self, values: dict[str, Any], prices: dict[str, Price]) -> Money:
        return _offered(values)

    def stock(self, values: dict[str, Any]) -> bool | None:
        return _available(values)

    def variants_in(self, row: Row, money: Money) -> list[Variant]:
        found = []
        for one in self._variants(row.values):
            offered = _offered(one)
            options: dict[str, object] = {
                name: text for name in _TOLD[:4] if one.get(name) and (text := line_of(one[name]))
            }
            title = line_of(one.get("name"), self.setup.language)
            found.append(
                Variant(
                    row.line,
                    next(
                        (
                            str(one[key])
                            for key in ("sku", "productID", "mpn", "@id")
                            if one.get(key)
                        ),
                        None,
                    ),
                    title or None,
                    tuple(str(one[k]) for k in (*self.own["ean"], "mpn") if one.get(k)),
                    options,
                    next(iter(self.pictures(one)), None),
                    offered.now,
                    offered.was,
                    _available(one),
                )
            )
        return found

    def pictures_in(self, row: Row, variants: list[Variant]) -> list[str]:
        return [address for one in self._variants(row.values) for address in self.pictures(one)]

    def _priced(self, attributes: Any, money: Money, variants: Any, stock: Any) -> None:
        if money.currency is None and variants:
            money = Money(money.now, money.high, money.was, self._currency_of_variants)
        super()._priced(attributes, money, variants, stock)

    _currency_of_variants: str | None = None

    def prepare(self, row: Row) -> Row:
        self._currency_of_variants = next(
            (c for one in self._variants(row.values) if (c := _offered(one).currency)), None
        )
        return row


def _offers(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [offer for offer in many(values.get("offers")) if isinstance(offer, dict)]


def _offered(values: dict[str, Any]) -> Money:
    """The least of the prices that are offered."""
    found: list[tuple[float, float | None, str | None]] = []
    for offer in _offers(values):
        inner = many(offer.get("priceSpecification"))
        for said in (offer, *(one for one in inner if isinstance(one, dict))):
            value = said.get("price", said.get("lowPrice"))
            price = parse_price(str(value)) if value is not None else None
            if price is not None:
                high = said.get("highPrice")
                most = parse_price(str(high)) if high is not None else None
                currency = said.get("priceCurrency") or offer.get("priceCurrency")
                found.append(
                    (price.low, most.low if most else None, str(currency) if currency else None)
                )
                break
    if not found:
        return Money()
    low, high, currency = min(found, key=lambda one: one[0])
    highs = [one[1] or one[0] for one in found]
    return Money(low, max(highs) if max(highs) > low else high, None, currency)


def _available(values: dict[str, Any]) -> bool | None:
    known = [
        said
        for offer in _offers(values)
        if offer.get("availability")
        and (said := in_stock(str(offer["availability"]).rsplit("/", 1)[-1])) is not None
    ]
    return any(known) if known else None


FORMAT = Format(
    "json-ld",
    "JSON or a web page with @type Product or ProductGroup",
    '{"@context":"https://schema.org","@type":"Product","name":"Oak stool","sku":"ST",'
    '"offers":{"@type":"Offer","price":"49.00","priceCurrency":"EUR"}}\n',
    lambda file, columns: "@type" in file.columns and "name" in columns,
    JsonLdReader,
)
