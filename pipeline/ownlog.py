"""What this program says of itself, in the form that Cloud Logging reads from standard error.

Every entry bears a label by which it is known again as our own (`examining`), so that what
we say never comes back as somebody's failure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pipeline.entry import format_timestamp
from pipeline.received import OWN_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST: Final = 60_000
"""Characters of a message; Cloud Logging takes 256 KiB an entry."""

FIGURES: Final = "vitals"
"""The key of numbers in an entry, which metrics and alerts of Cloud Monitoring are made of."""

SEVERITIES: Final[Mapping[str, int]] = {
    "DEBUG": 10,
    "INFO": 20,
    "NOTICE": 25,
    "WARNING": 30,
    "ERROR": 40,
    "CRITICAL": 50,
}
"""Severities of Cloud Logging, each with the level that Python's logging has for it."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something said at a time (ns UTC) by a place in the code, within a span of a trace or none.

    `trace` is its whole name (`projects/P/traces/ID`), `logger` who said it if not we; `figures`
    are numbers that go with it, by name.
    """

    level: int
    text: str
    at: int
    file: str = ""
    line: int = 0
    function: str = ""
    logger: str = ""
    trace: str = ""
    span: str = ""
    figures: Mapping[str, float] | None = None


def severity_of(level: int) -> str:
    """Return the severity of a level of Python's logging: the highest that is not above it."""
    return max((value, name) for name, value in SEVERITIES.items() if value <= max(level, 10))[1]


def structured(said: Said, redact: Callable[[str], str]) -> str:
    """Return one line of JSON, without secrets; what is very long is cut."""
    text = redact(said.text)
    labels = {OWN_LABEL: "1"} | ({"logger": said.logger} if said.logger else {})
    entry: dict[str, Any] = {
        "severity": severity_of(said.level),
        "message": text if len(text) <= LONGEST else f"{text[:LONGEST]}…",
        "time": format_timestamp(said.at),
        "logging.googleapis.com/labels": labels,
    }
    if said.file:
        place = {"file": said.file, "line": str(said.line), "function": said.function}
        entry["logging.googleapis.com/sourceLocation"] = place
    if said.trace:
        entry["logging.googleapis.com/trace"] = said.trace
    if said.span:
        entry["logging.googleapis.com/spanId"] = said.span
    if said.figures is not None:
        entry[FIGURES] = dict(said.figures)
    return json.dumps(entry)
