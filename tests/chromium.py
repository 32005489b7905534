"""The Chromium of the system, for tests of what people see."""

from __future__ import annotations

import importlib.util
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
ABSENT = "tests/browser is skipped; apt-get install chromium"


def found() -> str | None:
    """Its path; None if it, or what drives it, is not installed."""
    if importlib.util.find_spec("playwright") is None:
        return None
    return next((path for name in NAMES if (path := shutil.which(name))), None)
