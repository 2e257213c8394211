"""What a terminal shows, and what a pipe gets."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from pipeline import display
from pipeline.document import (
    EntriesDocument,
    NoiseDocument,
    RejectionDocument,
    RunDocument,
)
from pipeline.selfaudit import AuditDocument, UnmatchedDocument

COMMAND = "from pipeline.cli import main; main()"
ROWS = (
    ("inc-42e2a1b0c9d8", "P1", "ongoing", "2025-09-10T00:33:54Z", "no table " * 9, "missing " * 9),
    ("inc-000000000001", "P2", "new", "2025-09-10T00:33:55Z", "x" * 99 + "end", "[bold]\x1b[2J"),
)
INCIDENTS = f"from pipeline.display import *; print_table(INCIDENT_COLUMNS, {ROWS!r})"


def on_a_terminal(*words: str, code: str = COMMAND, columns: int = 200) -> str:
    """Run a command with a terminal as its output and return what was written there."""
    master, slave = pty.openpty()
    terminal = {"TERM": "xterm", "COLUMNS": str(columns), "PYTHONWARNINGS": "ignore"}
    environment = {**os.environ, **terminal}
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
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


@pytest.mark.parametrize("columns", [90, 120, 200])
def test_a_table_names_each_row_whole_and_cuts_nothing(columns: int) -> None:
    """The id of an incident stays on one line; other cells are folded into as many as it takes."""
    shown = on_a_terminal(code=INCIDENTS, columns=columns)
    assert "│ inc-42e2a1b0c9d8 │" in shown
    assert "│ inc-000000000001 │" in shown
    assert "…" not in shown
    cells = [line.split("│")[1:-1] for line in shown.splitlines() if line.startswith("│")]
    titles = "".join(cell[4] for cell in cells).replace(" ", "")
    assert titles == ("no table " * 9).replace(" ", "") + "x" * 99 + "end"
    assert all(len(line) <= columns for line in shown.splitlines() if "\x1b" not in line)


@pytest.mark.parametrize("columns", [10, 20, 80, 89])
def test_a_narrow_terminal_gets_a_line_for_each_cell(columns: int) -> None:
    """With an empty line between rows; the terminal wraps what is longer than it is wide."""
    shown = on_a_terminal(code=INCIDENTS, columns=columns)
    first, second = shown.split("\r\n\r\n")
    assert first.startswith("Incident: inc-42e2a1b0c9d8\r\nPriority: P1\r\nState: ongoing\r\n")
    assert second.splitlines()[4:] == [f"Title: {'x' * 99}end", "Root cause: [bold]"]


def test_a_name_too_long_for_a_table_is_whole_in_lines() -> None:
    """An insert id may be as long as a client likes."""
    code = f"from pipeline.display import *; print_table(('Id', 'Rules'), [('{'i' * 90}', 'r')])"
    assert on_a_terminal(code=code, columns=100) == f"Id: {'i' * 90}\r\nRules: r\r\n"


@pytest.mark.parametrize("columns", [20, 80])
def test_a_table_may_have_no_rows(columns: int) -> None:
    """It is a heading, or nothing."""
    code = "from pipeline.display import *; print_table(('Id', 'Rules'), [])"
    assert ("Rules" in on_a_terminal(code=code, columns=columns)) is (columns == 80)


def test_a_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Piped, a row is one line of cells between tabs, whatever stands in them."""
    display.print_table(("A", "B"), [("x\n\x1b[31my", "[bold]z")])
    assert capsys.readouterr().out == "x y\t[bold]z\n"


def audit_of(warnings: int, unmatched: int, *patterns: str, late: int = 0) -> AuditDocument:
    """Make a self-audit."""
    return AuditDocument(
        warnings=warnings,
        unmatched=unmatched,
        patterns=len(patterns),
        complete=True,
        commonest=[
            UnmatchedDocument(
                pattern=text,
                count=2,
                insert_id="id",
                timestamp="2025-09-10T00:00:00Z",
                example=text,
            )
            for text in patterns
        ],
        late=late,
        dropped=0,
    )


def test_the_share_that_no_rule_matches_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """If there is any, and so are entries that came late."""
    display.print_audit(audit_of(340, 41, late=7))
    assert capsys.readouterr().out == (
        "12% of 340 warnings and errors match no rule; fivewhys replay --format json lists the "
        "commonest\n7 entries came later than correlation allows for\n"
    )
    display.print_audit(audit_of(340, 0))
    assert capsys.readouterr().out == ""


def test_the_self_audit_as_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    """Log text does not leave its cell."""
    display.print_audit_markdown(audit_of(3, 2, "a | b `c`"))
    printed = capsys.readouterr().out
    assert "2 of 3 warnings and errors match no rule" in printed
    assert printed.splitlines()[-1].count(" | ") == 2
    display.print_audit_markdown(audit_of(0, 0))
    assert "|" not in capsys.readouterr().out


def test_the_first_rejections_are_named_and_the_rest_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Standard error gets a few rejections; log text cannot drive the terminal."""
    rejections = [RejectionDocument(place=f"e:{n}", reason="\x1b[2Jno [i]JSON") for n in range(12)]
    entries = EntriesDocument(
        read=12, accepted=0, duplicates=0, rejected=12, outside=3, unknown_severities=2
    )
    audit = audit_of(0, 0)
    document = RunDocument(entries=entries, audit=audit, rejections=rejections, incidents=[])
    display.print_run(document)
    display.print_rejections(document)
    printed = capsys.readouterr()
    assert printed.out == (
        "0 incidents in 12 entries read: 0 accepted, 0 duplicates, 12 rejected"
        "; 3 outside --since/--until; 2 of an unknown severity\n"
    )
    lines = printed.err.splitlines()
    assert lines[0] == "rejected e:0: no [i]JSON"
    assert len(lines) == 11
    assert lines[-1] == "and 2 more rejected; --format json lists them all"


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ((), ""),
        ((3,), "1 symptom of noise in 3 entries; --format json lists them\n"),
        ((3, 1000), "2 symptoms of noise in 1,003 entries; --format json lists them\n"),
    ],
)
def test_noise_is_one_line(
    capsys: pytest.CaptureFixture[str], counts: tuple[int, ...], line: str
) -> None:
    """What is said at every start takes no more room than that."""
    noise = [
        NoiseDocument(
            rule="loud",
            title="Loud",
            level="low",
            priority="P4",
            services=[],
            revisions=[],
            count=count,
            first_seen="2025-09-10T00:00:00Z",
            last_seen="2025-09-10T00:00:00Z",
            fingerprint=f"v1-{index}",
        )
        for index, count in enumerate(counts)
    ]
    entries = EntriesDocument(
        read=9, accepted=9, duplicates=0, rejected=0, outside=0, unknown_severities=0
    )
    display.print_run(
        RunDocument(entries=entries, audit=audit_of(0, 0), rejections=[], incidents=[], noise=noise)
    )
    first, rest = capsys.readouterr().out.split("\n", 1)
    assert first.startswith("0 incidents in 9 entries read")
    assert rest == line


def test_progress_counts_records_on_a_terminal() -> None:
    """As soon as the first are told."""
    code = "from pipeline.display import progress\nwith progress() as tell: tell(1_200); tell(34)"
    assert "1,234 records read" in on_a_terminal(code=code)
    assert on_a_terminal(code=code.replace("tell(1_200); tell(34)", "pass")) == ""
