"""What a field name of a rule means in an entry.

A named field first, then the dotted path in the entry, then the same path inside jsonPayload, then
what Sigma's taxonomies for Google Cloud mean by it; of these the first one that is there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from pipeline.entry import path_segments
from pipeline.fingerprint import parse_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.entry import LogEntry
    from pipeline.entry.lookup import Segment
    from pipeline.fingerprint import ExceptionInfo

    Values = tuple[object, ...]
    Getter = Callable[[LogEntry], Values]


def _text(name: str) -> Getter:
    """Return the getter of an attribute of the entry; an empty one is missing."""

    def get(entry: LogEntry) -> Values:
        value = getattr(entry, name)
        return (value,) if value else ()

    return get


def _severity(entry: LogEntry) -> Values:
    """Return the effective severity, by name and by the number the Logging API gives it."""
    return (entry.severity.name, entry.severity.value)


def _exception(name: str) -> Getter:
    def get(entry: LogEntry) -> Values:
        found = parse_exception(entry.message)
        return () if found is None else _EXCEPTION_PARTS[name](found)

    return get


_EXCEPTION_PARTS: Mapping[str, Callable[[ExceptionInfo], Values]] = {
    "type": lambda found: (found.type,),
    "message": lambda found: (found.message,),
    "module": lambda found: (found.module,) if found.module else (),
    "frames": lambda found: tuple(
        f"{frame.file}:{frame.line} in {frame.function}" for frame in found.frames
    ),
}


def _log_name(entry: LogEntry) -> Values:
    """Return the logName as it is and by its last part, the log's id, with either slash."""
    written = entry.lookup("logName")
    ids = [str(name).rpartition("/logs/")[2] for name in written]
    return tuple(dict.fromkeys((*written, *ids, *(name.replace("%2F", "/") for name in ids))))


_NAMED: Mapping[str, Getter] = {
    **{
        name: _text(name)
        for name in ("message", "service", "revision", "instance", "project", "trace")
    },
    "severity": _severity,
    **{f"exception.{name}": _exception(name) for name in _EXCEPTION_PARTS},
    # No AuditLog has a logName; published rules mean the entry's, by the id of the log.
    "data.protoPayload.logName": _log_name,
}

_GCP_AUDIT = "gcp.audit."
_AUDIT_LOG = "protoPayload."
_DATA = "data."
_SNAKE = re.compile(r"_([a-z0-9])")
# Published rules write the resource of the entry as if it stood in its AuditLog.
_ENTRY_RESOURCE = "protoPayload.resource."
# `product: gcp, service: google_workspace.admin`: an activity, which Cloud Logging wraps.
_WORKSPACE: Mapping[str, str] = {
    "eventService": "protoPayload.serviceName",
    "eventName": "protoPayload.metadata.event.eventName",
}


def paths_of(name: str) -> tuple[str, ...]:
    """Return the paths at which a field may stand, the one that counts most first."""
    own = name.removeprefix(_DATA)
    paths = [name, f"jsonPayload.{name}", own, f"jsonPayload.{own}"]
    for audited in _audit_paths(own):
        inside = audited.removeprefix(_AUDIT_LOG)
        paths += [audited, f"jsonPayload.{inside}", f"jsonPayload.{audited}"]
    if own.startswith(_ENTRY_RESOURCE):
        paths.append(own.removeprefix(_AUDIT_LOG))
    return tuple(dict.fromkeys(paths))


def _audit_paths(name: str) -> Iterator[str]:
    """Yield what a name means in an AuditLog, which stands under protoPayload.

    `gcp.audit.*` has the names of the AuditLog in snake case; within a request they stay as the
    service wrote them.
    """
    if name.startswith(_AUDIT_LOG):
        yield name
    elif name in _WORKSPACE:
        yield _WORKSPACE[name]
    elif name.startswith(_GCP_AUDIT):
        inside = name.removeprefix(_GCP_AUDIT)
        yield _AUDIT_LOG + _SNAKE.sub(lambda found: found[1].upper(), inside)
        yield _AUDIT_LOG + inside


def is_named(name: str) -> bool:
    """Say whether a field is one of ours, which may stand anywhere in an entry or be made."""
    return name in _NAMED


@lru_cache(maxsize=4096)
def field_getter(name: str) -> Getter:
    """Compile a field name of a rule to a function that returns all values an entry has for it."""
    if name in _NAMED:
        return _NAMED[name]
    paths = paths_of(name)

    def get(entry: LogEntry) -> Values:
        return next((found for path in paths if (found := entry.lookup(path))), ())

    return get


def presence(name: str) -> Callable[[LogEntry], bool]:
    """Compile a field name to whether an entry has the field at all, be it empty or null."""
    if name in _NAMED:
        get = _NAMED[name]
        return lambda entry: bool(get(entry))
    leaves = _leaves_of(name)
    return lambda entry: any(True for _ in leaves(entry))


def absence(name: str) -> Callable[[LogEntry], bool]:
    """Compile a field name to whether an entry lacks the field, or has null there."""
    get = field_getter(name)
    if name in _NAMED:
        return lambda entry: not get(entry)
    leaves = _leaves_of(name)
    return lambda entry: not get(entry) and all(leaf is None for leaf in leaves(entry))


@lru_cache(maxsize=4096)
def _leaves_of(name: str) -> Callable[[LogEntry], Iterator[object]]:
    paths = [path_segments(path) for path in paths_of(name)]
    return lambda entry: (leaf for path in paths for leaf in _leaves(entry.document, path))


def _leaves(node: object, path: tuple[Segment, ...]) -> Iterator[object]:
    """Yield what stands at a path, nulls and empty lists too; lists on the way are walked."""
    if not path:
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from _leaves(item, path)
    elif isinstance(node, dict):
        for key, after in _keys(path):
            if key in node:
                yield from _leaves(node[key], path[after:])


def _keys(path: tuple[Segment, ...]) -> Iterator[tuple[str, int]]:
    """Yield the keys that a path may begin with: unquoted segments may be one key with dots."""
    plain = next((at for at, segment in enumerate(path) if segment.quoted), len(path))
    for after in range(1, max(plain, 1) + 1):
        yield ".".join(segment.text for segment in path[:after]), after


def every_value(value: object) -> Iterator[object]:
    """Yield every scalar at any depth of an entry's document: what a keyword is searched in."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)
        elif current is not None:
            yield current
