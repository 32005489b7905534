"""Renews the full-text rows that an older vitrina or Postgres made, in small transactions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import psycopg

from vitrina.db.connection import fetch_value
from vitrina.db.folders import data_dir

Progress = Callable[[int, int], None]
NAME = "full text"
BATCH = 200
WAIT_SECONDS = 60.0
_RULES = re.compile(r"return 100 \* postgres_major\(\) \+ (\d+);")


def version(postgres: int) -> str:
    """What text_version() of this vitrina gives on this major version of Postgres."""
    body = (data_dir("sql") / "40-products" / "400-lexemes.sql").read_text("utf-8")
    found = _RULES.search(body)
    assert found is not None  # noqa: S101 - the file is vitrina's own
    return str(100 * postgres + int(found[1]))


def renew(conn: psycopg.Connection, progress: Progress | None = None) -> tuple[int, bool]:
    """Renew the rows of an older version, and make those that are missing.

    Returns how many, and whether these were all of them. Each batch is committed, so that the next
    upgrade goes on where this one was stopped. Products that others write come last; their writers
    renew most of them.
    """
    total = fetch_value(
        conn,
        "select count(*) from vitrina.products as p"
        " left join vitrina.product_text as t on t.product_id = p.id"
        " where t.version is distinct from vitrina_internal.text_version()",
    )
    conn.commit()
    done, after, before, all_done = 0, 0, 0, not total
    deadline = time.monotonic() + WAIT_SECONDS
    while not all_done:
        renewed, last = conn.execute(
            "select r.renewed, r.last from vitrina_internal.renew_text(%s, %s) as r", (after, BATCH)
        ).fetchone() or (0, None)
        conn.commit()
        done += renewed
        if renewed:
            deadline = time.monotonic() + WAIT_SECONDS
            if progress is not None:
                progress(done, max(done, total))
        if last is not None:
            after = last
            continue
        # the end; again from the start, until it finds nothing there
        all_done = after == 0
        if done == before and not all_done:
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        after, before = 0, done
    if done:
        conn.execute("analyze vitrina.product_text")
        conn.commit()
    return done, all_done
