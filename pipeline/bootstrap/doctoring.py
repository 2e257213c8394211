"""What `fivewhys doctor` looks at: all that a run needs, and nothing is changed by it."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pipeline import checkup
from pipeline.audit import SECOND
from pipeline.bootstrap.checking import read_looks
from pipeline.bootstrap.reading import (
    Mistakes,
    load_rules,
    load_texts,
    read_catalog,
    read_redactor,
    read_suppressions,
)
from pipeline.bootstrap.shipped import data_folder
from pipeline.catalog import Catalog
from pipeline.checkup import Finding, State
from pipeline.errors import (
    ConfigurationError,
    DeniedError,
    DisabledError,
    FivewhysError,
    Mistake,
    SourceError,
)
from pipeline.redaction import Redactor
from pipeline.settings import GITHUB, QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipeline.bootstrap.reporting import Tracker
    from pipeline.settings import Read
    from pipeline.sinks.github.failures import CallError
    from pipeline.sources.subscribed import Looking

LOGIN = "gcloud auth application-default login"


def examine(read: Read) -> Iterator[Finding]:
    """Yield what is found, one check after the other; what fails keeps no other from being made."""
    yield from _settings(read)
    yield from _texts(read)
    yield from _store(read)
    yield from _subscription(read)
    yield from look_at_logs(read)
    yield from _github(read)


def _settings(read: Read) -> Iterator[Finding]:
    if not read.mistakes:
        environment = read.settings.environment
        yield Finding("settings", State.OK, f"all can be read; the environment is {environment}")
    yield from _wrong("settings", read.mistakes)


def _texts(read: Read) -> Iterator[Finding]:
    """Check what the user wrote, and the templates."""
    settings = read.settings

    def rules() -> str:
        found = load_rules(settings.rules, settings.placeholders, read.named)
        return f"{len(found.rules):,} and {len(found.correlations):,} correlations"

    def catalog() -> str:
        found = read_catalog(settings.catalog, read.named("catalog"))
        count = len(found.file.services)
        return f"{count:,} services" if settings.catalog else "there is none"

    def suppressions() -> str:
        found = read_suppressions(settings.suppressions, read.named("suppressions"))
        return f"{len(found):,}"

    def redaction() -> str:
        read_redactor(read.environment)
        return "secrets and personal data are taken out"

    def looks() -> str:
        mistakes = Mistakes()
        known = Mistakes().attempt(lambda: read_catalog(settings.catalog), Catalog())  # said above
        found = read_looks(read, known, Redactor(), mistakes)
        mistakes.raise_if_any()
        return f"{len(found):,}"

    yield from _tried(read, "rules", rules)
    yield from _tried(read, "templates", _templates)
    yield from _tried(read, "catalog", catalog)
    yield from _tried(read, "suppressions", suppressions)
    yield from _tried(read, "redaction", redaction)
    yield from _tried(read, "investigators", looks)


def _templates() -> str:
    """Load every template.

    Raises:
        ConfigurationError: every mistake in them.

    """
    mistakes = Mistakes()
    names = [path.stem for path in sorted((data_folder("templates") / "whys").glob("*.yml"))]
    for name in names:
        mistakes.attempt(lambda name=name: load_texts(name), None)  # type: ignore[misc]
    mistakes.raise_if_any()
    return f"{len(names):,} of whys, and those of issues and comments"


def _store(read: Read) -> Iterator[Finding]:
    url = read.settings.store
    if not url:
        return
    from pipeline.stores.sql.schema import look_at

    try:
        yield checkup.store(look_at(url, read.settings.retrying.timeout))
    except FivewhysError as error:
        yield Finding("store", State.WRONG, str(error))


def _subscription(read: Read) -> Iterator[Finding]:
    name = read.settings.subscription
    if not name:
        return
    from pipeline.sources.subscribed import Looking

    try:
        looking = Looking(name, read.settings.retrying.timeout)
    except SourceError as error:
        yield Finding("subscription", State.WRONG, f"there are no credentials: {error}", LOGIN)
        return
    with closing(looking):
        yield from _permissions(name, looking)
        yield from _looked("subscription", lambda: _described(read, looking))


def _described(read: Read, looking: Looking) -> Iterable[Finding]:
    """Look at the subscription; a run pulls from it without the right to do so."""
    letters = read.settings.poison != QUARANTINE
    try:
        found = looking.subscription()
    except DeniedError:
        held = looking.permissions()
        if held is None or checkup.GET in held:
            raise
        text = "it was not looked at: see permissions"
        return [Finding("subscription", State.UNKNOWN, text)]
    return checkup.subscription(found, dead_letters=letters)


def _permissions(name: str, looking: Looking) -> Iterator[Finding]:
    def held() -> Iterable[Finding]:
        permissions = looking.permissions()
        if permissions is None:
            text = "the emulator knows none, so they could not be checked"
            return [Finding("permissions", State.UNKNOWN, text)]
        return checkup.permissions(name, permissions, looking.member())

    yield from _looked("permissions", held)


def look_at_logs(read: Read, client: Any = None) -> Iterator[Finding]:
    """Read one entry by the Logging API, if a run is to fill gaps from there."""
    settings = read.settings
    if not (settings.logging_filter and settings.subscription):
        return
    from pipeline.bootstrap.logs import LOGGING_FILTER, logging_client
    from pipeline.logquery import resource_of
    from pipeline.sources.logging_api import Query, Reading, ReadSettings
    from pipeline.sources.subscribed import principal

    try:
        client = client or logging_client(LOGGING_FILTER)
    except ConfigurationError as error:
        yield from _wrong("logging api", map(read.located, error.mistakes))
        return
    resource = resource_of(settings.logging_project or settings.subscription.split("/")[1])
    now = time.time_ns()
    query = Query((resource,), settings.logging_filter, now - 60 * SECOND, now)
    reading = Reading(client, query, ReadSettings(size=1, retrying=settings.retrying))
    try:
        reading.page()
    except DeniedError as error:
        member = principal(getattr(client.transport, "_credentials", None))
        yield checkup.logs(resource, str(error), member)
    except DisabledError as error:
        yield Finding("logging api", State.WRONG, str(error), error.command)
    except SourceError as error:
        if error.recoverable:
            yield Finding("logging api", State.UNKNOWN, f"it could not be checked: {error}")
        else:
            yield checkup.logs(resource, str(error))
    else:
        yield checkup.logs(resource)


def _github(read: Read) -> Iterator[Finding]:
    if GITHUB not in read.settings.sinks:
        yield Finding("github", State.OK, "it is no sink of this run")
        yield checkup.clock(None)
        return
    from pipeline.bootstrap.reporting import read_tracker

    try:
        tracker = read_tracker(environment=read.environment)
    except ConfigurationError as error:
        yield from _wrong("github", map(read.located, error.mistakes))
        yield checkup.clock(None)
        return
    skews: list[int] = []
    for one in tracker.all:
        yield from _repository(one, read.settings.retrying.timeout, skews)
    yield checkup.clock(max(skews, key=abs, default=None))


def _repository(tracker: Tracker, timeout: float, skews: list[int]) -> Iterator[Finding]:
    from pipeline.sinks.github.failures import CallError
    from pipeline.sinks.github.rights import look_at
    from pipeline.tracker.routing import LABEL

    try:
        found = look_at(tracker.credentials, (tracker.key, *tracker.former), LABEL, timeout)
    except CallError as error:
        yield _refused(tracker.repository, error)
        return
    if found.skew is not None:
        skews.append(found.skew)
    yield from checkup.tracked(found, LABEL)


def _refused(repository: str, error: CallError) -> Finding:
    if error.can_recover:
        return Finding("github", State.UNKNOWN, f"{repository} could not be checked: {error}")
    text = f"{repository}: {error}; look at the name, and at what the token or the App may see"
    return Finding("github", State.WRONG, text)


def _tried(read: Read, check: str, make: Callable[[], str]) -> Iterator[Finding]:
    """Yield what was read, or every mistake in it."""
    try:
        yield Finding(check, State.OK, make())
    except ConfigurationError as error:
        yield from _wrong(check, map(read.located, error.mistakes))


def _looked(check: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what was found at Pub/Sub, or that it was not reached, or refused."""
    try:
        yield from look()
    except DisabledError as error:
        yield Finding(check, State.WRONG, str(error), error.command)
    except SourceError as error:
        state = State.UNKNOWN if error.recoverable else State.WRONG
        text = f"it could not be checked: {error}" if error.recoverable else str(error)
        yield Finding(check, state, text)


def _wrong(check: str, mistakes: Iterable[Mistake]) -> Iterator[Finding]:
    for mistake in mistakes:
        yield Finding(check, State.WRONG, str(mistake))
