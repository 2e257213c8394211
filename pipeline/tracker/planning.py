"""From what should stand in a tracker and what stands there to the steps in between.

A plan is a pure function of both, in whatever order issues were listed; when its steps were taken,
the next plan holds none. `report.decide` says whether there is news, a plan how to bring it there.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from pipeline.tracker import commenting, writing
from pipeline.tracker.courses import Case, Course, course_of, other_key
from pipeline.tracker.knowing import settled
from pipeline.tracker.locating import Survey
from pipeline.tracker.model import Kind, Known, Step, folded
from pipeline.tracker.rationing import rationed
from pipeline.tracker.writing import Draft, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.tracker.locating import Place
    from pipeline.tracker.marker import Signer
    from pipeline.tracker.model import Issue, TrackerPolicy, Wanted


def plan(  # noqa: PLR0913 - both sides, and by what they are judged
    wanted: Sequence[Wanted],
    issues: Iterable[Issue],
    known: Mapping[str, Known],
    now: int,
    policy: TrackerPolicy,
    *,
    signer: Signer,
    same: frozenset[str] = frozenset(),
) -> tuple[Step, ...]:
    """Return the steps that bring a repository's issues to what incidents want, in order.

    `issues` are all that bear our label, open or closed, and those that `locating.unlisted` named;
    those that `locating.concerned` names have to come with their comments. `known` is the ledger by
    incident, `now` is when the plan is made. Incidents that are the `same` as when nothing was left
    to do are left alone, and their comments are not needed. An incident for which nothing is to be
    done gets one step, which says why it is left alone.

    Raises:
        ValueError: the comments of an issue were not listed that had to be.

    """
    survey = Survey(issues, known, signer)
    found = {
        one.key: _draft(_case(one, survey, now, policy), is_same=one.key in same) for one in wanted
    }
    drafts = rationed(found, survey, now, policy)
    own = (step for key, draft in drafts.items() for step in _own(draft, is_same=key in same))
    between = (
        step
        for key, draft in drafts.items()
        if key not in same and not draft.case.wanted.held
        for step in _relations(draft, drafts, survey)
    )
    return (*own, *between)


def settle(
    wanted: Iterable[Wanted],
    issues: Iterable[Issue],
    known: Mapping[str, Known],
    signer: Signer,
    policy: TrackerPolicy,
) -> dict[str, Known]:
    """Return the ledger once issues were listed: what was found, and what nobody had heard of.

    A plan settles for itself what it needs; this is for the ledger to be kept.
    """
    survey = Survey(issues, known, signer)
    found = {
        one.key: _settled(one, survey.known(one.key), place, policy)
        for one in wanted
        if (place := survey.places(one.key, one.adopt).place)
    }
    return {**known, **found}


def _case(wanted: Wanted, survey: Survey, now: int, policy: TrackerPolicy) -> Case:
    before = survey.known(wanted.key)
    places = survey.places(wanted.key, wanted.adopt)
    return Case(
        wanted,
        _settled(wanted, before, places.place, policy) if places.place else before,
        places,
        now,
        policy,
        survey.signer,
        before.number,
        is_listed=not before.number or survey.has(before.number),
        gone=survey.gone(before.number),
    )


def _settled(wanted: Wanted, known: Known, place: Place, policy: TrackerPolicy) -> Known:
    labels = labels_of(wanted, known.reopened, policy.flapping)
    return settled(known, place, wanted, folded(labels))


def _draft(case: Case, *, is_same: bool) -> Draft:
    course, reason = course_of(case)
    course = Course.LEAVE if is_same else course
    place = case.place
    if course is Course.CREATE:
        after = place.issue.number if place else case.number
        return Draft(case, course, reason, None, 0, after)
    due = 0 if case.wanted.held else case.doubted_until
    if place is None:
        return Draft(case, course, reason, due=due)
    return Draft(case, course, reason, place, place.issue.number, place.after, due)


def _own(draft: Draft, *, is_same: bool) -> list[Step]:
    """Return what is done about an incident's own issue, or that nothing is."""
    is_moved = draft.case.wanted.elsewhere and not draft.case.lacks_key
    if is_moved and draft.place and not is_same:
        return [*commenting.moved(draft.case, draft.place)] or writing.steps(draft)
    return writing.steps(draft)


# --- between issues -------------------------------------------------------------------------------


def _relations(draft: Draft, drafts: Mapping[str, Draft], survey: Survey) -> Iterator[Step]:
    """Yield what has to do with other issues, once all exist that are created."""
    if draft.number is None:
        return
    case, target = draft.case, draft.number
    if draft.course is not Course.LEAVE:
        for place in case.places.others:
            # A closed one that this follows is no duplicate, whatever people closed it as.
            if place.issue.is_open or place.after == draft.after:
                yield from commenting.duplicate(case, place, target)
        yield from _children(draft, drafts, survey)
    for incident in case.wanted.absorbed:
        if incident not in drafts:
            yield from _absorbed(case, incident, target, survey)


def _absorbed(case: Case, incident: str, target: int, survey: Survey) -> Iterator[Step]:
    """Yield what closes the issues of an incident that became part of this one."""
    places = survey.places(incident)
    known = survey.known(incident)
    for place in (places.place, *places.others):
        if place is None or place.issue.number == target:
            continue
        number = place.issue.number
        if not place.is_foreign:
            yield from commenting.duplicate(case, place, target, incident, known)
        elif place.issue.is_open:
            yield Step(Kind.LEAVE, incident, number, other_key(number), waits=True)


def _children(draft: Draft, drafts: Mapping[str, Draft], survey: Survey) -> Iterator[Step]:
    """Yield what makes the issues of a storm's incidents sub-issues of its own, within the limit.

    One that people took out is not put in again, nor is one taken from another parent.
    """
    case, number = draft.case, draft.number or 0
    linked = frozenset[str]() if draft.course is Course.CREATE else case.known.ours.children
    room = case.policy.sub_issues - len(linked)
    taken = linked.union(case.wanted.absorbed)
    found = {key: _number(key, drafts, survey) for key in case.wanted.children}
    free = [key for key in found if found[key] is not None and key not in taken]
    free.sort(key=lambda key: not found[key])  # what cannot be created keeps no other waiting
    for key in islice(free, max(0, room)):
        yield Step(
            Kind.SUB_ISSUE,
            case.wanted.key,
            number,
            "part of the storm",
            other=key,
            other_number=found[key] or 0,
        )


def _number(incident: str, drafts: Mapping[str, Draft], survey: Survey) -> int | None:
    """Return the issue of an incident that has no parent, 0 if it is created, None if none is."""
    if incident in drafts and drafts[incident].place is None:
        return drafts[incident].number
    place = survey.places(incident).place
    is_free = place and not place.issue.parent and not place.is_foreign
    return place.issue.number if place and is_free else None
