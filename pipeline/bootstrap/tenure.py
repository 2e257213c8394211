"""The lease of who correlates, as one process has it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipeline.audit import SECOND
from pipeline.live import LEASE

if TYPE_CHECKING:
    from pipeline.ports import Store

LEASED: Final = 6 * SECOND
"""How long a lease holds that nobody renews: as long a dead process keeps others waiting."""

RENEWED: Final = 2.0
"""Seconds between renewals."""


@dataclass(frozen=True, slots=True)
class Tenure:
    """The lease as its `holder` has it, of whom there is but one process.

    Only the thread that correlates takes it, and then begins anew; whoever else only renews it. So
    while it can be renewed, nobody else correlated since what is known was read.
    """

    store: Store
    holder: str

    def take(self) -> bool:
        """Take it, if nobody else has it; return whether we have it now."""
        now = time.time_ns()
        return self.store.lease(LEASE, self.holder, now + LEASED, now)

    def renew(self) -> bool:
        """Renew it; return whether we have it, and nobody else had it since we took it."""
        return self.store.renew(LEASE, self.holder, time.time_ns() + LEASED)

    def end(self) -> None:
        """Give it back."""
        self.store.release(LEASE, self.holder)
