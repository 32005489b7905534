"""Fetching over HTTP: what is let in, what is refused, and when it ends."""

from __future__ import annotations

import gzip
import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

import picture_server as ps
from vitrina.errors import PictureError
from vitrina.http import fetch, guard
from vitrina.http.guard import is_public
from vitrina.pictures.decode import load
from vitrina.pictures.fetch import Fetcher
from vitrina.pictures.limits import Limits


def jpeg(size: tuple[int, int] = (60, 80), color: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "JPEG")
    return out.getvalue()


PICTURE = jpeg()
HERE = Limits(allow_private=True, seconds=60, bytes=200_000)
HURRY = Limits(allow_private=True, seconds=1.5, bytes=200_000)
LONG = 30  # seconds: whoever knows no deadline takes longer


@pytest.fixture(scope="module")
def server() -> Iterator[ps.PictureServer]:
    pages: dict[str, ps.Page] = {
        "/a.jpg": PICTURE,
        "/chunked.jpg": ps.chunked(PICTURE),
        "/no-length.jpg": ps.without_length(PICTURE),
        "/as-html.jpg": ps.reply(PICTURE, kind="text/html"),
        "/page": ps.reply(b"Access denied", kind="text/html; charset=utf-8"),
        "/empty.jpg": b"",
        "/gzip.jpg": ps.reply(gzip.compress(PICTURE), headers={"Content-Encoding": "gzip"}),
        "/says-gzip.jpg": ps.reply(PICTURE, headers={"Content-Encoding": "gzip"}),
        "/hop-umlaut": ps.redirect("/ü.jpg".encode().decode("latin-1")),
        "/%C3%BC.jpg": PICTURE,
        "/short.jpg": ps.cut_short(PICTURE[:300], len(PICTURE)),
        "/claims-much.jpg": ps.reply(PICTURE, headers={"Content-Length": 10**12}),
        "/endless.jpg": ps.endless(),
        "/endless-chunk.jpg": ps.endless({"Transfer-Encoding": "chunked"}),
        "/reset.jpg": ps.reset,
        "/garbage.jpg": ps.garbage,
        "/silent.jpg": ps.silent,
        "/drip-headers.jpg": ps.drip_headers(),
        "/drip-body.jpg": ps.drip_body(),
        "/drip-no-length.jpg": ps.drip_body(length=None),
        "/hop1": ps.redirect("/a.jpg", 301),
        "/hop2": ps.redirect("hop1", 303),
        "/hop3": ps.redirect("/hop2", 307),
        "/hop4": ps.redirect("/hop3", 308),
        "/loop": ps.redirect("/loop"),
        "/nowhere": ps.reply(b"", 302),
        "/to-file": ps.redirect("file:///etc/passwd"),
        "/to-ftp": ps.redirect("ftp://example.com/a.jpg"),
        "/to-user": ps.redirect("http://user:secret@127.0.0.1/a.jpg"),
        "/cookie.jpg": ps.reply(PICTURE, headers={"Set-Cookie": "id=7; Path=/"}),
    }
    for status in (204, 206, 400, 401, 403, 404, 408, 410, 418, 425, 429, 500, 502, 503, 599):
        pages[f"/status/{status}"] = ps.reply(b"", status)
    with ps.PictureServer(pages) as running:
        yield running


@pytest.fixture(scope="module")
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(HERE) as shared:
        yield shared


@pytest.mark.parametrize(
    "path",
    [
        "/a.jpg",
        "/a.jpg?size=1&x=%20#top",
        "/chunked.jpg",
        "/no-length.jpg",
        "/as-html.jpg",
        "/says-gzip.jpg",
        "/ü.jpg",
        "/hop-umlaut",
        "/hop1",
        "/hop2",
        "/hop3",
        "/cookie.jpg",
    ],
)
def test_fetches(server: ps.PictureServer, fetcher: Fetcher, path: str) -> None:
    assert fetcher.fetch(server.url(path)) == PICTURE


def test_load_takes_an_address(server: ps.PictureServer, fetcher: Fetcher) -> None:
    shared = load(server.url("/a.jpg"), fetcher=fetcher)
    alone = load(server.url("/a.jpg").replace("http", "HTTP"), limits=HERE)
    assert shared == alone
    assert (shared.width, shared.height, shared.mime) == (60, 80, "image/jpeg")


@pytest.mark.parametrize(
    ("path", "said", "transient"),
    [
        ("/status/404", "no picture at this address (404 Not Found)", False),
        ("/status/410", "no picture at this address (410 Gone)", False),
        ("/status/401", "refuses access (401", False),
        ("/status/403", "refuses access (403", False),
        ("/status/400", "answers 400", False),
        ("/status/418", "answers 418", False),
        ("/status/204", "answers 204", False),
        ("/status/206", "answers 206", False),
        ("/status/408", "answers 408", True),
        ("/status/425", "answers 425", True),
        ("/status/429", "answers 429 Too Many Requests", True),
        ("/status/500", "answers 500", True),
        ("/status/502", "answers 502", True),
        ("/status/503", "answers 503 Service Unavailable", True),
        ("/status/599", "answers 599", True),
        ("/missing", "404", False),
        ("/page", "web page (HTML)", False),
        ("/empty.jpg", "empty (0 bytes)", False),
        ("/gzip.jpg", "compresses", False),
        ("/short.jpg", "broke the connection", True),
        ("/reset.jpg", "broke the connection", True),
        ("/garbage.jpg", "makes no sense", True),
        ("/claims-much.jpg", "over the limit of 0.2 MB", False),
        ("/endless.jpg", "over the limit of 0.2 MB", False),
        ("/endless-chunk.jpg", "makes no sense", True),
        ("/hop4", "more than 3 redirects", False),
        ("/loop", "more than 3 redirects", False),
        ("/nowhere", "without an address", False),
        ("/to-file", "file: addresses are not supported", False),
        ("/to-ftp", "ftp: addresses are not supported", False),
        ("/to-user", "user name", False),
    ],
)
def test_says_what_went_wrong(
    server: ps.PictureServer, fetcher: Fetcher, path: str, said: str, transient: bool
) -> None:
    with pytest.raises(PictureError) as caught:
        load(server.url(path), limits=HERE, fetcher=fetcher)
    assert said in str(caught.value)
    assert str(caught.value).startswith(server.url(path))
    assert "\n" not in str(caught.value)
    assert caught.value.transient is transient


@pytest.mark.parametrize(
    "path", ["/silent.jpg", "/drip-headers.jpg", "/drip-body.jpg", "/drip-no-length.jpg"]
)
def test_deadline_is_hard(server: ps.PictureServer, path: str) -> None:
    with Fetcher(HURRY) as fetcher:
        began = time.monotonic()
        with pytest.raises(PictureError, match=r"no picture within 1\.5 seconds") as caught:
            fetcher.fetch(server.url(path))
    assert caught.value.transient
    assert 1.4 < time.monotonic() - began < LONG


def test_deadline_holds_on_a_kept_connection(server: ps.PictureServer) -> None:
    with Fetcher(HURRY) as fetcher:
        fetcher.fetch(server.url("/a.jpg"))
        before = server.connections
        began = time.monotonic()
        with pytest.raises(PictureError, match="no picture within"):
            fetcher.fetch(server.url("/drip-headers.jpg"))
        assert server.connections == before
        assert time.monotonic() - began < LONG


def test_deadline_covers_all_redirects(server: ps.PictureServer) -> None:
    def slow(handler: ps.Handler) -> None:
        handler.pause(0.15)
        ps.redirect("/slow")(handler)

    server.pages["/slow"] = slow
    limits = Limits(allow_private=True, seconds=1.5, redirects=50)
    began = time.monotonic()
    with Fetcher(limits) as fetcher, pytest.raises(PictureError, match="no picture within"):
        fetcher.fetch(server.url("/slow"))
    assert time.monotonic() - began < LONG


def test_deadline_covers_the_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def stuck(*args: object, **options: object) -> list[object]:
        release.wait(2 * LONG)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    began = time.monotonic()
    try:
        with Fetcher(HURRY) as fetcher, pytest.raises(PictureError, match="no picture within"):
            fetcher.fetch("http://pictures.example/a.jpg")
        assert time.monotonic() - began < LONG
    finally:
        release.set()


def test_deadline_covers_the_tls_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # accepts, never shakes hands
        began = time.monotonic()
        with Fetcher(HURRY) as fetcher, pytest.raises(PictureError, match="no picture within"):
            fetcher.fetch(f"https://127.0.0.1:{mute.getsockname()[1]}/a.jpg")
    assert time.monotonic() - began < LONG


def test_not_tls(server: ps.PictureServer, fetcher: Fetcher) -> None:
    with pytest.raises(PictureError, match="no secure connection") as caught:
        fetcher.fetch(server.url("/a.jpg").replace("http:", "https:"))
    assert caught.value.transient


def test_certificate_is_named() -> None:
    """As the HTTP client wraps it: the certificate's error is the cause of the cause."""
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refused.verify_message = "self-signed certificate"
    middle = ValueError("connection pool")
    middle.__context__ = refused
    outer = fetch.requests.exceptions.SSLError(middle)
    outer.__cause__ = middle
    error = fetch._meaning(outer)
    assert str(error) == "its certificate is not accepted (self-signed certificate)"
    assert not error.transient


def test_nobody_listens(fetcher: Fetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(PictureError, match="cannot be reached") as caught:
        fetcher.fetch(f"http://127.0.0.1:{port}/a.jpg")
    assert caught.value.transient


def test_unknown_host(monkeypatch: pytest.MonkeyPatch, fetcher: Fetcher) -> None:
    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(PictureError, match=r"host pictures\.invalid not found") as caught:
        fetcher.fetch("http://pictures.invalid/a.jpg")
    assert caught.value.transient


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/a.jpg",
        "http://127.1:{port}/a.jpg",
        "http://2130706433:{port}/a.jpg",
        "http://0x7f.1:{port}/a.jpg",
        "http://0177.0.0.1:{port}/a.jpg",
        "http://0:{port}/a.jpg",
        "http://0.0.0.0:{port}/a.jpg",
        "http://[::1]:{port}/a.jpg",
        "http://[::]:{port}/a.jpg",
        "http://[::ffff:127.0.0.1]:{port}/a.jpg",
        "http://[::127.0.0.1]:{port}/a.jpg",
        "http://[64:ff9b::7f00:1]:{port}/a.jpg",
        "http://[2002:7f00:1::]:{port}/a.jpg",
        "http://[fe80::1]/a.jpg",
        "http://[fd00::1]/a.jpg",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.jpg",
        "http://172.16.0.1/a.jpg",
        "http://192.168.1.1/a.jpg",
        "http://100.64.0.1/a.jpg",
        "http://224.0.0.1/a.jpg",
        "http://255.255.255.255/a.jpg",
        "http://localhost:{port}/a.jpg",
        "http://localhost.:{port}/a.jpg",
        "https://localhost:{port}/a.jpg",
        "HTTP://LOCALHOST:{port}/a.jpg",
    ],
)
def test_private_addresses_are_refused(server: ps.PictureServer, url: str) -> None:
    before = server.connections
    with pytest.raises(PictureError, match="--allow-private-images") as caught:
        load(url.format(port=server.port), limits=Limits(seconds=60))
    assert not caught.value.transient
    assert server.connections == before


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@127.0.0.1:{port}/a.jpg",
        "http://user@127.0.0.1:{port}/a.jpg",
        "http://example.com@127.0.0.1:{port}/a.jpg",
        "http://@127.0.0.1:{port}/a.jpg",
        "http:///a.jpg",
        "http://127.0.0.1:99999/a.jpg",
        "http://127.0.0.1:{port}\\@example.com/a.jpg",
        "http://[::1/a.jpg",
        "http://" + "a" * 70 + ".com/a.jpg",
        "http://a..b/a.jpg",
        "http://exa mple.com/a.jpg",
        "http:a.jpg",
    ],
)
def test_odd_addresses_are_refused(server: ps.PictureServer, url: str) -> None:
    before = len(server.requests)
    with pytest.raises(PictureError) as caught:
        load(url.format(port=server.port), limits=HERE)
    assert "secret" not in str(caught.value)
    assert not caught.value.transient
    assert len(server.requests) == before


def test_redirect_inwards_is_refused(
    server: ps.PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first hop counts as public here; what it points at does not."""
    public = {"127.0.0.1"}
    monkeypatch.setattr(guard, "is_public", lambda ip: ip in public)
    server.pages["/inwards"] = ps.redirect(f"http://127.0.0.2:{server.port}/a.jpg")
    with Fetcher(Limits(seconds=60)) as fetcher:
        assert fetcher.fetch(server.url("/a.jpg")) == PICTURE
        with pytest.raises(PictureError, match=r"127\.0\.0\.2 is not an address of the public"):
            fetcher.fetch(server.url("/inwards"))


def test_one_private_address_among_several_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def mixed(host: str, port: int, **options: object) -> list[object]:
        return [(socket.AF_INET, 1, 6, "", (ip, port)) for ip in ("93.184.215.14", "10.0.0.5")]

    monkeypatch.setattr(socket, "getaddrinfo", mixed)
    with Fetcher() as fetcher, pytest.raises(PictureError, match=r"two\.example \(10\.0\.0\.5\)"):
        fetcher.fetch("http://two.example/a.jpg")


def test_looks_up_once_and_connects_there(
    server: ps.PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look-up could give another address (DNS rebinding): there is none."""
    asked: list[str] = []

    def once(host: str, port: int, **options: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", once)
    with Fetcher(HERE) as fetcher:
        url = f"http://pictures.example:{server.port}/a.jpg"
        assert fetcher.fetch(url) == PICTURE
        assert fetcher.fetch(url) == PICTURE
    assert asked == ["pictures.example"]
    assert server.requests[-1][1]["Host"] == f"pictures.example:{server.port}"


def test_tries_the_next_address(server: ps.PictureServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def two(host: str, port: int, **options: object) -> list[object]:
        return [(socket.AF_INET, 1, 6, "", (ip, port)) for ip in ("127.0.0.9", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with Fetcher(HERE) as fetcher:
        assert fetcher.fetch(f"http://two.example:{server.port}/a.jpg") == PICTURE


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("64:ff9b::808:808", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::a00:1", False),
        ("64:ff9b:1::808:808", False),
        ("::ffff:10.0.0.1", False),
        ("2002:808:808::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("::8.8.8.8", False),
        ("fec0::1", False),
        ("fe80::1%1", False),
        ("ff02::1", False),
        ("ff0e::1", False),
        ("2001:db8::1", False),
        ("198.18.0.1", False),
        ("192.0.2.1", False),
        ("240.0.0.1", False),
        ("239.1.1.1", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_says_who_asks_and_keeps_nothing(server: ps.PictureServer, fetcher: Fetcher) -> None:
    fetcher.fetch(server.url("/cookie.jpg"))
    fetcher.fetch(server.url("/a.jpg"))
    headers = server.requests[-1][1]
    assert headers["User-Agent"].startswith("vitrina/")
    assert headers["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)


def test_uses_no_proxy(server: ps.PictureServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Fetcher(HERE) as fetcher:
        assert fetcher.fetch(server.url("/a.jpg")) == PICTURE


def test_many_threads_share_one_fetcher(server: ps.PictureServer) -> None:
    before = server.connections
    with Fetcher(HERE) as fetcher, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(fetcher.fetch, [server.url("/hop1")] * 100))
    assert answers == [PICTURE] * 100
    assert server.connections - before <= 8


def test_leaves_no_threads_behind(server: ps.PictureServer) -> None:
    before = set(threading.enumerate())  # of tests before this one
    with Fetcher(HERE) as fetcher:
        fetcher.fetch(server.url("/no-length.jpg"))
    timers = [t for t in set(threading.enumerate()) - before if isinstance(t, threading.Timer)]
    for timer in timers:
        timer.join(LONG)  # one that was told to stop may need a moment
    assert not [timer for timer in timers if timer.is_alive()]
