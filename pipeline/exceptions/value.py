"""What a traceback comes to, whatever language wrote it, and what each language brings to that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Frame:
    """One call of a traceback.

    `line` counts from 1 and is 0 where none is known, `function` is empty where none is; `file` is
    as it was written, and what stands in its place (`Native Method`, `<unknown>`) where none was.
    """

    file: str
    line: int
    function: str
    in_app: bool


@dataclass(frozen=True, slots=True)
class ExceptionInfo:
    """The exception that caused the others; frames in call order, the raising one last.

    `type` is the bare name and `module` what stands before it (`sqlalchemy.exc`, `java.lang`),
    empty for exceptions that have none. Of a traceback that was cut off, what is missing is empty.
    """

    type: str
    message: str
    module: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Language:
    """How one language writes its exceptions.

    `parse` returns None for a text that is no traceback of the language, and is not tried on one
    that has none of `marks`, which saves searching most of what a log says. `begins` and
    `continues` are expressions (RE2, for the beginning of a line) of single lines that can stand at
    the beginning of a traceback, or further down in one. Lines that are indented, and those that
    begin with the name of an exception, are known without them; see `lines`.
    """

    parse: Callable[[str], ExceptionInfo | None]
    marks: tuple[str, ...]
    begins: tuple[str, ...] = ()
    continues: tuple[str, ...] = ()
