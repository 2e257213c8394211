"""A correlator as plain JSON, and back."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from pipeline.correlation.counted import Bundle
from pipeline.correlation.keys import order
from pipeline.correlation.links import Anchor
from pipeline.correlation.settled import Page
from pipeline.detection import Detection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.correlation.keys import Key, Richness
    from pipeline.correlation.rows import Rows

VERSION = 3
"""Of the snapshot; another one is refused."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a snapshot says."""

    now: int
    late: int
    anchors: list[Anchor]
    entries: list[tuple[Key, Richness, list[Detection]]]
    cleared: list[tuple[Key, Richness]]
    counted: list[Bundle]
    settled: list[Page]


def write_snapshot(  # noqa: PLR0913 - all that there is
    rows: Rows,
    anchors: Iterable[Anchor],
    counted: Iterable[Bundle],
    settled: Iterable[Page],
    *,
    now: int,
    late: int,
) -> dict[str, Any]:
    """Return all that a correlator knows, in a canonical order."""
    return {
        "version": VERSION,
        "now": now,
        "late": late,
        "anchors": [list(astuple(anchor)) for anchor in sorted(anchors)],
        "detections": [item.document() for item in sorted(rows.detections(), key=order)],
        "cleared": sorted([list(key), list(richness)] for key, richness in rows.cleared()),
        "counted": sorted([one.since, one.until, one.names.hex()] for one in counted),
        "settled": [page.document() for page in settled],
    }


def read_snapshot(value: dict[str, Any]) -> Snapshot:
    """Read a snapshot.

    Raises:
        ValueError: it is of another version.

    """
    if value.get("version") != VERSION:
        message = f"a snapshot of version {value.get('version')!r}, not {VERSION}; start without it"
        raise ValueError(message)
    return Snapshot(
        now=value["now"],
        late=value["late"],
        anchors=[Anchor(*anchor) for anchor in value["anchors"]],
        entries=list(_entries(map(Detection.of, value["detections"]))),
        cleared=[(_key(key), _richness(richness)) for key, richness in value["cleared"]],
        counted=[
            Bundle(since, until, bytes.fromhex(names)) for since, until, names in value["counted"]
        ],
        settled=[Page.of(page) for page in value["settled"]],
    )


def _entries(found: Iterable[Detection]) -> Iterator[tuple[Key, Richness, list[Detection]]]:
    by_key: dict[Key, list[Detection]] = {}
    for detection in found:
        by_key.setdefault(detection.key, []).append(detection)
    for key, detections in by_key.items():
        yield key, detections[0].richness, detections


def _key(value: list[Any]) -> Key:
    log_name, time, insert_id = value
    return (log_name, time, insert_id)


def _richness(value: list[Any]) -> Richness:
    payloads, fields, size, digest = value
    return (payloads, fields, size, digest)
