"""What an incident, its facts and its deployments come to, in the parts of a report."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.audit import ABOVE, SERVICE
from pipeline.deployments import Rollout, deployment_text
from pipeline.drafting import draft
from pipeline.entry import format_timestamp, parse_timestamp
from pipeline.facts import sample_ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.drafting import Draft
    from pipeline.facts import Fact
    from pipeline.incident import Incident, Symptom

NO_ROLLOUT = Rollout()

LOOKED_AT = "source_code"
"""The kind of fact that says which version of the code the others are about."""

LOOKS_AFTER = "looks_after"
"""The kind of fact that says whom the catalog names for a service of the root."""

CODE_OWNERS = ("code_owners", "tree_owners")
"""The kinds of fact that say who owns a file of the code, or else its folder, by CODEOWNERS."""

OWNERS: Mapping[str, str] = {
    "service": "the team of the service",
    "platform": "who runs the platform",
    "database": "who runs the database",
    "network": "who runs the network",
    "security": "who answers for security and access",
}
"""Whom the owner that a rule suggests means."""


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One line of the timeline; `timestamp` in nanoseconds UTC.

    `kind` is context, deployment, symptom, last, or the kind of the fact that tells it.
    """

    timestamp: int
    kind: str
    text: str
    ref: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class StateLine:
    """One line of the system state, and what says so."""

    label: str
    text: str
    ref: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Who should look, and what says so."""

    text: str
    ref: str


@dataclass(frozen=True, slots=True)
class Impact:
    """What users have of it: as rules state it, or the title of what they see, and how often."""

    text: str
    rules: tuple[str, ...]
    count: int


def raw_lines(symptom: Symptom, limit: int) -> str:
    """Return the distinct raw texts of a symptom's samples, each with its time, in few lines."""
    seen: dict[str, str] = {}
    for sample in symptom.samples:
        seen.setdefault(sample.text, format_timestamp(sample.timestamp))
    lines = [line for text, time in seen.items() for line in f"{time} {text}".splitlines()]
    if len(lines) > limit:
        lines = [*lines[:limit], f"… ({len(lines) - limit} more lines)"]
    return "\n".join(lines)


def state_lines(incident: Incident, facts: Iterable[Fact] = ()) -> tuple[StateLine, ...]:
    """Return the lines of the system state, each label once (the earliest that says it).

    Facts tell of a setting if their data has `setting` (its name) and `value`, unless a rule
    knows how to put what stands in the same place.
    """
    said: dict[str, StateLine] = {}
    everything = sorted((*incident.context, *incident.symptoms), key=lambda item: item.first_seen)
    for item in everything:
        for label, text in item.state_lines:
            said.setdefault(label, StateLine(label, text, sample_ref(item.samples[0])))
    told = {line.ref for line in said.values()}
    for fact in _established(facts):
        label = str(fact.data.get("setting") or "")
        if label and fact.ref not in told:
            text = str(fact.data.get("value", ""))
            said.setdefault(label, StateLine(label, text, fact.ref, fact.url))
    return tuple(said.values())


def impacts(incident: Incident) -> tuple[Impact, ...]:
    """Return each impact once, with how often it was seen; what users notice goes first.

    Of that what is a share of all requests: it says how much.
    """
    by_text: defaultdict[str, list[Symptom]] = defaultdict(list)
    order = lambda item: (not item.user_visible, "share" not in item.fields)  # noqa: E731
    for item in sorted(incident.symptoms, key=order):
        text = item.impact or (item.title if item.user_visible else "")
        if text:
            by_text[text].append(item)
    return tuple(
        Impact(text, tuple(dict.fromkeys(item.rule for item in found)), sum(i.count for i in found))
        for text, found in by_text.items()
    )


def who_looks(incident: Incident, facts: Iterable[Fact] = ()) -> tuple[Contact, ...]:
    """Return who should look: whom the catalog names, else whom the rule of the root suggests."""
    named = [fact for fact in facts if fact.kind == LOOKS_AFTER]
    if named:
        return tuple(Contact(fact.text, fact.ref) for fact in named)
    root = incident.root
    return (Contact(f"{OWNERS[root.owner]}: the catalog names nobody", f"rule {root.rule}"),)


def owners(facts: Iterable[Fact]) -> tuple[str, ...]:
    """Return who owns the services of the root, then who owns the code that facts are about.

    As catalog and CODEOWNERS name them, each once; what is only suggested does not count.
    """
    told = [*_established(facts)]
    kinds = (LOOKS_AFTER, *CODE_OWNERS)
    found = (fact.data for kind in kinds for fact in told if fact.kind == kind)
    return tuple(dict.fromkeys(str(name) for data in found for name in data.get("owners", ())))


def grouped_because(incident: Incident) -> tuple[str, ...]:
    """Return the reason of every link, of every merge, and of every piece of context."""
    absorbed = (f"absorbed {name}: linked with it by later entries" for name in incident.absorbed)
    reasons = (*(link.reason for link in incident.links), *absorbed, *_context_reasons(incident))
    return tuple(dict.fromkeys(reasons))


def _context_reasons(incident: Incident) -> Iterator[str]:
    services = {service for item in incident.symptoms for service in item.services}
    told = [
        (item.rule, services & {*item.services, item.fields.get(SERVICE, "")})
        for item in incident.context
    ]
    for where, own in (("for the same service", True), ("beside the service", False)):
        names = dict.fromkeys(rule for rule, shared in told if bool(shared) is own)
        if names:
            yield f"logged near the beginning {where}: {', '.join(names)}"


def timeline(
    incident: Incident, rollout: Rollout = NO_ROLLOUT, facts: Iterable[Fact] = ()
) -> tuple[TimelineItem, ...]:
    """Return when each context, deployment and symptom began, and when it was last seen.

    Facts tell of a moment if their data has `happened_at` (RFC 3339).
    """
    items = [
        TimelineItem(item.first_seen, kind, item.title, sample_ref(item.samples[0]))
        for kind, group in (("context", incident.context), ("symptom", incident.symptoms))
        for item in group
    ]
    items += [
        TimelineItem(one.first_seen, "deployment", deployment_text(one), one.ref)
        for one in rollout.begun
    ]
    items += _moments(facts)
    last = max(incident.symptoms, key=lambda item: (item.last_seen, item.fingerprint))
    if last.last_seen > last.first_seen:
        ref = sample_ref(last.samples[-1])
        items.append(TimelineItem(last.last_seen, "last", f"{last.title} (last seen)", ref))
    return tuple(sorted(items, key=lambda item: (item.timestamp, item.kind, item.text)))


def _moments(facts: Iterable[Fact]) -> Iterator[TimelineItem]:
    """Yield what facts say happened; an investigator's idea of a time may be none."""
    for fact in _established(facts):
        try:
            timestamp = parse_timestamp(str(fact.data.get("happened_at", "")))
        except ValueError:
            continue
        yield TimelineItem(timestamp, fact.kind, fact.text, fact.ref, fact.url)


def _established(facts: Iterable[Fact]) -> Iterator[Fact]:
    return (fact for fact in facts if not fact.suggested)


def looked_at(facts: Iterable[Fact]) -> tuple[str, ...]:
    """Return which version of the code facts are about; empty where nobody looked at any."""
    return tuple(dict.fromkeys(_sentence(fact.text) for fact in facts if fact.kind == LOOKED_AT))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def drafts(incident: Incident) -> tuple[Draft, ...]:
    """Return a drafted rule for each symptom that none knows, but for lines above a traceback."""
    unknown = [item for item in incident.symptoms if item.unknown and ABOVE not in item.fields]
    return tuple(draft(item.samples[0], "".join(item.services[:1])) for item in unknown)
