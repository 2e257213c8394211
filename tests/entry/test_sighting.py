"""Which revisions logged, and when: the same from lines, from entries, and in any order."""

from __future__ import annotations

import json
from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import parse_entry
from pipeline.entry.origin import REVISION, SERVICE
from pipeline.entry.outline import ResourceLabels, columns_of, outlines
from pipeline.entry.sighting import (
    Sighting,
    Watch,
    bare_time,
    merge_lasts,
    merge_sightings,
    sighting_of,
    whole_time,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.entry.sighting import Running

Told = dict[tuple[str, str], Sighting]
LOG, AUDIT = "projects/p/logs/stderr", "projects/p/logs/cloudaudit.googleapis.com%2Factivity"


def record(
    at: str = "00:00:01", revision: str = "web-1", commit: str = "", **fields: Any
) -> dict[str, Any]:
    """Make an entry of a revision of the service `web`."""
    return {
        "insertId": "a",
        "logName": LOG,
        "timestamp": f"2025-09-10T{at}Z",
        "resource": {"labels": {"service_name": "web", "revision_name": revision}},
        **({"labels": {"commit-sha": commit}} if commit else {}),
        **fields,
    }


def from_lines(*records: dict[str, Any]) -> Told:
    """Return what the outlines of lines tell."""
    told: Told = {}
    tell(Watch(), told, *records)
    return told


def tell(watch: Watch, told: Told, *records: dict[str, Any]) -> None:
    """Add what a watch tells of the outlines of lines."""
    data = b"".join(json.dumps(one).encode() + b"\n" for one in records)
    found = outlines(data, len(records), regular=True)
    news, lasts = watch.tell(columns_of([one for one in found if one]).in_order())
    merge_sightings(told, news)
    merge_lasts(told, lasts)


def from_entries(*records: dict[str, Any]) -> Told:
    """Return what parsed entries tell."""
    told: Told = {}
    for one in records:
        for entry in parse_entry(one, place="test"):
            merge_sightings(told, sighting_of(entry))
    return told


def test_a_revision_is_told_by_its_first_and_last_entry() -> None:
    """Log, insertId and commit are those of the first one."""
    records = (
        record("00:00:03", insertId="c", commit="other"),
        record("00:00:01.5", insertId="b", commit="sha"),
        record("00:00:10", insertId="d"),
    )
    told = {
        ("web", "web-1"): Sighting(
            "2025-09-10T00:00:01.5", LOG, "b", "sha", bare_time(whole_time("2025-09-10T00:00:1"))
        )
    }
    assert from_lines(*records) == from_entries(*records) == told


@pytest.mark.parametrize(
    ("fields", "running"),
    [
        ({}, ("web", "web-1")),
        ({"resource": {"labels": {"module_id": "api", "version_id": "v7"}}}, ("api", "v7")),
        (
            {"resource": {"labels": {"job_name": "nightly"}}, "labels": {"commit-sha": "sha"}},
            ("nightly", "sha"),
        ),
        ({"resource": {"labels": {"job_name": "nightly"}}}, None),
        ({"resource": {"labels": {"revision_name": "web-1"}}}, None),
        ({"resource": {"labels": {}}, "labels": {"commit-sha": "sha"}}, None),
        ({"resource": {}}, None),
        ({"logName": AUDIT}, None),
        ({"labels": None}, ("web", "web-1")),
        ({"labels": {"commit-sha": 7}}, ("web", "web-1")),
        ({"labels": ["commit-sha"]}, ("web", "web-1")),
    ],
)
def test_lines_and_entries_tell_the_same(fields: dict[str, Any], running: Running | None) -> None:
    """A revision or version of a service, or its commit; audit entries tell of others."""
    one = record(**fields)
    told = from_lines(one)
    assert told == from_entries(one)
    assert list(told) == ([running] if running else [])


@pytest.mark.parametrize(
    "fields",
    [
        {"resource": "web"},
        {"resource": None},
        {"resource": {"labels": ["web"]}},
        {"resource": {"labels": {"service_name": 7}}},
        {"resource": {"labels": {"service_name": None, "revision_name": "x"}}},
    ],
)
def test_a_resource_of_an_odd_type_has_its_line_parsed(fields: dict[str, Any]) -> None:
    """Nothing fails: the line has no outline, and the entry is looked at."""
    data = json.dumps(record(**fields)).encode() + b"\n"
    assert outlines(data, 1, regular=True) == [None]
    assert from_entries(record(**fields)) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"timestamp": None},
        {"receiveTimestamp": "2025-09-01T00:00:00Z"},
    ],
)
def test_a_time_that_is_no_event_time_tells_nothing(fields: dict[str, Any]) -> None:
    """One that is missing, and one that is days ahead of its arrival."""
    assert from_entries(record(**fields)) == {}


def test_a_clock_of_another_time_zone_dates_what_it_tells_of() -> None:
    """A revision belongs to what the same clock dated, though that leads nobody's time."""
    assert from_entries(record(receiveTimestamp="2025-09-10T00:00:00Z")) == from_entries(record())


RECORDS = st.lists(
    st.builds(
        record,
        st.sampled_from(["00:00:01", "00:00:01.000", "00:00:10", "00:00:02.5", "00:00:02.25"]),
        st.sampled_from(["web-1", "web-2", ""]),
        st.sampled_from(["", "sha-1", "sha-2"]),
        insertId=st.sampled_from(["a", "b", "c"]),
        logName=st.sampled_from([LOG, AUDIT, "projects/p/logs/run%2Fstdout"]),
    ),
    min_size=1,
    max_size=12,
)


@given(RECORDS, st.integers(0, 12), st.randoms())
def test_no_order_and_no_chunking_changes_what_is_told(
    records: list[dict[str, Any]], cut: int, chance: Any
) -> None:
    """Of lines, of entries, of both; told twice, too."""
    shuffled = chance.sample(records, len(records))
    both: Told = {}
    for part in (from_lines(*shuffled[:cut]), from_entries(*shuffled[cut:]), from_lines(*records)):
        merge_sightings(both, part)
    assert from_lines(*records) == from_entries(*records) == both


@given(RECORDS, st.integers(0, 12), st.randoms(), st.integers(0, 3))
def test_what_one_watch_tells_is_all_there_is(
    records: list[dict[str, Any]], cut: int, chance: Any, most: int
) -> None:
    """However much it remembers, and in whatever order it sees the lines, some of them twice."""
    shuffled = chance.sample(records, len(records))
    watch = Watch(most)
    told: Told = {}
    for part in (shuffled[:cut], shuffled[cut:], records[:cut]):
        tell(watch, told, *part)
    assert told == from_entries(*records)


def test_what_was_told_is_not_told_again() -> None:
    """Of a revision that went on logging only the time of its last entry is told."""
    watch = Watch()
    told: Told = {}
    tell(watch, told, record("00:00:01"), record("00:00:01", "web-2"))
    rows = [record("00:00:05"), record("00:00:07"), record("00:00:00.5", "web-2")]
    data = b"".join(json.dumps(one).encode() + b"\n" for one in rows)
    found = [one for one in outlines(data, len(rows), regular=True) if one]
    news, lasts = watch.tell(columns_of(found).in_order())
    assert [*news] == [("web", "web-2")]
    assert lasts == {("web", "web-1"): "2025-09-10T00:00:07"}
    merge_lasts(told, lasts)
    assert told["web", "web-1"].last == "2025-09-10T00:00:07"


def test_only_what_is_known_has_a_last_entry() -> None:
    """A time of anything else is left alone."""
    told: Told = {}
    merge_lasts(told, {("web", "web-1"): "1"})
    assert told == {}


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_a_time_comes_back(time: int) -> None:
    """To the nanosecond."""
    assert whole_time(bare_time(time)) == time


def test_outlines_know_all_labels_that_say_what_runs() -> None:
    """The table of labels is the entry's."""
    assert set(ResourceLabels.__struct_fields__) == {*SERVICE, *REVISION}


def test_merging_is_the_same_from_either_side() -> None:
    """Whichever of two was told first, with the same first entry or another."""

    def merged(parts: Iterable[Sighting]) -> Told:
        def add(known: Told, one: Sighting) -> Told:
            merge_sightings(known, {("web", "web-1"): one})
            return known

        return reduce(add, parts, {})

    ones = [
        Sighting("1", LOG, "a", "", "5"),
        Sighting("1", LOG, "a", "sha", "1"),
        Sighting("1", LOG, "b", "", "3"),
        Sighting("2", LOG, "a", "", "9"),
    ]
    expected = {("web", "web-1"): Sighting("1", LOG, "a", "sha", "9")}
    assert merged(ones) == merged(reversed(ones)) == expected
