"""Semantic versions and the steps between them."""

import pytest

from pipeline.versions import Step, following, is_less


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Step.NONE, "1.4.2"),
        (Step.PATCH, "1.4.3"),
        (Step.MINOR, "1.5.0"),
        (Step.MAJOR, "2.0.0"),
    ],
)
def test_a_step_leads_to_the_next_version(step: Step, expected: str) -> None:
    """What is smaller begins anew."""
    assert following("1.4.2", step) == expected
    assert following("latest", step) == ""


@pytest.mark.parametrize(
    ("version", "least", "expected"),
    [
        ("1.9.0", "1.10.0", True),
        ("1.10.0", "1.10.0", False),
        ("2.0.0", "1.10.0", False),
        ("", "1.0.0", False),
        ("1.0.0", "", False),
    ],
)
def test_versions_are_numbers(version: str, least: str, *, expected: bool) -> None:
    """They are compared as such; without two of them nothing is less."""
    assert is_less(version, least) is expected
