"""Whole detections in a private temporary file (`correlation.episodes.Shelf`).

A run looks at few of them again before its end. The file has no name that others could find.
"""

from __future__ import annotations

import pickle
import tempfile
from dataclasses import fields
from typing import TYPE_CHECKING, Self

from pipeline.detection import Detection, Sample
from pipeline.errors import StoreError

if TYPE_CHECKING:
    from types import TracebackType

IN_MEMORY = 16 * 1024 * 1024
"""Bytes up to which nothing is written to disk."""

SIZE = 4
"""Bytes that say how long a detection is."""

SAMPLE = [member.name for member in fields(Detection)].index("sample")


class TemporaryShelf:
    """Detections one after the other, each after its length; a place is where it begins."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - see `close`
        self._end = 0
        self._is_at_end = True

    def put(self, detection: Detection) -> int:
        """Add a detection; return where it lies.

        Raises:
            StoreError: there is no room for temporary files.

        """
        data = pickle.dumps(_values(detection), pickle.HIGHEST_PROTOCOL)
        place = self._end
        try:
            if not self._is_at_end:
                self._file.seek(place)
            self._file.write(len(data).to_bytes(SIZE) + data)
        except OSError as error:
            raise StoreError(_no_room(error)) from error
        self._end += SIZE + len(data)
        self._is_at_end = True
        return place

    def get(self, place: int) -> Detection:
        """Return the detection that lies there.

        Raises:
            StoreError: the temporary file cannot be read.

        """
        try:
            self._file.seek(place)
            data = self._file.read(int.from_bytes(self._file.read(SIZE)))
        except OSError as error:
            raise StoreError(_no_room(error)) from error
        self._is_at_end = False
        values = list(pickle.loads(data))  # noqa: S301 - nobody else can write to the file
        values[SAMPLE] = Sample(*values[SAMPLE])
        return Detection(*values)

    def drop(self, place: int) -> None:
        """Nobody will ask for what lies there; the file keeps it until it is closed."""

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


def _values(item: Detection) -> tuple[object, ...]:
    """Return the fields of a detection in their order; plain ones are quick to write and small."""
    sample = item.sample
    return (
        item.rule,
        item.key,
        item.richness,
        item.fingerprint,
        item.explanation,
        dict(item.entity),
        dict(item.fields),
        item.service,
        item.revision,
        (sample.timestamp, sample.log_name, sample.insert_id, sample.severity, sample.text),
        item.trace,
    )


def _no_room(error: OSError) -> str:
    return (
        f"the temporary file that holds what was detected failed: {error}; "
        "make room for temporary files, or set TMPDIR to a directory that has some"
    )
