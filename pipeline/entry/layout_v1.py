"""The layout of the Logging API v1, and the lines that an App Engine request log carries.

`google.appengine.logging.v1.RequestLog` names the fields of a request and of its lines.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

Document = dict[str, Any]

_METADATA = frozenset({"timestamp", "severity", "serviceName"})
_APP_ENGINE = "appengine.googleapis.com"
_SHARED = ("logName", "resource", "labels", "trace")


def from_v1(record: Document) -> Document:
    """Turn the layout of the Logging API v1 (`metadata`, `log`, no `resource`) into that of v2."""
    metadata = record.get("metadata")
    if not isinstance(metadata, dict) or _METADATA.isdisjoint(metadata):
        return record
    rest = {k: v for k, v in record.items() if k not in {"metadata", "log", "structPayload"}}
    project = _project(metadata, record.get("protoPayload"))
    found = {
        "timestamp": metadata.get("timestamp"),
        "severity": metadata.get("severity"),
        "labels": metadata.get("labels"),
        "resource": _resource(metadata, project),
        "logName": _log_name(record.get("log"), project),
        "jsonPayload": record.get("structPayload"),
        "trace": _trace(record.get("protoPayload")),
    }
    return {**found, **{k: v for k, v in rest.items() if v is not None}}


def _project(metadata: Document, proto: Any) -> str:
    """Return the project: named, or the application id without the letter of its region."""
    app = proto.get("appId") if isinstance(proto, dict) else None
    return str(metadata.get("projectId") or str(app or "").rpartition("~")[2])


def _resource(metadata: Document, project: str) -> Document:
    own = metadata.get("labels")
    own = own if isinstance(own, dict) else {}
    service = str(metadata.get("serviceName") or "")
    labels = {name: own.get(f"{_APP_ENGINE}/{name}") for name in ("module_id", "version_id")}
    labels |= {"project_id": project, "zone": metadata.get("zone")}
    kind = "gae_app" if service == _APP_ENGINE else service
    return {"type": kind, "labels": {k: v for k, v in labels.items() if v}}


def _log_name(log: Any, project: str) -> str | None:
    if not isinstance(log, str):
        return None
    return f"projects/{project}/logs/{quote(log, safe='')}" if project else log


def _trace(proto: Any) -> str | None:
    trace = proto.get("traceId") if isinstance(proto, dict) else None
    return trace if isinstance(trace, str) else None


def split_lines(document: Document) -> tuple[Document, list[Document]]:
    """Take the application's lines out of an App Engine request log.

    Returns the entry of the request without them, and a document for each line, with the line's own
    severity and time and with what it shares with its request.
    """
    proto = document.get("protoPayload")
    lines = proto.get("line") if isinstance(proto, dict) else None
    if proto is None or not isinstance(lines, list):
        return document, []
    request = {**document, "protoPayload": {k: v for k, v in proto.items() if k != "line"}}
    shared = {k: v for k, v in document.items() if k in _SHARED}
    return request, [_line(line, shared) for line in lines]


def _line(line: Any, shared: Document) -> Document:
    if not isinstance(line, dict):
        return {**shared, "textPayload": str(line)}
    own = {
        "textPayload": str(line.get("logMessage") or ""),
        "severity": line.get("severity"),
        "timestamp": line.get("time"),
        "sourceLocation": line.get("sourceLocation"),
    }
    return {**shared, **{name: value for name, value in own.items() if value is not None}}
