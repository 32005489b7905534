"""Suggested keywords: on the command line, in Python, over HTTP, on the page."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import numpy as np
import psycopg
import pytest
from click.testing import Result

import small_shop
from serving import serving
from vitrina.catalog import Catalog

ROWS: list[small_shop.Row] = [
    *[(f"sofa-{n}", f"Sofa number {n}", [("sofa", "type"), ("women", "audience")], {})
      for n in range(9)],
    ("mute", "QX-17 <b>", [], {}),
    ("red", "ZZ-18", [("red", "color")], {}),
]  # fmt: skip


@pytest.fixture
def url(database_url: str) -> str:
    """Nine sofas, and two products near them whose titles say nothing."""
    rng = np.random.default_rng(3)
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("set search_path = vitrina, public")
        ids = small_shop.put(db, ROWS)
        sofa = rng.standard_normal(512)
        for code, id_ in ids.items():
            vector = sofa + 0.2 * rng.standard_normal(512)
            db.execute(
                "select put_embeddings(s.name, %s, array[sha256(%s)], array[%s::text::halfvec])"
                " from spaces as s where s.modality = 'image' and s.state = 'active'",
                [[id_], code.encode(), str(vector.round(3).tolist())],
            )
    return database_url


def keywords(url: str, code: str) -> list[str]:
    with psycopg.connect(url) as db:
        row = db.execute(
            "select p.keywords from vitrina.products as p where p.external_id = %s", [code]
        ).fetchone()
    assert row is not None
    return list(row[0])


def test_suggested_accepted_and_undone(url: str, vitrina: Callable[..., Result]) -> None:
    shown = vitrina("keywords", "suggest", "mute", "--csv", url=url)
    assert shown.exit_code == 0, shown.output
    assert re.search(r"mute,QX-17 <b>,sofa,type,0\.\d+,neighbours,", shown.stdout)
    assert "women,audience" in shown.stdout
    table = vitrina("keywords", "suggest", url=url).stdout
    assert table.count("sofa") >= 2
    done = vitrina("keywords", "accept", "mute", "sofa", url=url)
    assert done.exit_code == 0, done.output
    assert keywords(url, "mute") == ["sofa"]
    assert ",sofa,type," not in vitrina("keywords", "suggest", "mute", "--csv", url=url).stdout
    (number,) = re.findall(r"vitrina keywords undo (\d+)", done.stderr)
    assert vitrina("keywords", "undo", number, url=url).exit_code == 0
    assert keywords(url, "mute") == []
    wrong = vitrina("keywords", "accept", "mute", "soffa", url=url)
    assert (wrong.exit_code, "nearest" in wrong.stderr) == (1, True)
    none = vitrina("keywords", "suggest", "sofa-0", url=url)
    assert "nothing found" in none.output


def test_a_library_suggests(url: str) -> None:
    with Catalog(url) as catalog:
        found = catalog.keywords.suggest(facets=["type"])
        assert {(row.external_id, row.keyword, row.by) for row in found} == {
            ("mute", "sofa", "neighbours"), ("red", "sofa", "neighbours"),
        }  # fmt: skip
        (change,) = catalog.keywords.accept(("shop", "red"), "sofa")
        assert change.after == "red, sofa"
        assert keywords(url, "red") == ["red", "sofa"]


def test_the_page_reviews_them(url: str) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}
    with serving(url) as served:
        page = served.get("/vocabulary/suggested").text
        assert "&lt;b&gt;" in page or "ZZ-18" in page
        assert "vitrina keywords accept" in page
        assert "data-answer" not in page
        assert "confidence" not in "".join(re.findall(r"<code>(.*?)</code>", page, re.DOTALL))
        sql = re.findall(r'data-how="sql"><code>(.*?)</code>', page, re.DOTALL)
        with psycopg.connect(url) as db:
            assert len(db.execute(html.unescape(sql[0]).encode()).fetchall()) == 4
        rows = served.get("/api/suggested-keywords").json()["suggestions"]
        assert {row["keyword"] for row in rows} == {"sofa", "women"}
        id_ = rows[0]["product_id"]
        named = served.get(f"/api/suggested-keywords?product={id_}").json()["suggestions"]
        assert {row["product_id"] for row in named} == {id_}
        assert served.get("/api/suggested-keywords?product=x").status_code == 400
        assert served.get("/api/suggested-keywords?min_confidence=3").status_code == 400
        refused = served.post("/vocabulary/suggested", data={"csrf": served.csrf()}, headers=own)
        assert refused.status_code in (404, 405)
    with serving(url, "--edit") as edited:
        csrf = edited.csrf()
        page = edited.get("/vocabulary/suggested").text
        fields = dict(re.findall(r'name="(source|id|term)" value="([^"]*)"', page))
        answer = edited.post(
            "/vocabulary/suggested", data={"csrf": csrf, **fields}, headers=own
        ).json()
        assert fields["term"] in keywords(url, fields["id"])
        left = edited.get("/part/vocabulary/suggested").text
        assert "3 suggestions" in left
        edited.post(
            "/vocabulary/undo", data={"csrf": csrf, "change": answer["change"]}, headers=own
        )
        assert fields["term"] not in keywords(url, fields["id"])
        assert "4 suggestions" in edited.get("/part/vocabulary/suggested?skip=1").text
