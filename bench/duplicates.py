"""Duplicates by picture among real photographs and copies of 200 of them, by kind of change.

The peer is the rule before: hashes of 64 bits that differ in at most four bits. The file
tests/data/fashion_pairs.csv names the 100 pairs that are most alike to either measure, each looked
at: none is a duplicate. Nor is any that titles alone call the same, each looked at too.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

from bench.setup import catalog, shared
from vitrina.files import FileOptions, Mapping

PAIRS = Path(__file__).parents[1] / "tests" / "data" / "fashion_pairs.csv"
COPIED = 200

BY_HASH = """
select p.id, p.external_id, s.name as source, n.external_id as of_external_id
from vitrina.products as p
join vitrina.sources as s on s.id = p.source_id
join vitrina.images as i on i.sha256 = p.image_sha256
cross join lateral (
    select e.external_id
    from vitrina.products as e
    join vitrina.sources as o on o.id = e.source_id
    join vitrina.images as f on f.sha256 = e.image_sha256
    where e.id < p.id and o.name = any (%(sources)s) and bit_count(f.dhash # i.dhash) <= 4
    order by bit_count(f.dhash # i.dhash), e.id
    limit 1
) as n
where s.name = any (%(sources)s)
"""

Change = Callable[[Image.Image], bytes]


def _saved(image: Image.Image, kind: str = "JPEG", quality: int = 90) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, quality=quality)
    return out.getvalue()


def _resized(image: Image.Image, by: float) -> Image.Image:
    size = (round(image.width * by), round(image.height * by))
    return image.resize(size, Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, share: float) -> Image.Image:
    x, y = round(image.width * share), round(image.height * share)
    return image.crop((x, y, image.width - x, image.height - y))


CHANGES: dict[str, Change] = {
    "JPEG of quality 60": lambda image: _saved(image, quality=60),
    "JPEG of quality 30": lambda image: _saved(image, quality=30),
    "WebP of quality 50": lambda image: _saved(image, "WEBP", 50),
    "three times as large": lambda image: _saved(_resized(image, 3)),
    "three quarters as large": lambda image: _saved(_resized(image, 0.75)),
    "half as large": lambda image: _saved(_resized(image, 0.5)),
    "3 % cropped at each side": lambda image: _saved(_cropped(image, 0.03)),
    "5 % cropped at each side": lambda image: _saved(_cropped(image, 0.05)),
    "10 % cropped at each side": lambda image: _saved(_cropped(image, 0.10)),
    "8 % cropped left and below": lambda image: _saved(
        image.crop((round(image.width * 0.08), 0, image.width, round(image.height * 0.92)))
    ),
    "10 % more ground": lambda image: _saved(
        ImageOps.expand(image, (image.width // 10, image.height // 10), "white")
    ),
    "padded to a square": lambda image: _saved(
        ImageOps.pad(image, (image.height, image.height), color="white")
    ),
    "10 % brighter": lambda image: _saved(ImageEnhance.Brightness(image).enhance(1.1)),
}


def main() -> None:
    folder = shared("fashion")
    with PAIRS.open(encoding="utf-8") as file:
        labelled = {
            frozenset((row["one"], row["other"])): row["label"] for row in csv.DictReader(file)
        }
    with (folder / "styles.csv").open(encoding="utf-8") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    with catalog() as shop, tempfile.TemporaryDirectory() as made:
        shop.sources.load(
            folder / "styles.csv",
            source="fashion",
            options=FileOptions(Mapping(image="{id}.jpg", image_root=folder / "images")),
        )
        for name, change in CHANGES.items():
            below = Path(made) / name.replace(" ", "-")
            below.mkdir()
            copied = ids[:: len(ids) // COPIED][:COPIED]
            for key in copied:
                with Image.open(folder / "images" / f"{key}.jpg") as image:
                    (below / f"{key}.img").write_bytes(change(image.convert("RGB")))
            (below / "copies.csv").write_text(
                "id,title\n" + "".join(f"{key},Copy {key}\n" for key in copied), encoding="utf-8"
            )
            shop.sources.load(
                below / "copies.csv",
                source=name,
                options=FileOptions(Mapping(image="{id}.img", image_root=below)),
            )
        shop.work()
        for least in (0.99, 0.98, 0.97):
            found = {
                frozenset((row.external_id, row.of_external_id))
                for row in shop.duplicates(
                    k=1000, min_similarity=None, min_picture=least, sources=["fashion"]
                )
            }
            print(
                f"  {len(ids)} photographs alone, layouts from {least}: {len(found)} reported,"
                f" {sum(labelled.get(pair) == 'different' for pair in found)} of these among the"
                f" {len(labelled)} pairs that were looked at and are different"
            )
        print(
            f"  {len(ids)} photographs alone, with their titles:"
            f" {len(shop.duplicates(k=1000, sources=['fashion']))} reported,"
            f" {len(shop.duplicates(k=1000, max_distance=None, sources=['fashion']))} by text alone"
        )
        alone = shop.database.rows(BY_HASH, {"sources": ["fashion"]})
        print(f"  {len(ids)} photographs alone, hashes of 64 bits: {len(alone)} reported")
        print(f"  {'copies of 200 among them':<28} {'recall':>7} {'precision':>10}", end="")
        print(f"   {'from 0.98':>14}   {'hashes of 64 bits':>18}")
        for name in CHANGES:
            figures = []
            for least in (0.99, 0.98):
                rows = [
                    (row.source == name and row.external_id == row.of_external_id)
                    for row in shop.duplicates(
                        k=2000, min_similarity=None, min_picture=least, sources=["fashion", name]
                    )
                ]
                figures.append((sum(rows) / COPIED, sum(rows) / max(1, len(rows))))
            hashed = [
                row["source"] == name and row["external_id"] == row["of_external_id"]
                for row in shop.database.rows(BY_HASH, {"sources": ["fashion", name]})
            ]
            figures.append((sum(hashed) / COPIED, sum(hashed) / max(1, len(hashed))))
            (recall, precision), (looser, less), (old, older) = figures
            print(
                f"  {name:<28} {recall:>7.3f} {precision:>10.3f}   {looser:>7.3f} {less:>6.3f}"
                f"   {old:>11.3f} {older:>6.3f}"
            )


if __name__ == "__main__":
    main()
