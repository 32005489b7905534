"""A state said in SQL, for the command line, in Python and over HTTP; a hit's reason in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitrina.search.hits import Hit
from vitrina.search.narrowing import Narrowing
from vitrina.search.reading import Reading
from vitrina.web.asking import arguments, filters
from vitrina.web.how import How, curl, python_call, shell, sql_array, sql_call, sql_text
from vitrina.web.server import address
from vitrina.web.services import Services
from vitrina.web.state import State, decimal

COLUMNS = "product_id, title, score, relevance, matched"
PICTURE_SQL = """(
        select e.embedding from vitrina.product_embeddings as e
        join vitrina.spaces as s on s.id = e.space_id
        where s.modality <> 'text' and s.state = 'active' and e.product_id = {})"""
DROPPED = (
    "A picture that was dropped here is in the memory of this server only: name a file instead."
)
WHOLE = (
    "The command line asks for words, a picture or a filter; `vitrina export` gives all products."
)
BOTH = "Words and liked products together are several calls: this is the call for the liked ones."


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a product is there, in words; `kind` is words, meaning, looks, rule or lacks."""

    kind: str
    text: str


def how_of(services: Services, state: State) -> How:
    """How to ask for the page of products of a state."""
    base = address(services.options.host, services.options.port)
    path = state.address("/api/search", page=state.page)
    if state.liked:
        return How(
            sql=_recommend_sql(state),
            cli=shell(
                "vitrina", "recommend", "--product-id", *map(str, state.liked),
                *(word for each in state.disliked for word in ("--not", str(each))),
                *cli_filters(filters(state)), "-k", str(state.n),
            ),
            python=python_call("recommend", _recommend_python(state)),
            curl=curl(base, path),
            note=BOTH if state.query else "",
        )  # fmt: skip
    return How(
        sql=_sql(state),
        cli=_cli(state),
        python=_python(state),
        curl=curl(base, path),
        note=_note(services, state),
    )


def _note(services: Services, state: State) -> str:
    """What the calls do not say of a state."""
    if state.picture.startswith("s:"):
        return DROPPED
    return _compared(services, state) if _cli(state) else WHOLE


def _compared(services: Services, state: State) -> str:
    """What words are compared with besides texts; "" if with nothing."""
    if not state.query or state.picture or state.mode == "text":
        return ""
    space = services.catalog.pictures.shown_to_words()
    if space is None:
        return ""
    return f"The words are compared with pictures too, in {space}: by their remembered vector."


def _sql(state: State) -> str:
    said = sql_filters(filters(state))
    if state.query:
        said = {"query": sql_text(state.query), **said}
    said |= {name: sql_text(value) for name, value in _named(state).items()}
    kind, _, name = state.picture.partition(":")
    if kind:
        # the vector of another picture is made by the caller
        known = kind == "p" and state.box is None
        said["image_embedding"] = PICTURE_SQL.format(name) if known else ":picture"
    said["k"] = str(state.n)
    if state.first:
        said['"offset"'] = str(state.first)
    return sql_call("search", said, COLUMNS)


def _recommend_sql(state: State) -> str:
    said = {"liked": f"'{{{','.join(map(str, state.liked))}}}'"}
    if state.disliked:
        said["disliked"] = f"'{{{','.join(map(str, state.disliked))}}}'"
    said |= sql_filters(filters(state))
    said["k"] = str(state.n)
    return sql_call("recommend", said, "product_id, title, score, matched")


def _recommend_python(state: State) -> list[str]:
    said = [repr(list(state.liked))]
    if state.disliked:
        said.append(f"disliked={list(state.disliked)!r}")
    said += [f"{name}={value!r}" for name, value in filters(state).items()]
    return [*said, f"k={state.n}"]


def sql_filters(given: Mapping[str, Any]) -> dict[str, str]:
    """The filters of Catalog as arguments of the functions in SQL, each already SQL."""
    params = Narrowing(**given).params()
    said: dict[str, str] = {}
    for name, key in (("filter", "filter"), ("any_keywords", "any")):
        if params[key].obj:
            said[name] = sql_text(json.dumps(params[key].obj, ensure_ascii=False))
    if params["where"]:
        said["where_path"] = sql_text(params["where"])
    for name, key in (("with_keywords", "with"), ("without_keywords", "without"), ("sources",) * 2):
        if params[key]:
            said[name] = sql_array(params[key])
    return said


def _named(state: State) -> dict[str, str]:
    named = {}
    if state.mode != "hybrid":
        named["mode"] = state.mode
    if state.sort != "relevance":
        named["sort"] = state.sort
    if state.group:
        named["group_by"] = state.group
    return named


def cli_filters(given: Mapping[str, Any]) -> list[str]:
    """The filters of Catalog as options of the commands."""
    words: list[str] = []
    for facet, names in given.get("any_keywords", {}).items():
        words += ["--any", f"{facet}={','.join(names)}"]
    for name, option in (
        ("with_keywords", "--with"),
        ("without_keywords", "--without"),
        ("where", "--where"),
        ("sources", "--source"),
    ):
        for value in given.get(name, ()):
            words += [option, value]
    for name, option in (("price_min", "--price-min"), ("price_max", "--price-max")):
        if name in given:
            words += [option, decimal(given[name])]
    return words


def _cli(state: State) -> str:
    if not (state.query or state.picture or state.narrowed):
        return ""  # there, a search of nothing is a misuse
    words = ["vitrina", "search", *cli_filters(filters(state))]
    kind, _, name = state.picture.partition(":")
    if kind:
        words += ["--image", {"u": name, "s": "PICTURE.jpg"}.get(kind, f"PICTURE-OF-{name}.jpg")]
        words += [f"--box={state.box}"] if state.box is not None else []
    for option, value in _named(state).items():
        words.append(f"--{option.replace('_', '-')}={value}")
    words += ["-k", str(state.n)]
    if state.first:
        words += ["--offset", str(state.first)]
    query = [state.query] if state.query else []
    return shell(*words, *(["--"] if state.query.startswith("-") else []), *query)


def _python(state: State) -> str:
    given = arguments(state)
    query = given.pop("query", None)
    said = [repr(query)] if query else []
    kind, _, name = state.picture.partition(":")
    if kind:
        picture = {"u": repr(name), "s": "'PICTURE.jpg'"}.get(kind)
        if state.box is not None:
            whole = picture or f"catalog.pictures.small({name})"
            said.append(f"image=catalog.crop({whole}, {str(state.box)!r})")
        else:
            said.append(f"image={picture or f'catalog.pictures.vector({name})'}")
    said += [f"{name}={value!r}" for name, value in given.items()]
    if state.sort != "relevance":
        said.append(f"sort={state.sort!r}")
    said.append(f"k={state.n}")
    if state.first:
        said.append(f"offset={state.first}")
    return python_call("search", said)


def reasons(hit: Hit, reading: Reading | None, *, worded: bool = False) -> list[Reason]:
    """Why a product was found: rules and the surest reason first, and what it lacks last.

    worded: words were compared with its picture, not another picture.
    """
    said = [Reason("rule", each) for each in hit.matched if each in ("pinned", "boosted")]
    if "code" in hit.matched:
        said.append(Reason("words", "its code"))
    if "text" in hit.matched:
        asked_for = reading.keywords if reading is not None else []
        shared = [word for word in asked_for if word in hit.keywords]
        said.append(Reason("words", f"matches {', '.join(shared)}" if shared else "words match"))
    if "vector" in hit.matched:
        said.append(Reason("meaning", "close in meaning"))
    if "image" in hit.matched:
        said.append(Reason("looks", "its picture shows it" if worded else "looks alike"))
    if hit.missing:
        said.append(Reason("lacks", f"not {', '.join(hit.missing)}"))
    return said
