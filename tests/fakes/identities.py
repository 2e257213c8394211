"""Identities in a plain dict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.ports import Rank

if TYPE_CHECKING:
    from pipeline.entry import LogEntry

Key = tuple[str, int, str]
Richness = tuple[int, int, int, str]


@dataclass(slots=True)
class MemoryIdentities:
    """`ports.Identities` that grows with what it is told."""

    _best: dict[Key, Richness] = field(default_factory=dict)

    def rank(self, entry: LogEntry) -> Rank:
        """Remember the richest copy of each entry."""
        best = self._best.get(entry.key)
        if best is not None and entry.richness <= best:
            return Rank.NO_RICHER
        self._best[entry.key] = entry.richness
        return Rank.FIRST if best is None else Rank.RICHER
