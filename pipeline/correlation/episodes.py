"""What correlation keeps of detections, and what kinds of link see of them.

Thousands of detections are alike to links: they share one `Facet`. Of each by itself there is only
a row: its time and a handle. A kind of link gets rows as `Seen` and yields `Found`.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.detection import Detection
    from pipeline.traffic import Question

Group = tuple[str, ...]


@dataclass(eq=False, slots=True)
class Facet:
    """What detections that are alike to links share; `fields` are those that links look at.

    `rows` are its detections in order of time, `times` (ns UTC) when they were; `has_lost` says
    that some of them were taken back.
    """

    rule: str
    fingerprint: str
    service: str
    revision: str
    fields: Mapping[str, Any]
    rows: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    has_lost: bool = False

    def take(self, rows: list[int], times: Sequence[int]) -> None:
        """Have these rows only, of which `times` says by row when they were."""
        moments = [times[row] for row in rows]
        ordered = sorted(moments)
        if moments != ordered:  # mostly they are told in order of time
            rows = sorted(rows, key=times.__getitem__)
        self.rows, self.times = array("q", rows), array("q", ordered)
        self.has_lost = False

    def group(self, names: Sequence[str]) -> Group | None:
        """Return the values of fields as a key, None when one is missing."""
        values = [self.fields.get(name) for name in names]
        return None if any(value in (None, "") for value in values) else tuple(map(repr, values))


class Seen(NamedTuple):
    """One detection as links see it; `row` is its handle, `time` in nanoseconds UTC."""

    time: int
    row: int
    facet: Facet


@dataclass(frozen=True, slots=True)
class Found:
    """A link between two detections; only `caused_by` has a direction."""

    effect: Seen
    cause: Seen
    kind: str
    reason: str


def undirected(kind: str, left: Seen, right: Seen, reason: str) -> Found:
    """Return a link without direction: the earlier end stands as cause."""
    first, second = sorted((left, right), key=lambda item: (item.time, item.facet.fingerprint))
    return Found(second, first, kind, reason)


class Topology(Protocol):
    """What is known of services; `Catalog` is one."""

    def service_of(self, name: str) -> str:
        """Return the catalog's name for a service, "" if it knows none."""

    def named(self, text: str) -> str:
        """Return the catalog's name for the service that a host or a name means, "" if unknown."""

    def resources(self, name: str) -> tuple[str, ...]:
        """Return the resources that a service depends on."""

    def databases(self, name: str) -> frozenset[str]:
        """Return the Cloud SQL instances that a service depends on, empty if nobody says which."""

    def dependency(self, name: str, other: str) -> tuple[str, ...]:
        """Return by which way one service depends on another, () if it does not."""


class NoTopology:
    """Nothing is known of services."""

    def service_of(self, name: str) -> str:  # noqa: ARG002 - see `Topology`
        """Return that no service is known."""
        return ""

    def named(self, text: str) -> str:  # noqa: ARG002
        """Return that nothing means a service."""
        return ""

    def resources(self, name: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return that no service depends on a resource."""
        return ()

    def databases(self, name: str) -> frozenset[str]:  # noqa: ARG002
        """Return that nobody says which database a service depends on."""
        return frozenset()

    def dependency(self, name: str, other: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return that no service depends on another."""
        return ()


class Traffic(Protocol):
    """What is known of requests; `pipeline.traffic.Traffic` is one.

    `version` changes with every change.
    """

    version: int

    def total(self, place: tuple[str, str], since: int, until: int) -> int:
        """Return how many requests one log has of a service in a span (ns UTC, both ends in).

        0 if nobody can tell: unless one is known that went well before the span.
        """

    def ask_anew(self) -> None:
        """Begin to note anew what is asked."""

    def forget(self, until: int) -> tuple[Question, ...]:
        """Forget what was not asked since then, of spans that end before a time; return it."""


class Shelf(Protocol):
    """Where whole detections lie, which are looked at again only when a symptom shows them."""

    def put(self, detections: Iterable[Detection]) -> Sequence[int]:
        """Keep detections; return where they lie."""

    def get(self, place: int) -> Detection:
        """Return the detection that lies there."""

    def keep(self, places: Sequence[int]) -> Sequence[int]:
        """Have nothing but what lies at some places, ascending; return where that lies now."""


class MemoryShelf:
    """A shelf in memory."""

    def __init__(self) -> None:
        self._kept: list[Detection] = []

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, detections: Iterable[Detection]) -> Sequence[int]:
        """Keep detections."""
        first = len(self._kept)
        self._kept += detections
        return range(first, len(self._kept))

    def get(self, place: int) -> Detection:
        """Return a detection."""
        return self._kept[place]

    def keep(self, places: Sequence[int]) -> Sequence[int]:
        """Forget all others."""
        self._kept = [self._kept[place] for place in places]
        return range(len(places))
