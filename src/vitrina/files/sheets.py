"""Reads a sheet of Excel or OpenDocument as rows."""

from __future__ import annotations

import datetime
from collections.abc import Generator
from typing import Any

import python_calamine

from vitrina.errors import InputError
from vitrina.files import names
from vitrina.files.raw import OLE, ZIP, RawFile
from vitrina.files.rows import BadRow, Row, RowFile
from vitrina.files.tables import gathered, header_at

MAX_SIZE = 20_000_000  # bytes: a sheet is read at once
_LOOKED_AT = 13


def is_sheet(head: bytes) -> bool:
    """Whether these bytes start a workbook (a zip with a table in it is opened before)."""
    return head.startswith((OLE, ZIP))


def open_sheet(file: RawFile, sheet: str | None = None) -> RowFile:
    """Open the sheet of this name, else the first whose header has a title, else the first.

    Raises InputError if the file is too large to be read at once, is not a sheet, or has none of
    this name.
    """
    if (size := file.size()) > MAX_SIZE:
        raise InputError(
            f"{file.name} has {size // 1_000_000} MB, sheets are read up to "
            f"{MAX_SIZE // 1_000_000}: save it as CSV"
        )
    try:
        with file.open() as raw:
            book = python_calamine.CalamineWorkbook.from_filelike(raw)
            sheets = [(name, book.get_sheet_by_name(name).to_python()) for name in book.sheet_names]
    except (python_calamine.CalamineError, OSError, ValueError) as exc:
        raise InputError(f"{file.name} cannot be read as a sheet: {exc}") from None
    sheets = [(name, rows) for name, rows in sheets if rows]
    if not sheets:
        raise InputError(f"{file.name} is empty")
    if sheet is not None:
        sheets = [one for one in sheets if one[0] == sheet]
        if not sheets:
            raise InputError(
                f"{file.name} has no sheet {sheet!r} with rows: give --sheet"
                f" {' or '.join(map(repr, book.sheet_names))}"
            )
    chosen = next(
        (one for one in sheets if any(names.is_title(column) for column in _header(one[1])[1])),
        sheets[0],
    )
    skip, columns = _header(chosen[1])
    opened = RowFile(file.name, "sheet", lambda: _rows(chosen[1], skip, columns), columns=columns)
    opened.above = [[_written(cell) for cell in row] for row in chosen[1][:skip]]
    if len(book.sheet_names) > 1:
        opened.sheet = chosen[0]
        others = [name for name in book.sheet_names if name != chosen[0]]
        opened.said.append(
            f"read the sheet {chosen[0]!r}; to read another: --sheet"
            f" {' or '.join(map(repr, others[:5]))}"
        )
    return opened


def _header(rows: list[list[Any]]) -> tuple[int, list[str]]:
    written = [[_written(cell) for cell in row] for row in rows[:_LOOKED_AT]]
    skip = header_at(written)
    return skip, [cell.strip() for cell in written[skip]]


def _written(cell: Any) -> str:
    return str(_plain(cell))


def _plain(cell: Any) -> Any:
    """A cell as plain text or number: whole numbers as such, dates as text."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    if isinstance(cell, datetime.timedelta):
        return str(cell)
    return cell


def _rows(
    rows: list[list[Any]], skip: int, columns: list[str]
) -> Generator[Row | BadRow, None, None]:
    for number, cells in enumerate(rows[skip + 1 :], skip + 2):
        values = [_plain(cell) for cell in cells[: len(columns)]]
        if any(value != "" for value in values):
            values += [""] * (len(columns) - len(values))
            yield Row(number, gathered(columns, values))
