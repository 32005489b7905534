"""Data that comes with vitrina: word pieces, retail words and the local spaces."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from vitrina.db import names, retail_words
from vitrina.db.folders import DATA, data_dir

if TYPE_CHECKING:
    import psycopg

PICTURE_DIMENSIONS = 512  # of lite0-hog-color-1

# The cosine above which two keywords are the same, and the weight of a similarity, were
# measured by bench/vocabulary.py and bench/search_quality.py.
LOCAL_SPACES = """\
select create_space('local-text', 'local', 'minilm-word-pieces-1', 'text', 256,
                    threshold => 0.88, weight => 1,
                    state => case when exists (select from vitrina.spaces as s
                                               where s.modality = 'text' and s.state = 'active')
                                  then 'building' else 'active' end)
where not exists (select from vitrina.spaces as s where s.name = 'local-text');

select create_space('local-image-2', 'local', 'lite0-hog-color-1', 'image', {dimensions},
                    threshold => 0.9, weight => 1,
                    state => case when exists (select from vitrina.spaces as s
                                               where s.modality <> 'text' and s.state = 'active')
                                  then 'building' else 'active' end)
where not exists (select from vitrina.spaces as s where s.name = 'local-image-2');

-- an older database without pictures has nothing to fill it with
select activate_space(f.space) from space_filling() as f where f.ready and f.before_products = 0;
"""


GIVEN_WORDS = """\
create temporary table given_words (
    place int generated always as identity, target text, term text, value text, facet text,
    domain text, language text)"""


GIVEN_CONDITIONS = """\
create temporary table given_conditions (kind text, phrase text, language text, value text)"""


@dataclass(frozen=True, slots=True)
class Seed:
    """One set of data: how to load it, how to print it for psql, and its fingerprint."""

    name: str
    sha256: str
    load: Callable[[psycopg.Connection], None]
    write: Callable[[TextIO], None]


def all_seeds() -> tuple[Seed, ...]:
    """Every set of data, in loading order."""
    return (_word_pieces(), _spelling_keys(), _retail_words(), _condition_words(), _local_spaces())


@cache
def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _escaped(text: str) -> str:
    """A text as `copy … from stdin` reads it."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _word_pieces() -> Seed:
    # read on use: every command asks for the fingerprint
    def load(conn: psycopg.Connection) -> None:
        from vitrina.db import word_pieces

        pieces = word_pieces.read()
        conn.execute("truncate vitrina.word_pieces")
        with conn.cursor().copy(
            "copy vitrina.word_pieces (piece, embedding) from stdin with (format binary)"
        ) as copy:
            # the bytes are already in halfvec's binary format
            copy.set_types(["text", "bytea"])
            for row in pieces.rows():
                copy.write_row(row)
        conn.execute("analyze vitrina.word_pieces")

    def write(out: TextIO) -> None:
        from vitrina.db import word_pieces

        pieces = word_pieces.read()
        out.write("copy vitrina.word_pieces (piece, embedding) from stdin;\n")
        for piece, embedding in pieces.text_rows():
            out.write(f"{_escaped(piece)}\t{embedding}\n")
        out.write("\\.\n\n")

    return Seed("word_pieces", _digest(DATA / "word_pieces.bin.gz"), load, write)


def _spelling_keys() -> Seed:
    """Before the words come, so that a new database has none whose keys could be old."""
    statement = "select vitrina_internal.renew_spellings()"

    def load(conn: psycopg.Connection) -> None:
        conn.execute(statement)

    def write(out: TextIO) -> None:
        out.write(f"{statement};\n\n")

    return Seed(
        "spelling_keys", _digest(data_dir("sql") / "40-products/405-spellings.sql"), load, write
    )


def _retail_words() -> Seed:
    copy = "copy given_words (target, term, value, facet, domain, language) from stdin"

    def load(conn: psycopg.Connection) -> None:
        conn.execute(GIVEN_WORDS)
        with conn.cursor().copy(copy) as given:
            for row in _given_words():
                given.write_row(row)
        conn.execute("select vitrina_internal.give_words()")
        conn.execute("drop table given_words")

    def write(out: TextIO) -> None:
        out.write(f"{GIVEN_WORDS};\n{copy};\n")
        for row in _given_words():
            out.write("\t".join("\\N" if text is None else _escaped(text) for text in row) + "\n")
        out.write("\\.\nselect vitrina_internal.give_words();\ndrop table given_words;\n\n")

    # the stored form of words depends on the functions that normalise them
    sql = data_dir("sql")
    text = sql / "10-text"
    forms = [
        text / "105-words.sql",
        text / "110-normal-form.sql",
        sql / "30-keywords/300-words.sql",
        sql / "30-keywords/301-kinds.sql",
        sql / "30-keywords/303-keys.sql",
        sql / "30-keywords/306-given-words.sql",
    ]
    data = (
        "lexicon.csv", "synonyms.csv", "contrasts.csv", "related.csv", "names.csv",
        "german_plurals.csv",
    )  # fmt: skip
    words = [*(DATA / name for name in data), Path(names.__file__)]
    return Seed("retail_words", _digest(*words, *forms), load, write)


def _condition_words() -> Seed:
    copy = "copy given_conditions (kind, phrase, language, value) from stdin"

    def rows() -> list[list[str]]:
        with (DATA / "conditions.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))[1:]

    def load(conn: psycopg.Connection) -> None:
        conn.execute(GIVEN_CONDITIONS)
        with conn.cursor().copy(copy) as given:
            for row in rows():
                given.write_row(row)
        conn.execute("select vitrina_internal.give_condition_words()")
        conn.execute("drop table given_conditions")

    def write(out: TextIO) -> None:
        out.write(f"{GIVEN_CONDITIONS};\n{copy};\n")
        for row in rows():
            out.write("\t".join(_escaped(text) for text in row) + "\n")
        out.write(
            "\\.\nselect vitrina_internal.give_condition_words();\ndrop table given_conditions;\n\n"
        )

    sql = data_dir("sql") / "70-search/701-condition-words.sql"
    return Seed("condition_words", _digest(DATA / "conditions.csv", sql), load, write)


def _given_words() -> list[tuple[str, str, str, str | None, str | None, str]]:
    """The rows of the thesaurus, of contrasts and of related terms.

    target, term, value (the canonical term, the group, or the weight and the related term), facet,
    domain, and the language outside which a term does not count.
    """
    # canonical terms also stand for themselves, and come first: terms that the lexicon tells apart
    # ("shirt", "t-shirt") stay apart however near the vectors are
    entries = sorted(retail_words.thesaurus(), key=lambda entry: entry.term != entry.canonical)
    domains = {entry.term: entry.domain for entry in entries if entry.domain != "general"}
    rows: list[tuple[str, str, str, str | None, str | None, str]] = [
        (
            "thesaurus",
            e.term,
            e.canonical,
            e.facet,
            domains.get(e.term, domains.get(e.canonical)),
            "",
        )
        for e in entries
    ]
    rows += [
        (
            "thesaurus",
            form,
            name.canonical,
            name.facet,
            domains.get(name.canonical),
            language if name.own else "",
        )
        for language in names.LANGUAGES
        for name in names.names(language)
        for form in name.forms
    ]
    rows += [("contrasts", term, group, None, None, "") for term, group in retail_words.contrasts()]
    rows += [
        ("related_terms", r.term, f"{r.weight:g} {r.related}", r.facet, None, "")
        for r in retail_words.relations()
    ]
    return rows


def _local_spaces() -> Seed:
    statements = LOCAL_SPACES.format(dimensions=PICTURE_DIMENSIONS)

    def load(conn: psycopg.Connection) -> None:
        conn.execute(statements.encode())

    def write(out: TextIO) -> None:
        out.write(statements + "\n")

    digest = hashlib.sha256(statements.encode()).hexdigest()
    return Seed("local_spaces", digest, load, write)
