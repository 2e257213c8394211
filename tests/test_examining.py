"""To screen raw lines and parse only some says what parsing all of them says, of any lines."""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.catalog import Catalog
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.detection import words_of
from pipeline.entry import LogEntry, Severity, parse_timestamp
from pipeline.entry.outline import outlines
from pipeline.entry.severity import severity_of
from pipeline.entry.spoken import spoken
from pipeline.examining import Examined, Examiner, Window
from pipeline.exceptions.lines import find_parts
from pipeline.flow import Replay, Texts
from pipeline.joining import is_apart, is_part
from pipeline.received import OWN_LABEL
from pipeline.report import Policy
from pipeline.screen import Screen
from pipeline.sources.files.blocks import Block, read_blocks
from pipeline.sources.files.json_lines import read_line
from pipeline.stores.memory import MemoryStore
from pipeline.whys import load_whys
from tests.fakes.source import LinesSource
from tests.fakes.spool import MemorySpool
from tests.support import BASE, SECOND, detector, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.entry.outline import Outline
    from pipeline.rule import RuleSet

TEXTS = Texts(load_whys([]), "{{ incident.title }} ({{ incident.count }})", "issue.md.j2")
NAME = "export.jsonl"


def yaml_rule(name: str, detection: str, condition: str = "seen") -> str:
    """Write a rule that detects what is said."""
    return (
        f"title: About {name}\nname: {name}\nlogsource: {{product: gcp}}\n"
        f"detection:\n  {detection}\n  condition: {condition}\nlevel: high\n"
    )


LITERAL = ruleset(
    rule_text("missing", level="critical"),
    rule_text("down", audit="{caused_by: [{rule: missing, same: [service]}]}"),
    yaml_rule("started", "seen: {exception.frames|contains: main.py, exception.type|re: Module.*}"),
    yaml_rule("loud", "seen: {severity: ERROR, message|contains: 'well known'}"),
    yaml_rule("method", "seen: {protoPayload.methodName|endswith: '.create'}"),
)
NARROWED = ruleset(
    rule_text("missing", "(?i)MISSING|down"),
    yaml_rule("word", "seen: ['wéll known', 'known']", "seen and not other").replace(
        "  condition", "  other: {severity: [INFO, DEBUG]}\n  condition"
    ),
    "title: Quiet\nname: quiet\nlogsource: {product: gcp}\n"
    "filter:\n  rules: [missing]\n  selection: {severity: INFO}\n  condition: not selection\n",
)
MADE = ruleset(
    yaml_rule("boundless", "seen: ['*Infinity']"),
    yaml_rule("deep", "seen: ['deeper than']"),
)
UNTRUE = ruleset(yaml_rule("untrue", "seen: {traceSampled: 'false'}"), rule_text("missing"))
SEVERE = ruleset(rule_text("missing"), yaml_rule("severe", "seen: {severity: CRITICAL}"))
BLIND = ruleset(yaml_rule("short", "seen: {message|contains: 'x'}"))
FALLBACK = ruleset(
    rule_text("missing"),
    yaml_rule("unknown", "seen: {severity|gte: 500}") + "audit: {fallback: true}\n",
    yaml_rule("raised", "seen: {exception.frames|exists: true}", "seen or warned").replace(
        "  condition", "  warned: {severity: WARNING, message|exists: true}\n  condition"
    )
    + "audit: {fallback: true}\n",
)
RULESETS = {
    "literal": LITERAL,
    "fallback": FALLBACK,
    "narrowed": NARROWED,
    "untrue": UNTRUE,
    "made": MADE,
    "severe": SEVERE,
    "blind": BLIND,
    "none": ruleset(),
}

SCREEN = Screen(())
"""Finds in a line what makes every rule set parse it."""

# --- what may stand in a line ---------------------------------------------------------------------

TEXTS_OF_LINES = (
    "missing", "MISSING", "down", "all is well", "well known", "wéll known", "",
    " ", "\t", "\x1b[31mmis\x1b[0msing", "m\u0131ssing", "mi\u017f\u017fing", "do\0wn", "\ud800",
    "WARNING:root:missing", "[CRITICAL] x", "INFO: x", "2025-09-10 00:00:00 - a - ERROR - x failed",
    'Traceback (most recent call last):\n  File "/app/main.py", line 3, in start\nE: x',
    'E\\nTraceback (most recent call last):\\n  File "/app/main.py", line 3, in start\\nE: x',
    "line\n", "two\nlines", "two\nlines missing", "'Infinity'", "x", "ERROR: down",
    "Traceback (most recent call last):", "Traceback (most recent call last):\n",
    '  File "/app/main.py", line 3, in start', "\tat com.example.A.b(A.java:1)   ",
    "ModuleNotFoundError: No module named 'reports'", "ModuleNotFoundError\u00a0", "Foo.Bar\x1f",
    "java.lang.Error: x\r", "panic: x", "goroutine 1 [running]:", "main.f(0x1)",
    "Unhandled exception. System.Exception: x", "   at A.B()", "TypeError: x is null",
    "    at f (/app/a.js:1:2)", "During handling of the above exception", "Caused by: a.B: x",
)  # fmt: skip
INSERT_IDS = (
    "a",
    "b",
    "c",
    "",
    None,
    7,
    "a\ud800",
    "é",
    "ghp_0123456789abcdefghijABCDEFGHIJ01234567",
)
LOG_NAMES = (
    "projects/p/logs/run.googleapis.com%2Fstderr", "projects/p/logs/run.googleapis.com/stderr",
    "projects/p/logs/%E9", "", None, 5,
)  # fmt: skip
TIMES = (
    "2025-09-10T00:00:00Z", "2025-09-10T00:00:00.0Z", "2025-09-10T00:00:00.000000000Z",
    "2025-09-10T00:00:10Z", "2025-09-10T00:00:10.123456789Z", "2025-09-10T00:00:10.12Z",
    "2025-09-10T00:00:10.120Z", "2025-09-10 00:00:10.12Z", "2025-09-10T02:00:00+02:00",
    "2025-09-10T00:00:00.1234567891Z", "2025-02-30T00:00:00Z", "2025-09-10T24:00:00Z",
    "2025-09-10T00:00:00", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "1969-12-31T00:00:00Z",
    "0001-01-01T00:00:00Z", "\u0662025-09-10T00:00:00Z", "2025-09-10T00:00:00Z\n", "soon", "",
    None, 1757462400, 1757462400.5, True, {"seconds": 1757462400},
)  # fmt: skip
SEVERITIES = (
    "ERROR",
    "WARNING",
    "warn",
    "INFO",
    "CRITICAL",
    "error",
    "LOUD",
    "DEFAULT",
    "",
    "0",
    500,
    7,
    None,
    True,
)
DEEP: Any = 1
for _ in range(120):
    DEEP = [DEEP]
PAYLOADS: tuple[Callable[[str], dict[str, Any]], ...] = (
    *[lambda text: {"textPayload": text}] * 6,
    *[lambda text: {"jsonPayload": {"message": text}}] * 3,
    lambda text: {"jsonPayload": {"message": text, "level": 40}},
    lambda text: {"jsonPayload": {"level": "error"}, "textPayload": text},
    lambda text: {"jsonPayload": {"exc_info": text, "PRIORITY": "4"}},
    lambda text: {"jsonPayload": text},
    lambda text: {"jsonPayload": json.dumps({"message": text})},
    lambda text: {"jsonPayload": {"message": text, "line": 7}, "textPayload": None},
    lambda text: {"jsonPayload": {"line": [{"logMessage": text}], "methodName": "a.create"}},
    lambda text: {
        "jsonPayload": {
            "@type": "type.googleapis.com/AuditLog",
            "line": [{"logMessage": text, "severity": "LOUD"}],
        }
    },
    lambda text: {"textPayload": {"message": text}},
    lambda text: {"textPayload": 5, "jsonPayload": [text]},
    lambda text: {"protoPayload": {"methodName": "v1.create", "status": {"message": text}}},
    lambda text: {
        "protoPayload": {
            "line": [
                {"logMessage": text, "severity": "ERROR", "time": "2025-09-10T00:00:01Z"},
                {"logMessage": "ModuleNotFoundError: No module named 'reports'"},
            ]
        }
    },
    lambda text: {"protoPayload": json.dumps({"line": [{"logMessage": text}]})},
    lambda text: {"protoPayload": {"line": text}},
    lambda text: {"protopayload_requestlog": {"line": [{"logMessage": text}]}},
    lambda text: {"structPayload": {"message": text}, "metadata": {"severity": "LOUD"}},
    lambda text: {"structPayload": text, "metadata": {"timestamp": "2025-09-10T00:00:00Z"}},
    lambda text: {"httpRequest": {"requestUrl": f"https://example.com/{text}", "status": "500"}},
    *[
        lambda text: {
            "httpRequest": {"requestMethod": "GET", "requestUrl": f"/{text}", "status": 503}
        }
    ]
    * 2,
    lambda text: {
        "httpRequest": {"requestMethod": "GET", "requestUrl": text, "status": 2**70},
        "httpRequest.requestUrl": text,
    },
    lambda text: {
        "httpRequest": {"requestUrl": text, "status": 503, "request_method": "GET"},
        "protoPayload": {"status": {"message": text}, "serviceName": "run"},
    },
    lambda text: {"jsonPayload": {"exception": {"type": "E", "message": text}, "message": " "}},
    lambda text: {"jsonPayload": {"stack_trace": text, "text": f"{text}!", "error": {"n": 1e300}}},
    lambda text: {"jsonPayload": {"traceback": text, "message": "it failed"}, "textPayload": ""},
    lambda text: {"jsonPayload": {"traceback": f"{text}\n{text}", "@message": None, "body": text}},
    lambda text: {"jsonPayload": {"methodName": "a", "serviceName": "b", "message": text}},
    lambda text: {"jsonPayload": {"error": {"type": "str", "message": text}, "code": 7}},
    lambda text: {"message": {"data": text}},
    lambda text: {"msg": text, "message": None},
    lambda _: {},
)
EXTRAS: tuple[dict[str, Any], ...] = (
    *[{}] * 8,
    {"receiveTimestamp": "2025-09-10T00:00:00.5Z"},
    {"receiveTimestamp": "2025-09-10T00:00:20Z"},
    {"receiveTimestamp": "2025-09-01T00:00:00Z"},
    {"receiveTimestamp": "later"},
    {"receiveTimestamp": None},
    {"resource": {"type": "cloud_run_revision", "labels": {"service_name": "backend"}}},
    {"resource": "global", "labels": [{"key": "a", "value": "missing"}]},
    {"traceSampled": "no"},
    {"traceSampled": False, "spanId": 5},
    {"odd": DEEP, "jsonPayload": {"odd": DEEP}},
    {"odd": {"missing": None}, "severity_": "LOUD"},
    {"insertid": "b", "sourceLocation": {"line": 5}},
)
RESPELLED: tuple[Callable[[str], str], ...] = (
    str.lower,
    str.upper,
    lambda name: name[0].upper() + name[1:],
    lambda name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name),
    lambda name: f"{name[:3]}_{name[3:]}",
)


def written(value: Any, chance: random.Random) -> str:
    """Write a value as JSON, in one of the many ways there are to write it."""
    space = chance.choice(("", "", " ", "\t"))
    if isinstance(value, dict):
        pairs = [
            f"{written(key, chance)}{space}:{written(item, chance)}" for key, item in value.items()
        ]
        return "{" + space + f",{space}".join(pairs) + "}"
    if isinstance(value, list):
        return f"[{space}{f',{space}'.join(written(item, chance) for item in value)}]"
    if isinstance(value, str):
        often = chance.choice((0, 0, 0, 0.1, 1))
        return f'"{"".join(_character(one, chance, often) for one in value)}"'
    return json.dumps(value)


def _character(one: str, chance: random.Random, often: float) -> str:
    if chance.random() >= often:
        plain = one.isprintable() and one not in {'"', "\\"}
        return one if plain else json.dumps(one)[1:-1]
    if one == "/":
        return "\\/"
    pairs = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[at]:02x}{pairs[at + 1]:02X}" for at in range(0, len(pairs), 2))


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Make a record that is mostly a LogEntry, mostly as a log sink writes it."""
    odd = draw(st.integers(0, 3)) == 0
    record: dict[str, Any] = {
        "insertId": draw(st.sampled_from(INSERT_IDS if odd else INSERT_IDS[:3])),
        "logName": draw(st.sampled_from(LOG_NAMES if odd else LOG_NAMES[:2])),
        "timestamp": draw(st.sampled_from(TIMES if odd else TIMES[:7])),
        "severity": draw(st.sampled_from(SEVERITIES)),
        **draw(st.sampled_from(PAYLOADS))(draw(st.sampled_from(TEXTS_OF_LINES))),
        **draw(st.sampled_from(EXTRAS)),
    }
    for name in draw(st.sets(st.sampled_from(sorted(record)), max_size=2)) if odd else ():
        kind = draw(st.sampled_from((None, *RESPELLED)))
        value = record.pop(name)
        if kind is not None:
            record[kind(name)] = value
    items = list(record.items())
    return dict(draw(st.permutations(items)) if odd else items)


WRAPPERS: tuple[Callable[[Any], Any], ...] = (
    *[lambda record: record] * 12,
    lambda record: {
        "message": {
            "data": base64.b64encode(json.dumps(record).encode()).decode(),
            "publishTime": "2025-09-10T00:00:00Z",
        }
    },
    lambda record: {"specversion": "1.0", "data": record, "time": "2025-09-10T00:00:00Z"},
    lambda record: {"entries": [record, record]},
    lambda record: [record],
    lambda record: {"entry": json.dumps(record)},
)
MANGLED: tuple[Callable[[bytes, bytes], bytes], ...] = (
    *[lambda line, _: line] * 20,
    lambda line, other: line + other,
    lambda line, other: line + b" " + other,
    lambda line, _: line + b"\r",
    lambda line, _: b" \t" + line + b" ",
    lambda line, _: line[: len(line) // 2],
    lambda line, _: line[: len(line) // 2] + b"\n" + line[len(line) // 2 :],
    lambda line, _: line.replace(b":", b":\n", 1),
    lambda line, _: b"[" + line + b",",
    lambda line, _: line.replace(b"}", b',"n":NaN}', 1),
    lambda line, _: line.replace(b"}", b',"n":1e999}', 1),
    lambda line, _: line.replace(b"}", b',"n":-' + b"9" * 400 + b"}", 1),
    lambda line, _: line.replace(b"}", b',"n":"mis\x1b[0msing"}', 1),
    lambda line, _: line.replace(b"}", b',"n":"}\n{"}', 1),
    lambda line, _: line.replace(b"i", b"\xff", 1),
    lambda line, _: line.replace(b"}", b',"n":"\xc5"}', 1),
    lambda line, _: line.replace(b"}", b',"textPayload":"missing"}', 1),
    lambda line, _: line.replace(b"}", b',"n":"' + b"x" * 17_000 + b'"}', 1),
    lambda _, __: b"",
    lambda _, __: b"  ",
    lambda _, __: b"{}",
    lambda _, __: b"null",
    lambda _, __: b"plain text that says missing",
    lambda _, __: b"[1,",
    lambda _, __: b"]",
)
OPENERS = (b"[", b"{", b" [{\r")


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Make a line, or what should have been one."""
    chance = random.Random(draw(st.integers(0, 2**16)))  # noqa: S311 - only how it is written
    raw = []
    for record in (draw(records()), draw(records())):
        wrapped = draw(st.sampled_from(WRAPPERS))(record)
        raw.append(written(wrapped, chance).encode("utf-8", "surrogatepass"))
    return draw(st.sampled_from(MANGLED))(*raw)


@st.composite
def exports(draw: st.DrawFn) -> bytes:
    """Make the bytes of an export."""
    some = draw(st.lists(lines(), min_size=1, max_size=8))
    some += draw(st.lists(st.sampled_from(some), max_size=3))  # copies
    if draw(st.integers(0, 9)) == 0:
        some.insert(draw(st.integers(0, len(some))), draw(st.sampled_from(OPENERS)))
    return b"\n".join(some) + draw(st.sampled_from((b"\n", b"\n", b"", b"\r\n", b"\n\n")))


@st.composite
def chunked(draw: st.DrawFn) -> list[bytes]:
    """Make an export and cut it at any places."""
    data = draw(exports())
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=5)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


# --- running it both ways -------------------------------------------------------------------------


def replayed(
    rules: RuleSet,
    exported: Sequence[Sequence[bytes]],
    *,
    in_blocks: bool,
    window: Window | None = None,
    latest: int | None = None,
) -> list[object]:
    """Return all that runs over exports, one after the other with one store, come to."""
    store, told = MemoryStore(), list[object]()
    for chunks in exported:
        replay = Replay(
            detector=detector(rules),
            correlator=Correlator(rules, CorrelationSettings(latest=latest)),
            spool=MemorySpool,
            catalog=Catalog(),
            texts=lambda _: TEXTS,
            investigators=(),
            store=store,
            sinks=(),
            policy=Policy(),
            window=window or Window(),
        )
        counts: list[int] = []
        result = replay.run(LinesSource(chunks, in_blocks), counts.append)
        told += [
            result.document().model_dump(),
            list(result.detection_lines()),
            sum(counts),
            store.detections(),
            store.decisions,
            store.incidents(),
        ]
    return told


def same(rules: RuleSet, *exported: Sequence[bytes], **how: Any) -> list[object]:
    """Hold what blocks come to against what records come to, and return it."""
    screened = replayed(rules, exported, in_blocks=True, **how)
    assert screened == replayed(
        rules, [[b"".join(one)] for one in exported], in_blocks=False, **how
    )
    return screened


WINDOWS = st.one_of(
    st.just(Window()),
    st.builds(
        Window,
        st.sampled_from((None, BASE, BASE + 10 * SECOND)),
        st.sampled_from((None, BASE + 10 * SECOND + 120_000_000, BASE + 3600 * SECOND)),
    ),
)


@given(
    st.sampled_from(sorted(RULESETS)),
    st.lists(chunked(), min_size=1, max_size=2),
    WINDOWS,
    st.sampled_from((None, BASE + 3600 * SECOND, BASE)),
)
def test_screening_changes_nothing(
    rules: str, exported: list[list[bytes]], window: Window, latest: int | None
) -> None:
    """Accounts, rejections, detections, incidents and the store are the same, whatever is read."""
    same(RULESETS[rules], *exported, window=window, latest=latest)


# --- lines that an outline must not be taken of ---------------------------------------------------

FIRST = '"insertId":"a","logName":"l","timestamp":"2025-09-10T00:00:00Z"'
TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/app/main.py", line 3, in start',
    "ModuleNotFoundError: No module named 'reports'",
)


def line(text: str, key: str = "a", **fields: Any) -> bytes:
    """Write an entry as a log sink does."""
    record = {
        "insertId": key,
        "logName": "projects/p/logs/run.googleapis.com%2Fstderr",
        "timestamp": "2025-09-10T00:00:00Z",
        **({"textPayload": text} if text else {}),
        **fields,
    }
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("name", "tail", "fields"),
    [
        ("textPayload", "", {}),
        ("textPayload", "\n", {}),
        ("textPayload", "\r\n \t", {}),
        ("textPayload", "\u00a0\u2028", {}),
        ("jsonPayload", "", {}),
        ("text_payload", "", {}),
        ("TextPayload", "", {}),
        ("jsonpayload_v1", "", {}),
        ("structPayload", "", {"metadata": {"severity": "INFO"}}),
    ],
)
def test_a_line_of_a_traceback_is_not_missed(name: str, tail: str, fields: dict[str, Any]) -> None:
    """However it is written, the traceback is whole and its rule matches it."""
    first, *rest = TRACEBACK
    lines = [line("", "0", **{name: first + tail}, **fields)]
    lines += [line(text, str(at)) for at, text in enumerate(rest, 1)]
    _, detections, *_ = same(LITERAL, [b"\n".join(lines) + b"\n"])
    assert isinstance(detections, list)
    assert [found["rule"] for found in detections] == ["started"]


@pytest.mark.parametrize(
    ("fields", "lines_inside"),
    [
        ({"protoPayload": {"line": [{"logMessage": "well"}]}}, 1),
        ({"protoPayload": json.dumps({"line": [{"logMessage": "well"}] * 2})}, 2),
        ({"jsonPayload": {"line": [{}], "methodName": "a", "serviceName": "b"}}, 1),
        ({"protopayload_requestlog": {"line": [{"logMessage": "well"}]}}, 1),
        ({"proto_payload": {"line": [{"logMessage": "well"}]}}, 1),
        ({"jsonPayload": {"line": 7}}, 0),
        ({"protoPayload": {"line": "7"}}, 0),
    ],
)
def test_lines_inside_a_request_are_entries(fields: dict[str, Any], lines_inside: int) -> None:
    """Wherever the request log stands."""
    document, *_ = same(LITERAL, [line("", **fields) + b"\n"])
    assert isinstance(document, dict)
    assert document["entries"]["read"] == 1 + lines_inside


@pytest.mark.parametrize(
    "fields",
    [
        {"severity": "LOUD"},
        {"Severity": "LOUD"},
        {"SEVERITY": "LOUD"},
        {"metadata": {"severity": "LOUD"}},
    ],
)
def test_unknown_severities_are_seen_in_every_spelling(fields: dict[str, Any]) -> None:
    """They are counted, though nothing else makes anybody look at their line."""
    document, *_ = same(LITERAL, [line("well", **fields) + b"\n"])
    assert isinstance(document, dict)
    assert document["entries"]["unknown_severities"] == 1


@pytest.mark.parametrize(
    ("rules", "inside", "rule"),
    [
        (MADE, b'"n":1e999', "boundless"),
        (MADE, b'"n":' + b"9" * 400, "boundless"),
        (MADE, b'"n":' + json.dumps(DEEP).encode(), "deep"),
        (UNTRUE, b'"traceSampled":"no"', "untrue"),
        (LITERAL, b'"textPayload":"m\\u0069ssing"', "missing"),
        (NARROWED, b'"textPayload":"mi\\u017f\\u017fing"', "missing"),
        (NARROWED, b'"jsonPayload":{"message":"\\u001b[1mmis\\u001b[0msing"}', "missing"),
        (LITERAL, b'"jsonPayload":{"message":"mis\x1b[0msing"}', "missing"),
        (LITERAL, b'"jsonPayload":{"message":"missing \xff"}', "missing"),
    ],
)
def test_what_an_entry_says_otherwise_than_its_line_is_found(
    rules: RuleSet, inside: bytes, rule: str
) -> None:
    """Rules see what decoding makes of a line."""
    raw = b"{" + FIRST.encode() + b"," + inside + b"}\n"
    _, detections, *_ = same(rules, [raw])
    assert isinstance(detections, list)
    assert [found["rule"] for found in detections] == [rule]


@pytest.mark.parametrize("depth", [99, 100, 101, 500, 990, 1_030, 9_990, 9_995, 9_998, 20_000])
def test_nesting_is_judged_alike(depth: int) -> None:
    """However deep a line is: what one decoder would read and another refuse is told by one."""
    raw = b"{" + FIRST.encode() + b',"n":' + b"[" * depth + b"]" * depth + b"}\n"
    same(LITERAL, [raw + line("well", "b") + b"\n"])


@pytest.mark.parametrize("last", [b"[", b"{", b"[{", b"", b" ", b"{}", line("missing"), b"\xff"])
def test_the_last_line_needs_no_end(last: bytes) -> None:
    """It is read as every other, also when it only opens something."""
    same(LITERAL, [line("well") + b"\n" + last])
    same(LITERAL, [line("well") + b"\n", last])


# --- copies ---------------------------------------------------------------------------------------

POOR, RICH = line("missing"), line("well", jsonPayload={"note": "complete"})


@pytest.mark.parametrize("chunks", [[POOR, RICH], [RICH, POOR], [RICH, line("well", "b"), POOR]])
@pytest.mark.parametrize("apart", [False, True])
def test_a_copy_that_was_not_parsed_is_heard(chunks: list[bytes], *, apart: bool) -> None:
    """A richer one takes back what a poorer one showed, whatever their order and blocks."""
    ended = [chunk + b"\n" for chunk in chunks]
    document, detections, *_ = same(LITERAL, ended if apart else [b"".join(ended)])
    assert detections == []
    assert isinstance(document, dict)
    assert document["entries"]["duplicates"] == 1


def test_a_copy_in_a_later_export_is_heard() -> None:
    """Of entries that a store remembers each copy is looked at."""
    told = same(LITERAL, [POOR + b"\n"], [RICH + b"\n"])
    assert [len(kept) for kept in (told[3], told[9]) if isinstance(kept, tuple)] == [1, 0]


def test_what_stands_beside_a_copy_in_its_line_is_told_once() -> None:
    """A request is read again for its own sake, not for that of the lines it carries."""
    request = {"line": [{"logMessage": "MISSING"}]}
    lines = [line("missing"), line("down"), line("", protopayload_requestlog=request)]
    same(UNTRUE, [b"".join(one + b"\n" for one in lines)])


# --- an examiner by itself ------------------------------------------------------------------------


def block(*some: bytes) -> Block:
    """Make a block of lines."""
    (made,) = read_blocks(NAME, [b"".join(one + b"\n" for one in some)], None)
    assert isinstance(made, Block)
    return made


def test_only_what_matters_is_parsed() -> None:
    """What a rule or a traceback may need; the others are counted, and outside they are not.

    A line that speaks of trouble, as `missing` does, may stand above a traceback.
    """
    lines = [
        line("well", "a"),
        line("missing", "b"),
        line("Foo: x", "c"),
        line("well", "d", timestamp="2025-09-10T00:00:05.5Z"),
        line("well", "e", timestamp="2025-09-10T01:00:00Z"),
    ]
    until = Window(until=BASE + 3600 * SECOND)
    examined = Examiner(detector(LITERAL), until)(block(*lines))
    assert (len(examined.passed), len(examined.parsed), examined.outside) == (2, 2, 1)
    assert examined.watermark == parse_timestamp("2025-09-10T00:00:05.5Z")
    assert [part.insert_id for part in examined.parts] == ["b", "c"]
    assert [told.detections[0].rule for told in examined.told] == ["missing"]
    assert examined.read == 5


TRACED = 'Traceback (most recent call last):\n  File "/app/main.py", line 3, in start\nE: x'
REQUEST = {"requestMethod": "GET", "requestUrl": "/", "status": 404}


@pytest.mark.parametrize(
    ("fields", "pattern"),
    [
        ({"textPayload": "page 7 is gone"}, "page <num> is gone"),
        ({"textPayload": "gone\r\n "}, "gone"),
        ({"textPayload": "", "jsonPayload": {"message": "gone"}}, "gone"),
        ({"severity": "CRITICAL", "jsonPayload": {"msg": "gone", "message": 7}}, "gone"),
        ({"severity": "err", "jsonPayload": {"error": {"value": "gone"}}}, "gone"),
        ({"jsonPayload": {"message": "gone", "exc_info": TRACED}}, "E in start (/app/main.py)"),
        ({"jsonPayload": {"message": "gone", "exc_info": "a\nb"}}, "gone"),
        ({"httpRequest": REQUEST}, "GET / <num>"),
        ({"msg": "gone"}, "gone"),
    ],
)
def test_what_is_only_heard_is_not_parsed(fields: dict[str, Any], pattern: str) -> None:
    """Of lines that no rule and no traceback may need their words are enough."""
    examined = Examiner(detector(LITERAL), Window())(
        block(line("", **{"severity": "WARNING", **fields}))
    )
    assert (len(examined.parsed), len(examined.passed)) == (0, 1)
    assert examined.heard.rows[0] == examined.passed[0]
    (example,) = examined.heard.examples.values()
    assert (example.pattern, example.timestamp, example.insert_id) == (pattern, BASE, "a")


@pytest.mark.parametrize(
    "fields",
    [
        {"textPayload": "gone", "severity": "ERROR"},  # may stand above a traceback
        {"textPayload": "gone\nfor good"},
        {"textPayload": "Gone: for good"},
        {"textPayload": "WARNING: gone", "severity": ""},
        {"jsonPayload": {"message": "gone", "level": "error"}, "severity": None},
        {"jsonPayload": {"code": 7}},
        {"jsonPayload": {"message": "gone", "@type": "type.googleapis.com/AuditLog"}},
        {"jsonPayload": {"message": "gone"}, "protoPayload": {}},
        {"protoPayload": {"status": {"message": "gone"}}},
        {"httpRequest": {**REQUEST, "status": "404"}},
        {"httpRequest": REQUEST, "httpRequest.status": 500},
        {},
    ],
)
def test_what_may_be_more_than_heard_is_parsed(fields: dict[str, Any]) -> None:
    """A line of a traceback or one above it, and what has its words in other places."""
    examined = Examiner(detector(LITERAL), Window())(
        block(line("", **{"severity": "WARNING", **fields}))
    )
    assert (len(examined.parsed), len(examined.passed)) == (1, 0)
    assert len(examined.heard.examples) + len(examined.parts) == 1


def test_what_a_fallback_rule_may_see_is_parsed() -> None:
    """By its severity; what is outside the window is not even heard."""
    lines = [
        line("gone", "a", severity="WARNING"),
        line("", "b", severity="ERROR", jsonPayload={"message": "gone"}),
        line("gone", "c", severity="WARNING", timestamp="2025-09-10T01:00:00Z"),
    ]
    rules = ruleset(yaml_rule("u", "seen: {severity|gte: 500}") + "audit: {fallback: true}\n")
    examine = Examiner(detector(rules), Window(until=BASE + 3600 * SECOND))
    examined = examine(block(*lines))
    assert (len(examined.parsed), len(examined.passed), examined.outside) == (1, 1, 1)
    assert [told.detections[0].rule for told in examined.told] == ["u"]
    assert len(examined.heard.rows) == 4


@st.composite
def loud(draw: st.DrawFn) -> bytes:
    """Make a line that is a WARNING or worse, mostly as a log sink writes it."""
    fields = {
        **draw(st.sampled_from(PAYLOADS))(draw(st.sampled_from(TEXTS_OF_LINES))),
        **draw(st.sampled_from(EXTRAS)),
    }
    severity = draw(st.sampled_from(("WARNING", "warn", "ERROR", "CRITICAL")))
    record = json.loads(line("", **{"severity": severity, **fields}))
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass")


def plain(raw: bytes) -> tuple[Outline, LogEntry]:
    """Return the outline and the entry of a line, if nobody makes a block parse it."""
    (outline,) = outlines(raw, 1, regular=False)
    assume(outline is not None and not SCREEN.places(raw))
    (parsed,) = read_line(NAME, 1, raw)
    assert isinstance(parsed, LogEntry)
    assert outline is not None
    return outline, parsed


@given(loud())
def test_the_words_of_a_line_are_those_of_its_entry(raw: bytes) -> None:
    """What is read of a line is all that its words are made of, if there are any."""
    _, parsed = plain(raw)
    entry = spoken(raw)
    assert entry is None or words_of(entry) in {words_of(parsed), ""}


@given(loud())
def test_what_stands_apart_is_no_part(raw: bytes) -> None:
    """Told by its text and severity, it is what `is_part` says of the entry."""
    outline, parsed = plain(raw)
    severity = severity_of(outline.severity)
    apart = is_apart(outline.textPayload, severity) and not find_parts([outline.textPayload])
    assert severity >= Severity.WARNING
    assert not (apart and is_part(parsed))


def test_a_time_after_the_latest_is_nobodys() -> None:
    """The last of the others counts, if there is one."""
    lines = [line("well", "a"), line("well", "b", timestamp="9999-01-01T00:00:00Z")]
    examine = Examiner(detector(LITERAL), Window(), latest=BASE)
    assert examine(block(*lines)).watermark == BASE
    assert examine(block(lines[1])).watermark == 0


def test_a_block_without_lines_that_belong_to_the_run() -> None:
    """Nothing of it counts but that it was outside."""
    examined = Examiner(detector(LITERAL), Window(since=BASE + 1))(block(line("well")))
    assert (examined.read, examined.outside, examined.watermark) == (1, 1, 0)


@pytest.mark.parametrize("name", sorted(RULESETS))
@pytest.mark.parametrize("in_blocks", [True, False])
@pytest.mark.parametrize(
    "written", [OWN_LABEL, r"fivewhys\u002eown", r"fivewhys\u002Eown", r"\u0066ivewhys.own"]
)
def test_what_this_program_said_itself_is_counted_and_no_more(
    name: str, written: str, *, in_blocks: bool
) -> None:
    """As in a run, which drops it: neither rules nor anything else see what it says."""
    texts = ("missing", "well known", "nobody knows it", TRACED, *TRACEBACK)
    said = {"severity": "ERROR", "labels": {OWN_LABEL: "1"}, "timestamp": "2025-09-10T00:09:00Z"}
    resource = {"type": "cloud_run_job", "labels": {"job_name": "fivewhys"}}
    own = [line(text, f"own {text}", resource=resource, **said) for text in texts]
    own = [one.replace(OWN_LABEL.encode(), written.encode()) for one in own]
    others = [line("missing", "a", severity="ERROR"), line("gone", "b", severity="ERROR")]

    def examined(*some: bytes) -> Examined:
        batch = block(*some)
        examine = Examiner(detector(RULESETS[name]), Window(), counting=True)
        return examine(batch if in_blocks else [*batch.read(range(len(batch)))])

    mixed, alone = examined(*others, *own, own[0]), examined(*others)
    assert (mixed.own, alone.own) == (len(own) + 1, 0)
    assert mixed.read == alone.read + len(own) + 1
    assert len({*mixed.parsed, *mixed.passed}) == len(others) + len(own)
    assert mixed.told == alone.told
    assert mixed.heard.rows == alone.heard.rows
    assert (mixed.parts, mixed.silent) == (alone.parts, alone.silent)
    assert (mixed.sightings, mixed.lasts, mixed.beats) == (
        alone.sightings,
        alone.lasts,
        alone.beats,
    )
    assert mixed.watermark == alone.watermark
