"""The Chromium of the system, for tests of what people see."""

from __future__ import annotations

import importlib.util
import shutil

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
ABSENT = "tests/browser is skipped; apt-get install chromium-headless-shell"
# a test may run as root, and /dev/shm may be small; a GPU there is none
OPTIONS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--in-process-gpu")


def found() -> str | None:
    """Its path; None if it, or what drives it, is not installed."""
    if importlib.util.find_spec("playwright") is None:
        return None
    return next((path for name in NAMES if (path := shutil.which(name))), None)
