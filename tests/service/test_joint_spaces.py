"""Joint spaces from adding to searching: by a tiny model here, and by endpoints."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from PIL import Image, ImageDraw
from psycopg.types.json import Jsonb

import joint_models
import servers
from openai_stub import OpenAIStub
from serving import serving
from vitrina.catalog import Catalog
from vitrina.errors import BudgetError, ConfigError, InputError, ProviderError
from vitrina.settings import Settings

Run = Callable[..., Result]
COLORS = ("red", "blue", "green", "yellow", "black", "white", "brown", "pink")
SHAPES = ("ellipse", "rectangle", "line", "chord")
NAMES = ("Vivaldi", "Aurora", "Summit", "Harbour", "Juniper", "Tempo", "Orbit", "Meadow", "Falcon",
         "Delta", "Sonata", "Cedar", "Nimbus", "Pacific", "Quartz", "Zephyr")  # fmt: skip
VISION, TEXT = joint_models.NAMES


@pytest.fixture(scope="session")
def model_path(servers_home: Path) -> Path:
    """The folder of the tiny model: one for all workers, as a database to copy knows it."""
    folder = servers_home / "models"
    with servers.locked(servers_home / ".models"):
        if not folder.is_dir():
            folder.mkdir()
            joint_models.write(folder)
    return folder


def draw(path: Path, color: str, shape: str, ground: str = "#dddddd") -> str:
    image = Image.new("RGB", (120, 120), ground)
    brush = ImageDraw.Draw(image)
    box = (20, 20, 100, 100)
    if shape == "line":
        brush.line(box, fill=color, width=30)
    elif shape == "chord":
        brush.chord(box, 30, 250, fill=color)
    else:
        getattr(brush, shape)(box, fill=color)
    image.save(path)
    return path.name


def put(url: str, folder: Path, numbers: range, ground: str | None = None) -> None:
    """Products whose titles say nothing: only their pictures have a colour."""
    rows = [
        {"external_id": f"p{n}", "title": f"{NAMES[n % 16]} {n}",
         "image": draw(folder / f"{n}.png", COLORS[n % 8], SHAPES[n // 8 % 4], ground or "#dddddd")}
        for n in numbers
    ]  # fmt: skip
    with psycopg.connect(url) as conn:
        conn.execute(
            "select vitrina.put_source('shop', 'file', %s)", [Jsonb({"image_root": str(folder)})]
        )
        conn.execute("select vitrina.put_products('shop', %s)", [Jsonb(rows)])
        # keywords of other things, by which what is unrelated is known
        words = ["mug", "vase", "clock", "stool", "towel", "rug", "lamp", "tray", "bench", "box",
                 "bowl", "plate", "fork", "knife", "spoon", "jar", "kettle", "pan", "pot", "cup",
                 *COLORS]  # fmt: skip
        conn.execute("select vitrina.seed_keywords(%s)", [Jsonb([{"keyword": w} for w in words])])


class Shop:
    """A catalogue of 32 pictures; `said` are its notices."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.url = url
        self.said: list[str] = []
        self.catalog = Catalog(
            settings=Settings(database_url=url, provider="local", **settings),
            notice=self.said.append,
        )

    def colors(self, query: str, **given: Any) -> list[str]:
        """The colours of the pictures that a query finds."""
        hits = self.catalog.search(query, log=False, **given)
        return [COLORS[int(hit.external_id[1:]) % 8] for hit in hits]

    def add(self, model_path: Path, name: str = "colors") -> None:
        self.catalog.spaces.add(
            name, provider="fastembed", model=VISION, text_model=TEXT, model_path=str(model_path)
        )

    def use(self, model_path: Path) -> None:
        self.add(model_path)
        self.catalog.spaces.build("colors")
        self.catalog.spaces.activate("colors")

    def value(self, query: str) -> Any:
        with psycopg.connect(self.url) as conn:
            row = conn.execute(query.encode()).fetchone()
            return None if row is None else row[0]


def say_nothing(shop: Shop) -> None:
    """Take the colours that the offline provider measured out of what is said of the products."""
    with psycopg.connect(shop.url) as conn:
        conn.execute(
            "select vitrina.put_enrichments(jsonb_agg(jsonb_build_object('product_id', p.id,"
            " 'image_sha256', encode(p.image_sha256, 'hex'), 'description', '', 'caption', p.title,"
            " 'terms', jsonb_build_array(jsonb_build_object('term', split_part(p.title, ' ', 1),"
            " 'facet', 'other'))))), count(vitrina.embed_products(array[p.id]))"
            " from vitrina.products as p"
        )
        conn.execute("select vitrina.embed_products(array_agg(p.id)) from vitrina.products as p")


@pytest.fixture(scope="session")
def template(make_template: Callable[..., str], servers_home: Path) -> str:
    """A database with 32 products, enriched, of which nothing is said."""

    def fill(url: str) -> None:
        folder = servers_home / "pictures"
        folder.mkdir()
        put(url, folder, range(32))
        shop = Shop(url)
        assert shop.catalog.work().products == 32
        say_nothing(shop)
        shop.catalog.close()

    return make_template("vitrina_joint", fill)


@pytest.fixture(scope="session")
def used_template(make_template: Callable[..., str], template: str, model_path: Path) -> str:
    """The same in use with the tiny model, as space `colors`."""

    def fill(url: str) -> None:
        shop = Shop(url)
        shop.use(model_path)
        shop.catalog.close()

    return make_template("vitrina_joint_used", fill, template)


def shop_of(url: str, folder: Path) -> Iterator[Shop]:
    """A shop whose pictures the test may change."""
    folder.mkdir()
    for n in range(32):
        draw(folder / f"{n}.png", COLORS[n % 8], SHAPES[n // 8 % 4])
    with psycopg.connect(url) as conn:
        conn.execute(
            "select vitrina.put_source('shop', 'file', %s)", [Jsonb({"image_root": str(folder)})]
        )
    shop = Shop(url)
    yield shop
    shop.catalog.close()


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    yield from shop_of(database_url, tmp_path / "pictures")


@pytest.fixture
def used_shop(
    make_database: Callable[[str], str], used_template: str, tmp_path: Path
) -> Iterator[Shop]:
    yield from shop_of(make_database(used_template), tmp_path / "pictures")


def test_words_find_pictures(shop: Shop, model_path: Path) -> None:
    assert shop.colors("yellow") == []
    shop.use(model_path)
    assert shop.colors("yellow", k=4) == ["yellow"] * 4
    assert shop.colors("pink", k=4) == ["pink"] * 4
    assert shop.catalog.search("yellow", log=False)[0].matched[0] == "image"
    # its vector is remembered: psql finds the same
    assert shop.value("select external_id from vitrina.search('yellow')") in (
        "p3",
        "p11",
        "p19",
        "p27",
    )
    assert shop.value("select count(*) from vitrina.query_to_embed('yellow')") == 0
    # no picture shows one, and nothing is said of it
    assert shop.colors("accordion") == []
    assert shop.catalog.count_matches("yellow") >= 4
    found = shop.catalog.explain("yellow", "p3")
    (image,) = (each for each in found.channels if each.channel == "image")
    assert image.by == "words"
    assert image.counts is not None
    assert image.counts > 0.5


def test_a_picture_is_embedded_by_the_same_model(used_shop: Shop, tmp_path: Path) -> None:
    hits = used_shop.catalog.search(image=str(tmp_path / "pictures" / "5.png"), k=4)
    assert hits[0].similarity == pytest.approx(1, abs=0.001)
    assert {COLORS[int(hit.external_id[1:]) % 8] for hit in hits} == {"white"}
    near = used_shop.catalog.nearest_by_image(str(tmp_path / "pictures" / "2.png"), k=4)
    assert {COLORS[int(hit.external_id[1:]) % 8] for hit in near} == {"green"}


def test_it_is_switched_to_and_back(shop: Shop, model_path: Path) -> None:
    shop.add(model_path)
    assert shop.value("select image_space from vitrina.status") == "local-image-2"
    with pytest.raises(InputError, match="not complete"):
        shop.catalog.spaces.activate("colors")
    done = shop.catalog.spaces.build("colors")
    assert (done.products, done.refused) == (32, {})
    assert done.keywords >= 28
    assert shop.catalog.spaces.build("colors").count == 0
    assert shop.catalog.spaces.activate("colors") == "local-image-2"
    assert shop.value("select image_space from vitrina.status") == "colors"
    assert shop.value("select sum(cost) from vitrina.generations where stage = 'embed'") is None
    assert shop.catalog.spaces.activate("local-image-2") == "colors"
    assert shop.colors("yellow") == []


def test_new_pictures_come_in(used_shop: Shop, tmp_path: Path) -> None:
    put(used_shop.url, tmp_path / "pictures", range(32, 40))
    draw(tmp_path / "pictures" / "3.png", "red", "ellipse")  # another picture of an old product
    with psycopg.connect(used_shop.url) as conn:
        conn.execute("update vitrina.products set image_stamp = 'new' where external_id = 'p3'")
        conn.execute("select vitrina.retry_images()")
    put(used_shop.url, tmp_path / "pictures", range(40, 41))
    assert used_shop.catalog.work().products == 9
    (space,) = (each for each in used_shop.catalog.spaces.list() if each.name == "colors")
    assert (space.products, space.missing_products) == (41, 0)
    assert "p35" in [hit.external_id for hit in used_shop.catalog.search("yellow", log=False)]
    # back in the other space, after it has been filled again
    with pytest.raises(InputError, match="not complete"):
        used_shop.catalog.spaces.activate("local-image-2")
    assert used_shop.catalog.spaces.build("local-image-2").products == 9
    used_shop.catalog.spaces.activate("local-image-2")


def test_further_pictures_are_found_too(used_shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    images = [draw(folder / f"more-{color}.png", color, "ellipse") for color in ("red", "yellow")]
    row = {"external_id": "more", "title": "Saga", "image": images[0],
           "images": [{"image": image} for image in images]}  # fmt: skip
    with psycopg.connect(used_shop.url) as conn:
        conn.execute("select vitrina.put_products('shop', %s)", [Jsonb([row])])
    used_shop.catalog.work()
    count = "select count(*) from vitrina.picture_embeddings as e join vitrina.spaces as s"
    assert used_shop.value(f"{count} on s.id = e.space_id and s.name = 'colors'") == 1
    found = [hit.external_id for hit in used_shop.catalog.search("yellow", k=6, log=False)]
    assert "more" in found
    # as when the space is built
    used_shop.value(f"delete from vitrina.picture_embeddings returning {1}")
    assert used_shop.catalog.spaces.build("colors").products == 1
    assert used_shop.value(f"{count} on s.id = e.space_id and s.name = 'colors'") == 1


def test_without_the_model_work_goes_on(
    shop: Shop, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "models"
    shutil.copytree(model_path, copy)
    shop.use(copy)
    assert shop.colors("yellow", k=1) == ["yellow"]
    shutil.rmtree(copy)
    from vitrina.models.joint import towers

    towers.towers_of.cache_clear()
    shop.catalog.close()
    shop = Shop(shop.url)
    put(shop.url, tmp_path / "pictures", range(32, 34))
    assert shop.catalog.work().products == 2
    assert any("pictures are not embedded in colors yet" in line for line in shop.said)
    # remembered queries and keywords find pictures all the same
    assert shop.colors("yellow", k=1) == ["yellow"]
    shop.colors("blue clock")
    assert any("by the query's keywords only" in line for line in shop.said)
    # from another folder
    monkeypatch.setenv("VITRINA_MODEL_PATH", str(model_path))
    towers.towers_of.cache_clear()
    shop.catalog.close()
    shop = Shop(shop.url)
    assert shop.catalog.work().embeddings == 2
    (space,) = (each for each in shop.catalog.spaces.list() if each.name == "colors")
    assert space.missing_products == 0
    shop.catalog.close()


def test_files_of_another_model_are_refused(
    used_shop: Shop, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrina.models.joint import towers

    other = tmp_path / "other"
    shutil.copytree(model_path, other)
    vocabulary = (other / TEXT / "tokenizer.json").read_text()
    swapped = vocabulary.replace('"red"', '"?"').replace('"blue"', '"red"').replace('"?"', '"blue"')
    (other / TEXT / "tokenizer.json").write_text(swapped)
    monkeypatch.setenv("VITRINA_MODEL_PATH", str(other))
    towers.towers_of.cache_clear()
    with pytest.raises(ConfigError, match="is not the one that made the vectors"):
        used_shop.catalog.image_vector(
            used_shop.catalog.picture(str(tmp_path / "pictures" / "1.png"))
        )
    towers.towers_of.cache_clear()


def test_on_the_command_line(shop: Shop, model_path: Path, vitrina: Run) -> None:
    added = vitrina("spaces", "add", "--provider", "fastembed", "--image-model", VISION,
                    "--text-model", TEXT, "--model-path", str(model_path), url=shop.url)  # fmt: skip
    assert added.exit_code == 0, added.output
    assert "created: colors-vision" in added.stderr
    built = vitrina("spaces", "build", "colors-vision", url=shop.url)
    assert "32 products and" in built.stderr
    assert vitrina("spaces", "activate", "colors-vision", url=shop.url).exit_code == 0
    listed = vitrina("spaces", "list", url=shop.url).stdout
    assert "joint" in listed
    found = vitrina("search", "yellow", "-k", "2", "--csv", url=shop.url)
    assert "p3" in found.stdout or "p11" in found.stdout
    told = vitrina("explain", "yellow", "p3", url=shop.url)
    assert "image by words" in told.stdout
    assert "colors-vision" in vitrina("status", url=shop.url).stdout
    checked = vitrina("doctor", url=shop.url)
    assert "joint, colors-vision, 64 dimensions, active" in checked.stdout
    wrong = vitrina("spaces", "add", "x", "--text-model", "y", url=shop.url)
    assert (wrong.exit_code, "are of joint models" in wrong.stderr) == (1, True)
    nameless = vitrina("spaces", "add", "--model", "y", url=shop.url)
    assert (nameless.exit_code, "name the space" in nameless.stderr) == (1, True)


def test_who_only_reads_finds_pictures_by_what_is_known(
    used_shop: Shop, make_role: Callable[..., str], tmp_path: Path
) -> None:
    assert used_shop.colors("yellow", k=4) == ["yellow"] * 4
    url = used_shop.url.replace("postgres@", f"{make_role('vitrina_reader')}@", 1)
    reader = Shop(url)
    assert reader.colors("yellow", k=4) == ["yellow"] * 4
    assert reader.colors("pink", k=4) in ([], ["pink"] * 4), "nothing remembers it"
    picture = str(tmp_path / "pictures" / "2.png")
    hits = reader.catalog.search(image=picture, k=2, log=False)
    assert [COLORS[int(hit.external_id[1:]) % 8] for hit in hits] == ["green", "green"]
    reader.catalog.close()
    with Catalog(settings=Settings(database_url=url), read_only=True) as reading:
        assert reading.search("yellow", k=1, log=False)


def test_doctor_says_what_is_missing(
    used_shop: Shop, vitrina: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRINA_MODEL_PATH", "/nowhere")
    checked = vitrina("doctor", url=used_shop.url)
    assert checked.exit_code == 1
    assert "/nowhere is not a folder here" in " ".join(checked.stdout.split())


def test_on_the_page(used_shop: Shop) -> None:
    with serving(used_shop.url) as page:
        found = page.get("/api/search?q=yellow&n=2").json()
        assert all("image" in hit["matched"] for hit in found["products"][:2])
        shown = page.get("/?q=yellow").text
        assert "its picture shows it" in shown
        assert "looks alike" not in shown
        assert "compared with pictures too, in colors" in shown
        assert "looks alike" in page.get(f"/?pic=p:{found['products'][0]['product_id']}").text
        work = page.get("/work").text
        assert "colors" in work
        assert "joint" in work


# endpoints ---------------------------------------------------------------------------------------


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIStub]:
    with OpenAIStub(key="sk-right", dimensions=16) as stub:
        monkeypatch.setenv("VITRINA_JOINT_BASE_URL", stub.url)
        monkeypatch.setenv("VITRINA_JOINT_API_KEY", "sk-right")
        monkeypatch.setattr("vitrina.models.openai.client.backoff", lambda *_: 0.01)
        yield stub


@pytest.mark.parametrize("form", ["vllm", "jina", "cohere", "voyage"])
def test_an_endpoint_embeds_both(shop: Shop, stub: OpenAIStub, form: str) -> None:
    space = shop.catalog.spaces.add("far", provider=form, model="m", price=Decimal("0.5"))
    assert (space.modality, space.provider, space.dimensions) == ("joint", form, 16)
    done = shop.catalog.spaces.build("far")
    assert done.products == 32
    shop.catalog.spaces.activate("far")
    assert shop.colors("red", k=2, mode="vector", weights={"vector": 0}) == ["red", "red"]
    # 32 pictures of 200 tokens, and some words
    cost = shop.value("select sum(cost) from vitrina.generations where provider = '" + form + "'")
    assert Decimal("0.0032") < cost < Decimal("0.0045")
    asked = stub.calls["embeddings"]
    assert shop.catalog.spaces.build("far").count == 0
    assert shop.colors("red", k=2, mode="vector", weights={"vector": 0}) == ["red", "red"]
    assert stub.calls["embeddings"] == asked, "nothing is asked twice"


def test_a_failing_endpoint_is_continued(shop: Shop, stub: OpenAIStub) -> None:
    shop.catalog.spaces.add("far", provider="voyage", model="m")
    with psycopg.connect(shop.url) as conn:  # words first: they are not what is tested
        conn.execute("delete from vitrina.keyword_embeddings")
    stub.fault("embeddings", "401", times=1, match="image_base64")
    with pytest.raises(ProviderError, match="check VITRINA_JOINT_API_KEY"):
        shop.catalog.spaces.build("far")
    words = shop.value("select count(*) from vitrina.keyword_embeddings as e"
                       " join vitrina.spaces as s on s.id = e.space_id and s.name = 'far'")  # fmt: skip
    assert words >= 28, "what was done is stored"
    assert shop.catalog.spaces.build("far").keywords == 0
    (space,) = (each for each in shop.catalog.spaces.list() if each.name == "far")
    assert space.missing_products == 0


def test_a_refused_picture_stops_no_other(shop: Shop, stub: OpenAIStub) -> None:
    shop.catalog.spaces.add("far", provider="cohere", model="embed-english-v3.0")
    stub.fault("embeddings", "image", times=1, match="images")
    done = shop.catalog.spaces.build("far")
    assert done.products == 31
    ((product, reason),) = done.refused.items()
    assert "does not accept the picture" in reason
    assert shop.catalog.spaces.build("far").products == 1
    assert product


def test_a_budget_holds(shop: Shop, stub: OpenAIStub) -> None:
    shop.catalog.spaces.add("far", provider="cohere", model="embed-v4.0", price=Decimal(1000))
    shop.catalog.spaces.add("free", provider="cohere", model="embed-v4.0")
    shop.catalog.close()
    shop = Shop(shop.url, max_cost=Decimal("0.01"))
    with pytest.raises(BudgetError, match=r"max-cost is 0\.01 USD"):
        shop.catalog.spaces.build("far")
    with pytest.raises(InputError, match="make the space with --price"):
        shop.catalog.spaces.build("free")
    shop.catalog.close()
    assert stub.calls["embeddings"] < 10


def test_without_a_key_it_says_so(shop: Shop) -> None:
    with pytest.raises(ConfigError, match="no key for jina: set JINA_API_KEY"):
        shop.catalog.spaces.add("far", provider="jina")
    assert "far" not in [space.name for space in shop.catalog.spaces.list()]


def test_who_only_reads_records_what_an_endpoint_costs(shop: Shop, stub: OpenAIStub) -> None:
    """As `vitrina serve` does: by its writer, in the ledger of the database."""
    shop.catalog.spaces.add("far", provider="vllm", model="m", price=Decimal("0.5"))
    shop.catalog.spaces.build("far")
    shop.catalog.spaces.activate("far")

    def paid() -> int:
        return sum(row.calls for row in shop.catalog.costs.spent() if row.stage == "embed")

    before = paid()
    with Catalog(settings=Settings(database_url=shop.url), read_only=True) as reading:
        for query in ("red", "green", "red"):
            assert reading.search(query, k=4, mode="vector", log=False)
    assert paid() == before + 2
