"""Where an incident stands, and the reason that is named for it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.incident import State
from pipeline.lifecycle import (
    DAY,
    HOUR,
    MINUTE,
    History,
    LifecycleSettings,
    part_of,
    parts,
    span_text,
    state_of,
)
from pipeline.verdicts import Kind, Verdict
from tests.support import BASE, SECOND

SETTINGS = LifecycleSettings(resolve_after=2 * HOUR)
OLD, FIX, NEXT = "backend-00041-abc", "backend-00042-abc", "backend-00043-abc"


def resolution(at: float, revision: str = "") -> Verdict:
    """Make what a person says `at` hours after the base."""
    time = BASE + round(at * HOUR)
    return Verdict(
        Kind.RESOLVE, "inc-1", ("a", BASE), at=time, by="ana", revision=revision, number=1
    )


def judged(
    *hours: float,
    now: float | None = None,
    revision: str = "",
    reported: float | None = None,
    verdicts: tuple[Verdict, ...] = (),
    settings: LifecycleSettings = SETTINGS,
) -> tuple[State, str]:
    """Judge an incident that was seen some hours after the base, in one revision."""
    times = [BASE + round(hour * HOUR) for hour in hours]
    end = times[-1] if now is None else BASE + round(now * HOUR)
    reported_at = 0 if reported is None else BASE + round(reported * HOUR)
    return state_of({revision: times}, History(reported_at, verdicts), end, settings)


# --- silence and reports --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("silence", "reported", "state", "reason"),
    [
        # reported before or after it was last seen (minutes), or never (None)
        (0, None, State.NEW, "its first report holds all that was seen"),
        (0, 5, State.NEW, "its first report holds all that was seen"),
        (0, 0, State.NEW, "its first report holds all that was seen"),
        (0, -5, State.ONGOING, "seen again since its first report"),
        (59, -5, State.ONGOING, "seen again since its first report"),
        (60, -5, State.QUIET, "longer than quiet_after"),
        (60, None, State.QUIET, "longer than quiet_after"),
        (119, None, State.QUIET, "longer than quiet_after"),
        (120, None, State.RESOLVED, "longer than resolve_after"),
        (-5, None, State.NEW, "its first report holds all that was seen"),  # an older export
    ],
)
def test_silence_and_reports_make_the_state(
    silence: int, reported: int | None, state: State, reason: str
) -> None:
    """Silence makes it quiet, then resolved; seen after its first report, it is ongoing."""
    at = None if reported is None else 1 + reported / 60
    found, why = judged(1, now=1 + silence / 60, reported=at)
    assert found is state
    assert reason in why


# --- escalating -----------------------------------------------------------------------------------


def rates(*counts: int) -> list[float]:
    """Return times, in hours, of so many sightings in each 10 minutes, one after the other."""
    return [
        (index + number / count) / 6 + 1e-6
        for index, count in enumerate(counts)
        for number in range(count)
    ]


def test_much_more_than_usual_is_escalating() -> None:
    """The reason holds the last minutes against the hours before."""
    state, reason = judged(*rates(*[1] * 36, 12), now=37 / 6)
    assert state is State.ESCALATING
    assert reason == "12 in the last 10 min, 1.0 per 10 min over the 359 min before"


def test_only_the_hours_before_are_the_baseline() -> None:
    """A bad night long ago makes nothing usual."""
    state, reason = judged(*rates(500, *[1] * 40, 12), now=42 / 6)
    assert state is State.ESCALATING
    assert reason.endswith("1.0 per 10 min over the 6 h before")


@pytest.mark.parametrize(
    ("counts", "what"),
    [
        ([1] * 36 + [9], "less than the least"),
        ([3] * 36 + [11], "less than four times as often"),
        ([1] * 6 + [30], "no hour yet to hold it against"),
        ([30], "it has only begun"),
    ],
)
def test_a_little_more_is_not_escalating(counts: list[int], what: str) -> None:
    """It takes enough, often enough, against long enough a time."""
    assert judged(*rates(*counts), now=len(counts) / 6)[0] is State.NEW, what


def test_many_after_none_for_hours_is_escalating() -> None:
    """There is nothing that they could be usual against."""
    settings = LifecycleSettings()
    times = [0, *(8 + one / 100 for one in range(12))]
    state, reason = judged(*times, now=8.15, settings=settings)
    assert state is State.ESCALATING
    assert reason == "12 in the last 10 min, 0.0 per 10 min over the 6 h before"


def test_it_escalates_no_longer_than_the_short_span() -> None:
    """Afterwards it is what it was."""
    assert judged(*rates(*[1] * 36, 12), now=37 / 6 + 0.2)[0] is State.NEW


# --- resolved and regressed -----------------------------------------------------------------------


def test_what_a_person_resolved_is_resolved() -> None:
    """Although it was seen a moment ago; the reason names the person."""
    state, reason = judged(1, 1.9, now=2, verdicts=(resolution(2),))
    assert state is State.RESOLVED
    assert reason == "resolved by ana at 2025-09-10T02:00:00Z"


def test_what_was_on_its_way_is_no_regression() -> None:
    """The grace counts from the resolution."""
    verdicts = (resolution(2),)
    at_its_end = 2 + 5 / 60
    assert judged(1, at_its_end, verdicts=verdicts)[0] is State.RESOLVED
    assert judged(1, at_its_end + 1e-9, verdicts=verdicts)[0] is State.REGRESSED


def test_seen_again_after_its_resolution_is_a_regression() -> None:
    """The reason says when, and what had resolved it."""
    state, reason = judged(1, 3, 3.5, reported=0.5, verdicts=(resolution(2),))
    assert state is State.REGRESSED
    assert reason == (
        "seen again at 2025-09-10T03:00:00Z, after: resolved by ana at 2025-09-10T02:00:00Z"
    )


def test_seen_again_after_silence_had_resolved_it_is_a_regression() -> None:
    """Silence resolves as a person does."""
    state, reason = judged(1, 3.1)
    assert state is State.REGRESSED
    assert reason.endswith("after: it was not seen for 2 h")
    assert judged(1, 2.9)[0] is State.NEW


def test_a_regression_goes_quiet_and_is_resolved_like_anything_else() -> None:
    """By silence, or by a person again."""
    first = resolution(2)
    assert judged(1, 3, now=4, verdicts=(first,))[0] is State.QUIET
    assert judged(1, 3, now=5, verdicts=(first,))[0] is State.RESOLVED
    again = judged(1, 3, verdicts=(first, replace(resolution(3.5), number=2)))
    assert again == (State.RESOLVED, "resolved by ana at 2025-09-10T03:30:00Z")


def test_a_resolution_from_before_its_beginning_makes_a_regression() -> None:
    """All that was seen came later."""
    assert judged(3, verdicts=(resolution(2),))[0] is State.REGRESSED


YEARS = 24 * 365.0


@pytest.mark.parametrize("ahead", [25.0, 24 * 30, YEARS])
def test_what_is_dated_further_ahead_than_a_clock_can_be_is_no_regression(ahead: float) -> None:
    """Nobody could end it: it would be seen again each time that somebody said it is over."""
    said = resolution(2)
    for times in ((ahead + 2.1,), (1, ahead + 2.1)):
        assert judged(*times, now=2.1, verdicts=(said,)) == (State.RESOLVED, said.text)


def test_what_is_dated_years_ahead_holds_nothing_open() -> None:
    """Silence ends what was seen beside it; alone it is told until somebody ends it."""
    assert judged(1, YEARS, now=1)[0] is State.NEW
    assert judged(1, YEARS, now=3)[0] is State.RESOLVED
    assert judged(YEARS, now=3)[0] is State.NEW


@pytest.mark.parametrize("ahead", [3.0, 24])
def test_what_a_clock_of_another_time_zone_dates_may_be_a_regression(ahead: float) -> None:
    """It may have been logged after the resolution, and is told of now."""
    assert judged(1, ahead + 2.1, now=2.1, verdicts=(resolution(2),))[0] is State.REGRESSED


def test_what_is_dated_years_ahead_hides_no_regression() -> None:
    """What was seen again beside it is what brings it back."""
    state, reason = judged(1, 3, YEARS, now=3, verdicts=(resolution(2),))
    assert state is State.REGRESSED
    assert reason.startswith("seen again at 2025-09-10T03:00:00Z, after: resolved by ana")


@pytest.mark.parametrize(
    ("revision", "state"),
    [
        (OLD, State.RESOLVED),  # it is still being rolled out
        (FIX, State.REGRESSED),
        (NEXT, State.REGRESSED),
        ("", State.REGRESSED),
        ("auth-00001-abc", State.REGRESSED),  # of another service
    ],
)
def test_only_the_revision_that_mended_it_or_a_newer_one_can_regress(
    revision: str, state: State
) -> None:
    """An older one has the fault still."""
    verdict = resolution(2, FIX)
    sightings = {OLD: [BASE + HOUR]}
    sightings[revision] = [*sightings.get(revision, ()), BASE + 3 * HOUR]
    found, _ = state_of(sightings, History(0, (verdict,)), BASE + 3 * HOUR, SETTINGS)
    assert found is state


def test_the_reason_says_what_is_seen_in_older_revisions() -> None:
    """So that nobody believes it went away."""
    _, reason = judged(1, 3, 4, revision=OLD, verdicts=(resolution(2, FIX),))
    assert reason == (
        f"resolved in revision {FIX} by ana at 2025-09-10T02:00:00Z; "
        f"2 seen since in the older {OLD}: no regression"
    )


# --- flapping and the end -------------------------------------------------------------------------


def test_the_second_reopening_within_a_span_makes_it_flap() -> None:
    """Silence does not resolve it any more; people do."""
    state, reason = judged(0, 3, 6)
    assert state is State.FLAPPING
    assert reason == (
        "came back twice within 7 d, at 2025-09-10T03:00:00Z and 2025-09-10T06:00:00Z; "
        "silence does not resolve it"
    )
    assert judged(0, 3, 6, now=30)[0] is State.FLAPPING
    assert judged(0, 3, 6, now=30, verdicts=(resolution(7),))[0] is State.RESOLVED


def test_what_comes_back_after_a_long_time_does_not_flap() -> None:
    """The second reopening is too far from the first, or both are long past."""
    week = 7 * 24
    assert judged(0, 3, 4 + week)[0] is State.REGRESSED
    assert judged(0, 3, 6, now=7 + week)[0] is State.RESOLVED


def test_what_lasted_as_long_as_one_may_is_closed() -> None:
    """What came later is another incident."""
    state, reason = state_of({"": [BASE]}, History(ended=True), BASE, SETTINGS)
    assert state is State.RESOLVED
    assert reason == "closed after 30 d, max_duration; what came later is another one"


@pytest.mark.parametrize(
    ("end", "number"), [(0, 1), (30 * DAY - 1, 1), (30 * DAY, 2), (95 * DAY, 4)]
)
def test_what_lasts_longer_is_several(end: int, number: int) -> None:
    """Its parts are counted from its beginning."""
    assert parts(BASE, BASE + end, SETTINGS) == number
    assert part_of(BASE + end, BASE, SETTINGS) == number - 1


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (0, "0 s"),
        (SECOND // 2, "0.5 s"),
        (90 * SECOND, "90 s"),
        (10 * MINUTE, "10 min"),
        (36 * HOUR, "36 h"),
        (7 * DAY, "7 d"),
    ],
)
def test_spans_are_said_as_people_say_them(span: int, text: str) -> None:
    """In the largest unit that divides them."""
    assert span_text(span) == text


# --- laws -----------------------------------------------------------------------------------------

HOURS = st.lists(st.integers(0, 200).map(lambda tenths: tenths / 10), min_size=1, max_size=12)
RESOLUTIONS = st.lists(
    st.builds(resolution, st.integers(0, 20), st.sampled_from(("", OLD, FIX))), max_size=3
).map(tuple)
SEEN = st.dictionaries(
    st.sampled_from((OLD, FIX, NEXT, "")),
    HOURS.map(lambda hours: sorted(BASE + round(hour * HOUR) for hour in hours)),
    min_size=1,
)


@given(SEEN, RESOLUTIONS, st.integers(0, 30))
def test_no_regression_without_a_later_event(
    seen: dict[str, list[int]], verdicts: tuple[Verdict, ...], now: int
) -> None:
    """Something was seen after what resolved it: a person and the grace, or silence."""
    state, _ = state_of(seen, History(0, verdicts), BASE + now * HOUR, SETTINGS)
    if state in {State.REGRESSED, State.FLAPPING}:
        times = sorted(time for found in seen.values() for time in found)
        resolved = min((item.at for item in verdicts), default=times[-1])
        silent = any(right - left >= SETTINGS.resolve_after for left, right in pairwise(times))
        assert silent or times[-1] > resolved + SETTINGS.grace


@given(SEEN, RESOLUTIONS, st.integers(0, 30))
def test_a_resolution_repeated_changes_nothing(
    seen: dict[str, list[int]], verdicts: tuple[Verdict, ...], now: int
) -> None:
    """Nor does the order in which resolutions are told."""
    at = BASE + now * HOUR
    found = state_of(seen, History(0, verdicts), at, SETTINGS)
    assert state_of(seen, History(0, verdicts + verdicts), at, SETTINGS)[0] is found[0]


@given(SEEN, RESOLUTIONS, st.integers(0, 30))
def test_who_says_last_that_it_is_resolved_is_believed(
    seen: dict[str, list[int]], verdicts: tuple[Verdict, ...], now: int
) -> None:
    """Until it is seen again."""
    last = replace(resolution(20), number=9)
    state, _ = state_of(seen, History(0, (*verdicts, last)), BASE + now * HOUR, SETTINGS)
    assert state is State.RESOLVED
