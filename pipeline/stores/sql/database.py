"""Opening a database: its URL checked, its schema ours and of today, its errors in plain words."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import column, inspect, make_url, select, table
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from pipeline.errors import StoreError
from pipeline.retrying import Retrying
from pipeline.stores.sql import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import URL, Connection

VERSION_TABLE = "fivewhys_schema"
"""Holds the schema's revision; a database that has tables but not this one is not ours."""

_MIGRATIONS: Final = Path(__file__).parents[1] / "migrations" / "versions"

KINDS = {driver: kind for kind in (sqlite, postgresql) for driver in kind.DRIVERS}
TIMEOUT = Retrying().timeout
_USAGE = (
    "write sqlite:///FILE, with the path of a file, sqlite:// for one in memory, or "
    "postgresql://HOST/DATABASE"  # with a user and a password, redaction would take them out
)


class Database:
    """One database, open and of today's schema; `name` is fit to be shown."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        """Open and migrate; a call ends after `timeout` seconds, a long statement after six times.

        Raises:
            StoreError: the URL, the file or what is in it will not do; no password is shown.

        """
        parsed = parse_url(url)
        self._kind = KINDS[parsed.drivername]
        self.name = self._kind.name_of(parsed)
        self._engine = self._kind.engine_of(parsed, timeout)
        try:
            with self.writing() as connection:
                _migrate(connection, self.name)
            self._kind.ready(self._engine)
        except BaseException:
            self.close()
            raise

    def give_back(self, *, whole: bool) -> None:
        """Give room that nothing takes back to the disk: some of it, or the `whole`.

        Raises:
            StoreError: in place of any error of the database.

        """
        with self._reported():
            self._kind.give_back(self._engine, whole=whole)

    def size(self) -> int:
        """Return how many bytes it takes.

        Raises:
            StoreError: in place of any error of the database.

        """
        with self.reading() as connection:
            return int(connection.exec_driver_sql(self._kind.SIZE).scalar_one())

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self, *, writes: bool = False) -> Iterator[Connection]:
        """Lend a connection inside a transaction.

        Raises:
            StoreError: in place of any error of the database.

        """
        with self._reported(), self._engine.begin() as connection:
            self._kind.begin(connection, writes=writes)
            yield connection

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
            said = " ".join(str(cause).split())  # of a connection it has several lines
            message = f"{self.name}: {self._kind.reason(cause) or said}"
            raise StoreError(message, recoverable=self._kind.is_passing(cause)) from error

    def writing(self) -> AbstractContextManager[Connection]:
        """Lend the same, as the only one who writes; all of it is committed or nothing."""
        return self.reading(writes=True)

    def adding(self) -> AbstractContextManager[Connection]:
        """Lend the same to add rows that nobody else touches: others may do so meanwhile."""
        return self.reading(writes=self._kind is sqlite)


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
    kind = KINDS.get(url.drivername)
    if kind is None:
        message = f"the store's URL is of the kind {url.drivername}, which is not known: {_USAGE}"
        raise StoreError(message)
    if kind is postgresql and postgresql.is_torn(url, text):
        message = "the store's URL has an @ too many: write each @ of the password as %40"
        raise StoreError(message)
    kind.check(url, _USAGE)
    return url


def _migrate(connection: Connection, name: str) -> None:
    """Bring the schema to today's, inside the caller's transaction, which keeps others out.

    Raises:
        StoreError: the database belongs to another program or to a newer fivewhys.

    """
    tables = inspect(connection).get_table_names()
    if tables and VERSION_TABLE not in tables:
        message = (
            f"{name}: this database belongs to another program, it has the tables "
            f"{listed(tables)}; give the store a file of its own"
        )
        raise StoreError(message)
    known, current = known_revisions(), revisions_of(connection, tables)
    if not current <= set(known):
        message = (
            f"{name}: this database is of schema {listed(sorted(current))}, made by a newer "
            f"fivewhys; this one knows schemas up to {known[0]}: update fivewhys"
        )
        raise StoreError(message)
    if not tables and connection.dialect.name == "sqlite":
        _make(connection, known[0])
    elif known[0] not in current:
        _upgrade(connection)


def _make(connection: Connection, revision: str) -> None:
    """Make all tables as the migrations would, which take ten times as long with Alembic.

    PostgreSQL's are left to them: some have settings that SQLAlchemy has no words for.
    """
    from pipeline.stores.sql.tables import metadata  # noqa: PLC0415 - to check a URL takes none

    metadata.create_all(connection, checkfirst=False)
    connection.exec_driver_sql(
        f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
        f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
    )
    made = table(VERSION_TABLE, column("version_num"))
    connection.execute(made.insert().values(version_num=revision))


def _upgrade(connection: Connection) -> None:
    """Make all migrations that were not made."""
    # Slow to load, and a store needs it once for each version.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "pipeline.stores:migrations")
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    command.upgrade(config, "head")


@cache
def known_revisions() -> tuple[str, ...]:
    """Return the schemas that this program knows, the newest first.

    They are the numbers that the files of migrations begin with, told without Alembic.
    """
    numbers = (path.name.partition("_")[0] for path in _MIGRATIONS.glob("[0-9]*_*.py"))
    return tuple(sorted(numbers, reverse=True))


def revisions_of(connection: Connection, tables: Collection[str]) -> set[str]:
    """Return the schema that a database with these tables has; none if it has none."""
    if VERSION_TABLE not in tables:
        return set()
    return set(connection.scalars(select(column("version_num")).select_from(table(VERSION_TABLE))))


def listed(names: list[str], limit: int = 5) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
