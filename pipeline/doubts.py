"""What is right in a rule and can hardly be meant: lint says so, and the rule runs all the same.

A field may stand in any place of a jsonPayload, so that no name is surely wrong. A name that is
none of ours, none of a LogEntry's and none that the rule looks at itself is most often misspelt,
and then silently left out of fingerprints and links.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import chain
from typing import TYPE_CHECKING, Any

from sigma.rule import SigmaDetection

from pipeline.audit import COMPONENT
from pipeline.entry.severity import Severity, severity_of
from pipeline.matching import is_named
from pipeline.rule.model import Rule, name_of
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sigma.rule import SigmaDetectionItem

    from pipeline.errors import Mistake
    from pipeline.rule import RuleSet
    from pipeline.yamltext import Document, Path

_ANYTHING: frozenset[str] = frozenset()
_ROOTS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            *("apphub", "apphubDestination", "apphubSource", "data", "errorGroups", "gcp"),
            *("insertId", "jsonPayload", "labels", "logName", "metadata", "operation", "otel"),
            *("protoPayload", "receiveTimestamp", "sourceLocation", "spanId", "split"),
            *("textPayload", "timestamp", "traceSampled"),
        ),
        _ANYTHING,
    ),
    "resource": frozenset({"type", "labels"}),
    "httpRequest": frozenset(
        {
            *("cacheFillBytes", "cacheHit", "cacheLookup", "cacheValidatedWithOriginServer"),
            *("latency", "protocol", "referer", "remoteIp", "requestMethod", "requestSize"),
            *("requestUrl", "responseSize", "serverIp", "status", "userAgent"),
        }
    ),
}
"""The keys of a LogEntry (and of Sigma's names for them), and what may stand below them.

https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry
"""

_SEVERITIES = [text for one in Severity for text in (one.name.casefold(), str(one.value))]
_MODIFIED: Mapping[str, Callable[[str, str], bool]] = {
    "": str.__eq__,
    "contains": str.__contains__,
    "endswith": str.endswith,
    "startswith": str.startswith,
}
"""Modifiers of a severity, and how one then satisfies a text."""


def doubts(ruleset: RuleSet, files: Iterable[tuple[str, str]]) -> list[Mistake]:
    """Return what can hardly be meant in rule files, given as (name to show, text), by place.

    `ruleset` is what they were loaded to.
    """
    found: list[Mistake] = []
    for document in chain.from_iterable(parse(text, name) for name, text in files):
        for section in ("detection", "filter"):
            found += _severities(document, document.value.get(section), (section,))
        rule = ruleset.rules.get(name_of(document))
        if rule is not None and "detection" in document.value:
            found += _names(document, rule, ruleset)
    return sorted(set(found))


# --- severities -----------------------------------------------------------------------------------


def _severities(document: Document, part: Any, path: Path) -> Iterator[Mistake]:
    """Yield the severities below a part of a document that no entry has."""
    if isinstance(part, list):
        for index, item in enumerate(part):
            yield from _severities(document, item, (*path, index))
    for key, value in part.items() if isinstance(part, dict) else ():
        inner = (*path, str(key))
        name, _, modifier = str(key).partition("|")
        if name == "severity" and modifier in _MODIFIED:
            for text in value if isinstance(value, list) else [value]:
                if not _is_severity(text, _MODIFIED[modifier]):
                    yield document.mistake(_no_severity(text), inner)
        else:
            yield from _severities(document, value, inner)


def _is_severity(value: Any, satisfies: Callable[[str, str], bool]) -> bool:
    if not isinstance(value, str | int) or set(str(value)) & set("*?\\%"):
        return True  # wildcards, and what is said of more than a word
    return any(satisfies(known, str(value).casefold()) for known in _SEVERITIES)


def _no_severity(value: str | int) -> str:
    meant = severity_of(value)
    hint = f"write {meant.name}" if meant else f"there are {', '.join(Severity.__members__)}"
    return f"no entry has the severity {value!r:.80}; {hint}"


# --- names of fields ------------------------------------------------------------------------------


def _names(document: Document, rule: Rule, ruleset: RuleSet) -> Iterator[Mistake]:
    """Yield the names in an audit block that hardly any entry has."""
    audit, block = rule.audit, ("audit",)
    yield from _unknown(document, (*block, "entity"), audit.entity, [rule])
    if audit.context:
        yield from _unknown(document, (*block, "context", "same"), audit.context.same, [rule])
    for index, edge in enumerate(audit.caused_by):
        place: Path = (*block, "caused_by", index)
        causes = [ruleset.rules[name] for name in edge.rule if name in ruleset.rules]
        same = [name for name in edge.same if name != COMPONENT]
        yield from _unknown(document, (*place, "same"), same, [rule, *causes])
        named = [edge.named] if edge.named else []
        yield from _unknown(document, (*place, "named"), named, [rule])


def _unknown(
    document: Document, path: Path, names: Iterable[str], rules: list[Rule]
) -> Iterator[Mistake]:
    """Yield the names that one of some rules has nothing for."""
    for index, name in enumerate(names):
        for rule in rules:
            own = {*rule.groups, *_fields(rule)}
            if name not in own and not _is_of_entries(name):
                message = f"{path[-1]} names {name!r:.80}, which is no field of a LogEntry and no "
                message += f"group of {rule.name}; {_hint(name, own)}"
                yield document.mistake(message, (*path, index))


def _hint(name: str, own: set[str]) -> str:
    near = get_close_matches(name, sorted({*own, "service", "revision", "instance"}), 1)
    return f"is it {near[0]!r}?" if near else f"in a payload it is 'jsonPayload.{name:.80}'"


def _is_of_entries(name: str) -> bool:
    root, _, rest = name.partition(".")
    if is_named(name) or root not in _ROOTS:
        return is_named(name)
    below = _ROOTS[root]
    return not (rest and below) or rest.partition(".")[0] in below


def _fields(rule: Rule) -> Iterator[str]:
    """Yield the fields that a rule looks at."""
    parts: list[SigmaDetection | SigmaDetectionItem] = [*rule.sigma.detection.detections.values()]
    while parts:
        part = parts.pop()
        if isinstance(part, SigmaDetection):
            parts += part.detection_items
        elif part.field:
            yield part.field
