"""The files in sql/: in folders, in one order, behaviour only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vitrina.db import behaviour
from vitrina.db.folders import data_dir

FOLDERS = [
    "10-text", "20-spaces", "30-keywords", "40-products", "50-work", "60-shop", "70-search",
    "80-curation", "85-check", "90-finish",
]  # fmt: skip
FILES = behaviour.sql_files()
NAMES = [name for name, _ in FILES]
# a quoted body or text, a comment
QUOTED = re.compile(r"(\$\w*\$).*?\1|'(?:[^']|'')*'|--[^\n]*", re.DOTALL)


def statements(text: str) -> list[str]:
    """The statements of a file, each in one line, without comments, function bodies and texts."""
    bare = QUOTED.sub(lambda found: "" if found[0].startswith("--") else "''", text)
    return [" ".join(part.split()) for part in bare.split(";") if part.strip()]


def test_files_are_numbered_in_the_order_they_are_applied() -> None:
    numbers = [re.fullmatch(r"(\d\d)-[a-z]+/(\d{3})-[a-z-]+\.sql", name) for name in NAMES]
    assert all(numbers), "sql/NN-folder/NNN-topic.sql, nothing else"
    assert sorted({name.partition("/")[0] for name in NAMES}) == FOLDERS
    in_order = [int(found[2]) for found in numbers if found]
    assert in_order == sorted(set(in_order)), "numbers rise, and none stands twice"
    assert all(found[2][0] == found[1][0] for found in numbers if found), "numbers of the folder"
    every = data_dir("sql").rglob("*")
    assert sorted(path for path in every if path.is_file()) == [path for _, path in FILES]


@pytest.mark.parametrize("path", [path for _, path in FILES], ids=NAMES)
def test_files_open_with_a_sentence(path: Path) -> None:
    opening, _, _ = path.read_text("utf-8").partition("\n\n")
    lines = opening.splitlines()
    assert all(line.startswith("-- ") for line in lines)
    said = " ".join(line[3:] for line in lines)
    assert re.fullmatch(r"[A-Z`].*[.]", said), said
    assert not said.startswith("---")


@pytest.mark.parametrize(("name", "path"), FILES, ids=NAMES)
def test_data_changes_in_the_last_folder_only(name: str, path: Path) -> None:
    found = statements(path.read_text("utf-8"))
    assert found
    if name.startswith("90-finish/"):
        return
    behaviour = re.compile(r"create or replace (function|trigger|view) |comment on ")
    assert [line for line in found if not behaviour.match(line)] == []


def test_a_change_of_data_is_seen() -> None:
    assert statements("-- a note; more\nselect refresh(';');\ndo $do$ delete from a; $do$;") == [
        "select refresh('')",
        "do ''",
    ]
