"""An incident, where it stands in its lifecycle and how urgent it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.incident import State, priority_of, state_of
from tests.support import BASE, SECOND, correlate, detection, rule_text, ruleset, temporal_text

if TYPE_CHECKING:
    from pipeline.incident import Incident, Symptom

RULES = ruleset(
    rule_text("missing", level="critical"),
    rule_text("extra", level="low"),
    temporal_text("mismatch", "missing", "extra"),
)
MINUTE = 60 * SECOND


def incident() -> Incident:
    """Make an incident of two symptoms of one service."""
    found = correlate(
        RULES, detection("missing"), detection("missing", at=9), detection("extra", at=30)
    )
    (made,) = found.incidents()
    return made


def symptom(level: str, *services: str) -> Symptom:
    """Make a symptom of a level that some services show."""
    return replace(incident().root, level=level, services=services)


def test_an_incident_sums_up_its_symptoms() -> None:
    """First and last seen, count, services and revisions are those of all its symptoms."""
    made = incident()
    assert (made.first_seen, made.last_seen) == (BASE, BASE + 30 * SECOND)
    assert made.count == 3
    assert made.services == ("backend",)
    assert made.revisions == ("backend-00001-abc",)


def test_the_root_gives_fingerprint_and_title() -> None:
    """The same failure later has the same fingerprint; the title says where and what."""
    made = incident()
    assert made.fingerprint == made.root.fingerprint == "missing backend"
    assert made.title == "backend: About missing"


def test_without_a_service_the_title_is_what_the_root_says() -> None:
    """An entry need not name its service."""
    made = incident()
    assert replace(made, root=replace(made.root, services=())).title == "About missing"


def test_an_incident_is_open_until_it_is_resolved() -> None:
    """A quiet incident still waits for somebody."""
    made = incident()
    assert replace(made, state=State.QUIET).is_open
    assert not replace(made, state=State.RESOLVED).is_open


@pytest.mark.parametrize(
    ("rule", "at", "has"),
    [("missing", 9, True), ("extra", 30, True), ("missing", 10, False), ("other", 9, False)],
)
def test_an_incident_has_the_detections_of_its_symptoms(rule: str, at: int, *, has: bool) -> None:
    """Those of the same fingerprint, from the first to the last."""
    assert incident().has(detection(rule, at=at)) is has


@pytest.mark.parametrize(
    ("silence", "reported", "state", "reason"),
    [
        # reported before or after it was last seen (minutes), or never (None)
        (0, None, State.NEW, "its first report holds all that was seen"),
        (0, 5, State.NEW, "its first report holds all that was seen"),
        (0, 0, State.NEW, "its first report holds all that was seen"),
        (0, -5, State.ONGOING, "seen again since its first report"),
        (59, -5, State.ONGOING, "seen again since its first report"),
        (60, -5, State.QUIET, "longer than quiet_after"),
        (60, None, State.QUIET, "longer than quiet_after"),
        (119, None, State.QUIET, "longer than quiet_after"),
        (120, None, State.RESOLVED, "longer than resolve_after"),
        (-5, None, State.NEW, "its first report holds all that was seen"),  # an older export
    ],
)
def test_silence_and_reports_make_the_state(
    silence: int, reported: int | None, state: State, reason: str
) -> None:
    """Silence makes it quiet, then resolved; seen after its first report, it is ongoing."""
    found, why = state_of(
        BASE,
        BASE + silence * MINUTE,
        reported_at=0 if reported is None else BASE + reported * MINUTE,
        quiet_after=60 * MINUTE,
        resolve_after=120 * MINUTE,
    )
    assert found is state
    assert reason in why


@pytest.mark.parametrize(
    ("symptoms", "priority", "reason"),
    [
        ([symptom("critical", "a")], "P1", "missing is of level critical"),
        ([symptom("high", "a")], "P2", "missing is of level high"),
        ([symptom("medium", "a")], "P3", "missing is of level medium"),
        ([symptom("low", "a")], "P4", "missing is of level low"),
        ([symptom("informational", "a")], "P4", "missing is of level informational"),
        # the worst counts
        ([symptom("low", "a"), symptom("high", "a")], "P2", "missing is of level high"),
        # it spreads
        (
            [symptom("critical", "a"), symptom("low", "b")],
            "P0",
            "missing is of level critical, and 2 services are affected",
        ),
        (
            [symptom("informational", "a", "b", "c")],
            "P4",
            "missing is of level informational, and 3 services are affected",
        ),
        ([symptom("high")], "P2", "missing is of level high"),
    ],
)
def test_the_worst_symptom_and_the_spread_make_the_priority(
    symptoms: list[Symptom], priority: str, reason: str
) -> None:
    """The level of the worst symptom, one step more urgent when services beside it are affected."""
    assert priority_of(symptoms) == (priority, reason)
