"""What was logged long before event time comes yet, out of a gap or a backlog: it counts, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap.reading import load_rules
from pipeline.filling import FILLING
from pipeline.live import LATELY
from pipeline.receipts import kept_for
from pipeline.received import LATE_AFTER
from pipeline.traffic import RecentRows
from tests.support import BASE, SECOND, entry, rule_text, ruleset
from tests.test_live import House, line, replayed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.live import Live

COUNTED = ruleset(
    rule_text("failed", level="low"),
    rule_text("other", level="low"),
    "title: m\nname: many\ncorrelation: {type: event_count, rules: [failed], group-by: [service], "
    "timespan: 5m, condition: {gte: 10}}\n",
)
GAP = [line("failed", 600 + at) for at in range(1_600)]
PAGE = 400
FAILED = 503
LATER = [line("other", 7_200 + 590 * at) for at in range(len(GAP) // PAGE + 2)]


def take(house: House, live: Live, texts: Sequence[bytes], published: int = 0) -> None:
    """Receive some, and let a few seconds pass."""
    house.feed.publish(texts, published)
    while house.feed.left:
        house.receiver.step()
    for _ in range(3):
        house.step(live)


@pytest.mark.parametrize("source", ["gap", "backlog"])
@pytest.mark.parametrize("changes", [False, True])
def test_what_comes_long_after_event_time_counts_as_in_a_replay(
    source: str, *, changes: bool
) -> None:
    """It would have been settled what correlations count, and the rest of it have been dropped."""
    expected, end = replayed([line("other", 0), *GAP, *LATER], COUNTED)
    house = House(COUNTED, at_once=PAGE)
    live = house.live("one")
    take(house, live, [line("other", 0)])
    if source == "gap":
        house.store.keep_mark(FILLING, BASE + 600 * SECOND)
    for at, begin in enumerate(range(0, len(GAP), PAGE)):
        take(house, live, [LATER[at]])
        published = house.now - LATE_AFTER if source == "backlog" else 0
        take(house, live, GAP[begin : begin + PAGE], published)
        if changes:
            live = house.live(f"holder {at}")
    house.store.keep_mark(FILLING, 0)
    house.now += LATELY
    take(house, live, LATER)
    assert house.store.counted()  # in the end all of it is only counted, as ever
    assert house.finish(end) == expected


def request(at: float, status: int) -> bytes:
    """Write a line of a request log."""
    return entry(
        "",
        at=at,
        key=f"request-{at}",
        severity="ERROR" if status == FAILED else "INFO",
        logName="projects/demo/logs/run.googleapis.com%2Frequests",
        httpRequest={"requestMethod": "GET", "requestUrl": "/things", "status": status},
    ).json


def test_requests_of_a_backlog_of_hours_that_is_read_at_once_are_counted() -> None:
    """Before what is older than any rule asks for is forgotten."""
    rules = load_rules((), "")
    texts = [
        *(request(60 * at, 200) for at in range(10)),
        *(request(601 + at, FAILED) for at in range(60)),
        *(request(700 + 10 * at, 200) for at in range(15)),
        *(request(600 * at, 200) for at in range(2, 60)),
    ]
    house = House(rules, at_once=20)
    house.rows = lambda: RecentRows(kept_for(rules) // SECOND)
    live = house.live("one")
    house.feed.publish(texts)
    while house.feed.left:
        house.receiver.step()
    for _ in range(house.policy.group_wait // SECOND + 10):
        house.step(live)
    (told,) = house.store.incidents()
    assert "80 % of 75 requests failed" in told.model_dump_json()
