"""Where a run works: a subscription, a database and a GitHub of its own; what is there after."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Any, Final

from google.cloud.pubsub_v1 import SubscriberClient
from sqlalchemy import make_url

from pipeline.stores.sql.store import SqlStore
from tests.fakes.github import TOKEN
from tests.fakes.postgresql import fresh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.fakes.github import FakeGithub
    from tests.fakes.pubsub import Emulator

COMMAND: Final = [sys.executable, "-c", "from pipeline.cli import main; main()", "run"]
EMULATOR: Final = "PUBSUB_EMULATOR_HOST"
REPOSITORY: Final = "example/platform"
NUMBER: Final = re.compile(r"#\d+|/issues/\d+| (?:issue|digest|of|mac)=\w+")
"""How issues name others, and themselves: by numbers that depend on who came first."""


@dataclass(frozen=True, slots=True)
class House:
    """One of each."""

    topic: str
    subscription: str
    store: str
    github: FakeGithub

    def environment(
        self, store_port: int = 0, github_port: int = 0, pubsub_port: int = 0
    ) -> dict[str, str]:
        """Return the settings of a run, which reaches all through proxies if ports are given."""
        url = make_url(self.store)
        if store_port:
            query = {"options": url.query["options"]}
            url = url.set(host="127.0.0.1", port=store_port, query=query)
        base = f"http://127.0.0.1:{github_port}" if github_port else self.github.base
        emulator = f"127.0.0.1:{pubsub_port}" if pubsub_port else os.environ[EMULATOR]
        return {
            **os.environ,
            EMULATOR: emulator,
            "FIVEWHYS_SUBSCRIPTION": self.subscription,
            "FIVEWHYS_STORE": url.render_as_string(hide_password=False),
            "FIVEWHYS_GITHUB_REPOSITORY": REPOSITORY,
            "FIVEWHYS_GITHUB_TOKEN": TOKEN,
            "FIVEWHYS_GITHUB_URL": base,
            "FIVEWHYS_GITHUB_GROUP_INTERVAL": "1s",  # little waits at an end
            "FIVEWHYS_MARKER_KEY": "a key for markers of this run",
        }

    def start(self, log: Path, *options: str, **ports: int) -> subprocess.Popen[bytes]:
        """Start a process, which writes into a file what it has to say."""
        command = [*COMMAND, "--sink", "github", *options]
        with log.open("wb") as said:
            return subprocess.Popen(command, env=self.environment(**ports), stderr=said)

    def findings(self) -> Findings:
        """Return what is there now."""
        with SqlStore(self.store) as store:
            known = {one.id: _incident(one) for one in store.incidents()}
            ledger = store.ledger()
            left = {
                "receipts": store.backlog(),
                "outbox": _waiting(store),
                "subscription": self._undelivered(),
            }
            poison = sorted(one.text for one in store.poison())
        issues = sorted(map(_issue, self._here))
        return Findings(known, sorted(ledger), issues, poison, left)

    def waiting(self) -> int:
        """Return how many incidents wait to be told of."""
        with SqlStore(self.store) as store:
            return _waiting(store)

    def issues(self) -> int:
        """Return how many issues there are now."""
        return len([*self._here])

    @property
    def _here(self) -> Iterable[Any]:
        return self.github.state.repositories[REPOSITORY].here

    def _undelivered(self) -> int:
        request = {"subscription": self.subscription, "max_messages": 100}
        with SubscriberClient() as client:
            try:
                answer = client.pull(request=request, timeout=12, retry=None)
            except Exception:  # noqa: BLE001 - nothing came in time, which is what should be
                return 0
        return len(answer.received_messages)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a run came to: incidents by id, ids of the ledger, issues, poison, and what is left."""

    incidents: dict[str, Any]
    ledger: list[str]
    issues: list[str]
    poison: list[str]
    left: dict[str, int]

    def differences(self, other: Findings) -> Iterator[str]:
        """Yield what is not as in the other; what is left counts when anything is."""
        for name in self.incidents.keys() | other.incidents.keys():
            ours, theirs = self.incidents.get(name), other.incidents.get(name)
            if ours != theirs:
                yield f"incident {name}:\n    {ours}\n    {theirs}"
        if self.ledger != other.ledger:
            yield f"ledger: {set(self.ledger) ^ set(other.ledger)}"
        yield from _unequal("issues", self.issues, other.issues)
        yield from _unequal("poison", self.poison, other.poison)
        yield from (f"{count} left in {name}" for name, count in self.left.items() if count)


def _unequal(what: str, ours: Sequence[str], theirs: Sequence[str]) -> Iterator[str]:
    if ours != theirs:
        before, after = ("\n".join(texts).splitlines() for texts in (theirs, ours))
        told = unified_diff(before, after, "quiet", "here", n=1, lineterm="")
        yield "\n".join([what, *told])


def _waiting(store: SqlStore) -> int:
    """Return of how many incidents something waits to get out, as it was never tried or failed."""
    rows = [item for name in store.trackers() for item in store.deliveries(name).items()]
    told = {name for name, row in rows if not row.waits}
    known = {one.id for one in store.incidents()}
    return len(known & store.ledger().keys() - told)


def _incident(document: Any) -> Any:
    return {
        "title": document.title,
        "priority": document.priority,
        "state": document.state,
        "absorbed": sorted(document.absorbed),
        "symptoms": sorted(
            (one.fingerprint, one.rule, one.count, one.first_seen, one.last_seen)
            for one in document.symptoms
        ),
    }


def _issue(issue: Any) -> str:
    first = f"{issue.title} ({issue.state}, {issue.state_reason}) {sorted(issue.labels)}"
    return f"{first}\n{NUMBER.sub('', issue.body or '')}"


def houses(emulator: Emulator, server: str, github: FakeGithub) -> House:
    """Make one, empty."""
    return House(*emulator.subscription(), fresh(server), github)
