"""The page that watches the work: across a restart of its server, and while nobody looks at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from serving import Served, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]
QUEUE = "select vitrina.queue_products(array(select p.id from vitrina.products as p limit %s))"
# a browser without a screen has no hidden tabs: the page is told that it is one
HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def shows(page: Page, selector: str, text: str) -> None:
    """Wait until an element has this text."""
    page.locator(selector, has_text=text).first.wait_for(state="attached")


def queue(served: Served, count: int) -> None:
    with psycopg.connect(served.url) as conn:
        conn.execute(QUEUE, (count,))


def test_it_is_current_again_after_a_restart(
    visit: OpenPage, make_database: Callable[[str], str], demo_template: str
) -> None:
    url = make_database(demo_template)
    with serving(url) as served:
        page = visit(served, "/work", width=820)
        queue(served, 3)
        shows(page, "[data-figure=queued]", "3")
    shows(page, "[data-live]", "lost")
    port = str(urlsplit(served.base).port)
    queue(served, 7)
    with serving(url, "--port", port) as served:
        shows(page, "[data-figure=queued]", "7")
        shows(page, "[data-live]", "updated")
        shows(page, "[data-rate]", "7 to go")
        page.goto("about:blank")


def test_a_hidden_page_holds_no_connection(visit: OpenPage, edited: Served) -> None:
    page = visit(edited, "/work")
    ended: list[str] = []
    page.on("requestfailed", lambda request: ended.append(urlsplit(request.url).path))
    queue(edited, 2)
    shows(page, "[data-figure=queued]", "2")
    with page.expect_event("requestfailed"):
        page.evaluate(HIDE, True)
    assert ended == ["/events/work"]
    queue(edited, 5)
    with page.expect_request("**/events/work"):
        page.evaluate(HIDE, False)
    shows(page, "[data-figure=queued]", "5")
