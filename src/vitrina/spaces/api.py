"""Spaces: another embedding model is filled and indexed beside the one in use, then switched to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from vitrina.context import Context
from vitrina.errors import ConfigError, InputError, NotFoundError, ProviderError
from vitrina.models.openai.embeddings import WrongDimensionsError
from vitrina.models.openai.settings import DEFAULT_DIMENSIONS, OpenAISettings
from vitrina.spaces.embed import TextEmbedder
from vitrina.spaces.fill import Filled, fill
from vitrina.spaces.index import Indexing

Rows: TypeAlias = list[dict[str, Any]]
LOCAL = ("minilm-word-pieces-1", 256)
MOST_DIMENSIONS = 4000  # of an index over halfvec
THRESHOLD = 0.6  # of the recipe, for text-embedding-3-large

Step = Callable[[str, int, int], None]


def ensure_space(context: Context, endpoint: OpenAISettings) -> str:
    """The name of the endpoint's space, made if need be; see ensure_space in SQL."""
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
        context: of the catalog.
        embedder: makes the vectors of a space of this name through an endpoint, or in the database.
    """

    def __init__(
        self, context: Context, embedder: Callable[[str, OpenAISettings | None], TextEmbedder]
    ) -> None:
        self._database = context.database
        self._settings = context.settings
        self._notice = context.notice
        self._embedder_of = embedder

    def list(self) -> Rows:
        """The spaces: model, state, vectors there and missing, and the index over products."""
        return self._database.rows("select * from vitrina.space_status()")

    def add(
        self,
        name: str,
        *,
        provider: str = "openai",
        model: str | None = None,
        dimensions: int | None = None,
        threshold: float = THRESHOLD,
        quantized: bool = False,
    ) -> dict[str, Any]:
        """Make an empty text space for a model, to be built; returns its row of `spaces`.

        Args:
            name: of the space.
            provider: `openai` for any endpoint that speaks its API, `local`, or another name where
                the vectors are put in by SQL.
            model: of the provider; None for its usual one.
            dimensions: of its vectors; None asks the model. Given, the model is asked to confirm it
                where it can be reached.
            threshold: the cosine above which two keywords are one.
            quantized: index the signs of the vectors: smaller, and put in order by the vectors.

        Raises InputError where that cannot be a space; nothing is made then.
        """
        if provider == "local":
            if (model or LOCAL[0], dimensions or LOCAL[1]) != LOCAL:
                raise InputError(f"the local model is {LOCAL[0]} with {LOCAL[1]} dimensions")
            model, dimensions = LOCAL
        elif provider == "openai":
            model = model or "text-embedding-3-large"
            if dimensions is None or 1 <= dimensions <= MOST_DIMENSIONS:  # else SQL says so
                dimensions = self._asked(model, dimensions)
        elif model is None or dimensions is None:
            raise InputError(f"give --model and --dimensions of the provider {provider!r}")
        self._database.rows(
            "select vitrina.create_space(%s, %s, %s, 'text', %s, %s::real, quantized => %s)",
            (name, provider, model, dimensions, threshold, quantized),
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
        """Fill a space with the vectors it lacks, then index it; searches go on in the one in use.

        Stopped or failed, run it again: what is embedded stays, an index left unfinished is built
        again. No vision model is asked.

        Args:
            name: of the space.
            most_memory: MB that building an index may take.
            progress: called with what is done (products, or the index), how much, and of how much.
            stop: once it is set, what is begun is finished, or the index left for the next time.

        Raises NotFoundError for no such space, ConfigError where its model cannot be asked,
        BudgetError where the budget is spent, InputError where another process is building it.
        """
        space = self._space(name)
        stop = stop or threading.Event()
        embedder = self._embedder(space)
        try:
            with Indexing(self._database, name) as indexing:
                filled = Filled()
                if embedder is not None:
                    filled = fill(
                        self._database,
                        embedder,
                        name,
                        progress=lambda done, of: (
                            progress("products", done, of) if progress is not None else None
                        ),
                        stop=stop,
                    )
                else:
                    self._notice(
                        f"vectors of {space['provider']} {space['model']} are not made here: put"
                        " them in with vitrina.put_embeddings"
                    )
                if not stop.is_set():
                    indexing.build(most_memory, progress, stop)
        finally:
            if embedder is not None:
                embedder.close()
        return filled

    def activate(self, name: str, *, force: bool = False) -> str | None:
        """Search in this space from now on; returns the one before, to go back to.

        Raises InputError where vectors or its index are missing, unless `force`; NotFoundError,
        AccessError.
        """
        before = self._database.value("select vitrina.activate_space(%s, %s)", (name, force))
        return None if before is None else str(before)

    def drop(self, name: str) -> None:
        """Delete a space with its vectors. Raises NotFoundError; InputError for the one in use."""
        self._database.rows("select vitrina.drop_space(%s)", (name,))

    def _space(self, name: str) -> dict[str, Any]:
        for row in self._database.rows("select * from vitrina.space_status(%s)", (name,)):
            return row
        raise NotFoundError(f"there is no space {name!r}: `vitrina spaces list` shows them")

    def _embedder(self, space: dict[str, Any]) -> TextEmbedder | None:
        """What makes the vectors of a space; None where they come from elsewhere."""
        if space["modality"] != "text" or space["provider"] not in ("local", "openai"):
            return None
        endpoint = None
        if space["provider"] == "openai":
            endpoint = replace(
                OpenAISettings.of(self._settings),
                embedding_model=space["model"],
                dimensions=space["dimensions"],
            )
        return self._embedder_of(space["name"], endpoint)

    def _asked(self, model: str, given: int | None) -> int:
        """How long the vectors of a model are: asked with one word, where it can be reached."""
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
            self._notice(f"{model} was not asked: taking its {wanted} dimensions as given")
            return wanted
        embedder = self._embedder_of("", endpoint)
        try:
            embedder.query_vector("lamp")
        except WrongDimensionsError as exc:
            if exc.got > MOST_DIMENSIONS:
                raise InputError(
                    f"{model} answers with {exc.got} numbers, an index ends at {MOST_DIMENSIONS}:"
                    " take a model with shorter vectors, or one that shortens them (--dimensions)"
                ) from exc
            if wanted is not None:
                raise
            return exc.got
        except ProviderError as exc:
            if given is None:
                raise
            self._notice(f"{model} was not asked ({exc}): taking {given} dimensions as given")
            return given
        finally:
            embedder.close()
        return endpoint.dimensions
