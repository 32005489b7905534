"""Feeds over HTTP: unpacked within bounds, and not fetched again where nothing has changed."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import picture_server as ps
from vitrina.errors import (
    FetchError,
    PrivateAddressError,
    StatusError,
    TooLateError,
    TooMuchError,
)
from vitrina.http.fetch import Bounds, Session, fetch

ROWS = b"id,title\n" + b"1,Oak chair\n" * 5_000
ETAG, MODIFIED = '"v1"', "Wed, 21 Oct 2026 07:28:00 GMT"
HERE = Bounds(bytes=1_000_000, seconds=30, allow_private=True)
PACKED = {"Content-Encoding": "gzip"}
LONG = 30  # seconds: a fetch that knows no deadline takes longer


def feed(handler: ps.Handler) -> None:
    """As shops do: 304 to who knows it, packed for who takes that."""
    headers: dict[str, str | int] = {"ETag": ETAG, "Last-Modified": MODIFIED}
    asked = handler.headers
    if asked["If-None-Match"] == ETAG or asked["If-Modified-Since"] == MODIFIED:
        handler.answer(304, {"ETag": ETAG, "Content-Length": 0})
    elif asked["Accept-Encoding"] == "gzip":
        ps.reply(gzip.compress(ROWS), kind="text/csv", headers=headers | PACKED)(handler)
    else:
        ps.reply(ROWS, kind="text/csv", headers=headers)(handler)


@pytest.fixture(scope="module")
def server() -> Iterator[ps.PictureServer]:
    half = len(ROWS) // 2
    twice = gzip.compress(ROWS[:half]) + gzip.compress(ROWS[half:])
    hollow = gzip.compress(b"")
    pages: dict[str, ps.Page] = {
        "/feed.csv": feed,
        "/plain.csv": ps.reply(ROWS, kind="text/csv"),
        "/chunked.csv": ps.chunked(ROWS),
        "/moved.csv": ps.redirect("/feed.csv", 301),
        "/inwards.csv": ps.redirect("http://10.0.0.1/feed.csv"),
        "/twice.csv": ps.reply(twice, headers=PACKED),
        "/padded.csv": ps.reply(gzip.compress(ROWS) + b"\0" * 512, headers=PACKED),
        "/empty.csv": ps.reply(b"", headers=PACKED),
        "/cut.csv": ps.reply(gzip.compress(ROWS)[:-20], headers=PACKED),
        "/not-gzip.csv": ps.reply(ROWS, headers=PACKED),
        "/brotli.csv": ps.reply(ROWS, headers={"Content-Encoding": "br"}),
        "/bomb.csv": ps.reply(gzip.compress(b"0" * 2_000_000), headers=PACKED),
        "/hollow.csv": ps.endless({"Content-Encoding": "gzip", "Connection": "close"}, hollow),
        "/endless.csv": ps.endless(),
        "/long.csv": ps.reply(b"", headers={"Content-Length": 10**9}),
        "/drip.csv": ps.drip_body(),
        "/drip-headers.csv": ps.drip_headers(),
        "/unasked.csv": ps.reply(b"", 304),
    }
    with ps.PictureServer(pages) as running:
        yield running


@pytest.mark.parametrize(
    "path",
    ["/feed.csv", "/plain.csv", "/chunked.csv", "/moved.csv", "/twice.csv", "/padded.csv"],
)
def test_the_whole_feed_comes_unpacked(server: ps.PictureServer, path: str) -> None:
    with fetch(server.url(path), bounds=HERE) as found:
        assert not found.unchanged
        assert found.file is not None
        assert found.file.read() == ROWS
    assert found.file.closed
    asked = server.requests[-1][1]
    assert asked["Accept-Encoding"] == "gzip"
    assert asked["User-Agent"].startswith("vitrina/")
    assert not {"If-None-Match", "If-Modified-Since"} & set(asked)


def test_an_empty_feed_is_one(server: ps.PictureServer) -> None:
    with fetch(server.url("/empty.csv"), bounds=HERE) as found:
        assert found.file is not None
        assert found.file.read() == b""


def test_a_feed_is_a_file_until_it_is_closed(server: ps.PictureServer) -> None:
    server.pages["/large.csv"] = ps.reply(gzip.compress(ROWS * 40), headers=PACKED)
    with fetch(server.url("/large.csv"), bounds=Bounds(allow_private=True)) as found:
        assert found.file is not None
        path = Path(found.file.name)
        assert path.read_bytes() == ROWS * 40
    assert not path.exists()


@pytest.mark.parametrize("path", ["/feed.csv", "/moved.csv"])
def test_a_feed_that_is_known_does_not_come_again(server: ps.PictureServer, path: str) -> None:
    with fetch(server.url(path), bounds=HERE) as first:
        assert (first.etag, first.modified) == (ETAG, MODIFIED)
    for known in ({"etag": first.etag}, {"modified": first.modified}):
        with fetch(server.url(path), **known, bounds=HERE) as again:
            assert again.unchanged
            assert again.file is None
            assert again.etag == ETAG
            assert again.modified == known.get("modified")
    with fetch(server.url(path), etag='"v0"', bounds=HERE) as changed:
        assert not changed.unchanged


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("/missing.csv", StatusError, "answers 404 Not Found"),
        ("/unasked.csv", StatusError, "answers 304"),
        ("/cut.csv", FetchError, "broken gzip .*cut short"),
        ("/not-gzip.csv", FetchError, "broken gzip"),
        ("/brotli.csv", FetchError, "packs its answer as 'br'"),
        ("/bomb.csv", TooMuchError, "more than 1 MB"),
        ("/hollow.csv", TooMuchError, "more than 1 MB"),
        ("/endless.csv", TooMuchError, "more than 1 MB"),
        ("/long.csv", TooMuchError, "more than 1 MB"),
    ],
)
def test_says_what_went_wrong(
    server: ps.PictureServer, path: str, kind: type[FetchError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        fetch(server.url(path), bounds=HERE)
    assert not caught.value.transient
    assert server.url("") not in str(caught.value)


@pytest.mark.parametrize("path", ["/drip.csv", "/drip-headers.csv"])
def test_a_feed_that_drips_meets_the_deadline(server: ps.PictureServer, path: str) -> None:
    began = time.monotonic()
    with pytest.raises(TooLateError, match="no answer within 1 seconds") as caught:
        fetch(server.url(path), bounds=Bounds(seconds=1, allow_private=True))
    assert caught.value.transient
    assert time.monotonic() - began < LONG


def test_private_addresses_are_refused(
    server: ps.PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = server.connections
    with pytest.raises(PrivateAddressError, match=r"127\.0\.0\.1 is not an address of the public"):
        fetch(server.url("/feed.csv"))
    assert server.connections == before
    monkeypatch.setattr("vitrina.http.guard.is_public", lambda ip: ip == "127.0.0.1")
    with pytest.raises(PrivateAddressError, match=r"10\.0\.0\.1 is not"):
        fetch(server.url("/inwards.csv"))


def test_the_proxy_of_the_environment_is_used_and_watched_where_asked_for(
    server: ps.PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url(""))
    server.pages["http://far.example/feed.csv"] = ps.reply(ROWS)
    server.pages["http://far.example/drip.csv"] = ps.drip_body()
    with Session(HERE, purpose="tests", environment=True) as session:
        with session.get("http://far.example/feed.csv") as answer:
            assert b"".join(answer.pieces()) == ROWS
    began = time.monotonic()
    hurry = Bounds(seconds=1, allow_private=True)
    with Session(hurry, purpose="tests", environment=True) as session:
        with pytest.raises(TooLateError):
            with session.get("http://far.example/drip.csv") as answer:
                list(answer.pieces())
        assert time.monotonic() - began < LONG


def test_without_redirects_one_is_an_answer(server: ps.PictureServer) -> None:
    bounds = Bounds(redirects=0, allow_private=True)
    with Session(bounds, purpose="tests") as session:
        with session.get(server.url("/moved.csv")) as answer:
            assert answer.status == 301
