"""A program as a whole process, without looking at how long it takes."""

import sys
from pathlib import Path

import pytest

from tests.benchmarks.measuring import FailedError, best, measure


def test_a_process_is_measured_with_what_it_prints(tmp_path: Path) -> None:
    """Time has passed, a Python takes some megabytes, and its output is there."""
    run = measure([sys.executable, "-c", "print(6 * 7)"], tmp_path)
    assert run.output == "42\n"
    assert run.seconds > 0
    assert run.cpu > 0
    assert run.peak > 10**6


def test_the_peak_counts_what_was_given_back(tmp_path: Path) -> None:
    """Memory is the largest that there was, not the last."""
    run = measure([sys.executable, "-c", "len(bytearray(100_000_000))"], tmp_path)
    assert run.peak > 10**8


def test_the_quickest_run_is_taken(tmp_path: Path) -> None:
    """The command runs as often as it is told to."""
    log = tmp_path / "log"
    best([sys.executable, "-c", f"open({str(log)!r}, 'a').write('x')"], tmp_path, 3)
    assert log.read_text() == "xxx"


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    """A figure of a failed run would be a lie."""
    with pytest.raises(FailedError, match=r"exit 1\nno room"):
        measure([sys.executable, "-c", "raise SystemExit('no room')"], tmp_path)
