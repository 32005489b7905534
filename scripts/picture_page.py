"""Draws docs/serve.webp: the search of the demo catalogue, as a browser shows it.

    vitrina demo && python scripts/picture_page.py

Needs Chromium and the packages of requirements/dev.txt; asks the database that `vitrina` uses.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "serve.webp"
SEARCH = "/?q=chair"
SIZE = {"width": 1200, "height": 820}
MOST = 300_000  # bytes

sys.path.append(str(ROOT / "tests"))


def main() -> None:
    import chromium

    path = chromium.found()
    if path is None:
        raise SystemExit("no Chromium: apt-get install chromium-headless-shell")
    server = subprocess.Popen(
        [sys.executable, "-m", "vitrina", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[2]
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=path, args=chromium.OPTIONS)
            page = browser.new_page(viewport=SIZE, color_scheme="light")
            page.goto(address + SEARCH, wait_until="networkidle")
            shot = Image.open(io.BytesIO(page.screenshot()))
            browser.close()
    finally:
        server.terminate()
        server.wait()
    shot.convert("RGB").save(TARGET, "WEBP", quality=82, method=6)
    size = TARGET.stat().st_size
    assert size < MOST, f"{size:,} bytes are too many"
    print(f"{TARGET.relative_to(ROOT)}: {size:,} bytes")


if __name__ == "__main__":
    main()
