"""Browsing: facets, suggestions, recommendations, duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from vitrina.db.database import Database, HalfVector
from vitrina.db.unknown import check_names
from vitrina.errors import NotFoundError
from vitrina.pictures.given import PictureLike
from vitrina.search.asked import FOUND, Asking, Mode, steady
from vitrina.search.hits import Hit
from vitrina.search.narrowing import Filters, Narrowing, check_attribute
from vitrina.search.product import Key, product_id


@dataclass(frozen=True, slots=True)
class Facet:
    """A value that products share, and how many have it.

    `kind` is keyword or attribute, `facet` the keyword's facet or the attribute's name; `low` and
    `high` bound a range of numbers; `chosen`: the search is narrowed to this value; `estimated`:
    the count is of a part of very many products.
    """

    kind: str
    facet: str
    value: str
    products: int
    low: float | None
    high: float | None
    chosen: bool = False
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Bin:
    """Numbers from `low` to below `high`, and how many products have one of them.

    The last of the equal bins has `high` too. Bin 0 has the few numbers below the first, and the
    one after the last those above.
    """

    bin: int
    low: float
    high: float
    products: int
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Overview:
    """What stands beside the products that search finds: how many they are, facets, a histogram.

    `late` names the facets and attributes that were not counted in time.
    """

    products: int
    facets: list[Facet]
    bins: list[Bin]
    late: list[str]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A completion of a query: the words, their keyword, and how many products have it."""

    suggestion: str
    keyword: str
    facet: str
    products: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A product that is nearly the same as an earlier one, and by what.

    `reasons` are picture (the same one, or a copy of it), text, and looks (another picture that
    looks much like it). `distance` is in bits of the hashes; `similarity` is the cosine of the
    texts, None where only the titles are the same; `picture_similarity` that of the layouts of the
    pictures, `looks` that of their vectors; `confidence` is 0 to 1.
    """

    product_id: int
    source: str
    external_id: str
    title: str
    of_product: int
    of_source: str
    of_external_id: str
    of_title: str
    reasons: list[str]
    distance: int | None
    similarity: float | None
    picture_similarity: float | None
    looks: float | None
    confidence: float


class Browse:
    """Finds products without a query, and counts their facets; see Search."""

    def __init__(self, database: Database, asking: Asking) -> None:
        self._database = database
        self._asked = asking

    @steady
    def facets(
        self,
        query: str | None = None,
        *,
        image: PictureLike | HalfVector | None = None,
        k: int = 10,
        attributes: Sequence[str] | None = None,
        mode: Mode = "hybrid",
        title: str = "",
        min_relevance: float | None = None,
        group_by: str | None = None,
        **filters: Unpack[Filters],
    ) -> list[Facet]:
        """The keywords and attributes of all products that search finds, counted.

        A count is that of the rows that search finds once the value is chosen: a facet is counted
        without the choices of its own (any_keywords; an attribute in attr, filter or where).

        Args:
            query, image, mode, title, min_relevance, group_by, filters: as for search.
            k: values of each facet, 1 to 1000.
            attributes: count these attributes only; None: all whose values repeat.

        Raises what search raises.
        """
        asked, narrowing = self._asked(query, image, title, mode, min_relevance, group_by, filters)
        rows = self._database.rows(
            f"select * from vitrina.facets({FOUND}, k => %(k)s,"  # noqa: S608 - a constant
            " attributes => %(attributes)s::text[])",
            {**asked, "k": k, "attributes": list(attributes) if attributes is not None else None},
        )
        if not rows:
            narrowing.explain_nothing(self._database)
        counted = {row["facet"] for row in rows if row["kind"] == "attribute"}
        check_names(
            self._database, attributes=[name for name in attributes or () if name not in counted]
        )
        return [_facet(row) for row in rows]

    @steady
    def overview(
        self,
        query: str | None = None,
        *,
        image: PictureLike | HalfVector | None = None,
        k: int = 10,
        attributes: Sequence[str] | None = None,
        bins_of: str | None = None,
        bins: int = 24,
        milliseconds: int | None = None,
        mode: Mode = "hybrid",
        title: str = "",
        min_relevance: float | None = None,
        group_by: str | None = None,
        **filters: Unpack[Filters],
    ) -> Overview:
        """What facets, count_matches and histogram give, for the price of one search.

        Args:
            query, image, mode, title, min_relevance, group_by, filters: as for search.
            k, attributes: as for facets.
            bins_of, bins: the attribute of the histogram, and how many bins it has; None: none.
            milliseconds: after so long no further part is counted; `late` of the result names what
                is left out. None: all is counted.

        Raises what search raises; NotFoundError if no product has one of the attributes.
        """
        asked, narrowing = self._asked(query, image, title, mode, min_relevance, group_by, filters)
        rows = self._database.rows(
            f"select * from vitrina.overview({FOUND}, k => %(k)s,"  # noqa: S608 - a constant
            " attributes => %(attributes)s::text[], bins_of => %(bins_of)s, bins => %(bins)s,"
            " milliseconds => %(milliseconds)s)",
            {
                **asked,
                "k": k,
                "attributes": list(attributes) if attributes is not None else None,
                "bins_of": bins_of,
                "bins": bins,
                "milliseconds": milliseconds,
            },
        )
        by_kind: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            by_kind.setdefault(row["kind"], []).append(row)
        products = int(by_kind["total"][0]["products"])
        late = [row["facet"] for row in by_kind.get("late", [])]
        if not products:
            narrowing.explain_nothing(self._database)
        known = {row["facet"] for kind in ("attribute", "bin") for row in by_kind.get(kind, [])}
        wanted = [*(attributes or ()), *([bins_of] if bins_of is not None else [])]
        check_names(
            self._database, attributes=[each for each in wanted if each not in {*known, *late}]
        )
        counted = [*by_kind.get("keyword", []), *by_kind.get("attribute", [])]
        return Overview(
            products,
            [_facet(row) for row in counted if row["facet"] not in late],
            [_bin(row) for row in by_kind.get("bin", []) if row["facet"] not in late],
            late,
        )

    def histogram(
        self,
        attribute: str,
        query: str | None = None,
        *,
        bins: int = 24,
        image: PictureLike | None = None,
        mode: Mode = "hybrid",
        title: str = "",
        min_relevance: float | None = None,
        group_by: str | None = None,
        **filters: Unpack[Filters],
    ) -> list[Bin]:
        """The numbers of an attribute of all products that search finds, in equal bins, to draw.

        Args:
            attribute: its name; conditions on itself do not count.
            query, image, mode, title, min_relevance, group_by, filters: as for search.
            bins: how many, 1 to 1000, between what 1 % of the numbers are below and above.

        Raises what search raises; NotFoundError if no product has the attribute.
        """
        asked, narrowing = self._asked(query, image, title, mode, min_relevance, group_by, filters)
        rows = self._database.rows(
            f"select * from vitrina.histogram(%(attribute)s, %(bins)s, {FOUND})",  # noqa: S608 - a constant
            {**asked, "attribute": attribute, "bins": bins},
        )
        if not rows:
            narrowing.explain_nothing(self._database)
            check_attribute(self._database, attribute)
        return [_bin({**row, "value": row["bin"]}) for row in rows]

    def suggest(self, prefix: str, *, k: int = 10) -> list[Suggestion]:
        """Keywords that begin with the prefix, most used first."""
        statement = "select * from vitrina.suggest(%s, %s)"
        return self._database.records(Suggestion, statement, (prefix, k))

    def recommend(
        self,
        liked: Sequence[Key],
        disliked: Sequence[Key] = (),
        *,
        k: int = 10,
        **filters: Unpack[Filters],
    ) -> list[Hit]:
        """The k products nearest to all liked ones together, and away from the disliked.

        Args:
            liked, disliked: ids, or (source, external id); these are not recommended.
            k: how many, 1 to 1000.
            filters: as for search.

        Raises NotFoundError for an unknown product, InputError if no product is liked.
        """
        narrowing = Narrowing(**filters)
        return self._found(
            narrowing,
            "select * from vitrina.recommend(%(liked)s::bigint[], %(disliked)s::bigint[], %(k)s,"
            " filter => %(filter)s, where_path => %(where)s::jsonpath,"
            " with_keywords => %(with)s::text[], without_keywords => %(without)s::text[],"
            " sources => %(sources)s::text[], any_keywords => %(any)s)",
            {
                "liked": [product_id(self._database, key) for key in liked],
                "disliked": [product_id(self._database, key) for key in disliked],
                "k": k,
                **narrowing.params(),
            },
        )

    @steady
    def nearest_by_image(
        self,
        image: PictureLike,
        *,
        k: int = 10,
        **filters: Unpack[Filters],
    ) -> list[Hit]:
        """The k products whose picture is nearest to this one, as for search. Uses no words.

        Raises PictureError if the picture cannot be used.
        """
        vector = self._asked.queries.image_vector(self._asked.picture(image))
        if vector is None:
            raise NotFoundError("no image space is in use: `vitrina spaces list` shows them")
        narrowing = Narrowing(**filters)
        return self._found(
            narrowing,
            "select * from vitrina.nearest_by_image(%(vector)b, k => %(k)s,"
            " filter => %(filter)s, where_path => %(where)s::jsonpath,"
            " with_keywords => %(with)s::text[], without_keywords => %(without)s::text[],"
            " sources => %(sources)s::text[], any_keywords => %(any)s)",
            {
                "vector": vector,
                "k": k,
                **narrowing.params(),
            },
        )

    def duplicates(
        self,
        *,
        k: int = 100,
        max_distance: int | None = 20,
        min_similarity: float | None = 0.97,
        sources: Sequence[str] | None = None,
        min_picture: float = 0.99,
        min_looks: float | None = None,
    ) -> list[Duplicate]:
        """The k products most surely the same as an earlier one, by picture, by text, or both.

        Args:
            k: how many, 1 to 100,000.
            max_distance: bits of 64 that two pictures' hashes may differ in, 0 to 64; None: go by
                texts alone.
            min_similarity: least cosine of two texts, 0.8 to 1; None skips texts. Texts say nothing
                of products whose pictures can be compared and are no copies of each other, unless
                max_distance is None.
            sources: among products of these only.
            min_picture: least cosine of two pictures' layouts, 0.8 to 1: below 0.99, other
                pictures come in too.
            min_looks: also products whose pictures only look alike, a cosine of at least this in
                the image space in use, 0.8 to 1; None: copies of pictures only.
        """
        Narrowing(sources=sources).check_names(self._database)
        return self._database.records(
            Duplicate,
            "select * from vitrina.duplicates(%s, %s, %s::real, %s::text[], %s::real, %s::real)",
            (
                k,
                max_distance,
                min_similarity,
                list(sources) if sources is not None else None,
                min_picture,
                min_looks,
            ),
        )

    def _found(self, narrowing: Narrowing, query: Any, params: Mapping[str, Any]) -> list[Hit]:
        narrowing.check_names(self._database)
        found = self._database.records(Hit, query, params)
        if not found:
            narrowing.explain_nothing(self._database)
        return found


def _facet(row: Mapping[str, Any]) -> Facet:
    low, high = (None if row[name] is None else float(row[name]) for name in ("low", "high"))
    given = (row["kind"], row["facet"], row["value"], row["products"])
    return Facet(*given, low, high, row["chosen"], row["estimated"])


def _bin(row: Mapping[str, Any]) -> Bin:
    ends = (float(row["low"]), float(row["high"]))
    return Bin(int(row["value"]), *ends, row["products"], row["estimated"])
