"""How urgent an incident is, from P0 to P4, and why.

Four things are asked in turn: how severe the worst symptom is, whether users notice it, how far it
has spread, and whether it grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.incident import PRIORITIES, State
from pipeline.rule import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.incident import Symptom

NOTICED = PRIORITIES.index("P2")
"""What users notice is at least so urgent."""


def priority_of(symptoms: Sequence[Symptom], state: State) -> tuple[str, str]:
    """Return the priority of an incident in a state, and the reason, which names each step.

    Symptoms that heal count only if there are no others.

    Level: critical is P1, high P2, medium P3, low and informational P4. Impact: at least P2 when
    users notice a symptom. Spread and rate: one step more urgent when several services are affected
    or it escalates, also when both; so P0 is for what is critical and grows.
    """
    symptoms = [item for item in symptoms if not item.heals] or symptoms
    worst = max(symptoms, key=lambda item: LEVELS.index(item.level))
    rank = len(LEVELS) - LEVELS.index(worst.level)
    steps = [f"{worst.rule} is of level {worst.level}"]
    noticed = next((item for item in symptoms if item.user_visible), None)
    if noticed is not None and rank > NOTICED:
        rank = NOTICED
        steps.append(f"users notice {noticed.rule}")
    grounds = " and ".join(_grounds(symptoms, state))
    if grounds:
        rank -= 1
        steps.append(f"one step more urgent as {grounds}")
    return PRIORITIES[min(rank, len(PRIORITIES) - 1)], "; ".join(steps)


def _grounds(symptoms: Sequence[Symptom], state: State) -> Iterator[str]:
    """Yield what makes it one step more urgent."""
    services = {name for item in symptoms for name in item.services}
    if len(services) > 1:
        yield f"{len(services)} services are affected"
    if state is State.ESCALATING:
        yield "it escalates"
