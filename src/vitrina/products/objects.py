"""Objects of a program as a file that is loaded like any other."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from vitrina.errors import InputError

Products: TypeAlias = str | Path | Iterable[Mapping[str, Any]]
# what is said of options on the command line, as a program gives them
_OPTIONS = (
    (re.compile(r"--map (\w+)=(\w+)"), r'mapping={"\1": "\2"}'),
    (re.compile(r"--image '(\S+)'"), r'Mapping(image="\1")'),
    (re.compile(r"--image-root"), "Mapping(image_root=…)"),
    (re.compile(r"--remap"), "FileOptions(remap=True)"),
    (re.compile(r"--yes with --prune, or most => 1"), "FileOptions(prune_most=1)"),
    (re.compile(r"--prune"), "prune=True"),
)


@contextlib.contextmanager
def as_file(products: Products) -> Iterator[str]:
    """The path of a file with these products; objects are written to a temporary one, as a stream.

    Raises InputError for an item that is no mapping, or has a value that JSON cannot hold.
    """
    if isinstance(products, str | Path):
        yield str(products)
        return
    if isinstance(products, Mapping):
        raise InputError("give an iterable of mappings, one for each product, not one mapping")
    with tempfile.TemporaryDirectory(prefix="vitrina-") as folder:
        path = Path(folder) / "objects.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for place, item in enumerate(products, start=1):
                if not isinstance(item, Mapping):
                    raise InputError(f"product {place} is {type(item).__name__}, not a mapping")
                try:
                    file.write(json.dumps(dict(item), ensure_ascii=False, default=_plain) + "\n")
                except (TypeError, ValueError) as exc:
                    raise InputError(f"product {place} cannot be stored: {exc}") from None
        yield str(path)


def is_empty(path: str) -> bool:
    """Whether no object was written to the file of `as_file`."""
    return Path(path).stat().st_size == 0


@contextlib.contextmanager
def in_words_of_python(products: Products, path: str) -> Iterator[None]:
    """Of objects, errors name neither the temporary file nor options of the command line."""
    try:
        yield
    except InputError as exc:
        if isinstance(products, str | Path):
            raise
        raise InputError(said_of_objects(str(exc), path)) from exc


def said_of_objects(text: str, path: str) -> str:
    """What was said of the file with objects, said of the objects."""
    text = text.replace(path, "the list of products")
    for option, given in _OPTIONS:
        text = option.sub(given, text)
    return text


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):  # and datetime
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is not a JSON value")
