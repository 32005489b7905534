"""The provider for every OpenAI-compatible endpoint: pictures to words, texts to vectors."""

from __future__ import annotations

import hashlib
import json
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from vitrina.closing import Closing
from vitrina.errors import ItemError, ProviderError
from vitrina.models import answers, prompts
from vitrina.models.base import Enrichment, Subject, Term
from vitrina.models.openai import embeddings
from vitrina.models.openai.capabilities import Capabilities, Profile
from vitrina.models.openai.client import UNUSABLE, Client, PatienceError, RefusedError, Reply
from vitrina.models.openai.embeddings import TextError, UnusableError, WrongDimensionsError
from vitrina.models.openai.pacing import Breaker, Pacer
from vitrina.models.openai.requests import (
    Body,
    embedding_body,
    judge_body,
    limit_of,
    request_body,
)
from vitrina.models.openai.settings import OpenAISettings
from vitrina.models.openai.tries import Afford, Tries
from vitrina.models.openai.verdicts import Pair, parse_judgements
from vitrina.models.outcomes import Answer, AnswerError, Usage, read_usage
from vitrina.models.prompts import Stage

__all__ = ["Answer", "AnswerError", "OpenAIProvider", "OpenAISettings", "TextError", "Usage"]

T = TypeVar("T")
CHAT = "/chat/completions"
EMBEDDINGS = "/embeddings"
VISION_SETTING = "VITRINA_VISION_MODEL"
CAPTION_SETTING = "VITRINA_CAPTION_MODEL"
EMBEDDING_SETTING = "VITRINA_EMBEDDING_MODEL"
SHORT_PATIENCE = 3  # tries after errors 500 to many texts, before asking with fewer


class OpenAIProvider(Closing):
    """Asks one endpoint, for any number of threads.

    Args:
        settings: the endpoint and the models.
        pacer: shared by all callers of this endpoint; its `stop()` ends every wait.
        concurrency: parallel calls, if no pacer is given.
        attempts: most calls for one answer.
        first_wait: upper bound in seconds of the first pause between two calls; it doubles.
        trip_after: the run stops after this many products in a row fail for the same reason.
    """

    provider = "openai"

    def __init__(
        self,
        settings: OpenAISettings,
        *,
        pacer: Pacer | None = None,
        concurrency: int = 8,
        attempts: int = 5,
        first_wait: float = 0.5,
        trip_after: int = 5,
    ) -> None:
        self.settings = settings
        self.afford: Afford | None = None  # called between the tries of one call
        self.pacer = pacer or Pacer(concurrency)
        self._capabilities = Capabilities(settings.official)
        self._client = Client(
            settings,
            self.pacer,
            self._capabilities,
            attempts=attempts,
            first_wait=first_wait,
            breaker=Breaker(trip_after),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def capabilities(self) -> dict[str, dict[str, object]]:
        """The accepted parameters found for each model, fit for JSON."""
        return self._capabilities.found

    def learn(self, found: Mapping[str, Mapping[str, object]]) -> None:
        """Send each model no more than another process `found`: what its `capabilities` were."""
        for model, said in found.items():
            self._capabilities.learn(model, said)

    def model_of(self, stage: Stage) -> str:
        """The model that answers at this stage."""
        return self.settings.model_of(stage)

    def prompt_version(self, stage: Stage) -> str:
        """Changes with everything that changes answers of this stage: the words and the detail."""
        version = prompts.version(stage, self.settings.options)
        if stage != "caption" and self.settings.detail != "low":
            version += f"-{self.settings.detail}"
        effort = self.settings.reasoning_effort
        return f"{version}-{effort}" if effort else version

    def tag(
        self, subject: Subject, hints: Sequence[str] = (), *, image_url: str | None = None
    ) -> Answer[tuple[Term, ...]]:
        """The keywords of a product."""
        return self._look("tag", subject, hints, image_url)

    def describe(self, subject: Subject, *, image_url: str | None = None) -> Answer[str]:
        """The visible product, in a few sentences."""
        return self._look("describe", subject, (), image_url)

    def caption(self, title: str, description: str) -> Answer[str]:
        """One short sentence made from a description."""
        if not prompts.clean_line(f"{title}{description}"):
            raise ItemError("the product has no title or description for a caption: add one")
        subject = Subject(title)
        item = _digest(title)
        return self._answer("caption", subject, item, {"description": description})

    def enrich(
        self, subject: Subject, hints: Sequence[str] = (), *, image_url: str | None = None
    ) -> Answer[Enrichment]:
        """Keywords, description and caption with one call."""
        return self._look("enrich", subject, hints, image_url)

    def embed(self, texts: Sequence[str]) -> Answer[list[array[float]]]:
        """A vector for each text, in their order; all, or an error.

        Texts are cut at 8,000 characters. TextError names a text that has no vector.
        """
        cleaned = [embeddings.trim(text) for text in texts]
        for index, text in enumerate(cleaned):
            if not text:
                raise TextError(index, "is empty: an empty text has no embedding")
        vectors: list[array[float]] = []
        usage, seconds = Usage(), 0.0
        for part in embeddings.plan(cleaned):
            chosen = cleaned[part.start : part.stop]
            answer = self._embed(chosen, part.start, _digest("\n".join(chosen)))
            vectors += answer.value
            usage += answer.usage
            seconds += answer.seconds
        return Answer(vectors, self.settings.embedding_model, usage, seconds)

    def request_body(
        self,
        stage: Stage,
        subject: Subject,
        *,
        description: str = "",
        hints: Sequence[str] = (),
        image_url: str | None = None,
        least: int = 0,
        again: bool = False,
    ) -> Body:
        """The body of one request, also for a batch; sends nothing. See request_body."""
        return request_body(
            stage,
            self.settings,
            subject,
            description=description,
            hints=hints,
            image_url=image_url,
            profile=self._capabilities.profile(self.model_of(stage)),
            least=least,
            again=again,
        )

    def embedding_body(self, texts: Sequence[str]) -> Body:
        """The body of one request for embeddings; sends nothing."""
        model = self.settings.embedding_model
        cleaned = [embeddings.trim(text) for text in texts]
        return embedding_body(self.settings, cleaned, self._capabilities.profile(model))

    def parse_answer(self, stage: Stage, body: object) -> Answer[Any]:
        """The answer in a response body, of a call or a line of a batch. Raises AnswerError."""
        usage = read_usage(body)
        try:
            value = answers.parse_answer(stage, body)
        except AnswerError as error:
            error.usage = usage
            raise
        return Answer(value, self.model_of(stage), usage, 0.0)

    def parse_embeddings(self, body: Mapping[str, Any], count: int) -> list[array[float]]:
        """The vectors in a response body, of a call or a line of a batch."""
        settings = self.settings
        return embeddings.decode(body, count, settings.dimensions, settings.embedding_model)

    def _look(
        self, stage: Stage, subject: Subject, hints: Sequence[str], image_url: str | None
    ) -> Answer[Any]:
        """Ask about a product; sends bytes if the server could not fetch the address."""
        address = image_url if self.settings.image_urls else None
        if not prompts.clean_line(subject.title) and subject.picture is None and not address:
            raise ItemError("the product has no title and no picture: add one of these")
        picture = subject.picture.sha256 if subject.picture else address or ""
        item = _digest(f"{subject.title}\n{picture}")
        given: dict[str, Any] = {"hints": hints, "image_url": address}
        try:
            return self._answer(stage, subject, item, given)
        except RefusedError as error:
            if error.fault.kind != "picture" or not address or subject.picture is None:
                raise
        return self._answer(stage, subject, item, {**given, "image_url": None})

    def judge(self, pairs: Sequence[Pair]) -> Answer[tuple[bool | None, ...]]:
        """Whether the keywords of each pair are the same; None if the model did not say."""
        shown = [pair.shown for pair in pairs]
        return self._asked(
            self.settings.vision_model,
            VISION_SETTING,
            _digest(repr(shown)),
            lambda profile, second: judge_body(self.settings, shown, profile=profile, **second),
            lambda text: parse_judgements(text, len(pairs)),
        )

    def _answer(
        self, stage: Stage, subject: Subject, item: str, given: dict[str, Any]
    ) -> Answer[Any]:
        setting = VISION_SETTING
        if stage == "caption" and self.settings.caption_model:
            setting = CAPTION_SETTING
        return self._asked(
            self.model_of(stage),
            setting,
            item,
            lambda profile, second: request_body(
                stage, self.settings, subject, profile=profile, **given, **second
            ),
            lambda text: answers.parse_text(stage, text),
        )

    def _asked(
        self,
        model: str,
        setting: str,
        item: str,
        build: Callable[[Profile, dict[str, Any]], Body],
        parse: Callable[[str], T],
    ) -> Answer[T]:
        """Ask; again with a higher limit if it was cut off, once more if it is useless."""
        known = self._capabilities
        tries = Tries(model, self.settings.max_tokens, self.afford, known.limit(model))
        first, since = known.profile(model), time.monotonic()
        with tries.counted():
            while True:
                used = known.profile(model)
                try:
                    reply, limit = self._try(setting, item, build, tries)
                except RefusedError as error:
                    if (failed := tries.refused(error)) is None:
                        raise
                    failed.usage = tries.usage
                    raise failed from None
                tries.usage += reply.usage
                tries.seconds += reply.seconds
                try:
                    value = answers.read(reply.body, parse)
                except AnswerError as error:
                    if tries.goes_on(error, limit, known.limit(model)):
                        continue
                    failed = tries.failed or error
                    failed.usage = tries.usage
                    failed.reply = json.dumps(reply.body, ensure_ascii=False)
                    raise failed from None
                if tries.grown and limit is not None:
                    known.needs(model, limit)
                if not tries.again:
                    known.understood(model, used)
                elif (spelt := _spelt_out(first)) != first:
                    known.worked(model, first, spelt, since, useless=True)
                return Answer(value, model, tries.usage, tries.seconds)

    def _try(
        self,
        setting: str,
        item: str,
        build: Callable[[Profile, dict[str, Any]], Body],
        tries: Tries,
    ) -> tuple[Reply, int | None]:
        """One try, with the limit of tokens it sent."""
        sent: list[Body] = []

        def made(profile: Profile) -> Body:
            # after a useless answer: perhaps the server ignored the schema, so spell it out
            shown = _spelt_out(profile) if tries.again else profile
            sent.append(build(shown, {"least": tries.least, "again": tries.again}))
            return sent[-1]

        reply = self._client.ask(CHAT, tries.model, setting, item, made)
        return reply, limit_of(sent[-1])

    def _embed(self, texts: list[str], start: int, item: str) -> Answer[list[array[float]]]:
        """The vectors of some texts, requested together, or in parts if that is not answered."""
        model = self.settings.embedding_model
        most = self._capabilities.inputs(model)
        if most is not None and len(texts) > most:
            return self._in_parts(texts, start, item, most)
        try:
            return self._embed_at_once(texts, start, item)
        except RefusedError as error:
            if len(texts) == 1 and error.fault.reason == UNUSABLE:
                raise ProviderError(str(error)) from None
            if len(texts) == 1:
                raise TextError(start, str(error)) from None
        except PatienceError as error:
            if len(texts) == 1 or error.fault.status not in (500, 501):
                raise
        size = (len(texts) + 1) // 2
        answer = self._in_parts(texts, start, item, size)
        self._capabilities.limit_inputs(model, self._capabilities.inputs(model) or size)
        return answer

    def _in_parts(
        self, texts: list[str], start: int, item: str, size: int
    ) -> Answer[list[array[float]]]:
        """The vectors of texts, this many at a time."""
        total: Answer[list[array[float]]] = Answer([], self.settings.embedding_model, Usage(), 0.0)
        for at in range(0, len(texts), size):
            part = self._embed(texts[at : at + size], start + at, item)
            total = Answer(
                total.value + part.value,
                total.model,
                total.usage + part.usage,
                total.seconds + part.seconds,
            )
        return total

    def _embed_at_once(self, texts: list[str], start: int, item: str) -> Answer[list[array[float]]]:
        """The vectors of the texts of one request. RefusedError, PatienceError: not together."""
        model = self.settings.embedding_model
        vectors: list[array[float]] = []
        failed: TextError | WrongDimensionsError | None = None

        def check(body: Body) -> str | None:
            nonlocal vectors, failed
            failed = None
            try:
                vectors = self.parse_embeddings(body, len(texts))
            except UnusableError as error:
                return str(error)
            except (TextError, WrongDimensionsError) as error:
                failed = error
            return None

        reply = self._client.ask(
            EMBEDDINGS,
            model,
            EMBEDDING_SETTING,
            item,
            lambda profile: embedding_body(self.settings, texts, profile),
            check=check,
            attempts=None if len(texts) == 1 else SHORT_PATIENCE,
        )
        if failed is None:
            return Answer(vectors, model, reply.usage, reply.seconds)
        if isinstance(failed, TextError):
            raise TextError(start + failed.index, failed.reason)
        profile = self._capabilities.profile(model)
        asked = "dimensions" in embedding_body(self.settings, texts[:1], profile)
        if asked or failed.got < self.settings.dimensions:
            raise failed
        self._capabilities.shorten(
            model
        )  # the vector is too long: perhaps the model can shorten it
        return self._embed_at_once(texts, start, item)


def _spelt_out(profile: Profile) -> Profile:
    """The profile of a request whose text describes the form of the answer."""
    if profile.answer_format != "json_schema":
        return profile
    return replace(profile, answer_format="json_object")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
