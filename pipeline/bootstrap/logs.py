"""Reading from the Logging API: who asks, and what."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pipeline.bootstrap.reading import Mistakes
from pipeline.errors import ConfigurationError, Mistake
from pipeline.logquery import resource_of

if TYPE_CHECKING:
    from pipeline.sources.logging_api import LoggingSource

FROM_LOGGING, PROJECT = "--from-logging", "--project"


def logging_client(option: str) -> Any:
    """Return Google's client, which finds its credentials itself.

    Raises:
        ConfigurationError: there are none; `option` is what asks for them.

    """
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client

    try:
        return LoggingServiceV2Client()
    except GoogleAuthError as error:
        message = f"the Logging API needs credentials: {str(error).splitlines()[0]}"
        raise ConfigurationError([Mistake(option, 0, message)]) from error


def read_logging(wanted: str, project: str, since: int | None, until: int | None) -> LoggingSource:
    """Return a source of what a filter lets through, until now if nothing else is said (ns UTC).

    Raises:
        ConfigurationError: every mistake in what is asked for.

    """
    mistakes = Mistakes()
    if not project:
        message = "name the project whose logs are read, or set GOOGLE_CLOUD_PROJECT"
        mistakes.note(Mistake(PROJECT, 0, message))
    if since is None:
        message = f"{FROM_LOGGING} needs it: how far back is read, as 6h"
        mistakes.note(Mistake("--since", 0, message))
    client = mistakes.attempt(lambda: logging_client(FROM_LOGGING), None)
    mistakes.raise_if_any()
    from pipeline.sources.logging_api import LoggingSource, Query

    end = time.time_ns() if until is None else until
    return LoggingSource(client, Query((resource_of(project),), wanted, since or 0, end))
