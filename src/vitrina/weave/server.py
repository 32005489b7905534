"""Reaches the trace server through weave's own client: with a key, in bounded time, in silence."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vitrina.errors import ConfigError, FetchError, VitrinaError
from vitrina.http.deadline import within
from vitrina.http.fetch import Bounds, Session
from vitrina.redaction import redact
from vitrina.weave import private

PROBE_SECONDS = 2.5  # for each server to show that it is there
START_SECONDS = 20.0  # for importing weave and its first requests, in a run with other work to do
PATIENT_SECONDS = 300.0  # the same, where there is no other
FLUSH_SECONDS = 3.5  # for what is not yet sent when a run ends
GIVE_UP_AFTER = 3  # requests that failed in a row …
GIVE_UP_SECONDS = 20.0  # … over so many seconds

_PUBLIC = "https://api.wandb.ai"
_PROJECT = re.compile(r"[\w.-]+(/[\w.-]+)?")
_FORCED = {  # what vitrina promises, whatever else is set
    "WANDB_ERROR_REPORTING": "false",
    "WEAVE_IMPLICITLY_PATCH_INTEGRATIONS": "false",
    "WEAVE_PRINT_CALL_LINK": "false",
    "WEAVE_CAPTURE_CODE": "false",
    "WEAVE_ENABLE_DISK_FALLBACK": "false",
    "WEAVE_USE_SERVER_CACHE": "false",
}
_QUICK = {
    "WEAVE_HTTP_TIMEOUT": "4",
    "WEAVE_RETRY_MAX_ATTEMPTS": "1",
    "WEAVE_MAX_CALLS_QUEUE_SIZE": "10000",
}


class TraceServerError(VitrinaError):
    """The trace server cannot be reached; check WANDB_BASE_URL."""


def connect(project: str, *, create: bool = True, quick: bool = True, verbose: bool = False) -> Any:
    """weave's client for "entity/project" or "project".

    Its settings go through the environment: weave keeps them by thread otherwise.

    Args:
        project: where to; made where it does not exist.
        create: False to leave one that does not exist alone.
        quick: short time-outs and no second try, as suits a run that has other work to do.
        verbose: let weave say on stderr what it has to say.

    Raises:
        ConfigError: no key, a key that is refused, or no such form of a project.
        TraceServerError: there is no trace server to be reached.
    """
    if not _PROJECT.fullmatch(project):
        raise ConfigError(f"{project!r} is no Weave project: give it as entity/project")
    if not _has_key():
        raise ConfigError(
            f"Weave needs a key for {_base_url()}: set WANDB_API_KEY, or leave Weave out"
        )
    if os.environ.get("WEAVE_DISABLED", "").lower() in ("true", "1", "yes", "on"):
        raise TraceServerError("WEAVE_DISABLED is set.")
    _probe()
    os.environ.update(_FORCED)
    for name, value in _QUICK.items() if quick else ():
        os.environ.setdefault(name, value)
    with quiet(verbose):
        try:
            client = within(
                START_SECONDS if quick else PATIENT_SECONDS, lambda: _init(project, create)
            )
        except Exception as exc:
            raise _explained(exc) from exc
        finally:
            if not verbose and "weave" in sys.modules:
                logger = logging.getLogger("weave")
                logger.handlers, logger.propagate = [logging.NullHandler()], False
    if client.entity == "DISABLED":
        raise TraceServerError("weave is too old or too new for this trace server.")
    return client


def _init(project: str, create: bool) -> Any:
    import weave

    private.ask_for_no_versions()
    if create:
        return weave.init(project, attributes={"app": "vitrina"})
    return private.client_of_existing(project)


def _probe() -> None:
    """Ask both servers, before weave is imported, whether they are there at all."""

    verify = os.environ.get("WEAVE_INSECURE_DISABLE_SSL", "").lower() != "true"
    asks = Session(
        Bounds(seconds=PROBE_SECONDS, redirects=0, allow_private=True),
        purpose="looks for the trace server",
        environment=True,
        verify=verify,
    )
    with asks as session, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for url in (f"{_trace_url()}/server_info", _base_url()):
            try:
                with session.get(url) as answer:  # its body, however long, is not read
                    status = answer.status
            except FetchError as exc:
                raise TraceServerError(
                    f"The trace server at {_host(url)} cannot be reached; check WANDB_BASE_URL."
                ) from exc
            if status >= 500:
                raise TraceServerError(f"{_host(url)} answers with status {status}.")


def _explained(exc: Exception) -> VitrinaError:
    """What weave raised, as what the user can do about it."""
    link: BaseException | None = exc
    while link is not None:
        status = getattr(getattr(link, "response", None), "status_code", None)
        if (status or getattr(link, "code", None)) in (401, 403):
            return ConfigError(f"the key for {_base_url()} is refused: check WANDB_API_KEY")
        if type(link).__name__ in (
            "AuthenticationError",
            "UnableToCreateProjectError",
            "WeaveWandbAuthenticationException",
        ):
            return ConfigError(f"Weave: {redact(str(link))}")
        link = link.__cause__ or link.__context__
    return TraceServerError(f"The trace server cannot be used: {redact(str(exc))}.")


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    import netrc

    for name in ("~/.netrc", "~/_netrc"):
        with contextlib.suppress(OSError, netrc.NetrcParseError):
            found = netrc.netrc(Path(name).expanduser()).authenticators(_host(_base_url()))
            if found and found[2]:
                return True
    return False


def _base_url() -> str:
    """Where weave looks for projects: the environment, then its files of settings."""
    if url := os.environ.get("WANDB_BASE_URL"):
        return url.rstrip("/")
    import configparser

    settings = configparser.ConfigParser()
    folder = os.environ.get("WANDB_CONFIG_DIR", "~/.config/wandb")
    with contextlib.suppress(configparser.Error, UnicodeDecodeError):
        settings.read([Path(folder).expanduser() / "settings", Path("wandb", "settings")])
    return settings.get("default", "base_url", fallback=_PUBLIC).rstrip("/")


def _trace_url() -> str:
    """Where weave sends traces."""
    base = os.environ.get("WANDB_PUBLIC_BASE_URL", "").rstrip("/") or _base_url()
    default = "https://trace.wandb.ai" if base == _PUBLIC else f"{base}/traces"
    return os.environ.get("WF_TRACE_SERVER_URL", default).rstrip("/")


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


@contextlib.contextmanager
def quiet(verbose: bool = False) -> Iterator[None]:
    """Keeps what others print away: from stdout always, from stderr unless `verbose`."""
    with contextlib.ExitStack() as stack:
        if verbose:
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        else:
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield


class Delivery:
    """How weave's client fares in sending; lets go of what it cannot send.

    Left alone, weave tries again for ever, and holds up the end of the process for minutes.

    Args:
        client: weave's.
        stopped: called once when the server is given up.
    """

    def __init__(self, client: Any, stopped: Callable[[], None]) -> None:
        self._client, self._stopped = client, stopped
        self._failures, self._first = 0, 0.0
        self._dropping = False
        private.watch(client, self._watched)

    def _watched(self, send: private.Send, makes: bool) -> private.Send:
        def watched(*args: Any, **kwargs: Any) -> object:
            if makes and (self._dropping or self._failures):
                raise ConnectionError("the trace server failed a moment ago")
            if self._dropping:
                return None
            try:
                sent = send(*args, **kwargs)
            except Exception:
                self._failed()
                raise
            self._failures = 0
            return sent

        return watched

    def _failed(self) -> None:
        now = time.monotonic()
        if not self._failures:
            self._first = now
        self._failures += 1
        if self._failures >= GIVE_UP_AFTER and now - self._first >= GIVE_UP_SECONDS:
            self._dropping = True
            self._stopped()

    def close(self) -> bool:
        """Send what is left, in bounded time, and forget the client; whether all of it went."""
        private.hurry(self._client)
        sent = True
        if not self._dropping:
            try:
                within(FLUSH_SECONDS, self._flush)
            except TimeoutError:
                sent = False
            sent = sent and self._failures == 0
            self._dropping = True
        private.leave(self._client)
        return sent

    def _flush(self) -> None:
        with contextlib.suppress(Exception):
            self._client.flush()
