"""Asking one OpenAI-compatible server: deadlines, retries, pauses, unsupported parameters."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from vitrina.errors import ItemError, ProviderError, TooMuchError
from vitrina.http.deadline import Deadline
from vitrina.models.openai.capabilities import Capabilities, Profile
from vitrina.models.openai.faults import Fault, Target, classify, classify_body, rate_pause, scrub
from vitrina.models.openai.pacing import Breaker, Pacer, Slot, backoff
from vitrina.models.openai.requests import Body, bounded, inputs_in
from vitrina.models.openai.settings import OpenAISettings
from vitrina.models.outcomes import Usage, read_usage

__all__ = ["Client", "PatienceError", "RefusedError", "Reply"]

CONNECT_SECONDS = 10.0
VECTOR_BYTES = 150_000  # of one embedding in an answer: 6,000 numbers as text
UNUSABLE = "no use"  # the reason for an answer that `check` rejects
PLAIN = 2  # tries of the same request before a smaller one, if the error may pass
THE_USERS = {  # parameters that the user has set: only the user leaves them out
    "dimensions": "give --dimensions a number the model has",
    "reasoning_effort": "leave VITRINA_REASONING_EFFORT out or give it another value",
}

log = logging.getLogger(__name__)


class RefusedError(ItemError):
    """The server refuses this request, on every try; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class PatienceError(ItemError):
    """The server failed repeatedly; `fault` is its last fault."""

    def __init__(self, fault: Fault, failures: int) -> None:
        super().__init__(f"{fault.message} (gave up after {failures} attempts)")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Reply:
    """The body of an answer, what it used and how long the call took."""

    body: dict[str, Any]
    usage: Usage
    seconds: float


class Client:
    """One connection pool to one server, for all threads.

    Every call keeps to the pacer's limit and to a deadline. A passing error is tried again up to
    `attempts` times (twice as often if the server only asks for patience).
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
        self,
        path: str,
        model: str,
        setting: str,
        item: str,
        build: Callable[[Profile], Body],
        *,
        check: Callable[[Body], str | None] | None = None,
        attempts: int | None = None,
    ) -> Reply:
        """Post the body from `build` for the model's profile, until it is answered.

        Args:
            path: of the endpoint.
            model: the model to ask.
            setting: the variable that names the model.
            item: tells products apart, for the breaker.
            build: makes the body for the model's profile.
            check: gives the fault of an answer; None if it is usable.
            attempts: most calls after errors 500; default: the client's.

        Raises RefusedError for this request, ItemError when patience ends, ProviderError for all
        requests.
        """
        call = _Call(self, path, model, setting, build, check)
        failures = 0
        while True:
            if (reason := self._breaker.open) is not None:
                raise ProviderError(self._broken(reason))
            profile, began = self._capabilities.profile(model), time.monotonic()
            outcome = call.send(profile)
            if isinstance(outcome, Reply):
                self._breaker.succeeded()
                return outcome
            failures += 1
            if self._may_be_what_was_asked(path, outcome, failures):
                found = self._walk(call, profile, began, outcome)
                if isinstance(found, Reply):
                    self._breaker.succeeded()
                    return found
                outcome = found
            few = attempts if outcome.status in (500, 501) else None
            self._judge(outcome, failures, item, min(few or self._attempts, self._attempts))
            if outcome.wait is None:  # else the pacer pauses all threads
                self._pacer.sleep(backoff(failures, self._first_wait))

    def _may_be_what_was_asked(self, path: str, fault: Fault, failures: int) -> bool:
        """Whether the server may refuse a parameter of the request, not its product.

        An error may be passing: the same request is tried again first.
        """
        texts = path == "/embeddings"
        if fault.kind == "parameter":
            return True
        if fault.reason == "address":
            return texts or "parameter" in fault.message
        if fault.kind == "passing":
            return fault.suspect and failures == PLAIN and (texts or fault.status is not None)
        return fault.suspect

    def _walk(self, call: _Call, used: Profile, began: float, fault: Fault) -> Reply | Fault:
        """Ask with less, step by step; the text of the fault only says where to begin.

        Returns the first answer, or the first fault if no step is answered.
        """
        known, model = self._capabilities, call.model
        shape = call.shape(call.build(used))

        def worth() -> bool:
            return known.worth_walking(model, used, shape, named=fault.kind == "parameter")

        if not worth():
            return fault
        with known.walker(model):
            if (current := known.profile(model)) != used:  # another thread has found it meanwhile
                used, began = current, time.monotonic()
                if isinstance(outcome := call.send(used), Reply):
                    return outcome
                fault = outcome
            if not worth():
                return fault
            for profile, outcome in self._steps(call, used, fault):
                if isinstance(outcome, Reply):
                    if known.worked(model, used, profile, began):
                        log.info("%s; continuing without", fault.message)
                    return outcome
                if _is_another(outcome):
                    return outcome
            known.walked_in_vain(model, shape)
        return fault

    def _steps(
        self, call: _Call, used: Profile, fault: Fault
    ) -> Iterator[tuple[Profile, Reply | Fault]]:
        """Reduced requests and their outcomes, no request twice, while less may help."""
        official = self._capabilities.official
        tried = [call.build(used)]

        def sent(profile: Profile) -> Reply | Fault | None:
            body = call.build(profile)
            if body in tried:
                return None
            tried.append(body)
            return call.send(profile)

        first = self._capabilities.candidate(call.model, used)
        if first is not None and (outcome := sent(first)) is not None:
            yield first, outcome
        lowered: Profile | None = used
        said = fault
        while lowered is not None and said.kind == "parameter":
            lowered = lowered.lowered(said.parameter or "", official)
            outcome = sent(lowered) if lowered is not None else None
            if lowered is None or outcome is None:
                break
            yield lowered, outcome
            if isinstance(outcome, Fault):
                said = outcome
        if fault.parameter in THE_USERS:
            return
        for profile in used.rungs(official):
            outcome = sent(profile)
            if outcome is not None:
                yield profile, outcome

    def _attempt(self, path: str, body: Body, target: Target, slot: Slot) -> Reply | Fault:
        """One call. Faults are values: no exception with the key in it is chained to ours."""
        sdk = self._open()
        import httpx2
        import openai

        from vitrina.http.transport import ANSWER_BYTES, at_most

        started = time.monotonic()
        size = ANSWER_BYTES + VECTOR_BYTES * inputs_in(body)
        try:
            with Deadline(self._settings.timeout), at_most(size):
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
                usage = bounded(read_usage(fault_or_body), body)
                return Reply(fault_or_body, usage, seconds_taken)
            fault = fault_or_body
        if fault.kind == "throttled":
            slot.throttled(fault.wait)
        log.debug("%s: %s", path, fault.message)
        return fault

    def _judge(self, fault: Fault, failures: int, item: str, attempts: int) -> None:
        """Raise the error for the fault, unless the call is to be tried again."""
        if fault.kind == "provider":
            raise ProviderError(fault.message)
        if fault.kind == "parameter" and (way_out := THE_USERS.get(fault.parameter or "")):
            raise ProviderError(f"{fault.message}: {way_out}")
        if fault.kind in ("item", "picture", "parameter"):
            if fault.reason.startswith("error ") and self._breaker.failed(item, fault.message):
                raise ProviderError(self._broken(fault.message))
            raise RefusedError(fault)
        patience = attempts * (2 if fault.kind == "throttled" else 1)
        if failures < patience:
            return
        if fault.reason == "unreachable":
            raise ProviderError(fault.message)
        if self._breaker.failed(item, fault.reason):
            raise ProviderError(self._broken(fault.message))
        raise PatienceError(fault, failures)

    def _connection_fault(self, error: Exception, target: Target) -> Fault:
        """The fault of a server that was not reached, or a lost connection."""
        import httpx2

        from vitrina.http.transport import REDIRECTS, ElsewhereError

        chain = list(_causes(error))
        for cause in chain:
            if isinstance(cause, TooMuchError):
                return Fault("passing", "answered with too much", f"{target.host} {cause}")
            if isinstance(cause, ElsewhereError | httpx2.TooManyRedirects):
                circle = f"redirects more than {REDIRECTS} times"
                said = circle if isinstance(cause, httpx2.TooManyRedirects) else str(cause)
                said = scrub(said, target.secrets)
                return Fault(
                    "provider",
                    "redirect",
                    f"{target.host} {said}: set OPENAI_BASE_URL to the server's real address",
                )
        why = scrub(str(chain[-1]) or type(chain[-1]).__name__, target.secrets)[:160]
        if any(isinstance(cause, httpx2.ConnectError) for cause in chain):
            final = not self._answered or "certificate" in why.lower()
            return Fault(
                "provider" if final else "passing",
                "unreachable",
                f"{target.host} cannot be reached ({why}): check OPENAI_BASE_URL, the network"
                " and that the server runs",
            )
        return Fault("passing", "connection", f"{target.host} broke the connection ({why})")

    def _broken(self, reason: str) -> str:
        return (
            f"several products in a row failed for the same reason: {reason};"
            f" check {self._settings.host}, then start again"
        )

    def _open(self) -> Any:
        """The SDK's client, made once: importing and starting it takes more than a second."""
        with self._lock:
            if self._sdk is None:
                import httpx2
                import openai

                from vitrina.http.transport import REDIRECTS, DeadlineTransport

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
                        max_redirects=REDIRECTS,
                    ),
                )
            return self._sdk


@dataclass(frozen=True, slots=True)
class _Call:
    """One question to a model, sent in one or more forms."""

    client: Client
    path: str
    model: str
    setting: str
    build: Callable[[Profile], Body]
    check: Callable[[Body], str | None] | None

    def send(self, profile: Profile) -> Reply | Fault:
        """Ask once, in the form of this profile; an answer confirms the profile."""
        client = self.client
        key = client._settings.api_key
        target = Target(client._settings.host, self.model, self.setting, (key,) if key else ())
        body = self.build(profile)
        with client._pacer.slot() as slot:
            outcome = client._attempt(self.path, body, target, slot)
        if isinstance(outcome, Fault):
            return outcome
        wrong = self.check(outcome.body) if self.check is not None else None
        if wrong is not None:
            return Fault("item", UNUSABLE, wrong, None, None, 200, suspect=True)
        client._capabilities.confirm(self.model, profile, self.shape(body))
        return outcome

    def shape(self, body: Body) -> str:
        """The key of requests that are accepted or refused for the same reasons."""
        schema = (body.get("response_format") or {}).get("json_schema") or {}
        seen = any(isinstance(message["content"], list) for message in body.get("messages", ()))
        return f"{self.path} {schema.get('name', '')} {seen}"


def _is_another(fault: Fault) -> bool:
    """Whether a fault is independent of the request."""
    return fault.kind in ("provider", "throttled") and fault.reason != "address"


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
        said = f"{target.host} answered {what}{hint}"
        return Fault("passing", f"answered with {what}", said, suspect=not page)
    return classify_body(body, target) if body.get("error") else body


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
