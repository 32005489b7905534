"""Evaluate: grade results by clicking; compare two settings on the graded queries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vitrina.errors import AccessError, InputError
from vitrina.search.hits import Hit
from vitrina.web import pages
from vitrina.web.how import How, python_call, shell, sql_array, sql_call, sql_text
from vitrina.web.posted import Fields, done, editor, needed
from vitrina.web.services import Services, services
from vitrina.web.state import MODES

router = APIRouter(include_in_schema=False)
edit_router = APIRouter(include_in_schema=False)
NAV = ("Evaluate", "/evaluate")
GRADES = ((0, "wrong"), (1, "related"), (2, "good"), (3, "perfect"))
REASONS = (
    "the query has several meanings",
    "its picture does not show it",
    "too little is said of it",
    "I do not know such products",
)
REASON = 500  # characters
POOL = 10  # hits of each mode that are graded
NEXT = 8  # queries that could be graded next
QUERIES = 60  # compared at once
WEIGHTS = ("text", "vector", "image")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product to grade; its place and score are told once it has a grade.

    `doubt` says why a person could not tell.
    """

    hit: Hit
    place: int | None
    grade: float | None
    doubt: str = ""

    @property
    def settled(self) -> int:
        """0: nobody has said anything of it, 1: nobody could tell, 2: it has a grade."""
        return 2 if self.grade is not None else 1 if self.doubt else 0


@router.get("/evaluate")
def evaluate(request: Request, q: str = "") -> Response:
    """The graded queries; of one of them, the products to grade."""
    shared = services(request)
    return pages.page(request, "evaluate.html", _grading(shared, _query(q)))


@router.get("/part/evaluate")
def candidates(request: Request, q: str = "") -> Response:
    """The same, to be swapped in."""
    return pages.page(request, "evaluate_parts.html", _grading(services(request), _query(q)))


@router.get("/evaluate/compare")
def compare(request: Request) -> Response:
    """Two settings beside each other: nDCG of each query, and what moved."""
    given = {name: value.strip()[:200] for name, value in request.query_params.items()}
    shared = services(request)
    first, second = (_setting(given, side) for side in "ab")
    spaces = [each for each in shared.catalog.spaces.list() if each.modality != "image"]
    judged = [each.query for each in shared.catalog.judgements.queries() if each.relevant]
    compared = (
        shared.catalog.compare(first, second, queries=judged[:QUERIES])
        if judged and first != second
        else []
    )
    count = len(compared) or 1
    return pages.page(
        request,
        "compare.html",
        {
            "given": given,
            "modes": MODES,
            "spaces": spaces if len(spaces) > 1 else [],
            "weights": WEIGHTS,
            "judged": judged,
            "compared": compared,
            "same": first == second,
            "most": QUERIES,
            "means": [
                (
                    sum(getattr(each, side).ndcg for each in compared) / count,
                    sum(getattr(each, side).milliseconds for each in compared) / count,
                )
                for side in ("first", "second")
            ],
            "how": How(
                sql="\n\n".join(_sql(judged[0], each) for each in (first, second))
                if judged
                else sql_call("judged_queries", {}),
                cli="\n".join(_cli(judged[0], each) for each in (first, second))
                if judged
                else shell("vitrina", "eval", "--show"),
                python=python_call("compare", [repr(first), repr(second)]),
                note="SQL and the command line show the searches of one query; `vitrina eval`"
                " measures a mode, and a space, on all of them.",
            ),
        },
    )


@edit_router.post("/evaluate/grade")
def grade(request: Request, given: Fields) -> Response:
    """Judge a product for a query: 0 to 3, no grade any more, or why nobody can tell."""
    query, product = needed(given, "query"), needed(given, "product")
    value = given.get("grade", "")
    if value not in ("", *(str(number) for number, _ in GRADES)):
        raise InputError(f"a grade is 0, 1, 2 or 3, not {value[:40]!r}")
    if not (product.isascii() and product.isdecimal() and len(product) <= 18):
        raise InputError("product is the number of a product")
    judgements = editor(request).judgements
    doubt = given.get("doubt", "").strip()
    if doubt and not value:
        judgements.doubt(query, int(product), doubt[:REASON])
        return done(request, given, {"doubt": "kept"})
    judgements.grade(query, int(product), float(value) if value else None)
    return done(request, given, {"grade": value})


def _grading(shared: Services, query: str) -> dict[str, Any]:
    catalog = shared.catalog
    queries = catalog.judgements.queries(k=500)
    found = _candidates(shared, query) if query else []
    shown = {each.hit.product_id: each.hit.image for each in found}
    return {
        "query": query,
        "queries": queries,
        "next": _ungraded(shared, {each.query for each in queries}),
        "candidates": found,
        "graded": sum(each.grade is not None for each in found),
        "doubted": sum(each.settled == 1 for each in found),
        "reasons": REASONS,
        "grades": GRADES,
        "pictures": catalog.pictures.of(shown),
        "how": How(
            sql=sql_call("list_judgements", {"query": sql_text(query)} if query else {}),
            cli=shell("vitrina", "eval", "--show", "--csv"),
            python=python_call("judgements.list", [repr(query)] if query else []),
            note="The command line prints the judgements of all queries. Of what products nobody"
            " could tell: vitrina.list_doubts, `vitrina eval --doubts`.",
        ),
    }


def _ungraded(shared: Services, graded: set[str]) -> list[str]:
    """What people search for most and nobody has graded."""
    try:
        searched = shared.catalog.searches.top(k=NEXT + len(graded), days=90)
    except AccessError:
        return []
    return [each.query for each in searched if each.query.lower() not in graded][:NEXT]


def _candidates(shared: Services, query: str) -> list[Candidate]:
    """What any mode finds: first what nobody judged, in an order that says nothing; then doubts."""
    catalog = shared.catalog
    doubts = {each.product_id: each.reason for each in catalog.judgements.doubts(query)}
    grades = {each.product_id: each.grade for each in catalog.judgements.list(query)}
    found: dict[int, Candidate] = {}
    for mode in ("hybrid", "text", "vector"):
        for place, hit in enumerate(catalog.search(query, k=POOL, mode=mode, log=False), start=1):
            rank = place if mode == "hybrid" else None
            said = grades.get(hit.product_id), doubts.get(hit.product_id, "")
            found.setdefault(hit.product_id, Candidate(hit, rank, *said))
    return sorted(
        found.values(),
        key=lambda each: (
            each.settled,
            (each.place or 99) if each.grade is not None else 0,
            hashlib.sha256(f"{query} {each.hit.product_id}".encode()).digest(),
        ),
    )


def _query(given: str) -> str:
    query = " ".join(given.split())
    if len(query) > 512:
        raise InputError(f"the query has {len(query)} characters: at most 512")
    return query


def _setting(given: Mapping[str, str], side: str) -> dict[str, Any]:
    """The options of search for one side of a comparison; defaults are left out."""
    setting: dict[str, Any] = {}
    mode = given.get(f"{side}.mode", "") or "hybrid"
    if mode not in MODES:
        raise InputError(f"{side}.mode is {' or '.join(MODES)}, not {mode!r}")
    if mode != "hybrid":
        setting["mode"] = mode
    weights = {
        name: _number(given, f"{side}.{name}", 1000)
        for name in WEIGHTS
        if given.get(f"{side}.{name}")
    }
    if weights:
        setting["weights"] = weights
    if given.get(f"{side}.floor"):
        setting["min_relevance"] = _number(given, f"{side}.floor", 1)
    if given.get(f"{side}.space"):
        setting["in_spaces"] = [given[f"{side}.space"]]
    return setting


def _number(given: Mapping[str, str], name: str, most: float) -> float:
    try:
        value = float(given[name].replace(",", "."))
    except ValueError:
        value = -1
    if not 0 <= value <= most:
        raise InputError(f"{name} is a number from 0 to {most:g}, not {given[name]!r}")
    return value


def _sql(query: str, setting: Mapping[str, Any]) -> str:
    said = {"query": sql_text(query), "k": str(POOL)}
    if "mode" in setting:
        said["mode"] = sql_text(setting["mode"])
    if "weights" in setting:
        parts = ", ".join(f'"{name}": {value:g}' for name, value in setting["weights"].items())
        said["weights"] = sql_text(f"{{{parts}}}")
    if "min_relevance" in setting:
        said["min_relevance"] = f"{setting['min_relevance']:g}"
    if "in_spaces" in setting:
        said["in_spaces"] = sql_array(setting["in_spaces"])
    return sql_call("search", said, "external_id, title, score")


def _cli(query: str, setting: Mapping[str, Any]) -> str:
    words = ["--mode", setting["mode"]] if "mode" in setting else []
    for name, value in setting.get("weights", {}).items():
        words += ["--weight", f"{name}={value:g}"]
    if "min_relevance" in setting:
        words += ["--min-relevance", f"{setting['min_relevance']:g}"]
    for name in setting.get("in_spaces", ()):
        words += ["--in-space", name]
    return shell("vitrina", "search", "-k", str(POOL), *words, "--", query)
