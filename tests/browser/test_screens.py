"""Explaining, curating, grading and watching, as people do it in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg
import pytest

import worked_shop
from serving import Served, serving
from vitrina import embedded

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage = Callable[..., "Page"]
TABLES = ("keywords", "keyword_aliases", "product_keywords", "keyword_distinctions")


@pytest.fixture
def own(make_database: Callable[[str], str], server: embedded.Server, demo_template: str) -> str:
    """The URL of a copy of the demo catalogue, for a test that changes it."""
    return make_database(demo_template)


def test_a_card_is_explained_by_a_key_and_focus_comes_back(visit: OpenPage, served: Served) -> None:
    page = visit(served, "/?q=gren+velvet+sofa", width=1440)
    card = page.locator("[data-card-link]").first
    title = card.inner_text()
    card.focus()
    page.keyboard.press("e")
    panel = page.locator("dialog.side")
    panel.wait_for()
    assert title in panel.inner_text()
    assert panel.locator(".bars rect").count() >= 2
    assert panel.locator(".read").first.inner_text().split()[:3] == ["gren", "→", "green"]
    assert panel.locator("mark").count() >= 2
    page.keyboard.press("Escape")
    assert card.evaluate("each => each === document.activeElement")


def test_why_is_it_not_here(visit: OpenPage, served: Served) -> None:
    page = visit(served, "/explain", width=390, height=844)
    page.fill("#q", "desk lamp")
    page.fill("#product", "FU-107")
    page.fill("#beside", "FU-110")
    page.get_by_role("button", name="Explain").click()
    page.locator(".told .one").nth(1).wait_for()
    assert page.locator(".verdict.warning").count() == 2
    assert "its relevance is" in page.locator(".verdict").first.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def contents(url: str) -> list[list[tuple]]:
    with psycopg.connect(url) as conn:
        return [
            conn.execute(f"select * from vitrina.{table} order by 1, 2").fetchall()  # type: ignore[arg-type]
            for table in TABLES
        ]


def test_a_pair_is_settled_by_a_key_and_undone(visit: OpenPage, own: str) -> None:
    with psycopg.connect(own, autocommit=True) as conn:
        # merges that nothing has settled
        conn.execute(
            "insert into vitrina.keyword_aliases (alias, keyword_id, method, similarity)"
            " select a.alias, w.id, 'embedding', 0.61 from vitrina.keywords as w"
            " cross join (values ('garden seat'), ('long chair')) as a (alias) where w.name = 'sofa'"
        )
        pairs = conn.execute("select * from vitrina.audit_keywords()").fetchall()
    assert len(pairs) == 2
    before = contents(own)
    with serving(own, "--edit") as edited:
        page = visit(edited, "/vocabulary/review")
        left = page.locator("[data-pair] > p").first.inner_text()
        question = page.locator("#doubt").inner_text()
        page.keyboard.press("s")
        page.locator(".toast").wait_for()
        page.wait_for_function(
            "question => document.querySelector('#doubt').textContent !== question", arg=question
        )
        assert contents(own) != before
        assert page.locator("[data-pair] > p").first.inner_text() != left
        page.keyboard.press("u")
        page.wait_for_function(
            "question => document.querySelector('#doubt').textContent === question", arg=question
        )
        assert contents(own) == before


def test_merging_by_hand_and_undoing_without_a_script(visit: OpenPage, own: str) -> None:
    before = contents(own)
    with serving(own, "--edit") as edited:
        page = visit(edited, "/vocabulary/keyword?name=armchair", java_script_enabled=False)
        page.fill("#into", "sofa")
        page.get_by_role("button", name="Merge").click()
        page.get_by_text("is made").wait_for()
        assert contents(own) != before
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("is undone").wait_for()
        assert contents(own) == before


def test_nobody_can_tell(visit: OpenPage, own: str) -> None:
    def doubts() -> list[tuple]:
        with psycopg.connect(own) as conn:
            return conn.execute("select product_id, reason from vitrina.list_doubts()").fetchall()

    with serving(own, "--edit") as edited:
        page = visit(edited, "/evaluate?q=grey+sofa")
        first = page.locator("[data-candidate]").first
        product = int(first.get_attribute("data-product") or 0)
        page.keyboard.press("c")
        page.keyboard.type("its picture does not show it")
        page.keyboard.press("Enter")
        page.get_by_text("in doubt: its picture does not show it").wait_for()
        page.get_by_text(", 1 in doubt").wait_for()
        assert doubts() == [(product, "its picture does not show it")]
        page.reload()
        cards = page.locator("[data-candidate]")
        assert cards.first.get_attribute("data-product") != str(product)
        last = page.locator("[data-doubt]:not([data-doubt=''])")
        assert last.get_attribute("data-product") == str(product)
        last.focus()
        page.keyboard.press("2")
        page.get_by_text("1 of ").wait_for()
        page.wait_for_function("() => document.querySelectorAll('.saving').length === 0")
        assert doubts() == []
        page.keyboard.press("u")
        page.get_by_text(", 1 in doubt").wait_for()
        page.wait_for_function("() => document.querySelectorAll('.saving').length === 0")
        assert doubts() == [(product, "its picture does not show it")]
        plain = visit(edited, "/evaluate?q=desk+lamp", java_script_enabled=False)
        card = plain.locator("[data-candidate]").first
        card.locator("summary").click()
        card.locator("[name=doubt]").fill("the query has several meanings")
        card.get_by_role("button", name="Keep").click()
        plain.get_by_text("in doubt: the query has several meanings").wait_for()
        assert len(doubts()) == 2


FOCUS = """
() => { window.took = []; let at = 0;
    addEventListener('keydown', () => { at = performance.now(); }, true);
    addEventListener('focusin', () => { if (at) took.push(performance.now() - at); at = 0; }); }
"""


def test_grading_by_keys(visit: OpenPage, own: str) -> None:
    with serving(own, "--edit") as edited:
        graded = 0
        for query in ("grey sofa", "chair", "black table", "shoes", "lamp", "shirt", "rug", "desk"):
            page = visit(edited, f"/evaluate?q={query.replace(' ', '+')}")
            page.evaluate(FOCUS)
            # what is not graded tells neither its place nor its score
            assert page.locator("[data-told]").first.inner_text() == ""
            count = page.locator("[data-candidate]").count()
            for place in range(count):
                page.keyboard.press(str(place % 4))
            page.get_by_text(f"{count} of {count} graded").wait_for()
            page.wait_for_function("() => document.querySelectorAll('.saving').length === 0")
            took = page.evaluate("took")
            assert len(took) == count
            assert sorted(took)[len(took) * 9 // 10] <= 100, took
            graded += count
            if graded >= 50:
                break
        assert graded >= 50
        with psycopg.connect(own) as conn:
            stored = conn.execute("select count(*) from vitrina.judgements").fetchone()
        assert stored == (graded,)
        page.goto(f"{edited.base}/evaluate/compare?a.mode=text&b.mode=vector")
        assert page.locator(".hits li").count() >= 10
        assert "nDCG@10" in page.locator(".figures").inner_text()


def drop(page: Page, name: str, text: str) -> None:
    """Drop a file on the page of the work."""
    page.locator("[data-drop]").evaluate(
        "(well, [name, text]) => { const all = new DataTransfer();"
        " all.items.add(new File([text], name, {type: 'text/csv'}));"
        " well.dispatchEvent(new DragEvent('drop',"
        " {dataTransfer: all, bubbles: true, cancelable: true})); }",
        [name, text],
    )


def test_a_dropped_file_is_looked_at_loaded_and_watched(visit: OpenPage, own: str) -> None:
    rows = "sku,name,price\n" + "".join(f"N{i},Walnut desk no {i},{i}9\n" for i in range(30))
    with serving(own, "--edit") as edited:
        page = visit(edited, "/work")
        other = visit(edited, "/work")
        done = int(page.locator("[data-figure=done]").inner_text())
        drop(page, "desks.csv", rows)
        page.wait_for_url("**/work/file/*")
        assert page.locator(".card").count() == 10
        assert "30 new products" in page.locator("main").inner_text()
        page.get_by_role("button", name="Load it").click()
        page.wait_for_url("**/work?**")
        # a page that was open all the time is told
        other.wait_for_function(
            "wanted => Number(document.querySelector('[data-figure=done]').textContent) === wanted",
            arg=done + 30,
        )
        page.get_by_text("30 products enriched").wait_for()


def test_a_hostile_file_stays_text(visit: OpenPage, edited: Served) -> None:
    evil = "<img src=x onerror=alert(1)>"
    rows = f"sku,name,price,{evil}\n1,{evil} sofa,9,<script>alert(2)</script> soft\n"
    page = visit(edited, "/work")
    drop(page, f"{evil}.csv", rows)
    page.wait_for_url("**/work/file/*")
    assert page.locator("main img, main script").count() == 0
    assert evil in page.locator("main").inner_text()


def test_hostile_names_stay_text(visit: OpenPage, own: str) -> None:
    evil = "<img src=x onerror=alert(1)>\"'"
    with psycopg.connect(own, autocommit=True) as conn:
        conn.execute(
            "update vitrina.products set title = %s where external_id = 'FU-107'", [f"Sofa {evil}"]
        )
        conn.execute(
            "insert into vitrina.jobs (product_id, state, error)"
            " select p.id, 'failed', %s from vitrina.products as p limit 1",
            [evil],
        )
    with serving(own, "--edit") as edited:
        page = visit(edited, "/work")
        assert evil in page.locator(".failures").inner_text()
        for path in ("/explain?product=FU-107&q=sofa", "/evaluate?q=sofa",
                     "/vocabulary/keyword?name=sofa"):  # fmt: skip
            page.goto(edited.base + path)
        page.goto(f"{edited.base}/explain?product=%3Cimg+src=x+onerror=alert(1)%3E&q=%3Cb%3E")


def test_what_is_not_found_is_mended_from_the_searches(visit: OpenPage, own: str) -> None:
    worked_shop.fill(own)
    with serving(own, "--edit") as edited:
        page = visit(edited, "/searches?which=empty")
        page.get_by_role("link", name="Improve aquarium").click()
        page.locator("#keyword").press_sequentially("vas", delay=20)
        page.locator("#keywords option").first.wait_for(state="attached")
        page.locator("#keyword").fill(
            page.locator("#keywords option").first.get_attribute("value") or ""
        )
        page.get_by_role("button", name="Means that").click()
        page.get_by_text("aquarium means vase now").wait_for()
        page.get_by_role("link", name="Improve aquarium").click()
        page.locator("#product").press_sequentially("grey linen", delay=20)
        page.locator("#products option[value='FU-107']").wait_for(state="attached")
        page.locator("#product").fill("FU-107")
        page.get_by_role("button", name="Pin").click()
        page.get_by_role("button", name="Undo").wait_for()
        assert edited.get("/api/search?q=aquarium").json()["products"][0]["external_id"] == "FU-107"
        with psycopg.connect(own) as conn:  # what is typed into a field is not a search
            logged = {row[0] for row in conn.execute("select query from vitrina.top_searches(100)")}
        assert "grey" not in logged
        assert logged >= {"grey sofa", "aquarium"}


def test_keywords_are_mended_and_a_mistake_leads_back(visit: OpenPage, edited: Served) -> None:
    page = visit(edited, "/product/1")
    field = page.locator("#set-keywords")
    before = field.input_value()
    field.fill(f"{before}\nzorbelite")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("not found; nearest").wait_for()
    page.get_by_role("link", name="Back", exact=True).click()
    page.wait_for_url("**/product/1")
    assert field.input_value() == f"{before}\nzorbelite"  # what was typed is still there
    field.fill(before.rpartition("\n")[0])
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Its keywords are saved").wait_for()
    assert field.input_value() == before.rpartition("\n")[0]
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Its keywords are as they were").wait_for()
    assert field.input_value() == before


def test_a_suggested_keyword_is_accepted_by_a_key_and_undone(visit: OpenPage, own: str) -> None:
    with psycopg.connect(own, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        ids = [row[0] for row in conn.execute("select id from products order by id limit 11")]
        # ten sofas that look the same, and one more of which nothing is said
        conn.execute(
            "update product_embeddings as e set embedding = o.embedding from product_embeddings as o"
            " where o.space_id = e.space_id and o.product_id = %s and e.product_id = any (%s)"
            " and e.space_id = (select id from spaces where modality = 'image' and state = 'active')",
            [ids[0], ids],
        )
        codes = [
            row[0]
            for row in conn.execute("select external_id from products where id = any (%s)", [ids])
        ]
        conn.execute("select set_keywords('demo', %s, '{sofa}')", [codes])
        conn.execute("select set_keywords('demo', %s, '{}')", [codes[:1]])
    before = contents(own)
    with serving(own, "--edit") as edited:
        page = visit(edited, "/vocabulary/suggested")
        question = page.locator("#doubt").inner_text()
        assert "sofa" in question
        assert page.locator(".pair img").count() >= 5
        page.keyboard.press("a")
        page.locator(".toast").wait_for()
        page.wait_for_function(
            "question => document.querySelector('#doubt').innerText !== question", arg=question
        )
        assert contents(own) != before
        page.keyboard.press("u")
        page.wait_for_function(
            "question => document.querySelector('#doubt').innerText === question", arg=question
        )
        assert contents(own) == before
        small = visit(edited, "/vocabulary/suggested", width=390, height=844)
        assert small.evaluate("document.documentElement.scrollWidth") <= 390


def test_duplicates_stand_beside_each_other(visit: OpenPage, own: str) -> None:
    with psycopg.connect(own, autocommit=True) as conn:
        first, second = (
            row[0] for row in conn.execute("select id from vitrina.products order by id limit 2")
        )
        conn.execute(
            "update vitrina.products as p set image_sha256 = o.image_sha256, image = o.image"
            " from vitrina.products as o where o.id = %s and p.id = %s",
            [first, second],
        )
    with serving(own) as served:
        page = visit(served, "/work", width=390, height=844)
        page.get_by_role("link", name="Duplicates").click()
        page.locator(".doubles li").first.wait_for()
        assert "The same picture; sure to 100 %" in page.locator(".doubles li").first.inner_text()
        assert page.locator(".doubles li img").count() >= 2
        page.get_by_role("link", name="Also what only looks alike").click()
        page.get_by_role("link", name="Only copies of pictures").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
