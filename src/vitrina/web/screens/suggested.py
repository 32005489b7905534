"""Keywords that products may have, one at a time, for a person to accept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vitrina.db.facets import FACETS
from vitrina.web import pages
from vitrina.web.answers import SuggestedKeywords
from vitrina.web.how import How, python_call, shell, sql_call
from vitrina.web.parameters import Answer, number, parameter, query_of, share
from vitrina.web.posted import Fields, editor, needed
from vitrina.web.screens.vocabulary import changed, told
from vitrina.web.services import Services, services

router = APIRouter()
edit_router = APIRouter(include_in_schema=False)
NAV = None
AMONG = 300  # products that are looked at, so that a page takes no longer than a search


@router.get("/vocabulary/suggested", include_in_schema=False)
def suggested(request: Request, skip: int = 0) -> Response:
    """The surest suggestion."""
    context = {"facets": FACETS} | _suggested(services(request), skip) | told(request)
    return pages.page(request, "suggested.html", context)


@router.get("/part/vocabulary/suggested", include_in_schema=False)
def next_one(request: Request, skip: int = 0) -> Response:
    """The same, to be swapped in."""
    return pages.page(request, "suggested_parts.html", _suggested(services(request), skip))


@router.get(
    "/api/suggested-keywords",
    tags=["search"],
    **Answer(
        SuggestedKeywords,
        [
            parameter("product", "The id of a product; repeatable. Without: those that lack some.",
                      "integer", many=True),
            parameter("min_confidence", "Least share of the neighbours that agree.", "number"),
        ],
    ).options,
)  # fmt: skip
def suggested_keywords(request: Request) -> Response:
    """Keywords that products may have, as the products with the nearest pictures have them."""
    own, _ = query_of(request, "product", "min_confidence")
    ids = [number("product", [each], 0) for each in own.get("product", ())]
    least = share("min_confidence", own.get("min_confidence", ["0.8"]))
    rows = services(request).catalog.keywords.suggest(
        ids or None, min_confidence=least, among=AMONG
    )
    return pages.data(request, {"suggestions": [asdict(row) for row in rows]})


@edit_router.post("/vocabulary/suggested")
def accept(request: Request, given: Fields) -> Response:
    """Accept a suggestion: the product has the keyword from now on, by hand."""
    source, external_id, term = (needed(given, name) for name in ("source", "id", "term"))
    rows = editor(request).keywords.accept((source, external_id), term)
    return changed(request, given, rows)


def _suggested(shared: Services, skip: int) -> dict[str, Any]:
    catalog = shared.catalog
    rows = catalog.keywords.suggest(among=AMONG)
    skip = min(max(skip, 0), max(len(rows) - 1, 0))
    row = rows[skip] if rows else None
    shown = [row.product_id, *row.like_products] if row else []
    return {
        "row": row,
        "left": len(rows),
        "skip": skip,
        "pictures": catalog.pictures.of(dict.fromkeys(shown)),
        "how": How(
            sql=sql_call("suggest_keywords", {"among": str(AMONG)}),
            cli=shell("vitrina", "keywords", "suggest"),
            python=python_call("keywords.suggest", [f"among={AMONG}"]),
        ),
    }
