"""Whether a text that tells of a failure says that another attempt follows.

What is tried again mostly succeeds: it is a failure only if it goes on, or if it is followed by one
that nobody tries again. The words are those of tenacity, backoff, urllib3, google-api-core, kombu,
Celery and psycopg_pool, and those in which people say it themselves.
"""

from __future__ import annotations

from typing import Final

import re2

_LIMIT = 4_000
"""Characters that are looked at: what announces an attempt stands near the beginning."""

_ANNOUNCED_TEXT = (
    r"(?i:"
    r"\b(?:re-?trying|trying again|backing off|re-?connecting|attempting (?:to )?re-?connect)\b"
    r"|\b(?:will|going to|about to) (?:re-?try|try again|re-?connect)\b"
    r"|\b(?:re-?try|try again|re-?connect|next (?:attempt|try|retry))"
    r"(?:ing)? (?:in|after|at|scheduled)\b"
    r"|\btrying to (?:re-establish|reconnect)\b"
    r"|\bretry:? (?:#|no\. ?)?\d{1,6} ?(?:/|of|in) ?\d"
    r"|\b(?:will be|is|are) retried\b"
    r"|(?m:(?:^|[-;,.:(] )(?:waiting|sleeping)(?: for)? \d[\d.]* ?(?:m?s|secs?|seconds?)?[ .!)…]*$)"
    r")|\berror connecting in '"  # psycopg_pool, which goes on until its time is up
)
_COUNTED_TEXT = (
    r"(?i:\b(?:attempt|try|retry|attempts)):? ?#?(\d{1,6}) ?(?:/|of|out of) ?(\d{1,6})\b"
)
ANNOUNCING: Final = f"(?:{_ANNOUNCED_TEXT}|{_COUNTED_TEXT})"
"""An expression of which something is in every text that announces another attempt."""

STEMS: Final = ("try", "tried", "attempt", "connect", "backing off", "waiting", "sleeping")
"""Of these one is in all that the expression finds, in any case of its letters, but for characters
beyond ASCII whose case folds into it. Most texts have none, which is seen at once."""

_ANNOUNCED = re2.compile(_ANNOUNCED_TEXT)
_COUNTED = re2.compile(_COUNTED_TEXT)
_GIVEN_UP = re2.compile(
    r"(?i:\b(?:not|no|without|stop(?:ped|s)?|before|instead of|more|never) "
    r"(?:re-?trying|re-?connecting|trying again|retry|reconnect)\b"
    r"|\b(?:gave|giving|gives|given) up\b|\bretries exhausted\b"
    r"|\b(?:last|final) (?:attempt|try|retry)\b"
    r"|\bmax(?:imum)?(?: number of)? (?:retries|attempts)(?: \w{1,20}| \([^()\n]{1,20}\))? "
    r"(?:exceeded|reached)\b|\b(?:won't|cannot|can't) (?:re-?try|re-?connect)\b"
    r"|\b(?:retrying|reconnecting|retry)[=:] ?(?:false|none|no|0)\b)"
)
# What comes of trying again; not what is tried again for the reason that it failed.
_FAILED = re2.compile(
    r"(?i:\b(?:retrying|reconnecting|retry)\b(?:[^\n:;,().]|\.\w){0,80}?\bfailed\b)"
)
_DELAY = re2.compile(r"(?i:\b(?:in|after|for|every) ?~?\d[\d.]*)")


def another_attempt(text: str) -> bool:
    """Return whether a text says that what failed is tried again, and not that it no longer is.

    Lines of code (they are indented) say nothing; nor does a traceback, but for what stands above.
    """
    text = text[:_LIMIT]
    folded = text.lower()
    if text.isascii() and not any(map(folded.__contains__, STEMS)):
        return False
    said = _said(text)
    counted = _COUNTED.search(said)
    if counted is not None and int(counted[1]) >= int(counted[2]):
        return False
    if _GIVEN_UP.search(said):
        return False
    if counted is not None:
        return True
    return _ANNOUNCED.search(said) is not None and not _FAILED.search(_DELAY.sub(";", said))


def is_code(line: str) -> bool:
    """Return whether a line is indented as code is, by more than one space."""
    return line[:1] == "\t" or line[:2].isspace()


def _said(text: str) -> str:
    above, _, _ = text.partition("Traceback (most recent call last)")
    return "\n".join(line for line in above.splitlines() if not is_code(line))
