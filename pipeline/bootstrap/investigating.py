"""Building what looks into the world for facts, from what the command line and catalog name."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.bootstrap.logs import logging_client
from pipeline.bootstrap.reading import Mistakes, read_setting
from pipeline.errors import ConfigurationError, Mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.catalog import Catalog
    from pipeline.facts import Fact
    from pipeline.ports import Case, Investigator

    Where = Callable[[str, str], Mistake]

PROBE = "FIVEWHYS_PROBE"
NEARBY_LOGS = "FIVEWHYS_NEARBY_LOGS"
LOGGING_API = "FIVEWHYS_LOGGING_API"
INVESTIGATORS = "FIVEWHYS_INVESTIGATORS"


def _where_options_say(commands: Sequence[str]) -> Where:
    """Return what locates a mistake: in an option, or the variable if the commands are of that."""
    names = {"repo": "--repo", "investigators": "--investigator" if commands else INVESTIGATORS}
    return lambda key, message: Mistake(names[key], 0, message)


def find_checkouts(repo: str, catalog: Catalog, where: Where) -> dict[str, Path]:
    """Return the folders with source code by catalog name of a service; "" is any other.

    A `checkout` of the catalog is relative to the catalog's own folder.

    Raises:
        ConfigurationError: one of them is no folder.

    """
    folders = {"": Path(repo)} if repo else {}
    places: dict[str, tuple[str, int]] = {}
    for key, service in catalog.file.services.items():
        if service.checkout:
            folders[key] = Path(catalog.name).parent / service.checkout
            name, _, line = catalog.place("services", key, "checkout").rpartition(":")
            places[key] = (name, int(line))
    missing = [
        Mistake(*places[key], message) if key else where("repo", message)
        for key, folder in folders.items()
        if not folder.is_dir()
        for message in [f"{str(folder)!r} is no folder"]
    ]
    if missing:
        raise ConfigurationError(missing)
    return folders


@dataclass(frozen=True, slots=True)
class Only:
    """`ports.Investigator` that looks into one incident of many."""

    incident: str
    investigator: Investigator

    def investigate(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return what could be established about the one incident."""
        wanted = [case for case in cases if case.incident.id == self.incident]
        return self.investigator.investigate(wanted)


@dataclass(frozen=True, slots=True)
class Looking:
    """Where to look beside the entries: what the command line and the environment allow.

    `logs` are files in which entries near a first failure are looked up, `commands` programs that
    are asked, each split into its arguments; `only` is the incident that all look into, "" is each.
    """

    checkouts: Mapping[str, Path]
    logs: Sequence[str] = ()
    nearby: bool = True
    logging_api: bool = False
    probe: bool = False
    commands: Sequence[Sequence[str]] = ()
    only: str = ""


def read_looking(  # noqa: PLR0913 - what each option says
    catalog: Catalog,
    *,
    repo: str,
    logs: Sequence[str],
    probe: bool,
    commands: Sequence[str],
    only: str,
    environment: Mapping[str, str] = os.environ,
    where: Where | None = None,
) -> Looking:
    """Return where to look; what no option says is as the environment says.

    `where` locates what is wrong with `repo` and `investigators`: without it, options said them.

    Raises:
        ConfigurationError: every mistake in it.

    """
    mistakes = Mistakes()
    where = where or _where_options_say(commands)
    checkouts = mistakes.attempt(lambda: find_checkouts(repo, catalog, where), dict[str, Path]())
    flags = {
        name: mistakes.attempt(
            lambda name=name, usual=usual: read_setting(  # type: ignore[misc]
                name, default=usual, environment=environment
            ),
            usual,
        )
        for name, usual in ((NEARBY_LOGS, True), (LOGGING_API, False), (PROBE, False))
    }
    split = mistakes.attempt(lambda: split_commands(commands, environment), list[list[str]]())
    for program in (command[0] for command in split if not shutil.which(command[0])):
        # A variable before it, as in a shell, may be a secret.
        shown = re.sub("=.*", "=...", program, count=1, flags=re.DOTALL)
        message = f"{shown!r} is no program that can be run; write where it is"
        mistakes.note(where("investigators", message))
    mistakes.raise_if_any()
    return Looking(
        checkouts, logs, flags[NEARBY_LOGS], flags[LOGGING_API], probe or flags[PROBE], split, only
    )


def split_commands(
    commands: Sequence[str], environment: Mapping[str, str] = os.environ
) -> list[list[str]]:
    """Split commands as a shell would; without any, those of the environment, one a line.

    Raises:
        ConfigurationError: one of them is none.

    """
    option = "--investigator" if commands else INVESTIGATORS
    lines = commands or environment.get(INVESTIGATORS, "").strip().splitlines()
    found: list[list[str]] = []
    mistakes: list[Mistake] = []
    for line in lines:
        try:
            found.append(shlex.split(line))
        except ValueError as error:
            mistakes.append(Mistake(option, 0, f"{line!r} is no command: {error}"))
        else:
            if not found[-1]:
                mistakes.append(Mistake(option, 0, "a command is empty"))
    if mistakes:
        raise ConfigurationError(mistakes)
    return found


def investigators(
    looking: Looking, catalog: Catalog, redact: Callable[[str], str]
) -> tuple[Investigator, ...]:
    """Return all that were asked for.

    Raises:
        ConfigurationError: the Logging API is to be asked, and nobody says as whom.

    """
    makers = (_source_code, _nearby_logs, _health, _commands)
    found = [one for make in makers for one in make(looking, catalog, redact)]
    return tuple(Only(looking.only, one) if looking.only else one for one in found)


def _source_code(
    looking: Looking, catalog: Catalog, _redact: Callable[[str], str]
) -> Iterator[Investigator]:
    if not looking.checkouts:
        return
    # Loading libgit2 takes longer than a small replay without source code should.
    from pipeline.investigators.source_code import SourceCode
    from pipeline.investigators.source_code.history import Repository

    repositories = {key: Repository(folder) for key, folder in looking.checkouts.items()}
    yield SourceCode(repositories, catalog)


def _nearby_logs(
    looking: Looking, _catalog: Catalog, redact: Callable[[str], str]
) -> Iterator[Investigator]:
    asks_files = looking.nearby and looking.logs
    if not asks_files and not looking.logging_api:
        return
    from pipeline.investigators.nearby_logs import Export, LoggingApi, Logs, NearbyLogs

    places: list[Logs] = []
    if asks_files:
        from pipeline.sources.files import FileSource, can_be_read_again
        from pipeline.sources.files.paths import STDIN

        again = [name for name in looking.logs if can_be_read_again(name)]
        once = ["standard input" if name == STDIN else name for name in looking.logs]
        unread = [name for name in once if name not in again]
        places.append(Export([(name, FileSource([name])) for name in again], unread))
    if looking.logging_api:
        places.append(LoggingApi(logging_client(LOGGING_API)))
    yield NearbyLogs(places, redact)


def _health(
    looking: Looking, catalog: Catalog, redact: Callable[[str], str]
) -> Iterator[Investigator]:
    if looking.probe:
        from pipeline.investigators.health import Health

        yield Health(catalog, time.time_ns, redact)


def _commands(
    looking: Looking, _catalog: Catalog, redact: Callable[[str], str]
) -> Iterator[Investigator]:
    for command in looking.commands:
        from pipeline.investigators.command import Command, reduced

        yield Command(command, reduced(os.environ), redact)
