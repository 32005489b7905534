"""What a new joint space needs to know of its model: asked of the model itself, where it can be."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from vitrina.errors import ConfigError, InputError, ItemError
from vitrina.models.openai.embeddings import WrongDimensionsError
from vitrina.spaces.joint import model_of

MOST_DIMENSIONS = 4000  # of an index over halfvec
MODELS = {
    "fastembed": "Qdrant/clip-ViT-B-32-vision",
    "jina": "jina-clip-v2",
    "cohere": "embed-v4.0",
    "voyage": "voyage-multimodal-3.5",
}
TEXT_MODEL = "Qdrant/clip-ViT-B-32-text"


@dataclass(frozen=True, slots=True)
class JointModelChoice:
    """A joint model as the user names it; what is None has the provider's default.

    Args:
        provider: one of vitrina.spaces.joint.PROVIDERS.
        image_model: the model; of fastembed, its tower of pictures.
        text_model: of fastembed, the tower of words.
        model_path: of fastembed, a folder with a folder for each tower.
        dimensions: the length of vectors to ask an endpoint for.
        price: USD for a million tokens of an endpoint, for the ledger and for budgets.
    """

    provider: str
    image_model: str | None = None
    text_model: str | None = None
    model_path: str | None = None
    dimensions: int | None = None
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A joint model that answered: its name, the length of its vectors, the space's settings."""

    model: str
    dimensions: int
    settings: dict[str, Any] = field(default_factory=dict)


def find_model(chosen: JointModelChoice) -> FoundModel:
    """The model that was chosen, asked for a word and a picture.

    Raises InputError for options that do not fit, or towers that do not belong together;
    ConfigError if the model cannot be had here, ProviderError if an endpoint does not answer.
    """
    model = chosen.image_model or MODELS.get(chosen.provider)
    if model is None:
        raise InputError(f"give --image-model of provider {chosen.provider}")
    if chosen.provider == "fastembed":
        return _found_here(chosen, model)
    if chosen.text_model or chosen.model_path:
        raise InputError("--text-model and --model-path are of provider fastembed")
    settings: dict[str, Any] = {}
    if chosen.dimensions is not None:
        if not 1 <= chosen.dimensions <= MOST_DIMENSIONS:
            raise InputError(f"--dimensions must be 1 to {MOST_DIMENSIONS}")
        settings["shortened"] = True
    if chosen.price is not None:
        settings["price"] = str(chosen.price)
    # one less than an index takes: no model has so many by chance, so its answer tells
    dimensions = chosen.dimensions or MOST_DIMENSIONS - 1
    try:
        _asked(chosen.provider, model, dimensions, settings)
    except WrongDimensionsError as exc:
        if chosen.dimensions is not None:
            raise
        if exc.got > MOST_DIMENSIONS:
            raise InputError(
                f"{model} answers with {exc.got} numbers, an index has at most {MOST_DIMENSIONS}:"
                " shorten them (--dimensions)"
            ) from exc
        dimensions = exc.got
        _asked(chosen.provider, model, dimensions, settings)
    return FoundModel(model, dimensions, settings)


def _asked(provider: str, model: str, dimensions: int, settings: dict[str, Any]) -> None:
    """Ask an endpoint for a word and a picture. Raises WrongDimensionsError, ProviderError."""
    asked = model_of(provider, model, dimensions, settings)
    try:
        asked.texts(["lamp"], asked=True)
        asked.pictures([_grey()])
    finally:
        asked.close()


def _found_here(chosen: JointModelChoice, model: str) -> FoundModel:
    from vitrina.models.joint.towers import Towers

    if chosen.price is not None or chosen.dimensions is not None:
        raise InputError(
            "--price and --dimensions are of endpoints: this model runs here, for free"
        )
    if chosen.text_model is None and model != MODELS["fastembed"]:
        raise InputError(f"give --text-model, the tower of words that belongs to {model}")
    text_model = chosen.text_model or TEXT_MODEL
    folder = None
    if chosen.model_path is not None:
        # found again from any folder
        folder = str(Path(chosen.model_path).expanduser().resolve())
    towers = Towers(model, text_model, folder)
    try:
        sizes = [
            len(towers.pictures([_grey()]).value[0]),
            len(towers.texts(["lamp"], asked=True).value[0]),
        ]
    except ItemError as exc:
        raise ConfigError(f"{model} and {text_model}: {exc}") from exc
    if sizes[0] != sizes[1]:
        raise InputError(
            f"{model} gives {sizes[0]} numbers and {text_model} {sizes[1]}: they do not belong"
            " together"
        )
    settings: dict[str, Any] = {"text_model": text_model, "probe": towers.probe()}
    if folder is not None:
        settings["model_path"] = folder
    return FoundModel(model, sizes[0], settings)


def _grey() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (64, 64), (120, 130, 140)).save(out, "WEBP")
    return out.getvalue()
