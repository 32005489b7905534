"""Ways to search a shop's products, each as a shop would write it, for bench/peers.py.

Each class takes a folder of its own, the rows by external id and the sentence model; it is
complete: what a shop would have to write is counted by its lines. All peers read all columns but
addresses, joined to one text (tantivy: column by column), and the same vectors.
"""

from __future__ import annotations

import ast
import csv
import inspect
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from bench._catalogue import FASHION
from bench._peers import Rows, fused, tantivy, words_of


class Model(Protocol):
    """Makes vectors of texts, of length 1."""

    def encode(self, texts: list[str]) -> Any: ...


class Engine(Protocol):
    def __init__(self, folder: Path, rows: Rows, model: Model | None) -> None: ...

    def search(self, query: str, k: int) -> list[str]:
        """External ids, the best first."""


class Vitrina:
    """Offline, as it comes: pictures are looked at where the rows have some."""

    pictures: Path | None = FASHION / "images"

    def __init__(self, folder: Path, rows: Rows, model: Model | None) -> None:
        from vitrina import Catalog
        from vitrina.files import FileOptions, Mapping

        path = folder / "products.csv"
        written(path, rows)
        self.catalog = Catalog(postgres(folder))
        fashion = self.pictures and "productDisplayName" in next(iter(rows.values()))
        images = Mapping(image="{id}.jpg", image_root=self.pictures) if fashion else Mapping()
        self.catalog.ingest(path, options=FileOptions(images))

    def search(self, query: str, k: int) -> list[str]:
        return [hit.external_id for hit in self.catalog.search(query, k=k, log=False)]


class Blind(Vitrina):
    """Without pictures, as the peers."""

    pictures = None


class Bm25s:
    """BM25 of stems, without stop words, as its page shows it."""

    def __init__(self, folder: Path, rows: Rows, model: Model | None) -> None:
        import bm25s
        import Stemmer

        self.stemmer, self.ids = Stemmer.Stemmer("english"), list(rows)
        texts = [words_of(row) for row in rows.values()]
        self.index = bm25s.BM25()
        self.index.index(self._tokens(texts), show_progress=False)
        self.index.save(folder / "index")

    def _tokens(self, texts: list[str]) -> Any:
        import bm25s

        return bm25s.tokenize(texts, stopwords="en", stemmer=self.stemmer, show_progress=False)

    def search(self, query: str, k: int) -> list[str]:
        k = min(k, len(self.ids))
        places, scores = self.index.retrieve(self._tokens([query]), k=k, show_progress=False)
        return [self.ids[place] for place, score in zip(places[0], scores[0], strict=True) if score]


class Tantivy:
    """BM25 over each column, stemmed."""

    fuzzy = False

    def __init__(self, folder: Path, rows: Rows, model: Model | None) -> None:
        self.ranking = tantivy(rows, fuzzy=self.fuzzy, folder=folder)

    def search(self, query: str, k: int) -> list[str]:
        return self.ranking(query)[:k]


class FuzzyTantivy(Tantivy):
    """The same, which forgives a letter or two."""

    fuzzy = True


class Exact:
    """The sentence model, every vector compared."""

    def __init__(self, folder: Path, rows: Rows, model: Model | None) -> None:
        import numpy as np

        assert model
        self.model, self.ids = model, list(rows)
        self.vectors = model.encode([words_of(row) for row in rows.values()])
        np.save(folder / "vectors.npy", self.vectors)

    def search(self, query: str, k: int) -> list[str]:
        order = (self.vectors @ self.model.encode([query])[0]).argsort()[::-1]
        return [self.ids[place] for place in order[:k]]


class Fused:
    """BM25 and the sentence model, their ranks fused."""

    def __init__(self, folder: Path, rows: Rows, model: Model | None) -> None:
        words, meaning = Bm25s(folder, rows, model), Exact(folder, rows, model)
        self.ranking = fused(lambda q: words.search(q, 100), lambda q: meaning.search(q, 100))

    def search(self, query: str, k: int) -> list[str]:
        return self.ranking(query)[:k]


class Chroma:
    """chromadb, on disk: vectors alone."""

    def __init__(self, folder: Path, rows: Rows, model: Model | None) -> None:
        import chromadb

        assert model
        self.model = model
        client = chromadb.PersistentClient(
            str(folder), chromadb.Settings(anonymized_telemetry=False)
        )
        self.products = client.create_collection(
            "products", configuration={"hnsw": {"space": "cosine"}}
        )
        ids, texts = list(rows), [words_of(row) for row in rows.values()]
        vectors = model.encode(texts)
        for at in range(0, len(ids), 1000):
            some = slice(at, at + 1000)
            self.products.add(ids=ids[some], embeddings=vectors[some], documents=texts[some])

    def search(self, query: str, k: int) -> list[str]:
        vectors = self.model.encode([query])
        found = self.products.query(query_embeddings=vectors, n_results=k, include=[])
        return list(found["ids"][0])


class Lance:
    """lancedb: full text and vectors, fused by its own reranker."""

    def __init__(self, folder: Path, rows: Rows, model: Model | None) -> None:
        import lancedb

        assert model
        self.model = model
        texts = [words_of(row) for row in rows.values()]
        found = zip(rows, texts, model.encode(texts), strict=True)
        self.products = lancedb.connect(folder).create_table(
            "products", [{"id": id_, "text": text, "vector": vector} for id_, text, vector in found]
        )
        self.products.create_fts_index("text")

    def search(self, query: str, k: int) -> list[str]:
        asked = self.products.search(query_type="hybrid").text(query)
        found = asked.vector(self.model.encode([query])[0]).limit(k).to_list()
        return [row["id"] for row in found]


class Qdrant:
    """qdrant in this process, on disk: vectors alone (its sparse models come from a hub)."""

    def __init__(self, folder: Path, rows: Rows, model: Model | None) -> None:
        from qdrant_client import QdrantClient, models

        assert model
        self.model, self.ids = model, list(rows)
        self.client = QdrantClient(path=str(folder / "qdrant"))
        size = models.VectorParams(size=384, distance=models.Distance.COSINE)
        self.client.create_collection("products", vectors_config=size)
        vectors = model.encode([words_of(row) for row in rows.values()])
        self.client.upload_collection("products", vectors, ids=range(len(self.ids)))

    def search(self, query: str, k: int) -> list[str]:
        vector = self.model.encode([query])[0]
        found = self.client.query_points("products", vector, limit=k, with_payload=False)
        return [self.ids[int(point.id)] for point in found.points]


class ByHand:
    """pgvector and full text in one statement, their ranks fused; any of the words may match."""

    TABLE = """
        create extension vector;
        create table products (
            id text primary key, body text not null, embedding vector(384) not null,
            words tsvector generated always as (to_tsvector('english', body)) stored);
    """
    INDEXES = """
        create index on products using gin (words);
        create index on products using hnsw (embedding vector_cosine_ops);
        analyze products;
        set hnsw.ef_search = 100;
    """
    SEARCH = """
        with asked as (
            select replace(plainto_tsquery('english', %(q)s)::text, '&', '|')::tsquery as words),
        near as (
            select p.id, row_number() over (order by p.embedding <=> %(v)s) as place
            from products as p order by p.embedding <=> %(v)s limit 100),
        said as (
            select p.id,
                   row_number() over (order by ts_rank_cd(p.words, a.words) desc, p.id) as place
            from products as p cross join asked as a where p.words @@ a.words
            order by place limit 100)
        select coalesce(n.id, s.id)
        from near as n full join said as s on s.id = n.id
        order by coalesce(1.0 / (60 + n.place), 0) + coalesce(1.0 / (60 + s.place), 0) desc, 1
        limit %(k)s
    """

    def __init__(self, folder: Path, rows: Rows, model: Model | None) -> None:
        import psycopg
        from pgvector.psycopg import register_vector

        assert model
        self.model = model
        self.conn = psycopg.connect(postgres(folder, upgraded=False), autocommit=True)
        self.conn.execute(self.TABLE)
        register_vector(self.conn)
        texts = [words_of(row) for row in rows.values()]
        with self.conn.cursor().copy("copy products (id, body, embedding) from stdin") as copy:
            for row in zip(rows, texts, model.encode(texts), strict=True):
                copy.write_row(row)
        self.conn.execute(self.INDEXES)

    def search(self, query: str, k: int) -> list[str]:
        given = {"q": query, "v": self.model.encode([query])[0], "k": k}
        return [row[0] for row in self.conn.execute(self.SEARCH, given)]


class OneVector(ByHand):
    """What a vectorizer such as pgai's stores: one vector a product; searched by vectors alone."""

    TABLE = """
        create extension vector;
        create table products (
            id text primary key, body text not null, embedding vector(384) not null);
    """
    INDEXES = """
        create index on products using hnsw (embedding vector_cosine_ops);
        set hnsw.ef_search = 100;
    """
    SEARCH = "select p.id from products as p order by p.embedding <=> %(v)s limit %(k)s"


def postgres(folder: Path, *, upgraded: bool = True) -> str:
    """The address of a database on a server of its own in this folder; not counted as lines."""
    from vitrina import embedded
    from vitrina.db import schema

    url = embedded.start(folder).url()
    if upgraded:
        schema.upgrade(url)
    return url


def written(path: Path, rows: Rows) -> None:
    """The rows as the file that a shop has; not counted as lines."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(next(iter(rows.values()))))
        writer.writeheader()
        writer.writerows(rows.values())


# each with what of bench/ a shop would have to write too, besides its class
ENGINES: dict[str, tuple[type[Engine], tuple[Callable[..., Any] | type, ...]]] = {
    "vitrina": (Vitrina, ()),
    "vitrina, without pictures": (Blind, (Vitrina,)),
    "bm25s": (Bm25s, (words_of,)),
    "tantivy": (Tantivy, (tantivy,)),
    "tantivy, fuzzy": (FuzzyTantivy, (Tantivy, tantivy)),
    "MiniLM": (Exact, (words_of,)),
    "bm25s and MiniLM": (Fused, (Bm25s, Exact, fused, words_of)),
    "chromadb": (Chroma, (words_of,)),
    "lancedb, hybrid": (Lance, (words_of,)),
    "qdrant, local": (Qdrant, (words_of,)),
    "pgvector by hand": (ByHand, (words_of,)),
    "one vector a product": (OneVector, (ByHand.__init__, ByHand.search, words_of)),
}


def lines(parts: Iterable[Any]) -> int:
    """Lines of code, without blank ones, comments and docstrings."""
    count = 0
    for part in parts:
        source = textwrap.dedent(inspect.getsource(part))
        count += sum(bool(line.strip()) and line.strip()[0] != "#" for line in source.splitlines())
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                said = node.body[0]
                count -= (said.end_lineno or said.lineno) - said.lineno + 1
    return count
