"""Searching a catalog: by words, by picture, by another product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from vitrina.db.database import Database, HalfVector, Jsonb
from vitrina.errors import NotFoundError
from vitrina.pictures.given import PictureLike
from vitrina.pictures.part import Box, part_of
from vitrina.search.asked import FOUND, Asking, Channel, Mode, steady
from vitrina.search.explain import Explanation
from vitrina.search.hits import Hit
from vitrina.search.log import Searches
from vitrina.search.narrowing import Filters, Narrowing, check_attribute
from vitrina.search.product import Key, named, product_id
from vitrina.search.product_pictures import ProductPictures
from vitrina.search.reading import Reading


class Search:
    """Finds products by a query."""

    def __init__(
        self, database: Database, asking: Asking, searches: Searches, pictures: ProductPictures
    ) -> None:
        self._database = database
        self._pictures = pictures
        self._asked = asking
        self._searches = searches

    @steady
    def search(
        self,
        query: str | None = None,
        *,
        image: PictureLike | HalfVector | None = None,
        k: int = 10,
        offset: int = 0,
        mode: Mode = "hybrid",
        weights: Mapping[Channel, float] | None = None,
        title: str = "",
        min_relevance: float | None = None,
        sort: str = "relevance",
        group_by: str | None = None,
        log: bool = True,
        in_spaces: Sequence[str] | None = None,
        **filters: Unpack[Filters],
    ) -> list[Hit]:
        """The k products that match best, by words, by picture, or both.

        Args:
            query: words and conditions ("not black", "under 50", in five languages; see
                read_query); "a phrase" is required as it is, -word is excluded.
            image: a picture to search by: a path, an http(s) URL, bytes, an open file, an image
                of Pillow, or a vector of the image space.
            k: how many, 0 to 10,000.
            offset: how many to skip first.
            mode: words and vectors, vectors only, or words only.
            weights: of the channels in the score; default: text 1, others the weight of their
                space.
            title: the title of the picture, if known: helps a vision model.
            min_relevance: leave out products that are less surely an answer, 0 to 1; 0 gives the
                nearest ones, whatever they are. None: as the database's policy says, for a query
                of words.
            sort: relevance, newest, oldest, or an attribute: price from the least, -price from
                the greatest; products without it come last.
            group_by: an attribute: of the products with the same value only the first one.
            log: keep the query in the log of searches, if the policy is on; False for what is no
                shopper's query, such as one still being typed. Further pages are not logged.
            in_spaces: the names of spaces to search in instead of those in use, to compare them:
                one for texts, one for pictures.
            filters: attr, price_min, price_max, filter, where, with_keywords, any_keywords,
                without_keywords, sources; see Filters.

        Raises:
            PictureError: the picture cannot be used.
            InputError: an argument is out of range.
            NotFoundError: a filter, sort or group_by names a source, keyword or attribute that is
                not there, or in_spaces a space.
        """
        asked, narrowing = self._asked(
            query, image, title, mode, min_relevance, group_by, filters, weights, in_spaces
        )
        found = self._hits(
            f"select * from vitrina.search({FOUND}, weights => %(weights)s,"  # noqa: S608 - a constant
            " sort => %(sort)s, in_spaces => %(in_spaces)s::text[],"
            ' k => %(k)s, "offset" => %(offset)s)',
            {
                **asked,
                "sort": sort,
                "in_spaces": None if in_spaces is None else list(in_spaces),
                "k": k,
                "offset": offset,
            },
        )
        if log and query and k and not offset:
            self._searches.note(query, len(found))
        if not found:
            narrowing.explain_nothing(self._database)
        ordered = None if sort in ("relevance", "newest", "oldest") else sort.removeprefix("-")
        for name in (group_by, ordered):
            if name is not None and not any(name in hit.attributes for hit in found):
                check_attribute(self._database, name)
        return found

    @steady
    def count_matches(
        self,
        query: str | None = None,
        *,
        image: PictureLike | HalfVector | None = None,
        mode: Mode = "hybrid",
        weights: Mapping[Channel, float] | None = None,
        title: str = "",
        min_relevance: float | None = None,
        group_by: str | None = None,
        **filters: Unpack[Filters],
    ) -> int:
        """How many products search finds on all pages, with the same arguments."""
        asked, _ = self._asked(query, image, title, mode, min_relevance, group_by, filters, weights)
        statement = f"select vitrina.count_matches({FOUND}, weights => %(weights)s)"
        return int(self._database.value(statement, asked))

    @steady
    def explain(
        self,
        query: str | None,
        product: Key,
        *,
        image: PictureLike | HalfVector | None = None,
        k: int = 10,
        offset: int = 0,
        mode: Mode = "hybrid",
        weights: Mapping[Channel, float] | None = None,
        title: str = "",
        min_relevance: float | None = None,
        sort: str = "relevance",
        group_by: str | None = None,
        **filters: Unpack[Filters],
    ) -> Explanation:
        """Why a product is where it is in a search with these arguments, or is not there.

        Args:
            product: an id (a number), external id, or (source, external id).
            others: as for search.

        Raises as search does, and NotFoundError for an unknown product, with the nearest.
        """
        of = named(self._database, product).product_id
        asked, _ = self._asked(query, image, title, mode, min_relevance, group_by, filters, weights)
        (row,) = self._database.rows(
            f"select * from vitrina.explain_search({FOUND}, weights => %(weights)s,"  # noqa: S608 - a constant
            ' sort => %(sort)s, product => %(of)s::bigint, k => %(k)s, "offset" => %(offset)s)',
            {**asked, "sort": sort, "of": of, "k": k, "offset": offset},
        )
        return Explanation.from_row(row)

    def read_query(self, query: str) -> Reading:
        """How search understands a query: its words, keywords, corrections and conditions."""
        statement = "select * from vitrina.read_query(%s)"
        (reading,) = self._database.records(Reading, statement, (query,))
        return reading

    def similar(
        self,
        product: Key,
        *,
        k: int = 10,
        sources: Sequence[str] | None = None,
        weights: Mapping[Channel, float] | None = None,
        box: Box | str | Sequence[float] | None = None,
    ) -> list[Hit]:
        """The k products most similar to an id (a number), external id, or (source, external id).

        Args:
            sources: only products of these.
            weights: of the channels vector and image; {"image": 0} is by meaning alone.
            box: left, upper, width and height in fractions of its picture: those whose picture
                looks like this part, whatever they mean.

        Raises NotFoundError if it is not found, or has no picture for the box; InputError if
        several sources have it, or for a wrong box.
        """
        found = product_id(self._database, product)
        Narrowing(sources=sources).check_names(self._database)
        if box is not None:
            vector = self._asked.queries.image_vector(
                part_of(self._pictures.small(found), Box.of(box))
            )
            if vector is None:
                raise NotFoundError("no image space is in use: `vitrina spaces list` shows them")
            near = self._hits(
                "select * from vitrina.nearest_by_image(%b, k => %s, sources => %s::text[])",
                (vector, k + 1, list(sources) if sources is not None else None),
            )
            return [hit for hit in near if hit.product_id != found][:k]
        return self._hits(
            "select * from vitrina.similar_products(%s::bigint, %s, %s::text[], %s)",
            (
                found,
                k,
                list(sources) if sources is not None else None,
                Jsonb(dict(weights or {})),
            ),
        )

    def _hits(self, query: Any, params: Any) -> list[Hit]:
        return self._database.records(Hit, query, params)
