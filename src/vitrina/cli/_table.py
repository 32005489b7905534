"""Tables and lists of fields for people, no wider than the terminal."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import click

from vitrina.printing import printable

GAP = "  "
NARROW = 8  # a text column is never narrower
SHORT = 12  # and keeps its width up to here, if the others can spare it
LINES = 2  # of a row
COPIED = ("id", "is like", "name", "source")  # ids are typed back, so they are never cut


def width() -> int | None:
    """The columns of the terminal that the output is read in; None for a file or a program.

    COLUMNS says it first; `… | tail` is read in the terminal of stderr.
    """
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return max(int(said), 40)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream.isatty():
                return max(os.get_terminal_size(stream.fileno()).columns, 40)
        except (OSError, ValueError):  # it is none
            continue
    return None


def _exact(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_READ: dict[type, Callable[[Any], str]] = {
    float: lambda value: f"{value:.3f}",
    Decimal: _exact,
    datetime: lambda value: f"{value.astimezone():%Y-%m-%d %H:%M}",
}


def number(value: object) -> object:
    """A number as the shop wrote it, all digits and no padding; any other value as it is."""
    return Decimal(str(value)) if isinstance(value, float) else value


def shown(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {shown(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    for kind, text in _READ.items():
        if isinstance(value, kind):
            return text(value)
    return "" if value is None else str(value)


def emit_table(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    below: Sequence[str] = (),
    lines: int | None = LINES,
) -> None:
    """Print rows under headings, numbers to the right; what is in `below`, whole, under its row.

    In a terminal that is too narrow, text cells take up to `lines` lines, two by default; what does
    not fit there ends in an ellipsis. In a pipe every row is one line.
    """
    cells = [[_one_line(shown(row.get(key))) for key in columns] for row in rows]
    headings = list(columns.values())
    right = [
        all(isinstance(row.get(key), int | float | Decimal | None) for row in rows)
        and not all(isinstance(row.get(key), bool | None) for row in rows)
        for key in columns
    ]
    wide = [
        max(_cells(heading), *(_cells(line[place]) for line in cells))
        for place, heading in enumerate(headings)
    ]
    widths = wide
    for least in (SHORT, NARROW):
        fixed = [
            right[place] or heading in COPIED or wide[place] <= least
            for place, heading in enumerate(headings)
        ]
        widths = _fit(wide, fixed, width())
        if (
            widths == wide
            or min(
                (each for each, kept in zip(widths, fixed, strict=True) if not kept), default=SHORT
            )
            > NARROW
        ):
            break
    click.echo(_line(headings, widths, right))
    click.echo(GAP.join("─" * each for each in widths))
    for row, line in zip(rows, cells, strict=True):
        folded = [_fold(cell, widths[place], lines) for place, cell in enumerate(line)]
        for at in range(max(map(len, folded))):
            parts = [cell[at] if at < len(cell) else "" for cell in folded]
            click.echo(_line(parts, widths, right))
        for key in below:
            if row.get(key):
                click.echo(f"    {_one_line(shown(row[key]))}")


def emit_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one under the other; long values are wrapped, none is cut."""
    left = max(_cells(name) for name, _ in fields)
    room = (width() or 100) - left - len(GAP)
    for name, value in fields:
        label = name
        for part in printable(value).splitlines() or [""]:
            for line in textwrap.wrap(part, max(room, 20), break_long_words=False) or [""]:
                click.echo(f"{label:<{left}}{GAP}{line}".rstrip())
                label = ""


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())


def _cells(text: str) -> int:
    """The columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _fit(wide: list[int], fixed: list[bool], room: int | None) -> list[int]:
    """The widths of columns, so that they fit: text columns share what the others leave."""
    spare = None if room is None else room - len(GAP) * (len(wide) - 1)
    if spare is None or sum(wide) <= spare:
        return wide
    spare -= sum(each for each, kept in zip(wide, fixed, strict=True) if kept)
    texts = sorted(each for each, kept in zip(wide, fixed, strict=True) if not kept)
    limit = NARROW
    for place, each in enumerate(texts):
        limit = spare // (len(texts) - place)
        if each > limit:
            break
        spare -= each
    limit = max(limit, NARROW)
    return [each if kept else min(each, limit) for each, kept in zip(wide, fixed, strict=True)]


def _fold(text: str, room: int, most: int | None) -> list[str]:
    """A cell in at most so many lines of this width."""
    if _cells(text) <= room:
        return [text]
    lines = textwrap.wrap(text, room, max_lines=most, placeholder="…") or [""]
    # wide characters take two columns
    return [_cut(line, room) for line in lines]


def _cut(text: str, room: int) -> str:
    if _cells(text) <= room:
        return text
    while _cells(text) > room - 1:
        text = text[:-1]
    return text + "…"


def _line(parts: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for part, room, to_right in zip(parts, widths, right, strict=True):
        space = " " * (room - _cells(part))
        padded.append(space + part if to_right else part + space)
    return GAP.join(padded).rstrip()
