"""A run that never ends comes to what a replay of the same entries comes to, whatever happens."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import receipts
from pipeline.bootstrap.reading import load_rules
from pipeline.catalog import Catalog
from pipeline.concluding import Concluding, Texts
from pipeline.correlation import Correlator
from pipeline.detection import Detector
from pipeline.entry import LogEntry, format_timestamp
from pipeline.errors import LeaseLostError, StoreError
from pipeline.examining import Window
from pipeline.flow import Replay
from pipeline.lifecycle import MINUTE
from pipeline.live import BEHIND, IDLE, LEASE, Live
from pipeline.messages import read_message
from pipeline.ports import AHEAD, Message, Poison
from pipeline.receipts import KEPT
from pipeline.received import LATE, OWN_LABEL, Received
from pipeline.receiving import PASSED_ON, QUOTED, TOLD, Left, Receiver
from pipeline.redaction import Redactor
from pipeline.remembering import Remembering
from pipeline.report import Policy
from pipeline.stores.memory import MemoryStore
from pipeline.traffic import ROW, Traffic
from pipeline.verdicts import Kind, Verdict
from pipeline.whys import load_whys
from tests.fakes.feed import MemoryFeed
from tests.fakes.investigator import Witness
from tests.fakes.source import ListSource
from tests.fakes.spool import MemorySpool
from tests.support import BASE, SECOND, entry, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.detection import Detection
    from pipeline.document import IncidentDocument
    from pipeline.ports import Investigator, Store
    from pipeline.rule import RuleSet
    from pipeline.suppressions import Placed
    from pipeline.traffic import Rows

WHYS = """\
name: unexplained
whys:
  - question: Why?
    answers: []
    unknown: Nobody knows.
    settle: Ask.
"""
TEXTS = Texts(load_whys([("w.yml", WHYS)]), "{{ incident.title }} ({{ incident.count }})", "i.j2")
EXPORT = Path(__file__).parent.parent / "examples" / "staging-2025-09-10.jsonl"
LATER = BASE + 400 * 24 * 3600 * SECOND
"""The clock of these tests: whatever is logged is long ago."""

RULES = ruleset(
    rule_text("missing", level="critical"),
    rule_text("down", audit="{caused_by: [{rule: missing, same: [service]}]}"),
    rule_text("slow", level="low"),
    rule_text("refused", level="critical", audit="{entity: [service], heals: true}"),
)


class House:
    """Processes over one store and one subscription, as many as there come and go."""

    def __init__(self, rules: RuleSet, store: Store | None = None, *, at_once: int = 3) -> None:
        self.rules = rules
        self.store: Store = store or MemoryStore()
        self.feed = MemoryFeed(at_once)
        self.detector = Detector(rules, Redactor())
        self.policy = Policy(group_interval=0)
        self.now = LATER
        self.counts = True
        self.rows: Callable[[], Rows] = lambda: MemorySpool(ROW)
        self.investigators: Sequence[Investigator] = ()
        self.suppressions: Sequence[Placed] = ()
        self.receiver = self.receiver_of()

    def receiver_of(self, **parts: Any) -> Receiver:
        """Build who receives."""
        return Receiver(
            feed=self.feed,
            inbox=self.store,
            detector=self.detector,
            clock=lambda: self.now,
            **parts,
        )

    def live(self, holder: str) -> Live:
        """Build who correlates, with the lease, whoever had it."""
        self.store.lease(LEASE, holder, self.now, LATER * 2)
        remembering = Remembering(self.investigators)
        traffic = Traffic(self.rows(), self.detector.redact) if self.counts else None
        live = Live(
            detector=self.detector,
            correlator=Correlator(self.rules, traffic=traffic),
            concluding=Concluding(
                detector=self.detector,
                catalog=Catalog(),
                texts=lambda _: TEXTS,
                investigators=(remembering,),
                store=self.store,
                policy=self.policy,
                suppressions=self.suppressions,
            ),
            remembering=remembering,
            store=self.store,
            catalog=Catalog(),
            policy=self.policy,
            holder=holder,
            traffic=traffic,
        )
        live.begin(self.now)
        return live

    def step(self, live: Live, *, is_current: bool = False) -> None:
        """Let a second pass, and go on."""
        self.now += SECOND
        live.step(self.now, is_current=is_current)

    def finish(self, end: int) -> dict[str, Any]:
        """Take all there is, and let event time come to the end."""
        live = self.live("last")
        while self.feed.left or self.store.receipts(1):
            self.feed.expire()
            self.receiver.step()
            self.step(live)
        for _ in range(2 * self.policy.group_wait // SECOND):
            self.step(live)
        self.now = end + BEHIND - IDLE
        live = self.live("idle")
        while self.now < end + BEHIND:
            self.step(live, is_current=True)
        return summary(self.store.incidents())


def summary(documents: Sequence[IncidentDocument]) -> dict[str, Any]:
    """Return what incidents come to, by id."""
    return {
        one.id: (
            one.title,
            one.state,
            one.priority,
            one.first_seen,
            one.last_seen,
            {item.fingerprint: item.count for item in one.symptoms},
        )
        for one in documents
    }


def replayed(texts: Sequence[bytes], rules: RuleSet) -> tuple[dict[str, Any], int]:
    """Return what a replay of the same entries comes to, and its event time."""
    messages = [Message("", str(number), text) for number, text in enumerate(texts)]
    records = [record for one in messages for record in read_message(one)]
    detector = Detector(rules, Redactor())
    traffic = Traffic(MemorySpool(ROW), detector.redact)
    correlator = Correlator(rules, traffic=traffic)
    result = Replay(
        detector=detector,
        correlator=correlator,
        spool=MemorySpool,
        catalog=Catalog(),
        texts=lambda _: TEXTS,
        investigators=(),
        store=MemoryStore(),
        sinks=(),
        policy=Policy(group_interval=0),
        window=Window(),
        traffic=traffic,
    ).run(ListSource(records))
    return summary([one.document for one in result.outcomes]), correlator.now


def line(text: str, at: float, **fields: Any) -> bytes:
    """Write an entry as a log sink publishes it."""
    return entry(text, at=at, key=f"{text}-{at}", **fields).json


# --- live equals replay ---------------------------------------------------------------------------


def test_a_long_run_with_kills_and_repetitions_comes_to_what_a_replay_comes_to() -> None:
    """The example export with the shipped rules: shuffled, doubled, and taken over often."""
    rules = load_rules((), "")
    texts = [text.encode() for text in EXPORT.read_text(encoding="utf-8").splitlines()]
    expected, end = replayed(texts, rules)
    dice = random.Random(7)  # noqa: S311 - no secret
    # A subscription has disorder of seconds, not of hours.
    order = sorted(range(len(texts)), key=lambda at: at + dice.uniform(-20, 20))
    house = House(rules, at_once=40)
    house.feed.publish(texts[at] for at in order for _ in range(dice.choice((1, 1, 1, 2))))
    live = house.live("first")
    while house.feed.left:
        house.feed.loses = dice.random() < 0.1
        house.receiver.step()
        if dice.random() < 0.3:
            house.feed.expire()
        if dice.random() < 0.5:
            house.step(live)
        if dice.random() < 0.2:  # killed, whatever it had in hand
            live = house.live(f"holder-{dice.random()}")
    assert house.finish(end) == expected
    assert house.store.ledger().keys() == expected.keys()


STEP = st.one_of(
    st.tuples(st.just("receive"), st.booleans()),
    st.tuples(st.just("expire"), st.booleans()),
    st.tuples(st.just("step"), st.booleans()),
    st.tuples(st.just("take over"), st.booleans()),
)
TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/app/main.py", line 3, in start',
    "    missing()",
    "RuntimeError: missing is down",
)
TEXTS_OF_LINES = [
    line("missing", 0),
    line("down", 1),
    line("slow", 2, service="auth"),
    line("well", 3, severity="INFO"),
    *(line(text, 4 + at / 1000, severity=None) for at, text in enumerate(TRACEBACK)),
    line("down", 6),
    line("missing", 9, service="auth"),
]


@settings(max_examples=60)
@given(st.permutations(range(len(TEXTS_OF_LINES))), st.lists(STEP, max_size=30))
def test_whatever_order_things_come_and_processes_go_in(
    order: list[int], deeds: list[tuple[str, bool]]
) -> None:
    """Lines of tracebacks, causes and effects, told in any order, twice, to any number of heirs."""
    expected, end = replayed(TEXTS_OF_LINES, RULES)
    house = House(RULES, at_once=2)
    house.feed.publish(TEXTS_OF_LINES[at] for at in order)
    live = house.live("first")
    for number, (deed, flag) in enumerate(deeds):
        house.feed.loses = flag
        if deed == "receive":
            house.receiver.step()
        elif deed == "expire":
            house.feed.expire()
        elif deed == "step":
            house.step(live)
        else:
            live = house.live(f"heir-{number}")
    house.feed.loses = False
    found = house.finish(end)
    assert found == expected
    assert not house.store.receipts(1)


# --- what was reported ---------------------------------------------------------------------------


Told = dict[str, tuple[Any, ...]]


def told(rounds: Sequence[Sequence[bytes]], *, is_heir: bool) -> tuple[Told, dict[str, Any]]:
    """Return incidents and the last decisions after rounds, each a minute after the one before.

    One process takes all of them, or an heir each, who knows what was reported from the store.
    """
    house = House(RULES)
    live = house.live("first")
    for number, texts in enumerate(rounds):
        if is_heir:
            live = house.live(f"heir-{number}")
        house.feed.publish(texts)
        while house.feed.left:
            house.receiver.step()
        for _ in range(60):
            house.step(live)
    store = house.store
    found = {
        one.id: (one.absorbed, *found)
        for one, found in zip(store.incidents(), summary(store.incidents()).values(), strict=True)
    }
    return found, {name: one.action for name, one in store.ledger().items()}


def test_what_comes_late_joins_what_was_reported() -> None:
    """It is older than all that was known of the incident, which keeps its id nevertheless."""
    incidents, ledger = told(
        [[line("missing", 100), line("slow", 200)], [line("missing", 60)]], is_heir=False
    )
    (name,) = (name for name, one in incidents.items() if "missing" in one[1])
    assert ledger.keys() == {name}
    assert incidents[name][4] == format_timestamp(BASE + 60 * SECOND)
    assert [*incidents[name][6].values()] == [2]


def test_what_is_joined_after_both_were_reported_is_absorbed() -> None:
    """Else the issue of the one that is no more would stay as it is."""
    first = [line("down", 100), line("slow", 200)]
    second = [line("missing", 500), line("slow", 550)]
    incidents, ledger = told([first, second, [line("down", 560)]], is_heir=False)
    (whole,) = (one for one in incidents.values() if one[0])
    assert {*whole[0]} <= ledger.keys()
    assert whole[1] == "backend: About missing"


def test_what_goes_on_after_its_report_is_ongoing() -> None:
    """Its first report does not hold all that was seen."""
    rounds = [[line("missing", 600 * at), line("slow", 600 * at + 100)] for at in range(4)]
    incidents, _ = told(rounds, is_heir=False)
    (missing,) = (one for one in incidents.values() if "missing" in one[1])
    assert missing[2] == "ongoing"


@pytest.mark.parametrize("late", [0, 12])
def test_lines_wait_longer_for_others_while_something_comes_late(late: int) -> None:
    """Who had them was killed, and who got them next: they come again after two leases."""
    rules = load_rules((), "")
    house = House(rules, at_once=10)
    live = house.live("one")
    lines = [line(text, at / 1000, severity="ERROR") for at, text in enumerate(TRACEBACK)]
    after = line("ready", 100)
    house.feed.publish([lines[0], after], published=house.now - late * SECOND)
    house.receiver.step()
    for _ in range(45):
        house.step(live)
    house.feed.publish(lines[1:])
    house.receiver.step()
    for _ in range(150):
        house.step(live)
    assert house.store.mark(LATE) == (LATER if late else 0)
    found, expected = summary(house.store.incidents()), replayed([*lines, after], rules)[0]
    apart = [one for one in found if one not in expected]
    assert found
    assert bool(apart) == (not late)


def test_what_people_merged_is_there_again_once_they_take_that_back() -> None:
    """It is as it was told before, and told anew nevertheless: the store has it as absorbed."""
    house = House(RULES)
    live = house.live("one")
    house.feed.publish([line("missing", 0), line("slow", 5, service="auth"), line("well", 200)])
    house.receiver.step()
    for _ in range(60):
        house.step(live)
    first, second = sorted(house.store.anchors())
    apart = summary(house.store.incidents())
    merge = house.store.give(
        Verdict(
            Kind.MERGE,
            first.incident_id,
            (first.fingerprint, first.time),
            BASE + 210 * SECOND,
            "alice",
            other=(second.fingerprint, second.time),
            other_incident=second.incident_id,
        )
    )
    house.step(live)
    assert len(house.store.incidents()) == 1
    house.store.undo(merge.number, "alice")
    house.step(live)
    assert summary(house.store.incidents()).keys() == apart.keys()


@pytest.mark.parametrize("late", [0, 12])
@pytest.mark.parametrize("given", ["retry", "handled"])
def test_what_is_noise_once_all_of_it_is_read_is_not_reported_before(given: str, late: int) -> None:
    """Its lines are held for longer while something comes late, and so is its first report."""
    house = House(RULES)
    texts = [*{"retry": RETRY, "handled": HANDLED}[given], line("well", 100, severity="INFO")]
    house.feed.publish(texts, published=house.now - late * SECOND)
    live = house.live("one")
    for _ in range(300):
        house.receiver.step()
        house.step(live)
    assert not house.store.ledger()
    assert house.store.held() == b""


def test_what_goes_on_while_something_comes_late_is_reported() -> None:
    """Though some of its lines are always held back."""
    house = House(RULES)
    live = house.live("one")
    for at in range(130):
        house.feed.publish([line("missing", at)], published=house.now - 12 * SECOND)
        house.receiver.step()
        house.step(live)
    assert house.store.ledger()


class Unmarked(MemoryStore):
    """A store that takes no marks, and counts how often it was asked to."""

    asked = 0

    def keep_mark(self, name: str, at: int) -> None:
        """Fail."""
        self.asked += 1
        message = f"{name} is not kept at {at}"
        raise StoreError(message)


def test_what_comes_late_and_cannot_be_noted_is_given_back() -> None:
    """It is in nobody's hands then, and comes again."""
    house = House(RULES, Unmarked())
    house.feed.publish([line("missing", 0)], published=house.now - MINUTE)
    for _ in range(3):
        with pytest.raises(StoreError):
            house.receiver.step()
    assert not house.store.receipts(1)
    house.feed.publish([line("missing", 1)], published=house.now)
    assert len(house.feed.pull()) == 2


def test_that_something_comes_late_is_noted_now_and_then() -> None:
    """A backlog is late for long."""
    house = House(RULES, at_once=1)
    house.feed.publish([line("missing", at) for at in range(4)], published=house.now - MINUTE)
    noted = []
    for _ in range(4):
        house.receiver.step()
        noted.append((house.store.mark(LATE) - LATER) // SECOND)
        house.now += 5 * SECOND
    assert noted == [0, 0, 10, 10]


SAID = st.tuples(
    st.sampled_from(("missing", "down", "slow", "refused")),
    st.integers(0, 90).map(lambda at: 10 * at),
    st.sampled_from(("backend", "auth")),
)


@settings(max_examples=40)
@given(st.lists(st.lists(SAID, min_size=1, max_size=4), min_size=2, max_size=4))
def test_who_reported_knows_of_it_as_an_heir_does(
    rounds: list[list[tuple[str, int, str]]],
) -> None:
    """Ids, absorbed incidents, counts, states and decisions do not depend on restarts."""
    texts = [
        [
            entry(text, at=at, key=f"{text}-{at}-{place}", service=place).json
            for text, at, place in one
        ]
        for one in rounds
    ]
    assert told(texts, is_heir=False) == told(texts, is_heir=True)


RETRY = [
    line("db: refused", 12, severity=None),
    line("; retrying in 2s", 12.001, severity=None),
]
HANDLED = [
    line("INFO:root:last error (handled):", 20, severity=None),
    *(line(text, 20.001 + at / 1000, severity=None) for at, text in enumerate(TRACEBACK)),
]


@pytest.mark.parametrize("texts", [RETRY, HANDLED], ids=["retry", "handled"])
@pytest.mark.parametrize("at_once", [1, 3])
def test_what_several_lines_say_is_heard_before_anything_is_reported(
    texts: list[bytes], at_once: int
) -> None:
    """Also if they come one after the other; and what was known meanwhile is no incident."""
    texts = [*texts, line("well", 100, severity="INFO")]
    expected, end = replayed(texts, RULES)
    house = House(RULES, at_once=at_once)
    house.feed.publish(texts)
    live = house.live("first")
    seen = 0
    for _ in range(90):
        house.receiver.step()
        house.step(live)
        seen = max(seen, len(house.store.incidents()))
    assert (expected, summary(house.store.incidents()), house.store.ledger()) == ({}, {}, {})
    assert seen == 1  # until the lines were read
    assert house.finish(end) == {}


# --- one at a time --------------------------------------------------------------------------------


def test_who_lost_the_lease_records_nothing() -> None:
    """The commit itself asks for the lease; who took over goes on with what was received."""
    house = House(RULES)
    house.feed.publish([line("missing", 0)])
    house.receiver.step()
    old = house.live("old")
    new = house.live("new")
    with pytest.raises(LeaseLostError, match="'correlation'"):
        house.step(old)
    assert house.store.incidents() == ()
    house.step(new)
    assert len(house.store.incidents()) == 1


def test_who_lost_the_lease_forgets_nothing() -> None:
    """Who is stopped before it tidies up, and goes on later, knows nothing of what came since."""

    class Stopping(MemoryStore):
        meanwhile: Callable[[], object] | None = None

        def forget(self, *given: Any) -> int:
            if self.meanwhile is not None:
                meanwhile, self.meanwhile = self.meanwhile, None
                meanwhile()
            return super().forget(*given)

    store = Stopping()
    house = House(RULES, store)
    old = house.live("old")
    house.feed.publish([line("missing", 0)])
    house.receiver.step()
    house.step(old)

    def taken_over() -> None:
        new = house.live("new")
        half_an_hour_ago = (house.now - BASE) // SECOND - 1800
        house.feed.publish([line("down", half_an_hour_ago)])
        house.receiver.step()
        house.step(new)

    def go_on() -> None:
        for _ in range(60):
            house.step(old, is_current=True)

    store.meanwhile = taken_over
    with pytest.raises(LeaseLostError, match="'correlation'"):
        go_on()
    assert "down" in {one.rule for one in store.detections()}


def test_a_first_report_waits_until_what_may_be_on_its_way_is_there() -> None:
    """By the clock as by event time: an effect that is read long before its cause opens nothing."""
    house = House(RULES)
    live = house.live("one")
    house.feed.publish([line("down", 5), line("well", 900, severity="INFO")])
    house.receiver.step()
    house.step(live)
    assert house.store.ledger() == {}
    house.feed.publish([line("missing", 0)])
    house.receiver.step()
    for _ in range(40):
        house.step(live)
    (known,) = house.store.ledger()
    (incident,) = house.store.incidents()
    assert incident.id == known
    assert "missing" in incident.title


def test_a_traceback_whose_lines_come_late_is_read_as_one() -> None:
    """Others took some of its lines and were killed, while event time went on."""
    text = "Traceback (most recent call last):\n  File \"/app/a.py\", line 1, in f\nKeyError: 'a'"
    torn = [
        entry(part, at=at / 1000, key=f"line-{at}").json for at, part in enumerate(text.split("\n"))
    ]
    rules = ruleset(
        "title: Raised\nname: raised\nlogsource: {product: gcp}\n"
        "detection:\n  seen:\n    exception.frames|re: a\\.py\n  condition: seen\n"
        "level: high\n"
    )
    house = House(rules)
    live = house.live("one")
    house.feed.publish([torn[0], line("well", 900)])
    house.receiver.step()
    for _ in range(20):
        house.step(live)
    assert not live.is_done(house.now)
    house.feed.publish(torn[1:])
    house.receiver.step()
    for _ in range(40):
        house.step(live)
    (incident,) = house.store.incidents()
    assert [item.count for item in incident.symptoms] == [1]
    for _ in range(60):
        house.step(live, is_current=True)
    assert live.is_done(house.now)


def test_event_time_goes_on_by_the_clock_only_while_nothing_is_left_to_take() -> None:
    """Else silence would be told of what is only late."""
    house = House(RULES)
    live = house.live("one")
    house.feed.publish([line("missing", 0)])
    house.receiver.step()
    for _ in range(60):
        house.step(live)
    assert [one.state for one in house.store.incidents()] == ["new"]
    for _ in range(60):
        house.step(live, is_current=True)
    assert [one.state for one in house.store.incidents()] == ["resolved"]


@pytest.mark.parametrize("hours", [23, 9_000])
def test_an_entry_dated_ahead_is_no_time_that_has_come(hours: int) -> None:
    """One line whose clock is wrong must not make all that goes on look quiet, or long over."""
    house = House(RULES)
    house.now = BASE
    live = house.live("one")
    house.feed.publish([line("missing", 0), line("slow", hours * 3600)])
    house.receiver.step()
    for _ in range(40):
        house.step(live)
    assert {one.state for one in house.store.incidents()} == {"new"}
    house.feed.publish([line("missing", 41)])
    house.receiver.step()
    again = house.live("two")
    house.step(again)
    assert {one.state for one in house.store.incidents()} <= {"new", "ongoing"}
    assert all(one.decided_at <= house.now + AHEAD for one in house.store.ledger().values())


def test_what_is_dated_ahead_is_reported_as_soon_as_anything_else() -> None:
    """A service that writes its local time is told of now, and not in some hours."""
    house = House(RULES)
    house.now = BASE
    live = house.live("one")
    house.feed.publish([line("missing", 2 * 3600)])
    house.receiver.step()
    for _ in range(29):
        house.step(live)
    assert not house.store.ledger()
    for _ in range(10):
        house.step(live)
    assert [one.reason for one in house.store.ledger().values()] == ["first report"]


def test_a_clock_that_was_wrong_is_not_believed_for_ever() -> None:
    """What was decided then is of a time that has not come yet: whoever goes on knows better."""
    house = House(RULES)
    house.now = BASE + 90 * 24 * 3600 * SECOND
    live = house.live("one")
    house.feed.publish([line("missing", 0)])
    house.receiver.step()
    for _ in range(40):
        house.step(live)
    for _ in range(40):
        house.step(live, is_current=True)
    assert {one.state for one in house.store.incidents()} == {"resolved"}
    house.now = BASE + 60 * SECOND
    live = house.live("two")
    house.feed.publish([line("down", 61)])
    house.receiver.step()
    house.step(live)
    assert {one.title: one.state for one in house.store.incidents()}["backend: About down"] == "new"


HOURS_AHEAD = 3 * 3600
"""Seconds by which a clock is ahead that tells the hour of another time zone."""


def ahead_of(house: House, text: str, after: float = 0) -> bytes:
    """Write what such a clock dates, as a log sink publishes it now; `after` in seconds."""
    arrived = format_timestamp(house.now + SECOND)
    at = (house.now - BASE) // SECOND + HOURS_AHEAD + after
    return line(text, at, service="elsewhere", receiveTimestamp=arrived, severity=None)


@pytest.mark.parametrize("says_arrival", [True, False])
def test_one_wrong_clock_does_not_make_the_incidents_of_others_quiet(says_arrival: bool) -> None:  # noqa: FBT001 - a case
    """Neither what it logs nor that another process takes over moves time ahead of the clock."""
    house = House(RULES)
    live = house.live("one")
    now = (house.now - BASE) // SECOND
    wrong = [ahead_of(house, text) for text in ("well", "missing")]
    if not says_arrival:
        wrong = [text.replace(b"receiveTimestamp", b"other") for text in wrong]
    house.feed.publish([line("missing", now), *wrong])
    house.receiver.step()
    for _ in range(60):
        house.step(live, is_current=True)
    assert {one.state for one in house.store.incidents()} == {"new"}
    live = house.live("two")
    house.feed.publish([line("slow", now + 60)])
    house.receiver.step()
    for _ in range(60):
        house.step(live, is_current=True)
    found = {one.title: one.state for one in house.store.incidents()}
    assert len(found) == 3
    assert set(found.values()) <= {"new", "ongoing"}


def test_what_a_wrong_clock_dates_is_reported_as_soon_as_all_else() -> None:
    """Here a traceback whose lines come one an entry."""
    house = House(RULES)
    live = house.live("one")
    house.feed.publish(ahead_of(house, text, at / 1000) for at, text in enumerate(TRACEBACK))
    while house.feed.left:
        house.receiver.step()
    for _ in range(90):
        house.step(live, is_current=True)
    assert live.is_done(house.now)
    assert len(house.store.ledger()) == len(house.store.incidents()) > 0
    assert house.store.held() == b""


def test_what_is_long_over_is_forgotten_and_its_incident_stays() -> None:
    """Detections of what nothing can join any more leave the store."""
    house = House(RULES)
    live = house.live("one")
    house.feed.publish([line("missing", 0)])
    house.receiver.step()
    house.step(live)
    assert len([*house.store.detections()]) == 1
    for _ in range(60):
        house.step(live, is_current=True)
    assert [*house.store.detections()] == []
    assert len(house.store.incidents()) == 1


def test_a_failure_that_never_ends_is_counted_and_not_kept() -> None:
    """Whoever goes on with it, and whatever of it comes again, it comes to the same."""
    texts = [line("missing", at) for at in range(5400)]
    expected, end = replayed(texts, RULES)
    house = House(RULES, at_once=300)
    live = house.live("0")
    for start in range(0, len(texts), 300):
        house.feed.publish([*texts[start : start + 300], *texts[:start:500]])
        while house.feed.left:
            house.receiver.step()
        house.step(live)
        if start % 1500 == 0:
            live = house.live(str(start))
    assert len([*house.store.detections()]) < 2_500
    assert len(house.store.counted()) > 1
    assert house.finish(end) == expected


def test_rules_that_ask_for_no_share_need_no_requests() -> None:
    """All else is the same."""
    house = House(RULES)
    house.counts = False
    house.feed.publish([line("missing", 0, httpRequest={"status": 500})])
    house.receiver.step()
    house.step(house.live("one"))
    house.step(house.live("heir"))
    assert len(house.store.incidents()) == 1


# --- receiving ------------------------------------------------------------------------------------


def test_of_what_is_correlated_only_requests_are_kept_for_as_long_as_they_are_asked() -> None:
    """Who takes over counts them again; of a flood of errors nothing is to be read again."""
    house = House(RULES, at_once=500)
    request = {"status": 200, "requestMethod": "GET"}
    live = house.live("one")
    for number in range(3):
        more = [line("missing", 10 * number + at, httpRequest=request) for at in range(10)]
        house.feed.publish([*more, *(line("slow", at) for at in range(400))])
        house.receiver.step()
        house.step(live)
        house.now += KEPT * 3 // 4
    (one, other) = kept = [*house.store.recent(0)]
    assert max(map(len, kept)) < 500
    found = [receipts.read(receipt).requests for receipt in (one, other)]
    assert [len(told) // 2 for requests in found for told in requests.values()] == [10, 10]
    house.counts = False
    house.feed.publish([line("missing", 99, httpRequest=request)])
    house.receiver.step()
    house.step(house.live("two"))
    *_, last = house.store.recent(0)
    assert receipts.read(last).requests == {}


def test_what_holds_no_entry_goes_into_quarantine_without_its_secrets() -> None:
    """It is acknowledged; the reason, its name and its text are kept."""
    house = House(RULES)
    house.feed.publish([b"password=hunter2hunter2 {", line("missing", 0), b""])
    found = house.receiver.step()
    assert (found.messages, found.entries, found.poison, found.detections) == (3, 1, 2, 1)
    assert house.feed.left == 0
    first, second = house.store.poison()
    assert first.name == "m1"
    assert first.reason.startswith("no JSON: ")
    assert "hunter2" not in first.text
    assert second.text == ""
    assert house.store.release_poison([first.number, 99]) == 1
    assert [one.name for one in house.store.poison()] == ["m3"]


def quarantined(data: bytes) -> str:
    """Return what is kept of a message that holds no entry, or that we cannot examine."""

    class Choking(Detector):
        def known(self, entry: LogEntry, tried: Iterable[int] | None = None) -> list[Detection]:
            raise ZeroDivisionError(entry, tried)

    house = House(RULES)
    house.detector = Choking(RULES, Redactor())
    house.feed.publish([data])
    house.receiver_of().step()
    (poison,) = house.store.poison()
    return poison.text


@pytest.mark.parametrize(
    "payload",
    [
        {"message": "missing", "token": 12, "nested": [{"password": {"a": "hunter2"}}]},
        {"message": 'password="hunter2" it said, "missing"', "key": "Authorization: Bearer a.b1.c"},
        {"message": "missing: password=hunter2\\"},
    ],
)
def test_what_is_json_stays_so_without_its_secrets(payload: dict[str, Any]) -> None:
    """Else it could never be taken out of quarantine: it is the same entry then."""
    data = line("missing", 0, jsonPayload=payload, textPayload=None)
    (entry,) = read_message(Message("", "", data))
    text = quarantined(data)
    (kept,) = read_message(Message("", "", text.encode()))
    assert isinstance(entry, LogEntry)
    assert isinstance(kept, LogEntry)
    assert kept.key == entry.key
    assert kept.document["jsonPayload"] == Redactor().value(payload) != payload
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "fields",
    [
        {"insertId": "job of a@example.com"},
        {"insertId": "job"},
        {"insertId": None},
        {"logName": "projects/demo/logs/a@example.com"},
        {"logName": "projects/demo/logs/a%40example.com", "insertId": "token=hunter2"},
        {"timestamp": "2025-09-10T02:00:00.5+02:00", "insertId": f"a@example.com {'x' * 600}"},
    ],
)
def test_an_entry_in_quarantine_is_known_by_the_key_it_has_elsewhere(
    fields: dict[str, Any],
) -> None:
    """It counts once, however often it comes, and nothing else is taken for it."""
    told = {"textPayload": "missing: password=hunter2", "timestamp": "2025-09-10T00:00:00Z"}
    document = {**json.loads(line("missing", 0)), **told, **fields}
    data = json.dumps({name: value for name, value in document.items() if value}).encode()
    text = quarantined(data)
    assert "hunter2" not in text
    assert "example.com" not in text
    assert keys_of(text.encode()) == keys_of(data)
    assert quarantined(text.encode()) == text


def keys_of(data: bytes) -> set[tuple[str, int, str]]:
    """Return by which keys what a message holds is kept."""
    house = House(RULES)
    house.feed.publish([data])
    house.receiver.step()
    ((_, receipt),) = house.store.receipts(9)
    found = {one.key for each in receipts.read(receipt).told for one in each.detections}
    assert found
    return found


def test_entries_whose_names_differ_by_what_is_secret_stay_apart_in_quarantine() -> None:
    """Else of two that came at once one would be taken for a copy of the other."""
    texts = [
        quarantined(json.dumps({**json.loads(line("missing", 0)), "insertId": name}).encode())
        for name in ("a@example.com", "b@example.com")
    ]
    assert len({key for text in texts for key in keys_of(text.encode())}) == 2


def test_an_entry_whose_key_we_cannot_tell_is_kept_without_its_secrets() -> None:
    """A mistake of our own in that keeps nothing from quarantine either."""

    class Choking(Detector):
        def key_of(self, entry: LogEntry) -> tuple[str, int, str]:
            raise ZeroDivisionError(entry)

    house = House(RULES)
    house.detector = Choking(RULES, Redactor())
    house.feed.publish([line("missing", 0, insertId="a@example.com")])
    assert house.receiver_of().step().poison == 1
    (poison,) = house.store.poison()
    assert json.loads(poison.text)["insertId"] == "[REDACTED]"


def test_what_is_json_and_long_is_cut() -> None:
    """It may have become longer without its secrets: no more is kept of it than of any other."""
    data = line("missing", 0, jsonPayload={"message": "missing", "a": ["x@y.de"] * 700})
    assert len(data) < 2 * QUOTED
    assert len(quarantined(data)) == QUOTED


def test_what_is_json_and_too_long_is_no_json_any_more() -> None:
    """Nobody reads all of it: its beginning is redacted as any text is."""
    text = quarantined(line("password=hunter2 " * 1_000, 0))
    assert len(text) == QUOTED
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "secret",
    [f"ghp_{'a1B2' * 9}", "AKIAABCDEFGHIJKLMNOP", "token=hunter2", "me.myself@example.com"],
)
@pytest.mark.parametrize("between", ["", " "])
def test_a_secret_on_the_cut_leaves_nothing(secret: str, between: str) -> None:
    """Its beginning is no secret by its form: the word that was cut goes wholly."""
    redacted = f"Authorization: Bearer {'A' * 3_000}\n" * 2  # so that the end comes into view
    for cut in range(1, len(secret) + 1):
        before = "x" * (2 * QUOTED - len(redacted) - len(between) - cut)
        text = quarantined(f"{redacted}{before}{between}{secret} more".encode())
        assert text.startswith("Authorization: [REDACTED]\n" * 2)
        assert secret[:4] not in text.split()[-1]


def test_a_word_without_end_is_not_lost_wholly() -> None:
    """JSON without a blank is one: its end goes, which is longer than most secrets."""
    data = f"Authorization: Bearer {'A' * 3_000}\n" * 2
    text = quarantined((data + "x" * 10_000).encode())
    assert text.count("x") == 2 * QUOTED - len(data) - 1_000


def test_poison_may_be_left_to_the_dead_letter_topic() -> None:
    """It is given back, so that the subscription counts its attempts."""
    house = House(RULES)
    receiver = house.receiver_of(keeps_poison=False)
    house.feed.counts = True
    house.feed.publish([b"{", line("missing", 0)])
    assert receiver.step().poison == 1
    assert house.store.poison() == []
    assert house.feed.left == 1
    (again,) = house.feed.pull()
    assert (again.data, again.attempt) == (b"{", 2)


def test_poison_that_is_never_passed_on_is_kept_in_the_end() -> None:
    """Pub/Sub has no right to publish to the dead-letter topic: it would come again for ever."""
    house = House(RULES)
    receiver = house.receiver_of(keeps_poison=False)
    house.feed.counts = True
    house.feed.publish([b"{"])
    for _ in range(PASSED_ON):
        assert receiver.step().poison == 1
    assert house.store.poison() == []
    assert receiver.step().poison == 1
    assert [one.name for one in house.store.poison()] == ["m1"]
    assert house.feed.left == 0


def test_why_poison_is_left_to_the_dead_letter_topic_is_told_once() -> None:
    """Whoever finds it there sees what it is, and nowhere why; it comes many times before.

    Each time another receiver may get it.
    """
    house = House(RULES)
    told: list[str] = []
    left = Left(lambda one: told.append(str(one[:2])))
    receivers = [house.receiver_of(keeps_poison=False, left=left) for _ in range(2)]
    house.feed.counts = True
    house.feed.publish([b"{", line("missing", 0), b"[1]"])
    for _ in range(5):
        for receiver in receivers:
            receiver.step()
    assert len(told) == 2
    assert told[0].startswith("('m1', ")
    assert "no JSON: " in told[0]
    assert "a list, not an object" in told[1]


def test_of_what_is_left_to_the_dead_letter_topic_not_all_is_remembered() -> None:
    """However much it is; what was told of long ago may be told again."""
    told: list[str] = []
    left = Left(lambda one: told.append(one.name))
    names = [f"m{number}" for number in range(TOLD + 1)]
    for name in (*names, *names[1:], names[0]):
        left(Poison(name, "no JSON", "{", BASE))
    assert told == [*names, names[0]]


def test_poison_that_is_kept_is_told_of_where_it_is_kept() -> None:
    """Nobody counts its deliveries: it is in quarantine, with the reason."""
    house = House(RULES)
    told: list[object] = []
    receiver = house.receiver_of(keeps_poison=False, left=told.append)
    house.feed.publish([b"{"])
    receiver.step()
    assert told == []


def test_poison_that_no_dead_letter_topic_takes_is_kept() -> None:
    """Nobody counts its deliveries: it would come again at once, and for ever."""
    house = House(RULES)
    receiver = house.receiver_of(keeps_poison=False)
    house.feed.publish([b"{", line("missing", 0)])
    assert receiver.step().poison == 1
    assert [one.name for one in house.store.poison()] == ["m1"]
    assert house.feed.left == 0


def test_our_own_entries_are_dropped() -> None:
    """Also where the sink's exclusion is missing; one that only quotes the label is not ours.

    However JSON writes it, and whatever its time says.
    """
    house = House(RULES, at_once=4)
    quoting = f'missing "{OWN_LABEL}"'
    own = line("missing", 7, labels={OWN_LABEL: "1"})
    escaped = own.replace(b"fivewhys.own", rb"fivewhys\u002eown")
    house.feed.publish([own, escaped, line(quoting, 1), b'{"fivewhys.own": 1}'])
    found = house.receiver.step()
    assert (found.own, found.entries, found.poison) == (2, 1, 1)
    assert (found.detections, found.latest) == (1, BASE + SECOND)
    assert house.feed.left == 0


def test_what_cannot_be_kept_comes_again() -> None:
    """Nothing is acknowledged before it is kept."""

    class Full(MemoryStore):
        def receive(self, *_: object) -> None:
            message = "there is no room left on its disk"
            raise StoreError(message)

    house = House(RULES, Full())
    house.feed.publish([line("missing", 0)])
    with pytest.raises(StoreError, match="no room"):
        house.receiver.step()
    assert [one.attempt for one in house.feed.pull()] == [1]


def test_what_was_found_out_is_asked_again_only_of_what_is_new() -> None:
    """Not because an incident was seen again; another symptom may have another cause."""
    house = House(RULES)
    witness = Witness("missing", [])
    house.investigators = (witness,)
    live = house.live("me")
    asked = []
    for text, at in (("missing", 0), ("missing", 1), ("down", 2)):
        house.feed.publish([line(text, at)])
        house.receiver.step()
        house.step(live)
        asked.append(len(witness.asked))
    assert asked == [1, 1, 2]


def test_who_correlates_knows_which_services_are_quiet() -> None:
    """One that logged for hours and is not heard of any more, while another goes on."""
    house = House(RULES, at_once=500)
    live = house.live("me")
    minutes = range(0, 8 * 60, 5)
    house.feed.publish(
        line("hello", 60 * minute, service=service, severity="INFO")
        for minute in minutes
        for service in ("shop", "api")
        if service == "api" or minute <= 7 * 60
    )
    house.receiver.step()
    house.step(live)
    assert live.quiet == ("shop",)
    assert live.services == {
        "api": BASE + minutes[-1] * 60 * SECOND,
        "shop": BASE + 7 * 3600 * SECOND,
    }


def test_who_is_dated_ahead_is_no_witness_that_others_fell_silent() -> None:
    """A service that writes its local time goes on in hours that have not come."""
    rules = ruleset(
        "title: Silent\nname: silent\nlogsource: {product: gcp}\ndetection:\n  seen:\n"
        "    message|contains: has logged nothing\n  condition: seen\nlevel: high\n"
    )
    house = House(rules, at_once=2_000)
    hours = 30
    house.now = BASE + hours * 3600 * SECOND
    live = house.live("me")
    for service, ahead in (("shop", 0), ("api", 0), ("clock", 2 * 3600)):
        house.feed.publish(
            line("hello", at + ahead, service=service, severity="INFO")
            for at in range(0, hours * 3600, 300)
        )
    house.receiver.step()
    for _ in range(3):
        house.step(live)
    assert house.store.incidents() == ()


def test_one_entry_that_is_too_much_for_us_stops_no_other() -> None:
    """A mistake of our own in one entry: it goes into quarantine, all others are taken."""

    class Choking(Detector):
        def known(self, entry: LogEntry, tried: Iterable[int] | None = None) -> list[Detection]:
            if "slow" in entry.message:
                message = "a mistake"
                raise ZeroDivisionError(message)
            return super().known(entry, tried)

    house = House(RULES, at_once=5)
    house.detector = Choking(RULES, Redactor())
    house.feed.publish([line("missing", 0), line("slow", 1), line("down", 2), line("down", 3)])
    found = house.receiver_of().step()
    assert (found.messages, found.entries, found.poison) == (4, 3, 1)
    (poison,) = house.store.poison()
    assert (poison.name, poison.reason) == ("m2", "ZeroDivisionError while it was examined")
    assert house.feed.left == 0


def test_what_is_taken_in_parts_and_cannot_be_kept_comes_again_wholly() -> None:
    """No part stays in hand, for which nobody would ever look again."""

    class Choking(Detector):
        def known(self, *_: object, **__: object) -> list[Detection]:
            raise ZeroDivisionError

    class Full(MemoryStore):
        def receive(self, *_: object) -> None:
            message = "there is no room left on its disk"
            raise StoreError(message)

    house = House(RULES, Full(), at_once=5)
    house.detector = Choking(RULES, Redactor())
    house.feed.publish([line("missing", at) for at in range(5)])
    with pytest.raises(StoreError, match="no room"):
        house.receiver_of().step()
    assert sorted(one.name for one in house.feed.pull()) == ["m1", "m2", "m3", "m4", "m5"]


def test_nothing_pulled_is_nothing_received() -> None:
    """An empty subscription costs no commit."""
    house = House(RULES)
    assert house.receiver.step() == Received()
    assert [*house.store.receipts(1)] == []


def test_lines_that_are_no_lines_of_their_own_are_read_all_the_same() -> None:
    """An entry that somebody published with line feeds in its JSON."""
    house = House(RULES)
    house.feed.publish([line("missing", 0).replace(b",", b",\n"), line("down", 1)])
    assert house.receiver.step().detections == 2


# --- what is forgotten ----------------------------------------------------------------------------


def test_what_is_over_for_long_is_put_away_and_counts_when_it_comes_back() -> None:
    """Each hour, by event time that is never ahead of the clock; quarantine goes by the clock."""
    house = House(RULES)
    house.feed.publish([line("missing", (house.now - BASE) / SECOND), b"no entry"])
    house.receiver.step()
    live = house.live("only")

    def go_on(days: int) -> None:
        house.now += days * 24 * 3600 * SECOND
        for _ in range(2 * IDLE // SECOND):
            house.step(live, is_current=True)

    go_on(0)
    go_on(1)
    (known,) = house.store.incidents()
    assert house.store.ledger().keys() == {known.id}
    go_on(13)
    assert house.store.incidents()
    go_on(2)
    assert house.store.incidents() == ()
    assert [one.id for one in house.store.incidents(every=True)] == [known.id]
    assert len(house.store.poison()) == 1
    go_on(75)
    assert not house.store.poison()
    back = (house.now - BASE) / SECOND
    house.feed.publish([line("missing", back)])
    house.receiver.step()
    go_on(0)
    (again,) = house.store.incidents()
    assert again.id != known.id
    assert [one.id for one in again.related] == [known.id]


@pytest.mark.parametrize(
    "hostile",
    [
        b'{"fivewhys.own":' + b"[" * 200_000,
        b'{"labels":{"fivewhys.own":"1"},"a":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    ],
    ids=["deep", "deep and whole"],
)
def test_what_is_made_to_stop_us_stops_nothing(hostile: bytes) -> None:
    """It goes into quarantine; what came with it is taken."""
    house = House(RULES)
    house.feed.publish([hostile, line("down", 1)])
    found = house.receiver.step()
    assert (found.messages, found.entries, found.poison) == (2, 1, 1)
    assert house.feed.left == 0
    house.step(house.live("one"))
    assert len(house.store.incidents()) == 1


NOON = line("missing", 0)
ODD = {
    "the year 9999": NOON.replace(b"2025-09-10", b"9999-12-31"),
    "the year 1": NOON.replace(b"2025-09-10", b"0001-01-01"),
    "half a character": NOON.replace(b'"missing"', b'"missing \\ud800"'),
    "half a character in a name": line("missing", 0, service="api\ud800"),
    "a large number": line("missing", 0, jsonPayload={"message": "missing", "large": 10**400}),
    "a long id": entry("missing", key="x" * 9_000).json,
    "a long name": line("missing", 0, service="a" * 9_000),
    "a line of the year 9999": line(TRACEBACK[0], 0).replace(b"2025-09-10", b"9999-12-31"),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_what_is_odd_is_an_entry_here_as_in_a_replay(odd: bytes) -> None:
    """Whether it is one is said in one place, where entries are read."""
    texts = [odd, line("down", 1), line("slow", 2)]
    expected, _ = replayed(texts, RULES)
    _, end = replayed(texts[1:], RULES)
    house = House(RULES)
    house.feed.publish(texts)
    found = house.finish(end)
    assert not house.store.poison()
    assert {name: one[5] for name, one in found.items()} == {
        name: one[5] for name, one in expected.items()
    }
