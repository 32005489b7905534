"""The vocabulary: its keywords and terms, and its changes, each of which can be undone."""

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
from vitrina.errors import InputError
from vitrina.files.keyword_file import read_seed
from vitrina.keywords.judge import Judge, Judged, estimate, judge_pairs
from vitrina.models.base import Term
from vitrina.models.openai.settings import OpenAISettings
from vitrina.models.openai.verdicts import Pair
from vitrina.weave.datasets import OPENERS

Rows: TypeAlias = list[dict[str, Any]]
Pairs: TypeAlias = list[Pair]


class QueryVectors(Protocol):
    """Makes vectors of terms if the database cannot."""

    def embed(self, query: str | None) -> HalfVector | None:
        """Make and remember the vector of a term."""
        ...

    def learn(self, terms: Sequence[Term]) -> None:
        """Make keywords of new terms."""
        ...


@dataclass(frozen=True, slots=True)
class Resolved:
    """The keyword of a term, and how that was decided."""

    ordinal: int
    term: str
    keyword: str | None
    facet: str | None
    method: str | None
    similarity: float | None
    veto: str | None


@dataclass(frozen=True, slots=True)
class TermProduct:
    """A product that shows what `term` means; `image_sha256` is None without a stored picture."""

    term: str
    product_id: int
    source: str
    external_id: str
    title: str
    image_sha256: str | None


class Keywords:
    """The vocabulary of a catalog.

    Every change returns a row per term: `change` (its number in the history), `alias`, `before` and
    `after` (its keyword), `products` (how many say it). Without an effect it returns no row. Each
    change can be undone.
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

    def products(self, terms: Sequence[str], *, k: int = 4) -> tuple[TermProduct, ...]:
        """Of each term up to k products, 1 to 100, those with a picture first."""
        rows = self._database.rows(
            "select * from vitrina.term_products(%s::text[], %s)", (list(terms), k)
        )
        return tuple(TermProduct(**row) for row in rows)

    def resolve(
        self, said: Sequence[str], *, facets: Sequence[str] | None = None, learn: bool = False
    ) -> tuple[Resolved, ...]:
        """The keyword of each term, or the keyword that an unknown term would become.

        Args:
            said: the terms.
            facets: the facet of each, if known.
            learn: make keywords of unknown terms; else nothing is written.
        """
        given = (list(said), list(facets) if facets is not None else None)
        if learn:
            self._queries.learn([Term(term) for term in said])
            rows = self._database.rows(
                "select * from vitrina.resolve_keywords(%s::text[], null, %s::text[])", given
            )
        else:
            for row in self._database.rows(
                "select vitrina.unknown_terms(%s::text[]) as t", given[:1]
            ):
                self._queries.embed(row["t"])
            rows = self._database.rows(
                "select * from vitrina.look_up_keywords(%s::text[], %s::text[])", given
            )
        return tuple(Resolved(**row) for row in rows)

    def similar(self, term: str, *, k: int = 10) -> Rows:
        """The k keywords nearest to a term: keyword, facet, similarity."""
        self._queries.embed(term)
        return self._database.rows("select * from vitrina.similar_keywords(%s, %s)", (term, k))

    def explain(self, term: str, *, facet: str | None = None) -> Rows:
        """The decision about a term, and the nearest keywords with their vetoes.

        Writes nothing; the first row is the decision.
        """
        self._queries.embed(term)
        return self._database.rows(
            "select * from vitrina.explain_keyword(%s, %s::text)", (term, facet)
        )

    def policy(
        self,
        mode: str | None = None,
        *,
        merge_narrower: bool | None = None,
        language: str | None = None,
    ) -> dict[str, Any]:
        """Change how keywords are decided from now on, and return the policy in force.

        Args:
            mode: "strict" or "plain" (the nearest keyword above the threshold, without vetoes).
            merge_narrower: whether "office chair" may join "chair".
            language: of new keywords' names: english, german, french or spanish; "" for that of
                all sources, else English.

        Raises:
            VitrinaError: for another mode or language.
        """
        self._database.rows(
            "select vitrina.set_keyword_policy(%s::text, %s::boolean, %s::text)",
            (mode, merge_narrower, language),
        )
        return self._database.rows(
            "select p.mode, p.merge_narrower, p.language from vitrina.keyword_policy as p"
        )[0]

    def show(self, term: str) -> Rows:
        """The keyword of a term, a row per alias: method, time, similarity, count of products.

        Raises NotFoundError for an unknown term.
        """
        return self._database.rows("select * from vitrina.show_keyword(%s)", (term,))

    def merge(self, terms: Sequence[str], into: str) -> Rows:
        """Merge these terms into the keyword `into`; a keyword brings its aliases along."""
        return retried(
            lambda: self._database.rows(
                "select * from vitrina.merge_keywords(%s, %s)", (list(terms), into)
            )
        )

    def split(self, term: str, as_keyword: str | None = None) -> Rows:
        """Make the alias `term` a keyword of its own, permanently; a dropped term comes back."""
        return retried(
            lambda: self._database.rows(
                "select * from vitrina.split_keyword(%s, %s)", (term, as_keyword)
            )
        )

    def rename(self, term: str, name: str) -> Rows:
        """Rename the keyword of `term`; the old name stays an alias."""
        return retried(
            lambda: self._database.rows(
                "select * from vitrina.rename_keyword(%s, %s)", (term, name)
            )
        )

    def pin(self, term: str, *, pinned: bool = True) -> Rows:
        """Pin a keyword: only a person can rename it or merge it away."""
        return self._database.rows("select * from vitrina.pin_keyword(%s, %s)", (term, pinned))

    def facet(self, term: str, facet: str) -> Rows:
        """Move a keyword into a facet."""
        return self._database.rows("select * from vitrina.set_facet(%s, %s)", (term, facet))

    def drop(self, term: str) -> Rows:
        """Remove the keyword from products; new products do not bring it back."""
        return retried(
            lambda: self._database.rows("select * from vitrina.drop_keyword(%s)", (term,))
        )

    def distinct(self, a: str, b: str) -> Rows:
        """Mark two terms as different things: they never become one keyword."""
        return self._database.rows("select * from vitrina.distinguish_keywords(%s, %s)", (a, b))

    def set(
        self,
        products: Sequence[tuple[str, str]],
        keywords: Sequence[str],
        *,
        add_new: bool = False,
    ) -> Rows:
        """Set the keywords of products by hand; later enrichments keep them.

        Args:
            products: each by (source, external id), all of one source.
            keywords: names or aliases of the vocabulary.
            add_new: unknown terms become keywords; else they are an error.

        Raises NotFoundError for an unknown product or keyword, and names the nearest.
        """
        source, ids = _of_one_source(products)
        return retried(
            lambda: self._database.rows(
                "select * from vitrina.set_keywords(%s, %s::text[], %s::text[], %s)",
                (source, ids, list(keywords), add_new),
            )
        )

    def reset(self, products: Sequence[tuple[str, str]]) -> Rows:
        """Give these products the keywords that models said of them, in place of those set."""
        source, ids = _of_one_source(products)
        return retried(
            lambda: self._database.rows(
                "select * from vitrina.reset_keywords(%s, %s::text[])", (source, ids)
            )
        )

    def seed(self, path: str | Path) -> Rows:
        """Load a shop's own vocabulary, a CSV or JSON Lines file: keyword, facet, aliases.

        Raises InputError with every problem and its line; then nothing has changed.
        """
        rows = read_seed(str(path), openers=OPENERS)
        return retried(
            lambda: self._database.rows("select * from vitrina.seed_keywords(%s)", (Jsonb(rows),))
        )

    def audit(self, *, k: int = 50, above: float | None = None) -> Rows:
        """The most doubtful decisions: merges that may be wrong, keywords that may be the same."""
        return self._database.rows("select * from vitrina.audit_keywords(%s, %s::real)", (k, above))

    def rebuild(self, *, dry_run: bool = True) -> Rows:
        """Decide all terms again that no person decided; asks no model.

        Returns a row for each term with another keyword now, or in a dry run.
        """
        return retried(
            lambda: self._database.rows("select * from vitrina.rebuild_keywords(%s)", (dry_run,))
        )

    def history(self, *, k: int = 20) -> Rows:
        """The latest changes, newest first."""
        return self._database.rows("select * from vitrina.keyword_history(%s)", (k,))

    def undo(self, change: int | None = None) -> Rows:
        """Undo a change: the latest that still holds, or the change with this number.

        Raises NotFoundError if it is not found, InputError if a later change blocks it.
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
        """Ask a model which near keywords are the same; see Judge.run.

        Raises ConfigError without a model.
        """
        with self._judges() as judge:
            return judge.run(above=above, progress=progress)

    def estimate(self, pairs: Sequence[Pair]) -> Decimal | None:
        """The estimated cost of judging these, in USD; None if the price is unknown."""
        return estimate(pairs, OpenAISettings.of(self._settings))


def _of_one_source(products: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
    """The source of these products, and their external ids."""
    sources = {source for source, _ in products}
    if len(sources) != 1:
        raise InputError("give one product at least, and only products of one source")
    return sources.pop(), [external_id for _, external_id in products]
