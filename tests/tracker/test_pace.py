"""How fast one wrote, as several processes keep it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit import SECOND
from pipeline.lifecycle import HOUR, MINUTE
from pipeline.tracker.pace import Pace

NOW = 1_800_000_000 * SECOND
TIMES = st.lists(st.integers(NOW - 2 * HOUR, NOW), unique=True).map(
    lambda found: tuple(sorted(found))
)


@given(TIMES, TIMES)
def test_writes_of_all_count(mine: tuple[int, ...], others: tuple[int, ...]) -> None:
    """Of the hour before the last of ours; nothing else is the others'."""
    kept = Pace(mine, limits=1).after(Pace(others, limits=2, failures=3))
    assert (kept.limits, kept.failures) == (1, 0)
    assert {*mine} <= {*kept.writes}
    assert list(kept.writes) == sorted({*kept.writes})
    latest = mine[-1] if mine else max(others, default=0)
    recent = {at for at in others if latest - HOUR < at <= latest + MINUTE}
    assert {*kept.writes} == {*mine} | recent


def test_what_a_wrong_clock_wrote_does_not_count() -> None:
    """Else nothing could be written until that time has come."""
    ahead, late = NOW + 24 * HOUR, NOW - 2 * HOUR
    assert Pace((late, NOW, ahead)).at(NOW).writes == (NOW,)
    assert Pace((NOW,)).after(Pace((late, ahead))).writes == (NOW,)


def test_a_pace_can_be_stored() -> None:
    """As plain JSON."""
    pace = Pace((1, 2), 3, "why", 4, 5, 6, 7)
    document = pace.document()
    assert Pace.of({**document, "writes": [1, 2]}) == pace
