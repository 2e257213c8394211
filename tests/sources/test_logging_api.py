"""The Logging API as a source: every entry once, whatever it refuses and forgets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.api_core.exceptions import MethodNotImplemented
from google.auth.exceptions import RefreshError, TransportError
from google.cloud.audit.audit_log_pb2 import AuditLog
from google.cloud.logging_v2.types import LogEntry as ApiEntry
from google.protobuf.any_pb2 import Any as Packed
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.entry import LogEntry, Rejection
from pipeline.errors import DeniedError, DisabledError, SourceError
from pipeline.messages import read_message
from pipeline.retrying import Retrying
from pipeline.sources.logging_api import LoggingFeed, LoggingSource, Query, Reading, ReadSettings
from tests.fakes.disabled import disabled
from tests.fakes.logging_server import FakeLogging, Refusal, served
from tests.fakes.unwritable import UNWRITABLE, unwritable
from tests.support import BASE, SECOND, entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

AT = "2025-09-10T00:30:00Z"
BUSY = grpc.StatusCode.RESOURCE_EXHAUSTED
HOUR = Query(("projects/demo",), "", BASE, BASE + 3600 * SECOND)
QUICK = ReadSettings(size=3, every=0, retrying=Retrying(5, 4, first=1, longest=8))


@pytest.fixture(name="api")
def an_api() -> FakeLogging:
    """Hold ten entries, two of which were logged at each time."""
    return FakeLogging([entry("failed", at=number // 2, key=f"k{number}") for number in range(10)])


@pytest.fixture(name="client")
def a_client(api: FakeLogging) -> Iterator[LoggingServiceV2Client]:
    """Lend Google's client to it."""
    with served(api) as client:
        yield client


def keys(source: LoggingSource) -> list[str]:
    """Return the insert ids of the entries of a source, in order."""
    records = [one for batch in source.batches() for one in batch]
    assert [one for one in records if isinstance(one, Rejection)] == []
    return [one.insert_id for one in records if isinstance(one, LogEntry)]


def everything(api: FakeLogging) -> list[str]:
    """Return the insert ids of all that an API holds."""
    return [one.insert_id for one in api.entries]


def test_googles_own_servicer_answers(client: LoggingServiceV2Client) -> None:
    """It knows the other methods of the service, too, and refuses them in its own words."""
    for ask in (
        lambda: client.list_logs(parent="projects/demo"),
        lambda: client.delete_log(log_name="projects/demo/logs/a"),
        lambda: client.write_log_entries(entries=[]),
    ):
        with pytest.raises(MethodNotImplemented, match="Method not implemented!"):
            ask()


def test_every_entry_comes_once_and_in_order(
    api: FakeLogging, client: LoggingServiceV2Client
) -> None:
    """Over several pages, of which the first ones are empty; nothing is read a second time."""
    api.empty = 2
    source = LoggingSource(client, HOUR, QUICK)
    assert keys(source) == everything(api)
    assert len(api.asked) == 6
    assert [*source.blocks()] == []
    assert {tuple(one.resource_names) for one in api.asked} == {("projects/demo",)}


def test_what_comes_is_what_was_logged(api: FakeLogging, client: LoggingServiceV2Client) -> None:
    """An entry is the same as in an export, by its key and all that is in it."""
    api.entries = [
        entry(key="a", jsonPayload={"message": "hé", "n": 1.5, "no": None}, labels={"x": "y"}),
        entry("text", at=0.123456789, key="b", severity="WARNING", trace="projects/demo/traces/1"),
        entry(key="c", at=1, httpRequest={"status": 503, "latency": "1.500s", "requestSize": "12"}),
    ]
    (batch,) = LoggingSource(client, HOUR, QUICK).batches()
    assert [one.document for one in batch if isinstance(one, LogEntry)] == [
        one.document for one in api.entries
    ]


def test_only_the_span_and_the_filter_are_read(
    api: FakeLogging, client: LoggingServiceV2Client
) -> None:
    """From its beginning, before its end; the filter may end with a comment."""
    query = Query(
        HOUR.resources, 'insertId="k4" OR insertId="k8"', BASE + SECOND, BASE + 4 * SECOND
    )
    assert keys(LoggingSource(client, query, QUICK)) == ["k4"]
    assert api.asked[0].filter == (
        'timestamp>="2025-09-10T00:00:01Z" AND timestamp<"2025-09-10T00:00:04Z" '
        'AND (\ninsertId="k4" OR insertId="k8"\n)'
    )


def test_what_is_refused_is_asked_again_when_the_api_says(
    api: FakeLogging, client: LoggingServiceV2Client
) -> None:
    """For want of quota: after as long as it says, else later and later."""
    waits: list[float] = []
    api.refusals += [None, Refusal(BUSY, 37), Refusal(BUSY), None, Refusal(BUSY), Refusal(BUSY)]
    assert keys(LoggingSource(client, HOUR, QUICK, waits.append)) == everything(api)
    first, second, third, fourth = (one for one in waits if one)
    assert first == 37
    assert 1 <= second <= 2
    assert 0.5 <= third <= 1
    assert 1 <= fourth <= 2


@pytest.mark.parametrize("code", [BUSY, grpc.StatusCode.UNAVAILABLE])
def test_what_goes_on_failing_ends(
    api: FakeLogging, client: LoggingServiceV2Client, code: grpc.StatusCode
) -> None:
    """After as many tries as are allowed; a retry later can help."""
    api.refusals += [Refusal(code)] * 9
    with pytest.raises(SourceError, match="projects/demo: Quota exceeded") as caught:
        keys(LoggingSource(client, HOUR, QUICK, lambda _: None))
    assert caught.value.recoverable
    assert len(api.asked) == 4


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "grant roles/logging.viewer"),
        (grpc.StatusCode.NOT_FOUND, "there is no such project"),
        (grpc.StatusCode.INVALID_ARGUMENT, "does not understand what it is asked: Quota"),
        (grpc.StatusCode.UNAUTHENTICATED, "there are no credentials"),
    ],
)
def test_what_no_retry_can_help_ends_at_once(
    api: FakeLogging, client: LoggingServiceV2Client, code: grpc.StatusCode, said: str
) -> None:
    """It says what to do."""
    api.refusals.append(Refusal(code))
    with pytest.raises(SourceError, match=said) as caught:
        keys(LoggingSource(client, HOUR, QUICK, lambda _: None))
    assert not caught.value.recoverable
    assert isinstance(caught.value, DeniedError) is (code is grpc.StatusCode.PERMISSION_DENIED)
    assert len(api.asked) == 1


def test_an_api_that_is_not_enabled_is_no_matter_of_rights(
    api: FakeLogging, client: LoggingServiceV2Client
) -> None:
    """The command that enables it is named, where the error says it is to be."""
    status = disabled("logging.googleapis.com", consumer="")
    api.refusals.append(Refusal(grpc.StatusCode.PERMISSION_DENIED, status=status))
    with pytest.raises(DisabledError) as caught:
        keys(LoggingSource(client, HOUR, QUICK, lambda _: None))
    assert caught.value.command == "gcloud services enable logging.googleapis.com --project=demo"
    assert f"projects/demo: it is not enabled; run `{caught.value.command}`: " in str(caught.value)
    assert not caught.value.recoverable
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (RefreshError("no"), False),  # type: ignore[no-untyped-call]
        (TransportError("no", retryable=True), True),  # type: ignore[no-untyped-call]
    ],
)
def test_who_nobody_is_cannot_read(error: Exception, helps: bool) -> None:  # noqa: FBT001 - a column of the table
    """Credentials that are refused are no matter of time; a server that is away is."""

    class Nobody:
        def list_log_entries(self, *_: object, **__: object) -> None:
            raise error

    with pytest.raises(SourceError, match="the Logging API: projects/demo: no") as caught:
        Reading(Nobody(), HOUR).page()
    assert caught.value.recoverable is helps


@settings(max_examples=25)  # each serves an API of its own
@given(
    times=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    size=st.integers(1, 4),
    refused=st.lists(st.booleans(), max_size=12),
)
def test_a_token_that_dies_costs_nothing(times: list[int], size: int, refused: list[bool]) -> None:
    """Wherever it does: each entry comes once, also of several at one time."""
    api = FakeLogging([entry("x", at=at, key=f"k{n:02}") for n, at in enumerate(sorted(times))])
    quick = ReadSettings(size=size, every=0, retrying=Retrying(5, 99, first=0))
    with served(api) as client:
        reading = Reading(client, HOUR, quick)
        found: list[str] = []
        for at in range(200):
            if at < len(refused) and refused[at]:
                api.forget_tokens()
            try:
                found += [json.loads(one.data)["insertId"] for one in reading.page()]
            except SourceError:
                continue
            if reading.is_over:
                break
    assert found == everything(api)


def test_what_is_logged_meanwhile_is_read_too(
    api: FakeLogging, client: LoggingServiceV2Client
) -> None:
    """Until the end of the span."""
    reading = Reading(client, HOUR, QUICK)
    first = reading.page()
    api.log(dict(entry("late", at=60, key="late").document))
    found = [*first]
    while not reading.is_over:
        found += reading.page()
    assert [json.loads(one.data)["insertId"] for one in found] == everything(api)
    assert reading.position == BASE + 60 * SECOND


def test_reads_are_spaced_out(client: LoggingServiceV2Client) -> None:
    """As the project's quota is others', too."""
    waits: list[float] = []
    keys(LoggingSource(client, HOUR, ReadSettings(size=5, every=60), waits.append))
    assert waits[0] == 0
    assert 50 < waits[1] <= 60


def test_a_payload_that_nobody_knows_is_named(
    api: FakeLogging, client: LoggingServiceV2Client
) -> None:
    """Its bytes are left out; all that can be read around it is kept."""
    strange = Packed(type_url="type.googleapis.com/no.such.Type", value=b"secret")
    audit = AuditLog(method_name="v1.drop", service_data=strange)
    audit.status.message = "denied"
    odd = ApiEntry(
        log_name="projects/demo/logs/a", insert_id="odd", timestamp="2025-09-10T00:30:00Z"
    )
    ApiEntry.pb(odd).proto_payload.Pack(audit)
    other = ApiEntry(odd, insert_id="other")
    ApiEntry.pb(other).proto_payload.CopyFrom(strange)
    api.entries, api.odd = [], [odd, other]
    found: list[Any] = next(LoggingSource(client, HOUR, QUICK).batches())
    assert found[0].document["protoPayload"]["methodName"] == "v1.drop"
    assert found[0].message == "denied"
    assert "no.such.Type" in json.dumps(found[0].document["protoPayload"]["serviceData"])
    assert "no.such.Type" in json.dumps(found[1].document["protoPayload"])


@pytest.mark.parametrize("kind", UNWRITABLE)
def test_what_cannot_be_written_is_rejected(
    api: FakeLogging, client: LoggingServiceV2Client, kind: str
) -> None:
    """It stands in no JSON: the entry is accounted for, and what comes beside it is read."""
    api.odd = [unwritable(kind)]
    reading = Reading(client, HOUR, QUICK)
    found = [one for _ in range(4) for one in reading.page()]
    assert reading.is_over
    assert reading.position < HOUR.until
    assert [record for one in found[:-1] for record in read_message(one)] == api.entries
    (rejected,) = read_message(found[-1])
    assert isinstance(rejected, Rejection)
    at = "9999-12-31T23:59:59.999999999Z" if kind == "time" else "2025-09-10T00:30:00Z"
    assert rejected.place == f"projects/demo/logs/a {at} odd"
    assert found[-1].data.startswith(b"it cannot be written as JSON: ")
    assert b"secret" not in found[-1].data


def test_a_feed_tells_how_far_all_is_acknowledged(client: LoggingServiceV2Client) -> None:
    """Only when nothing is in hand any more; what is given back comes first."""
    kept: list[int] = []
    feed = LoggingFeed(Reading(client, HOUR, QUICK), kept.append)
    first = feed.pull()
    feed.acknowledge(first[:1])
    feed.give_back(first[1:])
    assert kept == []
    again = feed.pull()
    assert again == first[1:]
    feed.acknowledge(again)
    assert kept == [BASE + SECOND]
    while not feed.is_over:
        feed.acknowledge(feed.pull())
    assert kept[-1] == BASE + 4 * SECOND
    assert feed.pull() == []


def test_a_feed_rests_as_long_as_the_api_says(
    api: FakeLogging, client: LoggingServiceV2Client
) -> None:
    """It is not asked meanwhile; who pulls waits no longer than for any other feed."""
    waits: list[float] = []
    api.refusals.append(Refusal(BUSY, 60))
    feed = LoggingFeed(Reading(client, HOUR, QUICK), lambda _: None, 5, waits.append)
    with pytest.raises(SourceError, match="Quota"):
        feed.pull()
    assert feed.pull() == ()
    assert waits == [5]
    assert len(api.asked) == 1
    assert not feed.is_over
