"""What is true about a generated morning: which entry belongs to which incident, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE

LATENESS: Final = 30 * SECOND
"""How much later than an entry of a later time one may arrive, at most."""

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Truth:
    """One incident: its kind of scenario, its cause and the service that the cause lies in.

    `parts` are more than one where it came back a day later; `rooted` is false when no entry that
    shows its cause is left in the export.
    """

    number: int
    kind: str
    cause: str
    service: str
    parts: int = 1
    rooted: bool = True


@dataclass(frozen=True, slots=True)
class Mark:
    """What is true about an entry.

    `incident` is the number of the incident it belongs to, 0 for none; `part` counts its returns.
    `cause` says that the entry shows the cause, `asked` that it has to be found: a banner of a
    server that fails belongs to the incident, but nobody would look for it. `noise` names what is
    annoying and no incident. Entries of one `unit` are the lines of one traceback.
    """

    incident: int = 0
    part: int = 0
    cause: bool = False
    asked: bool = True
    noise: str = ""
    unit: str = ""

    def shows_cause(self, *, really: bool = True) -> Mark:
        """Return the mark of an entry of the same incident that shows its cause."""
        return replace(self, cause=really)

    def unasked(self) -> Mark:
        """Return the mark of an entry of the same incident that nobody has to find."""
        return replace(self, asked=False)

    def of_unit(self, unit: str) -> Mark:
        """Return the mark of a line of a traceback."""
        return replace(self, unit=unit)


NOTHING: Final = Mark()
"""Of entries of a healthy system."""


@dataclass(frozen=True, slots=True)
class Written:
    """One entry, when it was logged and when it arrives (ns UTC), and what is true about it."""

    at: int
    arrives: int
    entry: Entry
    mark: Mark

    @property
    def key(self) -> str:
        """Which entry it is; duplicates share it."""
        return str(self.entry["insertId"])

    @property
    def unit(self) -> str:
        """What is counted: an entry, or the lines of one traceback together."""
        return self.mark.unit or self.key


@dataclass(frozen=True)
class Morning:
    """The entries of a morning in the order in which they arrive, its catalog, and the truth."""

    seed: int
    kind: str
    written: tuple[Written, ...]
    catalog: str
    truths: tuple[Truth, ...]

    @cached_property
    def by_key(self) -> Mapping[str, Written]:
        """Each entry by its insertId, duplicates once."""
        return {item.key: item for item in self.written}
