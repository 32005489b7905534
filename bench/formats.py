"""Every format: the same twelve products from an export of that shape, and what came of them.

The exports are those of tests/exported.py, each as its system writes it; what a format cannot tell
(stock in Square's, variants in PrestaShop's) is stated there. Each is loaded and enriched offline
as `vitrina ingest FILE` does, then asked: products under 50 by price, and queries.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.setup import catalog
from vitrina.catalog import Catalog

TESTS = Path(__file__).parents[1] / "tests"
ASKED = {
    "low wooden stool": "Oak stool, low",
    "linen shirts": "Linen shirt",
    "round mirror for the wall": "Round wall mirror",
}
CHEAP = 50


def line(shop: Catalog, name: str, path: Path) -> str:
    from exported import EXPORTED, MADE

    loaded = shop.ingest(path, source=name).loaded
    tally, exported = loaded.tally, EXPORTED[name]
    right = sum(
        [hit.title for hit in shop.search(query, k=1, sources=[name])] == [title]
        for query, title in ASKED.items()
    )
    limit = CHEAP * exported.scale
    found = shop.search(where=f"$.price < {limit}", sources=[name], k=100)
    wanted = {one.title for one in MADE if one.price < CHEAP and "price" not in exported.lacks}
    priced = "right" if {hit.title for hit in found} == wanted else "WRONG"
    reading = loaded.reading.format if loaded.reading else ""
    return (
        f"  {name:<19}{path.name:<14}{'' if reading == name else f'READ AS {reading} '}"
        f"{tally.products:>9}{tally.variants:>9}{tally.rejected:>9}{tally.pictures:>9}"
        f"  {priced if wanted else '-':<7}{right} of {len(ASKED)}"
    )


def main() -> None:
    sys.path.insert(0, str(TESTS))
    from exported import EXPORTED

    print(
        f"  {'format':<19}{'file':<14}{'products':>9}{'variants':>9}{'rejected':>9}{'pictures':>9}"
        "  price  queries"
    )
    with tempfile.TemporaryDirectory() as folder, catalog() as shop:
        for name, exported in EXPORTED.items():
            path = Path(folder) / exported.name
            path.write_text(exported.write(), "utf-8", newline="")
            print(line(shop, name, path), flush=True)


if __name__ == "__main__":
    main()
