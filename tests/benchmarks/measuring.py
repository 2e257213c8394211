"""Running a program as a whole process: how long it took, and how much memory at its peak."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
# What getrusage counts in: bytes on macOS, elsewhere 1,024 of them.
_UNIT = 1 if sys.platform == "darwin" else 1_024
# As where fivewhys is used: its modules are compiled once, and not at each start.
_AS_USED = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class FailedError(Exception):
    """A program that is measured ended with an error; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall-clock and processor seconds of a process, its peak memory in bytes, what it printed."""

    seconds: float
    cpu: float
    peak: int
    output: str


def measure(command: Sequence[str | Path], folder: Path) -> Measured:
    """Run a command once, from the top of the checkout; `folder` keeps what it prints.

    The peak is of the command's own process, or, should that be less, of this one when it began:
    keep this one small.

    Raises:
        FailedError: it ended with an error.

    """
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command], cwd=ROOT, stdout=stdout, stderr=stderr, env=_AS_USED
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = err.read_text(encoding="utf-8", errors="replace")[-2_000:]
        message = f"{Path(command[0]).name}: exit {process.returncode}\n{said}"
        raise FailedError(message)
    cpu = usage.ru_utime + usage.ru_stime
    return Measured(seconds, cpu, usage.ru_maxrss * _UNIT, out.read_text(encoding="utf-8"))


def best(command: Sequence[str | Path], folder: Path, times: int) -> Measured:
    """Run a command several times and return the quickest run."""
    return min((measure(command, folder) for _ in range(times)), key=lambda run: run.seconds)
