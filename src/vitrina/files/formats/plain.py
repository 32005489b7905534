"""Any other table: columns are found by their names."""

from __future__ import annotations

from vitrina.files.formats.base import Format, Reader


class PlainReader(Reader):
    """Reads a table that no known system exported."""


FORMAT = Format(
    "plain",
    "anything else with a column of titles, in nine languages",
    "id,title,price,image\n7,Oak bench,129.00,https://shop.example/7.jpg\n",
    lambda file, columns: False,
    PlainReader,
)
