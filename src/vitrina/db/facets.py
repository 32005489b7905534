"""The facets of keywords."""

from __future__ import annotations

from typing import Literal

Facet = Literal["type", "material", "style", "color", "feature", "size", "audience", "other"]
FACETS: tuple[Facet, ...] = (
    "type",
    "material",
    "style",
    "color",
    "feature",
    "size",
    "audience",
    "other",
)
