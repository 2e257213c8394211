"""Whole detections in a private temporary file (`correlation.episodes.Shelf`).

A run looks at few of them again before its end. The file has no name that others could find.
"""

from __future__ import annotations

import pickle
import tempfile
from array import array
from dataclasses import fields
from typing import TYPE_CHECKING, Self

from pipeline.detection import Detection, Sample
from pipeline.errors import StoreError

if TYPE_CHECKING:
    from io import FileIO
    from types import TracebackType

AT_ONCE = 256
"""Detections that are written together."""

SAMPLE = [member.name for member in fields(Detection)].index("sample")


class TemporaryShelf:
    """Detections one after the other; a place is how many lie before."""

    def __init__(self) -> None:
        self._file: FileIO | None = None
        self._begins = array("q", [0])
        self._waiting: list[Detection] = []

    def put(self, detection: Detection) -> int:
        """Add a detection; return where it lies.

        Raises:
            StoreError: there is no room for temporary files.

        """
        self._waiting.append(detection)
        place = len(self._begins) + len(self._waiting) - 2
        if len(self._waiting) == AT_ONCE:
            self._write()
        return place

    def get(self, place: int) -> Detection:
        """Return the detection that lies there.

        Raises:
            StoreError: the temporary file cannot be read.

        """
        written = len(self._begins) - 1
        if place >= written:
            return self._waiting[place - written]
        begin, end = self._begins[place : place + 2]
        values = list(pickle.loads(self._read(begin, end)))  # noqa: S301 - our own file, see above
        values[SAMPLE] = Sample(*values[SAMPLE])
        return Detection(*values)

    def _read(self, begin: int, end: int) -> bytes:
        try:
            file = self._opened()
            file.seek(begin)
            data = file.read(end - begin)
            while len(data) < end - begin:
                data += file.read(end - begin - len(data))
        except OSError as error:
            raise StoreError(_no_room(error)) from error
        return data

    def _write(self) -> None:
        """Write what waits."""
        found = [pickle.dumps(_values(item), pickle.HIGHEST_PROTOCOL) for item in self._waiting]
        data = memoryview(b"".join(found))
        try:
            file = self._opened()
            file.seek(self._begins[-1])
            while data:
                data = data[file.write(data) :]
        except OSError as error:
            raise StoreError(_no_room(error)) from error
        for one in found:
            self._begins.append(self._begins[-1] + len(one))
        self._waiting.clear()

    def drop(self, place: int) -> None:
        """Nobody will ask for what lies there; the file keeps it until it is closed."""

    def _opened(self) -> FileIO:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - see `close`
        return self._file

    def close(self) -> None:
        """Forget everything."""
        if self._file is not None:
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
        item.entity if type(item.entity) is dict else dict(item.entity),
        item.fields if type(item.fields) is dict else dict(item.fields),
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
