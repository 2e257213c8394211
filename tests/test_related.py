"""Which other incidents a report names, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.report import Neighbour, Neighbourhood, neighbour
from pipeline.report.related import MOST, NEAREST
from tests.support import BASE, SECOND, correlate, detection, rule_text, ruleset

RULES = ruleset(rule_text("missing"))
(INCIDENT,) = correlate(RULES, detection("missing"), detection("missing", at=60)).incidents()


def other(
    name: str = "inc-9", *, begin: int = -3600, end: int = -3000, service: str = "auth"
) -> Neighbour:
    """Make another incident, from `begin` to `end` seconds after this one began."""
    return Neighbour(
        first_seen=BASE + begin * SECOND,
        id=name,
        fingerprint="another",
        title="T",
        services=(service,),
        last_seen=BASE + end * SECOND,
    )


def named(*others: Neighbour) -> list[tuple[str, str]]:
    """Return which are named, and why."""
    return [(item.incident.id, item.reason) for item in Neighbourhood(others).of(INCIDENT)]


BEFORE = replace(other(), fingerprint=INCIDENT.fingerprint)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (
            BEFORE,
            "the same failure before: last seen 50 min earlier, at 2025-09-09T23:10:00Z",
        ),
        (replace(BEFORE, last_seen=BASE), "the same failure at the same time"),
        (other(end=0, service="backend"), "at the same time, also on backend"),
        (other(end=0), "at the same time; nothing in the entries links the two"),
        (other(begin=60, end=90), "at the same time; nothing in the entries links the two"),
        (other(end=-300), "5 min before; nothing in the entries links the two"),
        (other(end=-12, service="backend"), "12 s before; nothing in the entries links the two"),
        (other(end=-301), ""),
        # over before it began, or not begun before it ended
        (other(), ""),
        (other(service="backend"), ""),
        (other(begin=61, end=90), ""),
        (replace(BEFORE, first_seen=BASE + 61 * SECOND, last_seen=BASE + 62 * SECOND), ""),
        # itself, what it absorbed, and what it continues, which is told by itself
        (other(INCIDENT.id, end=0), ""),
    ],
)
def test_an_incident_is_named_for_a_reason(one: Neighbour, reason: str) -> None:
    """The same failure before, or something else at the same time."""
    assert named(one) == ([("inc-9", reason)] if reason else [])


def test_what_it_absorbed_or_continues_is_no_other() -> None:
    """The report tells of these by themselves."""
    made = replace(INCIDENT, absorbed=("inc-1",), previous="inc-2")
    others = [other(name, end=0) for name in ("inc-1", "inc-2", "inc-3")]
    assert [item.incident.id for item in Neighbourhood(others).of(made)] == ["inc-3"]


def test_the_closest_come_first_and_each_once() -> None:
    """The same failure before, then its service, then the rest; of each kind the latest first."""
    others = [
        other("inc-elsewhere", end=0),
        other("inc-late", begin=-1, end=0),
        other("inc-here", end=0, service="backend"),
        replace(BEFORE, id="inc-before"),
        replace(BEFORE, id="inc-last-time", first_seen=BASE - 3100 * SECOND),
    ]
    names = ["inc-last-time", "inc-before", "inc-here", "inc-late", "inc-elsewhere"]
    assert [name for name, _ in named(*others)] == names
    assert [name for name, _ in named(*reversed(others))] == names


def test_no_more_are_named_than_anybody_reads() -> None:
    """And of thousands only the latest are looked at."""
    many = [other(f"inc-{number:03}", begin=-number, end=0) for number in range(1, 3 * NEAREST)]
    assert [name for name, _ in named(*many)] == [
        f"inc-{number:03}" for number in range(1, MOST + 1)
    ]


def test_a_run_knows_better_than_its_store() -> None:
    """Of two that tell of one incident the first counts."""
    now, then = other(end=0), replace(other(), title="as it was")
    assert named(now, then) == named(now)
    assert named(then, now) == []


def test_what_is_known_of_an_incident_is_enough_for_others() -> None:
    """Its id, title, services and times."""
    assert neighbour(INCIDENT) == Neighbour(
        BASE,
        INCIDENT.id,
        INCIDENT.fingerprint,
        "backend: About missing",
        ("backend",),
        BASE + 60 * SECOND,
    )
