"""Pictures: of products, from the database; those that are searched by, into memory."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from vitrina.errors import InputError, NotFoundError
from vitrina.pictures.decode import Picture
from vitrina.pictures.limits import Limits
from vitrina.web import pages
from vitrina.web.seen import NAME, Seen
from vitrina.web.services import Services, services

router = APIRouter(include_in_schema=False)
NAV = None
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
KEPT_BYTES = 32_000_000
_SHA = re.compile("[0-9a-f]{64}")
_NAME = re.compile(f"[0-9a-f]{{{NAME}}}")


class Thumbnails:
    """The latest thumbnails that were asked for, at most KEPT_BYTES of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def get(self, shared: Services, sha256: str) -> bytes | None:
        """The thumbnail of a picture; None if there is none."""
        with self._lock:
            if (kept := self._kept.get(sha256)) is not None:
                self._kept.move_to_end(sha256)
                return kept
        found = shared.catalog.pictures.thumbnail(sha256)
        if found is not None:
            with self._lock:
                if sha256 not in self._kept:
                    self._kept[sha256] = found
                    self._size += len(found)
                while self._size > KEPT_BYTES:
                    self._size -= len(self._kept.popitem(last=False)[1])
        return found


_thumbnails = Thumbnails()


@router.get("/pic/320/{name}.webp")
def thumbnail(request: Request, name: str) -> Response:
    """The thumbnail of a product's picture: what it shows never changes."""
    found = _thumbnails.get(services(request), name) if _SHA.fullmatch(name) else None
    if found is None:
        raise NotFoundError("there is no picture of that name")
    return _webp(request, name, found)


@router.get("/pic/seen/{name}.webp")
def seen(request: Request, name: str) -> Response:
    """The preview of a picture that was searched by."""
    if not _NAME.fullmatch(name):
        raise NotFoundError("there is no picture of that name")
    return _webp(request, name, services(request).seen.dropped(name).thumbnail)


@router.post("/picture")
async def upload(request: Request) -> Response:
    """Take a picture to search by; the body is the file itself. Gives `pic`, to put in an address."""
    most = Limits().bytes
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise InputError(f"the picture is larger than {most / 1e6:.0f} MB")
    shared = services(request)
    found = await run_in_threadpool(_take, shared, bytes(body))
    return pages.data(request, {"pic": f"s:{found.sha256[:NAME]}"})


def _take(shared: Services, data: bytes) -> Seen:
    picture: Picture = shared.catalog.picture(data)
    return shared.seen.add(shared.catalog, picture)


def _webp(request: Request, name: str, data: bytes) -> Response:
    tag = f'"{name[:24]}"'
    headers = {**FOREVER, "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="image/webp", headers=headers)
