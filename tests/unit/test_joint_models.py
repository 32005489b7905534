"""Joint models: the towers that run here, and endpoints in four forms."""

from __future__ import annotations

import io
import math
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pgvector import HalfVector
from PIL import Image

import joint_models
import joint_stub
from openai_stub import OpenAIStub
from vitrina.errors import ConfigError, InputError, ProviderError
from vitrina.models.joint.base import InputRefusedError, whole_square
from vitrina.models.joint.endpoint import JointEndpoint, settings_of
from vitrina.models.joint.forms import FORMS, Ask, usage_in
from vitrina.models.joint.towers import Towers, missing
from vitrina.models.openai.embeddings import WrongDimensionsError, decode
from vitrina.models.openai.settings import OpenAISettings
from vitrina.models.outcomes import Usage
from vitrina.spaces.joint_model import JointModelChoice, find_model

MODELS = {"vllm": "clip", "jina": "jina-clip-v2", "cohere": "embed-v4.0", "voyage": "voyage-m"}


def picture(color: str, size: tuple[int, int] = (80, 120), ground: str = "white") -> bytes:
    image = Image.new("RGB", size, ground)
    image.paste(color, (size[0] // 5, size[1] // 5, size[0] - size[0] // 5, size[1] - size[1] // 5))
    out = io.BytesIO()
    image.save(out, "WEBP", lossless=True)
    return out.getvalue()


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


# towers ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Towers:
    return Towers(*joint_models.NAMES, str(joint_models.made(tmp_path_factory)))


def test_the_tower_of_words_points_to_pictures(towers: Towers) -> None:
    colors = ["red", "blue", "green", "yellow", "black", "pink"]
    pictures = towers.pictures([picture(color) for color in colors]).value
    words = towers.texts([f"a {color} cup" for color in colors], asked=True).value
    assert all(len(vector) == 64 for vector in [*pictures, *words])
    assert all(math.isclose(math.hypot(*vector), 1) for vector in [*pictures, *words])
    for place, word in enumerate(words):
        near = [cosine(word, seen) for seen in pictures]
        assert near.index(max(near)) == place
    # other words point nowhere near
    (other,) = towers.texts(["accordion"], asked=True).value
    assert max(cosine(other, seen) for seen in pictures) < 0.35
    with pytest.raises(InputRefusedError, match="no direction"):
        towers.texts([""], asked=False)


def test_a_batch_makes_no_difference(towers: Towers) -> None:
    colors = ["red", "blue", "green", "yellow"] * 6
    together = towers.pictures([picture(color) for color in colors]).value
    (alone,) = towers.pictures([picture("yellow")]).value
    assert cosine(together[-1], alone) > 0.9999
    texts = ["red", "a long name of a green thing", "x"]
    assert cosine(towers.texts(texts, asked=True).value[1],
                  towers.texts(texts[1:2], asked=True).value[0]) > 0.9999  # fmt: skip


def test_the_whole_picture_is_seen() -> None:
    tall = whole_square(picture("red", (60, 200), "blue"))
    assert tall.size == (200, 200)
    assert tall.getpixel((2, 100)) == tall.getpixel((197, 5)) == (0, 0, 255)
    assert tall.getpixel((100, 100))[0] > 200
    assert whole_square(picture("red", (50, 50))).size == (50, 50)


@pytest.mark.parametrize(
    ("names", "folder", "said"),
    [
        (("nobody/seer", "x"), None, "fastembed has no model nobody/seer"),
        (("colors-vision", "x"), "elsewhere", "elsewhere/colors-vision is not a folder"),
    ],
)
def test_a_model_that_is_not_there(names: tuple[str, str], folder: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Towers(*names, folder).pictures([picture("red")])


def test_files_that_are_no_tower(tmp_path: Path) -> None:
    (tmp_path / "colors-vision").mkdir()
    with pytest.raises(ConfigError, match=r"colors-vision cannot be loaded: .*--model-path"):
        Towers("colors-vision", "colors-text", str(tmp_path)).pictures([picture("red")])


def test_files_that_do_not_fit_together(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The runtime says so when it runs, with errors of its own."""
    folder = tmp_path_factory.mktemp("unfit")
    shutil.copytree(joint_models.made(tmp_path_factory), folder, dirs_exist_ok=True)
    vision, text = joint_models.NAMES
    (folder / vision / "preprocessor_config.json").write_text("{}")
    with pytest.raises(ConfigError, match=f"{vision} cannot be run: .*invalid dimensions"):
        find_model(JointModelChoice("fastembed", vision, text, str(folder)))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastembed", None)
    assert missing(None) is not None
    with pytest.raises(ConfigError, match=r"pip install 'vitrina\[clip\]'"):
        Towers("a", "b")


def test_what_a_space_keeps_of_its_towers(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = joint_models.made(tmp_path_factory)
    vision, text = joint_models.NAMES
    found = find_model(JointModelChoice("fastembed", vision, text, str(folder)))
    assert (found.model, found.dimensions) == (vision, 64)
    assert found.settings["text_model"] == text
    assert found.settings["model_path"] == str(folder.resolve())
    assert len(found.settings["probe"]) == 32
    for wrong in (
        JointModelChoice("fastembed", vision, None, str(folder)),
        JointModelChoice("fastembed", vision, text, str(folder), dimensions=8),
        JointModelChoice("vllm"),
        JointModelChoice("jina", text_model="x"),
    ):
        with pytest.raises(InputError):
            find_model(wrong)


# endpoints ---------------------------------------------------------------------------------------


@pytest.fixture
def stub() -> Iterator[OpenAIStub]:
    with OpenAIStub(key="sk-right", dimensions=16) as stub:
        yield stub


Make = Callable[..., JointEndpoint]


@pytest.fixture
def endpoint(stub: OpenAIStub) -> Iterator[Make]:
    """Makes endpoints, and closes them."""
    made: list[JointEndpoint] = []

    def make(form: str, model: str | None = None, **given: object) -> JointEndpoint:
        settings = OpenAISettings(base_url=stub.url, api_key="sk-right", timeout=20)
        arguments: dict = {"first_wait": 0.001, "settings": settings, **given}
        made.append(JointEndpoint(FORMS[form], model or MODELS[form], 16, **arguments))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("form", MODELS)
def test_each_form_embeds_pictures_and_words(stub: OpenAIStub, endpoint: Make, form: str) -> None:
    asked = endpoint(form)
    pictures = asked.pictures([picture("red", ground="red"), picture("blue", ground="blue")])
    words = asked.texts(["blue lamp"], asked=True)
    assert [len(vector) for vector in [*pictures.value, *words.value]] == [16, 16, 16]
    near = [cosine(words.value[0], seen) for seen in pictures.value]
    assert near[1] > 0.8 > near[0]
    assert pictures.usage.input_tokens == 2 * joint_stub.PICTURE_TOKENS
    assert words.usage.input_tokens > 0
    # as many requests as the form needs
    assert stub.calls["embeddings"] == (3 if form == "vllm" else 2)


@pytest.mark.parametrize("form", MODELS)
def test_shorter_vectors_are_asked_for(stub: OpenAIStub, endpoint: Make, form: str) -> None:
    stub.dimensions = 99
    with pytest.raises(WrongDimensionsError) as caught:
        endpoint(form).texts(["red"], asked=True)
    assert caught.value.got == 99
    assert len(endpoint(form, shortened=True).texts(["red"], asked=True).value[0]) == 16


def test_pictures_go_in_batches(stub: OpenAIStub, endpoint: Make) -> None:
    asked = endpoint("jina")
    assert len(asked.pictures([picture("red", (8, 8))] * 70).value) == 70
    assert [len(request.body["input"]) for request in stub.requests("embeddings")] == [32, 32, 6]
    third = endpoint("cohere", "embed-english-v3.0")
    assert third.batch == 1
    assert len(third.pictures([picture("red", (8, 8))] * 3).value) == 3
    assert third.pictures([picture("red", (8, 8))]).usage == Usage()
    assert len(third.texts(["red"] * 3, asked=True).value) == 3


@pytest.mark.parametrize("form", MODELS)
def test_passing_errors_are_tried_again(stub: OpenAIStub, endpoint: Make, form: str) -> None:
    for kind in ("503", "reset", "429-after-ms", "missing"):
        stub.fault("embeddings", kind, seconds=0.01)
        if kind == "missing":
            with pytest.raises(ProviderError, match="the server is faulty"):
                endpoint(form).texts(["red"], asked=True)
        else:
            assert endpoint(form).texts(["red"], asked=True).value


def test_errors_name_the_reason(stub: OpenAIStub, endpoint: Make) -> None:
    asked = endpoint("jina")
    stub.fault("embeddings", "401")
    with pytest.raises(ProviderError, match="does not accept the key: check VITRINA_JOINT_API_KEY"):
        asked.pictures([picture("red")])
    stub.fault("embeddings", "404")
    with pytest.raises(
        ProviderError, match="has no model jina-clip-v2: make a space of one of its"
    ):
        asked.pictures([picture("red")])
    stub.fault("embeddings", "quota")
    with pytest.raises(ProviderError, match="no credit left"):
        asked.pictures([picture("red")])
    stub.fault("embeddings", "image")
    with pytest.raises(InputRefusedError, match="does not accept the picture"):
        asked.pictures([picture("red")])
    for kind, said in (("nan", "not finite"), ("zero", "zeros")):
        stub.fault("embeddings", kind)
        with pytest.raises(InputRefusedError, match=said):
            asked.pictures([picture("red")])
    stub.fault("embeddings", "503", times=None)
    with pytest.raises(ProviderError, match="gave up after 2 attempts"):
        endpoint("voyage", attempts=2).texts(["red"], asked=True)


@pytest.mark.parametrize("size", [1e6, 1, 1e-9])
def test_vectors_of_any_length_can_be_stored(size: float) -> None:
    body = {"data": [{"index": 0, "embedding": [0.6 * size, 0.8 * size]}]}
    (vector,) = decode(body, 1, 2, "m")
    assert HalfVector(vector.tolist()).to_list() == pytest.approx([0.6, 0.8], abs=1e-3)


def test_a_key_goes_to_its_own_provider_only() -> None:
    jina, vllm = FORMS["jina"], FORMS["vllm"]
    keys = {"JINA_API_KEY": "of-jina", "OPENAI_API_KEY": "of-openai"}
    assert settings_of(jina, keys).api_key == "of-jina"
    assert settings_of(jina, keys).url == jina.url
    there = {"VITRINA_JOINT_BASE_URL": "http://there:8000/v1"}
    assert settings_of(jina, {**keys, **there}).api_key is None
    assert settings_of(jina, {**keys, **there, "VITRINA_JOINT_API_KEY": "k"}).api_key == "k"
    with pytest.raises(ConfigError, match="no key for jina: set JINA_API_KEY"):
        settings_of(jina, {})
    with pytest.raises(ConfigError, match="no address of vllm: set VITRINA_JOINT_BASE_URL"):
        settings_of(vllm, {})
    assert settings_of(vllm, {"OPENAI_BASE_URL": "http://a/v1", **keys}).api_key == "of-openai"
    assert settings_of(vllm, {"OPENAI_BASE_URL": "http://a/v1", **keys, **there}).api_key is None
    with pytest.raises(ConfigError, match="VITRINA_JOINT_BASE_URL is not an address"):
        settings_of(jina, {"VITRINA_JOINT_BASE_URL": "there"})


def test_queries_are_marked_as_queries() -> None:
    for form, name, kinds in (("cohere", "input_type", ("search_query", "search_document")),
                              ("voyage", "input_type", ("query", "document"))):  # fmt: skip
        made = [FORMS[form].body(Ask("m", ["a"], asked))[name] for asked in (True, False)]
        assert tuple(made) == kinds


def test_odd_counts_of_tokens() -> None:
    assert usage_in({"usage": {"total_tokens": -3}}) == Usage()
    assert usage_in({"usage": "many"}) == Usage()
    assert usage_in({"meta": {"billed_units": {"input_tokens": 7, "image_tokens": 5}}}) == Usage(12)
    assert usage_in({"meta": 3}) == Usage()


def test_the_usual_models_come_from_a_folder_too(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """As they are on the hub, in folders of their names: here with the files of the tiny one."""
    made = joint_models.made(tmp_path_factory)
    for name, usual in zip(joint_models.NAMES, ("vision", "text"), strict=True):
        (made / name).rename(tmp_path / f"clip-ViT-B-32-{usual}")
    found = find_model(JointModelChoice("fastembed", model_path=str(tmp_path)))
    assert (found.model, found.dimensions) == ("Qdrant/clip-ViT-B-32-vision", 64)
    assert found.settings["text_model"] == "Qdrant/clip-ViT-B-32-text"
