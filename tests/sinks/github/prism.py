"""Prism between a client and the fake GitHub: each request and answer, held against GitHub's words.

The fake does so itself, too (`tests/fakes/github/description.py`); this is somebody else's reading
of the same description.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import requests

from tests.fakes.github import FakeGithub
from tests.fakes.github.description import FILE
from tests.fakes.github.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACE = Path(__file__).parents[3] / ".venv/prism"
"""Where `make prism` puts it."""

_PROGRAM = PLACE / "node_modules/@stoplight/prism-cli/dist/index.js"
_PATIENCE = 120.0
_READY = re.compile(r"Prism is listening on (http://\S+)")
_WRONG = re.compile(r"Violation:|terminated with error")


@dataclass(frozen=True, slots=True)
class Prism:
    """One that runs: clients call `base`, `server` has the fake; `log` is what it says."""

    base: str
    server: Server
    log: Path

    def guard(self, github: FakeGithub) -> None:
        """Stand between a fake and its clients."""
        self.server.github = github
        github.base = self.base

    def watch(self) -> Watch:
        """Watch what comes from now on."""
        return Watch(self, len(self.said()))

    def said(self) -> str:
        """Return all that it said, once it has nothing more to say."""
        path = f"/asked-{uuid4()}"
        requests.get(f"{self.base}{path}", timeout=_PATIENCE)
        while not re.search(rf"{path} ✖.*\n", text := self.log.read_text(encoding="utf-8")):
            time.sleep(0.01)
        return text


@dataclass(frozen=True, slots=True)
class Watch:
    """What Prism says about a test, whose own question is left out."""

    prism: Prism
    start: int

    def lines(self) -> list[str]:
        """Return the lines."""
        said = self.prism.said()[self.start :].splitlines()
        return [line for line in said if "/asked-" not in line]

    def received(self) -> int:
        """Return how many requests came in."""
        return sum("Request received" in line for line in self.lines())

    def objections(self) -> list[str]:
        """Return what was not as described."""
        return [line for line in self.lines() if _WRONG.search(line)]


def is_installed() -> bool:
    """Whether `make prism` was run."""
    return (PLACE / ".ready").exists()


@contextmanager
def prism_running(log: Path) -> Iterator[Prism]:
    """Run Prism; RuntimeError if it does not start."""
    with Server(FakeGithub()) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        options = ["--errors", "--host", "127.0.0.1", "--port", "0"]
        command: list[str | Path] = [
            PLACE / "node",
            _PROGRAM,
            "proxy",
            FILE,
            server.github.base,
            *options,
        ]
        with (
            log.open("wb") as file,
            subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT) as process,
        ):
            try:
                yield Prism(_address(process, log), server, log)
            finally:
                process.kill()
                server.shutdown()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until it listens, and return where."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        found = _READY.search(log.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(log.read_text(encoding="utf-8", errors="replace"))
