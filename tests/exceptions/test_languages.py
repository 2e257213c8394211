"""What holds for the exceptions of every language."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.exceptions import parse_exception

LINES = [
    "Traceback (most recent call last):",
    '  File "/app/a.py", line 1, in f',
    "During handling of the above exception, another exception occurred:",
    "ValueError: x",
    'Exception in thread "main" java.lang.Error: x',
    "\tat com.example.A.b(A.java:1)",
    "\t... 3 more",
    "Caused by: com.example.NotFound: x",
    "\tSuppressed: java.io.IOException",
    "Wrapped by: java.lang.Error",
    "panic: x [recovered]",
    "goroutine 1 [running]:",
    "main.f(0x1)",
    "panic({0x1})",
    "\t/app/a.go:1 +0x1",
    "created by main.main",
    "Unhandled exception. System.Exception: x",
    " ---> System.Exception: y",
    "   at A.B.C(String x) in /src/A.cs:line 1",
    "   --- End of inner exception stack trace ---",
    "    at f (/app/a.js:1:2) {",
    "    at node:internal/a:1:2",
    "  [cause]: TypeError: x",
    "  [errors]: [",
    "    Error: x",
    "}",
    "",
    "\ud800",
]


@given(st.lists(st.sampled_from(LINES)), st.sampled_from(["\n", "\r\n", "\\n"]))
def test_any_lines_are_read_or_not(lines: list[str], end: str) -> None:
    """However a log mixes and tears the traces of languages, reading them raises nothing."""
    found = parse_exception(end.join(lines))
    assert found is None or found.frames or found.type or any(map(str.strip, lines))


@pytest.mark.parametrize("line", LINES)
def test_many_lines_take_linear_time(line: str) -> None:
    """Thousands of one line, also behind the first frame of a language, are read at once."""
    text = f"{line}\n" * (30_000 // (len(line) + 1))
    started = time.process_time()
    for head in ("", "\tat a.A.b(A.java:1)\n", "    at f (/a.js:1:2)\n", "   at A.B()\n"):
        parse_exception(head + text)
    assert time.process_time() - started < 10  # a quadratic step would take longer by far


@pytest.mark.parametrize("unit", ["a", "1.", "a.", "A", "(", "at ", "\\n", 'File "', "x/", "\t"])
@pytest.mark.parametrize("head", ["", "    at ", "\tat ", "panic: ", "  [cause]: ", " ---> "])
def test_long_lines_take_linear_time(head: str, unit: str) -> None:
    """256 KiB without a line end are searched at once, whatever they repeat."""
    started = time.process_time()
    parse_exception(head + unit * (256 * 1024 // len(unit)))
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("head", "frame", "tail"),
    [
        (
            "Traceback (most recent call last):\n",
            '  File "/app/a.py", line {0}, in f\n',
            "KeyError",
        ),
        ("panic: x\n\ngoroutine 1 [running]:\n", "main.f(...)\n\t/app/a.go:{0} +0x1\n", ""),
        ("java.lang.Error: x\n", "\tat com.example.A.b(A.java:{0})\n", ""),
        ("TypeError: x\n", "    at f (/app/a.js:{0}:1)\n", ""),
        ("System.Exception: x\n", "   at A.B() in /src/A.cs:line {0}\n", ""),
    ],
)
def test_a_trace_of_five_thousand_frames(head: str, frame: str, tail: str) -> None:
    """All of them are read."""
    text = head + "".join(frame.format(number) for number in range(1, 5001)) + tail
    found = parse_exception(text)
    assert found is not None
    assert found.type
    assert sorted(frame.line for frame in found.frames) == list(range(1, 5001))


def test_an_exception_without_a_trace() -> None:
    """One that stands on a line by itself is read whatever its language."""
    found = parse_exception("failed: System.Net.Http.HttpRequestException: refused")
    assert found is not None
    assert (found.module, found.type) == ("System.Net.Http", "HttpRequestException")
