"""Processes that report to the fake GitHub, and can be killed: real ones, really.

A nursery is a process that has imported everything and forks whenever a report is to be made, so
that this takes a moment only: `python -m tests.sinks.github.processes`, one task a line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from pydantic import TypeAdapter

from pipeline.audit import SECOND
from pipeline.sinks.github.asking import Manners, World
from pipeline.sinks.github.client import Client
from pipeline.sinks.github.credentials import Credentials, Secret
from pipeline.stores.sql.store import SqlStore
from pipeline.tracker.model import Wanted
from tests.fakes.github import TOKEN
from tests.sinks.github.reporting import reconciler_of
from tests.sinks.github.support import HERE, PATIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sinks.github.reporting import Desk

ROOT = Path(__file__).parents[3]
KILLED = -signal.SIGKILL
WANTED = TypeAdapter(tuple[Wanted, ...])


@dataclass
class Nursery:
    """Where processes come from, one at a time; those of `desk` report to its GitHub."""

    process: subprocess.Popen[str]
    child: int = 0
    born: threading.Event = field(default_factory=threading.Event)

    def report(self, desk: Desk, store: str, *wanted: Wanted) -> int:
        """Let a process report; return its exit status, `KILLED` if it was killed."""
        self.begin(desk, store, *wanted)
        return self.end()

    def begin(self, desk: Desk, store: str, *wanted: Wanted, haste: int = 0) -> None:
        """Let a process begin to report.

        Time passes so many times as fast for it as for us (`haste`), at once if that is 0.
        """
        task = {
            "base": desk.github.base,
            "now": desk.passing.now(),
            "haste": haste,
            "store": store,
            "wanted": WANTED.dump_python(wanted, mode="json"),
        }
        self.child = 0
        self.born.clear()
        desk.github.kill = self.kill
        self._say(json.dumps(task))
        self.child = self._heard("born")
        self.born.set()

    def end(self) -> int:
        """Wait for its end."""
        status = self._heard("dead")
        self.child = 0
        return os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        """Kill the process that reports, and no other: 0 would be all that this one belongs to."""
        self.born.wait()
        if self.child:
            os.kill(self.child, signal.SIGKILL)

    def _say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def _heard(self, what: str) -> int:
        assert self.process.stdout
        said, _, number = self.process.stdout.readline().partition(" ")
        assert said == what, f"the nursery says {said!r}, not {what!r}"
        return int(number)


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Lend one."""
    command = [sys.executable, "-m", "tests.sinks.github.processes"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        yield Nursery(process)
        assert process.stdin
        process.stdin.close()


# --- the other process ----------------------------------------------------------------------------


def main() -> None:
    """Fork for each task; say who does it, and how that ended."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(_done(json.loads(line)))
        print("born", child, flush=True)  # noqa: T201 - the answer to who asked
        print("dead", os.waitpid(child, 0)[1], flush=True)  # noqa: T201 - likewise


def _done(task: dict[str, Any]) -> int:
    try:
        return _report(**task)
    except BaseException:  # noqa: BLE001 - nothing of the parent's may be run after it
        traceback.print_exc()
        return 2


def _report(base: str, now: int, haste: int, store: str, wanted: list[Any]) -> int:
    """Report; 1 if something waits. Time passes for GitHub and for us alike."""
    passed = 0.0

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        time.sleep(seconds / haste if haste else 0)
        requests.post(f"{base}/_clock", json={"advance": seconds}, timeout=10)

    world = World(lambda: now + round(passed * SECOND), sleep)
    who = Credentials(HERE, base, Secret(TOKEN))
    with SqlStore(store) as ledger, Client(who, world, manners=Manners(PATIENT)) as client:
        one = reconciler_of(client, ledger, f"process-{os.getpid()}", world)
        asked = WANTED.validate_python(wanted, strict=False)
        return bool(one.apply(lambda: asked).failures)


if __name__ == "__main__":
    main()
