"""Errors in the words of one service only, that no rule can know beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.scenarios import wire
from tests.scenarios.telling import Told, plain_request, tell_error
from tests.scenarios.tracebacks import Raised, own, render, serving
from tests.scenarios.truth import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.scenarios.stage import Stage
    from tests.scenarios.truth import Mark
    from tests.scenarios.world import Instance, Service

    Pattern = Callable[[Random, Service], str]


def _stale_ledger(chance: Random, service: Service) -> str:
    number, days = chance.randint(1000, 999_999), chance.randint(2, 40)
    return f"ledger page {number} of {service.tables[0]} was closed {days} days before its last row"


def _checksum(chance: Random, _: Service) -> str:
    first, second = chance.getrandbits(64), chance.getrandbits(64)
    return (
        f"bundle {chance.getrandbits(32):08x}: seal {first:016x} is not {second:016x}, left aside"
    )


def _partner(chance: Random, service: Service) -> str:
    amount = chance.uniform(1, 900)
    return (
        f"partner feed answered with {chance.randint(2, 90)} rows too few for {service.things[0]} "
        f"(difference {amount:.2f}) after {chance.uniform(0.2, 9):.1f}s"
    )


def _upside_down(chance: Random, service: Service) -> str:
    name = f"/data/{service.package}/{chance.randint(1, 99)}/plan-{chance.getrandbits(24):06x}.pdf"
    return f"plan '{name}' ends before it begins"


PATTERNS: Final[tuple[Pattern, ...]] = (_stale_ledger, _checksum, _partner, _upside_down)
RAISING: Final = 2
"""Patterns from this one on are raised while a request is served; the others are only logged."""


def patterns_for(stage: Stage, service: Service) -> list[int]:
    """Draw one or two patterns whose entries can be told apart.

    Without traces nothing tells which of two errors a failed request met.
    """
    if service.structured:
        return stage.chance.sample(range(len(PATTERNS)), stage.chance.randint(1, 2))
    return stage.chance.choice(([0, 1], [2], [3]))


def strange(stage: Stage, service: Service, pattern: int, at: int, mark: Mark) -> None:
    """Log errors of one pattern, each with other values."""
    tell = _raise if pattern >= RAISING else _log
    for _ in range(stage.chance.randint(2, 15)):
        at = stage.later(at, 5, 200)
        tell(stage, stage.at_work(service, at), pattern, at, mark)


def _log(stage: Stage, instance: Instance, pattern: int, at: int, mark: Mark) -> None:
    service = instance.service
    text = PATTERNS[pattern](stage.chance, service)
    if service.structured:
        stage.json(at, instance, wire.Line("ERROR", text), mark.shows_cause())
    else:
        stage.line(at, instance, f"ERROR:{service.package}.jobs:{text}", mark.shows_cause())


def _raise(stage: Stage, instance: Instance, pattern: int, at: int, mark: Mark) -> None:
    service, text = instance.service, PATTERNS[pattern](stage.chance, instance.service)
    kind, function = (("FeedMismatch", "weigh"), ("BrokenPlan", "lay_out"))[pattern - RAISING]
    error = f"{service.package}.errors.{kind}: {text}"
    frames = (
        *serving(service, function),
        *own(service, (f"{function}.py", "check", f"raise {kind}(text)")),
    )
    request = plain_request(stage, instance, 500, stage.chance.uniform(0.05, 0.5))
    told = Told(f"{function} failed", render(Raised(frames, error)), error, request.trace)
    tell_error(stage, at, instance, told, mark.shows_cause())
    stage.request(at - round(request.seconds * SECOND) + 2_000_000, instance, request, mark)
