"""Asks services whether they are well, at the addresses that the catalog has for it.

A probe speaks of now, not of when the incident was. Only what an incident is about is asked: its
services, the owners of its tables, what its services depend on, and whom they called in vain; each
address once a run.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.entry import format_timestamp
from pipeline.facts import Fact, tables_of
from pipeline.investigators.health.probe import Answered, Patience, ProbeError, Reason, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.catalog import Catalog
    from pipeline.ports import Case

    Redact = Callable[[str], str]

__all__ = ["Health", "Patience"]

AT_ONCE, MOST_ADDRESSES = 8, 40
QUOTED = 300
"""Characters of a body that are shown."""

_OK, _MULTIPLE, _ILL = 200, 300, 500
_MILLISECONDS = 1_000
_NOT_TOLD: Mapping[int, tuple[str, str]] = {
    401: ("denied", "it asks for credentials, and a probe has none"),
    403: ("denied", "it asks for credentials, and a probe has none"),
    404: ("no_path", "nothing is there under this path"),
    429: ("limited", "it is asked too often"),
}
_SAYS_ILL = frozenset(
    {"critical", "degraded", "down", "error", "fail", "failed", "failing", "ill", "unhealthy"}
)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a probe came to: the kind of fact, in words, and what a template may use."""

    kind: str
    words: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Health:
    """`ports.Investigator` that probes; `clock` gives ns UTC, `ca` a file of certificates."""

    catalog: Catalog
    clock: Callable[[], int]
    redact: Redact
    patience: Patience = field(default_factory=Patience)
    ca: str = ""

    def investigate(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return, by incident id, how the services concerned are now."""
        asked = {case.incident.id: _concerned(case, self.catalog) for case in cases}
        services = self.catalog.file.services
        keys = dict.fromkeys(key for found in asked.values() for key in found)
        told = self._probed([*dict.fromkeys(services[key].health for key in keys)])
        return {
            incident: [self._fact(key, roles, told) for key, roles in found.items()]
            for incident, found in asked.items()
        }

    def _fact(self, key: str, roles: Mapping[str, bool], told: Mapping[str, _Told]) -> Fact:
        url = self.catalog.service(key).health
        one = told.get(url) or _Told("probe_failed", _TOO_MANY, {"reason": "left_out"})
        ref = self.catalog.place("services", key, "health")
        data = {"service": key, "url": url, "reason": "", "status": 0, **roles, **one.data}
        link = url if url.startswith("https://") else ""
        return Fact(one.kind, f"the {key} service {one.words}", ref, data, url=link)

    def _probed(self, urls: Sequence[str]) -> dict[str, _Told]:
        """Ask a few at once, until all were asked; one that hangs is left behind."""
        told: dict[str, _Told] = {}
        wanted = urls[:MOST_ADDRESSES]
        for start in range(0, len(wanted), AT_ONCE):
            told |= self._probed_at_once(wanted[start : start + AT_ONCE])
        return told

    def _probed_at_once(self, urls: Sequence[str]) -> dict[str, _Told]:
        told: dict[str, _Told] = {}
        threads = [
            threading.Thread(target=lambda url=url: told.update({url: self._ask(url)}), daemon=True)
            for url in urls
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + self.patience.total
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        known = dict(told)  # what comes later comes too late
        late = ProbeError(Reason.TIMEOUT, "it did not answer in time")
        return {url: known.get(url) or self._failed(late, self.patience.total) for url in urls}

    def _ask(self, url: str) -> _Told:
        began = time.monotonic()
        try:
            answered = probe(url, self.patience, self.ca)
        except ProbeError as error:
            return self._failed(error, time.monotonic() - began)
        return self._answered(answered, time.monotonic() - began)

    def _failed(self, error: ProbeError, seconds: float) -> _Told:
        words = f"could not be asked for its health {self._when()}: {self._clean(error.detail)}"
        return _Told("probe_failed", words, {"reason": str(error.reason), **self._time(seconds)})

    def _answered(self, answered: Answered, seconds: float) -> _Told:
        status = answered.status
        body = self._body(answered)
        took = f"answered {status} in {round(seconds * _MILLISECONDS)} ms {self._when()}"
        data = {"status": status, "body": body, **self._time(seconds)}
        quoted = f", saying {body}" if body else ""
        says = _says_ill(answered.body)
        if status >= _ILL or (_OK <= status < _MULTIPLE and says):
            reason = "status" if status >= _ILL else "says"
            return _Told("service_unhealthy", f"{took}{quoted}", {**data, "reason": reason})
        if _OK <= status < _MULTIPLE:
            return _Told("service_healthy", f"{took}{quoted}", data)
        reason, meaning = _NOT_TOLD.get(status, ("status", "that says neither well nor ill"))
        words = f"{took}, which does not tell its health: {meaning}"
        return _Told("probe_failed", words, {**data, "reason": reason})

    def _time(self, seconds: float) -> dict[str, Any]:
        now = format_timestamp(self.clock())
        return {"ms": round(seconds * _MILLISECONDS), "at": now, "happened_at": now}

    def _when(self) -> str:
        return f"at {format_timestamp(self.clock())} (now, not when the incident was)"

    def _body(self, answered: Answered) -> str:
        """Return the beginning of a body on one line, without secrets; "" for a page."""
        text = answered.body.decode("utf-8", "replace")
        if "html" in answered.content_type.lower() or text.lstrip().startswith("<"):
            return ""
        return self._clean(text)

    def _clean(self, text: str) -> str:
        shown = "".join(letter if letter.isprintable() else " " for letter in self.redact(text))
        line = " ".join(shown.split())
        return line if len(line) <= QUOTED else f"{line[: QUOTED - 1]}…"


_TOO_MANY = f"was not asked for its health: a run asks {MOST_ADDRESSES} addresses at most"


def _concerned(case: Case, catalog: Catalog) -> dict[str, dict[str, bool]]:
    """Return the services with an address whose health may tell something, each with why."""
    own = {catalog.service_of(name) for name in case.services} - {""}
    symptoms = case.incident.symptoms
    tables = {table for symptom in symptoms for table in tables_of(symptom)}
    owners = {item.service for table in tables for item in catalog.owners_of(table)}
    needed = {name for key in own for name in catalog.service(key).depends_on}
    called = {catalog.named(str(one.fields.get("upstream") or "")) for one in symptoms}
    roles = {"own": own, "owner": owners, "dependency": needed, "called": called}
    return {
        key: {role: key in keys for role, keys in roles.items()}
        for key, service in catalog.file.services.items()
        if service.health and any(key in keys for keys in roles.values())
    }


def _says_ill(body: bytes) -> bool:
    """Return whether a JSON body says so in its `status`, whatever the status of the answer."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(said, dict):
        return False
    found = [said.get(name) for name in ("status", "state", "health")]
    return any(isinstance(one, str) and one.strip().lower() in _SAYS_ILL for one in found)
