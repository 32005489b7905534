"""The search in a real browser: typed, by picture, by keyboard, with and without scripts."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psycopg
import pytest

from openai_stub import OpenAIStub
from serving import Served, serving
from vitrina.cli.demo import folder

if TYPE_CHECKING:
    from playwright.sync_api import Page

DROP = """
([name, data]) => {
    const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], 'picture.webp', { type: 'image/webp' }));
    const given = name === 'paste' ? { clipboardData: transfer } : { dataTransfer: transfer };
    const kind = name === 'paste' ? ClipboardEvent : DragEvent;
    document.body.dispatchEvent(new kind(name, { ...given, bubbles: true, cancelable: true }));
}
"""


def ids(page: Page) -> list[str]:
    """The products on the page, in their order."""
    return page.locator("[data-card]").evaluate_all(
        "(all) => all.map((each) => each.dataset.product)"
    )


def query(page: Page) -> str:
    return str(page.evaluate("decodeURIComponent(location.search)"))


def settled(page: Page, address: str) -> None:
    """Wait until the page shows this state, its count too."""
    page.wait_for_function(
        "(wanted) => decodeURIComponent(location.search) === wanted"
        " && document.querySelector('[data-part=results]').dataset.address === location.pathname + location.search"
        " && !document.querySelector('.column').hasAttribute('aria-busy')",
        arg=address,
    )


def test_results_come_as_typed_and_one_step_leads_back(served: Served, visit: Any) -> None:
    page = visit(served, "/")
    everything = ids(page)
    page.locator("#q").press_sequentially("grey sofa", delay=30)
    settled(page, "?q=grey sofa")
    assert page.locator("[data-card] h3").first.inner_text() == "Three-Seater Sofa in Grey Linen"
    found = ids(page)
    page.go_back()
    settled(page, "")
    assert ids(page) == everything
    assert page.locator("#q").input_value() == ""
    page.go_forward()
    settled(page, "?q=grey sofa")
    assert (ids(page), page.locator("#q").input_value()) == (found, "grey sofa")


def test_an_answer_that_comes_late_is_not_shown(served: Served, visit: Any) -> None:
    page = visit(served, "/")
    first, done = threading.Event(), []

    def hold(route: Any) -> None:
        if not first.is_set():
            first.set()
            done.append(route)  # answered after the next one
        else:
            route.continue_()

    page.route("**/part/search*", hold)
    page.locator("#q").fill("lamp")
    page.wait_for_function(
        "() => document.querySelector('.column').getAttribute('aria-busy') === 'true'"
    )
    while not done:
        page.evaluate("1")  # lets the driver hand over the route
    page.locator("#q").fill("sofa")
    settled(page, "?q=sofa")
    shown = ids(page)
    done[0].continue_()
    page.evaluate("() => fetch('/part/search?q=lamp').then((answer) => answer.text())")
    assert query(page) == "?q=sofa"
    assert ids(page) == shown


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_picture_searches(served: Served, visit: Any, how: str) -> None:
    page = visit(served, "/")
    data = base64.b64encode((folder() / "queries" / "armchair.webp").read_bytes()).decode()
    page.evaluate(DROP, [how, data])
    page.wait_for_function("() => location.search.startsWith('?pic=s')")
    assert "Armchair" in page.locator("[data-card] h3").first.inner_text()
    assert page.locator(".asked img").first.evaluate(
        "(image) => image.decode().then(() => image.naturalWidth)"
    )
    # with words: the state of both
    page.locator("#q").fill("sofa")
    page.locator("#q").press("Enter")
    page.wait_for_function(
        "() => location.search.includes('q=sofa') && location.search.includes('pic=s')"
    )
    # another visitor sees the same while the server remembers the picture
    other = visit(served, page.evaluate("location.pathname + location.search"))
    assert ids(other) == ids(page)


def test_a_box_is_drawn_on_the_picture(served: Served, visit: Any) -> None:
    page = visit(served, "/")
    data = base64.b64encode((folder() / "queries" / "armchair.webp").read_bytes()).decode()
    page.evaluate(DROP, ["drop", data])
    page.wait_for_function("() => location.search.startsWith('?pic=s')")
    page.locator("#part summary").click()
    box = page.locator("[data-box]")
    area = box.bounding_box()
    assert area["width"] > 100
    # with a pointer
    page.mouse.move(area["x"] + area["width"] * 0.5, area["y"] + area["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.7, area["y"] + area["height"] * 0.6)
    page.mouse.move(area["x"] + area["width"] * 0.9, area["y"] + area["height"] * 0.75)
    page.mouse.up()
    page.wait_for_function("() => location.search.includes('box=')")
    given = page.evaluate("new URLSearchParams(location.search).get('box').split(',').map(Number)")
    assert all(abs(a - b) < 0.02 for a, b in zip(given, (0.5, 0.25, 0.4, 0.5), strict=True)), given
    by_box = ids(page)
    # by keys, after the answer: the box is still where it was
    page.wait_for_function("() => !document.querySelector('.column').hasAttribute('aria-busy')")
    left = float(page.locator("#box-x").input_value())
    page.locator("[data-box]").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "(left) => Number(new URLSearchParams(location.search).get('box').split(',')[0]) < left - 0.01",
        arg=left,
    )
    # by numbers, and out of range
    page.locator("#box-w").fill("2")
    page.locator("#box-w").press("Tab")
    page.locator("[data-failed]").wait_for()
    assert "at most 1" in page.locator("[data-failed]").inner_text()
    # the address is the state, and the whole picture is a link away
    other = visit(served, "/?" + urlencode({"pic": page.evaluate(
        "new URLSearchParams(location.search).get('pic')"), "box": ",".join(map(str, given))}))  # fmt: skip
    assert ids(other) == by_box
    other.get_by_role("link", name="The whole picture").click()
    other.wait_for_function("() => !location.search.includes('box=')")


def test_what_is_no_picture_is_said(served: Served, visit: Any) -> None:
    page = visit(served, "/")
    page.evaluate(DROP, ["drop", base64.b64encode(b"<svg onload=alert(1)>").decode()])
    page.locator("[data-picture-error]").wait_for()
    assert "is an SVG drawing" in page.locator("[data-picture-error]").inner_text()


def test_facets_count_what_a_click_gives_and_back_takes_it_back(served: Served, visit: Any) -> None:
    page = visit(served, "/?q=table")
    before = ids(page)
    box = page.locator("fieldset:has(legend:text-is('Color')) label").nth(1)
    count = int(box.locator(".number").inner_text())
    name = box.locator(".name").inner_text()
    box.click()
    settled(page, f"?k.color={name}&q=table")
    assert len(ids(page)) == count
    other = page.locator(
        "fieldset:has(legend:text-is('Color')) label:has(input:not(:checked))"
    ).first
    more = int(other.locator(".number").inner_text())
    assert more > 0  # the facet is not narrowed by its own choice
    page.locator("[data-chip]").click()
    settled(page, "?q=table")
    page.wait_for_function("() => document.activeElement.id === 'results-title'")
    page.go_back()
    settled(page, f"?k.color={name}&q=table")
    page.go_back()
    settled(page, "?q=table")
    assert ids(page) == before


def test_the_keyboard_suffices(served: Served, visit: Any) -> None:
    page = visit(served, "/?k.color=black")
    page.evaluate("document.activeElement.blur()")  # the box, where a page without words begins
    page.keyboard.press("/")
    page.keyboard.type("sof")
    page.locator("#suggestions li").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert page.locator("#q").get_attribute("aria-activedescendant") == "suggestion-0"
    page.keyboard.press("Escape")
    assert page.locator("#suggestions").is_hidden()
    assert page.locator("#q").input_value() == "sof"
    page.keyboard.press("Escape")
    assert page.locator("#q").input_value() == ""
    settled(page, "?k.color=black")
    page.keyboard.type("table")
    page.keyboard.press("Enter")
    settled(page, "?k.color=black&q=table")
    page.keyboard.press("ArrowDown")
    cards = page.locator("[data-card-link]")
    assert cards.nth(0).evaluate("(each) => each === document.activeElement")
    page.keyboard.press("ArrowRight")
    assert cards.nth(1).evaluate("(each) => each === document.activeElement")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_url("**/product/*")
    assert page.locator("h1").inner_text()


# without a pause between letters, however busy the machine is
TYPED = """(field, text) => {
    field.focus();
    for (const letter of text) {
        field.value += letter;
        field.dispatchEvent(new InputEvent('input', {bubbles: true, data: letter}));
    }
}"""


def test_words_are_embedded_once(
    make_database: Any, template: str, visit: Any, tmp_path: Path
) -> None:
    with OpenAIStub(dimensions=64) as stub:
        url, env = (
            make_database(template),
            {"OPENAI_BASE_URL": stub.url, "VITRINA_DIMENSIONS": "64"},
        )
        file = tmp_path / "products.csv"
        file.write_text("id,title\n1,Grey sofa\n2,Oak table\n")
        ingest = ["--database-url", url, "ingest", str(file)]
        subprocess.run([sys.executable, "-m", "vitrina", *ingest], env=os.environ | env, check=True)
        with serving(url, env=env) as asked:
            page = visit(asked, "/")
            before = stub.calls["embeddings"]
            page.locator("#q").evaluate(TYPED, "grey sofa")
            settled(page, "?q=grey sofa")
            page.wait_for_function("() => !document.querySelector('[data-rough]')")
            assert ids(page)[0] == "1"
            assert stub.calls["embeddings"] == before + 1


def tab_to(page: Page, selector: str) -> None:
    """Go on with the tab key until an element is reached."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"no way to {selector}")


def test_a_day_at_work_by_the_keyboard(edited: Served, visit: Any) -> None:
    page = visit(edited, "/", width=1440)
    page.keyboard.type("table")
    page.keyboard.press("Enter")
    settled(page, "?q=table")
    tab_to(page, "[name='k.color']")
    page.keyboard.press("Space")
    page.wait_for_function("() => location.search.includes('k.color=')")
    page.wait_for_function("() => !document.querySelector('.column').hasAttribute('aria-busy')")
    assert page.evaluate("document.activeElement.name") == "k.color"
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("e")
    page.locator("dialog.side .verdict").wait_for()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('[data-card-link]')")
    tab_to(page, "a[href='/evaluate']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/evaluate")
    page.keyboard.press("/")
    page.keyboard.type("table")
    page.keyboard.press("Enter")
    page.wait_for_url("**/evaluate?q=table")
    page.wait_for_function("() => document.activeElement.matches('[data-candidate]')")
    graded = "select count(*), max(grade) from vitrina.judgements"
    with psycopg.connect(edited.url, autocommit=True) as conn:
        page.keyboard.press("2")
        page.get_by_text("saved", exact=True).wait_for()
        assert conn.execute(graded).fetchone() == (1, 2)
        page.keyboard.press("u")
        page.wait_for_function(
            "() => document.querySelector('[data-count]').textContent.startsWith('0')"
        )
        page.get_by_text("saved", exact=True).wait_for()
        assert conn.execute(graded).fetchone() == (0, None)


def test_an_address_shows_the_same_to_another_visitor(served: Served, visit: Any) -> None:
    address = "/?a.category=Furniture&k.color=black&price=..400&q=chair&sort=-price&view=list"
    page = visit(served, "/")
    page.goto(served.base + address)
    assert page.evaluate("location.pathname + location.search") == address
    chips = page.locator("[data-chip]").all_inner_texts()
    assert len(chips) == 3
    prices = [
        float(each.split()[0].replace(",", ""))
        for each in page.locator("[data-card] .price").all_inner_texts()
    ]
    assert prices == sorted(prices, reverse=True)
    assert all(price <= 400 for price in prices)
    other = visit(served, address)
    assert (ids(other), other.locator("[data-chip]").all_inner_texts()) == (ids(page), chips)


def test_it_works_without_scripts(served: Served, visit: Any) -> None:
    page = visit(served, "/?n=5", java_script_enabled=False)
    page.locator("#q").fill("table")
    page.locator("#search button.primary").click()
    assert "q=table" in page.url
    label = page.locator("fieldset:has(legend:text-is('Color')) label").first
    count = int(label.locator(".number").inner_text())
    label.locator("input").check()
    page.locator("button.plain").click()
    assert "k.color=" in page.url
    assert page.locator("[data-part=total]").inner_text().split()[0] == str(count)
    page.goto(served.base + "/?n=5")
    first = page.locator("[data-card] h3").all_inner_texts()
    page.locator("a[rel=next]").click()
    assert "page=2" in page.url
    assert not set(first) & set(page.locator("[data-card] h3").all_inner_texts())
    page.locator("[data-card-link]").first.click()
    assert "/product/" in page.url
    page.locator("form.theme button").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_one_message_for_a_settled_query(served: Served, visit: Any) -> None:
    page = visit(served, "/")
    page.evaluate(
        """() => { window.said = [];
        new MutationObserver(() => said.push(document.querySelector('[data-status]').textContent))
            .observe(document.querySelector('[data-status]'), { childList: true }); }"""
    )
    page.locator("#q").press_sequentially("grey sofa", delay=20)
    page.wait_for_function("() => said.length > 0")
    assert page.evaluate("said") == [page.locator("[data-part=total]").inner_text()]


def test_nothing_found_says_what_could_go(served: Served, visit: Any) -> None:
    page = visit(served, "/?k.color=pink&price=5000..&q=sofa")
    ways = page.locator(".nothing ul").first.locator("a")
    assert ways.count() > 0
    count = int(
        page.locator(".nothing ul")
        .first.locator("li")
        .first.inner_text()
        .rsplit(":", 1)[1]
        .split()[0]
    )
    ways.first.click()
    page.wait_for_function("() => !document.querySelector('.nothing')")
    assert len(ids(page)) == count
    page = visit(served, "/?q=aquarium")
    assert "Not matches" in page.locator(".nothing .rule").inner_text()
    page = visit(served, "/?q=gery+couvh")
    assert "couch" in page.locator(".notice").inner_text()


def test_the_first_page_is_light_and_does_not_jump(served: Served, visit: Any) -> None:
    page = visit(served, "/login")
    sizes: list[tuple[str, int]] = []
    page.on(
        "response",
        lambda answer: sizes.append((answer.url, answer.request.sizes()["responseBodySize"])),
    )
    page.add_init_script(
        """window.shifts = 0; new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts += entry.value;
        }).observe({ type: 'layout-shift', buffered: true })"""
    )
    page.goto(served.base + "/", wait_until="networkidle")
    light = [(url, size) for url, size in sizes if "/pic/" not in url]
    assert sum(size for _, size in light) < 100_000, light
    assert len(light) <= 12
    assert page.evaluate("shifts") < 0.02
    for path in ("/?q=sofa&view=list", "/product/1", "/vocabulary", "/evaluate?q=chair", "/work"):
        page.goto(served.base + path, wait_until="load")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        assert page.evaluate("shifts") < 0.02, path
    assert [url for url, _ in sizes if "/pic/" in url]
    sizes.clear()
    page.goto(served.base + "/", wait_until="networkidle")
    pictures = page.evaluate(
        "performance.getEntriesByType('resource').filter((each) => each.name.includes('/pic/'))"
        ".map((each) => each.transferSize)"
    )
    assert pictures
    assert set(pictures) == {0}  # from the cache of the browser, without a request


def test_hostile_words_are_words(edited: Served, visit: Any) -> None:
    evil = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{7*7}}"
    # as a row of a shop's own table may be; files are cleaned when they are read
    with psycopg.connect(edited.url) as conn:
        conn.execute(
            """update vitrina.products set title = %(evil)s || ' ' || title, external_id = %(evil)s || id,
                url = 'javascript:alert(3)', caption = %(evil)s, text = %(evil)s, image = %(evil)s,
                attributes = attributes || jsonb_build_object('brand', %(evil)s::text, %(evil)s::text, 1)
            where id <= 4""",
            {"evil": evil},
        )
    there = [
        "/?n=4",
        "/product/1?why=%3Cscript%3Ealert(4)%3C/script%3E",
        "/?q=%3Cscript%3Ealert(5)%3C/script%3E&n=4",
        f"/?{urlencode({'a.brand': evil})}",
        f"/?{urlencode({'k.color': evil})}",
        f"/?{urlencode({evil: evil})}",
    ]
    for path in there:
        page = visit(edited, path)
        assert page.locator("script:not([src])").count() == 0
        assert page.locator("img[onerror]").count() == 0
        assert page.locator("a[href^='javascript:']").count() == 0
        if page.locator("#q").count():  # its parts too, put in by the script
            page.locator("#q").fill("<img src=x onerror=alert(6)>")
            page.wait_for_function("() => location.search.includes('onerror')")
            assert page.locator("img[onerror]").count() == 0
    page = visit(edited, there[0])
    assert evil in page.locator("[data-card] h3").first.inner_text()
    assert evil in visit(edited, there[1]).locator("h1").inner_text()


def test_prices_are_chosen_with_handles(served: Served, visit: Any) -> None:
    page = visit(served, "/?q=chair")
    assert page.locator(".bars rect").count() >= 24
    page.locator("[data-range=to]").fill("200")
    settled(page, "?price=..200&q=chair")
    prices = page.locator("[data-card] .price").all_inner_texts()
    assert prices
    assert all(float(each.split()[0].replace(",", "")) <= 200 for each in prices)
    assert page.locator(".bars rect.out").count() > 0  # its own choice narrows no histogram
    page.locator("#price-from").fill("50")
    page.locator("#price-from").press("Enter")
    settled(page, "?price=50..200&q=chair")


def test_a_product_is_pinned_and_hidden_with_a_way_back(edited: Served, visit: Any) -> None:
    page = visit(edited, "/?q=chair")
    before = ids(page)
    card = page.locator(f"[data-product='{before[2]}']")
    card.hover()
    card.locator(".menu summary").click()
    card.locator("button[value=pin]").click()
    page.wait_for_function(
        "(id) => document.querySelector('[data-card]').dataset.product === id", arg=before[2]
    )
    assert "pinned" in page.locator("[data-card] .why").first.inner_text()
    page.locator(".toast button").click()
    page.wait_for_function(
        "(id) => document.querySelector('[data-card]').dataset.product === id", arg=before[0]
    )
    assert ids(page) == before
    card = page.locator(f"[data-product='{before[0]}']")
    card.hover()
    card.locator(".menu summary").click()
    card.locator("button[value=hide]").click()
    page.wait_for_function(
        "(id) => document.querySelector('[data-card]').dataset.product === id", arg=before[1]
    )
    assert edited.get("/api/count?q=chair").json()["count"] == len(before) - 1


def test_nothing_is_written_without_edit(served: Served) -> None:
    own = {"Origin": served.base}
    for path in ("/rules/1", "/product/1/keywords"):
        form = {"csrf": served.csrf(), "action": "hide", "keywords": "sofa"}
        assert served.post(path, data=form, headers=own).status_code == 404
