"""What attaching costs a shop's own writes: 100,000 rows with and without triggers, side by side.

The same statements run in turn on two tables of the same rows and indexes, one of them attached;
figures are medians of what each took, and their ratios. Then how quickly changes come in.
"""

from __future__ import annotations

import random
import statistics
import time

import psycopg

from bench.setup import catalog
from vitrina.catalog import Catalog
from vitrina.products.api import Synced

ROWS, BULK, ROUNDS, SINGLES = 100_000, 10_000, 15, 400
COLUMNS = {
    "undeclared column (stock)": "stock = stock + 1",
    "declared column (title)": "title = title || '.'",
}
BULKS = {
    "insert": "insert into {0} select i, 'N-' || i, 'New', null, 1, 1, 1, null, now()"
    " from generate_series({1} + 1, {2}) as i",
    "delete": "delete from {0} where id > {1}",
}
UPDATE = "update {} set {} where id between {} and {}"
TABLE = """
create table {0} (
    id bigint primary key, sku text not null unique, title text not null, description text,
    price numeric(10, 2), stock int, category_id int, picture text, updated_at timestamptz);
insert into {0}
select i, 'SKU-' || i, 'Product number ' || i || ' in oak and steel', repeat(md5(i::text), 8),
       i % 1000, i % 50, i % 200, 'https://shop.example/media/' || i || '.jpg', now()
from generate_series(1, {1}) as i;
create index on {0} (category_id);
"""


def milliseconds(conn: psycopg.Connection, statement: str) -> float:
    started = time.perf_counter()
    conn.execute(statement)
    return (time.perf_counter() - started) * 1000


def compare(conn: psycopg.Connection, change: str, rows: int, rounds: int) -> tuple[float, float]:
    """Medians without and with triggers, of updates of so many rows in a row."""
    times: dict[str, list[float]] = {"plain": [], "attached": []}
    draw = random.Random(1)  # noqa: S311 - the same in every run
    for number in range(rounds):
        first = draw.randint(1, ROWS - rows)
        for table in sorted(times, reverse=bool(number % 2)):
            statement = UPDATE.format(table, change, first, first + rows - 1)
            times[table].append(milliseconds(conn, statement))
        if rows > 1:  # both begin each round alike
            for table in times:
                conn.execute(f"vacuum {table}")
            conn.execute("truncate vitrina.changes")
    return statistics.median(times["plain"]), statistics.median(times["attached"])


def shop_costs(conn: psycopg.Connection) -> None:
    for name, change in COLUMNS.items():
        plain, attached = compare(conn, change, BULK, ROUNDS)
        print(f"  update of {BULK:,} rows, {name:<26} {plain:7.1f} ms without,"
              f" {attached:7.1f} ms with: {attached / plain:.2f}x")  # fmt: skip
    # a flush of the disk takes longer than the statement, and varies by more than triggers cost
    conn.execute("set synchronous_commit = off")
    for name, change in COLUMNS.items():
        plain, attached = compare(conn, change, 1, SINGLES)
        print(f"  update of one row, {name:<26}    {plain:7.3f} ms without,"
              f" {attached:7.3f} ms with: {attached - plain:+.3f} ms")  # fmt: skip
    conn.execute("set synchronous_commit = on")
    for name, statement in BULKS.items():
        plain, attached = (
            milliseconds(conn, statement.format(table, ROWS, ROWS + BULK))
            for table in ("plain", "attached")
        )
        print(f"  {name} of {BULK:,} rows, once {'':<21} {plain:7.1f} ms without,"
              f" {attached:7.1f} ms with: {attached / plain:.2f}x")  # fmt: skip


def timed(shop: Catalog, statement: str) -> tuple[Synced, float]:
    """What a sync after this statement of the shop's did, and the seconds for both."""
    started = time.perf_counter()
    with psycopg.connect(shop.database.dsn) as conn:
        conn.execute(statement)
    done = shop.sources.sync()
    return done, time.perf_counter() - started


def main() -> None:
    with catalog() as shop, psycopg.connect(shop.database.dsn, autocommit=True) as conn:
        for table in ("plain", "attached"):
            conn.execute(TABLE.format(table, ROWS))
            conn.execute(f"alter table {table} set (autovacuum_enabled = off)")
            conn.execute(f"vacuum analyze {table}")
        shop.sources.attach(
            "attached", title="title", image="picture", attributes=["price", "category_id"]
        )
        shop_costs(conn)
        done, seconds = timed(shop, "update vitrina.attachments set swept_at = null")
        rate = done.inserted / seconds
        print(f"  first sync: {done.inserted:,} products, {rate:,.0f} a second")
        conn.execute("vacuum analyze vitrina.products")
        started = time.perf_counter()
        differ = shop.sources.sweep("attached")
        seconds = time.perf_counter() - started
        print(f"  sweep of {ROWS:,} rows: {seconds:.2f} s, {differ} differ")
        done, seconds = timed(shop, UPDATE.format("attached", "price = price + 1", 1, BULK))
        print(
            f"  {done.updated:,} new prices came in within {seconds:.1f} s; {done.queued} are work"
        )
        took = milliseconds(conn, "delete from attached where id <= 1000")
        print(f"  delete of 1,000 rows and their products, in one transaction: {took:.0f} ms")


if __name__ == "__main__":
    main()
