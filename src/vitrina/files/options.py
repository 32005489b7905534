"""How a file of products is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from vitrina.files.mapping import Mapping

PRUNE_MOST = 0.3  # of the products of a source


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How a file is read, and how its rows are used.

    Args:
        mapping: the columns of fields; others are recognised by name.
        encoding: of the file; by default decided by its content.
        delimiter: of a CSV; by default found in its first rows.
        sheet: the name of a workbook's sheet; by default the first with titles.
        text_config: the text-search configuration of the source (english, german, simple …).
        limit: at most so many rows.
        rejects: a CSV file for rows that cannot be used, with line and reason.
        format: the name of its format; recognised by its header without it.
        language: of texts that the file has in several; English without it.
        remap: read the columns anew, and carry the products over to their new ids.
        prune: remove the products that a complete file no longer has.
        prune_most: the share of the products that this may remove; 1 allows any number.
    """

    mapping: Mapping = field(default_factory=Mapping)
    encoding: str | None = None
    delimiter: str | None = None
    text_config: str | None = None
    limit: int | None = None
    rejects: str | None = None
    format: str | None = None
    language: str | None = None
    remap: bool = False
    prune: bool = False
    prune_most: float = PRUNE_MOST
    sheet: str | None = None
