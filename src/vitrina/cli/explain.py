"""`vitrina explain`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import emit, open_catalog, output_options
from vitrina.cli._filters import filter_options
from vitrina.cli._product import id_options, keys
from vitrina.cli._table import emit_fields
from vitrina.cli.search import channel_options

if TYPE_CHECKING:
    from vitrina.search.explain import ChannelScore, Explanation, QueryWord

GATES = {
    "filter": "It does not meet a filter",
    "excluded": "The query excludes it",
    "rule": "It is hidden",
    "no match": "Nothing finds it",
    "floor": "It is not surely enough an answer",
    "group": "It stands behind another of its group",
    "page": "It is on a later page",
}


@click.command("explain")
@click.argument("query")
@click.argument("product", metavar="ID")
@id_options
@click.option(
    "-k", default=10, show_default=True, metavar="N", help="How many products a page shows."
)
@click.option("--offset", default=0, metavar="N", help="The page skips the first N products.")
@filter_options
@channel_options
@click.option("--sort", default="relevance", metavar="ORDER", help="As for search.")
@click.option("--group-by", metavar="ATTRIBUTE", help="As for search.")
@click.option(
    "--min-relevance", type=click.FloatRange(0, 1), metavar="N", help="The floor, 0 to 1."
)
@output_options
def command(
    query: str,
    product: str,
    of: str | None,
    numbers: bool,
    sources: tuple[str, ...],
    output: str | None,
    **options: Any,
) -> None:
    """Explain why a product is found where it is, or is not found.

    It says at which gate the product fell, what each channel says of it, and where it has the
    words of the query. The options are those of search.

    \b
    Example:
      vitrina explain "grey velvet sofa" FU-107
      vitrina explain "side table" FU-107 --price-max 50
    """
    with open_catalog() as catalog:
        (key,) = keys((product,), of, numbers)
        found = catalog.explain(query, key, sources=sources or None, **options)
    if output is not None:
        emit([asdict(found)], output)
    else:
        emit_fields(list(fields(found)))


def fields(found: Explanation) -> Iterator[tuple[str, str]]:
    """An explanation as names and texts: the answer first, then the figures, then the words."""
    yield "product", f"{found.title} ({found.external_id})"
    yield "answer", verdict(found)
    if found.relevance is not None:
        floor = "" if found.floor is None else f", and the least is {found.floor:g}"
        yield "relevance", f"{found.relevance:.3f}{floor}"
    if found.score is not None:
        parts = " + ".join(
            f"{each.contribution:.3f} {each.channel}"
            for each in found.channels
            if each.contribution
        )
        yield "score", f"{found.score:.3f}" + (f" = {parts}" if parts else "")
    channels = [channel(each) for each in found.channels if each.channel != "all words"]
    if channels:
        yield "channels", "\n".join(channels)
    for word in found.words:
        yield f'"{word.said}"', "\n".join(_word(word))


def verdict(found: Explanation) -> str:
    """Where the product is, or why it is not there, in a sentence."""
    if found.gate is None:
        return f"It is number {found.rank} of {found.results}."
    return f"{GATES[found.gate]}: {found.reason}."


def channel(each: ChannelScore) -> str:
    """What a channel says, like "vector 0.529, number 8, weight 1"."""
    value = "no vector" if each.value is None else f"{each.value:.3f}"
    by = " by words" if each.by == "words" else ""
    if each.counts is not None and each.value is not None:
        value += f" counts {each.counts:.3f}"
    rank = "not found" if each.rank is None else f"number {each.rank}"
    weight = "" if each.weight is None else f", weight {each.weight:g}"
    return f"{each.channel}{by} {value}, {rank}{weight}"


def _word(word: QueryWord) -> Iterator[str]:
    """How a word was read, and where the product has it."""
    read = f"{word.share:.0%} of the query"
    if word.words != word.said:
        read += f', read as "{word.words}"'
    if word.keyword is not None:
        read += f", the keyword {word.keyword} ({word.facet})"
    yield read
    if word.missing:
        yield "mentioned, but it is none" if word.found else "missing"
    for place in word.found:
        if place.place in ("title", "keyword"):
            yield f"{place.place} {place.name or ''}".strip()
        else:
            name = f" {place.name}" if place.name else ""
            yield f"{place.place}{name}: {' '.join(place.text.split())}"
