"""`fivewhys run`: the service that a team leaves running."""

import signal
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from pipeline.cli.options import (
    EXIT_FAILED,
    EXIT_USAGE,
    Catalog,
    Investigators,
    Placeholders,
    Probe,
    Repo,
    Rules,
    guarded,
)
from pipeline.errors import FivewhysError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

SettingsFile = Annotated[
    str,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="A file of settings (YAML). Default: FIVEWHYS_SETTINGS.",
    ),
]
Subscription = Annotated[
    str,
    typer.Option(
        "--subscription",
        metavar="NAME",
        help="Where a log sink delivers entries: projects/P/subscriptions/S.",
    ),
]
Store = Annotated[
    str,
    typer.Option("--store", metavar="URL", help="Where state is kept: sqlite:///file.db."),
]
Sinks = Annotated[
    list[str] | None,
    typer.Option("--sink", metavar="NAME", help="Where reports go: github. Default: nowhere."),
]
Suppressions = Annotated[
    str, typer.Option("--suppressions", metavar="FILE", help="What is held back, and why.")
]
MinPriority = Annotated[
    str, typer.Option("--min-priority", metavar="P", help="Report only from this priority on.")
]
MaxRuntime = Annotated[
    str,
    typer.Option(
        "--max-runtime",
        metavar="SPAN",
        help="End by itself after this time, as `50m`: before a job's time-out does it.",
    ),
]
UntilIdle = Annotated[
    bool, typer.Option("--until-idle", help="End once the subscription has nothing left.")
]

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Say in the log what would be done in GitHub; write nothing there."
    ),
]


def run(  # noqa: PLR0913 - options
    *,
    settings: SettingsFile = "",
    subscription: Subscription = "",
    store: Store = "",
    sink: Sinks = None,
    rules: Rules = None,
    placeholders: Placeholders = "",
    catalog: Catalog = "",
    suppressions: Suppressions = "",
    repo: Repo = "",
    min_priority: MinPriority = "",
    max_runtime: MaxRuntime = "",
    until_idle: UntilIdle = False,
    dry_run: DryRun = False,
    probe: Probe = False,
    investigator: Investigators = None,
) -> None:
    """Read entries as they arrive, and keep issues up to date, until told to stop.

    What no option says is said by the settings file and by variables FIVEWHYS_... (README).
    """
    # As long as nothing is in hand a signal ends the process at once, also while this is loaded.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from pipeline.bootstrap.checking import read_house
    from pipeline.bootstrap.speaking import Speaker, speak
    from pipeline.settings import read_settings

    read = read_settings(
        given(
            subscription=subscription,
            store=store,
            sinks=tuple(sink or ()),
            rules=tuple(rules or ()),
            placeholders=placeholders,
            catalog=catalog,
            suppressions=suppressions,
            repo=repo,
            min_priority=min_priority,
            max_runtime=max_runtime,
            until_idle=until_idle,
            dry_run=dry_run,
            probe=probe,
            investigators=tuple(investigator or ()),
        ),
        settings,
    )
    speaker = Speaker(sys.stderr)
    log = speak(speaker)
    house = _told(lambda: read_house(read), log, EXIT_USAGE)
    from pipeline.bootstrap.running import running

    with ExitStack() as stack:
        service = _told(lambda: stack.enter_context(running(read, house, log)), log, EXIT_USAGE)
        speaker.project = project_of(read.settings.subscription)
        _told(service.run, log, EXIT_FAILED)


def given(**options: object) -> dict[str, object]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value}


def _told(call: "Callable[[], T]", log: "Callable[[str, str], None]", status: int) -> "T":
    """Return what `call` returns; say what went wrong, to people or as entries, and exit."""
    if sys.stderr.isatty():
        return guarded(call, status)
    try:
        return call()
    except FivewhysError as error:
        for line in str(error).splitlines():
            log("CRITICAL", line)
        raise typer.Exit(status) from None


def project_of(subscription: str) -> str:
    """Return the project of `projects/P/subscriptions/S`."""
    return subscription.split("/")[1]
