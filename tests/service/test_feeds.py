"""`vitrina ingest https://…`: feeds, loaded only if they changed; and products that are gone."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

import picture_server as ps
from vitrina.catalog import Catalog
from vitrina.products.feed import host_of, public_name

Run = Callable[..., Result]

ROWS = "sku,title,price\nA1,Oak chair,49\nA2,Pine table,120\nA3,Steel lamp,19\n"
LOADS = ("--no-enrich", "--allow-private-images")


class Shop:
    """A feed that changes."""

    def __init__(self, server: ps.PictureServer) -> None:
        self.rows, self.tags = ROWS, True
        self.server = server
        server.pages["/feed.csv"] = self.answer

    def answer(self, handler: ps.Handler) -> None:
        tag = f'"{hashlib.sha256(self.rows.encode()).hexdigest()[:8]}"'
        headers: dict[str, str | int] = {"ETag": tag} if self.tags else {}
        if self.tags and handler.headers["If-None-Match"] == tag:
            handler.answer(304, headers | {"Content-Length": 0})
        else:
            ps.reply(self.rows.encode(), kind="text/csv", headers=headers)(handler)

    @property
    def address(self) -> str:
        return self.server.url("/feed.csv")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with ps.PictureServer() as server:
        yield Shop(server)


@pytest.mark.parametrize("tags", [True, False])
def test_an_unchanged_feed_is_not_loaded_again(
    vitrina: Run, catalog: Catalog, database_url: str, shop: Shop, tags: bool
) -> None:
    shop.tags = tags
    first = vitrina("ingest", shop.address, *LOADS, url=database_url)
    assert first.exit_code == 0, first.stderr
    assert "3 products: 3 new" in first.stderr
    again = vitrina("ingest", shop.address, *LOADS, url=database_url)
    assert again.exit_code == 0, again.stderr
    assert "feed.csv is unchanged since the last ingest: nothing to load" in again.stderr
    shop.rows = ROWS.replace("49", "45")
    changed = vitrina("ingest", shop.address, *LOADS, url=database_url)
    assert "0 new, 1 changed, 2 unchanged" in changed.stderr
    other = vitrina("ingest", shop.address, *LOADS, "--map", "title=sku", url=database_url)
    assert "3 products:" in other.stderr
    (source,) = catalog.sources.list()
    assert source.source == "127.0.0.1"


def test_a_feed_that_failed_is_not_taken_for_loaded(
    vitrina: Run, catalog: Catalog, database_url: str, shop: Shop
) -> None:
    shop.rows = "sku,price\nA1,49\n"
    assert vitrina("ingest", shop.address, *LOADS, url=database_url).exit_code == 1
    again = vitrina("ingest", shop.address, *LOADS, url=database_url)
    assert again.exit_code == 1
    assert "title" in again.stderr


def test_no_secret_of_an_address_is_stored_or_shown(
    vitrina: Run, catalog: Catalog, database_url: str, shop: Shop
) -> None:
    address = shop.address.replace("http://", "http://me:hush%21@")
    result = vitrina("ingest", f"{address}?token=s3cret&lang=de", *LOADS, url=database_url)
    assert result.exit_code == 0, result.stderr
    assert shop.server.requests[-1][1]["Authorization"] == "Basic bWU6aHVzaCE="
    again = vitrina("ingest", f"{address}?token=s3cret&lang=de", *LOADS, url=database_url)
    assert "feed.csv?token=***&lang=de is unchanged" in again.stderr
    stored = json.dumps(catalog.database.rows("select s.config from vitrina.sources as s"))
    for text in (stored, result.output, again.output):
        assert "s3cret" not in text
        assert "hush" not in text


def test_a_login_is_not_told_to_another_server(
    vitrina: Run, catalog: Catalog, database_url: str, shop: Shop
) -> None:
    with ps.PictureServer({"/moved.csv": ps.redirect(shop.address)}) as first:
        address = first.url("/moved.csv").replace("http://", "http://me:hush@")
        result = vitrina("ingest", address, *LOADS, url=database_url)
        assert result.exit_code == 0, result.stderr
        assert "Authorization" in first.requests[-1][1]
    assert "Authorization" not in shop.server.requests[-1][1]


def test_a_private_address_is_refused_with_the_option_for_it(
    vitrina: Run, catalog: Catalog, database_url: str, shop: Shop
) -> None:
    result = vitrina("ingest", shop.address, "--no-enrich", url=database_url)
    assert result.exit_code == 1
    assert "--allow-private-images" in result.stderr


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://a.example/f.xml?user=bob&pass=x", "https://a.example/f.xml?user=bob&pass=***"),
        ("https://a.example/9f8e7d6c5b4a39281706/f.xml", "https://a.example/***/f.xml"),
        (
            "https://a.example/f.php?id=7&k=9f8e7d6c5b4a",
            "https://a.example/f.php?id=7&k=9f8e7d6c5b4a",
        ),
    ],
)
def test_the_shown_address(address: str, shown: str) -> None:
    assert public_name(address) == shown
    assert host_of(address.replace("//a.", "//www.a.")) == "a.example"


def test_a_feed_is_read_again_and_again_until_a_signal(
    catalog: Catalog, database_url: str, shop: Shop
) -> None:
    asked = threading.Semaphore(0)

    def answer(handler: ps.Handler) -> None:
        count = len(shop.server.requests)
        ps.reply(b"", 500)(handler) if count == 2 else shop.answer(handler)
        asked.release()

    shop.server.pages["/feed.csv"] = answer
    arguments = [sys.executable, "-m", "vitrina", "--database-url", database_url]
    arguments += ["ingest", shop.address, *LOADS, "--every", "1s"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(4):
            assert asked.acquire(timeout=120)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "3 new" in said
    assert "500 Internal Server Error" in said
    assert "is unchanged" in said
    assert said.count("again at") >= 3


@pytest.mark.parametrize("given", ["6", "h", "0h", "1w", "-1h"])
def test_a_time_that_is_none_is_refused(vitrina: Run, given: str) -> None:
    result = vitrina("ingest", "https://shop.example/feed.xml", "--every", given)
    assert result.exit_code == 2
    assert "like 90s, 30m, 6h or 1d" in result.stderr


def test_products_that_are_gone_are_removed_on_request(
    vitrina: Run, catalog: Catalog, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.csv"

    def ingest(rows: str, *options: str) -> Result:
        path.write_text(rows, "utf-8")
        return vitrina("ingest", str(path), "--no-enrich", *options, url=database_url)

    full = ROWS + "A4,Vase,9\n"
    ingest(full)
    one, two = ROWS, ROWS.rsplit("A3", 1)[0]
    assert "gone" not in ingest(one).stderr
    planned = ingest(one, "--prune", "--dry-run")
    assert "1 product of the source is not in the file, and would be removed" in planned.stderr
    assert "removed 1 product that the file no longer has" in ingest(one, "--prune").stderr
    ingest(full)
    refused = ingest(two, "--prune")
    assert refused.exit_code == 1
    assert "2 of the 4 products" in refused.stderr
    assert "--yes" in refused.stderr
    assert ingest(two, "--yes").exit_code == 2
    assert "removed 2 products" in ingest(two, "--prune", "--yes").stderr
    broken = ingest("sku,title\nA2,Table\n,\n,\n", "--prune", "--limit", "1")
    assert broken.exit_code == 1


def test_another_reading_carries_products_over(
    vitrina: Run, catalog: Catalog, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.csv"
    rows = "nr,sku,title,image\n1,AB-1,Lamp,l.jpg\n2,AB-2,Mug,m.jpg\n3,AB-3,Bowl,b.jpg\n"
    path.write_text(rows, "utf-8")
    vitrina("ingest", str(path), "--map", "external_id=nr", url=database_url)
    before = catalog.database.rows(
        "select p.id, p.title, p.enriched_at from vitrina.products as p order by p.title"
    )
    path.write_text(rows.replace("3,AB-3,Bowl,b.jpg", "4,AB-4,Vase,v.jpg"), "utf-8")
    result = vitrina("ingest", str(path), "--remap", url=database_url)
    assert "2 products kept under new ids" in result.stderr
    assert "1 product of the source is not in the file (--prune removes it)" in result.stderr
    assert "1 new" in result.stderr
    after = catalog.database.rows(
        "select p.id, p.external_id, p.title, p.enriched_at from vitrina.products as p"
        " order by p.title"
    )
    ids = {row["title"]: row["id"] for row in before}
    assert {row["title"]: row["external_id"] for row in after} == {
        "Bowl": "3",
        "Lamp": "AB-1",
        "Mug": "AB-2",
        "Vase": "AB-4",
    }
    assert all(row["id"] == ids[row["title"]] for row in after if row["title"] in ids)
