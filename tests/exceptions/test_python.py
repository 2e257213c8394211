"""Tracebacks of Python: the cause and its frames, whatever a log did to them."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.exceptions import ExceptionInfo, Frame, parse_exception
from tests.tracebacks import CHAIN

GROUP = textwrap.indent(
    textwrap.dedent(
        """\
      + Exception Group Traceback (most recent call last):
      |   File "/app/main.py", line 9, in run
      |     async with TaskGroup() as group:
      | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
      +-+---------------- 1 ----------------
        | Traceback (most recent call last):
        |   File "/app/task.py", line 4, in one
        |     raise ValueError("first")
        | ValueError: first
        +---------------- 2 ----------------
        | Traceback (most recent call last):
        |   File "/app/task.py", line 8, in two
        |     raise KeyError("second")
        | KeyError: 'second'
        +------------------------------------
    """
    ),
    "  ",
)
RECURSION = textwrap.dedent(
    """\
    Traceback (most recent call last):
      File "/app/a.py", line 9, in <module>
        walk(tree)
      File "/app/a.py", line 5, in walk
        return walk(tree)
      File "/app/a.py", line 5, in walk
        return walk(tree)
      [Previous line repeated 996 more times]
    RecursionError: maximum recursion depth exceeded
    """
)
SYNTAX = textwrap.dedent(
    """\
    Traceback (most recent call last):
      File "<frozen importlib._bootstrap>", line 241, in _call_with_frames_removed
      File "/app/models.py", line 3
        x: int | None = (
                        ^
    SyntaxError: '(' was never closed
    """
)


def exception(text: str) -> ExceptionInfo:
    """Return the exception that `text` tells of; there must be one."""
    found = parse_exception(text)
    assert found is not None
    return found


def test_the_cause_is_the_exception_printed_first() -> None:
    """Of a chain the innermost cause counts, with its frames in call order."""
    assert exception(CHAIN) == ExceptionInfo(
        type="UndefinedTable",
        message=(
            'relation "user_sessions" does not exist\n'
            "LINE 1: SELECT * FROM user_sessions\n"
            "                      ^"
        ),
        module="psycopg2.errors",
        frames=(
            Frame(
                "/usr/local/lib/python3.11/site-packages/sqlalchemy/engine/base.py",
                1967,
                "_exec",
                in_app=False,
            ),
            Frame("/app/backend/db.py", 12, "fetch", in_app=True),
        ),
    )


@pytest.mark.parametrize("escape", ["\\", "\\\\"])
def test_a_traceback_on_one_line(escape: str) -> None:
    """Line feeds and quotes that were escaped, once or twice, read like real ones."""
    line = CHAIN.replace('"', escape + '"').replace("\n", escape + "n")
    assert "\n" not in line
    assert exception(line) == exception(CHAIN)


def test_carriage_returns_are_no_part_of_it() -> None:
    """Windows line ends, real or escaped, change nothing."""
    assert exception(RECURSION.replace("\n", "\r\n")) == exception(RECURSION)
    assert exception(RECURSION.replace("\n", "\\r\\n")) == exception(RECURSION)


def test_the_cause_of_a_group_is_its_first_member() -> None:
    """An exception group only gathers; what it gathers is the cause."""
    found = exception(GROUP)
    assert (found.type, found.message) == ("ValueError", "first")
    assert found.frames == (Frame("/app/task.py", 4, "one", in_app=True),)
    alone = exception(GROUP[: GROUP.index("  +-+-")])
    assert (alone.type, alone.frames[0].function) == ("ExceptionGroup", "run")


def test_recursion_folds() -> None:
    """A frame that repeats stands once."""
    assert [frame.function for frame in exception(RECURSION).frames] == ["<module>", "walk"]


def test_a_frame_without_a_function() -> None:
    """The place of a syntax error is a frame; Python's own machinery is not the application."""
    found = exception(SYNTAX)
    assert found.type == "SyntaxError"
    assert [(frame.function, frame.in_app) for frame in found.frames] == [
        ("_call_with_frames_removed", False),
        ("", True),
    ]


def test_a_cause_from_another_process() -> None:
    """A cause that was printed between quotes, without frames of its own around it."""
    text = (
        "multiprocessing.pool.RemoteTraceback: \n"
        '"""\n'
        "Traceback (most recent call last):\n"
        '  File "/app/job.py", line 2, in work\n'
        "    1 / 0\n"
        "ZeroDivisionError: division by zero\n"
        '"""\n'
        "\nThe above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n"
        '  File "/app/main.py", line 2, in <module>\n'
        "ZeroDivisionError: division by zero\n"
    )
    found = exception(text)
    assert (found.message, found.frames[0].file) == ("division by zero", "/app/job.py")


def test_a_cause_without_a_traceback() -> None:
    """A cause that has no frames still comes before what it caused."""
    text = (
        "ModuleNotFoundError: No module named 'x'\n\n"
        "During handling of the above exception, another exception occurred:\n\n" + RECURSION
    )
    assert exception(text) == ExceptionInfo("ModuleNotFoundError", "No module named 'x'", "", ())


def test_tracebacks_that_were_cut_off() -> None:
    """What is there is read: without its end, without its beginning, or in the middle of both."""
    lines = RECURSION.splitlines()
    headless = exception("\n".join(lines[1:]))
    assert headless == exception(RECURSION)
    endless = exception("\n".join(lines[:3]) + "…")
    assert endless == ExceptionInfo("", "", "", (Frame("/app/a.py", 9, "<module>", in_app=True),))
    second = exception("\n".join(lines[3:5]) + "\n" + SYNTAX)
    assert (second.type, second.frames[0].function) == ("", "walk")
    assert exception("Traceback (most recent call last):") == ExceptionInfo("", "", "", ())


def test_a_traceback_whose_indent_was_lost() -> None:
    """Lines of source are not taken for the exception."""
    text = "\n".join(line.strip() for line in CHAIN.splitlines())
    assert exception(text).type == "UndefinedTable"


@pytest.mark.parametrize(
    ("text", "module", "name", "message"),
    [
        (
            "ModuleNotFoundError: No module named 'x'",
            "",
            "ModuleNotFoundError",
            "No module named 'x'",
        ),
        ("KeyboardInterrupt", "", "KeyboardInterrupt", ""),
        ("failed: asyncio.exceptions.CancelledError:", "asyncio.exceptions", "CancelledError", ""),
        ("ERROR | app - ImportError: a: b\nnext", "", "ImportError", "a: b"),
        ("(psycopg2.errors.UndefinedTable: gone)", "psycopg2.errors", "UndefinedTable", "gone)"),
        (
            "redis.exceptions.ConnectionError: \ud800",
            "redis.exceptions",
            "ConnectionError",
            "\ud800",
        ),
    ],
)
def test_an_exception_on_one_line(text: str, module: str, name: str, message: str) -> None:
    """An exception without a traceback is read wherever a log's own words put it."""
    assert exception(text) == ExceptionInfo(name, message, module, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Error: something went wrong",
        "ERROR: relation does not exist",
        "no ValueError here",
        "DeprecationWarning: old",
        "✗ Missing critical user tables: ['user_sessions']",
        "Could not read the file C:\\new\\table",
        "\x00\ud800",
    ],
)
def test_other_text_tells_of_no_exception(text: str) -> None:
    """A level, a warning or a word that looks alike is no exception."""
    assert parse_exception(text) is None


@pytest.mark.parametrize(
    ("file", "in_app"),
    [
        ("/app/main.py", True),
        ("main.py", True),
        ("/opt/venv/lib/python3.11/site-packages/x.py", False),
        ("/usr/lib/python3/dist-packages/x.py", False),
        ("/usr/local/lib/python3.12/asyncio/runners.py", False),
        ("C:\\Python\\Lib\\site-packages\\x.py", False),
        ("<frozen importlib._bootstrap>", False),
        ("<string>", False),
    ],
)
def test_frames_of_the_application(file: str, *, in_app: bool) -> None:
    """Installed packages, the standard library and generated code are not the application."""
    text = f'Traceback (most recent call last):\n  File "{file}", line 1, in f\nValueError: x'
    assert [frame.in_app for frame in exception(text).frames] == [in_app]


@given(st.lists(st.sampled_from([*CHAIN.splitlines(), *GROUP.splitlines(), "\ud800", "x" * 50])))
def test_any_lines_are_read_or_not(lines: list[str]) -> None:
    """However a log mixes and tears tracebacks, reading them raises nothing."""
    found = parse_exception("\n".join(lines))
    assert found is None or found.frames or found.type or "Traceback" in "".join(lines)
