"""For how long something was waited for by the clock, by all who went on from one another.

What is found is told only after a while: what was in the hands of somebody who was killed comes
again within a lease, and may say more of it. So whoever begins anew waits anew for as long: what
the one before had in hand comes again only now, and so does what came while nobody was there.

But who is replaced more often than that would never come to an end: be it killed by what it does,
or have a store that fails now and then. So for how long something was waited for is kept with every
commit, and what all of them together waited for longer by `SPARED` is waited for no more. That
counts time in which somebody was there, and by one clock at a time: what came while nobody was has
still to be read, and clocks of two machines differ.

Event time is not helped by it: where nothing comes it goes on by the clock only for who lives for
about 36 s (`vitals.COMES_AGAIN`, then `live.IDLE`). Who is always killed sooner does not report the
last failure of a quiet environment until something is logged again.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Final, Self

import msgspec

from pipeline.audit import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SPARED: Final = 90 * SECOND
"""How much longer all of them together wait than one that lives on.

Who has a message may be killed, and who gets it next: three times in a row it is waited for.
"""

BETWEEN: Final = 5 * SECOND
"""So much counts, at most, of the time after a commit until the next one begins.

Else those would wait for ever who live shorter than from one commit to another.
"""


class Waits(msgspec.Struct, array_like=True, frozen=True):
    """For how long (ns) something had been waited for at a time (`at`, ns UTC).

    `lines` are those of the lines that are held, in their order, `incidents` those by id.
    """

    at: int = 0
    lines: tuple[int, ...] = ()
    incidents: dict[str, int] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, lines: Iterable[int], incidents: Mapping[str, int], now: int) -> Self:
        """Make them of since when something is waited for (ns UTC)."""
        spans = {name: max(0, now - since) for name, since in incidents.items()}
        return cls(now, tuple(max(0, now - since) for since in lines), spans)

    def came(self, now: int) -> Iterator[int]:
        """Yield since when lines count as waited for, if who goes on begins `now`.

        There is no end to them: lines of which nothing is known came now.
        """
        return chain((self._since(span, now) for span in self.lines), repeat(now))

    def since(self, now: int) -> dict[str, int]:
        """Return since when incidents count as waited for, if who goes on begins `now`."""
        return {name: self._since(span, now) for name, span in self.incidents.items()}

    def _since(self, span: int, now: int) -> int:
        return now - span - min(max(0, now - self.at), BETWEEN)


def by_all(until: int, began: int) -> int:
    """Return since when, at the latest, something has to be waited for by all to be over.

    `until` is that for one who lives on; who asks `began` then (all of them ns UTC).
    """
    return until if began <= until else until - SPARED
