"""What must always be true of a database with vitrina, as `vitrina.check()` finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CHECK = (
    'select c."check", c.looked, c.wrong, c.waiting, c.example, c."do" from vitrina."check"() as c'
)


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant: how many rows it looked at, how many are wrong, how many wait for a worker.

    `example` is one of the wrong rows, or else of those that wait; `do` is how to mend them.
    """

    check: str
    looked: int
    wrong: int
    waiting: int
    example: str | None
    do: str

    @property
    def level(self) -> Literal["ok", "note", "wrong"]:
        """wrong: rows break it; note: the rows themselves could not be read; else ok."""
        if self.wrong:
            return "wrong"
        return "note" if self.waiting and not self.looked else "ok"

    @property
    def found(self) -> str:
        """The counts in words."""
        waiting = f", {self.waiting:,} wait" if self.waiting else ""
        example = f", like {self.example}" if self.wrong else ""
        if self.level == "note":
            example = f": {self.example}"
        return f"{self.wrong:,} of {self.looked:,} wrong{example}{waiting}"
