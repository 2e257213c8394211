"""What a rule set consists of, once it is known to be right."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from pipeline.rule.conditions import conditions_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sigma.filters import SigmaFilter
    from sigma.rule import SigmaRule

    from pipeline.audit import Audit
    from pipeline.yamltext import Document

LEVELS = ("informational", "low", "medium", "high", "critical")


@dataclass(frozen=True)
class Rule:
    """One detection rule.

    `place` is `file:line` of its document, `level` one of `LEVELS`, `groups` the named groups of
    its expressions and `fields` what a detection must carry for links, fingerprints and titles.
    """

    name: str
    id: str
    title: str
    level: str
    description: str
    place: str
    sigma: SigmaRule
    audit: Audit
    groups: tuple[str, ...]
    fields: tuple[str, ...]

    @property
    def signature(self) -> str:
        """The kind of failure: the audit block's word, else the name in hyphens."""
        return self.audit.signature or self.name.replace("_", "-")

    @cached_property
    def conditions(self) -> tuple[Any, ...]:
        """The trees of its conditions, any of which may hold: pySigma's, not to be changed.

        Raises:
            ValueError or RecursionError: one of them is wrong or nested too deeply.

        """
        return conditions_of(self.sigma.detection)


@dataclass(frozen=True, slots=True)
class TemporalCorrelation:
    """A Sigma `temporal` correlation: all `rules` within `timespan` ns and equal `group_by`."""

    name: str
    title: str
    document: Document
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    timespan: int


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules by name, the correlations over them, and a digest of the texts they came from."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    correlations: tuple[TemporalCorrelation, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """A Sigma filter, which narrows the rules that it names."""

    document: Document
    sigma: SigmaFilter


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule that is right by itself; what other rules ask of it is not known yet."""

    document: Document
    sigma: SigmaRule
    audit: Audit
    groups: tuple[str, ...]

    @property
    def name(self) -> str:
        """What other rules call it."""
        return name_of(self.document)

    @property
    def id(self) -> str:
        """Its UUID, "" if it has none."""
        return str(self.sigma.id or "")

    def finish(self, asked: set[str]) -> Rule:
        """Return the rule, whose detections carry the fields that others ask for, too."""
        audit, sigma = self.audit, self.sigma
        own = {*audit.entity, *chain.from_iterable(edge.same for edge in audit.caused_by)}
        own |= set(audit.context.same) if audit.context else set()
        return Rule(
            name=self.name,
            id=self.id,
            title=sigma.title,
            level=str(sigma.level).lower() if sigma.level else "medium",
            description=sigma.description or "",
            place=self.document.place(),
            sigma=sigma,
            audit=audit,
            groups=self.groups,
            fields=tuple(sorted((own | asked | {"service"}) - set(self.groups))),
        )


def name_of(document: Document) -> str:
    """Return the `name` of a rule or correlation, else its id, else its title."""
    value: Mapping[str, object] = document.value
    return str(value.get("name") or value.get("id") or value.get("title"))
