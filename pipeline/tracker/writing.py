"""Steps about an incident's own issue: create it, or bring it up to date and no more than that.

What people changed is told from what we set by the ledger: a title that is not the one that we set
last, a label that we set and that is gone, one that we did not set. All these stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipeline.incident import State
from pipeline.markdown import TITLE_LIMIT, truncate
from pipeline.tracker import commenting
from pipeline.tracker.courses import Course
from pipeline.tracker.knowing import SCALARS
from pipeline.tracker.marker import Mark, Side, failure_of
from pipeline.tracker.model import OVER, Closing, Kind, Step, folded
from pipeline.tracker.ownership import around, laid_out, ticked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.tracker.courses import Case
    from pipeline.tracker.locating import Place
    from pipeline.tracker.model import Fields, Issue, Wanted
    from pipeline.tracker.ownership import Layout, Part

QUIET: Final = "quiet"
FLAPPING: Final = "flapping"

ASSIGNEES: Final = 10
"""How many people GitHub lets an issue be assigned to."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What becomes of an incident's issue.

    `place` is its issue, None if it is created or left without one; `number` 0 if it is created,
    None if there is none; `after` the number of the issue that it follows. `due` is when something
    may be done that is left for now, 0 if nothing waits.
    """

    case: Case
    course: Course
    reason: str
    place: Place | None = None
    number: int | None = None
    after: int = 0
    due: int = 0


def steps(draft: Draft) -> list[Step]:
    """Return what is done to an incident's own issue; a step that leaves it alone says why."""
    if draft.course is Course.CREATE:
        return [*_created(draft)]
    if draft.course is Course.LEAVE or draft.place is None:
        return [*_answered(draft), _left(draft, draft.reason)]
    return _updated(draft, draft.place)


def labels_of(wanted: Wanted, reopened: int, flapping: int) -> tuple[str, ...]:
    """Return the labels that an issue is to have, opened again `reopened` times."""
    is_over = wanted.state in OVER
    flaps = not is_over and (wanted.state is State.FLAPPING or reopened >= flapping)
    states = [name for name, holds in ((QUIET, is_over), (FLAPPING, flaps)) if holds]
    return tuple({name.casefold(): name for name in (*wanted.labels, *states)}.values())


def _answered(draft: Draft) -> Iterator[Step]:
    """Yield what answers people: all that is written where an issue is left alone."""
    if draft.place:
        yield from commenting.answers(draft.case, draft.place)


def _left(draft: Draft, reason: str, due: int = 0) -> Step:
    key, number = draft.case.wanted.key, draft.number or 0
    waits = draft.case.lacks_key and not draft.case.wanted.held
    return Step(Kind.LEAVE, key, number, reason, due=due or draft.due, waits=waits)


def _created(draft: Draft) -> Iterator[Step]:
    case, wanted = draft.case, draft.case.wanted
    layout = laid_out(case.signer, _mark(draft), _text(draft), "", "")
    fields: Fields = {
        "title": _title(wanted),
        "body": layout.body or "",  # alone in it, our part never lacks room for its markers
        "labels": labels_of(wanted, 0, case.policy.flapping),
        "assignees": wanted.assignees[:ASSIGNEES],
        "milestone": wanted.milestone,
        "type": wanted.type,
        "priority": wanted.priority,
    }
    sent = {name: value for name, value in fields.items() if value}
    yield _written(draft, Kind.CREATE, draft.reason, sent, layout)
    yield from commenting.overflow(case, None, 0, layout)
    yield from commenting.news(case, None, 0)
    yield from _closed(case, 0)


def _updated(draft: Draft, place: Place) -> list[Step]:
    case, issue = draft.case, place.issue
    is_reopened = draft.course is Course.REOPEN
    news = [*commenting.news(case, place, issue.number)]
    edits, due = _edits(draft, place, is_news=is_reopened or bool(news))
    told = [
        *_reopened(draft, issue),
        *edits,
        *news,
        *commenting.answers(case, place),
        *_labelled(case, issue, case.known.reopened + is_reopened),
        *_assigned(case, issue),
        *_closed(case, issue.number),
    ]
    if due:
        return [*told, _left(draft, "an edit waits for group_interval", due)]
    return told or [_left(draft, draft.reason)]


def _reopened(draft: Draft, issue: Issue) -> Iterator[Step]:
    if draft.course is Course.REOPEN:
        fields = {"state": "open", "state_reason": "reopened"}
        yield Step(Kind.REOPEN, draft.case.wanted.key, issue.number, draft.reason, fields)


# --- title and text -------------------------------------------------------------------------------


def _edits(draft: Draft, place: Place, *, is_news: bool) -> tuple[list[Step], int]:
    """Return what edits an issue and the comments that go on with it, or until when that waits.

    An edit waits for the interval, but not where there is news, nor where the last one was cut
    short.
    """
    case, issue, part = draft.case, place.issue, place.part
    before, after = around(issue.body, part, below=not case.known.digest)
    standing = [part.inside if part else "", *commenting.overflowing(case, place)]
    text = ticked(_text(draft), standing)
    layout = laid_out(case.signer, _mark(draft), text, before, after)
    overflow = [*commenting.overflow(case, place, issue.number, layout)]
    fields = {**_scalars(case, issue), **_body(draft, layout, part)}
    if not fields and not overflow:
        return [], 0
    last = part.mark.of if part else case.known.digest
    due = case.known.edited_at + case.policy.group_interval
    if not (is_news or last == layout.of or case.now >= due):
        return [], due
    reason = _why_edited(fields, part)
    edit = [_written(draft, Kind.EDIT, reason, fields, layout)] if fields else []
    return [*edit, *overflow], 0


def _body(draft: Draft, layout: Layout, part: Part | None) -> Fields:
    stands = (part.mark.of, part.mark.digest) if part else (draft.case.known.digest,) * 2
    is_ours = not part or part.mark.incident == draft.case.wanted.key
    is_same = is_ours and stands == (layout.of, layout.digest)
    return {} if is_same or layout.body is None else {"body": layout.body}


def _why_edited(fields: Fields, part: Part | None) -> str:
    said = " and ".join(f"the {'report' if name == 'body' else name}" for name in fields)
    lost = bool(part and part.is_edited and "body" in fields)
    return f"{said} changed" + ("; what people edited inside our part is replaced" if lost else "")


def _scalars(case: Case, issue: Issue) -> Fields:
    """Return what changes of that which an issue has one of: only what is still as we set it."""
    wanted = {
        **{name: getattr(case.wanted, name) for name in SCALARS},
        "title": _title(case.wanted),
    }
    ours, trying = case.known.ours, case.known.trying or case.known.ours
    return {
        name: value
        for name, value in wanted.items()
        if getattr(issue, name) != value
        and getattr(issue, name) in {getattr(ours, name), getattr(trying, name)}
    }


def _title(wanted: Wanted) -> str:
    return truncate(" ".join(wanted.title.split()), TITLE_LIMIT, "…") or "(no title)"


def _text(draft: Draft) -> str:
    """Return all that our part says."""
    wanted = draft.case.wanted
    follows = [f"Follows #{draft.after}."] if draft.after else []
    return "\n\n".join([*follows, *wanted.likes, *wanted.links, wanted.body.strip("\n")])


def _mark(draft: Draft) -> Mark:
    wanted = draft.case.wanted
    failure = failure_of(wanted.signature)
    number = draft.number or 0
    return Mark(Side.BEGIN, wanted.key, issue=number, after=draft.after, failure=failure)


def _written(draft: Draft, kind: Kind, reason: str, fields: Fields, layout: Layout) -> Step:
    wanted = draft.case.wanted
    digest = layout.of if "body" in fields else ""
    return Step(
        kind,
        wanted.key,
        draft.number or 0,
        reason,
        fields,
        digest=digest,
        signature=wanted.signature,
        after=draft.after,
    )


# --- labels, people, state ------------------------------------------------------------------------


def _labelled(case: Case, issue: Issue, reopened: int) -> Iterator[Step]:
    wanted = labels_of(case.wanted, reopened, case.policy.flapping)
    more, less = _difference(case, "labels", wanted, issue.labels)
    key, number = case.wanted.key, issue.number
    if more:
        yield Step(Kind.LABEL, key, number, "labels of its state", {"labels": more})
    for name in less:
        yield Step(Kind.UNLABEL, key, number, "set by us, and over", {"labels": (name,)})


def _assigned(case: Case, issue: Issue) -> Iterator[Step]:
    more, less = _difference(case, "assignees", case.wanted.assignees, issue.assignees)
    more = more[: max(0, ASSIGNEES - len(issue.assignees) + len(less))]
    key, number = case.wanted.key, issue.number
    if less:
        yield Step(Kind.UNASSIGN, key, number, "assigned by us, and over", {"assignees": less})
    if more:
        yield Step(Kind.ASSIGN, key, number, "assigned since", {"assignees": more})


def _difference(
    case: Case, name: str, wanted: Sequence[str], standing: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which names to add and which to take away.

    Not added are those that people took away, taken away only those that we set.
    """
    ours: frozenset[str] = getattr(case.known.ours, name)
    tried: frozenset[str] = getattr(case.known.trying or case.known.ours, name)
    stands = {one.casefold(): one for one in standing}
    more = [one for one in wanted if one.casefold() not in {*stands, *ours}]
    less = sorted((ours | tried) & stands.keys() - folded(wanted))
    return tuple(more), tuple(stands[one] for one in less)


def _closed(case: Case, number: int) -> Iterator[Step]:
    """Yield what closes the issue of a resolved incident, unless people opened it again."""
    wants = case.policy.closes or case.wanted.close
    if case.wanted.state is not State.RESOLVED or not wants:
        return
    if number == 0 or not case.known.ours.closed:
        fields = {"state": "closed", "state_reason": Closing.COMPLETED}
        yield Step(Kind.CLOSE, case.wanted.key, number, "resolved", fields)
