"""Asking one OpenAI-compatible server: deadlines, retries, pauses, and what servers do not take."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from vitrina.errors import ItemError, ProviderError
from vitrina.providers.answers import Usage, read_usage
from vitrina.providers.faults import Fault, Target, classify, classify_body, rate_pause, scrub
from vitrina.providers.openai_requests import Body, Capabilities, Profile
from vitrina.providers.openai_settings import OpenAISettings
from vitrina.providers.pacing import Breaker, Pacer, Slot, backoff

__all__ = ["Client", "RefusedError", "Reply"]

CONNECT_SECONDS = 10.0
ADAPTATIONS = 8  # more than the steps there are: a server that refuses everything ends here

log = logging.getLogger(__name__)


class RefusedError(ItemError):
    """The server will not take this request, however often it is sent; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Reply:
    """The body of an answer, what it used and how long the call took."""

    body: dict[str, Any]
    usage: Usage
    seconds: float


class Client:
    """One connection pool to one server, for all threads.

    Every call keeps to the pacer's limit and to a deadline. What passes is tried again up to
    `attempts` times (twice as often where the server only asks for patience).
    """

    def __init__(
        self,
        settings: OpenAISettings,
        pacer: Pacer,
        capabilities: Capabilities,
        *,
        attempts: int = 5,
        first_wait: float = 0.5,
        breaker: Breaker | None = None,
    ) -> None:
        self._settings = settings
        self._pacer = pacer
        self._capabilities = capabilities
        self._attempts = attempts
        self._first_wait = first_wait
        self._breaker = breaker or Breaker()
        self._lock = threading.Lock()
        self._sdk: Any = None
        self._answered = False

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._sdk is not None:
                self._sdk.close()
                self._sdk = None

    def ask(
        self, path: str, model: str, setting: str, item: str, build: Callable[[Profile], Body]
    ) -> Reply:
        """Post the body that `build` makes for the model's profile, until it is answered.

        `item` tells products apart, for the breaker. Raises RefusedError for this request,
        ItemError when patience ends, ProviderError for all requests.
        """
        key = self._settings.api_key
        target = Target(self._settings.host, model, setting, (key,) if key else ())
        failures = adaptations = 0
        while True:
            if (reason := self._breaker.open) is not None:
                raise ProviderError(self._broken(reason))
            profile = self._capabilities.profile(model)
            body = build(profile)
            with self._pacer.slot() as slot:
                outcome = self._attempt(path, body, target, slot)
            if isinstance(outcome, Reply):
                self._breaker.succeeded()
                self._capabilities.confirm(model, profile)
                return outcome
            if outcome.kind == "parameter":
                adaptations += 1
                self._adapt(outcome, profile, model, adaptations)
                continue
            failures += 1
            self._judge(outcome, failures, item)
            if outcome.wait is None:  # else the pacer holds everybody back
                self._pacer.sleep(backoff(failures, self._first_wait))

    def _attempt(self, path: str, body: Body, target: Target, slot: Slot) -> Reply | Fault:
        """One call. Faults are values: no exception that knows the key is ever chained to ours."""
        sdk = self._open()
        import httpx2
        import openai

        from vitrina.providers.deadline import deadline

        started = time.monotonic()
        try:
            with deadline(self._settings.timeout):
                response = sdk.post(path, body=body, cast_to=httpx2.Response)
        except openai.APIStatusError as error:
            headers = error.response.headers
            fault = classify(error.status_code, headers, error.response.text, target)
        except openai.APITimeoutError:
            seconds = f"{self._settings.timeout:g} s"
            fault = Fault("passing", "timeout", f"{target.host} did not answer within {seconds}")
        except openai.APIConnectionError as error:
            fault = self._connection_fault(error, target)
        except httpx2.HTTPError as error:
            fault = Fault("passing", "connection", f"{target.host}: {type(error).__name__}")
        else:
            fault_or_body = _read(response.content, target)
            if (pause := rate_pause(response.headers)) is not None:
                self._pacer.hold(pause)
            if isinstance(fault_or_body, dict):
                self._answered = True
                slot.succeeded()
                seconds_taken = time.monotonic() - started
                return Reply(fault_or_body, read_usage(fault_or_body), seconds_taken)
            fault = fault_or_body
        if fault.kind == "throttled":
            slot.throttled(fault.wait)
        log.debug("%s: %s", path, fault.message)
        return fault

    def _judge(self, fault: Fault, failures: int, item: str) -> None:
        """Raise what the fault calls for, unless the call is to be tried again."""
        if fault.kind == "provider":
            raise ProviderError(fault.message)
        if fault.kind in ("item", "picture"):
            if fault.reason.startswith("error ") and self._breaker.failed(item, fault.message):
                raise ProviderError(self._broken(fault.message))
            raise RefusedError(fault)
        patience = self._attempts * (2 if fault.kind == "throttled" else 1)
        if failures < patience:
            return
        if fault.reason == "unreachable":
            raise ProviderError(fault.message)
        if self._breaker.failed(item, fault.reason):
            raise ProviderError(self._broken(fault.message))
        raise ItemError(f"{fault.message} (gave up after {failures} attempts)")

    def _adapt(self, fault: Fault, used: Profile, model: str, times: int) -> None:
        """Send less from now on. Raises where there is nothing left to leave out."""
        parameter = fault.parameter or ""
        lowered = times <= ADAPTATIONS and self._capabilities.lower(model, used, parameter)
        if lowered:
            log.info("%s; going on without", fault.message)
            return
        way_out = {
            "dimensions": f"give --dimensions a number {model} has",
            "reasoning_effort": "leave VITRINA_REASONING_EFFORT out or give it another value",
        }.get(parameter)
        if way_out is not None:
            raise ProviderError(f"{fault.message}: {way_out}")
        raise RefusedError(fault)

    def _connection_fault(self, error: Exception, target: Target) -> Fault:
        """Not reached at all, or lost on the way."""
        import httpx2

        chain = list(_causes(error))
        why = scrub(str(chain[-1]) or type(chain[-1]).__name__, target.secrets)[:160]
        if any(isinstance(cause, httpx2.ConnectError) for cause in chain):
            final = not self._answered or "certificate" in why.lower()
            return Fault(
                "provider" if final else "passing",
                "unreachable",
                f"{target.host} cannot be reached ({why}): check OPENAI_BASE_URL, the network"
                " and that the server runs",
            )
        return Fault("passing", "connection", f"{target.host} broke the connection off ({why})")

    def _broken(self, reason: str) -> str:
        return (
            f"different products failed one after the other for the same reason: {reason};"
            f" look after {self._settings.host}, then start again"
        )

    def _open(self) -> Any:
        """The SDK's client, made once: importing and starting it take more than a second."""
        with self._lock:
            if self._sdk is None:
                import httpx2
                import openai

                from vitrina.providers.deadline import DeadlineTransport

                timeout = self._settings.timeout
                limits = openai.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout))
                self._sdk = openai.OpenAI(
                    base_url=self._settings.url,
                    api_key=self._settings.api_key or "none",
                    max_retries=0,
                    timeout=limits,
                    http_client=httpx2.Client(
                        transport=DeadlineTransport(self._settings.url, connections=256),
                        timeout=limits,
                        follow_redirects=True,
                    ),
                )
            return self._sdk


def _read(content: bytes, target: Target) -> dict[str, Any] | Fault:
    """The JSON object of an answer with status 200."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        page = content[:200].lstrip()[:1] == b"<"
        what = "a web page" if page else "something that is not JSON" if content else "nothing"
        hint = " (does OPENAI_BASE_URL end in /v1?)" if page else ""
        return Fault("passing", f"answered with {what}", f"{target.host} answered {what}{hint}")
    return classify_body(body, target) if body.get("error") else body


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
