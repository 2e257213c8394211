"""What a rule set consists of, once it is known to be right."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from pipeline.audit import SECOND
from pipeline.rule.conditions import conditions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sigma.filters import SigmaFilter
    from sigma.rule import SigmaRule

    from pipeline.audit import Audit
    from pipeline.yamltext import Document

Expression = str | tuple[Any, ...]
"""A rule's name, or `("and" | "or" | "not", *expressions)`."""

LEVELS = ("informational", "low", "medium", "high", "critical")

TEMPORAL = ("temporal", "temporal_ordered")
"""The types of correlation that look at which rules matched."""

COUNTS = ("event_count", "value_count", *TEMPORAL)
"""Those that count: a whole number, from 1 upwards."""

NUMERIC = ("value_sum", "value_avg", "value_median", "value_percentile")
"""Those that compute with the values of one field."""

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}
_NUMBER_LENGTH = 100
_EXPONENT = 400
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "neq": "!="}


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

    @cached_property
    def made(self) -> dict[str, Any]:
        """What others made of it, by their own words; it says the same whoever asks, and stays."""
        return {}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One bound of what a correlation measures; `operator` is a word of Sigma's."""

    operator: str
    limit: int | Fraction

    def __str__(self) -> str:
        """Return the bound as a reader knows it: `>= 10`."""
        shown = self.limit if isinstance(self.limit, int) else float(self.limit)
        return f"{_SIGNS[self.operator]} {shown}"


@dataclass(frozen=True, slots=True)
class Correlation:
    """A Sigma correlation: what several detections say together.

    `kind` is Sigma's type. `rules` are names of rules or of other correlations; those in `wanted`
    take part when it matches, the others are only looked for (`not c`). `aliases` say under which
    field of a rule (inner key) a name of `group_by` or `measured` stands. What is measured in the
    fields `measured` must keep to all `comparisons`; `expression` is a condition over rules
    instead: a name, or an operator and its arguments. `timespan` is in nanoseconds, `fields` what
    its own detections carry, as of a rule. `generate`: the rules remain symptoms by themselves.
    """

    name: str
    id: str
    title: str
    level: str
    description: str
    document: Document
    audit: Audit
    kind: str
    rules: tuple[str, ...]
    wanted: frozenset[str]
    group_by: tuple[str, ...]
    aliases: Mapping[str, Mapping[str, str]]
    timespan: int
    comparisons: tuple[Comparison, ...]
    measured: tuple[str, ...] = ()
    percentile: int | Fraction | None = None
    expression: Expression | None = None
    generate: bool = False
    derives: bool = True
    fields: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """`file:line` of its document."""
        return self.document.place()

    @property
    def signature(self) -> str:
        """The kind of failure: the audit block's word, else the name in hyphens."""
        return self.audit.signature or self.name.replace("_", "-")

    @property
    def groups(self) -> tuple[str, ...]:
        """No expression, so no named groups."""
        return ()

    @property
    def is_temporal(self) -> bool:
        """Whether it looks at which rules matched, not at how much was seen."""
        return self.kind in TEMPORAL

    @property
    def limits(self) -> tuple[str, ...]:
        """The field that has the limit beside each value that rises, if it is in a field."""
        rising = self.audit.rising
        return (rising.limit,) if rising and isinstance(rising.limit, str) else ()

    def field_of(self, rule: str, name: str) -> str:
        """Return under which field of a rule's detections a name stands."""
        return self.aliases.get(name, {}).get(rule, name)

    def is_kept(self, measured: int | Fraction) -> bool:
        """Return whether a measured value keeps to every bound."""
        for bound in self.comparisons:  # noqa: SIM110 - it is asked for every detection
            if not OPERATORS[bound.operator](measured, bound.limit):
                return False
        return True

    def asks(self, rule: str) -> tuple[str, ...]:
        """Return which fields it looks at in the detections of one of its rules."""
        names = {*self.group_by, *self.measured, *self.fields, *self.limits}
        return tuple(sorted({self.field_of(rule, name) for name in names}))

    def finish(self, asked: set[str]) -> Correlation:
        """Return it with the fields that its own detections carry."""
        return replace(self, fields=tuple(sorted({*self.group_by, *asked, "service"})))

    @property
    def condition(self) -> str:
        """What has to be so, in words a report can use."""
        bounds = " and ".join(map(str, self.comparisons))
        if self.expression is not None:
            return _expression_text(self.expression)
        if self.is_temporal:
            every = self.comparisons == (Comparison("gte", len(self.rules)),)
            return ", ".join(self.rules) if every else f"{bounds} of {', '.join(self.rules)}"
        rank = "" if self.percentile is None else f" {float(self.percentile):g}"
        what = f"{self.kind}{rank} of {', '.join(self.measured or self.rules)}"
        return f"{what} {bounds}{self._narrowed}"

    @property
    def _narrowed(self) -> str:
        share, surge, rising = self.audit.share, self.audit.surge, self.audit.rising
        told = f", {share.gte:g} % of all {share.of}" if share else ""
        if surge:
            told += f", {surge.times:g} times as many as in the {surge.before // SECOND} s before"
        if rising:
            told += f", rising towards {rising.limit}"
        return told


def _expression_text(node: Expression) -> str:
    if isinstance(node, str):
        return node
    word, *arguments = node
    texts = [_expression_text(part) for part in arguments]
    return f"not {texts[0]}" if word == "not" else f"({f' {word} '.join(texts)})"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules by name, the correlations over them, and a digest of the texts they came from.

    A correlation stands after those it refers to. What is `silent` only counts for correlations
    and makes no symptom of its own.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict)
    correlations: tuple[Correlation, ...] = ()
    digest: str = ""
    silent: frozenset[str] = frozenset()
    makers: Mapping[str, Rule | Correlation] = field(init=False)
    """Whatever makes symptoms, by name."""

    def __post_init__(self) -> None:
        derived = {item.name: item for item in self.correlations if item.derives}
        object.__setattr__(self, "makers", {**self.rules, **derived})


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
        own |= {edge.named for edge in audit.caused_by if edge.named}
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


def holds(node: Expression, seen: Callable[[str], object]) -> bool:
    """Return whether an expression holds of the rules that `seen` says yes to."""
    if isinstance(node, str):
        return bool(seen(node))
    parts = (holds(part, seen) for part in node[1:])
    if node[0] == "not":
        return not next(parts)
    return any(parts) if node[0] == "or" else all(parts)


def exact_number(value: object) -> int | Fraction | None:
    """Return a number exactly as it is written (0.1 is a tenth), None where there is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, float | str) or len(text := str(value)) > _NUMBER_LENGTH:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _EXPONENT:
        return None  # 1e999999999 would fill the memory
    exact = Fraction(number)
    return exact.numerator if exact.denominator == 1 else exact


def name_of(document: Document) -> str:
    """Return the `name` of a rule or correlation, else its id, else its title."""
    value: Mapping[str, object] = document.value
    return str(value.get("name") or value.get("id") or value.get("title"))
