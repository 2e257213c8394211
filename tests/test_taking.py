"""What a step takes in costs what came with it, however much was taken in before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from pipeline.deployments import KEPT, Sightings
from pipeline.detection import Detector
from pipeline.entry.beats import ORDINARY
from pipeline.entry.sighting import Running, Sighting, bare_time, merge_sightings
from pipeline.errors import StoreError
from pipeline.redaction import Redactor
from pipeline.stores.memory import MemoryStore
from pipeline.taking import Redacted
from tests.support import BASE, SECOND, entry
from tests.test_live import RULES, House

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.entry.beats import Day
    from pipeline.live import Live

MANY = 300
DAY = 24 * 3600


class Noting(MemoryStore):
    """Notes which revisions each commit hands over; some commits fail."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[set[Running]] = []
        self.days: list[set[Day]] = []
        self.fails = False

    def record(self, *given: Any, **more: Any) -> None:
        """Note it, and keep it unless it is to fail."""
        self.handed.append(set(given[4]))
        self.days.append(set(more.get("beats", ())))
        if self.fails:
            message = "not now"
            raise StoreError(message)
        super().record(*given, **more)


class Counting(Detector):
    """Counts how many names it is asked to redact."""

    asked = 0

    def redact_name(self, text: str) -> str:
        """Count it."""
        self.asked += 1
        return super().redact_name(text)


def seen(at: float) -> Sighting:
    """Make a sighting of a time, in seconds after the base."""
    time = bare_time(BASE + round(at * SECOND))
    return Sighting(time, "projects/demo/logs/run", f"id-{at}", "", time)


def many(at: float = 0) -> dict[Running, Sighting]:
    """Make a lot of revisions."""
    return {("backend", f"backend-{number:05d}"): seen(at) for number in range(MANY)}


def house_of(store: MemoryStore, at: float = 0) -> House:
    """Build a house whose clock says what the entries do."""
    house = House(RULES, store)
    house.now = BASE + round(at * SECOND)
    return house


def take(house: House, live: Live, at: float, revisions: Iterable[str]) -> None:
    """Let an entry of each of some revisions be taken at a time, one second after the other."""
    house.now = BASE + round(at * SECOND)
    told = [
        entry(
            "well",
            at=at,
            key=f"{name}-{at}",
            severity="INFO",
            resource={
                "type": "cloud_run_revision",
                "labels": {"service_name": "backend", "revision_name": name},
            },
        ).json
        for name in revisions
    ]
    house.feed.publish(told)
    while house.feed.left:
        house.receiver.step()
    house.step(live)


def test_a_commit_hands_over_only_the_revisions_that_changed() -> None:
    """The first one of a process all of them: it does not know what another left unrecorded."""
    store = Noting()
    store.record((), (), BASE, (), many())
    house = house_of(store, 100)
    live = house.live("one")
    del store.handed[:]
    take(house, live, 100, ["backend-00007"])
    take(house, live, 102, ["backend-00008", "new"])
    take(house, live, 104, ["new"])
    first, *others = store.handed
    assert first == set(many())
    assert others == [{("backend", "backend-00008"), ("backend", "new")}, {("backend", "new")}]
    assert len(store.sightings()) == MANY + 1
    assert store.sightings()["backend", "new"].last == seen(104).last


def test_a_commit_hands_over_only_the_services_that_were_heard_of_again() -> None:
    """The first one of a process all of them; a minute that is known is no news."""
    store = Noting()
    every = {("demo", f"service-{number}", "2025-09-10"): 1 for number in range(MANY)}
    store.record((), (), BASE, (), {}, beats=every)
    house = house_of(store, 120)
    live = house.live("one")
    del store.days[:]
    for at in (120, 121, 240):
        take(house, live, at, ["backend-00007"])
    first, *others = store.days
    backend, everybody = ("demo", "backend", "2025-09-10"), ("demo", "", "2025-09-10")
    assert first == {*every, backend, everybody}
    assert others == [set(), {backend}]
    assert store.beats() == every | {backend: 0b10100, everybody: ORDINARY}


def test_names_are_redacted_only_where_something_changed() -> None:
    """Most of what is known logged last long ago."""
    store = MemoryStore()
    store.record((), (), BASE, (), many())
    house = house_of(store, 100)
    detector = Counting(RULES, Redactor())
    house.detector = detector
    live = house.live("one")
    take(house, live, 100, ["backend-00007"])
    before = detector.asked
    for at in range(102, 122, 2):
        take(house, live, at, ["backend-00008"])
    assert detector.asked - before < MANY


def test_what_could_not_be_recorded_is_handed_over_again() -> None:
    """By who begins again, with all that is known."""
    store = Noting()
    house = house_of(store)
    live = house.live("one")
    take(house, live, 0, ["old"])
    store.fails = True
    with pytest.raises(StoreError):
        take(house, live, 2, ["a"])
    store.fails = False
    live = house.live("another")
    take(house, live, 4, ["b"])
    take(house, live, 6, ["b"])
    old, a, b = (("backend", name) for name in ("old", "a", "b"))
    assert store.handed == [{old}, {a}, {old, a, b}, {b}]
    assert store.sightings().keys() == {old, a, b}


def test_once_too_many_revisions_are_not_too_many_for_ever() -> None:
    """They count again once those that were told before would be forgotten, and not earlier.

    Else as many would be kept each time that they are too many again.
    """
    store = Noting()
    house = house_of(store)
    live = house.live("one")
    live._taking._sightings.most = MANY  # noqa: SLF001 - twenty thousand take long
    days = KEPT // (DAY * SECOND)
    take(house, live, 0, [f"r{number:05d}" for number in range(MANY + 1)])
    for day in (1, 2, days // 2):
        take(house, live, day * DAY, [f"day-{day}"])
    assert not store.sightings()
    take(house, live, (days + 1) * DAY, ["forgotten now"])
    take(house, live, (days + 2) * DAY, ["counts"])
    assert store.sightings().keys() == {("backend", "counts")}


# --- redacted -------------------------------------------------------------------------------------

MORE = st.dictionaries(
    st.tuples(st.just("web"), st.sampled_from("abc")),
    st.builds(
        lambda first, span, key, commit: structs.replace(
            seen(first), last=seen(first + span).last, insert_id=key, commit=commit
        ),
        st.integers(0, 3),
        st.integers(0, 9),
        st.sampled_from(["x", "Y"]),
        st.sampled_from(["", "sha"]),
    ),
)


def test_only_what_changed_is_redacted_anew() -> None:
    """What nothing is told of is as it was."""
    asked: list[str] = []

    def redact(text: str) -> str:
        asked.append(text)
        return text

    told = Sightings()
    told.add({("web", "a"): seen(0), ("web", "b"): seen(0)})
    shown = Redacted(told, redact, str)
    assert shown.every() == told.known
    assert shown.news == {("web", "a"), ("web", "b")}
    asked.clear()
    shown.news.clear()
    told.add({("web", "a"): seen(0)}, {("web", "b"): bare_time(BASE + 5 * SECOND)})
    assert shown.every() == told.known
    assert shown.news == {("web", "b")}
    assert asked == ["web", "b", ""]


def test_what_comes_to_the_same_is_no_news() -> None:
    """As where one of several of the same redacted name logs while another goes on."""
    told = Sightings()
    shown = Redacted(told, lambda text: text[:1], str)
    told.add({("web", "a1"): structs.replace(seen(0), last=seen(9).last), ("web", "a2"): seen(1)})
    assert shown.every() == {("w", "a"): structs.replace(seen(0), last=seen(9).last)}
    shown.news.clear()
    told.add({}, {("web", "a2"): seen(5).last})
    assert shown.every() == {("w", "a"): structs.replace(seen(0), last=seen(9).last)}
    assert not shown.news
    told.add({}, {("web", "a2"): seen(10).last})
    assert shown.every() == {("w", "a"): structs.replace(seen(0), last=seen(10).last)}
    assert shown.news == {("w", "a")}


STEPS = st.lists(st.tuples(MORE, st.integers(0, 9) | st.none(), st.booleans()))


@given(STEPS)
def test_what_changed_comes_to_all_of_it(
    steps: list[tuple[dict[tuple[str, str], Sighting], int | None, bool]],
) -> None:
    """Also where several names become one, some are forgotten, or there are too many."""
    names = ({"a": "gone", "b": "gone"}.get, str.swapcase)

    def redact(text: str) -> str:
        return names[0](text, text)

    told = Sightings(most=2)
    shown = Redacted(told, redact, names[1])
    wholly: dict[tuple[str, str], Sighting] = {}
    by_news: dict[tuple[str, str], Sighting] = {}
    for more, forgotten, is_recorded in steps:
        told.add(more)
        if forgotten is not None:
            told.forget(BASE + forgotten * SECOND + KEPT)
        every = shown.every()
        assert every == told.redacted(redact, names[1])
        assert shown.news <= every.keys()
        merge_sightings(wholly, every)
        merge_sightings(by_news, {name: every[name] for name in shown.news})
        assert by_news == wholly
        if is_recorded:
            shown.news.clear()
