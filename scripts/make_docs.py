"""Write docs/cli.md and docs/sql.md from the commands' help and the comments in sql/.

`python scripts/make_docs.py` writes them; with `--check` it only says whether they are current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from vitrina.cli import main as vitrina
from vitrina.db import behaviour

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


# the folders of sql/ in the order in which people need them
SECTIONS = {
    "70-search": "Search",
    "40-products": "Products",
    "60-shop": "A shop's own tables",
    "30-keywords": "Keywords: how terms become keywords",
    "80-curation": "Keywords: looking and correcting",
    "90-finish": "Views and costs",
    "85-check": "Checking",
    "20-spaces": "Spaces and vectors",
    "50-work": "Work: what workers and batches call",
    "10-text": "Texts",
}


FIRST = (
    "search", "count_matches", "facets", "histogram", "overview", "suggest", "read_query",
    "similar_products", "recommend", "nearest_by_image", "duplicates", "get_products",
    "delete_products", "put_source", "put_products", "prune_products", "remove_source",
    "attach_table", "attach_query", "detach",
    "resolve_keywords", "look_up_keywords", "similar_keywords", "explain_keyword", "list_keywords",
    "show_keyword", "set_keywords", "reset_keywords",
)  # fmt: skip


def sql_page() -> str:
    parts = [
        "# SQL\n",
        "Everything in the schema `vitrina` that is meant to be called, what is needed most first;"
        " made from the\ncomments in sql/ by scripts/make_docs.py. `\\df+ vitrina.*` and `\\d+"
        " vitrina.*` show the same in psql. Errors carry\nthe sqlstates VT001 (extension), VT002"
        " (privileges), VT003 (not found), VT004 (bad argument),\nVT005 (budget), each with a hint"
        " that says the way out.\n",
    ]
    found: dict[str, dict[str, list[str]]] = {name: {} for name in SECTIONS}
    for path, one in behaviour.placed_objects():
        signature = one["signature"].strip() if one["kind"] == "function" else ""
        found[path.partition("/")[0]].setdefault(one["name"], []).append(
            (f"```sql\nvitrina.{one['name']}{signature}\n```\n\n" if signature else "")
            + f"{behaviour.comment_of(one)}\n"
        )
    rank = {name: place for place, name in enumerate(FIRST)}
    for name, title in SECTIONS.items():
        found[name] = dict(
            sorted(found[name].items(), key=lambda item: rank.get(item[0], len(FIRST)))
        )
        if found[name]:
            links = ", ".join(f"[{each}](#{each})" for each in found[name])
            parts.append(f"- {title}: {links}")
    parts.append("")
    for name, title in SECTIONS.items():
        if found[name]:
            parts.append(f"## {title}\n")
        for each, texts in found[name].items():
            parts.append(f"### {each}\n\n" + "\n".join(texts))
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
