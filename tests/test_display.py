"""What a terminal shows, and what a pipe gets."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

from pipeline import display
from pipeline.document import EntriesDocument, RejectionDocument, RunDocument

if TYPE_CHECKING:
    import pytest

COMMAND = "from pipeline.cli import main; main()"


def on_a_terminal(*words: str) -> str:
    """Run a command with a terminal as its output and return what was written there."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        stdout=slave,
        stderr=slave,
        stdin=subprocess.DEVNULL,
        env=environment,
    ):
        os.close(slave)
        written = b""
        try:
            while more := os.read(master, 65_536):
                written += more
        except OSError:  # Linux ends a terminal whose other side is closed like this
            pass
    os.close(master)
    return written.decode()


def test_a_terminal_gets_a_table() -> None:
    """On a terminal rules are listed in a table with a heading."""
    shown = on_a_terminal("rules", "list")
    assert "Signature" in shown
    assert "│ missing_table" in shown


def test_a_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Piped, a row is one line of cells between tabs, whatever stands in them."""
    display.print_table(("A", "B"), [("x\n\x1b[31my", "[bold]z")])
    assert capsys.readouterr().out == "x y\t[bold]z\n"


def test_the_first_rejections_are_named_and_the_rest_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Standard error gets a few rejections; log text cannot drive the terminal."""
    rejections = [RejectionDocument(place=f"e:{n}", reason="\x1b[2Jno [i]JSON") for n in range(12)]
    entries = EntriesDocument(read=12, accepted=0, duplicates=0, rejected=12, outside=3)
    document = RunDocument(entries=entries, rejections=rejections, incidents=[])
    display.print_run(document)
    display.print_rejections(document)
    printed = capsys.readouterr()
    assert printed.out == (
        "0 incidents in 12 entries read: 0 accepted, 0 duplicates, 12 rejected"
        "; 3 outside --since/--until\n"
    )
    lines = printed.err.splitlines()
    assert lines[0] == "rejected e:0: no [i]JSON"
    assert len(lines) == 11
    assert lines[-1] == "and 2 more rejected; --format json lists them all"
