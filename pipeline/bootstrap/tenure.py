"""The lease of who correlates, as one process has it: for how long, and when it is given back.

Who cannot correlate, though another process may be able to, does not keep it from that.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pipeline.audit import SECOND
from pipeline.errors import StoreError
from pipeline.live import LEASE
from pipeline.singling import Singling

if TYPE_CHECKING:
    from pipeline.ports import Store
    from pipeline.retrying import Retrying

LEASED: Final = 6 * SECOND
"""How long a lease holds that nobody renews: as long a dead process keeps others waiting."""

RENEWED: Final = 2.0
"""Seconds between renewals."""


ASIDE: Final = 3 * LEASED / SECOND
"""Seconds for which who failed too often lets others correlate, if there are any."""

CHANCES: Final = 3
"""How many times as often steps may fail as anything else, before others are to try.

By then `Singling` has found the receipt that makes them fail, if it is one: it needs two.
"""


@dataclass(slots=True)
class Tenure:
    """The lease as its `holder` has it, of whom there is but one process.

    Only the thread that correlates takes it, and then begins anew; whoever else only renews it. So
    while it can be renewed, nobody else correlated since what is known was read.

    `singling` makes the steps. Who failed too often (`retrying`) is to let others try for `aside`
    (seconds). `is_anothers` says that another one had the lease when we tried to take it last.
    """

    store: Store
    holder: str
    retrying: Retrying
    aside: float = ASIDE
    singling: Singling = field(init=False)
    is_anothers: bool = field(default=False, init=False)
    _begins: int = field(default=0, init=False)
    _steps: int = field(default=0, init=False)
    _rest: float = field(default=0, init=False)
    _stood_back: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.singling = Singling(self.store, self.holder, self.retrying)

    def take(self) -> bool:
        """Take it, if nobody else has it; return whether we have it now."""
        now, is_taken = time.time_ns(), True
        try:
            is_taken = self.store.lease(LEASE, self.holder, now + LEASED, now)
        finally:
            self.is_anothers = not is_taken  # what cannot be asked is not known
        return is_taken

    def renew(self) -> bool:
        """Renew it; return whether we have it, and nobody else had it since we took it."""
        return self.store.renew(LEASE, self.holder, time.time_ns() + LEASED)

    def end(self) -> None:
        """Give it back; where the store cannot be reached, it is over soon in any case."""
        with suppress(StoreError):
            self.store.release(LEASE, self.holder)

    def lost(self) -> None:
        """Forget what was learned of receipts, as another one may go on with them.

        Not if we stood back: others may fail as well, and each time one more would be put away.
        """
        if not self._stood_back:
            self.singling = Singling(self.store, self.holder, self.retrying)

    def rest(self) -> float:
        """Return how long (s) to let others take it first, once."""
        rest, self._rest = self._rest, 0
        return rest

    def began(self) -> None:
        """Note that we began anew."""
        self._begins = 0

    def stepped(self) -> None:
        """Note that a step succeeded."""
        self._stood_back, self._steps = False, 0

    def failed(self, *, is_begun: bool) -> int:
        """Note that we failed to begin, or else in a step; give it back if that was once too often.

        Return how often in a row it was then, else 0.
        """
        if is_begun:
            self._steps += 1
        else:
            self._begins += 1
        if not self.retrying.is_over(self._begins) and self._steps < CHANCES * self.retrying.tries:
            return 0
        count = self._steps if is_begun else self._begins
        self._begins = self._steps = 0
        self._stood_back, self._rest = True, self.aside
        self.end()
        return count
