"""Files of every format: what is well formed is read without loss, and what is not says so."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import random
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import hypothesis
from hypothesis import strategies as st

from exported import EXPORTED
from trust.report import Trust
from trust.test_hostile_inputs import spoilt
from vitrina.errors import VitrinaError
from vitrina.files import Product, Reject, Repeat, open_products
from vitrina.files.items import LeftOut
from vitrina.files.keyword_file import read_seed

SECONDS = 10.0  # of processor time for one file
# no markup, which becomes text, and none of the signs that nobody sees, which are left out
SIGNS = "abcdefgh ABCÄÖßéèñçłżőåøœ日本語ラグكرسيשולחןОбувь0123456789\"',;|\t.:!?()[]{}/\\#@%*+-=_~$€£°²½“”’–…"
titles = st.text(st.sampled_from(SIGNS), min_size=1, max_size=60).map(
    lambda said: f"Oak {' '.join(said.split())} lamp"
)
notes = st.text(st.sampled_from(SIGNS + "\n"), max_size=200).map(lambda said: f"Note: {said}.")
Rows = list[tuple[str, str]]


def as_table(rows: Rows, draw: random.Random) -> str:
    """Rows with delimiters, quoted as one of the writers does."""
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=draw.choice(",;\t|"),
        quoting=draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
        lineterminator=draw.choice(("\n", "\r\n")),
    )
    writer.writerow(["id", "title", "description", "price"])
    writer.writerows([f"p{n}", title, note, "9.90"] for n, (title, note) in enumerate(rows))
    return out.getvalue()


def as_json(rows: Rows, draw: random.Random) -> str:
    """Rows as a list, inside of something, or a line each."""
    values = [
        {"id": f"p{n}", "title": title, "description": note, "price": 9.9}
        for n, (title, note) in enumerate(rows)
    ]
    way, plain = draw.randrange(3), draw.random() < 0.5
    if way == 0:
        return "".join(json.dumps(value, ensure_ascii=plain) + "\n" for value in values)
    whole = values if way == 1 else {"meta": {"count": len(values)}, "products": values}
    return json.dumps(whole, ensure_ascii=plain, indent=draw.choice((None, 2)))


def as_xml(rows: Rows, draw: random.Random) -> str:
    """Rows as a feed."""

    def text(said: str) -> str:
        if draw.random() < 0.5:
            return f"<![CDATA[{said}]]>".replace("]]]>", "] ]>")
        return said.replace("&", "&amp;").replace("<", "&lt;")

    items = (
        f"<item><g:id>p{n}</g:id><title>{text(title)}</title><description>{text(note)}</description>"
        "<g:price>9.90 EUR</g:price></item>"
        for n, (title, note) in enumerate(rows)
    )
    head = (
        '<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel>'
    )
    return f"{head}{''.join(items)}</channel></rss>"


WRITERS: tuple[Callable[[Rows, random.Random], str], ...] = (as_table, as_table, as_json, as_xml)


def encoded(text: str, draw: random.Random, wide: bool) -> bytes:
    """A text in an encoding that files come in."""
    marks = {
        "utf-8": b"",
        "utf-8-sig": b"",
        "utf-16-le": codecs.BOM_UTF16_LE,
        "utf-16-be": codecs.BOM_UTF16_BE,
    }
    codec = draw.choice(tuple(marks) if wide else ("utf-8", "utf-8-sig"))
    return marks[codec] + text.encode(codec)


def packed(data: bytes, name: str, draw: random.Random) -> tuple[bytes, str]:
    """A file as it is, or compressed."""
    way = draw.random()
    if way < 0.15:
        return gzip.compress(data), f"{name}.gz"
    if way < 0.3:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, data)
        return out.getvalue(), f"{name}.zip"
    return data, name


def squashed(text: str | None) -> str:
    return " ".join((text or "").split())


def test_drawn_files(trust: Trust, tmp_path: Path) -> None:
    """Products with any signs in their texts, in any format, encoding and compression."""
    many, read, lost = trust.times(1_500, 40), 0, 0

    @hypothesis.seed(trust.seed)
    @hypothesis.settings(
        max_examples=many,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        st.lists(st.tuples(titles, notes), min_size=3, max_size=6), st.integers(0, 10**9)
    )
    def run(rows: Rows, number: int) -> None:
        nonlocal read, lost
        draw = random.Random(number)  # noqa: S311 - repeatable
        write = draw.choice(WRITERS)
        name = {as_table: "shop.csv", as_json: "shop.json", as_xml: "shop.xml"}[write]
        data = encoded(write(rows, draw), draw, wide=write is as_table)
        data, name = packed(data, name, draw)
        path = tmp_path / name
        path.write_bytes(data)
        with open_products(str(path)) as file:
            found = [one for one in file.products() if isinstance(one, Product)]
        path.unlink()
        read += 1
        said = [(squashed(one.title), squashed(one.text)) for one in found]
        meant = [(squashed(title), squashed(note)) for title, note in rows]
        if said != meant:
            lost += sum(one not in said for one in meant) or 1
            print(f"{name}, {data[:30]!r}…\n  {said}\n  {meant}")

    run()
    trust.row("drawn files of products", read, lost=lost)


def test_spoilt_files(trust: Trust, tmp_path: Path) -> None:
    """Exports of every system, cut, changed and mixed: products, rows set aside, or one clear reason."""
    many, crashed, said = trust.times(3_000, 60), 0, Counter[str]()
    draw = trust.draw
    names = sorted(EXPORTED)
    for _ in range(many):
        exported = EXPORTED[draw.choice(names)]
        good = exported.write().encode(draw.choice(("utf-8", "utf-8", "utf-16")))
        data, name = packed(spoilt(draw, good), exported.name, draw)
        if draw.random() < 0.2:
            data = spoilt(draw, data)
        path = tmp_path / name
        path.write_bytes(data)
        read = read_seed if draw.random() < 0.1 else products
        began = time.process_time()
        try:
            said["read"] += len(read(str(path))) > 0
        except VitrinaError as exc:
            said["refused"] += 1
            crashed += not str(exc).strip() or "Traceback" in str(exc)
        except Exception as exc:
            print(f"{type(exc).__name__}: {exc}, for {name}, {data[:60]!r}")
            crashed += 1
        crashed += time.process_time() - began > SECONDS
        path.unlink()
    trust.row("spoilt files", many, crashed=crashed,
              besides=f"{said['read']} were read, {said['refused']} refused")  # fmt: skip


def products(path: str) -> list[object]:
    """All that a file gives; a row that cannot be read has its reason."""
    with open_products(path) as file:
        items = list(file.products())
    for one in items:
        assert isinstance(one, Product | Repeat | Reject | LeftOut), one
        assert not isinstance(one, Reject) or one.reason.strip()
    return list[object](items)
