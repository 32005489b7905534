"""sql/20-spaces against vectors that model2vec itself computed from the same data file.

`scripts/check_embedding.py --write-golden` computes them anew.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import psycopg
import pytest

from vitrina.db import word_pieces

pytestmark = pytest.mark.once

GOLDEN: dict[str, str | None] = json.loads(
    (Path(__file__).parents[1] / "data/embedding_golden.json").read_text("utf-8")
)
KNOWN = [text for text, vector in GOLDEN.items() if vector]
UNKNOWN = [text for text, vector in GOLDEN.items() if not vector]


def golden(text: str) -> list[float]:
    packed = bytes.fromhex(GOLDEN[text] or "")
    return list(struct.unpack(f"<{len(packed) // 4}f", packed))


def embed(db: psycopg.Connection, text: str | None) -> list[float] | None:
    row = db.execute("select embed_text(%s::text)::text", [text]).fetchone()
    return json.loads(row[0]) if row and row[0] else None


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


def test_same_vectors_as_model2vec(db: psycopg.Connection) -> None:
    found = {text: embed(db, text) or [0.0] for text in KNOWN}
    assert {text: len(vector) for text, vector in found.items()} == dict.fromkeys(KNOWN, 256)
    assert {t: v for t, v in found.items() if cosine(v, golden(t)) < 0.99999} == {}
    assert [math.hypot(*v) for v in found.values()] == pytest.approx([1.0] * len(KNOWN), abs=1e-3)


@pytest.mark.parametrize("text", [None, *UNKNOWN], ids=ascii)
def test_no_known_word_is_null(db: psycopg.Connection, text: str | None) -> None:
    assert embed(db, text) is None


def test_batch_is_the_single_texts_in_order(db: psycopg.Connection) -> None:
    texts = [None, *GOLDEN, None, "shoe rack", "shoe rack"]
    rows = db.execute(
        "select e.ordinal, e.embedding::text from embed_texts(%s::text[]) as e", [texts]
    ).fetchall()
    assert [ordinal for ordinal, _ in rows] == list(range(1, len(texts) + 1))
    assert [json.loads(v) if v else None for _, v in rows] == [embed(db, text) for text in texts]


@pytest.mark.parametrize("texts", [None, []])
def test_no_texts_no_rows(db: psycopg.Connection, texts: list[str] | None) -> None:
    assert db.execute("select * from embed_texts(%s::text[])", [texts]).fetchall() == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Shoe Rack", "shoe rack"),
        ("  shoe\track\r\n", "shoe rack"),
        ("CRÈME BRÛLÉE", "creme brulee"),
        ("de\u0301cor", "décor"),
        ("rug\u00a0with\u3000fringes", "rug with fringes"),
        ("so\u00adfa\u200b bed\x07", "sofa bed"),
        ("ДУБОВЫЙ СТОЛ", "дубовый стол"),
        ("ΤΡΑΠΕΖΙ", "τραπεζι"),
        ("ØRESUND ŁÓDŹ STRAẞE", "øresund łodz straße"),
        ("lamp " + "y" * 101, "lamp"),
        ("lamp  " * 512 + "rug", "lamp"),
    ],
    ids=lambda text: ascii(text[:30]),
)
def test_spellings_of_one_text(db: psycopg.Connection, one: str, other: str) -> None:
    assert embed(db, one) == embed(db, other) is not None


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        ("shoe storage", "shoe rack", "tv stand"),
        ("couch", "sofa", "desk lamp"),
        ("bedside table", "nightstand", "office chair"),
        ("women's running shoes", "ladies sneakers", "leather wallet"),
    ],
)
def test_meaning(db: psycopg.Connection, query: str, near: str, far: str) -> None:
    row = db.execute(
        "select embed_text(%(query)s) <=> embed_text(%(near)s),"
        " embed_text(%(query)s) <=> embed_text(%(far)s)",
        {"query": query, "near": near, "far": far},
    ).fetchone()
    assert row is not None
    assert row[0] + 0.1 < row[1]


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("table", ["table"]),
        ("tabletops", ["tablet", "##ops"]),
        ("table\u0378", None),
        ("x" * 101, None),
        ("", None),
        (None, None),
    ],
    ids=ascii,
)
def test_split_word(db: psycopg.Connection, word: str | None, pieces: list[str] | None) -> None:
    assert db.execute("select vitrina_internal.split_word(%s)", [word]).fetchone() == (pieces,)


def test_any_collation_of_the_caller(db: psycopg.Connection) -> None:
    row = db.execute(
        "select embed_text(t.title) = embed_text('Crème CHAIR, tabletops')"
        " from (values ('Crème CHAIR, tabletops' collate \"POSIX\")) as t (title)"
    ).fetchone()
    assert row == (True,)


def test_data_file_as_loaded(db: psycopg.Connection) -> None:
    data = word_pieces.read()
    assert (len(data), data.dimensions, len(data.sha256)) == (29523, 256, 64)
    assert db.execute("select count(*) from word_pieces").fetchone() == (len(data),)
    texts = dict(data.text_rows())
    sends = dict(data.rows())
    assert [*texts] == [*sends] == [*data.pieces]
    rows = db.execute(
        "select p.piece, halfvec_send(p.embedding), p.embedding::text from word_pieces as p"
        " where p.piece = any(%s)",
        [["chair", "##s", "!", "家"]],
    ).fetchall()
    assert len(rows) == 4
    assert [(sends[piece], texts[piece]) for piece, _, _ in rows] == [row[1:] for row in rows]
