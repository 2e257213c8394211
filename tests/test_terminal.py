"""A plan on a terminal, a narrow one, one without colours, and in a pipe."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONG = "a line that is longer than any terminal " * 9
PROGRAM = f"""
from pipeline.display import print_plan
from pipeline.tracker.telling import Line
print_plan([
    Line("*", "create an issue for inc-a: no issue bears its marker"),
    Line("+", "title: [P1] backend: [red]tables[/red] are missing"),
    Line("-", "old \\x1b[2J\\x1b]0;owned\\x07 \\u202etext"),
    Line("", "…"),
    Line("+", {LONG!r}),
])
"""

_CODE = re.compile(r"\x1b\[([0-9;]*)m")


def drawn(width: int = 80, settings: dict[str, str] | None = None) -> str:
    """Run the program on a terminal of so many columns; return what it wrote there."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "TERM"}}
    with os.fdopen(ours, "rb", 0) as screen:
        try:
            subprocess.run(
                [sys.executable, "-c", PROGRAM],
                cwd=ROOT,
                env={**kept, "TERM": "xterm-256color", **(settings or {})},
                stdout=theirs,
                check=True,
            )
        finally:
            os.close(theirs)
        return "".join(_read(screen.fileno())).replace("\r\n", "\n")


def _read(screen: int) -> list[str]:
    """Read until nobody writes any more, which Linux says by an error."""
    found: list[str] = []
    try:
        while data := os.read(screen, 65_536):
            found.append(data.decode())
    except OSError:
        pass
    return found


def test_a_plan_is_coloured() -> None:
    """What comes is green, what goes red; a text neither colours nor drives the terminal."""
    lines = drawn().splitlines()
    assert lines[0] == "\x1b[1mcreate an issue for inc-a: no issue bears its marker\x1b[0m"
    assert lines[1] == "\x1b[32m  + title: [P1] backend: [red]tables[/red] are missing\x1b[0m"
    assert lines[2] == "\x1b[31m  - old  ⟨U+202E⟩text\x1b[0m"
    assert lines[3] == "\x1b[2m…\x1b[0m"


@pytest.mark.parametrize("width", [1, 20, 300])
def test_no_terminal_is_too_narrow(width: int) -> None:
    """It is the terminal that wraps, so that what is copied is whole."""
    text = _CODE.sub("", drawn(width))
    assert f"  + {LONG}\n" in text
    assert len(text.splitlines()) == 5


@pytest.mark.parametrize("settings", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_done_without(settings: dict[str, str]) -> None:
    """The signs say the same."""
    text = drawn(settings=settings)
    assert not {"31", "32"} & set(_CODE.findall(text))
    assert "  - old  ⟨U+202E⟩text\n" in text


def test_a_pipe_gets_plain_lines() -> None:
    """With their signs, and nothing else."""
    command = [sys.executable, "-c", PROGRAM]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert "\x1b" not in told
    assert told.splitlines()[2:4] == ["  - old  ⟨U+202E⟩text", "…"]
