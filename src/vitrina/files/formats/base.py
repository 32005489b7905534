"""How a format is read: rows that belong together become a product with its variants."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from vitrina.files.addresses import addresses
from vitrina.files.cells import in_stock, line_of, unwrapped, value_at
from vitrina.files.html_text import MAX_TEXT, to_text
from vitrina.files.items import LeftOut, Picture, Product, Reject, Variant
from vitrina.files.names import Names, built_in, numbered, plain
from vitrina.files.numbers import Price, currency_of, parse_number, parse_price
from vitrina.files.rows import Row, RowFile
from vitrina.files.survey import NOTHING, Kind
from vitrina.files.values import parse_list

MAX_TITLE = 2_000  # characters
MAX_ID = 500
MAX_ATTRIBUTES = 1_000_000  # characters of JSON
MAX_LIST = 200  # values of the variants that are listed at the product
_CODE = 60  # characters
LONG = 200  # characters: a longer value is text, no attribute
Own = dict[str, tuple[str, ...]]  # names of columns by field
_EDGE = re.compile(r"[\s\-–—,|/:(]+$")
_TEMPLATE = re.compile(r"\{([^{}]+)\}")
# Fields whose columns are taken up whole by the product, and stay no attributes.
_TAKEN = ("title", "image", "url", "text", "group")
# Fields that say something of a variant: at a product with variants they are the variants'.
_OF_VARIANTS = ("sku", "ean", "price", "sale_price", "was_price", "stock")
_OPTIONS = ("color", "material", "size")


@dataclass(slots=True)
class Setup:
    """What a reader starts from.

    Attributes:
        columns: field to column as given with --map; the rest is found by name.
        image: a template such as "{id}.jpg" over the columns, instead of an image column.
        language: of texts that a file has in several.
        kinds: how each column is read, once the file has been looked at.
        currency: of the prices, where the file says it outside its rows.
    """

    file: RowFile
    names: Names = field(default_factory=built_in)
    columns: dict[str, str] = field(default_factory=dict)
    image: str | None = None
    language: str = "en"
    kinds: dict[str, Kind] = field(default_factory=dict)
    currency: str | None = None
    stored: dict[str, list[str]] | None = None
    said: Counter[str] = field(default_factory=Counter)
    bad_prices: list[tuple[int, str, str]] = field(default_factory=list)
    bad_price_count: int = 0


@dataclass(slots=True)
class Plan:
    """Which columns each field is read from, and how the rest is."""

    fields: dict[str, list[str]]
    attributes: list[tuple[str, str, str]]  # column, kind, decimal mark
    codes: list[str]  # columns of codes


@dataclass(frozen=True, slots=True)
class Money:
    """What a row costs: now, at most, before; and in which currency."""

    now: float | None = None
    high: float | None = None
    was: float | None = None
    currency: str | None = None


class Reader:
    """Reads the rows of a plain file; the formats change what is different with them.

    Class attributes:
        own: names of the format for a field, best first; `()` where it has none.
        structure: names of columns that are how the format works, no attributes.
        titled: whether there is a title even where no column is called so.
        groups: whether rows may belong together.
        whole: each row of a group is a full item with a title of its own.
    """

    own: ClassVar[Own] = {}
    structure: ClassVar[tuple[str, ...]] = ()
    titled: ClassVar[bool] = False
    groups: ClassVar[bool] = False
    whole: ClassVar[bool] = True

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._structure = frozenset(plain(name) for name in self.structure)
        self._fixed = setup.file.kind in ("csv", "sheet")
        self._plan: Plan | None = None
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._said_line = 0
        self.restart()

    # What a format may change ---------------------------------------------------------------

    def restart(self) -> None:
        """Called before the rows are read from the start."""

    def prepare(self, row: Row) -> Row:
        """The row as the rest expects it."""
        return row

    def key(self, row: Row) -> str | None:
        """What the row belongs to; None where it stands alone."""
        columns = self.plan(row.values).fields.get("group")
        return self.first(row.values, columns) or None if columns else None

    def claims(self, row: Row) -> Iterable[tuple[str, str]]:
        """Other names of the row's group, and its key."""
        return ()

    def skip(self, values: dict[str, Any]) -> str | None:
        """Why a row says nothing of its own: a translation, a comment; None where it does."""
        return None

    def left_out(self, values: dict[str, Any]) -> str | None:
        """Why a product is not for sale; None where it is."""
        return None

    def variant_left_out(self, values: dict[str, Any]) -> str | None:
        """Why a variant is not for sale; None where it is."""
        return self.left_out(values)

    def role(self, values: dict[str, Any]) -> str:
        """product, variant, both, or picture."""
        return "both"

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        """What tells a variant from the others: colour, size."""
        return {}

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        """Attributes beside those in columns."""
        return {}

    def variants_in(self, row: Row, money: Money) -> list[Variant]:
        """Variants that stand in the row itself."""
        return []

    def pictures(self, values: dict[str, Any]) -> list[str]:
        """The addresses of the row's pictures, the main one first."""
        if self.setup.image:
            filled = _TEMPLATE.sub(
                lambda match: line_of(values.get(match[1])) or "", self.setup.image
            )
            return [filled] if filled else []
        found: dict[str, None] = {}
        for column in self.columns(values, "image"):
            value = value_at(values, column)
            if value:
                found.update(dict.fromkeys(addresses(value)))
        return list(found)

    # What it is made of -----------------------------------------------------------------------

    def plan(self, values: dict[str, Any]) -> Plan:
        """Which columns are what in a row with these keys."""
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
        """Forget what was planned: the columns have been judged since."""
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
        for name, column in self.setup.columns.items():
            fields[name] = [column]
        mapped = set(self.setup.columns.values())
        for name in ("external_id", "title", "image", "url", "text"):
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

    def _planned(self, columns: list[str]) -> Plan:
        fields = self.setup.stored or self.found(columns)
        taken = {column for name in _TAKEN for column in self._taken(name, fields)}
        taken.update(fields["external_id"][:1])
        attributes = []
        for column in columns:
            if column in taken or plain(column) in self._structure or self.is_structure(column):
                continue
            kind = self.setup.kinds.get(column, Kind())
            is_code = column in fields["ean"] or column in fields["sku"] or column in fields["mpn"]
            name = "code" if is_code and kind.kind == "number" else kind.kind
            attributes.append((column, name, kind.decimal))
        codes = [
            *fields["ean"],
            *fields["mpn"],
            *(c for c, kind, _ in attributes if kind == "code"),
        ]
        return Plan(fields, attributes, list(dict.fromkeys(codes)))

    def _taken(self, name: str, fields: dict[str, list[str]]) -> list[str]:
        """Of titles and addresses the first is taken up, of pictures and texts each."""
        return fields[name][:1] if name in ("title", "url") else fields[name]

    def is_structure(self, column: str) -> bool:
        """Whether a column is how the format works, by a pattern."""
        return False

    def first(self, values: dict[str, Any], columns: list[str]) -> str:
        """The first of the columns that has something in it, as one line."""
        for column in columns:
            value = values.get(column)
            if value is None and "." in column:
                value = value_at(values, column)
            if value and (text := line_of(value, self.setup.language)):
                return text
            if value == 0 and value.__class__ is int:
                return "0"
        return ""

    def text(self, values: dict[str, Any]) -> str:
        """What the shop wrote about the product."""
        parts: list[str] = []
        columns = self.columns(values, "text")
        for column in columns:
            value = value_at(values, column)
            if not value:
                continue
            if value.__class__ is str and value[0] == "[":
                value = parse_list(value.strip()) or value
            text = to_text(unwrapped(value, self.setup.language))
            if text and not any(text in part for part in parts):
                parts.append(text)
        return "\n".join(parts)[:MAX_TEXT]

    def attributes(self, row: Row) -> tuple[dict[str, object], dict[str, Price], list[str]]:
        """A row's attributes, its prices by column, and texts too long for an attribute."""
        found: dict[str, object] = {}
        prices: dict[str, Price] = {}
        long: list[str] = []
        values = row.values
        for column, kind, decimal in self.plan(values).attributes:
            value = values.get(column)
            if value.__class__ is not str:
                if value is None or value == [] or value == {}:
                    continue
                value = unwrapped(value, self.setup.language)
                if kind == "price" and isinstance(value, int | float):
                    prices[column] = Price(float(value))
                found[column] = value
                continue
            text = value.strip()
            if not text:
                continue
            if kind == "text" or kind == "code":
                if text[0] == "[" and (items := parse_list(text)) is not None:
                    found[column] = items
                elif len(text) > LONG:
                    long.append(to_text(text))
                else:
                    found[column] = text
            elif kind == "price":
                price = parse_price(text, decimal)
                if price is None:
                    self._bad_price(row.line, column, text)
                else:
                    prices[column] = price
                    found[column] = price.low
            elif text.lower() not in NOTHING:
                number = parse_number(text, decimal)
                found[column] = text if number is None else number
        if more := self.more(values):
            found.update(more)
        return found, prices, long

    def _bad_price(self, line: int, column: str, text: str) -> None:
        if text.lower() in NOTHING:
            return
        self.setup.bad_price_count += 1
        if len(self.setup.bad_prices) < 5:
            self.setup.bad_prices.append((line, column, text[:40]))

    def price_in(self, values: dict[str, Any], prices: dict[str, Price], name: str) -> Price | None:
        """The price in the columns of a field."""
        for column in self.columns(values, name):
            if (price := prices.get(column)) is not None:
                return price
            if not self._fixed and column not in values and "." in column:
                value = value_at(values, column)
                if value is not None and (price := parse_price(str(value))) is not None:
                    return price
        return None

    def money(self, values: dict[str, Any], prices: dict[str, Price]) -> Money:
        """What a buyer pays now, and what it was before."""
        if not prices and self._fixed:
            return Money()
        regular = self.price_in(values, prices, "price")
        sale = self.price_in(values, prices, "sale_price")
        was = self.price_in(values, prices, "was_price")
        price = regular
        before = was.low if was is not None else None
        if sale is not None and sale.low > 0 and (regular is None or sale.low < regular.low):
            price = sale
            before = before or (regular.low if regular is not None else None)
        if price is None:
            return Money()
        currency = (
            price.currency
            or self._currency(self.first(values, self.columns(values, "currency")))
            or self.setup.currency
        )
        return Money(
            price.low, price.high, before if before and before > price.low else None, currency
        )

    @staticmethod
    def _currency(text: str) -> str | None:
        return (
            (currency_of(text) or (text.upper() if len(text) == 3 and text.isalpha() else None))
            if text
            else None
        )

    def stock(self, values: dict[str, Any]) -> bool | None:
        """Whether it can be had now."""
        for column in self.columns(values, "stock"):
            if (said := in_stock(value_at(values, column))) is not None:
                return said
        return None

    def codes(self, values: dict[str, Any]) -> tuple[str, ...]:
        """EAN, part number and what else identifies it."""
        plan = self.plan(values)
        if not plan.codes:
            return ()
        found: dict[str, None] = {}
        for column in plan.codes:
            if (text := self.first(values, [column])) and len(text) <= _CODE:
                found[text] = None
        found.pop(self.first(values, plan.fields["sku"]), None)
        return tuple(found)

    def external_id(self, row: Row) -> str:
        """The id: of the first column of ids that has one."""
        columns = self.columns(row.values, "external_id")
        found = self.first(row.values, columns[:1])
        if not found and len(columns) > 1:
            found = self.first(row.values, columns[1:])
            if found and row.line != self._said_line:
                self._said_line = row.line
                self.setup.said[f"{columns[0]} is empty"] += 1
        return found

    # A product out of rows ---------------------------------------------------------------------

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        """What the rows of a group are: mostly one product."""
        kept = []
        for row in rows:
            if reason := self.skip(row.values):
                yield LeftOut(row.line, reason)
            else:
                kept.append(row)
        rows = kept
        if not rows:
            return
        if len(rows) == 1 and key is None:
            row = rows[0]
            reason = self.left_out(row.values)
            yield LeftOut(row.line, reason) if reason else self._single(row)
            return
        yield from self._assembled(key, rows)

    def _single(self, row: Row, title: str | None = None) -> Product | Reject:
        """A product of one row."""
        values = row.values
        external_id = self.external_id(row)
        if title is None:
            title = self.title(values)
        if flaw := self.flaw(row, external_id, title):
            return flaw
        attributes, prices, long = self.attributes(row)
        money = self.money(values, prices)
        variants = self.variants_in(row, money)
        self._priced(attributes, money, variants, self.stock(values))
        fields = self.columns(values, "sku")
        return self.built(
            row,
            external_id,
            title or "",
            attributes,
            self.pictures(values),
            long,
            sku=self.first(values, fields) if fields else "",
            variants=variants,
        )

    def title(self, values: dict[str, Any]) -> str | None:
        """The title: of the first column of titles that has one; None where that is no text."""
        for column in self.columns(values, "title"):
            text = line_of(value_at(values, column), self.setup.language)
            if text is None or text:
                return text
        return ""

    def flaw(self, row: Row, external_id: str, title: str | None) -> Reject | None:
        """Why a product cannot be taken."""
        known = external_id[:MAX_ID] or None
        if title is None:
            return Reject(row.line, known, "the title is no text: name the part, --map title=PATH")
        if not title:
            return Reject(row.line, known, "no title")
        if len(title) > MAX_TITLE:
            return Reject(
                row.line, known, f"the title has {len(title):,} characters, more than {MAX_TITLE:,}"
            )
        if len(external_id) > MAX_ID:
            return Reject(row.line, external_id[:40], f"the id is longer than {MAX_ID} characters")
        return None

    def built(
        self,
        row: Row,
        external_id: str,
        title: str,
        attributes: dict[str, object],
        pictures: list[str],
        long: list[str],
        *,
        sku: str = "",
        variants: list[Variant] | None = None,
        variant_pictures: list[str] | None = None,
    ) -> Product | Reject:
        """The product, of what was read of it."""
        if _size(attributes) > MAX_ATTRIBUTES:
            return Reject(
                row.line, external_id, f"more than {MAX_ATTRIBUTES:,} characters in one row"
            )
        values = row.values
        text = self.text(values)
        if long:
            text = "\n".join([text, *long] if text else long)[:MAX_TEXT]
        url = self.first(values, self.columns(values, "url")) or None
        images = _roles(pictures, variant_pictures or [])
        return Product(
            row.line,
            external_id,
            title,
            images[0].address if images else None,
            None,
            url,
            attributes,
            text or None,
            sku or None,
            self.codes(values),
            images,
            tuple(variants or ()),
        )

    def _priced(
        self,
        attributes: dict[str, object],
        money: Money,
        variants: list[Variant],
        stock: bool | None,
    ) -> None:
        """Put price, price_max, was_price, currency and in_stock among the attributes."""
        priced = [variant for variant in variants if variant.price is not None]
        now, high, was = money.now, money.high, money.was
        if priced:
            least = min(priced, key=lambda variant: variant.price or 0.0)
            now, was = least.price, least.was_price
            high = max(variant.price or 0.0 for variant in priced)
        if now is not None:
            attributes["price"] = now
            if high is not None and high > now:
                attributes["price_max"] = high
            if was is not None:
                attributes["was_price"] = was
            if money.currency:
                attributes["currency"] = money.currency
        known = [variant.in_stock for variant in variants if variant.in_stock is not None]
        if known:
            stock = any(known)
        if stock is not None:
            attributes["in_stock"] = stock

    def _assembled(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        """A product of several rows: its own, those of its variants and of its pictures."""
        roles = [(row, self.role(row.values)) for row in rows]
        own = [row for row, role in roles if role in ("product", "both")]
        head = next((row for row in own if self.title(row.values) != ""), None)
        if head is not None and (reason := self.left_out(head.values)):
            yield LeftOut(head.line, reason, len(rows))
            return
        sold = []
        for row, role in roles:
            if role in ("variant", "both"):
                if row is not head and (reason := self.variant_left_out(row.values)):
                    yield LeftOut(row.line, reason)
                else:
                    sold.append(row)
        if head is None:
            yield from self._orphans(key, rows, sold)
            return
        yield self._joined(key, rows, head, sold)

    def _orphans(
        self, key: str | None, rows: list[Row], sold: list[Row]
    ) -> Iterator[Product | Reject | LeftOut]:
        """Variants whose product is not in the file: a product of their own, or named."""
        titled = [row for row in sold if self.title(row.values)]
        if not titled:
            for row in rows:
                yield Reject(row.line, key, "no title")
            return
        self.setup.said["variants without their product"] += len(titled)
        yield self._joined(key, rows, titled[0], titled, whole=True)

    def _joined(
        self,
        key: str | None,
        rows: list[Row],
        head: Row,
        sold: list[Row],
        *,
        whole: bool | None = None,
    ) -> Product | Reject:
        """The product that `head` names, with the variants that are sold."""
        whole = self.whole if whole is None else whole
        if len(sold) > 1 and not self.options(head.values) and not whole:
            others = [row for row in sold if row is not head]
            if any(self.options(row.values) for row in others):
                sold = others  # the product itself is no form of it
        external_id = self.group_id(key, head)
        title = self.title(head.values)
        if whole and len(sold) > 1:
            title = _common_title([self.title(row.values) or "" for row in sold]) or title
        if flaw := self.flaw(head, external_id, title):
            return flaw
        if len(sold) == 1 and sold[0] is head and not self.options(head.values) and len(rows) == 1:
            single = self._single(head, title)
            if isinstance(single, Product) and single.external_id != external_id:
                # the number of its only form finds it too
                sku = single.sku or single.external_id
                single = replace(single, external_id=external_id, sku=sku)
            return single
        attributes, prices, long = self.attributes(head)
        is_sold = any(row is head for row in sold)
        money = self.money(head.values, prices)
        read = [self._variant(row, title or "") for row in sold]
        variants = [variant for variant, _, _ in read]
        if not money.currency:
            money = Money(money.now, money.high, money.was, next((c for *_, c in read if c), None))
        if len(variants) == 1 and is_sold and not self.options(head.values):
            # one form, and rows of pictures
            variants = []
        elif variants:
            for name in _OF_VARIANTS:
                for column in self.columns(head.values, name):
                    attributes.pop(column, None)
            variants = _shared(attributes, variants, [own for _, own, _ in read], is_sold)
        self._priced(attributes, money, variants, self.stock(head.values))
        pictures = self.all_pictures(head, rows)
        fields = self.columns(head.values, "sku")
        sku = self.first(head.values, fields) if fields and not (is_sold and variants) else ""
        built = self.built(
            head,
            external_id,
            title or "",
            attributes,
            pictures,
            long,
            sku=sku,
            variants=variants,
            variant_pictures=[one.image for one in variants if one.image],
        )
        if is_sold and variants and isinstance(built, Product):
            return _without_codes(built)
        return built

    def all_pictures(self, head: Row, rows: list[Row]) -> list[str]:
        """The pictures of a product that has several rows, the main one first."""
        found = dict.fromkeys(self.pictures(head.values))
        for row in rows:
            if row is not head and self.role(row.values) != "variant":
                found.update(dict.fromkeys(self.pictures(row.values)))
        return list(found)

    def group_id(self, key: str | None, head: Row) -> str:
        """The id of a product with variants."""
        return key if key and self.whole else self.external_id(head) or key or ""

    def variant_picture(self, values: dict[str, Any]) -> str | None:
        """The picture of one variant."""
        return next(iter(self.pictures(values)), None)

    def variant_sku(self, row: Row) -> str:
        """The number under which a variant is ordered: its SKU, or its id in the file."""
        return self.first(row.values, self.columns(row.values, "sku")) or (
            self.first(row.values, self.columns(row.values, "external_id")) if self.whole else ""
        )

    def variant_title(self, values: dict[str, Any], options: dict[str, object]) -> str:
        """What a variant is called: its own title, else its options."""
        own = self.title(values) if self.whole else ""
        return own or " / ".join(str(value) for value in options.values())

    def _variant(self, row: Row, title: str) -> tuple[Variant, dict[str, object], str | None]:
        """A row as a variant, its attributes beside the options, and its currency."""
        attributes, prices, _ = self.attributes(row)
        options = self.options(row.values)
        money = self.money(row.values, prices)
        for name in _OF_VARIANTS:
            for column in self.columns(row.values, name):
                attributes.pop(column, None)
        own = self.variant_title(row.values, options)
        variant = Variant(
            row.line,
            self.variant_sku(row) or None,
            own if own and own != title else None,
            self.codes(row.values),
            options,
            self.variant_picture(row.values),
            money.now,
            money.was,
            self.stock(row.values),
        )
        return variant, attributes, money.currency


def _size(attributes: dict[str, object]) -> int:
    """How many characters attributes have, where that may be many."""
    for value in attributes.values():
        if value.__class__ is list or value.__class__ is dict:
            return len(json.dumps(attributes, default=str))
    return LONG * len(attributes)  # a longer text is none of them


def _without_codes(product: Product) -> Product:
    return replace(product, sku=None, codes=())


def _roles(pictures: list[str], of_variants: list[str]) -> tuple[Picture, ...]:
    found: dict[str, str] = {}
    for number, address in enumerate(pictures):
        found.setdefault(address, "further" if number else "main")
    for address in of_variants:
        found.setdefault(address, "variant" if found else "main")
    return tuple(Picture(address, role) for address, role in found.items())


def _shared(
    attributes: dict[str, object],
    variants: list[Variant],
    own: list[dict[str, object]],
    is_sold: bool,
) -> list[Variant]:
    """Sort attributes into those of the product and those of single variants.

    What variants differ in is listed at the product, so that it can be filtered by.
    """
    differing: dict[str, None] = {}
    for said in own:
        for name, value in said.items():
            if name not in attributes or (attributes[name] != value and is_sold):
                differing[name] = None
    result = []
    for variant, said in zip(variants, own, strict=True):
        extra = {
            name: value
            for name, value in said.items()
            if name in differing or attributes.get(name) != value
        }
        result.append(replace(variant, attributes={**extra, **variant.attributes}))
    names: dict[str, None] = dict.fromkeys(
        name for variant in result for name in variant.attributes
    )
    for name in names:
        before = attributes.get(name)
        listed: dict[object, None] = {}
        if before is not None and name not in differing:
            listed.update((item, None) for item in _as_list(before) if _short(item))
        for variant in result:
            value = variant.attributes.get(name)
            for item in _as_list(value):
                if _short(item):
                    listed[item] = None
        if listed and len(listed) <= MAX_LIST:
            values = list(listed)
            attributes[name] = values[0] if len(values) == 1 else values
        elif name in differing:
            attributes.pop(name, None)
    return result


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _short(item: object) -> bool:
    return isinstance(item, int | float) or (isinstance(item, str) and len(item) <= 100)


def _common_title(titles: list[str]) -> str:
    """What the titles of variants begin with, in whole words; the first where that is little."""
    if len(set(titles)) == 1:
        return titles[0]
    words = [title.split(" ") for title in titles]
    count = 0
    for parts in zip(*words, strict=False):
        if len(set(parts)) > 1:
            break
        count += 1
    common = _EDGE.sub("", " ".join(words[0][:count]))
    return common if len(common) >= 3 else titles[0]


Match = Callable[[RowFile, frozenset[str]], bool]


@dataclass(frozen=True, slots=True)
class Format:
    """A known shape of file.

    Attributes:
        name: as --format takes it.
        known_by: how it is recognised, in words.
        example: the start of such a file.
        matches: whether a file is one, from what it is and the plain names of its columns.
        reader: what reads it.
    """

    name: str
    known_by: str
    example: str
    matches: Match
    reader: type[Reader] = Reader
