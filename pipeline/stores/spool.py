"""A private temporary file, for what a run only adds to and reads once at its end.

It stays in memory while it is small, has no name that others could find, and is gone when closed.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Self

from pipeline.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

IN_MEMORY = 1024 * 1024
"""Bytes up to which nothing is written to disk."""

PIECE = 256 * 1024
"""Bytes read at once, at most."""


class TemporarySpool:
    """Rows in the order they were added (`ports.Spool`)."""

    def __init__(self, row: int) -> None:
        """Keep rows of `row` bytes."""
        self._piece = PIECE // row * row
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - see `close`

    def add(self, data: bytes) -> None:
        """Add some rows.

        Raises:
            StoreError: there is no room for temporary files.

        """
        try:
            self._file.seek(0, os.SEEK_END)
            self._file.write(data)
        except OSError as error:
            raise StoreError(_no_room(error)) from error

    def read(self) -> Iterator[bytes]:
        """Yield all rows in pieces; nothing may be added meanwhile.

        Raises:
            StoreError: the temporary file cannot be read.

        """
        try:
            self._file.seek(0)
            while piece := self._file.read(self._piece):
                yield piece
        except OSError as error:
            raise StoreError(_no_room(error)) from error

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _no_room(error: OSError) -> str:
    return (
        f"the temporary file that remembers which entries were read failed: {error}; "
        "make room for temporary files, or set TMPDIR to a directory that has some"
    )
