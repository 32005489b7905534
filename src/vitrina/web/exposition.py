"""Figures as the text that Prometheus reads (version 0.0.4).

Written here and not by `prometheus_client`: what is counted belongs to one server, not to a
registry of the process, and most of it is read from the database when it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "vitrina_"
Kind = Literal["counter", "gauge", "histogram"]
Labels: TypeAlias = Mapping[str, str]
# seconds; answers of a page lie in the middle
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Histogram:
    """How often a value was at most each of BUCKETS; not cumulated until it is written."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        place = next((at for at, most in enumerate(BUCKETS) if value <= most), len(BUCKETS))
        self.counts[place] += 1
        self.total += value


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: its name without the prefix, its kind, what it says, its samples by labels."""

    name: str
    kind: Kind
    help: str
    samples: Sequence[tuple[Labels, float | Histogram]]


def exposed(families: Iterable[Family]) -> bytes:
    """The text of these metrics; of those without a sample nothing."""
    lines: list[str] = []
    for family in families:
        if not family.samples:
            continue
        name = PREFIX + family.name
        lines += [f"# HELP {name} {_help(family.help)}", f"# TYPE {name} {family.kind}"]
        for labels, value in family.samples:
            if isinstance(value, Histogram):
                lines += _buckets(name, labels, value)
            else:
                lines.append(_line(name, labels, value))
    return ("\n".join(lines) + "\n").encode()


def _buckets(name: str, labels: Labels, histogram: Histogram) -> list[str]:
    lines, so_far = [], 0
    for most, count in zip((*BUCKETS, math.inf), histogram.counts, strict=True):
        so_far += count
        lines.append(_line(f"{name}_bucket", {**labels, "le": _number(most)}, so_far))
    lines.append(_line(f"{name}_sum", labels, histogram.total))
    lines.append(_line(f"{name}_count", labels, so_far))
    return lines


def _line(name: str, labels: Labels, value: float) -> str:
    said = ",".join(f'{key}="{_quoted(text)}"' for key, text in labels.items())
    return f"{name}{{{said}}} {_number(value)}" if said else f"{name} {_number(value)}"


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
