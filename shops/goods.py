"""Products to fill a shop with that brings no samples of its own."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image


@dataclass(frozen=True)
class Good:
    """A product as any shop can take it; `path` is its category, from the root."""

    code: str
    title: str
    path: list[str]
    colour: str
    price: float
    picture: str
    attributes: dict[str, str]


def fashion(folder: Path, count: int) -> list[dict[str, Any]]:
    """Clothes and shoes, with photographs, from a folder with styles.csv and images/ID.jpg."""
    with (folder / "styles.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:count]
    return [
        asdict(
            Good(
                code=row["id"],
                title=row["productDisplayName"],
                path=[row["masterCategory"], row["subCategory"], row["articleType"]],
                colour=row["baseColour"],
                price=5.95 + int(row["id"]) % 90,
                picture=str(folder / "images" / f"{row['id']}.jpg"),
                attributes={"gender": row["gender"], "season": row["season"]},
            )
        )
        for row in rows
    ]


def demo(scratch: Path) -> list[dict[str, Any]]:
    """vitrina's own demo products, with their drawings as JPEG, which every shop takes."""
    import vitrina

    folder = Path(vitrina.__file__).parent / "data" / "demo"
    goods = []
    with (folder / "products.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            picture = scratch / f"{row['sku']}.jpg"
            with Image.open(folder / row["image"]) as drawing:
                drawing.convert("RGB").save(picture, quality=92)
            goods.append(
                Good(
                    code=row["sku"],
                    title=row["title"],
                    path=[row["category"]],
                    colour=row["color"],
                    price=float(row["price"] or 10),
                    picture=str(picture),
                    attributes={key: row[key] for key in ("material", "style") if row[key]},
                )
            )
    return [asdict(good) for good in goods]
