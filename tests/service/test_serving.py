"""`vitrina serve` as its visitors and strangers meet it, over HTTP."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests
from click.testing import Result

import servers
from serving import Served, serving
from vitrina import embedded
from vitrina.cli.demo import folder
from vitrina.web.how import sql_array, sql_text
from vitrina.web.security import HEADERS
from vitrina.web.seen import FETCHING

TOKEN = "correct-horse-battery"


@pytest.fixture(scope="module")
def url(server: embedded.Server) -> Iterator[str]:
    name = servers.create(server, servers.TEMPLATE)
    yield server.url(name)
    servers.drop(server, name)


@pytest.fixture(scope="module")
def served(url: str) -> Iterator[Served]:
    with serving(url) as running:
        yield running


@pytest.fixture(scope="module")
def locked(url: str) -> Iterator[Served]:
    with serving(url, "--allow-host", "shop.example", env={"VITRINA_TOKEN": TOKEN}) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/part/search?q=sofa", 200),
        ("/?colour=red", 400),
        ("/?k.colour=red", 400),
        ("/?page=0", 400),
        ("/?price=cheap", 400),
        ("/?" + "x=a&" * 300, 400),
        ("/explain?" + "x=a&" * 300, 400),
        ("/?a.%00=1", 400),
        ("/explain?product=%00&q=sofa", 400),
        ("/vocabulary/keyword?name=%00", 400),
        ("/work/rejects.csv?source=%00", 400),
        ("/api/product?id=%00", 400),
        ("/api/facets?attribute=%00", 400),
        ("/evaluate?q=a%00b", 400),
        ("/api/facets?" + "x=a&" * 300, 400),
        ("/api/similar/" + "9" * 30, 404),
        ("/api/product/" + "9" * 18, 404),
        ("/product/" + "9" * 30, 404),
        ("/pic/large/" + "9" * 30 + "/0.jpg", 404),
        ("/?q=" + "x" * 600, 400),
        ("/api/duplicates?min_looks=0.9", 200),
        ("/api/duplicates?min_picture=high", 400),
        ("/api/duplicates?min_looks=0.1", 400),
        ("/api/duplicates?min_picture=1e308", 400),
        ("/api/suggested-keywords?min_confidence=nan", 400),
        ("/work?retried=" + "9" * 5000, 200),
        ("/nothing", 404),
        ("/static/old/base.css", 404),
        ("/login", 200),
    ],
)
def test_every_answer_has_the_headers(served: Served, path: str, status: int) -> None:
    answer = served.get(path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "Traceback" not in answer.text
    again = served.get(path, headers={"If-None-Match": answer.headers.get("ETag", '"none"')})
    assert again.status_code == (304 if "ETag" in answer.headers and status == 200 else status)
    assert {name: again.headers.get(name) for name in HEADERS} == HEADERS


def test_an_empty_catalogue_says_how_to_begin(served: Served) -> None:
    text = served.get("/").text
    assert "There is no product yet" in text
    assert "vitrina ingest products.csv" in text
    assert "There is no product yet" not in served.get("/?q=sofa").text


def test_an_unknown_name_is_named(served: Served) -> None:
    assert "colour" in served.get("/?colour=red").text


def test_what_words_were_taken_for_is_said_even_where_nothing_is_found(served: Served) -> None:
    text = served.get("/?q=sofa+under+50").text
    assert "<q>under 50</q> is read as <strong>price up to 50</strong>" in text
    # every word in quotes: none is a condition
    assert "/?q=%22sofa%22%20%22under%22%20%2250%22" in text
    assert "is read as" not in served.get("/?q=%22sofa%22%20%22under%22%20%2250%22").text


def test_another_host_is_refused(served: Served, locked: Served) -> None:
    port = served.base.rpartition(":")[2]
    for name in ("evil.example", f"evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""):
        assert served.get("/", headers={"Host": name}).status_code == 400, name
    for name in (f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert served.get("/", headers={"Host": name}).status_code == 200, name
    assert locked.get("/login", headers={"Host": "shop.example"}).status_code == 200


def test_a_post_from_elsewhere_is_refused(served: Served) -> None:
    form = {"csrf": served.csrf(), "theme": "dark", "next": "//evil.example/"}
    foreign = [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {},
    ]
    for headers in foreign:
        assert served.post("/theme", data=form, headers=headers).status_code == 403, headers
    own = {"Origin": served.base}
    assert served.post("/theme", data={**form, "csrf": "0" * 32}, headers=own).status_code == 403
    done = served.post("/theme", data=form, headers=own)
    assert (done.status_code, done.headers["Location"]) == (303, "/")
    assert "SameSite=strict" in done.headers["Set-Cookie"]


def test_a_page_of_another_site_makes_nothing_be_read(served: Served, url: str) -> None:
    """What it loads as a picture would cost: the vector of a query, a picture fetched from anywhere."""
    loaded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}  # fmt: skip
    framed = {**loaded, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    followed = {**framed, "Sec-Fetch-Dest": "document"}
    read = {**loaded, "Sec-Fetch-Mode": "cors", "Origin": "https://shop.example"}
    for site in ("cross-site", "same-site"):
        for path in ("/?q=sofa", "/api/search?q=sofa", "/pic/large/1/0.jpg", "/events/work"):
            for headers in (loaded, framed, read):
                answer = served.get(path, headers={**headers, "Sec-Fetch-Site": site})
                assert answer.status_code == 403, (path, headers)
        assert served.get("/?q=sofa", headers={**followed, "Sec-Fetch-Site": site}).ok
    with serving(url, "--allow-origin", "https://shop.example") as shared:
        assert shared.get("/api/search", headers=read).ok
        assert shared.get("/", headers=read).status_code == 403
        evil = {**read, "Origin": "https://evil.example"}
        assert shared.get("/api/search", headers=evil).status_code == 403


def test_slow_pictures_do_not_hold_all_places(url: str) -> None:
    with (
        serving(url, "--allow-private-images") as served,
        socket.create_server(("127.0.0.1", 0)) as slow,
        ThreadPoolExecutor(FETCHING) as pool,
    ):
        address = f"/api/search?pic=u:http://127.0.0.1:{slow.getsockname()[1]}/"
        waiting = [pool.submit(requests.get, f"{served.base}{address}{n}") for n in range(FETCHING)]
        lines = [slow.accept()[0] for _ in waiting]
        refused = served.get(address)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert served.get("/api/search?q=sofa").ok
        for line in lines:
            line.close()
        assert {each.result().status_code for each in waiting} == {422}


@pytest.mark.parametrize("text", ["it's a\\b", "x\x15touch 'p'\\n\n", "\u202e🪑\u200d\x9b é"])
def test_a_copied_text_is_the_same_to_the_database(url: str, text: str) -> None:
    with psycopg.connect(url) as conn:
        assert conn.execute(f"select {sql_text(text)}, {sql_array([text])}").fetchone() == (text, [text])  # type: ignore[arg-type]  # fmt: skip


def test_a_picture_is_taken_with_the_headers_that_the_docs_name(
    served: Served, locked: Served
) -> None:
    def answer(server: Served, data: bytes, **headers: str) -> tuple[int, dict[str, object]]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = {"Accept": "application/json", "Content-Type": "image/webp", **named}
        given = server.post("/picture", data=data, headers=asked)
        assert given.headers["Content-Type"].startswith("application/json"), given.text
        return given.status_code, given.json()

    picture = (folder() / "pictures" / "sofa-grey.webp").read_bytes()
    token = served.csrf()
    for site in ({"Origin": served.base}, {"Sec_Fetch_Site": "same-origin"}):
        status, taken = answer(served, picture, X_CSRF_Token=token, **site)
        assert (status, list(taken)) == (200, ["pic"])
        status, refused = answer(served, b"no picture", X_CSRF_Token=token, **site)
        assert (status, refused["status"]) == (422, 422)
        assert answer(served, picture, **site)[0] == 403
    assert answer(served, picture, X_CSRF_Token=token)[0] == 403
    assert answer(locked, picture, Authorization=f"Bearer {TOKEN}")[0] == 200
    page = served.post("/picture", data=b"x", headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")


def test_a_token_lets_in(locked: Served) -> None:
    assert locked.get("/?q=sofa").headers["Location"] == "/login?next=%2F%3Fq%3Dsofa"
    assert locked.get("/api/search").status_code == 401
    assert locked.get("/", headers={"Authorization": "Bearer wrong"}).status_code == 303
    assert locked.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    form = locked.csrf("/login")
    own = {"Origin": locked.base}
    wrong = locked.post("/login", data={"csrf": form, "token": "wrong"}, headers=own)
    assert wrong.status_code == 403
    assert "Set-Cookie" not in wrong.headers
    right = locked.post(
        "/login", data={"csrf": form, "token": TOKEN, "next": "/?q=sofa"}, headers=own
    )
    assert (right.status_code, right.headers["Location"]) == (303, "/?q=sofa")
    assert "HttpOnly" in right.headers["Set-Cookie"]
    assert "Secure" not in right.headers["Set-Cookie"]
    assert right.headers["Cache-Control"] == "no-store"
    assert locked.get("/").status_code == 200
    behind = {"Origin": locked.base.replace("http:", "https:")}
    again = locked.post(
        "/login", data={"csrf": locked.csrf("/login"), "token": TOKEN}, headers=behind
    )
    assert "Secure" in again.headers["Set-Cookie"]
    locked.session.cookies.clear()


@pytest.mark.parametrize(
    "options",
    [("--host", "0.0.0.0"), ("--token", "short"), ("--host", "192.0.2.1")],  # noqa: S104
)
def test_what_is_not_safe_is_not_served(
    vitrina: Callable[..., Result], url: str, options: tuple[str, ...]
) -> None:
    refused = vitrina("serve", "--port", "0", *options, url=url)
    assert refused.exit_code == 1
    assert "token" in refused.stderr
