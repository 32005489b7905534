"""How real shops keep their products: NAME.sql is the query, NAME.toml says what wakes it.

A query gives one row a product, with the columns `id`, `title`, `image`, `url` and `attributes`
(jsonb). Its parameters are written as psql writes them, :'value' and :"identifier", so that a query
can be read and tried there as it is:

    psql -v schema=public -v base_url= -f oscar.sql

The keys of a TOML file:

    shop         the shop's name
    checked      the versions whose real schema, made by the shop's own migrations, the preset has
                 been checked with, on the shop's own data and by changes through its own API
    table        the table of its products; a relation is named without its schema
    id           the columns that are its key
    text_config  the text-search configuration, unless one is given
    wake         which rows of which tables concern which products: 'TABLE=COLUMN' or
                 'TABLE(COLUMNS THAT MATTER)=QUERY'; the query reads the changed rows as `changed`
    parameters   their names and defaults; `schema` is one of every preset
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from vitrina.database import identifier, literal
from vitrina.errors import InputError

_PLACE = re.compile(r""":'(?P<value>\w+)'|:"(?P<name>\w+)\"""")


@dataclass(frozen=True)
class Preset:
    """A preset with its parameters filled in."""

    name: str
    shop: str
    checked: tuple[str, ...]
    table: str
    id: tuple[str, ...]
    text_config: str
    query: str
    wake: tuple[str, ...]


def names() -> list[str]:
    """The presets there are."""
    files = (entry.name for entry in resources.files(__package__).iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def load(name: str, parameters: Mapping[str, str] | None = None) -> Preset:
    """A preset by its name.

    Args:
        name: one of `names()`.
        parameters: in place of the defaults.

    Raises:
        InputError: there is no such preset, or it has no such parameter.
    """
    if name not in names():
        raise InputError(f"there is no preset {name!r}: choose from {', '.join(names())}")
    folder = resources.files(__package__)
    facts = tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))
    values: dict[str, str] = facts["parameters"]
    unknown = sorted(set(parameters or {}) - set(values))
    if unknown:
        raise InputError(
            f"the preset {name} has no parameter {unknown[0]!r}: it has {', '.join(values)}"
        )
    values |= parameters or {}

    def fill(text: str) -> str:
        return _PLACE.sub(
            lambda m: literal(values[m["value"]]) if m["value"] else identifier(values[m["name"]]),
            text,
        )

    schema = identifier(values["schema"])
    return Preset(
        name=name,
        shop=facts["shop"],
        checked=tuple(facts["checked"]),
        table=f"{schema}.{facts['table']}",
        id=tuple(facts["id"]),
        text_config=facts["text_config"],
        query=fill((folder / f"{name}.sql").read_text("utf-8")),
        wake=tuple(f"{schema}.{fill(spec)}" for spec in facts["wake"]),
    )
