"""`fivewhys plan`, `apply` and `outbox`: what is done in GitHub, and what waits."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import EXIT_FAILED, KeptStore, fail, guarded

if TYPE_CHECKING:
    from pipeline.sinks.github.reconciling import Applied, Plan

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done and why; change nothing.")
]


def plan(*, store: KeptStore) -> None:
    """Show what would be done in GitHub about the incidents of a store, and why."""
    from pipeline.bootstrap import reporting

    tracker = guarded(lambda: reporting.read_tracker(store))
    show_plan(guarded(lambda: reporting.plan(tracker, store), EXIT_FAILED))


def apply(*, store: KeptStore, dry_run: DryRun = False) -> None:
    """Bring GitHub's issues to what the incidents of a store want: what `plan` shows."""
    from pipeline.bootstrap import reporting

    if dry_run:
        plan(store=store)
        return
    tracker = guarded(lambda: reporting.read_tracker(store))
    show_applied(guarded(lambda: reporting.apply(tracker, store), EXIT_FAILED))


def outbox(*, store: KeptStore) -> None:
    """List what did not reach GitHub yet, since when and why; the oldest first."""
    from pipeline.bootstrap.reporting import outbox as waiting
    from pipeline.display import OUTBOX_COLUMNS, outbox_row, print_table

    now, found = guarded(lambda: waiting(store))
    if found:
        print_table(OUTBOX_COLUMNS, [outbox_row(*item, now=now) for item in found])
    else:
        typer.echo("Nothing waits.", err=True)


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

    failures = []
    for repository, applied in done:
        if len(done) > 1:
            typer.echo(f"{repository}:", err=to_errors)
        for step in applied.done:
            typer.echo(f"{safe(headline(step))}: {safe(step.reason)}", err=to_errors)
        for incident, note in applied.notes:
            typer.echo(f"note for {incident}: {safe(note)}", err=True)
        failures += sorted(applied.failures.items())
    if failures:
        lines = [f"{name} waits: {safe(why)}" for name, why in failures]
        fail("\n".join((*lines, "`fivewhys apply` tries again")), EXIT_FAILED)
    typer.echo("Nothing is left to do in GitHub.", err=to_errors)
