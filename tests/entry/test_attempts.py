"""Announcements: a text that says of a failure that another attempt follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry.attempts import ANNOUNCING, STEMS, another_attempt

REFUSED = 'connection to server at "10.0.0.3", port 5432 failed: Connection refused'


@pytest.mark.parametrize(
    "text",
    [
        f"attempt 1/3 failed: {REFUSED}",
        f"Attempt 2 of 5: {REFUSED}",
        f"{REFUSED}; retrying in 2s",
        "connection lost, reconnecting",
        f"{REFUSED}\n\tIs the server running on that host?\nwill retry in 3 s",
        "Redis connection error, retry 1/5",
        "Connection refused; next attempt in 10s",
        "[redis] connection error: connect ECONNREFUSED 127.0.0.1:6391, retry #1 in 500ms",
        "report took too long (canceling statement due to statement timeout); it will be retried",
        f"Retrying press.db.connect in 2.0 seconds as it raised OperationalError: {REFUSED}.",
        f"Backing off connect(...) for 0.9s (psycopg2.OperationalError: {REFUSED})",
        "Retrying (Retry(total=2, connect=None)) after connection broken by 'x': /apples",
        "consumer: Cannot connect to redis://redis:6379/0: x.\nTrying again in 2.00 seconds",
        "Task press.bottle[1] retry: Retry in 3s: ConnectionError('x')",
        f"error connecting in 'pool-1': connection failed: {REFUSED}",
        "Compute Engine Metadata server unavailable on attempt 1 of 3. Reason: timed out",
        "retrying in 1s\nTraceback (most recent call last):\nOSError: not retrying",
    ],
)
def test_another_attempt_is_announced(text: str) -> None:
    """By libraries that try again, and in a service's own words."""
    assert another_attempt(text)


@pytest.mark.parametrize(
    "text",
    [
        REFUSED,
        f"attempt 3/3 failed: {REFUSED}",
        f"attempt 3 of 3 failed: {REFUSED}; retrying is over",
        f"{REFUSED}; giving up after 3 retries",
        f"not retrying: {REFUSED}",
        f"retrying failed: {REFUSED}",
        f"last attempt, no more retrying: {REFUSED}",
        f"won't retry: {REFUSED}",
        f"max retries (3) exceeded: {REFUSED}",
        f"Max retries exceeded with url: /apples (Caused by {REFUSED})",
        f"{REFUSED} retrying=False",
        "Traceback (most recent call last):\n  File 'a.py'\n    raise Retrying\nE: retrying in 2s",
        "OperationalError: lost\n    for attempt in retrying:",
    ],
)
def test_no_other_attempt_is_announced(text: str) -> None:
    """It was the last one, nobody tries again, or only code speaks of it."""
    assert not another_attempt(text)


@given(st.text(), st.integers(1, 20), st.integers(1, 20))
def test_a_counted_attempt_is_followed_by_another_one_until_the_last(
    before: str, number: int, most: int
) -> None:
    """Whatever else the line says before."""
    quiet = "".join(char for char in before if not char.isalnum()).replace("#", " ")
    text = f"at: {quiet.split(chr(10))[0].strip()} attempt {number}/{most} failed"
    assert another_attempt(" ".join(text.split())) is (number < most)


@given(st.from_regex(ANNOUNCING))
def test_what_announces_an_attempt_has_a_stem(text: str) -> None:
    """Or a character beyond ASCII that folds into one of its letters."""
    assert not text.isascii() or any(stem in text.lower() for stem in STEMS)
