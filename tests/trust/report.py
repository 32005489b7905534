"""How much a run of tests/trust does, from which seed, and the table of what it found.

Each test asks `trust.times(full, slice)` how often it is to do a thing, draws what is random from
`trust.draw`, and ends with a `trust.row`: what must be 0 there is.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

SEED = 1
# what of a row must be 0
FAULTS = ("lost", "doubled", "stale", "leaked", "crashed")
HEAD = ("what", "how many", *FAULTS, "besides", "seconds")
NUMBERS = len(HEAD) - 2  # the last but one is text


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("trust")
    group.addoption(
        "--trust",
        choices=("slice", "full"),
        default=os.environ.get("VITRINA_TRUST", "slice"),
        help="how much tests/trust does: a slice of a minute, or all of it",
    )
    group.addoption("--seed", type=int, default=SEED, help=f"of tests/trust [{SEED}]")


class Trust:
    """What a test of tests/trust is given: its size, its random numbers, its rows of the table."""

    def __init__(self, item: pytest.Item, full: bool, seed: int) -> None:
        self.full = full
        self.seed = seed
        self.draw = random.Random(f"{seed} {item.path.stem} {item.name}")  # noqa: S311 - repeatable
        self._item = item
        self._began = time.monotonic()

    def times(self, full: int, slice: int) -> int:
        """How often: `full` in a full run, else `slice`."""
        return full if self.full else slice

    def row(
        self,
        what: str,
        many: int,
        *,
        lost: int = 0,
        doubled: int = 0,
        stale: int = 0,
        leaked: int = 0,
        crashed: int = 0,
        besides: str = "",
    ) -> None:
        """Put a row in the table, and fail if anything of it is wrong.

        Args:
            what: what was done, and `many` how often.
            lost: products, answers or acknowledged writes that are not there.
            doubled: of them, those that are there twice, or were paid twice.
            stale: what is not as its source is by now; rows of `vitrina.check()` count here.
            leaked: places where a key, a password or a stack trace was seen.
            crashed: processes, calls or requests that ended in another way than they may.
            besides: what else was counted.
        """
        now = time.monotonic()
        faults = dict(zip(FAULTS, (lost, doubled, stale, leaked, crashed), strict=True))
        row = {"what": what, "how many": many, **faults, "besides": besides}
        row["seconds"] = round(now - self._began)
        self._began = now
        self._item.user_properties.append(("trust", row))
        assert not any(faults.values()), row
        assert many > 0, f"{what}: nothing was done"


def _rows(reporter: Any) -> Iterator[Mapping[str, Any]]:
    reports = [one for kind in reporter.stats.values() for one in kind]
    for report in sorted(reports, key=lambda one: getattr(one, "nodeid", "")):
        if getattr(report, "when", "") == "call":
            yield from (row for name, row in report.user_properties if name == "trust")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table, in Markdown."""
    cells = [[f"{row[name]:,}" if isinstance(row[name], int) else row[name] for name in HEAD]
             for row in _rows(terminalreporter)]  # fmt: skip
    if not cells:
        return
    size, seed = config.getoption("--trust"), config.getoption("--seed")
    terminalreporter.section(f"tests/trust: {size}, seed {seed}")
    widths = [max(map(len, column)) for column in zip(HEAD, *cells, strict=True)]
    right = [1 <= place < NUMBERS or HEAD[place] == "seconds" for place in range(len(HEAD))]
    rule = [
        "-" * (width - 1) + (":" if at else "-") for width, at in zip(widths, right, strict=True)
    ]
    for line in (HEAD, rule, *cells):
        shown = (
            cell.rjust(width) if at else cell.ljust(width)
            for cell, width, at in zip(line, widths, right, strict=True)
        )
        terminalreporter.write_line(f"| {' | '.join(shown)} |")
