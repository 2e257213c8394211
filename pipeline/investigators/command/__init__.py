"""An investigator outside: a program of the user's that knows more, or only believes it does.

It gets an incident as JSON on standard input and writes facts as JSON to standard output
(`claims.py` has the contract). All it says is labelled as its claim and only a suggestion: it never
lets an answer stand.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from pipeline.facts import Fact
from pipeline.investigators.command.claims import claims_schema, question, read_claims
from pipeline.investigators.command.process import reduced, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.investigators.command.claims import Claim
    from pipeline.ports import Case

__all__ = ["Command", "claims_schema", "reduced"]

SECONDS, SECONDS_IN_ALL = 30.0, 120.0
"""How long it may take for one incident, and for all of a run."""

MOST_CASES = 20
_NAME, _QUOTED = 60, 300


@dataclass(frozen=True, slots=True)
class Command:
    """`ports.Investigator` that runs a program for each of the most urgent incidents."""

    command: Sequence[str]
    environment: Mapping[str, str]
    redact: Callable[[str], str]
    seconds: float = SECONDS
    in_all: float = SECONDS_IN_ALL
    most: int = MOST_CASES

    @property
    def name(self) -> str:
        """What it is called: the command, without folders."""
        return " ".join(PurePath(part).name for part in self.command)[:_NAME]

    def investigate(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return, by incident id, what the program claims, or what went wrong."""
        ranked = sorted(cases, key=_urgency)
        deadline = time.monotonic() + self.in_all
        found: dict[str, Sequence[Fact]] = {}
        for number, case in enumerate(ranked):
            left = min(self.seconds, deadline - time.monotonic())
            if number >= self.most or left <= 0:
                reason = f"was not asked: only the {number} most urgent incidents of the run were"
                found[case.incident.id] = [self._failed(reason, b"")]
            else:
                found[case.incident.id] = self._asked(case, left)
        return found

    def _asked(self, case: Case, seconds: float) -> Sequence[Fact]:
        ran = run(self.command, question(case), self.environment, seconds)
        if ran.wrong:
            return [self._failed(ran.wrong, ran.errors)]
        claims = read_claims(ran.output)
        if isinstance(claims, str):
            return [self._failed(f"answered what is not to be read: {claims}", ran.errors)]
        return [self._fact(claim) for claim in claims]

    def _fact(self, claim: Claim) -> Fact:
        text = f"{self.name} says: {claim.text}"
        where = f" ({claim.ref})" if claim.ref else ""
        return Fact(
            f"claim_{claim.kind}",
            text,
            f"{self.name}: {claim.ref}" if claim.ref else self.name,
            {**claim.data, "by": self.name, "open_question": f"Is it so? {text}{where}"},
            suggested=True,
            url=claim.url if claim.url.startswith("https://") else "",
        )

    def _failed(self, reason: str, errors: bytes) -> Fact:
        said = " ".join(self.redact(errors.decode("utf-8", "replace")).split())[-_QUOTED:]
        text = f"{self.name} {reason}" + (f"; it said: {said}" if said else "")
        question = f"What does {self.name} say? It {reason}."
        data = {"by": self.name, "reason": reason, "open_question": question}
        return Fact("investigator_failed", text, self.name, data, suggested=True)


def _urgency(case: Case) -> tuple[str, int, str]:
    return (case.incident.priority, case.incident.first_seen, case.incident.id)
