"""The page on Python runs, up to its web service."""

from __future__ import annotations

import json
import re
import threading
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import uvicorn

from vitrina.catalog import Catalog
from vitrina.cli.demo import folder
from waiting import eventually

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_page_on_python_runs(catalog: Catalog) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {"catalog": catalog}
    for block in blocks[1:]:  # the first opens a database of its own
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - it is our own page
    server = uvicorn.Server(uvicorn.Config(names["app"], port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        assert ask(port, "GET", "/search?q=grey+couch")[1][0]["external_id"] == "S1"
        assert ask(port, "GET", "/search?q=couch&max_price=10") == (200, [])
        status, said = ask(port, "GET", "/search?q=couch&color=gra")
        assert status == 404
        assert said["detail"].startswith("keyword 'gra' not found; nearest: gray")
        picture = (folder() / "pictures" / "sofa-grey.webp").read_bytes()
        assert ask(port, "POST", "/search", picture)[0] == 200
        status, said = ask(port, "POST", "/search", b"no picture")
        assert status == 415
        assert "picture" in said["detail"]
    finally:
        server.should_exit = True
        thread.join()


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port)
    connection.request(method, path, body, {"Content-Type": "image/webp"} if body else {})
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    return answer.status, found
