"""A spool in a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class MemorySpool:
    """`ports.Spool` that grows with what it is given; a piece is what was added at once."""

    row: int
    _pieces: list[bytes] = field(default_factory=list)

    def add(self, data: bytes) -> None:
        """Keep some rows."""
        self._pieces.append(data)

    def read(self) -> Iterator[bytes]:
        """Yield all rows as they were added."""
        yield from self._pieces
