"""What was detected, and who may write that, in plain dicts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.correlation.counted import KEPT
from pipeline.correlation.keys import order
from pipeline.errors import LeaseLostError
from pipeline.ports import AHEAD
from pipeline.stores.memory.inbox import MemoryInbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pipeline.correlation.counted import Bundle
    from pipeline.correlation.keys import Key
    from pipeline.correlation.settled import Page
    from pipeline.correlation.thinning import Gone
    from pipeline.detection import Detection
    from pipeline.traffic import Answers


@dataclass(slots=True)
class MemoryDetections(MemoryInbox):
    """Detections, and leases, that last as long as they are held."""

    _entries: dict[Key, dict[str, Detection]] = field(default_factory=dict)
    _counted: list[Bundle] = field(default_factory=list)
    _settled: tuple[Page, ...] = ()
    _answers: Answers = field(default_factory=dict)
    _leases: dict[str, tuple[str, int]] = field(default_factory=dict)

    def detections(self) -> tuple[Detection, ...]:
        """Return all detections, in canonical order: time, log, insert id, rule."""
        found = (item for told in self._entries.values() for item in told.values())
        return tuple(sorted(found, key=order))

    def _record_detections(self, detections: Iterable[Detection]) -> None:
        given: dict[Key, list[Detection]] = defaultdict(list)
        for detection in detections:
            given[detection.key].append(detection)
        for key, found in given.items():
            best = max(item.richness for item in (*found, *self._entries.get(key, {}).values()))
            told = {item.rule: item for item in found if item.richness == best}
            if told:
                self._entries[key] = told

    def forget(self, kept: Collection[Key], before: int, name: str, holder: str) -> int:
        """Forget detections older than a time whose entries are not among those kept.

        Raises:
            LeaseLostError: somebody else holds the lease of this name.

        """
        self._hold(name, holder)
        gone = {key for key in self._entries if key[1] < before} - set(kept)
        for key in gone:
            del self._entries[key]
        return len(gone)

    def thin(self, gone: Gone, name: str, holder: str) -> None:
        """Forget entries that are only counted, and keep what stands for them: both or nothing.

        Raises:
            LeaseLostError: somebody else holds the lease of this name.

        """
        self._hold(name, holder)
        for key in gone.keys:
            self._entries.pop(key, None)
        self._record_detections(gone.standing)
        known = [one for one in self._counted if one.until >= gone.bundle.until - KEPT]
        self._counted = [*known, gone.bundle]
        self._settled = gone.settled
        for question in gone.unasked:
            self._answers.pop(question, None)

    def counted(self) -> list[Bundle]:
        """Return what knows the entries that are only counted."""
        return [*self._counted]

    def settled(self) -> list[Page]:
        """Return what correlations made of entries that are only counted."""
        return [*self._settled]

    def lease(self, name: str, holder: str, until: int, now: int) -> bool:
        """Take or renew a lease, if nobody else holds it at `now`; return whether it is held."""
        owner, ends = self._leases.get(name, (holder, now))
        if owner != holder and now < ends <= until + AHEAD:
            return False
        self._leases[name] = (holder, until)
        return True

    def renew(self, name: str, holder: str, until: int) -> bool:
        """Renew a lease if nobody else had it since it was taken; return whether it is held."""
        if not self._is_held(name, holder):
            return False
        self._leases[name] = (holder, until)
        return True

    def release(self, name: str, holder: str) -> None:
        """Give a lease back."""
        if self._is_held(name, holder):
            del self._leases[name]

    def _hold(self, name: str, holder: str) -> None:
        if not self._is_held(name, holder):
            message = f"another holds the lease {name!r}: nothing was recorded"
            raise LeaseLostError(message)

    def _is_held(self, name: str, holder: str) -> bool:
        return self._leases.get(name, ("", 0))[0] == holder
