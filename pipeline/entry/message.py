"""What an entry says: the one text that rules, fingerprints and people read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.entry.decoding import clean_text
from pipeline.entry.severity import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Where real loggers put their text, the usual place first.
MESSAGE_KEYS = (
    "message", "msg", "textPayload", "event", "@message", "MESSAGE", "text", "log", "body",
)  # fmt: skip
_NO_PAYLOAD = ("message", "msg")  # a structured line that was saved without its LogEntry
ERROR_KEYS = ("error", "err", "exception", "exc_info", "stack_trace", "stack")
BESIDE_KEYS = ("exc_info", "exception", "stack_trace", "stack", "traceback")
"""Keys of a payload whose text may be a traceback beside its message."""
_ERROR_TRACES = ("traceback", "stack", "stack_trace")
_ERROR_PARTS = ("message", "value", "msg", "traceback", "stack")
# An `error` of a type that nothing raises: what a formatter fills in when a field is missing.
_PLACEHOLDER_TYPES = ("str", "NoneType", "dict", "int", "bool")
_TRACEBACK = "Traceback (most recent call last)"
# A line of a traceback, of any language that is read; its line ends may have arrived escaped.
_FRAME = re.compile(r'(?:\\n|\n)[ \t]{1,8}(?:at |File ")|\ngoroutine \d')


def message_of(document: Mapping[str, Any]) -> str:
    """Return the text of the payload, stripped and without ANSI escapes; "" when there is none.

    textPayload, else the message of jsonPayload, else the status message of protoPayload. A
    traceback that stands beside the message of jsonPayload follows it, as it would in plain text;
    one whose line ends arrived escaped has its lines again.
    """
    return _lines_of(plain_text(clean_text(_raw_message(document))))


def _lines_of(text: str) -> str:
    escaped = _TRACEBACK in text and "\n" not in text
    return text.replace("\\n", "\n") if escaped else text


def _raw_message(document: Mapping[str, Any]) -> str:
    text = document.get("textPayload")
    if isinstance(text, str) and text:
        return text
    payload = document.get("jsonPayload")
    if isinstance(payload, dict) and (text := _message_of_payload(payload)):
        return text
    proto = document.get("protoPayload")
    return _status_message(proto) if isinstance(proto, dict) else _first_text(document, _NO_PAYLOAD)


def _message_of_payload(payload: Mapping[str, Any]) -> str:
    text = _first_text(payload, MESSAGE_KEYS) or _message_of_error(payload)
    beside = next(_tracebacks(payload), "")
    return text if beside in text else f"{text}\n{beside}"


def _tracebacks(payload: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tracebacks that loggers of JSON put beside a message."""
    for values, keys in _places(payload):
        for value in map(values.get, keys):
            if isinstance(value, str) and _FRAME.search(value):
                yield _lines_of(value.strip())


def _places(payload: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    yield payload, BESIDE_KEYS
    for error in map(payload.get, ERROR_KEYS):
        if isinstance(error, dict) and error.get("type") not in _PLACEHOLDER_TYPES:
            yield error, _ERROR_TRACES


def _message_of_error(payload: Mapping[str, Any]) -> str:
    for key in ERROR_KEYS:
        error = payload.get(key)
        if isinstance(error, str) and error.strip():
            return error
        if isinstance(error, dict) and (text := _text_of_error(error)):
            return text
    return ""


def _text_of_error(error: Mapping[str, Any]) -> str:
    placeholder = error.get("type") in _PLACEHOLDER_TYPES
    return "" if placeholder else _first_text(error, _ERROR_PARTS)


def _status_message(proto: Mapping[str, Any]) -> str:
    status = proto.get("status")
    return _first_text(status, ("message",)) if isinstance(status, dict) else ""


def _first_text(values: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = values.get(key)
        if isinstance(value, str) and value.strip():
            return value
    return ""
