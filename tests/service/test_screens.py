"""The screens of `vitrina serve` that explain, curate and watch, over HTTP."""

from __future__ import annotations

import html
import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

import servers
import small_shop
import waiting
from serving import Served, serving
from vitrina import embedded

SHOP: list[small_shop.Row] = [
    *small_shop.CATALOGUE,
    ("hostile", "<script>alert(1)</script> sofa", [("sofa", "type")], {"<b>x</b>": "<i>y</i>"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def url(server: embedded.Server) -> Iterator[str]:
    name = servers.create(server, servers.TEMPLATE)
    with psycopg.connect(server.url(name), autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        small_shop.put(conn, SHOP)
    yield server.url(name)
    servers.drop(server, name)


@pytest.fixture(scope="module")
def served(url: str) -> Iterator[Served]:
    with serving(url) as running:
        yield running


@pytest.fixture(scope="module")
def edited(url: str) -> Iterator[Served]:
    with serving(url, "--edit") as running:
        yield running


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/explain", "gate it falls"),
        ("/explain?product=sofa-1&q=velvt+couch", "Number 1"),
        ("/explain?product=lamp-1&q=couch&beside=sofa-2", "Not on this page:"),
        ("/explain?product=sofa-9&q=couch", "nearest: sofa-"),
        ("/explain?product=sofa-1&q=couch&k.color=black", "it has none of the keywords black"),
        ("/explain?product=hostile&q=sofa", "&lt;script&gt;"),
        ("/vocabulary", "shoe rack"),
        ("/vocabulary?facet=material", "bamboo"),
        ("/vocabulary/keyword?name=Settees", "<h1>sofa"),
        ("/vocabulary/review", "doubt"),
        ("/vocabulary/history", "History"),
        ("/vocabulary/seed.csv", "keyword,facet,aliases\n"),
        ("/work", "Nothing waits."),
        ("/duplicates", "No product is there twice"),
        ("/duplicates?looks=1", "Only copies of pictures"),
        ("/vocabulary/suggested", "Nothing is suggested"),
        ("/part/work/doctor", "pgvector"),
        ("/searches", "The log is off"),
        ("/evaluate?q=sofa", "of 8 graded"),
        ("/evaluate/compare?a.mode=text", "grade some"),
    ],
)
def test_each_screen_is_there(served: Served, path: str, shown: str) -> None:
    answer = served.get(path)
    assert answer.status_code == 200
    assert shown in answer.text
    assert "<script>alert" not in answer.text
    assert '<form method="post" action="/vocabulary' not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/explain?product=sofa-1&q=velvet+couch&k.color=green", "/vocabulary",
     "/vocabulary/keyword?name=sofa", "/vocabulary/review", "/vocabulary/history", "/work",
     "/duplicates", "/vocabulary/suggested",
     "/evaluate?q=it%27s+a+sofa", "/searches?which=empty"],
)  # fmt: skip
def test_the_sql_of_a_screen_runs(served: Served, url: str, path: str) -> None:
    found = re.findall(r'data-how="sql"><code>(.*?)</code>', served.get(path).text, re.DOTALL)
    assert len(found) == 1
    with psycopg.connect(url) as conn:
        conn.execute(html.unescape(found[0]).encode())


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/vocabulary?facet=colour", 400, "no facet"),
        ("/vocabulary/keyword?name=zebra", 404, "not found"),
        ("/explain?id=x", 400, "number of a product"),
        ("/explain?colour=red", 400, "unknown name"),
        ("/work/file/nothing", 404, "no page"),
        ("/searches?which=odd", 400, "which is top"),
        ("/evaluate/compare?a.mode=odd", 400, "a.mode is hybrid"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(served: Served, path: str, status: int, said: str) -> None:
    answer = served.get(path)
    assert answer.status_code == status
    assert said in answer.text


@pytest.mark.parametrize(
    "path",
    ["/vocabulary/act", "/vocabulary/answer", "/vocabulary/undo", "/vocabulary/seed",
     "/work/retry", "/work/pictures", "/work/file", "/work/ingest", "/evaluate/grade",
     "/searches/log", "/searches/rule", "/searches/synonym", "/searches/unrule"],
)  # fmt: skip
def test_nothing_writes_without_edit(served: Served, edited: Served, path: str) -> None:
    fields = {"csrf": served.csrf()}
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert served.post(path, data=fields, headers=headers).status_code in (404, 405)
    assert edited.post(path, data={"csrf": "x"}, headers=headers).status_code == 403
    assert edited.post(path, data={"csrf": edited.csrf()}).status_code == 403  # from nowhere


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/rules/1", {"remove": "9" * 5000}, 400),
        ("/rules/1", {"remove": "9" * 25}, 400),
        ("/work/file?name=" + "𠀀" * 90, {"id": "1"}, 303),  # 360 bytes
    ],
)
def test_what_is_posted_is_no_bug(
    edited: Served, path: str, fields: dict[str, str], status: int
) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": edited.csrf()}
    assert edited.post(path, data=fields, headers=own).status_code == status


@pytest.mark.parametrize("by", ["form", "header"])
def test_half_of_what_is_sent_does_nothing(
    url: str, capfd: pytest.CaptureFixture[str], by: str
) -> None:
    """Of product=12, product=1 came: it names another product, and nothing was cut by its sender."""
    grades = "select j.query, j.product_id from vitrina.judgements as j"
    with serving(url, "--edit") as edited, psycopg.connect(url, autocommit=True) as conn:
        first = conn.execute("select min(p.id) from vitrina.products as p").fetchone()[0]
        token = edited.csrf()
        form = f"csrf={token}&query=half&grade=2&product={first}"
        told = {"form": "Sec-Fetch-Site: same-origin",
                "header": f"Sec-Fetch-Site: same-origin\r\nX-CSRF-Token: {token}"}[by]  # fmt: skip
        bodies = [
            ("/evaluate/grade", "application/x-www-form-urlencoded", form),
            ("/work/file?name=half.csv", "text/csv", "sku,name\nH1,Half a desk\n"),
            ("/vocabulary/seed", "text/csv", "keyword,facet,aliases\nhalfway,type,\n"),
        ]
        for path, kind, body in bodies[: 1 if by == "form" else None]:
            head = (f"POST {path} HTTP/1.1\r\nHost: {urlsplit(edited.base).netloc}\r\n{told}\r\n"
                    f"Content-Type: {kind}\r\nContent-Length: {len(body) + 1}\r\n\r\n")  # fmt: skip
            place = (urlsplit(edited.base).hostname, urlsplit(edited.base).port)
            with socket.create_connection(place, timeout=waiting.HANG) as half:
                half.sendall((head + body).encode())
                half.shutdown(socket.SHUT_WR)
                while half.recv(4096):
                    pass
        edited.process.terminate()  # it ends once what it had begun is done
        edited.process.wait(waiting.HANG)
        assert conn.execute(grades).fetchall() == []
        assert conn.execute("select from vitrina.keywords where name = 'halfway'").fetchall() == []
    assert "Traceback" not in capfd.readouterr().err


def test_back_leads_to_no_other_server(edited: Served) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": edited.csrf()}
    for page, back in (("/work?x=1", "/work?x=1"), ("//evil.example/x", "/")):
        answer = edited.post("/work/retry", headers={**own, "Referer": edited.base + page})
        assert answer.status_code == 400
        assert f'href="{back}" data-back' in answer.text
        assert 'href="//' not in answer.text


def say(edited: Served, path: str, **fields: str) -> dict:
    answer = edited.post(
        path, data={"csrf": edited.csrf(), **fields},
        headers={"Sec-Fetch-Site": "same-origin", "Accept": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    found: dict = answer.json()
    return found


TABLES = ("keywords", "keyword_aliases", "product_keywords", "keyword_distinctions")


def contents(url: str) -> list[list[tuple]]:
    with psycopg.connect(url) as conn:
        return [
            conn.execute(f"select * from vitrina.{table} order by 1, 2").fetchall()  # type: ignore[arg-type]
            for table in TABLES
        ]


def test_every_act_can_be_undone(edited: Served, url: str) -> None:
    before = contents(url)
    for fields in (
        {"action": "merge", "term": "bamboo", "into": "oak"},
        {"action": "rename", "term": "oak", "name": "oak wood"},
        {"action": "pin", "term": "sofa"},
        {"action": "facet", "term": "velvet", "facet": "style"},
        {"action": "drop", "term": "metal"},
        {"action": "distinct", "term": "sofa", "into": "side table"},
    ):
        done = say(edited, "/vocabulary/act", **fields)
        assert contents(url) != before
        assert say(edited, "/vocabulary/undo", change=str(done["change"]))["terms"] >= 0
        assert contents(url) == before
    answer = edited.post(
        "/vocabulary/act", data={"csrf": edited.csrf(), "action": "burn", "term": "sofa"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )  # fmt: skip
    assert answer.status_code == 400


def test_the_keywords_of_a_product_are_saved_as_they_are_shown(edited: Served, url: str) -> None:
    def shown() -> dict[str, str]:
        page = html.unescape(edited.get(path).text)
        return {
            "was": page.partition('name="was" value="')[2].partition('"')[0],
            "keywords": page.partition('<textarea id="set-keywords"')[2].partition(">")[2]
            .partition("</textarea>")[0],
        }  # fmt: skip

    def save(fields: dict[str, str]) -> requests.Response:
        # as a browser sends it
        fields = {name: value.replace("\n", "\r\n") for name, value in fields.items()}
        return edited.post(path + "/keywords", data={"csrf": edited.csrf(), **fields},
                           headers={"Sec-Fetch-Site": "same-origin"})  # fmt: skip

    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        conn.execute(
            "select set_keywords('shop', '{lamp-1}', array['lamp', '1,5 m', 'bouclé, cream'], true)"
        )
        path = "/product/" + str(
            conn.execute("select id from products where external_id = 'lamp-1'").fetchone()[0]
        )
        seen = shown()
        assert seen["keywords"].split("\n") == ["lamp", "1,5 m", "bouclé, cream"]
        assert "nothing=1" in save(seen).headers["location"]
        assert save({**seen, "keywords": "1,5 m\nlamp"}).status_code == 303
        assert shown()["keywords"].split("\n") == ["1,5 m", "lamp"]
        for old in (seen, {**seen, "reset": "1"}):
            refused = save(old)
            assert refused.status_code == 400
            assert "changed its keywords meanwhile" in refused.text
        assert shown()["keywords"].split("\n") == ["1,5 m", "lamp"]
        conn.execute("select undo_keyword_change(), undo_keyword_change()")


def test_a_vocabulary_goes_down_and_up(edited: Served, url: str) -> None:
    before = contents(url)
    text = edited.get("/vocabulary/seed.csv").text
    assert "sofa,type," in text
    answer = edited.post(
        "/vocabulary/seed", data=(text + "settle,type,church bench\n").encode(),
        headers={"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": edited.csrf(),
                 "Content-Type": "application/octet-stream", "Accept": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert "settle" in edited.get("/vocabulary/keyword?name=church+bench").text
    say(edited, "/vocabulary/undo", change=str(answer.json()["change"]))
    assert contents(url) == before


def test_a_rule_and_a_synonym_from_what_was_searched_for(edited: Served, url: str) -> None:
    before = contents(url)
    assert say(edited, "/searches/log", log="on") == {"log": "on"}
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute('select vitrina.log_searches(\'[{"query": "zorbelite", "results": 0}]\')')
        assert "zorbelite" in edited.get("/searches?which=empty").text
        rule = say(edited, "/searches/rule", query="zorbelite", product="lamp-1", action="pin")[
            "rule"
        ]
        found = "select external_id from vitrina.search('zorbelite')"
        assert conn.execute(found).fetchall() == [("lamp-1",)]
        say(edited, "/searches/unrule", rule=str(rule))
        change = say(edited, "/searches/synonym", query="zorbelite", keyword="sofa")["change"]
        assert {row[0] for row in conn.execute(found)} >= {"sofa-1", "sofa-2"}
        say(edited, "/vocabulary/undo", change=str(change))
    say(edited, "/searches/log", log="off")
    assert contents(url) == before


def test_failures_are_grouped_and_tried_again(edited: Served, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "insert into vitrina.jobs (product_id, state, error) select p.id, 'failed',"
            " format('HTTP 500 from https://cdn.example/%s.jpg after %s tries', p.id, p.id)"
            " from vitrina.products as p where p.external_id like 'sofa%'"
        )
        reasons = conn.execute("select jobs, matching from vitrina.job_failures()").fetchall()
        assert [jobs for jobs, _ in reasons] == [2]
        assert "2 jobs" in edited.get("/part/work").text
        # where a model is paid, it is said before what that may cost
        with serving(url, "--edit", env={"OPENAI_API_KEY": "sk-test-of-prices"}) as paying:
            assert re.search(r"for up to 0\.00\d\d USD", paying.get("/part/work").text)
        assert say(edited, "/work/retry", matching=reasons[0][1]) == {"retried": 2}
        states = conn.execute("select distinct state from vitrina.jobs").fetchall()
        assert states == [("queued",)]
        conn.execute("delete from vitrina.jobs")


def test_a_file_is_looked_at_and_then_loaded(edited: Served, url: str) -> None:
    rows = "sku,name,price\n" + "".join(f"N{i},Walnut desk {i},{i}9\n" for i in range(12))
    headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": edited.csrf(),
               "Accept": "application/json"}  # fmt: skip
    kept = edited.post("/work/file?name=../new%20desks.csv", data=rows.encode(), headers=headers)
    assert kept.status_code == 200, kept.text
    looked = edited.get(f"/work/file/{kept.json()['id']}").text
    assert "12 new products" in looked
    assert looked.count("Walnut desk") == 10
    with psycopg.connect(url, autocommit=True) as conn:
        count = "select count(*) from vitrina.products where title like 'Walnut desk%'"
        assert conn.execute(count).fetchone() == (0,)
        assert say(edited, "/work/ingest", id=kept.json()["id"], source="desks") == {"loading": 1}
        # the events end with all of them done
        for event in progress(edited):
            if event["done"] == len(SHOP) + 12:
                break
        assert conn.execute(count).fetchone() == (12,)
    gone = edited.get(f"/work/file/{kept.json()['id']}")
    assert gone.status_code == 404


def progress(served: Served) -> Iterator[dict]:
    """The snapshots of the work, as a browser is told them."""
    with served.session.get(f"{served.base}/events/work", stream=True, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        event = ""
        for line in answer.iter_lines(decode_unicode=True):
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: ") and event == "work":
                yield json.loads(line[6:])


def test_facets_that_are_not_counted_in_time_are_named(url: str, served: Served) -> None:
    assert "Not counted in time" not in served.get("/").text
    with serving(url, "--count-within", "0") as hasty:
        page = html.unescape(hasty.get("/part/facets").text)
        assert "Not counted in time: type, material, color" in page
        assert "price." in page
        assert re.search(r"\d+ products", page)


def test_a_description_is_of_the_picture_only_where_one_was_seen(url: str, served: Served) -> None:
    name = "description-1"
    with psycopg.connect(url, autocommit=True) as conn:
        product = {"external_id": name, "title": "Rug", "image": "https://shop.example/rug.jpg"}
        conn.execute("select vitrina.put_products('shop', %s)", [json.dumps([product])])
        (id_,) = conn.execute(
            "update vitrina.products set description = 'A woven rug.', image_error = 'gone'"
            " where external_id = %s returning id",
            [name],
        ).fetchone()  # type: ignore[misc]
        assert "<h2>Description</h2>" in served.get(f"/product/{id_}").text
        small_shop.put_picture(conn, id_, 0, number=77)
        conn.execute("update vitrina.products set image_error = null where id = %s", [id_])
        assert "of the picture</span></h2>" in served.get(f"/product/{id_}").text
        conn.execute("select vitrina.delete_products('shop', %s)", [[name]])
