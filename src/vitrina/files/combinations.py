"""PrestaShop's combinations: the variants of the products that stand in another table."""

from __future__ import annotations

from collections.abc import Generator

from vitrina.files.names import plain
from vitrina.files.rows import BadRow, Row, RowFile

ATTRIBUTE = frozenset({"attribute", "attribut"})
VALUE = frozenset({"value", "valeur"})
PRODUCT_REFERENCE = frozenset({"productreference", "referenceproduit", "referenceduproduit"})
_IDS = frozenset({"productid", "idproduit", "idduproduit", "id"})


def is_combinations(columns: list[str]) -> bool:
    """Whether these are the columns of combinations."""
    names = {plain(column) for column in columns}
    return bool(names & ATTRIBUTE and names & VALUE)


def joined(first: RowFile, second: RowFile) -> RowFile | None:
    """Products and their combinations as a single table; None for tables of another kind."""
    if is_combinations(first.columns):
        first, second = second, first
    listed = any("(x,y,z" in column.lower().replace(" ", "") for column in first.columns)
    if is_combinations(first.columns) or not is_combinations(second.columns) or not listed:
        return None
    known = {plain(column): column for column in first.columns}
    own_id = next((column for name, column in known.items() if name in _IDS), None)
    renamed = {
        column: own_id
        if own_id is not None and plain(column) in _IDS
        else known.get(plain(column), column)
        for column in second.columns
    }
    columns = list(dict.fromkeys([*first.columns, *renamed.values()]))

    def read() -> Generator[Row | BadRow, None, None]:
        empty = dict.fromkeys(columns, "")
        for row in first.read():
            yield row if isinstance(row, BadRow) else Row(row.line, {**empty, **row.values})
        for row in second.read():
            if isinstance(row, BadRow):
                yield row
                continue
            values = {renamed[column]: value for column, value in row.values.items()}
            yield Row(row.line, {**empty, **values})

    return RowFile(
        first.name,
        "csv",
        read,
        columns=columns,
        encoding=first.encoding,
        delimiter=first.delimiter,
        said=[*first.said, *(said for said in second.said if said not in first.said)],
    )
