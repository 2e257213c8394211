"""Rule files to a rule set: each document read and checked by itself, then the set as a whole."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipeline.audit import SECOND, Audit
from pipeline.errors import ConfigurationError, RuleError
from pipeline.rule.checks import audit_mistakes, correlation_mistakes, set_mistakes
from pipeline.rule.expressions import Policy
from pipeline.rule.filters import apply_filters, filter_mistakes
from pipeline.rule.model import Draft, Filter, RuleSet, TemporalCorrelation, name_of
from pipeline.rule.reading import encoding_mistakes, read_correlation, read_filter, read_rule
from pipeline.yamltext import parse, validation_mistakes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.errors import Mistake
    from pipeline.yamltext import Document

    Loaded = Draft | TemporalCorrelation | Filter

SUPPORTED = "temporal"
"""The only type of Sigma correlation that there is so far."""


def load_ruleset(
    files: Iterable[tuple[str, str]],
    placeholders: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> RuleSet:
    """Read rule files, given as (name to show, text), into a rule set.

    `placeholders` says what `%name%` stands for where a rule says `|expand`: any of some texts,
    which may hold wildcards.

    Raises:
        RuleError: every mistake of every file, with file and line.

    """
    texts = sorted(files)
    mistakes: list[Mistake] = []
    policy = Policy(placeholders=placeholders)
    loaded = [_load(document, policy, mistakes) for document in _documents(texts, mistakes)]
    drafts = [item for item in loaded if isinstance(item, Draft)]
    correlations = [item for item in loaded if isinstance(item, TemporalCorrelation)]
    filters = [item for item in loaded if isinstance(item, Filter)]
    mistakes += set_mistakes(drafts, correlations, filters)
    mistakes += apply_filters(filters, drafts)
    if mistakes:
        raise RuleError(sorted(set(mistakes)))
    by_name = tuple(_by_name(correlation, drafts) for correlation in correlations)
    wanted = _fields_asked_for(drafts, by_name)
    return RuleSet(
        {draft.name: draft.finish(wanted.get(draft.name, set())) for draft in drafts},
        by_name,
        _digest(texts, placeholders),
    )


def _digest(texts: Sequence[tuple[str, str]], placeholders: Mapping[str, Sequence[str]]) -> str:
    filled = sorted((name, list(values)) for name, values in placeholders.items())
    content = repr(texts) + (repr(filled) if filled else "")
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _documents(texts: Sequence[tuple[str, str]], mistakes: list[Mistake]) -> list[Document]:
    documents: list[Document] = []
    for name, text in texts:
        try:
            documents += parse(text, name)
        except ConfigurationError as error:
            mistakes += error.mistakes
    return documents


def _load(document: Document, policy: Policy, mistakes: list[Mistake]) -> Loaded | None:
    if not isinstance(document.value, dict):
        mistakes.append(document.mistake("a rule file holds a mapping, one Sigma rule"))
        return None
    if unreadable := list(encoding_mistakes(document)):
        mistakes += unreadable
        return None
    before = len(mistakes)
    loaded: Loaded | None
    if "correlation" in document.value:
        loaded = _load_correlation(document, mistakes)
    elif "filter" in document.value and "detection" not in document.value:
        loaded = _load_filter(document, policy, mistakes)
    else:
        loaded = _load_rule(document, policy, mistakes)
    return loaded if len(mistakes) == before else None


def _load_rule(document: Document, policy: Policy, mistakes: list[Mistake]) -> Draft | None:
    audit = _audit(document, mistakes)
    sigma, groups = read_rule(document, policy, mistakes)
    if audit is not None:
        mistakes += audit_mistakes(document, audit, groups)
    if audit is None or sigma is None or groups is None:
        return None
    return Draft(document, sigma, audit, groups)


def _load_filter(document: Document, policy: Policy, mistakes: list[Mistake]) -> Filter | None:
    sigma = read_filter(document, policy, mistakes)
    if sigma is None:
        return None
    loaded = Filter(document, sigma)
    mistakes += filter_mistakes(loaded)
    return loaded


def _audit(document: Document, mistakes: list[Mistake]) -> Audit | None:
    block: Any = document.value.get("audit")
    if not isinstance(block, dict | None):
        mistakes.append(document.mistake(f"audit is a mapping, not {block!r:.80}", ("audit",)))
        return None
    try:
        return Audit.model_validate(block or {})
    except ValidationError as error:
        mistakes += validation_mistakes(error, document, ("audit",))
        return None


def _load_correlation(document: Document, mistakes: list[Mistake]) -> TemporalCorrelation | None:
    block = document.value["correlation"]
    if not isinstance(block, dict):
        mistakes.append(document.mistake("correlation is a mapping", ("correlation",)))
        return None
    kind = block.get("type")
    if str(kind).lower() != SUPPORTED:
        message = f"correlation type {kind!r:.80} is not supported; supported: {SUPPORTED}"
        mistakes.append(document.mistake(message, ("correlation", "type")))
        return None
    mistakes += correlation_mistakes(document)
    sigma = read_correlation(document, mistakes)
    if sigma is None:
        return None
    if not sigma.rules:
        mistakes.append(document.mistake("the correlation names no rules", ("correlation",)))
    return TemporalCorrelation(
        name=name_of(document),
        title=sigma.title,
        document=document,
        rules=tuple(reference.reference for reference in sigma.rules or ()),
        group_by=tuple(sigma.group_by or ()),
        timespan=sigma.timespan.seconds * SECOND,
    )


def _by_name(correlation: TemporalCorrelation, drafts: Sequence[Draft]) -> TemporalCorrelation:
    """Sigma lets a correlation refer to rules by name or id; from here on it is the name."""
    names = {key: draft.name for draft in drafts for key in (draft.id, draft.name)}
    return replace(
        correlation, rules=tuple(dict.fromkeys(map(names.__getitem__, correlation.rules)))
    )


def _fields_asked_for(
    drafts: Sequence[Draft], correlations: Sequence[TemporalCorrelation]
) -> dict[str, set[str]]:
    """Fields that others look at in a rule's detections: by group-by, and by edges towards it."""
    wanted: dict[str, set[str]] = {}
    for correlation in correlations:
        for name in correlation.rules:
            wanted.setdefault(name, set()).update(correlation.group_by)
    for draft in drafts:
        for edge in draft.audit.caused_by:
            wanted.setdefault(edge.rule, set()).update(edge.same)
    return wanted
