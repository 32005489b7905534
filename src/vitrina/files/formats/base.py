"""How a format is read: rows that belong together become a product with its variants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from vitrina.files.formats import joining
from vitrina.files.formats.columns import Own, Setup
from vitrina.files.formats.fields import Fields, Money
from vitrina.files.html_text import MAX_TEXT, to_plain
from vitrina.files.items import LeftOut, Product, Reject, Variant
from vitrina.files.rows import Row, RowFile

__all__ = ["Format", "Money", "Own", "Reader", "Setup"]

MAX_TITLE = 2_000  # characters
MAX_ID = 500
MAX_ATTRIBUTES = 1_000_000  # characters of JSON
# Fields that say something of a variant: at a product with variants they are the variants'.
_OF_VARIANTS = ("sku", "ean", "price", "sale_price", "was_price", "stock")


class Reader(Fields):
    """Reads the rows of a plain file; the formats change the parts in which they differ.

    Class attributes:
        titled: whether there is a title even where no column is called so.
        groups: whether rows may belong together.
        whole: each row of a group is a full item with a title of its own.
    """

    titled: ClassVar[bool] = False
    groups: bool = False
    whole: ClassVar[bool] = True

    # A format may change these ---------------------------------------------------------------

    def key(self, row: Row) -> str | None:
        """The name of the group that the row belongs to; None if it stands alone."""
        columns = self.plan(row.values).fields.get("group")
        return self.first(row.values, columns) or None if columns else None

    def claims(self, row: Row) -> Iterable[tuple[str, str]]:
        """Other names of the row's group, and its key."""
        return ()

    def skip(self, values: dict[str, Any]) -> str | None:
        """Why a row is not read: a translation, a comment; None if it is read."""
        return None

    def left_out(self, values: dict[str, Any]) -> str | None:
        """Why a product is not for sale; None if it is for sale."""
        return None

    def variant_left_out(self, values: dict[str, Any]) -> str | None:
        """Why a variant is not for sale; None if it is for sale."""
        return self.left_out(values)

    def role(self, values: dict[str, Any]) -> str:
        """product, variant, both, or picture."""
        return "both"

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        """The options that tell a variant from the others: colour, size."""
        return {}

    def variants_in(self, row: Row, money: Money) -> list[Variant]:
        """Variants that stand in the row itself."""
        return []

    def pictures_in(self, row: Row, variants: list[Variant]) -> list[str]:
        """The pictures of the variants that stand in the row itself."""
        return [one.image for one in variants if one.image]

    # A product out of rows ---------------------------------------------------------------------

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        """The products of a group of rows, mostly a single product."""
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
        """A product of a single row."""
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
        built = self.built(
            row,
            external_id,
            title or "",
            attributes,
            self.pictures(values),
            long,
            sku=self.first(values, fields) if fields else "",
            variants=variants,
            variant_pictures=self.pictures_in(row, variants) if variants else None,
        )
        return self._folded(built) if variants else built

    @staticmethod
    def _folded(built: Product | Reject) -> Product | Reject:
        """A product whose only variant differs in nothing: it is that variant."""
        if not isinstance(built, Product) or len(built.variants) != 1:
            return built
        (only,) = built.variants
        if only.attributes or only.title not in (None, built.title):
            return built
        if built.sku and only.sku and built.sku != only.sku:
            return built
        codes = tuple(dict.fromkeys([*built.codes, *only.codes]))
        return replace(built, sku=built.sku or only.sku, codes=codes, variants=())

    def flaw(self, row: Row, external_id: str, title: str | None) -> Reject | None:
        """Why a product cannot be taken."""
        known = external_id[:MAX_ID] or None
        if title is None:
            return Reject(
                row.line,
                known,
                "the title is not a text: name the part of it that is, --map title=PATH",
            )
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
        """The product, built from the parts that were read."""
        if joining.size(attributes) > MAX_ATTRIBUTES:
            return Reject(
                row.line, external_id, f"more than {MAX_ATTRIBUTES:,} characters in one row"
            )
        values = row.values
        text = self.text(values)
        if long:
            text = "\n".join([text, *long] if text else long)[:MAX_TEXT]
        url = self.first(values, self.columns(values, "url")) or None
        images = joining.roles(pictures, variant_pictures or [])
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
            title = joining.common_title([self.title(row.values) or "" for row in sold]) or title
        if flaw := self.flaw(head, external_id, title):
            return flaw
        if len(sold) == 1 and sold[0] is head and not self.options(head.values) and len(rows) == 1:
            single = self._single(head, title)
            if isinstance(single, Product) and single.external_id != external_id:
                # the number of its only form finds it too
                sku = single.sku or single.external_id or None
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
            # the only form, and rows of pictures
            variants = []
        elif variants:
            for name in _OF_VARIANTS:
                for column in self.columns(head.values, name):
                    attributes.pop(column, None)
            variants = joining.shared(attributes, variants, [own for _, own, _ in read], is_sold)
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
            variant_pictures=[
                address
                for row in sold[: len(variants)]
                for address in self.variant_pictures(row.values)
            ],
        )
        if is_sold and variants and isinstance(built, Product):
            return replace(built, sku=None, codes=())
        return self._folded(built)

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

    def variant_pictures(self, values: dict[str, Any]) -> list[str]:
        """The pictures of a variant, its own first."""
        return self.pictures(values)

    def variant_sku(self, row: Row) -> str:
        """The number under which a variant is ordered: its SKU, or its id in the file."""
        return self.first(row.values, self.columns(row.values, "sku")) or (
            self.first(row.values, self.columns(row.values, "external_id")) if self.whole else ""
        )

    def variant_title(self, values: dict[str, Any], options: dict[str, object]) -> str:
        """The name of a variant: its own title, else its options."""
        own = self.title(values) if self.whole else ""
        return own or " / ".join(str(value) for value in options.values())

    def _variant(self, row: Row, title: str) -> tuple[Variant, dict[str, object], str | None]:
        """A row as a variant, its attributes beside the options, and its currency."""
        attributes, prices, _ = self.attributes(row)
        options = to_plain(self.options(row.values))
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
            next(iter(self.variant_pictures(row.values)), None),
            money.now,
            money.was,
            self.stock(row.values),
        )
        return variant, attributes, money.currency


Match = Callable[[RowFile, frozenset[str]], bool]


@dataclass(frozen=True, slots=True)
class Format:
    """A known shape of file.

    Attributes:
        name: as --format takes it.
        known_by: how it is recognised, in words.
        example: the start of such a file.
        matches: whether a file has the format, from the file and the plain names of its columns.
        reader: reads its rows.
    """

    name: str
    known_by: str
    example: str
    matches: Match
    reader: type[Reader] = Reader
