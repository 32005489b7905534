"""Write sql/10-text/105-words.sql from src/vitrina/data/words.csv.

normal_form reads no table, so that it can be immutable: functions have its words as constants.
`python scripts/make_words.py` writes the file; with `--check` it only checks whether the file is
current.
"""

from __future__ import annotations

import csv
import json
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CSV = ROOT / "src" / "vitrina" / "data" / "words.csv"
SQL = ROOT / "sql" / "10-text" / "105-words.sql"
RULER = "-- " + "-" * 93
FUNCTIONS = {
    "word_forms": (
        "number plural spelling unit",
        "words whose key is another word: number words, irregular plurals, spellings, units",
    ),
    "invariant_words": (
        "invariant apart",
        "words that end in s but are no plurals, or mean another thing without it",
    ),
    "measure_words": ("measure", "units that count as units only behind a number"),
    "brand_words": ("brand", "names of makers, which are never taken for slips of typing"),
    "part_words": ("part", "words that mean the same as their base behind another word"),
}


def sql_file() -> str:
    """The text of the SQL file."""
    with CSV.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    parts = [
        "-- Words that normal_form knows: made from src/vitrina/data/words.csv by"
        " scripts/make_words.py.\n"
    ]
    for name, (kinds, purpose) in FUNCTIONS.items():
        words = {row["word"]: row["base"] for row in rows if row["kind"] in kinds.split()}
        body = json.dumps(words, separators=(",", ":"), sort_keys=True).replace('","', '", "')
        lines = textwrap.wrap(body, 97, break_long_words=False, break_on_hyphens=False)
        parts.append(
            f"{RULER}\n-- {name}() → {purpose}.\n{RULER}\n"
            f"create or replace function vitrina_internal.{name}() returns jsonb\n"
            "language sql immutable parallel safe\n"
            "return '" + "\n    ".join(lines) + "'::jsonb;\n"
        )
    return "\n".join(parts)


def main() -> int:
    if "--check" not in sys.argv:
        SQL.write_text(sql_file(), "utf-8")
    elif SQL.read_text("utf-8") != sql_file():
        print("sql/10-text/105-words.sql is not current: run python scripts/make_words.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
