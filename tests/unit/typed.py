"""What a type checker says of calls of the library, checked by `make lint`; nothing runs it.

mypy is strict of this file: a comment that ignores an error where there is none is an error itself.
"""

from __future__ import annotations

from vitrina import Catalog, Change, Hit, Keyword, Source, Space, Status


def what_is_right(catalog: Catalog) -> list[Hit]:
    catalog.ingest("products.csv", mapping={"title": "name"})
    catalog.ingest([{"id": 1, "title": "Sofa"}], source="s", mapping={"title": "title"})
    catalog.search("sofa", price_max=50)
    catalog.search(image=b"...", price_max=3, attr={"a": 1}, sources=["a"])
    words: list[Keyword] = catalog.keywords.list()
    changes: list[Change] = catalog.keywords.merge(["couch"], into="sofa")
    sources: list[Source] = catalog.sources.list()
    spaces: list[Space] = catalog.spaces.list()
    status: Status = catalog.status()
    assert words, (changes, sources, spaces, status)
    return catalog.search("sofa")


def what_is_misspelt(catalog: Catalog) -> None:
    catalog.ingest("products.csv", maping={"title": "name"})  # type: ignore[call-arg]
    catalog.search("sofa", price_maximum=50)  # type: ignore[call-arg]
    catalog.search("sofa", mode="words")  # type: ignore[arg-type]
    catalog.search("sofa", atr={"a": "b"})  # type: ignore[call-arg]
    _ = catalog.search("sofa").rows  # type: ignore[attr-defined]
    catalog.facets("sofa", atribute=["brand"])  # type: ignore[call-arg]
    catalog.facets(sorces=["a"])  # type: ignore[call-arg]
    catalog.similar("FU-107", souces=["demo"])  # type: ignore[call-arg]
    catalog.similar("a", source="b")  # type: ignore[call-arg]
    catalog.recommend(["FU-107"], whith_keywords=["oak"])  # type: ignore[call-arg]
    catalog.recommend(["a"], price_mx=3)  # type: ignore[call-arg]
    catalog.keywords.merge(["couch"], int="sofa")  # type: ignore[call-arg]
    catalog.sources.attach("public.product", tittle="name")  # type: ignore[call-arg]
    catalog.spaces.add("large", modle="m")  # type: ignore[call-arg]
    catalog.jobs.list(states=["lost"])  # type: ignore[list-item]
    _ = catalog.status().prodcts  # type: ignore[attr-defined]
