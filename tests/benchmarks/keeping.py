# ruff: noqa: T201 - a script: it prints
"""How large a store gets in a year of a busy environment.

    python -m tests.benchmarks.keeping [--days 365] [--incidents 50] [--detections 5500]
                                       [--store sqlite:///FILE]

Incidents and detections are those of generated mornings (`tests/scenarios`), told again each day at
other times and by other names, and written as a run that never ends writes them: six times a day
all that changed, with receipts and messages in quarantine; what is over is forgotten, and the store
pruned. A tenth of the detections are of failures that last for thirty days. Nothing is correlated,
and of all days but the last 35 only the first and the last report of an incident are written and a
fiftieth of its detections, as the rest would be forgotten again: so it takes minutes. A store that
is named stays, one that is not is removed.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from pipeline.entry import format_timestamp
from pipeline.incident import State
from pipeline.lifecycle import DAY, HOUR, MINUTE
from pipeline.live import LEASE
from pipeline.ports import Outcome, Poison, Progress
from pipeline.report import Action, Decision
from pipeline.stores.sql.store import SqlStore
from pipeline.tracker.delivering import Delivery
from pipeline.tracker.model import Known, Ours
from tests.scenarios.evaluate import replayed
from tests.scenarios.morning import make_morning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.detection import Detection, Sample
    from pipeline.incident import Incident, Symptom

BEGIN: Final = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z."""

TIMES: Final = (1, 10, 30, 120, 300, 1560)
"""Minutes after its beginning at which an incident is recorded and decided about."""

WHOLE: Final = 35
"""How many days at the end are written wholly: longer than a detection is kept."""

MORNINGS: Final = 8
OVER: Final = 2 * DAY
"""How long after it was logged a detection is forgotten, if its incident is over by then."""

LASTING: Final = 30 * DAY
TRACKER: Final = "github.com/example/platform"


@dataclass(frozen=True, slots=True)
class Pool:
    """What happens every day: outcomes and detections to be told at other times."""

    outcomes: tuple[Outcome, ...]
    detections: tuple[Detection, ...]


@dataclass(slots=True)
class Year:
    """A store that is written as by a run that never ends."""

    store: SqlStore
    pool: Pool
    dice: random.Random
    incidents: int
    detections: int
    lasting: dict[tuple[str, int, str], int] = field(default_factory=dict)
    told: int = 0

    def day(self, number: int, *, wholly: bool) -> None:
        """Write a day, or only what is left of it a month later."""
        begin = BEGIN + number * DAY
        made = [self._incident(begin) for _ in range(self.incidents)]
        steps = range(len(TIMES)) if wholly else (0, len(TIMES) - 1)
        count = self.detections // len(TIMES) // (1 if wholly else 50)
        for step in steps:
            now = begin + TIMES[step] * MINUTE
            outcomes = [_decided(one, step, now) for one in made]
            found = [self._detection(now) for _ in range(count)]
            self.store.lease(LEASE, "me", now + DAY, now)
            self.store.record(found, outcomes, now, progress=self._received(now))
            for one in made:
                self.store.deliver(TRACKER, one.incident.id, _delivery(one.incident.id, step))
        now = begin + DAY
        self.lasting = {key: until for key, until in self.lasting.items() if until > now}
        self.store.lease(LEASE, "me", now + DAY, now)
        self.store.forget(self.lasting.keys(), now - OVER, LEASE, "me")
        self.store.prune(now, now)

    def _received(self, now: int) -> Progress:
        """Receive what is correlated at once, and some of which nobody makes anything."""
        for _ in range(30):
            self.store.receive(self.dice.randbytes(5_000), (), now)
        self.told += 1
        self.store.receive(b"", [Poison(f"m-{self.told}", "no JSON", "x" * 1_000, now)], now)
        receipts = tuple(number for number, _ in self.store.receipts(1_000))
        requests = self.dice.randbytes(50_000)
        return Progress(receipts, b"", now, LEASE, "me", (), requests, now - 2 * HOUR)

    def _incident(self, begin: int) -> Outcome:
        """Make an incident of today."""
        one = self.dice.choice(self.pool.outcomes)
        name = f"inc-{self.dice.randbytes(6).hex()}"
        return _moved(one, name, begin + self.dice.randrange(HOUR) - one.incident.first_seen)

    def _detection(self, now: int) -> Detection:
        """Make a detection of today; note until when it has to be kept."""
        one = self.dice.choice(self.pool.detections)
        at = now - self.dice.randrange(HOUR)
        log_name, _, insert_id = one.key
        key = (log_name, at, f"{insert_id[:6]}{self.dice.randbytes(6).hex()}")
        if not self.dice.randrange(10):
            self.lasting[key] = now + LASTING
        return structs.replace(one, key=key, sample=_sample(one, key))


def _sample(one: Detection, key: tuple[str, int, str]) -> Sample:
    log_name, timestamp, insert_id = key
    return structs.replace(one.sample, timestamp=timestamp, log_name=log_name, insert_id=insert_id)


def _moved(one: Outcome, name: str, by: int) -> Outcome:
    """Return an outcome at another time."""
    incident = one.incident

    def move(symptom: Symptom) -> Symptom:
        begin, end = symptom.first_seen + by, symptom.last_seen + by
        return replace(symptom, first_seen=begin, last_seen=end)

    moved: Incident = replace(
        incident,
        id=name,
        anchor=(incident.anchor[0], incident.anchor[1] + by),
        root=move(incident.root),
        symptoms=tuple(map(move, incident.symptoms)),
    )
    times = {
        "id": name,
        "first_seen": format_timestamp(moved.first_seen),
        "last_seen": format_timestamp(moved.last_seen),
    }
    return replace(one, incident=moved, document=one.document.model_copy(update=times))


def _decided(one: Outcome, step: int, now: int) -> Outcome:
    """Return an outcome as it is reported for the nth time."""
    last = step == len(TIMES) - 1
    state = State.RESOLVED if last else State.ONGOING if step else State.NEW
    decision = Decision(Action.UPDATE if step else Action.CREATE, "it went on")
    return replace(
        one,
        incident=replace(one.incident, state=state),
        report=replace(one.report, body=f"{one.report.body}\n{now}"),
        decision=decision,
        document=one.document.model_copy(update={"state": state.value}),
    )


def _delivery(name: str, step: int) -> Delivery:
    """Return what is known of an issue after some reports."""
    digest = sha256(name.encode()).hexdigest()
    said = frozenset(f"update-{number}-{digest[:16]}" for number in range(step))
    ours = Ours(title=f"[P2] {name} and what it is about", labels=frozenset({"fivewhys", "p2"}))
    known = Known(7, digest, digest, BEGIN, said=said, ours=ours)
    return Delivery(known, told=digest[:16], seen=digest[:16])


def make_pool() -> Pool:
    """Replay mornings; return what came of them."""
    outcomes: list[Outcome] = []
    detections: list[Detection] = []
    for seed in range(1, MORNINGS + 1):
        morning = make_morning(seed)
        with replayed((one.entry for one in morning.written), morning.catalog) as result:
            outcomes += result.outcomes
            detections += (one for one, _ in result.detections())
    return Pool(tuple(outcomes), tuple(detections))


def measured(call: Callable[[], Any]) -> str:
    """Return how long a call takes, of this process alone."""
    begin = time.process_time()
    found = call()
    return f"{(time.process_time() - begin) * 1_000:8,.0f} ms, {len(found):,} rows"


def report(store: SqlStore, days: int) -> None:
    """Print what there is now, and how long it takes to read what a service reads."""
    size = store.size()
    print(f"\nafter {days} days: {size.total / 1e6:,.0f} MB; {dict(size.rows)}")
    since: Sequence[tuple[str, Callable[[], Any]]] = (
        ("neighbours", store.neighbours),
        ("incidents", store.incidents),
        ("deliveries", lambda: store.deliveries(TRACKER)),
        ("ledger", store.ledger),
        ("anchors", lambda: store.anchors(BEGIN + days * DAY)),
        ("detections", store.detections),
    )
    for name, call in since:
        print(f"  {name:<12}{measured(call)}", flush=True)


def main() -> None:
    """Write a year, and say what came of it each quarter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--incidents", type=int, default=50)
    parser.add_argument("--detections", type=int, default=5_500)
    parser.add_argument("--store", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = args.store or f"sqlite:///{Path(folder, 'store.db')}"
        with SqlStore(url) as store:
            dice = random.Random(1)  # noqa: S311 - no secret
            year = Year(store, make_pool(), dice, args.incidents, args.detections)
            for number in range(args.days):
                year.day(number, wholly=number >= args.days - WHOLE)
                if number % 91 == 90 or number == args.days - 1:
                    report(store, number + 1)


if __name__ == "__main__":
    main()
