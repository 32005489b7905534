"""The command line: each command validates, calls one function of the library, and prints."""

from __future__ import annotations

import importlib
import os
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
    "attach": ("attach", "Make a table of the shop's own a source, and keep in step with it."),
    "sources": ("sources", "List the sources of products, how they are and what is wrong."),
    "detach": ("detach", "Follow a table of the shop's no more; no trace is left in it."),
    "work": ("work", "Keep in step with attached tables, and enrich what is queued."),
    "jobs": ("jobs", "Look into the queue of work: list, retry, drop."),
    "batch": ("batch", "Half price: see and collect what was submitted in batches."),
    "search": ("search", "Find products by text, by picture, or by both."),
    "similar": ("similar", "Find the products most like one."),
    "recommend": ("recommend", "Find products like several that are liked."),
    "facets": ("facets", "Count what products have in common: keywords and attributes."),
    "suggest": ("suggest", "Suggest keywords for what has been typed so far."),
    "duplicates": ("duplicates", "Find products that are nearly the same."),
    "keywords": (
        "keywords",
        "Look into the vocabulary, and change it; every change can be undone.",
    ),
    "status": ("status", "Show what is in the catalogue and what is queued."),
    "cost": ("cost", "Show what models have cost, or set a standing budget."),
    "spaces": ("spaces", "Embedding models side by side: list, add, build, activate, drop."),
    "eval": ("eval", "Measure searches against judgements."),
    "export": ("export", "Write the catalogue as JSON Lines or CSV."),
    "doctor": ("doctor", "Check everything, and say what to do about it."),
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
        """Run, and turn every error of vitrina's into one clear line and an exit code."""
        try:
            return super().invoke(ctx)
        except VitrinaError as exc:
            self._explain(ctx, exc)
            raise SystemExit(exc.exit_code) from exc
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            # the reader of a pipe has seen enough; nothing is wrong
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
            raise SystemExit(0) from None
        except KeyboardInterrupt:
            click.echo(
                "\nstopped; what was finished is stored, run the command again to go on", err=True
            )
            raise SystemExit(1) from None
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
    help="The shop's Postgres, as postgresql://user@host/name. Without it: the embedded one.",
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
