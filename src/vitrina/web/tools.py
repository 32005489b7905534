"""The verbs as tools of assistants: what each takes, checked, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vitrina.db.facets import Facet
from vitrina.errors import InputError, NotFoundError
from vitrina.search.asked import Mode
from vitrina.web import answers, verbs
from vitrina.web.services import Services
from vitrina.web.state import MOST, QUERY_LENGTH, State, decimal

SHOWN = 10  # products, unless another number is asked for
ERRORS = 5  # wrong arguments that are named

Id = Annotated[int, Field(ge=1, lt=2**63)]
Names = Annotated[list[str], Field(max_length=100)]
Number = Annotated[int, Field(ge=1, le=MOST, description="How many products.")]
Price = Annotated[float, Field(ge=0, lt=1e12)]
Few = Annotated[int, Field(ge=1, le=1000)]


class Arguments(BaseModel):
    """What a tool takes; anything else is refused."""

    model_config = ConfigDict(extra="forbid")


class Narrowed(Arguments):
    """Filters: within a facet or an attribute any of the values, between them all."""

    keywords: dict[Facet, Names] = Field(
        {}, description='By facet, any of these keywords: {"color": ["gray", "black"]}.'
    )
    without: Names = Field([], description="None of these keywords.")
    attributes: dict[str, Names] = Field(
        {}, description='By attribute, any of these values: {"brand": ["Linden"]}.', max_length=50
    )
    price_min: Price | None = None
    price_max: Price | None = None
    sources: Names = Field([], description="Only products of these sources.")
    like: list[Id] = Field([], description="Ids of products to be near to.", max_length=50)
    unlike: list[Id] = Field([], description="Ids of products to be away from.", max_length=50)

    def pairs(self) -> list[tuple[str, str]]:
        """The names and values of the address of this search."""
        given = [(f"k.{facet}", name) for facet, names in self.keywords.items() for name in names]
        given += [(f"a.{name}", one) for name, values in self.attributes.items() for one in values]
        given += [("x", name) for name in self.without]
        given += [("source", name) for name in self.sources]
        given += [("like", str(product)) for product in self.like]
        given += [("unlike", str(product)) for product in self.unlike]
        if (self.price_min, self.price_max) != (None, None):
            ends = (self.price_min, self.price_max)
            given.append(("price", "..".join("" if end is None else decimal(end) for end in ends)))
        return given

    def state(self) -> State:
        """The search that this asks for. Raises InputError."""
        try:
            return State.of(urlencode(self.pairs()))
        except UnicodeEncodeError:
            raise InputError("a keyword, a name or a value is no text that can be sent") from None


class Searched(Narrowed):
    """Words, a picture and filters."""

    query: str = Field(
        "", description="Words; “a phrase” in quotes is required, -word excluded.",
        max_length=QUERY_LENGTH,
    )  # fmt: skip
    picture_of: Id | None = Field(None, description="Products that look like this product.")
    picture_url: str | None = Field(
        None, description="Products that look like the picture at this address.", max_length=2000
    )
    mode: Mode = Field("hybrid", description="By words and meaning, or by one of the two.")
    group_by: str = Field(
        "", description="Of the products with the same value of this attribute only the first."
    )

    def pairs(self) -> list[tuple[str, str]]:
        """The names and values of the address of this search."""
        if self.picture_of and self.picture_url:
            raise InputError("give picture_of or picture_url, not both")
        given = [*super().pairs(), ("q", self.query), ("mode", self.mode), ("group", self.group_by)]
        if self.picture_of:
            given.append(("pic", f"p:{self.picture_of}"))
        if self.picture_url:
            given.append(("pic", f"u:{self.picture_url}"))
        return given


class Search(Searched):
    """A page of a search."""

    sort: str = Field(
        "relevance", description="relevance, newest, oldest, or an attribute: price, or -price."
    )
    k: Number = SHOWN
    page: Annotated[int, Field(ge=1, le=100_000)] = 1

    def pairs(self) -> list[tuple[str, str]]:
        """The names and values of the address of this search."""
        own = [("sort", self.sort), ("n", str(self.k)), ("page", str(self.page))]
        return [*super().pairs(), *own]


class CountFacets(Searched):
    """The values to choose among in a search."""

    k: Few = Field(SHOWN, description="Values of each facet.")
    count_attributes: Names = Field(
        [], description="Attributes to count; if empty, all that repeat among products."
    )


class Suggest(Arguments):
    """The beginning of a query."""

    query: str = Field(description="What was typed so far.", max_length=QUERY_LENGTH)
    k: Few = SHOWN


class Similar(Arguments):
    """A product."""

    product_id: Id
    sources: Names = Field([], description="Only products of these sources.")
    k: Number = SHOWN


class Recommend(Narrowed):
    """Liked and disliked products."""

    k: Number = SHOWN

    def pairs(self) -> list[tuple[str, str]]:
        """The names and values of the address of this search."""
        return [*super().pairs(), ("n", str(self.k))]


class One(Arguments):
    """A product, by its id here or by the shop's own."""

    product_id: Id | None = None
    external_id: str | None = Field(None, description="The shop's own id.", max_length=2000)
    source: str | None = Field(None, description="Of external_id, if several sources have it.")

    @property
    def key(self) -> int | str | tuple[str, str]:
        """What Catalog.get takes."""
        if self.product_id is not None:
            return self.product_id
        if self.external_id is None:
            raise InputError("name a product: product_id or external_id")
        return (self.source, self.external_id) if self.source else self.external_id


class Explain(Search):
    """A product and a search."""

    product_id: Id


class Picture(Arguments):
    """A product."""

    product_id: Id


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture that a tool gives."""

    data: bytes
    kind: Literal["image/webp"] = "image/webp"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its name, what it does, takes and gives; `answer` is None for a picture."""

    name: str
    text: str
    takes: type[Arguments]
    run: Callable[[Services, Any], verbs.Value | Thumbnail]
    answer: type[BaseModel] | None = field(default=None)

    def call(self, shared: Services, given: dict[str, Any]) -> verbs.Value | Thumbnail:
        """What it gives for these arguments. Raises InputError that names the wrong ones."""
        try:
            arguments = self.takes.model_validate(given)
        except ValidationError as error:
            raise InputError(_wrong(self, error)) from None
        return self.run(shared, arguments)


def _wrong(tool: Tool, error: ValidationError) -> str:
    """Which arguments are wrong, and how."""
    said: list[str] = []
    for each in error.errors(include_url=False, include_input=False)[:ERRORS]:
        name = ".".join(map(str, each["loc"]))[:100]
        if each["type"] == "extra_forbidden":
            known = ", ".join(tool.takes.model_fields)
            said.append(f"{tool.name} has no argument {name!r}: it takes {known}")
        else:
            said.append(f"{name}: {each['msg']}")
    return "; ".join(said)


def _picture(shared: Services, given: Picture) -> Thumbnail:
    found = shared.catalog.get(given.product_id)
    sha256 = shared.catalog.pictures.of({found.product_id: found.image}).get(found.product_id)
    data = shared.catalog.pictures.thumbnail(sha256) if sha256 else None
    if data is None:
        why = f": {found.image_error}" if found.image_error else ""
        raise NotFoundError(f"product {given.product_id} has no picture here{why}")
    return Thumbnail(data)


TOOLS: tuple[Tool, ...] = (
    Tool(
        "search",
        "Find the products that match best: by words, by picture, by liked products, or by all."
        " In an answer, missing is what a product lacks of what was asked for."
        " more: another page follows.",
        Search,
        lambda shared, given: verbs.search(shared, given.state()),
        answers.FoundProducts,
    ),
    Tool(
        "count",
        "Count the products that the same search finds on all its pages.",
        Searched,
        lambda shared, given: verbs.count(shared, given.state()),
        answers.Count,
    ),
    Tool(
        "facets",
        "List the keywords and attributes of the products that a search finds, with counts: values"
        " to narrow it by.",
        CountFacets,
        lambda shared, given: verbs.facets(shared, given.state(), given.k, given.count_attributes),
        answers.Facets,
    ),
    Tool(
        "suggest",
        "Complete the beginning of a query.",
        Suggest,
        lambda shared, given: verbs.suggest(shared, given.query, given.k),
        answers.Suggestions,
    ),
    Tool(
        "similar",
        "Find the products most similar to a product, by meaning and by looks.",
        Similar,
        lambda shared, given: verbs.similar(shared, given.product_id, given.k, given.sources),
        answers.FoundProducts,
    ),
    Tool(
        "recommend",
        "Find the products nearest to the liked ones together, and away from the disliked.",
        Recommend,
        lambda shared, given: verbs.recommend(shared, given.state()),
        answers.FoundProducts,
    ),
    Tool(
        "product",
        "Tell everything known of a product: texts, attributes, variants, and how each keyword was"
        " decided.",
        One,
        lambda shared, given: verbs.product(shared, given.key),
        answers.Whole,
    ),
    Tool(
        "explain",
        "Say why a product is where it is in a search, or at which gate it fell.",
        Explain,
        lambda shared, given: verbs.explain(shared, given.state(), given.product_id),
        answers.Explained,
    ),
    Tool("picture", "Show a product's picture: a thumbnail of 320 pixels.", Picture, _picture),
)
BY_NAME = {tool.name: tool for tool in TOOLS}
