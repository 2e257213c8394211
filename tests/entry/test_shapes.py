"""The shapes of one LogEntry: whatever the spelling, one canonical document."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import Severity, parse_entry
from pipeline.entry.shapes import is_canonical, is_entry_field
from pipeline.errors import EntryError

TIME = "2025-09-10T00:33:54Z"
CANONICAL: dict[str, Any] = {
    "insertId": "a",
    "logName": "projects/acme/logs/run.googleapis.com%2Frequests",
    "timestamp": TIME,
    "receiveTimestamp": "2025-09-10T00:33:55Z",
    "severity": "ERROR",
    "spanId": "b7ad6b7169203331",
    "trace": "projects/acme/traces/0af7",
    "traceSampled": True,
    "labels": {"instanceId": "0069"},
    "resource": {"type": "cloud_run_revision", "labels": {"service_name": "api"}},
    "httpRequest": {
        "requestMethod": "GET", "requestUrl": "https://api.example.com/", "status": 503,
        "userAgent": "curl/8", "requestSize": "12", "latency": "0.5s", "cacheHit": False,
    },
    "sourceLocation": {"file": "a.py", "line": "12"},
}  # fmt: skip


def document(**fields: Any) -> Any:
    """Return the canonical document of an entry with an id, a time and these fields."""
    [entry] = parse_entry({"insertId": "a", "timestamp": TIME, **fields})
    return entry.document


def snake(name: str) -> str:
    """Spell a camelCase name in snake_case."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def respelled(spell: Any) -> dict[str, Any]:
    """Return the canonical record with its keys, and those of the request, spelled otherwise."""
    request = {spell(key): value for key, value in CANONICAL["httpRequest"].items()}
    record = {spell(key): value for key, value in CANONICAL.items()}
    return {**record, spell("httpRequest"): request}


def test_a_canonical_record_is_taken_as_it_is() -> None:
    """No copy is made of what needs none."""
    [entry] = parse_entry(CANONICAL)
    assert entry.document is CANONICAL
    assert is_canonical(CANONICAL)


@pytest.mark.parametrize("spell", [snake, str.lower, str.upper])
def test_keys_may_be_spelled_in_any_case(spell: Any) -> None:
    """snake_case and all-lower-case records are the same entry."""
    assert parse_entry(respelled(spell)) == parse_entry(CANONICAL)


def test_the_short_names_of_a_request_are_known() -> None:
    """`method` and `url` stand for `requestMethod` and `requestUrl`."""
    found = document(
        http_request={"method": "GET", "url": "/x", "status": "500", "user_agent": "c"}
    )
    assert found["httpRequest"] == {
        "requestMethod": "GET", "requestUrl": "/x", "status": 500, "userAgent": "c",
    }  # fmt: skip


def test_of_two_spellings_with_different_values_the_camel_case_one_wins() -> None:
    """The other one stays under its own name, so nothing is lost."""
    [entry] = parse_entry({"insertid": "low", "insertId": "camel", "timestamp": TIME})
    assert entry.insert_id == "camel"
    assert entry.document["insertid"] == "low"


def test_a_twin_stands_in_for_a_null() -> None:
    """The camelCase key wins only if it has a value."""
    [entry] = parse_entry({"insertId": None, "insertid": "low", "timestamp": TIME})
    assert entry.insert_id == "low"


def test_unknown_keys_are_kept() -> None:
    """New fields of the API and a vendor's own do no harm."""
    extra = {"apphub": {"service": {"id": "x"}}, "errorGroups": [{"id": "g"}], "vendor.x": 1}
    found = document(**extra)
    assert {key: found[key] for key in extra} == extra


def test_explicit_nulls_are_dropped() -> None:
    """A null is a missing value."""
    assert document(trace=None, spanId=None, httpRequest=None) == {
        "insertId": "a",
        "timestamp": TIME,
    }


@pytest.mark.parametrize("payload", [{"at_type": "x.AuditLog"}, {"@type": "x.AuditLog"}])
def test_the_type_of_a_payload_may_be_renamed(payload: dict[str, Any]) -> None:
    """`at_type` is `@type`."""
    assert document(protoPayload=payload)["protoPayload"] == {"@type": "x.AuditLog"}


@pytest.mark.parametrize(
    "payload",
    [
        {"@type": "type.googleapis.com/google.cloud.audit.AuditLog", "status": {"message": "no"}},
        {"at_type": "type.googleapis.com/google.cloud.audit.AuditLog", "status": {"message": "no"}},
        {"methodName": "x.create", "serviceName": "x", "status": {"message": "no"}},
    ],
)
def test_an_audit_log_in_the_wrong_payload_is_moved(payload: dict[str, Any]) -> None:
    """It is found under protoPayload, whatever the exporter made of it."""
    [entry] = parse_entry({"insertId": "a", "timestamp": TIME, "jsonPayload": payload})
    assert "jsonPayload" not in entry.document
    assert entry.lookup("protoPayload.status.message") == ("no",)
    assert entry.message == "no"


@pytest.mark.parametrize("payload", [{"@type": "x.LoadBalancerLogEntry"}, {"methodName": "x"}])
def test_other_payloads_stay_where_they_are(payload: dict[str, Any]) -> None:
    """A type or a method name alone makes no audit log."""
    assert document(jsonPayload=payload)["jsonPayload"] == payload


@pytest.mark.parametrize(
    ("field", "value", "canonical"),
    [
        ("resource", "cloud_run_revision", {"type": "cloud_run_revision", "labels": {}}),
        ("resource", '{"type": "gae_app"}', {"type": "gae_app"}),
        ("resource", {"labels": [{"key": "a", "value": "b"}]}, {"labels": {"a": "b"}}),
        ("resource", 5, 5),
        ("labels", [{"key": "a", "value": "b"}], {"a": "b"}),
        ("labels", ["a"], ["a"]),
        ("httpRequest", {"status": 500.0}, {"status": 500}),
        ("httpRequest", {"status": "odd"}, {"status": "odd"}),
        ("httpRequest", {"responseSize": 77}, {"responseSize": "77"}),
        ("httpRequest", {"responseSize": 77.0}, {"responseSize": "77"}),
        ("httpRequest", {"latency": 0.25}, {"latency": "0.25"}),
        ("httpRequest", {"latency": "60.369159188s"}, {"latency": "60.369159188s"}),
        ("httpRequest", {"cacheHit": "true"}, {"cacheHit": True}),
        ("httpRequest", {"requestUrl": "http://::1]", "odd": None}, {"requestUrl": "http://::1]"}),
        ("httpRequest", {"protocol": "HTTP1.1"}, {"protocol": "HTTP1.1"}),
        ("httpRequest", "odd", "odd"),
        ("severity", 200, "INFO"),
        ("severity", "loud", "loud"),
        ("sourceLocation", {"line": 12}, {"line": "12"}),
        ("sourceLocation", {"line": 12.0}, {"line": "12"}),
        ("sourceLocation", [], []),
        ("traceSampled", "true", True),
        ("traceSampled", 1, 1),
        ("spanId", "123/123", "123/123"),
        ("jsonPayload", '{"a": 1}', {"a": 1}),
        ("protoPayload", "{odd", "{odd"),
        ("textPayload", 5, "5"),
    ],
)  # fmt: skip
def test_values_of_another_type_take_the_canonical_one(
    field: str, value: Any, canonical: Any
) -> None:
    """Where the type can be mended it is; where not, the value stays."""
    assert document(**{field: value})[field] == canonical


def test_a_payload_lands_under_the_key_of_its_kind() -> None:
    """Text under jsonPayload is a textPayload, an object under textPayload a jsonPayload."""
    assert document(jsonPayload="up")["textPayload"] == "up"
    assert document(textPayload={"message": "up"})["jsonPayload"] == {"message": "up"}
    both = document(jsonPayload="{odd", textPayload="up")
    assert (both["jsonPayload"], both["textPayload"]) == ("{odd", "up")


def test_a_row_of_a_bigquery_export_is_an_entry() -> None:
    """Columns are named after the payload's type, times have a zone in letters."""
    [entry] = parse_entry(
        {
            "logName": "projects/acme/logs/cloudaudit.googleapis.com%2Factivity",
            "timestamp": "2025-09-10 00:33:54.120000 UTC",
            "insertId": "a",
            "textPayload": None,
            "protopayload_auditlog": {"methodName": "x.create", "status": {"message": "no"}},
            "jsonpayload_v1_x": None,
            "httpRequest": {"status": 403, "requestSize": 12},
        }
    )
    assert entry.message == "no"
    assert entry.timestamp == 1_757_464_434_120_000_000
    assert entry.lookup("httpRequest.requestSize") == ("12",)


def test_a_payload_may_carry_fields_of_the_entry() -> None:
    """They are the payload's own and say nothing about the entry."""
    [entry] = parse_entry(
        {
            "insertId": "a",
            "timestamp": TIME,
            "jsonPayload": {
                "textPayload": "up",
                "timestamp": "2020-01-01T00:00:00Z",
                "labels": {"function": "callHandlers", "line": "1706"},
                "count": 3.0,
            },
        }
    )
    assert entry.message == "up"
    assert entry.timestamp == 1_757_464_434_000_000_000
    assert entry.lookup("jsonPayload.labels.line") == ("1706",)
    assert entry.lookup("labels.line") == ()


V1: dict[str, Any] = {
    "metadata": {
        "severity": "WARNING",
        "timestamp": "2015-09-10T00:33:54.5Z",
        "serviceName": "appengine.googleapis.com",
        "zone": "us9",
        "labels": {
            "appengine.googleapis.com/module_id": "shop",
            "appengine.googleapis.com/version_id": "7",
            "appengine.googleapis.com/clone_id": "00c6",
        },
    },
    "insertId": "2015|1",
    "log": "appengine.googleapis.com/request_log",
    "protoPayload": {
        "appId": "s~acme",
        "traceId": "17e8",
        "method": "GET",
        "line": [
            {"time": "2015-09-10T00:33:54.6Z", "severity": "INFO", "logMessage": "hello\n"},
            {"severity": "ERROR", "logMessage": "gone", "sourceLocation": {"line": "5"}},
            "odd",
            {},
        ],
    },
}


def test_the_first_layout_of_the_api_is_read_with_all_its_lines() -> None:
    """The request and each line of the application are entries, each with its own severity."""
    request, *lines = parse_entry(V1, place="x:1")
    assert request.severity is Severity.WARNING
    assert (request.service, request.revision, request.instance) == ("shop", "7", "00c6")
    assert (request.project, request.trace) == ("acme", "17e8")
    assert request.log_name == "projects/acme/logs/appengine.googleapis.com/request_log"
    assert request.lookup("protoPayload.line") == ()
    assert [line.message for line in lines] == ["hello", "gone", "odd", ""]
    assert [line.severity for line in lines[:2]] == [Severity.INFO, Severity.ERROR]
    assert [line.insert_id for line in lines] == [f"2015|1#{n}" for n in (1, 2, 3, 4)]
    assert lines[0].timestamp - request.timestamp == 100_000_000
    assert lines[1].timestamp == request.timestamp
    assert {line.service for line in lines} == {"shop"}
    assert {line.place for line in lines} == {"x:1"}


@pytest.mark.parametrize(
    ("metadata", "rest", "log_name"),
    [
        ({"projectId": "acme"}, {"log": "syslog"}, "projects/acme/logs/syslog"),
        ({}, {"log": "syslog"}, "syslog"),
        ({}, {}, ""),
        ({"labels": "odd"}, {"log": 5}, ""),
    ],
)
def test_the_first_layout_may_lack_anything(
    metadata: dict[str, Any], rest: dict[str, Any], log_name: str
) -> None:
    """Also its structPayload is a jsonPayload."""
    record = {
        "metadata": {"timestamp": TIME, "serviceName": "compute.googleapis.com", **metadata},
        "insertId": "a",
        "structPayload": {"message": "up"},
        **rest,
    }
    [entry] = parse_entry(record)
    assert entry.log_name == log_name
    assert entry.message == "up"
    assert entry.lookup("resource.type") == ("compute.googleapis.com",)


def test_metadata_of_the_second_layout_is_an_unknown_key() -> None:
    """It is deprecated there and says nothing."""
    assert document(metadata={"userLabels": {}})["metadata"] == {"userLabels": {}}
    assert document(metadata="odd")["metadata"] == "odd"


def test_an_entry_needs_but_one_mark() -> None:
    """No payload, no resource, no labels: still an entry."""
    for record in (
        {"insertId": "a"},
        {"logName": "projects/acme/logs/x"},
        {"textPayload": "x"},
        {"httpRequest": {"status": 500}},
        {"timestamp": TIME, "severity": "ERROR"},
        {"timestamp": TIME, "resource": "x"},
    ):
        assert len(parse_entry(record)) == 1


@pytest.mark.parametrize(
    "record",
    [{}, {"timestamp": TIME}, {"logName": {"type": "string"}}, {"kind": "Pod", "metadata": {}}],
)
def test_an_object_without_a_mark_is_no_entry(record: dict[str, Any]) -> None:
    """Schemas, manifests and other JSON are told what is missing."""
    with pytest.raises(EntryError, match="none of insertId, logName"):
        parse_entry(record)


@given(st.sampled_from(sorted(CANONICAL)))
def test_fields_are_known_in_every_spelling(name: str) -> None:
    """The names of columns are recognised as keys are."""
    assert is_entry_field(name)
    assert is_entry_field(snake(name))
    assert not is_entry_field(f"{name}s")
