"""Sinks that keep what they were sent, or break."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.errors import SinkError

if TYPE_CHECKING:
    from pipeline.ports import Outcome


@dataclass(slots=True)
class MemorySink:
    """`ports.Sink` that remembers."""

    sent: list[Outcome] = field(default_factory=list)

    def send(self, outcome: Outcome) -> None:
        """Keep the outcome."""
        self.sent.append(outcome)


class BrokenSink:
    """`ports.Sink` that nothing leaves."""

    def send(self, outcome: Outcome) -> None:
        """Raise SinkError, whatever is sent."""
        message = f"{outcome.incident.id}: the tracker is away"
        raise SinkError(message, recoverable=True)
