"""`vitrina rules`, catalog.rules, and what searches then print."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

from small_shop import CATALOGUE, put
from vitrina.catalog import Catalog
from vitrina.errors import InputError, NotFoundError

Run = Callable[..., Result]


@pytest.fixture
def shop(catalog: Catalog, database_url: str) -> Catalog:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        put(conn, CATALOGUE)
    return catalog


def test_rules_from_the_command_line(
    shop: Catalog, vitrina: Run, database_url: str, tmp_path: Path
) -> None:
    def run(*arguments: str, stdin: str | None = None, code: int = 0) -> Result:
        result = vitrina(*arguments, url=database_url, stdin=stdin)
        assert result.exit_code == code, result.stderr
        return result

    done = run(
        "rules", "add", "sofa", "--pin", "lamp-1", "--hide", "sofa-2", "--boost", "brand:Linden=1.2",
        "--to", "2999-12-31",
    )  # fmt: skip
    assert done.stderr == "added: 3 rules (1, 2, 3)\nto undo: vitrina rules remove 1 2 3\n"
    listed = run("rules", "list", "Sofas").stdout
    assert "Brass reading lamp (lamp-1)" in listed
    assert "boost × 1.2" in listed
    assert "brand: Linden" in listed
    assert "to 2999-12-31" in listed
    rows = [json.loads(line) for line in run("search", "couch", "--json").stdout.splitlines()]
    assert [(row["external_id"], row["matched"][-1]) for row in rows] == [
        ("lamp-1", "boosted"), ("sofa-1", "boosted"),
    ]  # fmt: skip
    assert "pinned" in run("search", "sofa").stdout

    vain = run("rules", "add", "rack", "--hide", "brand:Lindenn", "--to", "2999-12-31").stderr
    assert "rule 4: no product has brand 'Lindenn'; nearest: Linden\n" in vain
    past = run("rules", "add", "rack", "--hide", "brand:Lindenn", "--to", "2020-01-01").stderr
    assert "rule 4: valid_to is past (2020-01-01 00:00): the rule never holds\n" in past
    run("rules", "remove", "4")

    saved = tmp_path / "rules.csv"
    saved.write_text(run("rules", "export").stdout)
    assert "3 rules" in run("rules", "remove", "1", "2", "3").stderr
    assert run("rules", "list").stderr == "no rules\n"
    assert run("rules", "list", "--removed").stdout.count("removed") == 4
    assert "added: 3 rules" in run("rules", "import", str(saved)).stderr
    again = run("rules", "import", "-", "--prune", stdin=run("rules", "export", "--json").stdout)
    assert again.stderr == "unchanged: 3 rules (5, 6, 7)\n"
    assert "rule 5 is about the same" in run("rules", "restore", "1", code=1).stderr
    assert "restored 1 rule" in run("rules", "restore", "4").stderr
    pruned = run("rules", "import", str(saved), "--prune")
    assert "unchanged: 3 rules" in pruned.stderr

    saved.write_text("query,action,external_id\nsofa,pin,sofa-1\nsofa,pin,sofa-8\n")
    wrong = run("rules", "import", str(saved), code=1).stderr
    assert f"line 3 of {saved}: product 'sofa-8' not found" in wrong
    assert "sofa-1, sofa-2" in wrong
    wrong = run("rules", "add", "sofa", "--hide", "brnd", code=1).stderr
    assert "product 'brnd' not found" in wrong
    assert "brand" in wrong
    run("rules", "add", "--pin", "sofa-1", code=2)
    run("rules", "add", "sofa", "--all", "--pin", "sofa-1", code=2)
    run("rules", "add", "sofa", "--boost", "brand", code=2)
    assert "rule 99 not found" in run("rules", "remove", "99", code=1).stderr


def test_rules_from_python(shop: Catalog) -> None:
    done = shop.rules.add(
        hide=["stocked"], boost={("shop", "rack-2"): 2}, valid_from=date(2020, 1, 1)
    )
    assert [rule.state for rule in done] == ["added", "added"]
    hidden, boosted = shop.rules.list()
    assert (hidden.attribute, hidden.value, boosted.external_id) == ("stocked", None, "rack-2") or (
        boosted.attribute, boosted.value, hidden.external_id
    ) == ("stocked", None, "rack-2")  # fmt: skip
    assert {"rack-1", "sofa-1"}.isdisjoint(hit.external_id for hit in shop.search())
    assert shop.rules.remove([rule.id for rule in done]) == 2
    with pytest.raises(InputError, match="name a product or an attribute"):
        shop.rules.add("sofa")
    with pytest.raises(NotFoundError, match="'sofa-7' not found; nearest: sofa-1"):
        shop.rules.add("sofa", pin=["sofa-7"])
