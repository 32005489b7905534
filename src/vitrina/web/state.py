"""The state of a search, and its address: one and the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args
from urllib.parse import parse_qsl, quote

from vitrina.db.facets import FACETS
from vitrina.errors import InputError
from vitrina.pictures.part import Box
from vitrina.search.asked import Mode

PAGE = 48  # products on a page
MOST = 200
MODES: tuple[str, ...] = get_args(Mode)
VIEWS = ("grid", "list")
QUERY_LENGTH = 512
FIELDS = 200  # in an address
REPEATED = {"x": "without", "source": "sources", "like": "liked", "unlike": "disliked"}
SINGLE = (
    "q",
    "pic",
    "sort",
    "group",
    "view",
    "mode",
    "page",
    "n",
    "price",
    "price.from",
    "price.to",
    "box",
    "box.x",
    "box.y",
    "box.w",
    "box.h",
)
_PICTURE = re.compile(r"p:\d{1,18}|s:[0-9a-f]{8,64}|u:https?://\S{1,2000}")
_PRICE = re.compile(r"(\d{0,12}(?:\.\d{1,6})?)\.\.(\d{0,12}(?:\.\d{1,6})?)")


@dataclass(frozen=True, slots=True)
class State:
    """What is asked for. `keywords` and `attributes` hold the chosen values by facet and by name.

    `liked` and `disliked` are product ids; `picture` is p:ID (of a product), s:SHA (dropped here)
    or u:URL; `box` is the part of it that counts; `price` is the least and the most.
    """

    query: str = ""
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    price: tuple[float | None, float | None] = (None, None)
    sources: tuple[str, ...] = ()
    liked: tuple[int, ...] = ()
    disliked: tuple[int, ...] = ()
    picture: str = ""
    box: Box | None = None
    sort: str = "relevance"
    group: str = ""
    view: str = "grid"
    mode: str = "hybrid"
    page: int = 1
    n: int = PAGE

    @classmethod
    def of(cls, query_string: str) -> State:
        """The state of an address. Raises InputError that names what is unknown or wrong."""
        given = values_of(query_string)
        single: dict[str, str] = {}
        repeated: dict[str, list[str]] = {}
        by_facet: dict[str, list[str]] = {}
        by_name: dict[str, list[str]] = {}
        for name, raw in given:
            value = raw.replace("\0", "").strip()
            if name.startswith("k.") and name[2:] in FACETS:
                by_facet.setdefault(name[2:], []).append(value)
            elif name.startswith("a.") and 0 < len(name[2:]) <= 200:
                by_name.setdefault(name[2:], []).append(value)
            elif name in REPEATED:
                repeated.setdefault(name, []).append(value)
            elif name in SINGLE:
                single[name] = value
            else:
                raise InputError(_unknown(name))
        if "price.from" in single or "price.to" in single:
            single["price"] = f"{single.get('price.from', '')}..{single.get('price.to', '')}"
        if sides := [single.get(f"box.{side}", "") for side in "xywh" if f"box.{side}" in single]:
            single["box"] = ",".join(sides)
        query = single.get("q", "")
        if len(query) > QUERY_LENGTH:
            raise InputError(f"the query has {len(query)} characters: at most {QUERY_LENGTH}")
        return cls(
            query=query,
            keywords=_chosen(by_facet),
            without=_values(repeated.get("x", ())),
            attributes=_chosen(by_name),
            price=_price(single.get("price", "")),
            sources=_values(repeated.get("source", ())),
            liked=_ids("like", repeated.get("like", ())),
            disliked=_ids("unlike", repeated.get("unlike", ())),
            picture=_picture(single.get("pic", "")),
            box=_box(single.get("box", ""), single.get("pic", "")),
            sort=single.get("sort") or "relevance",
            group=single.get("group", ""),
            view=_choice("view", single.get("view", ""), VIEWS),
            mode=_choice("mode", single.get("mode", ""), MODES, "hybrid"),
            page=_count("page", single.get("page", ""), 1, 100_000),
            n=_count("n", single.get("n", ""), PAGE, MOST),
        )

    def pairs(self) -> list[tuple[str, str]]:
        """The names and values of its address, sorted, without defaults."""
        given: list[tuple[str, str]] = []
        for facet, values in self.keywords.items():
            given += [(f"k.{facet}", value) for value in values]
        for name, values in self.attributes.items():
            given += [(f"a.{name}", value) for value in values]
        given += [("x", value) for value in self.without]
        given += [("source", value) for value in self.sources]
        given += [("like", str(value)) for value in self.liked]
        given += [("unlike", str(value)) for value in self.disliked]
        if self.price != (None, None):
            given.append(
                ("price", "..".join("" if end is None else decimal(end) for end in self.price))
            )
        for name, value, default in (
            ("q", self.query, ""),
            ("pic", self.picture, ""),
            ("box", str(self.box) if self.box and self.picture else "", ""),
            ("sort", self.sort, "relevance"),
            ("group", self.group, ""),
            ("view", self.view, "grid"),
            ("mode", self.mode, "hybrid"),
            ("page", str(self.page), "1"),
            ("n", str(self.n), str(PAGE)),
        ):
            if value != default:
                given.append((name, value))
        return sorted(given)

    @property
    def query_string(self) -> str:
        """Its address behind the question mark."""
        return "&".join(
            f"{quote(name, safe='.')}={quote(value, safe=':/.-,' if name == 'box' else ':/.-')}"
            for name, value in self.pairs()
        )

    def address(self, path: str = "/", **changes: Any) -> str:
        """The address of this state with changes, on its first page unless `page` is given."""
        changed = replace(self, **{"page": 1, **changes})
        query = changed.query_string
        return path + (f"?{query}" if query else "")

    def toggled(self, kind: str, name: str, value: str) -> State:
        """With a value of a facet ('keyword') or of an attribute chosen, or no longer."""
        chosen = dict(self.keywords if kind == "keyword" else self.attributes)
        had = chosen.get(name, ())
        left = tuple(each for each in had if each != value) if value in had else (*had, value)
        if left:
            chosen[name] = left
        else:
            chosen.pop(name, None)
        return self._with(kind, chosen)

    def without_choice(self, kind: str, name: str) -> State:
        """Without any value of a facet, or of an attribute."""
        chosen = dict(self.keywords if kind == "keyword" else self.attributes)
        chosen.pop(name, None)
        return self._with(kind, chosen)

    def _with(self, kind: str, chosen: Mapping[str, tuple[str, ...]]) -> State:
        values = {name: _values(given) for name, given in sorted(chosen.items())}
        if kind == "keyword":
            return replace(self, page=1, keywords=values)
        return replace(self, page=1, attributes=values)

    @property
    def narrowed(self) -> bool:
        """Whether any filter is set."""
        return bool(
            self.keywords
            or self.without
            or self.attributes
            or self.sources
            or self.price != (None, None)
        )

    @property
    def first(self) -> int:
        """How many products come before its page."""
        return (self.page - 1) * self.n

    def cleared(self) -> State:
        """Without filters."""
        kept = {
            "query",
            "liked",
            "disliked",
            "picture",
            "box",
            "sort",
            "group",
            "view",
            "mode",
            "n",
        }
        return State(
            **{each.name: getattr(self, each.name) for each in fields(self) if each.name in kept}
        )


def values_of(query_string: str) -> list[tuple[str, str]]:
    """The names and values of an address. Raises InputError if there are too many."""
    try:
        return parse_qsl(query_string, keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        raise InputError(f"the address has more than {FIELDS} values") from None


def _unknown(name: str) -> str:
    shown = name[:60]
    if name.startswith("k."):
        return f"the address names a facet {shown[2:]!r}: there are {', '.join(FACETS)}"
    known = ["k.FACET", "a.ATTRIBUTE", *REPEATED, *(each for each in SINGLE if "." not in each)]
    return f"the address has an unknown name {shown!r}: known are {', '.join(known)}"


def _values(given: Iterable[str]) -> tuple[str, ...]:
    """Each once, without empty ones, sorted."""
    return tuple(sorted({value for value in given if value}))


def _chosen(given: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: values for name, said in sorted(given.items()) if (values := _values(said))}


def _ids(name: str, given: Iterable[str]) -> tuple[int, ...]:
    values = _values(given)
    for value in values:
        if not (value.isascii() and value.isdecimal() and len(value) <= 18):
            raise InputError(f"{name} is the id of a product, a number, not {value[:60]!r}")
    return tuple(sorted(map(int, values)))


def _picture(given: str) -> str:
    if given and not _PICTURE.fullmatch(given):
        raise InputError("pic is p:PRODUCT, s:SHA256 or u:ADDRESS")
    return given


def _box(given: str, picture: str) -> Box | None:
    if not given:
        return None
    if not picture:
        raise InputError("box is a part of a picture: give pic too")
    box = Box.of(given)
    return None if box.whole else box


def _price(given: str) -> tuple[float | None, float | None]:
    if not given:
        return (None, None)
    found = _PRICE.fullmatch(given.replace(",", "."))
    if found is None:
        raise InputError(f"price is LEAST..MOST, like 100..500 or ..50, not {given[:60]!r}")
    least, most = (float(end) if end else None for end in found.groups())
    return (least, most)


def _choice(name: str, given: str, known: tuple[str, ...], default: str | None = None) -> str:
    value = given or default or known[0]
    if value not in known:
        raise InputError(f"{name} is {' or '.join(known)}, not {given[:60]!r}")
    return value


def _count(name: str, given: str, default: int, most: int) -> int:
    if not given:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) <= 9 and 1 <= int(given) <= most):
        raise InputError(f"{name} is a number from 1 to {most:,}, not {given[:60]!r}")
    return int(given)


def decimal(value: float) -> str:
    """A number written out: 1000000, never 1e+06."""
    return f"{value:f}".rstrip("0").rstrip(".")  # six places, as an address has
