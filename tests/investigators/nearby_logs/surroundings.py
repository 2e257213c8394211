"""A service that starts, is healthy for a while, and fails; what another one logs meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.investigators.nearby_logs import Export, NearbyLogs
from pipeline.redaction import Redactor
from tests.fakes.source import LinesSource, ListSource
from tests.investigators.support import case
from tests.support import entry, incidents, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.entry import LogEntry, Rejection
    from pipeline.facts import Fact
    from pipeline.investigators.nearby_logs import Logs
    from pipeline.ports import Case, Source

RULES = ruleset(rule_text("broken"))
TRACE = "projects/demo/traces/0af7651916cd43dd8448eb211c80319c"


def line(
    text: str, at: float, instance: str = "i-1", severity: str = "INFO", **more: Any
) -> LogEntry:
    """Return what an instance logs."""
    key = "".join(letter for letter in f"{instance}-{at}" if " " < letter < "\x7f")
    labels: dict[str, Any] = {"labels": {"instanceId": instance}} if instance else {}
    return entry(text, at=at, key=key, severity=severity, **labels, **more)


def request(status: int, at: float, instance: str = "i-1") -> LogEntry:
    """Return the log of a request."""
    asked = {"requestMethod": "GET", "requestUrl": "https://example.com/x", "status": status}
    return line("", at, instance, "INFO" if status < 500 else "ERROR", httpRequest=asked)


FAILURE = line("broken", 100, severity="ERROR", trace=TRACE)
STORY = (
    line("Migration mode: alembic\nDB_POOL=5 DB_PASSWORD=hunter2hunter2", 0),
    line("Application startup complete.", 1),
    request(200, 50),
    request(503, 60),
    line("slow", 70, severity="WARNING"),
    line("of another one", 80, "i-2"),
    line("called", 99, "i-3", service="frontend", trace=TRACE),
    FAILURE,
    line("giving up", 101, severity="ERROR"),
    line("much later", 500),
)


def case_of(*entries: LogEntry) -> Case:
    """Return the one incident of some entries, of which one says `broken`."""
    (only,) = incidents(RULES, *entries)
    return case(only)


def in_lines(entries: Sequence[LogEntry], size: int = 3) -> LinesSource:
    """Return entries as JSON lines, in blocks of a few."""
    lines = [json.dumps(item.document, separators=(",", ":")).encode() + b"\n" for item in entries]
    chunks = [b"".join(lines[at : at + size]) for at in range(0, len(lines), size)]
    return LinesSource(chunks, in_blocks=True)


def in_list(entries: Sequence[LogEntry | Rejection]) -> ListSource:
    """Return entries as they are."""
    return ListSource(entries)


def near(asked: Case, *sources: Source, unread: Sequence[str] = ()) -> list[Fact]:
    """Return what an export shows about an incident."""
    return told(asked, Export([(f"file{at}", one) for at, one in enumerate(sources)], unread))


def told(asked: Case, *logs: Logs) -> list[Fact]:
    """Return what logs show about an incident."""
    return [*NearbyLogs(logs, Redactor().text).investigate([asked])[asked.incident.id]]
