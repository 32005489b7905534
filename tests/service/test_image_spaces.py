"""A better model of pictures: the old one serves until the new space is full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from PIL import Image, ImageDraw
from psycopg.types.json import Jsonb

from vitrina.catalog import Catalog
from vitrina.db import schema
from vitrina.db.database import HalfVector
from vitrina.enrich.filling import Filling
from vitrina.enrich.totals import Totals
from vitrina.errors import InputError
from vitrina.pictures.decode import Picture
from vitrina.search.query_vectors import Queries
from vitrina.settings import Settings
from vitrina.web.asking import picture_of
from vitrina.web.services import Services
from vitrina.web.state import State

OLD, NEW = "local-image", "local-image-2"
COLORS = ("red", "blue", "green", "black", "brown", "orange")

# a database as an older vitrina left it: its image space, and nothing of the new one
OLDER = f"""
select vitrina.create_space('{OLD}', 'local', 'hog-color-1', 'image', 896, threshold => 0.9);
select vitrina.use_space('{OLD}');
select vitrina.drop_space('{NEW}');
"""


def draw(path: Path, color: str, number: int) -> str:
    image = Image.new("RGB", (120, 90), "white")
    ImageDraw.Draw(image).rectangle((10 + 9 * number, 10, 110, 20 + 10 * number), fill=color)
    image.save(path)
    return path.name


def put(url: str, folder: Path, numbers: range) -> None:
    rows = [
        {"external_id": str(n), "title": f"{COLORS[n % 6].title()} box",
         "image": draw(folder / f"{n}.png", COLORS[n % 6], n % 6)}
        for n in numbers
    ]  # fmt: skip
    with psycopg.connect(url) as conn:
        conn.execute(
            "select vitrina.put_source('shop', 'file', %s)", [Jsonb({"image_root": str(folder)})]
        )
        conn.execute("select vitrina.put_products('shop', %s)", [Jsonb(rows)])


class Shop:
    """A catalogue of pictures; `said` are its notices."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.said: list[str] = []
        self.catalog = Catalog(
            settings=Settings(database_url=url, provider="local"), notice=self.said.append
        )

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.url) as conn:
            return conn.execute(query).fetchall()

    def state(self, space: str) -> tuple[str, int, int]:
        """State, products and missing products of a space."""
        for row in self.catalog.spaces.list():
            if row.name == space:
                return row.state, row.products, row.missing_products
        raise AssertionError(space)

    def nearest(self, picture: Path) -> str:
        return self.catalog.nearest_by_image(str(picture), k=1)[0].external_id


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """Twelve products that an older vitrina worked on; then upgraded."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(OLDER)
    put(database_url, tmp_path, range(12))
    shop = Shop(database_url)
    assert work(shop.catalog).products == 12
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("update vitrina.installed set sha256 = 'older' where name = 'local_spaces'")
    assert schema.upgrade(database_url) == ["functions and views", "local spaces"]
    assert (shop.state(OLD), shop.state(NEW)) == (("active", 12, 0), ("building", 0, 12))
    yield shop
    shop.catalog.close()


def work(catalog: Catalog, **given: Any) -> Totals:
    return catalog.work(**given)


class Crash(BaseException):
    """The end of a worker."""


def test_the_old_space_serves_until_the_new_one_is_full(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrina.enrich.filling.BATCH", 4)
    answers = shop.rows("select count(*) from vitrina.generations")
    # one picture is gone, one has been replaced by another, and there is a new product
    (tmp_path / "3.png").unlink()
    draw(tmp_path / "4.png", "navy", 5)
    shop.rows("update vitrina.images set thumbnail = 'older' returning 1")
    put(shop.url, tmp_path, range(12, 13))

    queue = Filling.queue

    calls = []

    def crash(filling: Filling) -> int:
        calls.append(shop.state(NEW)[1])
        if len(calls) == 1:
            return queue(filling)
        ((is_enriched,),) = shop.rows(
            "select enriched_at is not null from vitrina.products where external_id = '12'"
        )
        if calls[-1] > calls[0] and is_enriched:
            raise Crash  # some pictures are stored, and nothing else is left to do
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(Filling, "queue", crash)
        with pytest.raises(Crash):
            work(shop.catalog)
    state, done, missing = shop.state(NEW)
    assert state == "building"
    assert 0 < done < 12
    assert done + missing == 13
    assert shop.state(OLD) == ("active", 13, 0), "a new product has its vector in both"
    assert shop.nearest(tmp_path / "5.png") in ("5", "11")
    with pytest.raises(InputError, match="is not complete"):
        shop.catalog.spaces.activate(NEW)

    totals = work(shop.catalog)
    assert totals.pictures == 12 - done
    assert totals.failed == 1
    assert (totals.products, totals.generations) == (0, 0)
    assert shop.state(NEW) == ("active", 12, 1)
    assert shop.state(OLD)[0] == "retired"
    assert f"{OLD} is searched meanwhile" in " ".join(shop.said)
    assert f"{NEW} from now on: 12 products; 1 picture could not be" in shop.said[-1]
    assert shop.nearest(tmp_path / "5.png") in ("5", "11")
    ((stage, state, error),) = shop.rows("select stage, state, error from vitrina.jobs")
    assert (stage, state) == ("picture", "failed")
    assert "3.png" in error
    assert shop.rows("select count(*) from vitrina.generations") == answers, "asked again"
    assert shop.rows("select count(*) from vitrina.images where thumbnail = 'older'") == [(0,)]
    assert shop.rows(
        "select count(*) from vitrina.products as p"
        " join vitrina.product_embeddings as e on e.product_id = p.id"
        " join vitrina.spaces as s on s.id = e.space_id"
        f" where s.name = '{NEW}' and e.input_hash = p.image_sha256"
    ) == [(12,)]

    # later the picture is back
    draw(tmp_path / "3.png", "black", 3)
    shop.catalog.jobs.retry()
    assert work(shop.catalog).pictures == 1
    assert shop.state(NEW) == ("active", 13, 0)


def test_a_space_without_most_of_the_pictures_is_not_switched_to(
    shop: Shop, tmp_path: Path
) -> None:
    # of a folder that this worker may not read, nothing is known
    shop.rows("update vitrina.sources set trusted_root = null returning 1")
    other = Settings(database_url=shop.url, provider="local")
    with Catalog(settings=other, notice=shop.said.append) as catalog:
        totals = work(catalog)
    assert (totals.pictures, totals.failed, totals.retried) == (0, 0, 12)
    assert shop.state(NEW) == ("building", 0, 12)
    assert "`vitrina jobs retry`" in shop.said[-1]
    # and if they are gone, the old vectors are better than none
    allowed = Settings(database_url=shop.url, provider="local", image_roots=(str(tmp_path),))
    for number in range(9):
        (tmp_path / f"{number}.png").unlink()
    with Catalog(settings=allowed, notice=shop.said.append) as catalog:
        totals = work(catalog)
    assert (totals.pictures, totals.failed) == (3, 9)
    assert shop.state(NEW) == ("building", 3, 9)
    assert shop.state(OLD) == ("active", 12, 0)
    assert "9 pictures could not be fetched again" in shop.said[-1]
    assert f"vitrina spaces activate {NEW}" in shop.said[-1]
    assert shop.catalog.spaces.activate(NEW) == OLD, "a person may"


def test_a_space_of_pictures_is_built_by_command_and_switched_to_under_a_search(
    shop: Shop, tmp_path: Path, vitrina: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = vitrina("spaces", "build", NEW, url=shop.url)
    assert built.exit_code == 0, built.stderr
    assert "12 products and 0 keywords embedded" in built.stderr
    assert shop.state(NEW) == ("building", 12, 0)
    assert shop.state(OLD) == ("active", 12, 0)
    doctor = vitrina("doctor", url=shop.url)
    assert f"beside {OLD}" in " ".join(doctor.stdout.split())
    image_vector = Queries.image_vector

    def switched(queries: Queries, picture: Picture) -> HalfVector | None:
        """As if somebody switched between the two steps of a search."""
        vector = image_vector(queries, picture)
        other = NEW if shop.state(NEW)[0] != "active" else OLD
        if len(switches) % 2 == 0:
            assert vitrina("spaces", "activate", other, url=shop.url).exit_code == 0
        switches.append(other)
        return vector

    switches: list[str] = []
    monkeypatch.setattr(Queries, "image_vector", switched)
    assert shop.nearest(tmp_path / "5.png") in ("5", "11")
    assert shop.state(NEW) == ("active", 12, 0)
    (hit,) = shop.catalog.search(image=tmp_path / "5.png", k=1)
    assert hit.external_id in ("5", "11")
    assert len(switches) == 4


def test_layouts_are_measured_from_the_thumbnails_of_an_older_version(shop: Shop) -> None:
    """Without fetching: the files are the same six pictures twice."""
    before = shop.rows("select sha256, layout::text from vitrina.images order by sha256")
    with psycopg.connect(shop.url) as conn:
        conn.execute("update vitrina.images set layout = null")
        conn.execute("update vitrina.products set image = 'gone.png'")
    work(shop.catalog)
    after = shop.rows("select sha256, layout::text from vitrina.images order by sha256")
    assert [row[0] for row in before] == [row[0] for row in after]
    assert all(layout for _, layout in after)
    copies = shop.catalog.duplicates(min_similarity=None)
    # the earlier of two is that with the lesser id of the database
    assert {frozenset((row.external_id, row.of_external_id)) for row in copies} >= {
        frozenset((str(n), str(n + 6))) for n in range(6)
    }
    assert sum(row.confidence == 1 for row in copies) == 6


def test_a_part_of_another_picture_is_another_part(database_url: str, tmp_path: Path) -> None:
    put(database_url, tmp_path, range(6))
    shop = Shop(database_url)
    work(shop.catalog)
    ids = {hit.external_id: hit.product_id for hit in shop.catalog.search(None, k=6)}
    services = Services(shop.catalog)
    state = State.of(f"pic=p:{ids['1']}&box=0,0,0.9,1")

    def nearest() -> str:
        vector, _ = picture_of(services, state)
        return shop.catalog.search(image=vector, k=1)[0].external_id

    assert nearest() == "1"
    shop.rows(
        "update vitrina.products set image_sha256 = (select o.image_sha256 from vitrina.products"
        f" as o where o.id = {ids['4']}) where id = {ids['1']} returning id"
    )
    assert nearest() == "4"


def test_a_part_of_a_picture_searches(
    database_url: str, tmp_path: Path, vitrina: Callable[..., Result]
) -> None:
    """Of a picture of two things, the part with one of them finds that one."""
    put(database_url, tmp_path, range(6))
    shop = Shop(database_url)
    work(shop.catalog)
    room = Image.new("RGB", (300, 90), "white")
    room.paste(Image.open(tmp_path / "1.png"), (0, 0))
    room.paste(Image.open(tmp_path / "4.png"), (170, 0))
    room.save(tmp_path / "room.png")
    for box, found in (("0,0,0.4,1", "1"), ("0.56,0,0.41,1", "4")):
        hits = shop.catalog.search(image=shop.catalog.crop(tmp_path / "room.png", box), k=1)
        assert hits[0].external_id == found
        ran = vitrina("search", "--image", str(tmp_path / "room.png"), "--box", box, "-k", "1",
                      "--columns", "id", "--csv", url=database_url)  # fmt: skip
        assert (ran.exit_code, ran.stdout) == (0, f"id\n{found}\n"), ran.stderr
    ran = vitrina("similar", "4", "--box", "0.1,0.1,0.8,0.6", "--json", url=database_url)
    assert '"external_id": "4"' not in ran.stdout
    assert ran.stdout.count("external_id") == 5
    for arguments, message in (
        (["search", "--image", "room.png", "--box", "0,0,2,1"], "x + w and y + h at most 1"),
        (["search", "box", "--box", "0,0,1,1"], "give --image"),
        (["similar", "4", "--box", "all"], "a box is x,y,w,h in fractions"),
    ):
        ran = vitrina(*arguments, url=database_url)
        assert ran.exit_code == 2
        assert message in " ".join(ran.stderr.split())
    shop.catalog.close()
