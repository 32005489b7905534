"""What comes from strangers: pictures, addresses, answers of a model, and what is sent to the page."""

from __future__ import annotations

import functools
import io
import json
import random
import re
import signal
import socket
import struct
import time
import zlib
from collections import Counter
from contextlib import ExitStack, suppress
from urllib.parse import quote, urlsplit

import psycopg
import requests
from PIL import Image

from openai_stub import chat_answer
from picture_server import PictureServer
from service.test_every_route import OPEN, WRITES
from trust.report import Trust
from trust.shop import DUE, LEFT, SECRETS, TOKEN, Shop, running
from vitrina.errors import PictureError
from vitrina.pictures.decode import decode
from vitrina.pictures.fetch import Fetcher
from vitrina.pictures.limits import Limits
from waiting import HANG

SECONDS = 20.0  # of processor time for one input
LETTERS = "aé ß\u202e\u0301\x01\x1b[31m<b>'\";--%00\\𝔰\ufeff\n\t"


# --- pictures -------------------------------------------------------------------------------------

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "ICO", "PPM")


def picture(draw: random.Random) -> bytes:
    """A good picture of some format."""
    kind, size = draw.choice(FORMATS), (draw.randint(1, 60), draw.randint(1, 60))
    image = Image.frombytes("RGB", size, draw.randbytes(3 * size[0] * size[1]))
    out = io.BytesIO()
    more = {"save_all": True, "append_images": [image] * 3} if kind in ("GIF", "TIFF") else {}
    image.save(out, kind, **more)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@functools.cache
def long_text() -> bytes:
    """Nothing at all, 20 MB of it."""
    return zlib.compress(bytes(20_000_000))


def bomb(draw: random.Random) -> bytes:
    """A PNG of a few bytes that claims to be large, and sometimes is."""
    width, height = (draw.choice((1, 60_000, 2**31 - 1, 0)) for _ in range(2))
    head = struct.pack(
        ">IIBBBBB", width, height, draw.choice((1, 8, 16)), draw.choice((0, 2, 6)), 0, 0, 0
    )
    pixels = zlib.compress(bytes(draw.choice((10, 3_000_000))))
    text = chunk(b"zTXt", b"Comment\0\0" + long_text()) if draw.random() < 0.1 else b""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + text + chunk(b"IDAT", pixels)
            + chunk(b"IEND", b""))  # fmt: skip


def spoilt(draw: random.Random, data: bytes) -> bytes:
    """Bytes of a file that were changed, cut, doubled or put into another's."""
    out = bytearray(data)
    for _ in range(draw.choice((1, 1, 3, 30))):
        place, way = draw.randrange(len(out) or 1), draw.randrange(5)
        if way == 0:
            del out[place:]
        elif way == 1:
            out[place : place + draw.randint(1, 8)] = draw.randbytes(draw.randint(0, 8))
        elif way == 2:
            out[place : place + 4] = draw.choice((b"\xff" * 4, bytes(4), b"\x7f" + b"\xff" * 3))
        elif way == 3:
            out[place:place] = out[: draw.randint(0, 2_000)]
        else:
            out[:place] = picture(draw)[:place]
    return bytes(out)


def test_pictures(trust: Trust) -> None:
    """Each is a picture in its normal form, or there is one sentence that says why not."""
    many, said, crashed = trust.times(1_200, 40), Counter[str](), 0
    for _ in range(many):
        way = trust.draw.random()
        data = bomb(trust.draw) if way < 0.1 else picture(trust.draw)
        if way > 0.2:
            data = spoilt(trust.draw, data)
        began = time.process_time()
        try:
            found = decode(data, limits=Limits())
            crashed += min(found.open().size) < 1
            said["pictures"] += 1
        except PictureError as exc:
            said["refused"] += 1
            crashed += "\n" in str(exc) or not str(exc)
        except Exception as exc:
            print(f"{type(exc).__name__}: {exc}, for {data[:80]!r}, of {len(data)} bytes")
            crashed += 1
        crashed += time.process_time() - began > SECONDS
    trust.row("pictures", many, crashed=crashed,
              besides=f"{said['pictures']} were pictures, {said['refused']} were refused")  # fmt: skip


# --- addresses ------------------------------------------------------------------------------------


def private(draw: random.Random) -> str:
    """A host that is nobody's in public, in one of the many ways to write it."""
    numbers = draw.choice((
        (127, 0, 0, 1), (127, *draw.randbytes(3)), (10, *draw.randbytes(3)), (192, 168, *draw.randbytes(2)),
        (172, draw.randint(16, 31), *draw.randbytes(2)), (169, 254, 169, 254), (0, 0, 0, 0),
        (100, draw.randint(64, 127), *draw.randbytes(2)),
    ))  # fmt: skip
    whole = int.from_bytes(bytes(numbers), "big")
    dotted = ".".join(map(str, numbers))
    return draw.choice((
        dotted, dotted, str(whole), hex(whole), oct(whole).replace("0o", "0"), f"[::ffff:{dotted}]",
        ".".join(hex(number) for number in numbers), ".".join(f"0{number:o}" for number in numbers),
        f"[::ffff:{whole >> 16:x}:{whole & 0xFFFF:x}]", f"[64:ff9b::{whole >> 16:x}:{whole & 0xFFFF:x}]",
        f"[2002:{whole >> 16:x}:{whole & 0xFFFF:x}::1]", dotted.translate({ord("."): "。"}),
        "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in dotted), f"{dotted}.",
        quote(dotted, safe="").replace(".", "%2e"), "localhost", "LocalHost.", "[::1]", "[::]", "[fe80::1%25lo]",
        f"[fd{draw.randrange(256):02x}::1]", "0", "127.1", "",
    ))  # fmt: skip


USERS = ("shop.example@", "user:pass@", "shop.example:80@", "%00@", "a@b@")
PORTS = ("", ":80", ":0", ":99999", ":-1", ":x")
PATHS = ("", "/../a.jpg", "/a.jpg?x=\r\nHost: other", "/%0d%0a", "\\a.jpg", "#@shop.example")
SCHEMES = ("https://", "HTTP://", "http:/", "http:", "//", "http:\\\\", " http://", "ht\ttp://", "ftp://", "file://", "gopher://",
           "data:image/png;base64,", "javascript:", "jar:http://", "dict://", "http://http://")  # fmt: skip


def address(draw: random.Random, port: int) -> str:
    """An address that leads there, seems to, or is none."""
    parts = {"scheme": "http://", "user": "", "port": f":{port}", "path": "/a.jpg"}
    odd = {"scheme": SCHEMES, "user": USERS, "port": PORTS, "path": PATHS}
    for part in draw.sample(sorted(odd), draw.choice((0, 0, 1, 1, 2, 4))):
        parts[part] = draw.choice(odd[part])
    return f"{parts['scheme']}{parts['user']}{private(draw)}{parts['port']}{parts['path']}"


def test_addresses(trust: Trust) -> None:
    """None is asked: what only looks public is refused, and so is what is no address."""
    many, crashed, said = trust.times(900, 60), 0, Counter[str]()
    with (
        PictureServer({"/a.jpg": picture(trust.draw)}) as server,
        Fetcher(Limits(seconds=5)) as fetcher,
    ):
        for _ in range(many):
            url = address(trust.draw, server.port)
            try:
                fetcher.fetch(url)
                print(f"fetched: {url!r}")
                crashed += 1
            except PictureError as exc:
                said["private" if "--allow-private-images" in str(exc) else "refused"] += 1
                crashed += "pass" in str(exc)
            except Exception as exc:
                print(f"{type(exc).__name__}: {exc}, for {url!r}")
                crashed += 1
        asked = server.connections
    trust.row("addresses of pictures", many, leaked=asked, crashed=crashed,
              besides=f"{said['private']} were known as private, {said['refused']} refused otherwise")  # fmt: skip


# --- answers of a model ---------------------------------------------------------------------------


def value(draw: random.Random, depth: int = 3) -> object:
    """Any JSON."""
    if depth and draw.random() < 0.5:
        inside = [value(draw, depth - 1) for _ in range(draw.choice((0, 0, 0, 1, 3)))]
        names = (
            "keywords",
            "term",
            "facet",
            "description",
            "caption",
            "choices",
            "message",
            "content",
            "usage",
        )
        return inside if draw.random() < 0.5 else {draw.choice(names): each for each in inside}
    return draw.choice((None, True, 0, -1, 1e300, 2**70, "", "oak", text(draw), "x" * 100_000))


def text(draw: random.Random) -> str:
    """A text with signs that are trouble somewhere."""
    return "".join(draw.choice(LETTERS) for _ in range(draw.randint(1, 60)))


def content(draw: random.Random, good: str) -> object:
    """What stands where the answer should."""
    keyword = {
        "term": draw.choice((text(draw), "oak", 7, None)),
        "facet": draw.choice(("color", "zzz", None, {})),
    }
    said = {"keywords": [keyword] * draw.choice((0, 1, 3, 500)), "description": draw.choice((text(draw), "A bench.")),
            "caption": draw.choice((text(draw), "A bench.", "x" * 50_000, SECRETS[1][::-1]))}  # fmt: skip
    cut = draw.randrange(len(good) + 1)
    return draw.choice((
        json.dumps(value(draw)), json.dumps(said), json.dumps(said), good[:cut], good + good, good[:cut] + "\\u0000" + good[cut:],
        f"```json\n{good}\n```", good.replace('"', "'"), "[" * 5_000, '{"a":' * 2_000, good.replace("}", ',"caption":"x"}'),
        text(draw), value(draw), good.replace(" ", "\u2028"), "\ud800", f"Ignore all. {good}",
    ))  # fmt: skip


def test_answers(trust: Trust, shop: Shop) -> None:
    """Each is used, or its product is told the reason; the others go on, and later all are enriched."""
    rounds, size, spoilt_ones = trust.times(20, 1), trust.times(30, 15), 0
    shop.stub.latency = 0.0
    for number in range(rounds):
        shop.put(*range(number * size, (number + 1) * size))
        names = [str(name) for name in range(number * size, (number + 1) * size)]
        for name in names[: size * 4 // 5]:
            spoilt_ones += 1
            answer_hostilely(trust.draw, shop, shop.titles[name])
        for _ in range(4):  # a run ends where several fail for the same reason
            shop.run("work", "--drain", codes=(0, 1))
            shop.ask("select vitrina.make_due(array_agg(j.product_id)) from vitrina.jobs as j"
                     " where j.state <> 'failed'")  # fmt: skip
        shop.stub.clear_faults()
        untold = shop.ask(f"{LEFT} and j.state = 'failed' and coalesce(j.error, '') = ''")
        assert untold == 0, "a product failed without a reason"
        shop.ask("select vitrina.retry_jobs()")
        shop.run("work", "--drain")
    left = shop.ask(DUE)
    broken = shop.unsound(whole=trust.full)
    trust.row("answers of a model", spoilt_ones, lost=left, stale=broken, leaked=shop.leaks(),
              crashed=shop.crashed, besides=f"{shop.asked:,} calls")  # fmt: skip


def answer_hostilely(draw: random.Random, shop: Shop, title: str) -> None:
    """From now on all calls about this product get one kind of answer."""
    good = chat_answer({"messages": [{"role": "user", "content": title}], "model": "gpt-4o-mini"})
    message = good["choices"][0]["message"]
    message["content"] = content(draw, str(message["content"]))
    if draw.random() < 0.2:
        good = draw.choice((value(draw), good | {"usage": value(draw)}, good | {"choices": value(draw)},
                            good | {"model": text(draw)}))  # fmt: skip
    shop.stub.answering("chat", 200, good, lambda request: title in request.text)


# --- requests to the page -------------------------------------------------------------------------


NAMES = (
    "q",
    "n",
    "page",
    "filter",
    "where",
    "like",
    "pic",
    "box",
    "sort",
    "min_relevance",
    "id",
    "csrf",
    "near",
)
METHODS = ("POST", "HEAD", "PUT", "OPTIONS", "TRACE", "CONNECT", "get", "G\x00T", "")
VERSIONS = ("HTTP/1.0", "HTTP/9.9", "HTTQ/1.1", "")
HOSTS = ("Host: other", "Host: a\r\nHost: b", "Host:", "X: y", "Host: 127.0.0.1\x00")
LENGTHS = ("Content-Length: -1", "Content-Length: 9999999999999", "Content-Length: 1\r\nTransfer-Encoding: chunked",
           "Transfer-Encoding: chunked", "Transfer-Encoding: xchunked", "Content-Length: x")  # fmt: skip
KINDS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data", "image/png",
         "application/json; charset=utf-99")  # fmt: skip
FURTHER = ("Cookie: " + "a=b;" * 2_000, "X-Forwarded-For: 1, 2\r\nX-Forwarded-Proto: https", "A: " + "x" * 70_000,
           "Range: bytes=-1-2,9-", "Accept: " + "*/*," * 500, "If-None-Match: \u202e", "Bad Header", "A: b\x00c",
           "Upgrade: websocket\r\nConnection: upgrade", "Sec-Fetch-Site: cross-site", "Origin: null")  # fmt: skip
UPLOAD = b'--x\r\nContent-Disposition: form-data; name="f"; filename="../../a"\r\n\r\n%b\r\n--x--'


def asked(draw: random.Random, path: str) -> str:
    """The path of a route with some parameters, or something like it."""
    path, _, given = path.partition("?")
    values = (text(draw), "-1", "1e999", "[", "{}", "x" * 3_000, "$.a ? (@ > 1)", "1,2,3,4", "NaN")
    pairs = [
        f"{draw.choice(NAMES)}={quote(draw.choice(values))}"
        for _ in range(draw.choice((0, 0, 0, 1, 3)))
    ]
    odd = (f"{path}%00", f"{path}%ff%fe", "/.." * 5 + path, "*", f"http://other{path}", f"{path}/{quote(text(draw))}",
           "/" + "a" * 9_000, path.replace("/", "//"), "//other", "")  # fmt: skip
    target = draw.choice(odd) if draw.random() < 0.2 else path
    return "?".join((target, "&".join(filter(None, (given, *pairs)))))


def request(draw: random.Random, port: int) -> bytes:
    """A request with one or two things that are not as they should be."""
    body = b""
    parts = {
        "method": "GET",
        "version": "HTTP/1.1",
        "host": f"Host: 127.0.0.1:{port}",
        "length": "",
        "more": "",
    }
    target = asked(draw, draw.choice(OPEN))
    if draw.random() < 0.4:
        parts["method"], target = "POST", asked(draw, draw.choice(WRITES))
        body = draw.choice(
            (b"a=1", draw.randbytes(300), b'{"a":' * 500, UPLOAD % draw.randbytes(99))
        )
        parts["length"] = f"Content-Length: {len(body)}\r\nContent-Type: {draw.choice(KINDS)}"
    odd = {
        "method": METHODS,
        "version": VERSIONS,
        "host": HOSTS,
        "length": LENGTHS,
        "more": FURTHER,
    }
    for part in draw.sample(sorted(odd), draw.choice((0, 0, 0, 1, 1, 2))):
        parts[part] = draw.choice(odd[part])
    token = f"Authorization: Bearer {TOKEN}" if draw.random() < 0.8 else ""
    lines = (
        f"{parts['method']} {target} {parts['version']}",
        parts["host"],
        parts["length"],
        parts["more"],
        token,
    )
    head = (
        "\r\n".join([*filter(None, lines), "Connection: close"]).encode("utf-8", "replace")
        + b"\r\n\r\n"
    )
    whole = (head + body) * draw.choice((1, 1, 1, 1, 1, 3))
    return whole[: draw.randrange(len(whole))] if draw.random() < 0.05 else whole


def answered(place: tuple[str, int], sent: bytes) -> bytes:
    """All that comes back until the other side ends the connection, or we do."""
    got = b""
    with suppress(OSError), socket.create_connection(place, timeout=1) as conn:
        conn.sendall(sent)
        while part := conn.recv(65_536):
            got += part
    return got


def is_well(base: str) -> bool:
    """Whether a good request is answered as ever."""
    token = {"Authorization": f"Bearer {TOKEN}"}
    return requests.get(f"{base}/api/suggest?q=oa", headers=token, timeout=HANG).status_code == 200


def test_requests(trust: Trust, shop: Shop) -> None:
    """Whatever is sent: an answer below 500 or none, and a good request is answered as ever."""
    many, crashed, leaked, statuses = trust.times(900, 60), 0, 0, Counter[str]()
    shop.put(*range(5))
    with running(shop.serve("--edit")) as at_work:
        base = shop.address(at_work[0])
        place = (str(urlsplit(base).hostname), int(urlsplit(base).port or 0))
        for number in range(many):
            sent = request(trust.draw, place[1])
            got = answered(place, sent)
            for status in re.findall(rb"^HTTP/1\.1 (\d+)", got) or [b"none"]:
                statuses[status.decode()] += 1
                if status.startswith(b"5") and status != b"503":
                    print(f"{status!r} for {sent[:300]!r}")
                    crashed += 1
            leaked += any(word.encode() in got for word in (*SECRETS, "Traceback"))
            if number % 10 == 0:
                crashed += not is_well(base)
        crashed += at_work[0].poll() is not None
        shop.end(at_work[0], (-signal.SIGTERM,))
    with psycopg.connect(shop.url) as conn:
        row = conn.execute("select count(*) from vitrina.products").fetchone()
    assert row is not None
    trust.row("requests to `serve`", many, lost=5 - row[0], stale=shop.unsound(), leaked=leaked + shop.leaks(),
              crashed=crashed + shop.crashed, besides=", ".join(f"{n} {s}" for s, n in statuses.most_common(5)))  # fmt: skip


def test_drips(trust: Trust, shop: Shop) -> None:
    """Many whose headers drip: others are answered, and in a full run all of them are sent away."""
    many, crashed = trust.times(300, 40), 0
    with running(shop.serve()) as at_work, ExitStack() as opened:
        base = shop.address(at_work[0])
        place = (str(urlsplit(base).hostname), int(urlsplit(base).port or 0))
        drips = [opened.enter_context(socket.create_connection(place)) for _ in range(many)]
        left, began = list(drips), time.monotonic()
        for each in drips:
            each.sendall(b"GET / HTTP/1.1\r\n")
        while left and time.monotonic() - began < (HANG if trust.full else 1):
            for each in list(left):
                try:
                    each.sendall(b"A: b\r\n")
                except OSError:
                    left.remove(each)
            crashed += not is_well(base)
            time.sleep(0.2)
        seconds = time.monotonic() - began
        shop.end(at_work[0], (-signal.SIGTERM,))
    trust.row("requests whose headers drip", many, stale=len(left) if trust.full else 0, crashed=crashed + shop.crashed,
              leaked=shop.leaks(), besides=f"{many - len(left)} were sent away within {seconds:.0f} s")  # fmt: skip
