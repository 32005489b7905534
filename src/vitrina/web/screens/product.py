"""A product: its pictures, its facts, how each keyword was decided, and what is similar."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vitrina.errors import AccessError, InputError, NotFoundError
from vitrina.keywords.entries import Step
from vitrina.search.generations import said
from vitrina.search.product import Product
from vitrina.web import pages
from vitrina.web.filters import shown
from vitrina.web.how import How, curl, python_call, shell, sql_call, sql_text
from vitrina.web.posted import Fields, done, editor
from vitrina.web.receiving import form
from vitrina.web.results import cards
from vitrina.web.server import address
from vitrina.web.services import Services, services

router = APIRouter(include_in_schema=False)
edit_router = APIRouter(include_in_schema=False)
NAV = None
ROW = 12  # similar products
NOT_SHOWN = {"price", "price_max", "currency"}


@router.get("/product/{product_id}")
def product(request: Request, product_id: int, why: str = "") -> Response:
    """The page of a product; `why` is a keyword whose decision is shown."""
    shared = services(request)
    found = shared.catalog.get(product_id)
    change = request.query_params.get("change", "")
    said = {
        "change": change if change.isdecimal() and len(change) < 10 else "",
        "undone": request.query_params.get("undone", "").isdecimal(),
        "nothing": "nothing" in request.query_params,
    }
    return pages.page(request, "product.html", _context(shared, found, why) | said)


def _context(shared: Services, found: Product, why: str) -> dict[str, Any]:
    catalog = shared.catalog
    pictures = catalog.pictures.all_of(found.product_id)
    own = catalog.pictures.of({found.product_id: found.image}).get(found.product_id)
    has_vector = own is not None
    return {
        "product": found,
        "pictures": pictures or ([own] if own else []),
        "link": found.url if found.url and _is_web(found.url) else None,
        "facts": {
            name: shown(each) for name, each in found.attributes.items() if name not in NOT_SHOWN
        },
        "variant_names": _names([variant.attributes for variant in found.variants]),
        "meaning": cards(shared, catalog.similar(found.product_id, k=ROW, weights={"image": 0})),
        "looks": cards(shared, catalog.similar(found.product_id, k=ROW, weights={"vector": 0}))
        if has_vector
        else [],
        "why": why,
        "decision": _decision(shared, why) if why else [],
        **_answers(shared, found),
        "how": _how(shared, found),
        "shown": shown,
    }


def _answers(shared: Services, found: Product) -> dict[str, Any]:
    """Who said what of it, and what it would cost to ask again; nothing for a role without rights.

    The price is that of the settings of this process; a worker may have others.
    """
    try:
        rows = shared.catalog.generations(found.product_id)
    except AccessError:
        return {"generations": None}
    now = [each for each in rows if each.current]
    return {
        "generations": rows,
        "spent": sum((each.usd or Decimal(0) for each in now), Decimal(0)),
        "unpriced": any(each.usd is None for each in now),
        "estimate": shared.catalog.costs.estimate(1),
        "output": said,
    }


def _decision(shared: Services, term: str) -> list[Step]:
    """Why a term has its keyword: the decision, then the nearest keywords with their vetoes."""
    try:
        return shared.catalog.keywords.explain(term[:200])
    except InputError:
        return []


def _how(shared: Services, found: Product) -> How:
    base = address(shared.options.host, shared.options.port)
    key = {"source": sql_text(found.source), "external_id": sql_text(found.external_id)}
    return How(
        sql=sql_call("get_products", {"product_ids": f"'{{{found.product_id}}}'"})
        + "\n"
        + sql_call("product_generations", key)
        + "\n"
        + sql_call("similar_products", {**key, "k": str(ROW)}, "product_id, title, score"),
        cli=shell("vitrina", "show", "--of", found.source, "--", found.external_id)
        + "\n"
        + shell("vitrina", "show", "--generations", "--of", found.source, "--", found.external_id)
        + "\n"
        + shell(
            "vitrina", "similar", "--of", found.source, "-k", str(ROW), "--", found.external_id
        ),
        python=python_call("get", [repr((found.source, found.external_id))])
        + "\n"
        + python_call("generations", [repr((found.source, found.external_id))])
        + "\n"
        + python_call("similar", [repr((found.source, found.external_id)), f"k={ROW}"]),
        curl=curl(base, f"/api/product/{found.product_id}")
        + "\n"
        + curl(base, f"/api/similar/{found.product_id}?n={ROW}"),
    )


def _is_web(url: str) -> bool:
    return urlsplit(url).scheme in ("http", "https")


def _names(each: list[Any]) -> list[str]:
    """The attributes that these variants have."""
    return list(dict.fromkeys(name for attributes in each for name in attributes))


@edit_router.post("/product/{product_id}/keywords")
async def set_keywords(request: Request, product_id: int) -> Response:
    """Give a product these keywords, or those that models said; the history can undo it."""
    given = await form(request)
    return await pages.in_thread(_set, services(request), product_id, given)


@edit_router.post("/product/{product_id}/ask")
def ask_again(request: Request, product_id: int, given: Fields) -> Response:
    """Queue a product for new answers, which cost again."""
    queued = editor(request).jobs.ask_again([product_id])
    if pages.wants_json(request):
        return done(request, given, {"queued": queued})
    return RedirectResponse(f"/product/{product_id}#answers", 303)


def _set(shared: Services, product_id: int, given: dict[str, str]) -> Response:
    editor = shared.editor
    if editor is None:
        raise NotFoundError("this server was started without --edit")
    found = editor.get(product_id)
    key = (found.source, found.external_id)
    # the whole list is set: an older page would take back what somebody else did
    if "was" in given and _lines(given["was"]) != [each.keyword for each in found.keywords]:
        raise InputError("somebody changed its keywords meanwhile: load the page again")
    if "reset" in given:
        rows = editor.keywords.reset([key])
    else:
        names = _lines(given.get("keywords", ""))
        rows = editor.keywords.set([key], names, add_new="add_new" in given)
    said = f"change={rows[0].change}" if rows else "nothing=1"
    return RedirectResponse(f"/product/{product_id}?{said}#keywords", 303)


def _lines(text: str) -> list[str]:
    """Keywords, one on each line: commas are part of some ("1,5 m"), ends of lines are not."""
    lines = (line.strip() for line in text.replace("\r", "\n").split("\n"))
    return [line for line in lines if line]
