"""Keywords suggested by the nearest pictures, leave one out, among real photographs.

Right is what the product's own words say: its keywords, made from its title and columns. Colours
are measured from pixels; beside them, what neighbours would say.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from importlib import resources

from bench.setup import catalog, shared
from vitrina.catalog import Catalog
from vitrina.files import FileOptions, Mapping
from vitrina.keywords.suggest import SuggestedKeyword, suggested

OWN = """
select pk.product_id, w.name from vitrina.product_keywords as pk
join vitrina.keywords as w on w.id = pk.keyword_id where w.facet = %s
"""


def main() -> None:
    folder = shared("fashion")
    with catalog() as shop:
        shop.sources.load(
            folder / "styles.csv",
            source="fashion",
            options=FileOptions(Mapping(image="{id}.jpg", image_root=folder / "images")),
        )
        shop.work()
        ids = [
            row["id"] for row in shop.database.rows("select id from vitrina.products order by 1")
        ]
        for facet in ("type", "audience", "color"):
            begun = time.perf_counter()
            rows = _all(shop, ids, facet, by="neighbours")
            spent = 1000 * (time.perf_counter() - begun) / len(ids)
            _print(shop, f"{facet}, neighbours ({spent:.1f} ms a product)", facet, rows)
        measured = _all(shop, ids, "color", by="pixels")
        _print(shop, "color, pixels", "color", measured)
        _print(
            shop, "color, pixels, of one family (charcoal is a black)", "color", measured, _family
        )


def _all(shop: Catalog, ids: list[int], facet: str, *, by: str) -> list[SuggestedKeyword]:
    """Each product's surest suggestion, also where its words say the keyword."""
    if by == "pixels":
        rows = suggested(shop.database, ids, 10_000, 0, ["color"], None, 1, known=True)
    else:
        found = shop.database.rows(
            "select * from vitrina.suggest_keywords("
            "%s::bigint[], 10000, 0, array[%s], known => true)",
            (ids, facet),
        )
        rows = [SuggestedKeyword(**row) for row in found]
    best: dict[int, SuggestedKeyword] = {}
    for row in rows:  # of colours the surest has the largest share
        if row.product_id not in best or row.confidence > best[row.product_id].confidence:
            best[row.product_id] = row
    return list(best.values())


def _family(name: str) -> str:
    """The colour that it is a shade of."""
    text = resources.files("vitrina").joinpath("data/colors.csv").read_text("utf-8")
    families = {row["name"]: row["family"] for row in csv.DictReader(text.splitlines())}
    return {"charcoal": "black"}.get(name) or families.get(name, name)


def _print(
    shop: Catalog,
    name: str,
    facet: str,
    rows: list[SuggestedKeyword],
    alike: Callable[[str], str] = str,
) -> None:
    own: dict[int, set[str]] = {}
    for row in shop.database.rows(OWN, (facet,)):
        own.setdefault(row["product_id"], set()).add(alike(row["name"]))
    judged = [row for row in rows if row.product_id in own]
    print(f"  {name}: {len(own)} products have one")
    for least in (0.0, 0.5, 0.6, 0.7, 0.8, 0.9):
        sure = [row for row in judged if row.confidence >= least]
        right = sum(alike(row.keyword) in own[row.product_id] for row in sure)
        if sure:
            print(
                f"    from {least:.1f}: {right / len(sure):.3f} right,"
                f" for {len(sure) / len(own):.2f} of them"
            )


if __name__ == "__main__":
    main()
