"""The offline provider, in the language of a source."""

from __future__ import annotations

from dataclasses import replace

from vitrina.models.base import Enrichment, Subject, Term
from vitrina.models.local import abroad, named, tagger


class LocalVision:
    """Tags and captions from the words of a product and the colours of its picture."""

    provider = "local"
    model = "lexicon-1"
    prompt_version = "3"

    def enrich(self, subject: Subject) -> Enrichment:
        """Terms, description and caption of one product. Raises ItemError if it has no words."""
        if subject.language != "english":
            return abroad.enrich(subject)
        answer = tagger.enrich(subject)
        terms = (Term(named.shown(t.term, subject.shown), t.facet) for t in answer.terms)
        return replace(answer, terms=tuple(terms))
