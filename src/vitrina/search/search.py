"""Searching a catalog: by words, by picture, by another product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from vitrina.context import Context
from vitrina.db.database import Jsonb
from vitrina.pictures.decode import Picture
from vitrina.search.browse import Key, product_id
from vitrina.search.hits import Hit
from vitrina.search.query_vectors import Queries

Mode = Literal["hybrid", "vector", "text"]
Channel = Literal["text", "vector", "image"]

ARGUMENTS = """\
query => %(query)s, filter => %(filter)s, where_path => %(where)s::jsonpath,
with_keywords => %(with)s::text[], without_keywords => %(without)s::text[],
sources => %(sources)s::text[], mode => %(mode)s, image_embedding => %(image)s,
weights => %(weights)s, group_by => %(group_by)s, min_relevance => %(min_relevance)s::real,
embedding => coalesce(vitrina.query_embedding(%(words)s), %(unremembered)b)"""


class Search:
    """Finds products by a query.

    Args:
        context: the catalog's context.
        queries: makes vectors of queries.
        picture: loads a picture that the user named.
    """

    def __init__(
        self, context: Context, queries: Queries, picture: Callable[[str], Picture]
    ) -> None:
        self._database = context.database
        self._queries = queries
        self._picture = picture

    def search(
        self,
        query: str | None = None,
        *,
        image: str | Path | None = None,
        k: int = 10,
        offset: int = 0,
        filter: Mapping[str, object] | None = None,
        where: str | None = None,
        with_keywords: Sequence[str] = (),
        without_keywords: Sequence[str] = (),
        sources: Sequence[str] | None = None,
        mode: Mode = "hybrid",
        weights: Mapping[Channel, float] | None = None,
        title: str = "",
        group_by: str | None = None,
        min_relevance: float | None = None,
    ) -> list[Hit]:
        """The k products that match best, by words, by picture, or both.

        Args:
            query: words; "a phrase" is required as it is, -word is excluded.
            image: a picture to search by: a path or an http(s) URL.
            k: how many, 0 to 10,000.
            offset: how many to skip first.
            filter: attributes must be this, or lists that have it.
            where: a jsonpath predicate over attributes, like '$.price < 50'.
            with_keywords: products must have all of these.
            without_keywords: and not these.
            sources: only products of these sources.
            mode: words and vectors, vectors only, or words only.
            weights: of the channels in the score; default: text 1, others the weight of their
                space.
            title: the title of the picture, if known: helps a vision model.
            group_by: an attribute: of the products with the same value only the best one.
            min_relevance: leave out products that are less surely an answer, 0 to 1; 0 gives the
                nearest ones, whatever they are. None: as the database's policy says, for a query
                of words.

        Raises:
            PictureError: the picture cannot be used.
            InputError: an argument is out of range.
        """
        asked = self._asked(
            query, image, filter, where, with_keywords, without_keywords, sources, mode, weights,
            title, group_by, min_relevance,
        )  # fmt: skip
        return self._hits(
            f"select * from vitrina.search({ARGUMENTS},"  # noqa: S608 - a constant
            ' k => %(k)s, "offset" => %(offset)s)',
            {**asked, "k": k, "offset": offset},
        )

    def count_matches(
        self,
        query: str | None = None,
        *,
        image: str | Path | None = None,
        filter: Mapping[str, object] | None = None,
        where: str | None = None,
        with_keywords: Sequence[str] = (),
        without_keywords: Sequence[str] = (),
        sources: Sequence[str] | None = None,
        mode: Mode = "hybrid",
        weights: Mapping[Channel, float] | None = None,
        title: str = "",
        group_by: str | None = None,
        min_relevance: float | None = None,
    ) -> int:
        """How many products search finds on all pages, with the same arguments."""
        asked = self._asked(
            query, image, filter, where, with_keywords, without_keywords, sources, mode, weights,
            title, group_by, min_relevance,
        )  # fmt: skip
        statement = f"select vitrina.count_matches({ARGUMENTS})"
        return int(self._database.value(statement, asked))

    def _asked(
        self,
        query: str | None,
        image: str | Path | None,
        filter: Mapping[str, object] | None,
        where: str | None,
        with_keywords: Sequence[str],
        without_keywords: Sequence[str],
        sources: Sequence[str] | None,
        mode: Mode,
        weights: Mapping[Channel, float] | None,
        title: str,
        group_by: str | None,
        min_relevance: float | None,
    ) -> dict[str, object]:
        """The parameters of ARGUMENTS."""
        vector, words = None, None
        if image is not None:
            picture = self._picture(str(image))
            vector = self._queries.image_vector(picture)
            words = self._queries.picture_words(picture, title) if not query else None
        return {
            "query": query,
            "filter": Jsonb(dict(filter or {})),
            "where": where,
            "with": list(with_keywords),
            "without": list(without_keywords),
            "sources": list(sources) if sources is not None else None,
            "mode": mode,
            "weights": Jsonb(dict(weights or {})),
            "group_by": group_by,
            "min_relevance": min_relevance,
            "image": vector,
            "words": words,
            "unremembered": self._queries.embed(query) if mode != "text" else None,
        }

    def similar(self, product: Key, *, k: int = 10) -> list[Hit]:
        """The k products most similar to an id (a number), external id, or (source, external id).

        Raises NotFoundError if it is not found, InputError if several sources have
        it.
        """
        return self._hits(
            "select * from vitrina.similar_products(%s, %s)",
            (product_id(self._database, product), k),
        )

    def _hits(self, query: Any, params: Any) -> list[Hit]:
        return [Hit(**row) for row in self._database.rows(query, params)]
