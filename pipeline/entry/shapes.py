"""The shapes that one LogEntry comes in, each turned into the shape of the Logging API v2.

Field names and types: google/logging/v2/log_entry.proto and google/logging/type/http_request.proto
with the JSON mapping of proto3. Nothing here fails: what has a type that nobody foresaw stays as it
is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from pipeline.entry.decoding import decode_json
from pipeline.entry.layout_v1 import from_v1
from pipeline.entry.severity import Severity
from pipeline.entry.timestamps import (
    format_timestamp,
    is_timestamp,
    time_of_content,
    time_of_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Document = dict[str, Any]

_FIELDS: Mapping[str, type[Any]] = {
    **dict.fromkeys(
        ("insertId", "logName", "receiveTimestamp", "severity", "spanId", "textPayload",
         "timestamp", "trace"),
        str,
    ),
    **dict.fromkeys(
        ("apphub", "apphubDestination", "apphubSource", "httpRequest", "jsonPayload", "labels",
         "operation", "otel", "protoPayload", "resource", "sourceLocation", "split"),
        dict,
    ),
    "errorGroups": list,
    "traceSampled": bool,
}  # fmt: skip
_HTTP_FIELDS: Mapping[str, type[Any]] = {
    **dict.fromkeys(
        ("cacheFillBytes", "latency", "protocol", "referer", "remoteIp", "requestMethod",
         "requestSize", "requestUrl", "responseSize", "serverIp", "userAgent"),
        str,
    ),
    **dict.fromkeys(("cacheHit", "cacheLookup", "cacheValidatedWithOriginServer"), bool),
    "status": int,
}  # fmt: skip
_HTTP_SYNONYMS = {"method": "requestMethod", "url": "requestUrl"}

# The columns of a BigQuery export are named after the payload's type: protopayload_auditlog.
_BIGQUERY = {"protopayload": "protoPayload", "jsonpayload": "jsonPayload"}

_MARKS: Mapping[str, type | tuple[type, ...]] = {
    "insertId": (str, int),
    "logName": str,
    "textPayload": object,
    "jsonPayload": (dict, str),
    "protoPayload": (dict, str),
    "httpRequest": dict,
}
_NOTHING: Mapping[str, Any] = {}
_NOT_IN_JSON = frozenset(("@type", "at_type", "methodName"))
_NOT_IN_PROTO = frozenset(("at_type", "line"))

MARKS = ", ".join(_MARKS)
"""An entry has one of these fields, or else a timestamp together with a severity or resource."""


def is_canonical(record: object) -> TypeGuard[Document]:
    """Say whether a record is canonical as it stands; most are, and stay as they are."""
    return (
        type(record) is dict
        and _fits(record, _FIELDS)
        and "timestamp" in record
        and ("insertId" in record or "logName" in record)
        and type(record.get("resource", _NOTHING).get("labels", _NOTHING)) is dict
        and ("httpRequest" not in record or _fits(record["httpRequest"], _HTTP_FIELDS))
        and ("jsonPayload" not in record or _NOT_IN_JSON.isdisjoint(record["jsonPayload"]))
        and ("protoPayload" not in record or _NOT_IN_PROTO.isdisjoint(record["protoPayload"]))
        and type(record.get("sourceLocation", _NOTHING).get("line", "")) is str
    )


def _fits(values: Document, types: Mapping[str, type[Any]]) -> bool:
    """Say whether all names are known and all values of their type; every entry comes by here."""
    try:
        for name, value in values.items():
            if types[name] is not type(value):
                return False
    except KeyError:
        return False
    return True


def is_entry_field(name: str) -> bool:
    """Say whether a column or key of this name, in any spelling, is a field of a LogEntry."""
    return _canonical_name(name) in _FIELDS


def is_entry(record: Document) -> bool:
    """Say whether a record, in any of the shapes of this module, has the marks of an entry."""
    document = _renamed(record, _canonical_name)
    if any(
        isinstance(document.get(name), kind) for name, kind in _MARKS.items() if name in document
    ):
        return True
    return "timestamp" in document and ("severity" in document or "resource" in document)


def canonical(record: Document, received: int | None) -> Document:
    """Return the canonical document of a record that `is_entry`.

    `received` (nanoseconds UTC) is the time to fall back on when the entry has none itself.
    """
    document = _renamed(from_v1(record), _canonical_name)
    for name, fix in _FIXES.items():
        if name in document:
            document[name] = fix(document[name])
    _move_payloads(document)
    _settle_time(document, received)
    return document


def spellings(name: str) -> tuple[str, ...]:
    """Return how people and programs spell a field: insertId, insertid, insert_id and others."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    pascal = name[0].upper() + name[1:]
    return (name, pascal, name.lower(), name.upper(), snake, snake.upper())


def _canonical_name(key: str) -> str:
    return _NAMES.get(key) or _BIGQUERY.get(key.partition("_")[0], key)


def _renamed(record: Document, name_of: Callable[[str], str]) -> Document:
    """Rename the keys and drop nulls; of two spellings of one key the canonical one wins.

    The loser keeps its own name: nobody looks for it there, and nothing is lost.
    """
    present = {key: value for key, value in record.items() if value is not None}
    renamed: Document = {}
    for key, value in present.items():
        name = name_of(key)
        taken = name in renamed or (name in present and name != key)
        renamed[key if taken else name] = value
    return renamed


def _fix_object(value: Any) -> Any:
    """Return the object that a text holds as JSON; anything else as it is."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return decode_json(value)
        except ValueError:
            return value
    return value


def _fix_resource(value: Any) -> Any:
    value = _fix_object(value)
    if isinstance(value, str):
        return {"type": value, "labels": {}}
    if isinstance(value, dict) and "labels" in value:
        return {**value, "labels": _fix_labels(value["labels"])}
    return value


def _fix_labels(value: Any) -> Any:
    value = _fix_object(value)
    if isinstance(value, list) and all(isinstance(i, dict) and "key" in i for i in value):
        return {str(item["key"]): item.get("value") for item in value}
    return value


def _fix_http(value: Any) -> Any:
    value = _fix_object(value)
    if not isinstance(value, dict):
        return value
    request = _renamed(value, _http_name)
    return {name: _fix_http_value(name, value) for name, value in request.items()}


def _http_name(key: str) -> str:
    return _HTTP_NAMES.get(key.replace("_", "").lower(), key)


def _fix_http_value(name: str, value: Any) -> Any:
    wanted = _HTTP_FIELDS.get(name)
    if wanted is int and isinstance(value, (str, float)):
        return _as_int(value)
    if wanted is bool and value in ("true", "false"):
        return value == "true"
    if wanted is str and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(_as_int(value) if name != "latency" else value)
    return value


def _as_int(value: Any) -> Any:
    """Return a whole number as an int: a status "500", a size 12.0; anything else as it is."""
    text = str(value).strip().removesuffix(".0")
    return int(text) if text.isascii() and text.isdecimal() else value


def _fix_proto(value: Any) -> Any:
    value = _fix_object(value)
    if isinstance(value, dict) and "at_type" in value and "@type" not in value:
        return {"@type": value["at_type"], **{k: v for k, v in value.items() if k != "at_type"}}
    return value


def _fix_severity(value: Any) -> Any:
    """Return the word for a number: proto JSON may carry either."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value in _SEVERITIES:
        return Severity(int(value)).name
    return value


def _fix_location(value: Any) -> Any:
    """Make the line text, as proto JSON writes an int64."""
    if isinstance(value, dict) and type(value.get("line")) in (int, float):
        return {**value, "line": str(_as_int(value["line"]))}
    return value


def _fix_bool(value: Any) -> Any:
    return value.lower() == "true" if isinstance(value, str) else value


def _fix_text(value: Any) -> Any:
    """Make a number or a truth value text; a list or an object stays what it is."""
    return value if isinstance(value, (str, list, dict)) else str(value)


def _move_payloads(document: Document) -> None:
    """Put each payload under the key of its kind."""
    if "jsonPayload" not in document and isinstance(document.get("textPayload"), dict):
        document["jsonPayload"] = document.pop("textPayload")
    payload = document.get("jsonPayload")
    if "textPayload" not in document and isinstance(payload, str):
        document["textPayload"] = document.pop("jsonPayload")
    if "protoPayload" not in document and isinstance(payload, dict) and _is_audit_log(payload):
        document["protoPayload"] = _fix_proto(document.pop("jsonPayload"))


def _is_audit_log(payload: Document) -> bool:
    kind = payload.get("@type", payload.get("at_type"))
    if isinstance(kind, str):
        return kind.endswith("AuditLog")
    return "methodName" in payload and "serviceName" in payload


def _settle_time(document: Document, received: int | None) -> None:
    """Write a timestamp into an entry whose own can't be read, if there is any time to be had.

    Into the document rather than beside it, so that a stored document gives the same entry again.
    """
    own = document.get("timestamp")
    if isinstance(own, str) and is_timestamp(own):
        return
    for time in (time_of_fields(document), received, time_of_content(document)):
        if time is not None:
            document["timestamp"] = format_timestamp(time)
            return


_NAMES = {spelling: name for name in _FIELDS for spelling in spellings(name)}
_HTTP_NAMES = {name.lower(): name for name in _HTTP_FIELDS} | _HTTP_SYNONYMS
_SEVERITIES = frozenset(int(severity) for severity in Severity)
_FIXES: Mapping[str, Callable[[Any], Any]] = {
    "httpRequest": _fix_http,
    "insertId": _fix_text,
    "jsonPayload": _fix_object,
    "labels": _fix_labels,
    "protoPayload": _fix_proto,
    "resource": _fix_resource,
    "severity": _fix_severity,
    "sourceLocation": _fix_location,
    "textPayload": _fix_text,
    "traceSampled": _fix_bool,
}
