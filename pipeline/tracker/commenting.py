"""Steps that make comments: each once, found again by its key, edited rather than repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pipeline import markdown
from pipeline.report import BODY_LIMIT
from pipeline.tracker.lines import chunks, closed
from pipeline.tracker.marker import Mark, Side
from pipeline.tracker.model import Closing, Kind, Step, folded
from pipeline.tracker.ownership import NO_MORE, around, digest, joined, room_in_comment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.tracker.courses import Case
    from pipeline.tracker.locating import Place
    from pipeline.tracker.model import Known, News
    from pipeline.tracker.ownership import Layout

DUPLICATE: Final = "duplicate"
"""The key of the comment that says of which issue another is a duplicate."""


def news(case: Case, place: Place | None, number: int) -> Iterator[Step]:
    """Yield what makes the news of an incident known; `place` is None where it is being created."""
    yield from _said(case, place, number, case.wanted.news, "news")


def answers(case: Case, place: Place) -> Iterator[Step]:
    """Yield what answers people."""
    yield from _said(case, place, place.issue.number, case.wanted.answers, "people asked")


def _said(
    case: Case, place: Place | None, number: int, items: Iterable[News], reason: str
) -> Iterator[Step]:
    for item in items:
        room = room_in_comment(case.signer, case.wanted.key, f"{item.key}.999")
        whole = closed(item.text)
        texts = [whole] if len(whole) <= room else chunks(whole, room, room)
        for count, text in enumerate(texts, start=1):
            key = item.key if count == 1 else f"{item.key}.{count}"
            yield from _comment(case, place, number, (key, text, digest(text)), reason)


def overflow(case: Case, place: Place | None, number: int, layout: Layout) -> Iterator[Step]:
    """Yield what puts into comments that part of a report for which the body has no room."""
    texts = [*layout.overflow]
    while place and (case.wanted.key, _key(len(texts) + 1)) in place.said:
        texts.append(NO_MORE)
    for count, text in enumerate(texts, start=1):
        said = (_key(count), text, layout.of)
        yield from _comment(case, place, number, said, "the report is longer than its issue can be")


def overflowing(case: Case, place: Place) -> Iterator[str]:
    """Yield what stands in the comments that go on with a report."""
    count = 1
    while found := place.said.get((case.wanted.key, _key(count))):
        yield found[1].inside
        count += 1


def duplicate(
    case: Case,
    place: Place,
    target: int,
    incident: str = "",
    known: Known | None = None,
) -> Iterator[Step]:
    """Yield what closes an issue as a duplicate of the one of a case (`target`), and says so.

    It is closed first: what is open although the comment stands was opened again by people, and
    stays so; what is locked is left alone. `incident` is the absorbed one whose issue it is, with
    what is `known` of it; "" if it is a second issue of the same incident.
    """
    issue, kept = place.issue, case.wanted.key
    if issue.locked or not place.is_second:
        return
    key = f"absorbed-{known.reopened}-{kept}" if known else DUPLICATE
    is_said = bool(known and key in known.said)
    if is_said or (incident or kept, key) in place.said:
        return
    names = markdown.code(kept)
    reason = f"became part of {names}" if incident else f"a second issue about {names}"
    if issue.is_open:
        yield Step(
            Kind.LINK_DUPLICATE,
            incident,
            issue.number,
            reason,
            {"state": "closed", "state_reason": Closing.DUPLICATE},
            other=kept,
            other_number=target,
        )
    of = f"#{target}" if target else "another issue"
    what = f"{markdown.code(incident)} {reason}." if incident else f"Both are about {names}."
    text = f"Duplicate of {of}. {what}"
    mark = Mark(Side.BEGIN, incident or kept, key)
    fields = {"body": joined(case.signer, mark, text)}
    yield Step(Kind.COMMENT, incident, issue.number, reason, fields, key)


def moved(case: Case, place: Place) -> Iterator[Step]:
    """Yield what closes the issue of an incident that became part of one of another repository.

    As with duplicates it is closed first, and stays open if people open it again.
    """
    issue, wanted = place.issue, case.wanted
    key = f"moved-{case.known.reopened}"
    is_said = key in case.known.said or (wanted.key, key) in place.said
    if issue.locked or is_said or not place.is_second:
        return
    reason = wanted.held
    if issue.is_open:
        fields = {"state": "closed", "state_reason": Closing.DUPLICATE}
        yield Step(Kind.CLOSE, wanted.key, issue.number, reason, fields)
    text = f"{markdown.code(wanted.key)} became part of {wanted.elsewhere}."
    body = joined(case.signer, Mark(Side.BEGIN, wanted.key, key), text)
    yield Step(Kind.COMMENT, wanted.key, issue.number, reason, {"body": body}, key)


def _comment(
    case: Case, place: Place | None, number: int, said: tuple[str, str, str], reason: str
) -> Iterator[Step]:
    """Yield the step, if any, after which a comment stands there: its key, text, and whole digest.

    One that people deleted is not made again, and one that is not ours is not edited.
    """
    key, text, of = said
    incident, signer = case.wanted.key, case.signer
    mark = Mark(Side.BEGIN, incident, key, of=of)
    found = place.said.get((incident, key)) if place else None
    if place and (place.issue.locked or (not found and key in case.known.said)):
        return
    if found is None:
        fields = {"body": joined(signer, mark, text)}
        yield Step(Kind.COMMENT, incident, number, reason, fields, key)
        return
    comment, part = found
    body = joined(signer, mark, text, *around(comment.body, part))
    is_as_it_should = (part.mark.digest, part.mark.of) == (digest(text), of)
    if not is_as_it_should and _is_ours(case, comment.author) and len(body) <= BODY_LIMIT:
        changed = f"{reason}, which changed"
        yield Step(Kind.EDIT_COMMENT, incident, number, changed, {"body": body}, key, comment.id)


def _is_ours(case: Case, author: str) -> bool:
    logins = folded(case.policy.logins)
    return not logins or author.casefold() in logins


def _key(count: int) -> str:
    return f"overflow-{count}"
