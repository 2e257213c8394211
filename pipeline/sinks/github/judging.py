"""Which failure an answer means; computes only.

The words are GitHub's documentation on rate limits (best practices for using the REST API) and what
its answers were seen to say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from pipeline import markdown
from pipeline.audit import SECOND
from pipeline.redaction import Redactor
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
from pipeline.sinks.github.wire import REDIRECTED_TO, Answer, Lost
from pipeline.tracker.model import Gone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_WORDS = 300
"""Characters of GitHub's words that are quoted."""

_OK, _REDIRECTS, _REFUSALS, _BROKEN = 200, 300, 400, 500
_UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _GONE = 401, 403, 404, 410
_TOO_SLOW, _TOO_MANY = 408, 429
_MANY = 1_000_000
_LIMITS = (
    "api rate limit exceeded",
    "secondary rate limit",
    "abuse detection",
    "please retry your request again later",
    "please wait a few minutes before you try again",
)
_MEANING: Mapping[type[CallError], str] = {
    NeverReached: "nothing was done",
    Later: "GitHub asks to wait, nothing was done",
    UnknownEffect: "whether GitHub did it is not known",
    Refused: "GitHub refused it",
    Denied: "GitHub does not let us",
    Locked: "the conversation is locked",
    NotThere: "it is not there any more",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request: what it is for in words, and what is sent.

    `path` begins with `{repo}` where the repository belongs; `issue` is the number of the issue
    that it concerns, 0 if it concerns the repository or more.
    """

    what: str
    verb: str
    path: str
    issue: int = 0
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: object = None

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.verb != "GET"


def judged(call: Call, answer: Answer | Lost, now: int) -> CallError | None:
    """Return what went wrong, None if nothing did; `now` in nanoseconds UTC."""
    if isinstance(answer, Lost):
        return _said(_doubt(call, sent=answer.sent), call, answer.words)
    if _OK <= answer.status < _REDIRECTS:
        return None
    words = words_of(answer)
    if is_limit(answer, words):
        return _said(Later, call, words, answer.status, wait_until(answer, now))
    if answer.status >= _BROKEN or answer.status < _OK or answer.status == _TOO_SLOW:
        until = wait_until(answer, now)
        return _said(_doubt(call), call, words, answer.status, until)
    if answer.status in {_NOT_FOUND, _GONE} or answer.status < _REFUSALS:
        return _missing(call, answer, words)
    return _said(_refusal(answer.status, words), call, words, answer.status)


def unreadable(call: Call) -> CallError:
    """Return what it means that an answer of success says nothing."""
    return _said(_doubt(call), call, "its answer is not what GitHub answers to this")


def is_limit(answer: Answer, words: str) -> bool:
    """Whether an answer is about a limit, primary or secondary."""
    if answer.status not in {_FORBIDDEN, _TOO_MANY}:
        return False
    known = any(text in words.casefold() for text in _LIMITS)
    spent = answer.headers.get("x-ratelimit-remaining") == "0"
    return answer.status == _TOO_MANY or known or spent or "retry-after" in answer.headers


def wait_until(answer: Answer, now: int) -> int:
    """Return the earliest time of another try that an answer names, 0 if it names none.

    Times of GitHub's are taken from its own `Date`, so that our clock need not be right.
    """
    headers = answer.headers
    if headers.get("x-ratelimit-remaining") == "0" and answer.status < _BROKEN:
        return _reset(answer, now)
    text = headers.get("retry-after", "")
    if _number(text):
        return now + _number(text) * SECOND
    return _ours(instant(text), answer, now)


def left(answer: Answer, now: int) -> tuple[int, int]:
    """Return how many requests GitHub says are left, and until when in nanoseconds.

    Where it says nothing there are many.
    """
    remaining = answer.headers.get("x-ratelimit-remaining", "")
    if remaining != "0" and not _number(remaining):
        return _MANY, now
    return _number(remaining), _reset(answer, now)


def words_of(answer: Answer) -> str:
    """Return what GitHub says is wrong, on one line; "" if it says nothing, or shows a page."""
    try:
        said = json.loads(answer.text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(said, dict):
        return ""
    errors = said.get("errors")
    details = [*_details(errors)] if isinstance(errors, list) else []
    return clean(": ".join([str(said.get("message") or ""), *filter(None, [", ".join(details)])]))


def clean(text: str) -> str:
    """Return text of GitHub's without secrets, on one line that shows what it holds."""
    line = " ".join(markdown.visible(_redactor().text(text)).split())
    return markdown.truncate(line, LONGEST_WORDS, "…")


@cache
def _redactor() -> Redactor:
    return Redactor()


def _details(errors: list[Any]) -> Iterator[str]:
    for error in errors:
        if not isinstance(error, dict):
            yield str(error)
        elif error.get("message"):
            yield str(error["message"])
        else:
            yield f"{error.get('field')}: {error.get('code')}"


def _doubt(call: Call, *, sent: bool = True) -> type[CallError]:
    return UnknownEffect if call.writes and sent else NeverReached


def _refusal(status: int, words: str) -> type[CallError]:
    if status == _FORBIDDEN and " is locked" in words.casefold():
        return Locked
    return Denied if status in {_UNAUTHORISED, _FORBIDDEN} else Refused


def _missing(call: Call, answer: Answer, words: str) -> CallError:
    """Tell what one issue lacks from what all of them do."""
    if not call.issue or "disabled" in words.casefold():
        return _said(Denied, call, words or "it has moved", answer.status)
    moved = REDIRECTED_TO in answer.headers
    gone = Gone.TRANSFERRED if moved else Gone.DELETED
    message = f"{call.what}: the issue or comment is {gone}"
    return NotThere(message, gone, status=answer.status, words=words)


def _said(
    kind: type[CallError], call: Call, words: str, status: int = 0, not_before: int = 0
) -> CallError:
    shown = [words, f"status {status}"] if status else [words]
    detail = ", ".join(filter(None, shown))
    message = f"{call.what}: {_MEANING[kind]}: {detail}"
    return kind(message, status=status, words=words, not_before=not_before)


def _reset(answer: Answer, now: int) -> int:
    """Return when the hour of a primary limit is over, 0 if that is not said."""
    reset = _number(answer.headers.get("x-ratelimit-reset", "")) * SECOND
    return _ours(reset + SECOND, answer, now) if reset else 0


def _ours(time: int, answer: Answer, now: int) -> int:
    """Return a time of GitHub's by our clock, which need not be right; 0 stays 0."""
    server = instant(answer.headers.get("date", ""))
    return max(now, time + now - server) if time and server else time


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("1800000000") else 0


def instant(text: str) -> int:
    """Return the time of a header in nanoseconds, 0 if it is none."""
    try:
        return int(parsedate_to_datetime(text).timestamp()) * SECOND
    except (ValueError, TypeError, OverflowError):
        return 0
