"""What the tests of trust share: their size and table, processes that start at once, a shop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trust.nursery import Nursery
from trust.report import Trust
from trust.shop import Shop, shop_at


@pytest.fixture
def trust(request: pytest.FixtureRequest) -> Trust:
    """The size and seed of this run, and its table."""
    option = request.config.getoption
    return Trust(request.node, option("--trust") == "full", option("--seed"))


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """What starts the processes of these tests."""
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def shop(database_url: str, nursery: Nursery, trust: Trust, tmp_path: Path) -> Iterator[Shop]:
    """A shop with a database of its own on the server of all tests."""
    with shop_at(database_url, nursery, trust.draw, tmp_path) as shop:
        yield shop
