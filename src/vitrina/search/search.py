"""Searching a catalog: by words, by picture, by another product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Unpack

from vitrina.context import Context
from vitrina.db.database import Jsonb
from vitrina.pictures.decode import Picture
from vitrina.pictures.given import PictureLike
from vitrina.search.explain import Explanation
from vitrina.search.hits import Hit
from vitrina.search.narrowing import Filters, Narrowing, check_attribute
from vitrina.search.product import Key, named, product_id
from vitrina.search.query_vectors import Queries
from vitrina.search.reading import Reading

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
        self, context: Context, queries: Queries, picture: Callable[[PictureLike], Picture]
    ) -> None:
        self._database = context.database
        self._queries = queries
        self._picture = picture

    def search(
        self,
        query: str | None = None,
        *,
        image: PictureLike | None = None,
        k: int = 10,
        offset: int = 0,
        mode: Mode = "hybrid",
        weights: Mapping[Channel, float] | None = None,
        title: str = "",
        group_by: str | None = None,
        min_relevance: float | None = None,
        **filters: Unpack[Filters],
    ) -> list[Hit]:
        """The k products that match best, by words, by picture, or both.

        Args:
            query: words and conditions ("not black", "under 50", in five languages; see
                read_query); "a phrase" is required as it is, -word is excluded.
            image: a picture to search by: a path, an http(s) URL, bytes, an open file or an image
                of Pillow.
            k: how many, 0 to 10,000.
            offset: how many to skip first.
            mode: words and vectors, vectors only, or words only.
            weights: of the channels in the score; default: text 1, others the weight of their
                space.
            title: the title of the picture, if known: helps a vision model.
            group_by: an attribute: of the products with the same value only the best one.
            min_relevance: leave out products that are less surely an answer, 0 to 1; 0 gives the
                nearest ones, whatever they are. None: as the database's policy says, for a query
                of words.
            filters: attr, price_min, price_max, filter, where, with_keywords, without_keywords,
                sources; see Filters.

        Raises:
            PictureError: the picture cannot be used.
            InputError: an argument is out of range.
            NotFoundError: a filter, or group_by, names a source, keyword or attribute that is not
                there.
        """
        asked, narrowing = self._asked(
            query, image, mode, weights, title, group_by, min_relevance, filters
        )
        found = self._hits(
            f"select * from vitrina.search({ARGUMENTS},"  # noqa: S608 - a constant
            ' k => %(k)s, "offset" => %(offset)s)',
            {**asked, "k": k, "offset": offset},
        )
        if not found:
            narrowing.explain_nothing(self._database)
        if group_by is not None and not any(group_by in hit.attributes for hit in found):
            check_attribute(self._database, group_by)
        return found

    def count_matches(
        self,
        query: str | None = None,
        *,
        image: PictureLike | None = None,
        mode: Mode = "hybrid",
        weights: Mapping[Channel, float] | None = None,
        title: str = "",
        group_by: str | None = None,
        min_relevance: float | None = None,
        **filters: Unpack[Filters],
    ) -> int:
        """How many products search finds on all pages, with the same arguments."""
        asked, _ = self._asked(query, image, mode, weights, title, group_by, min_relevance, filters)
        statement = f"select vitrina.count_matches({ARGUMENTS})"
        return int(self._database.value(statement, asked))

    def explain(
        self,
        query: str | None,
        product: Key,
        *,
        image: PictureLike | None = None,
        k: int = 10,
        offset: int = 0,
        mode: Mode = "hybrid",
        weights: Mapping[Channel, float] | None = None,
        title: str = "",
        group_by: str | None = None,
        min_relevance: float | None = None,
        **filters: Unpack[Filters],
    ) -> Explanation:
        """Why a product is where it is in a search with these arguments, or is not there.

        Args:
            product: an id (a number), external id, or (source, external id).
            others: as for search.

        Raises as search does, and NotFoundError for an unknown product, with the nearest.
        """
        of = named(self._database, product).product_id
        asked, _ = self._asked(query, image, mode, weights, title, group_by, min_relevance, filters)
        (row,) = self._database.rows(
            f"select * from vitrina.explain_search({ARGUMENTS},"  # noqa: S608 - a constant
            ' product => %(of)s::bigint, k => %(k)s, "offset" => %(offset)s)',
            {**asked, "of": of, "k": k, "offset": offset},
        )
        return Explanation.from_row(row)

    def _asked(
        self,
        query: str | None,
        image: PictureLike | None,
        mode: Mode,
        weights: Mapping[Channel, float] | None,
        title: str,
        group_by: str | None,
        min_relevance: float | None,
        filters: Filters,
    ) -> tuple[dict[str, object], Narrowing]:
        """The parameters of ARGUMENTS."""
        narrowing = Narrowing(**filters)
        narrowing.check_names(self._database)
        vector, words = None, None
        if image is not None:
            picture = self._picture(image)
            vector = self._queries.image_vector(picture)
            words = self._queries.picture_words(picture, title) if not query else None
        return {
            "query": query,
            "mode": mode,
            "weights": Jsonb(dict(weights or {})),
            "group_by": group_by,
            "min_relevance": min_relevance,
            "image": vector,
            "words": words,
            "unremembered": self._queries.embed(query) if mode != "text" else None,
            **narrowing.params(),
        }, narrowing

    def read_query(self, query: str) -> Reading:
        """How search understands a query: its words, keywords, corrections and conditions."""
        (row,) = self._database.rows("select * from vitrina.read_query(%s)", (query,))
        return Reading(**row)

    def similar(
        self, product: Key, *, k: int = 10, sources: Sequence[str] | None = None
    ) -> list[Hit]:
        """The k products most similar to an id (a number), external id, or (source, external id).

        sources: only products of these.

        Raises NotFoundError if it is not found, InputError if several sources have
        it.
        """
        found = product_id(self._database, product)
        Narrowing(sources=sources).check_names(self._database)
        return self._hits(
            "select * from vitrina.similar_products(%s::bigint, %s, %s::text[])",
            (found, k, list(sources) if sources is not None else None),
        )

    def _hits(self, query: Any, params: Any) -> list[Hit]:
        return [Hit(**row) for row in self._database.rows(query, params)]
