"""What can be watched, as Prometheus reads it."""

from __future__ import annotations

from pipeline.exposition import BOUNDS, COUNTER, HISTOGRAM, Histogram, Metric, exposition, one


def test_a_value_has_its_meaning_and_kind() -> None:
    """Times keep their seconds, however many there are."""
    assert exposition([one("up", "Whether it is.", 1), one("n", "Many.", 10**14, COUNTER)]) == (
        "# HELP up Whether it is.\n# TYPE up gauge\nup 1\n"
        "# HELP n Many.\n# TYPE n counter\nn 100000000000000\n"
    )
    assert exposition([one("t", "A time.", 1757462400.25)]).endswith("t 1757462400.25\n")


def test_values_of_a_label_are_quoted() -> None:
    """Whatever stands in them is no line of its own."""
    text = exposition([Metric("up", "Whether.", {'a"\\\n': 0.5, "b": 2}, "what")])
    assert text.splitlines()[2:] == ['up{what="a\\"\\\\\\n"} 0.5', 'up{what="b"} 2']


def test_a_histogram_counts_what_is_not_above_each_bound() -> None:
    """A bound counts what is equal to it; the last bucket has all."""
    found = Histogram()
    for seconds in (0.005, 0.2, 0.25, 600):
        found.observe(seconds)
    lines = exposition([Metric("took", "How long.", found, kind=HISTOGRAM)]).splitlines()
    assert lines[:3] == [
        "# HELP took How long.",
        "# TYPE took histogram",
        'took_bucket{le="0.005"} 1',
    ]
    assert 'took_bucket{le="0.1"} 1' in lines
    assert 'took_bucket{le="0.25"} 3' in lines
    assert lines[-3:] == ['took_bucket{le="+Inf"} 4', "took_sum 600.455", "took_count 4"]
    assert len(lines) == len(BOUNDS) + 5
