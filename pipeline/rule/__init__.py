"""Sigma text with `audit:` blocks to a frozen `RuleSet`, or every mistake in it at once.

Rules are Sigma documents (specification 2.1) read by pySigma, which runs every expression through
RE2, so that no rule can stall the process. What a rule asks for and cannot have is an error when
it is loaded, with file and line.
"""

from __future__ import annotations

from pipeline.rule.correlations import KINDS
from pipeline.rule.expressions import compile_expression, wildcard_expression
from pipeline.rule.loading import load_ruleset
from pipeline.rule.model import LEVELS, OPERATORS, Correlation, Rule, RuleSet

__all__ = [
    "KINDS",
    "LEVELS",
    "OPERATORS",
    "Correlation",
    "Rule",
    "RuleSet",
    "compile_expression",
    "load_ruleset",
    "wildcard_expression",
]
