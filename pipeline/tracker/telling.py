"""A plan as a person reads it: what would be done and why, and the difference it makes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, Final

from pipeline.tracker.model import Issue, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.tracker.model import Step

_MARKER: Final = "<!-- fivewhys:"
_HEADERS: Final = 2
"""Lines with which a difference begins."""

_FROM_THE_TOP: Final = ("@@ -0,0 ", "@@ -1 ", "@@ -1,")
"""How a piece of a difference begins that has nothing above it."""

VERBS: Final[Mapping[Kind, str]] = {
    Kind.CREATE: "create",
    Kind.EDIT: "change",
    Kind.COMMENT: "comment on",
    Kind.EDIT_COMMENT: "change a comment on",
    Kind.LABEL: "label",
    Kind.UNLABEL: "unlabel",
    Kind.ASSIGN: "assign",
    Kind.UNASSIGN: "unassign",
    Kind.REOPEN: "reopen",
    Kind.CLOSE: "close",
    Kind.LINK_DUPLICATE: "close as a duplicate",
    Kind.SUB_ISSUE: "add a sub-issue to",
    Kind.LEAVE: "leave",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plan; `sign` is `+` or `-` for what comes and goes, `*` for a step, else ""."""

    sign: str
    text: str


def told(
    steps: Iterable[Step], issues: Iterable[Issue], notes: Iterable[tuple[str, str]] = ()
) -> Iterator[Line]:
    """Yield the lines of a plan; `issues` are those that it was made from.

    `notes` are what there is to be said of incidents, which are named first.
    """
    standing = {issue.number: issue for issue in issues}
    counts: Counter[Kind] = Counter()
    for step in steps:
        counts[step.kind] += 1
        yield Line("*", f"{headline(step)}: {step.reason}")
        yield from _difference(step, standing.get(step.number, Issue(step.number)))
    for incident, note in notes:
        yield Line("", f"note for {incident}: {note}")
    left = counts.pop(Kind.LEAVE, 0)
    done = [f"{counts[kind]} to {verb}" for kind, verb in VERBS.items() if counts[kind]]
    yield Line("", f"{', '.join(done) or 'nothing to do'}; {left} left alone")


def briefly(steps: Iterable[Step]) -> Iterator[tuple[str, str]]:
    """Yield what is to be done, and what waits for its time, each in a line; nothing of texts.

    Before each line stands what it is known again by once the plan is made anew.
    """
    for step in steps:
        if step.kind is not Kind.LEAVE or step.due:
            title = f' "{step.fields["title"]}"' if step.kind is Kind.CREATE else ""
            key = f"{step.kind} {step.incident} {step.number} {step.key} {step.other}"
            yield key, f"{headline(step)}{title}: {step.reason}"


def headline(step: Step) -> str:
    """Return what a step does, to which issue, for which incident."""
    issue = f"#{step.number}" if step.number else "its issue"
    target = "an issue" if step.kind is Kind.CREATE else issue
    other = step.other if step.kind in {Kind.LINK_DUPLICATE, Kind.SUB_ISSUE} else ""
    of = f" (#{step.other_number} of {other})" if step.other_number and other else ""
    return f"{VERBS[step.kind]} {target}{of} for {step.incident or step.other or 'people'}"


def _difference(step: Step, issue: Issue) -> Iterator[Line]:
    """Yield what a step takes away and brings."""
    for name, value in sorted(step.fields.items(), key=lambda item: item[0] == "body"):
        if name == "body":
            yield from _text_difference(_standing_text(step, issue), str(value))
        elif name not in {"state", "state_reason"}:
            was = getattr(issue, name, "") if step.kind is Kind.EDIT else ""
            if was:
                yield Line("-", f"{name}: {was}")
            sign = "-" if step.kind in {Kind.UNLABEL, Kind.UNASSIGN} else "+"
            told = value if isinstance(value, str) else ", ".join(value)
            if told:
                yield Line(sign, f"{name}: {told}")


def _standing_text(step: Step, issue: Issue) -> str:
    if step.kind is Kind.EDIT:
        return issue.body
    bodies = (one.body for one in issue.comments or () if one.id == step.comment)
    return next(bodies, "") if step.kind is Kind.EDIT_COMMENT else ""


def _text_difference(before: str, after: str) -> Iterator[Line]:
    """Yield the lines that differ, and one on each side of them; `…` is what is left out above.

    Markers are not to be read.
    """
    old, new = ([*_shown(text)] for text in (before, after))
    for line in islice(unified_diff(old, new, n=1, lineterm=""), _HEADERS, None):
        if not line.startswith("@@"):
            yield Line(line[:1].strip(), line[1:])
        elif not line.startswith(_FROM_THE_TOP):
            yield Line("", "…")


def _shown(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if not line.startswith(_MARKER))
