"""The entries before and after the first failure, of the same instance or trace.

They show the last healthy sign, what the instance said at its start to be set, and what came right
before and after. Where they are looked up is a matter of `Logs`: in the export that is replayed
(`export.py`), or by the Logging API (`api.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.facts import Fact
from pipeline.investigators.nearby_logs.api import LoggingApi
from pipeline.investigators.nearby_logs.asking import Logs, asked_of
from pipeline.investigators.nearby_logs.export import Export
from pipeline.investigators.nearby_logs.telling import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.investigators.nearby_logs.asking import Near
    from pipeline.investigators.nearby_logs.telling import Redact
    from pipeline.ports import Case

__all__ = ["MOST_CASES", "Export", "LoggingApi", "Logs", "NearbyLogs"]

MOST_CASES = 50
"""Incidents that are looked at, the most urgent first: what each costs adds up."""


@dataclass(frozen=True, slots=True)
class NearbyLogs:
    """`ports.Investigator` that looks up entries; of several places, in the first that has them."""

    logs: Sequence[Logs]
    redact: Redact
    most: int = MOST_CASES

    def investigate(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return, by incident id, what stands around its first failure."""
        ranked = sorted(cases, key=_urgency)
        looked_at, left_out = ranked[: self.most], ranked[self.most :]
        found, unread = self._look_up(looked_at)
        facts = {case.incident.id: [*self._facts(case, found, unread)] for case in looked_at}
        return facts | {case.incident.id: [self._left_out(len(ranked))] for case in left_out}

    def _look_up(self, cases: Sequence[Case]) -> tuple[dict[str, Near], list[str]]:
        found: dict[str, Near] = {}
        unread: list[str] = []
        for logs in self.logs:
            missing = [asked_of(case) for case in cases if case.incident.id not in found]
            if missing:
                answer = logs.near(missing)
                found |= answer.found
                unread += [answer.unread] if answer.unread else []
        return found, unread

    def _facts(self, case: Case, found: Mapping[str, Near], unread: list[str]) -> Iterator[Fact]:
        near = found.get(case.incident.id)
        if near is not None:
            yield from facts_of(case, near, self.redact)
        if unread and not (near and near.complete):
            yield _not_read("; ".join(unread))

    def _left_out(self, count: int) -> Fact:
        return _not_read(f"of {count} incidents only the {self.most} most urgent are looked at")


def _not_read(reason: str) -> Fact:
    text = f"not all entries around the first failure were looked at: {reason}"
    question = f"What was logged around the first failure? Not all was read: {reason}."
    data = {"reason": reason, "open_question": question}
    return Fact("nearby_not_read", text, "nearby logs", data, suggested=True)


def _urgency(case: Case) -> tuple[str, int, str]:
    return (case.incident.priority, case.incident.first_seen, case.incident.id)
