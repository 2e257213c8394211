"""Conditions over an entry; expected values are worked out from the Sigma specification 2.1."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sigma.types import SigmaRegularExpression

from pipeline.entry import LogEntry, Severity
from pipeline.errors import RuleError
from pipeline.matching import SEVERAL, compile_rule, every_value, field_getter, severities_of
from pipeline.rule import load_ruleset
from tests.support import entry, rule_text, ruleset

HEAD = "title: t\nname: t\nlogsource: {product: gcp}\ndetection:\n"
ISO = "2025-09-10T00:00:00Z"


def captures(
    detections: dict[str, Any], logged: LogEntry, condition: str | list[str] = "seen"
) -> dict[str, str] | None:
    """Match an entry against named detections; return what the rule captures, None: no match."""
    rule = {
        "title": "t",
        "name": "r",
        "logsource": {"product": "gcp"},
        "detection": {**detections, "condition": condition},
    }
    rules = ruleset(yaml.safe_dump(rule, sort_keys=False)).rules
    return compile_rule(rules["r"])(logged)


def sees(item: dict[str, Any], value: object) -> bool:
    """Match one detection item over the field `v` against an event whose `v` has this value."""
    return captures({"seen": item}, entry(jsonPayload={"v": value})) is not None


@pytest.mark.parametrize(
    ("item", "value", "expected"),
    [
        # text: the whole value, whatever its case
        ({"v": "Deadlock"}, "deadlock", True),
        ({"v": "deadlock"}, "DEADLOCK", True),
        ({"v": "deadlock"}, "a deadlock", False),
        ({"v": "straße"}, "STRASSE", True),
        ({"v": ["a", "b"]}, "b", True),
        ({"v": ["a", "b"]}, "c", False),
        ({"v": ""}, "", True),
        ({"v": ""}, "x", False),
        # wildcards, and the backslash that takes their meaning away
        ({"v": "*"}, "anything", True),
        ({"v": "**"}, "anything", True),
        ({"v": "***"}, "anything", True),
        ({"v": "dead*"}, "Deadlock", True),
        ({"v": "*lock"}, "Deadlock", True),
        ({"v": "*dl*"}, "Deadlock", True),
        ({"v": "d*k"}, "Deadlock", True),
        ({"v": "d*k"}, "Deadlocks", False),
        ({"v": "d*k"}, "d\nk", True),
        ({"v": "d?adlock"}, "DEADLOCK", True),
        ({"v": "d?adlock"}, "dadlock", False),
        ({"v": r"50\*"}, "50*", True),
        ({"v": r"50\*"}, "500", False),
        ({"v": r"what\?"}, "what?", True),
        ({"v": r"what\?"}, "whats", False),
        ({"v": r"a\\*"}, r"a\b", True),
        ({"v": r"a\\\*"}, r"a\*", True),
        ({"v": r"a\\\*"}, r"a\b", False),
        ({"v": r"\\srv"}, r"\srv", True),
        ({"v": r"a\\\\b"}, r"a\\b", True),
        ({"v": r"a\\\\b"}, r"a\b", False),
        ({"v": "?"}, "", False),
        ({"v": "*"}, "", True),
        ({"v": "a?b"}, "a\nb", True),
        ({"v|contains": "a*b"}, "-a\n\nb-", True),
        ({"v": r"C:\dir"}, r"c:\dir", True),
        ({"v": "(a+b)*c"}, "(a+b)xc", True),
        ({"v": "a.c*d"}, "abc d", False),
        # contains, startswith, endswith, all, cased, neq
        ({"v|contains": "DL"}, "deadlock", True),
        ({"v|contains": "d?l"}, "a deal", False),
        ({"v|contains": "d?al"}, "a deal", True),
        ({"v|contains": ["x", "lock"]}, "deadlock", True),
        ({"v|contains|all": ["dead", "lock"]}, "deadlock", True),
        ({"v|contains|all": ["dead", "x"]}, "deadlock", False),
        ({"v|startswith": "dead"}, "DEADLOCK", True),
        ({"v|startswith": "lock"}, "deadlock", False),
        ({"v|endswith": "lock"}, "DEADLOCK", True),
        ({"v|endswith": "dead"}, "deadlock", False),
        ({"v|cased": "Dead"}, "Dead", True),
        ({"v|cased": "Dead"}, "dead", False),
        ({"v|contains|cased": "adL"}, "DeadLock", True),
        ({"v|contains|cased": "adl"}, "DeadLock", False),
        ({"v|cased": "D*k"}, "Deadlock", True),
        ({"v|cased": "D*k"}, "deadlock", False),
        ({"v|neq": "a"}, "b", True),
        ({"v|neq": "a"}, "A", False),
        ({"v|neq": ["a", "b"]}, "b", False),
        ({"v|neq": 5}, 6, True),
        ({"v|neq": 5}, "5", False),
        ({"v|contains|neq": "a"}, "bad", False),
        ({"v|contains|neq": "a"}, "odd", True),
        ({"v|neq": "a"}, ["b", "a"], False),
        # `cased` holds wherever it stands, whatever else is made of the text
        ({"v|cased|contains": "adL"}, "Deadlock", False),
        ({"v|cased|windash": "-A"}, "/A", True),
        ({"v|cased|windash": "-A"}, "/a", False),
        ({"v|cased|base64": "a"}, "YQ==", True),
        ({"v|cased|base64": "a"}, "yq==", False),
        ({"v|base64": "a"}, "yq==", True),
        # expressions: a search, case-sensitive; flags
        ({"v|re": "d.a"}, "a deadlock", True),
        ({"v|re": "Dead"}, "deadlock", False),
        ({"v|re|i": "Dead"}, "deadlock", True),
        ({"v|re": "^b"}, "a\nb", False),
        ({"v|re|m": "^b"}, "a\nb", True),
        ({"v|re": "a.b"}, "a\nb", False),
        ({"v|re|s": "a.b"}, "a\nb", True),
        ({"v|re|i|m|s": "^B.c"}, "a\nb\nC", True),
        ({"v|re|i": "x|LOCK"}, "deadlock", True),
        ({"v|re": ["x", "k$"]}, "deadlock", True),
        ({"v|re|contains": "ea"}, "deadlock", True),
        ({"v|re|startswith": "d|x"}, "deadlock", True),
        ({"v|re|startswith": "e|a"}, "deadlock", False),
        ({"v|re|startswith|m": "b"}, "a\nb", False),
        ({"v|re|endswith": "k|x"}, "deadlock", True),
        ({"v|re|endswith": "c"}, "deadlock", False),
        ({"v|re|i|endswith": "K"}, "deadlock", True),
        ({"v|re|neq": "d.a"}, "deadlock", False),
        ({"v|re": r"^5$"}, 5.0, True),
        ({"v|re": r"^\d+$"}, 42, True),
        # is it there
        ({"v|exists": True}, "", True),
        ({"v|exists": True}, None, True),
        ({"v|exists": True}, [], True),
        ({"v|exists": True}, {"a": 1}, True),
        ({"v|exists": False}, None, False),
        ({"v|exists": False}, 0, False),
        ({"w|exists": True}, "x", False),
        ({"w|exists": False}, "x", True),
        ({"v.w|exists": True}, [{"x": 1}, {"w": None}], True),
        ({"v.w|exists": True}, [{"x": 1}], False),
        ({"v.w|exists": True}, "x", False),
        ({"v.w|exists": True}, {"w.x": 1}, False),
        ({"v.w.x|exists": True}, {"w.x": None}, True),
        ({'v."w.x"|exists': True}, {"w.x": None}, True),
        ({'v."w.x"|exists': True}, {"w": {"x": None}}, False),
        ({"v": None}, None, True),
        ({"v": None}, "", False),
        ({"v": None}, 0, False),
        ({"v": None}, False, False),
        ({"v": None}, [], False),
        ({"v": None}, {}, False),
        ({"v": None}, "null", False),
        ({"v.w": None}, [{"w": None}, {}], True),
        ({"v.w": None}, [{"w": None}, {"w": 1}], False),
        ({"v": [None, "x"]}, "x", True),
        ({"v": [None, "x"]}, "y", False),
        ({"v|neq": None}, "x", True),
        ({"v|neq": None}, None, False),
        ({"severity": None}, "x", False),
        ({"trace": None}, "x", True),
        ({"severity|exists": True}, "x", True),
        ({"trace|exists": True}, "x", False),
        ({"exception.type": None}, "x", True),
        # networks
        ({"v|cidr": "10.0.0.0/8"}, "10.1.2.3", True),
        ({"v|cidr": "10.0.0.0/8"}, " 11.1.2.3", False),
        ({"v|cidr": "10.0.0.0/8"}, "ten", False),
        ({"v|cidr": "10.0.0.0/8"}, "::1", False),
        ({"v|cidr": "2001:db8::/32"}, "2001:db8::1", True),
        ({"v|cidr": ["10.0.0.0/8", "192.0.2.0/24"]}, "192.0.2.255", True),
        ({"v|cidr": "192.0.2.0/24"}, "192.0.3.0", False),
        ({"v|cidr|neq": "10.0.0.0/8"}, "11.0.0.1", True),
        # numbers, also as text, and never a boolean
        ({"v": 500}, 500, True),
        ({"v": 500}, 500.0, True),
        ({"v": 500}, "500", True),
        ({"v": 500}, "5000", False),
        ({"v": 1}, True, False),
        ({"v": 1.5}, "1.5", True),
        ({"v": "500"}, 500, True),
        ({"v": "500"}, 500.0, True),
        ({"v": "5*"}, 500, True),
        ({"v": 500}, "5_00", False),
        ({"v": 500}, " 500", False),
        ({"v": 500}, "1" * 5000, False),
        ({"v": 9007199254740993}, 9007199254740993, True),
        ({"v": 9007199254740993}, 9007199254740992, False),
        ({"v": 9007199254740993}, "9007199254740993", True),
        ({"v": 9007199254740993}, "9007199254740992", False),
        ({"v": -1.5}, "-1.50", True),
        ({"v": 1500}, "1.5e3", True),
        ({"v": [1, 2]}, 2, True),
        ({"v": "1e+22"}, 1e22, True),
        ({"v|lt": 5}, 4, True),
        ({"v|lt": 5}, 5, False),
        ({"v|lte": 5}, 5, True),
        ({"v|lte": 5}, "6", False),
        ({"v|gt": 5}, "5.5", True),
        ({"v|gt": 5}, 5, False),
        ({"v|gte": 5}, 5, True),
        ({"v|gte": 5}, "many", False),
        ({"v|gte": 5}, "NaN", False),
        ({"v|gte": 5}, "inf", False),
        ({"v|gte": 5}, {"a": 6}, False),
        ({"v|gt": 9007199254740992}, 9007199254740993, True),
        ({"v|gt": 5, "v|lt": 7}, 6, True),
        ({"v|gt": 5, "v|lt": 7}, 7, False),
        # parts of a time, as it is written
        ({"v|minute": 34}, "2025-09-10T12:34:56Z", True),
        ({"v|hour": 12}, "2025-09-10T12:34:56.123456789Z", True),
        ({"v|hour": 12}, "2025-09-10T12:34:56+02:00", True),
        ({"v|hour": 10}, "2025-09-10T12:34:56+02:00", False),
        ({"v|hour": 12}, "2025/09/10 12:34:56,5", True),
        ({"v|day": 10}, "2025-09-10", True),
        ({"v|week": 37}, "2025-09-10T00:00:00Z", True),
        ({"v|week": 1}, "2025-12-29T00:00:00Z", True),
        ({"v|month": [8, 9]}, "2025-09-10T00:00:00Z", True),
        ({"v|month": 8}, "2025-09-10T00:00:00Z", False),
        ({"v|year": 2025}, "2025-09-10T00:00:00Z", True),
        ({"v|year": 2025}, "some day in 2025", False),
        ({"v|year": 2025}, 2025, False),
        ({"v|year|neq": 2025}, "2024-09-10T00:00:00Z", True),
        ({"v|hour|gte": 22}, "2025-09-10T23:00:00Z", True),
        ({"v|hour|gte": 22}, "2025-09-10T21:59:59Z", False),
        ({"v|hour|lt": 6}, "no time", False),
        ({"timestamp|year": 2025}, "x", True),
        ({"v|gt": 5}, True, False),
        # booleans
        ({"v": True}, True, True),
        ({"v": True}, "True", True),
        ({"v": True}, 1, False),
        ({"v": False}, False, True),
        ({"v": "true"}, True, True),
        ({"v": "True"}, True, True),
        ({"v": "1"}, True, False),
        ({"v": False}, None, False),
        # encodings; base64 of "Password" and of "xPassword"
        ({"v|base64": "Password"}, "UGFzc3dvcmQ=", True),
        ({"v|base64": "Password"}, "UGFzc3dvcmQ", False),
        ({"v|base64offset|contains": "Password"}, "eFBhc3N3b3Jk", True),
        ({"v|base64offset|contains": "Password"}, "eFBhc3M=", False),
        ({"v|wide|base64": "a"}, "YQA=", True),
        ({"v|utf16|base64": "a"}, "//5hAA==", True),
        ({"v|utf16": "a"}, "\ufeffa\0", True),
        ({"v|utf16le|base64": "a"}, "YQA=", True),
        ({"v|utf16be|base64": "a"}, "AGE=", True),
        ({"v|wide|base64offset|contains": "ab"}, "eGEAYgB4", True),
        ({"v|utf16le": "a"}, "a\0", True),
        ({"v|utf16be": "a"}, "\0a", True),
        ({"v|windash": "ls -l"}, "ls /l", True),
        ({"v|windash": "ls -l"}, "ls +l", False),
        ({"v|windash|contains": "-l"}, "ls \u2013l now", True),
        ({"v|windash|contains|all": ["-a", "-b"]}, "/a /b", True),
        ({"v|windash|contains|all": ["-a", "-b"]}, "/a", False),
        ({"v|windash": "ls /l"}, "ls -l", True),
        ({"v|windash": "ls \u2013l"}, "ls -l", True),
        ({"v|windash": "ls \u2014l"}, "ls \u2015l", True),
        ({"v|windash": "a-b"}, "a/b", False),
        # another field of the same entry
        ({"v|fieldref": "severity"}, "error", True),
        ({"v|fieldref": "severity"}, "warning", False),
        ({"v|fieldref": "nowhere"}, "x", False),
        ({"v|fieldref|startswith": "severity"}, "Error: x", True),
        ({"v|fieldref|endswith": "severity"}, "an error", True),
        ({"v|fieldref|contains": "severity"}, "an error!", True),
        ({"v|fieldref|contains": "severity"}, "a warning", False),
        ({"v|fieldref|neq": "severity"}, "warning", True),
        ({"v|fieldref|neq": "severity"}, "ERROR", False),
        ({"v|fieldref": ["nowhere", "severity"]}, "error", True),
        ({"v.a|fieldref": "v.b"}, {"a": 5.0, "b": "5"}, True),
        ({"v.a|fieldref": "v.b"}, {"a": {"x": 1}, "b": {"x": 1}}, False),
        # several values: any of them
        ({"v": "b"}, ["a", "b"], True),
        ({"v|re": "^b"}, ["a", "bc"], True),
        ({"v|gt": 5}, [1, 9], True),
        ({"v|contains|all": ["a", "b"]}, ["a", "b"], True),
        ({"v.w": "b"}, [{"w": "a"}, {"w": "b"}], True),
        ({"v": "c"}, ["a", "b"], False),
        ({"v": "b"}, [["a"], ["b"]], True),
        ({"v.w.x": 2}, [{"w": [{"x": 1}, {"x": 2}]}], True),
        ({"v|cidr": "10.0.0.0/8"}, ["::1", "10.0.0.1"], True),
        ({"v|year": 2025}, ["x", "2025-09-10T00:00:00Z"], True),
        # an object is no value, what it holds is
        ({"v|contains": "x"}, {"x": "x"}, False),
        ({"v|re": "x"}, {"x": "x"}, False),
        ({"v.x": "x"}, {"x": "x"}, True),
        # a field that is not there
        ({"w": "x"}, "x", False),
        ({"w|neq": "x"}, "x", True),
        ({"w": None}, "x", True),
    ],
)
def test_a_detection_item(item: dict[str, Any], value: object, expected: bool) -> None:  # noqa: FBT001 - a table
    """Each modifier and each kind of value means what Sigma says."""
    assert sees(item, value) is expected


TEXTS = ("-", "x", "y", "z", "xy", "xz", "yz", "xyz")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a1", "x xy xz xyz"),
        ("a1 and a2", "xy xyz"),
        ("a1 or b", "x z xy xz yz xyz"),
        ("not b", "- x y xy"),
        ("a1 and not b", "x xy"),
        ("not a1 and not a2", "- z"),
        ("a1 and b or a2", "y xy xz yz xyz"),
        ("a1 and (b or a2)", "xy xz xyz"),
        ("not (a1 or b)", "- y"),
        ("1 of a*", "x y xy xz yz xyz"),
        ("any of a*", "x y xy xz yz xyz"),
        ("all of a*", "xy xyz"),
        ("1 of them", "x y z xy xz yz xyz"),
        ("all of them", "xyz"),
        ("not 1 of them", "-"),
        (["b", "a1 and a2"], "z xy xz yz xyz"),
    ],
)
def test_a_condition(condition: str | list[str], expected: str) -> None:
    """Connectives and quantifiers over x (a1), y (a2), z (b); of several conditions one holds."""
    detections = {
        "a1": {"message|contains": "x"},
        "a2": {"message|contains": "y"},
        "b": {"message|contains": "z"},
    }
    held = [text for text in TEXTS if captures(detections, entry(text), condition) is not None]
    assert " ".join(held) == expected


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        (["disk", "deadlock"], True),
        (["dead*ed"], True),
        (["disk"], False),
        (["backend"], True),
        ([42], True),
        ([43], False),
        ([17], True),
        ([2.0], True),
        ([True], True),
        ({"|re": "^a deadlock"}, True),
        ({"|re|i": "^A DEAD"}, True),
        ({"|contains": "dead"}, True),
        ({"|gt": 41}, True),
        ({"|gt": 42}, False),
        ({"|cidr": "10.0.0.0/8"}, True),
        ({"|neq": "deadlock"}, False),
        ({"|neq": "disk"}, True),
        ("dead?ock", True),
        (r"dead\?ock", False),
        (["text"], False),
        ({"|all": ["deadlock", "backend"]}, True),
        ({"|all": ["deadlock", "disk"]}, False),
        ({"|re": "dead.ock"}, True),
        ({"|cased": "Deadlock"}, False),
        ({"|windash": "-force"}, True),
        ({"|base64offset": "Password"}, False),
    ],
)
def test_a_keyword_is_searched_in_every_value(keywords: object, expected: bool) -> None:  # noqa: FBT001 - a table
    """Keywords have no field: text anywhere in the entry, at any depth, whatever its case."""
    logged = entry(
        jsonPayload={
            "deep": [{"text": "a deadlock detected /force"}, None],
            "n": 42,
            "b": True,
            "took": "took 17 ms of 2 s",
            "address": "10.1.2.3",
        }
    )
    assert (captures({"seen": keywords}, logged) is not None) is expected


def test_alternatives_are_lists_of_mappings() -> None:
    """A list is OR, a mapping AND."""
    alternatives = {"seen": [{"message": "a", "service": "backend"}, {"message": "b"}, ["only c"]]}
    assert captures(alternatives, entry("a")) is not None
    assert captures(alternatives, entry("a", service="auth")) is None
    assert captures(alternatives, entry("b", service="auth")) is not None
    assert captures(alternatives, entry("only c")) is not None


TRACEBACK = """\
Traceback (most recent call last):
  File "/app/db.py", line 3, in connect
    raise OperationalError("no socket")
sqlalchemy.exc.OperationalError: no socket"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("message", (TRACEBACK,)),
        ("severity", ("ERROR", 500)),
        ("service", ("backend",)),
        ("revision", ("backend-00001-abc",)),
        ("instance", ()),
        ("project", ("demo",)),
        ("trace", ("f00",)),
        ("resource.labels.service_name", ("backend",)),
        ("labels.run.googleapis.com/x", ("1",)),
        ("textPayload", (TRACEBACK,)),
        ("user", ()),
    ],
)
def test_named_fields_and_dotted_paths(name: str, expected: tuple[object, ...]) -> None:
    """Names that fivewhys gives to parts of an entry, then any path of the LogEntry."""
    logged = entry(
        TRACEBACK, trace="projects/demo/traces/f00", labels={"run.googleapis.com/x": "1"}
    )
    assert field_getter(name)(logged) == expected


def test_the_parts_of_an_exception_are_fields() -> None:
    """A traceback in the message is read; an entry without one has none of these fields."""
    logged = entry(TRACEBACK)
    assert field_getter("exception.message")(logged) == ("no socket",)
    (kind,) = field_getter("exception.type")(logged)
    (module,) = field_getter("exception.module")(logged)
    assert str(kind).endswith("OperationalError")
    assert module == "sqlalchemy.exc"
    assert (
        field_getter("exception.module")(entry("Traceback (most recent call last):\nKeyError: 1"))
        == ()
    )
    assert field_getter("exception.frames")(logged) == ("/app/db.py:3 in connect",)
    for part in ("type", "message", "module", "frames"):
        assert field_getter(f"exception.{part}")(entry("all is well")) == ()


def test_a_path_is_looked_up_in_the_entry_then_in_the_payload_then_in_the_taxonomy() -> None:
    """So that rules written for the payload, or for Sigma's GCP taxonomy, run unchanged."""
    logged = entry(
        jsonPayload={
            "user": "u",
            "severity": "mine",
            "data": {"user": "inner"},
            "labels": {"a": 1},
        },
        labels={"a": "outer"},
    )
    assert field_getter("user")(logged) == ("u",)
    assert field_getter("labels.a")(logged) == ("outer",)
    assert field_getter("jsonPayload.severity")(logged) == ("mine",)
    assert field_getter("data.user")(logged) == ("inner",)
    audit = entry(protoPayload={"methodName": "m", "resourceName": "r", "serviceName": "s"})
    assert field_getter("gcp.audit.method_name")(audit) == ("m",)
    assert field_getter("gcp.audit.resource_name")(audit) == ("r",)
    assert field_getter("gcp.audit.service_name")(audit) == ("s",)
    assert field_getter("data.protoPayload.methodName")(audit) == ("m",)


AUDIT_LOG = {
    "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
    "serviceName": "compute.googleapis.com",
    "methodName": "v1.compute.firewalls.insert",
    "resourceName": "projects/demo/global/firewalls/ssh",
    "authenticationInfo": {"principalEmail": "ann@example.com"},
    "authorizationInfo": [
        {"permission": "compute.firewalls.create", "granted": True},
        {"permission": "compute.networks.updatePolicy", "granted": False},
    ],
    "request": {"sourceRanges": ["0.0.0.0/0"], "alloweds": [{"ports": ["22"]}], "raw_name": "r"},
    "metadata": {"event": [{"eventName": "ADD_GROUP_MEMBER"}]},
}


@pytest.mark.parametrize(
    "payload",
    [
        {"protoPayload": AUDIT_LOG},
        {"jsonPayload": AUDIT_LOG},
        {"jsonPayload": {"protoPayload": AUDIT_LOG}},
    ],
    ids=["protoPayload", "jsonPayload", "protoPayload in jsonPayload"],
)
@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        ({"gcp.audit.method_name|endswith": ".firewalls.insert"}, True),
        ({"gcp.audit.method_name": "v*.Compute.Firewalls.Insert"}, True),
        ({"gcp.audit.method_name": "v*.Compute.Firewalls.Delete"}, False),
        ({"gcp.audit.service_name": "compute.googleapis.com"}, True),
        ({"gcp.audit.resource_name|contains": "/firewalls/"}, True),
        ({"gcp.audit.authentication_info.principal_email": "ann@example.com"}, True),
        ({"gcp.audit.request.source_ranges": "0.0.0.0/0"}, True),
        ({"gcp.audit.request.alloweds.ports": 22}, True),
        ({"gcp.audit.request.raw_name": "r"}, True),
        ({"data.protoPayload.serviceName": "compute.googleapis.com"}, True),
        ({"data.protoPayload.authorizationInfo.permission": "compute.firewalls.create"}, True),
        ({"data.protoPayload.authorizationInfo.granted": "true"}, True),
        ({"data.protoPayload.request.alloweds.ports|contains": "2"}, True),
        ({"protoPayload.methodName|startswith": "v1.compute"}, True),
        ({"data.protoPayload.resource.type": "k8s_cluster"}, True),
        ({"data.protoPayload.logName": "cloudaudit.googleapis.com/activity"}, True),
        ({"data.protoPayload.logName": "cloudaudit.googleapis.com%2Factivity"}, True),
        ({"data.protoPayload.logName": "cloudaudit.googleapis.com"}, False),
        ({"eventService": "compute.googleapis.com", "eventName": "add_group_member"}, True),
        ({"gcp.audit.status.code": None}, True),
        ({"gcp.audit.method_name": None}, False),
        ({"gcp.audit.method_name|exists": True}, True),
    ],
)
def test_published_rules_read_audit_logs(
    payload: dict[str, Any],
    detection: dict[str, Any],
    expected: bool,  # noqa: FBT001 - a table
) -> None:
    """Under every name that public rules have for the parts of an AuditLog, wherever it stands."""
    logged = entry(
        logName="projects/demo/logs/cloudaudit.googleapis.com%2Factivity",
        resource={"type": "k8s_cluster", "labels": {}},
        **payload,
    )
    assert (captures({"seen": detection}, logged) is not None) is expected


RULES = Path(__file__).parents[1] / "rules"
SHIPPED = [
    (path.name, path.read_text(encoding="utf-8"))
    for path in sorted(RULES.rglob("*.yml"))
    if not path.name.endswith(".test.yml")
]


def test_a_formatters_placeholder_is_no_error() -> None:
    """An INFO line whose `error` was filled in because it had none raises nothing."""
    filled_in = {"type": "str", "message": "Missing field", "severity": "ERROR"}
    rules = load_ruleset(SHIPPED).rules.values()
    for payload in (
        {"message": "request served", "error": filled_in},
        {"error": filled_in},
        {"message": "", "error": filled_in, "context": {"error": filled_in}},
    ):
        logged = entry(severity="INFO", jsonPayload=payload)
        assert [rule.name for rule in rules if compile_rule(rule)(logged) is not None] == []


def test_every_value_leaves_out_nulls_and_keys() -> None:
    """Scalars at any depth."""
    assert sorted(map(str, every_value({"a": [1, {"b": "x"}, None], "c": False}))) == [
        "1",
        "False",
        "x",
    ]


@pytest.mark.parametrize(
    ("detections", "condition", "expected"),
    [
        ({"a": {"message|re": "id=(?P<id>\\d+)"}}, "a", {"id": "7"}),
        ({"a": {"message|re": "id=(?P<id>\\d+)|(?P<other>x)"}}, "a", {"id": "7"}),
        (
            {"a": {"message|re": "id=(?P<id>\\d+)"}, "b": {"message|re": "user (?P<user>\\w+)"}},
            "a and b",
            {"id": "7", "user": "ann"},
        ),
        (
            {"a": {"message|re": "id=(?P<id>\\d+)"}, "b": {"message|re": "user (?P<user>\\w+)"}},
            "a or b",
            {"id": "7"},
        ),
        (  # the branch that fails half-way leaves nothing behind
            {
                "a": {"message|re": "id=(?P<id>\\d+)", "service": "auth"},
                "b": {"message|re": "user (?P<user>\\w+)"},
            },
            "a or b",
            {"user": "ann"},
        ),
        (  # nor does what was refuted
            {
                "a": {"message|re": "id=(?P<id>\\d+)", "service": "auth"},
                "b": {"message|re": "user (?P<user>\\w+)"},
            },
            "b and not a",
            {"user": "ann"},
        ),
        ({"a": {"message|re": ["(?P<no>zzz)", "user (?P<user>\\w+)"]}}, "a", {"user": "ann"}),
        ({"a": {"|re": "(?P<found>id=\\d)"}}, "a", {"found": "id=7"}),
    ],
)
def test_named_groups_become_captures(
    detections: dict[str, Any], condition: str, expected: dict[str, str]
) -> None:
    """Only what took part in the match is captured."""
    assert captures(detections, entry("user ann id=7"), condition) == expected


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("(?i)no session left", "NO SESSION left", {}),
        ("(?i)no session left", "no \u017fe\u017f\u017fion left", {}),
        ("no (?P<what>session|socket)s? left", "there is no socket left", {"what": "socket"}),
        ("no (?P<what>session|socket)s? left", "there is no pipe left", None),
        ("no (?P<what>session|socket)s? left", "", None),
        ("(?P<a>.)?x", "yx", {"a": "y"}),
        ("^$", "", None),
    ],
)
def test_an_expression_says_the_same_however_often_it_is_tried(
    expression: str, text: str, expected: dict[str, str] | None
) -> None:
    """From some time on it is only tried where the words stand that it requires."""
    detection = f"  a: {{message|re: '{expression}'}}\n  condition: a\n"
    match = compile_rule(ruleset(f"{HEAD}{detection}").rules["t"])
    logged = [entry(text), entry("something else")]
    found = [[match(one) for one in logged] for _ in range(SEVERAL + 2)]
    assert found == [[expected, None]] * (SEVERAL + 2)


def test_a_rule_is_compiled_once() -> None:
    """It is checked, and several threads examine by it; of two that are alike each has its own."""
    (rule,) = ruleset(rule_text("a", "x")).rules.values()
    assert compile_rule(rule) is compile_rule(rule)
    assert compile_rule(rule) is not compile_rule(replace(rule, name="b"))


@given(st.text(st.sampled_from("ab*?\\.+é% ")))
def test_an_expression_is_what_pysigma_takes_it_for(text: str) -> None:
    """With all signs that are wildcards in a text, and backslashes before them."""
    with suppress(RuleError):
        quoted = yaml.safe_dump(text, default_style='"')
        (rule,) = ruleset(f"{HEAD}  a: {{message|re: {quoted}}}\n  condition: a\n").rules.values()
        (condition,) = rule.conditions
        assert condition.value == SigmaRegularExpression(text)
        assert str(condition.value.regexp) == condition.value.to_plain() == text


@pytest.mark.parametrize(
    ("item", "line", "message"),
    [
        ({"v|expand": "%admins%"}, 7, "the placeholder %admins% is filled by no setting"),
        ({"v|re|expand": "x%admins%"}, 7, "the placeholder %admins% is filled by no setting"),
        ({"v|hour": 5.5}, 7, "5.5 is no whole number"),
        ([None], 6, "null is no keyword; name the field that is missing"),
        (["a", None], 6, "null is no keyword"),
        ({"|fieldref": "service"}, 7, "a reference to a field needs a field to compare it with"),
        ({"|hour": 5}, 7, "a part of a time needs the field that holds the time"),
        ([], 6, "'' has no value; write null"),
        ({"v|utf7": "a"}, 7, "Unknown modifier 'utf7'"),
        ({"v": "a\\*b*c?" + "(x)" * 400_000 + "*?"}, 1, "pattern too large"),
    ],
)
def test_what_cannot_be_evaluated_is_an_error_with_its_place(
    item: object, line: int, message: str
) -> None:
    """No rule is quietly weaker than it reads."""
    with pytest.raises(RuleError) as caught:
        captures({"seen": item}, entry("x"))
    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.line) == ("rule-0.yml", line)
    assert message in mistake.message


@pytest.mark.parametrize(
    "item",
    [
        {"message|re": r"(a+)+$"},
        {"message|re": r"^(a|aa)*b"},
        {"message|re": r"(.*a){20}b"},
        {"message|contains": "a*a*a*a*a*b"},
        {"message": "*a?a?a*b"},
    ],
)
def test_no_text_stalls_an_expression(item: dict[str, str]) -> None:
    """What makes a backtracking engine take years is over at once."""
    logged = entry("a" * 262_144 + "!")
    assert captures({"seen": item}, logged) is None


def test_half_characters_and_deep_tracebacks_are_text_like_any_other() -> None:
    """Whatever is in a log, matching returns."""
    half = LogEntry(
        {"textPayload": "a \ud800 deadlock", "jsonPayload": {"v": "x\udfffy"}, "timestamp": ISO}
    )
    assert captures({"seen": {"message|re": "dead(?P<x>.*)"}}, half) == {"x": "lock"}
    assert captures({"seen": {"v": "x*y"}}, half) == {}
    assert captures({"seen": {"v|contains": "Y"}}, half) == {}
    frames = "".join(f'  File "/app/f{n}.py", line {n}, in f\n    g()\n' for n in range(1, 5001))
    deep = entry(f"Traceback (most recent call last):\n{frames}RecursionError: too deep")
    found = captures(
        {"seen": {"exception.type": "RecursionError", "exception.frames|contains": "f5000"}}, deep
    )
    assert found == {}


@given(st.text(), st.text(), st.text(st.characters(codec="utf-8", exclude_characters="*?\\")))
def test_a_text_contains_each_of_its_parts(before: str, after: str, wanted: str) -> None:
    """`contains` finds a text wherever it stands, whatever comes before and after it."""
    test = {"seen": {"jsonPayload.v|contains": wanted}}
    assert captures(test, entry(jsonPayload={"v": f"{before}{wanted}{after}"})) is not None


@given(st.text(st.characters(codec="ascii", exclude_characters="*?\\")))
def test_case_says_nothing(wanted: str) -> None:
    """A text equals itself in other letters, and does not when it is `cased`."""
    logged = entry(jsonPayload={"v": wanted.swapcase()})
    assert captures({"seen": {"jsonPayload.v": wanted}}, logged) is not None
    cased = captures({"seen": {"jsonPayload.v|cased": wanted}}, logged) is not None
    assert cased is (wanted == wanted.swapcase())


LOUDEST = {"ERROR", "CRITICAL", "ALERT", "EMERGENCY"}
EVERY = set(Severity.__members__)


@pytest.mark.parametrize(
    ("detections", "condition", "expected"),
    [
        ({"a": {"severity": "ERROR"}}, "a", {"ERROR"}),
        ({"a": {"severity": ["error", 400]}}, "a", {"ERROR", "WARNING"}),
        ({"a": {"severity|gte": 500}}, "a", LOUDEST),
        ({"a": {"severity|gte": 500}}, "not a", EVERY - LOUDEST),
        ({"a": {"severity|gte": 500, "message": "x"}}, "a", LOUDEST),
        ({"a": {"severity|gte": 500, "message": "x"}}, "not a", EVERY),
        ({"a": {"severity|gte": 500}, "b": {"severity": "CRITICAL"}}, "a and not b",
         LOUDEST - {"CRITICAL"}),
        ({"a": {"severity|gte": 500}, "b": {"severity": "DEFAULT"}}, "a or b",
         LOUDEST | {"DEFAULT"}),
        ({"a": {"severity|gte": 500}, "b": {"message": "x"}}, "a or b", EVERY),
        ({"a": {"severity|gte": 500}, "b": {"message": "x"}}, "not (a or b)", EVERY - LOUDEST),
        ({"a": {"severity|re": "^E.*R$"}, "b": {"message": "x"}}, "a and not b", {"ERROR"}),
        ({"a": {"severity|windash|contains": "-"}}, "a", set()),
        ({"a": {"severity": None}}, "a", set()),
        ({"a": {"severity|fieldref": "level"}}, "a", EVERY),
        ({"a": ["ERROR"]}, "a", EVERY),
        ({"a": {"jsonPayload.severity": "ERROR"}}, "a", EVERY),
        ({"a": {"severity|gte": 500}}, ["a", "not a"], EVERY),
    ],
)  # fmt: skip
def test_the_severities_that_a_rule_may_match(
    detections: dict[str, Any], condition: str | list[str], expected: set[str]
) -> None:
    """No entry of another one matches, whatever else it says."""
    rule = {
        "title": "t",
        "name": "r",
        "logsource": {"product": "gcp"},
        "detection": {**detections, "condition": condition},
    }
    made = ruleset(yaml.safe_dump(rule, sort_keys=False)).rules["r"]
    assert {severity.name for severity in severities_of(made)} == expected
    for severity in EVERY - expected:
        for text in ("x", "y"):
            one = entry(text, severity=severity, jsonPayload={"level": severity})
            assert compile_rule(made)(one) is None
