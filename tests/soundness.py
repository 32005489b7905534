"""What must hold of a database whatever was done to it: `vitrina.check()` finds nothing wrong."""

from __future__ import annotations

from typing import Any

import psycopg

WRONG = """
select c."check", c.wrong, c.looked, c.example from vitrina."check"() as c where c.wrong > 0
"""


def assert_sound(conn: psycopg.Connection[Any]) -> None:
    """Every invariant holds."""
    wrong = conn.execute(WRONG).fetchall()
    assert wrong == [], wrong


def assert_sound_at(url: str) -> None:
    """Every invariant holds in the database at this address."""
    with psycopg.connect(url) as conn:
        assert_sound(conn)
