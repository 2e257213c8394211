"""For how long parts of an incident wait, by the clock of whoever asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.merging import Merging
from pipeline.verdicts import Kind, Verdict
from tests.support import BASE, SECOND, correlate, detection, rule_text, ruleset

if TYPE_CHECKING:
    from pipeline.incident import Incident

WAIT, AT_LAST = 30, 120
RULES = ruleset(rule_text("missing"))


def incident(name: str, *parts: str, merged: tuple[tuple[str, str], ...] = ()) -> Incident:
    """Make an incident of which reported ones are parts, and of which people said something."""
    (made,) = correlate(RULES, detection("missing")).incidents()
    verdicts = tuple(
        Verdict(Kind.MERGE, one, ("f", BASE), BASE, "ana", other=("g", BASE), other_incident=other)
        for one, other in merged
    )
    return replace(made, id=name, absorbed=parts, verdicts=verdicts)


def held(merging: Merging, seconds: int, *incidents: Incident) -> list[str]:
    """Take what incidents there are then; return those that have parts that wait."""
    now = BASE + seconds * SECOND
    merging.take(incidents, now, now - WAIT * SECOND, now - AT_LAST * SECOND)
    return [one.id for one in incidents if merging.holds(one)]


def test_parts_wait_until_all_are_parts_for_a_while() -> None:
    """Others are not held for them."""
    merging, other = Merging(), incident("other")
    assert held(merging, 0, incident("a", "b"), other) == ["a"]
    assert held(merging, 29, incident("a", "b", "c"), other) == ["a"]
    assert held(merging, 58, incident("a", "b", "c"), other) == ["a"]
    assert held(merging, 59, incident("a", "b", "c"), other) == []
    assert held(merging, 60, incident("a", "b", "c"), other) == []


def test_what_people_merged_is_told_at_once_as_far_as_they_did() -> None:
    """Also by way of others; what they merged with another one is no part of this one yet."""
    said = (("c", "b"), ("a", "b"))
    assert held(Merging(), 0, incident("a", "b", "c", merged=said)) == []
    assert held(Merging(), 0, incident("older", "a", "b", "c", merged=said)) == ["older"]


def test_of_what_has_now_this_and_now_that_part_is_told_in_the_end() -> None:
    """None of them is a part for long; something that is told of at last is waited for no more."""
    merging = Merging()
    found = [held(merging, at, incident("a", "bc"[at // 20 % 2])) for at in range(0, 140, 10)]
    assert found == [["a"]] * 12 + [[]] * 2
    assert held(merging, 140, incident("a")) == []
    assert held(merging, 141, incident("a", "b")) == ["a"]


def test_what_waited_is_taken_up_as_far_as_it_is_a_part_now() -> None:
    """What waited for something else begins to wait with being one; others are told already."""
    merging = Merging()
    merging.begin([incident("a", "told", "b")], {"b": BASE, "x": BASE})
    assert dict(merging.since) == {"b": BASE}
    assert held(merging, 29, incident("a", "told", "b"), incident("y")) == ["a"]
    assert held(merging, 31, incident("a", "told", "b"), incident("y", "x")) == ["y"]
