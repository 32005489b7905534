"""Reading exports: a Shopify export of any length, and a plain CSV against an older version.

`python -m bench exports` reads 20,000 lines; `python -m bench exports --lines 1000000` reads a
million, and takes an hour. Lines a second and the highest memory of the process that loads, at a
tenth, half and all of the products, which must not grow. The older version is a commit of this
repository: each measures itself in a process of its own, in turns, by seconds of processor for
reading alone and by the clock for loading into an empty database.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from statistics import median

from bench import _exports_made
from bench.setup import SkippedError, catalog, shared

HERE = Path(__file__).parents[1]
BEFORE = "b82b335"
WIDE = (
    "asin", "url", "title", "brand", "price", "availability", "categories", "primary_image",
    "color", "material", "style", "item_model_number", "package_dimensions", "about_item",
    "description", "date_first_available", "country_of_origin", "upc",
)  # fmt: skip
NARROW = ("asin", "title", "price", "primary_image", "color")

# Run in a process of its own, here and in the older checkout: the names differ.
READ = """
import sys, time
try:
    from vitrina.files import open_products
except ImportError:
    from vitrina.sources.mapping import Mapping, read_products
    from vitrina.sources.rows import open_rows
    def count(path):
        with open_rows(path) as rows:
            return sum(1 for _ in read_products(rows, Mapping()))
else:
    def count(path):
        with open_products(path) as file:
            return sum(1 for _ in file.products())
spent = []
for _ in range(3):
    started = time.process_time()
    rows = count(sys.argv[1])
    spent.append(time.process_time() - started)
print(rows, min(spent))  # the least: others use the machine meanwhile
"""
LOAD = """
import sys, time
from bench.setup import catalog
with catalog() as shop:
    load = getattr(shop.sources, "load", None) or shop.load
    started = time.perf_counter()
    done = load(sys.argv[1], source="plain")
    print(done.inserted, time.perf_counter() - started)
"""
# Reads a large export, then loads it where it is given a database.
BIG = """
import json, sys, time
from pathlib import Path
from vitrina.catalog import Catalog
from vitrina.files import open_products
from vitrina.settings import Settings

path, products, url = sys.argv[1], int(sys.argv[2]), sys.argv[3:]

def watched():
    marks, started = [0.1, 0.5, 1.0], time.perf_counter()
    def watch(done):
        if marks and done >= marks[0] * products:
            status = Path("/proc/self/status").read_text()
            memory = int(status.partition("VmHWM:")[2].split()[0]) / 1024
            spent = time.perf_counter() - started
            print(json.dumps([marks.pop(0), memory, spent]), flush=True)
    return watch

watch = watched()
if url:
    with Catalog(settings=Settings(database_url=url[0])) as shop:
        done = shop.sources.load(path, source="big", progress=lambda so_far: watch(so_far.inserted))
    tally = done.tally
else:
    with open_products(path) as file:
        for number, _ in enumerate(file.products(), 1):
            watch(number)
    tally = file.tally
print(json.dumps([tally.products, tally.variants, tally.rejected]), flush=True)
"""


def child(checkout: Path, script: str, *arguments: str) -> list[str]:
    """What a script prints, run with the code of a checkout."""
    environment = {**os.environ, "PYTHONPATH": f"{checkout / 'src'}:{checkout}"}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment, cwd=checkout, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def seconds(checkout: Path, script: str, path: Path, rows: int) -> float:
    count, spent = child(checkout, script, str(path))[-1].split()
    assert int(count) == rows, f"{count} of {rows} rows came in"
    return float(spent)


def older(folder: Path) -> Path:
    """A checkout of the older version."""
    packed = subprocess.run(["git", "archive", BEFORE], cwd=HERE, capture_output=True, check=False)
    if packed.returncode:
        raise SkippedError(f"the commit {BEFORE} is not in this repository's history")
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def against_before(folder: Path, rows: int, pairs: int) -> None:
    before = older(folder / "before")
    for shape, columns in (("narrow", NARROW), ("wide", WIDE)):
        path = folder / f"{shape}.csv"
        _exports_made.plain(path, rows, columns)
        for what, script, unit in (("read", READ, "s of processor"), ("load", LOAD, "s")):
            now, then = [], []
            for _ in range(pairs):
                then.append(seconds(before, script, path, rows))
                now.append(seconds(HERE, script, path, rows))
            ratio = median(b / a for a, b in zip(now, then, strict=True))
            print(
                f"  {what} a {shape} CSV of {rows:,} rows: {median(now):.2f} {unit}, before"
                f" {median(then):.2f}: {ratio:.2f} times as fast (pairs"
                f" {', '.join(f'{b / a:.2f}' for a, b in zip(now, then, strict=True))})",
                flush=True,
            )


def shopify(folder: Path, lines: int, *, big: bool) -> None:
    path = folder / "shopify.csv"
    products = _exports_made.shopify(path, lines, big=big)
    size = path.stat().st_size / 1e6
    print(f"  shopify: {lines:,} lines, {size:,.0f} MB, {products:,} products", flush=True)
    watched("read", lines, str(path), str(products))
    with catalog({"max_wal_size": "4GB"}) as shop:
        watched("load", lines, str(path), str(products), shop.database.dsn)


def watched(what: str, lines: int, *arguments: str) -> None:
    *marks, done = map(json.loads, child(HERE, BIG, *arguments))
    shares = ", ".join(f"{memory:.0f} MB at {share:.0%}" for share, memory, _ in marks)
    products, variants, rejected = done
    print(
        f"    {what} {lines / marks[-1][2]:,.0f} lines/s; memory at most {shares} of the products;"
        f" {products:,} products, {variants:,} variants, {rejected:,} rejected",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--big", action="store_true", help="a kilobyte of text a line")
    given = parser.parse_known_args()[0]
    shared("furniture")
    with tempfile.TemporaryDirectory(prefix="vb-exports-") as temporary:
        folder = Path(temporary)
        if given.rows:
            against_before(folder, given.rows, given.pairs)
        if given.lines:
            shopify(folder, given.lines, big=given.big)


if __name__ == "__main__":
    main()
