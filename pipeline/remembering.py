"""What investigators established, so that they are not asked about the same again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.facts import Fact
    from pipeline.incident import Incident
    from pipeline.ports import Case, Investigator


@dataclass(slots=True)
class Remembering:
    """Asks investigators about an incident again only once there is something new about it.

    That is another root, symptom or revision; not that it was seen again.
    """

    investigators: Sequence[Investigator]
    _known: dict[str, tuple[object, Sequence[Fact]]] = field(default_factory=dict)

    def investigate(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return what could be established, now or before."""
        asked = {case.incident.id: _aspect(case) for case in cases}
        before = {name: known[0] for name, known in self._known.items()}
        new = [case for case in cases if before.get(case.incident.id) != asked[case.incident.id]]
        found: dict[str, list[Fact]] = {case.incident.id: [] for case in new}
        for investigator in self.investigators if new else ():
            for identifier, facts in investigator.investigate(new).items():
                found[identifier] += facts
        self._known |= {name: (asked[name], facts) for name, facts in found.items()}
        return {name: self._known[name][1] for name in asked}

    def keep(self, incidents: Sequence[Incident]) -> None:
        """Forget all other incidents."""
        names = {item.id for item in incidents}
        self._known = {name: known for name, known in self._known.items() if name in names}


def _aspect(case: Case) -> object:
    incident = case.incident
    return (
        incident.root.fingerprint,
        incident.first_seen,
        frozenset(item.fingerprint for item in incident.symptoms),
        case.commit,
        case.rollout.latest,
    )
