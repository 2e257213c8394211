"""What entries come wrapped in: Pub/Sub messages, CloudEvents, JSON inside JSON.

Each kind of envelope is a function in `_OPENERS`: the record in; out what is inside, or None when
the record is no such envelope. EntryError when it is one, but holds no entry.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from pipeline.entry.decoding import decode_json
from pipeline.entry.shapes import MARKS, is_entry
from pipeline.entry.timestamps import instant
from pipeline.errors import EntryError

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]
Opened = tuple[Any, int | None]
"""What was inside, and the time (nanoseconds UTC) at which it was sent, None if unknown."""

_MAX_LAYERS = 8
_MESSAGE_MARKS = ("messageId", "message_id", "publishTime", "publish_time")
_PUBLISH_TIMES = ("publishTime", "publish_time")
_ENTRY_TIME = "logging.googleapis.com/timestamp"
_DESCRIPTION = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "a truth value",
    int: "a number",
}
# Where shippers keep the entry they shipped, as an object or as its JSON.
_INSIDE = (
    ("event", "original"), ("event.original",), ("input", "message"), ("input.message",),
    ("_source",), ("logEntry",), ("log_entry",), ("entry",), ("message",), ("log",), ("data",),
)  # fmt: skip


def unwrap(record: Any, received: int | None) -> tuple[Document, int | None]:
    """Return the record that has the marks of an entry, and the time at which it was sent.

    Raises EntryError when there is none inside, with the reason.
    """
    for _ in range(_MAX_LAYERS):
        if not isinstance(record, dict):
            message = f"{_describe(record)}, not an object"
            raise EntryError(message)
        if is_entry(record):
            return record, received
        record, sent = _open(record)
        received = sent if sent is not None else received
    message = f"an entry wrapped more than {_MAX_LAYERS} times"
    raise EntryError(message)


def _open(record: Document) -> Opened:
    for opener in _OPENERS:
        if (opened := opener(record)) is not None:
            return opened
    message = f"no LogEntry: it has none of {MARKS}"
    raise EntryError(message)


def _pubsub_push(record: Document) -> Opened | None:
    """`{"message": {"data": …, "publishTime": …}, "subscription": …}`, also a pulled message."""
    message = record.get("message")
    return _pubsub_message(message) if isinstance(message, dict) else None


def _pubsub_message(message: Document) -> Opened | None:
    """Open a message by itself: what a background function of the first generation got."""
    kind = message.get("@type")
    is_message = isinstance(kind, str) and kind.endswith("PubsubMessage")
    is_message |= isinstance(message.get("data"), str)
    if not is_message and not any(mark in message for mark in _MESSAGE_MARKS):
        return None
    return _decode_data(message.get("data")), _sent(message)


def _background_event(record: Document) -> Opened | None:
    """`{"context": {"timestamp": …}, "data": {…}}`: a background function's event as recorded."""
    context, data = record.get("context"), record.get("data")
    if not isinstance(context, dict) or not isinstance(data, dict):
        return None
    return data, instant(context.get("timestamp"))


def _cloud_event(record: Document) -> Opened | None:
    if "specversion" not in record:
        return None
    data = record.get("data")
    if data is None or isinstance(data, str):
        data = _decode_data(record.get("data_base64", data), "CloudEvent")
    return data, instant(record.get("time"))


def _json_in_json(record: Document) -> Opened | None:
    for path in _INSIDE:
        value: Any = record
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = _decode_text(value)
        if isinstance(value, dict):
            return value, None
    return None


_OPENERS: tuple[Callable[[Document], Opened | None], ...] = (
    _cloud_event,
    _pubsub_push,
    _pubsub_message,
    _background_event,
    _json_in_json,
)


def _sent(message: Document) -> int | None:
    """Return the entry's own time, which the sink puts into an attribute, else the publish time."""
    attributes = message.get("attributes")
    own = attributes.get(_ENTRY_TIME) if isinstance(attributes, dict) else None
    times = (instant(own), *(instant(message.get(name)) for name in _PUBLISH_TIMES))
    return next((time for time in times if time is not None), None)


def _decode_data(data: Any, kind: str = "Pub/Sub message") -> Any:
    if not isinstance(data, str) or not data.strip():
        message = f"{kind} without data"
        raise EntryError(message)
    raw = _decode_base64(data)
    try:
        return decode_json(raw)
    except ValueError:
        form = "text that is no JSON" if _is_text(raw) else f"{len(raw)} bytes that are no text"
        message = f"{kind} whose data is {form}"
        raise EntryError(message) from None


def _decode_base64(data: str) -> bytes:
    """Decode either alphabet, padded or not; what is no base64 is taken for the data itself."""
    plain = "".join(data.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return data.encode("utf-8", "replace")


def _is_text(raw: bytes) -> bool:
    try:
        return raw.decode("utf-8").replace("\n", " ").replace("\t", " ").isprintable()
    except UnicodeDecodeError:
        return False


def _decode_text(text: str) -> Any:
    try:
        return decode_json(text)
    except ValueError as error:
        message = f"an entry inside JSON that is itself no JSON: {error}"
        raise EntryError(message) from None


def _describe(value: Any) -> str:
    return _DESCRIPTION.get(type(value), "a number" if isinstance(value, float) else "nothing")
