"""A real browser, a real `vitrina serve`, a real database with the demo catalogue.

Every page of a test is watched: an error of a script, a report of the content policy, a request to
another server, an alert, and an answer of 500 and more fail it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import chromium
import servers
from serving import Served, serving
from vitrina import embedded

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

OpenPage = Callable[..., "Page"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine."""
    path = chromium.found()
    if path is None:
        pytest.skip(chromium.ABSENT)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=chromium.OPTIONS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def shop(server: embedded.Server, demo_template: str) -> Iterator[str]:
    """The URL of the demo catalogue, for tests that change nothing."""
    name = servers.create(server, demo_template)
    yield server.url(name)
    servers.drop(server, name)


@pytest.fixture(scope="session")
def served(shop: str) -> Iterator[Served]:
    """`vitrina serve` over the demo catalogue; read-only."""
    with serving(shop) as running:
        yield running


@pytest.fixture
def edited(make_database: Callable[[str], str], demo_template: str) -> Iterator[Served]:
    """`vitrina serve --edit` over a copy of the demo catalogue."""
    with serving(make_database(demo_template), "--edit") as running:
        yield running


class Watch:
    """What went wrong on the pages of a context."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.problems: list[str] = []
        self._base = base
        context.on("page", self._page)
        context.on("request", self._request)
        context.on("response", self._response)
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective))"
        )

    def _page(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("console", self._console)

    def _console(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(f"console: {message.text}")

    def _dialog(self, dialog: Any) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self._base, "blob:", "data:", "about:")):
            self.problems.append(f"foreign: {request.url}")

    def _response(self, response: Any) -> None:
        if response.status >= 500:
            self.problems.append(f"{response.status}: {response.url}")


@pytest.fixture
def visit(browser: Browser) -> Iterator[OpenPage]:
    """A function that opens an address of a served catalogue in a browser of its own.

    visit(served, "/?q=sofa", width=390, height=844, color_scheme="dark") → the page. Options are
    those of Browser.new_context.
    """
    opened: list[tuple[BrowserContext, Watch]] = []

    def open_page(
        served: Served, path: str, *, width: int = 1280, height: int = 900, **options: Any
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(30_000)
        opened.append((context, Watch(context, served.base)))
        page = context.new_page()
        page.goto(served.base + path, wait_until="load")
        return page

    yield open_page
    problems = [problem for _, watch in opened for problem in watch.problems]
    for context, _ in opened:
        context.close()
    assert problems == []
