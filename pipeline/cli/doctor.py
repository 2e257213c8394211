"""`fivewhys doctor`: what a run needs, what is missing, and the commands that grant it."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import EXIT_FAILED
from pipeline.cli.run import SettingsFile

if TYPE_CHECKING:
    from pipeline.checkup import Finding


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"


def doctor(
    *,
    settings: SettingsFile = "",
    format_: Annotated[
        Format, typer.Option("--format", help="A line for each check, or a JSON document.")
    ] = Format.TEXT,
) -> None:
    """Check all that `fivewhys run` needs, and say what is missing and which command grants it.

    Nothing is changed. Exit status: 0 nothing is wrong, 1 something is; what could not be checked,
    without network for example, is said and is no fault.
    """
    from pipeline.bootstrap.doctoring import examine
    from pipeline.checkup import document, is_well
    from pipeline.settings import read_settings

    findings: list[Finding] = []
    for one in examine(read_settings({}, settings)):
        findings.append(one)
        if format_ is Format.TEXT:
            _print(one)
    if format_ is Format.JSON:
        typer.echo(json.dumps(document(findings), indent=2))
    if not is_well(findings):
        raise typer.Exit(EXIT_FAILED)


def _print(one: "Finding") -> None:
    from pipeline.display import safe

    typer.echo(f"{one.state:<8}{one.check}: {safe(one.text)}")
    if one.command:
        typer.echo(f"        {safe(one.command)}")
