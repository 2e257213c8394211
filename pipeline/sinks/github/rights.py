"""What GitHub shows us of a repository, and what we may do there; only reads.

An App is told its permissions, a classic token its scopes (`X-OAuth-Scopes`); of a fine-grained
token GitHub says nothing before something is written.
"""

from __future__ import annotations

import time
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from pipeline.audit import SECOND
from pipeline.checkup import RIGHTS, Tracked
from pipeline.sinks.github import shapes
from pipeline.sinks.github.access import Access
from pipeline.sinks.github.judging import Call, instant, judged, unreadable
from pipeline.sinks.github.wire import REDIRECTED_TO, Answer, Lost, Patience, Veil, Wire
from pipeline.tracker.marker import Signer, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from github import Auth

    from pipeline.sinks.github.credentials import App, Credentials

SCOPES: Final = "x-oauth-scopes"
_LAST: Final = 30
"""Issues whose markers are looked at."""


def look_at(credentials: Credentials, keys: Sequence[bytes], label: str, timeout: float) -> Tracked:
    """Return what is to be seen; a request ends after `timeout` s.

    The first of the keys signs our markers, the others did before.

    Raises:
        CallError: GitHub was not reached, or does not let us look.

    """
    veil = Veil()
    patience = Patience(connect=timeout, read=timeout, total=2 * timeout)
    wire = Wire(credentials.url, patience, veil)
    try:
        return _Look(credentials, wire, Access(credentials, wire, veil)).all(keys, label)
    finally:
        wire.close()


class _Look:
    """Asks about one repository; remembers how far our clock was off."""

    def __init__(self, credentials: Credentials, wire: Wire, access: Access) -> None:
        self._name = credentials.repository
        self._base = urlsplit(credentials.url)
        self._wire = wire
        self._access = access
        self._skew: int | None = None

    def all(self, keys: Sequence[bytes], label: str) -> Tracked:
        found = Tracked(self._name, self._name)
        if self._access.app:
            found = self._granted(found, self._access.app)
            granted = found.granted or {}
            if not granted.keys() >= RIGHTS.keys() or granted["issues"] != RIGHTS["issues"]:
                return replace(found, skew=self._skew)
        found, number = self._repository(found)
        if found.has_issues:
            key, *former = keys
            signer = Signer(key, number, tuple(Signer(one, number) for one in former))
            found = replace(
                found,
                has_label=self._has_label(found.full_name, label),
                signed=self._signed(found.full_name, label, signer),
            )
        return replace(found, skew=self._skew)

    def _granted(self, found: Tracked, app: App) -> Tracked:
        call = Call("ask what the App may do", "GET", f"/app/installations/{app.installation}")
        said = self._said(call, self._ask(call, self._access.as_app(app)))
        return replace(
            found, granted=dict(said["permissions"]), app_page=str(said.get("html_url", ""))
        )

    def _repository(self, found: Tracked) -> tuple[Tracked, str]:
        """Return it under its name of today, and its number."""
        call = Call(f"look up the repository {self._name}", "GET", f"/repos/{self._name}")
        answer = self._ask(call)
        if isinstance(answer, Answer) and (url := answer.headers.get(REDIRECTED_TO, "")):
            path = self._below(url)
            answer = self._ask(Call(call.what, "GET", path)) if path else answer
        said = self._said(call, answer)
        repository = shapes.repository_of(said)
        may = said.get("permissions") or {}
        scopes = answer.headers.get(SCOPES) if isinstance(answer, Answer) else None
        told = replace(
            found,
            full_name=repository.full_name,
            has_issues=repository.has_issues,
            is_archived=repository.is_archived,
            is_private=bool(said.get("private", True)),
            may=[name for name, granted in may.items() if granted],
            scopes=None if scopes is None else [one.strip() for one in scopes.split(",")],
        )
        return told, str(repository.id)

    def _has_label(self, name: str, label: str) -> bool:
        call = Call("look for the label", "GET", f"/repos/{name}/labels/{quote(label, safe='')}")
        answer = self._ask(call)
        if isinstance(answer, Answer) and answer.status == HTTPStatus.NOT_FOUND:
            return False
        return bool(self._said(call, answer))

    def _signed(self, name: str, label: str, signer: Signer) -> tuple[int, int]:
        """Return of how many issues the marker verifies, and of how many it does not."""
        query: Mapping[str, str | int] = {"state": "all", "labels": label, "per_page": _LAST}
        call = Call("list our issues", "GET", f"/repos/{name}/issues", query=query)
        ours = foreign = 0
        for issue in self._said(call, self._ask(call)):
            standings = {found.standing for found in signer.read(str(issue.get("body") or ""))}
            ours += Standing.GENUINE in standings
            foreign += Standing.FORGED in standings and Standing.GENUINE not in standings
        return ours, foreign

    def _ask(self, call: Call, auth: Auth.Auth | None = None) -> Answer | Lost:
        auth = auth or self._access.auth(time.time_ns())
        before = time.time_ns()
        answer = self._wire.exchange(auth, call.verb, call.path, call.query)
        middle = (before + time.time_ns()) // 2
        if isinstance(answer, Answer) and (there := instant(answer.headers.get("date", ""))):
            self._skew = middle - there - SECOND // 2  # its seconds are whole
        return answer

    def _said(self, call: Call, answer: Answer | Lost) -> Any:
        """Return what an answer says.

        Raises:
            CallError: it is none, or a refusal.

        """
        failure = judged(call, answer, time.time_ns())
        if isinstance(answer, Lost) or failure:
            raise failure or unreadable(call)
        try:
            return shapes.read(answer.text)
        except shapes.UNLIKE:
            raise unreadable(call) from None

    def _below(self, url: str) -> str:
        """Return what follows our base URL in an address, "" if it leads elsewhere."""
        start = f"{self._base.scheme}://{self._base.netloc}{self._base.path}"
        return url.removeprefix(start) if url.startswith(f"{start}/") else ""
