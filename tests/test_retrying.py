"""Waits grow, are drawn, and end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.retrying import Retrying

FAILED = st.integers(0, 10_000)
LUCK = st.floats(0, 1)


@given(FAILED, LUCK)
def test_a_wait_is_bounded(failed: int, luck: float) -> None:
    """However often something failed; nor is it ever nothing."""
    assert 0.25 <= Retrying().pause(failed, luck) <= 30


@given(FAILED, LUCK)
def test_a_wait_never_shrinks(failed: int, luck: float) -> None:
    """With the same luck."""
    assert Retrying().pause(failed, luck) <= Retrying().pause(failed + 1, luck)


@pytest.mark.parametrize(
    ("failed", "whole"), [(0, 0.5), (1, 0.5), (2, 1), (3, 2), (6, 16), (7, 30)]
)
def test_a_wait_doubles(failed: int, whole: float) -> None:
    """Half of it stands, half is drawn."""
    retrying = Retrying()
    assert (retrying.pause(failed, 0), retrying.pause(failed, 1)) == (whole / 2, whole)


def test_after_so_many_failures_it_is_no_hiccup() -> None:
    """As many as there are tries."""
    assert [Retrying(tries=3).is_over(failed) for failed in range(5)] == [
        False,
        False,
        False,
        True,
        True,
    ]
