"""Attempts that are repeated: they are an incident once something comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.audit import AGAIN
from pipeline.correlation.keys import identity_of
from pipeline.correlation.links import Anchor
from pipeline.errors import RuleError
from tests.support import (
    BASE,
    SECOND,
    correlate,
    detect,
    detection,
    entry,
    rule_text,
    ruleset,
    temporal_text,
)

if TYPE_CHECKING:
    from pipeline.correlation import Correlator
    from pipeline.detection import Detection

RULES = ruleset(
    rule_text("refused", level="critical", audit="{entity: [service], heals: true}"),
    rule_text("exited", audit="{caused_by: [{rule: refused, same: [service], within: 1m}]}"),
)


AMONG = ruleset(
    rule_text("stopped", level="medium"),
    rule_text(
        "refused",
        level="critical",
        audit="{heals: true, user_visible: true, "
        "caused_by: [{rule: stopped, same: [service], within: 1m}]}",
    ),
    rule_text("logged", level="low", audit="{caused_by: [{rule: refused, within: 1m}]}"),
    rule_text("failed", audit="{caused_by: [{rule: [refused, logged], within: 1m}]}"),
    temporal_text("both", "refused", "beside"),
    rule_text("beside"),
)


def attempt(at: float, *, announced: bool = True) -> Detection:
    """Make what the rule sees in an attempt; all of them have one fingerprint."""
    made = detection("refused", at=at)
    return made if not announced else _again(made)


def _again(made: Detection) -> Detection:
    return type(made).of({**made.document(), "fields": {**made.fields, AGAIN: "yes"}})


def told(made: Correlator) -> list[tuple[str, str, int]]:
    """Return of each incident its root, priority and count."""
    return [(one.root.rule, one.priority, one.count) for one in made.incidents()]


def noise(made: Correlator) -> list[tuple[str, str, int]]:
    """Return what is of no account: rule, level and count."""
    return [(one.rule, one.level, one.count) for one in made.noise()]


def test_announced_attempts_alone_are_of_no_account() -> None:
    """They are listed with a low level, and no incident has them."""
    made = correlate(RULES, attempt(0), attempt(2))
    assert told(made) == []
    assert noise(made) == [("refused", "low", 2)]
    assert made.notify_at() is None
    found = made.detections(map(identity_of, made.entries()))
    assert [owner for _, owner in found] == [None, None]


def test_the_last_attempt_makes_them_an_incident() -> None:
    """All of them count then, with the level of the rule."""
    made = correlate(RULES, attempt(0), attempt(2), attempt(4, announced=False))
    assert told(made) == [("refused", "P1", 3)]
    assert noise(made) == []


def test_what_comes_of_an_attempt_has_it_as_its_root() -> None:
    """It exits, though it said that it tries again; nothing else tells why."""
    made = correlate(RULES, attempt(0), detection("exited", at=9))
    assert told(made) == [("refused", "P1", 2)]


@pytest.mark.parametrize(
    ("times", "lasts"),
    [
        ([30 * number for number in range(11)], True),
        ([30 * number for number in range(10)], False),  # 4:30 minutes
        ([75 * number for number in range(9)], False),  # nine of them
        ([130 * number for number in range(40)], False),  # each is by itself
        ([3600 * hour + 2 * number for hour in range(8) for number in range(3)], False),
        ([0, *(7200 + 30 * number for number in range(11))], True),
    ],
)
def test_attempts_that_go_on_are_an_incident(times: list[int], *, lasts: bool) -> None:
    """Ten of them, two minutes apart at most, over five minutes."""
    made = correlate(RULES, *map(attempt, times))
    assert told(made) == ([("refused", "P1", len(times))] if lasts else [])


def test_a_low_symptom_is_nothing_that_came_of_an_attempt() -> None:
    """As the database's own log of what a service tries again; by itself it is told."""
    made = correlate(AMONG, attempt(0), detection("logged", at=1))
    assert told(made) == []
    assert noise(made) == [("refused", "low", 1), ("logged", "low", 1)]
    assert told(correlate(AMONG, detection("logged"))) == [("logged", "P4", 1)]


def test_a_low_symptom_between_an_attempt_and_what_came_of_it_hides_nothing() -> None:
    """The attempt counts in full, however many steps away."""
    made = correlate(AMONG, attempt(0), detection("logged", at=1), detection("failed", at=50))
    assert told(made) == [("refused", "P1", 3)]


def test_what_explains_an_attempt_is_told_without_it() -> None:
    """The attempt belongs to the incident, and makes it no more urgent."""
    (incident,) = correlate(AMONG, detection("stopped"), attempt(1)).incidents()
    assert (incident.root.rule, incident.priority) == ("stopped", "P3")
    assert [(item.rule, item.level, item.heals) for item in incident.symptoms] == [
        ("stopped", "medium", False),
        ("refused", "low", True),
    ]


def test_what_is_linked_without_a_direction_may_have_come_of_an_attempt() -> None:
    """Nobody knows; so it counts."""
    made = correlate(AMONG, attempt(0), detection("beside", at=1))
    assert [(root, priority) for root, priority, _ in told(made)] == [("refused", "P1")]


def test_what_was_reported_before_is_told() -> None:
    """An issue of an earlier run is not left alone."""
    reported = attempt(0)
    made = correlate(RULES)
    anchor = Anchor(reported.timestamp, reported.fingerprint, "inc-1", BASE + SECOND)
    made.restore([reported], [anchor])
    assert [one.id for one in made.incidents()] == ["inc-1"]


def test_what_is_of_no_account_is_forgotten_like_an_incident() -> None:
    """And is no incident that anybody could miss."""
    made = correlate(RULES, attempt(0))
    made.on_time(BASE + 90 * 24 * 3600 * SECOND)
    assert made.evict() == ()
    assert noise(made) == []


def test_the_announcement_is_read_from_the_entry() -> None:
    """Only rules that heal heed it."""
    first, second = detect(
        ruleset(
            rule_text("refused", audit="{heals: true}"), rule_text("lost", "refused", audit="{}")
        ),
        entry("attempt 1/3: refused"),
    )
    assert AGAIN in first.fields
    assert AGAIN not in second.fields


def test_a_correlation_does_not_heal() -> None:
    """What it counts may."""
    counting = (
        "title: Many\nname: many\ncorrelation:\n  type: event_count\n  rules: [refused]\n"
        "  group-by: [service]\n  timespan: 5m\n  condition: {gte: 3}\nlevel: high\n"
        "audit: {heals: true}\n"
    )
    with pytest.raises(RuleError, match="does not heal"):
        ruleset(rule_text("refused"), counting)
