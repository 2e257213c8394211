"""Minutes in which services logged: a line tells what its entry does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import parse_entry
from pipeline.entry.beats import ORDINARY, Beats, beat_in, beats_in, merge_beats
from pipeline.entry.outline import columns_of, outlines

if TYPE_CHECKING:
    from collections.abc import Sequence


SHOP, ANY = ("demo", "shop", "2025-09-10"), ("demo", "", "2025-09-10")


def record(**fields: Any) -> dict[str, Any]:
    """Make a record of a service."""
    return {
        "insertId": "a",
        "logName": "projects/demo/logs/stdout",
        "timestamp": "2025-09-10T00:01:10.5Z",
        "severity": "INFO",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "shop"}},
        **fields,
    }


def of_lines(records: Sequence[dict[str, Any]]) -> Beats:
    """Return what outlines of records tell."""
    data = b"".join(json.dumps(one).encode() + b"\n" for one in records)
    columns = columns_of([one for one in outlines(data, len(records), regular=True) if one])
    return beats_in(columns.in_order())


def of_entries(records: Sequence[dict[str, Any]]) -> Beats:
    """Return what the entries of records tell."""
    found: Beats = {}
    for one in records:
        for made in parse_entry(one):
            merge_beats(found, beat_in(made))
    return found


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {SHOP: 2, ANY: ORDINARY}),
        ({"severity": "WARNING"}, {SHOP: 2}),
        ({"severity": ""}, {SHOP: 2, ANY: ORDINARY}),
        ({"timestamp": "2025-09-10T23:59:59.999999999Z"}, {SHOP: 1 << 1439, ANY: ORDINARY}),
        ({"timestamp": "2025-09-10T00:00:00Z"}, {SHOP: 1, ANY: ORDINARY}),
        ({"resource": {"type": "global"}}, {ANY: ORDINARY}),
        ({"logName": "projects/demo/logs/cloudaudit.googleapis.com%2Factivity"}, {}),
        ({"logName": "folders/12/logs/stdout"}, {}),
        ({"logName": "projects"}, {}),
        (
            {"resource": {"type": "cloud_function", "labels": {"function_name": "resize"}}},
            {("demo", "resize", "2025-09-10"): 2, ANY: ORDINARY},
        ),
    ],
)
def test_an_entry_is_a_minute_of_its_service(fields: dict[str, Any], expected: Beats) -> None:
    """Whether it is parsed or not."""
    told = record(**fields)
    assert of_lines([told]) == of_entries([told]) == expected


@pytest.mark.parametrize("time", [None, "2030-01-01T00:00:00Z"])
def test_an_entry_of_a_time_that_nobody_knows_is_none(time: str | None) -> None:
    """Nor one that claims to be of long after its arrival."""
    told = record(timestamp=time, receiveTimestamp="2025-09-10T00:00:00Z" if time else None)
    assert of_entries([told]) == {}


RECORDS = st.lists(
    st.builds(
        record,
        timestamp=st.sampled_from(
            ("2025-09-10T00:00:10Z", "2025-09-10T00:10:00Z", "2025-09-11T20:00:00.120Z")
        ),
        severity=st.sampled_from(("", "INFO", "WARNING", "CRITICAL")),
        logName=st.sampled_from(
            ("projects/demo/logs/a", "projects/demo%2Dtwo/logs/a", "projects/demo/logs/b")
        ),
        resource=st.sampled_from(
            (
                {"labels": {"service_name": "shop"}},
                {"labels": {"service_name": "till"}},
                {"labels": {"module_id": "default"}},
                {"labels": {}},
            )
        ),
    ),
    max_size=12,
)


@given(RECORDS, RECORDS, st.data())
def test_lines_and_entries_tell_the_same_in_any_order(
    some: list[dict[str, Any]], more: list[dict[str, Any]], data: st.DataObject
) -> None:
    """However often, and in whatever pieces."""
    parts: Beats = {}
    for piece in (some, more, some):
        merge_beats(parts, of_lines(piece))
    shuffled = data.draw(st.permutations([*some, *more]))
    assert parts == of_lines(shuffled) == of_entries(shuffled)
