"""Where a morning is put together: who runs when, and every entry with what is true about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.scenarios import wire
from tests.scenarios.truth import LATENESS, NOTHING, SECOND, Truth, Written
from tests.scenarios.world import Instance, Revision, letters

if TYPE_CHECKING:
    from random import Random

    from tests.scenarios.truth import Entry, Mark
    from tests.scenarios.world import Service, World

SOON = 0.8
"""Share of entries that arrive within two seconds; the rest takes up to the lateness."""
LATEST = LATENESS / SECOND - 0.5


@dataclass(slots=True)
class Stage:
    """A morning in the making, from `begin` to `end` (ns UTC)."""

    chance: Random
    world: World
    begin: int
    end: int
    written: list[Written] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    outages: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    serving: dict[str, list[tuple[int, list[Instance]]]] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)
    revisions: dict[str, int] = field(default_factory=dict)
    cut: float = 0.0

    # --- who runs ---------------------------------------------------------------------------------

    def revision(self, service: Service) -> Revision:
        """Make the next revision of a service."""
        number = self.revisions.get(service.name, self.chance.randint(3, 90)) + 1
        self.revisions[service.name] = number
        name = f"{service.name}-{number:05d}-{letters(self.chance, 3)}"
        return Revision(service, name, f"{self.chance.getrandbits(160):040x}")

    def instance(self, revision: Revision) -> Instance:
        """Start an instance of a revision."""
        return Instance(revision, f"00{self.chance.getrandbits(400):0100x}")

    def serve(self, service: Service, at: int, count: int = 2) -> list[Instance]:
        """Let a new revision of a service take the traffic from `at` on."""
        revision = self.revision(service)
        instances = [self.instance(revision) for _ in range(count)]
        self.serving.setdefault(service.name, []).append((at, instances))
        return instances

    def at_work(self, service: Service, at: int) -> Instance:
        """Return an instance that serves a service's requests at a time."""
        past = [group for begin, group in self.serving[service.name] if begin <= at]
        return self.chance.choice((past or [self.serving[service.name][0][1]])[-1])

    def is_out(self, service: Service, at: int) -> bool:
        """Tell whether a service does not answer at all at a time."""
        return any(begin <= at <= end for begin, end in self.outages.get(service.name, ()))

    def callers(self, service: Service, *, traced: bool = False) -> list[Service]:
        """Return who calls a service, such that each failure tells whom it called.

        A service that has a fault of its own is among them only if its lines carry traces;
        `traced` asks for those that hand the trace on.
        """
        return [
            item
            for item in self.world.callers(service)
            if (item.structured or item.name not in self.targets)
            and (item.propagates or not traced)
        ]

    # --- what is written --------------------------------------------------------------------------

    def truth(self, kind: str, cause: str, service: Service, parts: int = 1) -> int:
        """Begin an incident; return its number."""
        number = len(self.truths) + 1
        self.truths.append(Truth(number, kind, cause, service.name, parts))
        return number

    def trace(self) -> str:
        """Draw the id of a trace."""
        return f"{self.chance.getrandbits(128):032x}"

    def later(self, at: int, low: float, high: float) -> int:
        """Return a moment between so many seconds after `at`."""
        return at + round(self.chance.uniform(low, high) * SECOND)

    def add(self, at: int, entry: Entry, mark: Mark = NOTHING, *, seconds: float = 0) -> None:
        """Log an entry; give it its id, its time and the time at which it arrives.

        What took `seconds` is written at its end, and bears the time of its beginning.
        """
        soon = self.chance.random() < SOON
        earliest = min(seconds + 0.05, LATEST - 1)
        arrives = self.later(at, earliest, min(earliest + 2, LATEST) if soon else LATEST)
        told = {
            "insertId": f"{self.chance.getrandbits(96):024x}",
            **entry,
            "timestamp": wire.wire_time(at),
            "receiveTimestamp": wire.wire_time(arrives),
        }
        self.written.append(Written(at - at % 1000, arrives, told, mark))

    def line(self, at: int, instance: Instance, text: str, mark: Mark = NOTHING) -> None:
        """Log a plain line of standard error."""
        self.add(at, wire.text(self.world.project, instance, text), mark)

    def system(
        self, at: int, instance: Instance, severity: str, text: str, mark: Mark = NOTHING
    ) -> None:
        """Log a line of the platform."""
        self.add(at, wire.system(self.world.project, instance, severity, text), mark)

    def request(self, at: int, instance: Instance, told: wire.Request, mark: Mark = NOTHING) -> int:
        """Log a request that came in at `at`; return when it was answered."""
        entry = wire.request(self.world.project, instance, told)
        self.add(at, entry, mark, seconds=told.seconds)
        return at + round(told.seconds * SECOND)

    def json(self, at: int, instance: Instance, line: wire.Line, mark: Mark = NOTHING) -> None:
        """Log a structured line of the service."""
        self.add(at, wire.structured(self.world.project, instance, line), mark)
