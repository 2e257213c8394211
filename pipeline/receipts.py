"""What a batch of entries came to, as bytes: fit to be kept until it is correlated.

Whoever receives entries examines them and keeps a receipt; whoever correlates reads it, maybe in
another process. So a receipt holds no secrets, and all that counts different things in it does so
by numbers that mean the same everywhere. What was counted only is not in it.
"""

from __future__ import annotations

import json
from array import array
from base64 import b64decode, b64encode
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pipeline.audit import SECOND
from pipeline.correlation import CorrelationSettings
from pipeline.correlation.keys import identity_of
from pipeline.correlation.settling import asks_back
from pipeline.deployments import Sightings
from pipeline.detection import Detection  # noqa: TC001 - msgspec asks for it when it decodes
from pipeline.entry import UNKNOWN_TIME, LogEntry, format_timestamp
from pipeline.entry.beats import merge_beats
from pipeline.entry.requests import merge_requests
from pipeline.entry.sighting import Sighting, merge_sightings
from pipeline.errors import NewerError
from pipeline.examining import Examined, Told
from pipeline.silence import Minutes
from pipeline.waiting import Waits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msgspec.msgpack import Decoder

    from pipeline.detection import Detector
    from pipeline.entry.requests import Requests
    from pipeline.rule import RuleSet

VERSION = 1
"""Of a new one the version before is read, too: others still write it while they are replaced."""

NAMED = "receipt "
"""What the name of a receipt in quarantine begins with; no message has such a name."""

KEPT = 1800 * SECOND
"""For how long requests are kept at least, which who takes over counts again."""


class _Head(msgspec.Struct, array_like=True, gc=False):
    """What every version begins with."""

    version: int


class _Receipt(msgspec.Struct, array_like=True, gc=False):
    version: int
    watermark: int
    told: list[tuple[Detection, ...]]
    parts: list[dict[str, Any]]
    sightings: list[tuple[str, str, Sighting]]
    beats: list[tuple[str, str, str, str]]
    requests: list[tuple[str, str, bytes]]

    @property
    def is_empty(self) -> bool:
        return not (self.told or self.parts or self.sightings or self.beats or self.requests)


Kind = TypeVar("Kind", bound=_Receipt)


class _Held(_Receipt):
    """Also for how long they wait, of which a fivewhys from before writes and reads nothing."""

    waits: Waits = Waits()


_UNWRITABLE = (OverflowError, UnicodeEncodeError)
"""What MessagePack says of large numbers (as the year 9999 is one) and of half characters."""

_JSON = b"["

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Receipt)
_HELD = msgspec.msgpack.Decoder(_Held)
_HEADS = msgspec.msgpack.Decoder(_Head)


def kept_for(ruleset: RuleSet) -> int:
    """Return for how long requests are kept under some rules: nanoseconds."""
    # A service that went well before what is asked for has to be among what is known.
    asked = asks_back(ruleset) + 2 * CorrelationSettings().allowed_lateness
    return max(KEPT, asked)


def written(examined: Examined, detector: Detector, *, tells_time: bool = False) -> bytes:
    """Return a receipt for what was examined, without secrets; b"" if there is nothing to tell.

    `tells_time`: how far event time came is worth telling by itself.
    All revisions that were told of have to be told wholly: nobody remembers what was told before.
    """
    redact = detector.redact_name
    seen = examined.sightings
    known = detector.identify_all(chain.from_iterable(map(_identifiers, seen.values())))
    sightings = Sightings(seen).redacted(redact, known.__getitem__)
    beats = Minutes(examined.beats).redacted(redact)
    receipt = _Receipt(
        VERSION,
        examined.watermark,
        [one.detections for one in examined.told],
        [redacted(entry, detector) for entry in examined.parts],
        [(*running, one) for running, one in sightings.items()],
        [(*day, f"{bits:x}") for day, bits in beats.items()],
        [
            (redact(service), redact(log_name), told.tobytes())
            for (service, log_name), told in examined.requests.items()
        ],
    )
    is_told = not receipt.is_empty or (tells_time and receipt.watermark)
    return _encoded(receipt) if is_told else b""


def _identifiers(one: Sighting) -> tuple[str, str]:
    return one.log_name, one.insert_id


def held_written(lines: Iterable[LogEntry], waits: Waits) -> bytes:
    """Return a receipt for what waits; b"" if nothing does.

    The lines were read from receipts: they have no secrets any more.
    """
    documents = [dict(line.document) for line in lines]
    held = _Held(VERSION, 0, [], documents, [], [], [], waits)
    return _encoded(held) if documents or waits.incidents else b""


def held_read(data: bytes) -> tuple[list[LogEntry], Waits]:
    """Return the lines that wait, and for how long they and incidents do.

    Raises:
        NewerError, ValueError: as `read` does.

    """
    held = _decoded(data, _HELD) if data else _Held(VERSION, 0, [], [], [], [], [])
    return [*map(LogEntry, held.parts)], held.waits


def requests_written(requests: Requests, watermark: int) -> bytes:
    """Return a receipt for requests that were read from receipts, also for none.

    A fivewhys from before, which may go on with this store, reads all that is kept.
    """
    told = [(*place, told.tobytes()) for place, told in requests.items()]
    return _encoded(_Receipt(VERSION, watermark, [], [], [], [], told))


def read(data: bytes) -> Examined:
    """Return what a receipt was written of, less what only whoever examined it could count.

    Raises:
        NewerError: a newer fivewhys wrote it; what else it holds is not looked at.
        ValueError: it is no receipt, or one of an older version.

    """
    receipt = _decoded(data, _DECODER)
    examined = Examined(watermark=receipt.watermark)
    examined.told += [
        Told(identity_of(found[0].key), found[0].richness, found) for found in receipt.told
    ]
    examined.parts += map(LogEntry, receipt.parts)
    for service, version, one in receipt.sightings:
        merge_sightings(examined.sightings, {(service, version): one})
    for project, service, date, bits in receipt.beats:
        merge_beats(examined.beats, {(project, service, date): int(bits, 16)})
    merge_requests(examined.requests, _requests(receipt.requests))
    return examined


def text_of(data: bytes) -> str:
    """Return a receipt as text that `of_text` reads; a person can, too, if a program can."""
    with suppress(Exception):  # whatever it is, it is kept
        receipt = _decoded(data, _DECODER)
        text = _as_json(receipt)
        if _decoded(text.encode(), _DECODER) == receipt:
            return text
    return b64encode(data).decode()


def of_text(text: str) -> bytes:
    """Return the receipt that a text was made of, or one that tells the same."""
    data = text.encode()
    return data if data.startswith(_JSON) else b64decode(data)


def _encoded(receipt: _Receipt) -> bytes:
    """Write it as MessagePack, or what that cannot hold as JSON."""
    try:
        return _ENCODER.encode(receipt)
    except _UNWRITABLE:
        return _as_json(receipt).encode()


def _as_json(receipt: _Receipt) -> str:
    return json.dumps(msgspec.to_builtins(receipt))


def _decoded(data: bytes, decoder: Decoder[Kind]) -> Kind:
    """Read it, its version first: what comes after that is as the version has it.

    Raises:
        NewerError, ValueError: as `read` does.

    """
    if data.startswith(_JSON):
        told = json.loads(data)
        _check(msgspec.convert(told, _Head))
        return msgspec.convert(told, decoder.type)
    _check(_HEADS.decode(data))
    return decoder.decode(data)


def _check(head: _Head) -> None:
    if head.version > VERSION:
        message = (
            f"a newer fivewhys wrote a receipt of version {head.version}, of which this one reads "
            f"{VERSION}: it is left to a process of that one; update this one"
        )
        raise NewerError(message)
    if head.version < VERSION:
        message = f"a receipt of version {head.version}; this program reads {VERSION}"
        raise ValueError(message)


def _requests(told: Iterable[tuple[str, str, bytes]]) -> Requests:
    requests: Requests = {}
    for service, log_name, numbers in told:
        found = array("q")
        found.frombytes(numbers)
        merge_requests(requests, {(service, log_name): found})
    return requests


def redacted(entry: LogEntry, detector: Detector) -> dict[str, Any]:
    """Return an entry's document without secrets; it is still known by the same key."""
    log_name, timestamp, insert_id = detector.key_of(entry)
    known = {"logName": log_name, "insertId": insert_id}
    if timestamp != UNKNOWN_TIME:
        known["timestamp"] = format_timestamp(timestamp)
    return {**detector.redact_value(entry.document), **known}
