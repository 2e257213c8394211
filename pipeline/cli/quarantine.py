"""`fivewhys quarantine`: messages in which no log entry was found."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    EXIT_FAILED,
    EXIT_USAGE,
    KeptStore,
    Placeholders,
    Rules,
    fail,
    guarded,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.ports import Poison

quarantine_app = typer.Typer(
    help="Look at messages in which no log entry was found, and decide about them.",
    no_args_is_help=True,
)

Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Which messages, by number.")
]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


class Format(StrEnum):
    """How what is in quarantine is printed."""

    TABLE = "table"
    JSON = "json"


@quarantine_app.command("list")
def quarantine_list(
    *,
    store: KeptStore = "",
    format_: Annotated[
        Format, typer.Option("--format", help="A table, or JSON with all text that is kept.")
    ] = Format.TABLE,
) -> None:
    """List what is in quarantine, since when and why."""
    from pipeline.bootstrap import quarantine

    _PRINTERS[format_](guarded(lambda: quarantine.listed(store)))


@quarantine_app.command("retry")
def quarantine_retry(
    numbers: Numbers = None,
    *,
    store: KeptStore = "",
    all_: All = False,
    rules: Rules = None,
    placeholders: Placeholders = "",
) -> None:
    """Examine messages again: those that hold an entry now are taken like any other."""
    from pipeline.bootstrap import quarantine

    _check(numbers, all_=all_)
    left, stay = guarded(
        lambda: quarantine.retry(store, numbers or (), rules=rules or (), placeholders=placeholders)
    )
    typer.echo(f"{_messages(left)} left quarantine, {stay} stay")
    if stay:
        raise typer.Exit(EXIT_FAILED)


@quarantine_app.command("drop")
def quarantine_drop(numbers: Numbers = None, *, store: KeptStore = "", all_: All = False) -> None:
    """Drop messages for good."""
    from pipeline.bootstrap import quarantine

    _check(numbers, all_=all_)
    typer.echo(f"{_messages(guarded(lambda: quarantine.drop(store, numbers or ())))} dropped")


def _check(numbers: list[int] | None, *, all_: bool) -> None:
    if bool(numbers) == all_:
        fail("name messages by their numbers, or say --all", EXIT_USAGE)


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"


def _print_table(found: "Sequence[Poison]") -> None:
    from pipeline.display import QUARANTINE_COLUMNS, print_table, quarantine_row

    if found:
        print_table(QUARANTINE_COLUMNS, [quarantine_row(one) for one in found])
    else:
        typer.echo("Nothing is in quarantine.", err=True)


def _print_json(found: "Sequence[Poison]") -> None:
    from pipeline.entry import format_timestamp

    rows = [
        {
            "number": one.number,
            "message_id": one.name,
            "time": format_timestamp(one.at),
            "reason": one.reason,
            "text": one.text,
        }
        for one in found
    ]
    typer.echo(json.dumps(rows, indent=2))


_PRINTERS = {Format.TABLE: _print_table, Format.JSON: _print_json}
