"""The kinds of scenarios: what happens in each, and what is true about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from tests.scenarios import faults, wire
from tests.scenarios.noise import deploy
from tests.scenarios.serving import Errors, Spell, no_instance, out_of_memory, spell
from tests.scenarios.starting import Loop, Trouble, crash_loop, loop_length, refuse_secret
from tests.scenarios.tracebacks import render
from tests.scenarios.truth import HOUR, MINUTE, Mark
from tests.scenarios.unknown import patterns_for, strange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.scenarios.stage import Stage
    from tests.scenarios.world import Service

    Play = Callable[[Stage, tuple[Service, ...], int], None]

WAITING: Final = Spell(
    requests=(8, 40), every=(0.1, 6), seconds=(15.0, 15.2), callers=0.5, unsaid_status=504
)
SHORT: Final = Spell(requests=(4, 25), every=(0.2, 5))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of scenario: what happens, to how many services, and how it fits into a morning.

    `alone` keeps other incidents out of the morning, `hours` is how long the morning is. Of kinds
    that are not `leads_only` some come in beside the one that leads, too.
    """

    play: Play
    services: int = 1
    alone: bool = False
    hours: int = 3
    leads_only: bool = False


# --- services that do not start -------------------------------------------------------------------


def _start(cause: str, stage: Stage, services: tuple[Service, ...], at: int) -> None:
    (service,) = services
    number = stage.truth(f"start: {cause}", cause, service)
    if cause == "secret_denied" and stage.chance.random() < 0.4:
        refuse_secret(stage, service, at, Mark(number))
    else:
        _crash(stage, service, at, Mark(number), (cause, loop_length(stage)))


def _crash(stage: Stage, service: Service, at: int, mark: Mark, what: tuple[str, Loop]) -> int:
    cause, loop = what
    fault = faults.AT_START[cause](stage.chance, stage.world, service)
    return crash_loop(stage, service, at, Trouble(fault, loop, mark))


def _successive(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    """Mend one cause and find another behind it: same service, exit code and 503."""
    (service,) = services
    first, second = stage.chance.sample(
        ("import_error", "module_missing", "settings_invalid", "name_error"), 2
    )
    loop = Loop(stage.chance.randint(1, 2), (3, 6), (1, 4), 0.2, traced=True, mended=False)
    number = stage.truth("two causes in turn", first, service)
    at = _crash(stage, service, at, Mark(number), (first, loop))
    number = stage.truth("two causes in turn", second, service)
    mended = Loop(stage.chance.randint(1, 2), (3, 6), (1, 4), 0.2, traced=True)
    _crash(stage, service, at, Mark(number), (second, mended))


def _cut(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    """Cut the export, so that it lacks the first causes; see `morning.py`."""
    (service,) = services
    cause = stage.chance.choice(("missing_table", "import_error", "settings_invalid"))
    number = stage.truth("cut export", cause, service)
    over = _crash(stage, service, at, Mark(number), (cause, Loop(1, (9, 16), (3, 8))))
    stage.cut = stage.chance.uniform(0.3, 0.6)
    stage.end = min(stage.end, over + 5 * MINUTE)


def _regression(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    """Let what was mended come back a day later, in a later revision."""
    (service,) = services
    fault = faults.grant_missing(stage.chance, stage.world, service)
    number = stage.truth("comes back next day", "grant_missing", service, parts=2)
    over = spell(stage, service, at, Errors(lambda: fault, SHORT, Mark(number)))
    deploy(stage, stage.later(over, 60, 300), service)
    again = over + 25 * HOUR + stage.chance.randint(0, HOUR)
    deploy(stage, again - 2 * MINUTE, service)
    over = spell(stage, service, again, Errors(lambda: fault, SHORT, Mark(number, part=1)))
    deploy(stage, stage.later(over, 60, 300), service)


def _migration(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    """Fail the job that migrates; the new revision starts anyway, and its statements fail."""
    (service,) = services
    number = stage.truth("migration failed", "migration_failed", service)
    mark, project = Mark(number), stage.world.project
    fault = faults.AT_START["migration_failed"](stage.chance, stage.world, service)
    execution = f"{service.name}-migrate-{stage.chance.randint(10000, 99999)}"
    said = "INFO  [alembic.runtime.migration] Will assume transactional DDL."
    stage.add(at, wire.job(project, service, execution, said, ""))
    at = stage.later(at, 0.3, 1.5)
    text = render(*fault.raised)
    stage.add(at, wire.job(project, service, execution, text, "ERROR"), mark.shows_cause())
    at = stage.later(at, 0.2, 1)
    exited = "Container called exit(1)."
    entry = wire.job(project, service, execution, exited, "WARNING")
    entry["logName"] = entry["logName"].replace("stderr", "varlog%2Fsystem")
    stage.add(at, entry, mark)
    deploy(stage, stage.later(at, 5, 40), service)
    column = faults.missing_column(stage.chance, service)
    errors = Errors(lambda: column, SHORT, mark, cause=False)
    at = spell(stage, service, stage.later(at, 70, 180), errors)
    deploy(stage, stage.later(at, 60, 300), service)


# --- services that run ----------------------------------------------------------------------------


def _failing(
    make: faults.Make, how: Spell, stage: Stage, services: tuple[Service, ...], at: int
) -> None:
    (service,) = services
    fault = make(stage.chance, stage.world, service)
    number = stage.truth(f"run: {fault.cause}", fault.cause, service)
    spell(stage, service, at, Errors(lambda: fault, how, Mark(number)))


def _out_of_memory(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    number = stage.truth("run: memory_limit", "memory_limit", services[0])
    out_of_memory(stage, services[0], at, Mark(number))


def _no_instance(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    number = stage.truth("run: no_instance", "no_instance", services[0])
    no_instance(stage, services[0], at, Mark(number))


def _database(
    make: faults.Make, cause: str, stage: Stage, services: tuple[Service, ...], at: int
) -> None:
    """Fail everybody who uses a database."""
    database = services[0].database
    number = stage.truth(f"database: {cause}", cause, services[0])
    for service in stage.world.users(database):
        how = Spell((3, 15), (0.2, 6), (0.05, 3))
        begin = stage.later(at, 0, 20)
        each = partial(make, stage.chance, stage.world, service)
        spell(stage, service, begin, Errors(each, how, Mark(number)))


# --- several at once ------------------------------------------------------------------------------


def _two_faults(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    """Fail two services in one minute that have nothing to do with each other."""
    kinds = stage.chance.sample(("pool", "import", "grant", "deadlock", "memory"), 2)
    for kind, service in zip(kinds, services, strict=True):
        _one_of_two(kind, stage, service, stage.later(at, 0, 40))


def _one_of_two(kind: str, stage: Stage, service: Service, at: int) -> None:
    causes: Mapping[str, tuple[str, faults.Make]] = {
        "pool": ("pool_exhausted", faults.pool_exhausted),
        "grant": ("grant_missing", faults.grant_missing),
        "deadlock": ("deadlock", faults.deadlock),
    }
    name = "two faults in a minute"
    if kind == "memory":
        out_of_memory(stage, service, at, Mark(stage.truth(name, "memory_limit", service)))
    elif kind == "import":
        number = stage.truth(name, "import_error", service)
        _crash(stage, service, at, Mark(number), ("import_error", Loop(1, (2, 5))))
    else:
        cause, make = causes[kind]
        fault = make(stage.chance, stage.world, service)
        number = stage.truth(name, cause, service)
        spell(stage, service, at, Errors(lambda: fault, SHORT, Mark(number)))


def _same_fault(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    """Fail two services with the same kind of error, each for a reason of its own."""
    name = "same fault, two causes"
    cause = stage.chance.choice(("module_missing", "settings_invalid", "pool_exhausted"))
    for service in services:
        number = stage.truth(name, cause, service)
        begin = stage.later(at, 0, 90)
        if cause == "pool_exhausted":
            fault = faults.pool_exhausted(stage.chance, stage.world, service)
            _always(stage, service, fault, begin, Mark(number))
        else:
            _crash(stage, service, begin, Mark(number), (cause, Loop(1, (2, 5))))


def _always(stage: Stage, service: Service, fault: faults.Fault, at: int, mark: Mark) -> None:
    spell(stage, service, at, Errors(lambda: fault, WAITING, mark))


def _unknown(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    """Log errors that no rule knows, of one or two patterns."""
    for pattern in patterns_for(stage, services[0]):
        number = stage.truth("unknown pattern", "unknown", services[0])
        strange(stage, services[0], pattern, stage.later(at, 0, 600), Mark(number))


def _checks(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    """Miss tables in a start-up check that says so in several lines; the service starts anyway."""
    (service,) = services
    number = stage.truth("start-up check fails", "missing_table", service)
    mark, tables = Mark(number), list(service.tables[:2])
    for instance in deploy(stage, at, service, stage.chance.randint(1, 4)):
        begin = stage.later(at, 9, 12)
        lines = (
            (f"Missing required storage tables: {tables}", mark.shows_cause()),
            (f"Golden path validation failed: {service.name} cannot keep what it takes", mark),
            ("Service dependency validation failed: 0 services failed, 1 check did not pass", mark),
        )
        for text, each in lines:
            begin = stage.later(begin, 0.001, 0.2)
            if service.structured:
                stage.json(begin, instance, wire.Line("ERROR", text), each)
            else:
                time = wire.log_time(begin)[:19]
                stage.line(begin, instance, f"{time},113 - checks - ERROR - {text}", each)


def _quiet(stage: Stage, services: tuple[Service, ...], at: int) -> None:
    """Deploy, and let nothing else happen."""
    deploy(stage, at, services[0])


KINDS: Final[Mapping[str, Kind]] = {
    **{f"start: {cause}": Kind(partial(_start, cause)) for cause in faults.AT_START},
    "start-up check fails": Kind(_checks),
    "two causes in turn": Kind(_successive),
    "cut export": Kind(_cut, alone=True, leads_only=True),
    "migration failed": Kind(_migration),
    "run: pool_exhausted": Kind(partial(_failing, faults.pool_exhausted, WAITING)),
    "run: grant_missing": Kind(partial(_failing, faults.grant_missing, SHORT)),
    "run: deadlock": Kind(partial(_failing, faults.deadlock, SHORT)),
    "run: memory_limit": Kind(_out_of_memory),
    "run: no_instance": Kind(_no_instance),
    "database: too_many_clients": Kind(
        partial(_database, faults.too_many_clients, "too_many_clients"), alone=True, leads_only=True
    ),
    "database: database_down": Kind(
        partial(_database, faults.database_restarts, "database_down"), alone=True, leads_only=True
    ),
    "two faults in a minute": Kind(_two_faults, services=2),
    "same fault, two causes": Kind(_same_fault, services=2),
    "unknown pattern": Kind(_unknown),
    "comes back next day": Kind(_regression, alone=True, hours=28, leads_only=True),
    "quiet": Kind(_quiet, alone=True, leads_only=True),
}
