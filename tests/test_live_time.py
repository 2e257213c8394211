"""Event time goes on, whatever comes, and whatever clocks say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pipeline.entry import format_timestamp
from pipeline.filling import FILLING, RECEIVED
from pipeline.received import LATE, LATE_AFTER, OWN_LABEL, Received
from pipeline.stores.memory import MemoryStore
from pipeline.vitals import ANSWERS, COMES_AGAIN, QUIET, Vitals
from tests.support import BASE, SECOND
from tests.test_live import RULES, TRACEBACK, House, line, replayed, summary
from tests.test_live_late import COUNTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.live import Live

SOON = 60
"""Seconds after which a failure that is over has to be reported: twice as long as it waits."""


class Run(NamedTuple):
    """A process that receives and correlates: how a service puts both together."""

    house: House
    vitals: Vitals
    live: Live

    def second(self) -> None:
        """Let a second pass: take all there is, and correlate it."""
        house, vitals = self.house, self.vitals
        while True:
            received = house.receiver.step()
            vitals.took(received, house.now)
            if not received.messages:
                break
        house.now += SECOND
        is_current, keeps_up = vitals.is_current(house.now), vitals.keeps_up(house.now)
        self.live.step(house.now, is_current=is_current, keeps_up=keeps_up)

    def until_reported(self, publish: Callable[[int], None], seconds: int = SOON) -> int | None:
        """Return after how many seconds something is reported, None: not within so many."""
        for second in range(seconds):
            publish(second)
            self.second()
            if self.house.store.ledger():
                return second
        return None


def run(failed: int = 1) -> Run:
    """Begin, where a service fails at a second, and is silent from then on."""
    house = House(RULES)
    house.now = BASE + 3 * SECOND
    started = house.now - COMES_AGAIN
    begun = Run(house, Vitals(started_at=started), house.live("one"))
    house.feed.publish([line("missing", failed)])
    return begun


def message(second: int, log_name: str, resource: dict[str, Any], **fields: Any) -> bytes:
    """Write an entry that is of no service, and that no rule matches."""
    logged = format_timestamp(BASE + (second + 3) * SECOND)
    told = {"insertId": f"a{second}", "timestamp": logged, "logName": log_name}
    return json.dumps(told | {"severity": "WARNING", "resource": resource} | fields).encode()


def audited(second: int) -> bytes:
    """Write what an audit log says of a read."""
    method = "google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion"
    payload = {"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "methodName": method}
    log_name = "projects/demo/logs/cloudaudit.googleapis.com%2Fdata_access"
    labels = {"service": "secretmanager.googleapis.com", "project_id": "demo"}
    resource = {"type": "audited_resource", "labels": labels}
    return message(second, log_name, resource, severity="INFO", protoPayload=payload)


def warned(second: int) -> bytes:
    """Write what a database warns of."""
    labels = {"database_id": "demo:main", "project_id": "demo"}
    resource = {"type": "cloudsql_database", "labels": labels}
    log_name = "projects/demo/logs/cloudsql.googleapis.com%2Fpostgres.log"
    return message(second, log_name, resource, textPayload="checkpoints occur too frequently")


def low(second: int) -> bytes:
    """Write what a node says of itself."""
    resource = {"type": "k8s_node", "labels": {"node_name": "n", "project_id": "demo"}}
    payload = {"message": "node is low"}
    return message(second, "projects/demo/logs/events", resource, jsonPayload=payload)


def own(second: int) -> bytes:
    """Write what this program itself logs."""
    return message(second, "projects/demo/logs/run", {}, labels={OWN_LABEL: "1"})


def poison(_: int) -> bytes:
    """Write what is no entry."""
    return b"no entry"


@pytest.mark.parametrize("every", [1, 5, 12])
@pytest.mark.parametrize("write", [audited, warned, low, own, poison])
def test_what_is_no_news_of_any_service_keeps_no_report_back(
    write: Callable[[int], bytes], every: int
) -> None:
    """It makes time pass, or is nothing; else nothing would ever be told while it goes on."""
    begun = run()

    def publish(second: int) -> None:
        if second % every == 0:
            begun.house.feed.publish([write(second)], published=begun.house.now)

    assert begun.until_reported(publish) is not None
    assert begun.house.store.incidents()[0].state == "new"
    for second in range(SOON, SOON + 40):
        begun.house.now += 120 * SECOND  # nothing of the failure comes for more than an hour
        begun.house.feed.publish([write(120 * second)], published=begun.house.now)
        for _ in range(20):
            begun.second()
    assert begun.house.store.incidents()[0].state == "quiet"


def killed_every(seconds: int, publish: Callable[[House, int], None]) -> int | None:
    """Return after how many seconds those report who are killed all the time; None: never."""
    house = House(RULES)
    house.now = BASE + 3 * SECOND
    house.feed.publish([line("missing", 1)])
    for second in range(600):
        if second % seconds == 0:
            begun = Run(house, Vitals(started_at=house.now), house.live(f"from-{second}"))
        publish(house, second)
        begun.second()
        if house.store.ledger():
            return second
    return None


def fine_now(house: House, second: int) -> None:
    """Publish what a service that is well logs now and then."""
    if second % 10 == 0:
        text = line("fine", second, severity="INFO", service="auth")
        house.feed.publish([text], published=house.now)


def test_who_is_always_killed_reports_where_something_comes() -> None:
    """Whoever it is of: it makes time pass."""
    assert killed_every(15, fine_now) is not None


def test_who_lives_for_most_of_a_minute_reports_where_nothing_comes() -> None:
    """So long it takes to know that nothing is on its way."""
    assert killed_every(45, lambda *_: None) is not None


def test_how_far_entries_came_is_kept_though_nothing_is_told_of_them() -> None:
    """Whoever fills a gap need not read them again."""
    begun = run()
    for second in range(60):
        begun.house.feed.publish([audited(second)])
        begun.second()
    assert begun.house.store.mark(RECEIVED) > BASE + 40 * SECOND


def test_that_time_passes_is_told_now_and_then() -> None:
    """Not with each message: a receipt costs a row, and a step."""
    house = House(RULES)
    told = []
    for back in (0, 0, 0, 0, 0, 0, 3_600, 0):
        house.now += SECOND * (1 - back)
        house.feed.publish([audited(0)])
        before = len(house.store.receipts(99))
        house.receiver.step()
        told.append(len(house.store.receipts(99)) - before)
    assert told == [1, 0, 0, 0, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("received", "came"),
    [
        (Received(messages=1, entries=1), True),
        (Received(messages=2, own=1, entries=1), True),
        (Received(messages=3, own=3, entries=2), True),
        (Received(messages=3, own=1, poison=2), False),
        (Received(messages=3, own=1, poison=2, late=1), True),
    ],
)
def test_what_is_nobodys_news_is_nothing_unless_more_may_be_behind_it(
    received: Received,
    came: bool,  # noqa: FBT001 - a case
) -> None:
    """Of our own entries nothing waits; those that come late are a backlog, with others in it."""
    vitals = Vitals()
    vitals.took(received, BASE)
    assert (vitals.came_at == BASE) == came


def test_a_run_that_gets_only_its_own_entries_is_idle() -> None:
    """Else it would never end by itself where the sink's exclusion is missing."""
    begun = run()
    for second in range(20):
        begun.house.feed.publish([own(second)], published=begun.house.now)
        begun.second()
    assert begun.vitals.is_current(begun.house.now)


@pytest.mark.parametrize("keeps_poison", [True, False])
def test_what_is_left_to_the_dead_letter_topic_is_not_late(keeps_poison: bool) -> None:  # noqa: FBT001 - a case
    """It is delivered again and again on purpose."""
    house = House(RULES)
    receiver = house.receiver_of(keeps_poison=keeps_poison)
    house.feed.counts = True
    house.feed.publish([b"{"], published=house.now - LATE_AFTER)
    assert receiver.step().late == keeps_poison
    assert bool(house.store.mark(LATE)) == keeps_poison


# --- a clock that is behind -----------------------------------------------------------------------


def fine(begun: Run, second: int, behind: int) -> None:
    """Publish what a service that is well logs every five seconds, by a clock that is behind."""
    if second % 5 == 0:
        text = line("fine", second - behind, severity="INFO", service="auth")
        begun.house.feed.publish([text], published=begun.house.now)


@pytest.mark.parametrize("behind", [0, 20, 600, 5 * 3_600])
def test_a_clock_that_is_behind_does_not_hold_time_back(behind: int) -> None:
    """A failure is reported though the only one who still logs is of an hour that is over."""
    begun = run()
    assert begun.until_reported(lambda second: fine(begun, second, behind)) is not None


def test_time_follows_what_comes_while_that_goes_on() -> None:
    """Where all that comes was logged a minute ago, nothing is known of what is newer."""
    begun = run(-60)

    def publish(second: int) -> None:
        text = line("fine", second - 60, severity="INFO")
        begun.house.feed.publish([text], published=begun.house.now)

    assert begun.until_reported(publish) is not None
    (told,) = begun.house.store.ledger().values()
    assert told.decided_at <= BASE


def silent_after(deed: Callable[[Run, int], None], seconds: int = 100) -> bool:
    """Say whether nothing is reported while something else happens each second, too."""
    begun = run()

    def publish(second: int) -> None:
        fine(begun, second, 600)
        deed(begun, second)

    return begun.until_reported(publish, seconds) is None


def behind_a_backlog(begun: Run, second: int) -> None:
    """Let something come late now and then."""
    if second % 90 == 0:
        old = begun.house.now - 60 * SECOND
        begun.house.feed.publish([line("well", second - 700, severity="INFO")], published=old)


def filling(begun: Run, _: int) -> None:
    """Have a gap filled, by whatever process."""
    begun.house.store.keep_mark(FILLING, BASE)


def failing(begun: Run, second: int) -> None:
    """Let a pull fail now and then."""
    if second % 20 == 0:
        begun.vitals.failed_at = begun.house.now


def test_time_does_not_go_on_before_what_is_late() -> None:
    """What is behind may say that it goes on, or why: the clock knows nothing of it."""
    assert silent_after(behind_a_backlog)
    assert silent_after(filling)
    assert silent_after(failing)
    assert not silent_after(lambda *_: None)


def test_time_does_not_go_on_before_receipts_that_wait() -> None:
    """They may be of any time."""
    begun = run()
    house, at_once = begun.house, 2
    for second in range(100):
        texts = [line("fine", second / 9 - 600 - at, severity="INFO") for at in range(9)]
        house.feed.publish(texts, published=house.now)
        while house.feed.left:
            house.receiver.step()
        house.now += SECOND
        begun.live.step(house.now, is_current=False, keeps_up=True, at_once=at_once)
    assert house.store.ledger() == {}
    for _ in range(120):
        house.now += SECOND
        begun.live.step(house.now, is_current=False, keeps_up=True)
    assert house.store.ledger() != {}


def test_after_a_pause_time_does_not_go_on_at_once() -> None:
    """Nothing was pulled meanwhile, and what was logged then is on its way."""
    begun = run()
    for second in range(20):
        fine(begun, second, 600)
        begun.second()
    begun.house.now += 3_600 * SECOND
    begun.vitals.pulled_at = begun.house.now
    begun.live.step(begun.house.now, is_current=False, keeps_up=True)
    assert begun.house.store.incidents()[0].state == "new"
    late = [line("missing", at * 60) for at in range(1, 60)]
    begun.house.feed.publish(late, published=BASE + 1_800 * SECOND)
    for second in range(100):
        fine(begun, second + 3_620, 600)
        begun.second()
        assert {one.state for one in begun.house.store.incidents()} <= {"new", "ongoing"}


def test_who_pulls_keeps_up_as_long_as_it_is_answered() -> None:
    """Not at the start, nor after a failure, until what was in nobody's hands came again."""
    vitals = Vitals(started_at=BASE)
    vitals.took(Received(), BASE + COMES_AGAIN - 1)
    assert not vitals.keeps_up(BASE + COMES_AGAIN - 1)
    assert vitals.keeps_up(BASE + COMES_AGAIN)
    assert not vitals.keeps_up(BASE + COMES_AGAIN + ANSWERS)
    vitals.took(Received(messages=1), BASE + 2 * COMES_AGAIN)
    assert vitals.keeps_up(BASE + 2 * COMES_AGAIN)
    vitals.failed_at = BASE + 2 * COMES_AGAIN - 1
    assert not vitals.keeps_up(BASE + 2 * COMES_AGAIN)


# --- a clock that goes back -----------------------------------------------------------------------


@pytest.mark.parametrize("back", [0, 600, 86_400])
def test_lines_wait_no_longer_because_the_clock_went_back(back: int) -> None:
    """It was ahead, and is set right while we go on."""
    house = House(RULES)
    house.now = BASE + back * SECOND
    live = house.live("one")
    house.feed.publish([line("fine", 0, severity="INFO")])
    house.receiver.step()
    house.step(live)
    house.now = BASE + 60 * SECOND
    lines = [line(text, 60 + at / 1000, severity=None) for at, text in enumerate(TRACEBACK)]
    house.feed.publish(lines)
    for second in range(61, 120):
        house.feed.publish([line("fine", second, severity="INFO")])
        while house.feed.left:
            house.receiver.step()
        house.step(live)
    assert not house.store.held()
    assert house.store.mark(RECEIVED) >= BASE + 100 * SECOND


def test_time_goes_on_by_a_clock_that_went_back() -> None:
    """It counts from when it was set right how long nothing came."""
    house = House(RULES)
    house.now = BASE
    live = house.live("one")
    house.feed.publish([line("missing", 0)])
    house.receiver.step()
    for _ in range(40):
        house.step(live, is_current=True)
    assert house.store.incidents()[0].state == "new"
    house.now += 24 * 3_600 * SECOND
    house.step(live)
    house.now -= 22 * 3_600 * SECOND
    for _ in range(20):
        house.step(live, is_current=True)
    assert house.store.incidents()[0].state == "quiet"


def test_what_comes_late_is_noted_by_a_clock_that_went_back() -> None:
    """Else others would not wait for what belongs to it."""
    house = House(RULES)
    noted = []
    for _ in range(3):
        house.feed.publish([line("missing", 0)], published=house.now - LATE_AFTER)
        house.receiver.step()
        noted.append(house.store.mark(LATE) == house.now)
        house.now -= SECOND
    assert noted == [True, True, True]


def test_what_was_late_by_a_clock_that_was_ahead_holds_nothing_back() -> None:
    """That was no time at all; that of another process may be ahead a little."""
    begun = run()
    begun.house.store.keep_mark(LATE, BASE + 3_600 * SECOND)
    assert begun.until_reported(lambda second: fine(begun, second, 600)) is not None


def test_that_nothing_came_is_known_by_a_clock_that_went_back() -> None:
    """A run that is to end once it is idle does not wait for the time before."""
    vitals = Vitals()
    vitals.took(Received(messages=1, entries=1), BASE + 3_600 * SECOND)
    vitals.took(Received(), BASE)
    vitals.took(Received(), BASE + QUIET)
    assert vitals.is_current(BASE + QUIET)


def test_what_was_begun_by_a_clock_that_was_ahead_is_over_in_time() -> None:
    """It counts from when the clock was set right."""
    vitals = Vitals(started_at=BASE + 3_600 * SECOND, failed_at=BASE + 3_600 * SECOND)
    vitals.took(Received(), BASE)
    vitals.took(Received(), BASE + COMES_AGAIN)
    assert vitals.keeps_up(BASE + COMES_AGAIN)
    assert vitals.is_current(BASE + COMES_AGAIN)


# --- old entries that are published now -----------------------------------------------------------


@pytest.mark.parametrize(("hours", "text"), [(1, "failed"), (16, "failed"), (240, "missing")])
def test_old_entries_that_are_published_with_pauses_count_as_in_a_replay(
    hours: int, text: str
) -> None:
    """Event time may go on by the clock meanwhile, which makes nothing of theirs only counted."""
    rules = COUNTED if text == "failed" else RULES
    texts = [line(text, 600 + at / 2) for at in range(2_400)]
    house = House(rules, at_once=400)
    house.now = BASE + hours * 3_600 * SECOND
    begun = Run(house, Vitals(started_at=house.now - 2 * COMES_AGAIN), house.live("one"))
    for at in range(0, len(texts), 40):
        house.feed.publish(texts[at : at + 40], published=house.now)
        for _ in range(12):
            begun.second()
    for _ in range(60):
        begun.second()
    (found,) = summary(house.store.incidents()).values()
    (expected,) = replayed(texts, rules)[0].values()
    assert found[4:] == expected[4:]
    assert len(house.store.ledger()) == 1


class Asked(MemoryStore):
    """A store that counts how often somebody asks for how long something comes late."""

    asked = 0

    def mark(self, name: str) -> int:
        """Count that."""
        self.asked += name == LATE
        return super().mark(name)


def test_steps_within_a_second_look_at_the_clock_once() -> None:
    """There may be hundreds, and each look asks the store."""
    house = House(RULES, asked := Asked())
    live = house.live("one")
    house.step(live)
    before = asked.asked
    live.step(house.now + SECOND // 2, is_current=False)
    assert asked.asked == before
    house.step(live)
    assert asked.asked > before
