"""Judges the columns of a file whole: which hold numbers, prices or codes, and with which mark."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from vitrina.files import numbers
from vitrina.files.addresses import looks_like_picture
from vitrina.files.cells import NOTHING

_SAMPLE = 400  # rows in which a column shows whether it holds codes or pictures
_MOST = 5_000  # names of columns that are looked at
_ALIKE = 0.97  # of the values of a column of codes are different
_CODE = re.compile(r"(?=.*\d)[^\W_][\w./#+-]{2,39}")
_CODE_NAME = re.compile(
    r"(?:^|_|\b)(?:id|sku|upc|ean|gtin|isbn|asin|mpn|code|zip|phone|model)(?:$|_|\b)|(?:id|sku|code)$",
    re.IGNORECASE,
)
_FLOAT = re.compile(r"\d+\.0")
# names of columns that hold several values: 20,28 is no decimal number there
_LIST_NAME = re.compile(
    r"categor|kategori|catégor|warengruppe|rubri|\btags?\b|ids$|related|filters?$", re.IGNORECASE
)
_PRICE_NAME = re.compile(
    r"(?:^|_|\b)(?:price|cost|msrp|rrp|amount)(?:$|_|\b)|price$", re.IGNORECASE
)


_PRICE_WORD = re.compile(
    r"price|msrp|rrp|preis|uvp|prix|tarif|precio|pvp|prezz|prijs|cena|preço|preco|pris\b|価格|値段",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Column:
    """The findings about a column, from its values so far."""

    name: str
    is_price: bool = False
    is_code: bool = False
    number: bool = True  # all values are numbers
    whole: bool = True  # all are whole numbers
    code: bool = True  # all look like codes
    filled: int = 0
    pictures: int = 0
    wide: bool = True
    marks: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    digits: int = 0  # values with a digit
    sampled: int = 0
    floats: bool = True  # all are whole numbers as a data frame writes them: 7.0
    is_list: bool = False
    may_be_price: bool = False  # by its name
    amounts: int = 0  # prices among its values

    def look(self, value: str, sampling: bool) -> None:
        """Take a value into account."""
        text = value.strip()
        if len(text) < 5 and text.lower() in NOTHING:
            return
        self.filled += 1
        if sampling:
            self.sampled += 1
            if self.code or self.is_code:
                self.code = self.code and _CODE.fullmatch(text) is not None
                self.seen.add(text)
                self.digits += any(char.isdigit() for char in text)
                self.wide = self.wide and len(text) >= 6
            if looks_like_picture(text):
                self.pictures += 1
            if self.may_be_price and numbers.parse_price(text) is not None:
                self.amounts += 1
        self.floats = self.floats and _FLOAT.fullmatch(text) is not None
        if self.is_list and "," in text:
            self.number = False
        if self.is_price or self.number:
            if easy := numbers.easy(text):
                has_decimals, is_bare = easy
                if has_decimals:
                    self.marks["."] = self.marks.get(".", 0) + 1
                    self.whole = False
                self.number = self.number and is_bare
                return
            said = numbers.mark(text)
            if said is not None:
                self.marks[said] = self.marks.get(said, 0) + 1
                self.whole = False
            if self.number and numbers.parse_number(text) is None:
                self.number = False

    @property
    def looks_like_code(self) -> bool:
        """Different values of letters and digits; numbers only where they are long and even."""
        if not self.code or self.filled < 2 or len(self.seen) < _ALIKE * min(self.filled, _SAMPLE):
            return False
        return not self.number or (self.whole and self.wide)

    @property
    def tells(self) -> bool:
        """Mostly different values that mostly have a digit, unlike words and countries."""
        half = self.sampled / 2
        return not self.is_list and self.digits >= half and len(self.seen) > half

    def decimal(self, usual: str | None) -> str:
        """The decimal mark of the column; `usual` is that of the rest of the file."""
        points, commas = self.marks.get(".", 0), self.marks.get(",", 0)
        if points != commas:
            return "." if points > commas else ","
        if usual is not None:
            return usual
        # 1.299 alone: prices have no three decimals, measures may have
        if self.marks.get("?.") and self.is_price:
            return ","
        return "."


@dataclass(frozen=True, slots=True)
class Kind:
    """How the texts of a column are read: `text`, `number`, `price` or `code`."""

    kind: str = "text"
    decimal: str = "."
    tells: bool = False  # its values are codes that tell products apart


class Survey:
    """Looks at rows one by one and says at the end of which kind their columns are.

    Args:
        prices: says whether a column is a price by its name.
        codes: says whether a column holds codes by its name; their numbers stay text.
    """

    def __init__(self, prices: Callable[[str], bool], codes: Callable[[str], bool]) -> None:
        self._prices, self._codes = prices, codes
        self.columns: dict[str, Column] = {}
        self._alive: list[Column] = []
        self._places: list[tuple[int, Column]] | None = None
        self._met: set[str] = set()  # names, of lists and objects too, which are no columns here
        self.rows = 0

    def add(self, values: dict[str, object]) -> None:
        """Look at a row."""
        self.rows += 1
        if self.rows <= _SAMPLE:
            for name, value in values.items():
                self._look(name, value)
            if self.rows == _SAMPLE:
                self._settle()
            return
        died = not values.keys() <= self._met and self._late(values)
        for column in self._alive:
            value = values.get(column.name)
            if value.__class__ is str and value:
                column.look(value, False)
                died = died or not (column.number or column.is_price)
        if died:
            self._settle()

    def add_cells(self, columns: list[str], cells: list[str]) -> None:
        """Look at a row whose cells are in the order of the columns."""
        if self.rows < _SAMPLE or not cells:
            self.add(dict(zip(columns, cells, strict=False)))
            return
        self.rows += 1
        if self._places is None:
            self._places = [(columns.index(column.name), column) for column in self._alive]
        died = False
        for place, column in self._places:
            if value := cells[place]:
                column.look(value, False)
                died = died or not (column.number or column.is_price)
        if died:
            self._settle()

    def _late(self, values: dict[str, object]) -> bool:
        """Look at columns that came after the sample: of JSON and XML, where rows differ."""
        before = len(self.columns)
        if len(self._met) < _MOST:
            for name in values.keys() - self._met:
                self._look(name, values[name])
        return len(self.columns) > before

    def _look(self, name: str, value: object) -> None:
        if value is not None:
            self._met.add(name)
        if isinstance(value, str):
            self._column(name).look(value, True)
        elif isinstance(value, int | float):
            self._column(name).amounts += 1  # sheets and JSON have prices that are no texts

    def _column(self, name: str) -> Column:
        column = self.columns.get(name)
        if column is None:
            is_price = self._prices(name) or _PRICE_NAME.search(name) is not None
            column = Column(
                name,
                is_price,
                self._codes(name) or _CODE_NAME.search(name) is not None,
                is_list=not is_price and _LIST_NAME.search(name) is not None,
                may_be_price=_PRICE_WORD.search(name) is not None,
            )
            self.columns[name] = column
        return column

    def _settle(self) -> None:
        """Go on with the columns that can still turn out to be numbers."""
        self._places = None
        self._alive = [
            column
            for column in self.columns.values()
            if column.is_price or (column.number and not column.is_code)
        ]

    def kinds(self) -> dict[str, Kind]:
        """How each column of texts is read."""
        points = sum(
            column.marks.get(".", 0) for column in self.columns.values() if self._counts(column)
        )
        commas = sum(
            column.marks.get(",", 0) for column in self.columns.values() if self._counts(column)
        )
        usual = None if points == commas else "." if points > commas else ","
        return {name: self._kind(column, usual) for name, column in self.columns.items()}

    @staticmethod
    def _counts(column: Column) -> bool:
        return column.is_price or column.number

    @staticmethod
    def _kind(column: Column, usual: str | None) -> Kind:
        if column.is_price:
            return Kind("price", column.decimal(usual))
        if column.is_code or column.looks_like_code:
            return Kind("code", tells=column.tells)
        if column.number and column.filled:
            return Kind("number", column.decimal(usual))
        return Kind()

    def floats(self) -> frozenset[str]:
        """The columns of codes that a data frame has made numbers."""
        return frozenset(
            column.name
            for column in self.columns.values()
            if column.is_code and column.filled and column.floats
        )

    def prices(self) -> list[str]:
        """The columns that look like prices."""
        return [
            column.name
            for column in self.columns.values()
            if column.may_be_price and column.amounts
        ]

    def pictures(self) -> list[str]:
        """The columns whose values look like addresses of pictures."""
        return [column.name for column in self.columns.values() if column.pictures]
