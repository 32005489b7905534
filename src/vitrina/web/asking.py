"""A state as the arguments of Catalog's searches."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from vitrina.web.state import State

if TYPE_CHECKING:
    from vitrina.db.database import HalfVector
    from vitrina.web.seen import Seen
    from vitrina.web.services import Services

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,30})(\.\d{1,30})?")


def filters(state: State) -> dict[str, Any]:
    """Its filters: within a facet or an attribute any of the values, between them all."""
    given: dict[str, Any] = {}
    if state.keywords:
        given["any_keywords"] = {facet: list(names) for facet, names in state.keywords.items()}
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


def arguments(state: State, vector: HalfVector | None = None) -> dict[str, Any]:
    """Its query, picture and filters, for search, count_matches and facets alike."""
    given: dict[str, Any] = {}
    if state.query:
        given["query"] = state.query
    if vector is not None:
        given["image"] = vector
    if state.mode != "hybrid":
        given["mode"] = state.mode
    if state.group:
        given["group_by"] = state.group
    return given | filters(state)


def picture_of(services: Services, state: State) -> tuple[HalfVector | None, Seen | None]:
    """The vector of the picture that is searched by, and what is known of it if it was given here.

    Raises NotFoundError if it is forgotten or there is none, PictureError if it cannot be used.
    """
    kind, _, name = state.picture.partition(":")
    if not kind:
        return None, None
    if kind == "p" and state.box is not None:
        pictures, product = services.catalog.pictures, int(name)
        # by its hash, as the product may have another picture by now
        sha256 = pictures.of({product: None}).get(product, state.picture)
        part = services.seen.part(
            services.catalog, sha256, state.box, lambda: pictures.small(product)
        )
        return part.vector, None
    if kind == "p":
        return services.catalog.pictures.vector(int(name)), None
    seen = (services.seen.dropped if kind == "s" else services.seen.at)(services.catalog, name)
    if state.box is not None:
        part = services.seen.part(services.catalog, seen.sha256, state.box, lambda: seen.picture)
        return part.vector, seen
    return seen.vector, seen


def any_of(name: str, values: tuple[str, ...]) -> str:
    """A jsonpath predicate: the attribute is one of these values, of whatever type."""
    key = f"$.{json.dumps(name, ensure_ascii=False)}"
    said: list[str] = []
    for value in values:
        said.append(f"{key} == {json.dumps(value, ensure_ascii=False)}")
        if _NUMBER.fullmatch(value) or value in ("true", "false"):
            said.append(f"{key} == {value}")
    return " || ".join(said)
