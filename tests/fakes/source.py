"""Sources that hold what they are read for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.entry import LogEntry, Rejection
from pipeline.sources.files.blocks import Block, read_blocks
from pipeline.sources.files.json_lines import read_json_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.ports import Batch


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


@dataclass(frozen=True, slots=True)
class LinesSource:
    """`ports.Source` over JSON lines: in blocks of a chunk each, or record by record."""

    chunks: Sequence[bytes]
    in_blocks: bool

    def batches(self) -> Iterator[Batch]:
        """Yield what the chunks make, in order."""
        for item in self._read():
            yield [item] if isinstance(item, LogEntry | Rejection) else item

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks among it."""
        return (item for item in self._read() if isinstance(item, Block))

    def _read(self) -> Iterator[LogEntry | Rejection | Block]:
        if self.in_blocks:
            return read_blocks("export.jsonl", self.chunks, None)
        return read_json_lines("export.jsonl", self.chunks)
