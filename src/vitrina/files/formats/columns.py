"""Decides which columns of a row each field is read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from vitrina.files.cells import NOTHING, is_there, line_of, value_at, without_guard
from vitrina.files.names import Names, built_in, numbered, plain, words
from vitrina.files.rows import TABLES, Row, RowFile
from vitrina.files.survey import Kind

Own = dict[str, tuple[str, ...]]  # names of columns by field
_ADDRESSES = words("handle slug urlkey urlrewritten permalink producthandle urlhandle")  # no codes
_LONGER = 5  # characters: a text of so many is never a word for nothing
# Fields whose columns are taken up whole by the product, and stay no attributes.
_TAKEN = ("title", "image", "url", "text", "group", "sale_starts", "sale_ends")
_MONEY = ("price", "sale_price", "was_price")  # whose columns hold prices, also without any text
# Fields that share no column: what is mapped to one of them is not read for another.
_ALONE = ("external_id", "title", "image", "url", "text")


@dataclass(slots=True)
class Setup:
    """The file and the choices that a reader starts with.

    Attributes:
        columns: field to column as given with --map; the rest is found by name.
        image: a template such as "{id}.jpg" over the columns, instead of an image column.
        language: of texts that a file has in several.
        kinds: how each column is read, once the file has been looked at.
        currency: of the prices, where the file says it outside its rows.
        path_of: gives the path of a picture that is named by an id, where the file has such ids.
        stored: the columns of each field, from an earlier load or the first rows of this one.
        only_stored: no other column is read for a field.
        floats: columns of codes that a data frame has made numbers: 4006381333931.0.
    """

    file: RowFile
    names: Names = field(default_factory=built_in)
    columns: dict[str, str] = field(default_factory=dict)
    image: str | None = None
    language: str = "en"
    kinds: dict[str, Kind] = field(default_factory=dict)
    currency: str | None = None
    path_of: Callable[[str], str | None] | None = None
    stored: dict[str, list[str]] | None = None
    only_stored: bool = False
    floats: frozenset[str] = frozenset()
    said: Counter[str] = field(default_factory=Counter)
    bad_prices: list[tuple[int, str, str]] = field(default_factory=list)
    bad_price_count: int = 0


@dataclass(slots=True)
class Plan:
    """Which columns each field is read from, and how the rest is."""

    fields: dict[str, list[str]]
    attributes: list[tuple[str, str, str]]  # column, kind, decimal mark
    codes: list[str]  # columns of codes


class Columns:
    """Finds the columns of a row; the formats change the parts in which they differ.

    Class attributes:
        own: names of the format for a field, best first; `()` if it has no column for the field.
        structure: names of columns that are how the format works, no attributes.
    """

    own: ClassVar[Own] = {}
    structure: ClassVar[tuple[str, ...]] = ()

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._structure = frozenset(plain(name) for name in self.structure)
        self._fixed = setup.file.kind in TABLES
        self._plan: Plan | None = None
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._said_line = 0
        self._spelt: dict[str, str] = {}
        self.restart()

    def prepare(self, row: Row) -> Row:
        """The row as the rest expects it."""
        return row

    def plan(self, values: dict[str, Any]) -> Plan:
        """The columns of each field in a row with these keys."""
        if self._fixed:
            if self._plan is None:
                self._plan = self._planned(list(values))
            return self._plan
        keys = tuple(values)
        found = self._plans.get(keys)
        if found is None:
            if len(self._plans) > 1000:
                self._plans.clear()
            found = self._plans[keys] = self._planned(list(keys))
        return found

    def forget(self) -> None:
        """Forget the plans: the columns have been judged since."""
        self._plan = None
        self._plans.clear()

    def columns(self, values: dict[str, Any], name: str) -> list[str]:
        """The columns of a field."""
        return (self._plan or self.plan(values)).fields[name]

    def found(self, columns: list[str]) -> dict[str, list[str]]:
        """The columns of each field, best first."""
        fields: dict[str, list[str]] = {}
        for name in ["external_id", *self.setup.names.by_field]:
            if name in fields:
                continue
            if name in self.own:
                fields[name] = self._own(name, columns)
            elif name == "image":
                fields[name] = self.setup.names.numbered_columns(name, columns)
            else:
                fields[name] = self.setup.names.columns(name, columns)
        parents = fields.pop("parent")
        if "group" not in self.own:
            fields["group"] += parents
        for name, column in self.setup.columns.items():
            fields[name] = [column]
        mapped = set(self.setup.columns.values())
        for name in _ALONE:
            if name not in self.setup.columns:
                fields[name] = [column for column in fields[name] if column not in mapped]
        if self.setup.image:
            fields["image"] = []
        taken = set(fields["title"][:1]) | set(fields["external_id"][:1])
        fields["url"] = [column for column in fields["url"] if column not in taken]
        fields["image"] = [column for column in fields["image"] if column not in fields["url"]]
        return fields

    def _own(self, name: str, columns: list[str]) -> list[str]:
        """The columns with the names that the format has for a field; those of pictures count."""
        by_name: dict[str, list[tuple[int, int, str]]] = {}
        for place, column in enumerate(columns):
            by_name.setdefault(plain(column), []).append((-1, place, column))
            word, number = numbered(column)
            if name == "image" and word != plain(column):
                by_name.setdefault(word, []).append((number, place, column))
        words = dict.fromkeys(plain(word) for word in self.own[name])
        return [column for word in words for *_, column in sorted(by_name.get(word, ()))]

    def _fields(self, columns: list[str]) -> dict[str, list[str]]:
        """The columns of each field in a row: those of the reading first.

        Where each row has keys of its own, the first rows do not have all of them: what a row has
        besides is found by its name, in the first load of a file as in every later load.
        """
        stored = self.setup.stored
        if stored is None:
            return self.found(columns)
        if self._fixed or self.setup.only_stored:
            return stored
        there = set(columns)
        used = {column for name in _ALONE for column in stored[name]}
        fields = {}
        for name, found in self.found(columns).items():
            known = [one for one in stored[name] if is_there(one, there)]
            others = (one for one in found if not (name in _ALONE and one in used))
            fields[name] = list(dict.fromkeys([*known, *others]))
        return fields

    def _planned(self, columns: list[str]) -> Plan:
        fields = self._fields(columns)
        taken = {column for name in _TAKEN for column in self._taken(name, fields)}
        taken.update(fields["external_id"][:1])
        attributes = []
        priced = {column for name in _MONEY for column in fields[name]}
        for column in columns:
            if column in taken or plain(column) in self._structure or self.is_structure(column):
                continue
            kind = self.setup.kinds.get(column, Kind("price") if column in priced else Kind())
            is_code = column in fields["ean"] or column in fields["sku"] or column in fields["mpn"]
            name = "code" if is_code and kind.kind == "number" else kind.kind
            attributes.append((column, name, kind.decimal))
        codes = [
            *fields["ean"],
            *fields["mpn"],
            *(c for c, _, _ in attributes if self._tells(c)),
        ]
        return Plan(fields, attributes, list(dict.fromkeys(codes)))

    def _tells(self, column: str) -> bool:
        """Whether a product can be told by the codes in a column."""
        kind = self.setup.kinds.get(column)
        return kind is not None and kind.tells and plain(column) not in _ADDRESSES

    def _taken(self, name: str, fields: dict[str, list[str]]) -> list[str]:
        """Of titles and addresses the first is taken up, of pictures and texts each."""
        return fields[name][:1] if name in ("title", "url") else fields[name]

    def is_structure(self, column: str) -> bool:
        """Whether a column is how the format works, by a pattern."""
        return False

    def first(self, values: dict[str, Any], columns: Sequence[str]) -> str:
        """The value of the first filled column, as a line of text."""
        for column in columns:
            value = values.get(column)
            if value is None and "." in column:
                value = value_at(values, column)
            if (
                value
                and (text := line_of(value, self.setup.language))
                and not (len(text) < _LONGER and text.lower() in NOTHING)
            ):
                return self.code_in(column, text)
            if value == 0 and value.__class__ is int:
                return "0"
        return ""

    def code_in(self, column: str, text: str) -> str:
        """A text without what a spreadsheet or a data frame has made of a code."""
        if column in self.setup.floats:
            text = text.removesuffix(".0")
        return without_guard(text) if text[0] == "'" else text

    def said(self, values: dict[str, Any], name: str) -> str:
        """The value of the format's own column of this name, in any case."""
        value = values.get(name)
        if value is None and name not in values:
            value = values.get(self.spelt(name))
        return str(value or "").strip()

    def spelt(self, name: str) -> str:
        """The column of this name as the file writes it."""
        if name not in self._spelt:
            columns = self.setup.file.columns
            self._spelt[name] = next((one for one in columns if plain(one) == plain(name)), name)
        return self._spelt[name]

    def restart(self) -> None:
        """Called before the rows are read from the start."""
