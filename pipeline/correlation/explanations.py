"""What causes explain, in columns."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.audit import Edge

Explained = tuple[int, int, "Edge"]
"""An effect, what explains it, and by which edge; both are rows."""


@dataclass(slots=True)
class Explanations:
    """What was explained, in columns: a million tuples would keep the garbage collector busy.

    `effects` and `causes` are rows. `repeated` has for effects without a cause of their own, by
    fingerprint, the first of those that one repetition explains and that repetition, in order of
    time for each service and revision.
    """

    effects: array[int] = field(default_factory=lambda: array("q"))
    causes: array[int] = field(default_factory=lambda: array("q"))
    edges: list[Edge] = field(default_factory=list)
    repeated: list[tuple[array[int], array[int]]] = field(default_factory=list)

    def __iter__(self) -> Iterator[Explained]:
        return zip(self.effects, self.causes, self.edges, strict=True)

    def take(self, effects: Sequence[int], causes: Sequence[int], edge: Edge) -> None:
        """Note that each of these effects is explained by the cause next to it."""
        self.effects.extend(effects)
        self.causes.extend(causes)
        self.edges += [edge] * len(effects)
