"""What people ask for in an issue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.tracker.asking import CommandSettings, Labelled, Request, requests
from pipeline.tracker.marker import Mark, Side, Signer
from pipeline.tracker.model import Comment, Issue
from pipeline.tracker.ownership import joined
from tests.support import BASE, SECOND
from tests.tracker.support import SIGNER

SETTINGS = CommandSettings(logins=frozenset({"fivewhys[bot]"}))
NONE: frozenset[str] = frozenset()


def issue(*comments: Comment, **values: Any) -> Issue:
    """Return an issue with comments."""
    return Issue(7, comments=comments, **values)


def comment(number: int, body: str = "/fivewhys help", author: str = "ana") -> Comment:
    """Return a comment, made so many seconds after the base."""
    return Comment(number, body, author, BASE + number * SECOND)


def answer(number: int, key: str) -> Comment:
    """Return an answer of ours."""
    body = joined(SIGNER, Mark(Side.BEGIN, "inc-1", key), "/fivewhys resolve")
    return comment(number, body, "fivewhys[bot]")


def keys(
    found: Issue, *labelled: Labelled, said: frozenset[str] = NONE, signer: Signer = SIGNER
) -> list[str]:
    """Return the keys of what is asked."""
    return [one.key for one in requests(found, labelled, said, signer, SETTINGS)]


def test_what_a_comment_asks_for_is_found() -> None:
    """With who said it and when; comments that ask for nothing are passed over."""
    found = issue(comment(2, "/fivewhys silence 7d\nbye\n/fivewhys help"), comment(1, "hello"))
    (request,) = requests(found, (), NONE, SIGNER, SETTINGS)
    assert request == Request("answer-2", 7, "ana", BASE + 2 * SECOND, ("silence 7d", "help"))


def test_requests_are_in_order_of_time() -> None:
    """Of two that contradict each other the later one holds."""
    assert keys(issue(comment(3), comment(2))) == ["answer-2", "answer-3"]


def test_what_was_answered_is_not_read_again() -> None:
    """Its answer stands, or people deleted it, which the ledger knows."""
    assert keys(issue(comment(1), answer(2, "answer-1"))) == []
    assert keys(issue(comment(1)), said=frozenset({"answer-1"})) == []


def test_an_answer_that_is_forged_is_none() -> None:
    """Else anybody could keep others' commands from being heard."""
    other = Signer(b"another key of sixteen bytes", "example/platform")
    assert keys(issue(comment(1), answer(2, "answer-1")), signer=other) == ["answer-1"]


def test_our_own_comments_are_no_commands() -> None:
    """Neither what bears our marker, whoever wrote it, nor what our accounts write."""
    ours = replace(answer(2, "news-1"), author="ana")
    assert keys(issue(comment(1, author="FiveWhys[bot]"), ours)) == []


def test_comments_have_to_be_listed() -> None:
    """Nothing can be said about an issue whose comments nobody listed."""
    with pytest.raises(ValueError, match="comments of #7 were not listed"):
        requests(Issue(7), (), NONE, SIGNER, SETTINGS)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("fivewhys:silence", "silence 7d"),
        ("Fivewhys:silenced-30d", "silence 30d"),
        ("fivewhys:silence:1M", "silence 1M"),
        ("fivewhys:resolve", "resolve"),
        ("fivewhys:resolved", "resolve"),
    ],
)
def test_labels_mean_the_same(name: str, command: str) -> None:
    """With who set them, and since when."""
    event = Labelled(5, name, "bo", BASE)
    (request,) = requests(issue(labels=(name.upper(),)), [event], NONE, SIGNER, SETTINGS)
    assert request == Request("answer-label-5", 7, "bo", BASE, (command,))


def test_labels_that_do_not_count() -> None:
    """Taken away again, of another name, set by us, or answered; of two times the last counts."""
    name = "fivewhys:silence"
    found = issue(labels=(name, "fivewhys:resolve", "bug", "fivewhys:other"))
    events = [
        Labelled(9, name, "ana", BASE),
        Labelled(8, name, "ana", BASE),
        Labelled(7, "fivewhys:resolve", "fivewhys[bot]", BASE),
        Labelled(6, "bug", "ana", BASE),
        Labelled(5, "fivewhys:other", "ana", BASE),
        Labelled(4, "fivewhys:resolved", "ana", BASE),
    ]
    assert keys(found, *events) == ["answer-label-9"]
    assert keys(found, *events, said=frozenset({"answer-label-9"})) == []
