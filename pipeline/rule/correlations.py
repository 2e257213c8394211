"""One Sigma correlation to a `Correlation`.

What Sigma has words for and is not evaluated exactly is a mistake here, never an approximation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sigma.correlations import (
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from pipeline.audit import SECOND, Audit
from pipeline.rule.correlation_checks import (
    block_mistakes,
    condition_mistakes,
    key_mistakes,
    sense_mistakes,
    with_entity,
)
from pipeline.rule.model import (
    OPERATORS,
    TEMPORAL,
    Comparison,
    Correlation,
    exact_number,
    name_of,
)
from pipeline.rule.reading import read_correlation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sigma.correlations import CorrelationConditionItem, SigmaCorrelationRule

    from pipeline.errors import Mistake
    from pipeline.rule.model import Expression
    from pipeline.yamltext import Document, Path

KINDS = (
    "event_count",
    "value_count",
    "value_sum",
    "value_avg",
    "value_median",
    "value_percentile",
    *TEMPORAL,
)
"""The types of Sigma correlation that there are: those of pySigma."""

DEPTH = 50
"""How deeply a condition may be nested."""

_BLOCK: Path = ("correlation",)


# --- one document -------------------------------------------------------------------------------


def load_correlation(
    document: Document, audit: Audit | None, mistakes: list[Mistake]
) -> Correlation | None:
    """Return the correlation of a document, its rules named as they are there.

    `audit` is its audit block, None if there are mistakes in it.
    """
    block = document.value["correlation"]
    if not isinstance(block, dict):
        mistakes.append(document.mistake("correlation is a mapping", _BLOCK))
        return None
    kind = str(block.get("type")).lower()
    if kind not in KINDS:
        message = f"correlation type {block.get('type')!r:.80} is not supported; supported: "
        mistakes.append(document.mistake(message + ", ".join(KINDS), ("correlation", "type")))
        return None
    found = [*key_mistakes(document, block), *condition_mistakes(document, kind)]
    sigma = read_correlation(document, found)
    made = None
    if sigma is not None and not found:
        try:
            made = _made(document, kind, sigma, audit)
            found += sense_mistakes(made)
        except RecursionError:
            found.append(document.mistake("nested too deeply", ("correlation", "condition")))
    if audit is not None:
        found += block_mistakes(document, audit, block)
    mistakes += found
    return made


def _made(
    document: Document, kind: str, sigma: SigmaCorrelationRule, audit: Audit | None
) -> Correlation:
    condition, block = sigma.condition, document.value["correlation"]
    expression, wanted, rules = None, frozenset[str](), _references(sigma)
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        expression = _expression(condition.parsed)
        wanted = frozenset(_wanted(expression))
        comparisons: tuple[Comparison, ...] = ()
    elif "condition" in block:
        comparisons = tuple(_comparisons(block["condition"]))
    else:
        comparisons = (Comparison("gte", len(rules)),)
    bounds = block.get("condition") if expression is None else None
    measured = (bounds or {}).get("field", ())
    group_by = tuple(dict.fromkeys(sigma.group_by or ()))
    return Correlation(
        name=name_of(document),
        id=str(sigma.id or ""),
        title=sigma.title,
        level=str(sigma.level).lower() if sigma.level else "medium",
        description=sigma.description or "",
        document=document,
        audit=with_entity(audit or Audit.model_validate({}), group_by),
        kind=kind,
        rules=rules,
        wanted=wanted or frozenset(rules),
        group_by=group_by,
        aliases={item.alias: _mapping(item.mapping) for item in sigma.aliases},
        timespan=sigma.timespan.seconds * SECOND,
        comparisons=comparisons,
        measured=(measured,) if isinstance(measured, str) else tuple(measured),
        percentile=exact_number((bounds or {}).get("percentile")),
        expression=expression,
        generate=bool(sigma.generate or document.value.get("generate")),
        derives=kind not in TEMPORAL or "audit" in document.value,
    )


def _references(sigma: SigmaCorrelationRule) -> tuple[str, ...]:
    if sigma.rules is not None:
        return tuple(item.reference for item in sigma.rules)
    condition = sigma.condition
    extended = isinstance(condition, SigmaExtendedCorrelationCondition)
    return tuple(condition.get_referenced_rules()) if extended else ()  # type: ignore[union-attr]


def _mapping(mapping: Mapping[SigmaRuleReference, str]) -> dict[str, str]:
    return {reference.reference: field for reference, field in mapping.items()}


def _comparisons(condition: Mapping[str, Any]) -> Iterator[Comparison]:
    for word in OPERATORS:
        limit = exact_number(condition.get(word))
        if limit is not None:
            yield Comparison(word, limit)


def _expression(node: CorrelationConditionItem | SigmaRuleReference, depth: int = 0) -> Expression:
    if isinstance(node, SigmaRuleReference):
        return node.reference
    if depth > DEPTH:
        raise RecursionError
    arguments = [_expression(part, depth + 1) for part in node.args]
    if isinstance(node, CorrelationConditionNOT):
        return ("not", *arguments)
    return ("or" if isinstance(node, CorrelationConditionOR) else "and", *arguments)


def _wanted(node: Expression, *, negated: bool = False) -> Iterator[str]:
    """Yield the rules that an expression wants to be there."""
    if isinstance(node, str):
        if not negated:
            yield node
        return
    for part in node[1:]:
        yield from _wanted(part, negated=negated != (node[0] == "not"))
