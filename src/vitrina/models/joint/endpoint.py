"""Joint models behind an endpoint."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vitrina.errors import ConfigError, ItemError, ProviderError
from vitrina.models.joint.base import InputRefusedError, Vectors, whole_square
from vitrina.models.joint.forms import FORMS, Ask, Form, Input, usage_in, vectors_in
from vitrina.models.openai.capabilities import Capabilities
from vitrina.models.openai.client import Client, PatienceError, RefusedError
from vitrina.models.openai.embeddings import (
    TextError,
    UnusableError,
    WrongDimensionsError,
    decode,
    trim,
)
from vitrina.models.openai.pacing import Breaker, Pacer
from vitrina.models.openai.requests import bounded
from vitrina.models.openai.settings import OpenAISettings
from vitrina.models.outcomes import Answer, Usage

__all__ = ["URL", "JointEndpoint", "settings_of"]

URL, KEY = "VITRINA_JOINT_BASE_URL", "VITRINA_JOINT_API_KEY"
AT_ONCE = 4  # parallel requests
JPEG_QUALITY = 90


def settings_of(form: Form, environment: Mapping[str, str] | None = None) -> OpenAISettings:
    """The address and the key of an endpoint, from the environment.

    A key that is named after a provider is sent to that provider only, and one of OPENAI_API_KEY
    only to OPENAI_BASE_URL; VITRINA_JOINT_API_KEY to VITRINA_JOINT_BASE_URL, or the provider.

    Raises ConfigError without an address, or without a key for an address of a provider.
    """
    found = os.environ if environment is None else environment

    def text(name: str) -> str | None:
        return found.get(name, "").strip() or None

    own = text(URL)
    usual = form.url or text("OPENAI_BASE_URL")
    url = own or usual
    if url is None:
        raise ConfigError(f"no address of {form.name}: set {URL}, like http://localhost:8000/v1")
    key = text(KEY)
    if key is None and own in (None, usual):
        key = next(filter(None, map(text, form.keys)), None)
    if key is None and url == form.url:
        raise ConfigError(f"no key for {form.name}: set {form.keys[0]}")
    try:
        return OpenAISettings(base_url=url, api_key=key)
    except ConfigError as exc:
        raise ConfigError(str(exc).replace("OPENAI_BASE_URL", URL)) from None


class JointEndpoint:
    """A joint model behind an endpoint, asked in its form.

    Args:
        form: of the requests; see FORMS.
        model: its name there.
        dimensions: the expected length of vectors.
        shortened: ask for that length; else it is the model's own.
        settings: the address and the key; default: from the environment.
        attempts, first_wait: as for OpenAIProvider.
    """

    def __init__(
        self,
        form: Form,
        model: str,
        dimensions: int,
        *,
        shortened: bool = False,
        settings: OpenAISettings | None = None,
        attempts: int = 5,
        first_wait: float = 0.5,
    ) -> None:
        self.provider = form.name
        self.model = model
        self.batch = form.most(model)
        self.host = ""
        self._form = form
        self._dimensions = dimensions
        self._asked_for = dimensions if shortened else None
        self._settings = settings or settings_of(form)
        self.host = self._settings.host
        self._pacer = Pacer(AT_ONCE)
        self._client = Client(
            self._settings,
            self._pacer,
            Capabilities(official=False),
            attempts=attempts,
            first_wait=first_wait,
            breaker=Breaker(5),
        )

    def pictures(self, thumbnails: Sequence[bytes]) -> Answer[Vectors]:
        """See JointModel."""
        return self._in_parts([_jpeg(each) for each in thumbnails], self.batch, asked=False)

    def texts(self, texts: Sequence[str], *, asked: bool) -> Answer[Vectors]:
        """See JointModel."""
        return self._in_parts([trim(text) for text in texts], self._form.texts, asked=asked)

    def stop(self) -> None:
        """See JointModel."""
        self._pacer.stop()

    def close(self) -> None:
        """See JointModel."""
        self._client.close()

    def _in_parts(self, inputs: Sequence[Input], most: int, *, asked: bool) -> Answer[Vectors]:
        total: Answer[Vectors] = Answer([], self.model, Usage(), 0.0)
        for at in range(0, len(inputs), most):
            part = self._embed(Ask(self.model, inputs[at : at + most], asked, self._asked_for))
            total = Answer(
                total.value + part.value,
                self.model,
                total.usage + part.usage,
                total.seconds + part.seconds,
            )
        return total

    def _embed(self, ask: Ask) -> Answer[Vectors]:
        """The vectors of one request."""
        vectors: Vectors = []
        failed: Exception | None = None
        body = self._form.body(ask)

        def check(answer: dict[str, Any]) -> str | None:
            nonlocal vectors, failed
            try:
                found = decode(vectors_in(answer), len(ask.inputs), self._dimensions, self.model)
            except UnusableError as error:
                return str(error)
            except (TextError, WrongDimensionsError) as error:
                failed = error
            else:
                vectors = [vector.tolist() for vector in found]
            return None

        reply = self._translated(
            lambda: self._client.ask(
                self._form.path,
                self.model,
                "the model of the space",
                _digest(ask.inputs),
                lambda profile: body,
                check=check,
            )
        )
        if isinstance(failed, TextError):
            raise InputRefusedError(failed.reason)
        if failed is not None:
            raise failed
        return Answer(vectors, self.model, bounded(usage_in(reply.body), body), reply.seconds)

    def _translated(self, ask: Callable[[], Any]) -> Any:
        """Ask; errors name the variables of this endpoint."""
        try:
            return ask()
        except RefusedError as exc:
            if exc.fault.reason == "no use":
                raise ProviderError(self._named(exc)) from None
            raise InputRefusedError(self._named(exc)) from None
        except PatienceError as exc:
            raise ProviderError(self._named(exc)) from None
        except ItemError as exc:
            raise InputRefusedError(self._named(exc)) from None
        except ProviderError as exc:
            raise type(exc)(self._named(exc)) if type(exc) is ProviderError else exc from None

    def _named(self, exc: Exception) -> str:
        said = str(exc).replace("set the model of the space to", "make a space of")
        if self._form.url is None and not os.environ.get(URL, "").strip():
            return said
        key = KEY if self._settings.base_url != self._form.url else self._form.keys[0]
        return said.replace("OPENAI_API_KEY", key).replace("OPENAI_BASE_URL", URL)


def _jpeg(thumbnail: bytes) -> bytes:
    """A stored picture as all endpoints read it."""
    out = io.BytesIO()
    whole_square(thumbnail).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _digest(inputs: Sequence[Input]) -> str:
    digest = hashlib.sha256()
    for one in inputs:
        digest.update(one if isinstance(one, bytes) else one.encode("utf-8", "replace"))
    return digest.hexdigest()[:16]


def endpoint_of(
    provider: str, model: str, dimensions: int, *, shortened: bool = False
) -> JointEndpoint:
    """The endpoint of this provider. Raises ConfigError if the environment does not name it."""
    return JointEndpoint(FORMS[provider], model, dimensions, shortened=shortened)
