"""The same twelve products come out of an export of every format, as far as it can tell them."""

from __future__ import annotations

from pathlib import Path

import pytest

from exported import EXPORTED, MADE, Exported, Made
from vitrina.catalog import Catalog
from vitrina.files import Product, open_products
from vitrina.files.formats import FORMATS

NAMES = sorted(EXPORTED)
# a query, and the product that answers it
ASKED = {
    "low oak stool": "Oak stool, low",
    "linen shirt": "Linen shirt",
    "round mirror for the wall": "Round wall mirror",
}


def test_every_format_is_written() -> None:
    # what vitrina exports itself is written and read again where export is tested
    assert sorted(one.name for one in FORMATS if one.name != "vitrina") == NAMES


def written(tmp_path: Path, name: str) -> Path:
    path = tmp_path / EXPORTED[name].name
    path.write_text(EXPORTED[name].write(), "utf-8", newline="")
    return path


def as_saved_again(text: str, name: str) -> str:
    """A table as it comes back from a spreadsheet: names in lower case, an empty row at the end."""
    if EXPORTED[name].name.endswith(".json"):
        return text
    skip = 2 if name == "amazon" else 0
    lines = text.split("\r\n")
    delimiter = max(",;\t", key=lines[skip].count)
    lines[skip] = lines[skip].lower()
    return "\r\n".join([*lines[:-1], delimiter * lines[skip].count(delimiter), ""])


@pytest.mark.parametrize("saved_again", [False, True], ids=["exported", "saved again"])
@pytest.mark.parametrize("name", NAMES)
def test_the_same_products_are_read(tmp_path: Path, name: str, saved_again: bool) -> None:
    path, exported = written(tmp_path, name), EXPORTED[name]
    if saved_again:
        path.write_text(as_saved_again(exported.write(), name), "utf-8", newline="")
    with open_products(str(path)) as file:
        items = list(file.products())
    assert file.reading.format == name
    products = {item.title: item for item in items if isinstance(item, Product)}
    assert sorted(products) == sorted(one.title for one in MADE), items
    assert len(items) == len(products)
    told = {one.name: tell(products[one.title], one, exported) for one in MADE}
    assert told == {one.name: meant(one, exported) for one in MADE}


CODES = {one.ean for one in MADE} | {form.ean for one in MADE for form in one.forms}


def kept(told: dict[str, object], exported: Exported) -> dict[str, object]:
    return {name: value for name, value in told.items() if name not in exported.lacks}


def tell(product: Product, one: Made, exported: Exported) -> dict[str, object]:
    """What was read of a product."""
    attributes = product.attributes
    options = {value for form in one.forms for value in form.options.values()}
    if "combinations" in exported.lacks and len(one.forms[:1] and one.forms[0].options) > 1:
        options = set()
    codes = {*product.codes, *(code for form in product.variants for code in form.codes)}
    told = {
        "text": product.text,
        "price": attributes.get("price"),
        "price_max": attributes.get("price_max"),
        "was": attributes.get("was_price"),
        "stock": attributes.get("in_stock"),
        "brand": one.brand in attributes.values(),
        "pictures": {picture.address for picture in product.images},
        "main": product.image,
        "form-pictures": {form.image for form in product.variants} - {None, *one.pictures},
        "ean": codes & CODES,
        "sku": None if one.forms else product.sku,
        "forms": {
            form.sku: (options.intersection(form.attributes.values()), form.price)
            for form in product.variants
        },
    }
    return kept(told, exported)


def meant(one: Made, exported: Exported) -> dict[str, object]:
    """What there is to say of it."""
    lacks, scale = exported.lacks, exported.scale
    forms = () if "forms" in lacks else one.forms
    own = set() if "form-pictures" in lacks else {form.picture for form in forms if form.picture}
    high = max([one.price, *(form.price for form in forms)])
    priced = high > one.price and "form-prices" not in lacks
    told = {
        "text": one.text,
        "price": one.price * scale,
        "price_max": high * scale if priced else None,
        "was": one.was and one.was * scale,
        "stock": one.stock > 0,
        "brand": True,
        "pictures": {*one.pictures, *own},
        "main": one.pictures[0],
        "form-pictures": own,
        "ean": {form.ean for form in forms} or {one.ean},
        "sku": None if one.forms else one.sku,
        "forms": {
            form.sku: (
                set()
                if "combinations" in lacks and len(form.options) > 1
                else set(form.options.values()),
                (one.price if "form-prices" in lacks else form.price) * scale,
            )
            for form in forms
        },
    }
    return kept(told, exported)


def test_every_export_can_be_filtered_by_price_and_searched(
    catalog: Catalog, tmp_path: Path
) -> None:
    for name in NAMES:
        done = catalog.sources.load(written(tmp_path, name), source=name)
        assert (done.inserted, done.rejected, done.repeated) == (len(MADE), 0, 0), name
    for name, exported in EXPORTED.items():
        if "price" not in exported.lacks:
            limit = 50 * exported.scale
            found = catalog.search(where=f"$.price < {limit}", sources=[name], k=100)
            wanted = {one.title for one in MADE if one.price < 50}
            assert {hit.title for hit in found} == wanted, name
        for query, title in ASKED.items():
            (hit,) = catalog.search(query, sources=[name], k=1)
            assert hit.title == title, (name, query)
        for one in MADE:
            for form in one.forms if not exported.lacks & {"forms", "sku"} else ():
                (hit,) = catalog.search(form.sku, mode="text", sources=[name], k=1)
                assert hit.title == one.title, (name, form.sku)
