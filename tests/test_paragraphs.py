"""Messages whose lines came one an entry: one says what failed, another what is done about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.correlation import Correlator
from pipeline.entry import format_timestamp
from pipeline.joining import Joiner
from pipeline.paragraphs import WITHIN, find_telling, introduces, is_handled, is_telling, may_go_on
from tests.fakes.source import LinesSource
from tests.rules.showing import detector, ruleset
from tests.support import BASE, SECOND, entry
from tests.test_flow import run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAYS = 'connection to server at "10.0.0.3", port 5432 failed: Connection refused'
SIX = 'connection to server at "localhost" (::1), port 5432 failed: Connection refused'
FOUR = 'connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused'
ASKS = "\tIs the server running on that host and accepting TCP/IP connections?"
GONE = """\
server closed the connection unexpectedly
\tThis probably means the server terminated abnormally
\tbefore or while processing the request."""
BACKGROUND = "(Background on this error at: https://sqlalche.me/e/20/e3q8)"
MANY = f"""\
connection failed: {SIX}
{ASKS}
Multiple connection attempts failed. All failures were:
- host: 'localhost', port: '5432', hostaddr: '::1': connection failed: {SIX}
{ASKS}
- host: 'localhost', port: '5432', hostaddr: '127.0.0.1': connection failed: {FOUR}
{ASKS}"""
TRACEBACK = f"""\
Traceback (most recent call last):
  File "/app/db.py", line 3, in connect
    return psycopg2.connect(dsn)
psycopg2.OperationalError: {SIX}
{ASKS}
{FOUR}
{ASKS}"""

RETRIES = {
    "in front": f"WARNING:root:retrying in 2s: {SAYS}\n{ASKS}",
    "in front of two hosts": f"WARNING:root:retrying in 2s: {SIX}\n{ASKS}\n{FOUR}\n{ASKS}",
    "behind": f"WARNING:root:db: {SAYS}\n{ASKS}\n; retrying in 2s",
    "behind two hosts": f"ERROR:root:db: {SIX}\n{ASKS}\n{FOUR}\n{ASKS}\n, reconnecting",
    "behind a dash": f"2026-11-22 03:00:00,123 ERROR app.db lost: {GONE}\n - retrying in 2s",
    "printed": f"{SAYS}\n{ASKS}\nRetrying in 2 seconds...",
    "in a line of its own": f"ERROR:root:reconnecting in 2s:\n{SAYS}\n{ASKS}",
    "in a line of level INFO": f"INFO:root:reconnecting in 2s:\n{SAYS}\n{ASKS}",
    "in a line without a level": f"reconnecting in 2s:\n{SAYS}\n{ASKS}",
    "in front of an exception": f"WARNING:root:reconnecting:\npsycopg2.OperationalError: {SAYS}",
    "in front of SQLAlchemy's": f"WARNING:root:attempt 1/5: (psycopg2.OperationalError) {SIX}\n"
    f"{ASKS}\n{FOUR}\n{ASKS}\n{BACKGROUND}",
    "behind SQLAlchemy's": f"ERROR:db:(psycopg2.OperationalError) {GONE}\n[SQL: SELECT 1]\n"
    f"{BACKGROUND}\nretrying in 2s",
    "in front of psycopg's": f"WARNING:root:retrying in 2s: {MANY}",
    "behind psycopg's": f"WARNING:root:failed: {MANY}\nretrying in 2s",
    "behind details": "WARNING:db:FATAL:  the database system is starting up\n"
    "DETAIL:  Consistent recovery state has not been yet reached.\n, retrying in 2s",
    "in front of a bare FATAL": "WARNING:db:reconnecting:\n"
    "FATAL:  the database system is starting up",
    "above a traceback": f"WARNING:root:retrying in 2s\n{TRACEBACK}",
    "above a traceback, printed": f"retrying in 2s\n{TRACEBACK}",
    "above a traceback, of level INFO": f"INFO:root:retrying in 2s\n{TRACEBACK}",
    "below a traceback": f"{TRACEBACK}\nRetrying in 2 seconds...",
    "in front of pgx' addresses": "2026/11/22 03:00:00 retrying in 2s: failed to connect to "
    "`user=app database=shop`:\n\t[::1]:5432 (localhost): dial error: dial tcp [::1]:5432: "
    "connect: connection refused",
    "behind kombu's": "[2026-11-22 03:00:00,123: ERROR/MainProcess] consumer: Cannot connect to "
    "redis://cache:6379/0: Error 111 connecting to cache:6379. Connection refused..\n"
    "Trying again in 2.00 seconds... (1/100)",
}
RETRIES |= {
    "in a header of several lines": f"WARNING:app:Retrying app.connect in 0.1 seconds as it raised "
    f"OperationalError: {SAYS}\n{ASKS}\n.\n{TRACEBACK}",
    "in such a header, again": "\n".join(
        [f"WARNING:app:Retrying app.connect in 0.1 seconds: {SAYS}\n{ASKS}\n.\n{TRACEBACK}"] * 2
    ),
    "in a record of its own": f"ERROR:root:db: {SAYS}\n{ASKS}\nINFO:root:Retrying in 2 seconds...",
    "in such a record with a time": f"2026-11-22 03:00:00,123 ERROR app.db {SAYS}\n{ASKS}\n"
    "2026-11-22 03:00:00,124 - app.db - INFO - Will retry in 5 s",
    "in a record of loguru's": f"{SAYS}\n{ASKS}\n"
    "2026-11-22 03:00:00.123 | INFO     | app.db:wait:6 - Retrying in 2 s",
    "in a record of uvicorn's": f"ERROR:    {SAYS}\n{ASKS}\nINFO:     Reconnecting...",
    "below an error of Node.js": "Error connecting: Error: connect ECONNREFUSED 10.0.0.3:5432\n"
    "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16) {\n"
    "  code: 'ECONNREFUSED',\n  fatal: true\n}\nRetrying in 5 seconds...",
    "above an error of pino-pretty": "[03:50:11.714] WARN (92): retrying in 2s\n    err: {\n"
    '      "message": "connect ECONNREFUSED 10.0.0.3:5432",\n      "stack":\n'
    "          Error: connect ECONNREFUSED 10.0.0.3:5432\n    }",
    "above one without a stack": "reconnecting:\nError: connect ECONNREFUSED 10.0.0.3:5432",
    "by waiting": f"Database unavailable: {SAYS}\n{ASKS}\nWaiting 1 second...",
}
FAILURES = {
    "nobody says so": f"WARNING:root:db: {SAYS}\n{ASKS}",
    "given up": f"WARNING:root:db: {SAYS}\n{ASKS}\n; giving up, no more retrying",
    "the last one": f"WARNING:root:attempt 3/3: {SIX}\n{ASKS}\n{FOUR}\n{ASKS}",
    "another record says so": f"ERROR:root:db: {SAYS}\n{ASKS}\nWARNING:root:mail: retrying in 2s",
    "another record says so of something else": f"ERROR:root:db: {SAYS}\n{ASKS}\n"
    "INFO:root:Retrying is switched off",
    "another record that is an error": f"ERROR:root:db: {SAYS}\nERROR:root:Retrying in 2s did harm",
    "it was waited for": f"ERROR:root:{SAYS} after waiting 30 seconds",
    "the one after another attempt": f"{SAYS}\n{ASKS}\nretrying now\n{SAYS}\n{ASKS}",
    "above the end of the program": "retrying in 2s\nTraceback (most recent call last):\n"
    f'  File "/app/main.py", line 3, in <module>\n    connect()\npsycopg2.OperationalError: {SAYS}',
}


def torn(
    text: str, gaps: Mapping[int, float] | None = None, *, kubernetes: bool = False
) -> list[dict[str, Any]]:
    """Write an entry for each line, as Cloud Run and Kubernetes Engine deliver standard error.

    `gaps` are seconds before the lines of these numbers.
    """
    time, made = 0.0, []
    for number, line in enumerate(text.splitlines()):
        time += (gaps or {}).get(number, 0.001)
        one = {
            "insertId": f"{number:03}",
            "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
            "timestamp": format_timestamp(BASE + round(time * SECOND)),
            "textPayload": line,
            "resource": {"type": "cloud_run_revision", "labels": {"service_name": "press"}},
        }
        if kubernetes:
            one["logName"] = "projects/demo/logs/stderr"
            one["severity"] = "ERROR"
            labels = {"container_name": "press", "pod_name": "press-5d9c8b7f6d-x2x7q"}
            one["resource"] = {"type": "k8s_container", "labels": labels}
        made.append(one)
    return made


def told(entries: Sequence[dict[str, Any]]) -> list[str]:
    """Return the rules of the incidents' roots, which are the same read in blocks or one by one."""
    data = b"".join(json.dumps(one).encode() + b"\n" for one in entries)
    by_block, by_entry = (
        run(source=LinesSource([data], in_blocks), detector=detector(), correlator=correlator)
        for in_blocks, correlator in [(True, Correlator(ruleset())), (False, Correlator(ruleset()))]
    )
    roots = [outcome.incident.root.rule for outcome in by_block.outcomes]
    assert [outcome.incident.id for outcome in by_block.outcomes] == [
        outcome.incident.id for outcome in by_entry.outcomes
    ]
    return roots


@pytest.mark.parametrize("kubernetes", [False, True], ids=["cloud_run", "kubernetes"])
@pytest.mark.parametrize("name", RETRIES)
def test_a_retry_in_several_lines_is_no_incident(name: str, *, kubernetes: bool) -> None:
    """Wherever in the message it is announced, and however it came."""
    text = RETRIES[name]
    assert told(torn(text, kubernetes=kubernetes)) == []
    assert told(list(reversed(torn(text, kubernetes=kubernetes)))) == []


@pytest.mark.parametrize("name", [name for name in RETRIES if "traceback" not in name])
def test_a_retry_in_one_entry_is_no_incident(name: str) -> None:
    """The whole text says the same."""
    assert told([{**torn("x")[0], "textPayload": RETRIES[name]}]) == []


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_in_several_lines_is_an_incident(name: str) -> None:
    """Nothing that belongs to its message says that another attempt follows."""
    assert told(torn(FAILURES[name])) == ["connection_refused"]


@pytest.mark.parametrize(
    ("text", "gaps"),
    [
        (f"WARNING:root:db: {SAYS}\n; retrying in 2s", {1: 0.2}),
        (f"WARNING:root:reconnecting:\n{SAYS}", {1: 0.2}),
        (f"ERROR:root:db: {SAYS}\nINFO:root:Retrying in 2s", {1: 0.02}),
        ("retrying:\n\tdial tcp 10.0.0.3:5432: connect: connection refused", {1: 1.5}),
    ],
)
def test_lines_far_apart_are_no_message(text: str, gaps: dict[int, float]) -> None:
    """What comes later is of something else."""
    assert told(torn(text)) == []
    assert told(torn(text, gaps)) == ["connection_refused"]


@pytest.mark.parametrize(
    "other",
    [
        {"logName": "projects/demo/logs/run.googleapis.com%2Fstdout"},
        {"labels": {"instanceId": "2"}},
        {"resource": {"type": "cloud_run_revision", "labels": {"service_name": "mail"}}},
    ],
    ids=["log", "instance", "service"],
)
def test_lines_of_strangers_are_no_message(other: dict[str, Any]) -> None:
    """Another log, instance or service says nothing of this one's failure."""
    first, last = torn(f"WARNING:root:db: {SAYS}\n; retrying in 2s")
    assert told([first, {**last, **other}]) == ["connection_refused"]


def test_a_line_that_is_known_to_be_none_of_a_message_ends_it() -> None:
    """A record in between is held, as it may stand above a traceback."""
    text = f"WARNING:root:db: {SAYS}\nERROR:root:mail failed\n; retrying in 2s"
    assert "connection_refused" in told(torn(text))


def test_a_retry_that_nothing_knows_is_no_incident() -> None:
    """Also of an error that only the fallback rule sees."""
    assert told(torn("ERROR:root:the press is jammed")) == ["unknown_pattern"]
    assert told(torn("ERROR:root:the press is jammed\n; retrying in 2s")) == []


def test_an_attempt_that_something_comes_of_is_an_incident() -> None:
    """It exits, though its last line said that it tries again."""
    gone = {
        **torn("Container called exit(1).", {0: 2})[0],
        "insertId": "exit",
        "severity": "WARNING",
        "logName": "projects/demo/logs/run.googleapis.com%2Fvarlog%2Fsystem",
    }
    assert told([*torn(RETRIES["behind"]), gone]) == ["connection_refused"]


# --- tracebacks that are told ---------------------------------------------------------------------

LOADED = """\
Traceback (most recent call last):
  File "/app/plugins.py", line 12, in load
    import rapidjson
ModuleNotFoundError: No module named 'rapidjson'"""
ENDED = LOADED.replace("in load", "in <module>")
SERVED = LOADED.replace("/app/plugins.py", "/usr/lib/python3.12/wsgiref/handlers.py")
SPAWNED = LOADED.replace("in load", "in _bootstrap")
CHAINED = f"{LOADED}\nDuring handling of the above exception, another exception occurred:\n{ENDED}"

LAYOUTS = [
    "INFO:app.plugins:{}",
    "DEBUG:app.plugins:{}",
    "2026-11-22 03:00:00,123 INFO app.plugins {}",
    "2026-11-22 03:00:00,123 - app.plugins - INFO - {}",
    "[2026-11-22 03:00:00,123] INFO in plugins: {}",
    "INFO:     {}",
    "[2026-11-22 03:00:00 +0000] [7] [INFO] {}",
    "2026-11-22 03:00:00.123 | INFO     | app.plugins:load:12 - {}",
    "2026-11-22T03:00:00.123456Z [info     ] {}",
    "2026-11-22 03:00:00 [info     ] {:30} [app.plugins] plugin=rapidjson",
    "time=2026-11-22T03:00:00Z level=info msg='{}'",
    "[2026-11-22 03:00:00,123: INFO/MainProcess] {}",
    "03:00:00.123 [main] INFO  com.example.Plugins - {}",
    "2026-11-22T03:00:00.123Z  INFO 1 --- [           main] c.e.Plugins : {}",
    '2026-11-22T03:00:00.123Z\tINFO\tplugins/load.go:12\t{}\t{{"plugin": "rapidjson"}}',
    "[03:00:00.123] INFO (1): {}",
    "[2026-11-22T03:00:00Z INFO  app] {}",
    "info: {}",
]
PAST = ["previous failure was:", "last error (handled):", "ignored exception:"]
HANDLED = ["rapidjson is not available, falling back to json", "could not load rapidjson, skipped"]
HEALTHY = [
    "INFO:     Started server process [1]",
    "INFO:     Waiting for application startup.",
    "[2026-11-22 03:00:00 +0000] [7] [INFO] Booting worker with pid: 7",
    "INFO:app:loading plugins:",
    "INFO:app:registering error handlers:",
    "INFO:app:0 errors, 0 failed",
    "INFO:app:error=None status=200",
    "rapidjson is not available, falling back to json",  # of no level
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_traceback_that_a_line_of_level_info_tells_of_is_no_incident(layout: str) -> None:
    """Line by line as in one text, of each logger; where it begins means nothing if it is past."""
    told_of = [(header, LOADED) for header in PAST + HANDLED] + [(PAST[0], ENDED)]
    for header, traceback in told_of:
        text = f"{layout.format(header)}\n{traceback}"
        assert told(torn(text)) == []
        assert told(torn(text, kubernetes=True)) == []
        assert told([{**torn("x")[0], "textPayload": text}]) == []


@pytest.mark.parametrize("header", HEALTHY)
@pytest.mark.parametrize("traceback", [LOADED, ENDED, CHAINED], ids=["called", "ended", "chained"])
def test_a_failure_below_a_line_of_a_healthy_start_is_an_incident(
    header: str, traceback: str
) -> None:
    """The line says nothing of it."""
    assert told(torn(f"{header}\n{traceback}")) == ["module_not_found"]


@pytest.mark.parametrize("header", HANDLED)
@pytest.mark.parametrize(
    "traceback", [ENDED, CHAINED, SERVED, SPAWNED], ids=["ended", "chained", "served", "spawned"]
)
def test_a_traceback_that_may_end_the_program_is_an_incident(header: str, traceback: str) -> None:
    """Where it begins, a server or Python itself may have printed it, whatever was said before."""
    assert told(torn(f"INFO:app:{header}\n{traceback}")) == ["module_not_found"]


DRAWN = """\
Traceback (most recent call last):
  File "/app/main.py", line 9, in <module>
    start()
    └ <function start at 0x7fdc3478d940>
> File "/app/main.py", line 6, in start
    import rapidjson
ModuleNotFoundError: No module named 'rapidjson'"""


def test_a_traceback_that_loguru_drew_belongs_to_the_line_above() -> None:
    """It begins where the program does, and only a logger draws what was in variables."""
    header = "2026-11-22 03:00:00.123 | INFO     | app:start:6 - could not load rapidjson, skipped"
    assert told(torn(f"{header}\n{DRAWN}")) == []
    assert told(torn(DRAWN)) == ["module_not_found"]


def test_indented_lines_go_on_with_the_header_above_a_traceback() -> None:
    """Unless they come too late, or a traceback is still open that they are lines of."""
    error = "ERROR:app:the plan is broken\n    in step 2"
    header = "[ERROR] the second one"
    assert told(torn(f"{error}\n{LOADED}")) == ["module_not_found"]
    assert told(torn(f"{error}\n{LOADED}", {2: 0.5})) == ["unknown_pattern", "module_not_found"]
    first, second, *others = LOADED.splitlines()
    text = "\n".join([first, header, second, *others])
    assert told(torn(text)) == ["unknown_pattern", "module_not_found"]


def test_a_panic_below_a_line_of_level_info_is_an_incident() -> None:
    """It says itself that the program ends."""
    panic = "panic: no cache\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:12 +0x1d"
    assert told(torn(f"INFO: could not open the cache, skipped\n{panic}")) == ["go_panic"]
    assert told(torn(f"INFO: last crash (recovered) was:\n{panic}")) == []


def test_what_was_handled_counts_if_something_comes_of_it() -> None:
    """The program ends after all; the traceback says why."""
    gone = {
        **torn("Container called exit(1).", {0: 2})[0],
        "insertId": "exit",
        "severity": "WARNING",
        "logName": "projects/demo/logs/run.googleapis.com%2Fvarlog%2Fsystem",
    }
    entries = torn(f"INFO:app:{HANDLED[0]}\n{LOADED}")
    assert told([*entries, gone]) == ["module_not_found"]


def test_what_is_handled_often_is_no_incident() -> None:
    """It is no attempt that goes on: a healthy service may handle it with each request."""
    often = [
        {**one, "insertId": f"{at}-{one['insertId']}", "timestamp": format_timestamp(BASE + time)}
        for at in range(0, 600, 30)
        for number, one in enumerate(torn(f"INFO:app:{HANDLED[0]}\n{LOADED}"))
        for time in [at * SECOND + number * 1_000_000]
    ]
    assert told(often) == []


def test_what_was_handled_once_and_once_was_not_is_an_incident() -> None:
    """One of them counts, and so do all."""
    text = f"INFO:app:{HANDLED[0]}\n{LOADED}"
    again = [{**one, "insertId": f"b{one['insertId']}"} for one in torn(LOADED, {0: 60})]
    assert told([*torn(text), *again]) == ["module_not_found"]


def test_an_exception_in_a_line_that_is_told_of_is_no_incident() -> None:
    """Without a traceback, too."""
    text = "last error (handled):\nModuleNotFoundError: No module named 'rapidjson'"
    assert told(torn(f"INFO:app:{text}")) == []
    assert told(torn(f"ERROR:app:{text}")) != []


def test_a_line_of_an_error_goes_before_one_that_is_none() -> None:
    """The nearer one may be of another thread."""
    error = "ERROR:app:no plugins"
    assert told(torn(f"{error}\nINFO:app:{HANDLED[0]}\n{LOADED}")) != []
    assert told(torn(f"{error}\nINFO:app:{HANDLED[0]}\n{LOADED}", {1: 0.5})) == ["unknown_pattern"]


def test_a_line_without_a_level_takes_the_word_from_one_that_has_a_low_one() -> None:
    """Loggers that nobody set up write such headers."""
    text = f"INFO:app:{HANDLED[0]}\nError handling request\n{LOADED}"
    assert told(torn(text)) == ["module_not_found"]


# --- the words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "severity", "telling"),
    [
        ("retrying in 2s", None, True),
        ("INFO:app:could not load it", None, True),
        ("INFO:app:0 errors, 0 failed, but 1 crashed", None, True),
        ("INFO:app:0 errors, 0 failed, error rate 0", None, False),
        ("could not load it", "INFO", False),
        ("could not load it", None, True),
        ("all is well", None, False),
        ("retrying in 2s\nand more", None, False),
    ],
)
def test_lines_that_tell_are_found(text: str, severity: str | None, *, telling: bool) -> None:
    """Among many texts, as in an entry; only plain lines are."""
    assert is_telling(entry(text, severity=severity)) is telling
    found = find_telling(["", text, "all is well", text])
    assert found == ([1, 3] if telling or severity else [])
    assert not is_telling(entry(jsonPayload={"message": text}, severity=severity))


def test_only_a_line_whose_own_words_have_a_low_level_introduces() -> None:
    """What an API was given as INFO is a message of its own."""
    words = "INFO:app:last error (handled):"
    assert is_handled(entry(words, severity=None))
    assert is_handled(entry(words, severity="DEFAULT"))
    assert not is_handled(entry(words, severity="INFO"))
    assert not introduces(entry(f"INFO:app:{HANDLED[0]}", severity="INFO"), LOADED)


def test_lines_that_matter_are_held_whatever_they_say() -> None:
    """A failure that may heal begins a message."""
    joiner = Joiner()
    made = [
        entry(text, at=at / 1000, severity=None) for at, text in enumerate(("jammed", "; retrying"))
    ]
    for one in made:
        joiner.on_entry(one, matters=True)
    released = joiner.flush()
    assert released.loose == tuple(made)
    assert released.again == {one.key for one in made}
    assert released.told == frozenset()
    joiner.on_entry(made[0])
    assert joiner.flush().loose == ()


@pytest.mark.parametrize(("gap", "goes_on"), [(WITHIN, True), (WITHIN + SECOND // 100, False)])
def test_an_indented_line_goes_on_with_what_is_near(gap: int, *, goes_on: bool) -> None:
    """Later it is of something else."""
    before, indented = entry("retrying:"), entry("\tdial tcp 10.0.0.3:5432", at=gap / SECOND)
    assert may_go_on(before, indented) is goes_on
