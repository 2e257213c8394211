"""One request to GitHub and its answer, through PyGithub's requester, and nothing beside it.

PyGithub follows a 301 and loses the query on the way, repeats a 202 without end, and logs whole
answers at DEBUG. So its requester gets a connection of ours, which hides both statuses from it,
bounds how long an answer may take and be, and takes our secrets out of it before anybody sees it.
Nothing is sent twice: what went wrong is returned as a value, whose text is ours.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from github import Auth, Github
from github.Requester import HTTPSRequestsConnectionClass, RequestsResponse
from urllib3.exceptions import NewConnectionError

from pipeline import __version__
from pipeline.redaction.expressions import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSION = "2022-11-28"
"""The version of GitHub's REST API that is asked for."""

REDIRECTED_TO = "x-redirected-to"
"""The header in which an answer has its `Location`, so that nothing follows it."""

_CHUNK = 64 * 1024
_FOUND_LATER = 202

# Importing PyGithub makes it print to standard error, and at DEBUG it would print whole answers.
_LOG = logging.getLogger("github")
_LOG.handlers.clear()
_LOG.setLevel(logging.WARNING)
logging.getLogger("github.Requester").disabled = True


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request may take, in seconds: to connect, to wait for more, in all.

    `most` are the bytes of an answer: a page of a hundred of the longest issues is less.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 90.0
    most: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub answered; names of headers are in lower case, no secret of ours is in it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer that could be read; `sent` says whether the request may have arrived."""

    words: str
    sent: bool = True


@dataclass(slots=True)
class Veil:
    """The secrets that were last sent; `over` takes them out of a text."""

    _secrets: deque[str] = field(default_factory=lambda: deque(maxlen=16), repr=False)

    def add(self, secret: str) -> None:
        """Know one more."""
        self.drop(secret)
        self._secrets.append(secret)

    def drop(self, secret: str) -> None:
        """Know one less: it is over, and may be given to us anew."""
        if secret in self._secrets:
            self._secrets.remove(secret)

    def over(self, text: str) -> str:
        """Return the text without them."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, PLACEHOLDER)
        return text


class Wire:
    """Sends requests to one API, one at a time."""

    def __init__(self, base_url: str, patience: Patience, veil: Veil) -> None:
        self._base_url = base_url
        self._veil = veil
        self._connection = _Connection(base_url, patience, veil)

    def exchange(
        self,
        auth: Auth.Auth,
        verb: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
    ) -> Answer | Lost:
        """Send one request and return what came of it; nothing is raised.

        `path` is what follows the base URL.
        """
        sent = {**(query or {})}
        try:
            status, headers, text = self._requester(auth).requestJson(
                verb, path, sent, None, body, self._connection
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, its frames hold our token
            return _lost(error)
        return Answer(status, headers, text)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _requester(self, auth: Auth.Auth) -> Any:
        return Github(
            auth=auth,
            base_url=self._base_url,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            user_agent=f"fivewhys/{__version__}",
            api_version=VERSION,
            lazy=True,
        ).requester


class _Response(RequestsResponse):
    """An answer that was read; PyGithub takes status, headers and text from it."""

    def __init__(self, answer: requests.Response, text: str, veil: Veil) -> None:
        super().__init__(answer)
        self._text = text
        self._veil = veil

    def getheaders(self) -> Any:
        """Return the headers without secrets, and without one that would be followed."""
        named = ((name.lower(), value) for name, value in self.headers.items())
        return {
            REDIRECTED_TO if name == "location" else name: self._veil.over(value)
            for name, value in named
        }.items()

    def read(self) -> str:
        """Return the body."""
        return self._text


class _Connection(HTTPSRequestsConnectionClass):
    """One connection, over either scheme; settings of the environment name its proxies."""

    def __init__(self, base_url: str, patience: Patience, veil: Veil) -> None:
        parts = urlsplit(base_url)
        port = parts.port or {"http": 80}.get(parts.scheme)
        super().__init__(parts.hostname or "", port, retry=0)
        self.protocol = parts.scheme
        self._patience = patience
        self._veil = veil

    def getresponse(self) -> RequestsResponse:
        """Send what `request` was told; raise whatever goes wrong."""
        deadline = time.monotonic() + self._patience.total
        with self.session.request(
            self.verb,
            f"{self.protocol}://{self.host}:{self.port}{self.url}",
            headers=self.headers,
            data=self.input,
            timeout=(self._patience.connect, self._patience.read),
            allow_redirects=False,
            stream=True,
        ) as answer:
            content = b"".join(_chunks(answer, deadline, self._patience.most))
        if answer.status_code == _FOUND_LATER:
            message = "it is not ready yet"
            raise _UnreadableError(message)
        return _Response(answer, self._veil.over(content.decode()), self._veil)


class _UnreadableError(Exception):
    """An answer that is none; the text is ours."""


def _chunks(answer: requests.Response, deadline: float, most: int) -> Iterator[bytes]:
    """Yield the body as it comes, however slowly it drips, within bounds."""
    size = 0
    while chunk := answer.raw.read1(_CHUNK, decode_content=True):
        size += len(chunk)
        if size > most:
            message = "its answer has no end"
            raise _UnreadableError(message)
        if time.monotonic() > deadline:
            message = "its answer did not end in time"
            raise _UnreadableError(message)
        yield chunk


def _lost(error: Exception) -> Lost:
    """Say in our own words what went wrong: those of libraries may quote what was sent."""
    causes = [*_causes(error)]
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Lost("its certificate is not one that we trust", sent=False)
    if any(isinstance(cause, requests.ConnectTimeout) for cause in causes):
        return Lost("it could not be connected to in time", sent=False)
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        return Lost("it could not be connected to", sent=False)
    if isinstance(error, requests.Timeout | TimeoutError):
        return Lost("it did not answer in time")
    if isinstance(error, _UnreadableError):
        return Lost(str(error))
    return Lost(f"the connection or its answer broke off ({type(error).__name__})")


def _causes(error: object) -> Iterator[BaseException]:
    """Yield an error and what libraries wrapped in it."""
    while isinstance(error, BaseException):
        yield error
        inner = error.args[0] if error.args else None
        error = getattr(error, "reason", None) or (
            inner if isinstance(inner, BaseException) else error.__cause__
        )
