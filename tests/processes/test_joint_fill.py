"""A joint space that is filled by a process that is killed: another goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

import joint_models
from small_shop import put
from waiting import HANG, eventually

PRODUCTS = 1200
VISION, TEXT = joint_models.NAMES


def vitrina(url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vitrina", "--database-url", url, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip


def run(url: str, *arguments: str) -> str:
    out, said = vitrina(url, *arguments).communicate(timeout=HANG)
    return out + said


def filled(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as conn:
        row = conn.execute(
            "select count(*) from vitrina.product_embeddings as e join vitrina.spaces as s"
            " on s.id = e.space_id and s.name = 'colors'"
        ).fetchone()
        return row[0] if row else 0


def put_pictures(url: str) -> None:
    """Many products, each with a picture of one colour of its own."""
    import io

    from PIL import Image

    rows = [(f"p{n}", f"Article {n}", [(f"series {n % 40}", "other")], {}) for n in range(PRODUCTS)]
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        put(conn, rows)
        for n in range(PRODUCTS):
            color = ((n * 7) % 256, (n * 31) % 256, (n * 61) % 256)
            out = io.BytesIO()
            Image.new("RGB", (64, 64), color).save(out, "WEBP")
            conn.execute(
                "insert into images values (%s, 'image/png', 64, 64, 99, %s, 0::bit(64))",
                [n.to_bytes(32), out.getvalue()],
            )
        conn.execute(
            "update products set image_sha256 = decode(lpad(to_hex(substr(external_id, 2)::int),"
            " 64, '0'), 'hex')"
        )


def killed_after(url: str, count: int) -> int:
    """How many vectors there are once a process that made more of them than `count` is dead."""
    process = vitrina(url, "spaces", "build", "colors")
    try:
        eventually(lambda: filled(url) > count or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    return filled(url)


def test_a_killed_fill_is_continued(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    put_pictures(database_url)
    folder = joint_models.made(tmp_path_factory)
    said = run(database_url, "spaces", "add", "colors", "--provider", "fastembed", "--image-model",
               VISION, "--text-model", TEXT, "--model-path", str(folder))  # fmt: skip
    assert "created: colors" in said
    seen = [killed_after(database_url, 0)]
    seen.append(killed_after(database_url, seen[0]))
    assert 0 < seen[0] < PRODUCTS, "it was killed in the midst"
    assert "not complete" in run(database_url, "spaces", "activate", "colors")
    said = run(database_url, "spaces", "build", "colors")
    assert "complete, index" in said
    assert f"{PRODUCTS - seen[-1]} product" in said.replace(",", ""), "the rest, and nothing twice"
    assert filled(database_url) == PRODUCTS
    assert "in use: colors" in run(database_url, "spaces", "activate", "colors")
    assert '"image"' in run(database_url, "search", "red", "--json", "-k", "3")
