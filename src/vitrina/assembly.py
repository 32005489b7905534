"""The provider of a run, with its ledger, its stages and its embedder."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vitrina.db.database import Database
from vitrina.enrich.stages import LocalStages, OpenAIStages, Stages
from vitrina.errors import AccessError, ConfigError, InputError
from vitrina.keywords.judge import Judge
from vitrina.ledger import Ledger
from vitrina.models.answers import Usage
from vitrina.models.base import Subject, Term
from vitrina.settings import Settings
from vitrina.spaces.embed import LocalTextEmbedder, OpenAITextEmbedder, TextEmbedder

if TYPE_CHECKING:
    from vitrina.models.openai.settings import OpenAISettings
    from vitrina.pictures.decode import Picture
    from vitrina.weave.tracing import Tracer

EMBEDDINGS = 4  # requests for embeddings at once
THRESHOLD = 0.6  # of the recipe, for text-embedding-3-large
JUDGE_ADVICE = "a judge needs a model: set OPENAI_API_KEY or OPENAI_BASE_URL"
HINTS = {"hint": 40, "closed": 500}  # keywords shown to a model, at most


class Engine:
    """What enriches and embeds in one run. Close it, or use it as a context manager."""

    def __init__(
        self,
        stages: Stages,
        ledger: Ledger,
        embedder: TextEmbedder,
        *,
        threads: int,
        paid: bool = False,
        describer: OpenAIStages | None = None,
        judge: Judge | None = None,
    ) -> None:
        self.stages = stages
        self.ledger = ledger
        self.embedder = embedder
        self.threads = threads
        self.paid = paid
        self._describer = describer
        self.judge = judge

    @classmethod
    def build(
        cls, database: Database, settings: Settings, *, notice: Callable[[str], None] | None = None
    ) -> Engine:
        """The engine the settings name, to enrich with.

        Raises ConfigError where a setting is missing, AccessError where the provider's space is
        not there and this role may not make it.
        """
        say = notice or (lambda _: None)
        tracer = None
        if settings.weave:
            from vitrina.weave.tracing import Tracer

            tracer = Tracer.to(settings.weave, notice=say)
        build = cls._local if settings.chosen == "local" else cls._openai
        try:
            return build(database, settings, tracer, say)
        except BaseException:
            if tracer is not None:
                tracer.close()
            raise

    @classmethod
    def _local(
        cls,
        database: Database,
        settings: Settings,
        tracer: Tracer | None,
        say: Callable[[str], None],
    ) -> Engine:
        from vitrina.models.local.tagger import LocalVision

        if settings.provider is None:
            say("no OPENAI_API_KEY or OPENAI_BASE_URL: the local provider tags, offline")
        active = database.value(
            "select s.provider from vitrina.spaces as s"
            " where s.modality = 'text' and s.state = 'active'"
        )
        if active != "local":
            raise ConfigError(
                f"the text space in use is one of {active}: set OPENAI_API_KEY or OPENAI_BASE_URL,"
                " or go back to the local one: select vitrina.use_space('local-text');"
            )
        ledger = Ledger(
            database,
            price=lambda model, usage: Decimal(0),
            tracer=tracer,
            at_once=settings.concurrency,
        )
        stages = LocalStages(LocalVision(), ledger)
        return cls(stages, ledger, LocalTextEmbedder(database), threads=settings.concurrency)

    @classmethod
    def _openai(
        cls,
        database: Database,
        settings: Settings,
        tracer: Tracer | None,
        say: Callable[[str], None],
    ) -> Engine:
        endpoint = settings.openai()
        price = prices(endpoint, settings.max_cost)
        space = ensure_space(database, endpoint, say)
        if endpoint.hints == "closed" and not database.value(
            "select exists (select from vitrina.keywords)"
        ):
            raise ConfigError(
                "the vocabulary is closed and empty: no keyword could be given; import some, or"
                " begin with --vocabulary open"
            )
        ledger = Ledger(
            database,
            price=price,
            max_cost=settings.max_cost,
            tracer=tracer,
            at_once=settings.concurrency,
        )
        return cls._asking(database, settings, endpoint, ledger, space)

    @classmethod
    def _asking(
        cls,
        database: Database,
        settings: Settings,
        endpoint: OpenAISettings,
        ledger: Ledger,
        space: str,
    ) -> Engine:
        from vitrina.models.openai.provider import OpenAIProvider

        provider = OpenAIProvider(endpoint, concurrency=settings.concurrency)
        provider.afford = ledger.afford
        # a few texts at once, and not in the queue of pictures: endpoints limit them apart
        embeddings = OpenAIProvider(endpoint, concurrency=EMBEDDINGS)
        embedder = OpenAITextEmbedder(database, embeddings, ledger, space)
        stages = OpenAIStages(
            provider,
            ledger,
            one_call=settings.one_call,
            hints=_hints(database, HINTS[endpoint.hints]) if endpoint.hints in HINTS else None,
            known=_known(database) if endpoint.hints == "closed" else None,
            threads=settings.concurrency,
        )
        # twice as many products as requests: one that is stored or fetched leaves no request idle
        threads = 2 * settings.concurrency
        judge = Judge(database, provider, ledger)
        return cls(
            stages, ledger, embedder, threads=threads, paid=True, describer=stages, judge=judge
        )

    @classmethod
    def reading(cls, database: Database, settings: Settings) -> Engine:
        """The engine to search with: of the endpoint, and the model of the text space in use."""
        endpoint = settings.openai()
        space = space_name(endpoint)
        for row in database.rows(
            "select s.name, s.model, s.dimensions from vitrina.spaces as s"
            " where s.modality = 'text' and s.state = 'active' and s.provider <> 'local'"
        ):
            endpoint = replace(endpoint, embedding_model=row["model"], dimensions=row["dimensions"])
            space = row["name"]
        ledger = Ledger(database, price=prices(endpoint, None))
        return cls._asking(database, settings, endpoint, ledger, space)

    @property
    def space(self) -> str | None:
        """The name of the space that its vectors are for; None where the database makes them."""
        return self.embedder.space if isinstance(self.embedder, OpenAITextEmbedder) else None

    @classmethod
    def judging(cls, database: Database, settings: Settings, say: Callable[[str], None]) -> Engine:
        """The engine to judge keywords with, which makes no space.

        Raises ConfigError without a model.
        """
        if settings.chosen == "local":
            raise ConfigError(JUDGE_ADVICE)
        endpoint = settings.openai()
        price = prices(endpoint, settings.max_cost)
        tracer = None
        if settings.weave:
            from vitrina.weave.tracing import Tracer

            tracer = Tracer.to(settings.weave, notice=say)
        ledger = Ledger(database, price=price, max_cost=settings.max_cost, tracer=tracer)
        return cls._asking(database, settings, endpoint, ledger, space_name(endpoint))

    def query_vector(self, words: str) -> Sequence[float] | None:
        """The vector of a query's words; None where the database makes it itself."""
        if not isinstance(self.embedder, OpenAITextEmbedder):
            return None
        return self.embedder.embed([words])[0].to_list()

    def picture_words(self, picture: Picture, title: str) -> str | None:
        """What a query picture shows, in one sentence; None where the provider cannot see."""
        if self._describer is None:
            return None
        subject = Subject(title, {}, picture)
        shown = self._describer.shown(subject, None)
        description = self._describer.describe(subject, None, shown)
        return self._describer.caption(title, description)

    def backfill(self) -> int:
        """Embed what has no vector in the provider's space yet; returns how many that were."""
        if isinstance(self.embedder, OpenAITextEmbedder):
            return self.embedder.backfill()
        return 0

    def stop(self) -> None:
        """End every wait for another try: what is under way fails or finishes soon."""
        self.stages.stop()
        self.embedder.stop()

    def close(self) -> None:
        """Let go of threads and connections; send the last traces."""
        self.stages.close()
        self.embedder.close()
        if self.ledger.tracer is not None:
            self.ledger.tracer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def space_name(endpoint: OpenAISettings) -> str:
    """The name of the space of an embedding model at its dimensions."""
    model = re.sub(r"[^a-z0-9._-]+", "-", endpoint.embedding_model.lower()).strip("-.")[:80]
    return f"openai-{model}-{endpoint.dimensions}"


def ensure_space(database: Database, endpoint: OpenAISettings, say: Callable[[str], None]) -> str:
    """The name of the endpoint's space, made if need be.

    It is put into use at once where no product has a vector in the one that is; else it is filled
    beside that one, so that search never breaks.
    """
    name = space_name(endpoint)
    state = "select s.state from vitrina.spaces as s where s.name = %s"
    found = database.value(state, (name,))
    try:
        if found is None:
            database.value(
                "select vitrina.import_space(%s, 'openai', %s, %s, %s::real)",
                (name, endpoint.embedding_model, endpoint.dimensions, THRESHOLD),
            )
        if found in (None, "building") and not database.value(
            "select exists (select from vitrina.product_embeddings as e"
            " join vitrina.spaces as s on s.id = e.space_id"
            " where s.modality = 'text' and s.state = 'active')"
        ):
            database.rows("select vitrina.use_space(%s)", (name,))
    except AccessError as exc:
        raise AccessError(
            f"the space {name} is not ready and this role may not make it: as the owner of the"
            f" schema, run: select vitrina.create_space('{name}', 'openai',"
            f" '{endpoint.embedding_model}', 'text', {endpoint.dimensions}, {THRESHOLD});"
        ) from exc
    if database.value(state, (name,)) != "active":
        say(
            f"products are searched in another text space; {name} is filled beside it."
            f" To search in it: vitrina spaces activate {name}"
        )
    return name


def prices(
    endpoint: OpenAISettings, max_cost: Decimal | None, models: Set[str] | None = None
) -> Callable[[str, Usage], Decimal | None]:
    """List prices, for OpenAI's own endpoint; elsewhere they are not known.

    Raises InputError where a budget cannot be kept, for want of the price of one of `models`, all
    of the endpoint's without them.
    """
    from vitrina.models import pricing

    if not endpoint.official:
        if max_cost is not None:
            raise InputError(
                f"the prices of {endpoint.host} are not known, so --max-cost cannot be kept"
            )
        return lambda model, usage: None
    if max_cost is not None:
        models = models or {
            endpoint.vision_model,
            endpoint.model_of("caption"),
            endpoint.embedding_model,
        }
        unknown = sorted(m for m in models if pricing.price(m, Usage(1, 0, 1)) is None)
        if unknown:
            raise InputError(
                f"the price of {', '.join(unknown)} is not known, so --max-cost cannot be kept"
            )
    return pricing.price


def _hints(database: Database, k: int) -> Callable[[str], Sequence[str]]:
    """Existing keywords that a product with a title may have, at most k."""

    def near(title: str) -> Sequence[str]:
        rows = database.rows("select h.keyword from vitrina.keyword_hints(%s, %s) as h", (title, k))
        return [row["keyword"] for row in rows]

    return near


def _known(database: Database) -> Callable[[Sequence[Term]], tuple[Term, ...]]:
    """Of some terms, those that are keywords already."""

    def known(terms: Sequence[Term]) -> tuple[Term, ...]:
        said = [term.term for term in terms]
        rows = database.rows("select vitrina.unknown_terms(%s) as term", (said,))
        unknown = {row["term"] for row in rows}
        return tuple(term for term in terms if term.term not in unknown)

    return known
