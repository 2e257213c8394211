"""Which issues of people's an incident's issue names, and which it goes on in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.document import SampleDocument
from pipeline.tracker.marker import Mark, Side
from pipeline.tracker.model import Gone, Issue
from pipeline.tracker.ownership import joined
from pipeline.tracker.similar import (
    Library,
    Likeness,
    SimilarSettings,
    adopted,
    candidates,
    lines_in,
    links,
    subject,
)
from tests.support import BASE
from tests.test_markdown import assert_visible
from tests.tracker.recorded import document
from tests.tracker.support import SIGNER, Tracker, wanted

if TYPE_CHECKING:
    from pipeline.document import IncidentDocument, SymptomDocument

DAY = 86_400 * 10**9
NOW = BASE + 100 * DAY
SETTINGS = SimilarSettings()
TEXT = """\
2025-09-10T00:33:54Z ERROR Missing critical user tables: ['user_sessions'] in main
Traceback (most recent call last):
  File "/app/netra_backend/db/check.py", line 12, in check
netra.errors.MissingTable: relation "user_sessions" does not exist in main
"""
LINE = "10:11:12 Missing critical user tables: ['user_sessions'] in main"
OTHER = "Payment of the order was declined by the bank of the customer"
ID, FINGERPRINT = "inc-0123456789ab", "v1-0123456789abcdef"


def incident(
    text: str = TEXT,
    title: str = "Missing critical tables: user_sessions",
    effects: tuple[SymptomDocument, ...] = (),
    service: str = "netra-backend: ",
) -> IncidentDocument:
    """Return an incident as it was recorded; its root was seen once."""
    made = document(ID, ["missing_table"])
    root = symptom(made.symptoms[0], text, title=title, fingerprint=FINGERPRINT)
    return made.model_copy(
        update={
            "fingerprint": FINGERPRINT,
            "title": f"{service}{title}",
            "symptoms": [*effects, root],
        }
    )


def symptom(like: SymptomDocument, text: str, **values: Any) -> SymptomDocument:
    """Return a symptom with one sample."""
    sample = SampleDocument(
        insert_id="id", log_name="log", timestamp=like.first_seen, severity="ERROR", text=text
    )
    return like.model_copy(update={"samples": [sample], **values})


def issue(
    number: int = 144, title: str = "Something broke", body: str = "", **values: Any
) -> Issue:
    """Return an issue of people's."""
    return Issue(number, title=title, body=body, author="ana", **{"updated_at": NOW, **values})


def similar(
    *issues: Issue, made: IncidentDocument | None = None, **settings: Any
) -> tuple[Likeness, ...]:
    """Return what is like an incident."""
    told = replace(SETTINGS, **settings)
    return Library(issues, (), SIGNER, NOW, told).similar(subject(made or incident()))


def lines(*issues: Issue, **settings: Any) -> tuple[str, ...]:
    """Return what the incident's issue says of others."""
    return links(similar(*issues, **settings), SETTINGS)


def quoting(*rows: str) -> str:
    """Return the body of an issue that quotes lines."""
    told = "\n".join(rows)
    return f"Help!\n\n```\n{told}\n```\n"


# --- what is alike --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    [
        "Missing critical tables: user_sessions",
        "[P2] netra-backend: missing critical tables: user_sessions",
        "Missing critical user_sessions tables",
    ],
)
def test_a_title_that_is_alike_is_linked(title: str) -> None:
    """Whatever its case, order and prefix."""
    assert lines(issue(title=title)) == ("Possibly the same as #144 (100 %: title).",)


def test_an_error_line_that_is_quoted_is_linked() -> None:
    """With another time, in a fence or not."""
    said = ("Possibly the same as #144 (100 %: error line).",)
    assert lines(issue(body=quoting(LINE))) == said
    assert lines(issue(body=f"We see this:\n{LINE}\n")) == said


def test_the_score_says_how_much_and_which_part() -> None:
    """In per cent; the part by itself where it is not what the score is."""
    body = quoting(f"{LINE} of the database", "netra_backend/db/check.py")
    (line,) = lines(issue(title="Missing critical tables", body=body))
    assert line == ("Possibly the same as #144 (93 %: files 100 %, error line 86 %, title 76 %).")


def test_a_title_does_not_count_alone_where_other_lines_are_quoted() -> None:
    """These tell of another failure; files can make up for it."""
    title = "Missing critical tables: user_sessions"
    assert lines(issue(title=title, body=quoting(OTHER))) == ()
    assert lines(issue(title=title, body=quoting(OTHER, "netra_backend/db/check.py"))) != ()


@pytest.mark.parametrize(
    "other",
    [
        issue(),
        issue(title="", body=""),
        issue(title="Missing tables"),
        issue(body="netra_backend/db/check.py"),
        issue(body=quoting(OTHER)),
        issue(body="Traceback (most recent call last):"),
        issue(title="Missing critical tables: user_sessions", is_pull_request=True),
        issue(title="Missing critical tables: user_sessions", gone=Gone.DELETED),
        issue(
            title="Missing critical tables: user_sessions",
            is_open=False,
            closed_at=NOW - 14 * DAY - 1,
        ),
    ],
)
def test_what_is_not_alike_is_not_linked(other: Issue) -> None:
    """Files alone, few words, what every traceback says; nor what is no open or recent issue."""
    assert lines(other) == ()


def test_recently_closed_issues_are_linked() -> None:
    """And said to be closed."""
    title = "Missing critical tables: user_sessions"
    other = issue(title=title, is_open=False, closed_at=NOW - DAY)
    assert lines(other) == ("Possibly the same as #144, which is closed (100 %: title).",)


def test_our_own_issues_are_not_linked() -> None:
    """Those that bear our marker, which are told apart, and those that the ledger knows."""
    title = "Missing critical tables: user_sessions"
    body = joined(SIGNER, Mark(Side.BEGIN, "inc-other"), "our report")
    marked, lost = issue(1, title, body), issue(2, title)
    library = Library([marked, lost], {2}, SIGNER, NOW, SETTINGS)
    assert library.similar(subject(incident())) == ()
    assert library.marked == [marked]


def test_an_incident_that_says_nothing_is_like_none() -> None:
    """Neither title nor lines of few words are compared."""
    made = incident("failed", "Failed", service="")
    assert similar(issue(title="Failed", body="failed"), made=made) == ()


def test_the_best_are_linked_in_order() -> None:
    """Of the same score the open ones, then the oldest; no more than the settings allow."""
    title = "Missing critical tables: user_sessions"
    near = issue(1, f"{title} again")
    closed = issue(2, title, is_open=False, closed_at=NOW)
    found = similar(near, closed, issue(4, title), issue(3, title))
    assert [one.issue.number for one in found] == [3, 4, 2, 1]
    assert len(links(found, SETTINGS)) == 3
    assert [line.split()[4] for line in links(found, SETTINGS, adopted=3)] == ["#4", "#2,", "#1"]


def test_symptoms_count_after_the_root() -> None:
    """Their lines are compared, too."""
    text = "Nobody can log in to the shop any more"
    (root,) = incident().symptoms
    made = incident(effects=(symptom(root, text, fingerprint="v1-ffffffffffffffff"),))
    told = subject(made)
    assert told.lines[-1] == "nobody can log in to the shop any more"
    assert told.identifiers == {ID, FINGERPRINT}
    assert similar(issue(body=quoting(text)), made=made)


def test_the_issues_that_changed_last_are_compared() -> None:
    """The work is bounded, whatever a repository holds."""
    title = "Missing critical tables: user_sessions"
    old, new = issue(1, title, updated_at=NOW - DAY), issue(2, title)
    assert [one.issue.number for one in similar(old, new, most_issues=1)] == [2]


@given(
    st.permutations([issue(number, "Missing critical user tables") for number in range(1, 6)]),
)
def test_the_order_of_issues_changes_nothing(issues: list[Issue]) -> None:
    """They may be listed in any."""
    assert similar(*issues, link_from=70) == similar(
        *sorted(issues, key=lambda one: one.number), link_from=70
    )


@given(st.text(max_size=500), st.text(max_size=500), st.text(max_size=100))
def test_hostile_text_is_compared(text: str, body: str, title: str) -> None:
    """Nothing is raised, no score is beyond, and nothing of it stands in a link."""
    found = similar(issue(title=title, body=body), made=incident(text, title), link_from=0)
    (one,) = found
    assert 0 <= one.score <= 100
    assert_visible(one.line)
    assert one.line.startswith("Possibly the same as #144 (")


# --- adoption -------------------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", [ID, FINGERPRINT])
def test_an_issue_that_names_the_incident_is_adopted(identifier: str) -> None:
    """If somebody with write access opened it."""
    found = similar(issue(body=f"For {identifier}."))
    assert links(found, SETTINGS) == (f"Possibly the same as #144 (100 %: it names {identifier}).",)
    assert [one.issue.number for one in candidates(found, SETTINGS)] == [144]
    assert adopted(found, ["Ana"], SETTINGS) == 144
    assert adopted(found, ["bo"], SETTINGS) == 0
    assert adopted(found, ["ana"], replace(SETTINGS, adopts=False)) == 0


@pytest.mark.parametrize(
    "values", [{"locked": True}, {"is_open": False, "closed_at": NOW}, {"title": "x", "body": ""}]
)
def test_what_cannot_be_gone_on_in_is_not_adopted(values: dict[str, Any]) -> None:
    """It is closed or locked, or names nothing."""
    other = replace(issue(body=FINGERPRINT), **values)
    assert adopted(similar(other), ["ana"], SETTINGS) == 0


def test_of_several_that_name_it_none_is_adopted() -> None:
    """People have to say which; who may not write has no say."""
    two = (issue(1, body=ID), replace(issue(2, body=ID), author="eve"))
    assert adopted(similar(*two), ["ana", "eve"], SETTINGS) == 0
    assert adopted(similar(*two), ["ana"], SETTINGS) == 1


def test_what_is_alike_is_adopted_only_if_a_setting_says_so() -> None:
    """Then the best of them, but what names it goes before."""
    title = "Missing critical tables: user_sessions"
    settings = replace(SETTINGS, adopt_from=95)
    two = (issue(1, title), issue(2, title), issue(3, f"{title} again and again"))
    found = similar(*two)
    assert adopted(found, ["ana"], SETTINGS) == 0
    assert adopted(found, ["ana"], settings) == 1
    assert adopted(similar(*two, issue(4, body=ID)), ["ana"], settings) == 4
    assert adopted((), ["ana"], settings) == 0


def test_an_adopted_issue_is_gone_on_in() -> None:
    """Below what people wrote in it, and no other is opened; its likes are named."""
    tracker = Tracker()
    number = tracker.file(title="Login fails", body=f"See {ID}.", author="ana", updated_at=NOW)
    tracker.file(title="Missing critical tables: user_sessions", author="eve", updated_at=NOW)
    found = similar(*tracker.issues.values())
    chosen = adopted(found, ["ana"], SETTINGS)
    assert chosen == number
    tracker.apply(wanted(ID, adopt=chosen, links=links(found, SETTINGS, chosen)))
    body = tracker.issues[number].body
    assert body.startswith(f"See {ID}.\n\n<!-- fivewhys:")
    assert "Possibly the same as #2 (100 %: title)." in body
    assert len(tracker.issues) == 2
    assert Library(tracker.issues.values(), (), SIGNER, NOW, SETTINGS).marked == [
        tracker.issues[number]
    ]


def test_what_was_said_is_found_in_a_report() -> None:
    """At its beginning, below the issue that it follows, and nowhere else."""
    one, two = (
        Likeness(issue(number), 91, (("title", 91), ("files", 80)), "").line for number in (1, 2)
    )
    assert one == "Possibly the same as #1 (91 %: title, files 80 %)."
    assert lines_in(f"Follows #9.\n\n{one}\n\n{two}\n\nLooked after.\n\n{two}") == (one, two)
    assert lines_in(f"Looked after.\n\n{one}") == ()
    assert lines_in("") == ()
