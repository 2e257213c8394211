"""The entries around first failures, from the Logging API (`entries.list`).

The API answers 60 reads a minute for a project, so only so many first failures are looked up in a
run that it can never come to that. Nothing is written, and what an entry says never becomes part of
a filter otherwise than as a quoted string.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.entry import parse_entry
from pipeline.errors import EntryError
from pipeline.investigators.nearby_logs.asking import (
    AFTER,
    BEFORE,
    MOST_AFTER,
    MOST_AT_START,
    MOST_BEFORE,
    SECOND,
    Answer,
    near_of,
)
from pipeline.logquery import between, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.entry import LogEntry
    from pipeline.investigators.nearby_logs.asking import Asked, Near

MOST_ASKED = 12
"""First failures that are looked up in a run, with four reads each: 48 of the 60 of a minute."""

MOST_PAGES = 5
"""Pages of one answer; an answer may have any number of empty ones."""

TIMEOUT = 15.0
"""Seconds for one page."""

SINCE = 24 * 3600 * SECOND
"""Nanoseconds before the first failure in which the start of its instance is looked for."""

_ANCHORS = 10
_PROJECT = re.compile(r"projects/([a-z][a-z0-9.:-]{0,62})/logs/")
_PLAIN = re.compile(r"[ -~]{1,512}")  # ASCII that can be seen
_INSTANCE = (
    "labels.instanceId",
    "resource.labels.instance_id",
    "resource.labels.pod_name",
    'labels."appengine.googleapis.com/instance_name"',
    'labels."appengine.googleapis.com/clone_id"',
)


class Pages(Protocol):
    """An answer of the API: pages, each with `entries` (`google.cloud.logging_v2.types`)."""

    @property
    def pages(self) -> Iterator[Any]:
        """Fetch one page after the other."""


class Client(Protocol):
    """The part of `LoggingServiceV2Client` that is used."""

    def list_log_entries(self, request: Mapping[str, Any], *, timeout: float) -> Pages:
        """Ask for entries (`ListLogEntriesRequest`)."""


@dataclass(frozen=True, slots=True)
class LoggingApi:
    """`Logs` that asks the API; `client` has its credentials from elsewhere."""

    client: Client
    most: int = MOST_ASKED
    most_pages: int = MOST_PAGES

    def near(self, asked: Sequence[Asked]) -> Answer:
        """Return what is near; the first call that fails is the last one."""
        from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415 - slow to load
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

        found: dict[str, Near] = {}
        unread = ""
        if len(asked) > self.most:
            unread = f"the Logging API is asked about {self.most} of {len(asked)} incidents"
        try:
            for one in asked[: self.most]:
                near = _Look(self.client, one, self.most_pages).near()
                found |= {one.incident: near} if near else {}
        except (GoogleAPIError, GoogleAuthError) as error:
            reason = f"the Logging API did not answer: {type(error).__name__}: {error}"
            unread = "; ".join(filter(None, (unread, reason)))
        return Answer(found, unread)


@dataclass(slots=True)
class _Look:
    """Looking up what is around one first failure."""

    client: Client
    asked: Asked
    most_pages: int
    cut: bool = field(default=False, init=False)

    def near(self) -> Near | None:
        project = _PROJECT.match(self.asked.log_name)
        if not project or not _PLAIN.fullmatch(self.asked.insert_id):
            return None
        name, at = f"projects/{project[1]}", self.asked.at
        wanted = f"insertId={quoted(self.asked.insert_id)}"
        there = self._list(name, wanted, at - SECOND, at + SECOND, _ANCHORS)
        anchor = next((entry for entry in there if self.asked.is_of(entry)), None)
        return None if anchor is None else self._around(name, anchor)

    def _around(self, name: str, anchor: LogEntry) -> Near | None:
        at = anchor.timestamp
        own = instance_filter(anchor) or revision_filter(anchor)
        alike = " OR ".join(filter(None, (own, trace_filter(anchor))))
        if not alike:
            return near_of(anchor, [], "the Logging API", complete=False)
        entries = [
            *self._list(name, f"({alike})", at - BEFORE, at, MOST_BEFORE, newest=True),
            *self._list(name, f"({alike})", at, at + AFTER, MOST_AFTER),
            *(self._list(name, f"({own})", at - SINCE, at, MOST_AT_START) if own else ()),
        ]
        return near_of(anchor, entries, "the Logging API", complete=not self.cut)

    def _list(  # noqa: PLR0913 - what a query is made of
        self, name: str, wanted: str, since: int, until: int, most: int, *, newest: bool = False
    ) -> list[LogEntry]:
        request = {
            "resource_names": [name],
            "filter": f"{between(since, until)} AND {wanted}",
            "order_by": "timestamp desc" if newest else "timestamp asc",
            "page_size": most,
        }
        pages = iter(self.client.list_log_entries(request, timeout=TIMEOUT).pages)
        entries: list[LogEntry] = []
        for page in islice(pages, self.most_pages):
            entries += _entries(page.entries)
            if len(entries) >= most or not page.next_page_token:
                return entries[:most]
        self.cut = True
        return entries


def instance_filter(entry: LogEntry) -> str:
    """Return the filter for entries of the same instance; "" if it is not known."""
    if not _PLAIN.fullmatch(entry.instance):
        return ""
    return " OR ".join(f"{path}={quoted(entry.instance)}" for path in _INSTANCE)


def revision_filter(entry: LogEntry) -> str:
    """Return the filter for entries of the same revision of a service; "" if it is not known."""
    if not _PLAIN.fullmatch(entry.revision) or not _PLAIN.fullmatch(entry.service):
        return ""
    service, revision = quoted(entry.service), quoted(entry.revision)
    return f"(resource.labels.revision_name={revision} AND resource.labels.service_name={service})"


def trace_filter(entry: LogEntry) -> str:
    """Return the filter for entries of the same trace; "" if there is none."""
    trace = entry.document.get("trace")
    return f"trace={quoted(trace)}" if isinstance(trace, str) and _PLAIN.fullmatch(trace) else ""


def _entries(found: Iterable[Any]) -> Iterator[LogEntry]:
    """Read entries of the API; one that cannot be written as JSON is left out."""
    from google.protobuf.json_format import Error, MessageToDict  # noqa: PLC0415 - slow to load
    from google.protobuf.message import DecodeError  # noqa: PLC0415

    for one in found:
        try:
            yield from parse_entry(MessageToDict(type(one).pb(one)), place="the Logging API")
        except (EntryError, TypeError, ValueError, Error, DecodeError):
            continue
