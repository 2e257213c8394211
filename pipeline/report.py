"""What the issue should say now, and what to do to the tracker about it.

`render` fills the issue template with an incident and its explanation; `decide` compares the
incident with the ledger and names the reason for whatever it decides.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline import markdown
from pipeline.audit import ABOVE, SECOND
from pipeline.deployments import Rollout, deployment_text, span_text
from pipeline.drafting import draft
from pipeline.entry import format_timestamp
from pipeline.facts import sample_ref
from pipeline.incident import PRIORITIES, State
from pipeline.rule import LEVELS
from pipeline.templating import render_markdown
from pipeline.verdicts import assignee_of, resolution_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.drafting import Draft
    from pipeline.incident import Incident, Symptom
    from pipeline.whys import Explanation

BODY_LIMIT = 65_536
"""GitHub's limit for the body of an issue, in characters."""

SIZES: tuple[tuple[int, int | None], ...] = ((12, None), (6, 40), (3, 15), (1, 5))
"""How much a body shows: raw lines of one symptom, items of one list (None: all of them).

The first that fits is taken.
"""

MILLISECOND = 1_000_000
EXCERPT = 240
"""Characters of a text quoted as evidence on one line."""

_SHORTENED = (
    "\n*Shortened to GitHub's limit of 65,536 characters: a list shows at most {items} items, "
    "a symptom {lines} of its raw lines; `fivewhys replay --format json` shows the rest.*\n"
)
_CUT = "*This report is longer than GitHub allows, however shortened; its beginning, as text:*\n\n"


@dataclass(frozen=True, slots=True)
class Report:
    """What the issue of one incident should say now; `title` and `body` are Markdown."""

    incident_id: str
    title: str
    labels: tuple[str, ...]
    body: str

    @property
    def digest(self) -> str:
        """Changes when anything a reader would see changes."""
        said = "\n".join((self.title, *self.labels, self.body))
        return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One line of the timeline; `timestamp` in nanoseconds UTC."""

    timestamp: int
    kind: str
    text: str
    ref: str


class Action(StrEnum):
    """What to do to the tracker."""

    CREATE = "create"
    UPDATE = "update"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Decision:
    """An action and the named reason for it."""

    action: Action
    reason: str


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


NO_ROLLOUT = Rollout()


def decide(  # noqa: PLR0913 - all that has a say in it
    incident: Incident,
    report: Report,
    ledger: LedgerEntry | None,
    now: int,
    policy: Policy,
    *,
    held: str = "",
    rollout: Rollout = NO_ROLLOUT,
) -> Decision:
    """Say what to do about an incident at `now` (event time), and why.

    `held` is the reason for which somebody holds it back, "" if nobody does.
    """
    if held:
        return Decision(Action.LEAVE, held)
    if PRIORITIES.index(incident.priority) > PRIORITIES.index(policy.min_priority):
        return Decision(Action.LEAVE, f"below the minimum priority {policy.min_priority}")
    if ledger is not None:
        return _decide_again(incident, report, ledger, now, policy)
    return _decide_first(incident, now, policy, rollout)


def _decide_first(incident: Incident, now: int, policy: Policy, rollout: Rollout) -> Decision:
    """Say what to do about an incident that the tracker does not know."""
    if incident.state is State.RESOLVED and resolution_of(incident.verdicts):
        return Decision(Action.LEAVE, f"{incident.state_reason}, before its first report")
    if now < incident.first_seen + policy.group_wait:
        return Decision(Action.LEAVE, "settling")
    young = rollout.latest
    if young and now < young.first_seen + policy.rollout_hold:
        age = span_text(now - young.first_seen)
        return Decision(Action.LEAVE, f"held back: {young.name} started {age} ago")
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
    if now < ledger.decided_at + policy.group_interval:
        return Decision(Action.LEAVE, "within group_interval of the last report")
    if incident.last_seen <= ledger.decided_at:
        return Decision(Action.UPDATE, "what is known of it changed since the last report")
    return Decision(Action.UPDATE, "it went on since the last report")


def render(
    incident: Incident,
    explanation: Explanation,
    template: str,
    place: str,
    rollout: Rollout = NO_ROLLOUT,
) -> Report:
    """Render the report of an incident with an issue template (Jinja, Markdown).

    Raises:
        TemplateError: the template is wrong or raised; `place` is its file.

    """
    return Report(
        incident_id=incident.id,
        title=markdown.title(f"[{incident.priority}] {incident.title}"),
        labels=("fivewhys", incident.priority, incident.root.signature),
        body=_body(incident, explanation, rollout, template, place),
    )


def _body(
    incident: Incident, explanation: Explanation, rollout: Rollout, template: str, place: str
) -> str:
    """Render the body within GitHub's limit; Markdown is never cut, it is rendered with less."""
    body = ""
    for lines, items in SIZES:
        values = _values(incident, _shortened(explanation, items), rollout, items)
        body = render_markdown(template, {**values, "lines": lines}, place, _FILTERS)
        if items is not None:
            body += _SHORTENED.format(items=items, lines=lines)
        if len(body) <= BODY_LIMIT:
            return body
    return _CUT + markdown.fence(body[: BODY_LIMIT // 4])  # which may double what it is given


def _values(
    incident: Incident, explanation: Explanation, rollout: Rollout, items: int | None
) -> dict[str, Any]:
    """Return what the template sees, no list longer than `items`."""
    critical = [item for item in incident.symptoms if _is_critical(item)]
    warnings = [item for item in incident.symptoms if not _is_critical(item)]
    impacts = tuple(dict.fromkeys(item.impact for item in incident.symptoms if item.impact))
    return {
        "incident": incident,
        "explanation": explanation,
        "timeline": timeline(incident, rollout)[:items],
        "deployments": [fact.text for fact in rollout.facts][:items],
        "critical": critical[:items],
        "warnings": warnings[:items],
        "state_lines": state_lines(incident)[:items],
        "impacts": impacts[:items],
        "grouped_because": grouped_because(incident)[:items],
        "assignee": assignee_of(incident.verdicts),
        "drafts": drafts(incident)[:items],
    }


def _shortened(explanation: Explanation, items: int | None) -> Explanation:
    return replace(
        explanation,
        whys=tuple(replace(why, evidence=why.evidence[:items]) for why in explanation.whys[:items]),
        next_steps=explanation.next_steps[:items],
        open_questions=explanation.open_questions[:items],
    )


def _is_critical(symptom: Symptom) -> bool:
    return LEVELS.index(symptom.level) >= LEVELS.index("high")


def raw_lines(symptom: Symptom, limit: int) -> str:
    """Return the distinct raw texts of a symptom's samples, each with its time, in few lines."""
    seen: dict[str, str] = {}
    for sample in symptom.samples:
        seen.setdefault(sample.text, format_timestamp(sample.timestamp))
    lines = [line for text, time in seen.items() for line in f"{time} {text}".splitlines()]
    if len(lines) > limit:
        lines = [*lines[:limit], f"… ({len(lines) - limit} more lines)"]
    return "\n".join(lines)


def state_lines(incident: Incident) -> tuple[tuple[str, str], ...]:
    """Return the lines of the system state, each label once (the earliest that says it)."""
    said: dict[str, str] = {}
    everything = sorted((*incident.context, *incident.symptoms), key=lambda item: item.first_seen)
    for item in everything:
        for label, text in item.state_lines:
            said.setdefault(label, text)
    return tuple(said.items())


def grouped_because(incident: Incident) -> tuple[str, ...]:
    """Return the reason of every link, of every merge, and of every piece of context."""
    absorbed = (f"absorbed {name}: linked with it by later entries" for name in incident.absorbed)
    names = dict.fromkeys(item.rule for item in incident.context)
    context = [f"logged near the beginning for the same service: {', '.join(names)}"]
    reasons = (*(link.reason for link in incident.links), *absorbed, *(context if names else ()))
    return tuple(dict.fromkeys(reasons))


def timeline(incident: Incident, rollout: Rollout = NO_ROLLOUT) -> tuple[TimelineItem, ...]:
    """Return when each context, deployment and symptom began, and when it was last seen."""
    items = [
        TimelineItem(item.first_seen, kind, item.title, sample_ref(item.samples[0]))
        for kind, group in (("context", incident.context), ("symptom", incident.symptoms))
        for item in group
    ]
    items += [
        TimelineItem(one.first_seen, "deployment", deployment_text(one), one.ref)
        for one in rollout.begun
    ]
    last = max(incident.symptoms, key=lambda item: (item.last_seen, item.fingerprint))
    if last.last_seen > last.first_seen:
        ref = sample_ref(last.samples[-1])
        items.append(TimelineItem(last.last_seen, "last", f"{last.title} (last seen)", ref))
    return tuple(sorted(items, key=lambda item: (item.timestamp, item.kind, item.text)))


def drafts(incident: Incident) -> tuple[Draft, ...]:
    """Return a drafted rule for each symptom that none knows, but for lines above a traceback."""
    unknown = [item for item in incident.symptoms if item.unknown and ABOVE not in item.fields]
    return tuple(draft(item.samples[0], "".join(item.services[:1])) for item in unknown)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _time(timestamp: int) -> str:
    """Return a time as people read it, to the millisecond; the samples keep every digit."""
    return format_timestamp(timestamp - timestamp % MILLISECOND)


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names) or "unknown"


def excerpt(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 1]}…"


def _yaml(text: str) -> markdown.Safe:
    return markdown.fence(text, "yaml")


_FILTERS: tuple[tuple[str, Callable[..., object]], ...] = (
    ("time", _time),
    ("plural", _plural),
    ("joined", _joined),
    ("excerpt", excerpt),
    ("code", markdown.code),
    ("link", markdown.link),
    ("fence", markdown.fence),
    ("yaml", _yaml),
    ("raw_lines", raw_lines),
)
