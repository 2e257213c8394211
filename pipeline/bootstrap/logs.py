"""Reading from the Logging API: who asks, and what."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.bootstrap.reading import Mistakes
from pipeline.errors import ConfigurationError, FivewhysError, Mistake, SourceError
from pipeline.logquery import resource_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.filling import Filling, Gap
    from pipeline.ports import Feed, Store
    from pipeline.received import Received
    from pipeline.receiving import Receiver
    from pipeline.settings import Settings
    from pipeline.sources.logging_api import LoggingFeed, LoggingSource

LOGGING_FILTER = "FIVEWHYS_LOGGING_FILTER"
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


def read_logging(
    wanted: str, project: str, since: int | None, until: int | None, client: Any = None
) -> LoggingSource:
    """Return a source of what a filter lets through, until now if nothing else is said (ns UTC).

    Who asks is Google's client, unless another `client` is given.

    Raises:
        ConfigurationError: every mistake in what is asked for.

    """
    from pipeline.settings.values import encodable

    mistakes = Mistakes()
    if not project:
        message = (
            "name the project whose logs are read, or set FIVEWHYS_LOGGING_PROJECT or "
            "GOOGLE_CLOUD_PROJECT"
        )
        mistakes.note(Mistake(PROJECT, 0, message))
    if since is None:
        message = f"{FROM_LOGGING} needs it: how far back is read, as 6h"
        mistakes.note(Mistake("--since", 0, message))
    for option, text in ((FROM_LOGGING, wanted), (PROJECT, project)):
        try:
            encodable(text)
        except ValueError as error:
            mistakes.note(Mistake(option, 0, str(error)))
    client = client or mistakes.attempt(lambda: logging_client(FROM_LOGGING), None)
    mistakes.raise_if_any()
    from pipeline.sources.logging_api import LoggingSource, Query

    end = time.time_ns() if until is None else until
    return LoggingSource(client, Query((resource_of(project),), wanted, since or 0, end))


def filling(
    settings: Settings,
    store: Store,
    receiver: Callable[[Feed], Receiver],
    holder: str,
    client: Any = None,
) -> Filling:
    """Return what reads from the Logging API what was logged while nobody received.

    Raises:
        ConfigurationError: there are no credentials.

    """
    from pipeline.filling import Filling
    from pipeline.sources.logging_api import LoggingFeed, Query, Reading, ReadSettings

    client = client or logging_client(LOGGING_FILTER)
    project = settings.logging_project or settings.subscription.split("/")[1]

    def opened(gap: Gap, keep: Callable[[int], None]) -> LoggingFeed:
        query = Query((resource_of(project),), settings.logging_filter, gap.since, gap.until)
        usual = ReadSettings()
        retrying = replace(usual.retrying, timeout=settings.retrying.timeout)
        reading = Reading(client, query, replace(usual, retrying=retrying))
        return LoggingFeed(reading, keep, wait=2)

    return Filling(store=store, open_=opened, receiver=receiver, holder=holder)


def read_on(filling: Filling, now: int) -> Received | None:
    """Let a gap be read on, as `Filling.step` does.

    Raises:
        FivewhysError: as it does; a mistake of our own is a SourceError where no retry can help.

    """
    try:
        return filling.step(now)
    except FivewhysError:
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("fill: it is given up")
        message = "it ended by a mistake of our own, which the log has"
        raise SourceError(message) from error
