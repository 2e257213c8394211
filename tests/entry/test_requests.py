"""Requests: a line tells of one what its entry does."""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import parse_entry, parse_timestamp
from pipeline.entry.outline import columns_of, identities, outlines
from pipeline.entry.requests import (
    SECOND,
    merge_requests,
    moment_of,
    request_in,
    requests_in,
    status_of,
)
from tests.support import BASE, entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.entry.requests import Requests

LOG = "projects/demo/logs/run.googleapis.com/requests"


def record(**fields: Any) -> dict[str, Any]:
    """Make the record of a request log."""
    return {
        "insertId": "a",
        "logName": "projects/demo/logs/run.googleapis.com%2Frequests",
        "timestamp": "2025-09-10T00:00:10.5Z",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "shop"}},
        "httpRequest": {"status": 200},
        **fields,
    }


def of_lines(records: Sequence[dict[str, Any]]) -> Requests:
    """Return what outlines of records tell."""
    data = b"".join(json.dumps(one).encode() + b"\n" for one in records)
    columns = columns_of([one for one in outlines(data, len(records), regular=True) if one])
    return requests_in(columns, identities(columns))


def of_entries(records: Sequence[dict[str, Any]]) -> Requests:
    """Return what the entries of records tell."""
    found: Requests = {}
    for one in records:
        for made in parse_entry(one):
            merge_requests(found, request_in(made, made.identity))
    return found


REQUESTS = st.fixed_dictionaries(
    {
        "insertId": st.sampled_from("abc"),
        "timestamp": st.sampled_from(
            ("2025-09-10T00:00:10Z", "2025-09-10T00:01:00Z", "2025-09-10T00:00:00.120Z")
        ),
        "resource": st.sampled_from(
            (
                {"type": "cloud_run_revision", "labels": {"service_name": "shop"}},
                {"type": "cloud_function", "labels": {"function_name": "resize"}},
                {"type": "http_load_balancer", "labels": {"url_map_name": "front"}},
            )
        ),
        "httpRequest": st.sampled_from(
            ({"status": 200}, {"status": 404}, {"status": 503}, {"status": "500"}, {"status": ""},
             {"status": 0}, {}, {"requestMethod": "GET"}, None)
        ),
    }
)  # fmt: skip


@given(st.lists(REQUESTS.map(lambda told: record(**told)), max_size=6))
def test_a_line_tells_what_its_entry_does(records: list[dict[str, Any]]) -> None:
    """Whether it is parsed or not."""
    assert of_lines(records) == of_entries(records)


def test_a_request_is_told_by_its_place_its_entry_and_its_second() -> None:
    """And whether it went well."""
    failed = record(insertId="b", httpRequest={"status": 503})
    found = of_entries([record(), failed])
    (told,) = found.values()
    second = parse_timestamp("2025-09-10T00:00:10Z") // SECOND
    assert list(found) == [("shop", LOG)]
    assert list(told[1::2]) == [moment_of(second, 200), moment_of(second, 503)]
    assert len(set(told[0::2])) == 2


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (200, 200), ("503", 503), ("", 0), ("0503", 0), ("5e2", 0), (None, 0), (True, 0), (-1, 0),
        ({}, 0),
    ],
)  # fmt: skip
def test_a_status_is_a_number_or_its_text(value: object, status: int) -> None:
    """Anything else is none."""
    assert status_of(value) == status


@pytest.mark.parametrize(
    "fields",
    [
        {"httpRequest": "GET /"},
        {"httpRequest": {"requestMethod": "GET"}},
        {"resource": {"type": "global"}},
        {"timestamp": "2030-09-10T00:00:00Z", "receiveTimestamp": "2025-09-10T00:00:00Z"},
    ],
)
def test_what_tells_no_status_service_or_time_is_none(fields: dict[str, Any]) -> None:
    """Nobody could count it."""
    assert of_entries([record(**fields)]) == {}


def test_what_a_payload_says_of_a_request_is_no_request_log() -> None:
    """The platform logs it, too, and once is enough."""
    assert request_in(entry(jsonPayload={"httpRequest": {"status": 200}}), 1) == {}


def test_more_requests_of_a_place_are_added_to_it() -> None:
    """In whatever order."""
    known: Requests = {("shop", LOG): array("q", (1, moment_of(BASE // SECOND, 200)))}
    merge_requests(known, {("shop", LOG): array("q", (2, 3)), ("till", LOG): array("q", (4, 5))})
    assert len(known["shop", LOG]) == 4
    assert known["till", LOG] == array("q", (4, 5))
