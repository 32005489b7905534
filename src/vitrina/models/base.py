"""The contracts between the pipeline and providers, which tag, describe, caption and embed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from vitrina.db.facets import FACETS, Facet

if TYPE_CHECKING:
    from vitrina.pictures.decode import Picture

__all__ = ["FACETS", "Enrichment", "Facet", "ImageEmbedder", "Subject", "Term", "Vision"]

INPUTS = 2048  # most texts embedded in one request


@dataclass(frozen=True, slots=True)
class Subject:
    """A provider's view of one product.

    `picture` is None if unavailable; `text` is what the shop wrote. language: of its words; shown:
    of its keywords; the offline provider heeds them, as Postgres names text-search configurations.
    further: more pictures of the product, for a model that sees several.
    asked: how often a person had models asked again.
    """

    title: str
    attributes: Mapping[str, object] = field(default_factory=dict)
    picture: Picture | None = None
    text: str | None = None
    language: str = "english"
    shown: str = "english"
    asked: int = 0
    further: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """A keyword as the provider said it, before it is resolved against the vocabulary."""

    term: str
    facet: Facet | None = None


@dataclass(frozen=True, slots=True)
class Enrichment:
    """Keywords, description and caption of one product.

    `answers` names the stored answers it is made of, as put_enrichments takes them.
    """

    terms: tuple[Term, ...]
    description: str
    caption: str
    answers: tuple[Mapping[str, str], ...] = ()


class Vision(Protocol):
    """Turns a product's picture, title and attributes into an enrichment.

    `model` and `prompt_version` are part of the cache key: change one if answers would change.
    """

    provider: str
    model: str
    prompt_version: str

    def enrich(self, subject: Subject) -> Enrichment:
        """Enrich one product. Raises ItemError for this product, ProviderError for all."""
        ...


class ImageEmbedder(Protocol):
    """Turns a picture into one vector of `dimensions` numbers, compared by cosine."""

    model: str
    dimensions: int

    def embed(self, picture: Picture) -> Sequence[float]:
        """The picture's vector: finite and not all zero."""
        ...
