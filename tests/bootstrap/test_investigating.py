"""Which incidents investigators are asked to look into."""

from __future__ import annotations

from pipeline.bootstrap.investigating import Only
from pipeline.facts import Fact
from tests.fakes.investigator import Witness
from tests.investigators.support import case, incident


def test_only_one_incident_is_looked_into() -> None:
    """Of many that a store brings back, the one that somebody asks about."""
    one, other = (case(incident("broken", service=name)) for name in ("backend", "auth"))
    fact = Fact("owner", "auth owns it", "auth.py:7")
    only = Only(other.incident.id, Witness("broken", [fact]))
    assert only.investigate([one, other]) == {other.incident.id: [fact]}
    assert only.investigate([one]) == {}
