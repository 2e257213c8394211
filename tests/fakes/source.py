"""A source that holds its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.entry import LogEntry, Rejection
    from pipeline.ports import Batch, Block


@dataclass(frozen=True, slots=True)
class ListSource:
    """`ports.Source` over a list, without a block."""

    records: Sequence[LogEntry | Rejection]

    def batches(self) -> Iterator[Batch]:
        """Yield the records in the order they are held in, one a batch."""
        for record in self.records:
            yield [record]

    def blocks(self) -> Iterator[Block]:
        """Yield nothing."""
        yield from ()
