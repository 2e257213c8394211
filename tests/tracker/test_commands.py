"""What people decide in an issue: verdicts of it, and one answer each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lifecycle import DAY
from pipeline.redaction import Redactor
from pipeline.tracker.asking import CommandSettings, Request, requests
from pipeline.tracker.commands import Heard, Hearing, heed
from pipeline.verdicts import Kind
from tests.support import BASE
from tests.test_markdown import HOSTILE, assert_defused, parser
from tests.tracker.recorded import document
from tests.tracker.support import SIGNER, Tracker, wanted

if TYPE_CHECKING:
    from pipeline.verdicts import Verdict

ALLOWED = {"", "ul", "li", "p", "code", "table", "thead", "tbody", "tr", "th", "td"}
SETTINGS = CommandSettings(logins=frozenset({"fivewhys[bot]"}))


def hearing(**values: Any) -> Hearing:
    """Return what is known when a request about `inc-1` is heard; `values` override."""
    told: dict[str, Any] = {
        "incident": document(),
        "others": {7: document(), 12: document("inc-2", ["login_failed"])},
        "permissions": {"ana": "write", "bo": "admin", "eve": "read"},
        "given": (),
        "repository": "example/platform",
        "redactor": Redactor(),
        "settings": SETTINGS,
    }
    return Hearing(**{**told, **values})


def asked(*commands: str, by: str = "ana", key: str = "answer-1") -> Request:
    """Return a request of one comment."""
    return Request(key, 7, by, BASE, commands)


def heard(*commands: str, **values: Any) -> Heard:
    """Return what comes of one comment."""
    return heed([asked(*commands)], hearing(**values))


def decided(command: str) -> Verdict:
    """Return the verdict that a command comes to."""
    (verdict,) = heard(command).verdicts
    return verdict


def mistake(command: str, **values: Any) -> str:
    """Return the answer to what comes to nothing."""
    found = heard(command, **values)
    assert found.verdicts == ()
    (answer,) = found.answers
    assert "not done" in answer.text
    assert "| command | what it does |" in answer.text
    return answer.text


def plain(text: str) -> str:
    """Return Markdown without what keeps text from acting."""
    return text.replace("\u200b", "").replace("\\", "")


def test_silence() -> None:
    """From when it was said; the rest of the line is the reason."""
    verdict = decided("Silence 7d  until the release")
    assert verdict.kind is Kind.SILENCE
    assert (verdict.at, verdict.until) == (BASE, BASE + 7 * DAY)
    assert (verdict.by, verdict.reason) == ("@ana", "until the release")
    assert verdict.handle == ("v1-aaaa", BASE)


@pytest.mark.parametrize(
    "name",
    [
        "#12",
        "12",
        "example/platform#12",
        "https://github.com/Example/Platform/issues/12",
        "https://github.com/example/platform/issues/12#issuecomment-3",
    ],
)
def test_merge(name: str) -> None:
    """An issue is named as people name it."""
    verdict = decided(f"merge {name} same roll-out")
    assert (verdict.kind, verdict.other_incident) == (Kind.MERGE, "inc-2")
    assert (verdict.other, verdict.reason) == (("v1-bbbb", BASE), "same roll-out")


@pytest.mark.parametrize("symptom", ["login_failed", "v1-bbbb"])
def test_split(symptom: str) -> None:
    """A symptom is named by its rule or its fingerprint."""
    verdict = decided(f"split {symptom}")
    assert (verdict.kind, verdict.handle) == (Kind.SPLIT, ("v1-bbbb", BASE))


def test_resolve() -> None:
    """With a revision or without."""
    assert decided("resolve").revision == ""
    verdict = decided("resolve backend-00042-abc rolled back")
    assert (verdict.revision, verdict.reason) == ("backend-00042-abc", "rolled back")


@pytest.mark.parametrize(
    ("who", "assignee"),
    [
        ("@bo", "@bo"),
        ("bo", "@bo"),
        ("@me", "@ana"),
        ("@example/backend", "@example/backend"),
    ],
)
def test_assign(who: str, assignee: str) -> None:
    """To a login, a team, or oneself."""
    assert decided(f"assign {who}").assignee == assignee


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("silence", "is no span to silence for"),
        ("silence week", "is no span to silence for, such as 12h or 7d"),
        ("silence 99999y", "outside the years"),
        ("merge", "is not the number of an incident's issue, such as #12"),
        ("merge #13", "'#13' is not the number of an incident's issue"),
        ("merge other/platform#12", "is not the number"),
        ("merge #7", "inc-1 cannot be merged with itself"),
        ("split", "no symptom ''"),
        ("split gone", "no symptom 'gone'; name one by its fingerprint: missing_table (v1-aaaa)"),
        ("resolve because", "'because' is no revision with a number"),
        ("assign", "is no login or team"),
        ("assign @ana@bo", "is no login or team"),
        ("frobnicate", "there is no command 'frobnicate'"),
        (f"merge {'1' * 999}", "is too long"),
    ],
)
def test_what_cannot_be_done_is_answered(command: str, reason: str) -> None:
    """With what is wrong, and what is possible."""
    assert reason in plain(mistake(command))


@pytest.mark.parametrize("command", ["", "help", "HELP me"])
def test_help(command: str) -> None:
    """Names every command, and does nothing."""
    found = heard(command)
    (said,) = found.answers
    assert found.verdicts == ()
    for name in ("silence", "merge", "split", "resolve", "assign", "help"):
        assert f"/fivewhys {name}" in said.text
    assert "not done" not in said.text


def test_a_comment_is_answered_once() -> None:
    """Whatever stands in it, under the comment's key; what was done is said, and the rest."""
    found = heard("silence 7d", "assign @bo", "frobnicate")
    assert [one.kind for one in found.verdicts] == [Kind.SILENCE, Kind.ASSIGN]
    (said,) = found.answers
    assert said.key == "answer-1"
    assert plain(said.text).startswith(
        "- `/fivewhys silence 7d`: silenced until 2025-09-17T00:00:00Z "
        "by @ana at 2025-09-10T00:00:00Z.\n- `/fivewhys assign @bo`: assigned to @bo by @ana"
    )
    assert "It counts from the next run" in said.text
    assert "there is no command" in said.text


def test_what_went_well_needs_no_help() -> None:
    """The answer is short."""
    (said,) = heard("resolve").answers
    assert "| command |" not in said.text


def test_who_may_not_is_answered_nothing() -> None:
    """But counted; nor is who nobody asked about, or whose account is gone."""
    found = heed(
        [asked("resolve", "help", by="eve"), asked("help", by="new"), asked("help", by="")],
        hearing(),
    )
    assert found == Heard(refused=4)


def test_names_are_compared_as_the_tracker_does() -> None:
    """Whatever their case."""
    assert heed([asked("resolve", by="BO")], hearing()).refused == 0


def test_what_is_stored_already_is_only_answered() -> None:
    """A run that was interrupted before its answer leaves nothing twice.

    By then the incident may begin earlier.
    """
    commands = ("silence 7d", "split login_failed", "resolve")
    first = heard(*commands)
    stored = tuple(
        replace(one, number=number, handle=(one.handle[0], one.handle[1] - 1))
        for number, one in enumerate(first.verdicts, start=1)
    )
    again = heard(*commands, given=stored)
    assert again.verdicts == ()
    assert again.answers == first.answers


def test_what_is_said_twice_in_a_comment_counts_once() -> None:
    """It is answered as often."""
    found = heard("resolve", "resolve")
    assert len(found.verdicts) == 1
    assert found.answers[0].text.count("/fivewhys resolve") == 2


def test_commands_of_a_comment_are_limited() -> None:
    """The first that is too much is said to be."""
    found = heard(*["help"] * 2, "resolve", "resolve", settings=CommandSettings(most=2))
    assert found.verdicts == ()
    assert plain(found.answers[0].text).count("only 2 commands of a comment are heard") == 1


def test_secrets_do_not_come_back() -> None:
    """Neither in a verdict nor in an answer."""
    found = heard("silence 7d password=hunter2secret", "frobnicate password=hunter2secret")
    assert "hunter2secret" not in f"{found}"
    assert found.verdicts[0].reason == "password=[REDACTED]"
    assert "is no login" in mistake("assign password=hunter2secret")


def test_a_long_reason_is_cut() -> None:
    """A verdict is one line."""
    verdict = decided(f"resolve backend-00042-abc {'why ' * 1000}")
    assert len(verdict.reason) == 500


@given(st.lists(st.text(max_size=2000), max_size=12))
def test_no_words_act_in_an_answer(commands: list[str]) -> None:
    """Nor make it longer than a comment can be."""
    found = heard(*(" ".join(one.split()) for one in commands))
    (said,) = found.answers
    assert len(said.text) < 65_536


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_text(words: str) -> None:
    """Quoted as code and in reasons: no link, image, heading or HTML comes of them."""
    line = " ".join(words.split())
    (said,) = heard(f"resolve backend-00042-abc {line}", f"assign {line}").answers
    assert_defused(said.text)
    tokens = [one for top in parser().parse(said.text) for one in (top, *(top.children or ()))]
    assert {one.tag for one in tokens} <= ALLOWED
    html = [one.content for one in tokens if one.type.startswith("html")]
    assert set(html) <= {"<code>", "</code>"}


def test_a_command_is_heard_once() -> None:
    """The answer is planned like any news; when it stands there, nothing is asked any more."""
    tracker = Tracker()
    tracker.apply(wanted())
    (number,) = tracker.open
    found = tracker.comment(tracker.issues[number], "/fivewhys silence 7d", "ana")
    tracker.issues[number] = found
    request = requests(found, (), frozenset(), SIGNER, SETTINGS)
    told = heed(request, hearing())
    assert len(told.verdicts) == 1
    tracker.apply(wanted(news=told.answers))
    assert len(tracker.bodies(number)) == 2
    assert requests(tracker.issues[number], (), frozenset(), SIGNER, SETTINGS) == ()
    tracker.change(number, comments=(*(found.comments or ()),))
    said = tracker.ledger["inc-a"].said
    assert requests(tracker.issues[number], (), said, SIGNER, SETTINGS) == ()
    assert tracker.kinds(tracker.apply(wanted(news=told.answers))) == ["leave"]
