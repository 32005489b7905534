"""Weave traces, only on request: the input, answer, usage and cost of each model call.

Without a project it imports, sends and slows nothing. With one, weave's own client sends in the
background; an unreachable trace server only costs its traces.

    with Tracer.to("team/shop", notice=notice) as tracer:
        with tracer.product("demo", "17", "Oak chair"):
            answer = tracer.call("tag", {"title": "Oak chair"}, lambda: provider.tag(subject))
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from decimal import Decimal
from types import FrameType
from typing import Any, TypeVar

from vitrina.closing import Closing
from vitrina.http.deadline import within
from vitrina.models.outcomes import Answer, Usage
from vitrina.redaction import is_sensitive, redact
from vitrina.weave.server import Delivery, TraceServerError, connect

__all__ = ["TraceServerError", "Tracer", "redact"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Price = Callable[[str, Usage], Decimal | None]

OPS_SECONDS = 5.0  # for publishing the ops at the start
STAGES = ("enrich", "one_call", "tag", "describe", "caption", "embed", "embed_image", "judge")

_parent: ContextVar[Any] = ContextVar("vitrina_product_call", default=None)


class Tracer(Closing):
    """Records the calls of a run, for any number of threads.

    Threads do not inherit the product they work for: give a pool `tracer.bind(function)`, made
    inside `with tracer.product(…)`, and its records become children of that product.
    """

    def __init__(
        self, client: Any = None, *, notice: Callable[[str], None] = lambda line: None
    ) -> None:
        self._client = client
        self._notice = notice
        self._on = client is not None
        self._ops: dict[str, Any] = {}
        self._delivery: Delivery | None = None
        self._restore: Callable[[], object] = lambda: None
        self._secrets = tuple(
            value for name, value in os.environ.items() if is_sensitive(name) and len(value) >= 8
        )

    @classmethod
    def off(cls) -> Tracer:
        """A tracer that records nothing and costs nothing."""
        return cls()

    @classmethod
    def to(cls, project: str, *, notice: Callable[[str], None], verbose: bool = False) -> Tracer:
        """A tracer for "entity/project" or "project"; off, with a notice, if the server is.

        Close it, or use it as a context manager. Until then a SIGTERM that nothing else handles
        becomes SystemExit, so that what was recorded is sent.

        Raises ConfigError if the key is missing or refused, or the project has a wrong form.
        """
        try:
            client = connect(project, verbose=verbose)
        except TraceServerError as exc:
            notice(f"{exc} Continuing without traces.")
            return cls.off()
        tracer = cls(client, notice=notice)
        tracer._guard()
        return tracer

    @property
    def on(self) -> bool:
        """Whether calls are recorded."""
        return self._on

    def call(
        self,
        stage: str,
        inputs: Mapping[str, object],
        function: Callable[[], Answer[T]],
        *,
        cost: Price | None = None,
    ) -> Answer[T]:
        """The result of `function`, recorded as `vitrina.<stage>`, under the current product.

        Args:
            stage: tag, describe, caption …; `enrich`, all in one call, is recorded as `one_call`.
            inputs: the model's input: title, model, picture.
            function: called once, here, even if recording fails.
            cost: US dollars from model and usage, such as pricing.price.
        """
        if not self._on:
            return function()
        record = self._begin("one_call" if stage == "enrich" else stage, inputs, "llm")
        try:
            answer = function()
        except BaseException as exc:
            usage = getattr(exc, "usage", None)
            model = str(inputs.get("model") or "")
            self._end(record, lambda: _paid(model, usage, cost) if usage else None, exc)
            raise
        self._end(
            record,
            lambda: {
                "value": redact(answer.value, self._secrets),
                **_paid(answer.model, answer.usage, cost),
                "seconds": round(answer.seconds, 3),
            },
        )
        return answer

    @contextlib.contextmanager
    def product(self, source: str, external_id: str, title: str) -> Iterator[dict[str, object]]:
        """All calls in this block belong to one product: the op `vitrina.enrich`.

        Yields a dict, which is recorded as the output.
        """
        output: dict[str, object] = {}
        if not self._on:
            yield output
            return
        which = {"source": source, "external_id": external_id, "title": title}
        record = self._begin("enrich", which)
        token = _parent.set(record)
        try:
            yield output
        except BaseException as exc:
            self._end(record, lambda: redact(output, self._secrets), exc)
            raise
        else:
            self._end(record, lambda: redact(output, self._secrets))
        finally:
            _parent.reset(token)

    def bind(self, function: F) -> F:
        """`function`, bound to this thread's product, for other threads."""
        if not self._on:
            return function
        parent = _parent.get()

        def bound(*args: Any, **kwargs: Any) -> Any:
            token = _parent.set(parent)
            try:
                return function(*args, **kwargs)
            finally:
                _parent.reset(token)

        return bound  # type: ignore[return-value]

    def close(self) -> None:
        """Send the last records, for a few seconds at most, and stop recording."""
        client, self._client, self._on = self._client, None, False
        if client is None:
            return
        atexit.unregister(self.close)
        self._restore()
        if self._delivery is not None and not self._delivery.close():
            self._notice("the trace server did not accept every trace: the last ones are missing")

    # -- recording: no function here may raise -----------------------------------------------------

    def _begin(self, stage: str, inputs: Mapping[str, object], kind: str | None = None) -> Any:
        with contextlib.suppress(Exception):
            return self._client.create_call(
                self._op(stage),
                redact(inputs, self._secrets),
                parent=_parent.get(),
                attributes={"weave": {"kind": kind}} if kind else None,
                use_stack=False,
            )
        return None

    def _end(
        self, record: Any, output: Callable[[], object], exc: BaseException | None = None
    ) -> None:
        said = None
        with contextlib.suppress(Exception):
            said = output()
        with contextlib.suppress(Exception):
            if record is not None and self._client is not None:
                raised = None if exc is None else _scrubbed(exc, self._secrets)
                self._client.finish_call(record, said, raised)

    def _op(self, stage: str) -> Any:
        if stage not in self._ops:
            import weave

            self._ops[stage] = weave.op(
                lambda: None, name=f"vitrina.{stage}", enable_code_capture=False
            )
        return self._ops[stage]

    def _guard(self) -> None:
        """Prepare for a server that becomes unavailable: watch the sending, end when told to."""
        self._delivery = Delivery(self._client, self._stopped)
        with contextlib.suppress(Exception):
            within(OPS_SECONDS, self._publish_ops)  # an unpublished op delays its calls
        atexit.register(self.close)
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        ):
            signal.signal(signal.SIGTERM, _terminate)
            self._restore = lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _publish_ops(self) -> None:
        import weave

        for reference in [weave.publish(self._op(stage)) for stage in STAGES]:
            reference.digest  # noqa: B018 - waits until it is published

    def _stopped(self) -> None:
        self._on = False
        self._notice("the trace server stopped answering: no more traces in this run")


def _paid(model: str, usage: Usage, cost: Price | None) -> dict[str, object]:
    """Model, tokens and US dollars, in the form that weave sums over a product."""
    dollars = cost(model, usage) if cost is not None else None
    return {
        "model": model,
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.input_tokens + usage.output_tokens,
            "cache_read_input_tokens": usage.cached_tokens,
        },
        "cost": None if dollars is None else float(dollars),
    }


def _scrubbed(exc: BaseException, secrets: tuple[str, ...]) -> BaseException:
    """The exception, fit to show: its name and text, without secrets and traceback."""
    kind = type(type(exc).__name__, (Exception,), {})
    said: BaseException = kind(redact(str(exc), secrets))
    return said


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)
