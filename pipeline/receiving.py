"""From a subscription into the store: pulled, examined, kept, and only then acknowledged.

Any number of processes may do this at once. What comes again, because an acknowledgement got lost
or somebody was killed before it, is kept again, and counts once: whoever correlates knows entries
by their keys.
"""

from __future__ import annotations

import json
from collections import deque
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final

from pipeline.audit import SECOND
from pipeline.entry import decode_json, parse_line
from pipeline.entry.value import come_by
from pipeline.examining import Examined, Examiner, Window
from pipeline.messages import batch_of
from pipeline.ports import Poison
from pipeline.receipts import redacted, written
from pipeline.received import LATE, LATE_AFTER, Received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.detection import Detector
    from pipeline.ports import Feed, Inbox, Message

QUOTED: Final = 4_000
"""Characters of a message that are kept in quarantine."""

TELLING: Final = 5 * SECOND
"""Time between two receipts that tell only of event time: it may be all there ever is to tell."""

TOLD: Final = 1_000
"""Messages that are remembered to have been left to a dead-letter topic: each comes many times."""

PASSED_ON: Final = 200
"""Deliveries by which a dead-letter topic has a message, if it ever gets it: it is to after 100 at
most, counted about. Where Pub/Sub may not publish there, a message comes again for ever."""

LONGEST_WORD: Final = 1_000
"""Characters that go of a word that was cut, which most secrets are shorter than."""

_EVER: Final = Window()


class Left:
    """Tells of messages that are left to a dead-letter topic, of each once: they come many times.

    Receivers that work at once share it, as each of them may get what another one gave back.
    """

    def __init__(self, tell: Callable[[Poison], None]) -> None:
        self._tell = tell
        self._told: deque[str] = deque(maxlen=TOLD)
        self._lock = Lock()

    def __call__(self, poison: Poison) -> None:
        """Tell of it, when it comes for the first time."""
        with self._lock:
            if poison.name in self._told:
                return
            self._told.append(poison.name)
        self._tell(poison)


class Receiver:
    """Takes what a subscription delivers.

    `clock` tells the time in nanoseconds UTC. `counting`: a rule asks how many requests there were.
    `keeps_poison`: messages that hold no entry go into quarantine and are acknowledged; else they
    are given back, so that the subscription counts its attempts and passes them to its dead-letter
    topic; if it has none, or never gets them, they are kept all the same. `left` is told of each
    that is given back: there only the message comes, and not what is wrong with it.
    """

    def __init__(  # noqa: PLR0913 - the parts of the house, each passed in by name
        self,
        *,
        feed: Feed,
        inbox: Inbox,
        detector: Detector,
        clock: Callable[[], int],
        counting: bool = True,
        keeps_poison: bool = True,
        left: Callable[[Poison], None] = lambda _: None,
    ) -> None:
        self._feed = feed
        self._inbox = inbox
        self._detector = detector
        self._clock = clock
        self._counting = counting
        self._keeps_poison = keeps_poison
        self._left = left
        self._marked_at = self._timed_at = 0

    def step(self) -> Received:
        """Pull once, keep what came, acknowledge it; return what it was.

        Raises:
            SourceError: the subscription cannot be pulled from.
            StoreError: nothing can be kept; what was pulled was given back.

        """
        return self.take(self._feed.pull())

    def take(self, messages: Sequence[Message]) -> Received:
        """Keep what some messages hold, and acknowledge them.

        Raises:
            StoreError: nothing can be kept; they were given back.

        """
        if not messages:
            return Received()
        begun = self._clock()
        try:
            examined = self._examine(messages)
            receipt = self._written(examined, begun)
        except Exception as error:  # noqa: BLE001 - our own mistake: one entry must not stop all
            if len(messages) > 1:
                return self._take_halves(messages)
            examined, receipt = Examined(), b""
            reason = f"{type(error).__name__} while it was examined"
            poison = [self._poison(one, reason) for one in messages]
        else:
            named = {one.name: one for one in messages}
            poison = [self._poison(named[one.place], one.reason) for one in examined.rejections]
        kept_here = {one.name for one in messages if self._keeps(one)}
        left = {one.name for one in poison} - kept_here
        late = self._late(one for one in messages if one.name not in left)
        self._keep(messages, receipt, [one for one in poison if one.name not in left], late)
        kept = self._clock()
        self._settle(messages, left)
        for one in poison:
            if one.name in left:
                self._left(one)
        times = {"working": kept - begun, "acknowledging": self._clock() - kept}
        return _received(messages, examined, poison)._replace(late=late, **times)

    def _take_halves(self, messages: Sequence[Message]) -> Received:
        """Take one half after the other; if the first cannot be kept, both are given back."""
        middle = len(messages) // 2
        try:
            first = self.take(messages[:middle])
        except BaseException:
            self._feed.give_back(messages[middle:])
            raise
        return first.and_more(self.take(messages[middle:]))

    def _examine(self, messages: Sequence[Message]) -> Examined:
        latest = come_by(self._clock())
        # A new one each time: it remembers what it told, and who reads receipts may not know it.
        examiner = Examiner(
            self._detector, _EVER, latest=latest, counting=self._counting, lasting=True
        )
        return examiner(batch_of(messages))

    def _written(self, examined: Examined, now: int) -> bytes:
        """Return a receipt; also one that tells only of event time, now and then."""
        receipt = written(examined, self._detector)
        if receipt or 0 <= now - self._timed_at < TELLING:
            return receipt
        self._timed_at = now
        return written(examined, self._detector, tells_time=True)

    def _keep(
        self, messages: Sequence[Message], receipt: bytes, poison: Sequence[Poison], late: int
    ) -> None:
        """Keep it for certain, or give it back."""
        try:
            if late:
                self._mark_late()
            self._inbox.receive(receipt, poison, self._clock())
        except BaseException:
            self._feed.give_back(messages)
            raise

    def _late(self, messages: Iterable[Message]) -> int:
        """Count those that came late."""
        since = self._clock() - LATE_AFTER
        return sum(0 < one.published <= since for one in messages)

    def _mark_late(self) -> None:
        """Note that something came late, now and then: what belongs to it may come later still."""
        now = self._clock()
        if not 0 <= now - self._marked_at < LATE_AFTER:
            self._inbox.keep_mark(LATE, now)
            self._marked_at = now

    def _settle(self, messages: Sequence[Message], left: set[str]) -> None:
        """Acknowledge all but what is left to the subscription, by name."""
        self._feed.acknowledge([one for one in messages if one.name not in left])
        if left:
            self._feed.give_back([one for one in messages if one.name in left])

    def _keeps(self, message: Message) -> bool:
        """Whether a message goes into quarantine if it is poison, as nobody else takes it."""
        return self._keeps_poison or not 0 < message.attempt <= PASSED_ON

    def _poison(self, message: Message, reason: str) -> Poison:
        text = self._without_secrets(message.data)[:QUOTED]
        return Poison(message.name, self._detector.redact(reason), text, self._clock())

    def _without_secrets(self, data: bytes) -> str:
        """Return the text of a message, which is JSON if it was and is not too long to be kept."""
        if len(data) <= 2 * QUOTED:
            with suppress(ValueError):
                found = self._redacted(data)
                return json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        text = data[: 2 * QUOTED].decode(errors="replace")
        return self._detector.redact(text if len(data) <= 2 * QUOTED else _without_last_word(text))

    def _redacted(self, data: bytes) -> object:
        """Return what is JSON without secrets; an entry is still known by the same key.

        Raises:
            ValueError: it is no JSON.

        """
        value = decode_json(data)
        found = self._detector.redact_value(value)
        if found is not value:  # else its key is what it was, too
            with suppress(Exception):  # to tell its key may be what we fail in: it is kept
                entry = parse_line(data, "")
                return found if entry is None else redacted(entry, self._detector)
        return found


def _without_last_word(text: str) -> str:
    """Return a text that was cut, which may be amid a secret: its beginning looks like none."""
    head, tail = text[:-LONGEST_WORD], text[-LONGEST_WORD:]
    words = tail.rsplit(maxsplit=1)
    return head + words[0] if len(words) > 1 else head


def _received(
    messages: Sequence[Message], examined: Examined, poison: Sequence[Poison]
) -> Received:
    heard = examined.heard.rows
    return Received(
        messages=len(messages),
        entries=len(examined.parsed) + len(examined.passed) - examined.own,
        detections=sum(len(one.detections) for one in examined.told),
        poison=len(poison),
        own=examined.own,
        heard=len(heard) // 2,
        unmatched=sum(1 for digest in heard[1::2] if digest),
        latest=examined.watermark,
    )
