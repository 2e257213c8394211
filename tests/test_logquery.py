"""What is asked of the Logging API, in its own language."""

from __future__ import annotations

from pipeline.logquery import between, quoted, resource_of, within, written
from tests.support import BASE, SECOND


def test_a_span_of_time_has_both_ends_or_one() -> None:
    """`within` ends before its end, so that spans in a row hold each entry once."""
    assert between(BASE, BASE + SECOND) == (
        'timestamp>="2025-09-10T00:00:00Z" AND timestamp<="2025-09-10T00:00:01Z"'
    )
    assert within(BASE, BASE + SECOND, " ") == (
        'timestamp>="2025-09-10T00:00:00Z" AND timestamp<"2025-09-10T00:00:01Z"'
    )


def test_a_filter_stands_on_lines_of_its_own() -> None:
    """A comment at its end swallows nothing."""
    assert within(BASE, BASE, "severity>=ERROR -- bad").endswith(
        " AND (\nseverity>=ERROR -- bad\n)"
    )


def test_quotes_end_no_string() -> None:
    """Nor does a backslash before one."""
    assert quoted('a"b\\') == '"a\\"b\\\\"'


def test_a_time_that_cannot_be_written_is_the_nearest_that_can() -> None:
    """RFC 3339 has four digits for a year."""
    assert written(-(10**21)) == "0001-01-01T00:00:00Z"
    assert written(10**21) == "9999-12-31T23:59:59.999999999Z"


def test_a_resource_is_a_project_or_a_whole_name() -> None:
    """A folder, an organization or a view is named in full."""
    assert resource_of("demo") == "projects/demo"
    assert resource_of("folders/1") == "folders/1"
