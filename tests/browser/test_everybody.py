"""Every screen, as everybody meets it: by axe-core, at each width, in light and dark, enlarged, by few colours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from fastapi import APIRouter

import axe
import servers
import worked_shop
from serving import Served, serving
from vitrina import embedded
from vitrina.web.screens import SCREENS as SCREENS_OF_THE_PAGE

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

OpenPage = Callable[..., "Page"]
WIDTHS = (1440, 820, 390)
NARROW = (720, 320)  # what 1440 and 640 pixels are when a page is shown at twice its size
SCREENS = (
    "/?q=grey+sofa&n=6",
    "/?k.color=gray&pic=p:1&view=list&n=6",
    "/?pic=p:1&box=0.1,0.2,0.5,0.5&n=6",
    "/?like=1&like=2&unlike=3&n=6",
    "/?q=aquarium&k.color=gray&price=5000..",
    "/?q=gren+velvet+sofa+under+5000&n=6",
    "/product/1?why=sofa",
    "/product/5",
    "/explain",
    "/explain?product=FU-107&q=desk+lamp&beside=FU-108",
    "/vocabulary?facet=color",
    "/vocabulary/keyword?name=sofa&change=1&products=2",
    "/vocabulary/review",
    "/vocabulary/suggested",
    "/duplicates",
    "/vocabulary/history?undone=1",
    "/work?retried=3",
    "/work?doctor=1",
    "/work/file/{file}",
    "/evaluate",
    "/evaluate?q=grey+sofa",
    "/evaluate/compare?a.mode=text&b.mode=vector",
    "/searches?which=empty&query=aquarium",
    "/docs",
    "/login",
    "/nothing",
    "/?colour=red",
)
NO_PAGES = ("/api/", "/part/", "/pic/", "/events/", "/picture", "/metrics")
ROWS = "sku,name,price,brand\n" + "".join(
    f"N{i},Walnut desk {i},{i}9,Norrland\n" for i in range(12)
)


def test_no_screen_is_left_out() -> None:
    looked_at = {re.sub(r"[^/]*\d$|{file}", "{}", path.partition("?")[0]) for path in SCREENS}
    for screen in SCREENS_OF_THE_PAGE:
        for router in (screen.router, getattr(screen, "edit_router", APIRouter())):
            for route in router.routes:
                path = re.sub("{.*}", "{}", route.path)
                is_page = (
                    "GET" in route.methods and not path.startswith(NO_PAGES) and "." not in path
                )
                assert not is_page or path in looked_at, path


@pytest.fixture(scope="module")
def worked(server: embedded.Server, demo_template: str) -> Iterator[Served]:
    """`vitrina serve --edit` over a shop at work."""
    name = servers.create(server, demo_template)
    worked_shop.fill(server.url(name))
    with serving(server.url(name), "--edit") as running:
        yield running
    servers.drop(server, name)


@pytest.fixture(scope="module")
def dropped(worked: Served) -> str:
    """The id of a file that was dropped."""
    headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": worked.csrf(), "Accept": "application/json"}  # fmt: skip
    kept = worked.post("/work/file?name=autumn.csv", data=ROWS.encode(), headers=headers)
    return str(kept.json()["id"])


def too_wide(page: Page, width: int) -> list[str]:
    """What makes a page of this width scroll sideways."""
    page.set_viewport_size({"width": width, "height": 900})
    if page.evaluate("document.documentElement.scrollWidth") <= width:
        return []
    found: list[str] = page.evaluate(
        "width => [...document.querySelectorAll('main *')]"
        ".filter((each) => each.getBoundingClientRect().right > width + 1)"
        ".map((each) => each.outerHTML.slice(0, 120)).slice(0, 3)",
        width,
    )
    return [f"{width}: {found}"]


@pytest.mark.parametrize("path", SCREENS)
def test_everybody_can_use_it(
    visit: OpenPage, worked: Served, dropped: str, path: str, request: pytest.FixtureRequest
) -> None:
    script = axe.script(request.config)
    # without motion, which would be looked at half-way
    path = path.replace("{file}", dropped)
    page = visit(worked, path, width=WIDTHS[0], reduced_motion="reduce")
    page.evaluate(script)
    found = []
    for width in WIDTHS:
        wide = too_wide(page, width)
        page.emulate_media(color_scheme="light")
        found += wide + axe.serious(page)
        page.emulate_media(color_scheme="dark")
        found += axe.serious(page, "color-contrast")
    for width in NARROW:
        found += too_wide(page, width)
    assert found == []


def test_what_opens_can_be_used_too(
    visit: OpenPage, worked: Served, request: pytest.FixtureRequest
) -> None:
    script = axe.script(request.config)
    page = visit(worked, "/?q=grey+sofa&n=6", width=1440, reduced_motion="reduce")
    page.evaluate(script)

    def check(what: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert axe.serious(page) == [], (what, scheme)

    page.locator("details.how summary").click()
    card = page.locator("[data-card]").first
    card.hover()
    card.locator(".menu summary").click()
    check("a menu, and how to ask")
    page.keyboard.press("Escape")
    page.locator("#q").fill("so")
    page.locator("#suggestions li").first.wait_for()
    check("suggestions")
    page.keyboard.press("Escape")
    for name in ("help", "picture"):
        page.locator(f"[data-opens={name}]").click()
        check(name)
        page.keyboard.press("Escape")
    page.locator("#q").fill("grey sofa")
    page.locator("#q").press("Enter")
    page.wait_for_function("() => !document.querySelector('.column').hasAttribute('aria-busy')")
    page.locator("[data-card-link]").first.focus()
    page.keyboard.press("e")
    page.locator("dialog.side").wait_for()
    check("why it is here")
    page.set_viewport_size({"width": 390, "height": 844})
    page.keyboard.press("Escape")
    page.locator("#filters > summary").click()
    page.locator("#sheet fieldset").first.wait_for()
    check("filters on a phone")
    page.locator("#sheet input[type=checkbox]").first.check()
    page.locator(".chips li").first.wait_for(state="attached")
    assert page.locator("main [role=alert]:visible").count() == 0
    page.locator("[data-shut]").click()
    page.wait_for_function("() => document.activeElement.id === 'results-title'")
    assert page.locator("#filters fieldset").first.is_hidden()
    page.locator("#filters > summary").click()
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.activeElement.matches('#filters > summary')")
    page.locator("#filters > summary").click()
    page.set_viewport_size({"width": 1440, "height": 844})
    page.locator(".layout > aside fieldset").first.wait_for()  # beside the products again
    assert page.locator("#sheet").is_hidden()


def test_it_can_be_told_apart_by_few_colours(visit: OpenPage, worked: Served) -> None:
    page = visit(worked, "/?q=grey+sofa&n=6&k.color=gray", forced_colors="active", width=1440)
    page.locator("[data-card-link]").first.focus()
    page.keyboard.press("ArrowRight")
    ring = (
        page.locator("[data-card]")
        .nth(1)
        .evaluate(
            "(card) => [getComputedStyle(card).outlineStyle, parseFloat(getComputedStyle(card).outlineWidth)]"
        )
    )
    assert ring == ["solid", 2]
    drawn = "(each) => { const s = getComputedStyle(each); return parseFloat(s.outlineWidth) * (s.outlineStyle !== 'none') + parseFloat(s.borderBottomWidth) * (s.borderBottomStyle !== 'none'); }"
    for chosen in ("#view-grid", ".top nav [aria-current]"):
        other = chosen.replace("grid", "list").replace("[aria-current]", "a:not([aria-current])")
        assert page.locator(chosen).evaluate(drawn) > page.locator(other).first.evaluate(drawn)
    page = visit(worked, "/evaluate?q=grey+sofa", forced_colors="active")
    grades = page.locator(".grades").last.locator("button")
    widths = {each.get_attribute("aria-pressed"): each.evaluate(drawn) for each in grades.all()}
    assert widths["true"] > widths[None]


def test_what_is_counted_later_leaves_the_focus_where_it_is(
    visit: OpenPage, served: Served
) -> None:
    page = visit(served, "/?q=sofa&n=6", width=390, height=844)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/part/facets*", hold)
    page.locator("#q").fill("grey sofa")
    with page.expect_request("**/part/facets*"):
        page.locator("#q").press("Enter")
    page.locator("#filters > summary").focus()
    page.evaluate("() => { document.querySelector('#filters').dataset.old = '' }")
    while not held:
        page.evaluate("1")  # lets the driver hand over the route
    for route in held:
        route.continue_()
    page.wait_for_function("() => !document.querySelector('#filters[data-old]')")
    assert page.evaluate("() => document.activeElement.matches('#filters > summary')")
