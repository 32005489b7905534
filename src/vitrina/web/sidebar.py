"""What stands beside the products: facets with counts, the price, and what is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vitrina.errors import SlowError
from vitrina.search.browse import Bin, Facet
from vitrina.web.asking import arguments, filters, picture_of
from vitrina.web.attributes import PRICE
from vitrina.web.filters import number
from vitrina.web.results import Found
from vitrina.web.services import Services
from vitrina.web.state import State
from vitrina.web.swatches import swatch

SHOWN = 8  # values of a facet before "more"
MOST = 24
WIDTH, HEIGHT = 240.0, 48.0  # of the histogram, in its units
LOOK_LIKE_FACETS = {
    "color": {"color", "colour", "basecolour", "colors"},
    "material": {"material", "materials"},
    "style": {"style", "styles"},
}


@dataclass(frozen=True, slots=True)
class Value:
    """A value that can be chosen: how many products that gives, and its address."""

    name: str
    value: str
    products: int
    chosen: bool
    swatch: str | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A facet, or an attribute, with its values; `name` is that of its fields in the form."""

    name: str
    label: str
    values: list[Value]

    @property
    def first(self) -> list[Value]:
        """Those that are shown at once."""
        return self.values[:SHOWN]

    @property
    def rest(self) -> list[Value]:
        """Those behind "more"."""
        return self.values[SHOWN:]


@dataclass(frozen=True, slots=True)
class Chip:
    """Something chosen: what of, which value, and the address without it."""

    kind: str
    value: str
    address: str
    swatch: str | None = None

    @property
    def label(self) -> str:
        """Both in words."""
        return f"{self.kind} {self.value}".strip()


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the histogram, in its units; `inside` the chosen prices."""

    x: float
    y: float
    width: float
    height: float
    inside: bool


@dataclass(frozen=True)
class Sidebar:
    """The facets of what was found; `late` says which of them were not counted in time, if so."""

    groups: list[Group] = field(default_factory=list)
    total: int | None = None
    late: str = ""
    bounds: tuple[float, float] | None = None
    bars: list[Bar] = field(default_factory=list)


def sidebar(services: Services, found: Found) -> Sidebar:
    """The facets of a state, each counted without its own choice, and the total."""
    state = replace(found.state, mode="text") if found.rough else found.state
    vector, _ = picture_of(services, state)
    given = filters(state) if state.liked else arguments(state, vector)
    catalog, attributes = services.catalog, services.attributes
    try:
        with catalog.database.together():
            names = attributes.names(catalog)
            names = [*names, *(name for name in state.attributes if name not in names)]
            counted = catalog.overview(
                k=MOST,
                attributes=names,
                bins_of=PRICE if attributes.priced(catalog) else None,
                milliseconds=services.options.counting_milliseconds,
                **given,
            )
    except SlowError:
        return Sidebar(late="Counting took too long here, so there are no facets: narrow it down.")
    late = ", ".join(name.replace("_", " ") for name in counted.late)
    bounds, bars = _prices(counted.bins, state.price)
    return Sidebar(
        _groups(counted.facets, state, names),
        None if state.liked else counted.products,
        f"Not counted in time: {late}." if late else "",
        bounds,
        bars,
    )


def _prices(
    bins: list[Bin], chosen: tuple[float | None, float | None]
) -> tuple[tuple[float, float] | None, list[Bar]]:
    """The least and the greatest price of what was found, if they differ; the bars between."""
    asked = [end for end in chosen if end is not None]
    ends = [end for each in bins if each.products for end in (each.low, each.high)]
    if len(set(ends)) < 2 and not asked:
        return None, []
    least, most = min(ends + asked), max(ends + asked)
    tallest = max((each.products for each in bins), default=0)
    if not tallest or most == least or len(bins) < 2:
        return (least, most), []
    low = -1.0 if chosen[0] is None else chosen[0]
    high = float("inf") if chosen[1] is None else chosen[1]
    bars = []
    width = WIDTH / len(bins)
    for place, each in enumerate(bins):
        # a root, so that a few products are seen beside many
        height = HEIGHT * (each.products / tallest) ** 0.5
        bars.append(
            Bar(
                round(place * width, 2),
                round(HEIGHT - height, 2),
                round(width - 1, 2),
                round(height, 2),
                each.high >= low and each.low <= high,
            )
        )
    return (least, most), bars


def _groups(rows: list[Facet], state: State, names: list[str]) -> list[Group]:
    values: dict[tuple[str, str], list[Value]] = {}
    for row in rows:
        if row.kind == "attribute" and row.low != row.high:
            continue  # a range is no value; prices have a place of their own
        field_name = ("k." if row.kind == "keyword" else "a.") + row.facet
        is_color = row.kind == "keyword" and row.facet == "color"
        values.setdefault((row.kind, row.facet), []).append(
            Value(
                field_name,
                row.value,
                row.products,
                row.chosen,
                swatch(row.value) if is_color else None,
                row.estimated,
            )
        )
    facets = {name for kind, name in values if kind == "keyword"}
    doubled = {other for name in facets for other in LOOK_LIKE_FACETS.get(name, ())}
    groups = []
    for (kind, name), found in values.items():
        is_shown = kind == "keyword" or name in state.attributes or name.lower() not in doubled
        if is_shown and (len(found) > 1 or any(value.chosen for value in found)):
            prefix = "k." if kind == "keyword" else "a."
            groups.append(Group(prefix + name, name.replace("_", " ").capitalize(), found))
    return groups


def chips(state: State) -> list[Chip]:
    """What is chosen, each to be taken back."""
    given = []
    for facet, names in state.keywords.items():
        given += [
            Chip(
                facet,
                name,
                state.toggled("keyword", facet, name).address(),
                swatch(name) if facet == "color" else None,
            )
            for name in names
        ]
    for attribute, names in state.attributes.items():
        given += [
            Chip(
                attribute.replace("_", " "),
                name,
                state.toggled("attribute", attribute, name).address(),
            )
            for name in names
        ]
    given += [
        Chip("without", name, state.address(without=_less(state.without, name)))
        for name in state.without
    ]
    given += [
        Chip("source", name, state.address(sources=_less(state.sources, name)))
        for name in state.sources
    ]
    if state.price != (None, None):
        given.append(Chip("price", priced(state.price), state.address(price=(None, None))))
    return given


def priced(price: tuple[float | None, float | None]) -> str:
    """A range of prices in words."""
    least, most = price
    if least is None:
        return f"up to {number(most or 0)}"
    return f"from {number(least)}" + ("" if most is None else f" to {number(most)}")


def _less(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(each for each in values if each != value)
