"""In which minutes a service logged: told by every entry, parsed or not.

A day of a service is one number, whose bits are minutes: small, and merged by "or" in any order.
Entries of Cloud Audit Logs do not count: they tell of a service, and are not its own.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from pipeline.entry.origin import SERVICE, running_of
from pipeline.entry.severity import Severity, severity_of
from pipeline.entry.sighting import AUDIT_LOGS
from pipeline.entry.timestamps import UNKNOWN_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.entry.outline import Columns, Outline
    from pipeline.entry.value import LogEntry

Day = tuple[str, str, str]
"""A project, a service of it, and a day of UTC: `2025-09-10`."""
Beats = dict[Day, int]
"""By day the minutes: bit 0 is that of midnight. A service without a name has only the bit
`ORDINARY`: not all that was logged in the project on that day were warnings and errors."""

MINUTES = 24 * 60
ORDINARY = 1 << MINUTES

_DATE, _MINUTE = len("0000-00-00"), len("0000-00-00T00:00")
_LATER = "~"
"""What sorts after all that a time may have behind its minute."""


def beats_in(columns: Columns) -> Beats:
    """Return when the services of outlines in the order of time logged."""
    projects = {name: _project(name) for name in set(columns.log_names)}
    beats: Beats = {}
    for project in {*projects.values()} - {""}:
        own = columns
        if len({*projects.values()}) > 1:
            names = enumerate(columns.log_names)
            own = columns.select([at for at, name in names if projects[name] == project])
        _tell(beats, project, own)
    return beats


def _tell(beats: Beats, project: str, columns: Columns) -> None:
    """Add the minutes of the outlines of a project."""
    found, _, times = columns
    names = [one.resource.labels.service_name for one in found]
    if "" in names:
        names = [name or _other(one) for name, one in zip(names, found, strict=True)]
    at, days = 0, dict[str, int]()
    while at < len(times):
        minute = times[at][:_MINUTE]
        end = bisect_left(times, f"{minute}{_LATER}", at)
        for service in {*names[at:end]} - {""}:
            merge_beats(beats, _beat(project, service, minute))
        days.setdefault(minute[:_DATE], at)
        at = end
    for (date, start), end in zip(days.items(), [*days.values(), len(times)][1:], strict=True):
        if any(_is_ordinary(found[at].severity) for at in range(start, end)):
            merge_beats(beats, {(project, "", date): ORDINARY})


def beat_in(entry: LogEntry) -> Beats:
    """Return when the service of an entry logged; nothing if nobody knows who, or when."""
    if entry.timestamp == UNKNOWN_TIME or entry.event_time != entry.timestamp:
        return {}
    service, project = running_of(entry.document)[0], _project(entry.log_name)
    if not project:
        return {}
    minute = entry.bare_time[:_MINUTE]
    beats = _beat(project, service, minute) if service else {}
    if _is_ordinary(entry.document.get("severity")):
        beats[project, "", minute[:_DATE]] = ORDINARY
    return beats


def merge_beats(known: Beats, more: Mapping[Day, int]) -> None:
    """Add some to those that are known; the order in which any are added does not matter."""
    for day, minutes in more.items():
        known[day] = known.get(day, 0) | minutes


def _beat(project: str, service: str, minute: str) -> Beats:
    date, _, time = minute.partition("T")
    return {(project, service, date): 1 << int(time[:2]) * 60 + int(time[3:])}


def _project(log_name: str) -> str:
    """Return the project that a log is of, "" for the audit logs, and for those of no project."""
    parts = log_name.split("/")
    return "" if AUDIT_LOGS in log_name or parts[0] != "projects" else "".join(parts[1:2])


def _is_ordinary(severity: object) -> bool:
    """Return whether an entry is no warning or error by its own severity, whatever its text is."""
    return severity_of(severity) < Severity.WARNING


def _other(one: Outline) -> str:
    """Return the service of what is no Cloud Run service."""
    labels = one.resource.labels
    return next((value for name in SERVICE if (value := getattr(labels, name))), "")
