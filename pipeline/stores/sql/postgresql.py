"""PostgreSQL 13 or later: any number of processes; who writes more than rows of its own waits."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sqlalchemy import Text, create_engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.compiler import compiles

from pipeline.errors import StoreError

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import URL, Connection, Engine

DRIVERS: Final = ("postgresql", "postgres", "postgresql+psycopg")

_OLDEST: Final = 13
"""The version from which on it will do."""

SIZE: Final = "SELECT pg_database_size(current_database())"
"""What asks for the bytes that the database takes."""

_LOCK: Final = 5_940_715_333
"""What those wait for who write: any number that no other program in the database takes."""

_SETTINGS: Final = {
    "application_name": "fivewhys",
    # A process that is gone must not keep others waiting.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
_LONGER: Final = 6
"""A statement may read or write a lot, so it may take longer than to wait for somebody."""

_PAUSE: Final = 2
"""Who writes is heard of all the time: what takes long is made before, the rest little by little.

So whoever is not was stopped, and all others wait for him. Who only reads keeps nobody waiting.
"""

_BEGIN: Final = (
    "SELECT set_config('idle_in_transaction_session_timeout', '{pause}', true), "
    f"pg_try_advisory_xact_lock({_LOCK})"
)
"""Returns whether nobody else writes."""

_WAIT: Final = f"SELECT pg_advisory_xact_lock({_LOCK})"

_END_FROZEN: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE locktype = 'advisory' AND granted AND database = datid AND datname = current_database()
AND (classid::bigint << 32 | objid::bigint, objsubid) = ({lock}, 1)
AND usename = current_user AND wait_event IN ('ClientRead', 'ClientWrite')
AND xact_start IS NOT NULL
AND state_change < clock_timestamp() - interval '{pause} ms'
"""
"""Who is stopped while he gives rows, one after the other, or takes some, counts as one at work:
PostgreSQL waits for him without an end. So who wants to write ends him.

What sessions do may be read before who holds the lock: who was in no transaction then, but idle for
long, is at work if he holds it now.
"""

_HINTS: Final = {
    "25P03": "this process stood still amid a transaction for too long; try again later",
    "28": "it does not let us in; look at user and password, and at who may connect",
    "3D": "there is no such database; make it with CREATE DATABASE",
    "42501": "its user may not do that; GRANT it CREATE and USAGE on the schema",
    "53": "it has no room or no connection left",
    "55P03": "another process has kept it locked for too long; try again later",
    "57014": "a statement took too long; try again later",
}
"""By SQLSTATE, or its first two digits."""

_PASSING: Final = ("08", "25P03", "40", "53", "55P03", "57")
"""What SQLSTATE begins with where the same may succeed later."""


@compiles(Text, "postgresql")
def _text(_type: Text, _compiler: Any, **_: object) -> str:
    """Let text sort by its characters: times are texts, whatever the locale of the database."""
    return 'TEXT COLLATE "C"'


def check(url: URL, usage: str) -> None:
    """Check a URL, and connect to nothing.

    Raises:
        StoreError: it will not do.

    """
    if not url.database:
        message = f"the store's URL names no database: {usage}"
        raise StoreError(message)


def is_torn(url: URL, text: str) -> bool:
    """Whether an @ that is not escaped may have torn the password in `text`, which `url` is of.

    What follows it would be taken for the host or the database, which errors name.
    """
    _, _, rest = text.partition("://")
    if url.password is None:
        return "@" in rest.partition("/")[2].partition("?")[0]
    return rest.partition(":")[2].count("@") > 1


def name_of(url: URL) -> str:
    """Return what errors call the database: without user and password."""
    host = url.host or str(url.query.get("host", "localhost"))
    return f"store {url.database} at {host}"


def engine_of(url: URL, timeout: float) -> Engine:
    """Make an engine whose connections end when those who hold them do.

    To connect takes `timeout` seconds at most, so does waiting for a lock; a pause within a
    transaction that writes takes longer, a statement or any other pause longer still.
    """
    short, long = round(timeout * 1_000), round(timeout * _LONGER * 1_000)
    limits = {
        "lock_timeout": short,
        "statement_timeout": long,
        "idle_in_transaction_session_timeout": long,
    }
    said = [f"-c {name}={value}" for name, value in limits.items()]
    options = " ".join((*said, str(url.query.get("options", "")))).strip()
    settings = {**_SETTINGS, "connect_timeout": str(max(2, round(timeout)))}
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={**settings, "options": options},
        execution_options={"pause": round(timeout * _PAUSE * 1_000)},
        hide_parameters=True,
        pool_pre_ping=True,
    )


def begin(connection: Connection, *, writes: bool) -> None:
    """Go on in the transaction; one that writes waits here for all others that do."""
    if writes:
        pause = connection.get_execution_options()["pause"]
        _, is_alone = connection.exec_driver_sql(_BEGIN.format(pause=pause)).one()
        if not is_alone:
            # Some databases let nobody see or end sessions: then there is only to wait.
            with suppress(ProgrammingError), connection.begin_nested():
                connection.exec_driver_sql(_END_FROZEN.format(lock=_LOCK, pause=pause))
            connection.exec_driver_sql(_WAIT)


def ready(engine: Engine) -> None:
    """Nothing is left to be done."""


def give_back(engine: Engine, *, whole: bool) -> None:
    """Let rows that are gone make room for new ones; it does that by itself, only later."""
    if whole:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM (ANALYZE)")
            connection.invalidate()  # it must not go on without limits


def reason(cause: BaseException) -> str:
    """Say what went wrong and what to do; "" if only the error itself can."""
    state = getattr(cause, "sqlstate", None) or ""
    return _HINTS.get(state, "") or _HINTS.get(state[:2], "")


def is_passing(cause: BaseException) -> bool:
    """Whether the same may succeed later.

    So may every attempt to connect, of which psycopg has no SQLSTATE to tell why it failed.
    """
    state = getattr(cause, "sqlstate", "")
    return state is None or state.startswith(_PASSING)


def lacking(connection: Connection) -> tuple[str, str]:
    """Say what keeps a run from working here, and the statement that mends it; "" if nothing."""
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < _OLDEST * 10_000:
        return f"it is PostgreSQL {version // 10_000}; wanted is {_OLDEST} or later", ""
    user, schema = connection.exec_driver_sql("SELECT current_user, current_schema()").one()
    right = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
    if schema and connection.exec_driver_sql(right).scalar_one():
        return "", ""
    grant = f'GRANT USAGE, CREATE ON SCHEMA {schema or "public"} TO "{user}"'
    return f"its user {user} may make no tables there", grant
