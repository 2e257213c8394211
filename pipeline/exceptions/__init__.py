"""Exceptions as five languages write them: text in; type, message, module and frames out.

One file a language, one row in `LANGUAGES`. Log text is hostile, so all of it runs in linear time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pipeline.exceptions.dotnet import DOTNET
from pipeline.exceptions.go import GO
from pipeline.exceptions.java import JAVA
from pipeline.exceptions.node import NODE
from pipeline.exceptions.python import PYTHON
from pipeline.exceptions.text import one_line
from pipeline.exceptions.value import ExceptionInfo, Frame

if TYPE_CHECKING:
    from pipeline.exceptions.value import Language

__all__ = ["LANGUAGES", "ExceptionInfo", "Frame", "parse_exception"]

LANGUAGES: Final[tuple[Language, ...]] = (PYTHON, GO, JAVA, NODE, DOTNET)
"""The first that reads a text has it: those whose lines could be another's come last."""


def parse_exception(text: str) -> ExceptionInfo | None:
    """Return the innermost cause of the exceptions that `text` tells of, None if it tells of none.

    Of a group or an aggregate that is its first member. Tracebacks may be cut off at either end, or
    stand on one line with escaped line feeds; an exception without one is read from its line.
    """
    for language in LANGUAGES:
        if any(mark in text for mark in language.marks):
            found = language.parse(text)
            if found is not None:
                return found
    return one_line(text)
