"""How real shops keep their products: NAME.sql is the query, NAME.toml says what wakes it.

A query gives one row a product, with the columns `id`, `title`, `image`, `url` and `attributes`
(jsonb). Settings are written in it as psql writes variables, :'value' and :"name", so that it can
be read and tried there as it is:

    psql -v schema=public -v base_url= -f oscar.sql

The keys of a TOML file:

    description  the shop, and what of it is a product
    checked      the versions whose real schema, made by the shop's own migrations, the preset has
                 been run against, filled and changed by the shop's own models or API
    text_config  the text-search configuration, unless one is given
    wake         the tables that concern products, as `vitrina attach --wake` has them, but without
                 their schema
    settings     their names and defaults; `schema` is one of every preset
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from vitrina.db.connection import identifier, literal
from vitrina.errors import InputError

_PLACE = re.compile(r""":'(?P<value>\w+)'|:"(?P<name>\w+)\"""")


@dataclass(frozen=True, slots=True)
class Preset:
    """What attach_query takes for one kind of shop: its query, and options by name."""

    name: str
    description: str
    checked: tuple[str, ...]
    query: str
    options: Mapping[str, Any]


def names() -> list[str]:
    """The shops that are known."""
    found = (entry.name for entry in files(__name__).iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def load(name: str, settings: Mapping[str, str] | None = None) -> Preset:
    """The preset of this name, with these settings in place of its own.

    Raises InputError where there is none, or it has no such setting.
    """
    if name not in names():
        raise InputError(f"no preset {name!r}: there are {', '.join(names())}")
    folder = files(__name__)
    given = tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))
    values: dict[str, str] = given["settings"]
    if unknown := sorted(set(settings or {}) - set(values)):
        known = ", ".join(sorted(values))
        raise InputError(f"the preset {name} has no setting {unknown[0]!r}: it has {known}")
    values |= settings or {}

    def filled(text: str) -> str:
        return _PLACE.sub(
            lambda m: literal(values[m["value"]]) if m["value"] else identifier(values[m["name"]]),
            text,
        )

    schema = identifier(values["schema"])
    return Preset(
        name=name,
        description=given["description"],
        checked=tuple(given["checked"]),
        query=filled((folder / f"{name}.sql").read_text("utf-8")),
        options={
            "wake": [f"{schema}.{filled(spec)}" for spec in given["wake"]],
            "text_config": given["text_config"],
        },
    )
