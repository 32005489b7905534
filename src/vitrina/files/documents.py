"""Reads JSON as rows: an object on each line, or a document with products at any depth."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO

import ijson

from vitrina.errors import InputError
from vitrina.files import linked, names
from vitrina.files.depth import Depth
from vitrina.files.encodings import Encoding
from vitrina.files.names import words
from vitrina.files.nested import without_edges
from vitrina.files.raw import RawFile
from vitrina.files.rows import MAX_LINE, BadRow, Row, RowFile, flaw_of

MAX_WHOLE = 64_000_000  # bytes of a document that has to be read at once
_LOOKED_AT = 20  # rows whose keys are the columns
_PARTS = words("variants options images media reviews tags offers attributes")
_SHELVES = words(
    "categories collections groups departments sections shelves catalogs catalogues brands"
)
_SHELVED = words("products items offers articles goods")
_NODE = "node"  # GraphQL wraps each row in one


def open_document(file: RawFile, encoding: Encoding) -> RowFile:
    """Find out where in a JSON file the rows are."""
    if _is_lines(file, encoding):
        opened = RowFile(file.name, "json lines", lambda: _lines(file, encoding))
    elif _is_linked(file, encoding):
        nodes = linked.products_in(whole(file, encoding))
        opened = RowFile(file.name, "json", lambda: numbered(nodes))
    else:
        prefix = _prefix(file, encoding)
        if prefix is None:
            values = whole(file, encoding)
            opened = RowFile(file.name, "json", lambda: numbered([values]))
        else:
            opened = RowFile(file.name, "json", lambda: _items(file, encoding, prefix))
            if said := prefix.removesuffix("item").strip("."):
                opened.said.append(f"the products stand under {said}")
    opened.columns = columns_of(opened)
    return opened


def columns_of(file: RowFile) -> list[str]:
    """The keys of the first rows, in order."""
    keys: dict[str, None] = {}
    rows = file.read()
    for number, row in enumerate(rows):
        if isinstance(row, Row):
            keys.update(dict.fromkeys(row.values))
        if number >= _LOOKED_AT:
            break
    return list(keys)


def numbered(values: list[Any]) -> Generator[Row | BadRow, None, None]:
    """Values as rows, by their number."""
    for number, value in enumerate(values, 1):
        yield _checked(number, value)


def whole(file: RawFile, encoding: Encoding) -> Any:
    """A document read at once. Raises InputError where it is too large, or broken."""
    with file.open() as raw:
        data = raw.read(MAX_WHOLE + 1)
    if len(data) > MAX_WHOLE:
        raise InputError(
            f"{file.name} is one document of more than {MAX_WHOLE // 1_000_000} MB: "
            "write a product a line (JSON Lines)"
        )
    try:
        return json.loads(data.decode(encoding.codec))
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{file.name}: broken JSON: {exc}") from None


def _is_lines(file: RawFile, encoding: Encoding) -> bool:
    """Whether each line is an object of its own."""
    if file.suffix in (".jsonl", ".ndjson"):
        return True
    with file.open() as raw, io.TextIOWrapper(raw, encoding.codec, "replace") as text:
        lines = [
            line for line in (text.readline(MAX_LINE), text.readline(MAX_LINE)) if line.strip()
        ]
    if not lines or not lines[0].lstrip().startswith("{"):
        return False
    try:
        json.loads(lines[0])
    except (ValueError, RecursionError):
        # a broken first line all the same, where the second is whole; in a document that has a
        # product a line the first only opens the list, and a comma stands after each product
        opens = lines[0].rstrip().endswith(("[", "{", ","))
        return not opens and len(lines) > 1 and isinstance(json_row(2, lines[1]), Row)
    return len(lines) > 1


def _is_linked(file: RawFile, encoding: Encoding) -> bool:
    """Whether the document is JSON-LD."""
    head = file.head().decode(encoding.codec, "ignore")
    return '"@context"' in head and '"@type"' in head


def _lines(file: RawFile, encoding: Encoding) -> Generator[Row | BadRow, None, None]:
    with file.open() as raw:
        errors = "strict" if "16" in encoding.codec or "32" in encoding.codec else "surrogateescape"
        text = io.TextIOWrapper(raw, encoding=encoding.codec, errors=errors, newline="")
        try:
            yield from _read_lines(text, encoding)
        finally:
            text.detach()


def _read_lines(text: io.TextIOWrapper, encoding: Encoding) -> Generator[Row | BadRow, None, None]:
    number = 0
    while True:
        number += 1
        try:
            line = text.readline(MAX_LINE + 1)
        except UnicodeDecodeError as exc:
            yield BadRow(number, f"not valid {encoding.codec}: {exc.reason}; the rest was not read")
            return
        if not line:
            return
        if len(line) > MAX_LINE:
            while line and not line.endswith("\n"):
                line = text.readline(MAX_LINE)
            yield BadRow(number, f"a line of more than {MAX_LINE:,} characters")
        elif not encoding.clean and (flaw := flaw_of(line, "the line", encoding.codec)):
            yield BadRow(number, flaw)
        elif line.strip():
            yield json_row(number, line)


def json_row(number: int, line: str) -> Row | BadRow:
    """A line of JSON as a row."""
    try:
        values = json.loads(line, parse_constant=_no_constant, parse_float=_number)
    except json.JSONDecodeError as exc:
        return BadRow(number, f"broken JSON: {exc.msg} at character {exc.pos + 1}")
    except (ValueError, RecursionError) as exc:
        return BadRow(number, f"broken JSON: {exc}")
    if not isinstance(values, dict):
        return BadRow(number, f"a JSON {type(values).__name__} where an object was expected")
    if "\\u" in line:
        return _checked(number, values)
    try:
        return Row(number, without_edges(values))
    except RecursionError:
        return BadRow(number, "it nests too deeply")


def _checked(number: int, values: Any) -> Row | BadRow:
    """The row, where each text and number in it can be stored."""
    if not isinstance(values, dict):
        return BadRow(number, f"a JSON {type(values).__name__} where an object was expected")
    try:
        values = without_edges(values)
        leaves = list(_leaves(values))
    except RecursionError:
        return BadRow(number, "it nests too deeply")
    texts = "".join(leaf for leaf in leaves if isinstance(leaf, str))
    if "\0" in texts:
        return BadRow(number, "a NUL character in a text")
    if any("\ud800" <= char <= "\udfff" for char in texts):
        return BadRow(number, "half of a surrogate pair in a text")
    if not all(_is_finite(leaf) for leaf in leaves if isinstance(leaf, int | float)):
        return BadRow(number, "a number that is NaN, infinite or beyond 1e308")
    return Row(number, values)


def _is_finite(number: float) -> bool:
    return abs(number) <= 1e308  # false for NaN


def _leaves(value: object) -> Iterator[object]:
    """Every value in a JSON value that holds no others, keys too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


class _Utf8:
    """A text in any encoding as the UTF-8 that ijson reads."""

    def __init__(self, raw: BinaryIO, encoding: Encoding) -> None:
        self._text = io.TextIOWrapper(raw, encoding=encoding.codec, errors="replace")
        self._depth = Depth()

    def read(self, size: int = -1) -> bytes:
        data = self._text.read(size).encode()
        self._depth.add(data)
        return data

    def detach(self) -> None:
        self._text.detach()


def _prefix(file: RawFile, encoding: Encoding) -> str | None:
    """Where in the document the objects are that have titles, as ijson names it.

    Of lists in lists the outer one counts, where its objects have titles. Without any that has, it
    is the first list of objects; None where the document itself is the product, or has no list.
    """
    found: dict[str, set[str]] = {}
    outer = ""
    root: set[str] = set()
    with file.open() as raw:
        stream = _Utf8(raw, encoding)
        try:
            for prefix, event, value in ijson.parse(stream, use_float=True):  # see _items
                if event == "start_map" and prefix.endswith("item"):
                    found.setdefault(prefix, set())
                    outer = outer or prefix
                elif event == "map_key" and prefix in found:
                    found[prefix].add(value)
                    if value == _NODE:
                        found.setdefault(f"{prefix}.{_NODE}", set())
                elif event == "map_key" and not prefix:
                    root.add(value)
                elif event == "end_map" and prefix == outer and outer:
                    titled = _titled(found, outer)
                    if titled is not None and not (titled == outer and _is_shelf(titled)):
                        return None if _is_product(root, outer) else titled
                    outer = ""
        except (ijson.JSONError, ValueError, RecursionError) as exc:
            if not found and not _is_large_number(exc):
                raise InputError(f"{file.name}: broken JSON: {exc}") from None
        finally:
            stream.detach()
    if _has_title(root):
        return None
    return next((name for name in found if _has_title(found[name])), next(iter(found), None))


def _titled(found: dict[str, set[str]], outer: str) -> str | None:
    """The outermost of the lists in a list whose objects have titles.

    Of a list of shelves it is the list of products on them.
    """
    inside = [name for name in found if name.startswith(outer) and _has_title(found[name])]
    inside.sort(key=lambda name: name.count("."))
    first = next(iter(inside), None)
    if first is None or not _is_shelf(first):
        return first
    return next((name for name in inside if _list_name(name) in _SHELVED), first)


def _is_shelf(prefix: str) -> bool:
    """Whether a list is one of categories and the like, which hold the products."""
    return _list_name(prefix) in _SHELVES


def _list_name(prefix: str) -> str:
    """The name of the list whose items have this prefix: `products` in `data.products.item`."""
    steps = [step for step in prefix.split(".") if step not in ("item", _NODE, "edges", "nodes")]
    return steps[-1].lower() if steps else ""


def _is_product(root: set[str], prefix: str) -> bool:
    """Whether the document is one product, and the list only a part of it."""
    return prefix.partition(".")[0] in _PARTS and _has_title(root)


def _has_title(keys: set[str]) -> bool:
    return any(names.is_title(key) for key in keys)


def _items(file: RawFile, encoding: Encoding, prefix: str) -> Generator[Row | BadRow, None, None]:
    """The objects there.

    Without floats ijson dies of a number of 5,000 digits; with them it ends at one of 20, and the
    document is read at once from there.
    """
    number = 0
    with file.open() as raw:
        stream = _Utf8(raw, encoding)
        try:
            for values in ijson.items(stream, prefix, use_float=True):
                number += 1
                yield _checked(number, values)
        except (ijson.JSONError, ValueError, RecursionError) as exc:
            if not _is_large_number(exc):
                yield BadRow(number + 1, f"broken JSON: {exc}; the rest was not read")
                return
        else:
            return
        finally:
            stream.detach()
    try:
        values = list(_under(whole(file, encoding), prefix.split(".")))
    except InputError as exc:
        yield BadRow(number + 1, f"{exc}; the rest was not read")
    else:
        for place, value in enumerate(values[number:], number + 1):
            yield _checked(place, value)


def _is_large_number(exc: Exception) -> bool:
    return "integer overflow" in str(exc)


def _under(value: Any, path: list[str]) -> Iterator[Any]:
    """What stands at a path of ijson in a value."""
    if not path:
        yield value
    elif isinstance(value, list) and path[0] == "item":
        for inner in value:
            yield from _under(inner, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _under(value[path[0]], path[1:])
