"""What a search asks for: its arguments, as parameters of the SQL functions that share them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Literal, ParamSpec, TypeVar

from vitrina.context import Context
from vitrina.db.database import HalfVector, Jsonb
from vitrina.errors import InputError
from vitrina.pictures.decode import Picture
from vitrina.pictures.given import PictureLike
from vitrina.search.narrowing import Filters, Narrowing
from vitrina.search.query_vectors import Queries

Mode = Literal["hybrid", "vector", "text"]
Channel = Literal["text", "vector", "image"]

# of search, count_matches and facets alike
FOUND = """\
query => %(query)s, filter => %(filter)s, where_path => %(where)s::jsonpath,
with_keywords => %(with)s::text[], without_keywords => %(without)s::text[],
sources => %(sources)s::text[], mode => %(mode)s, image_embedding => %(image)s,
min_relevance => %(min_relevance)s::real, group_by => %(group_by)s, any_keywords => %(any)s,
embedding => coalesce(vitrina.query_embedding(%(words)s), %(unremembered)b)"""


P = ParamSpec("P")
T = TypeVar("T")


def steady(search: Callable[P, T]) -> Callable[P, T]:
    """A search that is made once more if the image space was switched while it began."""

    @wraps(search)
    def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return search(*args, **kwargs)
        except InputError as exc:
            if "dimensions, the active image space" not in str(exc):
                raise
        return search(*args, **kwargs)

    return tried


@dataclass(frozen=True, slots=True)
class Asking:
    """Makes the parameters of FOUND.

    Args:
        context: the catalog's context.
        queries: makes vectors of queries.
        picture: loads a picture that the user named.
    """

    context: Context
    queries: Queries
    picture: Callable[[PictureLike], Picture]

    def __call__(
        self,
        query: str | None,
        image: PictureLike | HalfVector | None,
        title: str,
        mode: Mode,
        min_relevance: float | None,
        group_by: str | None,
        filters: Filters,
        weights: Mapping[Channel, float] | None = None,
        in_spaces: Sequence[str] | None = None,
    ) -> tuple[dict[str, object], Narrowing]:
        """The parameters, and the filters. Raises NotFoundError and PictureError as search does."""
        narrowing = Narrowing(**filters)
        narrowing.check_names(self.context.database)
        vector, words = None, None
        if isinstance(image, HalfVector):
            vector = image
        elif image is not None:
            picture = self.picture(image)
            vector = self.queries.image_vector(picture)
            words = self.queries.picture_words(picture, title) if not query else None
        return {
            "query": query,
            "mode": mode,
            "weights": Jsonb(dict(weights or {})),
            "group_by": group_by,
            "min_relevance": min_relevance,
            "image": vector,
            "words": words,
            "unremembered": self.queries.embed(query, in_spaces) if mode != "text" else None,
            **narrowing.params(),
        }, narrowing
