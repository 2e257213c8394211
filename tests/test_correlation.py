"""From detections to incidents: what is joined, by what, what is root, and which id it keeps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.correlation.links import Anchor
from pipeline.correlation.symptoms import LINE_LIMIT
from pipeline.incident import State
from tests.support import (
    BASE,
    SECOND,
    correlate,
    detection,
    rule_text,
    ruleset,
    temporal_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.detection import Detection
    from pipeline.incident import Incident
    from pipeline.rule import RuleSet

SAME_SERVICE = "{same: [service], within: 10m}"
EDGE = "{rule: cause, same: [service], within: 1m}"
EDGES = ruleset(
    rule_text("cause"), rule_text("effect", audit=f"{{entity: [service], caused_by: [{EDGE}]}}")
)
CHAIN = ruleset(
    rule_text("first", level="low"),
    rule_text("second", level="critical", audit="{caused_by: [{rule: first, same: [service]}]}"),
    rule_text("third", level="high", audit="{caused_by: [{rule: second, same: [service]}]}"),
)
TEMPORAL = ruleset(
    rule_text("missing", level="high"),
    rule_text("extra", level="critical"),
    rule_text("wrong"),
    temporal_text("mismatch", "missing", "extra", timespan="1m"),
)
CONTEXT = ruleset(
    rule_text("failed", level="low"),
    rule_text("deployed", level="critical", audit=f"{{context: {SAME_SERVICE}}}"),
)


def parts(rules: RuleSet, *detections: Detection) -> list[set[str]]:
    """Return the incidents, each as the fingerprints of its symptoms."""
    found = correlate(rules, *detections).incidents()
    return [{symptom.fingerprint for symptom in made.symptoms} for made in found]


def only(rules: RuleSet, *detections: Detection, **settings: Any) -> Incident:
    """Return the one incident that detections make."""
    made = correlate(rules, *detections, settings=CorrelationSettings(**settings))
    (incident,) = made.incidents()
    return incident


# --- caused_by ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "holds"),
    [
        ({}, True),  # in the same instant
        ({"at": -60}, True),
        ({"at": -60.001}, False),  # out of its span
        ({"at": 5}, True),  # clock skew puts it after its effect
        ({"at": 5.001}, False),
        ({"service": "auth"}, False),
        ({"service": ""}, False),  # a missing field equals nothing
    ],
)
def test_an_edge_holds_for_the_same_fields_within_its_time(
    cause: dict[str, Any], *, holds: bool
) -> None:
    """Cause no later than effect plus clock skew, no earlier than the span of the edge."""
    found = parts(EDGES, detection("cause", **cause), detection("effect"))
    assert len(found) == (1 if holds else 2)


def test_what_is_missing_on_both_sides_is_not_the_same() -> None:
    """Two entries without a service need not come from one service."""
    found = parts(EDGES, detection("cause", service=""), detection("effect", service=""))
    assert len(found) == 2


def test_an_edge_without_fields_asks_for_time_alone() -> None:
    """`same` may be left out."""
    rules = ruleset(rule_text("cause"), rule_text("effect", audit="{caused_by: [{rule: cause}]}"))
    incident = only(rules, detection("cause", service="auth"), detection("effect"))
    (link,) = incident.links
    assert link.reason == "effect is explained by cause: logged 0.000 s after it (limit 600 s)"


@pytest.mark.parametrize(
    ("causes", "distance"),
    [
        ((-50, -7), "7.000 s after it"),
        ((-7, 2), "7.000 s after it"),  # before the effect rather than after it
        ((-61, 2), "2.000 s before it"),
        ((2, 3), "2.000 s before it"),
    ],
)
def test_the_nearest_cause_is_the_reason(causes: Iterable[float], distance: str) -> None:
    """A link says which entries made it: the effect and its nearest cause."""
    incident = only(EDGES, detection("effect"), *(detection("cause", at=at) for at in causes))
    (link,) = incident.links
    assert (link.kind, link.effect, link.cause) == ("caused_by", "effect backend", "cause backend")
    assert link.reason == (
        f"effect is explained by cause: logged {distance} on the same service backend (limit 60 s)"
    )


def test_an_effect_is_joined_with_all_its_causes() -> None:
    """Two tables are missing: what fails for want of them is one incident, not two."""
    tables = [detection("cause", at=at, table=name) for at, name in ((-9, "users"), (-8, "keys"))]
    incident = only(EDGES, *tables, detection("effect"))
    assert {link.cause for link in incident.links} == {"cause backend users", "cause backend keys"}


def test_a_rule_may_explain_itself_in_another_place() -> None:
    """An edge from a rule to itself links two symptoms, never one to itself."""
    rules = ruleset(rule_text("down", audit="{entity: [service], caused_by: [{rule: down}]}"))
    assert only(rules, detection("down"), detection("down", at=1)).links == ()
    assert only(rules, detection("down"), detection("down", at=1, service="auth")).links != ()


def test_two_episodes_of_one_symptom_do_not_make_each_other_an_effect() -> None:
    """A symptom that comes back is not thereby explained."""
    rules = ruleset(
        rule_text("down", audit="{entity: [service], caused_by: [{rule: down}]}"),
        rule_text("late", audit="{caused_by: [{rule: down}]}"),
    )
    both = (detection("down"), detection("down", at=100), detection("late", at=100))
    incident = only(rules, *both, episode_gap=50 * SECOND, together=200 * SECOND)
    assert incident.root.rule == "down"
    assert incident.root.count == 2


# --- temporal correlation -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("detections", "count"),
    [
        ([detection("missing"), detection("extra", at=60)], 1),
        ([detection("extra"), detection("missing", at=60)], 1),  # in any order
        ([detection("missing"), detection("missing", at=1), detection("extra", at=2)], 1),
        ([detection("missing"), detection("extra", at=60.001)], 2),  # out of the span
        ([detection("missing"), detection("extra", service="auth")], 2),  # another group
        ([detection("missing", service=""), detection("extra", service="")], 2),  # of no group
        ([detection("missing"), detection("wrong")], 2),  # the correlation does not name it
    ],
)
def test_a_temporal_correlation_joins_what_lies_in_its_span(
    detections: list[Detection], count: int
) -> None:
    """All of its rules matched within the time span, with equal group-by fields."""
    assert len(parts(TEMPORAL, *detections)) == count


def test_a_temporal_correlation_needs_all_its_rules() -> None:
    """Two of three are no match."""
    rules = ruleset(*map(rule_text, "abc"), temporal_text("all", "a", "b", "c"))
    assert len(parts(rules, detection("a"), detection("b"))) == 2
    assert len(parts(rules, detection("a"), detection("b"), detection("c"))) == 1


def test_the_span_slides() -> None:
    """Wherever the rules meet within a span they are joined; neighbours of that are not."""
    rules = ruleset(
        *map(rule_text, "ab"),
        rule_text("c", audit="{entity: [service, n]}"),
        temporal_text("all", "a", "b", "c", timespan="1m"),
    )
    found = parts(
        rules,
        detection("c", at=0, n=1),  # too early
        detection("c", at=30, n=2),
        detection("a", at=70),
        detection("b", at=90),
        detection("c", at=130, n=3),
        detection("c", at=150, n=4),  # too late
    )
    joined = {"a backend", "b backend", "c backend 2", "c backend 3"}
    assert found == [{"c backend 1"}, joined, {"c backend 4"}]


def test_a_temporal_link_says_what_it_found() -> None:
    """It has no direction, so of its two ends the earlier stands as cause and explains nothing."""
    incident = only(TEMPORAL, detection("missing"), detection("extra", at=1))
    (link,) = incident.links
    assert (link.kind, link.effect, link.cause) == ("temporal", "extra backend", "missing backend")
    assert link.reason == "mismatch: missing, extra within 60 s for service backend"
    assert incident.root.rule == "extra", "the more severe one"


# --- episodes and components ----------------------------------------------------------------------


@pytest.mark.parametrize(("silence", "count"), [(100, 1), (100.001, 2)])
def test_a_long_silence_ends_an_episode(silence: float, count: int) -> None:
    """The same failure after a longer gap is another incident."""
    found = correlate(
        EDGES,
        detection("cause"),
        detection("cause", at=silence),
        settings=CorrelationSettings(episode_gap=100 * SECOND),
    )
    assert len(found.incidents()) == count


def test_incidents_are_what_links_connect() -> None:
    """A chain of links is one incident; incidents stand in order of their beginning."""
    first, second, third = (detection(name, at=at) for at, name in enumerate(CHAIN.rules))
    other = detection("third", at=-9, service="auth")
    names = {item.fingerprint for item in (first, second, third)}
    assert parts(CHAIN, third, first, other, second) == [{"third auth"}, names]


def test_a_merge_counts_every_detection() -> None:
    """Symptoms keep their counts when incidents become one."""
    incident = only(CHAIN, *(detection("first", at=at) for at in range(3)), detection("second"))
    assert [(item.rule, item.count) for item in incident.symptoms] == [("first", 3), ("second", 1)]
    assert incident.count == 4


def test_a_detection_of_a_rule_that_is_gone_is_left_out() -> None:
    """A store may hold what rules of an older version saw."""
    assert correlate(EDGES, detection("retired")).incidents() == ()


# --- the root -------------------------------------------------------------------------------------


def test_the_root_is_what_no_other_symptom_explains() -> None:
    """However mild it is, and whenever it was logged."""
    found = (detection("second"), detection("first", at=2), detection("third", at=1))
    assert only(CHAIN, *found).root.rule == "first"


def test_what_explains_others_is_the_root_rather_than_what_does_not() -> None:
    """A symptom that was only seen at the same time is no cause."""
    rules = ruleset(
        rule_text("cause", level="low"),
        rule_text("effect", audit="{caused_by: [{rule: cause}]}"),
        rule_text("beside", level="critical"),
        temporal_text("together", "effect", "beside"),
    )
    found = (detection("beside"), detection("cause", at=1), detection("effect", at=2))
    assert only(rules, *found).root.rule == "cause"


@pytest.mark.parametrize(
    ("level", "root"),
    [("critical", "extra"), ("high", "missing"), ("low", "missing")],
)
def test_of_several_the_most_severe_is_the_root_then_the_earliest(level: str, root: str) -> None:
    """Links without direction leave it to level and time."""
    rules = ruleset(
        rule_text("missing", level="high"),
        rule_text("extra", level=level),
        temporal_text("mismatch", "missing", "extra"),
    )
    assert only(rules, detection("missing"), detection("extra", at=1)).root.rule == root


# --- context --------------------------------------------------------------------------------------


def test_context_joins_and_never_counts() -> None:
    """It stands beside the symptoms: neither root, nor in the count, nor in the priority."""
    incident = only(
        CONTEXT, detection("deployed", at=-9), detection("deployed", at=-8), detection("failed")
    )
    assert [item.rule for item in incident.symptoms] == ["failed"]
    assert [(item.rule, item.count) for item in incident.context] == [("deployed", 2)]
    assert (incident.root.rule, incident.count, incident.priority) == ("failed", 1, "P4")
    assert incident.first_seen == BASE


def test_context_never_opens_an_incident() -> None:
    """A deployment alone is none."""
    assert correlate(CONTEXT, detection("deployed")).incidents() == ()


def test_context_may_belong_to_two_incidents() -> None:
    """One deployment can stand behind two failures."""
    failures = (detection("failed", at=1, n=1), detection("failed", at=2, n=2))
    found = correlate(CONTEXT, detection("deployed"), *failures).incidents()
    assert [len(incident.context) for incident in found] == [1, 1]


@pytest.mark.parametrize(
    ("at", "service", "joins"),
    [
        (-600, "backend", True),
        (600, "backend", True),
        (-600.001, "backend", False),
        (600.001, "backend", False),
        (0, "auth", False),
        (0, "", False),
    ],
)
def test_context_lies_near_the_beginning_and_is_about_the_same(
    at: float, service: str, *, joins: bool
) -> None:
    """Within its span of the incident's first detection, with its fields."""
    incident = only(CONTEXT, detection("deployed", at=at, service=service), detection("failed"))
    assert bool(incident.context) is joins


@pytest.mark.parametrize(("at", "joins"), [(-600, True), (0, True), (60, True), (60.001, False)])
def test_context_may_lie_less_far_behind_the_beginning(at: float, *, joins: bool) -> None:
    """What explains comes first, but for what clocks and copies differ by."""
    about = "{context: {same: [service], after: 1m}}"
    rules = ruleset(rule_text("failed"), rule_text("deployed", level="critical", audit=about))
    incident = only(rules, detection("deployed", at=at), detection("failed"))
    assert bool(incident.context) is joins


# --- noise ----------------------------------------------------------------------------------------

NOISE = ruleset(
    rule_text("failed", level="low"),
    rule_text("loud", level="low", audit="{entity: [service], noise: true}"),
)


def noise(*detections: Detection) -> list[tuple[str, str, int]]:
    """Return what the symptoms of noise are about, when they began, and their counts."""
    found = correlate(NOISE, *detections).noise()
    return [(item.rule, item.fingerprint, item.count) for item in found]


def test_noise_is_a_symptom_of_its_own_and_in_no_incident() -> None:
    """Once for each thing that it is about, in order of time; not even a trace links it."""
    told = [detection("loud", at=at) for at in (7, 1, 3)]
    other = structs.replace(detection("loud", service="auth"), trace="t")
    failed = structs.replace(detection("failed"), trace="t")
    assert noise(*told, other, failed) == [("loud", "loud auth", 1), ("loud", "loud backend", 3)]
    assert parts(NOISE, *told, other, failed) == [{"failed backend"}]
    assert parts(NOISE, *told) == []
    assert noise(failed) == []


@given(st.permutations([("loud", 1), ("loud", 1), ("loud", 2), ("failed", 2), ("loud", 90_000)]))
def test_noise_depends_on_no_order_and_counts_an_entry_once(seen: list[tuple[str, int]]) -> None:
    """However long the silence between: once a run."""
    assert noise(*(detection(rule, at=at) for rule, at in seen)) == [("loud", "loud backend", 3)]


def test_what_stands_above_noise_is_not_linked_to_it() -> None:
    """A line above a traceback in which only noise was seen is an incident by itself."""
    rules = ruleset(
        rule_text("unknown", audit="{fallback: true}"),
        rule_text("loud", level="low", audit="{noise: true}"),
    )
    above = detection("unknown", above=["loud backend"])
    (incident,) = correlate(rules, above, detection("loud", at=0.5)).incidents()
    assert [item.rule for item in incident.symptoms] == ["unknown"]
    assert (incident.links, incident.root.rule) == ((), "unknown")


def test_noise_of_a_dead_copy_is_taken_back_and_old_noise_forgotten() -> None:
    """Memory is bounded by what is open."""
    loud = detection("loud")
    made = correlate(NOISE, loud)
    made.on_detections(loud.key, (2, 2, 2, ""), ())
    assert made.noise() == ()
    made = correlate(NOISE, loud, detection("loud", at=90 * 86_400))
    made.on_time(BASE + 90 * 86_400 * SECOND)
    made.evict()
    assert [item.count for item in made.noise()] == [1]


# --- ids ------------------------------------------------------------------------------------------


def anchor_of(incident: Incident) -> Anchor:
    """Return what a store remembers of an incident that was reported."""
    fingerprint, time = incident.anchor
    return Anchor(time, fingerprint, incident.id, BASE + SECOND)


def test_an_id_follows_from_what_was_seen_first() -> None:
    """The same detections make the same id; another beginning makes another."""
    assert only(EDGES, detection("cause")).id == only(EDGES, detection("cause")).id
    assert only(EDGES, detection("cause")).id != only(EDGES, detection("cause", at=1)).id
    assert only(EDGES, detection("cause")).id.startswith("inc-")


def test_an_incident_keeps_its_id_when_an_earlier_detection_arrives_later() -> None:
    """Once reported, it stays the same incident."""
    known = only(CHAIN, detection("second"))
    found = correlate(CHAIN, detection("first", at=-9), detection("second"))
    found.restore((), [anchor_of(known)])
    (incident,) = found.incidents()
    assert incident.id == known.id
    assert incident.anchor == known.anchor
    assert incident.first_seen == BASE - 9 * SECOND
    assert incident.absorbed == ()


def test_of_two_known_incidents_that_merge_the_older_survives_and_names_the_other() -> None:
    """A late link makes them one; the reader of the older learns of it."""
    older, younger = only(CHAIN, detection("first")), only(CHAIN, detection("third", at=20))
    found = correlate(CHAIN, *(detection(name, at=at * 10) for at, name in enumerate(CHAIN.rules)))
    found.restore((), [anchor_of(younger), anchor_of(older)])
    (incident,) = found.incidents()
    assert incident.id == older.id
    assert incident.absorbed == (younger.id,)


def test_an_anchor_of_another_episode_is_not_taken() -> None:
    """The same failure a week later is another incident, with an id of its own."""
    known = only(EDGES, detection("cause"))
    found = correlate(EDGES, detection("cause", at=7 * 24 * 3600))
    found.restore((), [anchor_of(known)])
    (incident,) = found.incidents()
    assert incident.id != known.id


def test_what_was_seen_after_the_first_report_makes_an_incident_ongoing() -> None:
    """The anchor knows when it was reported."""
    known = only(EDGES, detection("cause"))
    found = correlate(EDGES, detection("cause"), detection("cause", at=2))
    found.restore((), [anchor_of(known)])
    found.on_time(BASE + 2 * SECOND)
    (incident,) = found.incidents()
    assert incident.state is State.ONGOING


def test_what_is_dated_ahead_was_not_seen_since_the_first_report() -> None:
    """That report holds it already, whatever it says of when it was logged."""
    known = only(EDGES, detection("cause"))
    found = correlate(EDGES, detection("cause"), detection("cause", at=3600))
    found.restore((), [anchor_of(known)])
    found.on_time(BASE + 2 * SECOND)
    (incident,) = found.incidents()
    assert incident.state is State.NEW


# --- time -----------------------------------------------------------------------------------------


def test_event_time_is_told_and_never_goes_back() -> None:
    """Entries come late; the watermark stays."""
    correlator = Correlator(EDGES)
    correlator.on_time(5)
    correlator.on_time(3)
    assert correlator.now == 5


def test_a_time_that_nobody_can_have_logged_moves_nothing() -> None:
    """Past the settings' latest time the watermark stays where it was."""
    correlator = Correlator(EDGES, CorrelationSettings(latest=10))
    for time in (7, 10, 11):
        correlator.on_time(time)
    assert correlator.now == 10


def test_an_incident_settles_before_its_first_report() -> None:
    """`notify_at` is the next time at which one has settled, None when all have."""
    found = correlate(EDGES, detection("cause"), detection("cause", at=10, service="auth"))
    first, second = BASE + 30 * SECOND, BASE + 40 * SECOND
    assert found.notify_at() == first
    found.on_time(first)
    assert found.notify_at() == second
    found.on_time(second)
    assert found.notify_at() is None


def test_event_time_makes_the_state() -> None:
    """Silence counts up to the watermark."""
    found = correlate(EDGES, detection("cause"))
    found.on_time(BASE + 3600 * SECOND)
    (incident,) = found.incidents()
    assert incident.state is State.QUIET


# --- snapshots and copies -------------------------------------------------------------------------


def test_a_restarted_correlator_goes_on_where_it_stopped() -> None:
    """A snapshot is plain JSON and all it needs."""
    before = correlate(CHAIN, detection("second", at=3), detection("first"))
    before.restore((), [anchor_of(incident) for incident in before.incidents()])
    gone = detection("third", at=4)
    before.on_detections(gone.key, gone.richness, [gone])
    before.on_detections(gone.key, (2, 1, 1, ""), [])
    before.on_time(BASE + 9 * SECOND)
    after = Correlator(CHAIN)
    after.resume(json.loads(json.dumps(before.snapshot())))
    after.on_detections(gone.key, gone.richness, [gone])
    assert after.snapshot() == before.snapshot()
    assert after.incidents() == before.incidents()
    assert after.now == BASE + 9 * SECOND


def test_a_snapshot_of_another_version_is_refused() -> None:
    """What it says may mean something else."""
    with pytest.raises(ValueError, match=r"a snapshot of version 0, not 3; start without it"):
        Correlator(CHAIN).resume({"version": 0})


def test_what_a_store_kept_is_taken_up() -> None:
    """Time had come as far as the last of it, and nothing of it comes late."""
    found = Correlator(CHAIN)
    found.restore([detection("second", at=9000), detection("first")], [])
    assert (found.now, found.late) == (BASE + 9000 * SECOND, 0)
    assert len(found.incidents()) == 2


def test_a_snapshot_is_in_order_of_time() -> None:
    """Whatever order the detections came in."""
    found = Correlator(CHAIN)
    for item in (detection("second", at=3), detection("first"), detection("third", at=1)):
        found.on_detections(item.key, item.richness, [item])
    rules = [item["rule"] for item in found.snapshot()["detections"]]
    assert rules == ["first", "third", "second"]


@pytest.mark.parametrize("richer_first", [False, True])
def test_the_richest_copy_of_an_entry_speaks(*, richer_first: bool) -> None:
    """What it shows replaces what a poorer copy showed, in whatever order they come."""
    poor = detection("first", key="same")
    rich = structs.replace(detection("second", key="same"), richness=(2, 1, 1, ""))
    found = Correlator(CHAIN)
    for item in (rich, poor) if richer_first else (poor, rich):
        found.on_detections(item.key, item.richness, [item])
    (incident,) = found.incidents()
    assert [symptom.rule for symptom in incident.symptoms] == ["second"]


def test_a_richer_copy_that_shows_nothing_takes_back_what_a_poorer_one_showed() -> None:
    """A level that only the full copy has can say that nothing failed."""
    poor = detection("first")
    found = correlate(CHAIN, poor)
    found.on_detections(poor.key, (2, 1, 1, ""), [])
    assert found.incidents() == ()
    found.on_detections(poor.key, poor.richness, [poor])
    assert found.incidents() == ()


def test_copies_count_once() -> None:
    """The same entry read twice is one detection of each rule that saw it."""
    both = [detection("first", key="same"), detection("second", key="same")]
    found = correlate(CHAIN, *both)
    found.on_detections(both[0].key, both[0].richness, both)
    (incident,) = found.incidents()
    assert [symptom.count for symptom in incident.symptoms] == [1, 1]


# --- symptoms -------------------------------------------------------------------------------------

TITLED = ruleset(
    rule_text(
        "job",
        r"job (?P<name>\w*)",
        audit='{title: "{{ name }}", state: {Job: "{{ name }} failed"}, impact: Late, '
        "user_visible: true, whys: jobs, signature: failed-job}",
    )
)


def test_a_symptom_speaks_of_its_first_detection() -> None:
    """Title and state lines are made of its fields, the rest is what its rule says."""
    seen = (detection("job", name="b", at=1), detection("job", name="a"))
    first = only(TITLED, *(structs.replace(item, fingerprint="v1-job") for item in seen)).root
    assert (first.title, first.state_lines) == ("a", (("Job", "a failed"),))
    assert (first.impact, first.user_visible, first.whys) == ("Late", True, "jobs")
    assert (first.signature, first.level, first.entity["name"]) == ("failed-job", "high", "a")


def test_a_title_is_one_line_that_a_reader_can_take_in() -> None:
    """A capture may hold a whole log entry, or nothing."""
    made = [
        only(TITLED, detection("job", name=name)).root.title
        for name in ("a\n b", "x" * LINE_LIMIT, "x" * (LINE_LIMIT + 1), " ")
    ]
    assert made == ["a b", "x" * LINE_LIMIT, "x" * (LINE_LIMIT - 1) + "…", "About job"]


def test_a_symptom_keeps_a_few_samples() -> None:
    """The first three and the last, so that an issue shows how it began and how it stands."""
    incident = only(EDGES, *(detection("cause", at=at) for at in range(9)))
    times = [(sample.timestamp - BASE) // SECOND for sample in incident.root.samples]
    assert times == [0, 1, 2, 8]


def test_services_and_revisions_are_told_once() -> None:
    """Sorted, those that are unknown left out."""
    about = {"key": "one"}
    seen = [
        structs.replace(
            detection("cause", at=at, **about), fingerprint="v1-x", service=name, revision=name
        )
        for at, name in enumerate(["b", "", "a", "b"])
    ]
    root = only(EDGES, *seen).root
    assert root.services == root.revisions == ("a", "b")
