"""An upgrade renews the full text that an older version made, while searches and writers go on."""

import json
import threading

import psycopg
import pytest

from vitrina.db import full_text, schema
from waiting import eventually

pytestmark = pytest.mark.once

PRODUCTS = 2_500


class StoppedError(Exception):
    pass


@pytest.fixture
def older(database_url: str) -> str:
    """A database whose full text is as an older version made it."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("select vitrina.put_source('shop', text_config => 'english')")
        rows = [
            {"external_id": f"p{n}", "title": f"Café table GSR{n}V-15"} for n in range(PRODUCTS)
        ]
        conn.execute("select vitrina.put_products('shop', %s)", [json.dumps(rows)])
        conn.execute("delete from vitrina.jobs")
        conn.execute(
            "update vitrina.product_text as t set version = 0,"
            " tsv = setweight(to_tsvector('english', p.title), 'A') from vitrina.products as p where p.id = t.product_id"
        )
        conn.execute("delete from vitrina.product_text where product_id % 100 = 0")
        conn.execute("delete from vitrina.installed where name = %s", [full_text.NAME])
    return database_url


def old_rows(url: str) -> int:
    with psycopg.connect(url) as conn:
        row = conn.execute(
            "select count(*) from vitrina.products as p left join vitrina.product_text as t"
            " on t.product_id = p.id where t.version is distinct from vitrina_internal.text_version()"
        ).fetchone()
    return row[0]


@pytest.mark.committed
def test_an_upgrade_that_is_stopped_goes_on_where_it_was(older: str) -> None:
    def stop(done: int, total: int) -> None:
        assert total == PRODUCTS
        if done >= 1_000:
            raise StoppedError

    assert not schema.check(older).current
    with pytest.raises(StoppedError):
        schema.upgrade(older, stop)
    assert old_rows(older) == PRODUCTS - 1_000
    assert schema.check(older).behind == (full_text.NAME,)
    assert schema.upgrade(older)[-1] == f"full text of {PRODUCTS - 1_000:,} products"
    assert old_rows(older) == 0
    assert schema.upgrade(older) == []
    with psycopg.connect(older) as conn:
        rows = conn.execute(
            "select title from vitrina.search('cafe gsr7v15', 1, mode => 'text')"
        ).fetchall()
        assert rows == [("Café table GSR7V-15",)]
        assert conn.execute("select count(*) from vitrina.jobs").fetchone() == (0,)


@pytest.mark.committed
def test_searches_and_writers_go_on_while_text_is_renewed(older: str) -> None:
    batches: list[int] = []
    done: list[str] = []
    upgrade = threading.Thread(
        target=lambda: done.extend(schema.upgrade(older, lambda n, _: batches.append(n)))
    )
    with (
        psycopg.connect(older) as writer,
        psycopg.connect(older, autocommit=True) as shop,
    ):
        # a product whose writer takes its time
        writer.execute("update vitrina.products set title = 'Oak bench' where external_id = 'p5'")
        upgrade.start()
        searched = 0
        while not batches or batches[-1] < PRODUCTS - 1:
            assert upgrade.is_alive()
            rows = shop.execute("select title from vitrina.search('table', 5)").fetchall()
            assert len(rows) == 5
            searched += 1
        eventually(lambda: old_rows(older) == 1)
        row = {"external_id": "p6", "title": "Pine bench"}
        shop.execute("select vitrina.put_products('shop', %s)", [json.dumps([row])])
        assert upgrade.is_alive(), "it waits for the writer without holding anything"
        writer.commit()
        upgrade.join()
        assert searched
        titles = shop.execute(
            "select title from vitrina.search('bench', mode => 'text')"
        ).fetchall()
        assert {title for (title,) in titles} == {"Oak bench", "Pine bench"}
    assert done[-1] == f"full text of {PRODUCTS:,} products"
    assert old_rows(older) == 0
