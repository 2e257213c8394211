"""What a line says, told without building the rest of it.

Of a line that has an outline (`entry.outline`) msgspec reads only what an entry's words are made
of (`message`, `detection.words_of`). What is out of the ordinary is not read at all: that line has
to be parsed.
"""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import msgspec

from pipeline.entry.message import BESIDE_KEYS, ERROR_KEYS, MESSAGE_KEYS
from pipeline.entry.value import LogEntry

_AUDIT_KEYS = ("@type", "at_type", "methodName")  # a payload with these may be no jsonPayload
_REQUEST_KEYS = ("requestMethod", "requestUrl", "status")


class _Request(TypedDict):
    requestMethod: str
    requestUrl: str
    status: Annotated[int, msgspec.Meta(ge=100, le=999)]


_Payload: Any = TypedDict(
    "_Payload",
    {  # the keys are written once, where they are looked at
        **dict.fromkeys((*MESSAGE_KEYS, *ERROR_KEYS, *BESIDE_KEYS), Any),  # type: ignore[misc]
        **dict.fromkeys(_AUDIT_KEYS),
    },
    total=False,
)
_Words: Any = TypedDict(
    "_Words",
    {
        "textPayload": str | None,
        "jsonPayload": _Payload | None,
        "protoPayload": None,
        "httpRequest": _Request | None,
        # A path finds these, too.
        **dict.fromkeys(f"httpRequest.{name}" for name in _REQUEST_KEYS),  # type: ignore[misc]
        "message": Any,
        "msg": Any,
    },
    total=False,
)

_DECODER = msgspec.json.Decoder(_Words)


def spoken(line: bytes) -> LogEntry | None:
    """Return an entry with the words of the line's entry and nothing else, None if it is odd.

    The line has an outline and none of its `SPELLINGS`.
    """
    try:
        return LogEntry(_DECODER.decode(line))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
