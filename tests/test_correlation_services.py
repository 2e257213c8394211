"""Who called whom: causes in other services, told by trace, by name, by the catalog."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from msgspec import structs

from pipeline.catalog import load_catalog
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.correlation.traces import CROWD
from pipeline.lifecycle import LifecycleSettings
from tests.support import BASE, SECOND, detection, rule_text, ruleset

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


# --- databases ------------------------------------------------------------------------------------

DATABASES = ruleset(
    rule_text("stopped", audit="{entity: [database]}"),
    rule_text(
        "refused",
        audit="{entity: [service], caused_by: "
        "[{rule: stopped, same: [project], database: cause, within: 5m, before: 20s}]}",
    ),
    rule_text(
        "logged",
        audit="{entity: [database], caused_by: "
        "[{rule: refused, same: [project], database: effect, within: 1m, before: 20s}]}",
    ),
)
TWO = load_catalog(
    """\
services: {till: {depends_on: [orders]}, shelf: {depends_on: [cache]}}
resources:
  orders: {kind: cloud_sql, match: {database: ["orchard:orders"]}}
  cache: {kind: redis}
""",
    "catalog.yml",
)
ONLY = " is the only one in question"


def log(rule: str, at: float, name: str) -> Detection:
    """Make what the log of a database says."""
    return detection(rule, at=at, service="", project="orchard", database=name)


def client(at: float, service: str, name: str = "") -> Detection:
    """Make what a service says, which may name a database."""
    found = detection("refused", at=at, service=service, project="orchard")
    return structs.replace(found, fields={**found.fields, "database": name}) if name else found


def shown(*found: Detection) -> list[set[str]]:
    """Return the incidents, each as the databases and services that its symptoms name."""
    return [
        {str(item.entity.get("database") or item.entity["service"]) for item in incident.symptoms}
        for incident in incidents(DATABASES, *found, topology=TWO)
    ]


def test_a_database_that_is_named_is_to_blame_and_no_nearer_one() -> None:
    """Whichever of two instances goes down last, or alone."""
    orders, users = log("stopped", 0, "orchard:orders"), log("stopped", 2, "orchard:users")
    named = client(3, "shelf", "orchard:us-central1:orders")
    assert shown(orders, users, named) == [{"orchard:orders", "shelf"}, {"orchard:users"}]
    assert shown(users, named) == [{"orchard:users"}, {"shelf"}]


def test_the_catalog_says_which_database_a_service_uses() -> None:
    """Where its own words name none; what they name goes before it."""
    orders, users = log("stopped", 0, "orchard:orders"), log("stopped", 2, "orchard:users")
    assert shown(orders, users, client(3, "till")) == [
        {"orchard:orders", "till"},
        {"orchard:users"},
    ]
    assert shown(users, client(3, "till")) == [{"orchard:users"}, {"till"}]
    named = client(3, "till", "orchard:us-central1:users")
    assert shown(orders, users, named) == [{"orchard:orders"}, {"orchard:users", "till"}]


def test_of_several_databases_none_is_blamed_by_guessing() -> None:
    """One alone is, whatever its log says; a second one in the same minutes makes it doubtful."""
    orders, again = log("stopped", 0, "orchard:orders"), log("stopped", 1, "orchard:orders")
    unnamed = client(3, "shelf")
    assert shown(orders, again, unnamed) == [{"orchard:orders", "shelf"}]
    for at in (-296, 2, 22):
        other = log("stopped", at, "orchard:users")
        assert {"shelf"} in shown(orders, other, unnamed)
    for at in (-298, 24):
        other = log("stopped", at, "orchard:users")
        assert {"orchard:orders", "shelf"} in shown(orders, other, unnamed)


def test_a_link_to_a_database_says_how_it_is_known_which_one() -> None:
    """Named, of the catalog, or the only one that was in trouble."""
    orders, own = log("stopped", 0, "orchard:orders"), log("stopped", 0, "")
    logged = log("logged", 4, "orchard:orders")
    for cause, effect, ending in (
        (orders, client(3, "shelf", "orchard:r:orders"), "; shelf names orchard:orders"),
        (orders, client(3, "till"), "; till uses orchard:orders by the catalog"),
        (
            orders,
            client(3, "shelf"),
            f"; nothing says which database is meant, and orchard:orders{ONLY}",
        ),
        (
            structs.replace(own, service="depot"),
            client(3, "shelf"),
            f"; nothing says which database is meant, and depot{ONLY}",
        ),
        (
            own,
            client(3, "shelf"),
            "; nothing says which database is meant, and this database is the only one in question",
        ),
        (client(3, "shelf"), logged, "; nothing says which database shelf uses"),
        (client(3, "till"), logged, "; till uses orchard:orders by the catalog"),
    ):
        (incident,) = incidents(DATABASES, cause, effect, topology=TWO)
        (link,) = incident.links
        assert link.reason.endswith(ending)
        assert not link.reason.removesuffix(ending).endswith((";", " "))


def test_a_trace_does_not_blame_a_database_that_is_not_meant() -> None:
    """It says that both have to do with each other, and not which of them was first."""
    users = log("stopped", 0, "orchard:users")
    for name, kind in (("users", "caused_by"), ("orders", "trace")):
        named = client(3, "shelf", f"orchard:us-central1:{name}")
        both = [structs.replace(one, trace="t") for one in (users, named)]
        (incident,) = incidents(DATABASES, *both, topology=TWO)
        assert {link.kind for link in incident.links} >= {kind}
        assert any(link.kind == "caused_by" for link in incident.links) is (name == "users")


def test_a_database_without_a_name_is_another_one_than_those_that_are_named() -> None:
    """It explains what names none, and nothing that names an instance of Cloud SQL."""
    own = structs.replace(log("stopped", 0, ""), service="depot")
    assert len(shown(own, client(3, "shelf"))) == 1
    assert len(shown(own, client(3, "shelf", "orchard:us-central1:orders"))) == 2
    assert len(shown(own, log("stopped", 1, "orchard:orders"), client(3, "shelf"))) == 3


def test_an_error_in_the_log_of_a_database_is_of_the_service_that_means_it() -> None:
    """One that names another, or uses another by the catalog, has nothing to do with it."""
    logged = log("logged", 1, "orchard:users")
    assert len(shown(client(0, "shelf"), logged)) == 1
    assert len(shown(client(0, "shelf", "orchard:us-central1:users"), logged)) == 1
    assert len(shown(client(0, "shelf", "orchard:us-central1:orders"), logged)) == 2
    assert len(shown(client(0, "till"), logged)) == 2


def test_a_repetition_names_the_same_database() -> None:
    """What names another is no repetition of what has a cause; what names none may be one."""
    orders, first = log("stopped", 0, "orchard:orders"), client(1, "shelf", "orchard:r:orders")
    assert len(shown(orders, first, client(900, "shelf", "orchard:r:orders"))) == 1
    assert len(shown(orders, first, client(900, "shelf"))) == 1
    assert len(shown(orders, first, client(900, "shelf", "orchard:r:users"))) == 2


def test_a_doubt_stays_as_long_as_what_it_is_about() -> None:
    """What is over with one of two databases is not forgotten while the other one goes on."""
    limits = LifecycleSettings(resolve_after=300 * SECOND)
    settings = CorrelationSettings(600 * SECOND, lifecycle=limits, allowed_lateness=0)
    correlator = Correlator(DATABASES, settings, topology=TWO)
    orders, users = log("stopped", 0, "orchard:orders"), log("stopped", 1, "orchard:users")
    early, again = log("stopped", -2000, "orchard:users"), log("stopped", 200, "orchard:orders")
    for item in (early, orders, users, again, client(3, "shelf"), client(601, "shelf")):
        correlator.on_detections(item.key, item.richness, [item])
    correlator.on_time(BASE + 700 * SECOND)
    over, *before = correlator.incidents()
    assert len(before) == 3
    assert correlator.evict() == (over.id,)
    assert [*correlator.incidents()] == before
