"""All pictures of a product: embedded when nothing else is due, and shown to a model on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from PIL import Image, ImageDraw
from psycopg.types.json import Jsonb

from openai_stub import OpenAIStub
from vitrina.catalog import Catalog
from vitrina.enrich.further import FurtherPictures
from vitrina.settings import Settings

SIDES = ("red", "blue", "green", "black")


def draw(folder: Path, name: str, color: str, number: int) -> str:
    image = Image.new("RGB", (120, 90), "white")
    ImageDraw.Draw(image).rectangle((10 + 20 * number, 10, 70 + 10 * number, 80), fill=color)
    image.save(folder / name)
    return name


def put(url: str, folder: Path, pictures: dict[str, list[str]]) -> None:
    rows = [
        {"external_id": code, "title": f"Box {code}", "image": images[0],
         "images": [{"image": image} for image in images]}
        for code, images in pictures.items()
    ]  # fmt: skip
    with psycopg.connect(url) as conn:
        conn.execute(
            "select vitrina.put_source('shop', 'file', %s)", [Jsonb({"image_root": str(folder)})]
        )
        conn.execute("select vitrina.put_products('shop', %s)", [Jsonb(rows)])


def rows(url: str, query: str) -> list[Any]:
    with psycopg.connect(url) as conn:
        return conn.execute(query).fetchall()


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, list[str]]:
    """Three products with four pictures each: a colour and a place of its own each."""
    return {
        code: [draw(tmp_path, f"{code}{n}.png", SIDES[n], number) for n in range(4)]
        for number, code in enumerate("abc")
    }


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    with Catalog(settings=Settings(database_url=database_url, provider="local")) as catalog:
        yield catalog


EMBEDDED = (
    "select e.product_id, e.position from vitrina.picture_embeddings as e"
    " join vitrina.spaces as s on s.id = e.space_id where s.state = 'active' order by 1, 2"
)


def test_each_picture_finds_its_product(
    catalog: Catalog, database_url: str, tmp_path: Path, pictures: dict[str, list[str]]
) -> None:
    put(database_url, tmp_path, pictures)
    totals = catalog.work()
    assert (totals.products, totals.further) == (3, 9)
    assert len(rows(database_url, EMBEDDED)) == 9
    for code, images in pictures.items():
        for image in images:
            hits = catalog.search(image=tmp_path / image, k=3)
            assert hits[0].external_id == code, image
            assert hits[0].similarity > 0.99
            assert len({hit.product_id for hit in hits}) == 3
    assert catalog.count_matches(image=tmp_path / "a2.png") == 3
    # every picture has a thumbnail on the product's page
    assert all(catalog.pictures.all_of(catalog.get("a").product_id))
    assert catalog.work().further == 0


def test_a_run_that_ends_in_the_middle_goes_on(
    catalog: Catalog,
    database_url: str,
    tmp_path: Path,
    pictures: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vitrina.enrich.further.BATCH", 2)
    monkeypatch.setattr("vitrina.enrich.further.SECONDS", 0)  # another worker may take them at once
    stored = FurtherPictures._store
    left = [2]

    def dies(self: FurtherPictures, looked: list[Any]) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return stored(self, looked)

    monkeypatch.setattr(FurtherPictures, "_store", dies)
    put(database_url, tmp_path, pictures)
    with pytest.raises(KeyboardInterrupt):
        catalog.work()
    assert len(rows(database_url, EMBEDDED)) == 4
    monkeypatch.setattr(FurtherPictures, "_store", stored)
    assert catalog.work().further == 5
    assert len(rows(database_url, EMBEDDED)) == 9


def test_what_cannot_be_had_is_said_and_left_for_a_day(
    catalog: Catalog, database_url: str, tmp_path: Path, pictures: dict[str, list[str]]
) -> None:
    pictures["a"].insert(1, "gone.png")
    put(database_url, tmp_path, pictures)
    assert catalog.work().further == 9
    ((reason, later),) = rows(
        database_url,
        "select image_error, fetch_after > now() + interval '23 hours' from vitrina.product_images"
        " where image_error is not null",
    )
    assert "gone.png" in reason
    assert later
    # a picture that goes takes its vector along, a new one gets its own
    pictures["a"] = ["a0.png", draw(tmp_path, "new.png", "orange", 3)]
    put(database_url, tmp_path, pictures)
    assert catalog.work().further == 1
    assert len(rows(database_url, EMBEDDED)) == 7
    assert catalog.search(image=tmp_path / "new.png", k=1)[0].external_id == "a"


def test_a_new_space_is_filled_from_what_is_stored(
    catalog: Catalog, database_url: str, tmp_path: Path, pictures: dict[str, list[str]]
) -> None:
    put(database_url, tmp_path, pictures)
    catalog.work()
    for images in pictures.values():
        for image in images[1:]:
            (tmp_path / image).unlink()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(
            "select vitrina.create_space('older', 'local', 'hog-color-1', 'image', 896,"
            " threshold => 0.9)"
        )
    catalog.spaces.build("older")
    assert rows(
        database_url,
        "select s.name, count(*) from vitrina.picture_embeddings as e"
        " join vitrina.spaces as s on s.id = e.space_id group by 1 order by 1",
    ) == [("local-image-2", 9), ("older", 9)]
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("select vitrina.drop_space('older')")
    assert len(rows(database_url, EMBEDDED)) == 9


@pytest.mark.parametrize("one_call", [False, True], ids=["stepwise", "one-call"])
def test_a_model_sees_several_pictures_in_one_call(
    database_url: str,
    tmp_path: Path,
    pictures: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    vitrina: Callable[..., Result],
    one_call: bool,
) -> None:
    pictures["b"] = pictures["b"][:1]
    put(database_url, tmp_path, pictures)
    looks = 1 if one_call else 2
    with OpenAIStub(dimensions=64) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("VITRINA_DIMENSIONS", "64")
        monkeypatch.setenv("VITRINA_IMAGE_ROOT", str(tmp_path))
        options = ["--one-call"] if one_call else []

        def work(*more: str) -> list[int]:
            """How many pictures each new look has, the most first."""
            stub.calls.clear()
            before = len(stub.requests("chat"))
            ran = vitrina("work", "--drain", *options, *more, url=database_url)
            assert ran.exit_code == 0, ran.output
            seen = [len(each.pictures) for each in stub.requests("chat")[before:]]
            return sorted(filter(None, seen), reverse=True)

        assert work("--pictures", "3") == [3] * 2 * looks + [1] * looks
        text = next(each.text for each in stub.requests("chat") if len(each.pictures) == 3)
        assert "There are 3 pictures of this one item." in text
        # the same again is not paid again; with one picture it is another question, once
        requeue = "select vitrina.queue_products(array_agg(id)) from vitrina.products"
        rows(database_url, requeue)
        assert work("--pictures", "3") == []
        rows(database_url, requeue)
        assert work() == [1] * 2 * looks  # of b it had seen all
        rows(database_url, requeue)
        assert work("--pictures", "3") == []


def test_a_batch_says_that_it_shows_one(vitrina: Callable[..., Result], database_url: str) -> None:
    ran = vitrina("work", "--batch", "--pictures", "2", url=database_url)
    assert ran.exit_code == 2
    assert "a batch shows the first picture only" in ran.stderr
