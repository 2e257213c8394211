"""Which schema a store has, found without making or changing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipeline.checkup import Schema
from pipeline.errors import StoreError
from pipeline.stores.sql import postgresql, sqlite
from pipeline.stores.sql.database import (
    KINDS,
    TIMEOUT,
    VERSION_TABLE,
    known_revisions,
    listed,
    parse_url,
    revisions_of,
)

if TYPE_CHECKING:
    from sqlalchemy import URL


def look_at(url: str, timeout: float = TIMEOUT) -> Schema:
    """Return which schema a store has; a file that is not there is not made.

    Raises:
        StoreError: it cannot be opened; no password is shown.

    """
    parsed = parse_url(url)
    kind = KINDS[parsed.drivername]
    name, known = kind.name_of(parsed), known_revisions()
    lacks = sqlite.unwritable(parsed) if kind is sqlite else ""
    if lacks or (kind is sqlite and sqlite.is_missing(parsed)):
        return Schema(name, "", known[0], lacks, known=known)
    try:
        return _look(parsed, name, known, timeout)
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        message = f"{name}: {kind.reason(cause) or cause}"
        raise StoreError(message) from error


def _look(url: URL, name: str, known: tuple[str, ...], timeout: float) -> Schema:
    kind = KINDS[url.drivername]
    engine = kind.engine_of(url, timeout)
    try:
        with engine.begin() as connection:
            kind.begin(connection, writes=False)
            tables = inspect(connection).get_table_names()
            found = ", ".join(sorted(revisions_of(connection, tables)))
            lacks, mend = _foreign(tables), ""
            if not lacks and kind is postgresql:
                lacks, mend = postgresql.lacking(connection)
            return Schema(name, found, known[0], lacks, mend, known)
    finally:
        engine.dispose()


def _foreign(tables: list[str]) -> str:
    if not tables or VERSION_TABLE in tables:
        return ""
    return f"this database belongs to another program, it has the tables {listed(tables)}"
