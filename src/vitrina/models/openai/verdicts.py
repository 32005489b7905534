"""Pairs of keywords that a model judges, and its answers about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from vitrina.models.answers import AnswerError, values

_SAME: dict[object, bool] = {"true": True, "yes": True, "same": True}
_SAME |= {"false": False, "no": False, "different": False}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two keywords that are near each other: are they one?

    `veto` is what the chain of decisions has against it; `products` have one or the other.
    """

    keyword: str
    facet: str
    other: str
    other_facet: str
    similarity: float
    veto: str | None
    products: int

    @property
    def shown(self) -> tuple[str, str, str, str]:
        """What a model is shown of it."""
        return self.keyword, self.facet, self.other, self.other_facet

    def row(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)


def parse_judgements(text: str, count: int) -> tuple[bool | None, ...]:
    """Of each of `count` pairs whether its keywords are the same; None where it is not said.

    Raises AnswerError where it is said of none.
    """
    for value in values(text):
        said: dict[int, bool | None] = {}
        for number, same in _verdicts(value):
            if 1 <= number <= count:
                # said twice, and not alike: not said
                said[number] = same if said.get(number, same) == same else None
        found = tuple(said.get(number) for number in range(1, count + 1))
        if any(same is not None for same in found):
            return found
    raise AnswerError("bad", "the answer judges none of the pairs")


def _verdicts(value: Any) -> list[tuple[int, bool]]:
    """(number, same) of every verdict in what was answered; what is none is passed over."""
    if isinstance(value, Mapping):
        lists = [part for part in value.values() if isinstance(part, list)]
        value = lists[0] if len(lists) == 1 else [value]
    found = []
    for item in value if isinstance(value, list | tuple) else ():
        fields = (
            {str(k).lower(): part for k, part in item.items()} if isinstance(item, Mapping) else {}
        )
        number, same = fields.get("number"), _SAME.get(str(fields.get("same")).strip().lower())
        if isinstance(number, str) and number.strip().isdecimal():
            number = int(number)
        if isinstance(number, int) and not isinstance(number, bool) and same is not None:
            found.append((number, same))
    return found
