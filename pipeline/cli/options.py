"""What several commands have in common: options, exit status, and how a mistake is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from pipeline.errors import FivewhysError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

EXIT_FAILED, EXIT_USAGE, EXIT_FOUND = 1, 2, 3

RuleFolders = Annotated[
    list[str] | None,
    typer.Option(
        "--rules",
        metavar="DIR",
        help="Folder of rules; repeatable. Default: those that come with fivewhys.",
    ),
]
Rules = Annotated[
    list[str] | None,
    typer.Option(
        "--rules",
        metavar="DIR",
        help="Folder of rules; repeatable. "
        "Default: FIVEWHYS_RULES, or those that come with fivewhys.",
    ),
]
RuleFolder = Annotated[
    str,
    typer.Argument(metavar="DIR", help="Folder of rules. Default: those that come with fivewhys."),
]
Placeholders = Annotated[
    str,
    typer.Option(
        "--placeholders",
        metavar="FILE",
        help="What %name% stands for in rules that say |expand. Default: FIVEWHYS_PLACEHOLDERS.",
    ),
]
Catalog = Annotated[
    str, typer.Option("--catalog", metavar="FILE", help="The service catalog (catalog.yml).")
]
Repo = Annotated[
    str,
    typer.Option(
        "--repo",
        metavar="PATH",
        help="A checkout of the services' code to look for causes in; nothing of it is run.",
    ),
]
Probe = Annotated[
    bool,
    typer.Option(
        "--probe",
        help="Ask the catalog's health addresses once, read-only. Default: FIVEWHYS_PROBE.",
    ),
]
Investigators = Annotated[
    list[str] | None,
    typer.Option(
        "--investigator",
        metavar="COMMAND",
        help="A program that is asked about each incident; repeatable. "
        "Default: FIVEWHYS_INVESTIGATORS, one a line.",
    ),
]
Exports = Annotated[
    list[str], typer.Argument(metavar="EXPORT", help="Files, globs, folders, or -.")
]
Store = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="URL",
        help="Where state is kept: sqlite:///file.db. Default: a private database in memory.",
    ),
]
IN_MEMORY = "sqlite://"


def kept_store(url: str) -> str:
    """Return the URL of `--store`, else the store of the settings: those of `fivewhys run`."""
    if url:
        return url
    from pipeline.errors import ConfigurationError
    from pipeline.settings import read_settings

    read = read_settings({}, needed=["store"])
    if read.mistakes:
        fail(str(ConfigurationError(read.mistakes)), EXIT_USAGE)
    return read.settings.store


KeptStore = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="URL",
        callback=kept_store,
        help="Where state was kept: sqlite:///file.db. Default: FIVEWHYS_STORE.",
    ),
]


def fail(message: str, status: int) -> NoReturn:
    """Say what is wrong on standard error, a line for each, and exit."""
    for line in message.splitlines():
        typer.echo(f"fivewhys: {line}", err=True)
    raise typer.Exit(status)


def guarded(call: Callable[[], T], status: int = EXIT_USAGE) -> T:
    """Return what `call` returns; say what went wrong in one line a mistake, and exit."""
    try:
        return call()
    except FivewhysError as error:
        from pipeline.markdown import visible

        fail(visible(str(error)), status)
