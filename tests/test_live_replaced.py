"""Who begins anew again and again reports all the same; who does once waits as if he were first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from pipeline import receipts
from pipeline.detection import Detector
from pipeline.received import LATE
from pipeline.redaction import Redactor
from pipeline.report import Policy
from pipeline.stores.memory import MemoryStore
from pipeline.stores.sql.store import SqlStore
from pipeline.waiting import Waits
from tests.support import BASE, SECOND, entry, rule_text, ruleset
from tests.test_live import RULES, TRACEBACK, House, line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.live import Live
    from pipeline.ports import Store
    from pipeline.rule import RuleSet

STORES: dict[str, Callable[[], Store]] = {
    "memory": MemoryStore,
    "sql": lambda: SqlStore("sqlite://"),
}


RAISED = ruleset(
    "title: Raised\nname: raised\nlogsource: {product: gcp}\nlevel: high\n"
    "detection:\n  seen:\n    exception.frames|re: main\\.py\n  condition: seen\n"
)
"""Sees the whole traceback only."""


def house_of(rules: RuleSet = RULES, store: Store | None = None) -> House:
    """Build a house whose clock is nearly at what is logged."""
    house = House(rules, store, at_once=20)
    house.now = BASE + SECOND
    return house


def pass_by(house: House, live: Live, seconds: int) -> int | None:
    """Let seconds pass in which all goes on; return after which the first report was made."""
    for second in range(1, seconds + 1):
        at = (house.now - BASE) // SECOND
        house.feed.publish([line("fine", at, severity="INFO", service="other")])
        house.receiver.step()
        house.step(live)
        if house.store.ledger():
            return second
    return None


def replaced(house: House, every: int, seconds: int) -> int | None:
    """Begin anew every few seconds; return after which the first report was made."""
    for start in range(0, seconds, every):
        found = pass_by(house, house.live(f"from-{start}"), every)
        if found is not None:
            return start + found
    return None


@pytest.mark.parametrize("store", STORES.values(), ids=STORES.keys())
@pytest.mark.parametrize("every", [1, 4, 25, 29])
def test_who_is_replaced_again_and_again_reports(
    every: int, store: Callable[[], MemoryStore | SqlStore]
) -> None:
    """Be it killed, or have a store that fails now and then: nobody lives as long as is waited."""
    with store() as kept:
        house = house_of(store=kept)
        house.feed.publish([line("missing", 0)])
        found = replaced(house, every, 600)
    assert found is not None
    assert 90 <= found <= 240


def test_who_only_ever_comes_to_a_first_commit_reports() -> None:
    """The time until the next one begins counts as well, if it is short."""
    house = house_of()
    house.feed.publish([line("missing", 0)])
    for number in range(120):
        house.feed.publish([line("fine", 2 * number, severity="INFO", service="other")])
        house.receiver.step()
        house.live(f"from-{number}").step(house.now, is_current=False)
        house.now += 2 * SECOND
    assert house.store.ledger()


@pytest.mark.parametrize("every", [14, 25])
def test_who_is_replaced_again_and_again_reports_where_nothing_comes(every: int) -> None:
    """Event time goes on by the clock, as far as it does for anybody."""
    house = house_of()
    house.feed.publish([line("missing", 0)])
    house.receiver.step()
    for start in range(0, 400, every):
        live = house.live(f"from-{start}")
        for _ in range(every):
            house.step(live, is_current=True)
    assert house.store.ledger()


def test_who_goes_on_once_waits_as_if_he_were_first() -> None:
    """What the one before had in hand comes again only now."""
    house = house_of()
    house.feed.publish([line("down", 1)])
    assert pass_by(house, house.live("one"), 29) is None
    live = house.live("two")
    assert pass_by(house, live, 29) is None
    assert pass_by(house, live, 20) is not None


def test_time_in_which_nobody_was_there_does_not_count() -> None:
    """What came meanwhile is still to be read: an effect would be reported without its cause."""
    house = house_of()
    house.feed.publish([line("down", 1)])
    for number in range(4):
        assert pass_by(house, house.live(f"from-{number}"), 20) is None
        house.now += 3600 * SECOND
    live = house.live("last")
    assert pass_by(house, live, 20) is None
    house.feed.publish([line("missing", 0)])
    assert pass_by(house, live, 60) is not None
    (incident,) = house.store.incidents()
    assert "missing" in incident.title


TORN = [entry(text, at=at / 1000, key=str(at)).json for at, text in enumerate(TRACEBACK)]


@pytest.mark.parametrize("late", [False, True])
def test_lines_of_a_traceback_are_told_by_those_who_are_replaced(late: bool) -> None:  # noqa: FBT001 - a case
    """Also while something comes late, as it does where somebody is killed all the time."""
    house = house_of(RAISED)
    house.feed.publish(TORN)
    for number in range(20):
        if late:
            house.store.keep_mark(LATE, house.now)
        pass_by(house, house.live(f"from-{number}"), 25)
    (known,) = house.store.ledger()
    (incident,) = house.store.incidents()
    assert incident.id == known
    assert house.store.held() == b""


def test_lines_wait_anew_where_somebody_goes_on_once() -> None:
    """The one before had the others in hand: they come again only now."""
    house = house_of(RAISED)
    house.feed.publish(TORN[:1])
    pass_by(house, house.live("one"), 28)
    live = house.live("two")
    pass_by(house, live, 25)
    house.feed.publish(TORN[1:])
    assert pass_by(house, live, 100) is not None
    (incident,) = house.store.incidents()
    assert [one.count for one in incident.symptoms] == [1]


# --- what is kept for that ------------------------------------------------------------------------


def waits(house: House) -> Waits:
    """Return what is kept of how long something waits."""
    return receipts.held_read(house.store.held())[1]


def test_what_is_settled_is_not_kept() -> None:
    """There may be many below the minimum priority, and each commit writes it."""
    house = house_of()
    house.policy = Policy(min_priority="P0")
    house.feed.publish([line("missing", 0)])
    live = house.live("one")
    pass_by(house, live, 20)
    ((name, span),) = waits(house).incidents.items()
    assert span <= 20 * SECOND
    assert name == house.store.incidents()[0].id
    pass_by(house, live, 60)
    house.feed.publish([line("missing", 80)])
    pass_by(house, live, 2)
    assert waits(house).lines
    assert waits(house).incidents == {}


def test_what_was_reported_keeps_nobody_from_an_end() -> None:
    """Its report was committed with for how long it had been waited for."""
    house = house_of()
    house.feed.publish([line("missing", 0)])
    live = house.live("one")
    assert pass_by(house, live, 60) is not None
    assert waits(house).incidents.keys() == house.store.ledger().keys()
    live = house.live("two")
    house.step(live)
    assert live.is_settled(house.now)


@pytest.mark.parametrize("hours", [-2, 2])
def test_another_clock_makes_nobody_wait_longer_or_shorter(hours: int) -> None:
    """Of two machines one may be wrong: the time between two counts for seconds at most."""
    house = house_of()
    house.feed.publish([line("missing", 0)])
    pass_by(house, house.live("one"), 20)
    house.now += hours * 3600 * SECOND
    live = house.live("two")
    house.step(live)
    (span,) = waits(house).incidents.values()
    assert 15 * SECOND <= span <= 30 * SECOND
    assert not house.store.ledger()


def test_a_fivewhys_from_before_goes_on_and_hands_back() -> None:
    """It reads the lines and no more, and writes nothing else; then all waits anew."""
    house = house_of(RAISED)
    house.feed.publish([*TORN, line("well", 1, severity="ERROR")])
    pass_by(house, house.live("new"), 5)
    written = msgspec.msgpack.decode(house.store.held())
    lines, kept = receipts.held_read(house.store.held())
    assert len(kept.lines) == len(lines) == len(receipts.read(house.store.held()).parts) > 0
    before = msgspec.msgpack.encode(written[:7])
    again, nothing = receipts.held_read(before)
    assert [one.key for one in again] == [one.key for one in lines]
    assert nothing == Waits()
    assert [*zip(again, nothing.came(BASE), strict=False)] == [(one, BASE) for one in again]


# --- what is none any more ------------------------------------------------------------------------


@pytest.mark.parametrize("store", STORES.values(), ids=STORES.keys())
@pytest.mark.parametrize("beside", [(), ("slow",)], ids=["alone", "beside another"])
def test_what_other_rules_make_none_is_taken_out(
    store: Callable[[], MemoryStore | SqlStore], beside: Sequence[str]
) -> None:
    """It was never reported, and would be new for ever, also where nothing else comes."""
    with store() as kept:
        house = house_of(store=kept)
        texts = ["missing", *beside]
        house.feed.publish([line(text, 10_000 * at) for at, text in enumerate(texts)])
        house.receiver.step()
        house.step(house.live("one"))
        assert len(kept.incidents()) == len(texts)
        house.rules = ruleset(rule_text("slow"))
        house.detector = Detector(house.rules, Redactor())
        house.step(house.live("two"))
        assert [one.title for one in kept.incidents()] == [
            f"backend: About {one}" for one in beside
        ]


def test_what_is_long_over_stays_though_it_was_never_reported() -> None:
    """There is nothing left of which it could be made again."""
    house = house_of()
    house.policy = Policy(min_priority="P0")
    house.feed.publish([line("missing", 0)])
    house.receiver.step()
    live = house.live("one")
    house.step(live)
    house.now += 12 * 24 * 3600 * SECOND
    for _ in range(60):
        house.step(live, is_current=True)
    assert [*house.store.detections()] == []
    (before,) = house.store.incidents()
    live = house.live("two")
    house.feed.publish([line("slow", 12 * 24 * 3600 + 90)])
    pass_by(house, live, 5)
    assert before.id in {one.id for one in house.store.incidents()}
