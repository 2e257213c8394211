"""What a change of rules changes: in the rules, and in the incidents of one export under both.

Each change implies a step of semantic versioning; the largest of them is what the new rules need:

* major: a rule is gone, or what makes its fingerprints is different (name, entity, captures), or
  whether it opens incidents; an incident is gone, or goes on under another id, so that its issue
  would be left alone
* minor: a rule is new, or sees, explains or urges otherwise; an incident is new, or has another
  root, other symptoms, another priority, state, label or plan
* patch: only texts are different
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from pipeline import markdown
from pipeline.rule.model import name_of
from pipeline.versions import Step, following, is_less

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.document import IncidentDocument, RunDocument
    from pipeline.yamltext import Document

LISTED = 100
"""Changes that are listed in Markdown; GitHub takes 65,536 characters."""
TITLE = 200
"""Characters of a title in a list."""


@dataclass(frozen=True, slots=True)
class Side:
    """Rules before or after the change: their version ("" if none), documents, and their run."""

    version: str
    rules: Sequence[Document]
    run: RunDocument


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed: `what` is rule or incident, `how` added, dropped or changed.

    `plan` is what would be done to the tracker about an incident, before and after ("" for none).
    """

    step: Step
    what: str
    how: str
    name: str
    title: str
    details: tuple[str, ...] = ()
    priority: str = ""
    plan: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes, and the versions that were told of both sides."""

    old_version: str
    new_version: str
    incidents: tuple[int, int]
    """How many there are before and after."""
    changes: tuple[Change, ...] = field(default=())

    @property
    def step(self) -> Step:
        """The largest step of all changes."""
        return max((change.step for change in self.changes), default=Step.NONE)

    @property
    def implied(self) -> str:
        """The least version that the new rules may have; "" if the old ones have none."""
        return following(self.old_version, self.step)

    @property
    def is_too_small(self) -> bool:
        """Whether the new rules have a version that is less than the implied one."""
        return is_less(self.new_version, self.implied)

    @property
    def verdict(self) -> str:
        """What it comes to, in a sentence."""
        if self.step is Step.NONE:
            return "No change."
        said = f"Semantic version: {self.step.name.lower()}"
        if self.implied:
            said += f", from {self.old_version} to {self.implied}"
        if self.is_too_small:
            said += f"; the new rules call themselves {self.new_version}, which is too little"
        return f"{said}."


def compare(old: Side, new: Side) -> Difference:
    """Return what differs between two sides, rules first, those that may break most first."""
    found = (*_rules(old.rules, new.rules), *_incidents(old.run.incidents, new.run.incidents))
    return Difference(
        old_version=old.version,
        new_version=new.version,
        incidents=(len(old.run.incidents), len(new.run.incidents)),
        changes=tuple(
            sorted(found, key=lambda item: (item.what == "incident", -item.step, item.name))
        ),
    )


# --- rules ----------------------------------------------------------------------------------------

_TEXTS = (
    "title", "description", "references", "author", "date", "modified", "falsepositives", "tags",
    "status", "license", "related", "fields",
)  # fmt: skip
_AUDIT_TEXTS = ("title", "impact", "state", "whys", "owner")
_IDENTITY = ("entity", "captures")
_APART = ("context", "noise")
"""With one of them a rule opens no incident."""


def _rules(old: Sequence[Document], new: Sequence[Document]) -> Iterator[Change]:
    before, after = ({name_of(one): one.value for one in side} for side in (old, new))
    for name, value in before.items():
        if name not in after:
            yield Change(Step.MAJOR, "rule", "dropped", name, _title(value))
        elif value != after[name]:
            step, details = _of_rule(value, after[name])
            yield Change(step, "rule", "changed", name, _title(after[name]), details)
    for name in after.keys() - before.keys():
        yield Change(Step.MINOR, "rule", "added", name, _title(after[name]))


def _of_rule(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Step, tuple[str, ...]]:
    """Return how far a change of a rule goes, and which of its keys changed."""
    changed = [(_step(key, _TEXTS), key) for key in _differing(old, new) if key != "audit"]
    before, after = old.get("audit") or {}, new.get("audit") or {}
    for key in _differing(before, after):
        apart = key in _APART and _is_set(before, key) is not _is_set(after, key)
        step = Step.MAJOR if apart or key in _IDENTITY else _step(key, _AUDIT_TEXTS)
        changed.append((step, f"audit.{key}"))
    return max(step for step, _ in changed), tuple(key for _, key in changed)


def _is_set(block: Mapping[str, Any], key: str) -> bool:
    return block.get(key, False) not in (None, False)  # {} is a context of the usual kind


def _step(key: str, texts: Iterable[str]) -> Step:
    return Step.PATCH if key in texts else Step.MINOR


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [key for key in {**old, **new} if old.get(key) != new.get(key)]


def _title(value: Mapping[str, Any]) -> str:
    return str(value.get("title", ""))


# --- incidents ------------------------------------------------------------------------------------


def _incidents(
    old: Sequence[IncidentDocument], new: Sequence[IncidentDocument]
) -> Iterator[Change]:
    before, after = ({one.id: one for one in side} for side in (old, new))
    dropped = [one for one in old if one.id not in after]
    added = [one for one in new if one.id not in before]
    for one in dropped:
        there = _others(one, new, "its entries are now in")
        yield _change(Step.MAJOR, "dropped", one, there, (_plan(one), ""))
    for one in added:
        there = _others(one, dropped, "it takes over entries of")
        yield _change(Step.MINOR, "added", one, there, ("", _plan(one)))
    for name in before.keys() & after.keys():
        yield from _of_incident(before[name], after[name])


def _change(
    step: Step,
    how: str,
    one: IncidentDocument,
    details: tuple[str, ...],
    plan: tuple[str, str],
) -> Change:
    return Change(step, "incident", how, one.id, one.title, details, one.priority, plan)


def _plan(one: IncidentDocument) -> str:
    return f"{one.report.action}: {one.report.reason}"


def _others(
    one: IncidentDocument, others: Iterable[IncidentDocument], said: str
) -> tuple[str, ...]:
    """Return which other incidents show the same entries, each as a sentence."""
    own = _entries(one)
    return tuple(
        f"{said} {other.id} ({other.title})"
        for other in others
        if not own.isdisjoint(_entries(other))
    )


def _entries(one: IncidentDocument) -> set[tuple[str, str]]:
    samples = chain.from_iterable(symptom.samples for symptom in one.symptoms)
    return {(sample.log_name, sample.insert_id) for sample in samples}


_SAID: Mapping[str, Callable[[IncidentDocument], str]] = {
    "root": lambda one: one.root_symptom,
    "priority": lambda one: one.priority,
    "state": lambda one: one.state,
    "labels": lambda one: ", ".join(one.report.labels),
    "plan": _plan,
    "seen": lambda one: str(sum(symptom.count for symptom in one.symptoms)),
}
"""What may change about an incident that is more than its texts."""


def _of_incident(old: IncidentDocument, new: IncidentDocument) -> Iterator[Change]:
    details = [
        f"{name}: {said(old)} → {said(new)}"
        for name, said in _SAID.items()
        if said(old) != said(new)
    ]
    before, after = ({item.rule for item in one.symptoms} for one in (old, new))
    details += [f"no longer with {rule}" for rule in sorted(before - after)]
    details += [f"now with {rule}" for rule in sorted(after - before)]
    plan = (_plan(old), _plan(new))
    if details:
        yield _change(Step.MINOR, "changed", new, tuple(details), plan)
    elif (old.report.title, old.report.body) != (new.report.title, new.report.body):
        yield _change(Step.PATCH, "changed", new, ("its texts",), plan)


# --- how it is told -------------------------------------------------------------------------------


def as_rows(difference: Difference) -> list[tuple[str, ...]]:
    """Return the changes as rows: step, what, how, name, title, details."""
    return [
        (one.step.name.lower(), one.what, one.how, one.name, one.title, "; ".join(one.details))
        for one in difference.changes
    ]


def as_document(difference: Difference) -> dict[str, Any]:
    """Return the difference as JSON goes."""
    return {
        "old_version": difference.old_version,
        "new_version": difference.new_version,
        "implied_version": difference.implied,
        "step": difference.step.name.lower(),
        "too_small": difference.is_too_small,
        "incidents_before": difference.incidents[0],
        "incidents_after": difference.incidents[1],
        "changes": [
            {
                "step": one.step.name.lower(),
                "what": one.what,
                "how": one.how,
                "name": one.name,
                "title": one.title,
                "priority": one.priority,
                "details": list(one.details),
                "plan_before": one.plan[0],
                "plan_after": one.plan[1],
            }
            for one in difference.changes
        ],
    }


def as_markdown(difference: Difference) -> str:
    """Return the difference as Markdown for a pull request; log text cannot act in it."""
    counts = " and ".join(map(str, difference.incidents))
    verdict = markdown.inline(difference.verdict)
    lines = [
        "## What this change of rules changes",
        "",
        f"**{verdict}** Incidents in the export, before and after: {counts}.",
    ]
    for what, heading in (("incident", "Incidents"), ("rule", "Rules")):
        found = [one for one in difference.changes if one.what == what]
        lines += ["", f"### {heading}", "", *_table(found, what)] if found else []
    return "\n".join([*lines, ""])


def _table(changes: Sequence[Change], what: str) -> Iterator[str]:
    shown = "issue" if what == "incident" else "title"
    yield f"| step | | {what} | {shown} | what changed |"
    yield "|---|---|---|---|---|"
    for one in changes[:LISTED]:
        title = f"[{one.priority}] {one.title}" if one.priority else one.title
        plan = [f"plan: {said}" for said in (_planned(one),) if said]
        cells = (
            markdown.Safe(one.step.name.lower()),
            markdown.Safe(f"**{one.how}**"),
            markdown.code(one.name),
            markdown.inline(markdown.truncate(title, TITLE, "…")),
            markdown.Safe("<br>".join(map(markdown.inline, (*one.details, *plan)))),
        )
        yield f"| {' | '.join(cells)} |"
    if len(changes) > LISTED:
        yield ""
        yield f"… {len(changes) - LISTED} more, which `--format json` lists."


def _planned(one: Change) -> str:
    """Return the plan of what is only on one side; of both its changes are among the details."""
    if one.how == "changed":
        return ""
    return f"{one.plan[0]} → nothing" if one.how == "dropped" else one.plan[1]
