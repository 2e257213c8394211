"""JSON text to plain values that are safe to walk, to print, to hash and to store.

The quick way is orjson. What it refuses although people write it (NaN, lone surrogates, raw control
characters, integers beyond 64 bits, bytes that are not UTF-8) is read by the standard library and
then cleaned, so that nothing after this module has to think of it again.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEPTH = 100
"""Levels of lists and objects that are kept; Cloud Logging itself refuses a deeper payload."""

TOO_DEEP = f"[left out: nested deeper than {MAX_DEPTH} levels]"
_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1
_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def decode_json(data: bytes | str) -> Any:
    """Decode one JSON value, also a sloppy one; bytes are UTF-8, a byte that is not becomes U+FFFD.

    Raises ValueError, with the position, when it is no JSON or nested beyond what can be read.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return clean(_decode_leniently(data))
    return clean(value) if may_be_deep(data) else value


def clean(value: Any) -> Any:
    """Return a copy that holds nothing but JSON.

    Keys become text, lone surrogates U+FFFD, NaN and the infinities the words that proto JSON has
    for them, integers beyond 64 bits floats (as orjson reads them), other types their text; what
    lies deeper than `MAX_DEPTH` is left out and says so.
    """
    return _clean(value, MAX_DEPTH)


def clean_text(text: str) -> str:
    """Return the text with lone surrogates, which no encoder accepts, replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """Return the document as JSON with sorted keys: the same bytes for equal documents."""
    try:
        return orjson.dumps(document, option=_SORTED)
    except (TypeError, RecursionError):
        return orjson.dumps(clean(document), option=_SORTED, default=str)


def digest(data: bytes) -> str:
    """Return the SHA-256 of the data, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _decode_leniently(data: bytes | str) -> Any:
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    try:
        return json.loads(text, strict=False, parse_int=_whole)
    except RecursionError:
        reason = "nested too deeply"
        raise ValueError(reason) from None


def _whole(digits: str) -> int | float:
    """Read an integer; one longer than 20 characters is beyond 64 bits in any case."""
    return int(digits) if len(digits) <= len(str(_MIN_INT)) else float(digits)


def may_be_deep(data: bytes | str) -> bool:
    """Say whether the text has enough brackets at all to be deeper than `MAX_DEPTH`."""
    if isinstance(data, bytes):  # to take them out of bytes is twice as fast as to count them
        return len(data) - len(data.replace(b"{", b"").replace(b"[", b"")) > MAX_DEPTH
    return data.count("{") + data.count("[") > MAX_DEPTH


def _clean(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return _clean_number(value)
    if isinstance(value, (dict, list, tuple)):
        return _clean_container(value, levels - 1) if levels else TOO_DEEP
    return clean_text(str(value))


def _clean_container(value: Any, levels: int) -> Any:
    if isinstance(value, dict):
        return {
            clean_text(key if isinstance(key, str) else str(key)): _clean(item, levels)
            for key, item in value.items()
        }
    return [_clean(item, levels) for item in value]


def _clean_number(value: float) -> float | str:
    if isinstance(value, int):
        return value if _MIN_INT <= value <= _MAX_INT else _clean_number(_as_float(value))
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
