"""Names that are no longer than a row is found by."""

from __future__ import annotations

import hashlib
from typing import Final

LONGEST_NAME: Final = 500
"""Bytes of a name that is kept: databases find no row by very long ones."""

_BEGINNING: Final = LONGEST_NAME - 20


def short_name(text: str) -> str:
    """Return a name, or of one that is too long its beginning and what tells it from others."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= LONGEST_NAME:
        return text
    beginning = data[:_BEGINNING].decode(errors="ignore")
    return f"{beginning}…{hashlib.sha256(data).hexdigest()[:16]}"
