"""Readers of product files: each row becomes a product, or a reject with its line and reason."""

from vitrina.files.mapping import Mapping, Product, Reject, Repeat, read_products
from vitrina.files.options import FileOptions
from vitrina.files.rows import BadRow, Row, open_rows

__all__ = [
    "BadRow",
    "FileOptions",
    "Mapping",
    "Product",
    "Reject",
    "Repeat",
    "Row",
    "open_rows",
    "read_products",
]
