"""Sigma text with `audit:` blocks to a frozen `RuleSet`, or every mistake in it at once.

Rules are Sigma documents (specification 2.1) read by pySigma, which runs every expression through
RE2, so that no rule can stall the process. pySigma stops at the first mistake of a rule and knows
no lines; therefore each detection item is first tried by itself and located.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import re2
from pydantic import ValidationError
from sigma.correlations import SigmaCorrelationRule, SigmaCorrelationType
from sigma.exceptions import (
    SigmaConditionError,
    SigmaDetectionError,
    SigmaError,
    SigmaLevelError,
    SigmaLogsourceError,
)
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine, RegexPattern
from sigma.rule import SigmaDetectionItem, SigmaDetections, SigmaRule

from pipeline.audit import SECOND, Audit
from pipeline.errors import ConfigurationError, Mistake, RuleError, TemplateError
from pipeline.templating import used_names
from pipeline.yamltext import Document, Path, parse, validation_mistakes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LEVELS = ("informational", "low", "medium", "high", "critical")

_SECTION_OF_ERROR: tuple[tuple[type[SigmaError], Path], ...] = (
    (SigmaConditionError, ("detection", "condition")),
    (SigmaLogsourceError, ("logsource",)),
    (SigmaDetectionError, ("detection",)),
    (SigmaLevelError, ("level",)),
)

_QUIET = re2.Options()
_QUIET.log_errors = False


class _Expressions(RE2RegexEngine):
    """pySigma's RE2 engine, without RE2's own lines on standard error and with readable reasons."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        if flags:
            return super().compile(pattern, flags)
        try:
            compiled: RegexPattern = re2.compile(pattern, _QUIET)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            message = f"{reason} (RE2 has neither look-around nor back-references)"
            raise re2.error(message) from error
        return compiled


_POLICY = SigmaPolicy(regex_engine=_Expressions())


@dataclass(frozen=True, slots=True)
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


def load_ruleset(files: Iterable[tuple[str, str]]) -> RuleSet:
    """Read rule files, given as (name to show, text), into a rule set.

    Raises:
        RuleError: every mistake of every file, with file and line.

    """
    texts = sorted(files)
    mistakes: list[Mistake] = []
    documents: list[Document] = []
    for name, text in texts:
        try:
            documents += parse(text, name)
        except ConfigurationError as error:
            mistakes += error.mistakes
    loaded = [_load(document, mistakes) for document in documents]
    rules = [item for item in loaded if isinstance(item, _RuleDraft)]
    correlations = [item for item in loaded if isinstance(item, TemporalCorrelation)]
    mistakes += _set_mistakes(rules, correlations)
    if mistakes:
        raise RuleError(sorted(set(mistakes)))
    wanted = _fields_of_correlations(rules, correlations)
    return RuleSet(
        {draft.name: draft.finish(wanted.get(draft.name, set())) for draft in rules},
        tuple(correlations),
        hashlib.sha256(repr(texts).encode()).hexdigest()[:16],
    )


@dataclass(frozen=True, slots=True)
class _RuleDraft:
    """A rule that is right by itself; what other rules ask of it is not known yet."""

    document: Document
    sigma: SigmaRule
    audit: Audit
    groups: tuple[str, ...]

    @property
    def name(self) -> str:
        return _name_of(self.document)

    def finish(self, asked: set[str]) -> Rule:
        audit, sigma = self.audit, self.sigma
        own = {*audit.entity, *chain.from_iterable(edge.same for edge in audit.caused_by)}
        own |= set(audit.context.same) if audit.context else set()
        return Rule(
            name=self.name,
            id=str(sigma.id or ""),
            title=sigma.title or self.name,
            level=str(sigma.level).lower() if sigma.level else "medium",
            description=sigma.description or "",
            place=self.document.place(),
            sigma=sigma,
            audit=audit,
            groups=self.groups,
            fields=tuple(sorted((own | asked | {"service"}) - set(self.groups))),
        )


def _load(document: Document, mistakes: list[Mistake]) -> _RuleDraft | TemporalCorrelation | None:
    if not isinstance(document.value, dict):
        mistakes.append(document.mistake("a rule file holds a mapping, one Sigma rule"))
        return None
    load = _load_correlation if "correlation" in document.value else _load_rule
    before = len(mistakes)
    loaded = load(document, mistakes)
    return loaded if len(mistakes) == before else None


def _load_rule(document: Document, mistakes: list[Mistake]) -> _RuleDraft | None:
    audit = _audit(document, mistakes)
    items = list(_detection_items(document, mistakes))
    groups = tuple(sorted(set(chain.from_iterable(_groups(item) for item in items))))
    sigma = _sigma(document, mistakes, found=bool(mistakes))
    if audit is None or sigma is None:
        return None
    mistakes += _audit_mistakes(document, audit, groups)
    return _RuleDraft(document, sigma, audit, groups)


def _audit(document: Document, mistakes: list[Mistake]) -> Audit | None:
    try:
        return Audit.model_validate(document.value.get("audit", {}))
    except ValidationError as error:
        mistakes += validation_mistakes(error, document, ("audit",))
        return None


def _detection_items(document: Document, mistakes: list[Mistake]) -> Iterator[SigmaDetectionItem]:
    """Try each item of the detection by itself, to name every wrong one with its line."""
    detection = document.value.get("detection")
    for name, definition in detection.items() if isinstance(detection, dict) else ():
        if name != "condition":
            yield from _items(definition, ("detection", str(name)), document, mistakes)


def _items(
    definition: object, path: Path, document: Document, mistakes: list[Mistake]
) -> Iterator[SigmaDetectionItem]:
    if isinstance(definition, list):
        for index, item in enumerate(definition):
            if isinstance(item, dict):
                yield from _items(item, (*path, index), document, mistakes)
    elif isinstance(definition, dict):
        for key, value in definition.items():
            try:
                yield SigmaDetectionItem.from_mapping(str(key), value, policy=_POLICY)
            except (SigmaError, TypeError, ValueError) as error:
                mistakes.append(document.mistake(_reason(error), (*path, str(key))))


def _groups(item: SigmaDetectionItem) -> Iterator[str]:
    """Names of the groups in an item's expressions (RE2, as they will be run)."""
    for value in item.value:
        if hasattr(value, "regexp"):
            yield from re2.compile(str(value.regexp)).groupindex


def _sigma(document: Document, mistakes: list[Mistake], *, found: bool) -> SigmaRule | None:
    """Have pySigma read the whole rule; its errors that were not located yet become mistakes."""
    sigma = SigmaRule.from_dict(document.value, collect_errors=True, policy=_POLICY)
    errors = [*sigma.errors, *_condition_errors(document.value.get("detection"))]
    for error in errors:
        path = next((path for kind, path in _SECTION_OF_ERROR if isinstance(error, kind)), ())
        if path or not found:
            mistakes.append(document.mistake(_reason(error), path))
    return None if errors else sigma


def _condition_errors(detection: object) -> Iterator[SigmaError]:
    """Parse the conditions over stand-ins, so that a wrong detection item does not hide them."""
    if not isinstance(detection, dict) or "condition" not in detection:
        return
    stand_ins = {name: {"field": 1} for name in detection if name != "condition"}
    try:
        detections = SigmaDetections.from_dict({**stand_ins, "condition": detection["condition"]})
        for condition in detections.parsed_condition:
            condition.parse()
    except SigmaError as error:
        yield error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _audit_mistakes(document: Document, audit: Audit, groups: tuple[str, ...]) -> Iterator[Mistake]:
    for name in audit.captures:
        if name not in groups:
            yield document.mistake(
                f"captures names {name!r}, but no expression has a group (?P<{name}>...)",
                ("audit", "captures", name),
            )
    known = {*groups, *audit.entity, "service"}
    yield from _template_mistakes(document, audit.title, ("audit", "title"), known)
    for key, text in audit.state.items():
        yield from _template_mistakes(document, text, ("audit", "state", key), known)


def _template_mistakes(
    document: Document, text: str, path: Path, known: set[str]
) -> Iterator[Mistake]:
    try:
        used = used_names(text, document.place(path))
    except TemplateError as error:
        yield from error.mistakes
        return
    for name in sorted(used - {_root(name) for name in known}):
        yield document.mistake(
            f"the template uses {name!r}, which is neither a named group nor in entity", path
        )


def _root(name: str) -> str:
    """First part of a dotted field: the name a template can use."""
    return name.split(".", 1)[0]


def _load_correlation(document: Document, mistakes: list[Mistake]) -> TemporalCorrelation | None:
    sigma = SigmaCorrelationRule.from_dict(document.value, collect_errors=True)
    mistakes += [document.mistake(_reason(error), ("correlation",)) for error in sigma.errors]
    if sigma.errors:
        return None
    if sigma.type is not SigmaCorrelationType.TEMPORAL:
        kind = document.value["correlation"].get("type")
        mistakes.append(
            document.mistake(
                f"correlation type {kind!r} is not supported; supported: temporal",
                ("correlation", "type"),
            )
        )
        return None
    if sigma.aliases.aliases:
        mistakes.append(document.mistake("aliases are not supported", ("correlation", "aliases")))
        return None
    return TemporalCorrelation(
        name=_name_of(document),
        title=sigma.title or _name_of(document),
        document=document,
        rules=tuple(reference.reference for reference in sigma.rules or ()),
        group_by=tuple(sigma.group_by or ()),
        timespan=sigma.timespan.seconds * SECOND,
    )


def _set_mistakes(
    rules: list[_RuleDraft], correlations: list[TemporalCorrelation]
) -> Iterator[Mistake]:
    """Mistakes that only the whole set shows: names used twice, names that lead nowhere."""
    drafts = {draft.name: draft for draft in rules}
    ids: dict[str, str] = {}
    seen: dict[str, str] = {}
    both: tuple[_RuleDraft | TemporalCorrelation, ...] = (*rules, *correlations)
    for item in both:
        if item.name in seen:
            message = f"the name {item.name!r} is taken by the rule at {seen[item.name]}"
            yield item.document.mistake(message, ("name",))
        seen.setdefault(item.name, item.document.place())
    for draft in rules:
        identifier = str(draft.sigma.id or "")
        if identifier and identifier in ids:
            message = f"the id {identifier} is taken by the rule at {ids[identifier]}"
            yield draft.document.mistake(message, ("id",))
        ids.setdefault(identifier, draft.document.place(("id",)))
        yield from _edge_mistakes(draft, drafts)
    for correlation in correlations:
        for name in correlation.rules:
            if name not in drafts:
                message = f"the correlation names {name!r}, but no rule has this name"
                yield correlation.document.mistake(message, ("correlation", "rules"))


def _edge_mistakes(draft: _RuleDraft, drafts: dict[str, _RuleDraft]) -> Iterator[Mistake]:
    for index, edge in enumerate(draft.audit.caused_by):
        path = ("audit", "caused_by", index, "rule")
        if edge.rule not in drafts:
            yield draft.document.mistake(
                f"caused_by names {edge.rule!r}, but no rule has this name", path
            )
        elif drafts[edge.rule].audit.context:
            yield draft.document.mistake(
                f"caused_by names {edge.rule!r}, which only gives context and explains nothing",
                path,
            )


def _fields_of_correlations(
    rules: list[_RuleDraft], correlations: list[TemporalCorrelation]
) -> dict[str, set[str]]:
    """Fields that others look at in a rule's detections: by group-by, and by edges towards it."""
    wanted: dict[str, set[str]] = {}
    for correlation in correlations:
        for name in correlation.rules:
            wanted.setdefault(name, set()).update(correlation.group_by)
    for draft in rules:
        for edge in draft.audit.caused_by:
            wanted.setdefault(edge.rule, set()).update(edge.same)
    return wanted


def _name_of(document: Document) -> str:
    """Return the rule's `name`, else its id, else its title."""
    value: dict[str, Any] = document.value
    return str(value.get("name") or value.get("id") or value.get("title"))
