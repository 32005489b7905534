"""How a file of products is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from vitrina.files.mapping import Mapping


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What is told of a file, and what is done with its rows.

    Args:
        mapping: which columns are what; recognised by name without one.
        encoding: of the file; decided by what is in it without one.
        delimiter: of a CSV; found in its first rows without one.
        text_config: the text-search configuration of the source (english, german, simple …).
        limit: at most so many rows.
        rejects: a CSV file for rows that cannot be used, with line and reason.
        format: the name of its format; recognised by its header without it.
        language: of texts that the file has in several; English without it.
        remap: read the columns anew, and carry the products over to their new ids.
        prune: remove the products that a complete file no longer has, unless that is above half.
        prune_all: remove them even then.
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
    prune_all: bool = False
