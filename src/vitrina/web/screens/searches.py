"""Searches: what people look for and do not find; a rule or a synonym from there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vitrina.catalog import Catalog
from vitrina.errors import InputError
from vitrina.search.log import LoggedSearch
from vitrina.web import pages
from vitrina.web.how import How, python_call, shell, sql_call
from vitrina.web.posted import Fields, done, editor, needed
from vitrina.web.services import services
from vitrina.web.state import PAGE

router = APIRouter(include_in_schema=False)
edit_router = APIRouter(include_in_schema=False)
NAV = ("Searches", "/searches")
MOST = 100
DAYS = (7, 30, 90)
LISTS: dict[str, tuple[str, Callable[[Catalog, int], Sequence[LoggedSearch]]]] = {
    "top": ("Most searched for", lambda c, days: c.searches.top(k=MOST, days=days)),
    "empty": ("Nothing found", lambda c, days: c.searches.empty(k=MOST, days=days)),
    "corrected": ("Corrected", lambda c, days: c.searches.corrected(k=MOST, days=days)),
}


@router.get("/searches")
def searches(request: Request, which: str = "top", days: int = 30) -> Response:
    """One of the three lists, and the rules that hold."""
    catalog = services(request).catalog
    if which not in LISTS or days not in DAYS:
        raise InputError(f"which is {' or '.join(LISTS)}, and days 7, 30 or 90")
    rows = LISTS[which][1](catalog, days)
    said = request.query_params
    return pages.page(
        request,
        "searches.html",
        {
            "lists": {name: title for name, (title, _) in LISTS.items()},
            "which": which,
            "days": days,
            "improved": said.get("query", "")[:512],
            "shown": PAGE,
            "periods": DAYS,
            "rows": rows,
            "most": max((row.searches for row in rows), default=1),
            "policy": catalog.searches.policy(),
            "rules": catalog.rules.list(),
            "said": [said.get(name, "")[:100] for name in ("said", "means")],
            "change": _number(said.get("change", "")),
            "rule": _number(said.get("rule", "")),
            "removed": _number(said.get("removed", "")),
            "how": How(
                sql=sql_call(f"{which}_searches", {"k": str(MOST), "days": str(days)})
                + "\n"
                + sql_call("list_rules", {}),
                cli=shell("vitrina", "searches", which, "-k", str(MOST), "--days", str(days))
                + "\n"
                + shell("vitrina", "rules", "list"),
                python=python_call(f"searches.{which}", [f"k={MOST}", f"days={days}"])
                + "\n"
                + python_call("rules.list", []),
            ),
        },
    )


@edit_router.post("/searches/log")
def log(request: Request, given: Fields) -> Response:
    """Keep a log of searches from now on, or no longer."""
    policy = editor(request).searches.policy(log=needed(given, "log") == "on")
    return done(request, given, {"log": "on" if policy.log else "off"})


@edit_router.post("/searches/rule")
def rule(request: Request, given: Fields) -> Response:
    """Pin a product for a query, or hide one."""
    query, product, action = (needed(given, name) for name in ("query", "product", "action"))
    if action not in ("pin", "hide"):
        raise InputError("a rule pins or hides")
    options: dict[str, Any] = {action: [product]}
    (put, *_) = editor(request).rules.add(query, **options)
    return done(request, given, {"rule": put.id})


@edit_router.post("/searches/synonym")
def synonym(request: Request, given: Fields) -> Response:
    """Make a query another word for a keyword."""
    query, keyword = needed(given, "query"), needed(given, "keyword")
    rows = editor(request).keywords.merge([query], keyword)
    if not rows:
        return done(request, given, {"change": None})
    return done(request, given, {"change": rows[0].change, "said": query, "means": rows[0].after})


@edit_router.post("/searches/unrule")
def unrule(request: Request, given: Fields) -> Response:
    """Remove a rule, or bring it back."""
    id = int(_number(needed(given, "rule")) or 0)
    rules = editor(request).rules
    if given.get("back"):
        rules.restore([id])
        return done(request, given, {"rule": id})
    rules.remove([id])
    return done(request, given, {"removed": id})


def _number(given: str) -> str:
    return given if re.fullmatch(r"[0-9]{1,15}", given) else ""
