"""The engine of one run: enriches and embeds; built by assembly, driven by a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vitrina.closing import Closing
from vitrina.db.database import Database
from vitrina.enrich.stages import OpenAIStages, Stages
from vitrina.keywords.judge import Judge
from vitrina.ledger import Ledger
from vitrina.models.base import Term
from vitrina.pictures.decode import Picture
from vitrina.spaces.embed import TextEmbedder
from vitrina.spaces.fill import fill_all


@dataclass(frozen=True, slots=True)
class Engine(Closing):
    """The provider of a run. Close it, or use it as a context manager.

    `asking` are the stages that ask an endpoint, `judge` judges keywords there: both are None if no
    model is asked.
    """

    database: Database
    stages: Stages
    ledger: Ledger
    embedder: TextEmbedder
    threads: int
    asking: OpenAIStages | None = None
    judge: Judge | None = None

    @property
    def paid(self) -> bool:
        """Whether its work costs money, so that standing budgets hold."""
        return self.asking is not None

    @property
    def space(self) -> str | None:
        """The name of the space of its vectors; None if the database makes them."""
        return self.embedder.space

    def query_vector(self, words: str) -> Sequence[float] | None:
        """The vector of a query's words; None if the database makes it."""
        return self.embedder.query_vector(words)

    def picture_words(self, picture: Picture, title: str) -> str | None:
        """A query picture in one sentence; None if the provider cannot see."""
        return None if self.asking is None else self.asking.picture_words(picture, title)

    def learn(self, terms: Sequence[Term]) -> None:
        """Make keywords of new terms, if that needs vectors from outside."""
        self.embedder.learn(terms)

    def backfill(self) -> int:
        """Embed texts without a vector in the provider's spaces; returns how many."""
        return fill_all(self.database, self.embedder)

    def stop(self) -> None:
        """End every wait for another try: calls under way fail or finish soon."""
        self.stages.stop()
        self.embedder.stop()

    def close(self) -> None:
        """Close threads and connections; send the last traces."""
        self.stages.close()
        self.embedder.close()
        if self.ledger.tracer is not None:
            self.ledger.tracer.close()
