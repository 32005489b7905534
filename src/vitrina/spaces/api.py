"""Spaces: fills and indexes another embedding model beside the one in use, then switches to it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

from vitrina.context import Context
from vitrina.db.database import Jsonb
from vitrina.errors import ConfigError, InputError, NotFoundError, ProviderError
from vitrina.models.openai.embeddings import WrongDimensionsError
from vitrina.models.openai.settings import DEFAULT_DIMENSIONS, OpenAISettings
from vitrina.spaces.embed import TextEmbedder
from vitrina.spaces.fill import Filled, fill
from vitrina.spaces.index import Indexing
from vitrina.spaces.joint import BATCH, PROVIDERS, JointEmbedder, JointSpaces
from vitrina.spaces.joint_model import JointModelChoice, find_model

LOCAL = ("minilm-word-pieces-1", 256)
MOST_DIMENSIONS = 4000  # of an index over halfvec
THRESHOLD = 0.6  # of the recipe, for text-embedding-3-large

Step = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Space:
    """An embedding space: its model, its vectors, and how many products and keywords lack one.

    `modality` is text, image or joint (of pictures and words); `threshold` the cosine above which
    two keywords are the same; `weight` that of its similarity in the score; `state` building,
    active or retired; `quantized` says that the index has only the signs of the vectors; `index`
    is its state: none, missing, invalid or ready.
    """

    name: str
    modality: str
    provider: str
    model: str
    dimensions: int
    threshold: float
    weight: float
    state: str
    quantized: bool
    products: int
    missing_products: int
    keywords: int
    missing_keywords: int
    index: str


SpaceList: TypeAlias = list[Space]


def ensure_space(context: Context, endpoint: OpenAISettings) -> str:
    """The name of the endpoint's space, created if needed; see ensure_space in SQL."""
    (row,) = context.database.rows(
        "select * from vitrina.ensure_space('openai', %s, %s, %s::real)",
        (endpoint.embedding_model, endpoint.dimensions, THRESHOLD),
    )
    name = str(row["name"])
    if row["state"] != "active":
        context.notice(
            f"products are searched in another text space; {name} is filled beside it."
            f" To search in it: vitrina spaces activate {name}"
        )
    return name


class Spaces:
    """The embedding spaces of a catalog.

    Args:
        context: the catalog's context.
        embedder: makes the vectors of the space with this name through an endpoint, or in the
            database.
        pictures: fills the local image space with this name from the products' pictures; returns
            how many it embedded.
    """

    def __init__(
        self,
        context: Context,
        embedder: Callable[[str, OpenAISettings | None], TextEmbedder],
        pictures: Callable[[str, Step, threading.Event], int],
    ) -> None:
        self._context = context
        self._database = context.database
        self._settings = context.settings
        self._notice = context.notice
        self._embedder_of = embedder
        self._pictures = pictures

    def list(self) -> SpaceList:
        """The spaces, with the vectors present and missing, and the index over products."""
        return self._database.records(Space, "select * from vitrina.space_status()")

    def add(
        self,
        name: str | None = None,
        *,
        provider: str = "openai",
        model: str | None = None,
        text_model: str | None = None,
        model_path: str | None = None,
        dimensions: int | None = None,
        threshold: float = THRESHOLD,
        quantized: bool = False,
        price: Decimal | None = None,
    ) -> Space:
        """Create an empty space for a model, to be built; returns it.

        A text space, unless the provider has joint models: these embed pictures and words, so that
        words find pictures.

        Args:
            name: the space's name; a joint one may have its model's.
            provider: `openai` for any endpoint with its API, `local`, or another name if
                the vectors are put in by SQL; of joint models, `fastembed` to run one here, or
                `jina`, `cohere`, `voyage` or `vllm` to ask an endpoint in this form.
            model: of the provider; None for its default. Of fastembed, the tower of pictures.
            text_model: of fastembed, the tower of words that belongs to it.
            model_path: of fastembed, a folder with the files of both towers, each in a folder
                called as the last part of its name; None takes them from the hub, once.
            dimensions: of its vectors; None asks the model. If given, the model is asked to
                confirm it, if it can be reached.
            threshold: the cosine above which two keywords are the same.
            quantized: index the signs of the vectors: smaller; the vectors order the matches.
            price: USD for a million tokens of a joint endpoint: its costs are counted with it.

        Raises InputError if a space cannot have these settings, before it is created; ConfigError
        or ProviderError if a joint model cannot be had.
        """
        if provider in PROVIDERS:
            choice = JointModelChoice(provider, model, text_model, model_path, dimensions, price)
            return self._add_joint(name, choice, threshold, quantized)
        if text_model is not None or model_path is not None or price is not None:
            raise InputError(
                "--text-model, --model-path and --price are of joint models: give --provider "
                + " or ".join(PROVIDERS)
            )
        if name is None:
            raise InputError("name the space")
        if provider == "local":
            if (model or LOCAL[0], dimensions or LOCAL[1]) != LOCAL:
                raise InputError(f"the local model is {LOCAL[0]} with {LOCAL[1]} dimensions")
            model, dimensions = LOCAL
        elif provider == "openai":
            model = model or "text-embedding-3-large"
            if dimensions is None or 1 <= dimensions <= MOST_DIMENSIONS:  # otherwise SQL raises
                dimensions = self._asked(model, dimensions)
        elif model is None or dimensions is None:
            raise InputError(f"give --model and --dimensions of provider {provider!r}")
        self._database.rows(
            "select vitrina.create_space(%s, %s, %s, 'text', %s, %s::real, quantized => %s)",
            (name, provider, model, dimensions, threshold, quantized),
        )
        return self._space(name)

    def _add_joint(
        self, name: str | None, choice: JointModelChoice, threshold: float, quantized: bool
    ) -> Space:
        found = find_model(choice)
        name = name or re.sub(r"[^a-z0-9._-]+", "-", found.model.rpartition("/")[2].lower())
        self._database.rows(
            "select vitrina.create_space(%s, %s, %s, 'joint', %s, %s::real, quantized => %s,"
            " settings => %s)",
            (
                name,
                choice.provider,
                found.model,
                found.dimensions,
                threshold,
                quantized,
                Jsonb(found.settings),
            ),
        )
        return self._space(name)

    def build(
        self,
        name: str,
        *,
        most_memory: int = 1024,
        progress: Step | None = None,
        stop: threading.Event | None = None,
    ) -> Filled:
        """Fill a space with its missing vectors, then index it; searches stay in the space in use.

        After a stop or a failure, run it again: vectors stay, an unfinished index is built
        again. No vision model is asked.

        Args:
            name: the space's name.
            most_memory: most MB for building an index.
            progress: called with the step (products, or the index), the count done and the total.
            stop: once it is set, work begun is finished, or the index is left for the next time.

        Raises NotFoundError for an unknown space, ConfigError if its model is unavailable,
        BudgetError if the budget is spent, InputError if another process is building it.
        """
        space = self._space(name)
        stop = stop or threading.Event()
        embedder: TextEmbedder | JointEmbedder | None = self._embedder(space)
        if space.modality == "joint":
            embedder = JointSpaces(self._context).named(name)
        try:
            with Indexing(self._database, name) as indexing:
                filled = Filled()
                if (space.modality, space.provider) == ("image", "local"):
                    filled.products = self._pictures(name, progress or (lambda *_: None), stop)
                elif embedder is not None:
                    filled = fill(
                        self._database,
                        embedder,
                        name,
                        batch=BATCH if space.modality == "joint" else None,
                        progress=lambda done, of: (
                            progress("products", done, of) if progress is not None else None
                        ),
                        stop=stop,
                    )
                else:
                    self._notice(
                        f"vectors of {space.provider} {space.model} are not made here: put"
                        " them in with vitrina.put_embeddings"
                    )
                if not stop.is_set():
                    self._database.value("select vitrina.measure_background(%s)", (name,))
                    indexing.build(most_memory, progress, stop)
        finally:
            if embedder is not None:
                embedder.close()
        return filled

    def activate(self, name: str, *, force: bool = False) -> str | None:
        """Search in this space from now on; returns the previous one, to go back to.

        Raises InputError if vectors or its index are missing, unless `force`; NotFoundError,
        AccessError.
        """
        before = self._database.value("select vitrina.activate_space(%s, %s)", (name, force))
        return None if before is None else str(before)

    def drop(self, name: str) -> None:
        """Delete a space with its vectors. Raises NotFoundError; InputError for the one in use."""
        self._database.rows("select vitrina.drop_space(%s)", (name,))

    def _space(self, name: str) -> Space:
        for space in self._database.records(
            Space, "select * from vitrina.space_status(%s)", (name,)
        ):
            return space
        raise NotFoundError(f"space {name!r} not found: `vitrina spaces list` shows all spaces")

    def _embedder(self, space: Space) -> TextEmbedder | None:
        """The embedder of a space; None if its vectors come from elsewhere."""
        if space.modality != "text" or space.provider not in ("local", "openai"):
            return None
        endpoint = None
        if space.provider == "openai":
            endpoint = replace(
                OpenAISettings.of(self._settings),
                embedding_model=space.model,
                dimensions=space.dimensions,
            )
        return self._embedder_of(space.name, endpoint)

    def _asked(self, model: str, given: int | None) -> int:
        """The length of a model's vectors: asked with one word, if it can be reached."""
        wanted = given or DEFAULT_DIMENSIONS.get(model)
        try:
            endpoint = replace(
                OpenAISettings.of(self._settings),
                embedding_model=model,
                dimensions=wanted or MOST_DIMENSIONS,
            )
        except ConfigError as exc:
            if wanted is None:
                raise ConfigError(f"{exc}; or give --dimensions of {model}") from exc
            self._notice(f"{model} was not asked: using the given {wanted} dimensions")
            return wanted
        embedder = self._embedder_of("", endpoint)
        try:
            embedder.query_vector("lamp")
        except WrongDimensionsError as exc:
            if exc.got > MOST_DIMENSIONS:
                raise InputError(
                    f"{model} answers with {exc.got} numbers, an index has at most"
                    f" {MOST_DIMENSIONS}: use a model with shorter vectors, or shorten them"
                    " (--dimensions)"
                ) from exc
            if wanted is not None:
                raise
            return exc.got
        except ProviderError as exc:
            if given is None:
                raise
            self._notice(f"{model} was not asked ({exc}): using the given {given} dimensions")
            return given
        finally:
            embedder.close()
        return endpoint.dimensions
