"""Whole detections in a private temporary file (`correlation.episodes.Shelf`).

A run looks at few of them again before its end. The file has no name that others could find.
"""

from __future__ import annotations

import pickle
import tempfile
from array import array
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Self, cast

from msgspec import msgpack, structs

from pipeline.detection import Detection
from pipeline.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from io import FileIO
    from types import TracebackType

AT_ONCE = 64 * 1024
"""Bytes that are written together, at least."""

ROWS = 1_000
"""Detections that are moved together."""

_UNWRITABLE = (OverflowError, UnicodeEncodeError, TypeError)

_DECODER: msgpack.Decoder[Detection | bytes] = msgpack.Decoder(Detection | bytes)


class TemporaryShelf:
    """Detections one after the other; a place is how many lie before."""

    def __init__(self) -> None:
        self._file: FileIO | None = None
        self._begins = array("q", [0])
        self._written = 0
        self._waiting = bytearray()
        self._encode = msgpack.Encoder().encode

    def put(self, detections: Iterable[Detection]) -> Sequence[int]:
        """Add detections; return where they lie.

        Raises:
            StoreError: there is no room for temporary files.

        """
        items = [*detections]
        try:
            data = [*map(self._encode, items)]
        except _UNWRITABLE:
            data = [self._whole(item) for item in items]
        first = len(self._begins) - 1
        self._add(data)
        return range(first, len(self._begins) - 1)

    def _add(self, data: Sequence[bytes]) -> None:
        ends = accumulate(map(len, data), initial=self._begins[-1])
        self._begins.extend(islice(ends, 1, None))
        self._waiting += b"".join(data)
        if len(self._waiting) >= AT_ONCE:
            self._write()

    def _whole(self, item: Detection) -> bytes:
        """Return a detection that MessagePack may not hold: half characters, large numbers."""
        try:
            return self._encode(item)
        except _UNWRITABLE:
            plain = structs.replace(item, entity=dict(item.entity), fields=dict(item.fields))
            return self._encode(pickle.dumps(plain))

    def get(self, place: int) -> Detection:
        """Return the detection that lies there.

        Raises:
            StoreError: the temporary file cannot be read.

        """
        found = _DECODER.decode(self._data(place))
        if isinstance(found, Detection):
            return found
        return cast("Detection", pickle.loads(found))  # noqa: S301 - our own file, see above

    def _data(self, place: int) -> bytes:
        begin, end = self._begins[place : place + 2]
        written = self._written
        if begin < written:
            return self._read(begin, end)
        return bytes(self._waiting[begin - written : end - written])

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
        data = memoryview(bytes(self._waiting))
        try:
            file = self._opened()
            file.seek(self._written)
            while data:
                data = data[file.write(data) :]
        except OSError as error:
            raise StoreError(_no_room(error)) from error
        self._written = self._begins[-1]
        self._waiting.clear()

    def keep(self, places: Sequence[int]) -> Sequence[int]:
        """Have nothing but what lies at some places, ascending, in a new file.

        Return where that lies now.

        Raises:
            StoreError: there is no room for both.

        """
        fresh = TemporaryShelf()
        for start in range(0, len(places), ROWS):
            fresh._add([*map(self._data, places[start : start + ROWS])])
        self.close()
        self._file, self._begins = fresh._file, fresh._begins
        self._written, self._waiting = fresh._written, fresh._waiting
        return range(len(places))

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


def _no_room(error: OSError) -> str:
    return (
        f"the temporary file that holds what was detected failed: {error}; "
        "make room for temporary files, or set TMPDIR to a directory that has some"
    )
