"""How a file of products is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from vitrina.files.mapping import Mapping


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What is told of a file, and what is done with its rows.

    Args:
        mapping: which columns are what; recognised by name without one.
        encoding: of the file.
        delimiter: of a CSV; found in its header without one.
        text_config: the text-search configuration of the source (english, german, simple …).
        limit: at most so many rows.
        rejects: a CSV file for rows that cannot be used, with line and reason.
    """

    mapping: Mapping = field(default_factory=Mapping)
    encoding: str = "utf-8"
    delimiter: str | None = None
    text_config: str | None = None
    limit: int | None = None
    rejects: str | None = None
