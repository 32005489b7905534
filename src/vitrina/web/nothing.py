"""What to say where nothing was found: what could go, and what is nearest."""

from __future__ import annotations

from dataclasses import dataclass

from vitrina.web.asking import arguments, picture_of
from vitrina.web.results import Card, nearest
from vitrina.web.services import Services
from vitrina.web.sidebar import Chip, chips
from vitrina.web.state import State

TRIED = 6  # filters at most


@dataclass(frozen=True, slots=True)
class Way:
    """A wider search: what it leaves out, its address, and how many products it finds."""

    label: str
    address: str
    products: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """Ways to something, and the nearest products that there are."""

    ways: list[Way]
    nearest: list[Card]


def nothing(services: Services, state: State) -> Nothing:
    """What helps where a state finds no product."""
    wider: list[Chip] = chips(state)[:TRIED]
    if len(wider) > 1:
        wider.append(Chip("", "all filters", state.cleared().address()))
    ways = []
    for chip in wider:
        other = State.of(chip.address.partition("?")[2])
        vector, _ = picture_of(services, other)
        products = services.catalog.count_matches(**arguments(other, vector))
        if products:
            ways.append(Way(chip.label, chip.address, products))
    if state.page > 1:
        return Nothing([Way("page", state.address(), 0)], [])
    return Nothing(ways, nearest(services, state))
