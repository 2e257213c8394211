"""What the entries around a first failure establish.

Every text goes through redaction before anything is cut off it or read out of it: of half a secret,
or of a value without its name, nobody could tell what it is.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import re2

from pipeline.entry import Severity, format_timestamp
from pipeline.facts import Fact, entry_ref
from pipeline.investigators.nearby_logs.asking import AFTER, BEFORE, SECOND, Same, same_as

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipeline.entry import LogEntry
    from pipeline.investigators.nearby_logs.asking import Near
    from pipeline.ports import Case

    Redact = Callable[[str], str]

SHOWN_BEFORE, SHOWN_AFTER, SHOWN_SETTINGS = 10, 5, 12
CLOSE = 10
"""Seconds from the first failure that are close by."""

EXCERPT, _READ = 200, 2_000

_FINE = frozenset({Severity.DEBUG, Severity.INFO, Severity.NOTICE})
_SUCCESS, _FAILED = 200, 400
_SAME = {
    Same.INSTANCE: "same instance",
    Same.TRACE: "same trace",
    Same.REVISION: "same revision; the instance is not known",
}

_SIGNS = {
    "request": "the last request that was answered well",
    "start": "the last sign of a start that succeeded",
    "entry": "the last entry below WARNING",
}

# NAME=value, as environment variables are written.
_VARIABLE = re2.compile(
    r"""(?:^|[\s,;({\[])([A-Z][A-Z0-9]*_[A-Z0-9_]+|[A-Z]{3,20})=("[^"]*"|'[^']*'|[^\s,;)}\]"']+)"""
)
# A line that says nothing but `name: value`, of a name that tells that something is set.
_LINE = re2.compile(r"^\W*([A-Za-z][A-Za-z0-9_ .-]{0,40}?)\s*[:=]\s*(\S+(?: \S+){0,3})\s*$")
_TELLING = re2.compile(
    r"(?i)\b(mode|environment|env|level|version|bypass\w*|validation|enabled|disabled|debug|region"
    r"|strategy|timeout|pool|workers?|config\w*|settings?|features?|flags?|profile|port|host)\b"
)
_STARTED = re2.compile(
    r"(?i)probe succeeded|start-?up complete|started server process|listening (?:on|at)"
    r"|ready to (?:accept|serve)|server (?:is )?(?:running|started)|running on http"
)


def facts_of(case: Case, near: Near, redact: Redact) -> Iterator[Fact]:
    """Yield what stands around the first failure of an incident."""
    yield from _neighbours(near, redact)
    yield from _healthy(near, redact)
    yield from _settings(case, near, redact)
    if near.complete and near.anchor.instance and not near.before:
        yield _nothing_before(near)


def _neighbours(near: Near, redact: Redact) -> Iterator[Fact]:
    at = near.anchor.timestamp
    before = [one for one in near.before if one.timestamp >= at - BEFORE]
    after = [one for one in near.after if one.timestamp <= at + AFTER]
    for side, entries in (("before", before[-SHOWN_BEFORE:]), ("after", after[:SHOWN_AFTER])):
        for entry in entries:
            yield _neighbour(near, entry, side, redact)


def _neighbour(near: Near, entry: LogEntry, side: str, redact: Redact) -> Fact:
    same = same_as(near.anchor, entry) or Same.REVISION
    where = f"{_SAME[same]}{_elsewhere(near.anchor, entry)}"
    said = _said(entry, redact)
    data = {
        "side": side,
        "same": str(same),
        "same_trace": bool(near.anchor.trace) and entry.trace == near.anchor.trace,
        "other_instance": _is_other(near.anchor, entry),
        "error": entry.severity >= Severity.ERROR,
        "close": _seconds(near, entry) <= CLOSE,
        "seconds": round(_seconds(near, entry), 3),
        **_data(entry, said),
    }
    text = f"{_heading(entry)}, {_span(near, entry)} {side} the first failure ({where}): {said}"
    return Fact("nearby_entry", text, _ref(entry), data)


def _seconds(near: Near, entry: LogEntry) -> float:
    return abs(entry.timestamp - near.anchor.timestamp) / SECOND


def _span(near: Near, entry: LogEntry) -> str:
    return f"{_seconds(near, entry):.1f} s"


def _is_other(anchor: LogEntry, entry: LogEntry) -> bool:
    return bool(anchor.instance and entry.instance and entry.instance != anchor.instance)


def _elsewhere(anchor: LogEntry, entry: LogEntry) -> str:
    return ", another instance" if _is_other(anchor, entry) else ""


def _healthy(near: Near, redact: Redact) -> Iterator[Fact]:
    """Yield the last request that was answered, the last start that succeeded, else any sign."""
    own = [entry for entry in near.before if not _is_other(near.anchor, entry)]
    answered = [one for one in own if _is_answered(one)]
    started = [one for one in own if _is_started(one, redact)]
    fine = [] if answered or started else [one for one in own if _is_fine(one)]
    for sign, entries in (("request", answered), ("start", started), ("entry", fine)):
        if entries:
            yield _sign(near, entries[-1], sign, redact)


def _sign(near: Near, entry: LogEntry, sign: str, redact: Redact) -> Fact:
    said = _said(entry, redact)
    same = same_as(near.anchor, entry) or Same.REVISION
    text = f"{_span(near, entry)} before the first failure ({_SAME[same]}), {_SIGNS[sign]}: {said}"
    data = {"sign": sign, "same": str(same), **_data(entry, said)}
    return Fact("last_healthy", text, _ref(entry), {**data, "happened_at": data["at"]})


def _is_answered(entry: LogEntry) -> bool:
    status = _status(entry)
    return status is not None and _SUCCESS <= status < _FAILED


def _is_started(entry: LogEntry, redact: Redact) -> bool:
    fine = entry.severity < Severity.WARNING
    return fine and bool(_STARTED.search(redact(entry.message)[:_READ]))


def _is_fine(entry: LogEntry) -> bool:
    return entry.severity in _FINE and not (_status(entry) or 0) >= _FAILED


def _settings(case: Case, near: Near, redact: Redact) -> Iterator[Fact]:
    """Yield what the instance said at its start to be set, unless a rule's state lines tell it."""
    everything = (*case.incident.symptoms, *case.incident.context)
    lines = [line for symptom in everything for line in symptom.state_lines]
    told = "\n".join(f"{label}\n{text}" for label, text in lines).casefold()
    found: dict[str, Fact] = {}
    for entry in near.start:
        for name, value in _set_in(redact(entry.message)[:_READ]):
            if name.casefold() not in told:
                found.setdefault(name.casefold(), _setting(near, entry, name, value))
    yield from islice(found.values(), SHOWN_SETTINGS)


def _setting(near: Near, entry: LogEntry, name: str, value: str) -> Fact:
    of = "instance" if near.anchor.instance else "revision"
    text = (
        f"{name} is {value}, says an entry of {format_timestamp(entry.timestamp)}, "
        f"among the first ones of the {of} in {near.source}"
    )
    data = {
        "name": name,
        "setting": name,
        "value": value,
        "at": format_timestamp(entry.timestamp),
    }
    return Fact("logged_setting", text, _ref(entry), data)


def _set_in(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        variables = _pairs(_VARIABLE.finditer(line))
        yield from variables
        whole = None if variables else _LINE.match(line)
        if whole and _TELLING.search(whole[1]):
            yield whole[1].strip(), whole[2].strip("\"'")


def _pairs(matches: Iterable[Any]) -> list[tuple[str, str]]:
    return [(match[1], match[2].strip("\"'")[:EXCERPT]) for match in matches]


def _nothing_before(near: Near) -> Fact:
    anchor = near.anchor
    text = f"{near.source} holds no entry of that instance or trace before the first failure"
    data = {"service": anchor.service, "at": format_timestamp(anchor.timestamp)}
    return Fact("nothing_logged_before", text, _ref(anchor), data)


def _heading(entry: LogEntry) -> str:
    return f"{format_timestamp(entry.timestamp)} {entry.severity.name} {entry.service}".rstrip()


def _data(entry: LogEntry, said: str) -> dict[str, Any]:
    return {
        "at": format_timestamp(entry.timestamp),
        "severity": entry.severity.name,
        "service": entry.service,
        "text": said,
        "insert_id": entry.insert_id,
    }


def _said(entry: LogEntry, redact: Redact) -> str:
    """Return what an entry says, redacted, on one line; of a request log, how it was answered."""
    line = " ".join(redact(entry.message or _request(entry)).split()) or "(an entry without words)"
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 1]}…"


def _request(entry: LogEntry) -> str:
    request = entry.document.get("httpRequest")
    if not isinstance(request, dict):
        return ""
    named = (request.get(name) for name in ("requestMethod", "requestUrl"))
    called = " ".join(text for text in named if isinstance(text, str))
    return f"{called} answered {_status(entry) or 'nothing'}".strip()


def _status(entry: LogEntry) -> int | None:
    request = entry.document.get("httpRequest")
    status = cast("dict[str, Any]", request).get("status") if isinstance(request, dict) else None
    return status if isinstance(status, int) and not isinstance(status, bool) else None


def _ref(entry: LogEntry) -> str:
    return entry_ref(entry.log_name, entry.insert_id)
