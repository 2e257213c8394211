"""The identity that each request carries: a token as it is, or an installation's, renewed in time.

An installation's token lasts an hour. It is renewed after `LIFE` by our clock, whatever that says
the time is, and at once when GitHub no longer takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from github import Auth

from pipeline.lifecycle import MINUTE
from pipeline.sinks.github import shapes
from pipeline.sinks.github.credentials import Secret
from pipeline.sinks.github.judging import Call, judged, unreadable
from pipeline.sinks.github.wire import Lost

if TYPE_CHECKING:
    from pipeline.sinks.github.credentials import App, Credentials
    from pipeline.sinks.github.wire import Answer, Veil, Wire

LIFE = 50 * MINUTE
RIGHTS = {"issues": "write", "metadata": "read"}
"""What an installation's token may do, whatever the App was granted."""

# Nothing of ours comes of it, so what has no answer may be asked for again: as good as a read.
_ASKED = Call("ask for a token of the App's installation", "GET", "")


class Access:
    """Gives requests their identity."""

    def __init__(self, credentials: Credentials, wire: Wire, veil: Veil) -> None:
        self._app = credentials.app
        self._token = credentials.token
        self._wire = wire
        self._veil = veil
        self._until = 0
        if self._token:
            veil.add(self._token.reveal())

    @property
    def app(self) -> App | None:
        """The App whose installation we are, None if we have a token."""
        return self._app

    def auth(self, now: int) -> Auth.Auth:
        """Return the identity; ask for a new token if there is none that lasts.

        Raises:
            CallError: GitHub gave none; nothing was done.

        """
        if self._app and not self._until - LIFE <= now < self._until:
            self._renew(self._app, now)
        return Auth.Token(self._token.reveal() if self._token else "")

    def as_app(self, app: App) -> Auth.Auth:
        """Return the identity of the App itself, for what only it may ask."""
        auth = Auth.AppAuthToken(Auth.AppAuth(app.app, app.key.reveal()).token)
        self._veil.add(auth.token)
        return auth

    def forget(self) -> bool:
        """Drop a token that GitHub no longer takes; return whether another one can be had."""
        self._until = 0
        return self._app is not None

    def _renew(self, app: App, now: int) -> None:
        if self._token:
            self._veil.drop(self._token.reveal())
        path = f"/app/installations/{app.installation}/access_tokens"
        answer = self._wire.exchange(self.as_app(app), "POST", path, body={"permissions": RIGHTS})
        if self._token:  # hidden but from its own renewal, which may give it again
            self._veil.add(self._token.reveal())
        failure = judged(_ASKED, answer, now)
        token = None if isinstance(answer, Lost) or failure else self._taken(answer)
        if token is None:
            raise failure or unreadable(_ASKED)
        self._token, self._until = token, now + LIFE

    def _taken(self, answer: Answer) -> Secret | None:
        """Return the token that an answer holds, None if it holds none."""
        try:
            token = Secret(str(shapes.read(answer.text)["token"]))
        except shapes.UNLIKE:
            return None
        self._veil.add(token.reveal())
        return token
