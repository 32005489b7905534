"""The screens, in the order of the navigation.

A screen is a module here with `router` (an APIRouter whose paths are its own), `NAV` (its name and
address in the navigation, or None), and, if it writes, `edit_router`, which is there with --edit
only. Its templates are in templates/, its style and script in static/, all named after it.
"""

from __future__ import annotations

from types import ModuleType

from vitrina.web.screens import (
    api,
    docs,
    duplicates,
    evaluate,
    explain,
    metrics,
    pictures,
    product,
    search,
    searches,
    suggested,
    vocabulary,
    work,
)

SCREENS: tuple[ModuleType, ...] = (
    search,
    product,
    pictures,
    explain,
    vocabulary,
    suggested,
    work,
    duplicates,
    evaluate,
    searches,
    api,
    docs,
    metrics,
)
