"""The files of the page, read once, at addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

FOLDER = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Static:
    """Serves the files below static/ from memory, compressed where that helps.

    All share one hash, so that a module finds its neighbours by relative addresses.
    """

    def __init__(self) -> None:
        files = sorted(path for path in FOLDER.rglob("*") if path.is_file())
        self._files = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in files}
        self._packed = {name: gzip.compress(data, mtime=0) for name, data in self._files.items()}
        whole = hashlib.sha256()
        for name, data in self._files.items():
            whole.update(f"{name}\0{len(data)}\0".encode() + data)
        self.version = whole.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of a file. Raises KeyError if there is none of that name."""
        self._files[name]
        return f"/static/{self.version}/{name}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request below /static."""
        request = Request(scope)
        version, _, name = request.path_params["path"].partition("/")
        if version != self.version or name not in self._files:
            gone = Response("not found", status_code=404, media_type="text/plain")
            await gone(scope, receive, send)
            return
        kind = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "text/plain"
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        body = self._files[name]
        if "gzip" in request.headers.get("accept-encoding", "") and len(self._packed[name]) < len(
            body
        ):
            headers["Content-Encoding"] = "gzip"
            body = self._packed[name]
        await Response(body, media_type=kind, headers=headers)(scope, receive, send)
