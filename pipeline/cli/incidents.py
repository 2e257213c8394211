"""`fivewhys incidents`: look at what a store keeps."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import KeptStore, guarded

incidents_app = typer.Typer(help="Look at the incidents kept in a store.", no_args_is_help=True)


@incidents_app.command("list")
def incidents_list(*, store: KeptStore) -> None:
    """List the incidents in a store."""
    from pipeline.bootstrap.keeping import open_kept_store
    from pipeline.display import INCIDENT_COLUMNS, incident_row, print_table

    with guarded(lambda: open_kept_store(store)) as opened:
        print_table(INCIDENT_COLUMNS, [incident_row(item) for item in opened.incidents()])


@incidents_app.command("show")
def incidents_show(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Id of an incident, or its beginning.")
    ],
    *,
    store: KeptStore,
) -> None:
    """Print the report of one incident in a store."""
    from pipeline.bootstrap.keeping import find_incident

    incident = guarded(lambda: find_incident(store, identifier))
    typer.echo(f"# {incident.report.title}\n\n{incident.report.body}")
