"""Who said what of a product: the answers of models that it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from vitrina.db.database import Database
from vitrina.search.product import Key, named


@dataclass(frozen=True, slots=True)
class Generation:
    """An answer of a model about a product; `stage` is what was asked.

    `current`: the product is made of it now. `usd` is None at an unknown price; `products` says how
    many share it, as an answer to the same input is paid for once. `output` is None if the answer
    was dropped.
    """

    stage: str
    provider: str
    model: str
    prompt_version: str
    said_at: datetime
    current: bool
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    usd: Decimal | None
    seconds: float | None
    products: int
    output: Any


def said(output: Any) -> str:
    """An answer in words: its terms, its description or its caption."""
    if isinstance(output, str):
        return output
    if isinstance(output, list):
        return ", ".join(str(each.get("term", "")) for each in output if isinstance(each, dict))
    if isinstance(output, dict):
        terms = said(output.get("terms"))
        return ". ".join(filter(None, (str(output.get("caption") or "").rstrip("."), terms)))
    return "dropped" if output is None else str(output)


def generations(database: Database, product: Key) -> list[Generation]:
    """The answers that a product was made of, those of now first; raises as `named` does."""
    found = named(database, product).product_id
    return database.records(
        Generation, "select * from vitrina.product_generations(%s::bigint)", (found,)
    )
