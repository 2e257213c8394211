"""When a run beside one that correlates has nothing to do any more."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from pipeline.audit import SECOND
from pipeline.bootstrap.tenure import LEASED, RENEWED

OUTLIVED: Final = LEASED / SECOND + RENEWED
"""Seconds after which the lease of who was killed is over: who has it then goes on."""

LEFT: Final = "another process goes on correlating: what was received is left to it"
"""What the log says of such an end."""


@dataclass(slots=True)
class Beside:
    """Whether nothing is left but what another process does that goes on correlating."""

    _since: float | None = field(default=None, init=False)

    def lasts(self, *, is_so: bool) -> bool:
        """Note whether it seems `is_so`; return whether it did for so long that it has to be."""
        now = time.monotonic()
        self._since = (now if self._since is None else self._since) if is_so else None
        return self._since is not None and now - self._since >= OUTLIVED
