"""Where the issues of incidents are by the ledger: in repositories of the settings, or in others.

An incident whose issue is in one that the settings do not name any more is left alone: it has one
issue, and gets no second one elsewhere. One that was renamed is asked what it is called now.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.bootstrap.routing import REPOSITORIES
from pipeline.sinks.github.asking import World
from pipeline.sinks.github.book import Paces
from pipeline.sinks.github.client import Client
from pipeline.sinks.github.failures import CallError
from pipeline.tracker.model import Wanted
from pipeline.tracker.routing import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pipeline.bootstrap.reporting import Tracker
    from pipeline.ports import Store


@dataclass(frozen=True, slots=True)
class Stray:
    """An incident whose issue is where the settings lead nobody; `number` 0: it was asked for."""

    incident: str
    repository: str
    number: int

    @property
    def issue(self) -> str:
        """The issue, as GitHub writes it."""
        return f"{self.repository}#{self.number}" if self.number else f"one in {self.repository}"

    @property
    def wanted(self) -> Wanted:
        """What it wants where the others go: to be left alone, with the reason."""
        reason = f"its issue is {self.issue}, in a repository that the settings do not name"
        return Wanted(self.incident, "", "", held=reason)

    @property
    def note(self) -> tuple[str, str]:
        """What brings it back."""
        way = f"add {self.repository} to {REPOSITORIES} to go on in it"
        return self.incident, f"left alone, as its issue is {self.issue}; {way}"


@dataclass(frozen=True, slots=True)
class Standing:
    """In which repository of the settings the issue of an incident is, and which are in none."""

    settled: Mapping[str, str]
    strays: Mapping[str, Stray]


def standing(
    tracker: Tracker, store: Store, incidents: Collection[str], called: Callable[[str], str]
) -> Standing:
    """Return where the issues of incidents are, of those that have one or asked for one.

    `called` says how a repository is called now (`called_now`).
    """
    named = {one.repository.casefold(): one.repository for one in tracker.all}
    settled: dict[str, str] = {}
    strays: dict[str, Stray] = {}
    for repository in sorted(_kept(tracker, store), key=lambda name: (name not in named, name)):
        for incident, delivery in store.deliveries(f"{tracker.server}/{repository}").items():
            known = delivery.known
            if incident not in incidents or not (known.number or known.asked_at):
                continue
            if repository in named:
                settled[incident] = named[repository]
            elif incident not in settled:
                strays.setdefault(incident, Stray(incident, repository, known.number))
    names = {one.repository for one in strays.values()}
    now = {name: named.get(called(name).casefold()) for name in sorted(names)}
    back = {key: place for key, one in strays.items() if (place := now[one.repository])}
    left = {key: one for key, one in strays.items() if key not in back}
    return Standing({**back, **settled}, left)


def newest(tracker: Tracker, store: Store, sleep: Callable[[float], None]) -> int:
    """Return when one of our issues changed last, in whatever repository (ns UTC).

    Raises:
        SinkError: that cannot be asked.

    """
    world = World(time.time_ns, sleep, Paces(store, tracker.server, keeps=False))
    times = [0]
    for one in tracker.all:
        with _client(one, world) as client:
            times.append(client.newest(LABEL))
    return max(times)


def called_now(tracker: Tracker, store: Store, repository: str) -> str:
    """Return what a repository is called now; as it was, where nobody says."""
    world = World(time.time_ns, time.sleep, Paces(store, tracker.server, keeps=False))
    with _client(tracker.of(repository), world) as client:
        try:
            return client.repository().full_name
        except CallError:
            return repository


def _client(tracker: Tracker, world: World) -> Client:
    return Client(tracker.credentials, world, manners=tracker.manners, pacer=tracker.pacer)


def _kept(tracker: Tracker, store: Store) -> set[str]:
    """Return the repositories of the server of which the ledger has anything, in lower case."""
    prefix = f"{tracker.server}/"
    return {name.removeprefix(prefix) for name in store.trackers() if name.startswith(prefix)}
