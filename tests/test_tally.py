"""The account of a run counts what a set would count, in memory that does not grow."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import Rejection
from pipeline.examining import Examined
from pipeline.tally import IDENTITY, Identities, Tally, distinct
from tests.fakes.spool import MemorySpool

if TYPE_CHECKING:
    from collections.abc import Iterable

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), -1, 0, 1, 2, 2**63 - 1])
)
RICH = (1, 5, 200, "ab" * 32)


def spooled(pieces: Iterable[Iterable[int]]) -> Identities:
    """Return identities in a spool, added piece by piece."""
    found = Identities(MemorySpool(IDENTITY))
    for piece in pieces:
        found.add(array("q", piece))
    return found


@given(
    st.lists(st.lists(st.lists(NUMBERS, max_size=6), max_size=4), max_size=3),
    st.sampled_from([0, 5, 1_000]),
    st.sampled_from([1, 3, 1_000]),
)
def test_identities_are_counted_as_a_set_does(
    kinds: list[list[list[int]]], few: int, at_once: int
) -> None:
    """Of several kinds together, whether in a set, sorted at once or in parts."""
    expected = {one for kind in kinds for piece in kind for one in piece}
    assert distinct(map(spooled, kinds), few=few, at_once=at_once) == len(expected)


def test_identities_are_read_as_they_were_added() -> None:
    """Also none."""
    found = spooled([[1, -1], [], [5]])
    assert [one for piece in found.read() for one in piece] == [1, -1, 5]
    assert len(found) == 3


def tallied(*batches: Examined) -> Tally:
    """Add up what was examined."""
    tally = Tally(MemorySpool)
    for batch in batches:
        tally.take(batch)
    return tally


def test_what_was_examined_is_added_up() -> None:
    """Copies count as duplicates, wherever they were and whether they were parsed or not."""
    rejected = Rejection("a:1", "no JSON")
    tally = tallied(
        Examined(parsed=array("q", [1, 2]), unknown=array("q", [2]), rejections=[rejected]),
        Examined(passed=array("q", [2, 3, 3]), unknown=array("q", [2]), outside=4),
    )
    assert tally.document().model_dump() == {
        "read": 6,
        "accepted": 3,
        "duplicates": 2,
        "rejected": 1,
        "outside": 4,
        "unknown_severities": 1,
    }
    assert tally.rejections == [rejected]


def test_an_empty_run_has_an_account() -> None:
    """Of nothing."""
    assert set(tallied().document().model_dump().values()) == {0}


def test_silent_copies_of_some_entries_are_given_back() -> None:
    """Every one of them, with its richness; without entries nothing is read."""
    most = (2**32 - 1, 0, 2**64 - 1, "00" * 32)
    tally = tallied(
        Examined(silent=[(1, RICH), (-5, most)]), Examined(silent=[(1, most), (3, RICH)])
    )
    assert list(tally.silent({1, -5, 9})) == [(1, RICH), (-5, most), (1, most)]
    assert list(tally.silent(set())) == []


def test_entries_of_which_a_copy_was_passed_are_told() -> None:
    """Of some entries; those that were only parsed are not among them."""
    tally = tallied(
        Examined(parsed=array("q", [1, 2]), passed=array("q", [2, -3])),
        Examined(passed=array("q", [4])),
    )
    assert tally.passed({1, 2, -3}) == {2, -3}
    assert tally.passed({4, 5}) == {4}
    assert tally.passed(set()) == set()
