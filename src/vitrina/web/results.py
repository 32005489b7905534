"""What a state finds: the products, each with its picture and its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vitrina.search.hits import Hit
from vitrina.search.reading import Reading
from vitrina.web.asking import arguments, filters, picture_of
from vitrina.web.how import How
from vitrina.web.seen import Seen
from vitrina.web.services import Services
from vitrina.web.state import State
from vitrina.web.wording import Reason, how_of, reasons

if TYPE_CHECKING:
    from vitrina.db.database import HalfVector

LIKED_MOST = 1000  # products that recommend can give
NEAREST = 12


@dataclass(frozen=True, slots=True)
class Card:
    """A product on a page: the sha256 of its picture, if it has one, and why it is there."""

    hit: Hit
    picture: str | None
    why: list[Reason]


@dataclass(frozen=True)
class Found:
    """The page of products of a state.

    `total` is None where it takes another search to know it. `rough`: without the meaning of the
    words, as they are still being typed. `seen` is the picture that was dropped or fetched.
    """

    services: Services
    state: State
    cards: list[Card]
    more: bool
    total: int | None
    rough: bool = False
    reading: Reading | None = None
    seen: Seen | None = None

    @cached_property
    def how(self) -> How:
        """How to ask for it from elsewhere."""
        return how_of(self.services, self.state)

    @property
    def whole(self) -> list[Card]:
        """The products that lack nothing that was asked for; all, if each lacks something."""
        return [card for card in self.cards if not self.splits or not card.hit.missing]

    @property
    def partial(self) -> list[Card]:
        """Those that lack something."""
        return [card for card in self.cards if self.splits and card.hit.missing]

    @property
    def splits(self) -> bool:
        """Whether products that lack something stand apart, behind the others."""
        return any(not card.hit.missing for card in self.cards)


def find(services: Services, state: State, *, typing: bool = False) -> Found:
    """What the catalogue has for a state. Raises as Catalog.search does.

    typing: the query may not be whole: search by its words only, if its meaning is not known yet.
    """
    catalog = services.catalog
    vector, seen = picture_of(services, state)
    found = Found(services, state, [], False, None, seen=seen)
    # another page, or the same words narrowed down, is not another search
    is_new = not typing and state.page == 1 and not state.narrowed
    with catalog.reads.together():
        known = state.mode != "hybrid" or not state.query or catalog.knows_vector(state.query)
        if known or typing:
            return _find(replace(found, rough=not known), vector, log=is_new)
    # a model is asked meanwhile, which must not hold a transaction open
    return _find(found, vector, log=is_new)


def _find(found: Found, vector: HalfVector | None, *, log: bool) -> Found:
    """The page of products, with what `found` says of it."""
    services, state, catalog = found.services, found.state, found.services.catalog
    asking = replace(state, mode="text") if found.rough else state
    if state.liked:
        hits, more, total = _like(services, asking)
    else:
        given = arguments(asking, vector)
        hits = catalog.search(k=state.n + 1, offset=state.first, sort=state.sort, log=log, **given)
        more = len(hits) > state.n
        total = state.first + len(hits) if not more and (hits or state.page == 1) else None
    if log and state.query:
        services.meter.found(len(hits))
    reading = catalog.read_query(state.query) if state.query else None
    return replace(
        found,
        cards=cards(services, hits[: state.n], reading, worded=not (state.picture or state.liked)),
        more=more,
        total=total,
        reading=reading,
    )


def cards(
    services: Services,
    hits: Sequence[Hit],
    reading: Reading | None = None,
    *,
    worded: bool = False,
) -> list[Card]:
    """These products with their pictures and reasons; worded: see `reasons`."""
    pictures = services.catalog.pictures.of({hit.product_id: hit.image for hit in hits})
    return [
        Card(hit, pictures.get(hit.product_id), reasons(hit, reading, worded=worded))
        for hit in hits
    ]


def nearest(services: Services, state: State) -> list[Card]:
    """The nearest products where none is an answer: within the filters, or else without them."""
    for wider in (state, state.cleared()):
        vector, _ = picture_of(services, wider)
        hits = services.catalog.search(
            k=NEAREST, min_relevance=0, log=False, **arguments(wider, vector)
        )
        if hits:
            return cards(services, hits)
    return []


def _like(services: Services, state: State) -> tuple[list[Hit], bool, int | None]:
    """Products like the liked ones: of those that the words find, if there are words."""
    catalog = services.catalog
    given: dict[str, Any] = filters(state)
    end = state.first + state.n
    if not state.query:
        most = min(end + 1, LIKED_MOST)
        hits = catalog.recommend(state.liked, state.disliked, k=most, **given)
        return hits[state.first : end], len(hits) > end, None if len(hits) > end else len(hits)
    words = {
        hit.product_id: hit for hit in catalog.search(k=LIKED_MOST, log=False, **arguments(state))
    }
    near = catalog.recommend(state.liked, state.disliked, k=LIKED_MOST, **given)
    both = [hit for hit in near if hit.product_id in words]
    return both[state.first : end], len(both) > end, len(both)
