"""What every store promises: `ports.Store`, told to each implementation in turn.

Another store joins with one row in `STORES`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from pipeline import traffic
from pipeline.correlation.counted import KEPT as COUNTED_KEPT
from pipeline.correlation.counted import bundle_of
from pipeline.correlation.links import Anchor
from pipeline.correlation.settled import Page, Past, Settled
from pipeline.correlation.thinning import Gone
from pipeline.deployments import KEPT
from pipeline.entry.beats import ORDINARY
from pipeline.entry.sighting import Sighting, bare_time
from pipeline.errors import LeaseLostError, StoreError
from pipeline.incident import State
from pipeline.ports import AHEAD, Poison, Progress, Standing
from pipeline.report import Action, LedgerEntry
from pipeline.retention import Pruned, Retention
from pipeline.stores.memory import MemoryStore
from pipeline.stores.sql.store import SqlStore
from pipeline.tracker.delivering import Delivery
from pipeline.tracker.model import Known, News, Ours
from pipeline.tracker.pace import Pace
from pipeline.traffic import Question
from pipeline.verdicts import Kind, Verdict
from tests.fakes.postgresql import fresh
from tests.stores.support import BASE, POOR, RICH, detection, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from pipeline.detection import Detection
    from pipeline.ports import Store


STORES: dict[str, Callable[[Path, str], AbstractContextManager[Store]]] = {
    "in memory": lambda _path, _server: MemoryStore(),
    "sqlite in memory": lambda _path, _server: SqlStore("sqlite://"),
    "sqlite in a file": lambda path, _server: SqlStore(f"sqlite:///{path}/store.db"),
    "postgresql": lambda _path, server: SqlStore(fresh(server)),
}


@pytest.fixture(params=STORES, name="store")
def each_store(request: pytest.FixtureRequest, tmp_path: Path, postgresql: str) -> Iterator[Store]:
    """Lend each store, empty."""
    with STORES[request.param](tmp_path, postgresql) as store:
        yield store


def ids(store: Store) -> list[str]:
    """Return the ids of the incidents, in the order given."""
    return [document.id for document in store.incidents()]


def test_a_new_store_is_empty(store: Store) -> None:
    """Nothing is in it, and asking is no error."""
    assert list(store.detections()) == []
    assert list(store.anchors()) == []
    assert store.ledger() == {}
    assert list(store.incidents()) == []
    assert store.incident("inc") is None


def test_a_run_without_findings_may_be_recorded(store: Store) -> None:
    """Nothing in, nothing changed."""
    store.record([], [], BASE)
    assert list(store.detections()) == []
    assert store.ledger() == {}


# --- sightings ------------------------------------------------------------------------------------


def seen(first: str, last: str, commit: str = "sha") -> Sighting:
    """Make what a revision's entries come to, with times of one day."""
    day = bare_time(BASE)[: len("2025-09-10T")]
    return Sighting(f"{day}{first}", "log \x00", "id \ud800", commit, f"{day}{last}")


def test_sightings_of_revisions_are_merged(store: Store) -> None:
    """The first entry and the last time of all runs; the same run again changes nothing."""
    one, other = ("backend", "1 \ufdd0"), ("auth", "1")
    runs = [
        {one: seen("02", "03"), other: seen("05", "06")},
        {one: seen("01", "02"), ("backend", "2"): seen("07", "08")},
        {one: seen("02", "04", "late")},
    ]
    assert store.sightings() == {}
    for told in (*runs, *runs):
        store.record([], [], BASE, (), told)
    assert store.sightings() == {
        one: seen("01", "04"),
        other: seen("05", "06"),
        ("backend", "2"): seen("07", "08"),
    }


def test_as_many_revisions_as_there_are_are_merged(store: Store) -> None:
    """Whatever of them is told later, and whatever others there are of the same names."""
    every = {(service, f"{number}"): seen("03", "04") for service in "ab" for number in range(700)}
    later = {running: seen("02", "05") for running in every if running[1] != "7"}
    store.record([], [], BASE, (), every)
    store.record([], [], BASE, (), {("a", "7"): seen("03", "06")})
    store.record([], [], BASE, (), later)
    others = {("a", "7"): seen("03", "06"), ("b", "7"): seen("03", "04")}
    assert store.sightings() == {running: seen("02", "05") for running in later} | others


def test_a_revision_is_remembered_for_as_long_as_it_is_said(store: Store) -> None:
    """To the nanosecond, however the time of its last entry is written."""
    told = {
        ("backend", f"{late}"): Sighting("2025", "log", "id", "", bare_time(BASE + late))
        for late in (0, 1, 10, 1_000_000_000)
    }
    store.record([], [], BASE, (), told)
    for now, kept in ((0, 4), (1, 3), (2, 2), (10, 2), (11, 1), (1_000_000_000, 1)):
        store.record([], [], BASE + KEPT + now, (), {})
        assert len(store.sightings()) == kept


def test_a_revision_is_forgotten_long_after_its_last_entry(store: Store) -> None:
    """Even if nothing is told of it any more, so that what is kept does not grow for ever."""
    store.record([], [], BASE, (), {("backend", "1"): seen("01", "02")})
    store.record([], [], BASE + KEPT // 2, (), {("backend", "2"): seen("01", "02")})
    assert set(store.sightings()) == {("backend", "1"), ("backend", "2")}
    store.record([], [], BASE + 2 * KEPT)
    assert store.sightings() == {}


# --- answers about requests -----------------------------------------------------------------------


def test_of_two_answers_the_greater_counts(store: Store) -> None:
    """A run that read fewer of the requests takes nothing back; old ones are forgotten."""
    second = BASE // 10**9
    one = Question("shop \ufdd0", "log \x00", second, second + 300)
    other = Question("till", "log", second - 40, second)
    assert store.answers() == {}
    for told in ({one: 7}, {one: 9, other: 1}, {one: 8}, {}):
        store.record([], [], BASE, answers=told)
    assert store.answers() == {one: 9, other: 1}
    store.record([], [], BASE + (traffic.KEPT + 1) * 10**9)
    assert store.answers() == {one: 9}


def test_as_many_answers_and_minutes_as_there_are_are_merged(store: Store) -> None:
    """Whatever of them is told later, and whatever others there are with a part of the key."""
    second = BASE // 10**9
    asked = [
        Question(service, log, second + number, second + 60)
        for service in "ab"
        for log in "lm"
        for number in range(60)
    ]
    days = [(project, name, "2025-09-10") for project in "pq" for name in map(str, range(150))]
    store.record([], [], BASE, answers=dict.fromkeys(asked, 7), beats=dict.fromkeys(days, 6))
    store.record([], [], BASE, answers={asked[1]: 9, asked[200]: 9}, beats={days[1]: 1})
    store.record([], [], BASE, answers=dict.fromkeys(asked, 8), beats=dict.fromkeys(days[:200], 8))
    assert store.answers() == dict.fromkeys(asked, 8) | {asked[1]: 9, asked[200]: 9}
    assert store.beats() == dict.fromkeys(days[:200], 14) | dict.fromkeys(days[200:], 6) | {
        days[1]: 15
    }


# --- minutes --------------------------------------------------------------------------------------


def test_minutes_are_merged_and_forgotten(store: Store) -> None:
    """However often they are told; what is three days old nobody compares with."""
    one, other = ("demo", "shop \ufdd0", "2025-09-10"), ("demo", "", "2025-09-11")
    assert store.beats() == {}
    for told in ({one: 6}, {one: 1 << 1439, other: ORDINARY}, {one: 2}, {}):
        store.record([], [], BASE, beats=told)
    assert store.beats() == {one: 6 | 1 << 1439, other: ORDINARY}
    store.record([], [], BASE + 4 * 24 * 3600 * 10**9)
    assert store.beats() == {other: ORDINARY}


# --- detections -----------------------------------------------------------------------------------


def test_detections_come_in_canonical_order(store: Store) -> None:
    """Time, then log, then insert id, then rule; also before 1970 and after 2262."""
    expected = [
        detection(at=-3 * BASE),
        detection(at=-2 * BASE),
        detection(at=0, log_name="a", insert_id="2"),
        detection(at=0, log_name="b", insert_id="1"),
        detection(at=0, log_name="b", insert_id="2", rule="a"),
        detection(at=0, log_name="b", insert_id="2", rule="b"),
        detection(at=1, log_name="a"),
        detection(at=200_000_000_000_000_000_000),
    ]
    store.record(reversed(expected), [], BASE)
    assert list(store.detections()) == expected


def test_detections_of_several_runs_add_up(store: Store) -> None:
    """What another run saw in other entries stays, and an iterator may be given."""
    for at in (2, 1):
        store.record(iter([detection(at=at)]), [], BASE)
    assert list(store.detections()) == [detection(at=1), detection(at=2)]


def test_a_richer_copy_replaces_what_its_entry_showed(store: Store) -> None:
    """Rules that the richer copy does not match are gone; other entries are not touched."""
    other = detection(at=1)
    richer = detection("extra_table", richness=RICH)
    store.record([detection("missing_table"), detection("import_fault"), other], [], BASE)
    store.record([richer], [], BASE)
    assert list(store.detections()) == [richer, other]


def test_a_cleared_entry_is_forgotten(store: Store) -> None:
    """When the richest copy of an entry shows nothing, nothing of it stays; others do."""
    gone, kept = detection(), detection(at=1)
    store.record([gone, kept], [], BASE)
    store.record([], [], BASE, [gone.key])
    assert list(store.detections()) == [kept]


def test_a_poorer_copy_changes_nothing(store: Store) -> None:
    """In whichever order the copies of an entry are read, the richest one speaks."""
    richer = detection("extra_table", richness=RICH)
    store.record([richer], [], BASE)
    store.record([detection("missing_table", richness=POOR)], [], BASE)
    assert list(store.detections()) == [richer]


def test_the_richest_of_the_copies_given_together_is_kept(store: Store) -> None:
    """The order within a run does not matter either."""
    richer = detection("extra_table", richness=RICH)
    poorer = detection("missing_table", richness=POOR)
    store.record([richer, poorer, richer], [], BASE)
    assert list(store.detections()) == [richer]


def test_the_same_copy_read_again_brings_todays_rules(store: Store) -> None:
    """A copy as rich as the known one replaces it: what the rules say may have changed."""
    again = detection("extra_table", fields={"tables": ["users"]})
    store.record([detection("missing_table")], [], BASE)
    store.record([again], [], BASE)
    assert list(store.detections()) == [again]


def test_a_thousand_entries_are_replaced_at_once(store: Store) -> None:
    """No number of entries is too much for one run."""
    poor = [detection(at=at, richness=POOR) for at in range(1200)]
    rich = [structs.replace(item, richness=RICH) for item in poor]
    store.record(poor, [], BASE)
    store.record(rich, [], BASE)
    store.record(poor, [], BASE)
    assert list(store.detections()) == rich


# --- incidents ------------------------------------------------------------------------------------


def test_incidents_come_in_order_of_first_seen(store: Store) -> None:
    """As documents, exactly as they were given."""
    late = outcome("inc-1", anchor=("a", BASE + 5), first_seen=BASE + 5)
    early = outcome("inc-2", anchor=("b", BASE), first_seen=BASE)
    store.record([], [late, early], BASE)
    assert list(store.incidents()) == [early.document, late.document]


def test_others_are_told_what_is_to_be_known_of_an_incident(store: Store) -> None:
    """As last recorded; of one that another absorbed, nothing."""
    assert list(store.neighbours()) == []
    first = outcome("inc-1", anchor=("v1-first", BASE))
    document = first.document.model_copy(update={"services": ["backend"]})
    second = outcome(
        "inc-2", anchor=("v1-second", BASE + 5), first_seen=BASE + 5, last_seen=BASE + 9
    )
    store.record([], [first, second], BASE)
    named = {one.id: one for one in store.neighbours()}
    assert named.keys() == {"inc-1", "inc-2"}
    assert (named["inc-2"].first_seen, named["inc-2"].last_seen) == (BASE + 5, BASE + 9)
    assert (named["inc-2"].fingerprint, named["inc-2"].title) == (
        "v1-second",
        "backend: Missing critical tables",
    )
    store.record(
        [], [replace(first, document=document), outcome("inc-3", absorbed=("inc-2",))], BASE
    )
    named = {one.id: one for one in store.neighbours()}
    assert named.keys() == {"inc-1", "inc-3"}
    assert named["inc-1"].services == ("backend",)


def test_an_incident_is_replaced_by_what_it_is_now(store: Store) -> None:
    """The last run speaks."""
    store.record([], [outcome(state=State.NEW)], BASE)
    later = outcome(state=State.ONGOING, body="It goes on.", action=Action.UPDATE)
    store.record([], [later], BASE + 1)
    assert list(store.incidents()) == [later.document]


def test_who_knows_incidents_asks_for_what_changed(store: Store) -> None:
    """With the last decision about each, and what is not to be looked after any more."""
    assert store.changed(-1).told == {}
    a, b = outcome("inc-a"), outcome("inc-b", anchor=("v1-b", BASE + 1))
    unreported = outcome("inc-c", anchor=("v1-c", BASE + 2), action=Action.LEAVE)
    store.record([], [a, b, unreported], BASE)
    first = store.changed(-1)
    ledger = store.ledger()
    assert first.told == {
        one.incident.id: (one.document, ledger[one.incident.id]) for one in (a, b)
    }
    assert first.gone == frozenset()
    assert (store.changed(first.revision).told, first.gone) == ({}, frozenset())
    store.record([], [], BASE + 1)
    assert store.changed(first.revision).revision >= first.revision
    store.record([], [b], BASE + 2)
    second = store.changed(first.revision)
    assert second.told == {"inc-b": (b.document, store.ledger()["inc-b"])}
    assert second.revision > first.revision
    store.prune(BASE + 30 * DAY, BASE + 30 * DAY)
    third = store.changed(second.revision)
    assert (third.told, third.gone >= {"inc-a", "inc-b"}) == ({}, True)
    store.record([], [a], BASE + 30 * DAY)
    assert [*store.changed(third.revision).told] == ["inc-a"]


def test_of_what_was_to_be_reported_it_tells_what_no_tracker_knows(store: Store) -> None:
    """As far as it is in use, with the last decision about each."""
    assert store.untried() == {}
    a, b = outcome("inc-a"), outcome("inc-b", anchor=("v1-b", BASE + 1))
    unreported = outcome("inc-c", anchor=("v1-c", BASE + 2), action=Action.LEAVE)
    store.record([], [a, b, unreported], BASE)
    again = outcome("inc-b", anchor=("v1-b", BASE + 1), action=Action.UPDATE, body="It goes on.")
    store.record([], [again], BASE + 1)
    ledger = store.ledger()
    assert ledger["inc-b"].action is Action.UPDATE
    assert store.untried() == {
        one.incident.id: (one.document, ledger[one.incident.id]) for one in (a, again)
    }
    store.deliver("example/platform", "inc-a", Delivery())
    assert [*store.untried()] == ["inc-b"]
    store.deliver("example/other", "inc-b", Delivery(since=BASE, attempts=1))
    assert store.untried() == {}
    others = [outcome(f"inc-{name}", anchor=(f"v1-{name}", BASE + 3)) for name in "de"]
    store.record([], others, BASE + 2)
    taking = outcome("inc-f", anchor=("v1-f", BASE + 5), absorbed=("inc-e",))
    store.record([], [taking], BASE + 3)
    assert store.untried().keys() == {"inc-d", "inc-f"}
    store.prune(BASE + 500 * DAY, BASE + 500 * DAY)
    assert store.untried() == {}


def test_what_changed_is_told_though_an_incident_was_taken_out(store: Store) -> None:
    """One that was never reported and became another: revisions only ever grow."""
    store.record([], [outcome("inc-a")], BASE)
    never = outcome(
        "inc-never", anchor=("v1-n", BASE + 9), first_seen=BASE + 9, action=Action.LEAVE
    )
    store.record([], [never], BASE)
    known = store.changed(-1).revision
    grown = outcome("inc-new", anchor=("v1-n", BASE + 8), first_seen=BASE + 8, last_seen=BASE + 9)
    store.record([], [grown], BASE)
    found = store.changed(known)
    assert [*found.told] == ["inc-new"]
    assert found.revision > known
    store.record([], [outcome("inc-a")], BASE + 1)
    assert [*store.changed(found.revision).told] == ["inc-a"]


def test_an_absorbed_incident_is_not_in_use_any_more(store: Store) -> None:
    """Who knows it is told so."""
    store.record([], [outcome("inc-a"), outcome("inc-b", anchor=("v1-b", BASE + 1))], BASE)
    known = store.changed(-1)
    store.record([], [outcome("inc-a", absorbed=("inc-b",))], BASE + 1)
    found = store.changed(known.revision)
    assert [*found.told] == ["inc-a"]
    assert found.gone == {"inc-b"}


def test_an_incident_that_a_run_does_not_mention_stays(store: Store) -> None:
    """A run tells of what it looked at, not of everything."""
    store.record([], [outcome("inc-1", anchor=("a", BASE), action=Action.LEAVE)], BASE)
    store.record([], [outcome("inc-2", anchor=("b", BASE + 1), first_seen=BASE + 1)], BASE)
    assert ids(store) == ["inc-1", "inc-2"]


def test_an_absorbed_incident_is_gone_but_its_decisions_are_not(store: Store) -> None:
    """The ledger and the anchor still say that it once was reported."""
    store.record([], [outcome("inc-1"), outcome("inc-2", anchor=("b", BASE + 1))], BASE)
    survivor = outcome("inc-1", absorbed=("inc-2",), action=Action.UPDATE, body="Both.")
    store.record([], [survivor], BASE + 7)
    assert ids(store) == ["inc-1"]
    assert store.incident("inc-2") is None
    assert set(store.ledger()) == {"inc-1", "inc-2"}
    assert Anchor(BASE + 1, "b", "inc-2", BASE) in store.anchors()


def test_an_incident_may_part_again(store: Store) -> None:
    """One that was absorbed and stands for itself in a later run is back."""
    store.record([], [outcome("inc-1"), outcome("inc-2", anchor=("b", BASE))], BASE)
    store.record([], [outcome("inc-1", absorbed=("inc-2",))], BASE)
    store.record([], [outcome("inc-1"), outcome("inc-2", anchor=("b", BASE))], BASE)
    assert ids(store) == ["inc-1", "inc-2"]


def test_an_unreported_incident_gives_way_to_the_one_that_has_its_beginning(store: Store) -> None:
    """Its id followed from its first detection; an earlier one came late and gave it another."""
    store.record([], [outcome("inc-1", action=Action.LEAVE)], BASE)
    earlier = outcome("inc-2", anchor=("v1-missing_table", BASE - 9), first_seen=BASE - 9)
    store.record([], [earlier], BASE)
    assert ids(store) == ["inc-2"]


def test_an_incident_is_found_by_a_beginning_of_its_id(store: Store) -> None:
    """Or by all of it, although another begins alike; case counts, and nothing is a pattern."""
    names = ("inc-12", "inc-123", "inc-2")
    given = [outcome(name, anchor=(name, BASE)) for name in names]
    store.record([], given, BASE)
    assert store.incident("inc-2") == given[2].document
    assert store.incident("inc-12") == given[0].document
    assert store.incident("inc-123") == given[1].document
    for nobody in ("inc-3", "INC-2", "inc_2", "%2", "\udc80", "\x00"):
        assert store.incident(nobody) is None


def test_a_beginning_that_several_ids_have_is_an_error_that_names_them(store: Store) -> None:
    """So that the user can pick one."""
    store.record([], [outcome(name, anchor=(name, BASE)) for name in ("inc-12", "inc-13")], BASE)
    with pytest.raises(StoreError, match=r"inc-12, inc-13"):
        store.incident("inc-1")


# --- the ledger -----------------------------------------------------------------------------------


def test_the_ledger_tells_what_was_decided(store: Store) -> None:
    """When, what, why, what the report said, which symptoms it knew and the state."""
    given = outcome(more=("v1-other",), state=State.QUIET)
    store.record([], [given], BASE + 30)
    assert store.ledger() == {
        "inc-1": LedgerEntry(
            incident_id="inc-1",
            decided_at=BASE + 30,
            action=Action.CREATE,
            reason="a reason",
            digest=given.report.digest,
            symptoms=("v1-missing_table", "v1-other"),
            state="quiet",
        )
    }


def test_the_last_decision_about_an_incident_counts(store: Store) -> None:
    """Last recorded, whatever its event time."""
    for at, action in ((5, Action.CREATE), (9, Action.UPDATE), (7, Action.UPDATE)):
        store.record([], [outcome(action=action)], BASE + at)
    assert store.ledger()["inc-1"].decided_at == BASE + 7


def test_what_is_left_alone_does_not_reach_the_ledger(store: Store) -> None:
    """The incident is recorded; it has neither decision nor anchor."""
    store.record([], [outcome(action=Action.LEAVE)], BASE)
    assert ids(store) == ["inc-1"]
    assert store.ledger() == {}
    assert list(store.anchors()) == []


def test_the_anchor_tells_of_the_first_report(store: Store) -> None:
    """Later decisions do not move it."""
    store.record([], [outcome(action=Action.LEAVE)], BASE + 10)
    for at, action in ((30, Action.CREATE), (60, Action.UPDATE), (90, Action.LEAVE)):
        store.record([], [outcome(action=action)], BASE + at)
    assert list(store.anchors()) == [Anchor(BASE, "v1-missing_table", "inc-1", BASE + 30)]


def test_recording_a_run_twice_changes_nothing(store: Store) -> None:
    """A retry after a crash is harmless: a decision that stands is not taken anew."""
    run = ([detection()], [outcome(), outcome("inc-2", anchor=("b", BASE))], BASE)
    store.record(*run)
    store.record([], [outcome(action=Action.UPDATE, body="It goes on.")], BASE)
    before = [store.detections(), store.anchors(), store.ledger(), store.incident("inc-2")]
    store.record(*run)
    assert [store.detections(), store.anchors(), store.ledger(), store.incident("inc-2")] == before
    assert store.ledger()["inc-1"].action is Action.UPDATE


# --- verdicts -------------------------------------------------------------------------------------

MERGE = Verdict(
    Kind.MERGE,
    "inc-1",
    ("v1-a", BASE),
    BASE + 1,
    "ana",
    ("v1-b", -BASE),
    "inc-2",
    reason="one \x00",
)
SILENCE = Verdict(Kind.SILENCE, "inc-1", ("v1-a", BASE), BASE + 2, "bo", until=200 * BASE)


def test_verdicts_come_in_the_order_given(store: Store) -> None:
    """With a number each, and exactly as they were said."""
    assert list(store.verdicts()) == []
    assert store.give(MERGE) == replace(MERGE, number=1)
    assert store.give(SILENCE) == replace(SILENCE, number=2)
    assert list(store.verdicts()) == [replace(MERGE, number=1), replace(SILENCE, number=2)]


def test_a_verdict_said_twice_in_a_row_is_kept_once(store: Store) -> None:
    """Whoever says it again; what was contradicted in between is said anew."""
    store.give(MERGE)
    assert store.give(replace(MERGE, by="bo", at=BASE + 9)) == replace(MERGE, number=1)
    store.give(SILENCE)
    assert store.give(MERGE) == replace(MERGE, number=3)
    assert len(store.verdicts()) == 3


def test_a_verdict_may_be_taken_back_once(store: Store) -> None:
    """It holds no longer; its number is never given to another."""
    store.give(MERGE)
    store.give(SILENCE)
    assert store.undo(2, "ana") == replace(SILENCE, number=2)
    assert store.undo(2, "ana") is None
    assert store.undo(7, "ana") is None
    assert list(store.verdicts()) == [replace(MERGE, number=1)]
    assert store.give(SILENCE) == replace(SILENCE, number=3)


def test_a_run_leaves_verdicts_alone(store: Store) -> None:
    """They are about incidents, whatever becomes of these."""
    store.give(MERGE)
    store.record([detection()], [outcome()], BASE)
    store.record([], [], BASE, [detection().key])
    assert list(store.verdicts()) == [replace(MERGE, number=1)]


# --- deliveries -----------------------------------------------------------------------------------

OURS = Ours("It fails \ufdd0", labels=frozenset({"p1", "fivewhys"}), closed="completed")
KNOWN = Known(
    7,
    "missing-table",
    "digest",
    2 * BASE,
    3 * BASE,
    5,
    frozenset({"b", "a"}),
    1,
    ours=OURS,
    trying=Ours(),
)
WAITING = Delivery(KNOWN, BASE, 2, "time-out \x00", 3 * BASE, (News("update-1", "It \ud800"),))


def test_deliveries_are_kept_as_they_are(store: Store) -> None:
    """Those of each tracker by themselves, and the last one of an incident."""
    assert store.deliveries("example/platform") == {}
    assert list(store.trackers()) == []
    store.deliver("example/platform", "inc-1", WAITING)
    store.deliver("example/platform", "inc-2", Delivery())
    store.deliver("example/other", "inc-1", WAITING.done())
    assert store.deliveries("example/platform") == {"inc-1": WAITING, "inc-2": Delivery()}
    store.deliver("example/platform", "inc-1", WAITING.waiting(9 * BASE, "reset"))
    told = store.deliveries("example/platform")["inc-1"]
    assert (told.since, told.attempts, told.reason, told.not_before) == (BASE, 3, "reset", 0)
    assert store.deliveries("example/other") == {"inc-1": Delivery(KNOWN)}
    assert list(store.trackers()) == ["example/other", "example/platform"]


def test_a_run_leaves_deliveries_alone(store: Store) -> None:
    """They are about issues, whatever becomes of incidents."""
    store.deliver("example/platform", "inc-1", WAITING)
    store.record([detection()], [outcome()], BASE)
    assert store.deliveries("example/platform") == {"inc-1": WAITING}


def test_only_one_holds_a_lease(store: Store) -> None:
    """It can be renewed; another one gets it when it was given back or ran out."""
    assert store.lease("example/platform", "one", BASE + 10, BASE)
    assert not store.lease("example/platform", "two", BASE + 20, BASE + 9)
    assert store.lease("example/other", "two", BASE + 20, BASE + 9)
    assert store.lease("example/platform", "one", BASE + 30, BASE + 9)
    assert not store.lease("example/platform", "two", BASE + 40, BASE + 29)
    assert store.lease("example/platform", "two", BASE + 50, BASE + 30)
    assert not store.lease("example/platform", "one", BASE + 50, BASE + 31)


def test_who_renews_a_lease_learns_whether_another_one_had_it(store: Store) -> None:
    """Be it over or given back: it is renewed only by who had it all along, taken by nobody."""
    assert not store.renew("a", "one", BASE + 10)
    assert store.lease("a", "one", BASE + 10, BASE)
    assert store.renew("a", "one", BASE + 20)
    assert not store.renew("b", "one", BASE + 20)
    assert not store.lease("a", "two", BASE + 30, BASE + 19)
    assert store.renew("a", "one", BASE + 60), "it was over, and nobody took it"
    assert store.lease("a", "two", BASE + 70, BASE + 60)
    assert not store.renew("a", "one", BASE + 99)
    assert not store.lease("a", "three", BASE + 80, BASE + 69), "it is as long as it was"
    assert not store.renew("a", "one", BASE + 99), "it is over, and still another's"
    store.release("a", "two")
    assert not store.renew("a", "one", BASE + 99)
    assert store.lease("a", "three", BASE + 80, BASE + 69)


def test_only_who_writes_to_a_tracker_keeps_what_is_known_of_it(store: Store) -> None:
    """What another one learned meanwhile is not overwritten; what names no writer is kept."""
    store.deliver("example/platform", "inc-1", WAITING)
    with pytest.raises(LeaseLostError, match="'example/platform'"):
        store.deliver("example/platform", "inc-1", Delivery(), "one")
    assert store.lease("example/platform", "one", BASE + 10, BASE)
    store.deliver("example/platform", "inc-2", WAITING, "one")
    assert store.lease("example/platform", "two", BASE + 20, BASE + 10)
    with pytest.raises(LeaseLostError):
        store.deliver("example/platform", "inc-1", Delivery(), "one")
    assert store.deliveries("example/platform") == {"inc-1": WAITING, "inc-2": WAITING}
    store.deliver("example/platform", "inc-1", Delivery(), "two")
    assert store.deliveries("example/platform")["inc-1"] == Delivery()


def test_a_lease_by_a_clock_that_was_set_back_holds_nobody_up(store: Store) -> None:
    """One that is a bit ahead is no reason to take it from a living one."""
    assert store.lease("example/platform", "one", BASE + AHEAD + 10, BASE + AHEAD)
    assert not store.lease("example/platform", "two", BASE + 10, BASE)
    assert store.lease("example/platform", "two", BASE + 9, BASE - 1)
    assert not store.lease("example/platform", "one", BASE + 10, BASE)


def test_how_fast_a_server_was_written_to_is_kept(store: Store) -> None:
    """Writes of several processes add up; the rest is what the last one says."""
    assert store.pace("example.com") == Pace()
    first = Pace((BASE,), BASE + 10, "GitHub's limit", 1, 2, 3, 4)
    assert store.keep_pace("example.com", first) == first
    assert store.pace("example.com") == first
    assert store.keep_pace("example.com", Pace((BASE + 1,))).writes == (BASE, BASE + 1)
    assert store.pace("example.com") == Pace((BASE, BASE + 1))
    assert store.pace("example.org") == Pace()


def test_only_the_holder_gives_a_lease_back(store: Store) -> None:
    """One that ran out and was taken over is no longer ours to give back."""
    assert store.lease("example/platform", "one", BASE + 10, BASE)
    store.release("example/platform", "two")
    assert not store.lease("example/platform", "two", BASE + 20, BASE)
    store.release("example/platform", "one")
    assert store.lease("example/platform", "two", BASE + 20, BASE)
    store.release("example/nothing", "two")


def test_who_holds_a_lease_is_known(store: Store) -> None:
    """Until it is given back, also if its time is over."""
    assert store.holder("example/platform") == ""
    store.lease("example/platform", "one", BASE + 10, BASE)
    store.lease("example/platform", "two", BASE + 20, BASE)
    assert store.holder("example/platform") == "one"
    store.lease("example/platform", "two", BASE + 20, BASE + 10)
    assert store.holder("example/platform") == "two"
    assert store.holder("example/other") == ""
    store.release("example/platform", "two")
    assert store.holder("example/platform") == ""


# --- the inbox ------------------------------------------------------------------------------------


def progress(*receipts: int, holder: str = "me", **more: Any) -> Progress:
    """Say how far a run has come."""
    return replace(Progress(receipts, b"", BASE, "correlation", holder), **more)


def test_what_was_received_stays_until_a_commit_makes_it_needless(store: Store) -> None:
    """By number, the first ones first; the requests in what is needless can be told for a while."""
    for receipt in (b"one", b"\x00two\xff", b""):
        store.receive(receipt, (), BASE)
    (first, one), (second, two) = store.receipts(5)
    assert (one, two) == (b"one", b"\x00two\xff")
    assert [receipt for _, receipt in store.receipts(1)] == [b"one"]
    assert list(store.receipts(1, first)) == [(second, two)]
    assert list(store.receipts(1, second)) == []
    assert store.backlog() == 2
    store.lease("correlation", "me", BASE + 1, BASE)
    store.record([], [], BASE, progress=progress(first, held=b"lines", requests=b"r"))
    assert list(store.receipts(5)) == [(second, two)]
    assert store.backlog() == 1
    assert list(store.recent(BASE)) == [b"r"]
    assert list(store.recent(BASE + 1)) == []
    assert store.held() == b"lines"
    store.record([], [], BASE, progress=progress(second, requests=b"s", since=BASE + 1))
    assert list(store.receipts(5)) == []
    assert list(store.recent(0)) == []
    assert store.held() == b""


def test_of_many_that_are_needless_only_the_requests_are_kept(store: Store) -> None:
    """As one, however many there were: what else they tell may be large, and nobody asks for it."""
    store.lease("correlation", "me", BASE + 1, BASE)
    kept = []
    for number in range(600):
        store.receive(b"%d" % number, (), BASE + number)
        if number % 600 in {0, 598}:
            told = progress(*(one for one, _ in store.receipts(900)), requests=b"r%d" % number)
            store.record([], [], BASE, progress=told)
            kept.append(told.requests)
    assert list(store.recent(0)) == kept
    assert [receipt for _, receipt in store.receipts(9)] == [b"599"]
    assert store.standing().latest == BASE + 599
    store.record([], [], BASE, progress=progress(store.receipts(1)[0][0]))
    assert list(store.recent(0)) == kept
    assert store.standing() == Standing(latest=BASE + 599)


def test_what_is_kept_of_many_is_told_in_their_order(store: Store) -> None:
    """However many there are."""
    store.lease("correlation", "me", BASE + 1, BASE)
    for number in range(1_100):
        store.receive(b"told", (), BASE)
        one = progress(store.receipts(1)[0][0], requests=b"%d" % number)
        store.record([], [], BASE, progress=one)
    assert [int(one) for one in store.recent(0)] == [*range(1_100)]


def test_only_who_holds_the_lease_commits(store: Store) -> None:
    """Nothing of what another one found is kept, and its receipts stay."""
    store.receive(b"one", (), BASE)
    ((number, _),) = store.receipts(5)
    with pytest.raises(LeaseLostError, match="'correlation'"):
        store.record([detection("a")], [], BASE, progress=progress(number))
    store.lease("correlation", "me", BASE + 1, BASE)
    store.lease("correlation", "another", BASE + 9, BASE + 1)
    with pytest.raises(LeaseLostError):
        store.record([detection("a")], [], BASE, progress=progress(number))
    assert list(store.detections()) == []
    assert len(store.receipts(5)) == 1
    store.record([detection("a")], [], BASE, progress=progress(number, holder="another"))
    assert len(list(store.detections())) == 1


def test_a_receipt_can_be_put_into_quarantine_by_who_holds_the_lease(store: Store) -> None:
    """It is in one place or the other; one that somebody made needless stays what it is."""
    for receipt in (b"one", b"two", b"three"):
        store.receive(receipt, (), BASE)
    (first, _), (second, two), (third, three) = store.receipts(5)
    poison = Poison("receipt 1", "a row is refused", "one", BASE)
    with pytest.raises(LeaseLostError, match="'correlation'"):
        store.refuse(first, poison, "correlation", "me")
    assert (store.backlog(), store.poison()) == (3, [])
    store.lease("correlation", "me", BASE + 1, BASE)
    store.refuse(first, poison, "correlation", "me")
    assert list(store.receipts(5)) == [(second, two), (third, three)]
    assert list(store.recent(0)) == []
    assert [one._replace(number=0) for one in store.poison()] == [poison]
    store.record([], [], BASE, progress=progress(second, requests=b"2"))
    for gone in (first, second):
        store.refuse(gone, poison._replace(name="again"), "correlation", "me")
    assert list(store.receipts(5)) == [(third, three)]
    assert list(store.recent(0)) == [b"2"]
    assert [one.name for one in store.poison()] == ["receipt 1"]


def test_what_is_no_incident_after_all_leaves_nothing_unless_it_was_reported(store: Store) -> None:
    """Lines that were held back said so; an issue is not left alone."""
    quiet = outcome("inc-1", anchor=("v1-inc-1", BASE), action=Action.LEAVE)
    spoken = outcome("inc-2", anchor=("v1-inc-2", BASE))
    store.lease("correlation", "me", BASE + 1, BASE)
    store.record([], [quiet, spoken], BASE, progress=progress())
    untold = replace(progress(), untold=("inc-1", "inc-2", "inc-3"))
    store.record([], [], BASE, progress=untold)
    assert [one.id for one in store.incidents()] == ["inc-2"]
    assert store.ledger().keys() == {"inc-2"}


def test_what_was_never_reported_is_known_by_its_first_detection(store: Store) -> None:
    """Not what was reported, absorbed or put away, nor that of which nothing is kept any more."""
    names = ("own", "gone", "spoken", "absorbed")
    quiet = {
        name: outcome(name, anchor=(f"v1-{name}", BASE), action=Action.LEAVE) for name in names
    }
    found = [detection(name) for name in names if name != "gone"]
    store.record(found, [*quiet.values()], BASE)
    assert sorted(store.unreported()) == ["absorbed", "own", "spoken"]
    spoken = outcome("spoken", anchor=("v1-spoken", BASE), absorbed=("absorbed",))
    store.record([], [spoken], BASE)
    assert [*store.unreported()] == ["own"]
    store.record([detection("own", at=1)], [], BASE, [detection("own").key])
    assert [*store.unreported()] == []


def test_a_mark_is_kept_by_its_name(store: Store) -> None:
    """The last time counts, also if it is an earlier one."""
    assert store.mark("received") == 0
    store.keep_mark("received", BASE + 1)
    store.keep_mark("other", 7)
    store.keep_mark("received", BASE)
    assert (store.mark("received"), store.mark("other")) == (BASE, 7)
    store.keep_mark("received", 0)
    assert store.mark("received") == 0


def test_quarantine_keeps_a_message_once(store: Store) -> None:
    """The same message again replaces it; whoever mended something takes it out."""
    poison = [Poison("m1", "no JSON", "{", BASE), Poison("m2", "a \x00", "\ud800", BASE)]
    store.receive(b"", poison, BASE)
    store.receive(b"", [Poison("m1", "no JSON at all", "{", BASE + 1)] * 2, BASE)
    second, first = store.poison()
    assert (first.name, first.reason, first.at) == ("m1", "no JSON at all", BASE + 1)
    assert second._replace(number=0) == poison[1]
    assert store.release_poison([first.number, first.number, 99]) == 1
    assert [one.name for one in store.poison()] == ["m2"]
    assert store.release_poison([]) == 0


def test_a_number_of_quarantine_is_never_given_again(store: Store) -> None:
    """Who names one after a while means the message that had it, or none that is there any more."""
    store.receive(b"", [Poison(name, "no JSON", "{", BASE) for name in ("m1", "m2")], BASE)
    given = [one.number for one in store.poison()]
    for name in ("m3", "m4"):
        assert store.release_poison([one.number for one in store.poison()]) > 0
        store.receive(b"", [Poison(name, "no JSON", "{", BASE)], BASE)
        given += [one.number for one in store.poison()]
    store.receive(b"", [Poison("m4", "no JSON at all", "{", BASE)], BASE)  # in place of itself
    given += [one.number for one in store.poison()]
    assert given == sorted(set(given))


def test_what_was_absorbed_is_not_counted(store: Store) -> None:
    """It is part of another incident."""
    store.record([], [outcome("inc-1"), outcome("inc-2")], BASE)
    store.record([], [outcome("inc-1", absorbed=("inc-2",))], BASE)
    assert store.standing().incidents == {"new": 1}


def test_what_there_is_can_be_counted(store: Store) -> None:
    """What waits and since when, what is in quarantine, and incidents by state."""
    assert store.standing() == Standing()
    for at in (BASE + 1, BASE, BASE + 2):
        store.receive(b"receipt", (), at)
    store.receive(b"", [Poison("m1", "no JSON", "{", BASE)], BASE + 9)
    store.record([], [outcome("inc-1"), outcome("inc-2", state=State.RESOLVED)], BASE)
    found = store.standing()
    assert found == Standing(3, BASE, BASE + 2, 1, {"new": 1, "resolved": 1})
    store.lease("correlation", "me", BASE + 1, BASE)
    numbers = [number for number, _ in store.receipts(3)]
    store.record([], [], BASE, progress=progress(*numbers))
    found = store.standing()
    assert (found.waiting, found.oldest, found.latest) == (0, 0, BASE + 2)


def test_what_is_long_over_is_forgotten(store: Store) -> None:
    """Older than a time, and not among what is kept."""
    early, kept, late = (detection("a", at=at) for at in (0, 1, 9))
    store.record([early, kept, late], [], BASE)
    store.lease("a", "me", BASE + 1, BASE)
    assert store.forget([kept.key], late.timestamp, "a", "me") == 1
    assert [item.timestamp for item in store.detections()] == [kept.timestamp, late.timestamp]
    assert store.forget([], 0, "a", "me") == 0


def test_who_lost_the_lease_forgets_nothing(store: Store) -> None:
    """Nothing is changed then: another one may know what is to be kept."""
    store.record([detection("a")], [], BASE)
    store.lease("a", "you", BASE + 1, BASE)
    with pytest.raises(LeaseLostError, match="'a'"):
        store.forget([], BASE + 1, "a", "me")
    assert len([*store.detections()]) == 1


def gone_of(standing: Detection, *others: Detection) -> Gone:
    """Return that one stands for others, too."""
    keys = tuple(item.key for item in others)
    return Gone(keys, bundle_of(keys), (structs.replace(standing, others=((BASE, len(keys)),)),))


def test_what_is_only_counted_is_gone_and_known(store: Store) -> None:
    """One stands for it; what was counted long ago is not known any more."""
    every = [detection(at=at, insert_id=f"id-{at}") for at in range(5)]
    store.record(every, [], BASE)
    assert store.lease("correlation", "one", BASE + 10, BASE)
    first, second = gone_of(every[0], every[1], every[2]), gone_of(every[0], *every[1:4])
    for gone in (first, second):
        store.thin(gone, "correlation", "one")
    assert [(item.key, item.others) for item in store.detections()] == [
        (every[0].key, ((BASE, 3),)),
        (every[4].key, ()),
    ]
    assert [*store.counted()] == [first.bundle, second.bundle]
    later = detection(at=COUNTED_KEPT + 3, insert_id="later")
    store.thin(gone_of(every[0], later), "correlation", "one")
    assert [*store.counted()] == [second.bundle, bundle_of([later.key])]


def test_what_is_settled_stands_in_the_place_of_what_was(store: Store) -> None:
    """With the last that was only counted."""
    one, other = detection(at=0, insert_id="one"), detection(at=1, insert_id="other")
    runs = (Past(1, 5, 2, (0.5, -1), {"since": "10:00", "count": 3}), Past(7, 8, 7))
    first, second = (Page(("many", f"('{text}',)"), Settled(9, runs)) for text in ("a\0", "\ud800"))
    assert store.lease("correlation", "one", BASE + 10, BASE)
    assert [*store.settled()] == []
    for pages in ((first, second), (second,), ()):
        store.thin(replace(gone_of(one, other), settled=pages), "correlation", "one")
        assert [*store.settled()] == [*pages]


def test_what_nobody_asks_about_requests_is_forgotten(store: Store) -> None:
    """Once what asked is settled."""
    one, other = detection(at=0, insert_id="one"), detection(at=1, insert_id="other")
    since = BASE // 10**9
    asked = [Question("shop", "l", at, at + 60) for at in (since, since + 100)]
    store.record([], [], BASE, answers=dict.fromkeys(asked, 7))
    assert store.lease("correlation", "one", BASE + 10, BASE)
    store.thin(replace(gone_of(one, other), unasked=(asked[0],)), "correlation", "one")
    assert store.answers() == {asked[1]: 7}
    store.thin(replace(gone_of(one, other), unasked=(asked[0],)), "correlation", "one")
    assert store.answers() == {asked[1]: 7}


def test_who_lost_the_lease_thins_nothing(store: Store) -> None:
    """Another one may know better."""
    every = [detection(at=at, insert_id=f"id-{at}") for at in range(3)]
    store.record(every, [], BASE)
    assert store.lease("correlation", "one", BASE + 10, BASE)
    with pytest.raises(LeaseLostError):
        store.thin(gone_of(*every), "correlation", "two")
    assert [item.others for item in store.detections()] == [(), (), ()]
    assert [*store.counted()] == []


# --- what is forgotten ----------------------------------------------------------------------------

DAY = 24 * 3600 * 10**9
SPANS = Retention(in_use=60 * DAY, incidents=400 * DAY, quarantine=90 * DAY)


def decided(store: Store, name: str, *days: float, tried: bool = True, last_seen: int = 0) -> None:
    """Record an incident and its decisions, some days after a fixed base."""
    for number, day in enumerate(days):
        action = Action.UPDATE if number else Action.CREATE
        one = outcome(
            name,
            anchor=(f"v1-{name}", BASE),
            action=action,
            body=f"Day {day}.",
            last_seen=BASE + last_seen * DAY,
        )
        store.record([], [one], BASE + int(day * DAY))
    if tried:
        store.deliver("example/platform", name, Delivery(Known(7)))


def prune(store: Store, day: float) -> Pruned:
    """Prune by a clock that is event time."""
    now = BASE + int(day * DAY)
    return store.prune(now, now, SPANS)


def test_what_is_over_for_long_is_put_away(store: Store) -> None:
    """It is found by its id and by the same failure; nobody looks after its issue any more."""
    decided(store, "inc-1", 0, 1, 2)
    before = store.incident("inc-1")
    assert prune(store, 62) == Pruned()
    assert prune(store, 62.01) == Pruned(put_away=1, decisions=1)
    assert prune(store, 62.01) == Pruned()
    assert list(store.incidents()) == []
    assert list(store.incidents(every=True)) == [before]
    assert store.incident("inc-1") == store.incident("inc") == before
    assert store.deliveries("example/platform") == {}
    assert store.deliveries("example/other", {"inc-1"}) == {}
    asked = {"inc-2", "inc-1", *(f"inc-{number}" for number in range(9_999))}
    assert store.deliveries("example/platform", asked) == {"inc-1": Delivery(Known(7))}
    assert store.trackers() == ["example/platform"] or store.trackers() == ("example/platform",)
    assert list(store.neighbours()) == list(store.neighbours({"v1-inc-2"})) == []
    assert [one.id for one in store.neighbours({"v1-inc-1", "v1-inc-2"})] == ["inc-1"]


def test_what_is_put_away_is_told_by_when_it_began(store: Store) -> None:
    """Both ends count; each with its last decision, but for what another one absorbed."""
    for name, at in (("inc-1", 0), ("inc-2", 5), ("inc-3", 9), ("inc-4", 5), ("inc-5", 5)):
        anchor, first = (f"v1-{name}", BASE + at), BASE + at
        store.record([], [outcome(name, anchor=anchor, first_seen=first)], BASE + 10)
    low = outcome("inc-6", anchor=("v1-inc-6", BASE), action=Action.LEAVE)
    anchor = ("v1-inc-4", BASE + 5)
    more = outcome("inc-4", anchor=anchor, first_seen=BASE + 5, absorbed=("inc-5",), body="More.")
    store.record([], [low, more], BASE + 11)
    assert store.put_away(BASE, BASE + 9) == {}
    prune(store, 61)
    again = outcome("inc-2", anchor=("v1-inc-2", BASE + 5), first_seen=BASE + 5, body="Again.")
    store.record([], [again], BASE + 61 * DAY)
    told, ledger = store.put_away(BASE, BASE + 9), store.ledger()
    assert told == {
        name: (store.incident(name), ledger[name]) for name in ("inc-1", "inc-3", "inc-4")
    }
    assert told["inc-4"][1].decided_at == BASE + 11
    assert store.put_away(BASE, BASE + 8).keys() == {"inc-1", "inc-4"}
    assert store.put_away(BASE + 1, BASE + 9).keys() == {"inc-3", "inc-4"}
    prune(store, 460)
    assert store.put_away(BASE, BASE + 9).keys() <= {"inc-2"}


def test_the_first_and_the_last_decision_of_what_is_put_away_stay(store: Store) -> None:
    """So that it is known when its first report was, and what the last one said."""
    decided(store, "inc-1", 0, 1, 2, 3)
    decided(store, "inc-2", 0, 1, 2, 59)
    anchors, ledger = store.anchors(), store.ledger()
    assert prune(store, 64) == Pruned(put_away=1, decisions=2)
    assert store.anchors() == anchors
    assert store.ledger() == ledger
    assert [one.incident_id for one in store.anchors(BASE + 1)] == ["inc-2"]
    assert [one.incident_id for one in store.anchors(BASE)] == ["inc-1", "inc-2"]
    assert prune(store, 120) == Pruned(put_away=1, decisions=2)
    assert store.ledger() == ledger


def test_what_is_recorded_again_is_in_use_again(store: Store) -> None:
    """With what is known of its issue."""
    decided(store, "inc-1", 0)
    prune(store, 100)
    again = outcome("inc-1", anchor=("v1-inc-1", BASE), action=Action.UPDATE, body="Again.")
    store.record([], [again], BASE + 100 * DAY)
    assert list(store.incidents()) == [again.document]
    assert store.deliveries("example/platform") == {"inc-1": Delivery(Known(7))}
    assert prune(store, 159) == Pruned()
    assert prune(store, 161) == Pruned(put_away=1)


def test_what_was_seen_lately_stays_in_use(store: Store) -> None:
    """Even if there was nothing to report about it since."""
    decided(store, "inc-1", 0, last_seen=50)
    assert prune(store, 109) == Pruned()
    assert prune(store, 111) == Pruned(put_away=1)


def test_what_waits_for_a_tracker_stays_in_use(store: Store) -> None:
    """Tried in vain, or for as long as any stays never tried; others wait for nothing."""
    for name in ("inc-1", "inc-2", "inc-3"):
        decided(store, name, 0, tried=name != "inc-3")
    waiting = Delivery(Known(8)).waiting(BASE, "time-out")
    store.deliver("example/platform", "inc-2", waiting)
    low = outcome("inc-4", anchor=("v1-inc-4", BASE), action=Action.LEAVE)
    store.record([], [low], BASE)
    assert prune(store, 399) == Pruned(put_away=2)
    assert ids(store) == ["inc-2", "inc-3"]
    assert prune(store, 401) == Pruned(put_away=1, incidents=3)
    assert ids(store) == ["inc-2"]
    assert store.deliveries("example/platform") == {"inc-2": waiting}
    assert {one.incident_id for one in store.anchors()} == {"inc-1", "inc-2", "inc-3"}


def test_an_absorbed_incident_stays_as_long_as_the_one_that_absorbed_it(store: Store) -> None:
    """The other is known to hold it only by its anchor."""
    decided(store, "inc-1", 0)
    decided(store, "inc-2", 0)
    both = outcome(
        "inc-2",
        anchor=("v1-inc-2", BASE),
        absorbed=("inc-1",),
        action=Action.UPDATE,
        body="Both.",
        last_seen=BASE + 70 * DAY,
    )
    store.record([], [both], BASE + 70 * DAY)
    assert prune(store, 129) == Pruned()
    assert {one.incident_id for one in store.anchors(BASE + 1)} == {"inc-1", "inc-2"}
    assert prune(store, 131) == Pruned(put_away=2)
    assert prune(store, 500) == Pruned(incidents=2)
    assert store.anchors(BASE + 1) == ()


def test_of_what_is_forgotten_its_anchor_stays(store: Store) -> None:
    """By it an old export told again has no second issue; what was never reported leaves nothing.

    An id that begins as one that is forgotten is found.
    """
    decided(store, "inc-1", 0, 1)
    low = outcome("inc-3", anchor=("v1-inc-3", BASE), action=Action.LEAVE)
    store.record([], [low], BASE)
    anchors, ledger = store.anchors(), store.ledger()
    assert prune(store, 399) == Pruned(put_away=2)
    assert prune(store, 401) == Pruned(incidents=2)
    assert prune(store, 900) == Pruned()
    assert list(store.incidents(every=True)) == []
    assert store.incident("inc-1") is None
    assert store.incident("inc-") is None
    assert list(store.neighbours({"v1-inc-1"})) == []
    assert store.anchors() == anchors
    assert store.ledger() == ledger
    assert list(store.trackers()) == []


def test_receipts_and_quarantine_are_forgotten_by_the_clock(store: Store) -> None:
    """Receipts that are needed stay however old they are."""
    poison = [Poison(f"m-{day}", "no JSON", "{", BASE + day * DAY) for day in (0, 20)]
    store.receive(b"told", poison, BASE)
    store.receive(b"needed", (), BASE)
    store.lease("correlation", "me", BASE + DAY, BASE)
    number = store.receipts(1)[0][0]
    store.record([], [], BASE, progress=progress(number, requests=b"told"))
    assert list(store.recent(0)) == [b"told"]
    assert store.prune(BASE - DAY, BASE + 91 * DAY, SPANS) == Pruned(receipts=1, poison=1)
    assert list(store.recent(0)) == []
    assert [one for _, one in store.receipts(9)] == [b"needed"]
    assert [one.name for one in store.poison()] == ["m-20"]
