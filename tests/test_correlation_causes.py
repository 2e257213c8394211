"""Which cause explains which effect, and what is joined when exports are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from pipeline.catalog import load_catalog
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.correlation.causes import STRANDS
from pipeline.correlation.episodes import MemoryShelf
from tests.support import BASE, SECOND, correlate, detection, rule_text, ruleset

if TYPE_CHECKING:
    from pipeline.detection import Detection
    from pipeline.incident import Incident

SERVICE = "same: [service], within: 2m"
CHAIN = ruleset(
    rule_text("import_error"),
    rule_text("missing_table"),
    rule_text(
        "exited",
        audit="{entity: [service], "
        f"caused_by: [{{rule: [import_error, missing_table], {SERVICE}}}]}}",
    ),
    rule_text("request_failed", audit=f"{{caused_by: [{{rule: exited, {SERVICE}, before: 20s}}]}}"),
)
CATALOG = load_catalog(
    "services:\n"
    "  shop: {match: {service: [shop-web]}, depends_on: [orders]}\n"
    "  orders: {match: {service: [orders, orders-job]}, depends_on: [stock]}\n"
    "  stock: {depends_on: [ledger]}\n"
    "  ledger: {depends_on: [vault]}\n"
    "  vault: {}\n",
    "catalog.yml",
)


def seen(
    rule: str, at: float, *, revision: str = "one", trace: str = "", service: str = "backend"
) -> Detection:
    """Make a detection of a revision; neither it nor the trace tells whom it is about."""
    made = detection(rule, at=at, service=service, key=f"{rule}-{at}-{revision}")
    return structs.replace(made, revision=revision, trace=trace)


DAILY = CorrelationSettings(episode_gap=24 * 3600 * SECOND)
"""After a day of silence another episode begins."""


def parts(*detections: Detection) -> list[dict[str, int]]:
    """Return the incidents, each as the counts of its symptoms by rule."""
    return [shown(made) for made in correlate(CHAIN, *detections, settings=DAILY).incidents()]


def shown(incident: Incident) -> dict[str, int]:
    """Return the counts of its symptoms by rule."""
    return {symptom.rule: symptom.count for symptom in incident.symptoms}


def test_each_service_has_its_own_causes_however_many_there_are() -> None:
    """More of them than merged causes are kept for the next symptom."""
    services = [f"s{number}" for number in range(STRANDS + 1)]
    rules = ("import_error", "exited")
    found = [seen(rule, 1, service=service) for service in services for rule in rules]
    found = [structs.replace(item, key=("log", at, "")) for at, item in enumerate(found)]
    made = correlate(CHAIN, *found).incidents()
    assert len(made) == len(services)
    assert all(len(incident.symptoms) == len(rules) for incident in made)


def test_two_causes_one_after_the_other_are_two_incidents_with_the_same_effects() -> None:
    """The same exit, the same failed request: each goes with the nearest cause."""
    found = [
        *(seen("import_error", 0), seen("exited", 1), seen("request_failed", 2)),
        *(seen("missing_table", 10), seen("exited", 11), seen("request_failed", 12)),
        *(seen("missing_table", 20), seen("exited", 21), seen("request_failed", 22)),
    ]
    assert parts(*found) == [
        {"import_error": 1, "exited": 1, "request_failed": 1},
        {"missing_table": 2, "exited": 2, "request_failed": 2},
    ]


def test_the_revision_decides_before_the_distance() -> None:
    """Two revisions fail at once, each for a reason of its own."""
    found = [
        *(seen("import_error", 0), seen("missing_table", 8, revision="two")),
        *(seen("exited", 9), seen("exited", 10, revision="two")),
    ]
    assert parts(*found) == [
        {"import_error": 1, "exited": 1},
        {"missing_table": 1, "exited": 1},
    ]


def test_causes_that_lie_together_explain_one_effect() -> None:
    """One start may fail for two reasons."""
    both = [seen("import_error", 0), seen("missing_table", 2)]
    assert parts(*both, seen("exited", 3)) == [{"import_error": 1, "missing_table": 1, "exited": 1}]


def test_an_effect_whose_cause_was_cut_off_joins_its_nearest_repetition() -> None:
    """On the same service and revision; what another revision shows says nothing of it."""
    found = [
        *(seen("exited", -3000), seen("import_error", 0), seen("exited", 1)),
        *(seen("missing_table", 4000), seen("exited", 4001), seen("exited", 7000)),
        seen("exited", 7001, revision="two"),
    ]
    assert parts(*found) == [
        {"exited": 2, "import_error": 1},
        {"missing_table": 1, "exited": 2},
        {"exited": 1},
    ]


def test_what_joined_by_repetition_says_so() -> None:
    """The first of each symptom: how far it is from the repetition, and what both share."""
    found = [
        *(seen("import_error", 0), seen("exited", 1)),
        *(seen("exited", 601), seen("exited", 901), seen("request_failed", 902)),
        *(seen("request_failed", -100), structs.replace(seen("exited", -300), revision="")),
    ]
    (incident,) = correlate(CHAIN, *found, settings=DAILY).incidents()
    (other,) = correlate(CHAIN, *reversed(found), settings=DAILY).incidents()
    assert incident.links == other.links
    repeated = [link for link in incident.links if link.kind == "repetition"]
    assert [link.effect for link in repeated] == [link.cause for link in repeated]
    why = "has no cause that is left and goes with its nearest repetition that has one: logged"
    where = "it on the same service backend"
    assert [link.reason for link in repeated] == [
        f"exited {why} 301.000 s before {where} (limit 86400 s)",
        f"request_failed {why} 1002.000 s before {where}, revision one (limit 86400 s)",
    ]
    assert incident.root.rule == "import_error"


def test_of_repetitions_at_one_time_the_first_in_order_is_taken() -> None:
    """By every effect that they are the nearest of."""
    twice = [structs.replace(seen("exited", 1), key=("log", BASE + SECOND, name)) for name in "ab"]
    found = [seen("import_error", 0), *twice, seen("exited", 500), seen("exited", 900)]
    assert parts(*found) == parts(*reversed(found)) == [{"import_error": 1, "exited": 4}]


def test_effects_whose_causes_were_cut_off_join_one_repetition() -> None:
    """Also those that differ in a field that a cause would have to share."""
    rules = ruleset(
        rule_text("cause"),
        rule_text("exited", audit="{caused_by: [{rule: cause, same: [service, zone]}]}"),
    )
    cause = detection("cause", at=0, zone="a")
    effects = [
        structs.replace(detection("exited", at=at, zone=zone), fingerprint="exited")
        for at, zone in ((1, "a"), (5_000, "b"), (5_001, "c"))
    ]
    (incident,) = correlate(rules, cause, *effects).incidents()
    assert shown(incident) == {"cause": 1, "exited": 3}


def test_no_repetition_that_is_too_far_away_is_joined() -> None:
    """What lies between two of them is left for itself, and so is what comes after all."""
    day = 24 * 3600
    causes = [seen("import_error", at) for at in (0, 6 * day)]
    exits = [seen("exited", at) for at in (1, 500, 3 * day, 6 * day + 1, 6 * day + 500, 9 * day)]
    assert sorted(parts(*causes, *exits), key=str) == [
        {"exited": 1},
        {"exited": 1},
        {"import_error": 1, "exited": 2},
        {"import_error": 1, "exited": 2},
    ]
    with_none_near = [seen("exited", at) for at in (1, 3 * day, 6 * day + 1)]
    assert {"exited": 1} in parts(*causes, *with_none_near)


def test_a_repetition_near_which_there_is_none_without_a_cause_is_passed_over() -> None:
    """Those before and after it have some."""
    day = 24 * 3600
    causes = [seen("import_error", at) for at in (0, 6 * day, 12 * day)]
    exits = [seen("exited", at) for at in (1, 500, 6 * day + 1, 11.5 * day, 12 * day + 1)]
    assert [made["exited"] for made in parts(*causes, *exits)] == [2, 1, 2]


def test_an_effect_of_an_unknown_revision_joins_a_repetition_on_its_service() -> None:
    """Not every entry names its revision."""
    found = [seen("import_error", 0), seen("exited", 1), seen("exited", 500, revision="")]
    assert parts(*found) == [{"import_error": 1, "exited": 2}]


def test_another_revision_explains_what_nothing_else_does() -> None:
    """And the link says so."""
    found = [seen("import_error", 0), seen("exited", 1, revision="two")]
    (incident,) = correlate(CHAIN, *found).incidents()
    assert incident.links[0].reason.endswith(
        "; on another revision (one), as nothing on its own explains it"
    )


def test_a_cause_may_be_logged_after_its_effect_as_far_as_the_edge_says() -> None:
    """A request log bears the time of arrival."""
    joined = {"exited": 1, "request_failed": 1}
    assert parts(seen("request_failed", 0), seen("exited", 20)) == [joined]
    assert len(parts(seen("request_failed", 0), seen("exited", 20.001))) == 2


def test_one_cause_may_be_logged_after_several_effects() -> None:
    """As far as clocks differ."""
    found = [seen("exited", 0), seen("exited", 1), seen("import_error", 3)]
    assert parts(*found) == [{"exited": 2, "import_error": 1}]


def test_the_order_of_arrival_does_not_matter() -> None:
    """What comes late is attributed as if it had been there."""
    found = [seen("exited", at) for at in (1, 11)]
    late = [seen("missing_table", 10), seen("import_error", 0)]
    assert parts(*found, *late) == parts(*late, *found)
    assert len(parts(*found, *late)) == 2


# --- dependencies and traces ----------------------------------------------------------------------

CALLERS = ruleset(
    rule_text("down", audit="{entity: [service]}"),
    rule_text("failing", audit="{caused_by: [{rule: down, via: depends_on, within: 1m}]}"),
    rule_text("job", audit="{caused_by: [{rule: down, same: [component]}]}"),
)


@pytest.mark.parametrize(
    ("caller", "callee", "count"),
    [
        ("shop-web", "orders", 1),
        ("shop-web", "ledger", 1),  # over three dependencies
        ("shop-web", "vault", 2),  # over four
        ("orders", "shop-web", 2),  # the other way round
        ("shop-web", "shop", 2),  # a service does not depend on itself
        ("shop-web", "unheard-of", 2),
    ],
)
def test_a_failure_is_explained_by_what_its_service_depends_on(
    caller: str, callee: str, count: int
) -> None:
    """As the catalog says, over three dependencies at most."""
    found = Correlator(CALLERS, topology=CATALOG)
    for item in (detection("down", service=callee), detection("failing", at=9, service=caller)):
        found.on_detections(item.key, item.richness, [item])
    assert len(found.incidents()) == count


def test_a_dependency_is_named_in_the_reason() -> None:
    """With the way that leads to it."""
    found = Correlator(CALLERS, topology=CATALOG)
    for item in (
        detection("down", service="stock"),
        detection("failing", at=9, service="shop-web"),
    ):
        found.on_detections(item.key, item.richness, [item])
    (incident,) = found.incidents()
    assert incident.links[0].reason == (
        "failing is explained by down: logged 9.000 s after it (limit 60 s); "
        "shop-web depends on stock by the catalog (shop -> orders -> stock)"
    )


def test_without_a_catalog_nothing_depends_on_anything() -> None:
    """And a component is a service."""
    found = [detection("down", service="stock"), detection("failing", at=9, service="shop-web")]
    assert len(correlate(CALLERS, *found).incidents()) == 2
    same = [detection("down"), detection("job", at=9)]
    assert len(correlate(CALLERS, *same).incidents()) == 1


def test_a_component_is_what_the_catalog_calls_a_service() -> None:
    """A job and the service that it belongs to."""
    found = Correlator(CALLERS, topology=CATALOG)
    for item in (detection("down", service="orders-job"), detection("job", service="orders")):
        found.on_detections(item.key, item.richness, [item])
    assert len(found.incidents()) == 1


@pytest.mark.parametrize(
    ("apart", "others", "count"), [(600, 0, 1), (600.001, 0, 2), (1, 6, 1), (1, 7, 9)]
)
def test_what_shares_a_trace_is_one_incident(apart: float, others: int, count: int) -> None:
    """Within ten minutes, unless the trace touches more than eight symptoms."""
    names = ["import_error", "missing_table", *(f"other{index}" for index in range(others))]
    rules = ruleset(*map(rule_text, names))
    times = [0, apart, *range(2, 2 + others)]
    found = [seen(name, at, trace="t") for name, at in zip(names, times, strict=True)]
    made = correlate(rules, *found).incidents()
    assert len(made) == count
    reasons = {link.reason for incident in made for link in incident.links}
    assert reasons == ({"both have the trace t"} if count == 1 else set())


# --- time and memory ------------------------------------------------------------------------------


def test_late_entries_count_and_are_counted() -> None:
    """Later than the allowed lateness; copies are no further entries."""
    found = correlate(CHAIN, seen("exited", 601))
    found.on_time(BASE + 601 * SECOND)
    for item in (seen("exited", 0), seen("exited", 0), seen("exited", 1)):
        found.on_detections(item.key, item.richness, [item])
    (incident,) = found.incidents()
    assert (incident.count, found.late, found.watermark) == (3, 1, BASE + SECOND)


def test_time_goes_on_when_nothing_is_logged() -> None:
    """Incidents settle and end all the same."""
    found = correlate(CHAIN, seen("exited", 0))
    found.on_time(BASE)
    found.on_idle(30 * SECOND)
    assert (found.now, found.notify_at()) == (BASE + 30 * SECOND, None)


def test_memory_is_bounded_by_what_is_open() -> None:
    """A failure an hour, each over in a minute: those of the last day or two are held."""
    shelf = MemoryShelf()
    found = Correlator(CHAIN, CorrelationSettings(episode_gap=600 * SECOND), shelf=shelf)
    most, gone = 0, 0
    for hour in range(200):
        for item in (seen("import_error", hour * 3600), seen("exited", hour * 3600 + 1)):
            found.on_detections(item.key, item.richness, [item])
        found.on_time(BASE + hour * 3600 * SECOND)
        most = max(most, len(shelf))
        if hour % 10 == 0:
            gone += len(found.evict())
    assert most < 100
    assert gone + len(found.incidents()) == 200


def test_what_an_entry_showed_is_forgotten_with_its_incident() -> None:
    """What was taken back is, too; what is left goes on."""
    found = correlate(CHAIN, seen("exited", 0), seen("missing_table", 300_000), settings=DAILY)
    gone = seen("import_error", 0)
    found.on_detections(gone.key, gone.richness, [gone])
    found.on_detections(gone.key, (2, 1, 1, ""), [])
    found.on_time(BASE + 300_000 * SECOND)
    assert len(found.evict()) == 1
    assert found.evict() == ()
    assert found.entries() == {seen("missing_table", 300_000).key}
    assert found.told(gone.key) is None
    assert [shown(incident) for incident in found.incidents()] == [{"missing_table": 1}]
