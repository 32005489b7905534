"""Reads XML as rows (RSS and Atom feeds, and any list of elements), and JSON-LD out of HTML."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Generator, Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException
from selectolax.lexbor import LexborHTMLParser

from vitrina.errors import InputError
from vitrina.files import linked
from vitrina.files.documents import MAX_WHOLE, columns_of, numbered
from vitrina.files.numbers import currency_of
from vitrina.files.raw import RawFile
from vitrina.files.rows import BadRow, Row, RowFile

_GOOGLE = "{http://base.google.com/ns/1.0}"
_RECORDS = {"rss": "item", "RDF": "item", "feed": "entry"}
_LOOKED_AT = 20_000  # elements that decide which one is a row
_ADDRESS = ("href", "url", "src")
_CURRENCY = ("currency", "currencyid", "currencycode", "unit")
_LANGUAGE = ("lang", "language", "locale")
_TAGGED = {"language", "value"}
_BROKEN = (ParseError, DefusedXmlException)
_DEEPEST = 200  # elements in each other: a row of more is none, and a root of more has no rows


def open_feed(file: RawFile, start: str, encoding: str | None = None) -> RowFile:
    """Find the rows of an XML file, or the products of a web page.

    Args:
        file: the file.
        start: its first characters.
        encoding: as a person gave it; an XML file says its own without it.
    """
    if "<html" in start.lower() or "<!doctype html" in start.lower():
        nodes = _page(file, encoding)
        opened = RowFile(file.name, "html", lambda: numbered(nodes))
    else:
        root, record = _record(file, encoding)
        opened = RowFile(file.name, "xml", lambda: _rows(file, record, encoding), above=[[root]])
    opened.columns = columns_of(opened)
    return opened


def _page(file: RawFile, encoding: str | None) -> list[dict[str, Any]]:
    """The products that a web page states in JSON-LD."""
    with file.open() as raw:
        html = raw.read(MAX_WHOLE + 1)
    if len(html) > MAX_WHOLE:
        raise InputError(f"{file.name} is a page of more than {MAX_WHOLE // 1_000_000} MB")
    if encoding is not None:
        html = html.decode(encoding, "replace").encode()
    documents = []
    for script in LexborHTMLParser(html).css('script[type*="ld+json"]'):
        try:
            documents.append(json.loads(script.text()))
        except (ValueError, RecursionError):
            continue
    if nodes := linked.products_in(*documents):
        return nodes
    raise InputError(f"{file.name} is a web page without products in JSON-LD: export a table")


def local(tag: str) -> str:
    """The name of an element without its namespace."""
    return tag.rsplit("}", 1)[-1]


def _events(file: RawFile, encoding: str | None) -> Iterator[tuple[str, Element]]:
    """Starts and ends of elements. Raises _BROKEN, or InputError for an unknown encoding.

    A given encoding counts, whatever the file calls itself.
    """
    with file.open() as raw:
        stream: Any = raw
        parser = None
        if encoding is not None:
            stream = codecs.EncodedFile(raw, "utf-8", encoding, "replace")
            parser = defusedxml.ElementTree.DefusedXMLParser(
                target=TreeBuilder(), encoding="utf-8", forbid_dtd=False
            )
        try:
            yield from defusedxml.ElementTree.iterparse(
                stream, events=("start", "end"), parser=parser, forbid_dtd=False
            )
        except _BROKEN:
            raise
        except (LookupError, ValueError) as exc:  # what it calls itself is not what expat reads
            raise InputError(
                f"{file.name} cannot be read as XML: {exc}; save it as UTF-8"
            ) from None


def _record(file: RawFile, encoding: str | None) -> tuple[str, str]:
    """The name of the root, and the path of the elements that are rows."""
    counts: Counter[str] = Counter()
    leaves: Counter[str] = Counter()
    path: list[str] = []
    seen = 0
    root = ""
    try:
        for event, element in _events(file, encoding):
            if event == "start":
                path.append(local(element.tag))
                if len(path) > _DEEPEST:
                    break
                if not root:
                    root = path[0]
                    if root in _RECORDS:
                        return root, _RECORDS[root]
                continue
            here = "/".join(path)
            path.pop()
            if len(element):
                counts[here] += 1
            else:
                leaves["/".join(path)] += 1
            seen += 1
            if seen > _LOOKED_AT:
                break
    except _BROKEN as exc:
        if not counts:
            raise InputError(f"{file.name} cannot be read as XML: {exc}") from None
    twice = [name for name, count in counts.items() if count > 1 and leaves[name] > count]
    single = [name for name in counts if leaves[name] > 1]
    found = min(twice or single, key=lambda name: name.count("/"), default=None)
    if found is None:
        raise InputError(f"{file.name} is XML in which no element looks like a product")
    return root, found.rsplit("/", 1)[-1]


def _rows(file: RawFile, record: str, encoding: str | None) -> Generator[Row | BadRow, None, None]:
    """Each element of that name as a row; elements are dropped after they have been read."""
    number = 0
    above: list[Element] = []
    inside = 0  # of how many rows in each other; the outermost one counts
    deepest = 0
    try:
        for event, element in _events(file, encoding):
            is_row = local(element.tag) == record
            if event == "start":
                above.append(element)
                inside += is_row
                deepest = max(deepest, len(above))
                continue
            above.pop()
            inside -= is_row
            if is_row and not inside:
                number += 1
                if deepest > _DEEPEST:
                    yield BadRow(number, f"it nests more than {_DEEPEST} deep")
                else:
                    yield Row(number, _values(element))
                deepest = 0
                element.clear()
                if above:
                    above[-1].clear()
    except _BROKEN as exc:
        yield BadRow(number + 1, f"broken XML: {exc}; the rest was not read")


def _values(element: Element) -> dict[str, object]:
    """An element's parts by name, without namespaces; a repeated part is a list.

    What stands in Google's namespace wins over the same name without it.
    """
    found: dict[str, object] = {
        local(name): value for name, value in element.attrib.items() if value.strip()
    }
    google = {local(child.tag) for child in element if child.tag.startswith(_GOOGLE)}
    for child in element:
        name = local(child.tag)
        if name in google and not child.tag.startswith(_GOOGLE):
            continue
        name = child.get("name") or name  # <param name="Colour">red</param>
        value = _value(child)
        if isinstance(value, str) and value:
            value = _said(child, value)
        if value in ("", None):
            continue
        before = found.get(name)
        if before is None:
            found[name] = value
        else:
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
    return {
        # a text in its only language is that text
        name: value["value"] if isinstance(value, dict) and set(value) == _TAGGED else value
        for name, value in found.items()
    }


def _said(element: Element, text: str) -> object:
    """A text with the currency or the language that its element gives it."""
    if not element.attrib:
        return text
    given = {local(name).lower(): value.strip() for name, value in element.attrib.items()}
    currency = next((given[name] for name in _CURRENCY if given.get(name)), None)
    if currency and currency_of(currency) and not currency_of(text):
        return f"{text} {currency}"
    language = next((given[name] for name in _LANGUAGE if given.get(name)), None)
    return {"language": language, "value": text} if language else text


def _value(element: Element) -> object:
    if len(element):
        return _values(element)
    text = (element.text or "").strip()
    return text or next((element.attrib[key] for key in _ADDRESS if key in element.attrib), "")
