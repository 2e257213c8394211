"""Sigma filters: one exclusion for many rules, joined to the condition of each (AND).

pySigma reads them. They are joined to the rules here, because pySigma gives each rule its own
random names for a filter's detections, so that it would parse every condition anew.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sigma.rule import SigmaDetections

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.errors import Mistake
    from pipeline.rule.model import Draft, Filter

_RULES = ("filter", "rules")
_WORDS = frozenset({"1", "all", "and", "any", "not", "of", "or", "them"})
_TOKEN = re.compile(r"[A-Za-z0-9_*-]+")


def filter_mistakes(item: Filter) -> Iterator[Mistake]:
    """Yield what Sigma lets pass and a filter cannot have here."""
    document = item.document
    if "audit" in document.value:
        yield document.mistake("a filter has no audit block; it only narrows rules", ("audit",))
    rules = document.value["filter"]["rules"]
    for index, name in enumerate(rules):
        if not isinstance(name, str):
            yield document.mistake(f"the name {name!r} of a rule must be text", (*_RULES, index))
    if not rules:
        yield document.mistake("the filter names no rules; write `any` for all", _RULES)
    for name in item.sigma.filter.detections:
        if name in _WORDS:
            yield document.mistake(f"{name!r} is a word of conditions", ("filter", name))


def apply_filters(filters: Sequence[Filter], drafts: Sequence[Draft]) -> Iterator[Mistake]:
    """Join each filter to the rules it names, or to all of its log source; yield what cannot be."""
    by_name = {key: draft for draft in drafts for key in (draft.id, draft.name)}
    for number, item in enumerate(filters):
        rules = item.sigma.filter.rules
        named = [] if isinstance(rules, str) else [rule.reference for rule in rules]
        for index, name in enumerate(named):
            found = by_name.get(name) or by_name.get(name.lower())
            if found is None:
                message = f"the filter names {name!r}, but no rule has this name"
                yield item.document.mistake(message, (*_RULES, index))
            elif found.sigma.logsource not in item.sigma.logsource:
                message = f"the filter names {name!r}, which is not of the filter's logsource"
                yield item.document.mistake(message, (*_RULES, index))
            else:
                _join(item, number, found)
        for draft in drafts if isinstance(rules, str) else ():
            if draft.sigma.logsource in item.sigma.logsource:
                _join(item, number, draft)


def _join(item: Filter, number: int, draft: Draft) -> None:
    """Add the filter's detections under names that no selector of the rule takes."""
    own = draft.sigma.detection
    added = {_renamed(name, number): part for name, part in item.sigma.filter.detections.items()}
    (only,) = item.sigma.filter.condition
    narrowed = _TOKEN.sub(lambda found: _renamed(found[0], number), only)
    draft.sigma.detection = SigmaDetections(
        own.detections | added,
        [f"({condition}) and ({narrowed})" for condition in own.condition],
        policy=own.policy,
    )


def _renamed(token: str, number: int) -> str:
    """Rename a detection or pattern; `them` stays all that do not begin with an underscore."""
    if token == "them":  # noqa: S105 - a word of conditions
        return f"_filter{number}_in_*"
    if token in _WORDS:
        return token
    return f"_filter{number}_of{token}" if token[0] == "_" else f"_filter{number}_in_{token}"
