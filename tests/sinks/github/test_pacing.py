"""When the next request may go, for any times it is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit import SECOND
from pipeline.lifecycle import HOUR, MINUTE
from pipeline.sinks.github.pacing import LONGEST, Breaker, Budget, Circuit, Pacer, Ready
from pipeline.tracker.pace import Pace

NOW = 1_800_000_000 * SECOND


def sent(pacer: Pacer, now: int, *, write: bool) -> None:
    """Make a request that takes no time."""
    pacer.began(now, write=write)
    pacer.ended(now, write=write)


def test_the_first_request_need_not_wait() -> None:
    """Neither a read nor a write."""
    for write in (False, True):
        assert Pacer().ready(NOW, write=write) == Ready(NOW)


def test_a_second_lies_between_writes() -> None:
    """From the end of one; reads need not wait for it."""
    pacer = Pacer()
    pacer.began(NOW, write=True)
    pacer.ended(NOW + 5 * SECOND, write=True)
    now = NOW + 5 * SECOND
    assert pacer.ready(now, write=True) == Ready(now + SECOND, "a pause between writes")
    assert pacer.ready(now, write=False) == Ready(now)


@pytest.mark.parametrize(
    ("budget", "write", "most", "span", "reason"),
    [
        (Budget(writes_a_minute=3), True, 3, MINUTE, "our writes a minute"),
        (Budget(writes_an_hour=3), True, 3, HOUR, "our writes an hour"),
        (Budget(calls_an_hour=3), False, 3, HOUR, "our requests an hour"),
        (Budget(points_a_minute=3), False, 3, MINUTE, "our pace"),
        (Budget(points_a_minute=15), True, 3, MINUTE, "our pace"),
    ],
)
def test_a_budget_is_kept(
    budget: Budget, *, write: bool, most: int, span: int, reason: str
) -> None:
    """It is free again when its first use is a span ago."""
    pacer = Pacer(budget)
    for number in range(most):
        assert pacer.ready(NOW + number * SECOND, write=write).at == NOW + number * SECOND
        sent(pacer, NOW + number * SECOND, write=write)
    assert pacer.ready(NOW + most * SECOND, write=write) == Ready(NOW + span, reason)
    assert pacer.ready(NOW + span, write=write) == Ready(NOW + span)


def test_writes_before_this_process_count() -> None:
    """In any order, as far as they lie within the hour."""
    pacer = Pacer(Budget(writes_an_hour=2))
    pacer.resume(Pace((NOW - MINUTE, NOW - 2 * HOUR, NOW - 2 * MINUTE)))
    assert pacer.ready(NOW, write=True).at == NOW - 2 * MINUTE + HOUR
    assert pacer.pace().writes == (NOW - 2 * MINUTE, NOW - MINUTE)
    pacer.resume(pacer.pace())
    assert pacer.pace().writes == (NOW - 2 * MINUTE, NOW - MINUTE)


def test_writes_of_others_use_up_points_and_need_a_pause() -> None:
    """As ours do."""
    pacer = Pacer(Budget(points_a_minute=5))
    pacer.resume(Pace((NOW - SECOND // 2,)))
    assert pacer.ready(NOW, write=False) == Ready(NOW - SECOND // 2 + MINUTE, "our pace")
    pacer = Pacer()
    pacer.resume(Pace((NOW - SECOND // 2,)))
    assert pacer.ready(NOW, write=True) == Ready(NOW + SECOND // 2, "a pause between writes")


def test_a_limit_outlasts_the_process() -> None:
    """With its reason; the next one in a row is longer."""
    before = Pacer()
    before.limited(NOW)
    pacer = Pacer()
    pacer.resume(before.pace())
    assert pacer.ready(NOW, write=False) == Ready(NOW + MINUTE, "GitHub's limit")
    assert pacer.limited(NOW + MINUTE) == NOW + 3 * MINUTE


def test_a_circuit_stays_open_in_the_next_process() -> None:
    """A failed trial keeps it open for longer; success closes it for all."""
    before = Breaker(most=1)
    before.failed(NOW)
    breaker = Breaker(most=1)
    breaker.resume(before.noted(Pace()))
    assert breaker.circuit(NOW) is Circuit.OPEN
    breaker.failed(NOW + 30 * SECOND)
    assert breaker.ready(NOW + 30 * SECOND).at == NOW + 90 * SECOND
    breaker.succeeded()
    assert breaker.noted(Pace()) == Pace()


def test_limits_in_a_row_double() -> None:
    """Up to the longest wait; a later time is not brought forward by an earlier one."""
    pacer = Pacer()
    waits = [pacer.limited(NOW) - NOW for _ in range(9)]
    assert waits == [min(MINUTE * 2**number, LONGEST) for number in range(9)]
    assert pacer.limited(NOW, NOW + SECOND) == NOW + LONGEST
    pacer.accepted()
    later = NOW + LONGEST
    assert pacer.limited(later) == later + MINUTE


def test_what_github_counts_is_heeded() -> None:
    """Only when little is left."""
    pacer = Pacer()
    pacer.counted(NOW, 100, NOW + HOUR)
    assert pacer.ready(NOW, write=False).at == NOW
    pacer.counted(NOW, 99, NOW + HOUR)
    assert pacer.ready(NOW, write=False).at == NOW + HOUR


def test_no_answer_stops_us_for_long() -> None:
    """A reset in ten years is a mistake."""
    pacer = Pacer()
    assert pacer.limited(NOW, NOW + 100_000 * HOUR) == NOW + LONGEST


def test_a_clock_that_is_set_back_does_not_stop_us() -> None:
    """What lies in the future counts as now."""
    pacer = Pacer()
    pacer.limited(NOW, NOW + HOUR)
    sent(pacer, NOW, write=True)
    before = NOW - 1_000 * HOUR
    assert pacer.ready(before, write=True).at <= before + LONGEST


calls = st.lists(st.tuples(st.booleans(), st.integers(0, 20 * SECOND)), max_size=60)


@given(calls)
def test_who_waits_keeps_every_budget(made: list[tuple[bool, int]]) -> None:
    """Whatever the mixture of reads and writes, no span ever holds more than allowed."""
    budget = Budget(calls_an_hour=40, points_a_minute=30, writes_a_minute=4, writes_an_hour=15)
    pacer, now = Pacer(budget), NOW
    done: list[tuple[int, bool]] = []
    for write, idle in made:
        now = pacer.ready(now + idle, write=write).at
        assert pacer.ready(now, write=write) == Ready(now)
        sent(pacer, now, write=write)
        done.append((now, write))
    for at, _ in done:
        minute = [write for then, write in done if at <= then < at + MINUTE]
        hour = [write for then, write in done if at <= then < at + HOUR]
        assert sum(minute) <= 4
        assert sum(5 if write else 1 for write in minute) <= 30
        assert sum(hour) <= 15
        assert len(hour) <= 40


def test_a_breaker_opens_after_failures_in_a_row() -> None:
    """A success between them starts the count again."""
    breaker = Breaker(most=2, first=MINUTE)
    breaker.failed(NOW)
    breaker.succeeded()
    breaker.failed(NOW)
    assert breaker.circuit(NOW) is Circuit.CLOSED
    assert breaker.ready(NOW) == Ready(NOW)
    breaker.failed(NOW)
    assert breaker.circuit(NOW) is Circuit.OPEN
    assert breaker.ready(NOW).at == NOW + MINUTE


def test_a_trial_decides() -> None:
    """Half-open after its time; a failure opens it for twice as long, up to a bound."""
    breaker = Breaker(most=1, first=MINUTE, longest=3 * MINUTE)
    now = NOW
    for span in (1, 2, 3, 3):
        breaker.failed(now)
        assert breaker.circuit(now + span * MINUTE - 1) is Circuit.OPEN
        now += span * MINUTE
        assert breaker.circuit(now) is Circuit.HALF_OPEN
        assert breaker.ready(now) == Ready(now)
    breaker.succeeded()
    assert breaker.circuit(now) is Circuit.CLOSED
    breaker.failed(now)
    assert breaker.ready(now).at == now + MINUTE


def test_a_clock_that_is_set_back_does_not_keep_a_breaker_open() -> None:
    """It tries instead."""
    breaker = Breaker(most=1, first=MINUTE)
    breaker.failed(NOW)
    assert breaker.circuit(NOW - HOUR) is Circuit.HALF_OPEN
