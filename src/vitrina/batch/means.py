"""What batches are made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vitrina.context import Context
from vitrina.enrich.engine import Engine
from vitrina.pictures.loader import Folders


@dataclass(frozen=True, slots=True)
class Means:
    """A catalog's context, its folders of pictures, and what builds its engines."""

    context: Context
    folders: Folders
    assemble: Callable[[Context], Engine]
