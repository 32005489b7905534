"""The stages of an enrichment for each provider: the questions, their order and their keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from vitrina.ledger import Ledger, Question, key
from vitrina.models.base import Enrichment, Subject, Term, Vision
from vitrina.models.outcomes import Answer, Usage

if TYPE_CHECKING:
    from vitrina.models.openai.provider import OpenAIProvider
    from vitrina.models.prompts import Stage
    from vitrina.pictures.decode import Picture


class Stages(Protocol):
    """Turns a subject into an enrichment through a ledger, from any number of threads."""

    def enrich(self, subject: Subject, image_url: str | None) -> Enrichment:
        """Raises ItemError for this product, ProviderError for all, BudgetError to stop."""
        ...

    def stop(self) -> None:
        """End every wait for another try."""
        ...

    def close(self) -> None:
        """Close threads and connections."""
        ...


def dump_terms(terms: Sequence[Term]) -> list[dict[str, str | None]]:
    """Terms in their stored form."""
    return [{"term": term.term, "facet": term.facet} for term in terms]


def load_terms(stored: Sequence[dict[str, Any]]) -> tuple[Term, ...]:
    """Terms from their stored form."""
    return tuple(Term(term["term"], term["facet"]) for term in stored)


def dump_enrichment(enrichment: Enrichment) -> dict[str, Any]:
    """An enrichment in its stored form."""
    return {
        "terms": dump_terms(enrichment.terms),
        "description": enrichment.description,
        "caption": enrichment.caption,
    }


def load_enrichment(stored: dict[str, Any]) -> Enrichment:
    """An enrichment from its stored form."""
    return Enrichment(load_terms(stored["terms"]), stored["description"], stored["caption"])


class LocalStages:
    """One stage: a composed enrichment from title, attributes, text and measured colours."""

    def __init__(self, vision: Vision, ledger: Ledger) -> None:
        self._vision = vision
        self._ledger = ledger

    def enrich(self, subject: Subject, image_url: str | None) -> Enrichment:
        """See Stages."""
        texts = {
            name: value
            for name, value in subject.attributes.items()
            if not isinstance(value, bool | int | float)
        }
        picture = subject.picture.sha256 if subject.picture else None
        spoken = dict.fromkeys((subject.language, subject.shown))
        version = self._vision.prompt_version
        if list(spoken) != ["english"]:
            version = " ".join((version, *spoken))
        question = Question(
            "enrich",
            key(subject.title, texts, picture, *([subject.text] if subject.text else [])),
            self._vision.provider,
            self._vision.model,
            version,
        )

        def call() -> Answer[Enrichment]:
            return Answer(self._vision.enrich(subject), self._vision.model, Usage(), 0.0)

        said = self._ledger.answer(question, call, dump=dump_enrichment, load=load_enrichment)
        return replace(said, answers=(question.row,))

    def stop(self) -> None:
        """See Stages."""

    def close(self) -> None:
        """See Stages."""


class OpenAIStages:
    """Tag and describe in parallel, then caption; or all three in one call.

    Args:
        provider: the provider to ask.
        ledger: stores the answers.
        one_call: ask for everything in one call.
        hints: gives existing keywords for a title, nearest first; None: no hints.
        known: selects the terms to keep; None: all. The ledger keeps all terms said.
        threads: run the tag stage in parallel with describe.
    """

    def __init__(
        self,
        provider: OpenAIProvider,
        ledger: Ledger,
        *,
        one_call: bool = False,
        hints: Callable[[str], Sequence[str]] | None = None,
        known: Callable[[Sequence[Term]], tuple[Term, ...]] | None = None,
        threads: int = 8,
    ) -> None:
        self.provider = provider
        self._ledger = ledger
        self._one_call = one_call
        self._hints = hints
        self._known = known
        self._beside = ThreadPoolExecutor(threads, thread_name_prefix="vitrina-tag")

    def question(self, stage: Stage, *shown: object) -> Question:
        """The question of a stage about the shown input."""
        return Question(
            stage,
            key(*shown),
            self.provider.provider,
            self.provider.model_of(stage),
            self.provider.prompt_version(stage),
        )

    def shown(self, subject: Subject, image_url: str | None) -> tuple[object, ...]:
        """The input of the stages that look at a product: its title and its picture."""
        picture = image_url if self.provider.settings.image_urls else None
        if subject.picture is not None:
            picture = subject.picture.sha256
        further = [["further", *(each.sha256 for each in subject.further)]]
        return subject.title, picture, *(further if subject.further else ()), *anew(subject)

    def enrich(self, subject: Subject, image_url: str | None) -> Enrichment:
        """See Stages."""
        said = self._said(subject, image_url)
        return replace(said, terms=self._known(said.terms)) if self._known is not None else said

    def _said(self, subject: Subject, image_url: str | None) -> Enrichment:
        shown = self.shown(subject, image_url)
        if self._one_call:
            whole = self.question("enrich", *shown)
            said = self._ledger.answer(
                whole,
                lambda: self.provider.enrich(
                    subject, self.near(subject.title), image_url=image_url
                ),
                dump=dump_enrichment,
                load=load_enrichment,
                shown=_traced(subject),
            )
            return replace(said, answers=(whole.row,))
        tag = self._tag if self._ledger.tracer is None else self._ledger.tracer.bind(self._tag)
        tags = self._beside.submit(tag, subject, image_url, shown)
        try:
            description = self.describe(subject, image_url, shown)
            caption = self.caption(subject, description)
        finally:
            # an answer under way is paid for: wait for it, even after an error
            tags.exception()
        asked = (
            self.question("tag", *shown),
            self.question("describe", *shown),
            self.captioned(subject, description),
        )
        return Enrichment(tags.result(), description, caption, tuple(each.row for each in asked))

    def _tag(
        self, subject: Subject, image_url: str | None, shown: tuple[object, ...]
    ) -> tuple[Term, ...]:
        return self._ledger.answer(
            self.question("tag", *shown),
            lambda: self.provider.tag(subject, self.near(subject.title), image_url=image_url),
            dump=dump_terms,
            load=load_terms,
            shown=_traced(subject),
        )

    def describe(self, subject: Subject, image_url: str | None, shown: tuple[object, ...]) -> str:
        """A description of the visible subject."""
        return self._ledger.answer(
            self.question("describe", *shown),
            lambda: self.provider.describe(subject, image_url=image_url),
            dump=str,
            load=str,
            shown=_traced(subject),
        )

    def captioned(self, subject: Subject, description: str) -> Question:
        """The question for a caption of this description."""
        return self.question("caption", subject.title, description, *anew(subject))

    def caption(self, subject: Subject, description: str) -> str:
        """One sentence made from a description."""
        title = subject.title
        return self._ledger.answer(
            self.captioned(subject, description),
            lambda: self.provider.caption(title, description),
            dump=str,
            load=str,
            shown={"title": title, "description": description},
        )

    def picture_words(self, picture: Picture, title: str) -> str:
        """A picture in one sentence."""
        subject = Subject(title, {}, picture)
        description = self.describe(subject, None, self.shown(subject, None))
        return self.caption(subject, description)

    def near(self, title: str) -> Sequence[str]:
        """Existing keywords that a product with this title may have."""
        return self._hints(title) if self._hints is not None else ()

    def stop(self) -> None:
        """See Stages."""
        self.provider.pacer.stop()

    def close(self) -> None:
        """See Stages."""
        self._beside.shutdown(cancel_futures=True)
        self.provider.close()


def anew(subject: Subject) -> tuple[str, ...]:
    """What makes a question another one, each time that a person has it asked again."""
    return (f"asked again {subject.asked}",) if subject.asked else ()


def _traced(subject: Subject) -> dict[str, object]:
    """A trace's record of a subject: never the picture itself."""
    picture = subject.picture
    said = f"<{picture.size} bytes, sha256 {picture.sha256}>" if picture else None
    shown: dict[str, object] = {"title": subject.title, "picture": said}
    if subject.further:
        shown["further"] = [each.redacted for each in subject.further]
    return shown
