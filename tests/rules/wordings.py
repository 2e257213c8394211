"""The wordings of a rule, each taken out of a copy of it: what the copy sees differently.

A wording is a value of a list of the rule's detection, or one of the alternatives in an expression
(`Connection (?:refused|reset)` has two). A copy without it has in its place what no entry says.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.rule import load_ruleset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.rule import Rule

NOTHING = "\u2042 said by nobody \u2042"
NEVER = r"[^\x{0}-\x{10FFFF}]"
NO_NUMBER = -987_654_321
"""What no entry says, as a text, an expression and a number."""

_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\(\?[^:)>]*[:>]?|[()|]", re.DOTALL
)
_GROUP = re.compile(r"\(\?[^:)>]*[:>]?")
_MAY_LACK = re.compile(r"[?*]|\{0?,")
_WORD = re.compile(r"(?<!\\)[A-Za-z]{3}")
_PHRASE = re.compile(r"[A-Za-z](?: |\\s)[A-Za-z]{2}")
_LETTER = re.compile(r"(?<!\\)[A-Za-z]")
_AROUND = re.compile(r"(?:\(\?[^:)>]*[:>)]|[\^$)(]|\\b|\\A|\\z)*")


@dataclass(frozen=True)
class Wording:
    """One wording of what a rule asks of a field, and the copy of the rule that lacks it."""

    field: str
    text: str
    rule: Rule


@dataclass
class _Group:
    """The alternatives of a group in an expression: where each begins and ends."""

    begins: list[int]
    ends: list[int]
    parent: _Group | None = None
    lacking: bool = False

    @property
    def may_lack(self) -> bool:
        """Whether an expression matches without the group, or one around it."""
        return self.lacking or (self.parent is not None and self.parent.may_lack)


def wordings_of(document: dict[str, Any], *, names: bool = False) -> Iterator[Wording]:
    """Yield the wordings of a rule, given as what its file holds.

    With `names` every alternative that has a letter is one, in whatever group: a name among others.
    """
    detection = document["detection"]
    for name, part in detection.items():
        if name != "condition":
            for field, text, changed in _changes(part, "", names=names):
                copy = _copy(document, {**detection, name: changed})
                yield Wording(field.partition("|")[0], f"{name}: {field}: {text}", copy)


def plain(document: dict[str, Any]) -> Rule:
    """Return the rule as it is, without what other rules have to do with it."""
    return _copy(document, document["detection"])


def _copy(document: dict[str, Any], detection: dict[str, Any]) -> Rule:
    bare = {key: document[key] for key in ("title", "id", "name", "logsource", "level")}
    text = json.dumps({**bare, "detection": detection})
    return load_ruleset([(document["name"], text)]).rules[document["name"]]


def _changes(part: Any, field: str, *, names: bool) -> Iterator[tuple[str, str, Any]]:
    """Yield each wording in a part of a detection: its field, itself, and the part without it."""
    if isinstance(part, dict):
        for key, value in part.items():
            for found, text, changed in _changes(value, key, names=names):
                yield found, text, {**part, key: changed}
    elif isinstance(part, list):
        for index, value in enumerate(part):
            for found, text, changed in _changes(value, field, names=names):
                yield found, text, [*part[:index], changed, *part[index + 1 :]]
    else:
        for text, changed in _without(part, field, names=names):
            yield field, text, changed


def _without(value: Any, field: str, *, names: bool) -> Iterator[tuple[str, Any]]:
    """Yield each wording in a value, and what stands in its place where it is taken out."""
    if isinstance(value, str) and "|re" in field:
        yield value, NEVER
        for alternative, rest in alternatives(value, names=names):
            yield f"{alternative} of {value}", rest
    elif isinstance(value, str):
        yield value, NOTHING
    elif type(value) is int and "|" not in field:
        yield str(value), NO_NUMBER


def alternatives(expression: str, *, names: bool = False) -> Iterator[tuple[str, str]]:
    """Yield each wording among the alternatives of an expression, and the expression without it.

    A wording is a whole one that has a word, or a part that has two, with `names` one letter.
    What stands in a group that may be missing is none: without it the expression matches as well.
    """
    for group in _groups(expression):
        if len(group.begins) == 1 or group.may_lack:
            continue
        outside = expression[: group.begins[0]], expression[group.ends[-1] :]
        part = _LETTER if names else _PHRASE
        wanted = _WORD if not names and all(map(_AROUND.fullmatch, outside)) else part
        for begin, end in zip(group.begins, group.ends, strict=True):
            alternative = expression[begin:end]
            if wanted.search(_GROUP.sub("", alternative)):
                first = begin == group.begins[0]
                cut = (begin, end + 1) if first else (begin - 1, end)
                yield alternative, expression[: cut[0]] + expression[cut[1] :]


def _groups(expression: str) -> list[_Group]:
    """Return the groups of an expression, itself first."""
    open_now = [_Group([0], [])]
    found = open_now[:]
    for token in _TOKEN.finditer(expression):
        text = token[0]
        if text.startswith("(") and not text.endswith(")"):
            group = _Group([token.end()], [], open_now[-1])
            open_now.append(group)
            found.append(group)
        elif text == "|":
            open_now[-1].ends.append(token.start())
            open_now[-1].begins.append(token.end())
        elif text == ")":
            group = open_now.pop()
            group.ends.append(token.start())
            group.lacking = _MAY_LACK.match(expression, token.end()) is not None
    open_now[0].ends.append(len(expression))
    return found
