"""The table of figures."""

import pytest

from tests.benchmarks.table import Row, at_least, below, number, render, skipped


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (at_least("speed", 20.0, 20), "met"),
        (at_least("speed", 19.9, 20), "missed"),
        (below("time", 149, 150), "met"),
        (below("time", 150, 150), "missed"),
        (skipped("speed", ">= 20", "needs sec"), "-"),
    ],
)
def test_a_figure_is_held_against_its_wish(row: Row, verdict: str) -> None:
    """At least: the wish itself will do. Below: it will not."""
    assert row.verdict == verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.094, "0.09"), (9.996, "10.0"), (10.04, "10.0"), (99.96, "100"), (1234.5, "1,234")],
)
def test_a_number_has_as_many_digits_as_count(value: float, text: str) -> None:
    """Two after the point up to ten, one up to a hundred, none beyond; decided once rounded."""
    assert number(value) == text


def test_the_table_is_aligned_markdown() -> None:
    """It reads as well in a terminal as in a README."""
    rows = [
        at_least("speed", 0.5, 1, detail="3 MB/s"),
        below("memory", 92.1, 300, unit=" MB"),
        skipped("jobs", ">= 1.70", "not built yet"),
    ]
    assert render(rows).splitlines() == [
        "| What   | Wish     | Reached |        | Measured      |",
        "| ------ | -------- | ------- | ------ | ------------- |",
        "| speed  | >= 1.00  | 0.50    | missed | 3 MB/s        |",
        "| memory | < 300 MB | 92.1 MB | met    |               |",
        "| jobs   | >= 1.70  | -       | -      | not built yet |",
    ]
