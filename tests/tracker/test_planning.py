"""What is done to issues, flow by flow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.incident import State
from pipeline.report import BODY_LIMIT
from pipeline.tracker.knowing import intended, refused
from pipeline.tracker.locating import concerned, unlisted
from pipeline.tracker.model import Closing, Gone, Kind, Known, News, Step, TrackerPolicy, Wanted
from pipeline.tracker.planning import plan, settle
from tests.tracker.support import DAY, NOW, POLICY, SIGNER, US, Tracker, wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTE = 60_000_000_000
OVER = wanted(state=State.RESOLVED)
LATER = wanted(last_seen=NOW + DAY)


def filed(*items: Wanted, policy: TrackerPolicy = POLICY) -> Tracker:
    """Return a tracker in which what incidents want was filed."""
    tracker = Tracker(policy)
    tracker.apply(*(items or (wanted(),)))
    return tracker


def kinds(steps: Sequence[Step]) -> list[tuple[str, int]]:
    """Return what steps do, and to which issue."""
    return [(step.kind.value, step.number) for step in steps]


def only(steps: Sequence[Step]) -> Step:
    """Return the one step that there is."""
    (step,) = steps
    return step


# --- to create and to update ----------------------------------------------------------------------


def test_an_issue_is_created_with_all_that_it_is_to_have() -> None:
    """In one request; what is not wanted is not sent."""
    item = wanted(title=" a  b\n" * 200, assignees=("ana",) * 12, type="Bug", links=("Maybe #3.",))
    step = only(Tracker().plan(item))
    assert (step.kind, step.reason) == (Kind.CREATE, "no issue bears its marker")
    assert sorted(step.fields) == ["assignees", "body", "labels", "title", "type"]
    assert len(step.fields["title"]) == 256
    assert len(step.fields["assignees"]) == 10
    first, said, *_ = str(step.fields["body"]).split("\n")
    assert first.startswith("<!-- fivewhys:v1 begin incident=inc-a ")
    assert said == "Maybe #3."
    assert only(Tracker().plan(wanted(title=" "))).fields["title"] == "(no title)"


def test_what_did_not_change_is_left_alone() -> None:
    """With the reason."""
    step = only(filed().plan(wanted()))
    assert (step.kind, step.number, step.reason) == (Kind.LEAVE, 1, "the issue says what it should")


def test_a_body_is_edited_once_in_a_while() -> None:
    """But at once where there is news, which is told in a comment."""
    tracker = filed()
    changed = wanted(body="It went on.")
    assert only(tracker.plan(changed)).reason == "an edit waits for group_interval"
    news = replace(changed, news=(News("n1", "A new symptom."),))
    assert kinds(tracker.plan(news)) == [("edit", 1), ("comment", 1)]
    tracker.now += POLICY.group_interval
    step = only(tracker.apply(changed))
    assert step.reason == "the report changed"
    assert "It went on." in tracker.issues[1].body


def test_what_people_edited_inside_our_part_is_replaced_and_that_is_said() -> None:
    """But only when there is something to say; ticks are kept."""
    tracker = filed(wanted(body="- [ ] look\n\nwrong"))
    tracker.edit(1, lambda body: body.replace("[ ]", "[x]").replace("wrong", "right"))
    tracker.now += DAY
    assert only(tracker.plan(wanted(body="- [ ] look\n\nwrong"))).kind is Kind.LEAVE
    step = only(tracker.apply(wanted(body="- [ ] look\n\nnew")))
    assert step.reason.endswith("what people edited inside our part is replaced")
    assert "- [x] look\n\nnew" in tracker.issues[1].body


def test_what_people_changed_is_kept() -> None:
    """Title, labels, assignees, type: only what is still as we set it is changed."""
    first = wanted(assignees=("ana", "bo"), type="Bug", milestone="M1")
    tracker = filed(first)
    tracker.change(
        1, title="theirs", labels=("fivewhys", "Theirs"), assignees=("ana", "cy"), milestone="M2"
    )
    again = replace(
        first, title="ours", labels=("FIVEWHYS", "P1", "auth"), assignees=("bo",), type="Task",
        milestone="M3",
    )  # fmt: skip
    tracker.apply(again)
    issue = tracker.issues[1]
    assert (issue.title, issue.milestone, issue.type) == ("theirs", "M2", "Task")
    assert issue.labels == ("fivewhys", "Theirs", "auth")
    assert issue.assignees == ("cy",)


def test_what_we_set_and_nobody_wants_is_taken_back() -> None:
    """Milestone and type; what people set instead, or without us, stays."""
    tracker = Tracker()
    tracker.apply(wanted(type="Bug", milestone="M1"))
    tracker.change(1, type="Task")
    (step,) = tracker.apply(wanted())
    assert (step.fields, step.reason) == ({"milestone": ""}, "the milestone changed")
    assert (tracker.issues[1].milestone, tracker.issues[1].type) == ("", "Task")
    tracker.change(1, milestone="M2")
    assert tracker.kinds(tracker.apply(wanted())) == ["leave"]
    assert tracker.issues[1].milestone == "M2"


def test_no_more_people_are_assigned_than_github_allows() -> None:
    """Those that people assigned come first."""
    tracker = filed()
    tracker.change(1, assignees=tuple(f"p{number}" for number in range(9)))
    step = only(tracker.plan(wanted(assignees=("ana", "bo"))))
    assert (step.kind, step.fields) == (Kind.ASSIGN, {"assignees": ("ana",)})


def test_a_comment_is_edited_rather_than_repeated() -> None:
    """When its text changes; not if somebody else wrote it, nor if people deleted it."""
    policy = TrackerPolicy(logins=frozenset({"FiveWhys[bot]"}))
    tracker = filed(policy=policy)
    tracker.apply(wanted(news=(News("n1", "one"),)))
    changed = wanted(news=(News("n1", "two"),))
    assert kinds(tracker.apply(changed)) == [("edit_comment", 1)]
    assert ["two" in body for body in tracker.bodies(1)] == [True]
    comments = tracker.issues[1].comments or ()
    tracker.change(1, comments=tuple(replace(one, author="ana") for one in comments))
    assert only(tracker.plan(wanted(news=(News("n1", "three"),)))).kind is Kind.LEAVE
    tracker.change(1, comments=())
    assert only(tracker.plan(changed)).kind is Kind.LEAVE


def test_what_people_wrote_around_our_comment_stays() -> None:
    """And where it leaves no room for ours, ours stays as it is."""
    tracker = filed()
    tracker.apply(wanted(news=(News("n1", "one"),)))
    for theirs, kind in (("\ntheirs", Kind.EDIT_COMMENT), ("t" * BODY_LIMIT, Kind.LEAVE)):
        comments = tracker.issues[1].comments or ()
        tracker.change(1, comments=tuple(replace(one, body=one.body + theirs) for one in comments))
        step = only(tracker.apply(wanted(news=(News("n1", f"two {kind}"),))))
        assert step.kind is kind
        assert tracker.bodies(1)[0].endswith(theirs)


def test_long_reports_and_news_go_on_in_further_comments() -> None:
    """And when they fit again, what is left over says so."""
    long = "\n\n".join("x" * 1_000 for _ in range(100))
    tracker = filed(wanted(body=long, news=(News("n1", long),)))
    keys = [step.key for step in filed().plan(wanted(body=long, news=(News("n1", long),)))]
    assert keys == ["", "overflow-1", "n1", "n1.2"]
    assert len(tracker.bodies(1)) == 3
    tracker.now += DAY
    steps = tracker.apply(wanted(body="short"))
    assert kinds(steps) == [("edit", 1), ("edit_comment", 1)]
    assert "fits into the issue again" in tracker.bodies(1)[0]
    assert len(tracker.issues[1].body) < 1_000


def test_an_issue_that_people_filled_is_not_edited() -> None:
    """Its body has no room for ours, so the report stands in a comment."""
    tracker = Tracker()
    tracker.file(title="theirs", body="t" * BODY_LIMIT)
    steps = tracker.apply(wanted(adopt=1))
    assert [step.kind for step in steps] == [Kind.COMMENT, Kind.LABEL]
    tracker.now += DAY
    assert only(tracker.plan(wanted(adopt=1))).kind is Kind.LEAVE


def test_a_locked_issue_is_edited_but_not_commented() -> None:
    """People do not want to hear more."""
    tracker = filed()
    tracker.change(1, locked=True)
    tracker.now += DAY
    assert kinds(tracker.plan(wanted(body="new", news=(News("n1", "one"),)))) == [("edit", 1)]
    tracker.close(1)
    assert only(tracker.plan(wanted(last_seen=NOW + 9 * DAY))).reason == "closed and locked"


# --- quiet, closed, back again --------------------------------------------------------------------


def test_quiet_and_flapping_are_labels() -> None:
    """Ours to give and to take."""
    tracker = filed()
    step = only(tracker.apply(wanted(state=State.QUIET)))
    assert (step.kind, step.fields) == (Kind.LABEL, {"labels": ("quiet",)})
    step = only(tracker.apply(wanted()))
    assert (step.kind, step.fields) == (Kind.UNLABEL, {"labels": ("quiet",)})
    assert only(tracker.plan(wanted(state=State.FLAPPING))).fields == {"labels": ("flapping",)}


def test_what_is_resolved_is_closed_only_where_somebody_says_so() -> None:
    """A setting, or people; an issue that people open again stays open."""
    tracker = filed()
    assert only(tracker.apply(OVER)).kind is Kind.LABEL
    told = replace(OVER, close=True)
    assert kinds(tracker.apply(told)) == [("close", 1)]
    assert only(tracker.plan(told)).reason == "closed, and the incident is resolved"
    tracker.change(1, is_open=True)
    assert only(tracker.plan(told)).kind is Kind.LEAVE
    policy = TrackerPolicy(closes=True)
    assert kinds(Tracker(policy).plan(OVER)) == [("create", 0), ("close", 0)]


def test_an_issue_is_opened_again_when_it_was_seen_since_it_was_closed() -> None:
    """Not for what was still on its way; the second time it flaps."""
    tracker = filed()
    tracker.close(1)
    step = only(tracker.plan(wanted(last_seen=NOW + MINUTE)))
    assert step.reason.endswith("and not seen since")
    steps = tracker.apply(LATER)
    assert kinds(steps) == [("reopen", 1)]
    assert steps[0].reason.startswith("seen again within 7 d of ")
    tracker.close(1)
    assert kinds(tracker.apply(LATER)) == [("reopen", 1), ("label", 1)]
    assert "flapping" in tracker.issues[1].labels


def test_long_after_a_new_issue_follows_the_old_one() -> None:
    """Which stays closed, and is linked."""
    tracker = filed()
    tracker.close(1)
    late = wanted(last_seen=NOW + 8 * DAY)
    step = only(tracker.apply(late))
    assert step.reason == "seen again more than 7 d after #1 was closed"
    assert "\nFollows #1.\n" in tracker.issues[2].body
    assert (tracker.open, tracker.ledger["inc-a"].number) == ([2], 2)
    tracker.ledger.clear()
    assert only(tracker.plan(late)).number == 2
    tracker.change(1, is_open=True)
    assert kinds(tracker.plan(late))[1:] == [("link_duplicate", 1), ("comment", 1)]


@pytest.mark.parametrize("reason", [Closing.NOT_PLANNED, Closing.DUPLICATE])
def test_what_people_declined_is_left_alone_until_it_is_another_failure(reason: Closing) -> None:
    """Or a duplicate of something; the signature says which failure it is."""
    tracker = filed()
    tracker.close(1, reason)
    assert only(tracker.plan(LATER)).reason.endswith("left alone until the signature changes")
    assert kinds(tracker.plan(replace(LATER, signature="other")))[0] == ("reopen", 1)
    late = replace(LATER, signature="other", last_seen=NOW + 9 * DAY)
    assert kinds(tracker.apply(late)) == [("create", 0)]
    assert kinds(tracker.plan(late)) == [("leave", 2)]


@pytest.mark.parametrize("gone", Gone)
def test_what_is_gone_is_left_alone_until_it_is_another_failure(gone: Gone) -> None:
    """Whoever deleted, moved or converted it had a reason."""
    tracker = filed()
    tracker.change(1, gone=gone, body="", comments=None)
    assert only(tracker.plan(LATER)).reason.startswith(f"#1 was {gone};")
    step = only(tracker.plan(replace(LATER, signature="other")))
    assert (step.kind, step.after) == (Kind.CREATE, 1)


def test_an_issue_that_was_not_listed_is_asked_for() -> None:
    """Somebody may have taken our label away; until it is found no other is created."""
    tracker = filed()
    issues = tracker.issues
    tracker.issues = {}
    assert unlisted([], tracker.ledger) == {1}
    assert only(tracker.plan(wanted())).reason.startswith("#1 was not listed")
    assert unlisted(issues.values(), tracker.ledger) == frozenset()


@pytest.mark.parametrize("is_second", [False, True])
def test_a_creation_that_nobody_answered_is_waited_for(*, is_second: bool) -> None:
    """It may appear in a later list only; also where it follows another one."""
    tracker = filed() if is_second else Tracker()
    item = wanted(last_seen=NOW + 9 * DAY)
    if is_second:
        tracker.close(1)
    step = only(tracker.plan(item))
    known = intended(tracker.ledger.get("inc-a", Known()), step, tracker.now)
    tracker.ledger["inc-a"] = known
    tracker.now += POLICY.doubt // 2
    assert only(tracker.plan(item)).reason.endswith(" without an answer; it may still appear")
    tracker.ledger = settle([item], tracker.issues.values(), tracker.ledger, SIGNER, POLICY)
    assert only(tracker.plan(item)).kind is Kind.LEAVE
    tracker.ledger["inc-a"] = refused(known)
    assert only(tracker.plan(item)).kind is Kind.CREATE
    tracker.ledger["inc-a"] = known
    number = tracker.file(**step.fields, author=US)
    assert kinds(tracker.plan(item)) == [("leave", number)]
    tracker.issues.pop(number)
    tracker.now += POLICY.doubt
    assert only(tracker.plan(item)).kind is Kind.CREATE


# --- several issues -------------------------------------------------------------------------------


def test_of_two_issues_with_one_marker_the_oldest_is_kept() -> None:
    """The other is closed as a duplicate, once; if people open it again it stays open."""
    tracker = filed()
    tracker.file(body=tracker.issues[1].body, labels=("fivewhys",))
    steps = tracker.apply(wanted())
    assert kinds(steps) == [("leave", 1), ("link_duplicate", 2), ("comment", 2)]
    assert (steps[1].other, steps[1].other_number) == ("inc-a", 1)
    assert "Duplicate of #1. Both are about `inc-a`." in tracker.bodies(2)[0]
    tracker.change(2, comments=())
    assert kinds(tracker.plan(wanted())) == [("leave", 1), ("comment", 2)]
    tracker.apply(wanted())
    tracker.change(2, is_open=True)
    assert kinds(tracker.plan(wanted())) == [("leave", 1)]


def test_an_issue_made_of_our_comment_is_not_ours() -> None:
    """Its marker is one of a comment."""
    tracker = filed()
    tracker.apply(wanted(news=(News("n1", "one"),)))
    tracker.file(body=tracker.bodies(1)[0])
    assert kinds(tracker.plan(wanted())) == [("leave", 1)]


def test_a_copy_is_never_taken_for_the_original() -> None:
    """Once the marker says which issue it was written into, the original need not even be there."""
    tracker = filed()
    tracker.now += DAY
    tracker.apply(wanted(body="new"))
    tracker.file(body=tracker.issues[1].body)
    tracker.file(body=tracker.issues[1].body, locked=True)
    del tracker.issues[1]
    tracker.ledger.clear()
    steps = tracker.apply(wanted(body="new"))
    assert kinds(steps) == [("create", 0), ("link_duplicate", 2), ("comment", 2)]
    assert "Duplicate of another issue." in tracker.bodies(2)[0]


def test_an_absorbed_incident_gives_up_its_issue_and_gets_it_back() -> None:
    """When it is parted from the other again; as often as that happens."""
    one, two = wanted(absorbed=("inc-b",)), wanted("inc-b")
    tracker = filed(wanted(), two)
    for _ in range(2):
        steps = tracker.apply(one)
        assert kinds(steps) == [("leave", 1), ("link_duplicate", 2), ("comment", 2)]
        assert "`inc-b` became part of `inc-a`." in tracker.bodies(2)[-1]
        assert only(tracker.plan(one)).kind is Kind.LEAVE
        assert kinds(tracker.apply(wanted(), two))[:2] == [("leave", 1), ("reopen", 2)]
    tracker.apply(one)
    tracker.change(2, is_open=True, comments=())
    assert kinds(tracker.plan(one)) == [("leave", 1)]
    assert kinds(tracker.plan(replace(one, absorbed=("inc-b", "inc-c")), two))[0] == ("leave", 1)


def test_an_incident_that_is_left_without_an_issue_absorbs_none() -> None:
    """There is nothing to link to."""
    tracker = filed(wanted("inc-b"))
    tracker.ledger["inc-a"] = Known(9)
    assert kinds(tracker.plan(wanted(absorbed=("inc-b",)))) == [("leave", 0)]


def test_a_storm_has_its_incidents_as_sub_issues() -> None:
    """Within GitHub's limit; people may take one out, or give it another parent."""
    storm = wanted("storm", children=("inc-a", "inc-b", "inc-c", "inc-d"))
    tracker = Tracker(TrackerPolicy(sub_issues=2))
    tracker.apply(wanted("inc-c"))
    tracker.change(1, parent=77)
    steps = tracker.apply(storm, wanted(), wanted("inc-b"), wanted("inc-e"))
    linked = [(step.other, step.other_number) for step in steps if step.kind is Kind.SUB_ISSUE]
    assert linked == [("inc-a", 0), ("inc-b", 0)]
    tracker.change(tracker.ledger["inc-a"].number, parent=0)
    assert {step.kind for step in tracker.plan(storm)} == {Kind.LEAVE}


def test_an_issue_of_peoples_is_adopted_below_what_they_wrote() -> None:
    """If none is ours; nothing of it but our part changes, labels are added."""
    tracker = Tracker()
    tracker.file(title="theirs", body="It is broken.", labels=("bug",))
    item = wanted(adopt=1)
    assert kinds(tracker.apply(item)) == [("edit", 1), ("label", 1)]
    issue = tracker.issues[1]
    assert issue.title == "theirs"
    assert issue.body.startswith("It is broken.\n\n<!-- fivewhys:v1 begin incident=inc-a issue=1 ")
    assert issue.labels == ("bug", "fivewhys", "P1")
    assert kinds(tracker.plan(item)) == [("leave", 1)]
    ours = filed()
    ours.file(body="It is broken.")
    assert kinds(ours.plan(wanted(adopt=2))) == [("leave", 1)]


def test_the_issue_that_the_ledger_knows_gives_way_to_an_older_one() -> None:
    """What we set there says nothing about this one."""
    tracker = filed()
    tracker.file(body=tracker.issues[1].body, title="older")
    tracker.ledger["inc-a"] = replace(tracker.ledger["inc-a"], number=2)
    known = settle([wanted()], tracker.issues.values(), tracker.ledger, SIGNER, POLICY)["inc-a"]
    assert (known.number, known.ours.title, known.signature) == (1, "", "missing-table")


def test_pull_requests_are_no_issues() -> None:
    """GitHub lists them, too."""
    tracker = filed()
    tracker.change(1, is_pull_request=True)
    tracker.ledger.clear()
    assert only(tracker.plan(wanted())).kind is Kind.CREATE


def test_comments_have_to_be_listed_where_they_matter() -> None:
    """Or else they would be repeated."""
    tracker = filed(wanted(), wanted("inc-b"), wanted("inc-c"))
    tracker.file(body="theirs")
    items = [wanted(absorbed=("inc-b", "inc-x"))]
    assert concerned(items, tracker.issues.values(), tracker.ledger, SIGNER) == {1, 2}
    tracker.change(1, comments=None)
    with pytest.raises(ValueError, match="comments of #1 were not listed"):
        plan(items, tracker.issues.values(), tracker.ledger, NOW, POLICY, signer=SIGNER)


def test_a_key_that_no_marker_could_carry_is_refused() -> None:
    """It would not be found again."""
    with pytest.raises(ValueError, match="a key has 1 to 100 characters, this one 0"):
        wanted("")
    with pytest.raises(ValueError, match="this one 101"):
        News("k" * 101, "text")
