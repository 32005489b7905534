"""Files and batches at one endpoint: sent, listed, and read as streams."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vitrina.errors import ProviderError, TooMuchError
from vitrina.models.openai.batch import PATH
from vitrina.models.openai.faults import Target, classify, scrub
from vitrina.models.openai.settings import OpenAISettings

__all__ = [
    "FINAL",
    "BatchClient",
    "NoBatchError",
    "PassingError",
    "RefusedBatchError",
    "Remote",
]

T = TypeVar("T")
FINAL = frozenset({"completed", "failed", "expired", "cancelled"})
METADATA = "vitrina"  # the key of our token in what a batch carries
SILENCE = 300.0  # seconds without a byte, not in all
TRIES = 3
FILE_BYTES = 2_000_000_000  # of an answer of 50,000 lines, which is read as a stream
LINE_BYTES = 16_000_000
PASSING = {408, 409, 425, 429}


@dataclass(frozen=True, slots=True)
class Remote:
    """A batch as its endpoint sees it."""

    id: str
    status: str
    input_file: str | None
    output_file: str | None
    error_file: str | None
    error: str | None

    @classmethod
    def of(cls, batch: Any) -> Remote:
        """From the client's object; every field of it may be missing."""
        said = (getattr(batch, "errors", None) and batch.errors.data) or []
        errors = [f"{item.code}: {item.message}" for item in said[:3]]
        return cls(
            str(batch.id),
            str(batch.status or "unknown"),
            getattr(batch, "input_file_id", None),
            getattr(batch, "output_file_id", None) or None,
            getattr(batch, "error_file_id", None) or None,
            "; ".join(errors) or None,
        )


class BatchClient:
    """Sends files and batches to one endpoint, one thing at a time. Close it."""

    def __init__(self, settings: OpenAISettings) -> None:
        import httpx2
        import openai

        from vitrina.http.transport import REDIRECTS, DeadlineTransport

        self._settings = settings
        timeout = openai.Timeout(SILENCE, connect=10.0)
        self._sdk = openai.OpenAI(
            base_url=settings.url,
            api_key=settings.api_key or "none",
            max_retries=0,
            timeout=timeout,
            http_client=httpx2.Client(
                transport=DeadlineTransport(settings.url, connections=2),
                timeout=timeout,
                follow_redirects=True,
                max_redirects=REDIRECTS,
            ),
        )

    def upload(self, path: Path) -> str:
        """Send a file from an open handle; returns its id."""

        def send() -> str:
            with path.open("rb") as file:
                given = ("requests.jsonl", file)
                return str(self._sdk.files.create(file=given, purpose="batch").id)

        return self._patiently(send)

    def create(self, input_file: str, token: str) -> Remote:
        """Begin a batch, tried once: what became of it is found out with `find`.

        Raises RefusedBatchError where the endpoint certainly has not begun it.
        """
        with self._mapped(creating=True):
            return Remote.of(
                self._sdk.batches.create(
                    input_file_id=input_file,
                    endpoint=PATH,
                    completion_window="24h",
                    metadata={METADATA: token},
                    extra_headers={"Idempotency-Key": token},
                )
            )

    def retrieve(self, remote_id: str) -> Remote:
        """The batch as it is now. Raises ProviderError."""
        return self._patiently(lambda: Remote.of(self._sdk.batches.retrieve(remote_id)))

    def find(self, token: str, since: float) -> Remote | None:
        """The batch with our token among those made after `since` (seconds of the epoch)."""

        def look() -> Remote | None:
            for batch in self._sdk.batches.list(limit=100):
                if (batch.metadata or {}).get(METADATA) == token:
                    return Remote.of(batch)
                if batch.created_at < since - 3600:  # newest first; clocks differ
                    return None
            return None

        return self._patiently(look)

    def lines(self, file_id: str) -> Iterator[bytes]:
        """The lines of a file, as they arrive. Only a line feed parts them."""
        from vitrina.http.transport import at_most

        with self._mapped(), ExitStack() as stack:
            with at_most(FILE_BYTES):
                opened = self._sdk.files.with_streaming_response.content(file_id)
                response = stack.enter_context(opened)
            rest = b""
            for chunk in response.iter_bytes(1 << 16):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
                if len(rest) > LINE_BYTES:
                    raise TooMuchError(f"a line is longer than {LINE_BYTES / 1e6:,.0f} MB")
            if rest:
                yield rest

    def close(self) -> None:
        """Close the connections."""
        self._sdk.close()

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call something that may be called again, up to three times."""
        for attempt in range(TRIES - 1):
            try:
                with self._mapped():
                    return call()
            except PassingError:
                time.sleep(2.0**attempt / 2)
        with self._mapped():
            return call()

    @contextmanager
    def _mapped(self, creating: bool = False) -> Iterator[None]:
        """The client's errors as ours, which never chain one that knows the key."""
        import httpx2
        import openai

        key = self._settings.api_key
        secrets = (key,) if key else ()
        host = self._settings.host
        try:
            yield
        except openai.APIStatusError as error:
            target = Target(host, "batches", "OPENAI_BASE_URL", secrets)
            fault = classify(error.status_code, error.response.headers, _text(error), target)
            status, message = error.status_code, fault.message
        except (openai.OpenAIError, httpx2.HTTPError, TooMuchError, json.JSONDecodeError) as error:
            said = scrub(str(error.__cause__ or error), secrets)[:160]
            status, message = 0, f"{host} broke off ({said}): run `vitrina batch collect` again"
        else:
            return
        if creating and 400 <= status < 500 and status not in PASSING:
            raise RefusedBatchError(f"{host} begins no batch: {message}")
        if status == 0 or status in PASSING or status >= 500:
            raise PassingError(message)
        raise NoBatchError(message) if status == 404 else ProviderError(message)


class PassingError(ProviderError):
    """The endpoint could not be asked just now; run `vitrina batch collect` later."""


class NoBatchError(ProviderError):
    """The endpoint knows no such batch or file."""


class RefusedBatchError(ProviderError):
    """The endpoint does not begin the batch."""


def _text(error: Any) -> str:
    try:
        return str(error.response.text)
    except Exception:  # the body of a streamed answer may not have been read
        return str(error)
