"""What a check of the doctor found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["ok", "note", "wrong"]
Rows = Callable[..., list[tuple[Any, ...]]]  # those of a statement with its parameters


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `wrong` needs action, `note` may, `ok` does not."""

    check: str
    level: Level
    found: str
    do: str = "nothing"
