"""The templates of the messages in a file: one pass learns them, another one names them."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import ExitStack
from io import StringIO
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

from pipeline.errors import ConfigurationError, Mistake
from pipeline.markdown import visible
from pipeline.mining import Miner
from pipeline.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from pipeline.mining import Template

SPOOL = 32_000_000
"""Bytes of skeletons that are kept in memory until their templates are known."""
SHOWN = 20_000
"""Skeletons whose output is remembered: more than a miner keeps."""
BATCH = 1_000
"""Lines that are written to the temporary file at once."""
STDIN = "-"


class Mined:
    """The lines of a file with their templates; a context manager.

    Memory is bounded: skeletons wait for their templates in a temporary file. What is returned of
    messages is redacted and visible.
    """

    def __init__(self, file: str) -> None:
        """Read the file, or standard input for `-`.

        Raises:
            ConfigurationError: it cannot be read.

        """
        self._miner = Miner()
        self._redactor = Redactor()
        with ExitStack() as stack:
            self._spool = stack.enter_context(SpooledTemporaryFile(SPOOL))
            try:
                self._learn(file)
            except OSError as error:
                reason = f"cannot be read: {error.strerror}"
                raise ConfigurationError([Mistake(file, 0, reason)]) from error
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the temporary file."""
        self._stack.close()

    def templates(self) -> list[tuple[int, str, str]]:
        """Return messages, id and text of all templates, the most frequent first."""
        return [(item.messages, item.id, self._text(item.text)) for item in self._miner.templates()]

    def csv(self) -> Iterator[str]:
        """Yield a row a line: its number from 1, the id and the text of its template."""
        return self._lines(self._row, "{},{}\n".format)

    def json(self) -> Iterator[str]:
        """Yield an object a line: line, id, template, and what its parameters are."""
        return self._lines(self._members, '{{"line": {}, {}\n'.format)

    def _learn(self, file: str) -> None:
        with sys.stdin.buffer if file == STDIN else open(file, "rb") as lines:  # noqa: PTH123
            while batch := list(islice(lines, BATCH)):
                self._spool.write(b"\n".join(map(self._miner.learn, batch)) + b"\n")

    def _lines(
        self, show: Callable[[Template], str], join: Callable[[int, str], str]
    ) -> Iterator[str]:
        shown: dict[bytes, str] = {}
        self._spool.seek(0)
        for number, line in enumerate(self._spool, 1):
            text = shown.get(line)
            if text is None:
                text = show(self._miner.template_of_skeleton(line[:-1]))
                if len(shown) < SHOWN:
                    shown[line] = text
            yield join(number, text)

    def _row(self, template: Template) -> str:
        row = StringIO()
        csv.writer(row, lineterminator="").writerow((template.id, self._text(template.text)))
        return row.getvalue()

    def _members(self, template: Template) -> str:
        parameters = [
            {"kind": item.kind, "example": self._text(item.example)} for item in template.parameters
        ]
        found = {"id": template.id, "template": self._text(template.text), "parameters": parameters}
        return json.dumps(found)[1:]

    def _text(self, text: str) -> str:
        return visible(self._redactor.text(text))
