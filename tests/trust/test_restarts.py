"""A Postgres that ends under work, orderly or at once, and one whose disk is full."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import requests

import servers
from trust.nursery import Nursery
from trust.report import Trust
from trust.shop import TOKEN, running, shop_at
from vitrina import embedded
from waiting import HANG, eventually

PRODUCTS = 30


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
                shop.change(PRODUCTS // 3)
                loading = shop.start(*load)
                calls = shop.asked + shop.draw.randint(1, PRODUCTS)
                eventually(lambda c=calls: shop.asked >= c)
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
