"""Texts that stand elsewhere: in files, and in Google's Secret Manager.

The right that reading a secret takes is `secretmanager.versions.access` (the role Secret Manager
Secret Accessor), granted on that secret alone; who asks is told by the environment, as Google's
libraries have it (Application Default Credentials).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.sinks.github.credentials import STORED

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

PATIENCE: Final = 30.0
"""Seconds that Secret Manager may take, tries again included."""

_NAME = re.compile(
    r"(projects/[a-z0-9:.-]+/(?:locations/([a-z0-9-]+)/)?secrets/[A-Za-z0-9_-]{1,255})"
    r"(/versions/[A-Za-z0-9_-]+)?",
    re.ASCII,
)
_INVALID = 22


def read_place(place: str) -> str:
    """Return the text of a file, or of a secret (`sm://projects/P/secrets/S/versions/V`).

    Raises:
        OSError: it cannot be read; `strerror` says why.
        UnicodeDecodeError: it is no text.

    """
    if place.startswith(STORED):
        return read_secret(place.removeprefix(STORED))
    return Path(place).read_text(encoding="utf-8")


def read_secret(name: str, client: SecretManagerServiceClient | None = None) -> str:
    """Return a secret of Secret Manager: of the version that is named, or of the latest.

    Raises:
        OSError: it cannot be read; `strerror` says why, without what is secret.
        UnicodeDecodeError: it is no text.

    """
    match = _NAME.fullmatch(name)
    if match is None:
        message = f"it must be {STORED}projects/PROJECT/secrets/NAME or .../versions/VERSION"
        raise OSError(_INVALID, message)
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    wanted = f"{match[1]}{match[3] or '/versions/latest'}"
    try:
        answer = (client or _client(match[2] or "")).access_secret_version(
            request={"name": wanted}, timeout=PATIENCE
        )
    except (GoogleAPIError, GoogleAuthError) as error:
        message = f"Secret Manager did not give it: {error}"
        raise OSError(_INVALID, message) from None
    except RequestException as error:
        message = f"Secret Manager cannot be reached: {type(error).__name__}"
        raise OSError(_INVALID, message) from None
    return answer.payload.data.decode("utf-8")


def _client(location: str) -> SecretManagerServiceClient:
    """Return a client of the whole service, or of one location's."""
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

    where = f"secretmanager.{location}.rep.googleapis.com" if location else None
    return SecretManagerServiceClient(
        transport="rest", client_options={"api_endpoint": where} if where else None
    )
