"""`vitrina show`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import emit, open_catalog, output_options
from vitrina.cli._product import id_options, keys
from vitrina.cli._table import emit_fields, number, shown
from vitrina.search.generations import said

if TYPE_CHECKING:
    from vitrina.search.generations import Generation
    from vitrina.search.product import Product, ProductKeyword, Variant

ANSWERS = {
    "stage": "asked",
    "model": "model",
    "said_at": "said",
    "state": "state",
    "input_tokens": "tokens in",
    "output_tokens": "out",
    "usd": "USD",
    "seconds": "seconds",
    "text": "answer",
}
PRICES = ("price", "currency", "was_price", "in_stock")


@click.command("show")
@click.argument("product", metavar="ID")
@id_options
@click.option(
    "--generations", is_flag=True, help="Who said what of it: models, tokens, cost and time."
)
@output_options
def command(
    product: str, of: str | None, numbers: bool, generations: bool, output: str | None
) -> None:
    """Show everything known of a product, named by the id that a search shows.

    \b
    Example:
      vitrina show FU-107
      vitrina show 1163 --of styles --json
      vitrina show FU-107 --generations
    """
    with open_catalog() as catalog:
        (key,) = keys((product,), of, numbers)
        if generations:
            rows = [_answer(each) for each in catalog.generations(key)]
            emit(rows, output, columns=ANSWERS)
            return
        found = catalog.get(key)
    if output is not None:
        emit([asdict(found)], output)
    else:
        emit_fields(list(fields(found)))


def _answer(each: Generation) -> dict[str, Any]:
    """A row about an answer; `text` is its output in words."""
    return {
        **asdict(each),
        "state": "in use" if each.current else "earlier",
        "text": said(each.output),
    }


def fields(product: Product) -> Iterator[tuple[str, str]]:
    """What is known, as names and texts, in the order in which a person looks."""
    known: dict[str, Any] = {
        "id": product.external_id,
        "source": product.source,
        "product id": product.product_id,
        "sku": product.sku,
        "codes": product.codes,
        "title": product.title,
        **{name: _value(product.attributes.get(name)) for name in PRICES},
        "state": product.state,
        "error": product.error,
        "caption": product.caption,
        "description": product.description,
        "text": product.text,
        "url": product.url,
    }
    for name, value in known.items():
        if value not in (None, "", []):
            yield name.replace("_", " "), shown(value)
    label = "keywords" + (" (by hand)" if product.by_hand else "")
    yield label, "\n".join(map(_keyword, product.keywords)) or "no keyword"
    others = {k: v for k, v in product.attributes.items() if k not in PRICES}
    if others:
        yield "attributes", "\n".join(f"{name}: {_value(value)}" for name, value in others.items())
    pictures = [
        f"{each.image}  ({_about(each.role, each.width, each.height)})" for each in product.images
    ]
    yield "pictures", "\n".join(pictures) or product.image or "no picture"
    if product.image_error:
        yield "picture error", product.image_error
    if product.variants:
        yield "variants", "\n".join(map(_variant, product.variants))
    for name in ("enriched_at", "created_at", "updated_at"):
        if getattr(product, name) is not None:
            yield name.replace("_at", ""), shown(getattr(product, name))


def _keyword(word: ProductKeyword) -> str:
    """A keyword, its facet, and how the word that was said became it."""
    how = word.method or "new"
    if word.similarity is not None:
        how += f" {word.similarity:.2f}"
    said = "" if word.said == word.keyword else f', said "{word.said}"'
    return f"{word.keyword}  ({word.facet}, {how}{said})"


def _about(role: str, width: int | None, height: int | None) -> str:
    return role if width is None else f"{role}, {width} × {height}"


def _variant(variant: Variant) -> str:
    parts = [variant.sku or "", variant.title or ""]
    parts += [f"{name}: {_value(value)}" for name, value in variant.attributes.items()]
    return ", ".join(filter(None, parts))


def _value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return shown(number(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
