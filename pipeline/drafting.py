"""From an entry that no rule knows to a draft of its rule and of the rule's test, as YAML.

A draft is valid as it stands: it loads, and its rule matches its fixture. What a person has to
decide says TODO. The expression is made from the beginning of what was said: what varies becomes a
bounded class of characters, the rest stays as it is; if that does not find its own text again, the
text itself is taken. RE2 runs it, so that it is linear-time whatever the text was.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import re2
import yaml

from pipeline.entry.decoding import clean_text
from pipeline.entry.message import message_of
from pipeline.exceptions import parse_exception
from pipeline.fingerprint import pattern, template
from pipeline.markdown import visible
from pipeline.redaction.expressions import PLACEHOLDER

if TYPE_CHECKING:
    from pipeline.detection import Sample

LENGTH: Final = 160
"""Characters of a message that an expression is made of."""
PARAMETERS: Final = 10
"""Parameters that an expression has at most, so that none is too large for RE2."""
NAME_WORDS: Final = 4
NAME_LIMIT: Final = 64
TITLE_LIMIT: Final = 120
WIDTH: Final = 120
FIXTURE_LIMIT: Final = 2_000
"""Characters of the sample that the fixture holds."""

_NAMESPACE: Final = uuid.UUID("6d0f7a52-5f3b-4c7e-8f62-0f8a8c1c6b1e")
_TODO: Final = "TODO: say what it means when this is logged, and for whom."


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule and its test: `name` is that of the rule and the beginning of both files' names."""

    name: str
    rule: str
    test: str


@lru_cache(maxsize=256)  # an incident that goes on is told again and again; the YAML takes long
def draft(sample: Sample, service: str, name: str = "") -> Draft:
    """Return the draft of a rule that knows what a sample (redacted) shows.

    `service` is where it was logged, `name` that of the rule, if one was chosen.
    """
    text = clean_text(sample.text)[:FIXTURE_LIMIT].replace("\0", "")
    message = message_of({"textPayload": text})
    name = name or _name(message)
    detection = _detection(message, sample.severity)
    rule = {
        "title": _line(pattern(message)) or "TODO: say in a few words what happened",
        "id": str(uuid.uuid5(_NAMESPACE, f"{name} {message}")),
        "name": name,
        "status": "experimental",
        "description": _TODO,
        "logsource": {"product": "gcp", "service": "cloud_run"},
        "detection": {"reported": detection, "condition": "reported"},
        "level": _level(sample.severity),
        "audit": {"signature": name.replace("_", "-"), "entity": ["service"]},
    }
    fixture = {
        "severity": sample.severity,
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": clean_text(service)}},
        "textPayload": text,
    }
    case = {"name": "as it was logged, redacted", "entry": fixture}
    return Draft(name, _yaml(rule), _yaml({"matches": [case]}))


def _detection(message: str, severity: str) -> dict[str, str]:
    """Return what to look for: the exception by its type, and what was said about it."""
    found = parse_exception(message)
    if found is None or not found.frames or not _PLAIN.fullmatch(found.type):
        return _said(message, message) or {"severity": severity}
    return {"exception.type": found.type, **_said(found.message, message)}


def _said(text: str, message: str) -> dict[str, str]:
    """Return what finds the first line of a text in the message; nothing, where it says nothing."""
    line = next((line for line in text.splitlines() if line.strip()), "")[: 4 * LENGTH]
    for expression in (_generalised(line), _escaped(line[:LENGTH].strip())):
        if expression and re2.search(expression, message):
            return {"message|re": expression}
    return {}


def _generalised(line: str) -> str:
    """Return the expression of a line's template, or of its beginning."""
    parts = _PARAMETER.split(template(line).replace(PLACEHOLDER, _HIDDEN))[: 2 * PARAMETERS + 1]
    made, room = list[str](), LENGTH
    for index, part in enumerate(parts):
        made.append(_CLASSES[part] if index % 2 else _escaped(part[:room]))
        room -= len(part)
        if room <= 0:
            break
    return "".join(made)


def _escaped(text: str) -> str:
    """Escape literal text, in which any white space stands for any other."""
    return r"\s+".join(re2.escape(word) for word in re.split(r"\s+", text))


def _level(severity: str) -> str:
    return _LEVELS.get(severity, "medium")


def _name(message: str) -> str:
    """Name a rule after the first words that do not vary."""
    found = parse_exception(message)
    said = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", found.type) if found and found.type else ""
    words = re.findall(r"[a-z]+", (said or _PARAMETER.sub(" ", template(message[:LENGTH]))).lower())
    return "_".join(["drafted", *words[:NAME_WORDS]])[:NAME_LIMIT].rstrip("_")


def _line(text: str) -> str:
    return " ".join(visible(text).split())[:TITLE_LIMIT]


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=WIDTH)


_LEVELS: Final = {
    "WARNING": "low",
    "ERROR": "medium",
    "CRITICAL": "high",
    "ALERT": "critical",
    "EMERGENCY": "critical",
}
_HIDDEN: Final = "<hidden>"
_CLASSES: Final = {
    "<str>": r"""["'`][^\n]{0,200}["'`]""",
    "<url>": r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s]{1,300}",
    "<email>": r"[^\s@]{1,100}@[^\s@]{1,100}",
    "<date>": r"[0-9A-Z][^\n]{5,40}",
    "<path>": r"[^\s]{1,300}",
    "<uuid>": r"[0-9A-Fa-f-]{36}",
    "<ip>": r"[0-9A-Fa-f:.]{2,45}",
    "<time>": r"[0-9]{1,2}:[0-9:.,]{4,20}",
    "-<revision>": r"-[0-9]{5}-[a-z]{3}",
    "<hex>": r"(?:0x)?[0-9A-Fa-f]{1,128}",
    "<duration>": r"[0-9][0-9a-zµ. ]{1,30}",
    "<size>": r"[0-9][0-9.]{0,20} ?[A-Za-z]{1,5}",
    "<num>": r"(?:[0-9A-Fa-f]{7,128}|[0-9][0-9., ]{0,40})",
    _HIDDEN: r"[^\n]{1,300}",
}
_PLAIN: Final = re.compile(r"[\w.$]+")
_PARAMETER: Final = re.compile("(" + "|".join(map(re.escape, _CLASSES)) + ")")
