"""Write docs/cli.md and docs/sql.md from the commands' help and the comments in sql/.

`python scripts/make_docs.py` writes them; with `--check` it only says whether they are current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from vitrina.cli import main as vitrina
from vitrina.db import schema

ROOT = Path(__file__).resolve().parents[1]


def commands(
    command: click.Command, path: list[str], parent: click.Context | None = None
) -> Iterator[tuple[list[str], str]]:
    """(path, help text) of a command and of those below it."""
    context = click.Context(command, info_name=path[-1], parent=parent, terminal_width=100)
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, [*path, name], context)


def cli_page() -> str:
    parts = ["# The command line\n", "Made from the commands' own help by scripts/make_docs.py.\n"]
    for path, text in commands(vitrina, ["vitrina"]):
        parts.append(f"## {' '.join(path)}\n\n```text\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def sql_page() -> str:
    parts = [
        "# SQL\n",
        "Everything in the schema `vitrina` that is meant to be called; made from the comments in"
        " sql/ by\nscripts/make_docs.py. Errors carry the sqlstates VT001 (extension), VT002"
        " (privileges), VT003 (not\nfound), VT004 (bad argument), VT005 (budget), each with a hint"
        " that says the way out.\n",
    ]
    for found in schema.public_objects():
        signature = found["signature"].strip() if found["kind"] == "function" else ""
        parts.append(
            f"## {found['name']}\n\n"
            + (f"```sql\nvitrina.{found['name']}{signature}\n```\n\n" if signature else "")
            + f"{schema.comment_of(found)}\n"
        )
    return "\n".join(parts)


def main() -> int:
    stale = []
    for name, page in (("cli.md", cli_page()), ("sql.md", sql_page())):
        path = ROOT / "docs" / name
        if not path.is_file() or path.read_text("utf-8") != page:
            stale.append(name)
            if "--check" not in sys.argv:
                path.parent.mkdir(exist_ok=True)
                path.write_text(page, "utf-8")
    if "--check" in sys.argv and stale:
        print(f"not current: docs/{', docs/'.join(stale)}: run python scripts/make_docs.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
