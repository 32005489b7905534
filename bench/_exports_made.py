"""Large exports, made line by line around real products: their titles with words swapped."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

from bench._catalogue import FURNITURE, SWAPPED

COLORS = ("Black", "White", "Oak", "Walnut", "Grey", "Navy Blue", "Sage Green")
SIZES = ("S", "M", "L", "XL")
LONG = ("description", "about_item", "specifications")  # columns of text
SHOPIFY = (
    "Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published",
    "Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value", "Variant SKU",
    "Variant Inventory Qty", "Variant Price", "Variant Compare At Price", "Variant Barcode",
    "Image Src", "Image Position", "Variant Image", "Status",
)  # fmt: skip


def real() -> list[dict[str, str]]:
    with FURNITURE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def shopify(path: Path, lines: int, *, big: bool = False, seed: int = 5) -> int:
    """Write an export of so many lines below the header; returns how many products it has.

    With `big`, descriptions are as long as real ones: about a kilobyte of text a line.
    """
    chance = random.Random(seed)  # noqa: S311
    models = real()
    words = [word for row in models for word in row["title"].split()]
    texts = LONG if big else LONG[:1]
    written = products = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, SHOPIFY)
        writer.writeheader()
        while written < lines:
            products += 1
            for row in _product(products, chance.choice(models), words, texts, chance):
                if written < lines:
                    writer.writerow(row)
                    written += 1
    return products


def _product(
    number: int,
    model: dict[str, str],
    words: list[str],
    texts: tuple[str, ...],
    chance: random.Random,
) -> Iterator[dict[str, object]]:
    """A product's own line, one for each further variant, and one for a further picture."""
    title = _swapped(model["title"], words, chance)
    handle = f"item-{number}"
    price = round(chance.lognormvariate(4, 0.8), 2)
    colors = chance.sample(COLORS, chance.randrange(1, 4))
    variants = [(color, size) for color in colors for size in SIZES[: chance.randrange(1, 3)]]
    body = "".join(f"<p>{_swapped(model[name], words, chance)}</p>" for name in texts)
    for place, (color, size) in enumerate(variants):
        row: dict[str, object] = {
            "Handle": handle,
            "Option1 Value": color,
            "Option2 Value": size,
            "Variant SKU": f"SKU-{number}-{place}",
            "Variant Inventory Qty": chance.randrange(20),
            "Variant Price": f"{price + 5 * place:.2f}",
            "Variant Barcode": f"4{number:09d}{place:02d}",
            "Variant Image": f"https://shop.test/p/{number}-{place}.jpg",
        }
        if place == 0:
            row |= {
                "Title": title,
                "Body (HTML)": body,
                "Vendor": model["brand"],
                "Type": model["style"],
                "Tags": ", ".join(title.split()[:4]).replace(",,", ","),
                "Published": "true",
                "Option1 Name": "Color",
                "Option2 Name": "Size",
                "Variant Compare At Price": f"{price * 1.2:.2f}",
                "Image Src": f"https://shop.test/p/{number}.jpg",
                "Image Position": 1,
                "Status": "active",
            }
        yield row
    if chance.random() < SWAPPED:
        yield {
            "Handle": handle,
            "Image Src": f"https://shop.test/p/{number}-b.jpg",
            "Image Position": 2,
        }


def _swapped(text: str, words: list[str], chance: random.Random) -> str:
    return " ".join(
        chance.choice(words) if chance.random() < SWAPPED else word for word in text.split()
    )


def plain(path: Path, rows: int, columns: tuple[str, ...], *, seed: int = 5) -> None:
    """Write a plain CSV of these columns of the real file, ids made and titles swapped."""
    chance = random.Random(seed)  # noqa: S311
    models = real()
    words = [word for row in models for word in row["title"].split()]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for number in range(rows):
            model = chance.choice(models)
            made = {"asin": f"A{number:09d}", "title": _swapped(model["title"], words, chance)}
            writer.writerow(model | made)
