"""The shapes of file that shops' systems export, each recognised by its header or its root."""

from __future__ import annotations

import difflib

from vitrina.errors import InputError
from vitrina.files.formats import (
    amazon,
    bigcommerce,
    ebay,
    etsy,
    google,
    json_ld,
    magento,
    medusa,
    own,
    plain,
    prestashop,
    rakuten,
    saleor,
    shop_json,
    shopify,
    square,
    squarespace,
    vendure,
    wix,
    woocommerce,
)
from vitrina.files.formats.base import Format
from vitrina.files.names import plain as plain_name
from vitrina.files.rows import RowFile

# the surest first: formats with words of their own before formats that share words
FORMATS: tuple[Format, ...] = (
    own.FORMAT,
    shopify.FORMAT,
    json_ld.FORMAT,
    shop_json.FORMAT,
    ebay.FORMAT,
    bigcommerce.LEGACY,
    bigcommerce.FORMAT,
    medusa.FORMAT,
    vendure.FORMAT,
    saleor.FORMAT,
    prestashop.FORMAT,
    rakuten.FORMAT,
    square.FORMAT,
    squarespace.FORMAT,
    wix.FORMAT,
    etsy.FORMAT,
    amazon.ABO,
    amazon.FORMAT,
    google.META,
    google.FORMAT,
    magento.FORMAT,
    woocommerce.FORMAT,
    shop_json.SAMPLE,
    plain.FORMAT,
)

OWN = own.FORMAT.name

__all__ = ["FORMATS", "OWN", "Format", "is_own_export", "named", "recognised"]


def named(name: str) -> Format:
    """The format of that name. Raises InputError, with the nearest name, if unknown."""
    for one in FORMATS:
        if one.name == name:
            return one
    known = [one.name for one in FORMATS]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"they are {', '.join(known)}"
    raise InputError(f"no format {name!r}: {hint} (vitrina formats)")


def recognised(file: RowFile) -> Format:
    """The format of a file; `plain` if it has no known format."""
    columns = frozenset(plain_name(column) for column in file.columns)
    return next((one for one in FORMATS if one.matches(file, columns)), plain.FORMAT)


def is_own_export(file: RowFile) -> bool:
    """Whether vitrina has exported it: it tells all of its columns itself."""
    return recognised(file) is own.FORMAT
