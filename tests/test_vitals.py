"""How a run that never ends is: what can be watched, and what is wrong."""

from __future__ import annotations

import threading

import pytest

from pipeline import vitals as module
from pipeline.errors import FivewhysError, SinkError, SourceError, StoreError
from pipeline.exposition import Metric, exposition
from pipeline.lifecycle import HOUR, MINUTE
from pipeline.ports import Standing
from pipeline.received import Received
from pipeline.vitals import Vitals, conditions, figures, metrics, stalled, unready
from tests.support import BASE, SECOND

LATER = BASE + 24 * HOUR


def told(vitals: Vitals, standing: Standing | None = None, now: int = LATER) -> list[str]:
    """Return the names of what is wrong."""
    return [one.name for one in conditions(vitals, standing, now)]


def taken(latest: int, *, at: int = LATER, entries: int = 1) -> Vitals:
    """Return how it is after a pull, a day after the start."""
    vitals = Vitals(started_at=BASE)
    vitals.took(Received(messages=1, entries=entries, latest=latest), at)
    return vitals


# --- conditions -----------------------------------------------------------------------------------


def test_all_is_well_while_new_entries_come() -> None:
    """They may be some seconds old."""
    vitals = taken(LATER - 30 * SECOND)
    assert told(vitals, Standing(latest=LATER)) == []
    assert (vitals.lag, vitals.heard_at) == (30 * SECOND, LATER)


def test_old_entries_for_a_minute_say_that_we_are_behind() -> None:
    """Not one of them: an entry may come late; an empty subscription has no lag."""
    vitals = taken(LATER)
    for second in range(0, 90, 30):
        now = LATER + second * SECOND
        vitals.took(Received(messages=1, entries=1, latest=LATER - HOUR), now)
        assert told(vitals, now=now) == []
    now = LATER + 61 * SECOND
    (found,) = conditions(vitals, None, now)
    assert (found.name, found.severity) == ("behind", "WARNING")
    assert found.text == "we are behind: what is taken was logged 61 min ago"
    vitals.took(Received(), now)
    assert told(vitals, now=now) == []
    assert vitals.lag == 0


def test_batches_that_wait_for_a_minute_say_so_too() -> None:
    """Whoever it is that correlates."""
    found = conditions(taken(LATER), Standing(waiting=1200, oldest=LATER - 90 * SECOND), LATER)
    assert [one.text for one in found] == [
        "we are behind: 1,200 batches wait to be correlated, one for 90 s"
    ]
    assert told(taken(LATER), Standing(waiting=1, oldest=LATER - MINUTE)) == []


def test_nothing_of_any_service_is_the_sink() -> None:
    """Pulls succeed, and nothing came for long; messages without entries do not count."""
    vitals = taken(0, entries=0)
    vitals.took(Received(), LATER)
    (found,) = conditions(vitals, Standing(), LATER)
    assert found.name == "nothing_comes"
    assert found.text.startswith("nothing came of any service for 1 d, though")
    vitals.quiet = ("shop",)
    assert told(vitals, Standing()) == ["nothing_comes"]
    assert [one.name for one in conditions(vitals, None, LATER, 25 * HOUR)] == ["service_quiet"]


@pytest.mark.parametrize("others", [{"own": 1}, {"poison": 1}], ids=["own", "poison"])
def test_what_is_no_entry_of_theirs_makes_nobody_be_behind(others: dict[str, int]) -> None:
    """Where it comes so often that no pull is without, it is the sink all the same."""
    vitals = taken(LATER)
    for second in range(3, 1_000, 3):
        now = LATER + second * SECOND
        vitals.took(Received(messages=1, **others), now)
        expected = ["nothing_comes"] if second >= 900 else []
        assert told(vitals, now=now + 2 * SECOND) == expected


def test_what_is_no_entry_hides_nothing_of_what_we_are_behind_with() -> None:
    """It may come among entries that are old, or late itself."""
    mixed, late = taken(LATER - HOUR), taken(LATER - HOUR)
    for second in range(3, 90, 3):
        now = LATER + second * SECOND
        mixed.took(Received(messages=1, entries=second % 2, own=1 - second % 2, latest=BASE), now)
        late.took(Received(messages=1, own=1, late=1), now)
    for vitals in (mixed, late):
        assert told(vitals, now=now) == ["behind"]
        assert vitals.lag > HOUR - SECOND


def test_what_another_process_received_counts() -> None:
    """The store has it; nor does anything before the start."""
    vitals = Vitals(started_at=BASE)
    vitals.took(Received(), LATER)
    assert told(vitals, Standing(latest=LATER - MINUTE)) == []
    vitals.started_at = LATER - MINUTE
    assert told(vitals) == []


def test_a_service_is_quiet_while_others_are_not() -> None:
    """It is named; of many only some."""
    vitals = taken(LATER)
    vitals.quiet = ("a", "b")
    (found,) = conditions(vitals, None, LATER)
    assert found == ("service_quiet", "NOTICE", "nothing is heard of a, b, while others go on")
    vitals.quiet = tuple("abcdefg")
    (found,) = conditions(vitals, None, LATER)
    assert "a, b, c, d, e and 2 more, while" in found.text


def test_who_cannot_pull_says_nothing_of_what_comes() -> None:
    """That is told elsewhere: a thread does not go on."""
    assert told(Vitals(started_at=BASE)) == []
    assert told(taken(LATER), now=LATER + HOUR) == []


# --- whether it goes on ---------------------------------------------------------------------------


def test_a_thread_without_success_is_taken_for_dead() -> None:
    """With what it says; from the start on, until it succeeds."""
    vitals = Vitals(started_at=BASE)
    assert stalled(vitals, BASE + module.STALLED) == []
    now = BASE + module.STALLED + SECOND
    vitals.troubles["receive"] = "no route"
    vitals.rounds |= {"correlate": now, "lease": now, "report": BASE, "receive 2": BASE}
    assert stalled(vitals, now) == [
        "receive: nothing succeeded for 3 min: no route",
        "receive 2: nothing succeeded for 3 min",
    ]
    vitals.rounds |= {"receive": now, "receive 2": now}
    assert stalled(vitals, now) == []
    assert stalled(vitals, now, after=MINUTE) == []


def test_who_correlates_may_take_longer() -> None:
    """There may be much to read, or to look into."""
    vitals = Vitals(started_at=BASE)
    vitals.rounds |= {"receive": LATER, "lease": LATER, "correlate": LATER - 4 * MINUTE}
    assert stalled(vitals, LATER, after=MINUTE) == []
    vitals.rounds["correlate"] = LATER - 6 * MINUTE
    assert stalled(vitals, LATER, after=MINUTE) == ["correlate: nothing succeeded for 6 min"]


@pytest.mark.parametrize(
    ("vitals", "standing_at", "reasons"),
    [
        (Vitals(pulled_at=1), LATER, []),
        (Vitals(), LATER, ["the subscription was not pulled from yet"]),
        (Vitals(pulled_at=1), 0, ["the store was not reached yet"]),
        (Vitals(pulled_at=1), LATER - 2 * HOUR, ["the store was not reached for 2 h"]),
        (Vitals(pulled_at=1, is_stopping=True), LATER, ["it is stopping"]),
    ],
)
def test_it_is_ready_once_both_sides_were_reached(
    vitals: Vitals, standing_at: int, reasons: list[str]
) -> None:
    """The store a while ago at most, the subscription ever."""
    assert unready(vitals, standing_at, LATER) == reasons


# --- metrics --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thread", "error", "kind", "told"),
    [
        ("correlate", StoreError("db-7: no"), "store", "the store cannot be used"),
        (
            "receive",
            StoreError("db-7: cut", recoverable=True),
            "store",
            "the store cannot be reached",
        ),
        ("receive 2", SourceError("cut"), "pubsub", "the subscription cannot be pulled from"),
        ("fill", SourceError("cut"), "logging", "the Logging API cannot be read"),
        ("report", SinkError("cut", recoverable=True), "github", "GitHub cannot be written to"),
        ("report", FivewhysError("a mistake"), "other", "it failed"),
    ],
)
def test_what_failed_is_counted_by_whom_it_was_asked_of(
    thread: str, error: FivewhysError, kind: str, told: str
) -> None:
    """And by the thread, with the kind of thing that is wrong now: the log quotes the error."""
    vitals = Vitals()
    vitals.failed(thread, error)
    vitals.failed(thread, error)
    assert dict(vitals.failures) == {kind: 2}
    assert vitals.retries == {thread: 2}
    assert vitals.troubles == {thread: f"{told}: see the log"}


def test_what_can_be_watched() -> None:
    """What came, how long it took, what waits, who works; by name and value."""
    vitals = Vitals(started_at=BASE, is_correlating=True)
    vitals.took(
        Received(
            messages=5, entries=4, detections=2, poison=1, heard=4, unmatched=1,
            working=SECOND, acknowledging=SECOND, latest=LATER - 3 * SECOND,
        ),
        LATER,
    )  # fmt: skip
    vitals.refused = 1
    vitals.rounds["receive"] = LATER
    vitals.retries["report"] = 2
    vitals.troubles["report"] = "GitHub says no"
    vitals.services = {"shop": BASE}
    vitals.quiet = ("shop",)
    standing = Standing(2, LATER, LATER, 1, {"new": 3})
    found = conditions(vitals, standing, LATER)
    lines = exposition(metrics(vitals, standing, found, LATER + SECOND)).splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    expected = {
        "fivewhys_received_entries_total": "4",
        "fivewhys_received_poison_total": "1",
        "fivewhys_unmatched_share": "0.25",
        "fivewhys_receipts_refused_total": "1",
        'fivewhys_batch_seconds_bucket{le="0.5"}': "0",
        "fivewhys_batch_seconds_sum": "1",
        "fivewhys_acknowledge_seconds_sum": "2",
        "fivewhys_step_seconds_count": "0",
        "fivewhys_lag_seconds": "3",
        'fivewhys_last_seconds{what="pull"}': "1",
        "fivewhys_correlating": "1",
        'fivewhys_failing{thread="receive"}': "0",
        'fivewhys_failing{thread="report"}': "1",
        'fivewhys_retries_total{thread="report"}': "2",
        "fivewhys_inbox_batches": "2",
        "fivewhys_inbox_oldest_seconds": "1",
        "fivewhys_quarantine_messages": "1",
        'fivewhys_incidents{state="new"}': "3",
        'fivewhys_incidents{state="resolved"}': "0",
        'fivewhys_condition{condition="behind"}': "0",
        'fivewhys_condition{condition="service_quiet"}': "1",
        'fivewhys_service_last_heard_seconds{service="shop"}': f"{BASE // SECOND}",
    }
    assert {name: values.get(name) for name in expected} == expected
    assert not [line for line in lines if "GitHub" in line]


def test_before_anything_came_there_are_no_shares() -> None:
    """Nor what a store has that was not reached."""
    text = exposition(metrics(Vitals(started_at=BASE), None, (), LATER))
    assert "\nfivewhys_unmatched_share 0\n" in text
    assert "fivewhys_inbox" not in text
    assert "fivewhys_last_seconds{" not in text
    nothing = exposition(metrics(Vitals(), Standing(), (), LATER))
    assert "fivewhys_inbox_oldest_seconds 0\n" in nothing


# --- figures --------------------------------------------------------------------------------------


def test_the_log_tells_what_alerts_are_made_of() -> None:
    """Of several trackers the sum, and the oldest; incidents that are over do not count."""
    standing = Standing(
        waiting=2, oldest=LATER - 30 * SECOND, poison=3, incidents={"new": 4, "resolved": 5}
    )
    vitals = taken(LATER - 90 * SECOND)
    vitals.is_correlating = True
    outbox = [
        Metric("fivewhys_outbox_waiting", "", {"a/b": 1, "c/d": 2}, "tracker"),
        Metric("fivewhys_outbox_failed", "", {"a/b": 1, "c/d": 0}, "tracker"),
        Metric("fivewhys_outbox_oldest_seconds", "", {"a/b": 7.0, "c/d": 60.5}, "tracker"),
        Metric("fivewhys_outbox_unheard_of", "", {"a/b": 7.0}, "tracker"),
    ]
    found = conditions(vitals, standing, LATER)
    assert figures([*metrics(vitals, standing, found, LATER), *outbox], 1) == {
        "behind": 0.0,
        "correlating": 1.0,
        "entries": 1,
        "inbox_batches": 2,
        "inbox_oldest_seconds": 30.0,
        "incidents_open": 4,
        "lag_seconds": 90.0,
        "messages": 1,
        "nothing_comes": 0.0,
        "outbox_failed": 1,
        "outbox_oldest_seconds": 60.5,
        "outbox_waiting": 3,
        "quarantine_messages": 3,
        "service_quiet": 0.0,
        "stalled": 1,
    }


def test_the_log_tells_nothing_that_is_not_known() -> None:
    """As long as the store was not reached, and where there is no tracker."""
    nothing = Metric("fivewhys_outbox_oldest_seconds", "", {}, "tracker")
    told = figures([*metrics(Vitals(), None, (), LATER), nothing], 0)
    assert {"lag_seconds", "stalled", "nothing_comes"} <= told.keys()
    assert not {"inbox_batches", "incidents_open", "outbox_oldest_seconds"} & told.keys()


def test_who_looks_is_not_in_the_way_of_threads_that_begin() -> None:
    """A thread is known from its first round on; whoever counts them must not end by it."""
    vitals = Vitals(started_at=BASE)
    over = threading.Event()

    def begin() -> None:
        number = 0
        while not over.is_set():
            number += 1
            for known in (vitals.rounds, vitals.retries):
                known[f"receive {number % 1000}"] = BASE
            if number % 1000 == 0:
                vitals.rounds.clear()
                vitals.retries.clear()

    beginning = threading.Thread(target=begin)
    beginning.start()
    try:
        for _ in range(3_000):
            assert [*metrics(vitals, None, (), LATER)]
            assert stalled(vitals, LATER)
    finally:
        over.set()
        beginning.join()
