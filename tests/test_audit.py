"""The `audit:` block."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.audit import SECOND, Audit, parse_span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("10m", 600), ("2h", 7200), ("1d", 86_400), ("1w", 604_800)],
)
def test_a_span_is_written_as_in_sigma_and_counts_nanoseconds(text: str, seconds: int) -> None:
    """Whole numbers with one unit."""
    assert parse_span(text) == seconds * SECOND


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (30, "30 is no time span; write it like 30s, 10m, 2h or 1d"),
        (None, "None is no time span"),
        ("", "Timespan '' is invalid"),
        ("1m30s", "Timespan '1m30s' is invalid"),
        ("-5s", "Timespan '-5s' is invalid"),
        ("0s", "Timespan '0s' must be greater than zero"),
        ("9" * 5000 + "s", "integer string conversion"),
    ],
)
def test_what_is_no_span_is_an_error(value: object, message: str) -> None:
    """With what it was and how to write it."""
    with pytest.raises(ValueError, match=message):
        parse_span(value)


def test_an_empty_block_has_defaults() -> None:
    """A Sigma rule without the block runs."""
    audit = Audit()
    assert (audit.signature, audit.entity, audit.caused_by, audit.context) == ("", (), (), None)
    assert not audit.user_visible
    assert not audit.is_apart


@pytest.mark.parametrize("block", [{"noise": True}, {"context": {}}])
def test_context_and_noise_have_no_links(block: dict[str, object]) -> None:
    """Whatever asks for links leaves both out."""
    assert Audit.model_validate(block).is_apart


def test_edges_and_context_reach_ten_minutes_unless_they_say_otherwise() -> None:
    """Context belongs to the service of the incident, an edge holds between any two."""
    audit = Audit.model_validate({"caused_by": [{"rule": "other"}], "context": {}})
    (edge,) = audit.caused_by
    assert (edge.same, edge.within) == ((), 600 * SECOND)
    assert audit.context is not None
    assert (audit.context.same, audit.context.within) == (("service",), 600 * SECOND)
    told = Audit.model_validate({"context": {"same": [], "within": "1h"}}).context
    assert told is not None
    assert (told.same, told.within) == ((), 3600 * SECOND)


@pytest.mark.parametrize(
    ("block", "place"),
    [
        ({"titel": "x"}, ("titel",)),
        ({"entity": "service"}, ("entity",)),
        ({"captures": {"n": "number"}}, ("captures", "n")),
        ({"caused_by": [{"same": ["service"]}]}, ("caused_by", 0, "rule")),
        ({"caused_by": [{"rule": "x", "within": 5}]}, ("caused_by", 0, "within")),
        ({"context": {"behind": "5m"}}, ("context", "behind")),
        ({"context": {"after": 5}}, ("context", "after")),
        ({"user_visible": "perhaps"}, ("user_visible",)),
    ],
)
def test_what_the_block_does_not_know_is_an_error(
    block: dict[str, Any], place: tuple[str | int, ...]
) -> None:
    """A misspelt key would otherwise do nothing, silently."""
    with pytest.raises(ValidationError) as caught:
        Audit.model_validate(block)
    assert [error["loc"] for error in caught.value.errors()] == [place]
