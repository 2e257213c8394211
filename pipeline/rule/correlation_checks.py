"""What pySigma lets pass in a correlation and nobody could evaluate, or what can never be so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.audit import LOG_NAME, RISING_NUMBERS, SERVICE, SHARE_NUMBERS, SURGE_NUMBERS
from pipeline.rule.checks import audit_mistakes
from pipeline.rule.model import COUNTS, NUMERIC, OPERATORS, TEMPORAL, exact_number, holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.audit import Audit
    from pipeline.errors import Mistake
    from pipeline.rule.model import Correlation, Expression
    from pipeline.yamltext import Document, Path

_KEYS = ("type", "rules", "group-by", "timespan", "aliases", "condition", "generate")
_HUNDRED = 100
_BLOCK: Path = ("correlation",)
_CONDITION: Path = ("correlation", "condition")


def key_mistakes(document: Document, block: Mapping[Any, Any]) -> Iterator[Mistake]:
    """Yield keys that nobody reads, and values that are of another type than they should be."""
    for key in block:
        if key not in _KEYS:
            message = f"{key!r:.80} is not known in a correlation; known: {', '.join(_KEYS)}"
            yield document.mistake(message, ("correlation", str(key)))
    if not _is_aliases(block.get("aliases", {})):
        message = "aliases name, for each alias, the field of each rule: {ip: {a: source}}"
        yield document.mistake(message, ("correlation", "aliases"))
    for holder, path in ((document.value, ("generate",)), (block, ("correlation", "generate"))):
        if not isinstance(holder.get("generate", False), bool):
            yield document.mistake("generate is true or false", path)


def _is_aliases(value: object) -> bool:
    mappings = list(value.values()) if isinstance(value, dict) else [value]
    return all(
        isinstance(mapping, dict)
        and all(isinstance(part, str) for pair in mapping.items() for part in pair)
        for mapping in mappings
    )


def condition_mistakes(document: Document, kind: str) -> Iterator[Mistake]:
    """Yield what is wrong with a condition that is a mapping: bounds, field, percentile.

    pySigma knows only one bound; several are a range.
    """
    condition = document.value["correlation"].get("condition")
    if not isinstance(condition, dict | str | None):
        message = f"a condition is a mapping or an expression over rules, not {condition!r:.80}"
        yield document.mistake(message, _CONDITION)
    if isinstance(condition, str) and kind not in TEMPORAL:
        yield document.mistake(f"an expression over rules is not for {kind}", _CONDITION)
    if not isinstance(condition, dict):
        return
    for key in condition:
        if key not in (*OPERATORS, "field", "percentile"):
            yield document.mistake(f"{key!r:.80} is no part of a condition", _CONDITION)
        elif key in OPERATORS and exact_number(condition[key]) is None:
            message = f"{condition[key]!r:.80} is no valid bound; it has to be a number"
            yield document.mistake(message, (*_CONDITION, key))
    if not OPERATORS.keys() & condition.keys():
        yield document.mistake(f"a condition has one of {', '.join(OPERATORS)}", _CONDITION)
    yield from _field_mistakes(document, kind, condition)


def _field_mistakes(
    document: Document, kind: str, condition: Mapping[Any, Any]
) -> Iterator[Mistake]:
    field, several = condition.get("field"), kind == "value_count"
    is_texts = isinstance(field, list) and field and all(isinstance(item, str) for item in field)
    if kind.startswith("value_") and not (isinstance(field, str) or (several and is_texts)):
        wanted = "one field, or a list of them" if several else "one field"
        yield document.mistake(f"the condition of {kind} names {wanted}", _CONDITION)
    if not kind.startswith("value_") and field is not None:
        yield document.mistake(f"{kind} looks at no field", (*_CONDITION, "field"))
    if kind != "value_percentile" and "percentile" in condition:
        yield document.mistake(f"{kind} has no percentile", (*_CONDITION, "percentile"))
    rank = exact_number(condition.get("percentile"))
    if kind == "value_percentile" and (rank is None or not 0 < rank <= _HUNDRED):
        message = (
            "value_percentile says which percentile of the field it compares, above 0 and at most "
            "100: `percentile: 95`"
        )
        yield document.mistake(message, _CONDITION)


def sense_mistakes(made: Correlation) -> Iterator[Mistake]:
    """Yield what can never be so, or is so of nothing."""
    document = made.document
    if not made.rules:
        yield document.mistake("the correlation names no rules", _BLOCK)
    elif made.expression is not None:
        yield from _expression_mistakes(made, made.expression)
    elif made.kind in COUNTS and not _possible(made):
        most = f", at most {len(made.rules)}" if made.is_temporal else ""
        message = f"nothing keeps to this: a span that is looked at shows at least 1{most}"
        yield document.mistake(message, _CONDITION)
    elif made.kind == "temporal_ordered" and _possible(made, less=1):
        message = "temporal_ordered wants all of its rules; leave the condition out"
        yield document.mistake(message, _CONDITION)


def _possible(made: Correlation, less: int = 0) -> bool:
    """Return whether a count keeps to the bounds; `less` than all rules, if they are counted.

    Between two whole numbers next to limits nothing changes: those decide.
    """
    limits = [int(bound.limit) + step for bound in made.comparisons for step in (-1, 0, 1)]
    counts = {1, *limits, max(limits, default=0) + 1}
    if made.is_temporal:
        counts = set(range(1, len(set(made.rules)) + 1 - less))
    return any(count >= 1 and made.is_kept(count) for count in counts)


def _expression_mistakes(made: Correlation, expression: Expression) -> Iterator[Mistake]:
    if holds(expression, lambda _: False):
        message = "the condition holds where nothing is seen; name what has to be seen beside it"
        yield made.document.mistake(message, _CONDITION)
    elif made.kind == "temporal_ordered" and not _is_sequence(expression):
        message = "the condition of temporal_ordered joins rules and `not` rules by `and` only"
        yield made.document.mistake(message, _CONDITION)


def _is_sequence(node: Expression) -> bool:
    if isinstance(node, str):
        return True
    if node[0] == "not":
        return isinstance(node[1], str)
    return node[0] == "and" and all(_is_sequence(part) for part in node[1:])


def with_entity(audit: Audit, group_by: tuple[str, ...]) -> Audit:
    """Return the audit block: whom a correlation is about is its group, unless it says so."""
    return audit if audit.entity else audit.model_copy(update={"entity": group_by})


def block_mistakes(document: Document, audit: Audit, block: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what the audit block of a correlation may not say, beyond that of a rule."""
    group_by = block.get("group-by")
    known = tuple(map(str, group_by)) if isinstance(group_by, list) else (str(group_by),)
    if audit.context:
        message = "a correlation gives no context; it is a symptom"
        yield document.mistake(message, ("audit", "context"))
    if audit.noise:
        message = "a correlation is no noise; it is a symptom or links symptoms"
        yield document.mistake(message, ("audit", "noise"))
    if audit.heals:
        message = "a correlation does not heal; say so of the rules it counts"
        yield document.mistake(message, ("audit", "heals"))
    for name in audit.entity:
        if name not in known:
            message = f"entity names {name!r}, which is not in group-by"
            yield document.mistake(message, ("audit", "entity"))
    yield from _narrowing_mistakes(document, audit, block, known)
    yield from audit_mistakes(document, with_entity(audit, known), _numbers(audit))


def _numbers(audit: Audit) -> tuple[str, ...]:
    """Return what titles may say of what narrows a correlation."""
    told = (
        (audit.share, SHARE_NUMBERS),
        (audit.surge, SURGE_NUMBERS),
        (audit.rising, RISING_NUMBERS),
    )
    return tuple(name for asked, names in told if asked for name in names)


def _narrowing_mistakes(
    document: Document, audit: Audit, block: Mapping[str, Any], group_by: tuple[str, ...]
) -> Iterator[Mistake]:
    """Yield what share, surge and rising are not for."""
    kind, rules = str(block.get("type")).lower(), block.get("rules")
    if audit.share:
        if kind != "event_count" or (isinstance(rules, list) and len(rules) != 1):
            message = "share is for an event_count of one rule"
            yield document.mistake(message, ("audit", "share"))
        if missing := {SERVICE, LOG_NAME}.difference(group_by):
            names = " and ".join(sorted(missing))
            message = f"share counts requests by service and log: add {names} to group-by"
            yield document.mistake(message, ("audit", "share"))
    if audit.surge and (kind != "event_count" or audit.share):
        message = "surge is for an event_count that is no share"
        yield document.mistake(message, ("audit", "surge"))
    if audit.rising and kind not in NUMERIC:
        message = f"rising is for {', '.join(NUMERIC)}"
        yield document.mistake(message, ("audit", "rising"))
