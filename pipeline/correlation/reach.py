"""What a rule set asks of correlation: the fields that links look at, and how far links reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipeline.audit import ABOVE, AGAIN, DATABASE, TOLD
from pipeline.correlation.resources import SPAN

if TYPE_CHECKING:
    from pipeline.rule import RuleSet


class _Settings(Protocol):
    @property
    def episode_gap(self) -> int: ...
    @property
    def clock_skew(self) -> int: ...
    @property
    def together(self) -> int: ...
    @property
    def trace_span(self) -> int: ...


def asked_fields(ruleset: RuleSet) -> dict[str, tuple[str, ...]]:
    """Return by rule the fields that edges, context and correlations look at."""
    asked: dict[str, set[str]] = {name: {TOLD} for name in ruleset.makers}
    for name, rule in ruleset.makers.items():
        if rule.audit.context:
            asked[name].update(rule.audit.context.same)
        for edge in rule.audit.caused_by:
            asked[name].update(edge.same)
            asked[name].update([edge.named] if edge.named else ())
            beside = [DATABASE] if edge.database else []
            asked[name].update(beside)
            for cause in edge.rule:
                asked[cause].update([*edge.same, *beside])
        asked[name].update([ABOVE] if rule.audit.fallback else ())
        asked[name].update([AGAIN] if rule.audit.heals else ())
    for correlation in ruleset.correlations:
        for name in correlation.rules:
            asked[name].update(correlation.asks(name))
    return {name: tuple(sorted(fields)) for name, fields in asked.items()}


def reach_of(ruleset: RuleSet, settings: _Settings) -> int:
    """Return the longest time (ns) over which two detections can have to do with each other."""
    spans = [settings.episode_gap, settings.trace_span]
    for rule in ruleset.makers.values():
        spans += [edge.within + edge.before + settings.together for edge in rule.audit.caused_by]
        context = rule.audit.context
        spans += [max(context.within, context.after or 0)] if context else []
    spans += [SPAN for maker in ruleset.makers.values() if maker.audit.about]
    spans += [correlation.timespan for correlation in ruleset.correlations]
    for narrowed in (item.audit.share or item.audit.surge for item in ruleset.correlations):
        spans += [narrowed.before] if narrowed else []
    return max(spans) + settings.clock_skew
