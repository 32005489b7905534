"""A state as the arguments of Catalog's searches."""

from __future__ import annotations

import json
import re
from typing import Any

from vitrina.web.state import State

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,30})(\.\d{1,30})?")


def filters(state: State) -> dict[str, Any]:
    """Its filters: within a facet or an attribute any of the values, between them all."""
    given: dict[str, Any] = {}
    chosen = [value for values in state.keywords.values() for value in values]
    if chosen:
        given["with_keywords"] = chosen
    if state.without:
        given["without_keywords"] = list(state.without)
    if state.attributes:
        given["where"] = [any_of(name, values) for name, values in state.attributes.items()]
    least, most = state.price
    if least is not None:
        given["price_min"] = least
    if most is not None:
        given["price_max"] = most
    if state.sources:
        given["sources"] = list(state.sources)
    return given


def arguments(state: State) -> dict[str, Any]:
    """Its query and filters, for search and count_matches."""
    given: dict[str, Any] = {}
    if state.query:
        given["query"] = state.query
    if state.mode != "hybrid":
        given["mode"] = state.mode
    if state.group:
        given["group_by"] = state.group
    return given | filters(state)


def any_of(name: str, values: tuple[str, ...]) -> str:
    """A jsonpath predicate: the attribute is one of these values, of whatever type."""
    key = f"$.{json.dumps(name, ensure_ascii=False)}"
    said: list[str] = []
    for value in values:
        said.append(f"{key} == {json.dumps(value, ensure_ascii=False)}")
        if _NUMBER.fullmatch(value) or value in ("true", "false"):
            said.append(f"{key} == {value}")
    return " || ".join(said)
