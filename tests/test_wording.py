"""What a text must hold for an expression to match it, and that nothing else is asked of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigma.conditions import ConditionFieldEqualsValueExpression
from sigma.types import SigmaRegularExpression

from pipeline.bootstrap.reading import load_rules
from pipeline.matching import SEVERAL
from pipeline.matching.values import required_by
from pipeline.rule import compile_expression
from pipeline.wording import of_expression, parse
from tests.support import detect, entry, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Iterator


def expressions(node: Any) -> Iterator[SigmaRegularExpression]:
    """Yield the expressions that a condition looks for in messages."""
    if isinstance(node, ConditionFieldEqualsValueExpression):
        if node.field == "message" and type(node.value) is SigmaRegularExpression:
            yield node.value
    else:
        for argument in getattr(node, "args", ()):
            yield from expressions(argument)


ALL = [
    found
    for rule in load_rules().rules.values()
    for tree in rule.conditions
    for found in expressions(tree)
]
TELLING = sorted({str(one.regexp) for one in ALL if required_by(one) and not one.flags})


def test_nearly_all_expressions_of_messages_require_words() -> None:
    """Else to look for these first would be of no use."""
    assert sum(1 for one in ALL if required_by(one)) > 0.9 * len(ALL)


@given(st.data())
def test_what_matches_holds_what_is_required(data: st.DataObject) -> None:
    """Made of the expression by somebody else, and matched by RE2, which has the last word."""
    text = data.draw(st.sampled_from(TELLING))
    made = data.draw(st.from_regex(re.compile(text)))
    found = compile_expression(text).search(made.encode("utf-8", "replace").decode())
    literals = of_expression(text)
    assert literals is not None
    if found is not None and made.isascii():
        assert any(literal in made.lower() for literal in literals)


def test_characters_that_fold_into_ascii_are_no_reason_to_leave_a_rule_out() -> None:
    """Nor is the case of letters, nor that the words stand in another field."""
    rules = ruleset(rule_text("seen", "(?i)connection (?:lost|reset)"))
    assert detect(rules, entry("CONNECTION RESET"))
    assert detect(rules, entry("connection lo\u017ft"))
    assert not detect(rules, entry("connection lo\u0161t"))
    assert not detect(rules, entry("well", labels={"x": "connection lost"}))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("[[:digit:]] failed", "3 failed"),
        ("(?i)broken [[:^space:]]x", "broken Zx"),
        ("foo[[:space:]_]?bar", "foobar"),
        ("code x{,1}efgh", "code x{,1}efgh"),
    ],
)
def test_what_python_reads_otherwise_than_re2_hides_nothing(expression: str, message: str) -> None:
    """Neither from the screen nor from who was tried several times before."""
    rules = ruleset(rule_text("seen", expression))
    others = [entry(f"all is well {number}") for number in range(2 * SEVERAL)]
    assert len(detect(rules, *others, entry(message))) == 1


def test_what_python_does_not_read_requires_nothing() -> None:
    """A dialect of RE2's own, or what is no expression at all."""
    assert parse(r"\pL+ and more") is None
    assert of_expression("(?:") is None
