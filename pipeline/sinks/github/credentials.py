"""Who we are to GitHub: an App's installation or a token, and which repository is ours.

Least rights of an App: issues (write) and metadata (read), for the one repository; of a token
(fine-grained) the same. Everything is checked at once, each mistake names its variable, and no text
here ever shows a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final, NoReturn, TypeAlias
from urllib.parse import SplitResult, urlsplit

from github import Auth

from pipeline.errors import ConfigurationError, Mistake

REPOSITORY: Final = "FIVEWHYS_GITHUB_REPOSITORY"
TOKEN: Final = "FIVEWHYS_GITHUB_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE: Final = "FIVEWHYS_GITHUB_TOKEN_FILE"  # noqa: S105 - likewise
APP_ID: Final = "FIVEWHYS_GITHUB_APP_ID"
APP_KEY_FILE: Final = "FIVEWHYS_GITHUB_APP_KEY_FILE"
INSTALLATION: Final = "FIVEWHYS_GITHUB_INSTALLATION_ID"
URL: Final = "FIVEWHYS_GITHUB_URL"

PUBLIC_API: Final = "https://api.github.com"

_APP = (APP_ID, APP_KEY_FILE, INSTALLATION)
_FULL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/[A-Za-z0-9._-]{1,100}")
_SECRET_MANAGER = re.compile(r"projects/[^/\s]+/secrets/[^/\s]+(/versions/[^/\s]+)?")
_TOKEN = re.compile(r"[!-~]{10,1000}")
_CLIENT_ID = re.compile(r"[A-Za-z0-9.]{1,40}")
_LONGEST_FILE = 64 * 1024
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

STORED: Final = "sm://"
"""How the name of a secret of Secret Manager begins."""

ReadText: TypeAlias = Callable[[str], str]
"""Return the text of a file, or of a secret; raise OSError or UnicodeDecodeError."""


def read_content(variable: str, place: str, read_text: ReadText) -> str:
    """Return the text of the file or secret that a variable names, without space at its ends.

    A mistake begins with no word that the log would take for the secret (`TOKEN: word`).

    Raises:
        ConfigurationError: it cannot be read, or is empty or much too long.

    """
    try:
        text = read_text(place).strip()
    except OSError as error:
        wrong = f"it names {place}, which cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        wrong = f"it names {place}, which is no text"
    else:
        if 0 < len(text) <= _LONGEST_FILE:
            return text
        wrong = f"it names {place}, which is {'much too long' if text else 'empty'}"
    raise ConfigurationError([Mistake(variable, 0, wrong)])


class Secret:
    """A text that shows itself only to who asks for it by name."""

    # No dataclass: `asdict` would show it.
    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; keep it in no variable that outlives the line."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(
            self._text.encode(), other._text.encode()
        )

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "[secret]"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        message = "a secret is not written anywhere"
        raise TypeError(message)


@dataclass(frozen=True, slots=True)
class App:
    """An installation of a GitHub App; `app` is its id or its client id."""

    app: str
    key: Secret
    installation: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is needed to speak to GitHub; either `token` or `app` is there."""

    repository: str
    url: str = PUBLIC_API
    token: Secret | None = None
    app: App | None = None


def read_credentials(environment: Mapping[str, str], read_text: ReadText) -> Credentials:
    """Read the settings of the environment, and the files and secrets that they name.

    Raises:
        ConfigurationError: every mistake that was found, each with the name of its variable.

    """
    reading = _Reading(environment, read_text)
    repository, url = reading.repository(), reading.url()
    token, app = reading.token(), reading.app()
    reading.check_one()
    if reading.mistakes:
        raise ConfigurationError(sorted(reading.mistakes))
    return Credentials(repository, url, token, app)


class _Reading:
    """The settings, and what is wrong with them."""

    def __init__(self, environment: Mapping[str, str], read_text: ReadText) -> None:
        self._said = {name: text.strip() for name, text in environment.items()}
        self._read_text = read_text
        self.mistakes: list[Mistake] = []

    def repository(self) -> str:
        """Return the full name of the repository."""
        name = self._get(REPOSITORY)
        if not name:
            self._wrong(REPOSITORY, "it is not set; set it to OWNER/NAME of the repository")
        elif not _FULL_NAME.fullmatch(name) or name.endswith(("/.", "/..")):
            self._wrong(REPOSITORY, "it must be OWNER/NAME, without address or .git")
        return name

    def url(self) -> str:
        """Return the base URL of the API, without a slash at its end."""
        url = self._get(URL).rstrip("/") or PUBLIC_API
        try:
            parts = urlsplit(url)
            wrong = _wrong_url(parts, parts.port)
        except ValueError:
            wrong = "it is no address"
        if wrong:
            self._wrong(URL, wrong)
        return url

    def token(self) -> Secret | None:
        """Return the token, from its variable, its file, or Secret Manager."""
        if self._get(TOKEN).startswith(STORED):
            return self._token(TOKEN, self._content(TOKEN))
        if self._get(TOKEN):
            return self._token(TOKEN, self._get(TOKEN))
        if self._get(TOKEN_FILE):
            return self._token(TOKEN_FILE, self._content(TOKEN_FILE))
        return None

    def app(self) -> App | None:
        """Return the App, if all that belongs to it is there and will do."""
        if not any(map(self._get, _APP)):
            return None
        before = len(self.mistakes)
        for name in _APP:
            if not self._get(name):
                others = " and ".join(one for one in _APP if self._get(one))
                self._wrong(name, f"it is not set, but {others}; an App needs all three")
        if self._get(APP_ID) and not _CLIENT_ID.fullmatch(self._get(APP_ID)):
            self._wrong(APP_ID, "it must be the number or the client ID of the App")
        installation = self._get(INSTALLATION)
        if installation and not (installation.isascii() and installation.isdigit()):
            self._wrong(INSTALLATION, "it must be the number of the App's installation")
        key = Secret(self._content(APP_KEY_FILE)) if self._get(APP_KEY_FILE) else Secret("")
        if key.reveal() and not _signs(key):
            what = "the file is no private key of an App: PEM, RSA, without a passphrase"
            self._wrong(APP_KEY_FILE, what)
        if len(self.mistakes) > before:
            return None
        return App(self._get(APP_ID), key, int(installation))

    def check_one(self) -> None:
        """Say so if there is no identity, or more than one."""
        has_app = any(map(self._get, _APP))
        found = [name for name in (TOKEN, TOKEN_FILE) if self._get(name)]
        found += [APP_ID] * has_app
        if not found:
            what = f"it is not set; set it, {TOKEN_FILE}, or {', '.join(_APP)} of an App"
            self._wrong(TOKEN, what)
        for other in found[1:]:
            self._wrong(other, f"it is set beside {found[0]}; keep one of them")

    def _get(self, name: str) -> str:
        return self._said.get(name, "")

    def _wrong(self, name: str, message: str) -> None:
        self.mistakes.append(Mistake(name, 0, message))

    def _content(self, name: str) -> str:
        """Return the text that a variable names; "" and a mistake if there is none."""
        try:
            return read_content(name, self._get(name), self._read_text)
        except ConfigurationError as error:
            self.mistakes += error.mistakes
            return ""

    def _token(self, name: str, text: str) -> Secret | None:
        if not text:
            return None
        if _SECRET_MANAGER.fullmatch(text):
            self._wrong(name, _MOUNT)
        elif text.startswith("-----BEGIN"):
            self._wrong(name, f"it is a private key; give the file of one in {APP_KEY_FILE}")
        elif not _TOKEN.fullmatch(text):
            self._wrong(
                name, "it is no token, which is 10 or more characters of ASCII without blanks"
            )
        return Secret(text)


_MOUNT = (
    f"it is the name of a secret of Secret Manager, not a token; write {STORED} before it to have "
    "it read there"
)


def _wrong_url(parts: SplitResult, port: int | None) -> str:
    """Say what is wrong with the address of an API, "" if nothing is; `port` was read from it."""
    host = (parts.hostname or "").lower()
    if not host or parts.scheme not in {"http", "https"} or port == 0:
        return f"it must be the address of an API, such as {PUBLIC_API} or https://HOST/api/v3"
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        return "it must hold no user, password, query or fragment"
    if parts.scheme == "http" and host not in _LOOPBACK:
        return "it must begin with https://, or the token could be read on its way"
    if host in {"github.com", "www.github.com"}:
        return f"the API of github.com is {PUBLIC_API}"
    if not parts.path and not host.startswith("api.") and host not in _LOOPBACK:
        return "the API of a GitHub Enterprise Server is https://HOST/api/v3"
    return ""


def _signs(key: Secret) -> bool:
    """Whether an App could sign with a key."""
    try:
        Auth.AppAuth("1", key.reveal()).create_jwt()
    except Exception:  # noqa: BLE001 - of several libraries, and their texts may quote the key
        return False
    return True
