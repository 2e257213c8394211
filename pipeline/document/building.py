"""From an incident and what a run came to about it to the public contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.document.models import (
    DeploymentDocument,
    ImpactDocument,
    IncidentDocument,
    NoiseDocument,
    RelatedDocument,
    ReportDocument,
    SampleDocument,
    StateDocument,
    SuppressedDocument,
    SuppressionDocument,
    SymptomDocument,
    TimelineDocument,
    VerdictDocument,
)
from pipeline.entry import format_timestamp
from pipeline.incident import PRIORITIES
from pipeline.report import (
    NO_ROLLOUT,
    grouped_because,
    impacts,
    looked_at,
    owners,
    state_lines,
    timeline,
    who_looks,
)
from pipeline.verdicts import assignee_of
from pipeline.whys.document import false_alarm_document, why_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.deployments import Deployment, Rollout
    from pipeline.detection import Sample
    from pipeline.facts import Fact
    from pipeline.holding import Account
    from pipeline.incident import Incident, Symptom
    from pipeline.report import Decision, Related, Report
    from pipeline.suppressions import Placed
    from pipeline.verdicts import Verdict
    from pipeline.whys import Explanation


def incident_document(  # noqa: PLR0913 - all that a run knows of it
    incident: Incident,
    explanation: Explanation,
    report: Report,
    decision: Decision,
    *,
    suppressed: Iterable[Placed] = (),
    silence: Verdict | None = None,
    rollout: Rollout = NO_ROLLOUT,
    facts: Sequence[Fact] = (),
    related: Iterable[Related] = (),
    repositories: Iterable[str] = (),
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
                url=item.url,
            )
            for item in timeline(incident, rollout, facts)
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
        absorbed=list(incident.absorbed),
        deployments=[_deployment(item) for item in rollout.begun],
        first_seen_after_deployment=[fact.text for fact in rollout.facts],
        looked_at=list(looked_at(facts)),
        system_state=[
            StateDocument(label=item.label, text=item.text, ref=item.ref, url=item.url)
            for item in state_lines(incident, facts)
        ],
        impacts=[
            ImpactDocument(text=item.text, rules=list(item.rules), count=item.count)
            for item in impacts(incident)
        ],
        false_alarms=[false_alarm_document(item) for item in explanation.false_alarms],
        related=[_related(item) for item in related],
        who_looks=[item.text for item in who_looks(incident, facts)],
        owners=list(owners(facts)),
        repositories=list(repositories),
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


def _related(related: Related) -> RelatedDocument:
    found = related.incident
    return RelatedDocument(id=found.id, title=found.title, reason=related.reason, issue=found.issue)


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
