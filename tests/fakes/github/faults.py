"""What can go wrong on the way, and at which calls it does.

A rule is `WHERE [WHEN] = FAULT`, rules are separated by `;`:

    issues/create #1 = timeout-after
    POST /repos/*/issues/*/comments #2,4-5 = 502
    issues/* %0.1 = 403-secondary:30
    GET * = slow:0.5

WHERE is an operation of the description or a method and a path, both with `*`. WHEN says which
of the calls there: by number from 1, or each with a chance; without it, all. The number behind the
fault are seconds: how long it takes, or what `Retry-After` or the reset say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING

from .answers import (
    Answer,
    Refusal,
    bad_credentials,
    forbidden,
    gone,
    invalid,
    not_found,
    primary_limit,
    secondary_limit,
    unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .description import Operation

PATIENCE = 30.0
"""How many seconds a call that times out is held, unless it is said or the client hangs up."""

RESET_IN = 60
"""In how many seconds a primary limit is over, unless it is said."""

_RULE = re.compile(
    r"\s*(?P<where>\S.*?)\s*(?:\s#(?P<calls>[\d,\s-]+?)|\s%(?P<chance>[\d.]+))?"
    r"\s*=\s*(?P<fault>[\w-]+)(?::(?P<seconds>[\d.]+))?\s*"
)


class Way(Enum):
    """How a call goes wrong."""

    SILENCE = auto()
    RESET = auto()
    KILL = auto()
    CUT = auto()
    SLOW = auto()
    STALE = auto()
    ANSWER = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by its name; `after` says that what was asked for has been done nevertheless."""

    name: str
    way: Way
    after: bool = False
    seconds: float | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the client gets no answer at all."""
        return self.way in {Way.SILENCE, Way.RESET, Way.KILL}

    def answer(self, operation: Operation | None, now: float) -> Answer:
        """Say what GitHub answers instead; `now` is seconds since the epoch."""
        said = self._said(now)
        documentation = operation.documentation if operation else ""
        return said.answer(documentation) if isinstance(said, Refusal) else said

    def _said(self, now: float) -> Answer | Refusal:
        status = int(self.name[:3])
        wait = None if self.seconds is None else int(self.seconds)
        if self.name.endswith("primary"):
            reset = str(int(now) + (RESET_IN if wait is None else wait))
            spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
            return primary_limit("user ID 1", status, **spent)
        if status in {403, 429} and self.name != "403-forbidden":
            return secondary_limit(wait, status)
        if status >= 500:
            return unavailable(status, wait)
        return _REFUSALS[self.name]()


_REFUSALS: Mapping[str, Callable[[], Refusal]] = {
    "401": bad_credentials,
    "403-forbidden": lambda: forbidden(app=True),
    "404": not_found,
    "410": gone,
    "422": lambda: invalid("Issue", "title", code="custom", message="title is not to our taste"),
}

_WAYS = {
    "timeout": Way.SILENCE,
    "reset": Way.RESET,
    "kill": Way.KILL,
}


def _kinds() -> Iterator[Fault]:
    for name, way in _WAYS.items():
        yield Fault(f"{name}-before", way)
        yield Fault(f"{name}-after", way, after=True)
    for name in ("500", "502", "503"):
        yield Fault(name, Way.ANSWER)
        yield Fault(f"{name}-after", Way.ANSWER, after=True)
    for name in (*_REFUSALS, "403-primary", "403-secondary", "429", "429-primary"):
        yield Fault(name, Way.ANSWER)
    yield Fault("truncated", Way.CUT, after=True)
    yield Fault("slow", Way.SLOW, after=True)
    yield Fault("stale", Way.STALE, after=True)


FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _kinds()}
"""All faults, by name."""


@dataclass(slots=True)
class Rule:
    """At which calls a fault happens; `calls` counts from 1, empty: all, or by chance."""

    where: str
    fault: Fault
    calls: frozenset[int] = frozenset()
    chance: float = 1.0
    seen: int = 0

    def strikes(self, verb: str, path: str, name: str, random: Random) -> bool:
        """Count a call and say whether the fault happens now."""
        if not (fnmatchcase(f"{verb} {path}", self.where) or fnmatchcase(name, self.where)):
            return False
        self.seen += 1
        return self.seen in self.calls if self.calls else random.random() < self.chance


@dataclass(slots=True)
class Faults:
    """All rules; the first that strikes decides."""

    rules: list[Rule] = field(default_factory=list)
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - it is to be repeatable

    def strike(self, verb: str, path: str, name: str) -> Fault | None:
        """Count a call with each rule; return the fault that happens, if any."""
        struck = [rule for rule in self.rules if rule.strikes(verb, path, name, self.random)]
        return struck[0].fault if struck else None


def parse(text: str) -> list[Rule]:
    """Read rules; raise ValueError, which says what is wrong with which."""
    return [_parse(rule) for rule in text.split(";") if rule.strip()]


def _parse(text: str) -> Rule:
    found = _RULE.fullmatch(text)
    if found is None:
        message = f"{text.strip()!r} is no rule; one is: issues/create #1 = timeout-after"
        raise ValueError(message)
    if found["fault"] not in FAULTS:
        message = f"{found['fault']!r} is no fault; there are: {', '.join(sorted(FAULTS))}"
        raise ValueError(message)
    seconds = float(found["seconds"]) if found["seconds"] else None
    fault = FAULTS[found["fault"]]
    return Rule(
        " ".join(found["where"].split()),
        Fault(fault.name, fault.way, fault.after, seconds),
        frozenset(_numbers(found["calls"] or "")),
        float(found["chance"] or 1.0),
    )


def _numbers(text: str) -> Iterator[int]:
    for part in filter(None, map(str.strip, text.split(","))):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
