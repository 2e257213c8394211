"""A plan as people read it."""

from __future__ import annotations

from pipeline.tracker.model import Comment, Issue, Kind, Step, TrackerPolicy
from pipeline.tracker.telling import Line, briefly, told
from tests.tracker.support import Tracker, wanted

EDITED = {"body": "same\nnew\nsame too\n1\n2\n3\nnew end", "title": "New title"}
STANDING = Issue(1, title="Title", body="same\nold\nsame too\n1\n2\n3\nold end")


def shown(*steps: Step, issue: Issue = STANDING) -> list[str]:
    """Return the lines of a plan, with their signs."""
    return [f"{line.sign}{line.text}" for line in told(steps, [issue])]


def test_what_is_created_is_shown_wholly() -> None:
    """But for the markers, which nobody reads."""
    tracker = Tracker()
    lines = [*told(tracker.plan(wanted()), [])]
    assert lines[0] == Line("*", "create an issue for inc-a: no issue bears its marker")
    assert Line("+", "title: [P1] backend: tables are missing") in lines
    assert Line("+", "labels: fivewhys, P1") in lines
    assert Line("+", "The report of inc-a.") in lines
    assert not any("<!--" in line.text or line.text == "…" for line in lines)
    assert lines[-1] == Line("", "1 to create; 0 left alone")


def test_of_an_edit_the_difference_is_shown() -> None:
    """The lines that change, and one on each side of them."""
    step = Step(Kind.EDIT, "inc-a", 1, "the report changed", EDITED)
    assert shown(step) == [
        "*change #1 for inc-a: the report changed",
        "-title: Title",
        "+title: New title",
        "same",
        "-old",
        "+new",
        "same too",
        "…",
        "3",
        "-old end",
        "+new end",
        "1 to change; 0 left alone",
    ]


def test_a_plan_in_short_has_a_line_a_step() -> None:
    """With the title of what is created, and with what waits for its time; no texts."""
    tracker = Tracker(TrackerPolicy(new_issues=1))
    steps = tracker.plan(wanted(), wanted("inc-b"), wanted("inc-c", held="silenced"))
    (one, created), (other, left) = briefly(steps)
    title = '"[P1] backend: tables are missing"'
    assert created == f"create an issue for inc-a {title}: no issue bears its marker"
    assert left.startswith("leave its issue for inc-b: 1 new issue within a day ")
    assert one != other
    assert [*briefly(tracker.plan(wanted(), wanted("inc-b")))] == [(one, created), (other, left)]


def test_comments_are_shown_with_what_they_were() -> None:
    """A new one has nothing to differ from, nor one that is gone."""
    issue = Issue(1, comments=(Comment(5, "before"), Comment(6, "other")))
    new = Step(Kind.COMMENT, "inc-a", 1, "news", {"body": "said"}, "k")
    edit = Step(Kind.EDIT_COMMENT, "inc-a", 1, "changed", {"body": "after"}, "k", 5)
    assert [line for line in shown(new, issue=issue) if line[0] in "+-"] == ["+said"]
    assert [line for line in shown(edit, issue=issue) if line[0] in "+-"] == ["-before", "+after"]
    assert [line for line in shown(edit) if line[0] in "+-"] == ["+after"]


def test_small_steps_take_a_line_or_two() -> None:
    """What is put on, taken off, opened, closed; for whom, and why."""
    steps = (
        Step(Kind.UNLABEL, "inc-a", 1, "over", {"labels": ("quiet",)}),
        Step(Kind.ASSIGN, "inc-a", 0, "assigned since", {"assignees": ("ana", "bo")}),
        Step(Kind.REOPEN, "inc-a", 1, "seen again", {"state": "open", "state_reason": "reopened"}),
        Step(Kind.LINK_DUPLICATE, "", 2, "a second", {}, other="inc-a", other_number=1),
        Step(Kind.SUB_ISSUE, "inc-s", 3, "part", other="inc-a", other_number=1),
        Step(Kind.LEAVE, "inc-b", 4, "closed"),
        Step(Kind.COMMENT, "", 2, "a second", {"body": ""}),
    )
    assert shown(*steps) == [
        "*unlabel #1 for inc-a: over",
        "-labels: quiet",
        "*assign its issue for inc-a: assigned since",
        "+assignees: ana, bo",
        "*reopen #1 for inc-a: seen again",
        "*close as a duplicate #2 (#1 of inc-a) for inc-a: a second",
        "*add a sub-issue to #3 (#1 of inc-a) for inc-s: part",
        "*leave #4 for inc-b: closed",
        "*comment on #2 for people: a second",
        (
            "1 to comment on, 1 to unlabel, 1 to assign, 1 to reopen, 1 to close as a duplicate, "
            "1 to add a sub-issue to; 1 left alone"
        ),
    ]


def test_nothing_to_do_is_said() -> None:
    """With how many issues were looked at."""
    assert shown(Step(Kind.LEAVE, "inc-a", 1, "as it should"))[-1] == "nothing to do; 1 left alone"


def test_what_is_taken_back_has_no_line_for_nothing() -> None:
    """A milestone that nobody wants any more only goes."""
    step = Step(Kind.EDIT, "inc-a", 1, "the milestone changed", {"milestone": ""})
    assert shown(step, issue=Issue(1, milestone="Sprint 1"))[1:-1] == ["-milestone: Sprint 1"]


def test_what_incidents_do_not_get_is_said() -> None:
    """Before the sum."""
    lines = [*told((), (), [("inc-a", "bo cannot be assigned")])]
    assert lines[0] == Line("", "note for inc-a: bo cannot be assigned")
    assert len(lines) == 2
