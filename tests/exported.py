"""The same twelve products as every system exports them: each format with a writer of its own.

`lacks` says what an export of that system cannot tell; the rest has to come out the same.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

SHOP = "https://shop.test"


@dataclass(frozen=True)
class Form:
    """A variant: its code, what tells it from the others, its price and its own picture."""

    sku: str
    options: dict[str, str]
    price: float
    ean: str
    picture: str = ""


@dataclass(frozen=True)
class Made:
    """A product as it is meant."""

    name: str
    title: str
    brand: str
    kind: str
    price: float
    was: float | None = None
    more_pictures: int = 0
    stock: int = 5
    forms: tuple[Form, ...] = ()
    number: int = field(default=0)

    @property
    def text(self) -> str:
        return f"Made by {self.brand} for every day. Wipe with a damp cloth; keep out of frost."

    @property
    def sku(self) -> str:
        return self.name.upper()

    @property
    def ean(self) -> str:
        return f"40063813{self.number:05d}"

    @property
    def pictures(self) -> list[str]:
        return [f"{SHOP}/{self.name}-{n}.jpg" for n in range(1, 2 + self.more_pictures)]


def _forms(name: str, *said: tuple[dict[str, str], float, bool]) -> tuple[Form, ...]:
    return tuple(
        Form(
            f"{name.upper()}-{place}",
            options,
            price,
            f"50063813{len(name):02d}{place:03d}",
            f"{SHOP}/{name}-form-{place}.jpg" if has_picture else "",
        )
        for place, (options, price, has_picture) in enumerate(said, 1)
    )


def _both(color: str, size: str) -> dict[str, str]:
    return {"Color": color, "Size": size}


MADE = tuple(
    Made(*said[:5], number=number, **said[5])
    for number, said in enumerate(
        (
            ("oakstool", "Oak stool, low", "Linden", "Stools", 49.0, {"more_pictures": 1}),
            ("desklamp", 'Brass desk lamp 12"', "Lumen", "Lamps", 129.5, {"was": 149.5}),
            ("shirt", "Linen shirt", "Flaxen", "Shirts", 39.0, {"forms": _forms(
                "shirt", (_both("White", "S"), 39.0, False), (_both("White", "M"), 39.0, False),
                (_both("Navy", "S"), 42.0, False), (_both("Navy", "M"), 42.0, False))}),
            ("woolhat", "Ribbed wool hat", "Flaxen", "Hats", 20.0, {"forms": _forms(
                "woolhat", ({"Color": "Red"}, 20.0, False), ({"Color": "Grey"}, 22.0, False))}),
            ("bowl", "Müsli bowl & spoon", "Tonware", "Bowls", 18.0, {}),
            ("sofa", "Corduroy sofa, 3 seats", "Linden", "Sofas", 1299.0, {"was": 1499.0}),
            ("juterug", "Jute rug 160x230", "Weave", "Rugs", 89.9, {}),
            ("boots", "Rubber boots", "Puddle", "Boots", 35.0, {"forms": _forms(
                "boots", ({"Size": "38"}, 35.0, False), ({"Size": "40"}, 35.0, False),
                ({"Size": "42"}, 38.5, False))}),
            ("candle", "Beeswax candle", "Wick", "Candles", 9.9, {"stock": 0}),
            ("mirror", "Round wall mirror", "Lumen", "Mirrors", 59.0, {"more_pictures": 2}),
            ("bag", "Canvas shoulder bag", "Weave", "Bags", 65.0, {"forms": _forms(
                "bag", ({"Color": "Olive"}, 65.0, True), ({"Color": "Sand"}, 65.0, True))}),
            ("chair", "Office chair Älmhult", "Linden", "Chairs", 219.0, {}),
        ),
        1,
    )
)  # fmt: skip

Rows = Iterable[Mapping[str, object]]


def table(rows: Rows, delimiter: str = ",") -> str:
    """Rows as text with delimiters; the columns in the order in which they first stand."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def money(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def shopify() -> str:
    def rows() -> Rows:
        for one in MADE:
            forms: tuple[Form | None, ...] = one.forms or (None,)
            for place, (form, picture) in enumerate(zip_longest(forms, one.pictures)):
                first = place == 0
                options = list(form.options.items()) if form else [("Title", "Default Title")]
                row: dict[str, object] = {
                    "Handle": one.name,
                    "Title": one.title if first else "",
                    "Body (HTML)": f"<p>{one.text}</p>" if first else "",
                    "Vendor": one.brand if first else "",
                    "Type": one.kind if first else "",
                    "Published": "true" if first else "",
                }
                is_sold = form is not None or first
                for number in (1, 2):
                    name, value = options[number - 1] if len(options) >= number else ("", "")
                    row[f"Option{number} Name"] = name if first else ""
                    row[f"Option{number} Value"] = value if is_sold else ""
                yield row | {
                    "Variant SKU": (form.sku if form else one.sku) if is_sold else "",
                    "Variant Inventory Tracker": "shopify" if is_sold else "",
                    "Variant Inventory Qty": one.stock if is_sold else "",
                    "Variant Inventory Policy": "deny" if is_sold else "",
                    "Variant Price": money(form.price if form else one.price) if is_sold else "",
                    "Variant Compare At Price": money(one.was) if is_sold else "",
                    "Variant Barcode": (form.ean if form else one.ean) if is_sold else "",
                    "Image Src": picture or "",
                    "Image Position": place + 1 if picture else "",
                    "Variant Image": form.picture if form else "",
                    "Status": "active" if first else "",
                }

    return table(rows())


def woocommerce() -> str:
    def rows() -> Rows:
        for one in MADE:
            names = list(dict.fromkeys(name for form in one.forms for name in form.options))
            row: dict[str, object] = {
                "ID": one.number,
                "Type": "variable" if one.forms else "simple",
                "SKU": one.sku,
                "GTIN, UPC, EAN, or ISBN": "" if one.forms else one.ean,
                "Name": one.title,
                "Published": 1,
                "Visibility in catalog": "visible",
                "Description": one.text,
                "In stock?": int(one.stock > 0),
                "Sale price": money(one.price) if one.was else "",
                "Regular price": "" if one.forms else money(one.was or one.price),
                "Categories": f"Home > {one.kind}",
                "Brands": one.brand,
                "Images": ", ".join(one.pictures),
                "Parent": "",
            }
            for place, name in enumerate(names, 1):
                values = dict.fromkeys(form.options[name] for form in one.forms)
                row[f"Attribute {place} name"] = name
                row[f"Attribute {place} value(s)"] = ", ".join(values)
            yield row
            for form in one.forms:
                child: dict[str, object] = {
                    "ID": f"{one.number}{form.sku[-1]}0",
                    "Type": "variation",
                    "SKU": form.sku,
                    "GTIN, UPC, EAN, or ISBN": form.ean,
                    "Name": f"{one.title} - {', '.join(form.options.values())}",
                    "Published": 1,
                    "Visibility in catalog": "visible",
                    "In stock?": int(one.stock > 0),
                    "Regular price": money(form.price),
                    "Images": form.picture,
                    "Parent": one.sku,
                }
                for place, (name, value) in enumerate(form.options.items(), 1):
                    child[f"Attribute {place} name"] = name
                    child[f"Attribute {place} value(s)"] = value
                yield child

    return "\ufeff" + table(rows())


def _items(price: Callable[[float], str]) -> Rows:
    """Items as a merchant feed has them: every variant is one."""
    for one in MADE:
        for form in one.forms or (None,):
            row: dict[str, object] = {
                "id": form.sku if form else one.sku,
                "title": one.title,
                "description": one.text,
                "link": f"{SHOP}/{one.name}",
                "image_link": form.picture if form and form.picture else one.pictures[0],
                "additional_image_link": ",".join(
                    one.pictures if form and form.picture else one.pictures[1:]
                ),
                "availability": "in_stock" if one.stock else "out_of_stock",
                "price": price(one.was or (form.price if form else one.price)),
                "sale_price": price(one.price) if one.was else "",
                "brand": one.brand,
                "product_type": f"Home > {one.kind}",
                "gtin": form.ean if form else one.ean,
                "item_group_id": one.name if form else "",
                "color": form.options.get("Color", "") if form else "",
                "size": form.options.get("Size", "") if form else "",
            }
            yield row


def google() -> str:
    return table(_items(lambda value: f"{value:.2f} EUR"), "\t")


def meta() -> str:
    return table(
        {**row, "fb_product_category": "home"} for row in _items(lambda value: f"{value:.2f} EUR")
    )


def magento() -> str:
    def rows() -> Rows:
        for one in MADE:
            links = []
            for form in one.forms:
                said = [f"{name.lower()}={value}" for name, value in form.options.items()]
                links.append(",".join([f"sku={form.sku}", *said]))
                yield {
                    "sku": form.sku,
                    "store_view_code": "",
                    "attribute_set_code": "Default",
                    "product_type": "simple",
                    "categories": f"Default/{one.kind}",
                    "name": f"{one.title} {' '.join(form.options.values())}",
                    "description": f"<p>{one.text}</p>",
                    "price": f"{form.price:.4f}",
                    "special_price": "",
                    "product_online": 1,
                    "visibility": "Not Visible Individually",
                    "base_image": form.picture,
                    "additional_images": "",
                    "additional_attributes": ",".join([*said, f"ean={form.ean}"]),
                    "is_in_stock": int(one.stock > 0),
                    "configurable_variations": "",
                }
            yield {
                "sku": one.sku,
                "store_view_code": "",
                "attribute_set_code": "Default",
                "product_type": "configurable" if links else "simple",
                "categories": f"Default/{one.kind}",
                "name": one.title,
                "description": f"<p>{one.text}</p>",
                "price": "" if links else f"{one.was or one.price:.4f}",
                "special_price": f"{one.price:.4f}" if one.was else "",
                "product_online": 1,
                "visibility": "Catalog, Search",
                "base_image": one.pictures[0],
                "additional_images": ",".join(one.pictures[1:]),
                "additional_attributes": f"brand={one.brand}"
                + ("" if links else f",ean={one.ean}"),
                "is_in_stock": int(one.stock > 0),
                "configurable_variations": "|".join(links),
            }

    return table(rows())


def prestashop() -> str:
    return table(
        (
            {
                "Product ID": one.number,
                "Active (0/1)": 1,
                "Name *": one.title,
                "Categories (x,y,z...)": f"Home,{one.kind}",
                "Price tax included": money(one.was or one.price).replace(".", ","),
                "Discount amount": money(one.was - one.price).replace(".", ",") if one.was else "",
                "Reference #": one.sku,
                "Manufacturer": one.brand,
                "EAN13": one.ean,
                "Quantity": one.stock,
                "Description": f"<p>{one.text}</p>",
                "Image URLs (x,y,z...)": ",".join(one.pictures),
            }
            for one in MADE
        ),
        ";",
    )


def bigcommerce_legacy() -> str:
    def rows() -> Rows:
        for one in MADE:
            row: dict[str, object] = {
                "Item Type": "Product",
                "Product ID": one.number,
                "Product Name": one.title,
                "Product Type": "P",
                "Product Code/SKU": one.sku,
                "Brand Name": one.brand,
                "Product Description": f"<p>{one.text}</p>",
                "Price": money(one.was or one.price),
                "Sale Price": money(one.price) if one.was else "",
                "Current Stock Level": one.stock,
                "Product UPC/EAN": one.ean if not one.forms else "",
                "Category": f"Home/{one.kind}",
                "Product Visible?": "Y",
            }
            for place, picture in enumerate(one.pictures, 1):
                row[f"Product Image File - {place}"] = picture
            yield row
            for place, form in enumerate(one.forms):
                kinds = {"Color": "CS", "Size": "RT"}
                named = ",".join(f"[{kinds[n]}]{n}={v}" for n, v in form.options.items())
                yield {
                    "Item Type": "  SKU",
                    "Product ID": 1000 * one.number + 2 * place,
                    "Product Name": named,
                    "Product Code/SKU": form.sku,
                    "Product UPC/EAN": form.ean,
                    "Current Stock Level": one.stock,
                }
                if form.price != one.price:
                    yield {
                        "Item Type": "  Rule",
                        "Product ID": 1000 * one.number + 2 * place + 1,
                        "Product Name": form.sku,
                        "Product Code/SKU": form.sku,
                        "Price": f"[FIXED]{form.price:.2f}",
                    }

    return table(rows())


def bigcommerce() -> str:
    def rows() -> Rows:
        for one in MADE:
            yield {
                "Item": "Product",
                "ID": one.number,
                "Name": one.title,
                "Type": "Physical",
                "SKU": one.sku,
                "Options": "",
                "Price": money(one.was or one.price),
                "Sale Price": money(one.price) if one.was else "",
                "Description": f"<p>{one.text}</p>",
                "UPC/EAN": "" if one.forms else one.ean,
                "Is Visible": "TRUE",
                "Image URL (Import)": "",
                "Image is Thumbnail": "",
                "Variant Image URL": "",
            }
            for form in one.forms:
                yield {
                    "Item": "Variant",
                    "SKU": form.sku,
                    "Options": "".join(
                        f"Type=Rectangle|Name={name}|Value={value}"
                        for name, value in form.options.items()
                    ),
                    "Price": money(form.price),
                    "UPC/EAN": form.ean,
                    "Variant Image URL": form.picture,
                }
            for place, picture in enumerate(one.pictures):
                yield {
                    "Item": "Image",
                    "Image URL (Import)": picture,
                    "Image is Thumbnail": "TRUE" if place == 0 else "FALSE",
                }

    return table(rows())


def square() -> str:
    return table(
        {
            "Token": one.name,
            "Item Name": one.title,
            "Variation Name": ", ".join(form.options.values()) if form else "Regular",
            "SKU": form.sku if form else one.sku,
            "Description": one.text,
            "Category": one.kind,
            "Price": f"${form.price if form else one.price:,.2f}",
            "GTIN": form.ean if form else one.ean,
            "Square Online Item Visibility": "visible",
            **{
                f"Option {what} {place}": said
                for place, pair in enumerate(form.options.items() if form else (), 1)
                for what, said in zip(("Name", "Value"), pair, strict=True)
            },
        }
        for one in MADE
        for form in one.forms or (None,)
    )


def etsy() -> str:
    def rows() -> Rows:
        for one in MADE:
            row: dict[str, object] = {
                "TITLE": one.title,
                "DESCRIPTION": one.text,
                "PRICE": money(one.price),
                "CURRENCY_CODE": "EUR",
                "QUANTITY": one.stock,
                "TAGS": one.kind.lower(),
                "MATERIALS": "",
            }
            for place in range(1, 11):
                row[f"IMAGE{place}"] = one.pictures[place - 1] if place <= len(one.pictures) else ""
            names = list(dict.fromkeys(name for form in one.forms for name in form.options))
            for place in (1, 2):
                name = names[place - 1] if len(names) >= place else ""
                row[f"VARIATION {place} TYPE"] = "Custom Property" if name else ""
                row[f"VARIATION {place} NAME"] = name
                row[f"VARIATION {place} VALUES"] = ",".join(
                    dict.fromkeys(form.options[name] for form in one.forms) if name else ()
                )
            row["SKU"] = ",".join(form.sku for form in one.forms) or one.sku
            yield row

    return table(rows())


def ebay() -> str:
    head = "*Action(SiteID=Germany|Country=DE|Currency=EUR|Version=1193)"

    def rows() -> Rows:
        for one in MADE:
            values: dict[str, dict[str, None]] = {}
            for form in one.forms:
                for name, value in form.options.items():
                    values.setdefault(name, {})[value] = None
            yield {
                head: "Add",
                "Title": one.title,
                "Custom label (SKU)": one.sku,
                "Category name": one.kind,
                "Description": f"<p>{one.text}</p>",
                "Relationship": "",
                "Relationship details": "|".join(
                    f"{name}={';'.join(said)}" for name, said in values.items()
                ),
                "Start price": "" if one.forms else money(one.price),
                "Quantity": "" if one.forms else one.stock,
                "Item photo URL": "|".join(one.pictures),
                "P:EAN": "" if one.forms else one.ean,
                "C:Brand": one.brand,
            }
            for form in one.forms:
                color = form.options.get("Color", "")
                yield {
                    "Custom label (SKU)": form.sku,
                    "Relationship": "Variation",
                    "Relationship details": "|".join(f"{n}={v}" for n, v in form.options.items()),
                    "Start price": money(form.price),
                    "Quantity": one.stock,
                    "Item photo URL": f"{color}={form.picture}" if form.picture else "",
                    "P:EAN": form.ean,
                }

    return table(rows())


def amazon() -> str:
    def rows() -> Rows:
        for one in MADE:
            common = {"feed_product_type": one.kind.lower(), "brand_name": one.brand}
            pictures = {
                f"other_image_url{place}": address
                for place, address in enumerate(one.pictures[1:], 1)
            }
            yield {
                **common,
                "item_sku": one.sku,
                "item_name": one.title,
                "product_description": one.text,
                "standard_price": "" if one.forms else money(one.was or one.price),
                "sale_price": money(one.price) if one.was else "",
                "quantity": "" if one.forms else one.stock,
                "external_product_id": "" if one.forms else one.ean,
                "main_image_url": one.pictures[0],
                **pictures,
                "parent_child": "parent" if one.forms else "",
                "parent_sku": "",
                "variation_theme": "color-size" if one.forms else "",
                "color_name": "",
                "size_name": "",
            }
            for form in one.forms:
                yield {
                    **common,
                    "item_sku": form.sku,
                    "item_name": f"{one.title} {' '.join(form.options.values())}",
                    "product_description": one.text,
                    "standard_price": money(form.price),
                    "quantity": one.stock,
                    "external_product_id": form.ean,
                    "main_image_url": form.picture or one.pictures[0],
                    "parent_child": "child",
                    "parent_sku": one.sku,
                    "variation_theme": "color-size",
                    "color_name": form.options.get("Color", ""),
                    "size_name": form.options.get("Size", ""),
                }

    rows_ = table(rows(), "\t")
    names = rows_.split("\r\n", 1)[0].split("\t")
    above = ["TemplateType=fptcustom", "Version=2024.0101", *[""] * (len(names) - 2)]
    labels = [name.replace("_", " ").title() for name in names]
    return "\t".join(above) + "\r\n" + "\t".join(labels) + "\r\n" + rows_


def abo() -> str:
    def said(text: str) -> list[dict[str, str]]:
        return [
            {"language_tag": "nl_NL", "value": f"nl {text}"},
            {"language_tag": "en_US", "value": text},
        ]

    return "\n".join(
        json.dumps(
            {
                "item_id": f"B{one.number:04d}",
                "item_name": said(one.title),
                "bullet_point": said(one.text),
                "brand": said(one.brand),
                "product_type": [{"value": one.kind.upper()}],
                "main_image_id": one.name,
                "node": [{"node_id": 1, "node_name": f"/Home/{one.kind}"}],
            },
            ensure_ascii=False,
        )
        for one in MADE
    )


def medusa() -> str:
    def rows() -> Rows:
        for one in MADE:
            for form in one.forms or (None,):
                row: dict[str, object] = {
                    "Product Id": f"prod_{one.number:04d}",
                    "Product Handle": one.name,
                    "Product Title": one.title,
                    "Product Description": one.text,
                    "Product Status": "published",
                    "Product Thumbnail": one.pictures[0],
                    "Product Deleted At": "",
                    "Variant SKU": form.sku if form else one.sku,
                    "Variant EAN": form.ean if form else one.ean,
                    "Variant Inventory Quantity": one.stock,
                    "Variant Price EUR": money(form.price if form else one.price),
                }
                for place in range(1, 4):
                    row[f"Product Image {place} Url"] = (
                        one.pictures[place - 1] if place <= len(one.pictures) else ""
                    )
                options = list(form.options.items()) if form else []
                for place in (1, 2):
                    name, value = options[place - 1] if len(options) >= place else ("", "")
                    row[f"Variant Option {place} Name"] = name
                    row[f"Variant Option {place} Value"] = value
                yield row

    return table(rows())


def vendure() -> str:
    def rows() -> Rows:
        for one in MADE:
            names = list(dict.fromkeys(name for form in one.forms for name in form.options))
            forms: tuple[Form | None, ...] = one.forms or (None,)
            for place, form in enumerate(forms):
                first = place == 0
                yield {
                    "name": one.title if first else "",
                    "slug": one.name if first else "",
                    "description": one.text if first else "",
                    "assets": "|".join(one.pictures) if first else "",
                    "facets": f"brand:{one.brand}|category:{one.kind}" if first else "",
                    "optionGroups": "|".join(names) if first else "",
                    "optionValues": "|".join(form.options.values()) if form else "",
                    "sku": form.sku if form else one.sku,
                    "price": money(form.price if form else one.price),
                    "stockOnHand": one.stock,
                    "variantAssets": form.picture if form else "",
                }

    return table(rows())


def saleor() -> str:
    return table(
        {
            "id": f"UHJvZHVjdDo{one.number:02d}",
            "name": one.title,
            "description": json.dumps(
                {"blocks": [{"type": "paragraph", "data": {"text": one.text}}]}
            ),
            "category": one.kind.lower(),
            "product media": ", ".join(one.pictures),
            "variant sku": form.sku if form else one.sku,
            "variant media": form.picture if form else "",
            "brand (product attribute)": one.brand,
            "color (variant attribute)": form.options.get("Color", "") if form else "",
            "size (variant attribute)": form.options.get("Size", "") if form else "",
            "web (channel price amount)": f"{form.price if form else one.price}",
            "web (channel variant currency code)": "EUR",
            "web (channel published)": "True",
            "main (warehouse quantity)": one.stock,
        }
        for one in MADE
        for form in one.forms or (None,)
    )


def shopify_json() -> str:
    def product(one: Made) -> dict[str, object]:
        names = list(dict.fromkeys(name for form in one.forms for name in form.options))
        addresses = [*one.pictures, *(form.picture for form in one.forms if form.picture)]
        ids = {address: 100 * one.number + place for place, address in enumerate(addresses)}
        forms: tuple[Form | None, ...] = one.forms or (None,)
        variants = []
        for form in forms:
            values = [*(form.options.values() if form else ["Default Title"]), None, None]
            variants.append(
                {
                    "sku": form.sku if form else one.sku,
                    "price": money(form.price if form else one.price),
                    "compare_at_price": money(one.was) or None,
                    "barcode": form.ean if form else one.ean,
                    "available": one.stock > 0,
                    "image_id": ids.get(form.picture) if form else None,
                    **{f"option{place}": values[place - 1] for place in (1, 2, 3)},
                }
            )
        return {
            "id": one.number,
            "title": one.title,
            "handle": one.name,
            "body_html": f"<p>{one.text}</p>",
            "vendor": one.brand,
            "product_type": one.kind,
            "tags": [],
            "published_at": "2026-01-01T00:00:00Z",
            "options": [{"name": name} for name in names or ["Title"]],
            "images": [{"id": ids[address], "src": address} for address in addresses],
            "variants": variants,
        }

    return json.dumps({"products": [product(one) for one in MADE]})


def json_ld() -> str:
    def offer(one: Made, price: float) -> dict[str, str]:
        return {
            "@type": "Offer",
            "price": money(price),
            "priceCurrency": "EUR",
            "availability": f"https://schema.org/{'InStock' if one.stock else 'OutOfStock'}",
        }

    def node(one: Made) -> dict[str, object]:
        common = {
            "name": one.title,
            "description": one.text,
            "brand": {"@type": "Brand", "name": one.brand},
            "category": one.kind,
            "image": one.pictures,
        }
        if not one.forms:
            own = {"sku": one.sku, "gtin13": one.ean, "offers": offer(one, one.price)}
            return {"@type": "Product", **common, **own}
        return {
            "@type": "ProductGroup",
            "productGroupID": one.sku,
            **common,
            "variesBy": ["https://schema.org/color", "https://schema.org/size"],
            "hasVariant": [
                {
                    "@type": "Product",
                    "name": f"{one.title} {' '.join(form.options.values())}",
                    "sku": form.sku,
                    "gtin13": form.ean,
                    **{name.lower(): value for name, value in form.options.items()},
                    **({"image": form.picture} if form.picture else {}),
                    "offers": offer(one, form.price),
                }
                for form in one.forms
            ],
        }

    data = {"@context": "https://schema.org", "@graph": [node(one) for one in MADE]}
    return json.dumps(data, ensure_ascii=False)


def rakuten() -> str:
    def rows() -> Rows:
        for one in MADE:
            row: dict[str, object] = {
                "商品管理番号（商品URL）": one.name,
                "商品名": one.title,
                "PC用商品説明文": one.text,
                "SKU管理番号": "",
                "システム連携用SKU番号": "",
                "販売価格": "",
                "表示価格": "",
                "在庫数": "",
                "カタログID": "",
            }
            for place in range(1, 4):
                row[f"商品画像パス{place}"] = (
                    one.pictures[place - 1] if place <= len(one.pictures) else ""
                )
            yield row
            for form in one.forms or (None,):
                sold: dict[str, object] = {
                    "商品管理番号（商品URL）": one.name,
                    "SKU管理番号": (form.sku if form else one.sku).lower(),
                    "システム連携用SKU番号": form.sku if form else one.sku,
                    "販売価格": f"{(form.price if form else one.price) * 100:.0f}",
                    "表示価格": f"{one.was * 100:.0f}" if one.was else "",
                    "在庫数": one.stock,
                    "カタログID": form.ean if form else one.ean,
                }
                for place, (name, value) in enumerate(form.options.items() if form else (), 1):
                    sold[f"バリエーション項目キー{place}"] = name
                    sold[f"バリエーション項目選択肢{place}"] = value
                yield sold

    return table(rows())


def dummyjson() -> str:
    products = [
        {
            "id": one.number,
            "title": one.title,
            "description": one.text,
            "category": one.kind.lower(),
            "price": one.price,
            "discountPercentage": 0,
            "rating": 4.5,
            "stock": one.stock,
            "tags": [one.kind.lower()],
            "brand": one.brand,
            "sku": one.sku,
            "meta": {"barcode": one.ean},
            "images": one.pictures,
            "thumbnail": one.pictures[0],
        }
        for one in MADE
    ]
    return json.dumps({"products": products, "total": len(products), "skip": 0, "limit": 30})


def plain() -> str:
    return table(
        {
            "id": one.number,
            "sku": one.sku,
            "ean": one.ean,
            "title": one.title,
            "description": one.text,
            "brand": one.brand,
            "category": one.kind,
            "price": money(one.was or one.price),
            "sale price": money(one.price) if one.was else "",
            "stock": one.stock,
            "images": "|".join(one.pictures),
        }
        for one in MADE
    )


def wix() -> str:
    def rows() -> Rows:
        for one in MADE:
            yield {
                "handleId": f"product_{one.number}",
                "fieldType": "Product",
                "name": one.title,
                "description": f"<p>{one.text}</p>",
                "productImageUrl": ";".join(one.pictures),
                "collection": one.kind,
                "sku": "" if one.forms else one.sku,
                "price": money(one.was or one.price),
                "surcharge": "",
                "visible": "true",
                "discountMode": "AMOUNT",
                "discountValue": money(one.was - one.price if one.was else 0),
                "inventory": "InStock" if one.stock else "OutOfStock",
                "brand": one.brand,
            }
            for form in one.forms:
                row: dict[str, object] = {
                    "handleId": f"product_{one.number}",
                    "fieldType": "Variant",
                    "sku": form.sku,
                    "surcharge": money(form.price - one.price),
                    "visible": "true",
                    "inventory": one.stock,
                }
                for number, (name, value) in enumerate(form.options.items(), 1):
                    row[f"productOptionName{number}"] = name
                    row[f"productOptionType{number}"] = "DROP_DOWN"
                    row[f"productOptionDescription{number}"] = value
                yield row

    return table(rows())


def squarespace() -> str:
    def rows() -> Rows:
        for one in MADE:
            forms: tuple[Form | None, ...] = one.forms or (None,)
            for place, form in enumerate(forms):
                first = place == 0
                price = form.price if form else one.price
                row: dict[str, object] = {
                    "Product ID [Non Editable]": f"p{one.number}" if first else "",
                    "Variant ID [Non Editable]": f"v{one.number}-{place}",
                    "Title": one.title if first else "",
                    "Description": f"<p>{one.text}</p>" if first else "",
                    "SKU": form.sku if form else one.sku,
                    "Price": money(one.was or price),
                    "Sale Price": money(one.price if one.was else 0),
                    "On Sale": "Yes" if one.was else "No",
                    "Stock": one.stock,
                    "Visible": "Yes" if first else "",
                    "Hosted Image URLs": " ".join(one.pictures) if first else "",
                }
                for number, (name, value) in enumerate(form.options.items() if form else (), 1):
                    row[f"Option Name {number}"] = name
                    row[f"Option Value {number}"] = value
                yield row

    return table(rows())


@dataclass(frozen=True)
class Exported:
    """How a format is written.

    `lacks`: what it cannot tell, as the test names it. `scale`: of prices, for a currency that
    has no small change.
    """

    write: Callable[[], str]
    name: str = "export.csv"
    lacks: frozenset[str] = frozenset()
    scale: int = 1


def _lacks(text: str) -> frozenset[str]:
    return frozenset(text.split())


EXPORTED = {
    "shopify": Exported(shopify),
    "woocommerce": Exported(woocommerce),
    "google-merchant": Exported(google, "feed.tsv", _lacks("main sku")),
    "meta": Exported(meta, lacks=_lacks("main sku")),
    "magento": Exported(magento),
    "prestashop": Exported(prestashop, lacks=_lacks("forms form-pictures")),
    "bigcommerce-legacy": Exported(bigcommerce_legacy, lacks=_lacks("form-pictures")),
    "bigcommerce": Exported(bigcommerce, lacks=_lacks("brand stock")),
    "square": Exported(square, lacks=_lacks("brand was stock pictures main form-pictures")),
    "wix": Exported(wix, lacks=_lacks("ean form-pictures")),
    "squarespace": Exported(squarespace, lacks=_lacks("ean brand form-pictures")),
    "etsy": Exported(
        etsy, lacks=_lacks("form-prices ean brand was form-pictures combinations")
    ),
    "ebay": Exported(ebay, lacks=_lacks("was")),
    "amazon": Exported(amazon, "template.txt"),
    "abo": Exported(
        abo, "listings.json",
        _lacks("forms price ean sku was stock pictures main form-pictures"),
    ),
    "medusa": Exported(medusa, lacks=_lacks("brand was form-pictures")),
    "vendure": Exported(vendure, lacks=_lacks("was ean")),
    "saleor": Exported(saleor, lacks=_lacks("was ean main")),
    "shopify-json": Exported(shopify_json, "products.json"),
    "json-ld": Exported(json_ld, "page.json", _lacks("was")),
    "rakuten": Exported(rakuten, lacks=_lacks("brand form-pictures"), scale=100),
    "dummyjson": Exported(
        dummyjson, "products.json", _lacks("forms was form-pictures")
    ),
    "plain": Exported(plain, lacks=_lacks("forms form-pictures")),
}  # fmt: skip
