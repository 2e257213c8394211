"""What a set of correlations shows as a whole: names, order, fields, and what stays silent."""

from __future__ import annotations

from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.rule.model import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.audit import Edge
    from pipeline.errors import Mistake
    from pipeline.rule.model import Correlation, Draft
    from pipeline.yamltext import Path

_RULES: Path = ("correlation", "rules")


def resolved(
    drafts: Sequence[Draft], correlations: Sequence[Correlation], mistakes: list[Mistake]
) -> tuple[Correlation, ...]:
    """Return the correlations with the names of their rules, each after those it refers to.

    Sigma lets a correlation refer to others by name or id; from here on it is the name.
    """
    makers: list[Draft | Correlation] = [*drafts, *correlations]
    names = {item.id: item.name for item in makers if item.id}
    named = [_by_name(item, names) for item in correlations]
    known = {item.name for item in makers}
    for item in named:
        mistakes += _alias_mistakes(item, known)
    by_name = {item.name: item for item in named}
    links = {item.name: sorted(set(item.rules) & by_name.keys()) for item in named}
    try:
        order = [*TopologicalSorter(links).static_order()]
    except CycleError as error:
        around = " -> ".join(error.args[1])
        document = by_name[error.args[1][0]].document
        mistakes.append(document.mistake(f"correlations refer to each other: {around}", _RULES))
        return ()
    named_by_others = {name for item in named for name in item.rules}
    named_by_others |= {name for name, _ in _edges(drafts, named)}
    return tuple(
        replace(by_name[name], derives=by_name[name].derives or name in named_by_others)
        for name in order
    )


def _by_name(correlation: Correlation, names: Mapping[str, str]) -> Correlation:
    rules = tuple(dict.fromkeys(names.get(item, item) for item in correlation.rules))
    aliases = {
        alias: {names.get(rule, rule): field for rule, field in mapping.items()}
        for alias, mapping in correlation.aliases.items()
    }
    wanted = frozenset(names.get(item, item) for item in correlation.wanted)
    comparisons = correlation.comparisons
    if "condition" not in correlation.document.value["correlation"]:
        comparisons = (Comparison("gte", len(rules)),)
    return replace(
        correlation, rules=rules, wanted=wanted, aliases=aliases, comparisons=comparisons
    )


def _alias_mistakes(correlation: Correlation, known: set[str]) -> Iterator[Mistake]:
    used = {*correlation.group_by, *correlation.measured}
    for alias, mapping in correlation.aliases.items():
        path: Path = ("correlation", "aliases", alias)
        for rule in mapping.keys() - set(correlation.rules):
            message = f"the alias {alias!r} names {rule!r}, which is no rule of the correlation"
            yield correlation.document.mistake(message, path)
        missing = [rule for rule in correlation.rules if rule in known and rule not in mapping]
        if missing and alias in used:
            message = f"the alias {alias!r} does not say what it is in {', '.join(missing)}"
            yield correlation.document.mistake(message, path)
        if alias not in used:
            message = f"the alias {alias!r} stands neither in group-by nor in the condition"
            yield correlation.document.mistake(message, path)


def fields_asked_for(
    drafts: Sequence[Draft], correlations: Sequence[Correlation]
) -> dict[str, set[str]]:
    """Return what others look at in the detections of a rule or correlation, by its name.

    By group-by, by what is measured, by edges towards it, and by what a correlation of it shows;
    by context in those of all, as it joins whatever it is near.
    """
    contexts = [draft.audit.context for draft in drafts if draft.audit.context]
    near = set(chain.from_iterable(context.same for context in contexts))
    makers: list[Draft | Correlation] = [*drafts, *correlations]
    wanted = {maker.name: set(near) for maker in makers}
    for name, edge in _edges(drafts, correlations):
        wanted.setdefault(name, set()).update(edge.same)
    for correlation in reversed(correlations):
        own = wanted.setdefault(correlation.name, set())
        own.update(chain.from_iterable(edge.same for edge in correlation.audit.caused_by))
        finished = correlation.finish(own)
        for rule in correlation.rules:
            wanted.setdefault(rule, set()).update(finished.asks(rule))
    return wanted


def silent(drafts: Sequence[Draft], correlations: Sequence[Correlation]) -> frozenset[str]:
    """Return what only counts for correlations: whatever one counts without saying `generate`.

    Unless something else names it: an edge, or a temporal correlation, which links symptoms.
    """
    counting = [item for item in correlations if not item.is_temporal]
    told = [item for item in correlations if item.is_temporal or item.generate]
    edges = (name for name, _ in _edges(drafts, correlations))
    return frozenset(_rules_of(counting)) - frozenset(_rules_of(told)) - frozenset(edges)


def _rules_of(correlations: Iterable[Correlation]) -> Iterator[str]:
    return chain.from_iterable(item.rules for item in correlations)


def _edges(
    drafts: Sequence[Draft], correlations: Sequence[Correlation]
) -> Iterator[tuple[str, Edge]]:
    """Yield every edge after the name of each cause."""
    makers: list[Draft | Correlation] = [*drafts, *correlations]
    for edge in chain.from_iterable(item.audit.caused_by for item in makers):
        for name in edge.rule:
            yield name, edge
