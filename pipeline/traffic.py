"""How many requests there were: different ones, of one log and service, in a span of time.

Told request by request, in any order, copies included; kept in a spool, and counted only when
somebody asks about a service: by second, each identity once. What was answered can be kept and told
to a later run, which has not read these requests; then the larger number counts.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pipeline.entry.requests import SECOND
from pipeline.entry.value import log_name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.entry.requests import Place, Requests

    Answers = dict["Question", int]

ROW = 3 * array("q").itemsize
"""Bytes of a row in the spool: a number for the place, the identity, the moment."""

AT_ONCE = 500_000
"""Requests that are sorted at once to count them, at most."""

LEAST = 200_000
"""Requests that stay however old they are (5 MB): as many as what is read at once may tell of, at
one request a message. Of hours of a backlog all would be gone else before any are counted."""

PIECE = 16 * 1024
"""Bytes of old rows that are joined: of many small pieces reading would take long."""

NEVER = 2**63
"""A second that does not come."""

MOST = 20_000
"""Places of which a run that never ends counts requests; where more seem to have some, their names
are no names."""

KEPT = 90 * 24 * 3600
"""Seconds for which an answer is kept."""


class Question(NamedTuple):
    """How many requests of a service one log has from a second to another, both included."""

    service: str
    log_name: str
    since: int
    until: int


class Rows(Protocol):
    """Where rows lie: `ports.Spool` is one."""

    def add(self, data: bytes) -> None:
        """Add some rows."""

    def read(self) -> Iterator[bytes]:
        """Yield all bytes in pieces of whole rows."""


@dataclass(slots=True)
class RecentRows:
    """Rows of requests, those of the last `span` seconds: for a run that never ends.

    The last `least` that came stay in any case.

    `come` tells by the clock up to when requests can be (seconds UTC). One that is dated ahead is
    taken for one of then: it makes no others older, and is kept no longer than they are.
    """

    span: int
    come: Callable[[], int] = lambda: NEVER
    least: int = LEAST
    _latest: int = 0
    _count: int = 0
    _pieces: deque[tuple[int, bytes]] = field(default_factory=deque)
    _old: deque[bytes] = field(default_factory=deque)

    def add(self, data: bytes) -> None:
        """Add some rows, and forget those that are older than any that is asked for."""
        rows = array("q", data)
        if not rows:
            return
        newest = min(max(rows[2::3]) >> 1, self.come())
        self._latest = max(self._latest, newest)
        self._pieces.append((newest, data))
        self._count += len(data) // ROW
        while self._pieces[0][0] < self._latest - self.span:
            self._put_by(self._pieces.popleft()[1])
        while self._old and self._count - len(self._old[0]) // ROW >= self.least:
            self._count -= len(self._old.popleft()) // ROW

    def _put_by(self, data: bytes) -> None:
        """Keep old rows, as long as these are not too many."""
        if self._old and len(self._old[-1]) < min(PIECE, self.least * ROW // 8):
            data = self._old.pop() + data
        self._old.append(data)

    def read(self) -> Iterator[bytes]:
        """Yield all rows in the order in which they were added."""
        return chain(self._old, (data for _, data in self._pieces))


class Counted(NamedTuple):
    """Seconds in which there were requests, ascending; how many by the end of each.

    `well` is the first second in which one went well, None if none did.
    """

    seconds: list[int]
    sums: list[int]
    well: int | None

    def total(self, since: int, until: int) -> int:
        """Return how many there were in a span, 0 unless one went well before it."""
        if self.well is None or self.well >= since:
            return 0
        return self._by(until + 1) - self._by(since)

    def _by(self, second: int) -> int:
        """Return how many there were before a second."""
        at = bisect_left(self.seconds, second)
        return self.sums[at - 1] if at else 0


def merged(answers: Mapping[Question, int], others: Mapping[Question, int]) -> Answers:
    """Return all answers; of two to one question the greater: nobody counts what is not there."""
    return {
        asked: max(answers.get(asked, 0), others.get(asked, 0)) for asked in {**answers, **others}
    }


def still_asked(answers: Mapping[Question, int], now: int) -> Answers:
    """Return the answers that are to be kept at `now` (event time, ns UTC)."""
    since = asked_since(now)
    return {asked: total for asked, total in answers.items() if asked.until >= since}


def asked_since(now: int) -> int:
    """Return the second from which on the end of a question has to be, for its answer to be kept.

    `now` is event time (ns UTC).
    """
    return now // SECOND - KEPT


@dataclass(slots=True)
class Traffic:
    """All requests of a run; `answers` are those given, and those that were given before.

    `version` changes with every change. `changed` are the questions with another answer than was
    recalled; who kept these clears it. Of the first `most` places requests are counted, None is of
    all: in a run that ends the order in which they come must not matter.
    """

    rows: Rows
    redact: Callable[[str], str] = str
    answers: Answers = field(default_factory=dict)
    at_once: int = AT_ONCE
    version: int = 0
    most: int | None = None
    changed: set[Question] = field(default_factory=set)
    _asked: set[Question] = field(default_factory=set)
    _numbers: dict[Place, int] = field(default_factory=dict)
    _raw: dict[Place, int] = field(default_factory=dict)
    _counted: dict[int, Counted] = field(default_factory=dict)

    def add(self, requests: Requests) -> None:
        """Take requests as `entry.requests` tells them."""
        for place, told in requests.items():
            if place not in self._raw and self.most is not None and len(self._raw) >= self.most:
                continue
            rows = array("q", bytes(len(told) // 2 * ROW))
            rows[0::3] = array("q", [self._number(place)]) * (len(told) // 2)
            rows[1::3], rows[2::3] = told[0::2], told[1::2]
            self.rows.add(rows.tobytes())
            self._counted.clear()
            self.version += 1

    def recall(self, answers: Mapping[Question, int]) -> None:
        """Take answers that were given before."""
        self.answers = merged(self.answers, answers)
        self.version += 1

    def total(self, place: tuple[str, str], since: int, until: int) -> int:
        """Return how many requests one log has of a service in a span (ns UTC, both ends in).

        0 if nobody can tell: unless one is known that went well before the span.
        """
        service, log_name = place[0], log_name_of(place[1])
        asked = Question(service, log_name, since // SECOND, until // SECOND)
        number = self._numbers.get((service, log_name))
        known = self.answers.get(asked, 0)
        if number is not None:
            if number not in self._counted:
                self._counted[number] = self._count(number)
            known = max(known, self._counted[number].total(asked.since, asked.until))
        if known:
            if known != self.answers.get(asked):
                self.changed.add(asked)
            self.answers[asked] = known
            self._asked.add(asked)
        return known

    def ask_anew(self) -> None:
        """Begin to note anew what is asked."""
        self._asked = set()

    def forget(self, until: int) -> tuple[Question, ...]:
        """Forget what was not asked since then, of spans that end before a time (ns UTC).

        Return what nobody asks any more, in order.
        """
        over = (one for one in self.answers.keys() - self._asked if one.until < until // SECOND)
        gone = tuple(sorted(over))
        for one in gone:
            del self.answers[one]
        self.changed.difference_update(gone)
        return gone

    def news(self) -> Answers:
        """Return the answers that changed."""
        return {asked: self.answers[asked] for asked in self.changed}

    def _number(self, place: Place) -> int:
        """Return the number of a place, the same for all that look alike without their secrets."""
        if place not in self._raw:
            fit = (self.redact(place[0]), self.redact(place[1]))
            self._raw[place] = self._numbers.setdefault(fit, len(self._numbers))
        return self._raw[place]

    def _count(self, number: int) -> Counted:
        """Count the different requests of a place by second."""
        import numpy as np  # noqa: PLC0415 - takes long to load, and nobody may ask

        total = sum(len(piece) // ROW for piece in self.rows.read())
        parts = 1 << (total // self.at_once).bit_length()  # a power of two: a mask parts them
        by_second = dict[int, int]()
        well: int | None = None
        for part in range(parts):
            own = [np.zeros((0, 3), np.int64)]
            for piece in self.rows.read():
                rows = np.frombuffer(piece, np.int64).reshape(-1, 3)
                mine = (rows[:, 0] == number) & (rows[:, 1] & (parts - 1) == part)
                own.append(rows[mine])
            found = np.concatenate(own)
            found = found[np.lexsort((found[:, 2], found[:, 1]))]
            last = np.append(found[1:, 1] != found[:-1, 1], np.ones(min(len(found), 1), bool))
            moments = found[last, 2]  # of copies that differ the one that went well
            seconds, counts = np.unique(moments >> 1, return_counts=True)
            for second, count in zip(seconds.tolist(), counts.tolist(), strict=True):
                by_second[second] = by_second.get(second, 0) + count
            good = moments[moments & 1 == 1] >> 1
            if len(good):
                first = int(good.min())
                well = first if well is None else min(well, first)
        ordered = sorted(by_second)
        sums = list(accumulate(by_second[second] for second in ordered))
        return Counted(ordered, sums, well)
