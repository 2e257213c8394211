"""All that a process says is an entry of ours, whoever says it."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from pipeline.bootstrap.speaking import Speaker
from pipeline.bootstrap.tracing import Tracing

PROGRAM = """
import logging, sys, threading, warnings
from pipeline.bootstrap.speaking import Speaker, speak
log = speak(Speaker(sys.stderr))
log("NOTICE", "one")
logging.getLogger("fivewhys.vitals").info("vitals", extra={"vitals": {"lag_seconds": 2}})
logging.getLogger("library").warning("two %s", "2")
logging.getLogger("library").info("unsaid")
logging.getLogger("library").error("three %d", "no number")
warnings.warn("four")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("library").exception("five")
def fail():
    raise ValueError("password=hunter2")
thread = threading.Thread(target=fail, name="six")
thread.start()
thread.join()
threading.Thread(target=sys.exit).start()
raise LookupError("seven")
"""


def test_everything_is_said_in_one_form() -> None:
    """Logging and warnings of libraries, and what nobody caught, in any thread."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60
    )
    found = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert [(one["severity"], one["message"].splitlines()[0]) for one in found] == [
        ("NOTICE", "one"),
        ("INFO", "vitals"),
        ("WARNING", "two 2"),
        ("ERROR", "three %d"),
        ("WARNING", "<string>:10: UserWarning: four"),
        ("ERROR", "five"),
        ("CRITICAL", "not caught in thread six"),
        ("CRITICAL", "not caught"),
    ]
    assert all(one["logging.googleapis.com/labels"]["fivewhys.own"] == "1" for one in found)
    assert found[5]["message"].endswith("ZeroDivisionError: division by zero")
    assert found[7]["message"].endswith("LookupError: seven")
    assert "hunter2" not in done.stderr
    assert found[1]["vitals"] == {"lag_seconds": 2}
    assert found[2]["logging.googleapis.com/labels"]["logger"] == "library"


def said(stream: io.StringIO, speaker: Speaker) -> dict[str, Any]:
    """Let it say something; return what is written."""
    record = logging.LogRecord("fivewhys", 20, __file__, 7, "text", None, None, "somewhere")
    speaker.handle(record)
    found = json.loads(stream.getvalue().splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_what_is_said_within_a_round_has_its_trace() -> None:
    """Once the project is known; outside of any round there is none."""
    stream = io.StringIO()
    speaker = Speaker(stream)
    with Tracing()("receive") as span:
        assert "logging.googleapis.com/trace" not in said(stream, speaker)
        speaker.project = "demo"
        found = said(stream, speaker)
    assert found["logging.googleapis.com/trace"] == f"projects/demo/traces/{span.trace}"
    assert found["logging.googleapis.com/spanId"] == span.span
    assert (len(span.trace), len(span.span)) == (32, 16)
    assert "logging.googleapis.com/spanId" not in said(stream, speaker)
    place = found["logging.googleapis.com/sourceLocation"]
    assert place == {"file": "bootstrap/test_speaking.py", "line": "7", "function": "somewhere"}


def test_who_cannot_write_goes_on() -> None:
    """Standard error may be closed."""
    stream = io.StringIO()
    stream.close()
    record = logging.LogRecord("fivewhys", 20, __file__, 7, "text", None, None)
    with pytest.raises(ValueError, match="closed"):
        stream.write("x")
    Speaker(stream).handle(record)
