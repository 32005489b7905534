"""The bodies of requests: each comes whole, in time, and within a size."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

SMALL_BYTES = 100_000  # forms, and what assistants ask
PATIENCE = 20.0  # seconds without a byte of a body: its place is another's then
SLOWEST = 4_000  # bytes a second that a body must bring, beyond those seconds


async def read(receive: Receive, most: int = SMALL_BYTES) -> bytes:
    """The body of a request.

    Raises HTTPException: 413 if it is longer than `most` bytes, else as impatient does.
    """
    body = bytearray()
    receive = impatient(receive)
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            raise HTTPException(413, f"what was sent is longer than {most / 1e6:g} MB")
        if not message.get("more_body"):
            return bytes(body)


async def form(request: Request) -> dict[str, str]:
    """The fields of a small form; of a name given twice, the last. Raises as read does."""
    body = await read(request.receive)
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields.items()}


def replay(body: bytes, receive: Receive) -> Receive:
    """A receiver that gives this body first."""
    given = False

    async def again() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


def impatient(receive: Receive, seconds: float = PATIENCE, slowest: int = SLOWEST) -> Receive:
    """The same, until the body is whole.

    It raises a 408 if no part of that comes for so many `seconds`, or if waiting for all of it took
    them and more than what came needs at `slowest` bytes a second: a drip holds no place either. It
    raises a 400 if the body breaks off: half of product=12 may name product 1.
    """
    whole = False
    waited = 0.0  # only here: not in the queue, nor while what came is written
    size = 0

    async def next_part() -> Message:
        nonlocal whole, waited, size
        if whole:
            return await receive()
        left = seconds + size / slowest - waited
        began = time.monotonic()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, min(seconds, left)))
        except TimeoutError:
            raise HTTPException(408, "what was sent did not come: send it again") from None
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "what was sent broke off: send it again")
        waited += time.monotonic() - began
        size += len(message.get("body", b""))
        whole = not message.get("more_body")
        return message

    return next_part
