"""Builders of what a store is given: detections and outcomes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.detection import Detection, Sample
from pipeline.document import IncidentDocument, ReportDocument
from pipeline.entry import format_timestamp
from pipeline.incident import Incident, State, Symptom
from pipeline.ports import Outcome
from pipeline.report import Action, Decision, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = 1_757_464_434_000_000_000
"""2025-09-10T00:33:54Z."""

POOR, RICH = (1, 5, 200, "aa"), (1, 6, 300, "bb")


def detection(  # noqa: PLR0913 - each has a default
    rule: str = "missing_table",
    *,
    at: int = 0,
    insert_id: str = "id-1",
    log_name: str = "projects/demo/logs/stderr",
    richness: tuple[int, int, int, str] = POOR,
    fields: Mapping[str, Any] | None = None,
) -> Detection:
    """Make a detection, `at` nanoseconds after a fixed base."""
    sample = Sample(BASE + at, log_name, insert_id, "ERROR", f"{rule} was seen")
    return Detection(
        rule=rule,
        key=(log_name, BASE + at, insert_id),
        richness=richness,
        fingerprint=f"v1-{rule}",
        explanation=("rule", rule),
        entity={"service": "backend"},
        fields=fields or {},
        service="backend",
        revision="backend-00001-abc",
        sample=sample,
    )


def outcome(  # noqa: PLR0913 - each has a default
    name: str = "inc-1",
    *,
    action: Action = Action.CREATE,
    body: str = "It failed.",
    anchor: tuple[str, int] = ("v1-missing_table", BASE),
    first_seen: int = BASE,
    last_seen: int = BASE + 100,
    absorbed: tuple[str, ...] = (),
    state: State = State.NEW,
    more: tuple[str, ...] = (),
) -> Outcome:
    """Make an outcome whose symptoms are the anchor's and `more` (fingerprints)."""
    first = _symptom(anchor[0], first_seen, last_seen)
    others = tuple(replace(first, fingerprint=fingerprint) for fingerprint in more)
    incident = Incident(
        id=name,
        anchor=anchor,
        root=first,
        symptoms=(first, *others),
        context=(),
        links=(),
        absorbed=absorbed,
        state=state,
        state_reason="because",
        priority="P1",
        priority_reason="because",
    )
    report = Report(name, f"[P1] {name}", ("fivewhys",), body)
    decision = Decision(action, "a reason")
    return Outcome(incident, report, decision, _document(incident, report, decision))


def _symptom(fingerprint: str, first_seen: int, last_seen: int) -> Symptom:
    return Symptom(
        rule="missing_table",
        signature="missing-table",
        title="Missing critical tables",
        level="critical",
        fingerprint=fingerprint,
        explanation=(),
        entity={},
        fields={},
        count=2,
        first_seen=first_seen,
        last_seen=last_seen,
        services=("backend",),
        revisions=(),
        samples=(Sample(first_seen, "log", "id-1", "ERROR", "text"),),
        impact="",
        user_visible=True,
        whys="",
        state_lines=(),
    )


def _document(incident: Incident, report: Report, decision: Decision) -> IncidentDocument:
    return IncidentDocument(
        id=incident.id,
        fingerprint=incident.fingerprint,
        title=incident.title,
        state=incident.state.value,
        state_reason=incident.state_reason,
        priority=incident.priority,
        priority_reason=incident.priority_reason,
        first_seen=format_timestamp(incident.first_seen),
        last_seen=format_timestamp(incident.last_seen),
        services=[],
        revisions=[],
        root_symptom=incident.root.rule,
        symptoms=[],
        context=[],
        five_whys=[],
        root_cause="unknown \x00 \ufdd0 “here”",
        next_steps=[],
        open_questions=[],
        grouped_because=[],
        timeline=[],
        report=ReportDocument(
            action=decision.action.value,
            reason=decision.reason,
            title=report.title,
            labels=list(report.labels),
            body=report.body,
        ),
    )
