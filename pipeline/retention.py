"""How long a store keeps what, so that it does not grow for ever; spans in nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pipeline.lifecycle import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept, and in which form.

    Detections are forgotten with the incident that nothing can join any more; that is not asked
    here. Receipts that were correlated go with the next commit, but for the requests in them, which
    are forgotten after `receipts`: a run says how long it needs them.

    `in_use` after it was last seen and decided about, an incident is put away: nobody looks after
    its issue any more, and of its decisions the first and the last stay. That is longer than an
    issue is opened again, and short, as all that is in use is read whenever issues are looked
    after. `incidents` after it was
    last seen its report is gone, and what is known of its issue; what it is known again by stays
    if it ever was reported. Whose report waits for a tracker stays as it is. `quarantine` is how
    long a message is kept in which no entry was found.
    """

    receipts: int = DAY
    in_use: int = 14 * DAY
    incidents: int = 400 * DAY
    quarantine: int = 90 * DAY


RETENTION = Retention()


class Pruned(NamedTuple):
    """What was put away and what was forgotten, counted."""

    put_away: int = 0
    incidents: int = 0
    decisions: int = 0
    receipts: int = 0
    poison: int = 0


class Size(NamedTuple):
    """How many rows a store has of what, and how many bytes it takes, 0 where nobody knows."""

    rows: Mapping[str, int]
    total: int
