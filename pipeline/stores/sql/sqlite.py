"""SQLite: one file, one process that writes at a time, and what can be wrong with either."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from sqlite3 import Error
from stat import S_ISDIR
from typing import TYPE_CHECKING, Any

from sqlalchemy import StaticPool, create_engine, event
from sqlalchemy.exc import OperationalError

from pipeline.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

DRIVERS = ("sqlite", "sqlite+pysqlite")

SIZE = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
"""What asks for the bytes that the database takes."""

_INCREMENTAL = 2
"""What SQLite calls `auto_vacuum` that gives pages back when it is told to."""

_PAGES = 5_000
"""Pages given back at once: 20 MB, while others wait."""

_LOG_BYTES = 64_000_000
"""What is left at most of a log that grew while somebody read for long."""

_HINTS = {
    "SQLITE_NOTADB": "it is no SQLite database; give the store a file of its own",
    "SQLITE_CANTOPEN": "it cannot be opened or made there; check the rights of file and directory",
    "SQLITE_READONLY": "it cannot be written to; check the rights of file and directory",
    "SQLITE_PERM": "it cannot be written to; check the rights of file and directory",
    "SQLITE_BUSY": "another process has kept it locked for too long; try again later",
    "SQLITE_FULL": "there is no room left on its disk",
    "SQLITE_CORRUPT": "it is damaged; restore it from a backup, or begin with a new file",
}


def check(url: URL, usage: str) -> None:
    """Check a URL and the path it leads to, and open nothing.

    Raises:
        StoreError: it will not do.

    """
    if url.host or url.username or url.password or url.port or url.query:
        message = f"the store's URL says more than a path (three slashes go before it): {usage}"
        raise StoreError(message)
    _check_path(_path(url))


def name_of(url: URL) -> str:
    """Return what errors call the database."""
    return _shown(_path(url))


def engine_of(url: URL, timeout: float) -> Engine:
    """Make an engine whose transactions begin when we say so, with the locks that we ask for.

    Who writes waits `timeout` seconds for another process that does.
    """
    options: dict[str, Any] = {"isolation_level": None, "timeout": timeout}
    if _path(url):
        engine = create_engine(url, connect_args=options, hide_parameters=True)
    else:
        options["check_same_thread"] = False
        engine = create_engine(
            url, connect_args=options, hide_parameters=True, poolclass=StaticPool
        )
    event.listen(engine, "connect", _on_connect)
    return engine


def begin(connection: Connection, *, writes: bool) -> None:
    """Begin a transaction: one that writes waits here for all others that do."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def ready(engine: Engine) -> None:
    """Let readers go on while somebody writes.

    Best effort: another process that has just opened the file can be in the way; whoever opens it
    next tries again.
    """
    with suppress(OperationalError), engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def give_back(engine: Engine, *, whole: bool) -> None:
    """Give free pages back; a database from before they could be is written anew as a `whole`."""
    with engine.connect() as connection:
        # One step of the pragma gives back one page; a script goes through all of them.
        script = "VACUUM" if whole else f"PRAGMA incremental_vacuum({_PAGES})"
        try:
            connection.connection.cursor().executescript(script)
        except Error as error:
            raise OperationalError(script, None, error) from error


def reason(cause: BaseException) -> str:
    """Say what went wrong and what to do; "" if only the error itself can."""
    return _HINTS.get(_code(cause), "")


def is_passing(cause: BaseException) -> bool:
    """Whether the same may succeed later: another process keeps the file locked."""
    return _code(cause) == "SQLITE_BUSY"


def _code(cause: BaseException) -> str:
    return "_".join(getattr(cause, "sqlite_errorname", "").split("_")[:2])


def is_missing(url: URL) -> bool:
    """Whether there is no such file yet; who opens it makes it."""
    return not Path(_path(url)).exists()


def unwritable(url: URL) -> str:
    """Say what of the file and its directory cannot be written to; "" if both can."""
    path = Path(_path(url))
    places = [path] * path.exists() + [path.parent]  # the journal lies beside it
    return next((f"{place} cannot be written to" for place in places if not _writable(place)), "")


def _writable(place: Path) -> bool:
    return os.access(place, os.W_OK)


def _path(url: URL) -> str:
    """Return the path of the database; "" for one in memory."""
    return "" if url.database in (None, "", ":memory:") else str(url.database)


def _check_path(path: str) -> None:
    """Say what SQLite would only call `unable to open database file`."""
    if not path:
        return
    name, parent = _shown(path), Path(path).parent
    try:
        is_directory, has_parent = S_ISDIR(Path(path).stat().st_mode), True
    except FileNotFoundError:
        is_directory, has_parent = False, parent.is_dir()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is no path"
        message = f"{name}: it cannot be opened: {reason}"
        raise StoreError(message) from error
    if is_directory:
        message = f"{name}: this is a directory; name a file in it"
        raise StoreError(message)
    if not has_parent:
        message = f"{name}: its directory does not exist; make it first"
        raise StoreError(message)


def _shown(path: str) -> str:
    """Return what errors call the database; a path may hold bytes that no terminal prints."""
    return f"store {path.encode(errors='backslashreplace').decode() or 'in memory'}"


def _on_connect(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    # Counts for a new database, and for one that is written anew; said again it would be written.
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL:
        connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
