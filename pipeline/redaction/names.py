"""Names that are no longer than a row is found by."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Told = TypeVar("Told")

LONGEST_NAME: Final = 500
"""Bytes of a name that is kept: databases find no row by very long ones."""

_BEGINNING: Final = LONGEST_NAME - 20


def remembered(work: Callable[[str], Told]) -> Callable[[str], Told]:
    """Return a function that says the same of a text, and remembers it of some thousand names.

    What is longer than a name is not: that would be a log's to make as large as it likes.
    """
    known = lru_cache(maxsize=4096)(work)
    return lambda text: known(text) if len(text) <= LONGEST_NAME else work(text)


def short_name(text: str) -> str:
    """Return a name, or of one that is too long its beginning and what tells it from others."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= LONGEST_NAME:
        return text
    beginning = data[:_BEGINNING].decode(errors="ignore")
    return f"{beginning}…{hashlib.sha256(data).hexdigest()[:16]}"


def identifier(text: str, redacted: str) -> str:
    """Return an identifier that is as `redacted` as it is given, and tells apart what had secrets.

    `text` is what it was.
    """
    if redacted == text:
        return short_name(text)
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
    return short_name(f"{redacted} {digest}")
