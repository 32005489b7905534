"""Who said what of a product, and asking again: nothing is paid for again without a person's word."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

from openai_stub import OpenAIStub
from serving import serving
from vitrina.catalog import Catalog
from vitrina.errors import AccessError, NotFoundError
from vitrina.models.outcomes import Usage
from vitrina.search.generations import said
from vitrina.settings import Settings

PRICE = Decimal("0.01")


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIStub]:
    with OpenAIStub(dimensions=64) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-of-asking")
        monkeypatch.setenv("VITRINA_DIMENSIONS", "64")
        yield stub


@pytest.fixture
def shop(
    stub: OpenAIStub, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Catalog]:
    """A catalog with two enriched products; each call costs PRICE."""

    def price(model: str, usage: Usage) -> Decimal:
        return Decimal(0) if "embedding" in model else PRICE

    monkeypatch.setattr("vitrina.assembly.prices", lambda endpoint, max_cost: price)
    path = tmp_path / "shop.csv"
    path.write_text("id,title\n1,Oak table\n2,Felt sofa\n")
    with Catalog(settings=Settings(database_url=database_url)) as catalog:
        catalog.ingest(path)
        yield catalog


def stages(catalog: Catalog, product: str) -> Counter[str]:
    return Counter(each.stage for each in catalog.generations(product) if each.current)


def test_a_product_knows_its_answers(shop: Catalog, stub: OpenAIStub) -> None:
    answers = shop.generations("1")
    assert stages(shop, "1") == {"tag": 1, "describe": 1, "caption": 1}
    assert sum((each.usd or 0 for each in answers), Decimal(0)) == 3 * PRICE
    assert all(each.current and each.products == 1 and each.input_tokens for each in answers)
    by_stage = {each.stage: each for each in answers}
    product = shop.get("1")
    assert by_stage["caption"].output == product.caption
    assert said(by_stage["tag"].output)
    assert by_stage["describe"].model == shop.generations(product.product_id)[1].model


def test_only_a_person_pays_again(shop: Catalog, stub: OpenAIStub) -> None:
    calls = stub.calls["chat"]
    product = shop.get("1")
    with shop.database.transaction() as conn:
        conn.execute("select vitrina.queue_products(%s)", ([product.product_id],))
    shop.work()
    assert stub.calls["chat"] == calls  # the same input again costs nothing
    assert shop.jobs.ask_again(["1"]) == 1
    assert shop.jobs.ask_again([product.product_id]) == 1  # before a worker came: asked once
    assert shop.get("1").state == "queued"
    assert shop.work().products == 1
    assert stub.calls["chat"] == calls + 3
    answers = shop.generations("1")
    assert [each.current for each in answers] == [True] * 3 + [False] * 3
    assert len(shop.generations("2")) == 3
    with shop.database.transaction() as conn:
        conn.execute("select vitrina.queue_products(%s)", ([product.product_id],))
    shop.work()
    assert stub.calls["chat"] == calls + 3
    assert [each.current for each in shop.generations("1")] == [True] * 3 + [False] * 3
    with pytest.raises(NotFoundError, match="nearest"):
        shop.jobs.ask_again(["1", "11"])
    assert shop.get("1").state == "enriched"


def test_a_batch_asks_again_too(shop: Catalog, stub: OpenAIStub) -> None:
    shop.jobs.ask_again(["1", "2"])
    assert shop.batches.submit().requests == 4  # tag and describe of both
    while shop.batches.collect().open:
        pass
    assert [each.current for each in shop.generations("2")] == [True] * 3 + [False] * 3
    shop.jobs.ask_again(["1"])
    assert shop.batches.submit().requests == 2


def test_keywords_by_hand_stay(shop: Catalog) -> None:
    shop.keywords.set([("shop", "1")], ["walnut"], add_new=True)
    shop.jobs.ask_again(["1"])
    shop.work()
    found = shop.get("1")
    assert found.by_hand
    assert [each.keyword for each in found.keywords] == ["walnut"]
    assert stages(shop, "1") == {"tag": 1, "describe": 1, "caption": 1}


def test_offline_answers_are_kept_as_well(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("id,title\n1,Oak table\n2,Oak table\n")
    with Catalog(settings=Settings(database_url=database_url, provider="local")) as catalog:
        catalog.ingest(path)
        [answer] = catalog.generations("1")
        assert (answer.stage, answer.provider, answer.products) == ("enrich", "local", 2)
        assert not answer.usd
        catalog.delete(["2"])
        assert catalog.generations("1")[0].products == 1


def test_a_reader_is_not_told_what_was_spent(
    shop: Catalog, database_url: str, make_role: Callable[..., str]
) -> None:
    url = database_url.replace("postgres@", f"{make_role('vitrina_reader')}@", 1)
    with Catalog(url) as reader:
        assert reader.get("1").title == "Oak table"
        with pytest.raises(AccessError):
            reader.generations("1")


def test_the_command_line_says_the_cost_and_asks(
    shop: Catalog, vitrina: Callable[..., Result], database_url: str
) -> None:
    refused = vitrina("jobs", "again", "1", url=database_url, stdin="n\n")
    assert refused.exit_code == 1
    assert "ask again about 1 product (4 calls, at an unknown price)?" in refused.stderr
    assert shop.get("1").state == "enriched"
    done = vitrina("jobs", "again", "1", "--yes", url=database_url)
    assert done.exit_code == 0, done.stderr
    assert "1 product is queued" in done.stderr
    assert shop.get("1").state == "queued"
    shown = vitrina("show", "1", "--generations", "--json", url=database_url)
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert {row["stage"] for row in rows} == {"tag", "describe", "caption"}
    table = vitrina("show", "1", "--generations", url=database_url).stdout
    assert "0.01" in table
    assert "in use" in table


def test_the_page_shows_them_and_asks_only_with_edit(shop: Catalog, database_url: str) -> None:
    product = shop.get("1").product_id
    with serving(database_url) as read, serving(database_url, "--edit") as edited:
        page = read.get(f"/product/{product}").text
        assert "Who said what" in page
        assert "What it has now cost 0.0300 USD" in page
        assert "Ask again" not in page
        own = {"Origin": read.base}
        assert read.post(
            f"/product/{product}/ask", data={"csrf": read.csrf()}, headers=own
        ).status_code in (404, 405)  # fmt: skip
        form = edited.get(f"/product/{product}").text
        assert "4 calls of " in form
        assert "the price is not known" in form
        done = edited.post(
            f"/product/{product}/ask",
            data={"csrf": edited.csrf()},
            headers={"Origin": edited.base},
        )
        assert (done.status_code, done.headers["Location"]) == (303, f"/product/{product}#answers")
        assert "It waits for an answer" in edited.get(f"/product/{product}").text
    with psycopg.connect(database_url) as conn:
        rows = conn.execute(
            "select stage, usd from vitrina.product_generations('shop', '1')"
        ).fetchall()
    assert sorted(rows) == [("caption", PRICE), ("describe", PRICE), ("tag", PRICE)]
    shop.work()
    with serving(database_url) as read:
        assert read.get(f"/product/{product}").text.count("earlier</span>") == 3
