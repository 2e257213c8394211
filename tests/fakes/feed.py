"""A subscription in memory: what it delivers comes again until it is acknowledged."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.ports import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(slots=True)
class MemoryFeed:
    """`ports.Feed`; `at_once` messages are delivered together.

    While `loses` acknowledgements, everything comes again. It `counts` the first delivery, too,
    where it has a dead-letter topic.
    """

    at_once: int = 3
    loses: bool = False
    counts: bool = False
    _waiting: deque[Message] = field(default_factory=deque)
    _out: dict[str, Message] = field(default_factory=dict)
    _count: int = 0

    def publish(self, texts: Iterable[bytes], published: int = 0) -> None:
        """Put messages into it, each with a name of its own, as `published` then (ns UTC)."""
        for text in texts:
            self._count += 1
            attempt = int(self.counts)
            self._waiting.append(
                Message(f"h{self._count}", f"m{self._count}", text, attempt, published)
            )

    def expire(self) -> None:
        """Let everything that was delivered and not acknowledged come again."""
        self._waiting.extend(one._replace(attempt=one.attempt + 1) for one in self._out.values())
        self._out.clear()

    @property
    def left(self) -> int:
        """How many messages are not acknowledged."""
        return len(self._waiting) + len(self._out)

    def pull(self) -> Sequence[Message]:
        """Deliver some."""
        found = [self._waiting.popleft() for _ in range(min(self.at_once, len(self._waiting)))]
        self._out |= {one.name: one for one in found}
        return found

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Forget messages."""
        for one in messages if not self.loses else ():
            self._out.pop(one.name, None)

    def give_back(self, messages: Sequence[Message]) -> None:
        """Let messages come again."""
        given = [self._out.pop(one.name) for one in messages if one.name in self._out]
        self._waiting.extend(one._replace(attempt=one.attempt + 1) for one in given)
