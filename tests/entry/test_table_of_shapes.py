"""The table of shapes in `tests/README.md` can't name a test that is not there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROWS = re.findall(r"^\| (\d+) \|(.*)\|$", (TESTS / "README.md").read_text(), re.MULTILINE)


def test_every_shape_has_its_number_once() -> None:
    """The numbers run from 1 to 24 without a gap."""
    assert [int(number) for number, _ in ROWS] == list(range(1, 25))


def test_every_shape_is_read_by_a_test_that_exists() -> None:
    """Each row names at least one test, by file and name."""
    for number, row in ROWS:
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", row)
        assert named, f"shape {number} has no test"
        for file, name in named:
            assert f"\ndef {name}(" in (TESTS / file).read_text(), f"{file} has no {name}"
