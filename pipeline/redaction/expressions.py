"""Expressions that find secrets: run by RE2 over UTF-8; those of the settings are checked first."""

from __future__ import annotations

from typing import Any, Final

import re2

PLACEHOLDER: Final = "[REDACTED]"
"""What stands where a secret was."""


def compiled(expression: str, *, groups: bool = True) -> Any:
    """Return an expression as RE2 runs it; without `groups` it captures nothing."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = not groups
    return re2.compile(expression.encode(), options)


def checked_expression(expression: str) -> Any:
    """Return an expression from the settings as RE2 runs it.

    Raises:
        ValueError: RE2 cannot run it, or it matches nothing at all or the placeholder.

    """
    try:
        found = compiled(expression)
    except re2.error as error:
        message = f"redaction: RE2 cannot run {expression!r}: {_reason(error)}"
        raise ValueError(message) from error
    if r"\C" in expression:
        message = f"redaction: {expression!r} matches half a character; write . instead of \\C"
        raise ValueError(message)
    for text, name in (
        (b"", "the empty text"),
        (PLACEHOLDER.encode(), f"the placeholder {PLACEHOLDER}"),
    ):
        if found.search(text) is not None:
            message = f"redaction: {expression!r} matches {name}; make it match secrets only"
            raise ValueError(message)
    return found


def _reason(error: Exception) -> str:
    reason = error.args[0]
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
