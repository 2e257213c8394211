"""`fivewhys incidents`: look at what a store keeps, and decide about it."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import KeptStore, guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.verdicts import Verdict

incidents_app = typer.Typer(
    help="Look at the incidents kept in a store, and decide about them.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of an incident, or its beginning.")]
By = Annotated[str, typer.Option(metavar="WHO", help="Who decides it. Default: you.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why.")]


@incidents_app.command("list")
def incidents_list(*, store: KeptStore = "") -> None:
    """List the incidents in a store."""
    from pipeline.bootstrap.keeping import open_kept_store
    from pipeline.display import INCIDENT_COLUMNS, incident_row, print_table

    with guarded(lambda: open_kept_store(store)) as opened:
        print_table(INCIDENT_COLUMNS, [incident_row(item) for item in opened.incidents(every=True)])


@incidents_app.command("show")
def incidents_show(identifier: Id, *, store: KeptStore = "") -> None:
    """Print the report of one incident in a store, and what people decided about it."""
    from pipeline.bootstrap.deciding import concerns, verdicts_of
    from pipeline.bootstrap.keeping import find_incident
    from pipeline.display import safe

    incident = guarded(lambda: find_incident(store, identifier))
    verdicts = [item for item in guarded(lambda: verdicts_of(store)) if concerns(item, incident)]
    typer.echo(f"# {incident.report.title}\n\n{incident.report.body}")
    if verdicts:
        lines = "".join(f"- {item.number}: {safe(item.text)}\n" for item in verdicts)
        typer.echo(f"## Verdicts\n\n{lines}", nl=False)


@incidents_app.command("verdicts")
def incidents_verdicts(*, store: KeptStore = "") -> None:
    """List what people decided and did not take back."""
    from pipeline.bootstrap.deciding import verdicts_of
    from pipeline.display import print_table

    rows = [
        (item.number, item.incident, item.kind, item.text)
        for item in guarded(lambda: verdicts_of(store))
    ]
    print_table(("Number", "Incident", "Kind", "Verdict"), rows)


@incidents_app.command("merge")
def incidents_merge(
    identifier: Id,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Id of the other incident.")],
    *,
    store: KeptStore = "",
    by: By = "",
    reason: Reason = "",
) -> None:
    """Decide that two incidents are one."""
    from pipeline.bootstrap import deciding

    said = deciding.Said(store, by, reason)
    _decide(lambda: deciding.merge(said, identifier, other))


@incidents_app.command("split")
def incidents_split(
    identifier: Id,
    symptom: Annotated[
        str, typer.Argument(metavar="SYMPTOM", help="Rule or fingerprint of the symptom.")
    ],
    *,
    store: KeptStore = "",
    by: By = "",
    reason: Reason = "",
) -> None:
    """Decide that a symptom is an incident of its own."""
    from pipeline.bootstrap import deciding

    said = deciding.Said(store, by, reason)
    _decide(lambda: deciding.split(said, identifier, symptom))


@incidents_app.command("resolve")
def incidents_resolve(  # noqa: PLR0913 - each option of the command is a parameter
    identifier: Id,
    *,
    store: KeptStore = "",
    revision: Annotated[
        str,
        typer.Option(metavar="NAME", help="What mended it; older revisions cannot regress."),
    ] = "",
    at: Annotated[
        str, typer.Option(metavar="TIME", help="Since when, or how long ago (2h). Default: now.")
    ] = "",
    by: By = "",
    reason: Reason = "",
) -> None:
    """Decide that an incident is resolved, until it is seen again."""
    from pipeline.bootstrap import deciding

    said = deciding.Said(store, by, reason)
    _decide(lambda: deciding.resolve(said, identifier, revision, at))


@incidents_app.command("silence")
def incidents_silence(
    identifier: Id,
    span: Annotated[str, typer.Argument(metavar="SPAN", help="For how long: 12h, 7d.")],
    *,
    store: KeptStore = "",
    by: By = "",
    reason: Reason = "",
) -> None:
    """Decide that an incident is not to be reported for some time; it is still counted."""
    from pipeline.bootstrap import deciding

    said = deciding.Said(store, by, reason)
    _decide(lambda: deciding.silence(said, identifier, span))


@incidents_app.command("assign")
def incidents_assign(
    identifier: Id,
    who: Annotated[str, typer.Argument(metavar="WHO", help="Who looks after it: @ana.")],
    *,
    store: KeptStore = "",
    by: By = "",
    reason: Reason = "",
) -> None:
    """Decide who looks after an incident."""
    from pipeline.bootstrap import deciding

    said = deciding.Said(store, by, reason)
    _decide(lambda: deciding.assign(said, identifier, who))


@incidents_app.command("undo")
def incidents_undo(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the verdict.")],
    *,
    store: KeptStore = "",
    by: By = "",
) -> None:
    """Take back what was decided."""
    from pipeline.bootstrap import deciding

    said = deciding.Said(store, by)
    _decide(lambda: deciding.undo(said, number), "taken back, ")


def _decide(decide: "Callable[[], Verdict]", what: str = "") -> None:
    from pipeline.display import safe

    verdict = guarded(decide)
    typer.echo(f"{what}verdict {verdict.number}: {safe(verdict.text)}")
    typer.echo("It counts from the next replay with this store.")
