"""What waits, as a document and as gauges."""

from __future__ import annotations

import pytest

from pipeline.audit import SECOND
from pipeline.exposition import exposition
from pipeline.lifecycle import HOUR
from pipeline.tracker.delivering import Delivery
from pipeline.tracker.gauging import Outbox, Waiting, document, gauges
from tests.support import BASE

NOW = BASE + HOUR
FAILED = Delivery().waiting(BASE, "time-out", NOW + SECOND)
WAITS = Delivery().waiting(NOW - SECOND)
OUTBOX = Outbox(
    NOW, ("a/b", "c/d"), (Waiting("a/b", "inc-1", FAILED), Waiting("a/b", "inc-2", WAITS))
)


def test_each_that_waits_is_told() -> None:
    """With its age, its reason, and when it is tried again."""
    told = document(OUTBOX)
    assert (told["time"], told["trackers"]) == ("2025-09-10T01:00:00Z", ["a/b", "c/d"])
    assert told["waiting"] == [
        {
            "tracker": "a/b",
            "incident": "inc-1",
            "since": "2025-09-10T00:00:00Z",
            "age_seconds": 3600,
            "attempts": 1,
            "reason": "time-out",
            "not_before": "2025-09-10T01:00:01Z",
        },
        {
            "tracker": "a/b",
            "incident": "inc-2",
            "since": "2025-09-10T00:59:59Z",
            "age_seconds": 1,
            "attempts": 0,
            "reason": "it was interrupted, or never tried",
            "not_before": "",
        },
    ]


def test_gauges_are_such_as_prometheus_reads() -> None:
    """Also of a tracker for which nothing waits: an alarm has to end."""
    assert exposition(gauges(OUTBOX)).splitlines() == [
        "# HELP fivewhys_outbox_waiting Incidents of which something did not get out yet.",
        "# TYPE fivewhys_outbox_waiting gauge",
        'fivewhys_outbox_waiting{tracker="a/b"} 2',
        'fivewhys_outbox_waiting{tracker="c/d"} 0',
        "# HELP fivewhys_outbox_failed Those of them that were tried in vain.",
        "# TYPE fivewhys_outbox_failed gauge",
        'fivewhys_outbox_failed{tracker="a/b"} 1',
        'fivewhys_outbox_failed{tracker="c/d"} 0',
        "# HELP fivewhys_outbox_oldest_seconds For how long the oldest of them waits that is due.",
        "# TYPE fivewhys_outbox_oldest_seconds gauge",
        'fivewhys_outbox_oldest_seconds{tracker="a/b"} 3600',
        'fivewhys_outbox_oldest_seconds{tracker="c/d"} 0',
    ]


@pytest.mark.parametrize(("until", "age"), [(NOW + 1, 0), (NOW, 3600), (0, 3600)])
def test_what_waits_for_its_time_is_not_late(until: int, age: int) -> None:
    """As an edit, or a new issue under a budget: no alarm is raised for it."""
    row = Delivery().postponed(BASE, "within a day", until)
    *_, oldest = gauges(Outbox(NOW, (), (Waiting("a/b", "inc-1", row),)))
    assert oldest.values == {"a/b": age}


def test_names_are_quoted() -> None:
    """Whatever a tracker is called; a clock that was set back makes nobody younger than 0."""
    late = Waiting('a"\\\n', "inc-1", WAITS)
    text = exposition(gauges(Outbox(BASE, (), (late,))))
    assert 'fivewhys_outbox_oldest_seconds{tracker="a\\"\\\\\\n"} 0\n' in text
