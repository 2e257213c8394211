"""From what cProfile counts to the share of each module."""

import cProfile
import json
from pathlib import Path

import pytest

from tests.benchmarks.measuring import ROOT
from tests.benchmarks.profiling import read_profile, shares

READ = (str(ROOT / "pipeline/entry/parsing.py"), 10, "parse")
ALSO = (str(ROOT / "pipeline/entry/parsing.py"), 20, "place")
SCAN = (str(ROOT / "pipeline/screen.py"), 5, "scan")
LOADS = ("~", 0, "<built-in method loads>")


def test_the_shares_add_up_by_module() -> None:
    """What is not written in Python counts for the modules that call it, the largest come first."""
    found = shares(
        {
            SCAN: (1, 1, 0.5, 0.5, {}),
            READ: (1, 1, 1.0, 3.0, {}),
            ALSO: (1, 1, 0.5, 0.5, {READ: (1, 1, 0.5, 0.5)}),
            LOADS: (2, 2, 2.0, 2.0, {READ: (1, 1, 1.5, 1.5), SCAN: (1, 1, 0.5, 0.5)}),
        }
    )
    assert list(found.items()) == [
        ("pipeline/entry/parsing.py", 0.75),
        ("pipeline/screen.py", 0.25),
    ]


@pytest.mark.parametrize(
    ("file", "module"),
    [
        (json.__file__, "json"),
        (pytest.__file__, "pytest"),
        ("<frozen importlib._bootstrap>", "(import)"),
        ("<string>", "<string>"),
        ("~", "~"),
    ],
    ids=["standard library", "library", "import", "generated", "no caller"],
)
def test_a_module_is_named_by_its_package(file: str, module: str) -> None:
    """Where our time goes outside of our code, the package says enough."""
    assert shares({(file, 1, "f"): (1, 1, 1.0, 1.0, {})}) == {module: 1.0}


def test_nothing_counted_is_no_time() -> None:
    """A profile of nothing has no shares."""
    assert shares({}) == {}


def test_a_file_of_cprofile_is_read(tmp_path: Path) -> None:
    """As `python -m cProfile -o` writes it."""
    path = tmp_path / "profile"
    with cProfile.Profile() as profile:
        json.dumps({"a": 1})
    profile.dump_stats(path)
    assert "json" in read_profile(path)
