"""What can be watched, as text: Prometheus' exposition format, version 0.0.4."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

GAUGE: Final = "gauge"
COUNTER: Final = "counter"
HISTOGRAM: Final = "histogram"

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds up to which each bucket of a histogram counts."""


@dataclass(slots=True)
class Histogram:
    """How long something took, in seconds, as it is counted: one writer, any number of readers."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


@dataclass(frozen=True, slots=True)
class Metric:
    """Values under a name and with what it means; each by the value of a label, if it has one."""

    name: str
    meaning: str
    values: Mapping[str, float] | Histogram
    label: str = ""
    kind: str = GAUGE


def one(name: str, meaning: str, value: float, kind: str = GAUGE) -> Metric:
    """Return what has one value and no label."""
    return Metric(name, meaning, {"": value}, kind=kind)


def exposition(found: Iterable[Metric]) -> str:
    """Return it all in the format that Prometheus reads."""
    return "".join(f"{line}\n" for metric in found for line in _lines(metric))


def _lines(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.meaning}"
    yield f"# TYPE {metric.name} {metric.kind}"
    if isinstance(metric.values, Histogram):
        yield from _buckets(metric.name, metric.values)
        return
    for value, number in metric.values.items():
        label = f'{{{metric.label}="{_quoted(value)}"}}' if metric.label else ""
        yield f"{metric.name}{label} {_number(number)}"


def _buckets(name: str, histogram: Histogram) -> Iterator[str]:
    counts = [*accumulate(histogram.counts)]
    for bound, count in zip((*map(_number, BOUNDS), "+Inf"), counts, strict=True):
        yield f'{name}_bucket{{le="{bound}"}} {count}'
    yield f"{name}_sum {_number(histogram.total)}"
    yield f"{name}_count {counts[-1]}"


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return f"{value:.15g}"
