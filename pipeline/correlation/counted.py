"""Entries that are only counted: what tells that one of them came again."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from pipeline.lifecycle import DAY

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.correlation.keys import Key

KEPT: Final = DAY
"""How long it is known of an entry that it is counted already (event time, ns)."""

_SIZE: Final = 8


class Bundle(NamedTuple):
    """Entries logged from `since` to `until` (ns UTC, both included).

    `names` has eight bytes of each, in order: two entries share them with a probability of 1 in
    10**19.
    """

    since: int
    until: int
    names: bytes

    def has(self, key: Key) -> bool:
        """Return whether an entry is one of them."""
        if not self.since <= key[1] <= self.until:
            return False
        name, every = _name_of(key), range(len(self.names) // _SIZE)
        index = bisect_left(every, name, key=self._name)
        return self._name(index) == name

    def _name(self, index: int) -> bytes:
        return self.names[_SIZE * index : _SIZE * (index + 1)]


def bundle_of(keys: Collection[Key]) -> Bundle:
    """Return what knows some entries, of which there is one at least."""
    times = [time for _, time, _ in keys]
    return Bundle(min(times), max(times), b"".join(sorted(map(_name_of, keys))))


def _name_of(key: Key) -> bytes:
    """Return the same for an entry in every process."""
    text = repr(key).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=_SIZE).digest()


@dataclass(slots=True)
class Counted:
    """All that is known so; `until` is the latest time of any of them."""

    bundles: list[Bundle] = field(default_factory=list)
    until: int | None = None

    def add(self, bundle: Bundle) -> None:
        """Know these as well."""
        self.bundles.append(bundle)
        self.until = max(bundle.until, bundle.until if self.until is None else self.until)

    def has(self, key: Key) -> bool:
        """Return whether an entry is counted already."""
        if self.until is None or key[1] > self.until:  # as it nearly always is
            return False
        return any(bundle.has(key) for bundle in self.bundles)

    def forget(self, now: int) -> None:
        """Forget what is long ago at an event time."""
        self.bundles = [bundle for bundle in self.bundles if bundle.until >= now - KEPT]
