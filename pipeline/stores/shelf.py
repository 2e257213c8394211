"""Whole detections in a private temporary file (`correlation.episodes.Shelf`).

A run looks at few of them again before its end. The file has no name that others could find.
"""

from __future__ import annotations

import pickle
import tempfile
from array import array
from typing import TYPE_CHECKING, Any, Self

from msgspec import msgpack

from pipeline.detection import Detection, Sample
from pipeline.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from io import FileIO
    from types import TracebackType

AT_ONCE = 64 * 1024
"""Bytes that are written together, at least."""

_decode = msgpack.Decoder().decode


class TemporaryShelf:
    """Detections one after the other; a place is how many lie before."""

    def __init__(self) -> None:
        self._file: FileIO | None = None
        self._begins = array("q", [0])
        self._written = 0
        self._waiting = bytearray()
        self._encode = msgpack.Encoder().encode_into

    def put(self, detections: Iterable[Detection]) -> Sequence[int]:
        """Add detections; return where they lie.

        Raises:
            StoreError: there is no room for temporary files.

        """
        encode, waiting, written = self._encode, self._waiting, self._written
        ends = [self._begins[-1]]
        for values in map(_values, detections):
            try:
                encode(values, waiting, -1)
            except (OverflowError, UnicodeEncodeError):
                del waiting[ends[-1] - written :]
                encode(pickle.dumps(values), waiting, -1)
            ends.append(written + len(waiting))
        first = len(self._begins) - 1
        self._begins.fromlist(ends[1:])
        if len(waiting) >= AT_ONCE:
            self._write()
        return range(first, len(self._begins) - 1)

    def get(self, place: int) -> Detection:
        """Return the detection that lies there.

        Raises:
            StoreError: the temporary file cannot be read.

        """
        begin, end = self._begins[place : place + 2]
        written = self._written
        waits = begin >= written
        data = self._waiting[begin - written : end - written] if waits else self._read(begin, end)
        values = _decode(data)
        if isinstance(values, bytes):
            values = pickle.loads(values)  # noqa: S301 - our own file, see above
        return _detection(values)

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
    """Return what a detection says, flat: plain values are quick to write and small.

    MessagePack holds no half characters and no numbers beyond 64 bits: what has such is pickled.
    """
    log_name, time, insert_id = item.key
    payloads, fields, size, digest = item.richness
    sample = item.sample
    return (
        item.rule,
        log_name,
        time,
        insert_id,
        payloads,
        fields,
        size,
        digest,
        item.fingerprint,
        item.explanation,
        item.entity if type(item.entity) is dict else dict(item.entity),
        item.fields if type(item.fields) is dict else dict(item.fields),
        item.service,
        item.revision,
        sample.timestamp,
        sample.log_name,
        sample.insert_id,
        sample.severity,
        sample.text,
        item.trace,
    )


def _detection(values: Sequence[Any]) -> Detection:
    """Return the detection that said this."""
    rule, log_name, time, insert_id, payloads, fields, size, digest, *told = values
    fingerprint, explanation, entity, shown, service, revision, *sample, trace = told
    return Detection(
        rule,
        (log_name, time, insert_id),
        (payloads, fields, size, digest),
        fingerprint,
        tuple(explanation),
        entity,
        shown,
        service,
        revision,
        Sample(*sample),
        trace,
    )


def _no_room(error: OSError) -> str:
    return (
        f"the temporary file that holds what was detected failed: {error}; "
        "make room for temporary files, or set TMPDIR to a directory that has some"
    )
