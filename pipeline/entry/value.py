"""The canonical entry; what can be derived from its document is, once it is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pipeline.entry import origin
from pipeline.entry.decoding import canonical_json, clean_text, digest
from pipeline.entry.lookup import find
from pipeline.entry.message import message_of
from pipeline.entry.quoting import own_words
from pipeline.entry.severity import (
    Severity,
    is_unknown,
    severity_of,
    severity_of_payload,
    severity_of_text,
)
from pipeline.entry.timestamps import (
    UNKNOWN_TIME,
    format_timestamp,
    is_timestamp,
    parse_timestamp,
    time_of_content,
    time_of_fields,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

A_DAY = 24 * 3600 * 1_000_000_000
"""Nanoseconds; how far ahead of its arrival Cloud Logging lets an entry be dated."""

AHEAD = 60 * 1_000_000_000
"""Nanoseconds; how far ahead of its arrival, or of our clock, an entry may lead event time."""

_PAYLOADS = ("textPayload", "jsonPayload", "protoPayload")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that is no entry: where it stood, and why it is none."""

    place: str
    reason: str


@dataclass(frozen=True, init=False)
class LogEntry:
    """One log entry in canonical form.

    `document` is the LogEntry as the Logging API v2 writes it in JSON (camelCase keys, no nulls at
    the top, unknown keys kept); nobody may change it. `place` says where it was read
    (`export.json:12`) and is no part of what makes two entries equal.
    """

    document: Mapping[str, Any]
    place: str = field(default="", compare=False)

    def __init__(self, document: Mapping[str, Any], place: str = "") -> None:
        fields = self.__dict__  # what a frozen dataclass does takes twice the time
        fields["document"] = document
        fields["place"] = place

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def insert_id(self) -> str:
        """The insertId; if missing, `sha256-` and 16 digits that follow from the content."""
        found = self.document.get("insertId")
        if isinstance(found, str) and found:
            return clean_text(found)
        return f"sha256-{digest(self.json)[:16]}"

    @cached_property
    def log_name(self) -> str:
        """The logName, URL-decoded so that both spellings are one; "" if missing."""
        return log_name_of(self._text("logName"))

    @cached_property
    def timestamp(self) -> int:
        """Nanoseconds since the epoch, UTC; `UNKNOWN_TIME` when nothing in the entry is a time."""
        time = time_of_fields(self.document)
        if time is None:
            time = time_of_content(self.document)
        return UNKNOWN_TIME if time is None else time

    @cached_property
    def event_time(self) -> int:
        """The timestamp, or the receiveTimestamp if it claims to be more than a minute after that.

        Cloud Logging accepts entries that are dated a day ahead: a service whose clock tells the
        hour of another time zone would make the incidents of all others look long over.
        """
        return self._time_within(AHEAD)

    @property
    def is_dated(self) -> bool:
        """Whether its timestamp may be true at least by the clock of who logged it."""
        known = self.timestamp != UNKNOWN_TIME
        return known and self._time_within(A_DAY) == self.timestamp

    def _time_within(self, ahead: int) -> int:
        time, received = self.timestamp, self._text("receiveTimestamp")
        if not received:
            return time
        try:
            arrived = parse_timestamp(received)
        except ValueError:
            return time
        return time if time <= arrived + ahead else arrived

    @cached_property
    def key(self) -> tuple[str, int, str]:
        """The identity: two entries with one key are copies of one entry."""
        return (self.log_name, self.timestamp, self.insert_id)

    @cached_property
    def identity(self) -> int:
        """64 bits that stand for the key (`identity_of`)."""
        return hash((self.log_name, self.bare_time, self.insert_id))

    @cached_property
    def bare_time(self) -> str:
        """The timestamp as RFC 3339 in UTC, less what can be stripped off its end (`UNTOLD`)."""
        own = self._text("timestamp")
        if _PLAIN_TIME.fullmatch(own) and is_timestamp(own):  # as it stands nearly always
            return own.rstrip(UNTOLD)
        return format_timestamp(self.timestamp).rstrip(UNTOLD)

    @cached_property
    def severity(self) -> Severity:
        """The entry's own severity, or the level in its text when it has none or DEFAULT.

        Kubernetes Engine calls all of standard error ERROR, which says nothing: servers write all
        they have to say there. So only the text tells:
        https://cloud.google.com/kubernetes-engine/docs/concepts/about-logs
        """
        own = severity_of(self.document.get("severity"))
        if own and not (own is Severity.ERROR and origin.is_standard_error(self.document)):
            return own
        payload = self.document.get("jsonPayload")
        told = severity_of_payload(payload) if isinstance(payload, dict) else Severity.DEFAULT
        return told or severity_of_text(self.message)

    @property
    def has_unknown_severity(self) -> bool:
        """Whether its severity is a word that nobody knows; it then reads as DEFAULT."""
        return is_unknown(self.document.get("severity"))

    @cached_property
    def message(self) -> str:
        """What the entry says, in plain text; "" for one without words, as a request log is."""
        return message_of(self.document)

    @cached_property
    def folded(self) -> str | None:
        """The message in lower case; None if it has characters whose case folds into ASCII, or may.

        Whoever looks for words asks here first: to look costs a hundredth of an expression.
        """
        return self.message.lower() if self.message.isascii() else None

    @cached_property
    def unquoted(self) -> LogEntry:
        """The same entry without what its message only quotes: this one if it quotes nothing."""
        own = own_words(self.message, self.severity)
        if own == self.message:
            return self
        return LogEntry({**self.document, "textPayload": own}, self.place)

    @cached_property
    def service(self) -> str:
        """The Cloud Run service or job, function, container or workload; "" if unknown."""
        return origin.service_of(self.document)

    @cached_property
    def revision(self) -> str:
        """The Cloud Run revision or the App Engine version; "" if unknown."""
        return origin.revision_of(self.document)

    @cached_property
    def instance(self) -> str:
        """The instance, virtual machine or pod; "" if unknown."""
        return origin.instance_of(self.document)

    @cached_property
    def project(self) -> str:
        """The project id; "" if unknown."""
        return origin.project_of(self.document)

    @cached_property
    def trace(self) -> str:
        """The bare trace id, without `projects/…/traces/`; "" if there is none."""
        return clean_text(self._text("trace").rpartition("/")[2])

    @cached_property
    def json(self) -> bytes:
        """The document as JSON with sorted keys, in UTF-8: the same bytes for equal documents."""
        return canonical_json(self.document)

    @cached_property
    def richness(self) -> tuple[int, int, int, str]:
        """Orders the copies of one entry: the greatest one tells most.

        A payload counts first, then the number of fields, then their size. Copies that are equal in
        all of these are told apart by content, so that no order of reading changes the choice.
        """
        content = self.json
        payloads = sum(name in self.document for name in _PAYLOADS)
        return (payloads, len(self.document), len(content), digest(content))

    def lookup(self, path: str) -> tuple[object, ...]:
        """Return all values at a dotted path of the document; () when it is missing or null.

        Keys that contain dots or quotes are found written as they are
        (`labels.run.googleapis.com/x`) or quoted (`labels."run.googleapis.com/x"`). Lists are
        walked, both along the path and at its end.
        """
        return find(self.document, path)

    def _text(self, name: str) -> str:
        value = self.document.get(name)
        return value if isinstance(value, str) else ""


_PLAIN_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")

UNTOLD = "Z0."
"""What can be stripped off the end of an RFC 3339 time of UTC: no two differ in it, and what is
left sorts as times do."""


def identity_of(key: tuple[str, int, str]) -> int:
    """Return 64 bits that stand for the key of an entry.

    Python's own hash, whose seed changes with each run and is shared by forked processes: no log
    text can be made to collide with another.
    """
    log_name, timestamp, insert_id = key
    return hash((log_name, format_timestamp(timestamp).rstrip(UNTOLD), insert_id))


@lru_cache(maxsize=1024)
def log_name_of(name: str) -> str:
    """Return a logName URL-decoded."""
    return clean_text(unquote(name))


def come_by(now: int) -> int:
    """Return how far event time can have come at a time by the clock (both ns UTC)."""
    return now + AHEAD
