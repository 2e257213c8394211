# ruff: noqa: S608 - the statements stand in made-up log lines; nothing runs them
"""Causes: the error that each shows, in the words of the library concerned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.scenarios.tracebacks import Raised, driver_frames, own

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from tests.scenarios.world import Service, World

    Make = Callable[[Random, World, Service], "Fault"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A cause and the exceptions that show it, innermost first.

    `importing` says that it strikes while modules are imported, before the service's own code runs.
    """

    cause: str
    raised: tuple[Raised, ...]
    importing: bool = False

    @property
    def error(self) -> str:
        """The innermost exception's last lines."""
        return self.raised[0].error


_DRIVERS: Final[Mapping[str, tuple[str, str]]] = {
    "psycopg2": ("psycopg2.errors.", "psycopg2."),
    "psycopg": ("psycopg.errors.", "psycopg."),
    "asyncpg": ("asyncpg.exceptions.", "asyncpg.exceptions."),
}


def statement_fault(service: Service, cause: str, name: str, problem: str, sql: str) -> Fault:
    """Return an error that PostgreSQL reports of a statement: the driver's, then SQLAlchemy's.

    `name` is psycopg's for it; asyncpg calls it the same with `Error` behind.
    """
    driver = f"{_DRIVERS[service.driver][0]}{name}"
    if service.driver == "asyncpg":
        driver += "Error"
        wrapped = (
            "sqlalchemy.exc.ProgrammingError: (sqlalchemy.dialects.postgresql.asyncpg."
            f"ProgrammingError) <class '{driver}'>: {problem}"
        )
    else:
        wrapped = f"sqlalchemy.exc.ProgrammingError: ({driver}) {problem}\nLINE 1: {sql[:60]}"
    tail = f"\n[SQL: {sql}]\n(Background on this error at: https://sqlalche.me/e/20/f405)"
    frames = own(service, ("storage.py", "fetch", "rows = await session.execute(statement)"))
    inner = Raised((*frames, *driver_frames(service.driver)), f"{driver}: {problem}")
    return Fault(cause, (inner, Raised(frames, wrapped + tail)))


def connection_fault(service: Service, cause: str, refusal: str, address: str) -> Fault:
    """Return a connection that is refused; `refusal` is what the server or the system says."""
    frames = own(service, ("storage.py", "connect", "self.engine = await open_engine(url)"))
    if service.driver == "asyncpg":
        if "refused" in refusal:
            error = f"ConnectionRefusedError: [Errno 111] Connect call failed ('{address}', 5432)"
        else:
            kind = "TooManyConnectionsError" if "too many" in refusal else "CannotConnectNowError"
            error = f"asyncpg.exceptions.{kind}: {refusal}"
        return Fault(cause, (Raised((*frames, *driver_frames("asyncpg")), error),))
    fatal = "" if "refused" in refusal else "FATAL:  "
    text = f'connection to server at "{address}", port 5432 failed: {fatal}{refusal}'
    if "refused" in refusal:
        text += "\n\tIs the server running on that host and accepting TCP/IP connections?"
    error = f"{_DRIVERS[service.driver][1]}OperationalError: {text}"
    wrapped = (
        f"sqlalchemy.exc.OperationalError: ({_DRIVERS[service.driver][1]}OperationalError) {text}"
    )
    inner = Raised((*frames, *driver_frames(service.driver)), error)
    return Fault(cause, (inner, Raised(frames, wrapped)))


def _missing_table(chance: Random, _: World, service: Service) -> Fault:
    table = chance.choice(service.tables)
    sql = f"SELECT count(*) AS count_1 FROM {table}"
    return statement_fault(
        service, "missing_table", "UndefinedTable", f'relation "{table}" does not exist', sql
    )


def _import_error(chance: Random, _: World, service: Service) -> Fault:
    name, module = chance.choice(service.things), chance.choice(("schemas", "policies", "clients"))
    error = (
        f"ImportError: cannot import name '{name}' from '{service.package}.{module}' "
        f"(/app/{service.package}/{module}.py)"
    )
    code = f"from {service.package}.{module} import {name}"
    return Fault(
        "import_error",
        (Raised(own(service, ("routes.py", "<module>", code)), error),),
        importing=True,
    )


def _module_missing(chance: Random, _: World, service: Service) -> Fault:
    module = chance.choice(
        ("shapely", "orjson", "phonenumbers", "weasyprint", f"{service.package}.ledger", "openpyxl")
    )
    error = f"ModuleNotFoundError: No module named '{module}'"
    frames = own(service, ("routes.py", "<module>", f"import {module}"))
    return Fault("module_missing", (Raised(frames, error),), importing=True)


def _circular_import(chance: Random, _: World, service: Service) -> Fault:
    name, module = chance.choice(service.things), f"{service.package}.rules"
    error = (
        f"ImportError: cannot import name '{name}' from partially initialized module '{module}' "
        f"(most likely due to a circular import) (/app/{service.package}/rules.py)"
    )
    frames = own(
        service,
        ("routes.py", "<module>", f"from {module} import {name}"),
        ("rules.py", "<module>", f"from {service.package} import routes"),
    )
    return Fault("circular_import", (Raised(frames, error),), importing=True)


def _settings_invalid(chance: Random, _: World, service: Service) -> Fault:
    stem = "".join(part.title() for part in service.package.split("_"))
    missing, wrong = chance.choice((("tax_zone", "PORT_BASE"), ("mail_from", "page_limit")))
    error = (
        f"pydantic_core._pydantic_core.ValidationError: 2 validation errors for {stem}Settings\n"
        f"{missing}\n"
        "  Field required [type=missing, input_value={'debug': 'no'}, input_type=dict]\n"
        "    For further information visit https://errors.pydantic.dev/2.9/v/missing\n"
        f"{wrong.lower()}\n"
        "  Input should be a valid integer, unable to parse string as an integer "
        "[type=int_parsing, input_value='twelve', input_type=str]\n"
        "    For further information visit https://errors.pydantic.dev/2.9/v/int_parsing"
    )
    frames = own(service, ("settings.py", "<module>", f"settings = {stem}Settings()"))
    return Fault("settings_invalid", (Raised(frames, error),), importing=True)


def _name_error(chance: Random, _: World, service: Service) -> Fault:
    name = chance.choice(("Annotated", "Decimal", "timezone", "AsyncIterator"))
    code = f"def window(start: {name}) -> None:"
    frames = own(service, ("policies.py", "<module>", code))
    return Fault(
        "name_error", (Raised(frames, f"NameError: name '{name}' is not defined"),), importing=True
    )


def _secret_denied(chance: Random, world: World, service: Service) -> Fault:
    secret = f"{service.name}-{chance.choice(('signing', 'payment', 'mail'))}-material"
    error = (
        "google.api_core.exceptions.PermissionDenied: 403 Permission "
        f"'secretmanager.versions.access' denied for resource 'projects/{world.project}/secrets/"
        f"{secret}/versions/latest' (or it may not exist)."
    )
    frames = own(service, ("vault.py", "load", "answer = client.access_secret_version(name=name)"))
    return Fault("secret_denied", (Raised(frames, error),))


def _database_refused(_: Random, world: World, service: Service) -> Fault:
    address = world.databases[service.database]
    return connection_fault(service, "database_refused", "Connection refused", address)


def _migration_failed(chance: Random, _: World, service: Service) -> Fault:
    revision = f"{chance.getrandbits(48):012x}"
    error = chance.choice(
        (
            (
                "alembic.util.exc.CommandError: Multiple head revisions are present for given "
                "argument 'head'; please specify a specific target revision, '<branchname>@head' "
                "to narrow to a specific head, or 'heads' for all heads"
            ),
            f"alembic.util.exc.CommandError: Can't locate revision identified by '{revision}'",
        )
    )
    frames = own(service, ("migrate.py", "upgrade", "command.upgrade(config, 'head')"))
    return Fault("migration_failed", (Raised(frames, error),))


def missing_column(chance: Random, service: Service) -> Fault:
    """Return what a statement shows when the migration that adds a column did not run."""
    table = chance.choice(service.tables)
    column = chance.choice(("valid_until", "zone_cap", "source_ref", "review_state"))
    sql = f"SELECT {table}.id, {table}.{column} FROM {table} WHERE {table}.id = %(pk_1)s"
    problem = f"column {table}.{column} does not exist"
    return statement_fault(service, "migration_failed", "UndefinedColumn", problem, sql)


def grant_missing(chance: Random, _: World, service: Service) -> Fault:
    """Return a table that the service's role may not read."""
    table = chance.choice(service.tables)
    problem, sql = f"permission denied for table {table}", f"SELECT {table}.id FROM {table}"
    return statement_fault(service, "grant_missing", "InsufficientPrivilege", problem, sql)


def deadlock(chance: Random, _: World, service: Service) -> Fault:
    """Return two transactions that waited for each other."""
    table = chance.choice(service.tables)
    first, second = chance.randint(100, 9999), chance.randint(100, 9999)
    problem = (
        f"deadlock detected\nDETAIL:  Process {first} waits for ShareLock on transaction "
        f"{first * 7}; blocked by process {second}.\nHINT:  See server log for query details."
    )
    sql = f"UPDATE {table} SET counted = counted + 1 WHERE id = %(id)s"
    return statement_fault(service, "deadlock", "DeadlockDetected", problem, sql)


def pool_exhausted(chance: Random, _: World, service: Service) -> Fault:
    """Return a pool of the service's own that is in use."""
    size, overflow = chance.choice(((4, 2), (8, 4), (12, 0), (3, 7)))
    frames = own(service, ("storage.py", "session", "connection = await engine.connect()"))
    if service.driver == "psycopg" and chance.random() < 0.5:
        error = "psycopg_pool.PoolTimeout: couldn't get a connection after 15.00 sec"
        return Fault("pool_exhausted", (Raised(frames, error),))
    error = (
        f"sqlalchemy.exc.TimeoutError: QueuePool limit of size {size} overflow {overflow} reached, "
        "connection timed out, timeout 15.00 (Background on this error at: "
        "https://sqlalche.me/e/20/3o7r)"
    )
    return Fault("pool_exhausted", (Raised(frames, error),))


def too_many_clients(chance: Random, world: World, service: Service) -> Fault:
    """Return a database that has no slot left."""
    refusal = chance.choice(
        (
            "sorry, too many clients already",
            "remaining connection slots are reserved for roles with the SUPERUSER attribute",
        )
    )
    address = world.databases[service.database]
    return connection_fault(service, "too_many_clients", refusal, address)


def database_restarts(chance: Random, world: World, service: Service) -> Fault:
    """Return one of the things that a restarting database says."""
    refusal = chance.choice(
        ("Connection refused", "the database system is starting up", "Connection refused")
    )
    address = world.databases[service.database]
    return connection_fault(service, "database_down", refusal, address)


AT_START: Final[Mapping[str, Make]] = {
    "missing_table": _missing_table,
    "import_error": _import_error,
    "module_missing": _module_missing,
    "circular_import": _circular_import,
    "settings_invalid": _settings_invalid,
    "name_error": _name_error,
    "secret_denied": _secret_denied,
    "database_refused": _database_refused,
    "migration_failed": _migration_failed,
}
"""Causes that keep a service from starting."""
