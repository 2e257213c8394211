"""What incidents want of the tracker, as they were recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.document import SuppressedDocument, VerdictDocument
from pipeline.document.models import ReportedDocument
from pipeline.incident import State
from pipeline.report import Action, LedgerEntry
from pipeline.tracker.model import News
from pipeline.tracker.routing import RoutingSettings
from pipeline.tracker.wanting import all_wanted, begun_at, wanted
from tests.support import BASE
from tests.tracker.recorded import document

DECIDED = LedgerEntry("inc-1", 77, Action.UPDATE, "why", "abc", (), "new")
REPORT = {"title": "not asked", "labels": ["not asked"], "body": "## Problem"}
HELD = SuppressedDocument(place="s.yml:1", owner="ana", reason="known", until="")


def recorded(report: dict[str, Any] | None = None, **values: Any) -> Any:
    """Return an incident as it was recorded."""
    one = document()
    told = one.report.model_copy(update={**REPORT, **(report or {})})
    return one.model_copy(update={"report": told, **values})


def last(update: str) -> ReportedDocument:
    """Return what the last report said, with the comment that it made."""
    return ReportedDocument(
        last_seen="",
        state="new",
        root_cause="",
        established=False,
        symptoms=[],
        unsettled=[],
        deployments=[],
        update=update,
    )


def test_an_issue_says_what_the_report_says() -> None:
    """Its signature is what stays when the same failure comes back."""
    one = wanted(recorded(state="quiet", absorbed=["inc-0"]), DECIDED)
    title = "[P1] backend: tables are missing"
    assert (one.key, one.title, one.body) == ("inc-1", title, "## Problem")
    assert (one.state, one.signature, one.last_seen) == (State.QUIET, "v1-aaaa", BASE)
    labels = ("fivewhys", "P1", "missing_table")
    assert (one.labels, one.assignees, one.news) == (labels, (), ())
    assert (one.absorbed, one.close) == (("inc-0",), False)


def test_where_it_goes_is_what_settings_make_of_it() -> None:
    """Labels, people and the rest; what it does not get is said."""
    settings = RoutingSettings(
        title="{{ rule }}", labels=("{{ priority }}", "x"), allowed=("P?",), milestone="M", type="T"
    )
    one = wanted(recorded(owners=["@ana", "@example/backend"]), DECIDED, settings)
    assert (one.title, one.labels) == ("missing_table", ("fivewhys", "P1"))
    assert (one.assignees, one.milestone, one.type) == (("ana",), "M", "T")
    assert one.links == ("Looked after by `@\u200bexample/backend`.",)
    assert one.notes == ("no label 'x': it is not among those allowed",)


@pytest.mark.parametrize(
    ("name", "logins"),
    [("@ana", ("ana",)), ("@example/backend", ()), ("ana", ()), ("", ()), ("@ana bo", ())],
)
def test_only_people_are_assigned(name: str, logins: tuple[str, ...]) -> None:
    """A team cannot be, and what has no `@` may be anything."""
    assert wanted(recorded(assigned_to=name), DECIDED).assignees == logins


def test_a_decision_makes_one_comment() -> None:
    """Named after it, so that it is made once, whoever tries again, and whatever is known since."""
    told = {"action": "leave", "update": "It went on.", "reported": last("New symptom.")}
    assert wanted(recorded(told), DECIDED).news == (News("update-77-abc", "New symptom."),)


@pytest.mark.parametrize(
    ("state", "until", "known", "held"),
    [
        ("resolved", BASE, (), "it was over before anything was to be written"),
        ("resolved", BASE - 1, (), ""),
        ("resolved", BASE, ("inc-1",), ""),
        ("quiet", BASE, (), ""),
    ],
    ids=["over", "seen later", "has an issue", "not over"],
)
def test_what_was_over_before_anything_was_written_is_not_reported(
    state: str, until: int, known: tuple[str, ...], held: str
) -> None:
    """Unless it comes back; what else holds it back is said first."""
    one = recorded(state=state)
    ledger = {"inc-1": DECIDED}
    (told,) = begun_at(all_wanted([one], ledger, BASE), until, known)
    assert told.held == held
    suppressed = one.model_copy(update={"suppressed": [HELD]})
    (told,) = begun_at(all_wanted([suppressed], ledger, BASE), until, known)
    assert told.held == "suppressed by ana (s.yml:1)"


@pytest.mark.parametrize(
    ("action", "update"),
    [(Action.CREATE, "Twice more."), (Action.UPDATE, ""), (Action.UPDATE, None)],
)
def test_what_is_no_news_makes_no_comment(action: Action, update: str | None) -> None:
    """Nor what was not decided to be reported: a count that grew shows in the report."""
    reported = None if update is None else last(update)
    told = {"action": "update", "update": "Twice more.", "news": ["symptoms"], "reported": reported}
    assert wanted(recorded(told), replace(DECIDED, action=action)).news == ()


@pytest.mark.parametrize(
    ("state", "reason", "closes"),
    [
        ("resolved", "resolved by ana; 3 seen since", True),
        ("resolved", "not seen for 24 h", False),
        ("new", "resolved by ana", False),
    ],
)
def test_what_people_resolved_is_closed(state: str, reason: str, closes: bool) -> None:  # noqa: FBT001 - a column of a table
    """What silence resolved is closed only where a setting says so."""
    said = [
        VerdictDocument(number=1, kind=kind, text=text, by="ana", at="", reason="")
        for kind, text in (("assign", "not seen"), ("resolve", "resolved by ana"))
    ]
    one = wanted(recorded(state=state, state_reason=reason, verdicts=said), DECIDED)
    assert one.close is closes


def test_only_what_was_decided_to_be_reported_is_wanted() -> None:
    """Why it is held back is said; a silence ends by itself."""
    ledger = dict.fromkeys(("inc-1", "inc-2", "inc-3"), DECIDED)
    documents = [
        recorded(),
        recorded(id="inc-2", suppressed=[HELD]),
        recorded(id="inc-3", silenced_until="2025-09-10T00:00:10Z"),
        recorded(id="inc-4"),
    ]
    until = 1_757_462_410 * 10**9
    held = {one.key: one.held for one in all_wanted(documents, ledger, until - 1)}
    assert held == {
        "inc-1": "",
        "inc-2": "suppressed by ana (s.yml:1)",
        "inc-3": "silenced until 2025-09-10T00:00:10Z",
    }
    assert [one.held for one in all_wanted(documents, ledger, until)][2] == ""
