"""Stack traces of Node.js: the innermost cause, the first error of an aggregate."""

import textwrap

import pytest

from pipeline.exceptions import ExceptionInfo, Frame, parse_exception

CHAIN = textwrap.dedent(
    """\
    Error: cannot start
        at start (/app/src/main.js:4:59)
        at Object.<anonymous> (/app/src/main.js:5:1)
        ... 5 lines matching cause stack trace ...
        at node:internal/main/run_main_module:28:49 {
      code: 'E_START',
      [cause]: ConfigError: no configuration
          at load (/app/src/config.js:3:51)
          at node:internal/main/run_main_module:28:49 {
        [cause]: TypeError [ERR_INVALID_ARG_TYPE]: path must be a string
            at read (/app/node_modules/reader/index.js:1:25)
            at async load (file:///app/src/config.mjs:3:23)
            at Array.map (<anonymous>)
            at node:internal/main/run_main_module:28:49
      }
    }
    """
)
AGGREGATE = textwrap.dedent(
    """\
    failed: AggregateError: All promises were rejected
        at /app/src/main.js:9:1 {
      [errors]: [
        Error: one
            at first (/app/src/one.js:5:68),
        RangeError: two
            at second (/app/src/two.js:5:102)
      ]
    }
    """
)


def exception(text: str) -> ExceptionInfo:
    """Return the exception that `text` tells of; there must be one."""
    found = parse_exception(text)
    assert found is not None
    return found


def test_the_innermost_cause() -> None:
    """Causes stand within what they caused, each further in; a code is no part of the type."""
    assert exception(CHAIN) == ExceptionInfo(
        type="TypeError",
        message="path must be a string",
        module="",
        frames=(
            Frame("node:internal/main/run_main_module", 28, "", in_app=False),
            Frame("<anonymous>", 0, "Array.map", in_app=False),
            Frame("/app/src/config.mjs", 3, "load", in_app=True),
            Frame("/app/node_modules/reader/index.js", 1, "read", in_app=False),
        ),
    )


@pytest.mark.parametrize("escape", ["\\n", "\\\\n", "\\r\\n", "\r\n"])
def test_other_line_ends(escape: str) -> None:
    """Escaped line feeds, and those of Windows, change nothing."""
    assert exception(CHAIN.replace("\n", escape)) == exception(CHAIN)


def test_an_aggregate_tells_its_first_error() -> None:
    """What gathers errors is no cause, and the second of them did not cause the first."""
    found = exception(AGGREGATE)
    assert (found.type, found.message) == ("Error", "one")
    assert found.frames == (Frame("/app/src/one.js", 5, "first", in_app=True),)


def test_an_uncaught_error() -> None:
    """Node.js prints the place and the source before it, its own version after it."""
    text = (
        "/app/src/a.js:7\n    throw new Error('x')\n    ^\n\n"
        "TypeError: x is null\n    at /app/src/a.js:7:77\n    at f (C:\\app\\b.js:1:2)\n"
        "    at eval (eval at g (/app/c.js:1:1), <anonymous>:1:21)\n\nNode.js v20.20.2\n"
    )
    found = exception(text)
    assert (found.type, found.message) == ("TypeError", "x is null")
    assert [(frame.file, frame.line, frame.in_app) for frame in found.frames] == [
        ("<anonymous>", 1, False),
        ("C:\\app\\b.js", 1, True),
        ("/app/src/a.js", 7, True),
    ]


@pytest.mark.parametrize(
    ("head", "name", "message"),
    [
        ("(node:1) UnhandledPromiseRejectionWarning: Error: nope", "Error", "nope"),
        (
            "UnhandledPromiseRejection: This error originated",
            "UnhandledPromiseRejection",
            "This error originated",
        ),
        ("[00:00] Uncaught ValidationError: a\nb", "ValidationError", "a\nb"),
        ("Error", "Error", ""),
        ("Timeout: late", "Timeout", "late"),
        ("it broke", "", ""),
    ],
)
def test_what_was_thrown(head: str, name: str, message: str) -> None:
    """A name counts behind the words of a log or of Node.js, and any class can be thrown."""
    found = exception(f"{head}\n    at f (/app/a.js:1:2)\n")
    assert (found.type, found.message) == (name, message)


@pytest.mark.parametrize(
    ("cause", "name", "message"),
    [
        ("'TypeError: text'", "Error", "outer"),
        ("[TypeError: no stack]", "TypeError", "no stack"),
        ("[TypeError: no stack] { code: 1 }", "TypeError", "no stack"),
        ("[TypeError: no stack] {", "TypeError", "no stack"),
        ("null", "Error", "outer"),
    ],
)
def test_a_cause_without_a_stack(cause: str, name: str, message: str) -> None:
    """An error without a stack is still the cause; a cause that is no error has no type."""
    text = f"Error: outer\n    at f (/app/a.js:1:2) {{\n  [cause]: {cause}\n}}\n"
    found = exception(text)
    assert (found.type, found.message) == (name, message)


def test_the_first_of_two_errors_counts() -> None:
    """Another error below is not the cause of the first one."""
    one = "TypeError: a\n    at f (/app/a.js:1:2)\n"
    assert exception(one + "RangeError: b\n    at g (/app/b.js:1:2)\n") == exception(one)


def test_stacks_that_were_cut_off() -> None:
    """Frames alone are read."""
    assert exception("    at f (/app/a.js:1:2)\n    at g (/ap") == ExceptionInfo(
        "", "", "", (Frame("/app/a.js", 1, "f", in_app=True),)
    )


@pytest.mark.parametrize("text", ["meet\n at 10:30:05", "at noon (see a:1:2)", "at /health"])
def test_other_text_tells_of_no_exception(text: str) -> None:
    """A time of day or a path is no frame."""
    assert parse_exception(text) is None
