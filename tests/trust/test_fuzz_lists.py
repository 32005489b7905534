"""What else comes as a file: keywords, judgements and imports; monsters; and what the commands make of them."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from exported import EXPORTED
from trust.report import Trust
from trust.shop import Shop
from trust.test_fuzz_formats import SECONDS, SIGNS, encoded, packed, products
from trust.test_hostile_inputs import spoilt
from vitrina.db.database import Database
from vitrina.errors import VitrinaError
from vitrina.evaluation import grades
from vitrina.files import Product, Reject
from vitrina.files.keyword_file import read_seed
from vitrina.products.load_enriched import import_file

GRADES = (0, 1, 2, 0.5, 10)
MEMORY = 3_000_000_000  # bytes beyond what the process has
Row = dict[str, object]


@contextmanager
def bounded() -> Iterator[None]:
    """What takes gigabytes fails, before it takes those of others."""
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (has + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


# --- lists that are well formed -------------------------------------------------------------------


def words(draw: random.Random, apart: str = "") -> str:
    """A few words with any signs but these."""
    said = "".join(draw.choice(SIGNS) for _ in range(draw.randint(1, 40)))
    return "oak " + " ".join("".join(sign for sign in said if sign not in apart).split())


def written(rows: list[Row], draw: random.Random, name: str, folder: Path) -> Path:
    """A file of these rows: a table, or a JSON object a line; in any encoding and compression."""
    table = draw.random() < 0.6
    if table:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), delimiter=draw.choice(",;\t"),
                                quoting=draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))  # fmt: skip
        writer.writeheader()
        writer.writerows(rows)
        text = out.getvalue()
    else:
        text = "".join(json.dumps(row, ensure_ascii=draw.random() < 0.5) + "\n" for row in rows)
    name = f"{name}.csv" if table else f"{name}.jsonl"
    data, name = packed(encoded(text, draw, wide=table), name, draw)
    path = folder / name
    path.write_bytes(data)
    return path


def keyword_rows(draw: random.Random) -> list[Row]:
    return [
        {"keyword": words(draw), "facet": draw.choice(("color", "material", "type")),
         "aliases": draw.choice(";|").join(words(draw, ";|") for _ in range(draw.randint(1, 4)))}
        for _ in range(draw.randint(2, 6))
    ]  # fmt: skip


def judgement_rows(draw: random.Random) -> list[Row]:
    return [
        {"query": f"{words(draw)} {number}", "external_id": f"p{draw.randrange(5)}",
         "source": "work", "grade": draw.choice(GRADES)}
        for number in range(draw.randint(2, 6))
    ]  # fmt: skip


def import_rows(draw: random.Random) -> list[Row]:
    return [
        {"id": f"p{number}", "title": words(draw), "keywords": json.dumps(["oak", f"lamp {number}"]),
         "description": words(draw), "caption": words(draw)}
        for number in range(draw.randint(2, 6))
    ]  # fmt: skip


def squashed(*said: object) -> tuple[str, ...]:
    return tuple(" ".join(str(each).split()) for each in said)


IDS = """
select p.external_id, p.id from vitrina.products as p
join vitrina.sources as s on s.id = p.source_id where s.name = 'work'
"""
IMPORTED = """
select p.external_id, p.title, p.description, p.caption from vitrina.products as p
join vitrina.sources as s on s.id = p.source_id where s.name = %s order by p.id
"""


def keywords_lost(path: Path, rows: list[Row]) -> bool:
    said = [
        (*squashed(row["keyword"], row["facet"]), squashed(*row["aliases"]))
        for row in read_seed(str(path))
    ]
    return said != [
        (*squashed(row["keyword"], row["facet"]), squashed(*re.split("[;|]", str(row["aliases"]))))
        for row in rows
    ]  # fmt: skip


def judgements_lost(path: Path, rows: list[Row], database: Database) -> bool:
    ids = {row["external_id"]: row["id"] for row in database.rows(IDS)}
    meant: dict[str, dict[int, float]] = {}
    for row in rows:
        meant.setdefault(str(row["query"]).strip(), {})[ids[row["external_id"]]] = row["grade"]  # type: ignore[assignment]
    return grades.read(database, str(path)).grades != meant


def imports_lost(path: Path, rows: list[Row], database: Database, source: str) -> bool:
    done = import_file(database, str(path), source=source)
    said = [squashed(*row.values()) for row in database.rows(IMPORTED, (source,))]
    meant = [
        squashed(*(row[name] for name in ("id", "title", "description", "caption"))) for row in rows
    ]
    return said != meant or done.enriched != len(rows)


def test_drawn_lists(trust: Trust, shop: Shop, tmp_path: Path) -> None:
    """Keywords, judgements, and products that are enriched already: all of it is read."""
    many, lost, draw = trust.times(1_000, 30), 0, trust.draw
    shop.put(*(f"p{number}" for number in range(5)))
    with Database(shop.url) as database:
        for number in range(many):
            if number % 15 == 0:
                rows = import_rows(draw)
                path = written(rows, draw, "imported", tmp_path)
                wrong = imports_lost(path, rows, database, f"drawn {number}")
            elif number % 2:
                path = written(rows := keyword_rows(draw), draw, "words", tmp_path)
                wrong = keywords_lost(path, rows)
            else:
                path = written(rows := judgement_rows(draw), draw, "grades", tmp_path)
                wrong = judgements_lost(path, rows, database)
            if wrong:
                print(f"{path.name}: {path.read_bytes()[:300]!r} of {rows}")
            lost += wrong
            path.unlink()
    trust.row("drawn lists of keywords, grades and enrichments", many, lost=lost, stale=shop.unsound(),
              leaked=shop.leaks())  # fmt: skip


# --- files that are anything but ------------------------------------------------------------------

GOOD = '{"id": 1, "title": "Lamp"}'
ITEM = "<item><id>1</id><title>Lamp</title>{}</item>"


def deep(draw: random.Random, first: str, last: str, inner: str = "1") -> str:
    many = draw.choice((100, 450, 900, 20_000, 100_000))
    return first * many + inner + (last * many if draw.random() < 0.8 else "")


def monstrous_json(draw: random.Random) -> str:
    odd = draw.choice((
        deep(draw, "[", "]"), deep(draw, '{"a":', "}"), deep(draw, '[{"title":', "}]"), "9" * draw.choice((20, 400, 5_000)),
        "1e999", "-0", "NaN", '"\\ud800"', '"' + "x" * 3_000_000 + '"', '{"id": 1, "id": 2}', '"\\u0000"', "[null]", "tru",
    ))  # fmt: skip
    return draw.choice((
        f'[{GOOD}, {{"id": 2, "title": "Mug", "n": {odd}}}, {GOOD}]', f'{{"n": {odd}, "products": [{GOOD}]}}',
        f'{{"products": [{GOOD}], "n": {odd}}}', f'{GOOD}\n{{"id": 2, "title": {odd}}}\n{GOOD}\n', odd, f"[{odd}]",
        f'[{GOOD}, {{"id": {odd}, "title": "Mug", "price": {odd}, "images": {odd}}}]', f'{{"title": "Lamp", "n": {odd}}}',
        f'<html><script type="application/ld+json">{{"@context": "x", "@type": "Product", "name": "Lamp", "n": {odd}}}</script>',
        f'{{"@context": "x", "@type": "Product", "name": "Lamp", "offers": {odd}, "image": {odd}}}',
    ))  # fmt: skip


def monstrous_xml(draw: random.Random) -> str:
    odd = draw.choice((
        deep(draw, "<a>", "</a>"), deep(draw, "<item>", "</item>"), "<a " + " ".join(f'b{n}="1"' for n in range(9_000)) + "/>",
        "<a>&b;</a>", "&#0;", "&#xd800;", "<![CDATA[", "<!--", "<?php ?>", "<a>" * 5, "<a>" + "x" * 2_000_000 + "</a>",
        "<x:a/>", "<ü/>", "\x01", "<a/>" * 30_000,
    ))  # fmt: skip
    named = draw.choice(
        (
            "utf-8",
            "utf-16",
            "shift_jis",
            "big5",
            "gb18030",
            "no-such",
            "ascii",
            "ucs-4",
            "rot13",
            "base64",
        )
    )
    head = draw.choice((
        "", f'<?xml version="1.0" encoding="{named}"?>', '<!DOCTYPE r SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE r [<!ENTITY b "' + "b" * 99 + '">]>', '<!DOCTYPE r [<!ENTITY b SYSTEM "http://127.0.0.1/">]>',
        "<!DOCTYPE r [" + "".join(f'<!ENTITY b{n} "{"&b" + str(n - 1) + ";" if n else "b"}">' for n in range(30)) + "]>",
    ))  # fmt: skip
    items = [ITEM.format(""), ITEM.format(odd), ITEM.format("")]
    return head + draw.choice(
        (f"<rss><channel>{''.join(items)}</channel></rss>", odd, f"<r>{odd}{''.join(items)}</r>")
    )


def monstrous_table(draw: random.Random) -> str:
    many = draw.choice((10, 1_000, 3_000))
    odd = draw.choice((
        '"', '"' * many, "x" * 2_000_000, "\0", "\ufeff", "\r", "[" * many, "(" * many + "1" + ")" * many, "<div>" * many, "&amp;" * many,
        "9" * 5_000, "1e999", "٣٫٥", "½", "\u2028", "=cmd()", "{" * many, "," * many, "\ud7ff",
    ))  # fmt: skip
    columns = ",".join(f"c{number}" for number in range(many))
    return draw.choice((
        f"id,title,price,images,description\n1,Lamp,{odd},{odd},{odd}\n2,Mug,1,,\n", f"id,{odd},title\n1,2,Lamp\n",
        f"id,title\n1,Lamp\n{odd}\n2,Mug\n", f"{odd}id,title\n1,Lamp{odd}\n", f"id,title,{columns}\n1,Lamp\n",
        f"id,title,keywords,caption,embedding\n1,Lamp,{odd},A lamp.,{odd}\n", "id,title\n" * many, "\n" * many + "id,title\n1,Lamp\n",
    ))  # fmt: skip


def jumbled(draw: random.Random, text: str) -> bytes:
    """Lines that are doubled, dropped, moved, or in another encoding than the rest."""
    lines = text.splitlines(keepends=True)
    out = []
    for line in lines:
        way = draw.random()
        codec = (
            "utf-8" if way > 0.1 else draw.choice(("latin-1", "cp1251", "utf-16-le", "shift_jis"))
        )
        out += [line.encode(codec, "replace")] * (0 if 0.9 < way < 0.93 else 2 if way > 0.97 else 1)
    if draw.random() < 0.3:
        out.insert(
            draw.randrange(len(out) + 1),
            draw.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\0\0", b"\r", b"\x1a", b"\x1f\x8b")),
        )
    if draw.random() < 0.2:
        place = draw.randrange(len(out) + 1)
        out[place:] = (
            EXPORTED[draw.choice(sorted(EXPORTED))]
            .write()
            .encode()
            .splitlines(keepends=True)[place:]
        )
    return b"".join(out)


def hostile(draw: random.Random) -> tuple[bytes, str]:
    """A file of any kind with something wrong in it."""
    way = draw.random()
    if way < 0.4:
        write, name = draw.choice(((monstrous_json, "a.json"), (monstrous_json, "a.jsonl"), (monstrous_xml, "a.xml"),
                                   (monstrous_table, "a.csv")))  # fmt: skip
        data = write(draw).encode(draw.choice(("utf-8", "utf-8", "utf-8", "utf-16")), "replace")
    elif way < 0.8:
        exported = EXPORTED[draw.choice(sorted(EXPORTED))]
        data, name = jumbled(draw, exported.write()), exported.name
    else:
        rows = draw.choice((keyword_rows, judgement_rows, import_rows))(draw)
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        data, name = spoilt(draw, encoded(out.getvalue(), draw, wide=True)), "list.csv"
    return packed(data, name, draw)


def test_hostile_files(trust: Trust, shop: Shop, tmp_path: Path) -> None:
    """Each reader gives what is there, or one reason; soon, and without taking all memory."""
    many, crashed, said, draw = trust.times(1_500, 40), 0, Counter[str](), trust.draw
    shop.put(*(f"p{number}" for number in range(5)))
    with Database(shop.url) as database:
        readers: tuple[Callable[[str], object], ...] = (
            products, products, read_seed, lambda path: grades.read(database, path).rows,
            lambda path: import_file(database, path, source=f"imported {draw.randrange(10**9)}"),
        )  # fmt: skip
        for _ in range(many):
            data, name = hostile(draw)
            path = tmp_path / name
            path.write_bytes(data)
            read = draw.choice(readers)
            began = time.process_time()
            try:
                with bounded():
                    said["read"] += bool(read(str(path)))
            except VitrinaError as exc:
                said["refused"] += 1
                crashed += not str(exc).strip() or "Traceback" in str(exc)
            except Exception as exc:
                print(f"{type(exc).__name__}: {exc}, for {name}, {data[:200]!r}")
                crashed += 1
            if (took := time.process_time() - began) > SECONDS:
                print(f"{took:.1f} s for {name}, {data[:200]!r}")
                crashed += 1
            path.unlink()
    trust.row("hostile files", many, crashed=crashed, stale=shop.unsound(), leaked=shop.leaks(),
              besides=f"{said['read']} were read, {said['refused']} refused")  # fmt: skip


STORED = """
select p.external_id from vitrina.products as p join vitrina.sources as s on s.id = p.source_id where s.name = %s
"""


def test_hostile_files_by_command(trust: Trust, shop: Shop, tmp_path: Path) -> None:
    """What a reader gives is stored, whole; where rows are left out, the command says so and how many."""
    many, lost, doubled, untold, draw = trust.times(120, 4), 0, 0, 0, trust.draw
    partly = refused = 0
    with psycopg.connect(shop.url, autocommit=True) as conn:
        for number in range(many):
            data, name = hostile(draw)
            path, source = tmp_path / name, f"hostile {number}"
            path.write_bytes(data)
            try:
                items = products(str(path))
            except VitrinaError:
                items = []
            meant = {one.external_id for one in items if isinstance(one, Product)}
            rejected = sum(isinstance(one, Reject) for one in items)
            before = len(shop.said.read_text("utf-8", "replace")) if shop.said.exists() else 0
            code = shop.run("ingest", str(path), "--source", source, "--no-enrich", codes=(0, 1))
            told = shop.said.read_text("utf-8", "replace")[before:]
            stored = [row[0] for row in conn.execute(STORED, [source]).fetchall()]
            lost += len(meant - set(stored))
            doubled += len(stored) - len(set(stored)) + len(set(stored) - meant)
            if (rejected and "rejected" not in told) or (code == 0) != (
                bool(meant) and not rejected
            ):
                print(f"{name}: {code}, {rejected} of {len(items)} were rejected: {told[-500:]}")
                untold += 1
            partly += bool(meant and rejected)
            refused += not meant
            path.unlink()
    trust.row("hostile files by `ingest`", many, lost=lost, doubled=doubled, stale=shop.unsound(whole=trust.full),
              crashed=shop.crashed + untold, leaked=shop.leaks(),
              besides=f"{partly} came in partly and said so, {refused} did not")  # fmt: skip
