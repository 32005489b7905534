"""What the tests of trust share: see report.py."""

from __future__ import annotations

import pytest

from trust.report import Trust


@pytest.fixture
def trust(request: pytest.FixtureRequest) -> Trust:
    """The size and seed of this run, and its table."""
    option = request.config.getoption
    return Trust(request.node, option("--trust") == "full", option("--seed"))
