"""Reports of finished and planned work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vitrina.cli._common import emit
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.catalog import Catalog
    from vitrina.enrich.totals import Totals
    from vitrina.keywords.judge import Judged
    from vitrina.products.load import Loaded


def describe_loaded(loaded: Loaded) -> str:
    """Products by outcome and unused rows in one line; then the first rejects."""
    products = loaded.inserted + loaded.updated + loaded.unchanged
    lines = [
        f"{counted(products, 'product')}: {loaded.inserted:,} new, {loaded.updated:,} changed,"
        f" {loaded.unchanged:,} unchanged"
        + (f"; {counted(loaded.rejected, 'row')} rejected" if loaded.rejected else "")
        + (
            f"; {counted(loaded.repeated, 'row')} repeated an earlier one"
            if loaded.repeated
            else ""
        )
    ]
    lines += [f"  line {reject.line}: {reject.reason}" for reject in loaded.rejects]
    if loaded.rejected > len(loaded.rejects):
        lines.append(f"  and {loaded.rejected - len(loaded.rejects):,} more")
    return "\n".join(lines)


def describe_reading(loaded: Loaded) -> list[str]:
    """How the file was read, and what a person should know of that."""
    if loaded.reading is None:
        return loaded.notices
    said = [f"{loaded.reading.sentence()} · {loaded.tally.sentence()}", *loaded.notices]
    if loaded.text_config is not None:
        said.append(f"text {loaded.text_config} (detected; --text-config)")
    return said


def describe_totals(totals: Totals) -> str:
    """Work done, in one line; then the commonest reasons for failures and missing pictures."""
    lines = [
        f"{counted(totals.products, 'product')} enriched:"
        f" {counted(totals.generations, 'generation')}"
        f" ({totals.reused:,} reused), {counted(totals.embeddings, 'embedding')}"
        + (f", {totals.cost:.4f} USD" if totals.cost else "")
    ]
    if totals.pictures:
        lines.append(f"{counted(totals.pictures, 'picture')} fetched again")
    if totals.further:
        lines.append(f"{counted(totals.further, 'further picture')} looked at")
    if totals.failed or totals.retried:
        lines.append(
            f"{totals.failed:,} failed permanently, {totals.retried:,} will be tried again:"
        )
        lines += [f"  {count:,} × {error}" for error, count in totals.errors.most_common(3)]
    missing = sum(totals.reasons.values())
    if missing:
        lines.append(
            f"{counted(missing, 'picture is', 'pictures are')} unavailable;"
            " `vitrina ingest --retry-images` tries again:"
        )
        lines += [f"  {count:,} × {reason}" for reason, count in _grouped(totals).items()]
    return "\n".join(lines)


def _grouped(totals: Totals) -> dict[str, int]:
    """The three commonest reasons, without the picture's own name."""
    from vitrina.pictures.loader import NOT_AGAIN

    counts: dict[str, int] = {}
    for reason, count in totals.reasons.items():
        key = reason.removesuffix(NOT_AGAIN).rpartition(": ")[2]
        counts[key] = counts.get(key, 0) + count
    return dict(sorted(counts.items(), key=lambda item: -item[1])[:3])


def describe_judged(judged: Judged) -> str:
    """Pairs by verdict in one line; then why some have no verdict."""
    lines = [
        f"{counted(judged.pairs, 'pair')} of keywords to judge: {judged.same:,} the same,"
        f" {judged.different:,} different"
        + (f", {judged.unanswered:,} left for a later run" if judged.unanswered else "")
        + (f", {judged.cost:.4f} USD" if judged.cost else "")
    ]
    return "\n".join([*lines, *(f"  {reason}" for reason in judged.reasons[:3])])


def show_estimate(catalog: Catalog, products: int, *, batch: bool = False) -> None:
    """Print the estimated calls and cost of enriching this many products; asks no model."""
    guess = catalog.costs.estimate(products, batch=batch)
    if guess is None:
        click.echo(f"{counted(products, 'product')}, enriched offline: no calls, no cost")
        return
    rows = [
        {
            "stage": stage.stage,
            "model": stage.model,
            "calls": stage.calls,
            "input tokens": stage.input_tokens if stage.input_tokens is not None else "unknown",
            "output tokens": stage.output_tokens,
            "USD": "unknown" if stage.cost is None else f"{stage.cost:.4f}",
        }
        for stage in guess.stages
    ]
    emit(rows, None)
    total = "unknown" if guess.cost is None else f"{guess.cost:.4f} USD"
    click.echo(f"{counted(products, 'product')}, at most {counted(guess.calls, 'call')}, {total}")
    for assumption in guess.assumptions:
        click.echo(f"  {assumption}")
