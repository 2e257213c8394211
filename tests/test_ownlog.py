"""What the program says of itself, as Cloud Logging reads it."""

from __future__ import annotations

import json

import pytest

from pipeline.examining import Examiner, Window
from pipeline.messages import batch_of
from pipeline.ownlog import LONGEST, Said, severity_of, structured
from pipeline.ports import Message
from pipeline.redaction import Redactor
from tests.support import BASE, detector, ruleset

REDACT = Redactor().text


def test_it_is_one_line_with_what_cloud_logging_knows() -> None:
    """Severity, message, time, place, trace and span; known again as our own."""
    said = Said(
        30, "two\nlines", BASE, "pipeline/live.py", 7, "step", "lib", "projects/p/traces/t", "s"
    )
    line = structured(said, REDACT)
    assert "\n" not in line
    assert json.loads(line) == {
        "severity": "WARNING",
        "message": "two\nlines",
        "time": "2025-09-10T00:00:00Z",
        "logging.googleapis.com/labels": {"fivewhys.own": "1", "logger": "lib"},
        "logging.googleapis.com/sourceLocation": {
            "file": "pipeline/live.py",
            "line": "7",
            "function": "step",
        },
        "logging.googleapis.com/trace": "projects/p/traces/t",
        "logging.googleapis.com/spanId": "s",
    }


def test_what_is_not_known_is_left_out() -> None:
    """An entry by Cloud Logging's own rules needs none of it."""
    found = json.loads(structured(Said(20, "started", BASE), REDACT))
    assert [*found] == ["severity", "message", "time", "logging.googleapis.com/labels"]


def test_figures_stand_beside_the_message() -> None:
    """So the entry is one with a JSON payload, of whose numbers metrics can be made."""
    found = json.loads(structured(Said(20, "vitals", BASE, figures={"lag_seconds": 1.5}), REDACT))
    assert (found["message"], found["vitals"]) == ("vitals", {"lag_seconds": 1.5})


def test_it_holds_no_secrets_and_is_cut() -> None:
    """Whatever a library says."""
    text = structured(Said(40, "postgresql://u:hunter2@db/x " + "x" * LONGEST, BASE), REDACT)
    assert "hunter2" not in text
    assert len(json.loads(text)["message"]) == LONGEST + 1


@pytest.mark.parametrize(
    ("level", "severity"),
    [(0, "DEBUG"), (10, "DEBUG"), (24, "INFO"), (25, "NOTICE"), (30, "WARNING"), (99, "CRITICAL")],
)
def test_levels_are_severities(level: int, severity: str) -> None:
    """The highest that is not above it."""
    assert severity_of(level) == severity


def test_what_the_sink_would_deliver_of_it_is_ours() -> None:
    """Cloud Logging makes labels of the entry of those that we write."""
    labels = json.loads(structured(Said(20, "x", BASE), REDACT))["logging.googleapis.com/labels"]
    entry = {"logName": "projects/p/logs/run.googleapis.com%2Fstderr", "labels": labels}
    examine = Examiner(detector(ruleset()), Window())
    assert examine(batch_of([Message("h", "m", json.dumps(entry).encode())])).own == 1
