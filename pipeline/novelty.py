"""What a run heard of trouble, and how much of it no rule knows: the self-audit of a run.

Counted are entries of severity WARNING or worse, and tracebacks without a severity; a traceback
spread over lines counts once. What no rule matches is counted by its pattern (`fingerprint`), in
memory that does not grow with what is read: of each entry 16 bytes go into a spool, and of no more
than `KEPT` patterns the text is kept. Which ones follows from the patterns, not from their order.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from pipeline.detection import is_loud, told_by
from pipeline.fingerprint import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.entry import LogEntry

    Redact = Callable[[Sequence[str]], Sequence[str]]

KEPT: Final = 10_000
"""Patterns of which the text is kept."""
SHOWN: Final = 10
"""Patterns that a run tells of."""
EXAMPLE_LIMIT: Final = 300
"""Characters of an example."""
SHORT: Final = 1_000
"""Characters up to which a text is worth remembering."""
PARTED: Final = 125_000
"""Rows that are counted at once: 2 MB, and some times that while they are sorted."""
FEW: Final = 10_000
"""Rows that a plain dict counts sooner than numpy is loaded."""
ROW: Final = 2 * array("q").itemsize
"""Bytes of a row."""

_MATCHED = 0


class Example(NamedTuple):
    """An entry that shows a pattern: the earliest; `text` is redacted."""

    timestamp: int
    insert_id: str
    pattern: str
    text: str


class Unknown(NamedTuple):
    """An entry that no rule matches; `text` is what it is grouped by, not yet redacted."""

    identity: int
    timestamp: int
    insert_id: str
    text: str


@dataclass(slots=True)
class Heard:
    """What was heard in a batch: identity and digest of each entry in turn, and the patterns.

    The digest is 0 for an entry that a rule matches.
    """

    rows: array[int] = field(default_factory=lambda: array("q"))
    examples: dict[int, Example] = field(default_factory=dict)

    def take(self, entry: LogEntry, redact: Redact, *, known: bool) -> None:
        """Take an entry, if it tells of trouble; `known` says that a rule matches it."""
        if not is_loud(entry):
            return
        if known:
            self.rows.extend((entry.identity, _MATCHED))
        else:
            text = told_by(entry)
            self.note([Unknown(entry.identity, entry.timestamp, entry.insert_id, text)], redact)

    def note(self, found: Sequence[Unknown], redact: Redact) -> None:
        """Take entries that tell of trouble and that no rule matches."""
        texts = list({one.text for one in found})
        redacted = redact([*texts, *(one.insert_id for one in found)])
        clean = dict(zip(texts, redacted, strict=False))
        for one, insert_id in zip(found, redacted[len(texts) :], strict=True):
            text = clean[one.text]
            pattern, digest = (_noted if len(text) < SHORT else _noted.__wrapped__)(text)
            self.rows.extend((one.identity, digest))
            known = self.examples.get(digest)
            if known is None or one.timestamp <= known.timestamp:
                example = Example(one.timestamp, insert_id, pattern, _excerpt(text))
                self.examples[digest] = example if known is None else min(known, example)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A pattern that no rule matches, how many entries have it, and one of them."""

    pattern: str
    count: int
    example: Example


@dataclass(frozen=True, slots=True)
class SelfAudit:
    """How much trouble was heard, how much of it no rule matches, and the commonest of that.

    `patterns` are those that were told apart; if not `is_complete`, there were more.
    """

    heard: int
    unmatched: int
    patterns: int
    is_complete: bool
    commonest: tuple[Unmatched, ...]


class Patterns:
    """The texts of patterns, of no more than some thousands."""

    def __init__(self, limit: int = KEPT) -> None:
        self._limit = limit
        self._kept: dict[int, Example] = {}
        self._pruned = False

    @property
    def is_complete(self) -> bool:
        """Whether there were no more than the limit."""
        return not self._pruned and len(self._kept) <= self._limit

    def add(self, examples: Mapping[int, Example]) -> None:
        """Add those of a batch; past twice the limit those of the lowest digests stay."""
        for digest, example in examples.items():
            known = self._kept.get(digest)
            self._kept[digest] = example if known is None else min(known, example)
        if len(self._kept) > 2 * self._limit:
            self._kept, self._pruned = self.kept(), True

    def kept(self) -> dict[int, Example]:
        """Return those of the lowest digests, whatever the order in which they came."""
        return dict(sorted(self._kept.items())[: self._limit])


def self_audit(rows: Callable[[], Iterator[array[int]]], count: int, kept: Patterns) -> SelfAudit:
    """Sum up `count` rows, which can be read several times, each in pieces of whole rows.

    Of copies of one entry one that a rule matches counts, else that of the lowest digest.
    """
    examples = kept.kept()
    totals: Counter[int] = Counter()
    unmatched = heard = 0
    for found in _counted(rows, count):
        heard += found.total()
        unmatched += found.total() - found[_MATCHED]
        totals.update({digest: found[digest] for digest in found.keys() & examples.keys()})
    return SelfAudit(heard, unmatched, len(totals), kept.is_complete, _top(totals, examples))


def _counted(rows: Callable[[], Iterator[array[int]]], count: int) -> Iterator[Counter[int]]:
    """Yield how many entries have which digest, for some of the entries at a time."""
    if count <= FEW:
        lowest: dict[int, int] = {}
        for piece in rows():
            for identity, digest in zip(piece[::2], piece[1::2], strict=True):
                lowest[identity] = min(digest, lowest.get(identity, digest))
        yield Counter(lowest.values())
        return
    import numpy as np  # noqa: PLC0415 - takes longer to load than a small export to read

    parts = count // PARTED + 1
    for part in range(parts):
        pieces = (np.asarray(piece).reshape(-1, 2) for piece in rows())
        found = np.concatenate([piece[piece[:, 0] % parts == part] for piece in pieces])
        found = found[np.lexsort((found[:, 1], found[:, 0]))]  # the lowest digest comes first
        first = np.diff(found[:, 0], prepend=found[:1, 0] - 1) != 0
        digests, counts = np.unique(found[first, 1], return_counts=True)
        yield Counter(dict(zip(digests.tolist(), counts.tolist(), strict=True)))


def _top(totals: Mapping[int, int], examples: Mapping[int, Example]) -> tuple[Unmatched, ...]:
    found = (
        Unmatched(example.pattern, totals[digest], example)
        for digest, example in examples.items()
        if digest in totals
    )
    return tuple(sorted(found, key=lambda item: (-item.count, item.pattern))[:SHOWN])


@lru_cache(maxsize=4096)
def _noted(text: str) -> tuple[str, int]:
    """Return the pattern of a text and its digest; what is logged once is often logged again."""
    found = pattern(text)
    return found, _digest(found)


def _digest(text: str) -> int:
    """Return 62 bits that stand for a pattern, never 0."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) >> 2 or 1


def _excerpt(text: str) -> str:
    line = " ".join(text[: 4 * EXAMPLE_LIMIT].split())
    return line if len(line) <= EXAMPLE_LIMIT else f"{line[: EXAMPLE_LIMIT - 1]}…"
