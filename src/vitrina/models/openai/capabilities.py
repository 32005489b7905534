"""The parameters that a server's models accept: found once, by sending less until it succeeds."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

THINKING = re.compile(r"(?:.*/)?(?:o\d|gpt-[5-9])")  # models that think before they answer


# of a profile, by the parameter of a request that it is about
_FIELDS = {
    "response_format": "answer_format",
    "max_tokens": "length_parameter",
    "temperature": "temperature",
    "system": "system",
    "detail": "detail",
    "encoding_format": "encoding",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """The parameters that one model of one server accepts."""

    answer_format: Literal["json_schema", "json_object", "text"] = "json_schema"
    length_parameter: Literal["max_completion_tokens", "max_tokens", "none"] = "max_tokens"
    temperature: bool = True
    system: bool = True
    detail: bool = True
    encoding: Literal["base64", "float", "none"] = "base64"
    send_dimensions: bool = False

    def lowered(self, parameter: str, official: bool) -> Profile | None:
        """The next value to try after this parameter was refused; None at the end."""
        first, other = _length_parameter(official), _length_parameter(not official)
        steps: dict[str, dict[object, object]] = {
            "response_format": {"json_schema": "json_object", "json_object": "text"},
            "max_tokens": {first: other, other: "none"},
            "temperature": {True: False},
            "system": {True: False},
            "detail": {True: False},
            "encoding_format": {"base64": "float", "float": "none"},
        }
        name = _FIELDS.get(parameter, "")
        value = steps.get(parameter, {}).get(getattr(self, name, None))
        return None if value is None else replace(self, **{name: value})  # type: ignore[arg-type]

    def lowered_to(self, said: Mapping[str, object], official: bool) -> Profile:
        """With each field as it is said, by name, where that is further down from here."""
        found = self
        for parameter, name in _FIELDS.items():
            lower: Profile | None = found
            while lower is not None and getattr(lower, name) != said.get(name):
                lower = lower.lowered(parameter, official)
            found = lower or found
        return found

    def rungs(self, official: bool) -> Iterator[Profile]:
        """Reduced requests in the order to try: one parameter less at a time, then several."""
        for parameter in ("response_format", "system", "encoding_format", *_OPTIONAL):
            lower: Profile | None = self
            while (lower := lower.lowered(parameter, official) if lower else None) is not None:
                yield lower
        for answer_format in ("json_object", "text"):
            yield replace(self, system=False, answer_format=answer_format)
        bare = replace(self, temperature=False, length_parameter="none", detail=False)
        yield bare
        yield replace(bare, answer_format="text")
        yield replace(bare, answer_format="text", system=False)


_OPTIONAL = ("max_tokens", "temperature", "detail")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A reduced request that was answered once, at `since` of the clock, after `full` failed.

    `useless`: the full one was answered, but uselessly.
    """

    full: Profile
    reduced: Profile
    since: float
    useless: bool


class Capabilities:
    """The accepted parameters found for each model. Thread-safe.

    A reduced request that is answered is a candidate. It is remembered once the full request, sent
    again, has failed again: a server with passing errors has no lasting effect.
    """

    def __init__(self, official: bool) -> None:
        self.official = official
        self._lock = threading.Lock()
        self._limits: dict[str, int] = {}
        self._profiles: dict[str, Profile] = {}
        self._candidates: dict[str, _Candidate] = {}
        self._answered: set[tuple[str, Profile, str]] = set()
        self._vain: set[tuple[str, str]] = set()
        self._walkers: dict[str, threading.Lock] = {}
        self._inputs: dict[str, int] = {}

    def profile(self, model: str) -> Profile:
        """The profile of requests to this model."""
        with self._lock:
            return self._profiles.get(model) or self._first(model)

    def confirm(self, model: str, used: Profile, shape: str) -> None:
        """Remember that a request of this shape was answered, so its parameters are accepted."""
        with self._lock:
            if used == self._first(model):
                self._profiles.setdefault(model, used)
            self._answered.add((model, used, shape))
            self._vain = {vain for vain in self._vain if vain[0] != model}
            candidate = self._candidates.get(model)
            if candidate is not None and candidate.full == used and not candidate.useless:
                del self._candidates[model]

    def understood(self, model: str, used: Profile) -> None:
        """The answer to a request was useful: earlier useless answers were passing errors."""
        with self._lock:
            candidate = self._candidates.get(model)
            if candidate is not None and candidate.full == used and candidate.useless:
                del self._candidates[model]

    def worth_walking(self, model: str, used: Profile, shape: str, *, named: bool) -> bool:
        """Whether less may be accepted: not if less was tried in vain, or all of this was answered
        before, unless the server has `named` the refused parameter.
        """
        with self._lock:
            answered = (model, used, shape) in self._answered
            return (model, shape) not in self._vain and (named or not answered)

    def walked_in_vain(self, model: str, shape: str) -> None:
        """No reduced request was answered either; valid until a request succeeds."""
        with self._lock:
            self._vain.add((model, shape))

    def walker(self, model: str) -> threading.Lock:
        """A lock for finding a reduced request: one thread per model."""
        with self._lock:
            return self._walkers.setdefault(model, threading.Lock())

    def candidate(self, model: str, used: Profile) -> Profile | None:
        """The reduced request that was answered after this one failed."""
        with self._lock:
            candidate = self._candidates.get(model)
            return candidate.reduced if candidate and candidate.full == used else None

    def worked(
        self, model: str, full: Profile, reduced: Profile, began: float, *, useless: bool = False
    ) -> bool:
        """A reduced request was answered after the full one, sent at `began`, failed.

        `useless`: the full one was answered, but uselessly.

        Returns whether it is remembered now.
        """
        with self._lock:
            candidate = self._candidates.get(model)
            if candidate is None or (candidate.full, candidate.reduced) != (full, reduced):
                self._candidates[model] = _Candidate(full, reduced, time.monotonic(), useless)
            elif began >= candidate.since:
                self._profiles[model] = reduced
                del self._candidates[model]
                return True
            return False

    def learn(self, model: str, said: Mapping[str, object]) -> None:
        """Send no more to a model than `said`, what another process found that it takes."""
        with self._lock:
            current = self._profiles.get(model) or self._first(model)
            self._profiles[model] = current.lowered_to(said, self.official)

    def limit(self, model: str) -> int:
        """The limit of tokens that this model was found to need; 0: the usual limit suffices."""
        with self._lock:
            return self._limits.get(model, 0)

    def needs(self, model: str, limit: int) -> None:
        """Remember for the run that an answer needed this limit."""
        with self._lock:
            self._limits[model] = max(limit, self._limits.get(model, 0))

    def shorten(self, model: str) -> None:
        """From now on ask this embedding model for the wanted dimensions."""
        with self._lock:
            current = self._profiles.get(model) or self._first(model)
            self._profiles[model] = replace(current, send_dimensions=True)

    def inputs(self, model: str) -> int | None:
        """How many texts this embedding model accepts at once; None: no limit found."""
        with self._lock:
            return self._inputs.get(model)

    def limit_inputs(self, model: str, most: int) -> None:
        """Only `most` texts were answered together, not more."""
        with self._lock:
            self._inputs[model] = min(most, self._inputs.get(model, most))

    @property
    def found(self) -> dict[str, dict[str, object]]:
        """A copy, by model, fit for JSON."""
        with self._lock:
            return {model: asdict(profile) for model, profile in self._profiles.items()}

    def _first(self, model: str) -> Profile:
        return Profile(
            length_parameter=_length_parameter(self.official),
            temperature=not THINKING.match(model),
        )


def _length_parameter(official: bool) -> Literal["max_completion_tokens", "max_tokens"]:
    return "max_completion_tokens" if official else "max_tokens"
