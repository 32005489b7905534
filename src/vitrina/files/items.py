"""Results of reading a file: products with variants and pictures, rejects, and rows left out."""

from __future__ import annotations

from dataclasses import dataclass, field


# Nothing changes these; frozen ones take five times as long to make, and each row makes one.
@dataclass(slots=True)
class Picture:
    """A picture of a product; `role` is main, further or variant."""

    address: str
    role: str = "further"


@dataclass(slots=True)
class Variant:
    """One sellable form of a product; `codes` are its EAN, part number and the like."""

    line: int
    sku: str | None = None
    title: str | None = None
    codes: tuple[str, ...] = ()
    attributes: dict[str, object] = field(default_factory=dict)
    image: str | None = None
    price: float | None = None
    was_price: float | None = None
    in_stock: bool | None = None


@dataclass(slots=True)
class Product:
    """A product as its source gives it, and the line it starts on.

    `text` is what the shop wrote about it. Its attributes have the shop's own names; beside them
    stand `price` (what a buyer pays now, the least of the variants), `price_max`, `was_price`,
    `currency` and `in_stock`, where the file says so.
    """

    line: int
    external_id: str
    title: str
    image: str | None = None
    image_stamp: str | None = None
    url: str | None = None
    attributes: dict[str, object] = field(default_factory=dict)
    text: str | None = None
    sku: str | None = None
    codes: tuple[str, ...] = ()
    images: tuple[Picture, ...] = ()
    variants: tuple[Variant, ...] = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """A row with the id, title and picture of an earlier row, which differs in no size or price."""

    line: int
    external_id: str
    first: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be used: its line, its id if it has an id, and the reason."""

    line: int
    external_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that are not for sale, or no products: drafts, hidden ones, translations."""

    line: int
    reason: str
    rows: int = 1
