"""Write docs/faults.md: what vitrina does about each fault of an endpoint, from trials.

`python scripts/fault_table.py` runs six products through a real pipeline for every fault, against
a server on the loopback that fails in that way, and writes down what happened.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Columns
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from unittest import mock
from uuid import uuid4

import psycopg
from PIL import Image

from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.db import schema
from vitrina.enrich.totals import Totals
from vitrina.errors import VitrinaError
from vitrina.files import FileOptions, Mapping
from vitrina.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "faults.md"
sys.path.insert(0, str(ROOT / "tests"))

from openai_stub import OpenAIStub, Request  # noqa: E402

KEY = "sk-the-shops-own-secret-4711"
COLORS = ("red", "blue", "green", "black", "white", "brown")
ODD = "Brown sofa"  # the product that a fault of one product is about
TITLES = [f"{color.title()} sofa" for color in COLORS]
Often = Literal["once", "always", "one product"]


@dataclass(frozen=True)
class Case:
    """One fault of the stub: where, how often, and what is different about the settings."""

    what: str
    kind: str = ""
    often: Often = "once"
    route: str = "chat"
    match: Callable[[Request], bool] | str | None = None
    seconds: float = 0.0
    base_url: str | None = None
    endpoint: Columns[str, object] = field(default_factory=dict)
    status: int = 400  # of an answer in words of its own, where there is no kind

    @property
    def name(self) -> str:
        """A name of its own."""
        return f"{self.what}, {self.often}"


@dataclass(frozen=True)
class Outcome:
    """What became of six products: in one run, and in the end.

    `stopped` is the message the first run ended with, `reason` what is kept with a product that
    could not be enriched. Where a run was stopped, the end is that of a run after all is mended;
    else that of further tries with the fault still there.
    """

    stopped: str
    enriched: int
    charged: int
    reason: str
    finally_enriched: int
    failed: int
    said: str


def _schema(request: Request) -> bool:
    return "json_schema" in request.text


def _low(request: Request) -> bool:
    return int(request.body["max_tokens"]) < 8200


def _system(request: Request) -> bool:
    return any(message["role"] == "system" for message in request.body["messages"])


def _detail(request: Request) -> bool:
    return any("detail" in picture for picture in request.pictures)


def _base64(request: Request) -> bool:
    return bool(request.body.get("encoding_format") == "base64")


def _many(request: Request) -> bool:
    return len(request.body["input"]) > 1


CASES = (
    Case("429, without Retry-After", "429"),
    Case("429, without Retry-After", "429", "always"),
    Case("429 with Retry-After: 0.2 s", "429-after", seconds=0.2),
    Case("429 with Retry-After: 1 hour", "429-after", "always", seconds=3600),
    Case("429, no credit left", "quota", "always"),
    Case("500", "500"),
    Case("500", "500", "one product"),
    Case("500", "500", "always"),
    Case("503, overloaded", "503"),
    Case("502 with a web page", "html-502"),
    Case("502 with a web page", "html-502", "always"),
    Case("200 with a web page", "html-200", "always"),
    Case("200 with an error in it", "error-body"),
    Case("200 with nothing in it", "empty-body"),
    Case("200 with `null`", "null-body"),
    Case("connection reset before the answer", "reset"),
    Case("connection reset before the answer", "reset", "one product"),
    Case("connection reset in mid-answer", "reset-mid-body"),
    Case("no answer before the timeout", "hang", endpoint={"timeout": 1.0}),
    Case("no answer before the timeout", "hang", "one product", endpoint={"timeout": 0.5}),
    Case("an answer that drips in slowly", "drip", seconds=0.2, endpoint={"timeout": 1.0}),
    Case("the name of the host is unknown", often="always", base_url="http://nowhere.invalid/v1"),
    Case("nothing listens there", often="always", base_url="http://127.0.0.1:9/v1"),
    Case("401, invalid key", "401", "always"),
    Case("403, forbidden", "403", "always"),
    Case("404, unknown vision model", "404", "always"),
    Case("the model takes no pictures", "blind", "always"),
    Case("400, context too long", "context", "one product"),
    Case("400, the picture is not taken", "image", "one product"),
    Case("400, content policy", "policy", "one product"),
    Case("400, no reason that is known", "bad-request", "one product"),
    Case("400, no reason that is known", "bad-request", "always"),
    Case("400, no JSON schema", "no-schema", "always", match=_schema),
    Case("400, no temperature", "no-temperature", "always", match='"temperature"'),
    Case("400, no max_tokens", "no-max-tokens", "always", match='"max_tokens"'),
    Case("400 to a JSON schema, in other words", "other-words", "always", match=_schema),
    Case("500 to a JSON schema", "other-words", "always", match=_schema, status=500),
    Case("400 to a system message, in other words", "other-words", "always", match=_system),
    Case("422 to the detail of pictures", "other-words", "always", match=_detail, status=422),
    Case("refusal", "refusal", "one product"),
    Case("content filter", "content_filter", "one product"),
    Case("answer cut off", "length"),
    Case("answer cut off", "length", "one product"),
    Case("answer cut off below 8,200 tokens", "length", "always", match=_low),
    Case("a draft before the answer", "draft", "always"),
    Case("thinking that only a closing tag ends", "lone-close", "always"),
    Case("thinking that is cut off", "cut-thinking", "one product"),
    Case("the answer in `reasoning_content`", "in-reasoning", "always"),
    Case("the answer in a tool call", "in-tool-call", "always"),
    Case("JSON in a JSON string", "double-encoded", "always"),
    Case("the schema for an answer", "echoed-schema"),
    Case("the schema for an answer", "echoed-schema", "one product"),
    Case("bad JSON", "bad-json"),
    Case("bad JSON", "bad-json", "one product"),
    Case("wrong types", "wrong-types"),
    Case("wrong types", "wrong-types", "one product"),
    Case("empty content", "empty-content", "one product"),
    Case("`null` as content", "null-content"),
    Case("no choices", "no-choices", "one product"),
    Case("embeddings: 500", "500", route="embeddings"),
    Case("embeddings: 500", "500", "always", "embeddings"),
    Case("embeddings: 429", "429", route="embeddings"),
    Case("embeddings: unknown model", "404", "always", "embeddings"),
    Case("embeddings: too long", "context", "one product", "embeddings"),
    Case("embeddings: `dimensions` not taken", "no-dimensions", "always", "embeddings"),
    Case("embeddings of another length", "wrong-dimension", "always", "embeddings"),
    Case("embeddings: 401", "401", "always", "embeddings"),
    Case(
        "embeddings: 400 to base64, in other words", "other-words", "always", "embeddings", _base64
    ),
    Case("embeddings: 200 with no data for base64", "no-data", "always", "embeddings", _base64),
    Case(
        "embeddings: one text at a time, else 422",
        "other-words",
        "always",
        "embeddings",
        _many,
        status=422,
    ),
    Case("embeddings: one answered of many", "one-datum", "always", "embeddings", _many),
    Case("embedding with NaN", "nan", route="embeddings"),
    Case("embedding with NaN", "nan", "one product", "embeddings"),
    Case("embedding of zeros", "zero", "one product", "embeddings"),
    Case("embedding missing", "missing", route="embeddings"),
    Case("embedding missing", "missing", "always", "embeddings"),
    Case("embedding index twice", "duplicate", route="embeddings"),
    Case("embeddings in another order", "shuffled", "always", "embeddings"),
    Case("embeddings as lists of numbers", "floats", "always", "embeddings"),
)


def bring_in(url: str, folder: Path) -> None:
    """Six products with pictures, queued."""
    rows = ["id,title,image"]
    for number, (color, title) in enumerate(zip(COLORS, TITLES, strict=True)):
        Image.new("RGB", (64, 48), color).save(folder / f"{color}.png")
        rows.append(f"{number},{title},{color}.png")
    path = folder / "products.csv"
    path.write_text("\n".join(rows))
    with Catalog(settings=Settings(database_url=url)) as catalog:
        catalog.sources.load(path, options=FileOptions(Mapping(image_root=folder)))


def _fault(stub: OpenAIStub, case: Case) -> None:
    times = 1 if case.often == "once" else None
    match = case.match
    if case.often == "one product":
        match = _of_one(case)
    if case.kind == "other-words":
        said = {"error": {"message": "value is not a valid enumeration member"}}
        stub.answering(case.route, case.status, said, _matching(case))
    elif case.kind in ("no-data", "one-datum"):
        one = {"index": 0, "embedding": [1.0] * 64}
        body = {"data": [one] if case.kind == "one-datum" else []}
        stub.answering(case.route, 200, body, _matching(case))
    elif case.kind:
        stub.fault(case.route, case.kind, times=times, match=match, seconds=case.seconds)


def _matching(case: Case) -> Callable[[Request], bool]:
    if not callable(case.match):
        raise TypeError(f"{case.name} does not say which requests it is about")
    return case.match


def _of_one(case: Case) -> Callable[[Request], bool]:
    """Whether a request is about the odd product; of embeddings, whether its text comes last.

    The stub spoils the last vector of an answer. A request that is refused is refused for having
    the odd text in it anywhere.
    """
    spoilt = case.kind in ("nan", "zero")

    def odd(request: Request) -> bool:
        if case.route == "chat":
            return f"Title: {ODD}" in request.text
        texts = request.body["input"]
        return any(ODD in text for text in (texts[-1:] if spoilt else texts))

    return odd


def _run(settings: Settings) -> tuple[Totals | None, str]:
    """What one run did, and what stopped it."""
    with Catalog(settings=settings) as catalog:
        try:
            return catalog.work(), ""
        except VitrinaError as exc:
            return None, f"{type(exc).__name__}: {exc}"


def try_out(case: Case, url: str) -> Outcome:
    """Run the six products that are brought in with the fault, and on to the end."""
    with (
        OpenAIStub(dimensions=64) as stub,
        mock.patch("vitrina.models.openai.client.backoff", return_value=0.01),
        psycopg.connect(url, autocommit=True) as conn,
    ):
        _fault(stub, case)
        given = {"api_key": KEY, "dimensions": 64, "base_url": case.base_url or stub.url}
        settings = Settings(
            database_url=url, provider="openai", concurrency=2, endpoint={**given, **case.endpoint}
        )
        stopped = _run(settings)[1]
        said = [stopped]
        enriched, charged, _, reason = _state(conn)
        for _ in range(4):
            if not _queued(conn):
                break
            if stopped:
                stub.clear_faults()
                settings = Settings(
                    database_url=url, provider="openai", concurrency=2,
                    endpoint={**given, "base_url": stub.url},
                )  # fmt: skip
            said.append(_run(settings)[1])
        finally_enriched, _, failed, kept = _state(conn)
        return Outcome(
            _settled(stopped), enriched, charged, _settled(kept or reason),
            finally_enriched, failed, " ".join([*said, reason, kept]),
        )  # fmt: skip


def _queued(conn: psycopg.Connection) -> int:
    """Makes what is queued due; how many jobs those are."""
    return conn.execute("update vitrina.jobs set run_after = now() where state = 'queued'").rowcount


def _state(conn: psycopg.Connection) -> tuple[int, int, int, str]:
    """Products that are enriched and embedded; charged with a try; failed; and a reason."""
    row = conn.execute(
        "select (select count(*) from vitrina.products as p where p.enriched_at is not null"
        "  and exists (select from vitrina.product_embeddings as e join vitrina.spaces as s"
        "   on s.id = e.space_id where e.product_id = p.id and s.provider = 'openai')),"
        " count(*) filter (where j.attempts > 0), count(*) filter (where j.state = 'failed'),"
        " coalesce(max(j.error), '') from vitrina.jobs as j"
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2], row[3]


def _settled(text: str) -> str:
    """A message without what differs from run to run: ports, places, which product came first."""
    text = text.replace("127.0.0.1:9 ", "HOST ").replace("nowhere.invalid", "HOST")
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    text = re.sub(r"\btext \d+( of \d+)?", "text N", text)
    text = re.sub(r"(for the same reason: ).*(; check)", r"\1…\2", text)
    text = re.sub(r"\d+ embeddings for \d+ texts", "N embeddings for more texts", text)
    return re.sub(r"\(\[Errno[^)]*\)", "(…)", text)


def row(case: Case, outcome: Outcome) -> str:
    """The line of the table."""
    if outcome.stopped:
        said = outcome.stopped.partition(": ")[2]
        run = f"continues, and says: {said}" if "have no vector yet" in said else f"stops: {said}"
        charged = "some charged a try" if outcome.charged else "no product charged"
        end = f"{charged}; once it is mended: {outcome.finally_enriched} enriched"
    elif outcome.charged:
        run = f"continues: {outcome.enriched} enriched, {outcome.charged} to be tried again"
        end = f"{outcome.failed} failed: {outcome.reason}"
        if not outcome.failed:
            end = f"{outcome.finally_enriched} enriched"
    else:
        run, end = f"{outcome.enriched} enriched", ""
    cells = (case.what, case.often, run, end)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page(rows: list[str]) -> str:
    """The whole page."""
    return "\n".join(
        [
            "# What happens when the endpoint fails",
            "",
            "Six products each, through the whole pipeline, against a server that fails on purpose:"
            " once, always,\nor always for one of the products. scripts/fault_table.py runs this"
            " and writes the page. HOST is the\nendpoint. A passing error is tried again after a"
            " growing pause, five times, before it counts; a\ncharged product is tried again twice"
            " later, then it fails permanently with its reason:\n`select * from vitrina.jobs where"
            " state = 'failed'`.",
            "",
            "| what goes wrong | how often | the run | in the end |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


@contextmanager
def _databases() -> Iterator[Callable[[], str]]:
    """A function that makes a new database with the products, on a server of its own."""
    home = Path(tempfile.mkdtemp(prefix="vt-", dir="/tmp"))  # sockets want short paths
    home.chmod(0o755)
    try:
        server = embedded.start(home, options={"fsync": "off", "synchronous_commit": "off"})
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute("create database vitrina_template")
            schema.upgrade(server.url("vitrina_template"))
            bring_in(server.url("vitrina_template"), home)

            def make() -> str:
                name = f"t_{uuid4().hex[:12]}"
                conn.execute(f"create database {name} template vitrina_template")  # type: ignore[arg-type]
                return server.url(name)

            yield make
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


def main() -> None:
    """Try them all and write the page."""
    rows = []
    with _databases() as make:
        for case in CASES:
            rows.append(row(case, try_out(case, make())))
            print(rows[-1], flush=True)
    PAGE.write_text(page(rows), "utf-8")


if __name__ == "__main__":
    main()
