"""Readers of product files: each row becomes a product, or a reject with its line and reason."""

from vitrina.files.catalogue import ProductFile, open_products
from vitrina.files.items import Picture, Product, Reject, Repeat, Variant
from vitrina.files.mapping import Mapping
from vitrina.files.opening import open_file, open_rows
from vitrina.files.options import FileOptions
from vitrina.files.reading import Reading, Tally
from vitrina.files.rows import BadRow, Row, RowFile

__all__ = [
    "BadRow",
    "FileOptions",
    "Mapping",
    "Picture",
    "Product",
    "ProductFile",
    "Reading",
    "Reject",
    "Repeat",
    "Row",
    "RowFile",
    "Tally",
    "Variant",
    "open_file",
    "open_products",
    "open_rows",
]
