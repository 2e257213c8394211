"""How fast somebody wrote lately and whether that was too fast: what outlasts a process."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.lifecycle import HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Pace:
    """What the budgets of one server were used for; times in nanoseconds UTC, 0: never.

    `writes` are the times of writes in the last hour, in order. Nothing is sent before `until`,
    for a `reason`, after so many `limits` in a row. `failures` are requests in a row without an
    answer that counts; after too many nothing is sent before `closed_until`, for `span`.
    """

    writes: tuple[int, ...] = ()
    until: int = 0
    reason: str = ""
    limits: int = 0
    failures: int = 0
    span: int = 0
    closed_until: int = 0

    def after(self, earlier: Pace) -> Pace:
        """Return it with the writes that another process noted meanwhile."""
        now = self.writes[-1] if self.writes else max(earlier.writes, default=0)
        writes = {*self.writes, *earlier.at(now).writes}
        return replace(self, writes=tuple(sorted(writes)))

    def at(self, now: int) -> Pace:
        """Return what of it counts at a time: writes of one hour, not those yet to come."""
        writes = tuple(at for at in self.writes if now - HOUR < at <= now + MINUTE)
        return replace(self, writes=writes)

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Pace:
        """Return the pace that a document shows.

        Raises:
            KeyError, TypeError: it shows none.

        """
        return cls(**{**document, "writes": tuple(document["writes"])})
