"""The models of the public contract: what the JSON document of a run holds."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.selfaudit import AuditDocument  # noqa: TC001 - pydantic needs it to build a model
from pipeline.whys.document import FalseAlarmDocument, WhyDocument  # noqa: TC001 - so it does these


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
    kind: str = Field(
        description="context, deployment, symptom, last, or the kind of the fact that tells it"
    )
    text: str
    ref: str
    url: str = Field("", description="where the place can be looked at; empty if not known")


class StateDocument(_Model):
    """One line of the system state near the beginning, and what says so."""

    label: str
    text: str
    ref: str
    url: str = ""


class ImpactDocument(_Model):
    """What users have of it: as rules state it, or the title of what they see."""

    text: str
    rules: list[str]
    count: int = Field(description="how often these symptoms were seen")


class RelatedDocument(_Model):
    """Another incident that a reader should know of."""

    id: str
    title: str
    reason: str
    issue: str = Field(
        "", description="how the tracker calls its issue; empty as long as none is known"
    )


class DeploymentDocument(_Model):
    """A revision that began to log within an incident or up to an hour before."""

    service: str
    revision: str = Field(description="or version; the commit where there are no revisions")
    commit: str
    first_seen: str
    last_seen: str
    previous: str = Field(description="the revision that logged before it; empty if not known")
    ref: str = Field(description="its first entry")


class ReportedSymptomDocument(_Model):
    """How far a symptom had come when it was last reported."""

    fingerprint: str
    count: int
    last_seen: str


class ReportedDocument(_Model):
    """What the last report that was sent said: an update tells what changed since."""

    last_seen: str = Field(description="of the incident: what was known until then")
    state: str
    root_cause: str
    established: bool = Field(description="whether facts established the root cause")
    symptoms: list[ReportedSymptomDocument]
    unsettled: list[str] = Field(description="the questions that were open")
    deployments: list[str] = Field(description="service and revision of each that had begun")
    update: str = Field("", description="the comment that it made; empty if it made none")


class ReportDocument(_Model):
    """What would be done to the tracker, why, and what the issue would say."""

    action: str = Field(description="create, update or leave")
    reason: str
    title: str
    labels: list[str]
    body: str
    update: str = Field(
        "", description="what a comment would say changed since the last report; empty if nothing"
    )
    news: list[str] = Field(
        default_factory=list,
        description="what of the update is worth a comment: state, cause, symptoms",
    )
    reported: ReportedDocument | None = Field(
        default=None, description="what the last report that was sent said; null before the first"
    )


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
    absorbed: list[str] = Field(
        default_factory=list, description="incidents that became part of this one"
    )
    deployments: list[DeploymentDocument] = Field(default_factory=list)
    first_seen_after_deployment: list[str] = Field(
        default_factory=list,
        description="how the root relates to the revision it was first seen on, by service",
    )
    looked_at: list[str] = Field(
        default_factory=list, description="which version of the source code was looked at"
    )
    system_state: list[StateDocument] = Field(default_factory=list)
    impacts: list[ImpactDocument] = Field(default_factory=list)
    false_alarms: list[FalseAlarmDocument] = Field(
        default_factory=list, description="what looks like a failure and is none"
    )
    related: list[RelatedDocument] = Field(default_factory=list)
    who_looks: list[str] = Field(
        default_factory=list,
        description="who should look: whom the catalog names, else whom the root's rule suggests",
    )
    owners: list[str] = Field(
        default_factory=list,
        description="who owns the root's services by the catalog, then the code by CODEOWNERS",
    )
    repositories: list[str] = Field(
        default_factory=list, description="of the root's services, as the catalog names them"
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
    rules_version: str = Field(
        "", description="version of the rules, if the folder that they stand in says one"
    )
    noise: list[NoiseDocument] = Field(
        default_factory=list, description="symptoms of noise, each once, in order of first_seen"
    )
