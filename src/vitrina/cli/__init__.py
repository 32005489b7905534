"""The command line: each command validates, calls one function of the library, and prints."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from typing import Any

import click

from vitrina import __version__
from vitrina.errors import VitrinaError
from vitrina.printing import printable

# name: (module, short help). Modules are imported when their command runs, so that --help is quick.
COMMANDS = {
    "demo": ("demo", "See it work: a catalogue with pictures, searched by text and by picture."),
    "db": ("db", "Start, stop, upgrade and inspect the database."),
    "ingest": ("ingest", "Bring in the products of a shop's export, and enrich them."),
    "formats": ("formats", "List the kinds of file that are recognised, and by what."),
    "import": ("import_", "Bring in products that are tagged, captioned and embedded already."),
    "attach": ("attach", "Follow one of the shop's own tables as a source of products."),
    "sources": ("sources", "List the sources of products, their state and their problems."),
    "detach": ("detach", "Stop following a table of the shop; leave no trace in it."),
    "work": ("work", "Follow attached tables, and enrich queued products."),
    "jobs": ("jobs", "List, retry or drop the jobs in the queue."),
    "batch": ("batch", "List and collect batches, which cost half the price."),
    "search": ("search", "Find products by text, by picture, or by both."),
    "explain": ("explain", "Explain why a product is found where it is, or is not found."),
    "searches": ("searches", "List what was searched for most, and what found nothing."),
    "policy": ("policy", "Show or change how searches behave, and whether they are logged."),
    "similar": ("similar", "Find the products most similar to a product."),
    "recommend": ("recommend", "Find products similar to several liked ones."),
    "show": ("show", "Show everything known of a product."),
    "facets": ("facets", "Count the keywords and attributes of the products found."),
    "suggest": ("suggest", "Suggest keywords for a query that is being typed."),
    "duplicates": ("duplicates", "Find products that are nearly the same."),
    "keywords": (
        "keywords",
        "Show and change the vocabulary; every change can be undone.",
    ),
    "rules": ("rules", "Pin, hide and boost products, for a query or for all searches."),
    "delete": ("delete", "Delete products."),
    "status": ("status", "Show the contents of the catalogue and of the queue."),
    "cost": ("cost", "Show the cost of models, or set a standing budget."),
    "spaces": ("spaces", "Embedding models side by side: list, add, build, activate, drop."),
    "serve": ("serve", "Look at it in the browser: search as you type; an API for the shop."),
    "eval": ("eval", "Measure searches against judgements."),
    "export": ("export", "Write the catalogue as JSON Lines or CSV."),
    "doctor": ("doctor", "Check everything, and say how to mend it."),
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"vitrina.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run, and turn every vitrina error into one clear line and an exit code."""
        try:
            return super().invoke(ctx)
        except VitrinaError as exc:
            self._explain(ctx, exc)
            raise SystemExit(exc.exit_code) from exc
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            # the reader of the pipe closed it, like `head`: no error
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
            raise SystemExit(0) from None
        except KeyboardInterrupt:
            click.echo("\nstopped", err=True)
            raise SystemExit(128 + signal.SIGINT) from None
        except Exception as exc:
            self._explain(ctx, exc)
            click.echo("This is a bug in vitrina; `vitrina -v …` shows where.", err=True)
            raise SystemExit(1) from exc

    def _explain(self, ctx: click.Context, exc: Exception) -> None:
        if ctx.params.get("verbose"):
            traceback.print_exception(exc, file=sys.stderr)
        name = "" if isinstance(exc, VitrinaError) else f"unexpected {type(exc).__name__}: "
        click.echo(printable(f"Error: {name}{exc}"), err=True)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--database-url",
    envvar="VITRINA_DATABASE_URL",
    metavar="URL",
    help="The shop's Postgres, as postgresql://user@host/name. Default: the embedded one.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks and more detail.")
@click.version_option(__version__, prog_name="vitrina")
@click.pass_context
def main(ctx: click.Context, database_url: str | None, verbose: bool) -> None:
    """Product search that understands pictures, inside the shop's own Postgres.

    \b
    Example:
      vitrina ingest products.csv
      vitrina search "black metal side table"
      vitrina search --image chair.jpg
    """
    ctx.obj = database_url
