"""The vocabulary: what there is, what terms are in it, and its changes, each of which goes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from vitrina.context import Context
from vitrina.db.database import HalfVector, Jsonb
from vitrina.db.retries import retried
from vitrina.files.keyword_file import read_seed
from vitrina.keywords.judge import Judge, Judged, estimate, judge_pairs
from vitrina.models.base import Term
from vitrina.models.openai.settings import OpenAISettings
from vitrina.models.openai.verdicts import Pair
from vitrina.weave.datasets import OPENERS

Rows: TypeAlias = list[dict[str, Any]]
Pairs: TypeAlias = list[Pair]


class QueryVectors(Protocol):
    """Has vectors of terms made where the database cannot make them."""

    def embed(self, query: str | None) -> HalfVector | None:
        """Make and remember the vector of a term."""
        ...

    def learn(self, terms: Sequence[Term]) -> None:
        """Make keywords of new terms."""
        ...


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a term is in the vocabulary, and how that was decided."""

    ordinal: int
    term: str
    keyword: str | None
    facet: str | None
    method: str | None
    similarity: float | None
    veto: str | None


class Keywords:
    """The vocabulary of a catalog.

    What changes something returns a row a term: `change` (its number in the history), `alias`,
    `before` and `after` (the keyword it was and is), `products` that say it. Nothing is returned
    where nothing had to change. Each change can be undone.
    """

    def __init__(
        self,
        context: Context,
        queries: QueryVectors,
        judges: Callable[[], AbstractContextManager[Judge]],
    ) -> None:
        self._database = context.database
        self._settings = context.settings
        self._queries = queries
        self._judges = judges

    def list(self, *, facet: str | None = None, k: int = 1000) -> Rows:
        """The vocabulary, most used first: keyword, facet, pinned, products, aliases."""
        return self._database.rows("select * from vitrina.list_keywords(%s, %s)", (facet, k))

    def resolve(
        self, said: Sequence[str], *, facets: Sequence[str] | None = None
    ) -> tuple[Resolved, ...]:
        """The keyword each term is; terms that are none become keywords."""
        self._queries.learn([Term(term) for term in said])
        rows = self._database.rows(
            "select * from vitrina.resolve_keywords(%s::text[], null, %s::text[])",
            (list(said), list(facets) if facets is not None else None),
        )
        return tuple(Resolved(**row) for row in rows)

    def similar(self, term: str, *, k: int = 10) -> Rows:
        """The k keywords nearest to a term: keyword, facet, similarity."""
        self._queries.embed(term)
        return self._database.rows("select * from vitrina.similar_keywords(%s, %s)", (term, k))

    def explain(self, term: str, *, facet: str | None = None) -> Rows:
        """What a term would become, and the nearest keywords with what speaks against each.

        Writes nothing; the first row is the decision.
        """
        self._queries.embed(term)
        return self._database.rows(
            "select * from vitrina.explain_keyword(%s, %s::text)", (term, facet)
        )

    def policy(
        self, mode: str | None = None, *, merge_narrower: bool | None = None
    ) -> dict[str, Any]:
        """Change how keywords are decided from now on, and return the policy in force.

        Args:
            mode: "strict" or "plain" (the nearest above the threshold, whatever it is).
            merge_narrower: whether "office chair" may join "chair".

        Raises:
            VitrinaError: for another mode.
        """
        self._database.rows(
            "select vitrina.set_keyword_policy(%s::text, %s::boolean)", (mode, merge_narrower)
        )
        return self._database.rows(
            "select p.mode, p.merge_narrower from vitrina.keyword_policy as p"
        )[0]

    def show(self, term: str) -> Rows:
        """The keyword that a term is, a row an alias: how, when, how similar, in how many products.

        Raises NotFoundError for a term never met.
        """
        return self._database.rows("select * from vitrina.show_keyword(%s)", (term,))

    def merge(self, terms: Sequence[str], into: str) -> Rows:
        """These terms are the keyword `into` from now on; a keyword takes its aliases along."""
        return retried(
            lambda: self._database.rows(
                "select * from vitrina.merge_keywords(%s, %s)", (list(terms), into)
            )
        )

    def split(self, term: str, as_keyword: str | None = None) -> Rows:
        """The alias `term` becomes a keyword of its own for good; a dropped term comes back."""
        return retried(
            lambda: self._database.rows(
                "select * from vitrina.split_keyword(%s, %s)", (term, as_keyword)
            )
        )

    def rename(self, term: str, name: str) -> Rows:
        """The keyword that `term` is has this name from now on; the old one stays an alias."""
        return retried(
            lambda: self._database.rows(
                "select * from vitrina.rename_keyword(%s, %s)", (term, name)
            )
        )

    def pin(self, term: str, *, pinned: bool = True) -> Rows:
        """Keep a keyword from being renamed or merged away by anything but a hand."""
        return self._database.rows("select * from vitrina.pin_keyword(%s, %s)", (term, pinned))

    def facet(self, term: str, facet: str) -> Rows:
        """Put a keyword into a facet."""
        return self._database.rows("select * from vitrina.set_facet(%s, %s)", (term, facet))

    def drop(self, term: str) -> Rows:
        """Products lose the keyword; said again, it stays dropped."""
        return retried(
            lambda: self._database.rows("select * from vitrina.drop_keyword(%s)", (term,))
        )

    def distinct(self, a: str, b: str) -> Rows:
        """Two terms are different things: they never become one keyword."""
        return self._database.rows("select * from vitrina.distinguish_keywords(%s, %s)", (a, b))

    def seed(self, path: str | Path) -> Rows:
        """Take in a shop's own vocabulary, a CSV or JSON Lines file: keyword, facet, aliases.

        Raises InputError with every problem by its line; then nothing has changed.
        """
        rows = read_seed(str(path), openers=OPENERS)
        return retried(
            lambda: self._database.rows("select * from vitrina.seed_keywords(%s)", (Jsonb(rows),))
        )

    def audit(self, *, k: int = 50, above: float | None = None) -> Rows:
        """What most deserves a look: merges that may be wrong, keywords that may be one."""
        return self._database.rows("select * from vitrina.audit_keywords(%s, %s::real)", (k, above))

    def rebuild(self, *, dry_run: bool = True) -> Rows:
        """Decide again, from what was said, all that nobody decided by hand; asks no model.

        Returns a row for each term that is another keyword now, or would be.
        """
        return retried(
            lambda: self._database.rows("select * from vitrina.rebuild_keywords(%s)", (dry_run,))
        )

    def history(self, *, k: int = 20) -> Rows:
        """The latest changes, newest first."""
        return self._database.rows("select * from vitrina.keyword_history(%s)", (k,))

    def undo(self, change: int | None = None) -> Rows:
        """Put back what a change altered: the latest that still holds, or the one of this number.

        Raises NotFoundError where there is none, InputError where a later one stands in the way.
        """
        return retried(
            lambda: self._database.rows("select * from vitrina.undo_keyword_change(%s)", (change,))
        )

    def pairs(self, *, above: float | None = None) -> Pairs:
        """Pairs of keywords that are near each other and undecided, most products first."""
        return judge_pairs(self._database, above)

    def judge(
        self, *, above: float | None = None, progress: Callable[[Judged], None] | None = None
    ) -> Judged:
        """Have a model say which keywords that are near each other are one; see Judge.run.

        Raises ConfigError without a model.
        """
        with self._judges() as judge:
            return judge.run(above=above, progress=progress)

    def estimate(self, pairs: Sequence[Pair]) -> Decimal | None:
        """About what it costs to judge these in USD; None where the price is not known."""
        return estimate(pairs, OpenAISettings.of(self._settings))
