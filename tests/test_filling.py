"""What was logged while nobody received is read again, once, whatever happens meanwhile."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import grpc
import pytest

from pipeline.audit import SECOND
from pipeline.bootstrap.logs import filling as filling_of
from pipeline.bootstrap.serving import Parts, Service
from pipeline.entry import format_timestamp
from pipeline.errors import StoreError
from pipeline.filling import (
    FILLING,
    FURTHEST,
    GIVEN_UP,
    LEASED,
    MARGIN,
    RECEIVED,
    Filling,
    Gap,
    gap_of,
    leave,
    may_come_late,
)
from pipeline.live import MARKING
from pipeline.receipts import read
from pipeline.receiving import Receiver
from pipeline.settings import Settings
from pipeline.sources.logging_api import LoggingFeed, Query, Reading, ReadSettings
from pipeline.stores.memory import MemoryStore
from tests.fakes.logging_server import FakeLogging, Refusal, served
from tests.support import BASE, entry
from tests.test_live import RULES, House, replayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

    from pipeline.entry import LogEntry
    from pipeline.ports import Feed, Poison
    from pipeline.sources.logging_api import Client

MINUTE = 60 * SECOND
NOW = BASE + 60 * MINUTE
ENTRIES = [entry("missing", at=60 * number, key=f"k{number:02}") for number in range(50)]


@pytest.fixture(name="api")
def an_api() -> FakeLogging:
    """Hold an entry a minute, the last one ten minutes ago."""
    return FakeLogging([*ENTRIES])


@pytest.fixture(name="client")
def a_client(api: FakeLogging) -> Iterator[LoggingServiceV2Client]:
    """Lend Google's client to it."""
    with served(api) as client:
        yield client


def filling(client: LoggingServiceV2Client, house: House, holder: str = "one") -> Filling:
    """Build who fills, a few entries a step."""

    def opened(gap: Gap, keep: Callable[[int], None]) -> LoggingFeed:
        query = Query(("projects/demo",), "", gap.since, gap.until)
        return LoggingFeed(Reading(client, query, ReadSettings(size=7, every=0)), keep)

    def receiver(feed: Feed) -> Receiver:
        return Receiver(
            feed=feed, inbox=house.store, detector=house.detector, clock=lambda: house.now
        )

    return Filling(store=house.store, open_=opened, receiver=receiver, holder=holder)


def kept(house: House) -> list[str]:
    """Return the insert ids of the entries that were received, in order, as often as they were."""
    told = (read(receipt).told for _, receipt in house.store.receipts(1_000))
    return [one.detections[0].key[2] for some in told for one in some]


def finish(filling: Filling) -> None:
    """Read all there is."""
    for _ in range(50):
        if filling.is_over:
            return
        filling.step(NOW)
    pytest.fail("it does not end")


@pytest.mark.parametrize(
    ("filling_at", "received", "found"),
    [
        (0, 0, None),
        (0, BASE, Gap(BASE - MARGIN, NOW)),
        (BASE - 1, BASE + MINUTE, Gap(BASE - 1, NOW)),
        (0, NOW - FURTHEST, Gap(NOW - FURTHEST, NOW, MARGIN)),
    ],
)
def test_what_is_to_be_read(filling_at: int, received: int, found: Gap | None) -> None:
    """Nothing before the first run; else what was left, or what came since; never too much."""
    assert gap_of(filling_at, received, NOW) == found


def test_what_is_not_read_is_said_with_what_to_do() -> None:
    """A replay into the store is refused while the service runs, so that one has to be stopped."""
    gap = gap_of(0, NOW - FURTHEST, NOW)
    assert gap is not None
    assert gap.left_out == (
        "nobody received since 2025-09-03T00:50:00Z, and what was logged until "
        "2025-09-03T01:00:00Z is not read: stop the service, let `fivewhys replay --from-logging` "
        "read that into its store, and start it again (`infra/upkeep.sh rebuild 8d` does all of it)"
    )


def test_a_first_run_reads_nothing(client: LoggingServiceV2Client, api: FakeLogging) -> None:
    """What was logged before it is replayed by whoever wants it."""
    one = filling(client, House(RULES))
    assert one.begin(NOW) is None
    assert one.is_over
    assert api.asked == []


def test_what_was_logged_since_is_read(client: LoggingServiceV2Client) -> None:
    """From a while before the last entry that came, up to now."""
    house = House(RULES)
    house.store.keep_mark(RECEIVED, BASE + 30 * MINUTE)
    one = filling(client, house)
    assert one.begin(NOW) == Gap(BASE + 20 * MINUTE, NOW)
    finish(one)
    assert kept(house) == [entry.insert_id for entry in ENTRIES[20:]]
    assert one.taken == 30
    assert house.store.mark(FILLING) == 0


@pytest.mark.parametrize("killed_after", range(9))
def test_a_kill_loses_nothing(client: LoggingServiceV2Client, killed_after: int) -> None:
    """Another one goes on where it was, though newer entries came meanwhile."""
    house = House(RULES)
    house.store.keep_mark(RECEIVED, BASE + MARGIN)
    one = filling(client, house)
    one.begin(NOW)
    for _ in range(killed_after):
        one.step(NOW)
    house.store.keep_mark(RECEIVED, NOW)
    house.store.release(FILLING, "one")
    other = filling(client, house, "two")
    other.begin(NOW)
    finish(other)
    found = kept(house)
    assert set(found) == {entry.insert_id for entry in ENTRIES}
    assert len(found) <= len(ENTRIES) + 1  # of one time some may be known already


def test_one_of_several_reads(client: LoggingServiceV2Client, api: FakeLogging) -> None:
    """The others wait, and find nothing left; one that is dead is taken over from."""
    house = House(RULES)
    house.store.keep_mark(RECEIVED, BASE + MARGIN)
    one, other, third = (filling(client, house, name) for name in ("one", "two", "three"))
    for each in (one, other, third):
        each.begin(NOW)
    one.step(NOW)
    assert other.step(NOW) is None
    assert other.step(NOW + LEASED) is not None
    assert one.step(NOW + LEASED) is None
    finish(other)
    asked = len(api.asked)
    finish(one)
    finish(third)
    assert len(api.asked) == asked
    assert set(kept(house)) == {entry.insert_id for entry in ENTRIES}


def test_who_was_stopped_for_long_goes_on_where_another_one_came_to(
    client: LoggingServiceV2Client,
) -> None:
    """Though the lease is free again: what it had opened is of before."""
    house = House(RULES)
    house.store.keep_mark(RECEIVED, BASE + MARGIN)
    one, other = (filling(client, house, name) for name in ("one", "two"))
    one.begin(NOW)
    one.step(NOW)
    other.begin(NOW)
    for _ in range(4):
        other.step(NOW + LEASED)
    house.store.release(FILLING, "two")
    mark = house.store.mark(FILLING)
    assert one.step(NOW + LEASED) is None
    assert one.step(NOW + LEASED) is not None
    assert house.store.mark(FILLING) >= mark
    finish(one)
    found = kept(house)
    assert set(found) == {entry.insert_id for entry in ENTRIES}
    assert len(found) <= len(ENTRIES) + 2  # of one time some may be known already


def test_a_lease_that_was_over_and_nobody_took_is_held_on(client: LoggingServiceV2Client) -> None:
    """What was opened is still where it has been read to."""
    house = House(RULES)
    house.store.keep_mark(RECEIVED, BASE + MARGIN)
    one = filling(client, house)
    one.begin(NOW)
    one.step(NOW)
    assert one.step(NOW + 2 * LEASED) is not None


def test_what_was_given_up_is_waited_for_again_at_the_next_start(
    client: LoggingServiceV2Client,
) -> None:
    """Nothing late is to be expected of what nobody reads; what another one reads on is."""
    house = House(RULES)
    house.store.keep_mark(RECEIVED, BASE)
    one, other = filling(client, house), filling(client, house, "other")
    one.begin(NOW)
    other.begin(NOW)
    assert may_come_late(house.store, NOW, MINUTE)
    one.give_up()
    assert one.is_over
    assert not may_come_late(house.store, NOW, MINUTE)
    while not may_come_late(house.store, NOW, MINUTE):
        assert not other.is_over
        other.step(NOW)  # it reads on, and the mark moves
    other.give_up()
    assert not may_come_late(house.store, NOW, MINUTE)
    again = filling(client, house)
    assert again.begin(NOW) is not None
    assert may_come_late(house.store, NOW, MINUTE)
    finish(again)
    assert not may_come_late(house.store, NOW, MINUTE)


def test_who_has_no_filter_leaves_a_gap_unless_another_one_reads_it(
    client: LoggingServiceV2Client,
) -> None:
    """It leaves none where there is none; what is read on is no gap that nobody reads."""
    house = House(RULES)
    leave(house.store, "none", NOW)
    assert house.store.mark(GIVEN_UP) == 0
    house.store.keep_mark(RECEIVED, BASE)
    other = filling(client, house, "other")
    other.begin(NOW)
    other.step(NOW)
    leave(house.store, "none", NOW + SECOND)
    assert may_come_late(house.store, NOW, MINUTE)
    leave(house.store, "none", NOW + LEASED + SECOND)  # it was killed
    leave(house.store, "none", NOW + LEASED + SECOND)
    assert not may_come_late(house.store, NOW, MINUTE)
    again = filling(client, house, "again")
    again.begin(NOW + LEASED + 2 * SECOND)
    assert again.step(NOW + LEASED + 2 * SECOND) is not None
    assert may_come_late(house.store, NOW, MINUTE)


def test_what_cannot_be_kept_comes_again(client: LoggingServiceV2Client) -> None:
    """The mark stays where it was until it is."""

    class Full(MemoryStore):
        """Has no room for a while."""

        is_full = True

        def receive(self, receipt: bytes, poison: Sequence[Poison], at: int) -> None:
            if self.is_full:
                message = "no room"
                raise StoreError(message)
            super().receive(receipt, poison, at)

    store = Full()
    house = House(RULES, store)
    store.keep_mark(RECEIVED, BASE + MARGIN)
    one = filling(client, house)
    one.begin(NOW)
    with pytest.raises(StoreError, match="no room"):
        one.step(NOW)
    assert store.mark(FILLING) == BASE
    store.is_full = False
    finish(one)
    assert kept(house) == [entry.insert_id for entry in ENTRIES]


def lines(entries: Sequence[LogEntry]) -> list[bytes]:
    """Return entries as a log sink publishes them."""
    return [json.dumps(dict(one.document)).encode() for one in entries]


def test_a_gap_that_is_filled_was_none(client: LoggingServiceV2Client) -> None:
    """A run whose subscription missed half an hour comes to what a replay of everything does."""
    house = House(RULES)
    live = house.live("first")
    house.feed.publish(lines(ENTRIES[:15]))
    while house.feed.left:
        house.receiver.step()
        house.step(live)
    house.now += MARKING
    house.step(live)
    house.feed.publish(lines(ENTRIES[40:]))
    one = filling(client, house)
    one.begin(NOW)
    finish(one)
    expected, end = replayed(lines(ENTRIES), RULES)
    assert house.finish(end) == expected


def serve(house: House, client: Client, until: str) -> list[tuple[str, str]]:
    """Run a service that fills, until it logs what ends so; return what it logged."""
    said: list[tuple[str, str]] = []

    def log(severity: str, text: str) -> None:
        said.append((severity, text))
        if text.endswith(until):
            service.stop()

    settings = Settings(
        subscription="projects/demo/subscriptions/logs", store="sqlite:///x", logging_filter="()"
    ).model_copy(update={"logging_filter": 'severity="ERROR"'})

    def receiver(feed: Feed) -> Receiver:
        return Receiver(
            feed=feed, inbox=house.store, detector=house.detector, clock=lambda: house.now
        )

    handlers = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        service = Service(
            Parts(
                store=house.store,
                receivers=(),
                live=house.live,
                holder="me",
                log=log,
                filling=filling_of(settings, house.store, receiver, "me", client),
                ends_after=60,
            )
        )
        service.run()
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)
    return said


def test_a_service_fills_when_it_starts(client: LoggingServiceV2Client, api: FakeLogging) -> None:
    """It says what it reads again; the project of its subscription is asked."""
    house, received = House(RULES), time.time_ns() - 3600 * SECOND
    house.store.keep_mark(RECEIVED, received)
    api.entries = [
        entry("down", at=(received - BASE) / SECOND + 60 * at + 30) for at in range(-20, 40)
    ]
    said = serve(house, client, "were read again")
    since = format_timestamp(received - MARGIN)
    assert ("INFO", f"fill: reads again what was logged since {since}") in said
    assert ("INFO", "fill: 50 entries were read again") in said
    assert house.store.mark(FILLING) == 0
    assert api.asked[0].resource_names == ["projects/demo"]
    assert api.asked[0].filter.endswith('AND (\nseverity="ERROR"\n)')


def test_a_gap_that_cannot_be_read_stops_nothing(
    client: LoggingServiceV2Client, api: FakeLogging
) -> None:
    """It is said, also that too much was missed; the next start tries again."""
    api.refusals.append(Refusal(grpc.StatusCode.PERMISSION_DENIED))
    house = House(RULES)
    house.store.keep_mark(RECEIVED, BASE)
    said = [told for told in serve(house, client, "tries again") if "fill: " in told[1]]
    assert [severity for severity, _ in said] == ["INFO", "WARNING", "ERROR"]
    assert "stop the service, let `fivewhys replay --from-logging` read that" in said[1][1]
    assert house.store.mark(FILLING) > BASE
    assert not may_come_late(house.store, NOW, MINUTE)


class Mistaken:
    """A client that a mistake of our own is in."""

    def list_log_entries(self, request: object, *, retry: None, timeout: float) -> object:
        """Make it."""
        raise KeyError(request, retry, timeout)


def test_a_gap_that_a_mistake_of_our_own_is_in_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is said with its traceback; the next start tries again."""
    house = House(RULES)
    house.store.keep_mark(RECEIVED, BASE)
    said = [told for told in serve(house, Mistaken(), "tries again") if "fill: " in told[1]]
    assert [severity for severity, _ in said] == ["INFO", "WARNING", "ERROR"]
    assert said[2][1] == (
        "fill: it ended by a mistake of our own, which the log has; the next start tries again"
    )
    assert "raise KeyError(request, retry, timeout)" in caplog.text
    assert house.store.mark(FILLING) > BASE
