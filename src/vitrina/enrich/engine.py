"""What enriches and embeds in one run: built by assembly, driven by a pipeline."""

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

    `asking` are the stages that ask an endpoint, and `judge` whoever judges keywords there: both
    None where no model is asked.
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
        """The name of the space that its vectors are for; None where the database makes them."""
        return self.embedder.space

    def query_vector(self, words: str) -> Sequence[float] | None:
        """The vector of a query's words; None where the database makes it itself."""
        return self.embedder.query_vector(words)

    def picture_words(self, picture: Picture, title: str) -> str | None:
        """What a query picture shows, in one sentence; None where the provider cannot see."""
        return None if self.asking is None else self.asking.picture_words(picture, title)

    def learn(self, terms: Sequence[Term]) -> None:
        """Make keywords of new terms, where that takes vectors from outside."""
        self.embedder.learn(terms)

    def backfill(self) -> int:
        """Embed what has no vector in the provider's spaces yet; returns how many that were."""
        return fill_all(self.database, self.embedder)

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
