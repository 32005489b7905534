"""What holds for every route of `vitrina serve`: found in its routers, so that a new one is tested too."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import requests
from fastapi import APIRouter

import servers
import small_shop
import waiting
from serving import Served, serving
from vitrina import embedded
from vitrina.web import session
from vitrina.web.screens import SCREENS
from vitrina.web.security import HEADERS

NOBODY = "0" * 64  # no picture has this hash
# what stands for the parts of paths, and what routes cannot do without
PARTS = {"product_id": "1", "place": "0", "name": NOBODY, "sha256": NOBODY, "id": "none", "size": "320"}  # fmt: skip
ASKED = {
    "/api/product": "id=sofa-1",
    "/api/explain": "product=1&q=sofa",
    "/api/suggest": "q=so",
    "/api/recommend": "like=1",
    "/work/rejects.csv": "source=shop",
}
STREAMS = ("/events/work", "/metrics")  # never the same twice


def paths(method: str, *, editing: bool) -> list[str]:
    """The paths of the routes of this method: of those that only --edit adds, or of the others."""
    routers: list[APIRouter] = [] if editing else [session.router]
    for screen in SCREENS:
        router = getattr(screen, "edit_router" if editing else "router", None)
        routers += [router] if router is not None else []
    return [
        filled(route.path)  # type: ignore[attr-defined]
        for router in routers
        for route in router.routes
        if method in route.methods  # type: ignore[attr-defined]
    ]


def filled(path: str) -> str:
    """A path with something for each of its parts."""
    for name, value in PARTS.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"PARTS has nothing for {path}"
    return path + (f"?{ASKED[path]}" if path in ASKED else "")


OPEN = [*paths("GET", editing=False), "/static/old/core.js", "/nothing", "/api/nothing",
        "/part/nothing", "/?colour=red", "/api/search?colour=red", "/part/search?page=0"]  # fmt: skip
WRITES = paths("POST", editing=True)


@pytest.fixture(scope="module")
def url(server: embedded.Server) -> Iterator[str]:
    name = servers.create(server, servers.TEMPLATE)
    with psycopg.connect(server.url(name), autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        small_shop.put(conn, small_shop.CATALOGUE)
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


def has_headers(answer: object) -> bool:
    headers = answer.headers  # type: ignore[attr-defined]
    return {name: headers.get(name) for name in HEADERS} == HEADERS


def unchanged(served: Served, path: str) -> requests.Response | None:
    """The answer to who has the page of a moment ago, unless it has changed: a minute has passed, say."""
    tag = served.get(path).headers["ETag"]
    again = served.get(path, headers={"If-None-Match": tag})
    return again if again.status_code == 304 else None


@pytest.mark.parametrize("path", OPEN)
def test_a_route_answers_with_the_headers(served: Served, path: str) -> None:
    with served.get(path, stream=True) as answer:
        assert answer.status_code < 500, answer.text
        assert has_headers(answer)
        kept = answer.headers["Cache-Control"]
        if path.partition("?")[0] in STREAMS:
            assert kept == "no-store"
            return
        assert "Traceback" not in answer.text
        assert kept == "no-store" or kept.startswith(("private, ", "public, max-age=31536000"))
        if not path.startswith("/static/"):
            assert "Cookie" in answer.headers["Vary"]
        assert "public" not in kept or path.startswith("/static/")
        if answer.status_code == 200 and path != "/login":
            assert "ETag" in answer.headers or "immutable" in kept
        tagged = "ETag" in answer.headers
        assert answer.status_code == 200 or not tagged
    if tagged:
        again = waiting.eventually(lambda: unchanged(served, path))
        assert again.content == b""
        assert has_headers(again)
        assert again.headers["Cache-Control"] == kept
    stranger = served.get(path, headers={"Host": "evil.example"})
    assert stranger.status_code == 400
    assert has_headers(stranger)


@pytest.mark.parametrize("path", WRITES)
def test_a_write_is_there_for_the_page_only(served: Served, edited: Served, path: str) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": served.csrf()}
    for method in ("post", "put", "delete"):
        absent = served.session.request(method, served.base + path, headers=own, timeout=30)
        # 405 where a page has the same address
        assert absent.status_code in (404, 405)
        assert has_headers(absent)
    good = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": edited.csrf()}
    for changed in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-CSRF-Token": "0" * 32},
        {"X-CSRF-Token": ""},
    ):
        refused = edited.post(path, headers=good | changed)
        assert refused.status_code == 403, changed
        assert has_headers(refused)
    assert edited.post(path, headers=good | {"Host": "evil.example"}).status_code == 400


def test_some_routes_are_found() -> None:
    assert len(OPEN) > 35
    assert len(WRITES) > 12
