"""An investigator that knows beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.facts import Fact
    from pipeline.ports import Case


@dataclass(frozen=True, slots=True)
class Witness:
    """`ports.Investigator` that says the same of the incidents of one root rule.

    `asked` are the cases that it was asked about.
    """

    rule: str
    facts: Sequence[Fact]
    asked: list[Case] = field(default_factory=list)

    def investigate(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return the facts, by incident."""
        self.asked.extend(cases)
        return {
            case.incident.id: self.facts for case in cases if case.incident.root.rule == self.rule
        }
