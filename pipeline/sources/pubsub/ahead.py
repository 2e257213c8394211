"""Messages that threads pull before anybody asks for them, so that nobody waits for the network.

While one batch is examined the next one comes, and what came of several pulls is taken as one: a
pull may bring few messages, while each transaction and each acknowledgement costs the same.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.ports import Message

PULLERS: Final = 4
"""How many pull at once while messages come; one does while none come."""


class Ahead:
    """Pulls by threads of its own, which begin with the first that is taken.

    `ask` pulls at most so many messages, and may wait; what it raises is raised by each `take` that
    waits then, or by the next, and nothing is pulled until somebody takes again; what another pull
    raises meanwhile is told to nobody, as it is tried again. At most `messages` wait to be taken,
    of `size` bytes, about. What nobody takes any more is given back.
    """

    def __init__(
        self,
        ask: Callable[[int], Sequence[Message]],
        give_back: Callable[[Sequence[Message]], None],
        messages: int,
        size: int,
    ) -> None:
        self._ask = ask
        self._give_back = give_back
        self._messages = messages
        self._size = size
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._waiting: deque[Message] = deque()
        self._weight = 0
        self._average = 0.0
        self._asked = 0
        self._silences = 0
        self._failure: Exception | None = None
        self._flows = self._rests = self._stopped = False

    def take(self) -> Sequence[Message]:
        """Return what came, or wait for it; nothing if a pull brought nothing, or nobody pulls."""
        with self._changed:
            self._begin()
            silences = self._silences
            self._changed.wait_for(lambda: self._tells or self._silences > silences)
            if self._stopped:
                return ()
            if self._failure is not None and not self._waiting:
                self._rests = True
                raise self._failure
            found = self._batch()
            self._changed.notify_all()
        return found

    def stop(self) -> None:
        """Pull no more, and let nobody wait; to be called as often as anybody likes."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until all that was pulled is given back, but not for longer than this."""
        for thread in self._threads:
            thread.join(seconds / PULLERS)

    @property
    def _tells(self) -> bool:
        return bool(self._waiting) or self._failure is not None or self._stopped

    def _begin(self) -> None:
        if self._rests:  # else it was told to nobody
            self._failure, self._rests = None, False
        if not self._threads and not self._stopped:
            self._threads = [
                threading.Thread(target=self._go_on, args=(at,), name=f"pull {at}", daemon=True)
                for at in range(1, PULLERS + 1)
            ]
            for thread in self._threads:
                thread.start()
        self._changed.notify_all()

    def _batch(self) -> Sequence[Message]:
        """Take as many as may be in hand at once; one, however large it is."""
        found: list[Message] = []
        size = 0
        while self._waiting and len(found) < self._messages:
            size += len(self._waiting[0].data)
            if found and size > self._size:
                break
            found.append(self._waiting.popleft())
        self._weight -= sum(len(one.data) for one in found)
        return found

    # --- threads ----------------------------------------------------------------------------------

    def _go_on(self, number: int) -> None:
        while asked := self._next(number):
            try:
                self._came(asked, self._ask(asked))
            except Exception as error:  # noqa: BLE001 - whoever takes has to know of any
                self._failed(asked, error)
        with self._changed:
            left = [*self._waiting]
            self._waiting.clear()
        if left:
            self._give_back(left)

    def _next(self, number: int) -> int:
        """Wait until there is room; return for how many messages, 0 once nobody pulls."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._may_pull(number))
            if self._stopped:
                return 0
            share = self._share
            self._asked += share
            return share

    def _may_pull(self, number: int) -> bool:
        if self._rests or self._failure is not None or not (number == 1 or self._flows):
            return False
        pending = len(self._waiting) + self._asked
        light = self._weight + (self._asked + self._share) * self._average <= self._size
        return not pending or (light and pending + self._share <= self._messages)

    @property
    def _share(self) -> int:
        """How many messages one may ask for: what they weighed of late bounds it."""
        most = min(self._messages, int(self._size / max(1.0, self._average)))
        return max(1, most // PULLERS)

    def _came(self, asked: int, found: Sequence[Message]) -> None:
        with self._changed:
            self._asked -= asked
            self._waiting.extend(found)
            self._flows = bool(found)
            self._silences += not found
            for one in found:
                self._weight += len(one.data)
                self._average += (len(one.data) - self._average) / 100
            self._changed.notify_all()

    def _failed(self, asked: int, error: Exception) -> None:
        with self._changed:
            self._asked -= asked
            self._failure = error
            self._changed.notify_all()
