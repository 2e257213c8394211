"""Which failure an answer means."""

from __future__ import annotations

import json
from email.utils import formatdate

import pytest

from pipeline.audit import SECOND
from pipeline.sinks.github.failures import (
    CallError,
    Denied,
    Later,
    Locked,
    NeverReached,
    NotThere,
    Refused,
    UnknownEffect,
)
from pipeline.sinks.github.judging import LONGEST_WORDS, Call, judged, left, wait_until, words_of
from pipeline.sinks.github.wire import REDIRECTED_TO, Answer, Lost
from pipeline.tracker.model import Gone

NOW = 1_800_000_000 * SECOND
FILE = Call("create an issue", "POST", "{repo}/issues")
EDIT = Call("edit issue 1", "PATCH", "{repo}/issues/1", 1)
READ = Call("read issue 1", "GET", "{repo}/issues/1", 1)
LIST = Call("list issues", "GET", "{repo}/issues")

SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
LOCKED = "Unable to create comment because issue is locked."
MOVED = {REDIRECTED_TO: "https://api.github.com/repositories/2/issues/3"}


def said(status: int, message: str = "", **headers: str) -> Answer:
    """Make an answer; `_` stands for `-` in headers."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, named, json.dumps({"message": message}) if message else "")


@pytest.mark.parametrize(
    ("call", "answer", "kind"),
    [
        (FILE, said(201), None),
        (EDIT, said(204), None),
        # Limits: by status, words, or headers.
        (FILE, said(403, "API rate limit exceeded for user ID 1."), Later),
        (FILE, said(403, SECONDARY), Later),
        (FILE, said(403, "You have triggered an abuse detection mechanism."), Later),
        (FILE, said(403, "Forbidden", x_ratelimit_remaining="0"), Later),
        (FILE, said(403, "Forbidden", retry_after="30"), Later),
        (FILE, said(429), Later),
        (LIST, said(429), Later),
        # Nobody knows, unless nothing was to be changed.
        (FILE, said(500), UnknownEffect),
        (FILE, said(503, retry_after="30"), UnknownEffect),
        (FILE, said(408), UnknownEffect),
        (FILE, said(100), UnknownEffect),
        (FILE, Lost("reset"), UnknownEffect),
        (FILE, Lost("no connection", sent=False), NeverReached),
        (LIST, said(502), NeverReached),
        (LIST, Lost("reset"), NeverReached),
        # For ever.
        (FILE, said(400, "Problems parsing JSON"), Refused),
        (FILE, said(413), Refused),
        (FILE, said(422, "Validation Failed"), Refused),
        (FILE, said(401, "Bad credentials"), Denied),
        (FILE, said(403, "Resource not accessible by integration"), Denied),
        (FILE, said(403, "Repository was archived so is read-only."), Denied),
        (FILE, said(403, "Repository access blocked"), Denied),
        (FILE, said(404, "Not Found"), Denied),
        (LIST, said(301, "Moved Permanently"), Denied),
        (EDIT, said(410, "Issues are disabled for this repo"), Denied),
        # What one issue lacks.
        (EDIT, said(404, "Not Found"), NotThere),
        (READ, said(410, "This issue was deleted"), NotThere),
        (EDIT, Answer(301, MOVED), NotThere),
        (EDIT, said(403, LOCKED), Locked),
    ],
)
def test_an_answer_means(call: Call, answer: Answer | Lost, kind: type[CallError] | None) -> None:
    """One of a few kinds, or success."""
    found = judged(call, answer, NOW)
    assert (None if found is None else type(found)) is kind


@pytest.mark.parametrize(
    ("answer", "gone"), [(said(410), Gone.DELETED), (Answer(301, MOVED), Gone.TRANSFERRED)]
)
def test_what_became_of_an_issue_is_part_of_the_failure(answer: Answer, gone: Gone) -> None:
    """Whether it was deleted or transferred."""
    found = judged(EDIT, answer, NOW)
    assert isinstance(found, NotThere)
    assert found.gone is gone
    assert str(found) == f"edit issue 1: the issue or comment is {gone}"


def date(seconds: int) -> str:
    """Write the time so many seconds after now as a header does."""
    return formatdate(NOW // SECOND + seconds, usegmt=True)


RESET = str(NOW // SECOND + 600)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "30"}, 30),
        ({"retry_after": "30", "date": date(1_000)}, 30),
        ({"retry_after": date(30)}, 30),
        ({"retry_after": date(1_030), "date": date(1_000)}, 30),
        ({"retry_after": date(-30), "date": date(0)}, 0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": RESET}, 601),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": RESET, "date": date(0)}, 601),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": RESET, "date": date(500)}, 101),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": RESET, "date": date(900)}, 0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": RESET, "retry_after": "5"}, 601),
        ({"x_ratelimit_remaining": "9", "x_ratelimit_reset": RESET, "retry_after": "5"}, 5),
    ],
)
def test_the_earliest_time_is_by_our_clock(headers: dict[str, str], seconds: int) -> None:
    """What GitHub says is read against its own Date, if it has one."""
    assert wait_until(said(403, **headers), NOW) == NOW + seconds * SECOND


@pytest.mark.parametrize("text", ["", "0", "-5", "soon", "9" * 30, "٣", "1.5"])
def test_no_time_is_made_up(text: str) -> None:
    """A header that is none counts as missing."""
    assert wait_until(said(429, retry_after=text), NOW) == 0
    spent = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": text}
    assert wait_until(said(429, **spent), NOW) == 0


@pytest.mark.parametrize(
    ("remaining", "many"), [("0", False), ("99", False), ("", True), ("x", True), ("9" * 30, True)]
)
def test_what_is_left_is_read(remaining: str, *, many: bool) -> None:
    """Where nothing is said there is no bound."""
    number, until = left(said(200, x_ratelimit_remaining=remaining, x_ratelimit_reset=RESET), NOW)
    assert (number > 5_000) is many
    assert (until == NOW) is many


def answered(**body: object) -> str:
    """Return the words of an answer with that JSON."""
    return words_of(Answer(422, {}, json.dumps(body)))


def test_the_words_are_github_s() -> None:
    """The message, then each error's own, or its field and code."""
    field = {"resource": "Issue", "field": "title", "code": "missing_field"}
    custom = {"field": "body", "code": "custom", "message": "body is too long"}
    assert answered(message="Failed") == "Failed"
    assert answered(message="Failed", errors=[field, custom, "and more"]) == (
        "Failed: title: missing_field, body is too long, and more"
    )
    assert answered(errors="Failed") == ""


@pytest.mark.parametrize("text", ["", "<html>Unicorn!</html>", "[1]", '{"message":', "[" * 100_000])
def test_a_page_is_not_quoted(text: str) -> None:
    """Nor anything else that is no error of GitHub's."""
    assert words_of(Answer(502, {}, text)) == ""


def test_words_are_quoted_without_secrets_on_one_line() -> None:
    """Nothing in them hides, reorders or goes on for ever."""
    hostile = "one\r\ntwo\u202e\x1b[31m password=hunter2hunter2 " + "x" * 1_000
    words = answered(message=hostile)
    assert words.startswith("one two⟨U+202E⟩ password=[REDACTED]")
    assert len(words) == LONGEST_WORDS
    assert words.endswith("…")
