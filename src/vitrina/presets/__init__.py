"""Shops that are known: what gives their products, and what wakes them.

A preset is NAME.sql, the query for attach_query, and NAME.toml: `description`, `checked` (versions
of the shop it was run against), and, where needed, `wake`, `id`, `text_config`, `media_root`,
`watermark`, and a table `settings` of defaults. `:'setting'` in the query or a wake is the
setting's value as an SQL literal.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from vitrina.errors import InputError


@dataclass(frozen=True, slots=True)
class Preset:
    """What attach_query takes, for one kind of shop."""

    name: str
    description: str
    checked: tuple[str, ...]
    query: str
    options: Mapping[str, Any]


def names() -> list[str]:
    """The shops that are known."""
    return sorted(item.name[:-5] for item in files(__name__).iterdir() if item.name[-5:] == ".toml")


def load(name: str, settings: Mapping[str, str] | None = None) -> Preset:
    """The preset of this name, with these settings in place of its own.

    Raises InputError where there is none, or it has no such setting.
    """
    if name not in names():
        raise InputError(f"no preset {name!r}: there are {', '.join(names()) or 'none'}")
    folder = files(__name__)
    given = tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))
    values = dict(given.pop("settings", {}))
    if unknown := sorted(set(settings or {}) - set(values)):
        known = ", ".join(sorted(values)) or "none"
        raise InputError(f"the preset {name} has no setting {unknown[0]!r}: it has {known}")
    values |= dict(settings or {})

    def filled(text: str) -> str:
        for key, value in values.items():
            text = text.replace(f":'{key}'", "'" + str(value).replace("'", "''") + "'")
        return text

    query = filled((folder / f"{name}.sql").read_text("utf-8"))
    wake = [filled(spec) for spec in given.pop("wake", [])]
    return Preset(
        name=name,
        description=given.pop("description"),
        checked=tuple(given.pop("checked")),
        query=query,
        options={"wake": wake, **given},
    )
