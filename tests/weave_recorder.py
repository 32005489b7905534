"""A trace server on the loopback that keeps what weave's own client sends it, and fails on request.

    with WeaveRecorder() as recorder:
        run(env=recorder.environment)
        [call] = recorder.named("vitrina.tag")

It answers as much of the real protocol as tracing and datasets need; nothing is checked but the key.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import socket
import socketserver
import threading
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

Json = dict[str, Any]
KEY = "weave-secret-0123456789abcdef0123456789abcdef"


# runs the command line, and waits as long as it takes until weave is there
PATIENT = (
    "import vitrina.weave.server as server; server.START_SECONDS = server.PROBE_SECONDS = 600.0;"
    "from vitrina.cli import main; main()"
)


class RefusedError(Exception):
    """An answer that is no success: its status and message."""


class Handler(BaseHTTPRequestHandler):
    """Reads one request, has it recorded and answered."""

    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        recorder = self.server.recorder
        if recorder.stopping.wait(recorder.delay):
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        encoding = self.headers.get("Content-Encoding", "")
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding == "deflate":
            body = zlib.decompress(body)
        path = self.path.partition("?")[0]
        try:
            status, answer = 200, recorder.receive(path, body, self.headers.get("Authorization"))
        except RefusedError as refused:
            status, answer = refused.args[0], {"detail": refused.args[1]}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Threads that never hold up the end of a test; a client that hangs up is no error."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
    recorder: WeaveRecorder

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class WeaveRecorder:
    """Listens from the start; `delay` seconds before each answer, none at all when `down()`.

    `bodies` are (path, body) of every request, `calls` the calls by id, `objects` the versions of
    each object, `tables` the rows of each table. `status` answers requests with a text in their
    path or body with that status.
    """

    def __init__(self) -> None:
        self.delay = 0.0
        self.stopping = threading.Event()
        self.bodies: list[tuple[str, bytes]] = []
        self.calls: dict[str, Json] = {}
        self.objects: dict[str, list[Json]] = {}
        self.tables: dict[str, list[str]] = {}
        self.rows: dict[str, Json] = {}
        self.status: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.recorder = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes weave's client come here."""
        return {
            "WANDB_BASE_URL": self.url,
            "WF_TRACE_SERVER_URL": f"{self.url}/traces",
            "WANDB_API_KEY": KEY,
            "NO_PROXY": "127.0.0.1",
        }

    def named(self, op: str) -> list[Json]:
        """The calls of an op, in order of their start."""
        found = [c for c in self.calls.values() if f"/op/{op}:" in c["op_name"]]
        return sorted(found, key=lambda call: str(call["started_at"]))

    def down(self) -> None:
        """Refuse every connection from now on."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.stopping.is_set():
            self.down()

    # -- the protocol --------------------------------------------------------------------------

    def receive(self, path: str, body: bytes, authorization: str | None) -> Json:
        """Record a request and answer it."""
        with self._lock:
            self.bodies.append((path, body))
        for part, status in self.status.items():
            if part in path or part.encode() in body:
                raise RefusedError(status, "told to fail")
        if path in ("/traces/server_info", "/"):
            return {
                "min_required_weave_python_version": "0.0.1",
                "trace_server_version": "99.0.0",
            }
        expected = base64.b64encode(f"api:{KEY}".encode()).decode()
        if body and authorization != f"Basic {expected}":
            raise RefusedError(401, "the key is not known")
        route = re.sub(r"^/traces(/v2/[^/]+/[^/]+)?/", "", path).strip("/")
        handle: Callable[[Json], Json] | None = {
            "graphql": self._graphql,
            "obj/create": self._create_object,
            "obj/read": self._read_object,
            "file/create": lambda _: {"digest": _digest(body)},
            "files/create": lambda _: {"digest": _digest(body)},
            "table/create": self._create_table,
            "table/create_from_digests": self._join_tables,
            "table/query": self._query_table,
            "calls/complete": self._complete,
            "call/start": self._start,
            "call/end": self._end,
        }.get(route)
        if handle is None:
            raise RefusedError(404, f"no such route: {route}")
        with self._lock:
            return handle(json.loads(body) if body[:1] == b"{" else {})

    def _graphql(self, body: Json) -> Json:
        name = body.get("variables", {}).get("name", "")
        viewer = {"username": "tester", "defaultEntity": {"name": "team"}}
        model = {"model": {"name": name, "description": None}}
        return {"data": {"project": {"name": name}, "viewer": viewer, "upsertModel": model}}

    def _create_object(self, body: Json) -> Json:
        made = body["obj"]
        digest = _digest(json.dumps(made["val"], sort_keys=True).encode())
        versions = self.objects.setdefault(made["object_id"], [])
        if not any(version["digest"] == digest for version in versions):
            versions.append({**made, "digest": digest, "version_index": len(versions)})
        return {"digest": digest}

    def _read_object(self, body: Json) -> Json:
        versions = self.objects.get(body["object_id"], [])
        for version in reversed(versions):
            if body["digest"] in ("latest", version["digest"], f"v{version['version_index']}"):
                return {
                    "obj": {
                        **version,
                        "created_at": "2026-01-01T00:00:00Z",
                        "deleted_at": None,
                        "is_latest": int(version is versions[-1]),
                        "kind": "object",
                        "base_object_class": "Dataset",
                    }
                }
        raise RefusedError(404, f"no object {body['object_id']}:{body['digest']}")

    def _create_table(self, body: Json) -> Json:
        digests = []
        for row in body["table"]["rows"]:
            digests.append(_digest(json.dumps(row, sort_keys=True).encode()))
            self.rows[digests[-1]] = row
        return {"digest": self._table(digests), "row_digests": digests}

    def _join_tables(self, body: Json) -> Json:
        return {"digest": self._table(body["row_digests"])}

    def _table(self, digests: list[str]) -> str:
        digest = _digest("".join(digests).encode())
        self.tables[digest] = digests
        return digest

    def _query_table(self, body: Json) -> Json:
        start = body.get("offset") or 0
        digests = self.tables[body["digest"]][start:][: body.get("limit")]
        rows = enumerate(digests, start)
        return {"rows": [{"digest": d, "val": self.rows[d], "original_index": i} for i, d in rows]}

    def _complete(self, body: Json) -> Json:
        for call in body["batch"]:
            self.calls[call["id"]] = call
        return {}

    def _start(self, body: Json) -> Json:
        self.calls.setdefault(body["start"]["id"], {}).update(body["start"])
        return {"id": body["start"]["id"], "trace_id": body["start"]["trace_id"]}

    def _end(self, body: Json) -> Json:
        self.calls.setdefault(body["end"]["id"], {}).update(body["end"])
        return {}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:40]


def closed_port() -> int:
    """A port of the loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
