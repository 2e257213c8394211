"""What is in quarantine: shown, examined again, or dropped."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline import receipts
from pipeline.bootstrap.keeping import check_kept_store, open_kept_store
from pipeline.bootstrap.reading import Mistakes, load_rules, read_redactor
from pipeline.detection import Detector
from pipeline.errors import ConfigurationError, Mistake
from pipeline.ports import Message
from pipeline.receiving import Receiver
from pipeline.redaction import Redactor
from pipeline.rule import RuleSet
from pipeline.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pipeline.ports import Poison, Store

AT_ONCE = 500
"""Messages that are examined together."""


@dataclass(slots=True)
class _Kept:
    """`ports.Feed` of what is in quarantine: notes which messages hold an entry now."""

    taken: set[str] = field(default_factory=set)

    def pull(self) -> Sequence[Message]:
        """Return nothing: what is to be taken is given to who takes it."""
        return ()

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Note that messages need not be kept any longer."""
        self.taken.update(one.name for one in messages)

    def give_back(self, messages: Sequence[Message]) -> None:
        """Let messages stay."""


def listed(store: str) -> Sequence[Poison]:
    """Return what is in quarantine, in the order in which it came.

    Raises:
        ConfigurationError: there is no such store.
        StoreError: it cannot be opened.

    """
    with open_kept_store(store) as opened:
        return opened.poison()


def retry(
    store: str, numbers: Collection[int], *, rules: Sequence[str] = (), placeholders: str = ""
) -> tuple[int, int]:
    """Examine again what some messages still hold, all if no number is given.

    Rules and placeholders are those of the settings of `fivewhys run` unless others are named.

    What holds an entry now, as a receipt does, goes the way of all entries and leaves quarantine,
    in that order: who is interrupted in between takes it again, and it counts once. Return how
    many left, and how many stay.

    Raises:
        ConfigurationError: every mistake in the rules; there is no such store or message.
        StoreError: the store cannot be opened or written.

    """
    mistakes = Mistakes()
    mistakes.attempt(lambda: check_kept_store(store), None)
    read = read_settings({}, needed=())
    for mistake in read.mistakes:
        mistakes.note(mistake)
    said, expanded = rules or read.settings.rules, placeholders or read.settings.placeholders
    ruleset = mistakes.attempt(lambda: load_rules(said, expanded), RuleSet())
    redactor = mistakes.attempt(lambda: read_redactor(read.environment), Redactor())
    mistakes.raise_if_any()
    with open_kept_store(store) as opened:
        chosen = _chosen(opened, numbers)
        feed = _Kept()
        detector = Detector(ruleset, redactor)
        receiver = Receiver(
            feed=feed, inbox=opened, detector=detector, clock=time.time_ns, keeps_poison=False
        )
        kept = [one for one in chosen if one.name.startswith(receipts.NAMED)]
        messages = [_message(one) for one in chosen if one not in kept]
        for start in range(0, len(messages), AT_ONCE):
            receiver.take(messages[start : start + AT_ONCE])
        for one in kept:
            opened.receive(receipts.of_text(one.text), (), time.time_ns())
            feed.taken.add(one.name)
        opened.release_poison([one.number for one in chosen if one.name in feed.taken])
        there = {one.number for one in opened.poison()}  # others may have taken some meanwhile
    stay = sum(one.number in there for one in chosen)
    return len(chosen) - stay, stay


def drop(store: str, numbers: Collection[int]) -> int:
    """Take messages out of quarantine for good, all if no number is given; return how many.

    Raises:
        ConfigurationError: there is no such store or message.
        StoreError: the store cannot be opened or written.

    """
    with open_kept_store(store) as opened:
        return opened.release_poison([one.number for one in _chosen(opened, numbers)])


def _chosen(store: Store, numbers: Collection[int]) -> list[Poison]:
    found = store.poison()
    missing = set(numbers) - {one.number for one in found}
    if missing:
        message = "no such message is in quarantine; `fivewhys quarantine list` numbers them"
        raise ConfigurationError([Mistake(str(number), 0, message) for number in sorted(missing)])
    return [one for one in found if not numbers or one.number in numbers]


def _message(one: Poison) -> Message:
    data = one.text.encode(errors="replace")
    return Message(one.name, one.name, data, attempt=1)  # what holds no entry now may be given back
