"""A source that holds its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.entry import LogEntry, Rejection


@dataclass(frozen=True, slots=True)
class ListSource:
    """`ports.Source` over a list."""

    records: Sequence[LogEntry | Rejection]

    def read(self) -> Iterator[LogEntry | Rejection]:
        """Yield the records in the order they are held in."""
        yield from self.records
