"""A Postgres that ends under work, orderly or at once, and one whose disk is full."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

import servers
from trust.nursery import Nursery
from trust.report import Trust
from trust.shop import TOKEN, running, shop_at
from vitrina import embedded
from waiting import HANG, eventually

PRODUCTS = 30
SMALL_LOG = {"fsync": "off", "max_wal_size": "64MB"}  # else the log alone fills the disk in the end
ROWS = 1_000  # of a file that fills a disk: some 10 MB with its log and indexes


def end(server: embedded.Server, how: signal.Signals) -> None:
    """Have the server end: fast (SIGINT), or at once (SIGQUIT), which it recovers from."""
    pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    ending = psutil.Process(pid)
    ending.send_signal(how)
    eventually(lambda: not ending.is_running() or ending.status() == psutil.STATUS_ZOMBIE)


def begin(server: embedded.Server) -> None:
    embedded.start(server.data.parents[1], version=server.version, options=servers.SAFE)


def logs(server: embedded.Server) -> list[Path]:
    found = [path for path in server.data.parent.rglob("*log*") if path.is_file()]
    return [
        path for path in found if "pg_wal" not in path.parts and path.stat().st_size < 50_000_000
    ]


def test_restarts(
    trust: Trust, own_server: embedded.Server, nursery: Nursery, tmp_path: Path
) -> None:
    """Two workers, a file that comes in, and a page that is searched."""
    wanted = trust.times(60, 2)
    restarts = broken = searched = away = 0
    file = tmp_path / "shop.jsonl"
    file.write_text("".join(f'{{"id": "f{n}", "title": "Oak desk {n}"}}\n' for n in range(600)))
    load = ("ingest", str(file), "--source", "file", "--no-enrich", "--wait", str(HANG))
    with shop_at(own_server.url(), nursery, trust.draw, tmp_path) as shop:
        shop.put(*range(PRODUCTS))
        works = [shop.work("--source", "work") for _ in range(2)]
        with running(*works, page := shop.serve()), requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {TOKEN}"
            base = shop.address(page)

            def search() -> bool:
                nonlocal searched, away
                found = session.get(f"{base}/api/search?q=desk", timeout=HANG)
                searched += found.status_code == 200
                away += found.status_code == 503
                if found.status_code not in (200, 503):
                    print(f"search: {found.status_code} {found.text[:300]}")
                    shop.crashed += 1
                return found.status_code == 200

            while restarts < wanted:
                calls = shop.asked + shop.draw.randint(1, PRODUCTS)  # of three a product at least
                shop.change(PRODUCTS // 3)
                loading = shop.start(*load)
                eventually(lambda c=calls: shop.asked >= c, shop.tail)
                end(own_server, shop.draw.choice((signal.SIGINT, signal.SIGQUIT)))
                search()
                begin(own_server)
                restarts += 1
                shop.crashed += loading.wait(HANG) != 0
                eventually(search)
                broken += shop.unsound()
            shop.settle()
            for process in works:
                shop.end(process)
            shop.end(page, (-signal.SIGTERM,))  # as it was told, when all was answered
        found = shop.products()
        stored, twice = shop.answers()
        rows = shop.ask("select count(*) from vitrina.products where title like 'Oak desk %'")
        found["lost"] += max(0, 600 - rows)
        found["doubled"] += max(0, rows - 600) + twice + (shop.asked - stored)
        found["stale"] += broken + shop.unsound(whole=trust.full)
        trust.row(
            "restarts of Postgres, fast or at once", restarts, **found,
            leaked=shop.leaks(*logs(own_server)), crashed=shop.crashed,
            besides=f"{stored:,} answers, {searched} searches, {away} answered 503",
        )  # fmt: skip


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of this size; skips the test where this machine mounts none."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk(
    trust: Trust, servers_home: Path, pytestconfig: pytest.Config, nursery: Nursery, tmp_path: Path
) -> None:
    """A file comes in until the disk is full; then there is room again."""
    wanted, full, broken, down, file = trust.times(12, 1), 0, 0, 0, tmp_path / "shop.jsonl"
    load = ("ingest", str(file), "--source", "file", "--no-enrich", "--wait", str(HANG))
    place = Path(tempfile.mkdtemp(prefix="disk-", dir=servers_home))
    place.chmod(0o755)
    with (
        small_disk(place / "d", trust.times(2_000, 700)) as disk,
        servers.own(
            disk, servers.VERSION, servers.cache(pytestconfig.rootpath), options=SMALL_LOG
        ) as server,
        shop_at(server.url(), nursery, trust.draw, tmp_path) as shop,
    ):
        shop.put(*range(PRODUCTS))
        ballast = disk / "ballast"
        with running(*(shop.work("--source", "work") for _ in range(2))) as at_work:
            while full < wanted:
                rows = [
                    {"id": f"f{n}", "title": f"Oak desk {n}, {full}", "text": noise(shop.draw)}
                    for n in range(ROWS)
                ]
                file.write_text("".join(json.dumps(row) + "\n" for row in rows))
                shop.change(PRODUCTS // 2)
                room = shop.draw.randint(1, 4) * 1_000_000
                with ballast.open("wb") as heavy:
                    os.posix_fallocate(heavy.fileno(), 0, shutil.disk_usage(disk).free - room)
                before = no_space(server)
                loading = shop.start(*load)
                eventually(lambda b=before: no_space(server) > b)
                ballast.unlink()
                if embedded.status(server.data.parents[1], version=server.version) is None:
                    down += 1
                    begin(server)
                full += 1
                shop.crashed += loading.wait(HANG) != 0
                broken += shop.unsound()
            shop.settle()
            for process in at_work:
                shop.end(process)
        found = shop.products()
        stored, twice = shop.answers()
        rows_there = shop.ask("select count(*) from vitrina.products where title like 'Oak desk %'")
        found["lost"] += max(0, ROWS - rows_there)
        found["doubled"] += max(0, rows_there - ROWS) + twice + (shop.asked - stored)
        found["stale"] += broken + shop.unsound(whole=trust.full)
        trust.row(
            "times that the disk was full", full, **found, leaked=shop.leaks(*logs(server)),
            crashed=shop.crashed, besides=f"the server went down {down} times; {stored:,} answers",
        )  # fmt: skip


def noise(draw: random.Random) -> str:
    """A text of words that no other has, to fill a disk."""
    return " ".join(draw.randbytes(8).hex() for _ in range(150))


def no_space(server: embedded.Server) -> int:
    """How often the server's log says that there is no room."""
    return sum(path.read_text("utf-8", "replace").count("No space left") for path in logs(server))
