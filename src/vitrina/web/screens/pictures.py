"""Pictures: of products, from the database; those that are searched by, into memory."""

from __future__ import annotations

import io
import re
import threading
import time
from collections import OrderedDict

from fastapi import APIRouter
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from vitrina.errors import BusyError, InputError, NotFoundError
from vitrina.pictures.decode import Picture
from vitrina.pictures.limits import Limits
from vitrina.web import pages
from vitrina.web.seen import NAME, Seen
from vitrina.web.services import Services, services

router = APIRouter(include_in_schema=False)
NAV = None
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
KEPT_BYTES = 32_000_000
LARGE_BYTES = 64_000_000
LARGE_SECONDS = 3600.0
FETCHING = 4
EARLIER_EDGE = 160  # pixels of the thumbnails of earlier versions
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


class Large:
    """The latest large pictures, at most LARGE_BYTES of them; a few are fetched at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fetching = threading.BoundedSemaphore(FETCHING)
        self._kept: OrderedDict[tuple[int, int], tuple[float, str, bytes]] = OrderedDict()
        self._size = 0

    def get(self, shared: Services, product_id: int, place: int) -> tuple[str, bytes]:
        """The sha256 of a picture of a product, and it as a JPEG.

        Raises NotFoundError, PictureError, and BusyError if too many are being fetched.
        """
        key = (product_id, place)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] > time.monotonic():
                self._kept.move_to_end(key)
                return kept[1:]
        if not self._fetching.acquire(blocking=False):
            raise BusyError("other pictures are being fetched: try again", transient=True)
        try:
            picture = shared.catalog.pictures.open(product_id, place)
        finally:
            self._fetching.release()
        with self._lock:
            until = time.monotonic() + LARGE_SECONDS
            if key in self._kept:
                self._size -= len(self._kept.pop(key)[2])
            self._kept[key] = (until, picture.sha256, picture.jpeg)
            self._size += len(picture.jpeg)
            while self._size > LARGE_BYTES:
                self._size -= len(self._kept.popitem(last=False)[1][2])
        return picture.sha256, picture.jpeg


_thumbnails = Thumbnails()
_large = Large()


@router.get("/pic/320/{name}.webp")
def thumbnail(request: Request, name: str) -> Response:
    """The thumbnail of a product's picture: what it shows never changes."""
    found = _thumbnails.get(services(request), name) if _SHA.fullmatch(name) else None
    if found is None:
        raise NotFoundError("there is no picture of that name")
    answer = _webp(request, name, found)
    if not _is_final(found):
        answer.headers["Cache-Control"] = "private, max-age=3600"
    return answer


@router.get("/pic/large/{product_id}/{place}.jpg")
def large(request: Request, product_id: int, place: int) -> Response:
    """A picture of a product as large as it is kept, fetched by this server, for some time."""
    if place not in range(1000):
        raise NotFoundError("there is no picture of that number")
    name, data = _large.get(services(request), product_id, place)
    headers = {"Cache-Control": "private, max-age=3600", "ETag": f'"{name[:24]}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="image/jpeg", headers=headers)


@router.get("/pic/seen/{name}.webp")
def seen(request: Request, name: str) -> Response:
    """The preview of a picture that was searched by."""
    if not _NAME.fullmatch(name):
        raise NotFoundError("there is no picture of that name")
    ours = services(request)
    return _webp(request, name, ours.seen.dropped(ours.catalog, name).thumbnail)


@router.post("/picture")
async def upload(request: Request) -> Response:
    """Take a picture to search by: the body is the file itself. Gives `pic`, for an address."""
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


def _is_final(thumbnail: bytes) -> bool:
    """Whether it is as large as thumbnails are: one of an earlier version will be renewed."""
    with Image.open(io.BytesIO(thumbnail), formats=("WEBP",)) as image:
        return max(image.size) != EARLIER_EDGE


def _webp(request: Request, name: str, data: bytes) -> Response:
    tag = f'"{name[:24]}"'
    headers = {**FOREVER, "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="image/webp", headers=headers)
