"""Pairs of keywords that a model judges, and its answers about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from vitrina.models.answers import values
from vitrina.models.outcomes import AnswerError

_SAME: dict[object, bool] = {"true": True, "yes": True, "same": True}
_SAME |= {"false": False, "no": False, "different": False}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two near keywords: are they the same?

    `veto` is the veto of the chain of decisions; `products` have either keyword.
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
        """The pair as shown to a model."""
        return self.keyword, self.facet, self.other, self.other_facet

    def row(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)


def parse_judgements(text: str, count: int) -> tuple[bool | None, ...]:
    """For each of `count` pairs, whether its keywords are the same; None without a verdict.

    Raises AnswerError if no pair has a verdict.
    """
    for value in values(text):
        said: dict[int, bool | None] = {}
        for number, same in _verdicts(value):
            if 1 <= number <= count:
                # two different verdicts count as no verdict
                said[number] = same if said.get(number, same) == same else None
        found = tuple(said.get(number) for number in range(1, count + 1))
        if any(same is not None for same in found):
            return found
    raise AnswerError("bad", "the answer judges no pair")


def _verdicts(value: Any) -> list[tuple[int, bool]]:
    """(number, same) of every verdict in an answer; skips other values."""
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
