"""An incident: what it sums up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.incident import State
from tests.support import BASE, SECOND, correlate, detection, rule_text, ruleset, temporal_text

if TYPE_CHECKING:
    from pipeline.incident import Incident

RULES = ruleset(
    rule_text("missing", level="critical"),
    rule_text("extra", level="low"),
    temporal_text("mismatch", "missing", "extra"),
)


def incident() -> Incident:
    """Make an incident of two symptoms of one service."""
    found = correlate(
        RULES, detection("missing"), detection("missing", at=9), detection("extra", at=30)
    )
    (made,) = found.incidents()
    return made


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
