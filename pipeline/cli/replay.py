"""`fivewhys replay`."""

import sys
from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    EXIT_FAILED,
    EXIT_FOUND,
    EXIT_USAGE,
    Catalog,
    Investigators,
    Placeholders,
    Probe,
    Repo,
    Rules,
    Store,
    fail,
    guarded,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.bootstrap.replaying import ReplayOptions
    from pipeline.document import IncidentDocument, RunDocument
    from pipeline.result import Result


class Format(StrEnum):
    """How a replay prints what it found."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


class SinkName(StrEnum):
    """Where reports go."""

    FILES = "files"
    GITHUB = "github"


def replay(  # noqa: PLR0913 - each option of the command is a parameter; typer reads them from here
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Files, globs, folders, gs://BUCKET/PREFIX, or - for standard input: the default.",
        ),
    ] = None,
    *,
    rules: Rules = None,
    placeholders: Placeholders = "",
    catalog: Catalog = "",
    suppressions: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="What is not to be reported (suppressions.yml). Default: FIVEWHYS_SUPPRESSIONS.",
        ),
    ] = "",
    repo: Repo = "",
    probe: Probe = False,
    investigator: Investigators = None,
    from_logging: Annotated[
        str | None,
        typer.Option(
            "--from-logging",
            metavar="FILTER",
            help="Read from the Logging API what a filter lets through; needs --since.",
        ),
    ] = None,
    project: Annotated[
        str,
        typer.Option(
            metavar="PROJECT",
            help="Whose logs --from-logging reads. "
            "Default: FIVEWHYS_LOGGING_PROJECT, or GOOGLE_CLOUD_PROJECT.",
        ),
    ] = "",
    out: Annotated[
        str, typer.Option(metavar="DIR", help="Where the issues go, one Markdown file an incident.")
    ] = "fivewhys-out",
    sink: Annotated[
        list[SinkName] | None,
        typer.Option(
            "--sink", help="Where reports go; repeatable. Default: files. github needs --store."
        ),
    ] = None,
    store: Store = "",
    since: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Leave out entries before this time, or this long ago (6h)."
        ),
    ] = "",
    until: Annotated[
        str, typer.Option(metavar="TIME", help="Leave out entries at or after this time.")
    ] = "",
    min_priority: Annotated[
        str,
        typer.Option(
            metavar="P0-P4",
            help="Report nothing less urgent. Default: FIVEWHYS_MIN_PRIORITY, or P4.",
        ),
    ] = "",
    hold_rollout: Annotated[
        str,
        typer.Option(
            metavar="SPAN",
            help="Hold a first report back while a revision of its services is younger (5m).",
        ),
    ] = "",
    format_: Annotated[
        Format, typer.Option("--format", help="What goes to standard output.")
    ] = Format.TABLE,
    detections: Annotated[
        str, typer.Option(metavar="FILE", help="Write every detection as a JSON line.")
    ] = "",
    fail_on: Annotated[
        str, typer.Option(metavar="P0-P4", help="Exit with 3 when an incident this urgent is open.")
    ] = "",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be done and why; write no issue and no store."
        ),
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Processes that examine large files; 0, the default, is one a processor.",
        ),
    ] = 0,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Default: on a terminal.")
    ] = None,
) -> None:
    """Read exports of Cloud Logging entries and report the incidents in them.

    What no option says is said by the settings of `fivewhys run`, if there are any (README).
    """
    from pipeline.bootstrap.replaying import ReplayOptions
    from pipeline.bootstrap.settled import settled

    if sources and from_logging is not None:
        fail("name a SOURCE or --from-logging: a run reads one of them", EXIT_USAGE)
    is_piped = not sources and from_logging is None
    if is_piped and sys.stdin.isatty():
        fail("name a SOURCE: a file, a glob, a folder, or - for standard input", EXIT_USAGE)
    said = ReplayOptions(
        sources=["-"] if is_piped else sources or [],
        from_logging=from_logging,
        project=project,
        rules=rules or [],
        placeholders=placeholders,
        catalog=catalog,
        suppressions=suppressions,
        repo=repo,
        probe=probe,
        investigators=investigator or [],
        out=out,
        sinks=[*dict.fromkeys(sink or [SinkName.FILES])],
        store=store,
        since=since,
        until=until,
        min_priority=min_priority,
        hold_rollout=hold_rollout,
        fail_on=fail_on,
        detections=detections,
        dry_run=dry_run,
        jobs=jobs,
    )
    options = settled(said)
    shown = sys.stderr.isatty() if progress is None else progress
    result = _replayed(options, shown=shown)
    document = result.document()
    _PRINTERS[format_](document)
    if format_ is Format.TABLE and document.incidents:
        _say_where(options)
    if SinkName.GITHUB in options.sinks:
        _report(options, result, to_errors=format_ is not Format.TABLE)
    if fail_on and any(_is_urgent(item, fail_on) for item in document.incidents):
        raise typer.Exit(EXIT_FOUND)


def _replayed(options: "ReplayOptions", *, shown: bool) -> "Result":
    from pipeline.bootstrap import replaying
    from pipeline.display import progress

    with ExitStack() as stack:
        run, source = guarded(lambda: stack.enter_context(replaying.replay(options)))
        told = (stack.enter_context(progress()),) if shown else ()
        result = guarded(lambda: run.run(source, *told), EXIT_FAILED)
        guarded(lambda: replaying.write_detections(options.detections, result), EXIT_FAILED)
    return result


def _say_where(options: "ReplayOptions") -> None:
    if options.dry_run:
        typer.echo("No issue was written (--dry-run).")
        return
    if SinkName.FILES in options.sinks:
        typer.echo(f"The issues are in {options.out}/")
    if options.rehearses:
        typer.echo("No issue was written in GitHub (FIVEWHYS_DRY_RUN).")


def _report(options: "ReplayOptions", result: "Result", *, to_errors: bool) -> None:
    """Bring GitHub to what was found; what the run and those before it left waiting, too."""
    from pipeline.bootstrap import reporting
    from pipeline.bootstrap.replaying import read_tracker_of
    from pipeline.bootstrap.tracking import rehearse
    from pipeline.cli.reporting import show_applied, show_plan

    tracker, store = guarded(lambda: read_tracker_of(options)), options.store
    if options.dry_run:
        plan = guarded(lambda: reporting.plan(tracker, store, result.outcomes), EXIT_FAILED)
        show_plan(plan, to_errors=to_errors)
    elif options.rehearses:
        plan = guarded(lambda: rehearse(tracker, store), EXIT_FAILED)
        show_plan(plan, to_errors=to_errors)
    else:
        applied = guarded(lambda: reporting.apply(tracker, store), EXIT_FAILED)
        show_applied(applied, to_errors=to_errors)


def _is_urgent(incident: "IncidentDocument", priority: str) -> bool:
    from pipeline.incident import PRIORITIES, State

    urgent = PRIORITIES.index(incident.priority) <= PRIORITIES.index(priority.upper())
    held = incident.suppressed or incident.silenced_until
    return urgent and not held and incident.state != State.RESOLVED


def _print_json(document: "RunDocument") -> None:
    typer.echo(document.model_dump_json(indent=2))


def _print_markdown(document: "RunDocument") -> None:
    from pipeline.display import print_audit_markdown

    for incident in document.incidents:
        typer.echo(f"# {incident.report.title}\n\n{incident.report.body}")
    print_audit_markdown(document.audit)


def _print_table(document: "RunDocument") -> None:
    from pipeline.display import print_rejections, print_run, print_suppressions

    print_run(document)
    print_suppressions(document)
    print_rejections(document)


_PRINTERS: "dict[Format, Callable[[RunDocument], None]]" = {
    Format.TABLE: _print_table,
    Format.JSON: _print_json,
    Format.MARKDOWN: _print_markdown,
}
