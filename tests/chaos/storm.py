"""Replicas that are killed, connections that are cut, and what comes of it in the end."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import make_url

from tests.chaos.entries import make_texts
from tests.chaos.house import House, houses
from tests.chaos.proxy import Proxy, proxy
from tests.fakes.github import FakeGithub, running

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence

    from tests.fakes.pubsub import Emulator

SEED: Final = 3
"""Of entries that hold several incidents from the beginning."""

TICK: Final = 0.05
SPANS: Final = {(0.0, 5.0): 7, (36.0, 60.0): 1}
"""Seconds after which a process is killed once it has started, and how many of eight.

Some live for longer than an incident has to be known until it is reported.
"""

EARLY: Final = (0.1, 3.0)
"""Seconds after which one in ten is killed, whether it has started or not."""

AT_ONCE: Final = 20
"""Messages that are published together, at least."""

SPELL: Final = 10
"""Kills with one replica, then so many with two; fewer where there are few."""

PACE: Final = 9.0
"""Seconds from one kill to the next, about: so long the messages of one kill take to be published.

By the clock, and not by kills, some of which are a minute apart: lines of one traceback that are
out of order would come later than half a minute after one another, and count by themselves.
"""

PULLS: Final = 2.0
"""Seconds after which a process that has started is taken to pull."""

REACH: Final = 20.0
"""Seconds within which messages have to reach a process that is to be killed with them in hand."""

HOLDS: Final = (0.2, 1.5)
"""Seconds for which it has them then, and cannot keep them."""

CUT_EVERY: Final = 12.0
CUT_FOR: Final = (0.1, 5.0)
DRAIN: Final = 600
"""Seconds in which what is left has to be drained."""

POISON: Final = (b"no JSON \xff", b"[1, 2]", b'{"severity": 1', b'"text"')


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of it."""

    kills: int
    entries: int
    seed: int = SEED

    def is_double(self, killed: int) -> bool:
        """Whether there are two replicas once so many were killed."""
        spell = max(1, min(SPELL, self.kills // 4))
        return killed // spell % 2 == 1


@dataclass(frozen=True, slots=True)
class Result:
    """What was done, in a line; and what is not as it should be.

    `cuts` are those of the store, of GitHub and of Pub/Sub; `caught` are kills of processes that
    had pulled and could not keep.
    """

    summary: str
    problems: list[str]
    issues: int = 0
    caught: int = 0
    cuts: tuple[int, ...] = ()


@dataclass
class Replica:
    """A place for one process at a time; `span` is how long it lives once it has started.

    `since`: when it started, or when the next one may; 0: it has not yet said so.
    """

    process: subprocess.Popen[bytes] | None = None
    log: Path = Path()
    since: float = 0
    span: float = 0

    @property
    def pulls(self) -> bool:
        """Whether it has gone on for so long that it may be taken to pull."""
        return bool(self.log.stat().st_size) and time.monotonic() - self.since >= PULLS

    @property
    def share(self) -> float:
        """How much of its life is over."""
        if self.process is None or not self.since:
            return 0
        return min(1.0, (time.monotonic() - self.since) / self.span)

    def look(self) -> None:
        """See whether it has started."""
        if self.process is not None and not self.since and self.log.stat().st_size:
            self.since = time.monotonic()


@dataclass
class Cutter:
    """Cuts a proxy now and then."""

    proxy: Proxy
    chance: random.Random
    due: float = field(init=False)
    is_cut: bool = False

    def __post_init__(self) -> None:
        self.due = time.monotonic() + self.chance.uniform(0, CUT_EVERY)

    def go_on(self) -> None:
        """Cut or mend what is due."""
        now = time.monotonic()
        if now < self.due:
            return
        if self.is_cut:
            self.mend()
            self.due = now + self.chance.expovariate(1 / CUT_EVERY)
            return
        self.chance.choice((self.proxy.cut, self.proxy.stall))()
        self.is_cut = True
        self.due = now + self.chance.uniform(*CUT_FOR)

    def mend(self) -> None:
        """Mend it."""
        self.proxy.mend()
        self.is_cut = False


def storm(
    emulator: Emulator, server: str, plan: Plan, folder: Path, tell: Callable[[str], None]
) -> Result:
    """Let a storm rage over one house, and hold it against another one, where it is quiet."""
    texts = make_texts(plan.seed, plan.entries)
    texts[: len(POISON)] = POISON
    with ExitStack() as stack:
        quiet, rough = (
            houses(emulator, server, stack.enter_context(running(FakeGithub()))) for _ in range(2)
        )
        emulator.publish(quiet.topic, texts)
        calm = quiet.start(folder / "quiet.log", "--until-idle")
        weather = _Weather(
            emulator=emulator, house=rough, plan=plan, texts=texts, folder=folder, tell=tell
        )
        stack.callback(weather.end)
        stack.callback(calm.kill)
        weather.rage(stack)
        early = rough.issues()
        tell(f"{weather.killed} killed; draining")
        calm.wait(DRAIN)
        drains = weather.drain()
        if quiet.waiting():  # an edit that followed another one within `group_interval`
            _drain(quiet, folder, "quiet-drain")
        ours, theirs = rough.findings(), quiet.findings()
    problems = [f"a traceback in {one}" for one in sorted(folder.iterdir()) if _is_broken(one)]
    problems += [] if calm.returncode == 0 else ["the quiet run failed"]
    problems += [f"quiet: {count} left in {name}" for name, count in theirs.left.items() if count]
    problems += ours.differences(theirs)
    problems += [] if theirs.issues else ["the quiet run filed nothing: this shows nothing"]
    detections = sum(row[2] for one in ours.incidents.values() for row in one["symptoms"])
    summary = (
        f"{weather.killed} kills ({weather.caught} between pull and keep), "
        f"{weather.gave_up} gave up, {sum(weather.cuts)} cuts "
        f"({', '.join(map(str, weather.cuts))}: store, GitHub, Pub/Sub), {drains} drains; "
        f"{len(texts):,} messages, {detections:,} detections, {len(ours.incidents)} incidents, "
        f"{len(ours.issues)} issues ({early} of them before the drain)"
    )
    return Result(summary, problems, len(ours.issues), weather.caught, weather.cuts)


class _Weather:
    """What happens to a house."""

    def __init__(  # noqa: PLR0913 - all that it works with
        self,
        *,
        emulator: Emulator,
        house: House,
        plan: Plan,
        texts: Sequence[bytes],
        folder: Path,
        tell: Callable[[str], None],
    ) -> None:
        self._emulator = emulator
        self._house = house
        self._plan = plan
        self._texts = texts
        self._folder = folder
        self._tell = tell
        self._chance = random.Random(plan.seed)  # noqa: S311 - no secret
        self._replicas = Replica(), Replica()
        self._lives = _lives(self._chance)
        self._ports: dict[str, int] = {}
        self._published = 0
        self._begun = time.monotonic()
        self._started = 0
        self._cutters: tuple[Cutter, ...] = ()
        self._was_caught = False
        self.killed = self.gave_up = self.caught = 0
        self.cuts: tuple[int, ...] = ()

    def rage(self, stack: ExitStack) -> None:
        """Publish everything, while processes are killed and connections cut."""
        targets: dict[str, int | str] = {
            "store_port": socket_of(self._house.store),
            "github_port": port_of(self._house.github.base),
            "pubsub_port": port_of(self._emulator.address),
        }
        proxies = [stack.enter_context(proxy(target)) for target in targets.values()]
        self._ports = {name: one.port for name, one in zip(targets, proxies, strict=True)}
        dice = (random.Random(self._chance.random()) for _ in proxies)  # noqa: S311 - no secret
        self._cutters = tuple(map(Cutter, proxies, dice))
        while self.killed < self._plan.kills:
            for number, one in enumerate(self._replicas):
                self._go_on(one, is_wanted=number == 0 or self._plan.is_double(self.killed))
            for cutter in self._cutters:
                cutter.go_on()
            self._publish(self._due)
            time.sleep(TICK)
        for cutter in self._cutters:
            cutter.mend()
        self.cuts = tuple(one.cuts for one in proxies)
        self._publish(self._plan.kills)
        self.end()

    @property
    def _due(self) -> float:
        """Of how many kills the messages are due by now.

        Half of those of each kill to come are for who is to be killed with messages in hand.
        """
        by_clock = (time.monotonic() - self._begun) / PACE
        return min(by_clock, (self.killed + self._plan.kills) / 2)

    def drain(self) -> int:
        """Let processes drain what is left; return how many it took."""
        return _drain(self._house, self._folder, "drain", **self._ports)

    def end(self) -> None:
        """Kill what is alive."""
        for one in self._replicas:
            if one.process is not None:
                one.process.kill()
                one.process.wait()

    def _go_on(self, replica: Replica, *, is_wanted: bool) -> None:
        now = time.monotonic()
        replica.look()
        if replica.process is not None and replica.process.poll() is not None:
            self.gave_up += 1
            replica.process, replica.since = None, now + 0.5
        if replica.share == 1:
            self._was_caught = not self._was_caught and replica.pulls and self._catch()
            self.caught += self._was_caught
            self._kill(replica)
        if replica.process is None and is_wanted and now >= replica.since:
            self._start(replica)

    def _catch(self) -> bool:
        """Kill all that is alive once messages came that cannot be kept; return whether they did.

        Who acknowledged them nevertheless has lost them now.
        """
        for cutter in self._cutters:
            cutter.mend()
        store, _, pubsub = (cutter.proxy for cutter in self._cutters)
        store.stall()
        until, published, answered = time.monotonic() + REACH, self._published, pubsub.answered
        self._publish(self._due + 1 / 2)
        size = sum(map(len, self._texts[published : self._published]))
        while pubsub.answered < answered + size and time.monotonic() < until:
            time.sleep(TICK)
        time.sleep(self._chance.uniform(*HOLDS))
        for one in self._replicas:
            self._kill(one)
        store.mend()
        return size > 0 and pubsub.answered >= answered + size

    def _kill(self, replica: Replica) -> None:
        if replica.process is None or self.killed == self._plan.kills:
            return
        replica.process.kill()
        replica.process.wait()
        replica.process = None
        self.killed += 1
        if self.killed % 10 == 0:
            self._tell(f"{self.killed} killed, {self._published:,} published")

    def _start(self, replica: Replica) -> None:
        self._started += 1
        replica.log = self._folder / f"{self._started:04d}.log"
        replica.process = self._house.start(replica.log, **self._ports)
        is_early = self._chance.random() < 1 / 10
        replica.since = time.monotonic() if is_early else 0
        replica.span = self._chance.uniform(*EARLY) if is_early else next(self._lives)

    def _publish(self, passed: float) -> None:
        """Publish what is due for so many kills."""
        share = min(1.0, passed / self._plan.kills)
        due = self._texts[self._published : int(share * len(self._texts))]
        if len(due) >= AT_ONCE or (due and share == 1):
            self._emulator.publish(self._house.topic, due)
            self._published += len(due)


def _drain(house: House, folder: Path, name: str, **ports: int) -> int:
    """Let processes drain what is left in a house; return how many it took."""
    until = time.monotonic() + DRAIN
    for count in range(1, 10):
        left = max(1.0, until - time.monotonic())
        process = house.start(folder / f"{name}-{count}.log", "--until-idle", **ports)
        try:
            process.wait(left)
        finally:
            process.kill()
        if process.returncode == 0 and not house.waiting():
            return count
    return count


def _lives(chance: random.Random) -> Iterator[float]:
    """Yield how long processes live: of each eight so many for long, in any order."""
    deck = [span for span, count in SPANS.items() for _ in range(count)]
    while True:
        chance.shuffle(deck)
        yield from (chance.uniform(*span) for span in deck)


def _is_broken(log: Path) -> bool:
    return "Traceback" in log.read_text("utf-8", errors="replace")


def port_of(address: str) -> int:
    """Return the port of `host:port`."""
    return int(address.rsplit(":", 1)[1])


def socket_of(url: str) -> str:
    """Return the socket at which the server of a store listens."""
    return f"{make_url(url).query['host']}/.s.PGSQL.5432"
