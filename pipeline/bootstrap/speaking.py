"""All that a process says on standard error, as entries of ours: by itself or by libraries."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.bootstrap.tracing import current
from pipeline.ownlog import FIGURES, SEVERITIES, Said, structured
from pipeline.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import TextIO

OWN: Final = "fivewhys"
"""Our own logger; of all others only warnings and worse are told."""

_HOME: Final = Path(__file__).parents[2]


class Speaker(logging.Handler):
    """Writes each record as an entry, one a line; what cannot be written is dropped.

    `project` is that of traces, "" if it is not known.
    """

    def __init__(self, stream: TextIO, redactor: Redactor | None = None) -> None:
        super().__init__()
        self.project = ""
        self._stream = stream
        self._redact = (redactor or Redactor()).text

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{structured(self._said(record), self._redact)}\n")
            self._stream.flush()

    def _said(self, record: logging.LogRecord) -> Said:
        span = current.get()
        return Said(
            record.levelno,
            _text(record),
            time.time_ns(),
            _relative(record.pathname),
            record.lineno,
            record.funcName or "",
            "" if record.name == OWN else record.name,
            f"projects/{self.project}/traces/{span.trace}" if span and self.project else "",
            span.span if span and self.project else "",
            getattr(record, FIGURES, None),
        )


def speak(speaker: Speaker) -> Callable[[str, str], None]:
    """Let everything be said by a speaker from now on; return what takes a severity and a text.

    That is what Python's logging and warnings say, and errors that nobody caught, in any thread.
    """
    # What gRPC's core would print by itself is no entry, and tells nothing that calls do not raise.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    root = logging.getLogger()
    root.handlers[:] = [speaker]
    root.setLevel(logging.WARNING)
    own = logging.getLogger(OWN)
    own.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread

    def log(severity: str, text: str) -> None:
        own.log(SEVERITIES[severity], "%s", text, stacklevel=2)

    return log


def _text(record: logging.LogRecord) -> str:
    """Return the message and the traceback, whatever a library gave for arguments."""
    try:
        text = record.getMessage()
    except (TypeError, ValueError):
        text = str(record.msg)
    if record.exc_info:
        text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
    return text


def _relative(path: str) -> str:
    """Return where a file of ours is in the repository; of another one its folder and name."""
    found = Path(path)
    if found.is_relative_to(_HOME / "pipeline"):
        return str(found.relative_to(_HOME))
    return "/".join(found.parts[-2:])


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger(OWN).critical("not caught", exc_info=(kind, error, trace))


def _uncaught_in_thread(hook: threading.ExceptHookArgs) -> None:
    error = hook.exc_value
    if error is not None and not isinstance(error, SystemExit):
        name = hook.thread.name if hook.thread else "?"
        told = (hook.exc_type, error, hook.exc_traceback)
        logging.getLogger(OWN).critical("not caught in thread %s", name, exc_info=told)
