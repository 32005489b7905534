"""Keywords that a product may have: as the products have that look most like it; its colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from vitrina.db.database import Database
from vitrina.pictures.colors import measure
from vitrina.pictures.decode import decode

_SHARE = 0.3  # of the product, for a colour to be suggested


@dataclass(frozen=True, slots=True)
class SuggestedKeyword:
    """A keyword that a product may have; nothing is stored until a person accepts it.

    `by` is neighbours or pixels. confidence: the share of the nearest products that have the
    keyword, the like ones counting more; of a colour, how often such a one was right. `agree`
    of `compared` products have it, `like_products`.
    """

    product_id: int
    source: str
    external_id: str
    title: str
    keyword: str
    facet: str
    confidence: float
    by: Literal["neighbours", "pixels"] = "neighbours"
    agree: int = 0
    compared: int = 0
    like_products: list[int] = field(default_factory=list)


def suggested(
    database: Database,
    product_ids: Sequence[int] | None,
    k: int,
    min_confidence: float,
    facets: Sequence[str],
    sources: Sequence[str] | None,
    among: int,
    *,
    known: bool = False,
) -> list[SuggestedKeyword]:
    """See Keywords.suggest."""
    rows = database.rows(
        "select * from vitrina.suggest_keywords(%s::bigint[], %s, %s::real, %s::text[],"
        " %s::text[], known => %s, among => %s)",
        (
            None if product_ids is None else list(product_ids),
            k,
            min_confidence,
            [facet for facet in facets if facet != "color"],
            None if sources is None else list(sources),
            known,
            among,
        ),
    )
    found = [SuggestedKeyword(**row) for row in rows]
    if product_ids is not None and "color" in facets:
        found += _colors(database, product_ids, known=known)
    return found[:k]


def _colors(
    database: Database, product_ids: Sequence[int], *, known: bool
) -> list[SuggestedKeyword]:
    """The main colours of these products' pictures, as far as the vocabulary has them.

    However large its share of the picture, the shade is what a shop calls it half of the time:
    on 603 photographs of clothes on people .40 at any share, .54 at nine tenths.
    """
    found: list[SuggestedKeyword] = []
    for row in database.rows(
        "select p.id, s.name as source, p.external_id, p.title, i.thumbnail"
        " from vitrina.products as p join vitrina.sources as s on s.id = p.source_id"
        " join vitrina.images as i on i.sha256 = p.image_sha256"
        " where p.id = any (%s) and (%s or not exists (select from vitrina.product_keywords as pk"
        "  join vitrina.keywords as w on w.id = pk.keyword_id and w.facet = 'color'"
        "  where pk.product_id = p.id)) order by p.id",
        (list(product_ids), known),
    ):
        shares = {
            color: share
            for color, share in measure(decode(bytes(row["thumbnail"])))
            if share >= _SHARE
        }
        names = database.rows(
            "select l.term, l.keyword from vitrina.look_up_keywords(%s::text[]) as l"
            " join vitrina.keywords as w on w.name = l.keyword where w.facet = 'color'",
            (list(shares),),
        )
        found += [
            SuggestedKeyword(
                row["id"],
                row["source"],
                row["external_id"],
                row["title"],
                name["keyword"],
                "color",
                round(0.37 + 0.18 * shares[name["term"]], 2),
                "pixels",
            )
            for name in names
        ]
    return found
