"""The benchmark itself, without running it."""

import json

import pytest

from tests.benchmarks import bench
from tests.benchmarks.measuring import ROOT, FailedError


def test_the_size_is_a_number_of_megabytes() -> None:
    """BENCH_MB, in bytes."""
    assert bench.size_of("200") == 200_000_000


@pytest.mark.parametrize("text", ["", "0", "1.5", "-3", "1GB", "\N{SUPERSCRIPT TWO}"])
def test_any_other_size_is_refused(text: str) -> None:
    """With what it should be."""
    with pytest.raises(SystemExit, match="BENCH_MB is a number of megabytes"):
        bench.size_of(text)


def test_what_was_detected_is_counted_over_all_incidents() -> None:
    """Each symptom counts its entries."""
    incidents = [{"symptoms": [{"count": 2}, {"count": 3}]}, {"symptoms": [{"count": 4}]}]
    assert bench.counted(json.dumps({"incidents": incidents})) == 9


def test_a_program_that_found_too_little_has_no_figure() -> None:
    """Of 2,000 entries 6 match."""
    wanted = bench.matching(2_000)
    bench.expect("ripgrep", 6, wanted)
    with pytest.raises(FailedError, match="ripgrep found 5 entries, not 6"):
        bench.expect("ripgrep", 5, wanted)


def test_the_readme_has_every_row() -> None:
    """What is measured is explained: each method that makes a row is named."""
    text = (ROOT / "tests/benchmarks/README.md").read_text(encoding="utf-8")
    assert [row.__name__ for row in bench.ROWS if f"`{row.__name__}`" not in text] == []
