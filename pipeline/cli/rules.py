"""`fivewhys rules`: look at rules, check them, try them, begin new ones."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    EXIT_FAILED,
    Catalog,
    Exports,
    KeptStore,
    Placeholders,
    RuleFolder,
    RuleFolders,
    guarded,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.bootstrap.rules import Matched
    from pipeline.entry import Rejection
    from pipeline.rulediff import Difference

rules_app = typer.Typer(
    help="Look at rules, check them and run the tests beside them.", no_args_is_help=True
)


class MatchFormat(StrEnum):
    """How `rules match` prints."""

    TABLE = "table"
    JSON = "json"


class DiffFormat(StrEnum):
    """How `rules diff` prints."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


COMPARED = "Folder of rules, one file, or shipped: those that come with fivewhys."


@rules_app.command("list")
def rules_list(rules: RuleFolders = None, placeholders: Placeholders = "") -> None:
    """List rules: name, level, signature, title."""
    from pipeline.bootstrap.reading import load_rules
    from pipeline.display import print_table

    ruleset = guarded(lambda: load_rules(rules or [], placeholders))
    rows = [
        *((item.name, item.level, item.signature, item.title) for item in ruleset.rules.values()),
        *((item.name, "correlation", item.kind, item.title) for item in ruleset.correlations),
    ]
    print_table(("Rule", "Level", "Signature", "Title"), sorted(rows))


@rules_app.command("show")
def rules_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a rule.")],
    rules: RuleFolders = None,
    placeholders: Placeholders = "",
) -> None:
    """Print a rule as it is written, with the file it stands in."""
    from pipeline.bootstrap.rules import find_rule

    file, text = guarded(lambda: find_rule(name, rules or [], placeholders))
    typer.echo(f"# {file}\n{text.rstrip()}")


@rules_app.command("lint")
def rules_lint(folder: RuleFolder = "", placeholders: Placeholders = "") -> None:
    """Check rules: name every mistake and what can hardly be meant, with file and line."""
    from pipeline.bootstrap.rules import lint_rules
    from pipeline.markdown import visible

    ruleset, doubts = guarded(lambda: lint_rules([folder] if folder else [], placeholders))
    for doubt in doubts:
        typer.echo(f"fivewhys: {visible(str(doubt))} (only a doubt)", err=True)
    typer.echo(f"{len(ruleset.rules)} rules and {len(ruleset.correlations)} correlations are right")


@rules_app.command("test")
def rules_test(folder: RuleFolder = "", placeholders: Placeholders = "") -> None:
    """Run the tests beside rules; exit with 1 when one fails."""
    from pipeline.bootstrap.rules import run_rule_tests
    from pipeline.display import print_tests

    results = guarded(lambda: run_rule_tests([folder] if folder else [], placeholders))
    print_tests(results)
    if not all(item.passed for item in results):
        raise typer.Exit(EXIT_FAILED)


@rules_app.command("match")
def rules_match(
    rules: Annotated[str, typer.Argument(metavar="RULES", help="Folder of rules, or one file.")],
    sources: Exports,
    *,
    placeholders: Placeholders = "",
    format_: Annotated[
        MatchFormat, typer.Option("--format", help="json: one object an entry, a line each.")
    ] = MatchFormat.TABLE,
) -> None:
    """Print which rules match which entries of an export."""
    from pipeline.bootstrap.rules import match_rules

    guarded(lambda: _print_matches(match_rules([rules], sources, placeholders), format_))


def _print_matches(found: "Iterable[Matched | Rejection]", format_: MatchFormat) -> None:
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

    typer.echo(guarded(lambda: capture_fixture(sources, insert_id)), nl=False)


@rules_app.command("new")
def rules_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the rule: lower_case.")],
    folder: Annotated[str, typer.Option("--dir", metavar="DIR", help="Where it goes.")] = ".",
) -> None:
    """Begin a rule and its tests from a template."""
    from pipeline.bootstrap.rules import new_rule

    for path in guarded(lambda: new_rule(name, folder)):
        typer.echo(path)


@rules_app.command("draft")
def rules_draft(
    incident: Annotated[
        str, typer.Argument(metavar="INCIDENT", help="Id of an incident, or its beginning.")
    ],
    *,
    store: KeptStore = "",
    folder: Annotated[str, typer.Option("--dir", metavar="DIR", help="Where it goes.")] = ".",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the rule. Default: from its words.")
    ] = "",
) -> None:
    """Draft a rule and its test from an unknown pattern in a store."""
    from pipeline.bootstrap.rules import draft_rule

    for path in guarded(lambda: draft_rule(store, incident, folder, name)):
        typer.echo(path)


@rules_app.command("version")
def rules_version(folder: RuleFolder = "") -> None:
    """Print the version of rules, if the folder that they stand in says one."""
    from pipeline.bootstrap import shipped

    told = guarded(lambda: shipped.rules_version([folder] if folder else []))
    typer.echo(told or "these rules have no version")


@rules_app.command("diff")
def rules_diff(  # noqa: PLR0913 - each option of the command is a parameter; typer reads them from here
    old: Annotated[str, typer.Argument(metavar="OLD", help=COMPARED)],
    new: Annotated[str, typer.Argument(metavar="NEW", help=COMPARED)],
    *,
    on: Annotated[
        list[str],
        typer.Option("--on", metavar="EXPORT", help="Files, globs or folders; repeatable."),
    ],
    catalog: Catalog = "",
    placeholders: Placeholders = "",
    format_: Annotated[
        DiffFormat, typer.Option("--format", help="markdown: for a pull request.")
    ] = DiffFormat.TABLE,
) -> None:
    """Say what a change of rules changes in the incidents of an export, and as which version.

    What no option says is said by the settings of `fivewhys run`, if there are any (README).
    """
    from pipeline.bootstrap.comparing import DiffOptions, diff_rules
    from pipeline.rulediff import as_document, as_markdown

    difference = guarded(lambda: diff_rules(DiffOptions(old, new, on, catalog, placeholders)))
    if format_ is DiffFormat.JSON:
        typer.echo(json.dumps(as_document(difference), indent=2))
    elif format_ is DiffFormat.MARKDOWN:
        typer.echo(as_markdown(difference), nl=False)
    else:
        _print_difference(difference)


def _print_difference(difference: "Difference") -> None:
    from pipeline.display import print_table
    from pipeline.rulediff import as_rows

    print_table(("Step", "What", "How", "Name", "Title", "What changed"), as_rows(difference))
    typer.echo(difference.verdict)


@rules_app.command("schema")
def rules_schema() -> None:
    """Print the JSON Schema of rule files, for editors."""
    from pipeline.ruleschema import rule_schema

    typer.echo(json.dumps(rule_schema(), indent=2))
