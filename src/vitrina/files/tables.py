"""Reads text with delimiters (CSV, TSV) as rows: which delimiter, which line is the header."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from vitrina.errors import InputError
from vitrina.files.encodings import Encoding
from vitrina.files.raw import RawFile
from vitrina.files.rows import MAX_LINE, BadRow, Row, flaw_of
from vitrina.printing import restored

_DELIMITERS = ",;\t|"
_LOOKED_AT = 60  # rows that decide on the delimiter
_PREAMBLE = 12  # rows that may stand above the header
# the line with the names in the templates of a marketplace, which have settings and labels above it
_TEMPLATE = ("templatetype=", "settings=")
_GUARDS = frozenset("='")
_TEMPLATE_KEYS = ("item_sku", "contribution_sku")


@dataclass(slots=True)
class Table:
    """A text with delimiters; `columns` as they are written, a repeated name more than once."""

    file: RawFile
    encoding: Encoding
    delimiter: str
    skip: int  # rows above the header
    columns: list[str]
    above: list[list[str]]  # these rows

    def rows(self) -> Generator[Row | BadRow, None, None]:
        """The rows from the start; a row that cannot be read is a bad row, not the end."""
        csv.field_size_limit(MAX_LINE)
        with self.file.open() as raw:
            text = _text(raw, self.encoding)
            try:
                yield from self._read(text)
            finally:
                text.detach()

    def _read(self, text: io.TextIOWrapper) -> Generator[Row | BadRow, None, None]:
        reader = self._reader(text)
        columns, width = self.columns, len(self.columns)
        plain = len(set(columns)) == width and "" not in columns
        clean = self.encoding.clean
        while True:
            line = reader.line_num + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except UnicodeDecodeError as exc:
                yield BadRow(
                    line, f"not valid {self.encoding.codec}: {exc.reason}; the rest was not read"
                )
                return
            except csv.Error as exc:
                yield BadRow(line, f"not CSV: {exc} (a quote left open?)")
                continue
            if not any(values):  # as spreadsheets end a table
                continue
            if len(values) != width:
                if len(values) > width and not any(values[width:]):
                    values = values[:width]
                else:
                    yield _uneven(line, values, width)
                    continue
            if not clean and (flaw := self._flaw(values)):
                yield BadRow(line, flaw)
                continue
            values = [_unguarded(value) if value[:1] in _GUARDS else value for value in values]
            yield Row(
                line,
                dict(zip(columns, values, strict=True)) if plain else gathered(columns, values),
            )

    def _reader(self, text: io.TextIOWrapper) -> Any:
        """What reads the rows below the header. Raises InputError where that cannot be read."""
        reader = csv.reader(text, delimiter=self.delimiter, strict=True)
        try:
            for _ in range(self.skip + 1):
                next(reader, None)
        except (csv.Error, UnicodeDecodeError) as exc:
            raise InputError(
                f"{self.file.name}: the header is not CSV: {exc} (a quote left open?)"
            ) from None
        return reader

    def cells(self) -> Generator[list[str], None, None]:
        """The cells of each row, for a look at the columns; broken rows are empty."""
        csv.field_size_limit(MAX_LINE)
        width = len(self.columns)
        with self.file.open() as raw:
            text = _text(raw, self.encoding)
            try:
                reader = self._reader(text)
                going = True
                while going:
                    try:
                        for values in reader:
                            if any(values):
                                # a row that is rejected says nothing of the columns
                                whole = len(values) >= width and not any(values[width:])
                                yield values if whole else []
                        going = False
                    except csv.Error:
                        yield []
                    except UnicodeDecodeError:
                        going = False
            finally:
                text.detach()

    def _flaw(self, values: list[str]) -> str | None:
        for column, value in zip(self.columns, values, strict=True):
            if flaw := flaw_of(value, column or "a column without name", self.encoding.codec):
                return flaw
        return None


def open_table(file: RawFile, encoding: Encoding, delimiter: str | None) -> Table:
    """Find the delimiter and the header. Raises InputError where there is no header."""
    csv.field_size_limit(MAX_LINE)
    sample = _sample(file, encoding)
    if sample[0].lower().startswith("sep=") and len(sample[0].strip()) == 5:
        above = 1
        delimiter = delimiter or sample[0].strip()[4]
    else:
        above = 0
        delimiter = delimiter or _delimiter(sample)
    rows = list(_parsed(sample, delimiter))
    skip = max(above, header_at(rows[: _PREAMBLE + above + 1]))
    if skip >= len(rows) or not any(name.strip() for name in rows[skip]):
        raise InputError(f"{file.name}: line {skip + 1} has no column names")
    columns = [name.strip() for name in rows[skip]]
    if not encoding.clean and (flaw := flaw_of("".join(columns), "the header", encoding.codec)):
        raise InputError(f"{file.name}: {flaw}")
    return Table(file, encoding, delimiter, skip, columns, rows[:skip])


def _text(raw: BinaryIO, encoding: Encoding) -> io.TextIOWrapper:
    wide = "16" in encoding.codec or "32" in encoding.codec
    errors = "strict" if wide or encoding.clean else "surrogateescape"
    return io.TextIOWrapper(raw, encoding=encoding.codec, errors=errors, newline="")


def _sample(file: RawFile, encoding: Encoding) -> list[str]:
    """The first lines."""
    lines = []
    with file.open() as raw:
        text = _text(raw, encoding)
        try:
            for line in text:
                lines.append(line)
                if len(lines) >= 400 or sum(map(len, lines[-50:])) > 200_000:
                    break
        except UnicodeDecodeError:
            raise InputError(
                f"{file.name} is not text in {encoding.codec}: give --encoding"
            ) from None
        finally:
            text.detach()
    if not lines:
        raise InputError(f"{file.name} is empty")
    return lines


def _parsed(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    """Rows of a sample; the last may be cut, and a broken one is left out."""
    reader = csv.reader(lines, delimiter=delimiter, strict=False)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue


def _delimiter(sample: list[str]) -> str:
    """The delimiter with which most rows have as many fields as the header."""

    def score(delimiter: str) -> tuple[float, bool, int]:
        rows = [row for row in _parsed(sample, delimiter) if row][:_LOOKED_AT]
        below = rows[header_at(rows[:_PREAMBLE]) :]
        if not below or len(below[0]) < 2:
            return 0.0, False, 0
        width = len(below[0])
        alike = Counter(len(row) for row in below)[width] / len(below)
        # a comma in a sentence has a blank after it
        tight = not any(cell.startswith(" ") for row in below for cell in row)
        return round(alike, 1), tight, width

    return max(_DELIMITERS, key=score)


def header_at(rows: list[list[str]]) -> int:
    """Which row has the names: below comments, settings and a heading of its own."""
    for number, row in enumerate(rows):
        first = row[0].strip().lower() if row else ""
        if first.startswith(_TEMPLATE):
            below = range(number + 1, len(rows))
            return next((n for n in below if _is_template_header(rows[n])), min(2, len(rows) - 1))
        if not any(cell.strip() for cell in row) or first.startswith("sep="):
            continue
        if first.startswith("#") or first in ("info", "#info"):
            filled = [cell for cell in row if cell.strip()]
            marked = sum(cell.lstrip().startswith("#") for cell in filled)
            if len(filled) > 2 and marked * 3 <= len(filled) * 2 and first not in ("info", "#info"):
                return number  # a column of numbers is called #, but not each column
            continue
        if len(row) > 1 and sum(bool(cell.strip()) for cell in row) == 1 and _fuller(rows, number):
            continue
        return number
    return 0


def _fuller(rows: list[list[str]], number: int) -> bool:
    """Whether the next filled row has more cells than this row, which then is a heading."""
    counts = (sum(bool(cell.strip()) for cell in row) for row in rows[number + 1 :])
    return next((count for count in counts if count), 0) > 2


def _is_template_header(row: list[str]) -> bool:
    return any(cell.strip().lower().startswith(_TEMPLATE_KEYS) for cell in row)


def _unguarded(cell: str) -> str:
    """A cell without what keeps a spreadsheet from counting with it: `="0012"`, `'=1+1`."""
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        return cell[2:-1].replace('""', '"')
    return restored(cell) if cell[0] == "'" else cell


def _uneven(line: int, values: list[str], width: int) -> BadRow:
    few = "only " if len(values) < width else ""
    hint = " (a quote left open?)" if any("\n" in value for value in values) else ""
    return BadRow(line, f"{few}{len(values)} fields where the header has {width}{hint}")


def gathered(columns: list[str], values: list[str]) -> dict[str, object]:
    """Values by column; for a name that several columns have, the list of their values."""
    found: dict[str, object] = {}
    for column, value in zip(columns, values, strict=True):
        if not column:
            continue
        before = found.get(column)
        if before is None or before == "":
            found[column] = value
        elif value:
            found[column] = [*before, value] if isinstance(before, list) else [before, value]
    return found
