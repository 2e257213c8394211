"""The effective severity: the entry's own, else the level that its payload or text gives."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import LogEntry, Severity, parse_entry

LEVELS = st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
PROSE = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


def severity(**fields: object) -> Severity:
    """Return the effective severity of an entry with these fields."""
    [entry] = parse_entry({"insertId": "a", "timestamp": "2025-09-10T00:33:54Z", **fields})
    return entry.severity


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ERROR", Severity.ERROR),
        ("error", Severity.ERROR),
        (" Warn ", Severity.WARNING),
        ("fatal", Severity.CRITICAL),
        ("600", Severity.CRITICAL),
        (500, Severity.ERROR),
        (700.0, Severity.ALERT),
        (0, Severity.DEFAULT),
        (450, Severity.DEFAULT),
        ("BOGUS", Severity.DEFAULT),
        ("9999", Severity.DEFAULT),
        (True, Severity.DEFAULT),
        (None, Severity.DEFAULT),
        ([], Severity.DEFAULT),
    ],
)
def test_a_severity_may_be_a_word_or_a_number(value: object, expected: Severity) -> None:
    """Words in any case and Cloud Logging's numbers are read; all else is DEFAULT."""
    assert severity(severity=value) is expected


def test_a_severity_that_arrives_as_a_number_is_a_word_in_the_document() -> None:
    """The canonical form carries the name."""
    [entry] = parse_entry({"insertId": "a", "severity": 400})
    assert entry.document["severity"] == "WARNING"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[2025-09-16 01:40:53 +0000] [1] [ERROR] Exception in worker process", "ERROR"),
        ("2025-09-03 10:00:00.123 | ERROR    | app.db:load:12 - no rows", "ERROR"),
        ("\x1b[32m2025-09-03 10:00:00\x1b[0m | \x1b[31m\x1b[1mERROR  \x1b[0m | a:b:1 - x", "ERROR"),
        ("2025-09-07 13:20:45 - app - WARNING - slow", "WARNING"),
        ("2025-09-07 13:20:45,123 - app.two words - CRITICAL - gone", "CRITICAL"),
        ("E0910 00:33:54.123456       1 file.go:12] gone", "ERROR"),
        ("I0910 00:33:54.123456 1 file.go:12] fine", "INFO"),
        ("W0910 00:33:54.123456 1 file.go:12] odd", "WARNING"),
        ("F0910 00:33:54.123456 1 file.go:12] over", "CRITICAL"),
        ("ERROR: gone", "ERROR"),
        ("WARNING:root:odd", "WARNING"),
        ("INFO:     Started server process [1]", "INFO"),
        ("warn - odd", "WARNING"),
        ("[error] gone", "ERROR"),
        ("[2025-09-10 00:00:00,123] ERROR in app: Exception on /login [POST]", "ERROR"),
        ("2025/09/10 00:33:54 [error] 12#12: *1 connect() failed", "ERROR"),
        ("2025-09-10 00:33:54.123 UTC [123] FATAL:  too many clients", "CRITICAL"),
        ("2025-09-10 00:33:54 UTC [123]: [1-1] db=main,user=app ERROR:  deadlock", "ERROR"),
        ("[7]: [12-1] db=main,user=app LOG:  checkpoint starting: time", "INFO"),
        ("2025-09-10 00:33:54.890 DEBUG 1 --- [exec-18] o.s.web.Servlet : done", "DEBUG"),
        ("2025-09-10T00:33:54Z ERROR gone", "ERROR"),
        ("[2025-09-10 00:33:54,123: WARNING/ForkPoolWorker-2] odd", "WARNING"),
        ("INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.", "INFO"),
        ("level=warn msg=odd", "WARNING"),
        ("2025-09-10 00:33:54 [info     ] fine        [shop] left=3", "INFO"),  # structlog
        ("2025-09-10T00:33:54.123456Z [warning  ] odd", "WARNING"),
        ("[error    ] gone", "ERROR"),
        ("00:33:54.123 [main] WARN  com.example.Shop - odd", "WARNING"),  # Logback
        ("2025-09-10 00:33:54.123 [http-nio-8080-exec-1] ERROR com.example.Shop - gone", "ERROR"),
        ("2025-09-10T00:33:54.123Z\tINFO\tshop/load.go:12\tfine", "INFO"),  # zap
        ("2025-09-10T00:33:54.123+0000\twarn\tshop/load.go:12\todd", "WARNING"),
        ("[00:33:54.123] INFO (1): fine", "INFO"),  # pino-pretty
        ("[00:33:54] ERROR    gone", "ERROR"),  # rich
        ('::1 - ada [10/Sep/2025:00:33:54 +0000] "GET /?e=ERROR: x HTTP/1.1" 500 2', "INFO"),
        ('time="2025-09-10T00:33:54Z" level=info msg="ERROR: not mine"', "INFO"),
    ],
)
def test_the_level_is_found_in_each_layout_of_a_logger(text: str, expected: str) -> None:
    """An entry without a severity, or with DEFAULT, has the level that its text begins with."""
    assert severity(textPayload=text) is Severity[expected]
    assert severity(textPayload=text, severity="DEFAULT") is Severity[expected]
    assert severity(jsonPayload={"message": text}) is Severity[expected]


@pytest.mark.parametrize(
    "text",
    [
        "all fine, no WARNING: here",
        "2 tests, FAIL: 0",
        "2025-09-10 00:33:54 error occurred in the past",
        "Errors: 0",
        "log: of wood",
        "[1-1] ERROR: x",
        "  fatal: true",
        "    err: {",
        "00:33:54 error occurred",
        "00:33:54 [a] [b] ERROR x",
        "2025-09-10 00:33:54 [main] error of old",
        "2025-09-10 00:33:54\terror of old",
        '::1 - ada [10 Sep 2025] "ERROR: x"',
        "",
    ],
)
def test_a_level_word_that_is_no_level_does_not_count(text: str) -> None:
    """A word in the middle of a line, or in prose, says nothing about the line."""
    assert severity(textPayload=text) is Severity.DEFAULT


@given(LEVELS, PROSE, LEVELS)
def test_only_the_first_level_of_a_line_counts(own: str, prose: str, quoted: str) -> None:
    """Whatever a line talks about, its level is the one that its logger wrote at the beginning."""
    line = f"2025-09-07 13:20:45 - app - {own} - {prose} {quoted}: failed"
    assert severity(textPayload=line) is Severity[own]


def test_the_severity_of_the_entry_beats_the_words_of_its_text() -> None:
    """An INFO entry stays INFO, whatever its text says."""
    assert severity(severity="INFO", textPayload="WARNING: FAIL: not mine") is Severity.INFO


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"level": "error"}, Severity.ERROR),
        ({"severity": "WARNING"}, Severity.WARNING),
        ({"levelname": "CRITICAL"}, Severity.CRITICAL),
        ({"level": 50}, Severity.ERROR),
        ({"level": 30}, Severity.INFO),
        ({"level": 30.0}, Severity.INFO),
        ({"level": 35}, Severity.DEFAULT),
        ({"level": True}, Severity.DEFAULT),
        ({"level": "bogus"}, Severity.DEFAULT),
        ({"levelno": 30}, Severity.WARNING),
        ({"log": {"level": "warn"}}, Severity.WARNING),
        ({"log": {"level": "bogus"}}, Severity.DEFAULT),
        ({"PRIORITY": "3"}, Severity.ERROR),
        ({"PRIORITY": 0}, Severity.EMERGENCY),
        ({"PRIORITY": 9}, Severity.DEFAULT),
        ({"PRIORITY": []}, Severity.DEFAULT),
        ({"level": "info", "message": "ERROR: quoted"}, Severity.INFO),
    ],
)
def test_a_structured_line_has_its_level_in_a_key(
    payload: dict[str, object], expected: Severity
) -> None:
    """The keys of Python, pino, bunyan, the Elastic schema and journald are known."""
    assert severity(jsonPayload=payload) is expected


def test_a_placeholder_error_is_no_error() -> None:
    """What a formatter fills in for a missing field raises no severity and is no message."""
    placeholder = {"type": "str", "message": "Missing field", "severity": "ERROR"}
    [entry] = parse_entry(
        {"insertId": "a", "severity": "INFO", "jsonPayload": {"error": placeholder}}
    )
    assert entry.severity is Severity.INFO
    assert entry.message == ""
    assert severity(jsonPayload={"error": placeholder, "message": "up"}) is Severity.DEFAULT


@given(st.text(max_size=2000))
def test_any_text_has_some_severity(text: str) -> None:
    """No text makes the search for a level fail."""
    assert severity(textPayload=text) in Severity


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"textPayload": "INFO:     Application startup complete."}, Severity.INFO),
        ({"textPayload": "[2025-01-01 00:00:00 +0000] [1] [CRITICAL] gone"}, Severity.CRITICAL),
        ({"jsonPayload": {"level": "warn", "msg": "late"}}, Severity.WARNING),
        ({"textPayload": "listening on :8080"}, Severity.DEFAULT),
    ],
)
def test_standard_error_in_kubernetes_is_as_severe_as_its_text_says(
    payload: dict[str, Any], expected: Severity
) -> None:
    """All of it is delivered as ERROR, which says nothing; elsewhere the own word counts."""
    container = {"resource": {"type": "k8s_container"}, "logName": "projects/demo/logs/stderr"}
    assert severity(severity="ERROR", **container, **payload) is expected
    assert severity(severity="ERROR", **payload) is Severity.ERROR
    assert severity(severity="INFO", **container, **payload) is Severity.INFO
    assert severity(severity="ERROR", **container | {"logName": 7}, **payload) is Severity.ERROR


@pytest.mark.parametrize(
    ("severity", "unknown"),
    [
        ("LOUD", True),
        ("12", True),
        ("error", False),
        ("500", False),
        ("0", False),
        (" Default ", False),
        ("", False),
        (7, False),
        (None, False),
    ],
)
def test_a_word_that_nobody_knows_is_told_from_no_severity(
    severity: object, *, unknown: bool
) -> None:
    """It reads as DEFAULT like a missing one, but a run counts it."""
    assert LogEntry({"insertId": "a", "severity": severity}).has_unknown_severity is unknown
