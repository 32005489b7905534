"""Explain: why a product is where it is in a search, or is not there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vitrina.errors import InputError, NotFoundError
from vitrina.search.explain import ChannelScore, Explanation
from vitrina.search.hits import Hit
from vitrina.search.product import Key
from vitrina.web import pages
from vitrina.web.asking import arguments, filters, picture_of
from vitrina.web.how import How, curl, python_call, shell, sql_call, sql_text
from vitrina.web.server import address
from vitrina.web.services import Services, services
from vitrina.web.state import State, values_of
from vitrina.web.wording import cli_filters, how_of, sql_filters

router = APIRouter(include_in_schema=False)
NAV = None
OWN = ("id", "product", "of", "beside")
NAMES = {
    "code": "Its code",
    "text": "Words",
    "vector": "Meaning",
    "image": "Looks",
    "all words": "Covers the query",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The products asked about: `id` is one of the database, `product` and `beside` the shop's.

    `of` is their source, needed if several sources have that id.
    """

    id: str = ""
    product: str = ""
    of: str = ""
    beside: str = ""

    @property
    def key(self) -> Key | None:
        """The first product; None if none is named."""
        if self.product:
            return (self.of, self.product) if self.of else self.product
        if not self.id:
            return None
        if not (self.id.isascii() and self.id.isdecimal() and len(self.id) <= 18):
            raise InputError(f"id is the number of a product, not {self.id[:60]!r}")
        return int(self.id)


@dataclass(frozen=True, slots=True)
class Told:
    """An explanation as the page shows it."""

    found: Explanation
    causes: list[ChannelScore]
    neighbours: list[tuple[int, Hit]]
    pictures: dict[int, str]


@router.get("/explain")
def explain(request: Request) -> Response:
    """The page about one product, or two beside each other."""
    return pages.page(request, "explain.html", _context(request))


@router.get("/part/explain")
def part(request: Request) -> Response:
    """The same, to be shown beside a search."""
    return pages.page(request, "explain_parts.html", _context(request))


def _context(request: Request) -> dict[str, Any]:
    shared = services(request)
    asked, state = _asked(request.url.query)
    told: list[Told] = []
    problem = ""
    try:
        if asked.key is not None:
            told.append(_told(shared, state, asked.key))
        if asked.beside:
            beside = (asked.of, asked.beside) if asked.of else asked.beside
            told.append(_told(shared, state, beside))
    except NotFoundError as error:
        problem = str(error)
    return {
        "told": told,
        "problem": problem,
        "asked": asked,
        "state": state,
        "names": NAMES,
        "kept": [pair for pair in state.pairs() if pair[0] != "q"],
        "how": _how(shared, state, told) if told else how_of(shared, state),
        "as_json": [json.dumps(asdict(one.found), indent=2, ensure_ascii=False) for one in told],
    }


def _asked(query_string: str) -> tuple[Asked, State]:
    """The products and the search of an address."""
    given = values_of(query_string)
    own = {name: value.strip() for name, value in given if name in OWN}
    return Asked(**own), State.of(urlencode([pair for pair in given if pair[0] not in OWN]))


def _told(shared: Services, state: State, key: Key) -> Told:
    catalog = shared.catalog
    asked = dict(arguments(state, picture_of(shared, state)[0])) | {"sort": state.sort}
    query = asked.pop("query", None)
    found = catalog.explain(query, key, k=state.n, offset=state.first, **asked)
    causes = sorted(
        (each for each in found.channels if each.contribution),
        key=lambda each: -(each.contribution or 0),
    )
    neighbours: list[tuple[int, Hit]] = []
    if found.rank is not None:
        first = max(found.rank - 2, 0)
        around = catalog.search(query, k=3, offset=first, log=False, **asked)
        neighbours = [(first + place, hit) for place, hit in enumerate(around, start=1)]
    shown = {hit.product_id: hit.image for _, hit in neighbours}
    return Told(
        found,
        causes,
        neighbours,
        catalog.pictures.of({found.product_id: None, **shown}),
    )


def _how(shared: Services, state: State, told: Sequence[Told]) -> How:
    """How to ask for each of the products."""
    each = [_how_one(shared, state, one.found) for one in told]
    return How(
        sql="\n\n".join(how.sql for how in each),
        cli="\n".join(how.cli for how in each),
        python="\n".join(how.python for how in each),
        curl="\n".join(how.curl for how in each),
        note="The picture of the search is left out here." if state.picture else "",
    )


def _how_one(shared: Services, state: State, found: Explanation) -> How:
    said = {
        "query": sql_text(state.query),
        "source": sql_text(found.source),
        "external_id": sql_text(found.external_id),
        **sql_filters(filters(state)),
    }
    options: list[str] = []
    for name, value in (("mode", state.mode), ("sort", state.sort), ("group_by", state.group)):
        if value not in ("", "hybrid", "relevance"):
            said[name] = sql_text(value)
            options += [f"--{name.replace('_', '-')}", value]
    page = {"k": str(state.n)} | ({"offset": str(state.first)} if state.first else {})
    for name, value in page.items():
        said[f'"{name}"' if name == "offset" else name] = value
        options += ["-k" if name == "k" else f"--{name}", value]
    python = [repr(state.query), repr((found.source, found.external_id))]
    python += [f"{name}={value!r}" for name, value in arguments(state).items() if name != "query"]
    python += [f"sort={state.sort!r}"] if state.sort != "relevance" else []
    python += [f"{name}={value}" for name, value in page.items()]
    base = address(shared.options.host, shared.options.port)
    query = "&".join(filter(None, (f"product={found.product_id}", state.query_string)))
    return How(
        sql=sql_call("explain_search", said, "rank, results, gate, reason, score, channels, words"),
        cli=shell(
            "vitrina", "explain", *cli_filters(filters(state)), *options, "--of", found.source,
            "--", state.query, found.external_id,
        ),
        python=python_call("explain", python),
        curl=curl(base, f"/api/explain?{query}"),
    )  # fmt: skip
