"""What the benchmark works on: that it is what the figures say it is."""

import json
import re
from itertools import islice, pairwise

import pytest

from pipeline.entry import parse_entry
from tests.benchmarks.corpus import (
    BATCH,
    MATCHING,
    Expression,
    entries,
    expressions,
    sec_rule,
    sigma_rule,
)
from tests.support import detect, entry, ruleset

TOLD = expressions(40)


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """Make two batches of entries."""
    return b"".join(islice(entries(10**9, TOLD), 2)).splitlines()


def test_fewer_expressions_are_a_beginning_of_more() -> None:
    """What 40 rules find 3,000 rules find: the comparison is about the rules in between."""
    many = expressions(3_000)
    assert many[:40] == TOLD
    assert len({one.pattern for one in many}) == 3_000


def test_an_example_matches_its_own_expression_only() -> None:
    """However many rules there are, they find one match an entry."""
    told = expressions(400)
    for index, one in enumerate(TOLD):
        found = [place for place, other in enumerate(told) if re.search(other.pattern, one.example)]
        assert found == [index]


def test_every_kind_of_expression_is_there() -> None:
    """Plain words, numbers, alternations, and both."""
    kinds = [(r"\d" in one.pattern, "|" in one.pattern) for one in TOLD[:4]]
    assert kinds == [(False, False), (True, False), (False, True), (True, True)]


def test_the_same_sizes_give_the_same_bytes() -> None:
    """Two runs of the benchmark are about the same entries; a larger file begins like a smaller."""
    smaller, larger = (b"".join(entries(size, TOLD)) for size in (1, 1_000_000))
    assert len(larger) >= 1_000_000
    assert larger.startswith(smaller)
    assert b"".join(entries(1, TOLD)) == smaller
    assert b"".join(entries(1, TOLD, seed=2)) != smaller


def test_three_entries_of_a_thousand_match(lines: list[bytes]) -> None:
    """Raw lines, as ripgrep and SEC see them."""
    expression = re.compile("|".join(one.pattern for one in TOLD).encode())
    assert sum(1 for line in lines if expression.search(line)) == 2 * MATCHING
    assert len(lines) == 2 * BATCH


def test_every_line_is_an_entry_of_its_own(lines: list[bytes]) -> None:
    """Nothing is refused, nothing is there twice, and time goes on from each to the next."""
    made = [one for line in lines for one in parse_entry(json.loads(line), place="test")]
    assert len(made) == len(lines)
    assert len({one.key for one in made}) == len(lines)
    assert {b.timestamp - a.timestamp for a, b in pairwise(made)} == {3_000_000}


def test_the_rules_find_the_examples() -> None:
    """Each rule file loads, and finds the example of its expression."""
    rules = ruleset(*(sigma_rule(index, one) for index, one in enumerate(TOLD)))
    for index, one in enumerate(TOLD):
        found = detect(rules, entry(f"worker 1: {one.example}"))
        assert [item.rule for item in found] == [f"bench_{index}"]


def test_a_rule_of_sec_has_the_expression_as_it_is() -> None:
    """It writes what it found, so that this can be counted."""
    assert sec_rule(7, Expression(r"lost \d+", "lost 1"), "/out").splitlines() == [
        "type=Single",
        "ptype=RegExp",
        r"pattern=lost \d+",
        "desc=bench_7",
        "action=write /out %s",
    ]
