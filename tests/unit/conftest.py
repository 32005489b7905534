"""Without Postgres."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def postgres() -> int:
    """What every server and database of a test comes from."""
    raise AssertionError("a test in unit/ works without Postgres: move it to sql/ or service/")
