"""A state said in SQL, for the command line, in Python and over HTTP; a hit's reason in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vitrina.search.narrowing import Narrowing
from vitrina.web.asking import arguments, filters
from vitrina.web.how import How, curl, python_call, shell, sql_array, sql_call, sql_text
from vitrina.web.server import address
from vitrina.web.services import Services
from vitrina.web.state import State


def how_of(services: Services, state: State) -> How:
    """How to ask for the page of products of a state."""
    options = services.options
    base = address(options.host, options.port)
    return How(
        sql=_sql(state),
        cli=_cli(state),
        python=_python(state),
        curl=curl(base, state.address("/api/search", page=state.page)),
    )


def _sql(state: State) -> str:
    said = sql_filters(filters(state))
    if state.query:
        said = {"query": sql_text(state.query), **said}
    said |= {name: sql_text(value) for name, value in _named(state).items()}
    said["k"] = str(state.n)
    if state.first:
        said['"offset"'] = str(state.first)
    return sql_call("search", said, "product_id, title, score, relevance, matched")


def sql_filters(given: Mapping[str, Any]) -> dict[str, str]:
    """The filters of Catalog as arguments of the functions in SQL, each already SQL."""
    params = Narrowing(**given).params()
    said: dict[str, str] = {}
    whole = params["filter"].obj
    if whole:
        said["filter"] = sql_text(json.dumps(whole, ensure_ascii=False))
    if params["where"]:
        said["where_path"] = sql_text(params["where"])
    for name, key in (
        ("with_keywords", "with"),
        ("without_keywords", "without"),
        ("sources", "sources"),
    ):
        if params[key]:
            said[name] = sql_array(params[key])
    return said


def _named(state: State) -> dict[str, str]:
    named = {}
    if state.mode != "hybrid":
        named["mode"] = state.mode
    if state.group:
        named["group_by"] = state.group
    return named


def cli_filters(given: Mapping[str, Any]) -> list[str]:
    """The filters of Catalog as options of the commands."""
    words: list[str] = []
    for name, option in (
        ("with_keywords", "--with"),
        ("without_keywords", "--without"),
        ("where", "--where"),
        ("sources", "--source"),
    ):
        for value in given.get(name, ()):
            words += [option, value]
    if "price_min" in given:
        words += ["--price-min", f"{given['price_min']:g}"]
    if "price_max" in given:
        words += ["--price-max", f"{given['price_max']:g}"]
    return words


def _cli(state: State) -> str:
    words = [
        "vitrina",
        "search",
        *([state.query] if state.query else []),
        *cli_filters(filters(state)),
    ]
    for name, value in _named(state).items():
        words += [f"--{name.replace('_', '-')}", value]
    words += ["-k", str(state.n)]
    if state.first:
        words += ["--offset", str(state.first)]
    return shell(*words)


def _python(state: State) -> str:
    given = dict(arguments(state))
    query = given.pop("query", None)
    said = [repr(query)] if query else []
    said += [f"{name}={value!r}" for name, value in given.items()]
    said.append(f"k={state.n}")
    if state.first:
        said.append(f"offset={state.first}")
    return python_call("search", said)


def why(matched: Sequence[str], missing: Sequence[str]) -> str:
    """A hit's reason in a few words."""
    names = {
        "code": "its code",
        "text": "words match",
        "vector": "close in meaning",
        "image": "looks alike",
    }
    said = [names.get(channel, channel) for channel in matched]
    return " · ".join(said) + (f" · without {', '.join(missing)}" if missing else "")
