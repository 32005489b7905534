"""Servers of pictures that are not what they seem: they lead home, never end, or speak no HTTP."""

from __future__ import annotations

import functools
import gzip
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

import picture_server as ps
from trust.report import Trust
from trust.shop import SECRETS, Shop
from trust.test_hostile_inputs import address, bomb, picture, private, spoilt
from vitrina.errors import PictureError
from vitrina.http import guard
from vitrina.pictures.fetch import Fetcher
from vitrina.pictures.limits import Limits
from waiting import HANG

ABROAD = "127.0.0.3"  # counts as public here; nothing else of this machine does
AT_ONCE = 16
MOST = 200_000  # bytes of a picture
HURRY = Limits(seconds=0.7, bytes=MOST)


@pytest.fixture
def abroad(monkeypatch: pytest.MonkeyPatch) -> Iterator[ps.PictureServer]:
    """A server that counts as one of the public internet."""
    is_public = guard.is_public
    monkeypatch.setattr(guard, "is_public", lambda ip: ip == ABROAD or is_public(ip))
    with ps.PictureServer(host=ABROAD) as server:
        yield server


def fetched(fetcher: Fetcher, url: str) -> str:
    """Fetch an address: what came of it, in a word."""
    began = time.monotonic()
    try:
        what = "pictures" if len(fetcher.fetch(url)) <= fetcher.limits.bytes else "too much"
    except PictureError as exc:
        what = "private" if "--allow-private-images" in str(exc) else "refused"
        if "\n" in str(exc) or any(word in str(exc) for word in ("pass@", *SECRETS)):
            what = f"badly said: {exc}"
    except Exception as exc:
        what = f"{type(exc).__name__}: {exc}"
    return what if time.monotonic() - began < HANG else f"late: {what}"


def odd(said: Counter[str]) -> int:
    """How often something came of it that never should."""
    found = {
        what: many for what, many in said.items() if what not in ("pictures", "private", "refused")
    }
    print(found)
    return sum(found.values())


def test_redirects_that_lead_home(trust: Trust, abroad: ps.PictureServer) -> None:
    """Whatever address a server sends us to, and after however many others: none of ours is asked."""
    many, draw, said = trust.times(600, 40), trust.draw, Counter[str]()
    with ps.PictureServer({"/a.jpg": picture(draw)}) as home, Fetcher(Limits(seconds=5)) as fetcher:
        for number in range(many):
            target = address(draw, home.port)
            for hop in range(draw.choice((1, 1, 1, 2, 3))):
                path = f"/{number}/{hop}"
                abroad.pages[path] = ps.redirect(
                    said_in_a_header(target), draw.choice((301, 302, 303, 307, 308))
                )
                target = abroad.url(path)
            said[fetched(fetcher, target)] += 1
        asked = home.connections
    trust.row("redirects that lead home", many, leaked=asked, crashed=odd(said) + said["pictures"],
              besides=f"{said['private']} were known as private, {said['refused']} refused otherwise")  # fmt: skip


def said_in_a_header(text: str) -> str:
    """As a server sends it that checks nothing."""
    return text.encode("utf-8").decode("latin-1")


@contextmanager
def names(answers: dict[str, list[list[str]]]) -> Iterator[None]:
    """The addresses of names, one list for each look-up; of the last ever after."""
    real, lock = socket.getaddrinfo, threading.Lock()

    def looked_up(host: Any, port: Any, *args: Any, **options: Any) -> list[Any]:
        name = str(host).rstrip(".").lower()
        if name not in answers:
            return real(host, port, *args, **options)
        with lock:
            found = answers[name].pop(0) if len(answers[name]) > 1 else answers[name][0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        six = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(six[":" in ip], socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    socket.getaddrinfo = looked_up
    try:
        yield
    finally:
        socket.getaddrinfo = real


def at_home(draw: random.Random) -> str:
    """An address of ours, as a look-up gives it."""
    while True:
        host = private(draw).strip("[]").partition("%")[0]
        try:
            return socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)[0][4][0]
        except (OSError, UnicodeError):
            continue


def test_names_that_lead_home(trust: Trust, abroad: ps.PictureServer) -> None:
    """A name with an address of ours among its own, or from the second look-up on."""
    many, draw, crashed, said = trust.times(300, 30), trust.draw, 0, Counter[str]()
    abroad.pages["/a.jpg"] = picture(draw)
    plans: list[tuple[bool, list[list[str]]]] = []
    for _ in range(many):
        ours = at_home(draw)
        plans.append(draw.choice((
            (False, [[ours]]), (False, [[ABROAD, ours]]), (False, [[ours, ABROAD]]), (False, [[]]),
            (True, [[ABROAD], [ours]]), (True, [[ABROAD], [ours, ABROAD]]), (False, [[ours], [ABROAD]]),
        )))  # fmt: skip
    with ps.PictureServer({"/a.jpg": picture(draw)}) as home:
        for number, (good, answers) in enumerate(plans):
            # to our server's port where the name leads home, else to the other's
            port = abroad.port if good else home.port
            name = f"shop-{number}.example"
            with names({name: answers}), Fetcher(Limits(seconds=5)) as fetcher:
                what = fetched(fetcher, f"http://{name}:{port}/a.jpg")
            said[what] += 1
            if good != (what == "pictures"):
                print(f"{name}: {answers}, {what}")
                crashed += 1
        asked = home.connections
    trust.row("names that lead home", many, leaked=asked, crashed=crashed + odd(said),
              besides=f"{said['private']} were known as private, {said['pictures']} did so when it was too late")  # fmt: skip


# --- servers that misbehave -----------------------------------------------------------------------


@functools.cache
def packed() -> bytes:
    """Nothing at all, 50 MB of it."""
    return gzip.compress(bytes(50_000_000))


def written(*parts: bytes, times: int = 1) -> ps.Behaviour:
    """These bytes, the last of them so often, and the end."""

    def behave(handler: ps.Handler) -> None:
        handler.close_connection = True
        for part in parts[:-1]:
            handler.wfile.write(part)
        for _ in range(times):
            handler.wfile.write(parts[-1])

    return behave


OK = b"HTTP/1.1 200 OK\r\n"
LENGTHS = ("-1", "1e3", "0", "99999999999999999999", "5, 6", "x", "", " 3", "0x10", "\u00b2")
CHUNKS = (
    b"ffffffffffffffff\r\n",
    b"-1\r\n",
    b"x\r\n",
    b"5;" + b"a" * 70_000 + b"\r\n",
    b"5\r\nab",
    b"\r\n\r\n",
    b"0\r\n",
)
HEADS = (
    b"HTTP/1.1 200 OK", b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 999 X\r\n\r\n", b"HTTP/1.1 -1 X\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"\r\n" * 99,
    b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n", OK + b"X" * 100_000 + b": y\r\n\r\n", OK + b"no colon\r\n\r\nx", OK + b"\x00: \xff\r\n\r\nx",
    OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nabc", b"SSH-2.0-x\r\n", b"\x16\x03\x01\x00\x05", b"HTTP/1.1 302 X\r\nLocation:\r\n\r\n",
    OK + b"Set-Cookie: a=" + b"b" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\nhello",
)  # fmt: skip


def misbehaving(draw: random.Random) -> ps.Behaviour:
    """What a server does with a request for a picture."""
    body = draw.choice((picture, bomb, lambda draw: spoilt(draw, picture(draw))))(draw)
    cut = draw.randrange(len(body) + 1)
    return draw.choice((
        ps.endless(), ps.endless({"Content-Length": 10**9}), ps.endless({"Transfer-Encoding": "chunked"}),
        ps.endless(part=body[:4] * 5_000), ps.endless(part=b""), ps.drip_body(), ps.drip_body(length=None), ps.drip_headers(),
        ps.silent, ps.reset, ps.garbage, ps.cut_short(body[:cut], len(body) + 1), ps.chunked(body, draw.randint(1, 3_000)),
        ps.without_length(body[:cut]), ps.reply(body, draw.choice((200, 204, 206, 304, 404, 500)), draw.choice(("text/html", "", "x/y"))),
        ps.reply(body, headers={"Content-Length": said_in_a_header(draw.choice(LENGTHS))}),
        ps.reply(draw.choice((b"", packed())), headers={"Content-Encoding": draw.choice(("gzip", "deflate", "br", "gzip, gzip", "x"))}),
        ps.reply(body, headers={"Transfer-Encoding": draw.choice(("gzip", "chunked, chunked", "x"))}),
        written(OK + b"Transfer-Encoding: chunked\r\n\r\n", draw.choice(CHUNKS), body), written(draw.choice(HEADS)),
        written(OK, b"X-More: and more\r\n", times=30_000), written(b"HTTP/1.1 100 Continue\r\n\r\n", times=30_000),
        ps.redirect(draw.choice(("", "/", "//", "?x", "http://", "\\", "%00", "x" * 70_000, "/\u00e9"))),
    ))  # fmt: skip


def test_servers_that_misbehave(trust: Trust, abroad: ps.PictureServer) -> None:
    """Each is given up in time, or gives a picture; a good one beside them is fetched as ever."""
    many, draw = trust.times(900, 40), trust.draw
    good = abroad.pages["/good.jpg"] = picture(draw)
    for number in range(many):
        abroad.pages[f"/{number}.jpg"] = misbehaving(draw)
    with (
        Fetcher(HURRY) as fetcher,
        Fetcher(Limits(seconds=HANG, bytes=MOST)) as patient,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        urls = [abroad.url(f"/{number}.jpg") for number in range(many)]
        results = [pool.submit(fetched, fetcher, url) for url in urls]
        spoilt_ones = sum(patient.fetch(abroad.url("/good.jpg")) != good for _ in range(many // 10))
        said = Counter(result.result() for result in results)
    trust.row("servers of pictures that misbehave", many, crashed=odd(said), stale=spoilt_ones,
              besides=f"{said['pictures']} gave something, {said['refused']} were given up")  # fmt: skip


# --- all of it, in a shop -------------------------------------------------------------------------

WITHOUT = """
select count(*) from vitrina.products as p join vitrina.sources as s on s.id = p.source_id
where s.name = 'work' and p.image_sha256 is null and coalesce(p.image_error, '') = ''
"""


def quick(draw: random.Random) -> ps.Behaviour:
    """What a server does, if it does not keep us waiting: a worker waits for 20 seconds.

    Mostly good pictures, as no host is asked any more that failed five times in a row.
    """
    body = spoilt(draw, picture(draw))
    broken = (ps.reset, ps.garbage, ps.cut_short(body, len(body) + 9), written(draw.choice(HEADS)))
    return draw.choice((
        *[ps.reply(picture(draw))] * 4, ps.reply(body), ps.reply(body), ps.reply(bomb(draw)), ps.endless(), draw.choice(broken),
        written(OK, b"X-More: and more\r\n", times=30_000), ps.reply(packed(), headers={"Content-Encoding": "gzip"}),
        ps.reply(b"", 404),
    ))  # fmt: skip


def test_products_with_hostile_pictures(trust: Trust, shop: Shop) -> None:
    """Each product is enriched all the same, and says why it has no picture; nobody is asked at home."""
    many, draw = trust.times(300, 16), trust.draw
    shop.stub.latency = 0.0
    shop.titles = {str(number): shop.title() for number in range(many)}
    with ps.PictureServer() as home, ps.PictureServer() as server:
        rows = []
        for number, title in shop.titles.items():
            server.pages[f"/{number}.jpg"] = quick(draw)
            image = (
                address(draw, home.port) if draw.random() < 0.4 else server.url(f"/{number}.jpg")
            )
            rows.append({"external_id": number, "title": title, "image": image.replace("\x00", "")})
        put = "select vitrina.put_products('work', %s)"
        shop.ask(put, json.dumps([row for row in rows if port_of(row["image"]) != server.port]))
        shop.retry("work", "--drain", "--concurrency", "8")  # private addresses are not allowed
        asked = home.connections
        shop.ask(put, json.dumps([row for row in rows if port_of(row["image"]) == server.port]))
        shop.retry("work", "--drain", "--concurrency", "8", "--allow-private-images")
        came = len(server.requests)
    found = shop.products()
    with psycopg.connect(shop.url) as conn:
        row = conn.execute(WITHOUT).fetchone()
    assert row is not None
    found["stale"] += shop.unsound(whole=trust.full) + row[0]
    trust.row("products with hostile pictures", many, **found, leaked=shop.leaks() + asked, crashed=shop.crashed,
              besides=f"{came} requests for pictures")  # fmt: skip


def port_of(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None
