"""The page on Python runs, up to its web service."""

from __future__ import annotations

import json
import re
import threading
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from vitrina.catalog import Catalog
from vitrina.cli.demo import folder

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_page_on_python_runs(catalog: Catalog) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {"catalog": catalog}
    for block in blocks[1:]:  # the first opens a database of its own
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - it is our own page
    server = names["server"]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        assert ask(server, "GET", "/?q=grey+couch")[1][0]["id"] == "S1"
        picture = (folder() / "pictures" / "sofa-grey.webp").read_bytes()
        assert ask(server, "POST", "/", picture)[0] == 200
        status, said = ask(server, "POST", "/", b"no picture")
        assert status == 415
        assert "picture" in said["error"]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(server: Any, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    connection = HTTPConnection(*server.server_address)
    connection.request(method, path, body)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    return answer.status, found
