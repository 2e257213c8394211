"""The account of a run: read = accepted + duplicates + rejected.

Which entries were read is told by their identities, 8 bytes each, in spools: memory does not grow
with what is read, and nothing is looked up while reading.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.document import EntriesDocument
from pipeline.novelty import ROW, Patterns, self_audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from pipeline.entry import Rejection
    from pipeline.examining import Examined, Richness
    from pipeline.novelty import Heard, SelfAudit
    from pipeline.ports import Spool

AT_ONCE = 500_000
"""Identities that are sorted at once to count them, at most: 4 MB."""

FEW = 10_000
"""Identities that a plain set counts sooner than numpy is loaded."""

IDENTITY = array("q").itemsize
"""Bytes of an identity."""

_SILENT = struct.Struct("<qIIQ32s")


class Identities:
    """Identities of entries in a spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, identities: array[int]) -> None:
        """Add some, each as often as it was read."""
        self._spool.add(identities.tobytes())
        self._count += len(identities)

    def read(self) -> Iterator[array[int]]:
        """Yield them in pieces."""
        for piece in self._spool.read():
            found = array("q")
            found.frombytes(piece)
            yield found


def distinct(kinds: Iterable[Identities], *, few: int = FEW, at_once: int = AT_ONCE) -> int:
    """Count the different identities of several kinds together.

    Two entries that differ share one with a probability of 1 in 10**19 each, of 1 in a million
    among 6 million entries.
    """
    every = tuple(kinds)
    total = sum(map(len, every))
    if total <= few:
        return len({one for kind in every for piece in kind.read() for one in piece})
    import numpy as np  # noqa: PLC0415 - takes longer to load than a small export to read

    parts = 1 << (total // at_once).bit_length()  # a power of two: a mask parts them
    count = 0
    for part in range(parts):
        pieces = (np.asarray(piece) for kind in every for piece in kind.read())
        found = np.concatenate([one[one & (parts - 1) == part] for one in pieces])
        found.sort()
        count += int(np.count_nonzero(found[1:] != found[:-1])) + min(len(found), 1)
    return count


@dataclass(slots=True)
class Tally:
    """Adds up what was examined; `spool` makes spools for rows of some size."""

    spool: Callable[[int], Spool]
    outside: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    _parsed: Identities = field(init=False)
    _passed: Identities = field(init=False)
    _unknown: Identities = field(init=False)
    _silent: Spool = field(init=False)
    _heard: Identities = field(init=False)
    _patterns: Patterns = field(init=False, default_factory=Patterns)

    def __post_init__(self) -> None:
        self._parsed = Identities(self.spool(IDENTITY))
        self._passed = Identities(self.spool(IDENTITY))
        self._unknown = Identities(self.spool(IDENTITY))
        self._silent = self.spool(_SILENT.size)
        self._heard = Identities(self.spool(ROW))

    def take(self, examined: Examined) -> None:
        """Add what was examined."""
        self.outside += examined.outside
        self.rejections += examined.rejections
        self._parsed.add(examined.parsed)
        self._passed.add(examined.passed)
        self._unknown.add(examined.unknown)
        rows = (_SILENT.pack(one, *_packed(richness)) for one, richness in examined.silent)
        self._silent.add(b"".join(rows))
        self.hear(examined.heard)

    def hear(self, heard: Heard) -> None:
        """Add what was heard of trouble."""
        self._heard.add(heard.rows)
        self._patterns.add(heard.examples)

    def audit(self) -> SelfAudit:
        """Return how much of the trouble no rule matches."""
        return self_audit(self._heard.read, len(self._heard) // 2, self._patterns)

    def silent(self, identities: AbstractSet[int]) -> Iterator[tuple[int, Richness]]:
        """Yield the copies of some entries in which nothing was seen."""
        if not identities:
            return
        for piece in self._silent.read():
            for one, payloads, fields, size, digest in _SILENT.iter_unpack(piece):
                if one in identities:
                    yield one, (payloads, fields, size, digest.hex())

    def passed(self, identities: AbstractSet[int]) -> frozenset[int]:
        """Return of which of some entries a copy was not parsed."""
        if not identities:
            return frozenset()
        wanted = frozenset(identities)
        return frozenset(one for piece in self._passed.read() for one in wanted.intersection(piece))

    def document(self) -> EntriesDocument:
        """Return the account in the form of the public contract."""
        entries = len(self._parsed) + len(self._passed)
        accepted = distinct((self._parsed, self._passed))
        return EntriesDocument(
            read=entries + len(self.rejections),
            accepted=accepted,
            duplicates=entries - accepted,
            rejected=len(self.rejections),
            outside=self.outside,
            unknown_severities=distinct((self._unknown,)),
        )


def _packed(richness: Richness) -> tuple[int, int, int, bytes]:
    payloads, fields, size, digest = richness
    return payloads, fields, size, bytes.fromhex(digest)


class Unheard:
    """Counts nothing: whoever received entries did (`taking.Account`)."""

    def take(self, examined: Examined) -> None:
        """Count nothing."""

    def hear(self, heard: Heard) -> None:
        """Count nothing."""
