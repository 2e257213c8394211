"""Exports in Cloud Storage, as a log sink leaves them there: `gs://BUCKET/PREFIX`.

An object is named with its generation (`gs://BUCKET/NAME#123`, as `gcloud storage` writes it), and
that one is read: what is put in its place meanwhile is another one, and an error.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Self

from pipeline.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

SCHEME: Final = "gs://"

_NAME = re.compile(
    r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:/(.*?))?(?:#([0-9]{1,20}))?", re.DOTALL
)
_DIGITS: Final = 16
"""As many as a generation has: it is the microsecond in which the object was made."""

_PIECE = 4 * 1024 * 1024
"""Bytes that are fetched at once."""

_ANSWERS_IN: Final = 10
"""Seconds that an answer may take."""

TRIED_FOR: Final = 30
"""Seconds for which what may pass is tried again: somebody waits for it."""

_HINTS: Final = {
    403: "it must not be read; grant roles/storage.objectViewer on the bucket",
    404: "there is no such bucket",
}


def is_cloud(name: str) -> bool:
    """Return whether a name is one of Cloud Storage."""
    return name.startswith(SCHEME)


def find_objects(name: str, is_log: Callable[[str], bool]) -> list[str]:
    """Return the objects that a name stands for, each with its generation, in order.

    That is the object of this very name, else those whose names begin so and are those of logs;
    what ends as a generation does in Cloud Storage is one.

    Raises:
        SourceError: there are none, or nobody may see them.

    """
    bucket, prefix, generation = _parsed(name)
    if generation:
        # Of what was found before, nothing is asked again: there may be many thousands.
        return [name if len(generation) >= _DIGITS else _of_either(name, bucket)]
    found = dict(_listed(name, bucket, prefix))
    chosen = [prefix] if prefix in found else sorted(filter(is_log, found))
    if not chosen:
        message = f"{name}: no object of logs has a name that begins so"
        raise SourceError(message)
    return [f"{SCHEME}{bucket}/{one}#{found[one]}" for one in chosen]


def _of_either(name: str, bucket: str) -> str:
    """Return the object that is called so, its generation behind; else the name is one of both."""
    key = name.removeprefix(f"{SCHEME}{bucket}/")
    made = next((made for found, made in _listed(name, bucket, key) if found == key), None)
    return f"{name}#{made}" if made else name


class CloudFile:
    """One object at one generation, read from its beginning to its end, as it is stored."""

    def __init__(self, name: str) -> None:
        """Take the name of an object, with its generation."""
        bucket, key, generation = _parsed(name)
        self._name = name
        blob = _client().bucket(bucket).blob(key, generation=int(generation))
        # What is stored as gzip would be unpacked on the way, where ranges of it mean nothing.
        self._reader = blob.open("rb", chunk_size=_PIECE, raw_download=True, **_bounded())

    def read(self, size: int) -> bytes:
        """Return up to so many bytes, b"" at the end.

        Raises:
            SourceError: it was changed or removed meanwhile, or cannot be read.

        """
        from google.api_core.exceptions import NotFound  # noqa: PLC0415 - slow to load

        try:
            return bytes(self._reader.read(size))
        except NotFound as error:
            message = (
                f"{self._name}: it was changed or removed while it was read; nothing was reported; "
                "try again when nobody changes it"
            )
            raise SourceError(message, recoverable=True) from error
        except _failures() as error:
            raise _failure(self._name, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reader.close()


def _parsed(name: str) -> tuple[str, str, str]:
    found = _NAME.fullmatch(name)
    if found is None:
        message = f"{name}: no name of Cloud Storage; write gs://BUCKET/PREFIX"
        raise SourceError(message)
    return found[1], found[2] or "", found[3] or ""


def _listed(name: str, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
    fields = "items(name,generation),nextPageToken"
    try:
        for blob in _client().list_blobs(bucket, prefix=prefix, fields=fields, **_bounded()):
            yield blob.name, blob.generation
    except _failures() as error:
        raise _failure(name, error) from error


def _failures() -> tuple[type[Exception], ...]:
    """Return what the client raises; `OSError` is all that the network does to it."""
    from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415 - slow to load
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    return (GoogleAPIError, GoogleAuthError, OSError)


def _failure(name: str, error: Exception) -> SourceError:
    from google.api_core.exceptions import RetryError  # noqa: PLC0415 - slow to load

    hint = _HINTS.get(getattr(error, "code", 0), "")
    said = str(error).partition("\n")[0]
    if isinstance(error, RetryError):
        code = getattr(error.cause, "code", None)
        why = f"its last answer was {int(code)}" if code else "there is no connection"
        said = f"nothing came within {TRIED_FOR} seconds ({why}); try again later"
    return SourceError(f"{name}: {hint or said}", recoverable=not hint)


def _bounded() -> dict[str, Any]:
    """Return how long a call may take, and all its tries."""
    from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415 - slow to load

    return {"timeout": _ANSWERS_IN, "retry": DEFAULT_RETRY.with_timeout(TRIED_FOR)}


def _client() -> Any:
    return _client_at(os.environ.get("STORAGE_EMULATOR_HOST", ""))


@cache
def _client_at(_host: str) -> Any:
    """Return a client, which finds its credentials, and where the API is, itself.

    Raises:
        SourceError: there are no credentials.

    """
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - slow to load
    from google.cloud.storage import Client  # noqa: PLC0415

    try:
        return Client(project="none")  # nobody asks whose, to read
    except GoogleAuthError as error:
        message = f"Cloud Storage needs credentials: {str(error).splitlines()[0]}"
        raise SourceError(message) from error
