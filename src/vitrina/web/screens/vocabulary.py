"""Vocabulary: keywords with pictures, a queue of doubtful ones, edits and their history."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from vitrina.catalog import ALL, Catalog
from vitrina.db.facets import FACETS
from vitrina.errors import InputError
from vitrina.keywords.entries import Change, TermProduct
from vitrina.printing import counted, defused
from vitrina.web import pages
from vitrina.web.how import How, python_call, shell, sql_array, sql_call, sql_text
from vitrina.web.posted import Fields, done, editor, needed
from vitrina.web.services import Services, services

router = APIRouter(include_in_schema=False)
edit_router = APIRouter(include_in_schema=False)
NAV = ("Vocabulary", "/vocabulary")
PAGE = 40  # keywords on a page
DEPTH = 500  # of the queue of doubts
SEED_BYTES = 5_000_000
_NUMBER = re.compile(r"\d{1,9}")


@router.get("/vocabulary")
def vocabulary(request: Request, facet: str = FACETS[0], page: int = 1) -> Response:
    """The keywords of a facet, most used first, each with four pictures."""
    catalog = services(request).catalog
    if facet not in FACETS:
        raise InputError(f"there is no facet {facet[:60]!r}: there are {', '.join(FACETS)}")
    page = min(max(page, 1), 1000)
    found = catalog.keywords.list(facet=facet, k=PAGE * page + 1)[PAGE * (page - 1) :]
    rows = found[:PAGE]
    names = [row.keyword for row in rows]
    return pages.page(
        request,
        "vocabulary.html",
        {
            "facets": FACETS,
            "facet": facet,
            "rows": rows,
            "pictures": _by_term(catalog.keywords.products(names)),
            "page": page,
            "more": len(found) > PAGE,
            "how": How(
                sql=sql_call("list_keywords", {"of_facet": sql_text(facet), "k": str(PAGE)}),
                cli=shell("vitrina", "keywords", "list", "--facet", facet, "-k", str(PAGE)),
                python=python_call("keywords.list", [f"facet={facet!r}", f"k={PAGE}"]),
            ),
            **told(request),
        },
    )


@router.get("/vocabulary/keyword")
def keyword(request: Request, name: str) -> Response:
    """One keyword: its terms, how each was decided, its products, and its neighbours."""
    catalog = services(request).catalog
    aliases = catalog.keywords.show(name)
    own = aliases[0].keyword
    terms = [own] if own else []
    near = catalog.keywords.similar(own or name, k=9)
    near = [row for row in near if row.keyword != own][:8]
    return pages.page(
        request,
        "keyword.html",
        {
            "name": own or name,
            "dropped": own is None,
            "aliases": aliases,
            "near": near,
            "facets": FACETS,
            "products": catalog.keywords.products(terms, k=12),
            "pictures": _by_term(catalog.keywords.products([row.keyword for row in near], k=2)),
            "how": How(
                sql=sql_call("show_keyword", {"term": sql_text(name)}),
                cli=shell("vitrina", "keywords", "show", "--", name),
                python=python_call("keywords.show", [repr(name)]),
            ),
            **told(request),
        },
    )


@router.get("/vocabulary/review")
def review(request: Request, skip: int = 0) -> Response:
    """The most doubtful pair that nobody has settled."""
    return pages.page(
        request,
        "review.html",
        {"facets": FACETS} | _review(services(request), skip) | told(request),
    )


@router.get("/part/vocabulary/review")
def next_pair(request: Request, skip: int = 0) -> Response:
    """The same, to be swapped in."""
    return pages.page(request, "review_parts.html", _review(services(request), skip))


@router.get("/vocabulary/history")
def history(request: Request) -> Response:
    """The latest changes, each with its undo."""
    catalog = services(request).catalog
    return pages.page(
        request,
        "history.html",
        {
            "facets": FACETS,
            "rows": catalog.keywords.history(k=100),
            "how": How(
                sql=sql_call("keyword_history", {"k": "100"}),
                cli=shell("vitrina", "keywords", "history", "-k", "100"),
                python=python_call("keywords.history", ["k=100"]),
            ),
            **told(request),
        },
    )


@router.get("/vocabulary/seed.csv")
def seed_file(request: Request) -> Response:
    """The vocabulary as a file, which can come back in with changes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["keyword", "facet", "aliases"])
    for row in services(request).catalog.keywords.list(k=ALL):
        writer.writerow(
            [
                defused(row.keyword),
                row.facet,
                defused("|".join(row.aliases)),
            ]
        )
    answer = pages.tagged(request, text.getvalue().encode(), "text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="vocabulary.csv"'
    return answer


@edit_router.post("/vocabulary/act")
def act(request: Request, given: Fields) -> Response:
    """Merge, split, rename, pin, move or drop a keyword, or keep two apart."""
    action = needed(given, "action")
    if action not in ACTIONS:
        raise InputError(f"there is no action {action[:60]!r}")
    return changed(request, given, ACTIONS[action](editor(request), given))


@edit_router.post("/vocabulary/answer")
def answer(request: Request, given: Fields) -> Response:
    """Settle a doubtful pair: the same, different, or the one is narrower than the other.

    What is narrower says more, and stays a keyword of its own, as what is different does.
    """
    keywords = editor(request).keywords
    problem, keyword, term = (needed(given, name) for name in ("problem", "keyword", "term"))
    said = needed(given, "answer")
    if said not in ("same", "different", "narrower"):
        raise InputError("the answer is same, different or narrower")
    if said == "same":
        rows = keywords.merge([term], keyword)
    elif problem == "merge":
        rows = keywords.split(term)
    else:
        rows = keywords.distinct(keyword, term)
    return changed(request, given, rows)


@edit_router.post("/vocabulary/undo")
def undo(request: Request, given: Fields) -> Response:
    """Undo a change of the vocabulary."""
    number = needed(given, "change")
    if not _NUMBER.fullmatch(number):
        raise InputError(f"a change has a number, not {number[:60]!r}")
    rows = editor(request).keywords.undo(int(number))
    return done(request, given, {"undone": number, "terms": len(rows)})


@edit_router.post("/vocabulary/seed")
async def seed(request: Request) -> Response:
    """Load a vocabulary; the body is the file itself."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > SEED_BYTES:
            raise InputError(f"the file is larger than {SEED_BYTES / 1e6:.0f} MB")
    rows = await run_in_threadpool(_seed, editor(request), bytes(body))
    return changed(request, {}, rows)


def _seed(catalog: Catalog, body: bytes) -> Sequence[Change]:
    with tempfile.TemporaryDirectory(prefix="vitrina-") as folder:
        path = Path(folder) / "vocabulary"
        path.write_bytes(body)
        return catalog.keywords.seed(path)


ACTIONS: dict[str, Callable[[Catalog, Mapping[str, str]], Sequence[Change]]] = {
    "merge": lambda c, f: c.keywords.merge([needed(f, "term")], needed(f, "into")),
    "split": lambda c, f: c.keywords.split(needed(f, "term")),
    "rename": lambda c, f: c.keywords.rename(needed(f, "term"), needed(f, "name")),
    "pin": lambda c, f: c.keywords.pin(needed(f, "term")),
    "unpin": lambda c, f: c.keywords.pin(needed(f, "term"), pinned=False),
    "facet": lambda c, f: c.keywords.facet(needed(f, "term"), needed(f, "facet")),
    "drop": lambda c, f: c.keywords.drop(needed(f, "term")),
    "distinct": lambda c, f: c.keywords.distinct(needed(f, "term"), needed(f, "into")),
}


def changed(request: Request, given: Mapping[str, str], rows: Sequence[Change]) -> Response:
    """What a change did, with its number, by which it can be undone."""
    if not rows:
        return done(request, given, {"nothing": "it was so already"})
    products = max(row.products or 0 for row in rows)
    return done(request, given, {"change": rows[0].change, "products": products})


def _review(shared: Services, skip: int) -> dict[str, Any]:
    keywords = shared.catalog.keywords
    rows = keywords.audit(k=DEPTH)
    skip = min(max(skip, 0), max(len(rows) - 1, 0))
    row = rows[skip] if rows else None
    terms = [row.keyword, row.term] if row else []
    return {
        "row": row,
        "left": len(rows),
        "skip": skip,
        "pictures": _by_term(keywords.products(terms, k=8)),
        "how": How(
            sql="\n\n".join(
                [
                    sql_call("audit_keywords", {"k": str(DEPTH)}),
                    *(
                        [sql_call("term_products", {"terms": sql_array(terms), "k": "8"})]
                        * bool(terms)
                    ),
                ]
            ),
            cli=shell("vitrina", "keywords", "audit", "-k", str(DEPTH)),
            python="\n".join(
                [
                    python_call("keywords.audit", [f"k={DEPTH}"]),
                    *([python_call("keywords.products", [repr(terms), "k=8"])] * bool(terms)),
                ]
            ),
            note="The command line lists the pairs, without their pictures." if terms else "",
        ),
    }


def _by_term(products: Sequence[TermProduct]) -> dict[str, list[TermProduct]]:
    found: dict[str, list[TermProduct]] = {}
    for product in products:
        found.setdefault(product.term, []).append(product)
    return found


def told(request: Request) -> dict[str, Any]:
    """What the page before did: the number of its change, or of the one that it undid."""
    given = request.query_params
    change, undone = given.get("change", ""), given.get("undone", "")
    products = given.get("products", "")
    return {
        "change": change if _NUMBER.fullmatch(change) else "",
        "undone": undone if _NUMBER.fullmatch(undone) else "",
        "changed": counted(int(products), "product") if _NUMBER.fullmatch(products) else "",
        "nothing": "nothing" in given,
    }
