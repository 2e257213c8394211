"""Conditions: what is told without pySigma's parser means what the parser says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sigma.exceptions import SigmaError
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import SigmaNumber

from pipeline.rule.conditions import outline

NAMES = ("reported", "quoted", "of", "1", "all", "them", "not", "and", "a-b", "AND", "filter_1")
WORDS = (*NAMES, "or", "(", ")", "filter_*", "absent", "", "\n")


def parsed(condition: str) -> Any:
    """Return pySigma's tree of a condition."""
    detections: dict[str, SigmaDetection] = {
        name: SigmaDetection([SigmaDetectionItem(name, [], [SigmaNumber(1)])]) for name in NAMES
    }
    (found,) = SigmaDetections(detections, [condition]).parsed_condition
    return found.parse()


def shape(node: Any) -> Any:
    """Return a tree as text and tuples."""
    if hasattr(node, "field"):
        return node.field
    return type(node).__name__, *map(shape, node.args)


def shape_of(read: Any, *arguments: Any) -> Any:
    """Return the shape of what is read, None where pySigma refuses it."""
    try:
        return shape(read(*arguments))
    except SigmaError:
        return None


@given(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join))
@example("reported and not quoted")
@example("reported and not not quoted")
@example("not and not not")
@example("reported  and quoted")
@example("reported and quoted and filter_1 and not a-b")
@example("(reported or quoted) and not filter_1")
@example("reported or quoted and not (filter_1 or reported and quoted) or filter_1")
@example("((reported)) or not (quoted and (filter_1 or reported))")
@example("(reported or quoted")
@example("reported) and quoted")
def test_a_condition_means_what_pysigma_reads_in_it(condition: str) -> None:
    """Whatever stands in it: keywords where names are expected, names that are keywords."""
    assert shape_of(outline, condition, NAMES) == shape_of(parsed, condition)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("reported", "reported"),
        ("not reported", ("ConditionNOT", "reported")),
        (
            "reported and not quoted",
            ("ConditionAND", "reported", ("ConditionNOT", "quoted")),
        ),
    ],
)
def test_the_tree_of_a_plain_condition(condition: str, expected: Any) -> None:
    """Detections stand in it as comparisons of the field that has their name."""
    assert shape(outline(condition, NAMES)) == expected
