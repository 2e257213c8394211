"""`fivewhys run`: the service that a team leaves running."""

import json
import signal
import sys
from contextlib import ExitStack
from typing import Annotated

import typer

from pipeline.cli.options import (
    EXIT_FAILED,
    Catalog,
    Investigators,
    Placeholders,
    Probe,
    Repo,
    Rules,
    guarded,
)

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
    probe: Probe = False,
    investigator: Investigators = None,
) -> None:
    """Read entries as they arrive, and keep issues up to date, until told to stop.

    What no option says is said by the settings file and by variables FIVEWHYS_... (README).
    """
    from pipeline.bootstrap.running import running
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
            probe=probe,
            investigators=tuple(investigator or ()),
        ),
        settings,
    )
    # As long as nothing is in hand a signal ends the process at once.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        service = guarded(lambda: stack.enter_context(running(read, log)))
        guarded(service.run, EXIT_FAILED)


def given(**options: object) -> dict[str, object]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value}


def log(severity: str, text: str) -> None:
    """Write an entry in the form that Cloud Logging reads from standard error."""
    labels = {"fivewhys.own": "1"}
    entry = {"severity": severity, "message": text, "logging.googleapis.com/labels": labels}
    sys.stderr.write(f"{json.dumps(entry)}\n")
    sys.stderr.flush()
