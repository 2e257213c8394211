"""The JSON document of a run: a public contract, as pydantic models with their JSON Schema.

Every time is RFC 3339 in UTC. Keys are only ever added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.entry import format_timestamp
from pipeline.incident import PRIORITIES
from pipeline.report import NO_ROLLOUT, grouped_because, timeline
from pipeline.selfaudit import AuditDocument  # noqa: TC001 - pydantic needs it to build a model
from pipeline.verdicts import assignee_of
from pipeline.whys.document import WhyDocument, why_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.deployments import Deployment, Rollout
    from pipeline.detection import Sample
    from pipeline.holding import Account
    from pipeline.incident import Incident, Symptom
    from pipeline.report import Decision, Report
    from pipeline.suppressions import Placed
    from pipeline.verdicts import Verdict
    from pipeline.whys import Explanation


class _Model(BaseModel):
    # Built when first used: a run needs few of them, and those within another are built with it.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class EntriesDocument(_Model):
    """How the entries were accounted for: read = accepted + duplicates + rejected."""

    read: int
    accepted: int
    duplicates: int
    rejected: int
    outside: int = Field(description="outside --since and --until; not counted as read")
    unknown_severities: int = Field(
        description="accepted entries whose severity is an unknown word, read as DEFAULT"
    )


class RejectionDocument(_Model):
    """A record that is no entry: where it stood and why it was rejected."""

    place: str
    reason: str


class SampleDocument(_Model):
    """One entry as evidence; its text is redacted."""

    insert_id: str
    log_name: str
    timestamp: str
    severity: str
    text: str


class SymptomDocument(_Model):
    """All detections of one fingerprint in one incident."""

    rule: str
    signature: str
    title: str
    level: str
    fingerprint: str
    explanation: list[str]
    entity: dict[str, Any]
    count: int
    first_seen: str
    last_seen: str
    services: list[str]
    revisions: list[str]
    samples: list[SampleDocument]
    unknown: bool = Field(default=False, description="only a fallback rule knows it")


class TimelineDocument(_Model):
    """One line of the timeline."""

    timestamp: str
    kind: str = Field(description="context, deployment, symptom or last")
    text: str
    ref: str


class DeploymentDocument(_Model):
    """A revision that began to log within an incident or up to an hour before."""

    service: str
    revision: str = Field(description="or version; the commit where there are no revisions")
    commit: str
    first_seen: str
    last_seen: str
    previous: str = Field(description="the revision that logged before it; empty if not known")
    ref: str = Field(description="its first entry")


class ReportDocument(_Model):
    """What would be done to the tracker, why, and what the issue would say."""

    action: str = Field(description="create, update or leave")
    reason: str
    title: str
    labels: list[str]
    body: str


class VerdictDocument(_Model):
    """What a person decided about an incident."""

    number: int = Field(description="`fivewhys incidents undo` takes it")
    kind: str = Field(description="merge, split, resolve, silence or assign")
    text: str
    by: str
    at: str
    reason: str


class SuppressedDocument(_Model):
    """A suppression that holds an incident back."""

    place: str
    owner: str
    reason: str
    until: str


class SuppressionDocument(SuppressedDocument):
    """What became of a suppression in a run."""

    state: str = Field(description="active, unused or expired")
    state_reason: str
    incidents: int = Field(description="how many it held back")
    detections: int = Field(description="how many it held back")


class IncidentDocument(_Model):
    """Symptoms that share a cause, explained."""

    id: str
    fingerprint: str
    title: str
    state: str = Field(
        description="new, ongoing, escalating, regressed, flapping, quiet or resolved"
    )
    state_reason: str
    priority: str = Field(description="P0 (most urgent) to P4")
    priority_reason: str
    first_seen: str
    last_seen: str
    services: list[str]
    revisions: list[str]
    root_symptom: str = Field(description="the rule of the symptom that no other explains")
    symptoms: list[SymptomDocument]
    context: list[SymptomDocument]
    five_whys: list[WhyDocument]
    root_cause: str
    next_steps: list[str]
    open_questions: list[str]
    grouped_because: list[str]
    timeline: list[TimelineDocument]
    report: ReportDocument
    suppressed: list[SuppressedDocument] = []
    silenced_until: str = Field("", description="a person silenced it until then")
    assigned_to: str = ""
    verdicts: list[VerdictDocument] = []
    previous: str = Field("", description="the incident it continues after max_duration")
    deployments: list[DeploymentDocument] = Field(default_factory=list)
    first_seen_after_deployment: list[str] = Field(
        default_factory=list,
        description="how the root relates to the revision it was first seen on, by service",
    )


class NoiseDocument(_Model):
    """A symptom of noise: said at every start and part of no incident."""

    rule: str
    title: str
    level: str
    priority: str = Field(description="P4, always")
    services: list[str]
    revisions: list[str]
    count: int
    first_seen: str
    last_seen: str
    fingerprint: str


class RunDocument(_Model):
    """What `fivewhys replay --format json` prints."""

    entries: EntriesDocument
    audit: AuditDocument
    rejections: list[RejectionDocument]
    incidents: list[IncidentDocument]
    suppressions: list[SuppressionDocument] = []
    noise: list[NoiseDocument] = Field(
        default_factory=list, description="symptoms of noise, each once, in order of first_seen"
    )


def incident_document(  # noqa: PLR0913 - all that a run knows of it
    incident: Incident,
    explanation: Explanation,
    report: Report,
    decision: Decision,
    *,
    suppressed: Iterable[Placed] = (),
    silence: Verdict | None = None,
    rollout: Rollout = NO_ROLLOUT,
) -> IncidentDocument:
    """Return one incident in the form of the public contract."""
    return IncidentDocument(
        id=incident.id,
        fingerprint=incident.fingerprint,
        title=incident.title,
        state=incident.state,
        state_reason=incident.state_reason,
        priority=incident.priority,
        priority_reason=incident.priority_reason,
        first_seen=format_timestamp(incident.first_seen),
        last_seen=format_timestamp(incident.last_seen),
        services=list(incident.services),
        revisions=list(incident.revisions),
        root_symptom=incident.root.rule,
        symptoms=[_symptom(item) for item in incident.symptoms],
        context=[_symptom(item) for item in incident.context],
        five_whys=[why_document(item) for item in explanation.whys],
        root_cause=explanation.root_cause,
        next_steps=list(explanation.next_steps),
        open_questions=list(explanation.open_questions),
        grouped_because=list(grouped_because(incident)),
        timeline=[
            TimelineDocument(
                timestamp=format_timestamp(item.timestamp),
                kind=item.kind,
                text=item.text,
                ref=item.ref,
            )
            for item in timeline(incident, rollout)
        ],
        report=ReportDocument(
            action=decision.action,
            reason=decision.reason,
            title=report.title,
            labels=list(report.labels),
            body=report.body,
        ),
        suppressed=[SuppressedDocument(**_suppression(item)) for item in suppressed],
        silenced_until=format_timestamp(silence.until) if silence else "",
        assigned_to=assignee_of(incident.verdicts),
        verdicts=[_verdict(item) for item in incident.verdicts],
        previous=incident.previous,
        deployments=[_deployment(item) for item in rollout.begun],
        first_seen_after_deployment=[fact.text for fact in rollout.facts],
    )


def noise_document(symptom: Symptom) -> NoiseDocument:
    """Return a symptom of noise in the form of the public contract."""
    return NoiseDocument(
        rule=symptom.rule,
        title=symptom.title,
        level=symptom.level,
        priority=PRIORITIES[-1],
        services=list(symptom.services),
        revisions=list(symptom.revisions),
        count=symptom.count,
        first_seen=format_timestamp(symptom.first_seen),
        last_seen=format_timestamp(symptom.last_seen),
        fingerprint=symptom.fingerprint,
    )


def suppression_document(account: Account) -> SuppressionDocument:
    """Return what became of a suppression in the form of the public contract."""
    return SuppressionDocument(
        **_suppression(account.placed),
        state=account.standing,
        state_reason=account.reason,
        incidents=account.incidents,
        detections=account.detections,
    )


def _suppression(placed: Placed) -> dict[str, str]:
    said = placed.suppression
    return {
        "place": placed.place,
        "owner": said.owner,
        "reason": said.reason,
        "until": said.until.text,
    }


def _verdict(verdict: Verdict) -> VerdictDocument:
    return VerdictDocument(
        number=verdict.number,
        kind=verdict.kind,
        text=verdict.text,
        by=verdict.by,
        at=format_timestamp(verdict.at),
        reason=verdict.reason,
    )


def _deployment(deployment: Deployment) -> DeploymentDocument:
    return DeploymentDocument(
        service=deployment.service,
        revision=deployment.revision,
        commit=deployment.commit,
        first_seen=format_timestamp(deployment.first_seen),
        last_seen=format_timestamp(deployment.last_seen),
        previous=deployment.previous.revision if deployment.previous else "",
        ref=deployment.ref,
    )


def _symptom(symptom: Symptom) -> SymptomDocument:
    return SymptomDocument(
        rule=symptom.rule,
        signature=symptom.signature,
        title=symptom.title,
        level=symptom.level,
        fingerprint=symptom.fingerprint,
        explanation=list(symptom.explanation),
        entity=dict(symptom.entity),
        count=symptom.count,
        first_seen=format_timestamp(symptom.first_seen),
        last_seen=format_timestamp(symptom.last_seen),
        services=list(symptom.services),
        revisions=list(symptom.revisions),
        samples=[_sample(item) for item in symptom.samples],
        unknown=symptom.unknown,
    )


def _sample(sample: Sample) -> SampleDocument:
    return SampleDocument(
        insert_id=sample.insert_id,
        log_name=sample.log_name,
        timestamp=format_timestamp(sample.timestamp),
        severity=sample.severity,
        text=sample.text,
    )
