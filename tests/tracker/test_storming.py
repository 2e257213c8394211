"""Incidents that come together, and the issue that says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit import SECOND
from pipeline.entry import format_timestamp, parse_timestamp
from pipeline.incident import State
from pipeline.lifecycle import MINUTE
from pipeline.report import Action, LedgerEntry
from pipeline.tracker.model import Known, Ours
from pipeline.tracker.routing import RoutingSettings
from pipeline.tracker.storming import MOST_LISTED, StormSettings, put_away, with_storms
from pipeline.tracker.wanting import all_wanted
from tests.support import BASE
from tests.test_markdown import assert_visible
from tests.tracker.recorded import document
from tests.tracker.support import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.document import IncidentDocument
    from pipeline.tracker.model import Wanted

SETTINGS = StormSettings(least=3)
ROUTING = RoutingSettings()
DECIDED = LedgerEntry("", 77, Action.CREATE, "why", "abc", (), "new")


def incidents(*seconds: float, **values: Any) -> list[IncidentDocument]:
    """Return incidents that began so many seconds after the first could have."""
    return [
        document(f"inc-{number}").model_copy(
            update={"first_seen": format_timestamp(BASE + round(at * SECOND)), **values}
        )
        for number, at in enumerate(seconds)
    ]


def wanted(
    made: Sequence[IncidentDocument],
    known: Mapping[str, Known] | None = None,
    settings: StormSettings = SETTINGS,
    routing: RoutingSettings = ROUTING,
    away: Sequence[IncidentDocument] = (),
) -> tuple[Wanted, ...]:
    """Return what incidents want, and what the storms want that they and those put away are of."""
    documents = {one.id: one for one in (*made, *away)}
    told, gone = (
        all_wanted(some, dict.fromkeys(documents, DECIDED), BASE) for some in (made, away)
    )
    return with_storms(told, documents, known or {}, routing, settings, away=gone)


def storms(made: Sequence[IncidentDocument], **more: Any) -> dict[str, tuple[str, ...]]:
    """Return the incidents of each storm by its key."""
    found = wanted(made, **more)
    return {one.key: one.children for one in found if one.key.startswith("storm-")}


def test_incidents_that_begin_together_are_a_storm() -> None:
    """It is named after the first, and wanted before them."""
    made = incidents(0, 300, 600)
    storm, *others = wanted(made)
    assert (storm.key, storm.children) == ("storm-0", ("inc-0", "inc-1", "inc-2"))
    assert [one.key for one in others] == ["inc-0", "inc-1", "inc-2"]
    assert storms(incidents(600, 0, 300)) == {"storm-1": ("inc-1", "inc-2", "inc-0")}


def test_what_is_too_little_or_too_late_is_none() -> None:
    """A nanosecond too late, too; and no storm is known where none is to be."""
    assert storms(incidents(0, 300)) == {}
    assert storms(incidents(0, 300, 600.000000001)) == {}
    assert storms([]) == {}
    assert storms(incidents(0, 1, 2), settings=StormSettings(least=0)) == {}
    assert storms(incidents(0, 60, 120), settings=StormSettings(3, MINUTE)) == {}


def test_what_is_held_back_is_of_no_storm() -> None:
    """But still wanted, so that people are heard."""
    made = incidents(0, 1, 2)
    made[1] = made[1].model_copy(update={"silenced_until": "2099-01-01T00:00:00Z"})
    assert [one.key for one in wanted(made)] == ["inc-0", "inc-1", "inc-2"]
    assert storms(made, settings=StormSettings(2)) == {"storm-0": ("inc-0", "inc-2")}


def test_spans_that_overlap_are_one_storm() -> None:
    """Those that do not are two."""
    made = incidents(0, 300, 600, 900, 1200, 3600, 3601, 3602, 9000)
    assert storms(made) == {
        "storm-0": ("inc-0", "inc-1", "inc-2", "inc-3", "inc-4"),
        "storm-5": ("inc-5", "inc-6", "inc-7"),
    }


def test_a_storm_that_is_known_stays_the_same() -> None:
    """Whatever comes before its first, comes later, or went of it."""
    known = {"storm-1": Known(7, ours=Ours(children=frozenset({"inc-2", "inc-9"})))}
    made = incidents(0, 300, 600)
    assert storms(made, known=known) == {"storm-1": ("inc-0", "inc-1", "inc-2")}
    assert storms(made[1:], known=known) == {"storm-1": ("inc-1", "inc-2")}
    assert storms(made[:2], known=known) == {"storm-1": ("inc-1",)}
    assert storms(made[:1], known=known) == {}


def known_storm(*children: str, key: str = "storm-0") -> dict[str, Known]:
    """Return a ledger that knows the issue of a storm."""
    return {key: Known(7, ours=Ours(children=frozenset(children)))}


def test_what_is_put_away_is_still_of_its_storm() -> None:
    """Its issue says all that it said, as long as one of its incidents is looked after."""
    made = incidents(0, 300, 600)
    made[0] = made[0].model_copy(update={"priority": "P0"})
    known = known_storm("inc-0", "inc-1", "inc-2")
    before, *_ = wanted(made, known)
    after, *others = wanted(made[2:], known, away=made[:2])
    assert after == before
    assert "3 incidents were first seen" in after.body
    assert [one.key for one in others] == ["inc-2"]
    assert storms([], known=known, away=made) == {}


def test_a_storm_of_which_some_is_put_away_is_over_in_the_end() -> None:
    """Nobody looks after what is put away: it is over, whatever was said of it last."""
    known = known_storm("inc-0", "inc-1", "inc-2")
    away = [one.model_copy(update={"state": "ongoing"}) for one in incidents(0, 300)]
    for state, expected in (("new", State.ONGOING), ("quiet", State.QUIET), ("resolved",) * 2):
        last = incidents(0, 300, 600)[2].model_copy(update={"state": state})
        storm, *_ = wanted([last], known, away=away)
        assert (storm.state, len(storm.children)) == (expected, 3)


def test_what_became_part_of_another_leaves_though_some_is_put_away() -> None:
    """It is not among those put away, and so is not told twice; nor is what is held back."""
    known = known_storm("inc-0", "inc-1", "inc-2", "inc-3")
    made = incidents(0, 1, 2, 3)
    made[1] = made[1].model_copy(update={"silenced_until": "2099-01-01T00:00:00Z"})
    assert storms(made[3:], known=known, away=made[:2]) == {"storm-0": ("inc-0", "inc-3")}


def test_more_than_are_below_its_issue_stay_of_one_storm() -> None:
    """Those that are left are no other one, though what made it known is put away."""
    known = known_storm("inc-0", "inc-1")
    made = incidents(0, 300, 600, 900, 1200)
    assert storms(made[2:], known=known) == {"storm-2": ("inc-2", "inc-3", "inc-4")}
    assert storms(made[2:], known=known, away=made[:2]) == {
        "storm-0": ("inc-0", "inc-1", "inc-2", "inc-3", "inc-4")
    }


def asked(
    made: Sequence[IncidentDocument], away: Sequence[IncidentDocument], **more: Any
) -> tuple[list[str], list[tuple[int, int]]]:
    """Return which of those put away are told, and what was asked for: spans in seconds."""
    spans: list[tuple[int, int]] = []
    known = more.get("known", known_storm(*(one.id for one in (*made, *away))))

    def ask(since: int, until: int) -> dict[str, tuple[IncidentDocument, LedgerEntry]]:
        spans.append(((since - BASE) // SECOND, (until - BASE) // SECOND))
        found = (one for one in (*made, *away) if since <= parse_timestamp(one.first_seen) <= until)
        return {one.id: (one, DECIDED) for one in found}

    documents = {one.id: one for one in made}
    told = all_wanted(made, dict.fromkeys(documents, DECIDED), BASE)
    found = put_away(told, documents, known, more.get("settings", SETTINGS), ask)
    assert all(
        one == (dict(zip(names(away), away, strict=True))[key], DECIDED)
        for key, one in found.items()
    )
    return [*found], spans


def names(made: Sequence[IncidentDocument]) -> list[str]:
    """Return their ids."""
    return [one.id for one in made]


def test_what_is_put_away_is_asked_for_around_a_storm() -> None:
    """As far as one that began leads to another; not what is looked after anyway."""
    made = incidents(0, 600, 1200, 1900, 3000)
    found, spans = asked(made[1:2], [made[0], *made[2:]])
    assert sorted(found) == ["inc-0", "inc-2"]
    assert spans == [(0, 1200), (-600, 1800)]


def test_no_more_than_a_day_around_a_storm_is_asked_for() -> None:
    """Where incidents never end, all of them would be read."""
    made = incidents(0, *range(600, 200_000, 600))
    found, spans = asked(made[:1], made[1:], known={"storm-0": Known(7), "inc-0": Known(1)})
    assert len(found) == 144
    assert spans[-1] == (-600, 86_400)


def test_nothing_is_asked_for_without_a_storm() -> None:
    """None that is known of something that is looked after, and none that is new."""
    made = incidents(0, 1, 2)
    assert asked(made[:2], made[2:], known={}) == ([], [])
    assert asked([], made) == ([], [])
    assert asked(made[:1], made[1:], settings=StormSettings(least=0)) == ([], [])
    assert asked(made, [], known={}) == ([], [(-600, 602)] * 2)


def test_two_storms_that_are_known_stay_two() -> None:
    """Although they would be one by now."""
    known = {"storm-0": Known(7), "storm-3": Known(8), "inc-0": Known(1)}
    made = incidents(0, 1, 2, 3)
    assert storms(made, known=known) == {
        "storm-0": ("inc-0", "inc-1", "inc-2"),
        "storm-3": ("inc-3",),
    }


def test_its_issue_says_what_came_together() -> None:
    """With the most urgent priority; what logs say cannot act there."""
    made = incidents(0, 1, 2, title="@ana #1 <!-- x")
    made[1] = made[1].model_copy(update={"priority": "P0", "title": "auth: nobody can log in"})
    storm, *_ = wanted(made)
    assert storm.title == "[P0] Storm: many incidents since 2025-09-10 00:00 UTC"
    assert storm.labels == ("fivewhys", "P0", "storm")
    assert "3 incidents were first seen between 2025-09-10T00:00:00Z and " in storm.body
    assert "`inc-1`: auth: nobody can log in" in storm.body
    assert "sub-issues" not in storm.body
    assert_visible(storm.body)
    assert "@ana" not in storm.body
    allowed = replace(ROUTING, allowed=("P?",))
    storm, *_ = wanted(made, routing=allowed)
    assert storm.labels == ("fivewhys", "P0")
    assert storm.notes == ("no label 'storm': it is not among those allowed",)


def test_what_github_does_not_take_below_it_is_named() -> None:
    """All of it, up to a limit."""
    storm, *_ = wanted(incidents(*([0] * (MOST_LISTED + 5))))
    assert "GitHub takes 100 sub-issues of one issue" in storm.body
    assert storm.body.count("\n- ") == MOST_LISTED + 1
    assert storm.body.endswith("- … and 5 more")
    assert len(storm.children) == MOST_LISTED + 5


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("new", "quiet", "resolved"), State.ONGOING),
        (("quiet", "resolved", "resolved"), State.QUIET),
        (("resolved", "resolved", "resolved"), State.RESOLVED),
    ],
)
def test_it_is_over_when_all_of_it_is(states: tuple[str, ...], expected: State) -> None:
    """And closed by people when all of it was."""
    made = [
        one.model_copy(update={"state": state})
        for one, state in zip(incidents(0, 1, 2), states, strict=True)
    ]
    storm, *_ = wanted(made)
    assert (storm.state, storm.close) == (expected, False)


def test_more_than_a_hundred_are_filed_and_a_hundred_are_below_it() -> None:
    """Once all is done nothing is left to do."""
    tracker = Tracker()
    made = wanted(incidents(*([0] * 105)))
    tracker.apply(*made)
    assert len(tracker.issues) == 106
    assert len([one for one in tracker.issues.values() if one.parent == 1]) == 100
    assert {step.kind for step in tracker.plan(*made)} == {"leave"}
    again = wanted(incidents(*([0] * 105)), tracker.ledger)
    assert {step.kind for step in tracker.plan(*again)} == {"leave"}


@given(seconds=st.lists(st.integers(0, 5_000), max_size=30))
def test_whoever_has_company_is_in_a_storm(seconds: list[int]) -> None:
    """Each incident that lies in a span with enough of them, and no other; in one storm."""
    made = incidents(*seconds)
    found = [name for names in storms(made).values() for name in names]
    expected = {
        f"inc-{number}"
        for number, at in enumerate(seconds)
        if any(
            begin <= at <= begin + 600
            and len([one for one in seconds if begin <= one <= begin + 600]) >= SETTINGS.least
            for begin in seconds
        )
    }
    assert len(found) == len({*found})
    assert {*found} == expected
