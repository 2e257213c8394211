"""Incidents as they were recorded, for tests of what people decide about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.document import IncidentDocument, ReportDocument, SampleDocument, SymptomDocument
from pipeline.entry import format_timestamp
from tests.support import BASE

if TYPE_CHECKING:
    from collections.abc import Iterable

FINGERPRINTS = {"missing_table": "v1-aaaa", "login_failed": "v1-bbbb"}


def document(identifier: str = "inc-1", rules: Iterable[str] = FINGERPRINTS) -> IncidentDocument:
    """Return an incident as it was recorded; its root is the first rule's symptom."""
    symptoms = [_symptom(rule) for rule in rules]
    when = format_timestamp(BASE)
    return IncidentDocument(
        id=identifier,
        fingerprint=symptoms[0].fingerprint,
        title="backend: tables are missing",
        state="new",
        state_reason="",
        priority="P1",
        priority_reason="",
        first_seen=when,
        last_seen=when,
        services=["backend"],
        revisions=[],
        root_symptom=symptoms[0].rule,
        symptoms=symptoms,
        context=[],
        five_whys=[],
        root_cause="",
        next_steps=[],
        open_questions=[],
        grouped_because=[],
        timeline=[],
        report=ReportDocument(action="create", reason="", title="", labels=[], body=""),
    )


def _symptom(rule: str) -> SymptomDocument:
    when = format_timestamp(BASE)
    sample = SampleDocument(
        insert_id="i", log_name="l", timestamp=when, severity="ERROR", text="it failed"
    )
    return SymptomDocument(
        rule=rule,
        signature=rule,
        title=rule,
        level="high",
        fingerprint=FINGERPRINTS[rule],
        explanation=[],
        entity={},
        count=1,
        first_seen=when,
        last_seen=when,
        services=["backend"],
        revisions=[],
        samples=[sample],
    )
