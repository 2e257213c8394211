"""Who called whom: causes in other services, told by trace, by name, by the catalog."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from msgspec import structs

from pipeline.catalog import load_catalog
from pipeline.correlation import Correlator
from pipeline.correlation.traces import CROWD
from tests.support import detection, rule_text, ruleset

if TYPE_CHECKING:
    from pipeline.correlation.episodes import Topology
    from pipeline.detection import Detection
    from pipeline.incident import Incident
    from pipeline.rule import RuleSet

CATALOG = load_catalog(
    """\
services:
  web: {depends_on: [loans, cards]}
  loans: {depends_on: [main], health: "https://loans.example.com/healthz"}
  cards: {depends_on: [main, depot], match: {service: [cards-prod]}}
  fines: {depends_on: [depot]}
resources: {main: {kind: cloud_sql}, depot: {kind: cloud_sql}}
""",
    "catalog.yml",
)
CALLS = ruleset(
    rule_text("cause"),
    rule_text(
        "failed",
        audit="{entity: [service], caused_by: [{rule: cause, same: [service], within: 1m}, "
        "{rule: failed, via: depends_on, one_trace: true, within: 1m, before: 20s}]}",
    ),
    rule_text(
        "told",
        audit="{entity: [service, host], caused_by: "
        "[{rule: failed, via: depends_on, named: host, within: 1m}]}",
    ),
)
RESOURCES = ruleset(rule_text("down", audit="{about: resource}"), rule_text("other"))


def seen(rule: str, at: float, service: str, trace: str = "", **fields: str) -> Detection:
    """Make a detection that has a trace."""
    return structs.replace(detection(rule, at=at, service=service, **fields), trace=trace)


def incidents(
    rules: RuleSet, *found: Detection, topology: Topology = CATALOG
) -> tuple[Incident, ...]:
    """Return the incidents of detections, the same in whatever order they come."""
    made = [_made(rules, ordered, topology) for ordered in list(permutations(found))[:24]]
    assert all(one == made[0] for one in made)
    return made[0]


def _made(rules: RuleSet, found: tuple[Detection, ...], topology: Topology) -> tuple[Incident, ...]:
    correlator = Correlator(rules, topology=topology)
    for item in found:
        correlator.on_detections(item.key, item.richness, [item])
    return correlator.incidents()


def parts(
    rules: RuleSet, *found: Detection, topology: Topology = CATALOG
) -> list[set[tuple[str, str]]]:
    """Return the incidents, each as the rules and services of its symptoms."""
    return [
        {(symptom.rule, name) for symptom in incident.symptoms for name in symptom.services}
        for incident in incidents(rules, *found, topology=topology)
    ]


def test_a_cause_of_the_same_trace_explains_rather_than_a_nearer_one() -> None:
    """Two requests fail at once for two reasons; each of them knows its own."""
    found = (
        seen("cause", 0, "loans", "t1", n="1"),
        seen("cause", 3, "loans", "t2", n="2"),
        seen("failed", 4, "loans", "t1"),
    )
    one, other = incidents(CALLS, *found)
    assert {symptom.rule for symptom in one.symptoms} == {"cause", "failed"}
    assert [symptom.rule for symptom in other.symptoms] == ["cause"]


def test_without_a_cause_in_its_trace_the_nearest_one_explains() -> None:
    """A trace that says nothing is no reason to look no further."""
    found = (seen("cause", 0, "loans", "t1"), seen("failed", 4, "loans", "t2"))
    assert len(incidents(CALLS, *found)) == 1


def test_within_a_trace_edges_hold_as_elsewhere() -> None:
    """Rules, fields and time have to fit; a trace alone is told as what it is."""
    late = (seen("cause", 0, "loans", "t1"), seen("failed", 90, "loans", "t1"))
    elsewhere = (seen("cause", 0, "fines", "t1"), seen("failed", 4, "web", "t1"))
    nobody = (seen("cause", 0, "", "t1"), seen("failed", 4, "", "t1"))
    backwards = (seen("failed", 0, "fines", "t1"), seen("failed", 1, "web", "t1"))
    for found in (late, elsewhere, nobody, backwards):
        kinds = {link.kind for incident in incidents(CALLS, *found) for link in incident.links}
        assert kinds == {"trace"}


def test_a_trace_of_a_crowd_is_no_evidence() -> None:
    """Whatever gave everything one trace lied; then the nearest cause explains, as ever."""
    crowd = [seen("cause", 61 * at, "loans", "t1", n=str(at)) for at in range(CROWD)]
    correlator = Correlator(CALLS, topology=CATALOG)
    for item in (*crowd, seen("failed", 61 * CROWD - 60, "loans", "t1")):
        correlator.on_detections(item.key, item.richness, [item])
    sizes = [len(incident.symptoms) for incident in correlator.incidents()]
    assert sorted(sizes) == [1] * (CROWD - 1) + [2]


def test_requests_of_two_traces_have_nothing_to_do_with_each_other() -> None:
    """A caller fails for the callee's failure in its own trace only, however near another is."""
    same = (seen("failed", 0, "web", "t1"), seen("failed", 9, "loans", "t1"))
    assert parts(CALLS, *same) == [{("failed", "web"), ("failed", "loans")}]
    differing = (seen("failed", 0, "web", "t1"), seen("failed", 1, "loans", "t2"))
    assert len(parts(CALLS, *differing)) == 2


def test_where_one_has_no_trace_time_has_to_do() -> None:
    """What says nothing of a trace may be of any."""
    for web, loans in (("", "t1"), ("t1", ""), ("", "")):
        found = (seen("failed", 0, "loans", loans), seen("failed", 1, "web", web))
        assert len(parts(CALLS, *found)) == 1


def test_a_service_that_is_named_is_to_blame_and_no_nearer_one() -> None:
    """By its catalog name, its Cloud Run name, its host, the host of its health check."""
    two = (seen("failed", 0, "loans"), seen("failed", 2, "cards-prod"))
    for host in ("loans", "loans.example.com", "loans-a1b2-ew.a.run.app", "LOANS"):
        first, second = parts(CALLS, *two, seen("told", 3, "web", host=host))
        assert first == {("failed", "loans"), ("told", "web")}
        assert second == {("failed", "cards-prod")}


def test_a_host_that_nobody_knows_may_be_any_of_those_it_depends_on() -> None:
    """Then the nearest explains; what it does not depend on never does."""
    told = seen("told", 41, "web", host="10.0.0.7")
    assert parts(CALLS, seen("failed", 0, "loans"), seen("failed", 40, "cards-prod"), told) == [
        {("failed", "loans")},
        {("failed", "cards-prod"), ("told", "web")},
    ]
    assert len(parts(CALLS, seen("failed", 40, "fines"), told)) == 2


def test_what_a_service_names_may_be_well() -> None:
    """A named service that did not fail is no reason to blame another."""
    found = (seen("failed", 2, "cards-prod"), seen("told", 3, "web", host="loans"))
    assert len(parts(CALLS, *found)) == 2


def test_a_resource_that_is_shared_fails_all_who_share_it_in_one_incident() -> None:
    """Also through one that shares with both; not for a rule that is about something else."""
    found = [seen("down", at, name) for at, name in enumerate(("loans", "cards-prod", "fines"))]
    (incident,) = incidents(RESOURCES, *found)
    assert sorted(incident.services) == ["cards-prod", "fines", "loans"]
    assert {(link.kind, link.reason) for link in incident.links} == {
        ("resource", "both depend on main by the catalog"),
        ("resource", "both depend on depot by the catalog"),
    }
    assert incident.root.services == ("loans",)
    assert len(incidents(RESOURCES, found[0], found[2])) == 2
    assert len(incidents(RESOURCES, seen("other", 0, "loans"), seen("other", 1, "cards-prod"))) == 2


def test_minutes_later_or_without_a_catalog_it_is_another_matter() -> None:
    """Only what is near in time is the same fault."""
    near = (seen("down", 0, "loans"), seen("down", 300, "cards-prod"))
    far = (seen("down", 0, "loans"), seen("down", 301, "cards-prod"))
    assert len(incidents(RESOURCES, *near)) == 1
    assert len(incidents(RESOURCES, *far)) == 2
    assert len(incidents(RESOURCES, *near, topology=load_catalog("", "none"))) == 2
