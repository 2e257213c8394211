"""The Logging query language: filters for `entries.list`.

https://cloud.google.com/logging/docs/view/logging-query-language
"""

from __future__ import annotations

from pipeline.entry import format_timestamp, parse_timestamp

_EARLIEST = parse_timestamp("0001-01-01T00:00:00Z")
_LATEST = parse_timestamp("9999-12-31T23:59:59.999999999Z")


def quoted(text: str) -> str:
    """Return a text as a string of the language; it has to be ASCII."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def written(time: int) -> str:
    """Return a time (ns UTC) as RFC 3339; one that cannot be written so as the nearest that can."""
    return format_timestamp(min(max(time, _EARLIEST), _LATEST))


def between(since: int, until: int) -> str:
    """Return the filter for a span of time, both ends included (ns UTC)."""
    ends = (quoted(written(time)) for time in (since, until))
    return "timestamp>={} AND timestamp<={}".format(*ends)


def within(since: int, until: int, wanted: str = "") -> str:
    """Return the filter for what a user's own lets through, from `since` and before `until`.

    It stands on lines of its own: it may end with a comment, which goes on to the end of its line.
    """
    ends = (quoted(written(time)) for time in (since, until))
    span = "timestamp>={} AND timestamp<{}".format(*ends)
    return f"{span} AND (\n{wanted}\n)" if wanted.strip() else span


def resource_of(project: str) -> str:
    """Return the resource whose logs are read: a project by its id; a longer name stands."""
    return project if "/" in project else f"projects/{project}"
