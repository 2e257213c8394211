"""The command line: parse, call bootstrap, print, exit code.

Exit status: 0 done; 1 something was read but the run failed; 2 usage or configuration, every
mistake listed; 3 `--fail-on` found an open incident of that priority or higher.

Modules are imported inside the commands, so that each command loads only what it needs. Nor do
the modules of commands postpone their annotations: typer would read each of them twice, as text.
"""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper
from pathlib import Path

import typer

from pipeline import __version__
from pipeline.cli.doctor import doctor
from pipeline.cli.explain import explain
from pipeline.cli.incidents import incidents_app
from pipeline.cli.options import EXIT_FAILED
from pipeline.cli.quarantine import quarantine_app
from pipeline.cli.replay import replay
from pipeline.cli.reporting import apply, outbox, plan
from pipeline.cli.rules import rules_app
from pipeline.cli.run import run
from pipeline.cli.store import store_app
from pipeline.cli.suppressions import suppressions_app
from pipeline.cli.templates import templates

YOUNG_OBJECTS = 100_000
"""New objects before garbage is looked for: the many that modules and rules are made of stay."""

# An option that has a value of its own type is not converted, and so `version` needs no pydantic.
_UNSET = {"help": False, "install_completion": False, "show_completion": False}

app = typer.Typer(
    help="Gathers the failures in Cloud Logging entries into incidents, explained in five whys.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "default_map": _UNSET | {"version": _UNSET},
    },
)
app.command()(run)
app.command()(doctor)
app.command()(replay)
app.command()(explain)
app.command()(plan)
app.command()(apply)
app.command()(outbox)
app.command()(templates)
app.add_typer(rules_app, name="rules")
app.add_typer(incidents_app, name="incidents")
app.add_typer(suppressions_app, name="suppressions")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(store_app, name="store")


@app.command()
def version() -> None:
    """Print the version of fivewhys."""
    typer.echo(f"fivewhys {__version__}")


def main() -> None:
    """Run the command line; what a terminal cannot encode is shown escaped."""
    gc.set_threshold(YOUNG_OBJECTS)
    # No plugin has to do with our models; to look for some reads the metadata of every package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:  # a full disk behind a redirection, say
        sys.stderr.write(f"fivewhys: the output cannot be written: {error.strerror}\n")
        sys.exit(EXIT_FAILED)


def _open_what_is_closed() -> None:
    """Let what somebody closed lead nowhere, lest a database gets its number and what is printed.

    The lowest number that is free is given first.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)
