"""How long who correlates rests after a step."""

from __future__ import annotations

import pytest

from pipeline.bootstrap.resting import rest_after


@pytest.mark.parametrize(
    ("took", "rests"),
    [(0.0, 0.0), (0.01, 0.09), (0.1, 0.3), (0.3, 0.9), (1.0, 3.0), (5.0, 5.0), (60.0, 5.0)],
)
def test_it_rests_in_proportion(took: float, rests: float) -> None:
    """After a short step for long, after a long one less so, but never so that nothing goes on."""
    assert rest_after(took) == pytest.approx(rests)
