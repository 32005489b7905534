"""Builds the parts of a run from settings: provider, ledger, stages, embedder, judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from vitrina.context import Context
from vitrina.db.database import Database
from vitrina.enrich.engine import Engine
from vitrina.enrich.stages import LocalStages, OpenAIStages
from vitrina.errors import ConfigError
from vitrina.keywords.judge import JUDGE_ADVICE, Judge
from vitrina.ledger import Ledger
from vitrina.models.base import Term
from vitrina.models.openai.prices import prices
from vitrina.models.openai.settings import OpenAISettings
from vitrina.spaces.api import ensure_space
from vitrina.spaces.embed import LocalTextEmbedder, OpenAITextEmbedder

if TYPE_CHECKING:
    from vitrina.weave.tracing import Tracer

EMBEDDINGS = 4  # parallel requests for embeddings
HINTS = {"hint": 40, "closed": 500}  # most keywords shown to a model

Purpose = Literal["enrich", "search", "judge"]


def assemble(context: Context, purpose: Purpose = "enrich", in_space: str | None = None) -> Engine:
    """The engine that the settings name.

    To enrich, it creates the provider's space if missing; to search, it uses the model of the text
    space in use, or of the one named, without traces and budget; to judge, it creates no space.

    Raises ConfigError if a setting is missing, AccessError if the provider's space is missing and
    this role may not create it.
    """
    if context.settings.chosen == "local":
        if purpose == "judge":
            raise ConfigError(JUDGE_ADVICE)
        return _local(context)
    endpoint = OpenAISettings.of(context.settings)
    max_cost = None if purpose == "search" else context.settings.max_cost
    price = prices(endpoint, max_cost)
    space = ""  # a judge makes no vectors
    if purpose == "search":
        endpoint, space = _in_use(context.database, endpoint, in_space)
    elif purpose == "enrich":
        space = ensure_space(context, endpoint)
        _check_vocabulary(context.database, endpoint)
    ledger = Ledger(
        context.database,
        price=price,
        max_cost=max_cost,
        tracer=None if purpose == "search" else _tracer(context),
        at_once=context.settings.concurrency,
        standing=purpose != "search",
    )
    return _asking(context, endpoint, ledger, space)


def space_embedder(
    context: Context, name: str, endpoint: OpenAISettings | None
) -> LocalTextEmbedder | OpenAITextEmbedder:
    """The embedder of one space: the database, or this endpoint."""
    if endpoint is None:
        return LocalTextEmbedder(context.database, name)
    price = prices(endpoint, context.settings.max_cost, {endpoint.embedding_model})
    ledger = Ledger(
        context.database, price=price, max_cost=context.settings.max_cost, standing=True
    )
    return _embedder(context.database, endpoint, ledger, name)


def _local(context: Context) -> Engine:
    from vitrina.models.local.vision import LocalVision

    database, settings = context.database, context.settings
    if settings.provider is None:
        context.notice("no OPENAI_API_KEY or OPENAI_BASE_URL: the local provider tags, offline")
    active = database.value(
        "select s.provider from vitrina.spaces as s"
        " where s.modality = 'text' and s.state = 'active'"
    )
    if active != "local":
        raise ConfigError(
            f"the text space in use belongs to {active}: set OPENAI_API_KEY or OPENAI_BASE_URL,"
            " or go back to the local space: select vitrina.use_space('local-text');"
        )
    ledger = Ledger(
        database,
        price=lambda model, usage: Decimal(0),
        tracer=_tracer(context),
        at_once=settings.concurrency,
    )
    stages = LocalStages(LocalVision(), ledger)
    embedder = LocalTextEmbedder(database)
    return Engine(database, stages, ledger, embedder, threads=settings.concurrency)


def _asking(context: Context, endpoint: OpenAISettings, ledger: Ledger, space: str) -> Engine:
    from vitrina.models.openai.provider import OpenAIProvider

    database, settings = context.database, context.settings
    provider = OpenAIProvider(endpoint, concurrency=settings.concurrency)
    provider.afford = ledger.afford
    stages = OpenAIStages(
        provider,
        ledger,
        one_call=settings.one_call,
        hints=_hints(database, HINTS[endpoint.hints]) if endpoint.hints in HINTS else None,
        known=_known(database) if endpoint.hints == "closed" else None,
        threads=settings.concurrency,
    )
    return Engine(
        database,
        stages,
        ledger,
        _embedder(database, endpoint, ledger, space),
        # twice as many products as requests: no request idles while a product is stored or fetched
        threads=2 * settings.concurrency,
        asking=stages,
        judge=Judge(database, provider, ledger),
    )


def _embedder(
    database: Database, endpoint: OpenAISettings, ledger: Ledger, space: str
) -> OpenAITextEmbedder:
    from vitrina.models.openai.provider import OpenAIProvider

    # a few texts at once, outside the queue of pictures: endpoints limit these separately
    provider = OpenAIProvider(endpoint, concurrency=EMBEDDINGS)
    return OpenAITextEmbedder(database, provider, ledger, space)


def _tracer(context: Context) -> Tracer | None:
    if not context.settings.weave:
        return None
    from vitrina.weave.tracing import Tracer

    return Tracer.to(context.settings.weave, notice=context.notice)


def _in_use(
    database: Database, endpoint: OpenAISettings, space: str | None = None
) -> tuple[OpenAISettings, str]:
    """The endpoint with the model of the text space in use, or of the one named, and its name.

    If the database makes the vectors of that space: the endpoint unchanged, without a name.
    """
    for row in database.rows(
        "select s.name, s.model, s.dimensions from vitrina.spaces as s"
        " where s.modality = 'text' and s.provider <> 'local'"
        " and case when %(name)s::text is null then s.state = 'active' else s.name = %(name)s end",
        {"name": space},
    ):
        endpoint = replace(endpoint, embedding_model=row["model"], dimensions=row["dimensions"])
        return endpoint, str(row["name"])
    return endpoint, ""


def _check_vocabulary(database: Database, endpoint: OpenAISettings) -> None:
    if endpoint.hints == "closed" and not database.value(
        "select exists (select from vitrina.keywords)"
    ):
        raise ConfigError(
            "the vocabulary is closed and empty, so a model can use no keyword: import some, or"
            " start with --vocabulary open"
        )


def _hints(database: Database, k: int) -> Callable[[str], Sequence[str]]:
    """Existing keywords that a product with a title may have, at most k."""

    def near(title: str) -> Sequence[str]:
        rows = database.rows("select h.keyword from vitrina.keyword_hints(%s, %s) as h", (title, k))
        return [row["keyword"] for row in rows]

    return near


def _known(database: Database) -> Callable[[Sequence[Term]], tuple[Term, ...]]:
    """The terms that are already keywords."""

    def known(terms: Sequence[Term]) -> tuple[Term, ...]:
        said = [term.term for term in terms]
        rows = database.rows("select vitrina.unknown_terms(%s) as term", (said,))
        unknown = {row["term"] for row in rows}
        return tuple(term for term in terms if term.term not in unknown)

    return known
