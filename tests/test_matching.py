"""Conditions over an entry; expected values are worked out from the Sigma specification 2.1."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import LogEntry
from pipeline.errors import RuleError
from pipeline.matching import compile_rule, every_value, field_getter
from tests.support import entry, ruleset

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
        ({"v|re": r"^\d+$"}, 42, True),
        # is it there
        ({"v|exists": True}, "", True),
        ({"v|exists": True}, None, False),
        ({"v|exists": False}, None, True),
        ({"v|exists": False}, 0, False),
        ({"v": None}, None, True),
        ({"v": None}, "", False),
        # networks
        ({"v|cidr": "10.0.0.0/8"}, "10.1.2.3", True),
        ({"v|cidr": "10.0.0.0/8"}, " 11.1.2.3", False),
        ({"v|cidr": "10.0.0.0/8"}, "ten", False),
        ({"v|cidr": "10.0.0.0/8"}, "::1", False),
        ({"v|cidr": "2001:db8::/32"}, "2001:db8::1", True),
        # numbers, also as text, and never a boolean
        ({"v": 500}, 500, True),
        ({"v": 500}, 500.0, True),
        ({"v": 500}, "500", True),
        ({"v": 500}, "5000", False),
        ({"v": 1}, True, False),
        ({"v": 1.5}, "1.5", True),
        ({"v": "500"}, 500, True),
        ({"v|lt": 5}, 4, True),
        ({"v|lt": 5}, 5, False),
        ({"v|lte": 5}, 5, True),
        ({"v|lte": 5}, "6", False),
        ({"v|gt": 5}, "5.5", True),
        ({"v|gt": 5}, 5, False),
        ({"v|gte": 5}, 5, True),
        ({"v|gte": 5}, "many", False),
        ({"v|gte": 5}, "NaN", False),
        ({"v|gt": 5}, True, False),
        # booleans
        ({"v": True}, True, True),
        ({"v": True}, "True", True),
        ({"v": True}, 1, False),
        ({"v": False}, False, True),
        ({"v": "true"}, True, True),
        # encodings; base64 of "Password" and of "xPassword"
        ({"v|base64": "Password"}, "UGFzc3dvcmQ=", True),
        ({"v|base64": "Password"}, "UGFzc3dvcmQ", False),
        ({"v|base64offset|contains": "Password"}, "eFBhc3N3b3Jk", True),
        ({"v|base64offset|contains": "Password"}, "eFBhc3M=", False),
        ({"v|wide|base64": "a"}, "YQA=", True),
        ({"v|utf16|base64": "a"}, "//5hAA==", True),
        ({"v|utf16": "a"}, "\ufeffa\0", True),
        ({"v|windash": "ls -l"}, "ls /l", True),
        ({"v|windash": "ls -l"}, "ls +l", False),
        ({"v|windash|contains": "-l"}, "ls \u2013l now", True),
        ({"v|windash|contains|all": ["-a", "-b"]}, "/a /b", True),
        ({"v|windash|contains|all": ["-a", "-b"]}, "/a", False),
        # another field of the same entry
        ({"v|fieldref": "severity"}, "error", True),
        ({"v|fieldref": "severity"}, "warning", False),
        ({"v|fieldref": "nowhere"}, "x", False),
        ({"v|fieldref|startswith": "severity"}, "Error: x", True),
        ({"v|fieldref|endswith": "severity"}, "an error", True),
        ({"v|fieldref|contains": "severity"}, "an error!", True),
        ({"v|fieldref|contains": "severity"}, "a warning", False),
        # several values: any of them
        ({"v": "b"}, ["a", "b"], True),
        ({"v|re": "^b"}, ["a", "bc"], True),
        ({"v|gt": 5}, [1, 9], True),
        ({"v|contains|all": ["a", "b"]}, ["a", "b"], True),
        ({"v.w": "b"}, [{"w": "a"}, {"w": "b"}], True),
        ({"v": "c"}, ["a", "b"], False),
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
        ([True], True),
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
        jsonPayload={"deep": [{"text": "a deadlock detected /force"}, None], "n": 42, "b": True}
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
    ("item", "message"),
    [
        ({"v|expand": "%admins%"}, "the placeholder in '%admins%' is filled by no setting"),
        ({"v|re|expand": "x%admins%"}, "the placeholder in 'x%admins%' is filled by no setting"),
        ({"v|hour": 5}, "values of the kind SigmaTimestampPart are not supported"),
        ([None], "values of the kind SigmaNull are not supported"),
        ({"|fieldref": "service"}, "values of the kind SigmaFieldReference are not supported"),
        ([], "Null value must be bound to a field"),
        ({"v": "a\\*b*c?" + "(x)" * 400_000 + "*?"}, "pattern too large"),
    ],
)
def test_what_cannot_be_evaluated_is_an_error_with_its_place(item: object, message: str) -> None:
    """No rule is quietly weaker than it reads."""
    with pytest.raises(RuleError) as caught:
        captures({"seen": item}, entry("x"))
    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.line) == ("rule-0.yml", 1)
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


@given(st.text(), st.text(), st.text(st.characters(exclude_characters="*?\\")))
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
