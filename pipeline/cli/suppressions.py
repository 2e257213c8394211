"""`fivewhys suppressions`: check files that say what is not to be reported."""

from typing import Annotated

import typer

from pipeline.cli.options import guarded

suppressions_app = typer.Typer(no_args_is_help=True)


@suppressions_app.callback()
def _group() -> None:
    """Check files that say what is not to be reported."""


@suppressions_app.command("lint")
def suppressions_lint(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Default: FIVEWHYS_SUPPRESSIONS.")
    ] = "",
) -> None:
    """Check suppressions and name every mistake with its line."""
    from pipeline.bootstrap.reading import read_suppressions

    found = guarded(lambda: read_suppressions(file))
    typer.echo(f"{len(found)} suppression{' is' if len(found) == 1 else 's are'} right")
