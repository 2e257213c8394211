"""What waits is decided again when its time has come; what waits for nothing is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.entry import format_timestamp
from pipeline.live import BEHIND, IDLE, TICK
from pipeline.report import Action, Policy
from pipeline.suppressions import load_suppressions
from pipeline.verdicts import Kind, Verdict
from tests.support import BASE, SECOND, entry
from tests.test_live import RULES, House, line

if TYPE_CHECKING:
    from pipeline.live import Live
    from pipeline.ports import Outcome
    from pipeline.suppressions import Placed

END = 200
"""Seconds after which what is held back is not any more."""

TRACE = "projects/demo/traces/06796866738c859f2f19b7cfb3214824"

NEARLY = (BEHIND + TICK) // SECOND + 1
"""Seconds after which, at the latest, event time has come as far as the clock was."""


def suppressed(until: str) -> tuple[Placed, ...]:
    """Suppress everything until then."""
    text = f"suppressions:\n  - {{match: {{rule: '*'}}, owner: ana, reason: r, until: {until}}}"
    return load_suppressions(text, "s.yml")


def house_of(policy: Policy | None = None, suppressions: tuple[Placed, ...] = ()) -> House:
    """Build a house whose clock is nearly at what is logged."""
    house = House(RULES)
    house.now = BASE + SECOND
    house.policy = policy or house.policy
    house.suppressions = suppressions
    return house


def take(house: House, *texts: bytes) -> None:
    """Receive some entries."""
    house.feed.publish(texts)
    house.receiver.step()


def passing(house: House, live: Live, seconds: int) -> list[tuple[int, Outcome]]:
    """Let seconds pass in which nothing comes; return what is recorded, and after how many."""
    found = []
    for second in range(1, seconds + 1):
        house.now += SECOND
        step = live.step(house.now, is_current=True)
        found += [(second, outcome) for outcome in step.outcomes]
    return found


def judge(house: House, kind: Kind, until: int = 0) -> None:
    """Let a person say something of the only incident there is."""
    ((name, one),) = ((item.id, item) for item in house.store.incidents())
    handle = (one.fingerprint, BASE)
    house.store.give(Verdict(kind, name, handle, house.now, "ana", until=until))


HELD: dict[str, tuple[Policy, tuple[Placed, ...]]] = {
    "below the minimum priority": (Policy(min_priority="P0"), ()),
    "suppressed until a date": (Policy(), suppressed("2025-10-01")),
    "suppressed until a revision": (Policy(), suppressed("{revision: backend-00002-abc}")),
}


@pytest.mark.parametrize(("policy", "suppressions"), HELD.values(), ids=HELD.keys())
def test_what_only_a_change_brings_up_is_not_recorded_again(
    policy: Policy, suppressions: tuple[Placed, ...]
) -> None:
    """Nothing is written while nothing comes."""
    house = house_of(policy, suppressions)
    live = house.live("one")
    take(house, line("missing", 0))
    assert passing(house, live, 60)
    assert passing(house, live, 60) == []
    assert house.store.ledger() == {}


@pytest.mark.parametrize("kind", [Kind.SILENCE, Kind.RESOLVE])
def test_what_people_hold_back_is_not_recorded_again(kind: Kind) -> None:
    """A silence waits for its end, what was resolved before its first report for nothing."""
    house = house_of()
    live = house.live("one")
    take(house, line("missing", 0))
    passing(house, live, 2)
    judge(house, kind, BASE + 3600 * SECOND)
    assert passing(house, live, 60)
    assert passing(house, live, 60) == []
    assert house.store.ledger() == {}


def test_a_reported_incident_that_is_held_back_is_not_recorded_again() -> None:
    """Though the issue does not say what would be said now."""
    house = house_of()
    live = house.live("one")
    take(house, line("missing", 0))
    passing(house, live, 60)
    judge(house, Kind.SILENCE, BASE + 3600 * SECOND)
    take(house, line("missing", 61))
    assert {one.decision.action for _, one in passing(house, live, 60)} == {Action.LEAVE}
    assert passing(house, live, 60) == []


def reported(house: House, live: Live) -> list[int]:
    """Return when something is reported, and see that it is seldom decided before."""
    found = passing(house, live, END + 30)
    assert len(found) < 20
    return [second for second, one in found if one.decision.action is not Action.LEAVE]


def test_what_was_held_back_is_reported_when_a_suppression_ends() -> None:
    """As soon as event time has come so far."""
    until = format_timestamp(BASE + END * SECOND)
    house = house_of(None, suppressed(f'"{until}"'))
    live = house.live("one")
    take(house, line("missing", 0))
    (second,) = reported(house, live)
    assert END <= second + 1 <= END + NEARLY


def test_what_was_held_back_is_reported_when_a_silence_ends() -> None:
    """As soon as event time has come so far."""
    house = house_of()
    live = house.live("one")
    take(house, line("missing", 0))
    passing(house, live, 2)
    judge(house, Kind.SILENCE, BASE + END * SECOND)
    (second,) = reported(house, live)
    assert END <= second + 3 <= END + NEARLY


def test_a_silence_that_is_taken_back_holds_nothing_back() -> None:
    """At once."""
    house = house_of()
    live = house.live("one")
    take(house, line("missing", 0))
    passing(house, live, 2)
    judge(house, Kind.SILENCE, BASE + 3600 * SECOND)
    passing(house, live, 60)
    (verdict,) = house.store.verdicts()
    house.store.undo(verdict.number, "bo")
    ((second, one),) = passing(house, live, 9)
    assert (second, one.decision.action) == (1, Action.CREATE)


def test_what_was_held_back_is_reported_when_a_newer_revision_is_seen() -> None:
    """In whatever incident: who is held back has not changed."""
    house = house_of(None, suppressed("{revision: other-00002-abc}"))
    live = house.live("one")
    take(house, line("missing", 0))
    passing(house, live, 60)
    labels = {"service_name": "other", "revision_name": "other-00003-abc"}
    take(house, line("slow", 60, resource={"type": "cloud_run_revision", "labels": labels}))
    found = passing(house, live, 3)
    assert [one.incident.root.rule for _, one in found if one.decision.action is Action.CREATE] == [
        "missing"
    ]


def test_what_was_below_the_minimum_priority_is_reported_when_it_is_not() -> None:
    """It changed, then."""
    house = house_of(Policy(min_priority="P1"))
    live = house.live("one")
    take(house, line("down", 0))
    passing(house, live, 60)
    assert house.store.ledger() == {}
    take(house, line("missing", -5))
    passing(house, live, 60)
    assert len(house.store.ledger()) == 1


def test_what_a_rollout_holds_back_is_reported_when_it_is_over() -> None:
    """It is decided a few times before, not again and again."""
    house = house_of(Policy(rollout_hold=END * SECOND))
    live = house.live("one")
    resource = {
        "type": "cloud_run_revision",
        "labels": {"service_name": "backend", "revision_name": "backend-00002-abc"},
    }
    take(house, line("well", -90, severity="INFO"), line("missing", 0, resource=resource))
    (second,) = reported(house, live)
    assert END <= second + 1 <= END + NEARLY


def test_what_changed_within_group_interval_is_told_when_that_is_over() -> None:
    """It is decided a few times before, not again and again."""
    house = house_of(Policy(group_interval=END * SECOND))
    live = house.live("one")
    take(house, line("missing", 0))
    passing(house, live, 60)
    take(house, line("missing", (house.now - BASE) // SECOND))
    passing(house, live, 2)  # it is ongoing now, which is told at once
    (known,) = house.store.ledger().values()
    take(house, line("missing", (house.now - BASE) // SECOND))
    before = house.now
    (second,) = reported(house, live)
    ready = (known.decided_at - before) // SECOND + END
    assert ready <= second <= ready + NEARLY + IDLE // SECOND


def two_reported(house: House, live: Live) -> Verdict:
    """Report two incidents; return what merges them."""
    take(house, line("missing", 0), line("slow", 5, service="auth", trace=TRACE))
    passing(house, live, 60)
    first, second = sorted(house.store.anchors())
    handle, other = (first.fingerprint, first.time), (second.fingerprint, second.time)
    name, joined = first.incident_id, second.incident_id
    return Verdict(Kind.MERGE, name, handle, house.now, "ana", other=other, other_incident=joined)


def tying(at: float, trace: str = TRACE) -> bytes:
    """Write an entry that makes one incident of what fails in a trace and of what is missing."""
    return line("missing", at, trace=trace)


def sorting(at: float) -> bytes:
    """Write a richer copy of that entry, which says that it is nothing of the kind.

    It might be a line of a traceback: some seconds pass until it is told of.
    """
    return entry("well after all", at=at, key=f"missing-{at}", trace=TRACE, spanId="1").json


def absorbing(found: list[tuple[int, Outcome]]) -> list[int]:
    """Return after how many seconds something was recorded as part of another incident."""
    return [second for second, outcome in found if outcome.incident.absorbed]


def test_what_people_merged_is_part_of_another_at_once() -> None:
    """It does not only look so."""
    house = house_of()
    live = house.live("one")
    house.store.give(two_reported(house, live))
    assert absorbing(passing(house, live, 5)) == [1]
    assert len(house.store.incidents()) == 1


def test_what_is_part_of_another_for_some_seconds_only_stays_what_it_is() -> None:
    """Nothing is recorded of that, so that no issue is closed and opened again."""
    house = house_of()
    live = house.live("one")
    two_reported(house, live)
    take(house, tying(61))
    assert absorbing(passing(house, live, 2)) == []
    take(house, sorting(61))
    assert absorbing(passing(house, live, 88)) == []
    assert len(house.store.incidents()) == 2
    take(house, tying(151))
    assert absorbing(passing(house, live, 29)) == []
    assert absorbing(passing(house, live, 10))
    assert len(house.store.incidents()) == 1


def test_who_takes_over_waits_for_what_is_part_of_another_and_not_for_what_was() -> None:
    """What was recorded so is told at once; what was about to be is waited for anew."""
    house = house_of()
    live = house.live("one")
    two_reported(house, live)
    take(house, tying(61))
    assert absorbing(passing(house, live, 20)) == []
    live = house.live("two")
    assert absorbing(passing(house, live, 20)) == []
    assert absorbing(passing(house, live, 20))
    live = house.live("three")
    take(house, line("missing", 101))
    assert absorbing(passing(house, live, 5))


def test_a_run_that_ends_waits_for_what_is_part_of_another() -> None:
    """And no longer."""
    house = house_of()
    live = house.live("one")
    two_reported(house, live)
    assert live.is_settled(house.now)
    take(house, tying(61))
    passing(house, live, 20)
    assert not live.is_settled(house.now)
    passing(house, live, 20)
    assert live.is_done(house.now)


@pytest.mark.parametrize("every", [1, 20, 29])
def test_who_is_replaced_again_and_again_tells_what_is_part_of_another(every: int) -> None:
    """Also where nothing comes and so nothing else is recorded."""
    house = house_of()
    live = house.live("one")
    two_reported(house, live)
    take(house, tying(61))
    found: list[int] = []
    for start in range(0, 300, every):
        found += (start + second for second in absorbing(passing(house, live, every)))
        live = house.live(f"from-{start}")
    assert 90 <= found[0] <= 240
    assert len(house.store.incidents()) == 1


def test_what_is_part_of_another_again_is_waited_for_again() -> None:
    """What was taken back meanwhile was told as what it is by itself."""
    house = house_of()
    live = house.live("one")
    two_reported(house, live)
    for at in (61, 151):
        take(house, tying(at))
        found = absorbing(passing(house, live, 40))
        assert found
        assert found[0] >= 29
        assert len(house.store.incidents()) == 1
        take(house, sorting(at))
        passing(house, live, 50)
        assert len(house.store.incidents()) == 2


def test_what_joins_one_that_waits_is_there_until_that_is_told() -> None:
    """Also where it was not reported yet: else nobody would see it for half a minute."""
    house = house_of()
    live = house.live("one")
    two_reported(house, live)
    take(house, tying(61))
    passing(house, live, 2)
    trace = f"projects/demo/traces/{2:032x}"
    take(house, line("slow", 62, service="mail", trace=trace))
    passing(house, live, 2)
    assert len(house.store.incidents()) == 3
    take(house, tying(63, trace))
    passing(house, live, 2)
    assert len(house.store.incidents()) == 3
    assert absorbing(passing(house, live, 60))
    (left,) = house.store.incidents()
    assert len({one.fingerprint for one in left.symptoms}) == 3


def test_of_what_more_and_more_is_a_part_is_told_all_the_same() -> None:
    """Else the largest incident of all, and all that is new in it, would wait as long as it grows.

    Nothing is told of it before a while, in which it may turn out to be none.
    """
    house = house_of()
    live = house.live("one")
    traces = [f"projects/demo/traces/{number:032x}" for number in range(1, 13)]
    take(house, line("missing", 0))
    for number, trace in enumerate(traces):
        take(house, line("slow", number + 1, service=f"service-{number}", trace=trace))
    passing(house, live, 60)
    assert len(house.store.ledger()) == 1 + len(traces)
    found = []
    for number, trace in enumerate(traces):
        take(house, tying(61 + 20 * number, trace))
        found += [20 * number + second for second in absorbing(passing(house, live, 20))]
    assert 110 <= found[0] <= 130
    assert absorbing(passing(house, live, 40))
    assert len(house.store.incidents()) == 1
