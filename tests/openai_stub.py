"""A real HTTP server that answers as OpenAI's does, without a model: for tests and benchmarks.

>>> with OpenAIStub() as stub:
...     stub.fault("chat", "429", times=2)
...     settings = OpenAISettings(base_url=stub.url, api_key="sk-test")

Answers are made from the title in the prompt, so that a test can tell what they must be. It counts
and logs what it is asked and fails on demand in each way the real one was seen to fail.
"""

from __future__ import annotations

import base64
import contextlib
import email.parser
import email.policy
import hashlib
import http.client
import json
import math
import random
import re
import socket
import socketserver
import struct
import sys
import threading
import time
import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from uuid import uuid4

import numpy as np

import joint_stub

COLORS = {"black", "white", "grey", "red", "blue", "green", "yellow", "brown", "beige", "pink"}
MATERIALS = {"oak", "metal", "steel", "wood", "glass", "leather", "cotton", "rattan", "felt"}
STYLES = {"modern", "industrial", "rustic", "scandinavian", "vintage", "minimalist"}
SMALL_WORDS = {"a", "an", "and", "the", "of", "with", "for", "in", "on", "by", "cm"}
ROUTES = ("chat", "embeddings", "models", "files", "content", "batches", "cancel")
Json = dict[str, Any]

# What a fault makes of a whole answer: status, headers, error code and message.
REFUSALS: dict[str, tuple[int, dict[str, str], str, str]] = {
    "429": (429, {}, "rate_limit_exceeded", "Rate limit reached for requests"),
    "429-after": (429, {"Retry-After": "{seconds}"}, "rate_limit_exceeded", "Rate limit reached"),
    "429-after-ms": (429, {"Retry-After-Ms": "{ms}"}, "rate_limit_exceeded", "Rate limit reached"),
    "quota": (429, {}, "insufficient_quota", "You exceeded your current quota, please check it"),
    "500": (500, {}, "server_error", "The server had an error while processing your request"),
    "503": (503, {}, "overloaded", "The engine is currently overloaded"),
    "409": (409, {}, "conflict", "Conflict"),
    "408": (408, {}, "timeout", "Request timeout"),
    "401": (401, {}, "invalid_api_key", "Incorrect API key provided: {key}"),
    "403": (403, {}, "unsupported_country", "Project does not have access to model {model}"),
    "404": (404, {}, "model_not_found", "The model `{model}` does not exist"),
    "context": (400, {}, "context_length_exceeded", "This model's maximum context length is 8192"),
    "image": (400, {}, "invalid_image_url", "Timeout while downloading https://example.com/a.jpg"),
    "policy": (
        400,
        {},
        "content_policy_violation",
        "Your request was rejected by the safety system",
    ),
    "bad-request": (400, {}, "invalid_value", "Something is not right: {key}"),
    "no-schema": (400, {}, "invalid", "'response_format' of type 'json_schema' is not supported"),
    "no-system": (400, {}, "invalid", "System role not supported"),
    "no-json": (400, {}, "invalid", "This response_format type is unavailable now"),
    "no-temperature": (400, {}, "unsupported_value", "'temperature' does not support 0 here"),
    "no-max-tokens": (400, {}, "unsupported_parameter", "Unsupported parameter: 'max_tokens'"),
    "no-max-completion-tokens": (400, {}, "extra", "unexpected max_completion_tokens"),
    "no-dimensions": (400, {}, "invalid", "This model does not support matryoshka dimensions"),
    "no-effort": (400, {}, "unsupported_parameter", "Unrecognized: 'reasoning_effort'"),
    "blind": (400, {}, "invalid", "stub is not a multimodal model"),
}
# Faults that spoil the content of an otherwise good chat answer.
CONTENTS: dict[str, str | None] = {
    "bad-json": '{"keywords": [{"term": "de',
    "wrong-types": '{"keywords": [1, null], "description": 7, "caption": false}',
    "empty-content": "",
    "null-content": None,
}
# Faults that say a good answer in another way; {} is that answer.
FORMS = {
    "draft": '<think>{"keywords": [{"term": "draft"}], "caption": "A draft."}</think>{}',
    "lone-close": 'So {"keywords": [{"term": "draft"}], "caption": "A draft."}\n</think>\n{}',
    "cut-thinking": '<think>So {"keywords": [{"term": "draft"}], "caption": "A draft."}',
    "echoed-schema": '{"type": "object", "properties": {"keywords": {"type": "array"}}}',
}
FIELDS = {"double-encoded", "in-reasoning", "in-tool-call"}
WIRE = {"reset", "reset-mid-body", "drip", "drip-headers", "hang", "html-502", "html-200"}
LONG = {"gzip-bomb", "endless", "long-line"}
REDIRECTS = {"redirect", "elsewhere"}  # to the same path, here or on the server `elsewhere`
BODIES = {"null-body", "empty-body", "error-body", "no-choices"}
FINISHES = {"refusal", "content_filter", "length"}
VECTORS = {"wrong-dimension", "nan", "zero", "missing", "duplicate", "shuffled", "floats"}
BATCHES = {"partial", "expired", "failed", "error-lines"}
KINDS = {
    *REFUSALS, *CONTENTS, *FORMS, *FIELDS, *WIRE, *LONG, *REDIRECTS, *BODIES, *FINISHES, *VECTORS,
    *BATCHES,
}  # fmt: skip


@dataclass
class Fault:
    """What goes wrong on a route, how often (None: always), and for which requests."""

    route: str
    kind: str
    times: int | None = 1
    match: str | Callable[[Request], bool] | None = None
    seconds: float = 0.0
    happened: int = 0
    reply: tuple[int, Any] | None = None

    def applies(self, request: Request) -> bool:
        """Whether this request is to fail."""
        if self.route != request.route or (self.times is not None and self.happened >= self.times):
            return False
        if self.kind in BATCHES and request.method != "POST":
            return False
        if self.match is None:
            return True
        return self.match in request.text if isinstance(self.match, str) else self.match(request)


@dataclass
class Request:
    """One request as it arrived."""

    route: str
    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    began: float
    body: Any = None
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """The body as text."""
        return self.raw.decode("utf-8", "replace")

    @property
    def key(self) -> str:
        """The key that was sent."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def pictures(self) -> list[Json]:
        """The image_url objects of the messages."""
        return pictures_of(self.body) if isinstance(self.body, dict) else []


@dataclass
class _Batch:
    id: str
    input_file_id: str
    created: float
    metadata: Json
    status: str = "in_progress"
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: Json | None = None
    counts: Json = field(default_factory=dict)
    kinds: tuple[str, ...] = ()


class OpenAIStub:
    """The server. `key` is the only one accepted, None any; `latency` is seconds,
    for every answer or by route.

    `refused` says of the body of a batch's line which refusal it gets. `batch_seconds` is how long
    a batch takes, None until `complete_batches()`.
    """

    def __init__(
        self,
        *,
        key: str | None = None,
        latency: float | Mapping[str, float] = 0.0,
        dimensions: int = 3072,
        batch_seconds: float | None = 0.0,
    ) -> None:
        self.key = key
        self.latency = latency
        self.dimensions = dimensions
        self.batch_seconds = batch_seconds
        self.answer: Callable[[Json], str | None] | None = None
        self.refused: Callable[[Json], str | None] | None = None
        self.headers: dict[str, str] = {}
        self.elsewhere = ""
        self.log: list[Request] = []
        self.calls: Counter[str] = Counter()
        self.latencies: dict[str, list[float]] = defaultdict(list)
        self.max_in_flight = 0
        self.files: dict[str, bytes] = {}
        self._in_flight = 0
        self._faults: list[Fault] = []
        self._scripts: list[Fault] = []
        self.usage: Json | None = None
        self._batches: dict[str, _Batch] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stub = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """The base_url to give to a client."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()

    def fault(
        self,
        route: str,
        kind: str,
        *,
        times: int | None = 1,
        match: str | Callable[[Request], bool] | None = None,
        seconds: float = 0.0,
    ) -> Fault:
        """From now on let requests to a route fail; `match` is text in the body or a function."""
        if route not in ROUTES or kind not in KINDS:
            raise ValueError(f"no fault {kind!r} on route {route!r}")
        fault = Fault(route, kind, times, match, seconds)
        with self._lock:
            self._faults.append(fault)
        return fault

    def answering(
        self,
        route: str,
        status: int,
        body: Any,
        match: Callable[[Request], bool],
        *,
        times: int | None = None,
    ) -> None:
        """From now on answer requests to a route that match with this status and JSON."""
        with self._lock:
            self._scripts.append(Fault(route, "script", times, match, reply=(status, body)))

    def clear_faults(self) -> None:
        """Let all go well again."""
        with self._lock:
            self._scripts.clear()
            self._faults.clear()

    def requests(self, route: str) -> list[Request]:
        """The requests to one route, in the order they came."""
        with self._lock:
            return [request for request in self.log if request.route == route]

    def settle(self) -> None:
        """Wait until whatever clients that are gone have sent is read, and their connections ended."""
        with contextlib.closing(http.client.HTTPConnection(*self._server.server_address)) as last:
            last.request("GET", "/v1/models")  # whoever connected before is let in before
            last.getresponse().read()
        while self._server.connections:
            time.sleep(0.01)

    def complete_batches(self) -> None:
        """Finish every batch that is under way."""
        with self._lock:
            waiting = [batch for batch in self._batches.values() if batch.status == "in_progress"]
        for batch in waiting:
            self._finish(batch)

    def take_faults(self, request: Request) -> list[Fault]:
        """The faults that this request is to meet; each is used up by one."""
        with self._lock:
            every = [*self._scripts, *self._faults]
            found = [fault for fault in every if fault.applies(request)][:1]
            for fault in found:
                fault.happened += 1
            return found

    def began(self, request: Request) -> None:
        """Count a request in."""
        with self._lock:
            self.log.append(request)
            self.calls[request.route] += 1
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)

    def ended(self, request: Request) -> None:
        """Count a request out."""
        with self._lock:
            self._in_flight -= 1
            request.seconds = time.monotonic() - request.began
            self.latencies[request.route].append(request.seconds)

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the server."""
        self._closing.wait(seconds)

    def respond(self, request: Request, kind: str | None) -> Json | bytes:
        """The good answer to a request, spoilt where `kind` says so."""
        if request.route == "chat":
            return self._chat(request.body, kind)
        if request.route == "embeddings":
            return joint_stub.answer(request.path, request.body, self.dimensions, kind) or (
                embedding_answer(request.body, self.dimensions, kind)
            )
        if request.route == "models":
            names = ("gpt-4o-mini", "text-embedding-3-large")
            return {"object": "list", "data": [{"id": n, "object": "model"} for n in names]}
        if request.route == "files":
            return self._upload(request)
        if request.route == "content":
            return self.files[request.path.split("/")[-2]]
        return self._batch_route(request, kind)

    def _chat(self, body: Json, kind: str | None) -> Json:
        answer = chat_answer(body)
        message = answer["choices"][0]["message"]
        if self.answer is not None:
            message["content"] = self.answer(body)
        if kind in CONTENTS:
            message["content"] = CONTENTS[kind]
        elif kind in FORMS:
            message["content"] = FORMS[kind].replace("{}", message["content"])
        elif kind in FIELDS:
            _move(message, kind)
        elif kind == "refusal":
            message.update(content=None, refusal="I'm sorry, I can't help with that.")
        elif kind in ("length", "content_filter"):
            answer["choices"][0]["finish_reason"] = kind
            message["content"] = (message["content"] or "")[:10]
        elif kind == "no-choices":
            answer["choices"] = []
        return answer

    def _upload(self, request: Request) -> Json:
        parser = email.parser.BytesParser(policy=email.policy.HTTP)
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = {
            str(part.get_param("name", header="content-disposition")): part
            for part in parser.parsebytes(head + request.raw).iter_parts()
        }
        content, purpose = (parts[name].get_payload(decode=True) for name in ("file", "purpose"))
        if not isinstance(content, bytes) or not isinstance(purpose, bytes):
            raise TypeError("the form has no file or no purpose")
        return self._file(content, purpose.decode().strip())

    def _file(self, content: bytes, purpose: str) -> Json:
        name = f"file-{uuid4().hex[:12]}"
        self.files[name] = content
        return {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": "batch.jsonl",
            "purpose": purpose,
            "status": "processed",
        }

    def _batch_route(self, request: Request, kind: str | None) -> Json:
        if request.method == "POST" and request.route == "batches":
            batch = _Batch(
                f"batch_{uuid4().hex[:12]}",
                request.body["input_file_id"],
                time.monotonic(),
                request.body.get("metadata") or {},
                kinds=(kind,) if kind else (),
            )
            with self._lock:
                self._batches[batch.id] = batch
            return _batch_body(batch, request.body["endpoint"])
        parts = request.path.partition("?")[0].strip("/").split("/")
        if len(parts) == 2:
            newest = [_batch_body(one, "/v1/chat/completions") for one in self._batches.values()]
            return {"object": "list", "data": newest[::-1], "has_more": False}
        batch = self._batches[parts[2]]
        if request.route == "cancel" and batch.status == "in_progress":
            batch.status = "cancelled"
        age = time.monotonic() - batch.created
        if self.batch_seconds is not None and age >= self.batch_seconds:
            self._finish(batch)
        return _batch_body(batch, "/v1/chat/completions")

    def _finish(self, batch: _Batch) -> None:
        with self._lock:
            if batch.status != "in_progress":
                return
            batch.status = "finalizing"
        lines = [json.loads(line) for line in self.files[batch.input_file_id].splitlines() if line]
        if "failed" in batch.kinds:
            error = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
            batch.errors = {"object": "list", "data": [error]}
            batch.status = "failed"
            return
        done, failed = [], []
        for number, line in enumerate(lines):
            odd = number % 2 == 1
            if odd and "expired" in batch.kinds:
                error = {"code": "batch_expired", "message": "This request could not be executed"}
                failed.append(_line(line["custom_id"], None, error))
            elif odd and "error-lines" in batch.kinds:
                body = _error("context_length_exceeded", "maximum context length is 8192")
                failed.append(_line(line["custom_id"], {"status_code": 400, "body": body}, None))
            elif self.refused is not None and (kind := self.refused(line["body"])):
                status, _, code, message = REFUSALS[kind]
                response = {"status_code": status, "body": _error(code, message)}
                failed.append(_line(line["custom_id"], response, None))
            elif not (odd and "partial" in batch.kinds):
                body = self._batch_line(line)
                done.append(_line(line["custom_id"], {"status_code": 200, "body": body}, None))
        random.Random(len(lines)).shuffle(done)  # noqa: S311 - any order but the input's
        if done:
            batch.output_file_id = self._file(_jsonl(done), "batch_output")["id"]
        if failed:
            batch.error_file_id = self._file(_jsonl(failed), "batch_output")["id"]
        batch.counts = {"total": len(lines), "completed": len(done), "failed": len(failed)}
        batch.status = "expired" if "expired" in batch.kinds else "completed"

    def _batch_line(self, line: Json) -> Json:
        if line["url"].endswith("/embeddings"):
            return embedding_answer(line["body"], self.dimensions, None)
        return self._chat(line["body"], None)


def _move(message: Json, kind: str) -> None:
    """Put the answer of a message where it does not belong."""
    said = message["content"]
    if kind == "double-encoded":
        message["content"] = json.dumps(said)
        return
    message["content"] = None
    if kind == "in-reasoning":
        message["reasoning_content"] = said
    else:
        call = {"id": "1", "type": "function", "function": {"name": "answer", "arguments": said}}
        message["tool_calls"] = [call]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256
    stub: OpenAIStub

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[socket.socket] = set()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._open)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """End the connections that clients keep alive, and the threads that wait on them."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's error; all else is printed."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536  # head and body leave together
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Say nothing on stderr."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        stub = self.server.stub
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(
            _route(self.command, self.path), self.command, self.path, headers, raw, time.monotonic()
        )
        if headers.get("content-type", "").startswith("application/json") and raw:
            request.body = json.loads(raw)
        stub.began(request)
        try:
            self._answer(stub, request)
        finally:
            stub.ended(request)

    def _answer(self, stub: OpenAIStub, request: Request) -> None:
        faults = stub.take_faults(request)
        latency = stub.latency
        seconds = latency.get(request.route, 0) if isinstance(latency, Mapping) else latency
        if seconds:
            stub.wait(seconds)
        if request.route == "unknown":
            self._send(404, _error("not_found", f"no route {request.path}"))
        elif stub.key is not None and request.key != stub.key:
            message = f"Incorrect API key provided: {request.key}"
            self._send(401, _error("invalid_api_key", message))
        elif not faults:
            self._good(stub, request, None)
        else:
            self._fail(stub, request, faults[0])

    def _fail(self, stub: OpenAIStub, request: Request, fault: Fault) -> None:
        if fault.reply is not None:
            status, said = fault.reply
            self._send(status, json.dumps(said).encode())
        elif fault.kind in WIRE:
            self._broken(stub, request, fault)
        elif fault.kind in LONG:
            self._go_on(stub, fault.kind)
        elif fault.kind in REDIRECTS:
            server = stub.elsewhere if fault.kind == "elsewhere" else ""
            self._send(308, b"", {"Location": f"{server}{self.path}"})
        elif fault.kind in REFUSALS:
            self._refuse(request, fault)
        elif fault.kind in BODIES - {"no-choices"}:
            error = json.dumps(_error("server_error", "the model crashed")).encode()
            bodies = {"null-body": b"null", "empty-body": b"", "error-body": error}
            self._send(200, bodies[fault.kind])
        else:
            self._good(stub, request, fault.kind)

    def _good(self, stub: OpenAIStub, request: Request, kind: str | None) -> None:
        try:
            answer = stub.respond(request, kind)
            if stub.usage is not None and isinstance(answer, dict) and "usage" in answer:
                answer["usage"] = stub.usage
        except KeyError:
            return self._send(404, _error("not_found", "no such file or batch"))
        return self._send(200, answer, dict(stub.headers))

    def _refuse(self, request: Request, fault: Fault) -> None:
        status, headers, code, message = REFUSALS[fault.kind]
        model = request.body.get("model", "") if isinstance(request.body, dict) else ""
        said = message.format(key=request.key, model=model)
        values = {"seconds": f"{fault.seconds:g}", "ms": f"{fault.seconds * 1000:g}"}
        shown = {name: value.format(**values) for name, value in headers.items()}
        self._send(status, _error(code, said), shown)

    def _broken(self, stub: OpenAIStub, request: Request, fault: Fault) -> None:
        kind = fault.kind
        if kind.startswith("html"):
            page = b"<!DOCTYPE html><html><head><title>Bad gateway</title></head></html>"
            return self._send(502 if kind == "html-502" else 200, page, kind="text/html")
        if kind == "hang":
            stub.wait(fault.seconds or 30.0)
        if kind in ("reset", "hang"):
            return self._reset()
        answer = stub.respond(request, None)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        if kind == "reset-mid-body":
            self.wfile.write(head + body[: len(body) // 2])
            self.wfile.flush()
            return self._reset()
        if kind == "drip":
            self.wfile.write(head)
        whole = body if kind == "drip" else b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000
        for at in range(len(whole)):
            self.wfile.write(whole[at : at + 1])
            self.wfile.flush()
            stub.wait(fault.seconds or 0.1)
            if stub._closing.is_set():
                break
        self.close_connection = True
        return None

    def _go_on(self, stub: OpenAIStub, kind: str) -> None:
        """An answer of 1 GB, packed in 1 MB; or one that never ends."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        if kind == "gzip-bomb":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.close_connection = True
        if kind == "gzip-bomb":
            packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
            for _ in range(1000):
                self.wfile.write(packer.compress(b" " * 1_000_000))
                self.wfile.flush()
            self.wfile.write(packer.flush())
            return
        part = (b" " if kind == "long-line" else b"\n") * 65_536
        while not stub._closing.is_set():
            self.wfile.write(part)
            self.wfile.flush()

    def _reset(self) -> None:
        """Close so that the client sees a reset, not an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _send(
        self,
        status: int,
        body: Json | bytes,
        headers: dict[str, str] | None = None,
        kind: str = "application/json",
    ) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"x-request-id": uuid4().hex, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def finish(self) -> None:
        """As usual, though the client may be gone."""
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True


def keywords_of(title: str) -> list[dict[str, str]]:
    """The keywords the stub gives a title: its words, each with a facet."""
    words = [word for word in re.findall(r"[^\W_][\w-]*", title.lower()) if word not in SMALL_WORDS]
    found: dict[str, str] = {}
    for word in words:
        facet = "color" if word in COLORS else "material" if word in MATERIALS else "feature"
        facet = "style" if word in STYLES else facet
        found[word] = "size" if any(char.isdigit() for char in word) else facet
    if words and found[words[-1]] == "feature":
        found[words[-1]] = "type"
    return [{"term": term, "facet": facet} for term, facet in list(found.items())[:12]] or [
        {"term": "product", "facet": "type"}
    ]


def description_of(title: str) -> str:
    """The description the stub gives a title."""
    return f"This is {title or 'a product'}. It stands alone. Its parts are plain to see."


def caption_of(title: str) -> str:
    """The caption the stub gives a title."""
    return f"A good look at {title or 'a product'}."


def title_of(body: Json) -> str:
    """The title in the last message of a chat request; empty where there is none."""
    content = body["messages"][-1]["content"]
    text = content if isinstance(content, str) else content[0]["text"]
    found = re.search(r"^Title: (.*)$", text, re.MULTILINE)
    return "" if found is None or found[1] == "(none)" else found[1]


def pictures_of(body: Json) -> list[Json]:
    """The image_url objects in the messages of a chat request."""
    return [
        part["image_url"]
        for message in body.get("messages", [])
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]


def pairs_of(body: Json) -> list[Json]:
    """The numbered pairs of keywords in a request to judge them: {number, a, b}, in their facets."""
    return [json.loads(line) for line in body["messages"][-1]["content"].splitlines()]


def same_thing(a: str, b: str) -> bool:
    """What the stub judges to be one thing: keywords that end in the same word."""
    return a.split()[-1:] == b.split()[-1:]


def judgements_of(body: Json) -> list[Json]:
    """The stub's answer about each pair."""
    return [
        {"number": pair["number"], "same": same_thing(pair["a"][0], pair["b"][0])}
        for pair in pairs_of(body)
    ]


def is_to_judge(body: Json) -> bool:
    """Whether a chat request is about pairs of keywords."""
    return '"number"' in json.dumps(body.get("response_format")) or (
        '{"pairs":' in body["messages"][0]["content"]
    )


def chat_answer(body: Json) -> Json:
    """A chat completion for a request, in the form it asks for."""
    title = title_of(body)
    fields: Json = {
        "description": description_of(title),
        "caption": caption_of(title),
        "keywords": keywords_of(title),
    }
    if is_to_judge(body):
        fields = {"pairs": judgements_of(body)}
    wanted = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
    system = json.dumps(body["messages"][0]["content"]).replace('\\"', '"')
    names = wanted["required"] if wanted else [n for n in fields if f'"{n}":' in system]
    content = json.dumps({name: fields[name] for name in names})
    text = sum(len(json.dumps(m["content"])) for m in body["messages"] if m["role"] == "system")
    prompt = text // 4 + 85 * len(pictures_of(body))
    return {
        "id": f"chatcmpl-{uuid4().hex[:12]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": f"{body['model']}-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": len(content) // 4,
            "total_tokens": prompt + len(content) // 4,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


@lru_cache(maxsize=4096)
def _word_vector(word: str, dimensions: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
    return np.random.default_rng(seed).standard_normal(dimensions)


def vector_of(text: str, dimensions: int) -> list[float]:
    """A unit vector: texts that share words are near each other."""
    words = re.findall(r"\w+", text.lower()) or [text]
    total = np.sum([_word_vector(word, dimensions) for word in words], axis=0)
    vector: list[float] = (total / np.linalg.norm(total)).tolist()
    return vector


def embedding_answer(body: Json, usual: int, kind: str | None) -> Json:
    """Embeddings for a request, spoilt where `kind` says so."""
    texts = [body["input"]] if isinstance(body["input"], str) else list(body["input"])
    dimensions = int(body.get("dimensions") or usual)
    if kind == "wrong-dimension":
        dimensions += 1
    vectors = [vector_of(text, dimensions) for text in texts]
    if kind == "nan":
        vectors[-1][0] = math.nan
    if kind == "zero":
        vectors[-1] = [0.0] * dimensions
    packed = body.get("encoding_format") == "base64" and kind != "floats"
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(v) if packed else v}
        for index, v in enumerate(vectors)
    ]
    if kind == "missing":
        data.pop()
    if kind == "duplicate":
        data[-1]["index"] = 0
    if kind == "shuffled":
        data.reverse()
    tokens = sum(len(text) // 4 + 1 for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _packed(vector: list[float]) -> str:
    return base64.b64encode(array("f", vector).tobytes()).decode()


_PATHS: tuple[tuple[str, str, str], ...] = (
    ("POST", r"/v1/chat/completions", "chat"),
    ("POST", r"/v1/embeddings", "embeddings"),
    ("POST", r"/v1/(embed|multimodalembeddings)", "embeddings"),
    ("GET", r"/v1/models", "models"),
    ("POST", r"/v1/files", "files"),
    ("GET", r"/v1/files/[^/]+/content", "content"),
    ("POST", r"/v1/batches", "batches"),
    ("GET", r"/v1/batches", "batches"),
    ("GET", r"/v1/batches/[^/]+", "batches"),
    ("POST", r"/v1/batches/[^/]+/cancel", "cancel"),
)


def _route(method: str, path: str) -> str:
    path = path.partition("?")[0]
    return next(
        (route for verb, form, route in _PATHS if verb == method and re.fullmatch(form, path)),
        "unknown",
    )


def _error(code: str, message: str) -> Json:
    return {"error": {"message": message, "type": "stub", "param": None, "code": code}}


def _line(custom_id: str, response: Json | None, error: Json | None) -> Json:
    name = f"batch_req_{uuid4().hex[:8]}"
    return {"id": name, "custom_id": custom_id, "response": response, "error": error}


def _jsonl(lines: list[Json]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _batch_body(batch: _Batch, endpoint: str) -> Json:
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": endpoint,
        "errors": batch.errors,
        "input_file_id": batch.input_file_id,
        "completion_window": "24h",
        "status": batch.status,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "created_at": int(time.time()),
        "request_counts": batch.counts or {"total": 0, "completed": 0, "failed": 0},
        "metadata": batch.metadata,
    }
