"""Services that are not heard of any more, and when nobody can tell."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalog import Catalog
from pipeline.correlation import Correlator
from pipeline.entry import format_timestamp
from pipeline.entry.beats import ORDINARY, Beats, merge_beats
from pipeline.examining import Window
from pipeline.flow import Replay, Texts
from pipeline.report import Policy
from pipeline.silence import (
    KEPT,
    MINUTE,
    Minutes,
    Silence,
    contradicted,
    deletions,
    is_heard,
    is_silence,
    lasts,
    past,
    quiet,
    recent_beats,
    silences,
    without,
)
from pipeline.stores.memory import MemoryStore
from pipeline.whys import load_whys
from tests.fakes.source import LinesSource
from tests.fakes.spool import MemorySpool
from tests.support import BASE, SECOND, detection, detector, ruleset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DAY = 24 * 60
HOURS = 6 * 60
"""The minute in which an export begins."""
STOP = 13 * 60 + DAY
"""The last minute of the service that stops."""


def minutes(project: str = "demo", /, **services: Iterable[int]) -> Beats:
    """Return the minutes after the base, which is midnight, in which services logged."""
    found: Beats = {}
    for service, told in services.items():
        for minute in told:
            date = format_timestamp(BASE + minute * MINUTE)[:10]
            bit = 1 << minute % DAY
            merge_beats(found, {(project, service, date): bit, (project, "", date): ORDINARY})
    return found


def nobody_says(_service: str) -> None:
    """Say that the catalog does not know."""


def found(beats: Beats, after: int | None = None) -> list[tuple[str, int, int]]:
    """Return services, when each was heard last, and for how many minutes it is silent."""
    told = silences(beats, lambda _: after)
    return [(one.service, (one.last - BASE) // MINUTE, one.minutes) for one in told]


STOPS = range(HOURS, STOP + 1)
GOES_ON = range(HOURS, STOP + 46)
SHOP, TILL = minutes(shop=STOPS), minutes(till=GOES_ON)


def test_a_service_that_logged_steadily_and_stopped_is_silent() -> None:
    """While another one goes on."""
    beats = minutes(shop=STOPS, till=GOES_ON)
    assert silences(beats, nobody_says) == [
        Silence("demo", "shop", BASE + (STOP + 1) * MINUTE, BASE + STOP * MINUTE, 30, "till", False)  # noqa: FBT003
    ]


def test_a_silence_is_told_anew_as_long_as_it_goes_on() -> None:
    """Each time that it has lasted as long again, up to a day."""
    beats = minutes(shop=STOPS, till=range(HOURS, STOP + 100))
    assert found(beats) == [("shop", STOP, 30), ("shop", STOP, 60), ("shop", STOP, 90)]
    beats = minutes(shop=STOPS, till=range(HOURS, STOP + 3 * DAY))
    assert found(beats)[-1] == ("shop", STOP, DAY)
    beats = minutes(shop=[*STOPS, STOP + 70], till=range(HOURS, STOP + 100))
    assert found(beats) == [("shop", STOP, 30), ("shop", STOP, 60)]


@pytest.mark.parametrize(
    ("shop", "till"),
    [
        (STOPS, range(HOURS, STOP + 30)),  # the export ends
        (STOPS, [*range(HOURS, STOP + 11), *range(STOP + 21, STOP + 46)]),  # it has a gap
        (STOPS, [*range(HOURS, STOP - 200), *range(STOP - 180, STOP + 46)]),  # it is no witness
        (STOPS, range(STOP - 60, STOP + 46)),  # it began itself just then
        ([*STOPS[:-500], *STOPS[-350:]], GOES_ON),  # for less than six hours
        ([*STOPS[:-220], *STOPS[-200:]], GOES_ON),  # not steadily
        (STOPS[-800:], GOES_ON),  # nothing is known of the day before
        ([*STOPS[: 10 - DAY], *STOPS[50 - DAY :]], GOES_ON),  # it was as quiet then
        ([*STOPS[: 170 - DAY], *STOPS[200 - DAY :]], GOES_ON),  # it was quiet soon after
        ([*STOPS[:-60], *STOPS[-60::5]], GOES_ON),  # it tailed off
        ([*STOPS, STOP + 30], GOES_ON),  # it came back
    ],
)
def test_what_logs_cannot_tell_is_not_told(shop: Sequence[int], till: Sequence[int]) -> None:
    """Every single condition has to hold."""
    assert found(minutes(shop=shop, till=till)) == []


def test_a_silence_is_three_times_as_long_as_any_pause() -> None:
    """What logs every fifteen minutes may miss one."""
    every = [*range(HOURS, STOP, 15), *range(HOURS + 9, STOP, 15), STOP]
    longest = max(after - before - 1 for before, after in pairwise(sorted(every)))
    told = found(minutes(shop=every, till=range(HOURS, STOP + 100)))
    assert told[0] == ("shop", STOP, max(30, 3 * longest))
    sparse = [minute for start in range(HOURS + 1, STOP, 20) for minute in (start, start + 18)]
    assert found(minutes(shop=sparse, till=range(HOURS, sparse[-1] + 51))) == []
    assert found(minutes(shop=sparse, till=range(HOURS, sparse[-1] + 52))) == [
        ("shop", sparse[-1], 51)
    ]


def test_the_catalog_says_how_long_a_service_may_be_silent() -> None:
    """Or that it always may."""
    beats = minutes(shop=STOPS, till=range(HOURS, STOP + 20))
    assert found(beats, 15) == [("shop", STOP, 15)]
    assert [one.told for one in silences(beats, lambda _: 15)] == [True]
    assert found(beats, 20) == []
    assert found(minutes(shop=STOPS[-800:], till=GOES_ON), 40) == [("shop", STOP, 40)]
    assert found(beats, 0) == []


def test_services_of_another_project_are_no_witness() -> None:
    """Their export is another one."""
    beats = minutes(shop=STOPS)
    merge_beats(beats, minutes("other", till=GOES_ON))
    assert found(beats) == []


def test_an_export_of_errors_says_nothing() -> None:
    """That no errors come any more is no silence."""
    beats = minutes(shop=STOPS, till=GOES_ON)
    assert found({day: bits for day, bits in beats.items() if day[1]}) == []
    assert found({("demo", "", "2025-09-10"): ORDINARY}) == []


def test_a_service_that_another_one_takes_the_place_of_is_not_silent() -> None:
    """As when it is deployed by a new name; one that is heard once takes no place."""
    named = minutes(shop=STOPS, till=GOES_ON, shop2=range(STOP - 5, STOP + 46))
    assert found(named) == []
    once = minutes(shop=STOPS, till=GOES_ON, nightly=[STOP + 5])
    assert found(once) == [("shop", STOP, 30)]


def test_one_wrong_clock_is_no_year_of_silence() -> None:
    """What lies long before the last day is not looked at."""
    beats = minutes(shop=STOPS, till=GOES_ON)
    merge_beats(beats, {("demo", "shop", "1970-01-01"): 1})
    assert found(beats) == [("shop", STOP, 30)]


@settings(max_examples=8)
@given(st.integers(0, 2**32))
def test_days_of_traffic_that_fades_at_night_have_no_silence(seed: int) -> None:
    """Of services that nobody calls at night, sooner or later, at once or less and less."""
    chance = Random(seed)  # noqa: S311 - no secret
    services: dict[str, list[int]] = {}
    for name in ("a", "b", "c", "d"):
        peak, fade = chance.choice([0.2, 0.5, 1, 1]), chance.choice([1, 30, 240])
        told = services[name] = []
        for day in range(3):
            end = 1380 + chance.randrange(-60, 60)
            for minute in range(DAY):
                daytime = min(max((minute - 300) / 120, 0), max((end - minute) / fade, 0), 1)
                if chance.random() < peak * daytime:
                    told.append(day * DAY + minute)
    assert found(minutes(**services, platform=range(3 * DAY))) == []


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["shop", "till", "auth"]), st.integers(0, 240), st.integers(1, 200)
        ),
        max_size=12,
    ),
    st.data(),
)
def test_order_and_pieces_change_no_silence(
    told: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    """It is a function of the set of minutes."""
    pieces = [
        minutes(**{name: range(start * 10, start * 10 + length)}) for name, start, length in told
    ]
    pieces += [SHOP, TILL]
    ones: list[Beats] = []
    for order in (pieces, data.draw(st.permutations([*pieces, *pieces[:3]]))):
        whole: Beats = {}
        for piece in order:
            merge_beats(whole, piece)
        ones.append(whole)
    assert silences(ones[0], nobody_says) == silences(ones[1], nobody_says)


# --- beside the minutes ---------------------------------------------------------------------------


def test_deleted_services_are_silent_for_a_reason() -> None:
    """From an hour before their last minute; not those that were made anew since."""
    (told,) = silences(minutes(shop=STOPS, till=GOES_ON), nobody_says)
    gone = detection("service_deleted", at=(STOP - 10) * 60, deleted="shop")
    early = detection("service_deleted", at=(STOP - 61) * 60, deleted="shop")
    other = detection("service_deleted", at=STOP * 60, deleted="till")
    loud = detection("request_failed", at=STOP * 60, deleted="shop")
    assert without(deletions([early, gone]), [told]) == []
    assert without(deletions([early, other, loud]), [told]) == [told]


def test_a_silence_is_heard_where_the_last_minute_was_read() -> None:
    """And its witness, in one export: another may have been filtered in another way."""
    (told,) = silences(minutes(shop=STOPS, till=GOES_ON), nobody_says)
    assert is_heard(told, minutes(shop=[STOP], till=[STOP + 21]))
    assert is_heard(told, minutes(shop=[STOP], till=[STOP + 30]))
    assert not is_heard(told, minutes(shop=[STOP], till=[STOP + 20, STOP + 31]))
    assert not is_heard(told, minutes(shop=[STOP - 1], till=[STOP + 30]))


def test_what_a_later_run_contradicts_is_taken_back() -> None:
    """As far as the minutes before are known."""
    beats = minutes(shop=STOPS, till=range(STOP + 46), old=[-DAY])
    known = silences(beats, nobody_says)
    keys = [one.entry.key for one in known]
    assert [is_silence(key) for key in keys] == [True]
    assert not is_silence(("projects/demo/logs/stdout", BASE, "a"))
    assert contradicted(keys, known, beats) == []
    merge_beats(beats, minutes(shop=[STOP + 4]))
    assert contradicted(keys, silences(beats, nobody_says), beats) == keys
    assert contradicted(keys, [], minutes(till=range(STOP, STOP + 46))) == []
    assert contradicted(keys, [], {}) == []


def test_minutes_of_long_ago_are_forgotten() -> None:
    """Three days back there is nothing to compare with any more."""
    beats = minutes(shop=[0, DAY])
    assert recent_beats(beats, BASE + KEPT * DAY * MINUTE) == beats
    assert recent_beats(beats, BASE + (KEPT + 1) * DAY * MINUTE) == minutes(shop=[DAY])
    assert recent_beats(beats, 0) == beats


def test_too_many_services_are_none() -> None:
    """Their names are made up anew for each entry."""
    heard = Minutes(most=3)
    heard.add(minutes(a=[1], b=[2]))
    assert heard.redacted(str) == minutes(a=[1], b=[2])
    heard.add(minutes(c=[1]))
    heard.add(minutes(a=[1]))
    assert heard.redacted(str) == {}


def test_services_count_again_once_what_was_told_before_is_forgotten() -> None:
    """Each time after as long."""
    heard = Minutes(most=2)
    end = BASE + (KEPT + 1) * DAY * MINUTE
    for _ in range(2):
        heard.add(minutes(a=[1], b=[2]))
        heard.forget(BASE)
        heard.forget(end - 1)
        heard.add(minutes(a=[1]))
        assert heard == Minutes({}, too_many=True, most=2)
        heard.forget(end)
        assert heard == Minutes(most=2)
    heard.add(minutes(a=[1]))
    heard.forget(BASE)
    assert heard.redacted(str) == minutes(a=[1])


def test_names_are_redacted() -> None:
    """Those that look alike then are one."""
    heard = Minutes()
    heard.add(minutes(ab=[1], ac=[2]))
    assert heard.redacted(lambda text: text[:1]) == {
        ("d", "a", "2025-09-10"): 6,
        ("d", "", "2025-09-10"): ORDINARY,
    }


def test_what_is_told_again_is_no_news() -> None:
    """Until who keeps it has it; nor is what is forgotten, or not true."""
    heard = Minutes(most=3)
    heard.add(minutes(a=[1]))
    heard.changed.clear()
    heard.add(minutes(a=[1], b=[2]))
    a, b = (("demo", name, "2025-09-10") for name in "ab")
    assert heard.news(str) == {b: 0b100}
    heard.add(minutes(a=[3]))
    assert heard.news(str) == {a: 0b1010, b: 0b100}
    heard.forget(BASE + (KEPT + 1) * DAY * MINUTE)
    assert heard.news(str) == {}
    heard.add(minutes(a=[1], b=[2], c=[3]))
    assert heard.news(str) == {}


# --- in a run -------------------------------------------------------------------------------------

SILENT = """\
title: It is silent
name: silent
logsource: {product: gcp}
detection: {silent: {logName|endswith: /logs/fivewhys.silence}, condition: silent}
audit: {entity: [service], title: "silent"}
"""
GONE = """\
title: It was deleted
name: service_deleted
logsource: {product: gcp}
detection: {gone: {message|re: 'deleted (?P<deleted>[a-z]+)'}, condition: gone}
level: informational
audit: {context: {same: [project]}}
"""
RULES = ruleset(SILENT, GONE)
TEXTS = Texts(load_whys([]), "{{ incident.title }}", "issue.md.j2")


def line(service: str, minute: int, text: str = "swept") -> bytes:
    """Write what a service logs in a minute."""
    record = {
        "insertId": f"{service}-{minute}-{text}",
        "logName": "projects/demo/logs/stdout",
        "timestamp": format_timestamp(BASE + minute * MINUTE + SECOND),
        "severity": "INFO",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": service}},
        "textPayload": text,
    }
    return json.dumps(record).encode() + b"\n"


def lines(service: str, told: Iterable[int]) -> list[bytes]:
    """Write what a service logs in some minutes."""
    return [line(service, minute) for minute in told]


def run(
    given: Sequence[bytes], store: MemoryStore | None = None, *, in_blocks: bool = True
) -> list[tuple[str, int]]:
    """Return the services that a run says are silent, and how often."""
    replay = Replay(
        detector=detector(RULES),
        correlator=Correlator(RULES),
        spool=MemorySpool,
        catalog=Catalog(),
        texts=lambda _: TEXTS,
        investigators=(),
        store=store or MemoryStore(),
        sinks=(),
        policy=Policy(),
        window=Window(),
    )
    result = replay.run(LinesSource([b"".join(given)], in_blocks))
    document: Any = result.document()
    assert document.entries.read == len(given)
    return [
        (str(one.fields["service"]), one.count)
        for out in result.outcomes
        for one in out.incident.symptoms
    ]


EXPORT = [*lines("shop", STOPS[::5]), *lines("till", range(HOURS, STOP + 70, 5))]


@pytest.mark.parametrize("in_blocks", [True, False])
@settings(max_examples=5)
@given(chance=st.randoms(use_true_random=False))
def test_a_run_tells_of_a_silence(*, chance: Random, in_blocks: bool) -> None:
    """In whatever order its entries come, and it is no entry of the export."""
    given = [*EXPORT, *chance.sample(EXPORT, 30)]
    chance.shuffle(given)
    assert run(given, in_blocks=in_blocks) == [("shop", 2)]


def test_a_run_over_single_hours_knows_the_hours_before() -> None:
    """An hour by itself tells nothing; one without the service at all tells nothing either."""

    def hours(since: int, until: int) -> list[bytes]:
        told = [*lines("shop", STOPS[::5]), *lines("till", range(HOURS, STOP + 200, 5))]
        return [one for one in told if since <= minute_of(one) < until]

    store = MemoryStore()
    for start in range(HOURS - 30, STOP - 30, 60):
        assert run(hours(start, start + 60), store) == []
    last = hours(STOP - 30, STOP + 60)
    assert run(last) == []
    assert run(last, store) == [("shop", 1)]
    assert run(hours(STOP + 60, STOP + 120), store) == [("shop", 1)]


def minute_of(text: bytes) -> int:
    """Return the minute of a line."""
    return int(json.loads(text)["insertId"].split("-")[1])


def test_two_exports_of_one_service_each_show_no_silence() -> None:
    """One ends before the other."""
    store = MemoryStore()
    for service in ("till", "shop", "till"):
        own = [one for one in EXPORT if f'"{service}-'.encode() in one]
        assert run(own, store) == []


def test_a_run_takes_back_what_was_no_silence() -> None:
    """Its entries came later, or another export left them out."""
    store = MemoryStore()
    early = lines("till", range(-2 * DAY, -2 * DAY + 5))
    assert run([*early, *EXPORT], store) == [("shop", 2)]
    assert run(EXPORT, store) == [("shop", 2)]
    assert run(lines("shop", range(STOP + 1, STOP + 70)), store) == []


def test_a_run_knows_who_was_deleted() -> None:
    """That is why nothing comes any more."""
    assert run([*EXPORT, line("till", STOP, "deleted shop")]) == []
    assert run([*EXPORT, line("till", STOP, "deleted till")]) == [("shop", 2)]


# --- quiet services -------------------------------------------------------------------------------


def test_the_last_minute_is_told_of_services_that_logged_steadily() -> None:
    """In whatever project; not of one that logs now and then, or for less than hours."""
    beats = minutes(shop=STOPS, nightly=range(0, STOP, 90), new=range(STOP - 100, STOP))
    merge_beats(beats, minutes("other", shop=range(DAY)))
    assert lasts(beats) == {"shop": BASE + STOP * MINUTE}
    assert lasts({("demo", "", "2025-09-10"): ORDINARY, ("demo", "a", "2025-09-10"): 0}) == {}


def test_a_service_is_quiet_while_others_go_on() -> None:
    """After as long as the catalog says, if it says so; never if it says that."""
    now = BASE + 100 * MINUTE
    known = {"shop": BASE + 60 * MINUTE, "calm": BASE, "api": now - MINUTE, "db": BASE}
    after = {"calm": 0, "db": 200}
    assert quiet(known, now, after.get) == ("shop",)
    assert quiet(known, now, {"shop": 60, "calm": 0}.get) == ("db",)


def test_where_nobody_goes_on_no_service_is_quiet() -> None:
    """That is another condition."""
    assert quiet({"shop": BASE, "api": BASE}, BASE + 100 * MINUTE, lambda _: None) == ()
    assert quiet({}, BASE, lambda _: None) == ()


@pytest.mark.parametrize("until", [0, 59, 60, DAY - 1, DAY, DAY + 7])
def test_minutes_that_have_not_begun_are_not_past(until: int) -> None:
    """Whatever says that somebody logged in them."""
    told = [0, 59, 60, DAY - 1, DAY, 2 * DAY]
    begun = [minute for minute in told if minute <= until]
    assert past(minutes(shop=told), BASE + until * MINUTE + MINUTE - 1) == minutes(shop=begun)
    assert past({}, BASE) == {}
    only = minutes(shop=[7])
    assert past(only, BASE) == {day: bits for day, bits in only.items() if not day[1]}
