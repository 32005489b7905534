"""The filters that searches share: products must meet all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypedDict

from vitrina.db.database import Database, Jsonb
from vitrina.db.facets import FACETS
from vitrina.db.unknown import check_names
from vitrina.errors import DatabaseError, InputError, NotFoundError

_MODE = re.compile(r"\s*(lax|strict)\s+")
_NAMED = re.compile(r'\$\.(?:"((?:[^"\\]|\\.)+)"|([A-Za-z_]\w*))(?!\w*\()')


class Filters(TypedDict, total=False):
    """The keyword options of searches that narrow the catalogue down; a product meets all.

    `attr`: attributes that are these values, or lists that have them. `price_min`, `price_max`: for
    a product with several prices, one of them is enough. `filter`: a JSON object that the
    attributes contain; `where`: a jsonpath predicate over them, like '$.price < 50'; of both,
    a list stands for several. `with_keywords`: products have all of these; `any_keywords`: of each
    facet any of these, like {"color": ["black", "white"]}; `without_keywords`: none of these.
    `sources`: only products of these.
    """

    attr: Mapping[str, object]
    price_min: float | Decimal | None
    price_max: float | Decimal | None
    filter: Mapping[str, object] | Sequence[Mapping[str, object]] | None
    where: str | Sequence[str] | None
    with_keywords: Sequence[str]
    any_keywords: Mapping[str, Sequence[str]]
    without_keywords: Sequence[str]
    sources: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Filters as they were given; see Filters for what each is."""

    attr: Mapping[str, object] = field(default_factory=dict)
    price_min: float | Decimal | None = None
    price_max: float | Decimal | None = None
    filter: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None
    where: str | Sequence[str] | None = None
    with_keywords: Sequence[str] = ()
    any_keywords: Mapping[str, Sequence[str]] = field(default_factory=dict)
    without_keywords: Sequence[str] = ()
    sources: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("with_keywords", "without_keywords", "sources"):
            if isinstance(getattr(self, name), str):
                raise InputError(f"{name} is a list of names, like [{getattr(self, name)!r}]")
        for facet, names in self.any_keywords.items():
            if isinstance(names, str):
                raise InputError(
                    f"any_keywords gives a list for a facet: {{{facet!r}: [{names!r}]}}"
                )

    def params(self) -> dict[str, Any]:
        """The parameters of a search: filter, where, with, any, without, sources."""
        return {
            "filter": Jsonb(self._filter()),
            "where": self._where(),
            "with": list(self.with_keywords),
            "any": Jsonb({facet: list(names) for facet, names in self.any_keywords.items()}),
            "without": list(self.without_keywords),
            "sources": list(self.sources) if self.sources is not None else None,
        }

    def check_names(self, database: Database) -> None:
        """Raise NotFoundError for an unknown source or keyword, naming the nearest.

        And InputError for a `where` that is no jsonpath.
        """
        _check_paths(database, self._paths())
        any_of = [name for names in self.any_keywords.values() for name in names]
        keywords = [*self.with_keywords, *any_of, *self.without_keywords]
        check_names(database, sources=self.sources, keywords=keywords)
        if any_of:
            _check_facets(database, self.any_keywords)

    def explain_nothing(self, database: Database) -> None:
        """Nothing was found: raise NotFoundError if no product has an attribute named here."""
        names = [*self.attr, *self._filter()]
        for path in self._paths():
            names += [quoted or plain for quoted, plain in _NAMED.findall(path)]
        if self.price_min is not None or self.price_max is not None:
            names.append("price")  # price_max is there only where a product has several prices
        check_names(database, attributes=list(dict.fromkeys(names)))

    def _filter(self) -> dict[str, object]:
        given = self.filter or {}
        whole: dict[str, object] = {}
        for each in [given] if isinstance(given, Mapping) else given:
            whole = _both(whole, each)
        texts = {name: value for name, value in self.attr.items() if not _may_be_number(value)}
        return _both(whole, texts)

    def _paths(self) -> list[str]:
        return [self.where] if isinstance(self.where, str) else list(self.where or ())

    def _conditions(self) -> list[str]:
        given = self._paths()
        for name, value in self.attr.items():
            if _may_be_number(value):  # "42" may be stored as a number or as a text
                key = f"$.{_quoted(name)}"
                given.append(f"{key} == {str(value).strip()} || {key} == {_quoted(str(value))}")
        if self.price_min is not None:
            least = Decimal(str(self.price_min))
            given.append(f"$.price >= {least:f} || $.price_max >= {least:f}")
        if self.price_max is not None:
            given.append(f"$.price <= {Decimal(str(self.price_max)):f}")
        return given

    def _where(self) -> str | None:
        """All conditions as one predicate."""
        given = self._conditions()
        if len(given) < 2:
            return given[0] if given else None
        modes = {found[1] if (found := _MODE.match(each)) else "lax" for each in given}
        if len(modes) > 1:
            raise InputError("strict and lax conditions cannot be joined: write them as one")
        joined = " && ".join(f"({_MODE.sub('', each, count=1)})" for each in given)
        return f"{modes.pop()} {joined}"


def check_attribute(database: Database, name: str) -> None:
    """Raise NotFoundError if no product has an attribute of this name, with the nearest."""
    check_names(database, attributes=[name])


def _check_paths(database: Database, paths: Sequence[str]) -> None:
    """Raise InputError for the first of these that Postgres cannot read as jsonpath."""
    for path in paths:
        try:
            database.value("select %s::text::jsonpath is null", (path,))
        except DatabaseError as exc:
            if type(exc) is not DatabaseError:  # it is unreachable, or too slow
                raise
            raise InputError(
                f"where={path!r} is no condition: {exc}; write jsonpath, like '$.price < 50'"
            ) from exc


def _check_facets(database: Database, any_keywords: Mapping[str, Sequence[str]]) -> None:
    """Raise NotFoundError for an unknown facet, or the first keyword that is in another one."""
    for facet in any_keywords:
        if facet not in FACETS:
            raise NotFoundError(f"facet {facet!r} not found: use one of {', '.join(FACETS)}")
    for row in database.rows(
        "select u.facet, u.name, w.facet as own"
        " from unnest(%s::text[], %s::text[]) as u (facet, name)"
        " join vitrina.keyword_aliases as a on a.alias = vitrina.normal_form(u.name)"
        " join vitrina.keywords as w on w.id = a.keyword_id where w.facet <> u.facet limit 1",
        (
            [facet for facet, names in any_keywords.items() for _ in names],
            [name for names in any_keywords.values() for name in names],
        ),
    ):
        raise NotFoundError(
            f"no {row['facet']} is named {row['name']!r}: it is in the facet {row['own']}"
        )


def _may_be_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, str):
        return False
    return re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", value.strip()) is not None


def _quoted(text: str) -> str:
    """A text in jsonpath."""
    import json

    return json.dumps(text, ensure_ascii=False)


def _both(one: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """The JSON object that contains what both contain."""
    whole = dict(one)
    for name, value in other.items():
        had = whole.get(name)
        if name not in whole or had == value:
            whole[name] = value
        elif isinstance(had, Mapping) and isinstance(value, Mapping):
            whole[name] = _both(had, value)
        elif isinstance(had, list | tuple) or isinstance(value, list | tuple):
            whole[name] = [*_items(had), *_items(value)]
        else:
            raise InputError(
                f"the filters want {name} to be {had!r} and {value!r}: no product has both"
            )
    return whole


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]
