"""Standing budgets are shown where the cost is: before anything was spent, and after."""

from __future__ import annotations

import json
from collections.abc import Callable

import psycopg
from click.testing import Result

from serving import serving


def test_a_budget_is_shown_with_what_is_spent_and_left_of_it(
    db: psycopg.Connection, database_url: str, vitrina: Callable[..., Result]
) -> None:
    assert vitrina("cost", "--budget", "5", "--period", "month", url=database_url).exit_code == 0
    none = vitrina("cost", url=database_url)
    assert none.stderr == (
        "nothing was spent: no model was called\n"
        "budget of 5 USD a month: 0.0000 USD spent, 5.0000 USD left\n"
    )
    with serving(database_url) as served:
        assert "0.00 of 5.00 a month" in served.get("/work").text
    answer = {"stage": "tag", "input_hash": "a" * 64, "provider": "p", "model": "m",
              "prompt_version": "1", "output": ["oak"], "cost": 1.25}  # fmt: skip
    db.execute("select vitrina.put_generations(%s)", [json.dumps([answer])])
    db.execute("select vitrina.set_budget(100, 'total')")
    spent = vitrina("cost", "--json", url=database_url)
    assert json.loads(spent.stdout)["usd"] == "1.25000000"
    assert spent.stderr == (
        "budget of 5 USD a month: 1.2500 USD spent, 3.7500 USD left\n"
        "budget of 100 USD in total: 1.2500 USD spent, 98.7500 USD left\n"
    )
    db.execute("select vitrina.set_budget(1, 'total')")
    assert "budget of 1 USD in total: 1.2500 USD spent, 0.0000 USD left" in (
        vitrina("cost", url=database_url).stderr
    )
