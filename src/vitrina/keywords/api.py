"""The vocabulary: its keywords and terms, and its changes, each of which can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString, Protocol, TypeAlias

from vitrina.context import Context
from vitrina.db.connection import Params
from vitrina.db.database import HalfVector, Jsonb
from vitrina.db.retries import retried
from vitrina.errors import InputError
from vitrina.keywords.entries import (
    Alias,
    Aliases,
    Change,
    Changes,
    Doubt,
    Doubts,
    History,
    Keyword,
    KeywordPolicy,
    Near,
    NearKeyword,
    PastChange,
    Redecision,
    Redecisions,
    Resolutions,
    Resolved,
    Step,
    Steps,
    TermProduct,
    Vocabulary,
)
from vitrina.models.base import Term
from vitrina.models.openai.settings import OpenAISettings
from vitrina.weave.datasets import OPENERS

if TYPE_CHECKING:
    from vitrina.keywords.judge import Judge, Judged
    from vitrina.keywords.suggest import SuggestedKeyword
    from vitrina.models.openai.verdicts import Pair

Pairs: TypeAlias = "list[Pair]"
Suggestions: TypeAlias = "list[SuggestedKeyword]"
FACETS = ("type", "audience", "color")  # that are suggested


class QueryVectors(Protocol):
    """Makes vectors of terms if the database cannot."""

    def embed(self, query: str | None) -> HalfVector | None:
        """Make and remember the vector of a term."""
        ...

    def learn(self, terms: Sequence[Term]) -> None:
        """Make keywords of new terms."""
        ...


class Keywords:
    """The vocabulary of a catalog.

    Every change returns a Change for each term that it changed, none without an effect. Each change
    can be undone.
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

    def list(self, *, facet: str | None = None, k: int = 1000) -> Vocabulary:
        """The vocabulary, most used first."""
        return self._database.records(
            Keyword, "select * from vitrina.list_keywords(%s, %s)", (facet, k)
        )

    def products(self, terms: Sequence[str], *, k: int = 4) -> tuple[TermProduct, ...]:
        """Of each term up to k products, 1 to 100, those with a picture first."""
        return tuple(
            self._database.records(
                TermProduct,
                "select * from vitrina.term_products(%s::text[], %s)",
                (list(terms), k),
            )
        )

    def resolve(
        self, said: Sequence[str], *, facets: Sequence[str] | None = None, learn: bool = False
    ) -> Resolutions:
        """The keyword of each term, or the keyword that an unknown term would become.

        Args:
            said: the terms.
            facets: the facet of each, if known.
            learn: make keywords of unknown terms; else nothing is written.
        """
        given = (list(said), list(facets) if facets is not None else None)
        if learn:
            self._queries.learn([Term(term) for term in said])
            return self._database.records(
                Resolved,
                "select * from vitrina.resolve_keywords(%s::text[], null, %s::text[])",
                given,
            )
        for row in self._database.rows("select vitrina.unknown_terms(%s::text[]) as t", given[:1]):
            self._queries.embed(row["t"])
        return self._database.records(
            Resolved, "select * from vitrina.look_up_keywords(%s::text[], %s::text[])", given
        )

    def similar(self, term: str, *, k: int = 10) -> Near:
        """The k keywords nearest to a term."""
        self._queries.embed(term)
        return self._database.records(
            NearKeyword, "select * from vitrina.similar_keywords(%s, %s)", (term, k)
        )

    def explain(self, term: str, *, facet: str | None = None) -> Steps:
        """The decision about a term, and the nearest keywords with their vetoes.

        Writes nothing; the first row is the decision.
        """
        self._queries.embed(term)
        return self._database.records(
            Step, "select * from vitrina.explain_keyword(%s, %s::text)", (term, facet)
        )

    def policy(
        self,
        mode: str | None = None,
        *,
        merge_narrower: bool | None = None,
        language: str | None = None,
    ) -> KeywordPolicy:
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
        (policy,) = self._database.records(
            KeywordPolicy,
            "select p.mode, p.merge_narrower, p.language from vitrina.keyword_policy as p",
        )
        return policy

    def show(self, term: str) -> Aliases:
        """The keyword of a term, with each of its aliases.

        Raises NotFoundError for an unknown term.
        """
        return self._database.records(Alias, "select * from vitrina.show_keyword(%s)", (term,))

    def merge(self, terms: Sequence[str], into: str) -> Changes:
        """Merge these terms into the keyword `into`; a keyword brings its aliases along."""
        return self._changed("select * from vitrina.merge_keywords(%s, %s)", (list(terms), into))

    def split(self, term: str, as_keyword: str | None = None) -> Changes:
        """Make the alias `term` a keyword of its own, permanently; a dropped term comes back."""
        return self._changed("select * from vitrina.split_keyword(%s, %s)", (term, as_keyword))

    def rename(self, term: str, name: str) -> Changes:
        """Rename the keyword of `term`; the old name stays an alias."""
        return self._changed("select * from vitrina.rename_keyword(%s, %s)", (term, name))

    def pin(self, term: str, *, pinned: bool = True) -> Changes:
        """Pin a keyword: only a person can rename it or merge it away."""
        return self._changed("select * from vitrina.pin_keyword(%s, %s)", (term, pinned))

    def facet(self, term: str, facet: str) -> Changes:
        """Move a keyword into a facet."""
        return self._changed("select * from vitrina.set_facet(%s, %s)", (term, facet))

    def drop(self, term: str) -> Changes:
        """Remove the keyword from products; new products do not bring it back."""
        return self._changed("select * from vitrina.drop_keyword(%s)", (term,))

    def distinct(self, a: str, b: str) -> Changes:
        """Mark two terms as different things: they never become one keyword."""
        return self._changed("select * from vitrina.distinguish_keywords(%s, %s)", (a, b))

    def set(
        self,
        products: Sequence[tuple[str, str]],
        keywords: Sequence[str],
        *,
        add_new: bool = False,
    ) -> Changes:
        """Set the keywords of products by hand; later enrichments keep them.

        Args:
            products: each by (source, external id), all of one source.
            keywords: names or aliases of the vocabulary.
            add_new: unknown terms become keywords; else they are an error.

        Raises NotFoundError for an unknown product or keyword, and names the nearest.
        """
        source, ids = _of_one_source(products)
        return self._changed(
            "select * from vitrina.set_keywords(%s, %s::text[], %s::text[], %s)",
            (source, ids, list(keywords), add_new),
        )

    def reset(self, products: Sequence[tuple[str, str]]) -> Changes:
        """Give these products the keywords that models said of them, in place of those set."""
        source, ids = _of_one_source(products)
        return self._changed("select * from vitrina.reset_keywords(%s, %s::text[])", (source, ids))

    def seed(self, path: str | Path) -> Changes:
        """Load a shop's own vocabulary, a CSV or JSON Lines file: keyword, facet, aliases.

        Raises InputError with every problem and its line; then nothing has changed.
        """
        from vitrina.files.keyword_file import read_seed  # on use: a search does without

        rows = read_seed(str(path), openers=OPENERS)
        return self._changed("select * from vitrina.seed_keywords(%s)", (Jsonb(rows),))

    def audit(self, *, k: int = 50, above: float | None = None) -> Doubts:
        """The most doubtful decisions: merges that may be wrong, keywords that may be the same."""
        return self._database.records(
            Doubt, "select * from vitrina.audit_keywords(%s, %s::real)", (k, above)
        )

    def rebuild(self, *, dry_run: bool = True) -> Redecisions:
        """Decide all terms again that no person decided; asks no model.

        Returns each term with another keyword now, or in a dry run.
        """
        return retried(
            lambda: self._database.records(
                Redecision, "select * from vitrina.rebuild_keywords(%s)", (dry_run,)
            )
        )

    def suggest(
        self,
        product_ids: Sequence[int] | None = None,
        *,
        k: int = 100,
        min_confidence: float = 0.8,
        facets: Sequence[str] = FACETS,
        sources: Sequence[str] | None = None,
        among: int = 500,
    ) -> Suggestions:
        """Keywords that products may have, the surest first; nothing is stored, see `accept`.

        Of each facet the one that most of the products with the nearest pictures have; with
        product ids, the facet color too, measured from the picture.

        Args:
            product_ids: for these products; None: for those that lack a keyword of the facets.
            k: how many suggestions.
            min_confidence: least share of the nearest products that agree, 0 to 1. Colours of
                given products come whatever it is: they are right half of the time.
            facets: type and audience are measured well, others are not.
            sources: products of these only.
            among: without product ids, how many products to look at.
        """
        from vitrina.keywords.suggest import suggested  # on use: it opens pictures

        return suggested(self._database, product_ids, k, min_confidence, facets, sources, among)

    def accept(self, product: tuple[str, str], keyword: str) -> Changes:
        """Give a product, (source, external id), one more keyword, by hand; it can be undone.

        Raises NotFoundError for an unknown product or keyword, and names the nearest.
        """
        return self._changed("select * from vitrina.add_keyword(%s, %s, %s)", (*product, keyword))

    def history(self, *, k: int = 20) -> History:
        """The latest changes, newest first."""
        return self._database.records(PastChange, "select * from vitrina.keyword_history(%s)", (k,))

    def undo(self, change: int | None = None) -> Changes:
        """Undo a change: the latest that still holds, or the change with this number.

        Raises NotFoundError if it is not found, InputError if a later change blocks it.
        """
        return self._changed("select * from vitrina.undo_keyword_change(%s)", (change,))

    def pairs(self, *, above: float | None = None) -> Pairs:
        """Pairs of keywords that are near each other and undecided, most products first."""
        from vitrina.keywords.judge import judge_pairs

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
        from vitrina.keywords.judge import estimate

        return estimate(pairs, OpenAISettings.of(self._settings))

    def _changed(self, query: LiteralString, params: Params) -> Changes:
        """What a change did, term by term; tried again if workers were in its way."""
        return retried(lambda: self._database.records(Change, query, params))


def _of_one_source(products: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
    """The source of these products, and their external ids."""
    sources = {source for source, _ in products}
    if len(sources) != 1:
        raise InputError("give one product at least, and only products of one source")
    return sources.pop(), [external_id for _, external_id in products]
