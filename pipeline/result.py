"""What a run came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.document import (
    RejectionDocument,
    RunDocument,
    noise_document,
    suppression_document,
)
from pipeline.entry import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.detection import Detection
    from pipeline.document import EntriesDocument
    from pipeline.entry import Rejection
    from pipeline.holding import Account
    from pipeline.incident import Symptom
    from pipeline.ports import Outcome
    from pipeline.selfaudit import AuditDocument


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to; `detections` yields them with their incident, as long as it is open."""

    entries: EntriesDocument
    rejections: tuple[Rejection, ...]
    outcomes: tuple[Outcome, ...]
    detections: Callable[[], Iterator[tuple[Detection, str | None]]]
    audit: AuditDocument
    suppressions: tuple[Account, ...] = ()
    noise: tuple[Symptom, ...] = ()
    rules_version: str = ""

    def document(self) -> RunDocument:
        """Return the run in the form of the public contract."""
        return RunDocument(
            entries=self.entries,
            audit=self.audit,
            rejections=[
                RejectionDocument(place=item.place, reason=item.reason) for item in self.rejections
            ],
            incidents=[outcome.document for outcome in self.outcomes],
            suppressions=[suppression_document(item) for item in self.suppressions],
            noise=[noise_document(item) for item in self.noise],
            rules_version=self.rules_version,
        )

    def detection_lines(self) -> Iterator[dict[str, str | None]]:
        """Yield every detection of the run and the incident it belongs to, in order of time."""
        for item, owner in self.detections():
            yield {
                "insert_id": item.sample.insert_id,
                "log_name": item.sample.log_name,
                "timestamp": format_timestamp(item.timestamp),
                "rule": item.rule,
                "fingerprint": item.fingerprint,
                "incident_id": owner or self._beside(item),
            }

    def _beside(self, context: Detection) -> str | None:
        """Return an incident that a detection is context of."""
        return next((out.incident.id for out in self.outcomes if out.incident.has(context)), None)
