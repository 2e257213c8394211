"""The line above a traceback belongs to what was detected in the traceback."""

from __future__ import annotations

import pytest

from pipeline.correlation.making import unused_id
from tests.support import correlate, detection, rule_text, ruleset

RULES = ruleset(
    rule_text("crashed"),
    "title: u\nname: unknown\nlogsource: {product: gcp}\n"
    "detection: {seen: {severity: ERROR}, condition: seen}\naudit: {fallback: true}\n",
)
CRASHED = detection("crashed", at=1)


@pytest.mark.parametrize(
    ("at", "above", "incidents"),
    [
        (0.9, CRASHED.fingerprint, 1),
        (1, CRASHED.fingerprint, 1),
        (-0.5, CRASHED.fingerprint, 2),
        (1.5, CRASHED.fingerprint, 2),
        (0.9, "of nobody", 2),
    ],
)
def test_only_a_traceback_right_below_is_what_a_line_is_about(
    at: float, above: str, incidents: int
) -> None:
    """Within a second after it, and only what was seen in it."""
    line = detection("unknown", at=at, above=[above])
    found = correlate(RULES, CRASHED, line).incidents()
    assert len(found) == incidents
    if incidents == 1:
        assert found[0].root.rule == "crashed"


def test_no_two_incidents_get_one_id() -> None:
    """What began alike at one time is told apart, the same way each time."""
    first = unused_id("x", set())
    second = unused_id("x", {first})
    assert first != second == unused_id("x", {first})
