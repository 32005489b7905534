"""axe-core, which finds what people who see, hear or move otherwise cannot use."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUN = """
(rules) => axe.run({
    resultTypes: ['violations'],
    ...(rules.length ? { runOnly: { type: 'rule', values: rules } } : {}),
}).then((found) => found.violations.map((each) => [
    each.impact, each.id, each.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)),
]))
"""


def script(config: pytest.Config) -> str:
    """Its script, from npm; skips where that cannot be had."""
    cache: Path = config.cache.mkdir("axe")  # type: ignore[union-attr]
    found = cache / "node_modules" / "axe-core" / "axe.min.js"
    if not found.is_file():
        if shutil.which("npm") is None:
            pytest.skip("no npm: axe-core is not checked with")
        got = subprocess.run(
            ["npm", "install", "--prefix", cache, "--no-audit", "--no-fund", "axe-core@4"],
            capture_output=True, text=True,
        )  # fmt: skip
        if got.returncode:
            pytest.skip(f"npm has no axe-core: {got.stderr.strip()[-200:]}")
    return found.read_text("utf-8")


def serious(page: Page, *rules: str) -> list[Any]:
    """What it finds on the page that is serious or critical; of these rules only, if any are given.

    The script has to be in the page.
    """
    found: list[Any] = page.evaluate(RUN, list(rules))
    return [each for each in found if each[0] in ("serious", "critical")]
