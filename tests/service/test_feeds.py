"""Feeds at an address: fetched when they have changed, and pruned of what they lack."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

import picture_server as ps
from vitrina.catalog import Catalog
from vitrina.errors import InputError
from vitrina.products.load import Loaded
from vitrina.settings import Settings

FIRST = "id,title,price\n1,Oak chair,10\n2,Pine bed,20\n3,Tin lamp,30\n4,Wool rug,40\n"
SECOND = FIRST.replace("4,Wool rug,40\n", "5,Silk cushion,50\n")
Vitrina = Callable[..., Result]


class Feed:
    """A feed on a server of its own, which changes when `body` does."""

    def __init__(self, *, etag: bool = True) -> None:
        self.body = FIRST
        self.etag = etag
        self.answers: list[int] = []
        self.fails = False

    def __call__(self, handler: ps.Handler) -> None:
        tag = f'"{hash(self.body)}"'
        if self.fails:
            self.answers.append(500)
            handler.answer(500, {"Content-Length": 0})
        elif self.etag and handler.headers["If-None-Match"] == tag:
            self.answers.append(304)
            handler.answer(304, {"ETag": tag, "Content-Length": 0})
        else:
            self.answers.append(200)
            headers: dict[str, str | int] = {"ETag": tag} if self.etag else {}
            ps.reply(self.body.encode(), kind="text/csv", headers=headers)(handler)


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def shop(feed: Feed) -> Iterator[ps.PictureServer]:
    with ps.PictureServer({"/feed.csv": feed, "/cut.csv": ps.drip_body()}) as running:
        yield running


@pytest.fixture
def url(shop: ps.PictureServer) -> str:
    return shop.url("/feed.csv")


def titles(catalog: Catalog, source: str) -> list[str]:
    rows = catalog.database.rows(
        "select title from vitrina.catalog where source = %s order by external_id", (source,)
    )
    return [row["title"] for row in rows]


def counts(loaded: Loaded) -> tuple[int, int, int]:
    return loaded.inserted, loaded.updated, loaded.unchanged


@pytest.mark.parametrize("etag", [True, False])
def test_a_feed_is_read_again_only_when_it_has_changed(
    catalog: Catalog, url: str, feed: Feed, etag: bool
) -> None:
    feed.etag = etag
    first = catalog.sources.load(url)
    assert counts(first) == (4, 0, 0)
    assert titles(catalog, "127.0.0.1") == ["Oak chair", "Pine bed", "Tin lamp", "Wool rug"]
    again = catalog.sources.load(url)
    assert (again.same_feed, again.read) == (True, 0)
    feed.body = SECOND
    changed = catalog.sources.load(url)
    assert not changed.same_feed
    assert counts(changed) == (1, 0, 3)
    assert feed.answers == ([200, 304, 200] if etag else [200, 200, 200])


def test_another_way_of_reading_reads_an_unchanged_feed_again(catalog: Catalog, url: str) -> None:
    from vitrina.files import FileOptions, Mapping

    catalog.sources.load(url)
    other = FileOptions(Mapping(columns={"text": "price"}))
    assert not catalog.sources.load(url, options=other).same_feed
    assert catalog.sources.load(url, options=other).same_feed
    assert not catalog.sources.load(url, options=FileOptions(remap=True)).same_feed


def test_a_feed_that_fails_is_tried_again_whole(catalog: Catalog, url: str, feed: Feed) -> None:
    catalog.sources.load(url)
    feed.fails = True
    with pytest.raises(InputError, match=r"cannot fetch http://127.0.0.1:\d+/feed.csv: the server"):
        catalog.sources.load(url)
    feed.fails, feed.body = False, SECOND
    assert counts(catalog.sources.load(url)) == (1, 0, 3)


def test_a_part_or_a_trial_is_not_taken_for_the_whole(catalog: Catalog, url: str) -> None:
    from vitrina.files import FileOptions

    assert catalog.sources.load(url, dry_run=True).queued == 4
    assert catalog.sources.load(url, options=FileOptions(limit=1)).inserted == 1
    assert counts(catalog.sources.load(url)) == (3, 0, 1)


def test_a_private_address_needs_leave(database_url: str, url: str) -> None:
    with (
        Catalog(settings=Settings(database_url=database_url)) as catalog,
        pytest.raises(InputError, match="--allow-private-images"),
    ):
        catalog.sources.load(url)


def test_a_secret_of_the_address_is_neither_kept_nor_shown(
    catalog: Catalog, url: str, feed: Feed
) -> None:
    catalog.sources.load(f"{url}?token=s3cr3t&lang=en", source="shop")
    (row,) = catalog.database.rows("select config from vitrina.sources where name = 'shop'")
    assert row["config"]["feed"]["address"] == f"{url}?token=***&lang=en"
    assert "s3cr3t" not in str(row)
    feed.fails = True
    with pytest.raises(InputError) as raised:
        catalog.sources.load(f"{url}?token=s3cr3t&lang=en", source="shop")
    assert "s3cr3t" not in str(raised.value)


def test_the_command_says_what_it_did(
    vitrina: Vitrina, database_url: str, url: str, feed: Feed
) -> None:
    def ingest(*more: str) -> Result:
        return vitrina(
            "ingest", url, "--source", "shop", "--allow-private-images", *more, url=database_url
        )

    first = ingest()
    assert first.exit_code == 0, first.stderr
    assert "4 rows: 4 new" in first.stderr
    assert "nothing has changed at the address since the last time" in ingest().stderr
    feed.body = SECOND
    assert (
        "1 product that the file lacks: would be removed" in ingest("--prune", "--dry-run").stderr
    )
    pruned = ingest("--prune")
    assert "1 product that the file lacks: removed" in pruned.stderr
    feed.body = FIRST.splitlines(keepends=True)[0] + "1,Oak chair,10\n"
    refused = ingest("--prune")
    assert refused.exit_code == 1
    assert "3 of 4 products of source shop would be removed; none was" in refused.stderr
    assert "--yes" in refused.stderr
    assert "3 products that the file lacks: removed" in ingest("--prune", "--yes").stderr


def test_what_was_not_removed_is_asked_for_again(catalog: Catalog, url: str, feed: Feed) -> None:
    """A feed whose pruning was refused counts as not loaded."""
    catalog.sources.load(url)
    feed.body = "id,title\n1,Oak chair\n"
    for _ in range(2):
        with pytest.raises(InputError, match="would be removed"):
            catalog.sources.load(url, prune=True)
    assert catalog.sources.load(url, prune=True, most=1).pruned == 3


def test_every_reads_again_until_it_is_stopped(
    vitrina: Vitrina, database_url: str, url: str, feed: Feed
) -> None:
    """A failure is said, and does not end it."""
    stopped = threading.Event()

    def watch(handler: ps.Handler) -> None:
        feed.fails = len(feed.answers) == 1
        feed.body = SECOND if len(feed.answers) > 1 else FIRST
        feed(handler)
        if len(feed.answers) == 3 and not stopped.is_set():
            stopped.set()
            os.kill(os.getpid(), signal.SIGTERM)

    with ps.PictureServer({"/feed.csv": watch}) as running:
        done = vitrina(
            "ingest", running.url("/feed.csv"), "--source", "shop", "--allow-private-images",
            "--every", "0.1s", url=database_url,
        )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert stopped.is_set()
    assert feed.answers[:3] == [200, 500, 200]
    assert "the server answers 500" in done.stderr
    assert "again at 20" in done.stderr
    assert "4 rows: 1 new, 0 changed, 3 unchanged" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-", "--every", "6h"], "--every reads an address or a file again"),
        (["x.csv", "--every", "soon"], "like 30m, 6h or 1d"),
        (["x.csv", "--every", "0h"], "like 30m, 6h or 1d"),
        (["x.csv", "--prune", "--limit", "3"], "a part of a file cannot say what is gone"),
        (["--retry-images", "--prune"], "name the file"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    vitrina: Vitrina, arguments: list[str], said: str
) -> None:
    done = vitrina("ingest", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_file_keeps_products_whose_rows_cannot_be_read(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "shop.csv"
    file.write_text(FIRST, encoding="utf-8")
    catalog.sources.load(file)
    file.write_text(FIRST.replace("2,Pine bed,20\n", "2,,20\n").replace("4,Wool rug,40\n", ""))
    assert catalog.sources.load(file, prune=True).pruned == 1
    assert titles(catalog, "shop") == ["Oak chair", "Pine bed", "Tin lamp"]


def test_an_attached_table_is_not_pruned(catalog: Catalog) -> None:
    catalog.database.value("select vitrina.put_source('t', 'file')")
    with pytest.raises(InputError, match="was given no external ids"):
        catalog.database.value("select vitrina.prune_products('t', '{}')")
