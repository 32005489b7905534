"""Shared by the commands: the catalog, options for output, progress on stderr."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vitrina.printing import defused, printable
from vitrina.settings import Settings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from rich.progress import Progress, TaskID

    from vitrina.catalog import Catalog

F = TypeVar("F", bound=Callable[..., Any])

WAIT_SECONDS = 60.0  # for an unavailable database


def notice(text: str) -> None:
    """Print a line to stderr; names and titles in it may come from strangers."""
    click.echo(printable(str(text)), err=True)


@contextlib.contextmanager
def open_catalog(**settings: Any) -> Iterator[Catalog]:
    """The catalog that the command line names; tells the user once if it is the embedded one."""
    from vitrina.catalog import Catalog

    url = click.get_current_context().find_root().obj
    chosen = replace(Settings.from_environment(url), **settings)
    with Catalog(settings=chosen, notice=notice) as catalog:
        yield catalog


def database_url() -> str:
    """The address of the database, starting the embedded one if needed."""
    from vitrina import embedded

    url = click.get_current_context().find_root().obj
    settings = Settings.from_environment(url)
    if settings.database_url is not None:
        return settings.database_url
    server = embedded.start()
    if embedded.first_today(server):
        notice(f"using the embedded Postgres in {server.data}")
    return server.url()


def output_options(command: F) -> F:
    """--json and --csv: how to print rows; a table by default."""
    for name in ("csv", "json"):
        command = click.option(
            f"--{name}",
            "output",
            flag_value=name,
            default=None,
            help={"json": "Print JSON Lines.", "csv": "Print CSV."}[name],
        )(command)
    return command


def source_option(command: F) -> F:
    """--source NAME, repeatable."""
    return click.option(
        "--source",
        "sources",
        multiple=True,
        metavar="NAME",
        help="Only products of this source; repeatable.",
    )(command)


def wait_option(command: F) -> F:
    """--wait: how long to wait for an unavailable database."""
    return click.option(
        "--wait",
        type=click.FloatRange(min=0),
        envvar="VITRINA_WAIT",
        metavar="SECONDS",
        help="How long to wait for an unavailable database [60; `work` without --drain: no limit].",
    )(command)


def emit(
    rows: Iterable[Mapping[str, Any] | DataclassInstance],
    output: str | None,
    *,
    columns: Mapping[str, str] | None = None,
    below: Sequence[str] = (),
    lines: int | None = 2,
    formulas: str = "defuse",
) -> None:
    """Print rows to stdout.

    Args:
        rows: the rows to print: mappings, or instances of a dataclass.
        output: json, csv, or None for a table.
        columns: the table's columns, key to heading; all columns if omitted.
        below: keys whose values stand whole under their row in a table, such as commands to copy.
        lines: of a cell in a narrow terminal; None: as many as it needs.
        formulas: in CSV, defuse cells that a spreadsheet would run, or keep them.
    """
    found = (row if isinstance(row, Mapping) else asdict(row) for row in rows)
    if output == "json":
        for row in found:
            click.echo(json.dumps(row, ensure_ascii=False, default=plain))
    elif output == "csv":
        _emit_csv(found, defuse=formulas == "defuse")
    else:
        _emit_table(list(found), columns, below, lines)


def plain(value: object) -> str:
    """A value that JSON lacks: money is written out, never as 0E-8."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _emit_csv(rows: Iterable[Mapping[str, Any]], *, defuse: bool) -> None:
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(sys.stdout, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(
            {
                key: json.dumps(value, ensure_ascii=False, default=plain)
                if isinstance(value, list | dict)
                else plain(value)
                if isinstance(value, Decimal)
                else defused(value)
                if defuse and isinstance(value, str)
                else value
                for key, value in row.items()
            }
        )


def _emit_table(
    rows: list[Mapping[str, Any]],
    columns: Mapping[str, str] | None,
    below: Sequence[str],
    lines: int | None,
) -> None:
    from vitrina.cli._table import emit_table

    if not rows:
        notice("nothing found")
        return
    columns = columns or {key: key.replace("_", " ") for key in rows[0] if key not in below}
    emit_table(rows, columns, below, lines)


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int | None, str], None]]:
    """A progress bar on stderr, on a terminal only.

    Yields a function of the count done, the total (None: not known yet) and a note.
    """
    if not sys.stderr.isatty():
        yield lambda done, total, note: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    progress: Progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
    )
    task: TaskID = progress.add_task(label, total=None, rate="", note="")

    def update(done: int, total: int | None, note: str) -> None:
        elapsed = progress.tasks[0].elapsed or 0
        rate = f"{done / elapsed:.0f}/s" if elapsed > 0.5 else ""
        progress.update(task, completed=done, total=total, rate=rate, note=printable(note))

    with progress:
        yield update
