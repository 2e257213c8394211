"""One text in the shapes in which Cloud Logging delivers what a program wrote.

A plain line on standard error has no severity on Cloud Run and ERROR on Kubernetes Engine. A line
of JSON becomes a jsonPayload; its `severity` becomes the entry's, its text stays under the key that
the program's logger gave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.entry import format_timestamp, parse_entry
from pipeline.ruletest import BASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.entry import LogEntry

    Shape = Callable[[str, Mapping[str, Any], str], dict[str, Any]]

_TEXTS = {"message", "msg", "severity", "level", "timestamp", "time"}
"""Keys of a payload that say nothing but the text, its level and its time."""
_PROJECT = "projects/shop"
_TRACEBACK = "Traceback (most recent call last)"


def read(entry: Mapping[str, Any]) -> LogEntry:
    """Read an entry as if it had been logged."""
    (found, *_) = parse_entry({"timestamp": format_timestamp(BASE), **entry})
    return found


def placed(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry that is some project's, as all are."""
    return entry if read(entry).project else {**entry, "logName": f"{_PROJECT}/logs/app"}


def _bare(entry: Mapping[str, Any], **payload: Any) -> dict[str, Any]:
    """Return an entry of the same time and place with another payload and no severity."""
    gone = {"textPayload", "jsonPayload", "severity", "insertId"}
    return {**{key: value for key, value in entry.items() if key not in gone}, **payload}


def _standard_error(text: str, entry: Mapping[str, Any], _: str) -> dict[str, Any]:
    return _bare(entry, textPayload=text)


def _message(text: str, entry: Mapping[str, Any], severity: str) -> dict[str, Any]:
    return _structured("message", text, entry, severity)


def _msg(text: str, entry: Mapping[str, Any], severity: str) -> dict[str, Any]:
    return _structured("msg", text, entry, severity)


def _escaped(text: str, entry: Mapping[str, Any], severity: str) -> dict[str, Any]:
    return _structured("message", text.replace("\n", "\\n"), entry, severity)


def _beside(text: str, entry: Mapping[str, Any], severity: str) -> dict[str, Any]:
    said, _, rest = text.partition(_TRACEBACK)
    whole = _structured("message", said.strip() or "it failed", entry, severity)
    return {**whole, "jsonPayload": {**whole["jsonPayload"], "exc_info": _TRACEBACK + rest}}


def _structured(key: str, text: str, entry: Mapping[str, Any], severity: str) -> dict[str, Any]:
    given = entry.get("jsonPayload") or {}
    kept = {name: value for name, value in given.items() if name not in _TEXTS}
    told = {"severity": severity} if severity else {}
    return _bare(entry, jsonPayload={key: text, **kept}, **told)


def _kubernetes(text: str, entry: Mapping[str, Any], _: str) -> dict[str, Any]:
    return _bare(
        entry,
        textPayload=text,
        severity="ERROR",
        logName=f"{_project(entry)}/logs/stderr",
        resource=_container(entry),
    )


def _kubernetes_structured(text: str, entry: Mapping[str, Any], severity: str) -> dict[str, Any]:
    whole = _message(text, entry, severity)
    return {**whole, "logName": f"{_project(entry)}/logs/stdout", "resource": _container(entry)}


def _project(entry: Mapping[str, Any]) -> str:
    return f"projects/{read(entry).project}" if read(entry).project else _PROJECT


def _container(entry: Mapping[str, Any]) -> dict[str, Any]:
    found = read(entry)
    labels = {"namespace_name": "shop", "pod_name": "shop-5d9c8b7f6d-x2x7q"}
    if found.service:
        labels["container_name"] = found.service
    if found.project:
        labels["project_id"] = found.project
    return {"type": "k8s_container", "labels": labels}


SHAPES: Mapping[str, Shape] = {
    "a line on standard error": _standard_error,
    "message of JSON": _message,
    "msg of JSON": _msg,
    "a traceback with escaped line ends": _escaped,
    "a traceback beside the message": _beside,
    "a line on standard error in Kubernetes": _kubernetes,
    "message of JSON in Kubernetes": _kubernetes_structured,
}
_PLAIN = {"a line on standard error", "a line on standard error in Kubernetes"}
_TRACED = {"a traceback with escaped line ends", "a traceback beside the message"}


def shapes_of(entry: Mapping[str, Any], severity: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the text of an entry in each shape it may come in; nothing if it is no program's.

    `severity` is that of the shapes that have one of their own.
    """
    payload = entry.get("jsonPayload")
    if entry.get("protoPayload") or entry.get("httpRequest"):
        return
    if not entry.get("textPayload") and not (payload and payload.keys() & {"message", "msg"}):
        return
    text = read(entry).message
    for name, shape in SHAPES.items():
        if name in _PLAIN and payload and not payload.keys() <= _TEXTS:
            continue  # a line has no room for the rest
        if name not in _TRACED or (_TRACEBACK in text and "\n" in text):
            yield name, shape(text, entry, severity)
