"""Draws the pictures of the demo catalogue, and the query pictures that go with it.

    python scripts/draw_demo.py                             all of them, into the package's data
    python scripts/draw_demo.py --only mug-blue -o /tmp/demo

Every picture comes from the code in demo_art: the same code gives the same pictures. What is
said of the products is in products.csv, beside the pictures; this script checks that the two agree.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path, PurePosixPath

from demo_art.canvas import Canvas
from demo_art.catalogue import DRAWINGS, QUERIES

HOME = Path(__file__).resolve().parent.parent / "src" / "vitrina" / "data" / "demo"
QUALITY = 85


def draw(name: str, path: Path) -> int:
    """Draws one picture into a file; returns its size in bytes."""
    canvas = Canvas()
    (DRAWINGS | QUERIES)[name](canvas)
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.picture().save(path, "WEBP", quality=QUALITY, method=6)
    return path.stat().st_size


def disagreements() -> list[str]:
    """Pictures that products.csv asks for and nobody draws, and the other way round."""
    with (HOME / "products.csv").open(encoding="utf-8", newline="") as lines:
        asked = {PurePosixPath(row["image"]).stem for row in csv.DictReader(lines)}
    return [
        f"{name}: in products.csv, but nothing draws it" for name in sorted(asked - {*DRAWINGS})
    ] + [f"{name}: drawn, but not in products.csv" for name in sorted({*DRAWINGS} - asked)]


def main() -> int:
    folders = dict.fromkeys(DRAWINGS, "pictures") | dict.fromkeys(QUERIES, "queries")
    parser = argparse.ArgumentParser(description="Draw the demo catalogue.")
    parser.add_argument("-o", "--output", type=Path, default=HOME, help="default: the package")
    parser.add_argument("--only", nargs="+", choices=sorted(folders), metavar="NAME")
    options = parser.parse_args()

    names = options.only or list(folders)
    paths = [options.output / folders[name] / f"{name}.webp" for name in names]
    with ProcessPoolExecutor(min(len(names), os.cpu_count() or 1)) as pool:
        sizes = list(pool.map(draw, names, paths))
    print(f"{len(names)} pictures, {sum(sizes):,} bytes, in {options.output}")
    wrong = disagreements()
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
