"""Opening a database: its URL checked, its schema ours and of today, its errors in plain words."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import StaticPool, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from pipeline.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import URL, Connection, Engine

VERSION_TABLE = "fivewhys_schema"
"""Holds the schema's revision; a database that has tables but not this one is not ours."""

WAIT_SECONDS = 10
"""How long to wait for another process that writes."""

_SQLITE = ("sqlite", "sqlite+pysqlite")
_USAGE = "write sqlite:///FILE, with the path of a file, or sqlite:// for one in memory"
_HINTS = {
    "SQLITE_NOTADB": "it is no SQLite database; give the store a file of its own",
    "SQLITE_CANTOPEN": "it cannot be opened or made there; check the rights of file and directory",
    "SQLITE_READONLY": "it cannot be written to; check the rights of file and directory",
    "SQLITE_PERM": "it cannot be written to; check the rights of file and directory",
    "SQLITE_BUSY": f"another process has kept it locked for {WAIT_SECONDS} s; try again later",
    "SQLITE_FULL": "there is no room left on its disk",
    "SQLITE_CORRUPT": "it is damaged; restore it from a backup, or begin with a new file",
}


class Database:
    """One database, open and of today's schema; `name` is fit to be shown."""

    def __init__(self, url: str) -> None:
        """Open and migrate.

        Raises:
            StoreError: the URL, the file or what is in it will not do; no password is shown.

        """
        parsed = parse_url(url)
        self.name = _shown(_path(parsed))
        self._engine = _engine(parsed)
        try:
            with self.writing() as connection:
                _migrate(connection, self.name)
            # Best effort: readers then need not wait for a writer. Another process that has just
            # opened the file can be in the way; whoever opens it next tries again.
            with suppress(OperationalError), self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self, begin: str = "BEGIN") -> Iterator[Connection]:
        """Lend a connection inside a transaction.

        Raises:
            StoreError: in place of any error of the database.

        """
        try:
            with self._engine.begin() as connection:
                connection.exec_driver_sql(begin)
                yield connection
        except SQLAlchemyError as error:
            message = f"{self.name}: {_reason(error)}"
            raise StoreError(message) from error

    def writing(self) -> AbstractContextManager[Connection]:
        """Lend the same, as the only one who writes; all of it is committed or nothing."""
        return self.reading("BEGIN IMMEDIATE")


def parse_url(text: str) -> URL:
    """Check a URL and the path it leads to, and open nothing.

    Raises:
        StoreError: it will not do; its text is never quoted, as it may hold a password.

    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        message = f"the store's URL is none: {_USAGE}"
        raise StoreError(message) from error
    if url.drivername not in _SQLITE:
        message = f"the store's URL is of the kind {url.drivername}, which is not known: {_USAGE}"
        raise StoreError(message)
    if url.host or url.username or url.password or url.port or url.query:
        message = f"the store's URL says more than a path (three slashes go before it): {_USAGE}"
        raise StoreError(message)
    _check_path(_path(url))
    return url


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


def _engine(url: URL) -> Engine:
    """Make an engine whose transactions begin when we say so, with the locks that we ask for."""
    options: dict[str, Any] = {"isolation_level": None, "timeout": WAIT_SECONDS}
    if _path(url):
        engine = create_engine(url, connect_args=options, hide_parameters=True)
    else:
        options["check_same_thread"] = False
        engine = create_engine(
            url, connect_args=options, hide_parameters=True, poolclass=StaticPool
        )
    event.listen(engine, "connect", _on_connect)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")


def _migrate(connection: Connection, name: str) -> None:
    """Bring the schema to today's, inside the caller's transaction, which keeps others out.

    Raises:
        StoreError: the database belongs to another program or to a newer fivewhys.

    """
    tables = inspect(connection).get_table_names()
    if tables and VERSION_TABLE not in tables:
        message = (
            f"{name}: this database belongs to another program, it has the tables "
            f"{_listed(tables)}; give the store a file of its own"
        )
        raise StoreError(message)
    config = _config(connection)
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    current = _revisions(connection)
    if not current <= set(known):
        message = (
            f"{name}: this database is of schema {_listed(sorted(current))}, made by a newer "
            f"fivewhys; this one knows schemas up to {known[0]}: update fivewhys"
        )
        raise StoreError(message)
    if known[0] not in current:
        command.upgrade(config, "head")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "pipeline.stores:migrations")
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    return config


def _revisions(connection: Connection) -> set[str]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return set(context.get_current_heads())


def _listed(names: list[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _reason(error: SQLAlchemyError) -> str:
    """Say what went wrong and what to do; without the statement and its data."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = "_".join(getattr(cause, "sqlite_errorname", "").split("_")[:2])
    return _HINTS.get(code, str(cause))
