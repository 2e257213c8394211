"""Which copies of an entry were read before."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import LogEntry
from pipeline.errors import StoreError
from pipeline.ports import Rank
from pipeline.stores.identities import TemporaryIdentities


def entry(insert_id: str = "a", **more: Any) -> LogEntry:
    """Make an entry; copies of it differ in `more`."""
    document = {"insertId": insert_id, "logName": "projects/p/logs/l", "timestamp": "2025-09-10"}
    return LogEntry({**document, **more})


def test_the_first_copy_is_first_and_the_same_again_is_no_richer() -> None:
    """However often it comes."""
    with TemporaryIdentities() as identities:
        ranks = [identities.rank(entry(textPayload="x")) for _ in range(3)]
    assert ranks == [Rank.FIRST, Rank.NO_RICHER, Rank.NO_RICHER]


def test_entries_are_told_apart_by_their_key() -> None:
    """Another insert id, log or time is another entry."""
    others = [
        entry(),
        entry("b"),
        entry(logName="projects/p/logs/m"),
        entry(timestamp="2025-09-10T00:00:00.000000001Z"),
    ]
    with TemporaryIdentities() as identities:
        assert {identities.rank(one) for one in others} == {Rank.FIRST}


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    """Quotes, commas and NUL characters in an insert id or a log make no two keys alike."""
    names = ["a", "a'", "', 0, '", "a\x00", "a\\x00", 'a"', "ä", "\\xe4"]
    with TemporaryIdentities() as identities:
        ranks = [
            identities.rank(entry(left, logName=right))
            for left in names
            for right in names
            if left != right
        ]
    assert set(ranks) == {Rank.FIRST}


COPIES = [
    entry(),
    entry(severity="ERROR"),
    entry(textPayload="x"),
    entry(textPayload="xy"),
    entry(textPayload="xz"),
    entry(textPayload="x", severity="ERROR"),
]


def test_a_copy_is_richer_than_all_before_it_or_it_is_not() -> None:
    """Whatever the order of reading, the ranks say what comparing the richness says."""
    for order in permutations(COPIES):
        best = order[0].richness
        with TemporaryIdentities() as identities:
            assert identities.rank(order[0]) is Rank.FIRST
            for copy in order[1:]:
                richer = copy.richness > best
                assert identities.rank(copy) is (Rank.RICHER if richer else Rank.NO_RICHER)
                best = max(best, copy.richness)


RICHNESS = st.tuples(
    st.integers(0, 3),
    st.integers(0, 1000),
    st.integers(0, 2**40),
    st.text("0123456789abcdef", min_size=16, max_size=16),
)


@given(RICHNESS, RICHNESS)
def test_richness_keeps_its_order_when_stored(
    left: tuple[int, int, int, str], right: tuple[int, int, int, str]
) -> None:
    """Payloads before fields before size before digest, as numbers and not as text."""
    first, second = entry(), entry()
    # A cached property takes the value that it finds.
    vars(first)["richness"], vars(second)["richness"] = left, right
    with TemporaryIdentities() as identities:
        identities.rank(first)
        assert (identities.rank(second) is Rank.RICHER) == (right > left)


def test_two_runs_share_nothing() -> None:
    """Each run has a memory of its own, forgotten when it is closed."""
    with TemporaryIdentities() as one, TemporaryIdentities() as other:
        assert one.rank(entry()) is other.rank(entry()) is Rank.FIRST


def test_what_is_closed_says_so() -> None:
    """A failure of the private database is an error of the store, in plain words."""
    identities = TemporaryIdentities()
    identities.close()
    with pytest.raises(StoreError, match="temporary"):
        identities.rank(entry())
