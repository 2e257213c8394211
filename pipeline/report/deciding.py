"""What to do to the tracker about an incident, and the named reason for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pipeline.audit import SECOND
from pipeline.deployments import span_text
from pipeline.incident import PRIORITIES, State
from pipeline.report.parts import NO_ROLLOUT
from pipeline.verdicts import resolution_of

if TYPE_CHECKING:
    from pipeline.deployments import Rollout
    from pipeline.incident import Incident
    from pipeline.report.rendering import Report


class Action(StrEnum):
    """What to do to the tracker."""

    CREATE = "create"
    UPDATE = "update"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Decision:
    """An action and the named reason for it.

    It may be another one from `until` on (event time, ns UTC) though nothing changed of the
    incident; None: nothing but a change of it makes a difference.
    """

    action: Action
    reason: str
    until: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The last decision about an incident that reached the tracker.

    `decided_at` is event time (nanoseconds UTC), `symptoms` are fingerprints.
    """

    incident_id: str
    decided_at: int
    action: Action
    reason: str
    digest: str
    symptoms: tuple[str, ...]
    state: str


@dataclass(frozen=True, slots=True)
class Policy:
    """When something is reported; spans in nanoseconds.

    `rollout_hold` holds a first report back while a revision of the incident's services is younger.
    """

    min_priority: str = PRIORITIES[-1]
    group_wait: int = 30 * SECOND
    group_interval: int = 300 * SECOND
    rollout_hold: int = 0


def decide(  # noqa: PLR0913 - all that has a say in it
    incident: Incident,
    report: Report,
    ledger: LedgerEntry | None,
    now: int,
    policy: Policy,
    *,
    held: str = "",
    held_until: int | None = None,
    rollout: Rollout = NO_ROLLOUT,
) -> Decision:
    """Say what to do about an incident at `now` (event time), and why.

    `held` is the reason for which somebody holds it back, "" if nobody does; `held_until`
    says when that ends, None if no time does it.
    """
    if held:
        return Decision(Action.LEAVE, held, held_until)
    if PRIORITIES.index(incident.priority) > PRIORITIES.index(policy.min_priority):
        return Decision(Action.LEAVE, f"below the minimum priority {policy.min_priority}")
    if ledger is not None:
        return _decide_again(incident, report, ledger, now, policy)
    return _decide_first(incident, now, policy, rollout)


def _decide_first(incident: Incident, now: int, policy: Policy, rollout: Rollout) -> Decision:
    """Say what to do about an incident that the tracker does not know."""
    if incident.state is State.RESOLVED and resolution_of(incident.verdicts):
        return Decision(Action.LEAVE, f"{incident.state_reason}, before its first report")
    # Nothing waits for what is dated ahead of all that has come: its clock is wrong.
    settled = incident.first_seen + policy.group_wait
    if incident.first_seen <= now < settled:
        return Decision(Action.LEAVE, "settling", settled)
    young = rollout.latest
    if young and young.first_seen <= now < young.first_seen + policy.rollout_hold:
        reason = f"held back: {young.name} started {span_text(now - young.first_seen)} ago"
        return Decision(Action.LEAVE, reason, young.first_seen + policy.rollout_hold)
    return Decision(Action.CREATE, "first report")


def _decide_again(
    incident: Incident, report: Report, ledger: LedgerEntry, now: int, policy: Policy
) -> Decision:
    """Say what to do about an incident that the tracker knows."""
    new = {symptom.fingerprint for symptom in incident.symptoms} - set(ledger.symptoms)
    if report.digest == ledger.digest:
        return Decision(Action.LEAVE, "nothing changed since the last report")
    if new:
        return Decision(Action.UPDATE, f"new symptoms: {len(new)}")
    if incident.state != ledger.state:
        return Decision(Action.UPDATE, f"state changed from {ledger.state} to {incident.state}")
    ready = ledger.decided_at + policy.group_interval
    if ledger.decided_at <= now < ready:  # else it was decided by a clock that was ahead
        return Decision(Action.LEAVE, "within group_interval of the last report", ready)
    if incident.last_seen <= ledger.decided_at:
        return Decision(Action.UPDATE, "what is known of it changed since the last report")
    return Decision(Action.UPDATE, "it went on since the last report")
