"""Which requests there were: which log tells of each, when it was, and whether it went well.

Told by every entry with an `httpRequest` and a status in it, parsed or not. What it comes to is two
numbers a request: enough to count different ones, and nothing to quote.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.entry.origin import SERVICE, running_of
from pipeline.entry.timestamps import UNKNOWN_TIME, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.entry.outline import Columns, Outline
    from pipeline.entry.value import LogEntry

    Requests = dict["Place", array[int]]
    """By place the identity and the moment (`moment_of`) of each request, one after the other."""

Place = tuple[str, str]
"""The service that a request was for, as its monitored resource says, and the log it stands in."""

WELL = 400
"""A status from here on is an error, the caller's or the server's."""

SECOND = 1_000_000_000
_MINUTE = len("0000-00-00T00:00")
_SECONDS = len("0000-00-00T00:00:00")
_STATUS = re.compile(r"[1-9][0-9]{2}")


def moment_of(second: int, status: int) -> int:
    """Return a number for the second of a request, and whether it went well: the last bit."""
    return second << 1 | (status < WELL)


def status_of(value: object) -> int:
    """Return a status, a number or its text; 0 if it is none."""
    if isinstance(value, str):
        return int(value) if _STATUS.fullmatch(value) else 0
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def requests_in(columns: Columns, told: Sequence[int]) -> Requests:
    """Return the requests among outlines, of which `told` has the identities."""
    found: dict[Place, list[int]] = {}
    asked = [one.httpRequest for one in columns.found]
    for request, one, log_name, time, identity in zip(asked, *columns, told, strict=True):
        if request is None:
            continue
        status = request.status
        if type(status) is not int:  # as it nearly never is
            status = status_of(status)
        if status > 0:
            place = (one.resource.labels.service_name or _other(one), log_name)
            known = found.get(place)
            if known is None:
                known = found[place] = []
            known.append(identity)
            known.append(_second(time) << 1 | (status < WELL))  # `moment_of`
    return {place: array("q", known) for place, known in found.items() if place[0]}


def request_in(entry: LogEntry, identity: int) -> Requests:
    """Return the request that an entry is, nothing if it is none or nobody knows when it was.

    `identity` is what the entry is known by.
    """
    request: Any = entry.document.get("httpRequest")
    status = status_of(request.get("status")) if isinstance(request, dict) else 0
    service, time = running_of(entry.document)[0], entry.timestamp
    if not status or not service or time == UNKNOWN_TIME or entry.event_time != time:
        return {}
    told = (identity, moment_of(time // SECOND, status))
    return {(service, entry.log_name): array("q", told)}


def lasting_all(columns: Columns) -> list[int]:
    """Return for each outline what its request is known by in any process; 0 where there is none.

    Unlike identities, these mean the same tomorrow, and elsewhere.
    """
    return [
        _digest(log_name, time, one.insertId) if one.httpRequest is not None else 0
        for one, log_name, time in zip(*columns, strict=True)
    ]


def lasting(entry: LogEntry) -> int:
    """Return the same for an entry."""
    return _digest(entry.log_name, entry.bare_time, entry.insert_id)


def _digest(*key: str) -> int:
    text = "\0".join(key).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)


def merge_requests(known: Requests, more: Requests) -> None:
    """Add some to those that are known."""
    for place, told in more.items():
        known.setdefault(place, array("q")).extend(told)


def _second(time: str) -> int:
    """Return the second of a time without what could be stripped off its end."""
    return _minute(time[:_MINUTE]) + int(time[_MINUTE + 1 : _SECONDS].ljust(2, "0"))


@lru_cache(maxsize=4096)
def _minute(text: str) -> int:
    """Return the second in which a minute begins; of no time all that is stripped off is more."""
    return parse_timestamp(f"{text}:00Z") // SECOND


def _other(one: Outline) -> str:
    """Return the service of what is no Cloud Run service."""
    labels = one.resource.labels
    return next((value for name in SERVICE if (value := getattr(labels, name))), "")
