"""How we behave in a tracker, and what signs our markers there, from the environment."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pipeline.bootstrap.reading import Mistakes, read_setting, read_span
from pipeline.errors import ConfigurationError, Mistake
from pipeline.lifecycle import span_text
from pipeline.sinks.github.credentials import STORED, read_content
from pipeline.tracker.marker import FORMER, SHORTEST_KEY
from pipeline.tracker.model import TrackerPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.sinks.github.credentials import ReadText

MARKER_KEY: Final = "FIVEWHYS_MARKER_KEY"
MARKER_KEY_FILE: Final = "FIVEWHYS_MARKER_KEY_FILE"
FORMER_FILE: Final = "FIVEWHYS_MARKER_KEY_FORMER_FILE"
CLOSES: Final = "FIVEWHYS_GITHUB_CLOSE"
FLAPPING: Final = "FIVEWHYS_GITHUB_FLAPPING"
NEW_ISSUES: Final = "FIVEWHYS_GITHUB_NEW_ISSUES"
GRACE: Final = "FIVEWHYS_GITHUB_GRACE"
REOPEN_WINDOW: Final = "FIVEWHYS_GITHUB_REOPEN_WINDOW"

SPANS: Final[Mapping[str, str]] = {
    "group_interval": "FIVEWHYS_GITHUB_GROUP_INTERVAL",
    "grace": GRACE,
    "reopen_window": REOPEN_WINDOW,
    "doubt": "FIVEWHYS_GITHUB_DOUBT",
}
"""The spans of a policy, and the variable of each."""

COUNTS: Final[Mapping[str, tuple[str, str]]] = {
    "flapping": (FLAPPING, "how often an issue is opened again"),
    "new_issues": (NEW_ISSUES, "how many issues may be opened within a day"),
}
"""The counts of a policy, the variable of each, and what it says."""

_MOST: Final = 1_000
_BETWEEN = re.compile(r"[\s,]+")


def read_policy(environment: Mapping[str, str]) -> TrackerPolicy:
    """Read how we behave in a tracker.

    Raises:
        ConfigurationError: every mistake in it.

    """
    mistakes, policy = Mistakes(), TrackerPolicy()
    found = {
        name: mistakes.attempt(
            lambda variable=variable: read_span(environment.get(variable, "").strip(), variable),  # type: ignore[misc]
            0,
        )
        for name, variable in SPANS.items()
    }
    spans: dict[str, Any] = {name: span for name, span in found.items() if span}
    closes = mistakes.attempt(
        lambda: read_setting(CLOSES, default=False, environment=environment), otherwise=False
    )
    counts = {
        name: mistakes.attempt(lambda name=name: _read_count(environment, name), 0)  # type: ignore[misc]
        for name in COUNTS
    }
    told: dict[str, Any] = spans | {name: count for name, count in counts.items() if count}
    policy = replace(policy, closes=closes, **told)
    mistakes.attempt(lambda: _check(policy), None)
    mistakes.raise_if_any()
    return policy


def read_key(environment: Mapping[str, str], read_text: ReadText) -> bytes:
    """Read the key of our markers, from its variable, its file, or Secret Manager.

    Raises:
        ConfigurationError: there is none, or two, or it is short.

    """
    said = {name: environment.get(name, "").strip() for name in (MARKER_KEY, MARKER_KEY_FILE)}
    if all(said.values()):
        raise _mistake(MARKER_KEY_FILE, f"it is set beside {MARKER_KEY}; keep one of them")
    if not any(said.values()):
        message = (
            f"it is not set; set it, or {MARKER_KEY_FILE}, to a secret of {SHORTEST_KEY} or more "
            "random bytes (openssl rand -hex 32) and keep it: by it our issues are found again"
        )
        raise _mistake(MARKER_KEY, message)
    name = MARKER_KEY if said[MARKER_KEY] else MARKER_KEY_FILE
    is_elsewhere = name == MARKER_KEY_FILE or said[name].startswith(STORED)
    text = read_content(name, said[name], read_text) if is_elsewhere else said[name]
    key = text.encode()
    if len(key) < SHORTEST_KEY:
        message = f"the key is shorter than {SHORTEST_KEY} bytes; take a random one"
        raise _mistake(name, message)
    return key


def read_former(environment: Mapping[str, str], read_text: ReadText) -> tuple[bytes, ...]:
    """Read the keys that signed markers before, from their variable, a file, or Secret Manager.

    White space and commas part them. Where no part is long enough for a key they belong to one; a
    secret of Secret Manager is always one.

    Raises:
        ConfigurationError: they stand in two places, cannot be read, or one is short.

    """
    text, place = (environment.get(name, "").strip() for name in (FORMER, FORMER_FILE))
    if text and place:
        raise _mistake(FORMER_FILE, f"it is set beside {FORMER}; keep one of them")
    name = FORMER_FILE if place else FORMER
    if place and not place.startswith(STORED):
        text = read_content(name, place, read_text)
    parts = [part for part in _BETWEEN.split(text or place) if part]
    if not any(part.startswith(STORED) or _is_long(part) for part in parts):
        parts = parts and [text]
    keys = [
        read_content(name, part, read_text) if part.startswith(STORED) else part for part in parts
    ]
    if not all(map(_is_long, keys)):
        message = f"a key in it is shorter than {SHORTEST_KEY} bytes, so that it was never one"
        raise _mistake(name, message)
    return tuple(dict.fromkeys(key.encode() for key in keys))


def _is_long(key: str) -> bool:
    return len(key.encode()) >= SHORTEST_KEY


def _read_count(environment: Mapping[str, str], name: str) -> int:
    """Read a count of the policy; 0 where nothing is said."""
    variable, meaning = COUNTS[name]
    text = environment.get(variable, "").strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _MOST):
        message = f"{text!r:.40} is not {meaning}: 1 to {_MOST}"
        raise _mistake(variable, message)
    return int(text)


def _check(policy: TrackerPolicy) -> None:
    """Check what only two settings together can have wrong.

    Raises:
        ConfigurationError: nothing would ever be opened again.

    """
    if policy.grace >= policy.reopen_window:
        spans = f"{span_text(policy.grace)} is not shorter than {span_text(policy.reopen_window)}"
        raise _mistake(GRACE, f"{spans} of {REOPEN_WINDOW}: nothing would be opened again")


def _mistake(name: str, message: str) -> ConfigurationError:
    return ConfigurationError([Mistake(name, 0, message)])
