"""`fivewhys plan`, `apply` and `outbox`: what is done in GitHub, and what waits."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import EXIT_FAILED, KeptStore, fail, guarded

if TYPE_CHECKING:
    from pipeline.sinks.github.failures import CallError
    from pipeline.sinks.github.reconciling import Plan
    from pipeline.sinks.github.rounds import Applied
    from pipeline.tracker.gauging import Outbox
    from pipeline.tracker.model import Step

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done and why; change nothing.")
]


def plan(*, store: KeptStore = "") -> None:
    """Show what would be done in GitHub about the incidents of a store, and why."""
    from pipeline.bootstrap import reporting

    tracker = guarded(lambda: reporting.read_tracker(store))
    show_plan(guarded(lambda: reporting.plan(tracker, store), EXIT_FAILED))


def apply(*, store: KeptStore = "", dry_run: DryRun = False) -> None:
    """Bring GitHub's issues to what the incidents of a store want: what `plan` shows."""
    from pipeline.bootstrap import reporting

    if dry_run:
        plan(store=store)
        return
    tracker = guarded(lambda: reporting.read_tracker(store))
    show_applied(guarded(lambda: reporting.apply(tracker, store), EXIT_FAILED))


class Format(StrEnum):
    """How what waits is printed."""

    TABLE = "table"
    JSON = "json"
    PROMETHEUS = "prometheus"


def outbox(
    *,
    store: KeptStore = "",
    format_: Annotated[
        Format, typer.Option("--format", help="A table, a JSON document, or gauges to watch.")
    ] = Format.TABLE,
) -> None:
    """List what did not reach GitHub yet, since when and why; the oldest first."""
    from pipeline.bootstrap.reporting import outbox as waiting

    _PRINTERS[format_](guarded(lambda: waiting(store)))


def _print_table(found: "Outbox") -> None:
    from pipeline.display import OUTBOX_COLUMNS, outbox_row, print_table

    if found.waiting:
        rows = [outbox_row(one, now=found.now) for one in found.waiting]
        print_table(OUTBOX_COLUMNS, rows)
    else:
        typer.echo("Nothing waits.", err=True)


def _print_json(found: "Outbox") -> None:
    from pipeline.tracker.gauging import document

    typer.echo(json.dumps(document(found), indent=2))


def _print_gauges(found: "Outbox") -> None:
    from pipeline.exposition import exposition
    from pipeline.tracker.gauging import gauges

    typer.echo(exposition(gauges(found)), nl=False)


_PRINTERS = {
    Format.TABLE: _print_table,
    Format.JSON: _print_json,
    Format.PROMETHEUS: _print_gauges,
}


def show_plan(plans: "list[tuple[str, Plan]]", *, to_errors: bool = False) -> None:
    """Print the plans of repositories; of several each below its name."""
    from pipeline.display import print_plan
    from pipeline.tracker.telling import told

    for repository, plan in plans:
        if len(plans) > 1:
            typer.echo(f"{repository}:", err=to_errors)
        print_plan(told(plan.steps, plan.issues, plan.notes), to_errors=to_errors)


def show_applied(done: "list[tuple[str, Applied]]", *, to_errors: bool = False) -> None:
    """Print what was done, by repository; exit with an error where something waits."""
    from pipeline.display import safe
    from pipeline.tracker.telling import headline

    failures: list[tuple[str, CallError]] = []
    postponed: list[tuple[str, Step]] = []
    for repository, applied in done:
        if len(done) > 1:
            typer.echo(f"{repository}:", err=to_errors)
        for step in applied.done:
            typer.echo(f"{safe(headline(step))}: {safe(step.reason)}", err=to_errors)
        for incident, note in applied.notes:
            typer.echo(f"note for {incident}: {safe(note)}", err=True)
        failures += sorted(applied.failures.items())
        postponed += sorted(applied.postponed.items())
    if failures:
        lines = [f"{name} waits: {safe(why)}{_until(why.not_before)}" for name, why in failures]
        fail("\n".join((*lines, "`fivewhys apply` tries again")), EXIT_FAILED)
    for name, step in postponed:
        typer.echo(f"{name} waits: {safe(step.reason)}{_until(step.due)}", err=to_errors)
    if not postponed:
        typer.echo("Nothing is left to do in GitHub.", err=to_errors)


def _until(time: int) -> str:
    """Say when something is tried again, "" if that is not known."""
    from pipeline.audit import SECOND
    from pipeline.entry import format_timestamp

    return f"; not before {format_timestamp(-(-time // SECOND) * SECOND)}" if time else ""
