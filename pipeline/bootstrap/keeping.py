"""Opening stores; what a kind of store is made of is loaded only when there is one."""

from __future__ import annotations

import re
import time
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from pipeline.errors import ConfigurationError, Mistake, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pipeline.document import IncidentDocument
    from pipeline.ports import Store
    from pipeline.retrying import Retrying

IN_MEMORY = "sqlite://"

_SQLITE = re.compile(r"sqlite(?:\+pysqlite)?://(?:/(?P<path>.*))?", re.DOTALL)
_NO_FILES = {"", ":memory:"}


def is_missing_file(url: str) -> bool:
    """Return whether a URL names an SQLite file that does not exist."""
    path = _path_of(url)
    return path is not None and path not in _NO_FILES and not Path(path).exists()


def _path_of(url: str) -> str | None:
    """Return the path that the URL of an SQLite database says, "" if none; None of another URL."""
    found = _SQLITE.fullmatch(url)
    return (found["path"] or "") if found else None


def check_store(url: str) -> None:
    """Check where a store would be, and make nothing.

    Raises:
        StoreError: the URL or its path will not do.

    """
    if url == IN_MEMORY:
        return
    from pipeline.stores.sql.database import parse_url

    parse_url(url)


def open_store(url: str, timeout: float = 0) -> AbstractContextManager[Store]:
    """Open a store whose calls end after `timeout` seconds (0: as the environment has it).

    Raises:
        StoreError: it cannot be opened; says whether a retry can help.

    """
    if url == IN_MEMORY:
        from pipeline.stores.memory import MemoryStore

        return MemoryStore(keeps_detections=False)
    from pipeline.stores.sql.store import SqlStore

    return SqlStore(url, timeout or usual_timeout())


def usual_timeout() -> float:
    """Return when calls to a store end (seconds), as the settings of `fivewhys run` have it."""
    from pipeline.settings import read_settings

    return read_settings({}, needed=()).settings.retrying.timeout


def open_patiently(
    url: str,
    retrying: Retrying,
    note: Callable[[StoreError], None],
    sleep: Callable[[float], None] = time.sleep,
) -> AbstractContextManager[Store]:
    """Open a store that may be up a little later than we are; `note` is told of each new try.

    Raises:
        StoreError: it cannot be opened, after all tries or where none can help.

    """
    failed = 0
    while True:
        try:
            return open_store(url, retrying.timeout)
        except StoreError as error:
            failed += 1
            if not error.recoverable or retrying.is_over(failed):
                raise
            note(error)
        sleep(retrying.pause(failed, SystemRandom().random()))


def check_kept_store(url: str) -> None:
    """Check that a store is there.

    Raises:
        ConfigurationError: there is no such file, or it would be one in memory.
        StoreError: the URL or its path will not do.

    """
    if is_missing_file(url):
        message = f"{url} does not exist; `fivewhys replay --store {url}` makes it"
        raise ConfigurationError([Mistake("--store", 0, message)])
    if _path_of(url) in _NO_FILES:
        message = "it is in memory, and holds nothing that outlasts the command; name another one"
        raise ConfigurationError([Mistake("--store", 0, message)])
    check_store(url)


def open_kept_store(url: str) -> AbstractContextManager[Store]:
    """Open a store that is there already.

    Raises:
        ConfigurationError: there is no such file.
        StoreError: it cannot be opened.

    """
    check_kept_store(url)
    return open_store(url)


def find_incident(url: str, identifier: str) -> IncidentDocument:
    """Return one incident of a store.

    Raises:
        ConfigurationError: the store has no incident of that id.
        StoreError: the store cannot be opened, or several ids begin like this.

    """
    with open_kept_store(url) as store:
        return incident_in(store, identifier)


def incident_in(store: Store, identifier: str) -> IncidentDocument:
    """Return one incident of an open store.

    Raises:
        ConfigurationError: the store has no incident of that id.
        StoreError: several ids begin like this.

    """
    found = store.incident(identifier)
    if found is None:
        message = f"the store has no incident {identifier!r}; `fivewhys incidents list` names them"
        raise ConfigurationError([Mistake("", 0, message)])
    return found
