"""The command line: parse, call bootstrap, print, exit code.

Exit status: 0 done; 1 something was read but the run failed; 2 usage or configuration, every
mistake listed; 3 `--fail-on` found an open incident of that priority or higher.

Modules are imported inside the commands, so that each command loads only what it needs.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from enum import StrEnum
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from pipeline import __version__
from pipeline.errors import FivewhysError
from pipeline.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.bootstrap.replaying import ReplayOptions
    from pipeline.bootstrap.rules import Matched
    from pipeline.document import IncidentDocument, RunDocument
    from pipeline.entry import Rejection
    from pipeline.flow import Result

T = TypeVar("T")

EXIT_FAILED, EXIT_USAGE, EXIT_FOUND = 1, 2, 3

app = typer.Typer(
    help="Gathers the failures in Cloud Logging entries into incidents, explained in five whys.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
rules_app = typer.Typer(
    help="Look at rules, check them and run the tests beside them.", no_args_is_help=True
)
incidents_app = typer.Typer(help="Look at the incidents kept in a store.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")
app.add_typer(incidents_app, name="incidents")


class Format(StrEnum):
    """How a replay prints what it found."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


class MatchFormat(StrEnum):
    """How `rules match` prints."""

    TABLE = "table"
    JSON = "json"


Rules = Annotated[
    list[str] | None,
    typer.Option(
        "--rules",
        metavar="DIR",
        help="Folder of rules; repeatable. Default: those that come with fivewhys.",
    ),
]
RuleFolder = Annotated[
    str,
    typer.Argument(metavar="DIR", help="Folder of rules. Default: those that come with fivewhys."),
]
Exports = Annotated[
    list[str], typer.Argument(metavar="EXPORT", help="Files, globs, folders, or -.")
]
Store = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="URL",
        help="Where state is kept: sqlite:///file.db. Default: a private database in memory.",
    ),
]
IN_MEMORY = "sqlite://"
KeptStore = Annotated[
    str, typer.Option("--store", metavar="URL", help="Where state was kept: sqlite:///file.db.")
]


def _fail(message: str, status: int) -> NoReturn:
    for line in message.splitlines():
        typer.echo(f"fivewhys: {line}", err=True)
    raise typer.Exit(status)


def _guarded(call: Callable[[], T], status: int = EXIT_USAGE) -> T:
    """Return what `call` returns; say what went wrong in one line a mistake, and exit."""
    try:
        return call()
    except FivewhysError as error:
        _fail(visible(str(error)), status)


@app.command()
def version() -> None:
    """Print the version of fivewhys."""
    typer.echo(f"fivewhys {__version__}")


@app.command()
def replay(  # noqa: PLR0913 - each option of the command is a parameter; typer reads them from here
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Files, globs, folders, or - for standard input (the default).",
        ),
    ] = None,
    *,
    rules: Rules = None,
    catalog: Annotated[
        str, typer.Option(metavar="FILE", help="The service catalog (catalog.yml).")
    ] = "",
    repo: Annotated[
        str,
        typer.Option(
            metavar="PATH", help="A checkout of the services' code; no rule reads it yet."
        ),
    ] = "",
    out: Annotated[
        str, typer.Option(metavar="DIR", help="Where the issues go, one Markdown file an incident.")
    ] = "fivewhys-out",
    store: Store = IN_MEMORY,
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
        str, typer.Option(metavar="P0-P4", help="Report nothing less urgent.")
    ] = "P4",
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
    """Read exports of Cloud Logging entries and report the incidents in them."""
    from pipeline.bootstrap.replaying import ReplayOptions

    if not sources and sys.stdin.isatty():
        _fail("name a SOURCE: a file, a glob, a folder, or - for standard input", EXIT_USAGE)
    options = ReplayOptions(
        sources=sources or ["-"],
        rules=rules or [],
        catalog=catalog,
        repo=repo,
        out=out,
        store=store,
        since=since,
        until=until,
        min_priority=min_priority,
        fail_on=fail_on,
        detections=detections,
        dry_run=dry_run,
        jobs=jobs,
    )
    shown = sys.stderr.isatty() if progress is None else progress
    result = _replayed(options, shown=shown)
    document = result.document()
    _PRINTERS[format_](document)
    if format_ is Format.TABLE and document.incidents:
        typer.echo("No issue was written (--dry-run)." if dry_run else f"The issues are in {out}/")
    if fail_on and any(_is_urgent(item, fail_on) for item in document.incidents):
        raise typer.Exit(EXIT_FOUND)


def _replayed(options: ReplayOptions, *, shown: bool) -> Result:
    from pipeline.bootstrap import replaying
    from pipeline.display import progress

    with ExitStack() as stack:
        run, source = _guarded(lambda: stack.enter_context(replaying.replay(options)))
        told = (stack.enter_context(progress()),) if shown else ()
        result = _guarded(lambda: run.run(source, *told), EXIT_FAILED)
        _guarded(lambda: replaying.write_detections(options.detections, result), EXIT_FAILED)
    return result


def _is_urgent(incident: IncidentDocument, priority: str) -> bool:
    from pipeline.incident import PRIORITIES, State

    urgent = PRIORITIES.index(incident.priority) <= PRIORITIES.index(priority.upper())
    return urgent and incident.state != State.RESOLVED


def _print_json(document: RunDocument) -> None:
    typer.echo(document.model_dump_json(indent=2))


def _print_markdown(document: RunDocument) -> None:
    for incident in document.incidents:
        typer.echo(f"# {incident.report.title}\n\n{incident.report.body}")


def _print_table(document: RunDocument) -> None:
    from pipeline.display import print_rejections, print_run

    print_run(document)
    print_rejections(document)


_PRINTERS: dict[Format, Callable[[RunDocument], None]] = {
    Format.TABLE: _print_table,
    Format.JSON: _print_json,
    Format.MARKDOWN: _print_markdown,
}


@rules_app.command("list")
def rules_list(rules: Rules = None) -> None:
    """List rules: name, level, signature, title."""
    from pipeline.bootstrap.reading import load_rules
    from pipeline.display import print_table

    ruleset = _guarded(lambda: load_rules(rules or []))
    rows = [
        *((item.name, item.level, item.signature, item.title) for item in ruleset.rules.values()),
        *((item.name, "correlation", "temporal", item.title) for item in ruleset.correlations),
    ]
    print_table(("Rule", "Level", "Signature", "Title"), sorted(rows))


@rules_app.command("show")
def rules_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a rule.")],
    rules: Rules = None,
) -> None:
    """Print a rule as it is written, with the file it stands in."""
    from pipeline.bootstrap.rules import find_rule

    file, text = _guarded(lambda: find_rule(name, rules or []))
    typer.echo(f"# {file}\n{text.rstrip()}")


@rules_app.command("lint")
def rules_lint(folder: RuleFolder = "") -> None:
    """Check rules and name every mistake with file and line."""
    from pipeline.bootstrap.reading import load_rules

    ruleset = _guarded(lambda: load_rules([folder] if folder else []))
    typer.echo(f"{len(ruleset.rules)} rules and {len(ruleset.correlations)} correlations are right")


@rules_app.command("test")
def rules_test(folder: RuleFolder = "") -> None:
    """Run the tests beside rules; exit with 1 when one fails."""
    from pipeline.bootstrap.rules import run_rule_tests
    from pipeline.display import print_tests

    results = _guarded(lambda: run_rule_tests([folder] if folder else []))
    print_tests(results)
    if not all(item.passed for item in results):
        raise typer.Exit(EXIT_FAILED)


@rules_app.command("match")
def rules_match(
    rules: Annotated[str, typer.Argument(metavar="RULES", help="Folder of rules, or one file.")],
    sources: Exports,
    *,
    format_: Annotated[
        MatchFormat, typer.Option("--format", help="json: one object an entry, a line each.")
    ] = MatchFormat.TABLE,
) -> None:
    """Print which rules match which entries of an export."""
    from pipeline.bootstrap.rules import match_rules

    _guarded(lambda: _print_matches(match_rules([rules], sources), format_))


def _print_matches(found: Iterable[Matched | Rejection], format_: MatchFormat) -> None:
    from pipeline.bootstrap.rules import Matched
    from pipeline.display import print_rejection, print_table

    matched = []
    for item in found:
        if not isinstance(item, Matched):
            print_rejection(item.place, item.reason)
        elif format_ is MatchFormat.JSON:
            typer.echo(json.dumps({"insert_id": item.insert_id, "rules": list(item.rules)}))
        elif item.rules:
            matched.append((item.insert_id, ", ".join(item.rules)))
    if format_ is MatchFormat.TABLE:
        print_table(("Insert id", "Rules"), matched)


@rules_app.command("capture")
def rules_capture(
    sources: Exports,
    *,
    insert_id: Annotated[str, typer.Option(metavar="ID", help="The entry's insertId.")],
) -> None:
    """Print an entry of an export as a redacted fixture for a rule's tests."""
    from pipeline.bootstrap.rules import capture_fixture

    typer.echo(_guarded(lambda: capture_fixture(sources, insert_id)), nl=False)


@rules_app.command("new")
def rules_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the rule: lower_case.")],
    folder: Annotated[str, typer.Option("--dir", metavar="DIR", help="Where it goes.")] = ".",
) -> None:
    """Begin a rule and its tests from a template."""
    from pipeline.bootstrap.rules import new_rule

    for path in _guarded(lambda: new_rule(name, folder)):
        typer.echo(path)


@rules_app.command("schema")
def rules_schema() -> None:
    """Print the JSON Schema of rule files, for editors."""
    from pipeline.ruleschema import rule_schema

    typer.echo(json.dumps(rule_schema(), indent=2))


@incidents_app.command("list")
def incidents_list(*, store: KeptStore) -> None:
    """List the incidents in a store."""
    from pipeline.bootstrap.keeping import open_kept_store
    from pipeline.display import INCIDENT_COLUMNS, incident_row, print_table

    with _guarded(lambda: open_kept_store(store)) as opened:
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

    incident = _guarded(lambda: find_incident(store, identifier))
    typer.echo(f"# {incident.report.title}\n\n{incident.report.body}")


def main() -> None:
    """Run the command line; what a terminal cannot encode is shown escaped."""
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
