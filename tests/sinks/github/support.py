"""Clients of the fake GitHub whose time passes when they wait."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.audit import SECOND
from pipeline.sinks.github.asking import Manners, World
from pipeline.sinks.github.client import Client
from pipeline.sinks.github.credentials import Credentials, Secret
from pipeline.sinks.github.pacing import Breaker, Budget, Pacer
from pipeline.sinks.github.wire import Patience
from tests.fakes.github import TOKEN, Clock, FakeGithub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.sinks.github.book import Paces

HERE = "example/platform"
PATIENT = Patience(connect=5.0, read=20.0, total=30.0)
BRIEF = 0.05


@dataclass
class Time:
    """Time for a client and its GitHub alike; `waits` are those that were asked for, in seconds."""

    clock: Clock = field(default_factory=lambda: _standing(time.time()))
    waits: list[float] = field(default_factory=list)

    def now(self) -> int:
        """Return nanoseconds since the epoch."""
        return round(self.clock.now().timestamp() * 1_000) * SECOND // 1_000

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.waits.append(seconds)
        self.clock.advance(seconds)

    @property
    def world(self) -> World:
        """What a client is given."""
        return World(self.now, self.sleep)


class Hasty:
    """Patience that lasts, but for requests of those numbers, counted from 1: these get no answer.

    A request begins only when GitHub has taken all before it, so that it does not matter how busy
    the machine is: what was not answered in time has been done or not before anything else is.
    """

    connect, total, most = PATIENT.connect, PATIENT.total, PATIENT.most

    def __init__(self, github: FakeGithub, *numbers: int) -> None:
        self._github = github
        self._numbers = numbers
        self._before = len(github.seen)
        self.count = 0

    @property
    def read(self) -> float:
        """How long is waited for an answer to the next request."""
        self.settle()
        self.count += 1
        return BRIEF if self.count in self._numbers else PATIENT.read

    def settle(self) -> None:
        """Wait until GitHub has taken all requests."""
        until = time.monotonic() + PATIENT.total
        while len(self._github.seen) < self._before + self.count:
            assert time.monotonic() < until, "a request never reached GitHub"
            time.sleep(0.001)


def _standing(began: float) -> Clock:
    return Clock(read=lambda: began)


@contextmanager
def client_of(  # noqa: PLR0913 - what tests vary
    github: FakeGithub,
    passing: Time,
    *,
    credentials: Credentials | None = None,
    budget: Budget | None = None,
    breaker: Breaker | None = None,
    pauses: tuple[int, ...] = (SECOND, 3 * SECOND),
    patience: Patience = PATIENT,
    memory: Paces | None = None,
    renew: Callable[[], bool] = lambda: True,
) -> Iterator[Client]:
    """Make a client of the maintainer's."""
    who = credentials or Credentials(HERE, github.base, Secret(TOKEN))
    manners = Manners(patience=patience, pauses=pauses)
    pacer = Pacer(budget or Budget())
    world = replace(passing.world, memory=memory, renew=renew)
    with Client(who, world, manners=manners, pacer=pacer, breaker=breaker) as client:
        yield client
