"""Every fault the stub knows, through the whole pipeline; and docs/faults.md says what happens."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fault_table", ROOT / "scripts/fault_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fault_table"] = module
    spec.loader.exec_module(module)
    return module


fault_table = _script()

# What one product is charged with, in the end; all others are enriched.
ONE = {
    "500, one product": "error 500",
    "connection reset before the answer, one product": "broke the connection",
    "no answer before the timeout, one product": "did not answer within 0.5 s",
    "400, context too long, one product": "too long for gpt-4o-mini",
    "400, the picture is not taken, one product": "does not accept the picture",
    "400, content policy, one product": "content filter refused",
    "400, no reason that is known, one product": "refused the request (400)",
    "refusal, one product": "the model refused",
    "content filter, one product": "content filter withheld",
    "answer cut off, one product": "cut off at the limit of tokens",
    "thinking that is cut off, one product": "thinking was cut off before an answer",
    "the schema for an answer, one product": "the answer has no",
    "bad JSON, one product": "not readable",
    "wrong types, one product": "the answer has no",
    "empty content, one product": "answer is empty",
    "no choices, one product": "has no message",
    "embeddings: too long, one product": "too long for text-embedding-3-large",
    "embedding with NaN, one product": "not finite",
    "embedding of zeros, one product": "nothing but zeros",
}
# What ends the run with one line; no product is charged with it.
STOPS = {
    "429 with Retry-After: 1 hour, always": "asks to wait 60 minutes",
    "429, no credit left, always": "no credit left: top it up",
    "the name of the host is unknown, always": "cannot be reached",
    "nothing listens there, always": "cannot be reached",
    "401, invalid key, always": "check OPENAI_API_KEY",
    "403, forbidden, always": "forbids the use of gpt-4o-mini",
    "404, unknown vision model, always": "set VITRINA_VISION_MODEL",
    "the model takes no pictures, always": "does not accept pictures",
    "embeddings: 500, always": "error 500",
    "embeddings: unknown model, always": "set VITRINA_EMBEDDING_MODEL",
    "embeddings: `dimensions` not taken, always": "give --dimensions",
    "embeddings of another length, always": "use --dimensions 65",
    "embedding missing, always": "the server is faulty",
    "embeddings: 401, always": "check OPENAI_API_KEY",
}
# What stops the run once it has been seen with several products.
SEEN = {
    "429, without Retry-After, always": "for the same reason",
    "500, always": "for the same reason",
    "502 with a web page, always": "for the same reason",
    "200 with a web page, always": "for the same reason",
    "400, no reason that is known, always": "for the same reason",
}


@pytest.fixture(scope="session")
def template(make_template: Callable[..., str], servers_home: Path) -> str:
    """A database with the six products."""

    def fill(url: str) -> None:
        folder = servers_home / "sofas"
        folder.mkdir()
        fault_table.bring_in(url, folder)

    return make_template("vitrina_faults", fill)


def test_the_cases_are_told_apart() -> None:
    names = [case.name for case in fault_table.CASES]
    assert len(set(names)) == len(names)
    assert {*ONE, *STOPS, *SEEN} <= set(names)


@pytest.mark.parametrize("case", fault_table.CASES, ids=lambda case: case.name)
def test_a_fault(case: fault_table.Case, database_url: str) -> None:
    outcome = fault_table.try_out(case, database_url)
    if case.name in ONE:
        assert outcome.stopped == ""
        assert (outcome.enriched, outcome.charged) == (5, 1)
        assert (outcome.finally_enriched, outcome.failed) == (5, 1)
        assert ONE[case.name] in outcome.reason
    elif case.name in STOPS:
        assert STOPS[case.name] in outcome.stopped
        assert "\n" not in outcome.stopped
        assert outcome.charged == 0
        assert (outcome.finally_enriched, outcome.failed) == (6, 0)
    elif case.name in SEEN:
        assert SEEN[case.name] in outcome.stopped
        assert outcome.charged < 5
        assert (outcome.finally_enriched, outcome.failed) == (6, 0)
    else:
        assert (outcome.stopped, outcome.failed) == ("", 0)
        assert outcome.finally_enriched == 6
        if case.kind != "nan":  # a spoilt vector may cost its product a try
            assert (outcome.enriched, outcome.charged) == (6, 0)
    assert fault_table.KEY not in outcome.said
    assert fault_table.row(case, outcome) in fault_table.PAGE.read_text("utf-8").splitlines(), (
        "docs/faults.md is not current: run scripts/fault_table.py"
    )


def test_the_page_has_nothing_else() -> None:
    lines = fault_table.PAGE.read_text("utf-8").splitlines()
    table = [line for line in lines if line.startswith("| ")][2:]
    assert len(table) == len(fault_table.CASES)


def test_the_key_is_in_no_table(database_url: str) -> None:
    import psycopg

    (case,) = [
        case
        for case in fault_table.CASES
        if case.name.startswith("400, no reason") and case.often == "one product"
    ]
    fault_table.try_out(case, database_url)
    with psycopg.connect(database_url) as conn:
        for table in ("jobs", "generations", "products"):
            found = conn.execute(
                f"select count(*) from vitrina.{table} as t where t::text like %s",
                (f"%{fault_table.KEY}%",),
            ).fetchone()
            assert found == (0,)
