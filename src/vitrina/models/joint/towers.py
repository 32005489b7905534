"""Joint models that run on this machine, through fastembed: a tower for pictures, one for words."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import threading
import time
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrina.errors import ConfigError, VitrinaError
from vitrina.models.joint.base import InputRefusedError, Vectors, whole_square
from vitrina.models.outcomes import Answer, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MODEL_PATH", "Towers", "missing", "towers_of"]

EXTRA = "a joint model on this machine needs fastembed: pip install 'vitrina[clip]'"
MODEL_PATH = "VITRINA_MODEL_PATH"  # the folder of the towers here, if another machine named it
CACHE = "FASTEMBED_CACHE_PATH"
IMAGE_MODEL, TEXT_MODEL = "Qdrant/clip-ViT-B-32-vision", "Qdrant/clip-ViT-B-32-text"
BATCH = 16  # pictures at once: more are no faster on processors
HUB_SECONDS = 10.0
WORDS = 4000  # characters of a text that a tower may see: it reads less
PROBE = "a red cup on a white table"  # what a text tower makes of it tells it from others


class Towers:
    """The two towers of a joint model; each is loaded for the first input.

    Args:
        image_model, text_model: their names, as fastembed knows them; or of folders in `folder`.
        folder: holds a folder for each tower, called as the last part of its name. None: they are
            taken from the hub, once, and kept.

    Raises ConfigError if fastembed is not installed, or has no such model, or its files are none.
    """

    provider = "fastembed"
    batch = BATCH

    def __init__(self, image_model: str, text_model: str, folder: str | None = None) -> None:
        if importlib.util.find_spec("fastembed") is None:
            raise ConfigError(EXTRA)
        self.model = image_model
        self._text_model = text_model
        self._folder = Path(folder).expanduser() if folder is not None else None
        self._loading = threading.Lock()
        self._towers: dict[str, Any] = {}

    def pictures(self, thumbnails: Sequence[bytes]) -> Answer[Vectors]:
        """See JointModel."""
        begun = time.monotonic()
        squares = [whole_square(thumbnail) for thumbnail in thumbnails]
        tower = self._tower("image")
        made = _run(self.model, lambda: _of_length_one(tower.embed(squares, batch_size=BATCH)))
        return Answer(made, self.model, Usage(), time.monotonic() - begun)

    def texts(self, texts: Sequence[str], *, asked: bool) -> Answer[Vectors]:
        """See JointModel."""
        begun = time.monotonic()
        tower, read = self._tower("text"), [text[:WORDS] for text in texts]
        made = _run(self._text_model, lambda: _of_length_one(tower.embed(read)))
        return Answer(made, self._text_model, Usage(), time.monotonic() - begun)

    def probe(self) -> list[float]:
        """Numbers that tell this model from others."""
        return [round(v, 4) for v in self.texts([PROBE], asked=True).value[0][:32]]

    def stop(self) -> None:
        """See JointModel."""

    def close(self) -> None:
        """See JointModel."""

    def _tower(self, kind: str) -> Any:
        """The tower of this kind, loaded once for all threads."""
        with self._loading:
            if kind not in self._towers:
                self._towers[kind] = self._of_pictures() if kind == "image" else self._of_words()
            return self._towers[kind]

    def _of_pictures(self) -> Any:
        import fastembed
        from fastembed.image.onnx_embedding import OnnxImageEmbedding

        return self._loaded(self.model, fastembed.ImageEmbedding, OnnxImageEmbedding)

    def _of_words(self) -> Any:
        import fastembed
        from fastembed.text.clip_embedding import CLIPOnnxEmbedding

        return self._loaded(self._text_model, fastembed.TextEmbedding, CLIPOnnxEmbedding)

    def _loaded(self, name: str, usual: Any, of_clip: Any) -> Any:
        """A tower by its name. Raises ConfigError if it cannot be had."""
        _quietly()
        known = [each["model"] for each in usual.list_supported_models()]
        if self._folder is None:
            if name.lower() not in map(str.lower, known):
                raise ConfigError(
                    f"fastembed has no model {name}; it has {', '.join(known)};"
                    " or name a folder that has it: --model-path"
                )
            return _from_hub(name, usual)
        place = self._folder / name.rpartition("/")[2]
        if not place.is_dir():
            raise ConfigError(f"{place} is not a folder: put the files of {name} there")
        given = {"threads": 1, "specific_model_path": str(place)}
        if name.lower() in map(str.lower, known):
            return _opened(name, lambda: usual(name, **given))
        return _opened(name, lambda: _of_shop(of_clip, name)(name, **given))


def _quietly() -> None:
    """fastembed says on stderr what it then raises, and what it tries again."""
    from loguru import logger

    logger.disable("fastembed")


def _from_hub(name: str, usual: Any) -> Any:
    """A tower that is kept here; else had from the hub, if it answers."""
    given = {"threads": 1, "cache_dir": _cache()}
    with contextlib.suppress(Exception):  # not kept, or not whole
        return usual(name, local_files_only=True, **given)
    _opened(name, lambda: _ask_hub(name, usual))  # fastembed would wait for it most of a minute
    return _opened(name, lambda: usual(name, **given))


def _ask_hub(name: str, usual: Any) -> None:
    from huggingface_hub import HfApi

    for each in usual.list_supported_models():
        if each["model"].lower() == name.lower() and each["sources"].get("hf"):
            HfApi().model_info(each["sources"]["hf"], timeout=HUB_SECONDS)


def _of_shop(of_clip: Any, name: str) -> Any:
    """The class of fastembed for a tower of CLIP's shape that fastembed has not heard of."""
    from fastembed.common.model_description import DenseModelDescription, ModelSource

    described = DenseModelDescription(
        model=name, description="", license="", size_in_GB=0, dim=0, model_file="model.onnx",
        sources=ModelSource(hf=name),
    )  # fmt: skip

    class OfShop(of_clip):  # type: ignore[misc]
        @classmethod
        def _list_supported_models(cls) -> list[Any]:
            return [described]

    return OfShop


def _run(name: str, embed: Callable[[], Vectors]) -> Vectors:
    """The vectors of a tower. Raises ConfigError for files that are no tower, InputRefusedError."""
    try:
        return embed()
    except (MemoryError, VitrinaError):
        raise
    except Exception as exc:  # of the runtime: most of its errors have no other base
        reason = (str(exc).splitlines() or [type(exc).__name__])[0][:300]
        raise ConfigError(f"{name} cannot be run: {reason}") from exc


def _opened(name: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except MemoryError:
        raise
    except Exception as exc:  # of the hub, of files, of the runtime: each has its own
        reason = (str(exc).splitlines() or [type(exc).__name__])[0][:300]
        raise ConfigError(
            f"{name} cannot be loaded: {reason}; a machine without internet needs its files:"
            f" --model-path, or {MODEL_PATH}"
        ) from exc


def _cache() -> str:
    """Where models from the hub are kept: weights in a temporary folder would be had again."""
    import platformdirs

    given = os.environ.get(CACHE, "").strip()
    return given or str(Path(platformdirs.user_cache_dir("vitrina", appauthor=False)) / "models")


def _of_length_one(vectors: Iterable[Any]) -> Vectors:
    """Vectors of length one. Raises InputRefusedError for one that has no direction."""
    made: Vectors = []
    for each in vectors:
        vector = [float(v) for v in each.ravel()]
        length = math.hypot(*vector)
        if not 0 < length < math.inf:
            raise InputRefusedError("the model sees nothing in it: its vector has no direction")
        made.append([v / length for v in vector])
    return made


def missing(folder: str | None) -> str | None:
    """Why no tower could be loaded here; None if nothing speaks against it."""
    if importlib.util.find_spec("fastembed") is None:
        return EXTRA
    place = os.environ.get(MODEL_PATH, "").strip() or folder
    if place and not Path(place).expanduser().is_dir():
        return f"{place} is not a folder here: set {MODEL_PATH} to where its files are"
    return None


@cache
def towers_of(image_model: str, text_model: str, folder: str | None) -> Towers:
    """The towers of these names, one for all threads of a process: they are large."""
    return Towers(image_model, text_model, folder)
