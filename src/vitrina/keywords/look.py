"""The vocabulary: keywords, what terms resolve to, what is near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vitrina.models.base import Term
from vitrina.search.hits import Resolved

if TYPE_CHECKING:
    from vitrina.db.database import Database
    from vitrina.search.query_vectors import Queries


class Vocabulary:
    """The part of a catalog that is about keywords."""

    database: Database
    _queries: Queries

    def keywords(self, *, facet: str | None = None, k: int = 1000) -> list[dict[str, Any]]:
        """The vocabulary, most used first: keyword, facet, pinned, products, aliases."""
        return self.database.rows("select * from vitrina.list_keywords(%s, %s)", (facet, k))

    def resolve(
        self, said: Sequence[str], *, facets: Sequence[str] | None = None
    ) -> list[Resolved]:
        """The keyword each term is; terms that are none become keywords."""
        self._queries.learn([Term(term) for term in said])
        rows = self.database.rows(
            "select * from vitrina.resolve_keywords(%s::text[], null, %s::text[])",
            (list(said), list(facets) if facets is not None else None),
        )
        return [Resolved(**row) for row in rows]

    def similar_keywords(self, term: str, *, k: int = 10) -> list[dict[str, Any]]:
        """The k keywords nearest to a term: keyword, facet, similarity."""
        self._queries.embed(term)
        return self.database.rows("select * from vitrina.similar_keywords(%s, %s)", (term, k))

    def explain_keyword(self, term: str, *, facet: str | None = None) -> list[dict[str, Any]]:
        """What a term would become, and the nearest keywords with what speaks against each.

        Writes nothing; the first row is the decision.
        """
        self._queries.embed(term)
        return self.database.rows(
            "select * from vitrina.explain_keyword(%s, %s::text)", (term, facet)
        )

    def set_keyword_policy(
        self, mode: str | None = None, *, merge_narrower: bool | None = None
    ) -> dict[str, Any]:
        """Change how keywords are decided from now on, and return the policy in force.

        Args:
            mode: "strict" or "plain" (the nearest above the threshold, whatever it is).
            merge_narrower: whether "office chair" may join "chair".

        Raises:
            VitrinaError: for another mode.
        """
        self.database.rows(
            "select vitrina.set_keyword_policy(%s::text, %s::boolean)", (mode, merge_narrower)
        )
        return self.database.rows(
            "select p.mode, p.merge_narrower from vitrina.keyword_policy as p"
        )[0]
