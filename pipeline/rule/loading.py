"""Rule files to a rule set: each document read and checked by itself, then the set as a whole."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipeline.audit import Audit
from pipeline.errors import ConfigurationError, RuleError
from pipeline.rule.chaining import fields_asked_for, resolved, silent
from pipeline.rule.checks import audit_mistakes, set_mistakes
from pipeline.rule.correlations import load_correlation
from pipeline.rule.expressions import Policy
from pipeline.rule.filters import apply_filters, filter_mistakes
from pipeline.rule.model import Correlation, Draft, Filter, RuleSet
from pipeline.rule.reading import encoding_mistakes, read_filter, read_rule
from pipeline.validating import validation_mistakes
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.errors import Mistake
    from pipeline.yamltext import Document

    Loaded = Draft | Correlation | Filter


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
    correlations = [item for item in loaded if isinstance(item, Correlation)]
    filters = [item for item in loaded if isinstance(item, Filter)]
    mistakes += set_mistakes(drafts, correlations, filters)
    mistakes += apply_filters(filters, drafts)
    chained = resolved(drafts, correlations, mistakes)
    if mistakes:
        raise RuleError(sorted(set(mistakes)))
    wanted = fields_asked_for(drafts, chained)
    return RuleSet(
        {draft.name: draft.finish(wanted.get(draft.name, set())) for draft in drafts},
        tuple(item.finish(wanted.get(item.name, set())) for item in chained),
        _digest(texts, placeholders),
        silent(drafts, chained),
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
        loaded = load_correlation(document, _audit(document, mistakes), mistakes)
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
        mistakes += validation_mistakes(error, document, Audit, ("audit",))
        return None
