"""The shop at work: everything through Oscar's own models and importers.

Reads lines of JSON, {"do": verb, …arguments}, and prints an answer to each.
"""

from __future__ import annotations

import csv
import json
import logging
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.files import File  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from oscar.apps.catalogue.categories import create_from_breadcrumbs  # noqa: E402
from oscar.apps.partner.importers import CatalogueImporter  # noqa: E402
from oscar.core.loading import get_model  # noqa: E402

AttributeOptionGroup = get_model("catalogue", "AttributeOptionGroup")
Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductClass = get_model("catalogue", "ProductClass")
ProductImage = get_model("catalogue", "ProductImage")
Partner = get_model("partner", "Partner")
StockRecord = get_model("partner", "StockRecord")


def migrate() -> None:
    """Oscar's own migrations."""
    call_command("migrate", verbosity=0)


def populate(goods: list[dict[str, Any]]) -> int:
    """Fill the shop by Oscar's own importers: how many products it lists then."""
    with tempfile.TemporaryDirectory() as scratch:
        table, pictures = Path(scratch) / "catalogue.csv", Path(scratch) / "pictures"
        pictures.mkdir()
        with table.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(_import_row(good) for good in goods)
        for good in goods:
            shutil.copy(good["picture"], pictures / f"{good['code']}.jpg")
        CatalogueImporter(logging.getLogger("oscar.import")).handle(str(table))
        call_command("oscar_import_catalogue_images", str(pictures))
    _describe(goods)
    return int(Product.objects.browsable().count())


def _import_row(good: dict[str, Any]) -> list[str]:
    """A row of what `oscar_import_catalogue` reads."""
    return [
        good["path"][-1], " > ".join(good["path"]), good["code"], good["title"], "NULL",
        "Warehouse", f"SKU-{good['code']}", f"{good['price']:.2f}", "20",
    ]  # fmt: skip


@transaction.atomic
def _describe(goods: list[dict[str, Any]]) -> None:
    """Attributes: a colour from a group of options, and texts."""
    colours, _ = AttributeOptionGroup.objects.get_or_create(name="Colours")
    for colour in sorted({good["colour"] for good in goods}):
        colours.options.get_or_create(option=colour)
    texts = {"size", *(name for good in goods for name in good["attributes"])}
    for kind in ProductClass.objects.all():
        kind.attributes.get_or_create(
            code="colour", defaults={"name": "Colour", "type": "option", "option_group": colours}
        )
        for code in sorted(texts):
            kind.attributes.get_or_create(code=code, defaults={"name": code, "type": "text"})
    products = Product.objects.in_bulk([good["code"] for good in goods], field_name="upc")
    for good in goods:
        product = products[good["code"]]
        product.attr.colour = colours.options.get(option=good["colour"])
        for name, text in good["attributes"].items():
            setattr(product.attr, name, text)
        product.save()


def rename(id: str, title: str) -> None:
    """A new title."""
    product = Product.objects.get(pk=id)
    product.title = title
    product.save()


def reprice(id: str, price: float) -> None:
    """A new price."""
    record = StockRecord.objects.get(product_id=id)
    record.price = Decimal(str(price))
    record.save()


def repicture(id: str, picture: str) -> None:
    """Another picture in place of those it has."""
    product = Product.objects.get(pk=id)
    product.images.all().delete()
    _add_picture(product, Path(picture))


def recolour(id: str, colour: str) -> None:
    """Another value of an attribute."""
    product = Product.objects.get(pk=id)
    colours = AttributeOptionGroup.objects.get(name="Colours")
    product.attr.colour = colours.options.get_or_create(option=colour)[0]
    product.save()


def add(title: str, picture: str, price: float) -> str:
    """A new product, as the dashboard makes one: its id."""
    kind = ProductClass.objects.first()
    with transaction.atomic():
        product = Product.objects.create(title=title, product_class=kind)
        product.categories.add(create_from_breadcrumbs("New > Arrivals"))
        _add_picture(product, Path(picture))
        _add_stock(product, price)
    return str(product.pk)


def add_child(parent: str, size: str, price: float) -> str:
    """A variant of a product, which becomes a parent if it was none."""
    product = Product.objects.get(pk=parent)
    if product.is_standalone:
        product.stockrecords.all().delete()
        product.structure = Product.PARENT
        product.save()
    child = Product(structure=Product.CHILD, parent=product)
    child.attr.size = size
    child.save()
    _add_stock(child, price)
    return str(child.pk)


def change_variant(id: str, sku: str, title: str, price: float) -> None:
    """Another title, SKU and price of a product's first child, and none of it left."""
    child = Product.objects.filter(parent_id=id).order_by("pk").first()
    child.title = title
    child.save()
    record = StockRecord.objects.get(product=child)
    record.partner_sku, record.price, record.num_in_stock = sku, Decimal(str(price)), 0
    record.save()


def rename_category(name: str, to: str) -> None:
    """A new name for a category."""
    category = Category.objects.get(name=name)
    category.name = to
    category.save()


def publish(id: str, public: bool) -> None:
    """Show a product, or hide it."""
    product = Product.objects.get(pk=id)
    product.is_public = public
    product.save()


def delete(id: str) -> None:
    """Delete a product and all that belongs to it."""
    Product.objects.get(pk=id).delete()


def listed() -> list[dict[str, str]]:
    """What the shop lists: id, title and picture, by id."""
    return [
        {
            "id": str(product.pk),
            "title": product.get_title(),
            "picture": product.primary_image().original.path,
        }
        for product in Product.objects.browsable().prefetch_related("images").order_by("pk")
    ]


def _add_picture(product: Any, picture: Path) -> None:
    with picture.open("rb") as file:
        image = ProductImage(product=product)
        image.original.save(picture.name, File(file), save=True)


def _add_stock(product: Any, price: float) -> None:
    StockRecord.objects.create(
        product=product, partner=Partner.objects.first(), partner_sku=f"SKU-{product.pk}-new",
        price=Decimal(str(price)), num_in_stock=5,
    )  # fmt: skip


VERBS: dict[str, Callable[..., Any]] = {
    verb.__name__: verb
    for verb in (
        migrate, populate, listed, rename, reprice, repicture, recolour, add, add_child,
        change_variant, rename_category, publish, delete,
    )
}  # fmt: skip


def main() -> None:
    print('-> {"done": null}', flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"done": VERBS[order.pop("do")](**order)}
        except Exception as error:  # whatever it was, whoever asked is told
            traceback.print_exc()
            answer = {"error": repr(error)}
        print("-> " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
