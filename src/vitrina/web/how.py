"""How to ask the same from elsewhere: SQL, the command line, Python, HTTP."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vitrina.db.connection import literal

ONLY_SEARCHES = "The API has what a shop's pages need: searches and products. This is not among it."


@dataclass(frozen=True, slots=True)
class How:
    """The same question in four languages, to copy; `note` says where it is only the nearest.

    A language that cannot ask it is "".
    """

    sql: str = ""
    cli: str = ""
    python: str = ""
    curl: str = ""
    note: str = ""

    @property
    def said(self) -> str:
        """The note, and what the languages that are not there lack."""
        if self.curl or not (self.sql or self.cli):
            return self.note
        return f"{self.note} {ONLY_SEARCHES}".strip()

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Each language's name with its text."""
        given = [("SQL", self.sql), ("CLI", self.cli), ("Python", self.python), ("curl", self.curl)]
        return [(name, text) for name, text in given if text]


def sql_text(value: str) -> str:
    """A text as a literal of SQL, without a sign that a terminal would obey when it is pasted."""
    if value.isprintable():
        return literal(value)
    signs = (
        {"'": "''", "\\": r"\\"}.get(sign)
        or (sign if sign.isprintable() else f"\\U{ord(sign):08X}")
        for sign in value
    )
    return f"E'{''.join(signs)}'"


def sql_array(values: Sequence[str]) -> str:
    """Texts as an array of SQL, like array['red', 'blue']::text[]."""
    return f"array[{', '.join(map(sql_text, values))}]::text[]"


def sql_call(function: str, arguments: Mapping[str, str], columns: str = "*") -> str:
    """A call of a function in `vitrina` with these arguments, each already SQL, one a line."""
    given = ",\n".join(f"    {name} => {value}" for name, value in arguments.items())
    inside = f"\n{given})" if given else ")"
    return f"select {columns} from vitrina.{function}({inside};"  # noqa: S608 - to be read


def shell(*words: str) -> str:
    """A command that a shell reads as these words, on one line.

    To a terminal, what is pasted is typed: a ^U in a title would erase the quote before it, and
    what follows would be a command. So signs that are not printed are written in octal, as bash,
    zsh and ksh read it.
    """
    return " ".join(map(_shell_word, words))


def _shell_word(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    signs = (
        f"\\{sign}"
        if sign in "'\\"
        else sign
        if sign.isprintable()
        else "".join(f"\\{byte:03o}" for byte in sign.encode("utf-8", "replace"))
        for sign in word
    )
    return f"$'{''.join(signs)}'"


def python_call(method: str, arguments: Sequence[str]) -> str:
    """A call of a method of Catalog with these arguments, each already Python."""
    inside = ", ".join(arguments)
    if len(inside) > 70:
        inside = "\n    " + ",\n    ".join(arguments) + ",\n"
    return f"catalog.{method}({inside})"


def curl(base: str, path: str) -> str:
    """A request for this path."""
    return shell("curl", f"{base}{path}")
