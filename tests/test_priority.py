"""How urgent an incident is, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.incident import State, Symptom
from pipeline.priority import priority_of
from tests.support import entry, incidents, rule_text, ruleset

RULES = ruleset(rule_text("missing"))


def symptom(level: str, *services: str, user_visible: bool = False) -> Symptom:
    """Make a symptom of a level that some services show."""
    (made,) = incidents(RULES, entry("missing"))
    return replace(made.root, level=level, services=services, user_visible=user_visible)


@pytest.mark.parametrize(
    ("symptoms", "state", "priority", "reason"),
    [
        # level
        ([symptom("critical", "a")], State.NEW, "P1", "missing is of level critical"),
        ([symptom("high", "a")], State.NEW, "P2", "missing is of level high"),
        ([symptom("medium", "a")], State.NEW, "P3", "missing is of level medium"),
        ([symptom("low", "a")], State.NEW, "P4", "missing is of level low"),
        ([symptom("informational")], State.NEW, "P4", "missing is of level informational"),
        # the worst counts
        (
            [symptom("low", "a"), symptom("high", "a")],
            State.ONGOING,
            "P2",
            "missing is of level high",
        ),
        # impact
        (
            [symptom("low", "a", user_visible=True)],
            State.NEW,
            "P2",
            "missing is of level low; users notice missing",
        ),
        (
            [symptom("critical", "a", user_visible=True)],
            State.NEW,
            "P1",
            "missing is of level critical",
        ),
        # spread
        (
            [symptom("critical", "a"), symptom("low", "b")],
            State.NEW,
            "P0",
            "missing is of level critical; one step more urgent as 2 services are affected",
        ),
        (
            [symptom("informational", "a", "b", "c")],
            State.NEW,
            "P4",
            "missing is of level informational; one step more urgent as 3 services are affected",
        ),
        # rate
        (
            [symptom("low", "a")],
            State.ESCALATING,
            "P3",
            "missing is of level low; one step more urgent as it escalates",
        ),
        # all of it
        (
            [symptom("medium", "a"), symptom("low", "b", user_visible=True)],
            State.ESCALATING,
            "P1",
            (
                "missing is of level medium; users notice missing; "
                "one step more urgent as 2 services are affected and it escalates"
            ),
        ),
    ],
)
def test_level_impact_spread_and_rate_make_the_priority(
    symptoms: list[Symptom], state: State, priority: str, reason: str
) -> None:
    """Each step is named."""
    assert priority_of(symptoms, state) == (priority, reason)
