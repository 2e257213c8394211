"""Running a program of the user's within bounds: of time, of output, of what it sees.

It runs in a process group of its own, all of which is ended with it: nothing that it started goes
on, unless it makes itself independent on purpose. It sees none of the environment but what
`ENVIRONMENT` names, so no token of ours.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "TZ")
PASSED_ON = "FIVEWHYS_INVESTIGATOR_"
"""What a variable's name begins with that is meant for the program (the key of a service, say)."""

MOST_OUTPUT = 1024 * 1024
"""Bytes of standard output; a program that writes more is ended."""

_MOST_ERRORS = 64 * 1024
_PIECE = 64 * 1024
_MOMENT = 0.05


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program wrote, and in plain words what went wrong; "" is nothing."""

    output: bytes
    errors: bytes
    wrong: str = ""


def reduced(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that a program gets to see."""
    return {
        name: value
        for name, value in environment.items()
        if name in ENVIRONMENT or name.startswith(PASSED_ON)
    }


def run(command: Sequence[str], text: bytes, environment: Mapping[str, str], seconds: float) -> Ran:
    """Run a program with a text as standard input, without a shell; nothing is raised."""
    with tempfile.TemporaryFile() as question:
        question.write(text)
        question.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own command, split, without a shell
                command,
                stdin=question,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**environment},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return Ran(b"", b"", f"could not be started: {reason}")
    with process:
        reading = _Reading(process, seconds)
        try:
            wrong = reading.until_the_end()
        finally:
            _end(process)
    wrong = wrong or _ended_badly(process.returncode)
    return Ran(bytes(reading.output), bytes(reading.errors), wrong)


class _Reading:
    """Reads what a program writes, as it writes it."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._process = process
        self._seconds = seconds
        self.output = bytearray()
        self.errors = bytearray()

    def until_the_end(self) -> str:
        """Read until the program ended; return why it has to be ended, "" if it has not."""
        deadline = time.monotonic() + self._seconds
        with selectors.DefaultSelector() as selector:
            for pipe, into in (
                (self._process.stdout, self.output),
                (self._process.stderr, self.errors),
            ):
                assert pipe is not None  # noqa: S101 - both were asked for
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, into)
            while True:
                ended = _has_ended(self._process)  # asked first, so that all it wrote is read
                more = self._read(selector, 0 if ended else _MOMENT)
                if len(self.output) > MOST_OUTPUT:
                    return f"wrote more than {MOST_OUTPUT:,} bytes"
                if ended and (not more or time.monotonic() > deadline):
                    return ""
                if time.monotonic() > deadline:
                    return f"did not end within {self._seconds:g} s"

    def _read(self, selector: selectors.BaseSelector, wait: float) -> bool:
        """Read a piece of each; return whether there was one."""
        if not selector.get_map():
            time.sleep(wait)
            return False
        ready = selector.select(wait)
        for key, _ in ready:
            piece = os.read(key.fd, _PIECE)
            if not piece:
                selector.unregister(key.fileobj)
            elif key.data is self.output or len(self.errors) < _MOST_ERRORS:
                key.data.extend(piece)
        return bool(ready)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Return whether it ended; it stays to be waited for, so that its group is still its own."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, flags) is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _ended_badly(status: int) -> str:
    if status < 0:
        return f"was ended by signal {-status}"
    return f"ended with status {status}" if status else ""
