"""Pictures over HTTP, and in words of pictures what keeps them from coming."""

from __future__ import annotations

from collections.abc import Mapping

from vitrina.closing import Closing
from vitrina.errors import (
    FetchError,
    PictureError,
    PrivateAddressError,
    StatusError,
    TooLateError,
    TooMuchError,
)
from vitrina.http.fetch import Bounds, Session
from vitrina.pictures.kinds import looks_like_picture
from vitrina.pictures.limits import Limits, check_size

_COMPRESSIONS = {"gzip", "x-gzip", "deflate", "br", "zstd", "compress"}


class Fetcher(Closing):
    """Fetches pictures within `limits`, keeping connections open; many threads may share one."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = given = limits or Limits()
        self._session = Session(
            Bounds(given.bytes, given.seconds, given.redirects, given.allow_private),
            purpose="fetches the product pictures of a catalogue",
            accept="image/jpeg,image/png,image/webp,image/*;q=0.8,*/*;q=0.1",
        )

    def close(self) -> None:
        """Close the connections that are kept."""
        self._session.close()

    def fetch(self, url: str) -> bytes:
        """The bytes behind `url`, at most `limits.bytes`, within `limits.seconds` altogether.

        Raises PictureError; `transient` where another try later may go better.
        """
        try:
            with self._session.get(url) as answer:
                answer.check()
                data = b"".join(answer.pieces())
        except TooMuchError as error:
            check_size(error.size, self.limits)
            raise
        except FetchError as error:
            raise PictureError(self._said(error), transient=error.transient) from error
        if data and not looks_like_picture(data[:16]):
            _check_headers(answer.headers)
        return data

    def _said(self, error: FetchError) -> str:
        if isinstance(error, TooLateError):
            return f"no picture within {self.limits.seconds:g} seconds"
        if isinstance(error, PrivateAddressError):
            return f"{error}; to allow your own network use --allow-private-images"
        if isinstance(error, StatusError):
            if error.status in {404, 410}:
                return f"the server has no such picture ({error.said})"
            if error.status in {401, 403}:
                return f"the server does not give it to us ({error.said})"
        return str(error)


def _check_headers(headers: Mapping[str, str]) -> None:
    """Raises PictureError where the headers say why a body does not look like a picture."""
    if "html" in headers.get("Content-Type", "").lower():
        raise PictureError(
            "the server sends a web page (HTML), not a picture;"
            " give the address of the picture itself"
        )
    if headers.get("Content-Encoding", "").lower() in _COMPRESSIONS:
        raise PictureError("the server compresses its answer though asked not to")
