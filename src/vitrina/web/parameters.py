"""The names in addresses of the API, as they are documented."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel
from starlette.requests import Request

from vitrina.errors import InputError
from vitrina.web.state import MODES, PAGE, State, values_of


class Failure(BaseModel):
    """Why there is no answer."""

    error: str
    status: int


def parameter(name: str, text: str, kind: str = "string", *, many: bool = False) -> dict[str, Any]:
    """A parameter of a query string for OpenAPI."""
    schema: dict[str, Any] = {"type": kind}
    return {
        "name": name,
        "in": "query",
        "description": text,
        "schema": {"type": "array", "items": schema} if many else schema,
        **({"explode": True} if many else {}),
    }


NARROWING = [
    parameter(
        "k.color", "A keyword of a facet (k.type, k.material, …): any of those given.", many=True
    ),
    parameter("x", "Without this keyword; repeatable.", many=True),
    parameter("a.brand", "A value of an attribute (a.NAME): any of those given.", many=True),
    parameter("price", "LEAST..MOST, either end open, like 100..500 or ..50."),
    parameter("source", "Only of this source; repeatable.", many=True),
]
SEARCHING = [
    parameter("q", "Words; “a phrase” in quotes is required, -word excluded."),
    *NARROWING,
    parameter("like", "The id of a liked product; repeatable.", "integer", many=True),
    parameter("unlike", "The id of a disliked product; repeatable.", "integer", many=True),
    parameter("pic", "A picture: p:PRODUCT, u:ADDRESS, or s:NAME as POST /picture gives it."),
    parameter("box", "The part of the picture that counts: x,y,w,h in fractions of it."),
    parameter("sort", "relevance, newest, oldest, or an attribute: price, or -price downwards."),
    parameter("group", "Of the products with the same value of this attribute only the first."),
    parameter("mode", " or ".join(MODES) + "."),
    parameter("page", "From 1.", "integer"),
    parameter("n", f"Products on a page [{PAGE}].", "integer"),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers, and the names it knows, for FastAPI."""

    model: type[BaseModel]
    parameters: list[dict[str, Any]] = field(default_factory=list)

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of a route's decorator."""
        return {
            "responses": {
                200: {"model": self.model},
                400: {"model": Failure, "description": "An argument is wrong; it says which."},
                404: {"model": Failure, "description": "Something named is not there."},
                503: {"model": Failure, "description": "Too busy, too slow, or no database."},
            },
            "openapi_extra": {"parameters": self.parameters} if self.parameters else None,
        }


def query_of(request: Request, *own: str) -> tuple[dict[str, list[str]], State]:
    """The route's own names with their values, and the state of the others."""
    mine: dict[str, list[str]] = {}
    rest: list[tuple[str, str]] = []
    for name, value in values_of(request.url.query):
        if name in own:
            mine.setdefault(name, []).append(value)
        else:
            rest.append((name, value))
    return mine, State.of(urlencode(rest))


def number(name: str, given: list[str] | None, default: int) -> int:
    """The last value given, a whole number. Raises InputError for another."""
    value = given[-1] if given else str(default)
    if not (value.isascii() and value.isdecimal() and len(value) < 9):
        raise InputError(f"{name} is a number, not {value[:60]!r}")
    return int(value)


def share(name: str, given: list[str]) -> float:
    """The last value given, a number from 0 to 1. Raises InputError for another."""
    try:
        value = float(given[-1])
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InputError(f"{name} is a number from 0 to 1, not {given[-1][:60]!r}")
    return value
