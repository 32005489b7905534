"""What a reader may call answers hostile arguments, or refuses them with an error of vitrina's own."""

from __future__ import annotations

import re

import psycopg
import pytest

import small_shop
from hostile import ROWS, calls, put
from servers import VERSION

# how else an error names the row at fault
NAMED = {
    "put_enrichments.enrichments": ["picture abababababab of product "],
    "store_enrichments.enrichments": ["picture abababababab of product "],
    "seed_keywords.rows": ["1 problem in the seed, nothing is changed:\n  line "],
    "put_products.products": ["products has external id 'x' twice"],
    "import_products.products": ["products has external id 'x' twice"],
}


def refusal(db: psycopg.Connection, call: str) -> psycopg.Error | None:
    beside = psycopg.Cursor(db)  # this puts its own savepoint
    beside.execute("savepoint called")
    try:
        beside.execute(call.encode())
    except psycopg.Error as exc:
        return exc
    else:
        return None
    finally:
        beside.execute("rollback to savepoint called; release savepoint called")


def test_a_hostile_argument_is_answered_or_refused_with_an_error_of_vitrinas_own(
    db: psycopg.Connection, postgres: int, pytestconfig: pytest.Config
) -> None:
    """Of rows a good one is taken, and an error names the bad one."""
    whole = pytestconfig.getoption("--trust") == "full"
    offenders: list[str] = []
    unnamed: list[str] = []
    good: dict[str, psycopg.Error | None] = {}
    tried = named = 0
    # what an older Postgres could do differently shows in some; `make trust` tries all
    step = 1 if whole else 4 if postgres == VERSION else 24
    for function in put(db):
        for call in calls(function, step):
            tried += 1
            exc = refusal(db, call)
            rows = re.search(r'"(\w+)" => jsonb_build_array\(', call)
            of = f"{function.name}.{rows[1]}" if rows else ""
            first = of in ROWS and of not in good
            if first:
                good[of] = exc
            if exc is None:
                continue
            message = exc.diag.message_primary or str(exc)
            own = (exc.sqlstate or "").startswith("VT")
            if not (own and exc.diag.message_hint) or len(message) > 5000:
                offenders.append(f"{exc.sqlstate} {call[:300]}\n    {message[:120]}")
            if of in ROWS and not first:
                named += 1
                place = 2 if call.endswith("'null'))") else 1
                if not message.startswith((f"row {place} of ", *NAMED.get(of, ()))):
                    unnamed.append(f"{call[:200]}\n    {message[:120]}")
    assert tried > 4000 / step
    assert not offenders, f"{len(offenders)} of {tried}:\n" + "\n".join(offenders)
    images = {name for name in ROWS if name.endswith(".enrichments")}  # theirs are not stored
    assert {name for name, exc in good.items() if exc is not None} == images
    assert named > 500 / step
    assert not unnamed, f"{len(unnamed)}:\n" + "\n".join(unnamed)


def test_a_list_of_a_readers_has_ten_thousand_items_at_most(db: psycopg.Connection) -> None:
    small_shop.put(db, small_shop.CATALOGUE)
    for function in ("embed_texts", "unknown_terms", "merge_keywords"):
        more = ", 'oak'" if function == "merge_keywords" else ""
        call = f"select count(*) from {function}(array_fill(%s::text, array[%s]){more})"
        with pytest.raises(psycopg.Error, match="takes 10000 items at most, not 10001") as refused:
            db.execute(call, ["oak", 10_001])
        assert refused.value.sqlstate == "VT004"
    assert db.execute(
        "select count(*) from embed_texts(array_fill(''::text, array[10000]))"
    ).fetchone() == (10_000,)
    assert db.execute(
        "select count(*), max(e.ordinal) from vitrina_internal.embed_all(array_fill(''::text, array[10001])) as e"
    ).fetchone() == (10_001, 10_001)
    assert db.execute(
        "select count(*) from resolve_keywords(array_fill('oak'::text, array[10001]))"
    ).fetchone() == (10_001,)
