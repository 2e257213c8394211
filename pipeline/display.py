"""What commands print: tables on a terminal, plain lines when piped; never log text as it came."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from pipeline import markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.document import IncidentDocument, RunDocument
    from pipeline.ruletest import TestResult

PIPED_WIDTH = 10_000
"""Columns when nobody looks: nothing is folded or cut, a line stays a line for grep and cut."""

REFRESH = 0.1
"""Seconds between two pictures of the progress."""

CELL = 15
"""Least columns for a cell: with less a table is a ladder of syllables."""


def console(*, to_errors: bool = False) -> Console:
    """Return the console for standard output or standard error."""
    stream = sys.stderr if to_errors else sys.stdout
    return Console(
        file=stream,
        width=None if stream.isatty() else PIPED_WIDTH,
        highlight=False,
        soft_wrap=not stream.isatty(),
    )


def safe(text: object) -> Text:
    """Return text without control sequences, on one line, so that it cannot drive a terminal."""
    return Text(" ".join(markdown.visible(str(text)).split()))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = ""
) -> None:
    """Print a table on a terminal, tab-separated lines when piped.

    Nothing is cut, and the first column, which names the row, is not folded either. A terminal too
    narrow for that gets each row as lines of `Column: value`.
    """
    out = console()
    if not out.is_terminal:
        out.file.writelines("\t".join(safe(cell).plain for cell in row) + "\n" for row in rows)
        return
    cells = [[safe(cell) for cell in row] for row in rows]
    first = max(cell_len(columns[0]), *(row[0].cell_len for row in cells), 0)
    if out.width < max(CELL * len(columns), 2 * first):
        out.file.write("\n".join(_block(columns, row) for row in cells))
        return
    names = Column(columns[0], no_wrap=True, min_width=first)
    others = (Column(name, overflow="fold") for name in columns[1:])
    table = Table(names, *others, title=title or None, title_justify="left")
    for row in cells:
        table.add_row(*row)
    out.print(table)


def _block(columns: Sequence[str], row: Sequence[Text]) -> str:
    """Return a row as lines that the terminal wraps, so that what is copied is whole."""
    return "".join(f"{name}: {cell.plain}\n" for name, cell in zip(columns, row, strict=True))


SECONDS = len("2025-09-10T00:33:54")
"""Characters of a time up to its seconds."""

INCIDENT_COLUMNS = ("Incident", "Priority", "State", "First seen", "Title", "Root cause")


def incident_row(incident: IncidentDocument) -> tuple[str, ...]:
    """Return what a table says of an incident."""
    return (
        incident.id,
        incident.priority,
        incident.state,
        f"{incident.first_seen[:SECONDS]}Z",
        incident.title,
        incident.root_cause,
    )


def print_run(document: RunDocument) -> None:
    """Print the incidents of a run and how its entries were accounted for."""
    if document.incidents:
        print_table(
            (*INCIDENT_COLUMNS, "Decision"),
            [
                (*incident_row(item), f"{item.report.action}: {item.report.reason}")
                for item in document.incidents
            ],
        )
    entries = document.entries
    out = console()
    count = len(document.incidents)
    out.print(
        f"{count} incident{'' if count == 1 else 's'} in {entries.read:,} entries read: "
        f"{entries.accepted:,} accepted, {entries.duplicates:,} duplicates, "
        f"{entries.rejected:,} rejected"
        + (f"; {entries.outside:,} outside --since/--until" if entries.outside else "")
        + (
            f"; {unknown:,} of an unknown severity"
            if (unknown := entries.unknown_severities)
            else ""
        )
    )


def print_rejection(place: str, reason: str) -> None:
    """Print one rejection to standard error."""
    console(to_errors=True).print(Text("rejected ").append(safe(f"{place}: {reason}")))


def print_rejections(document: RunDocument, limit: int = 10) -> None:
    """Print the first rejections to standard error."""
    out = console(to_errors=True)
    for item in document.rejections[:limit]:
        print_rejection(item.place, item.reason)
    if len(document.rejections) > limit:
        rest = len(document.rejections) - limit
        out.print(f"and {rest:,} more rejected; --format json lists them all")


def print_tests(results: Sequence[TestResult]) -> None:
    """Print failed rule tests with their difference, and the count."""
    out = console()
    for item in results:
        if not item.passed:
            out.print(Text(f"FAILED {item.place} {item.rule}: ").append(safe(item.name)))
            for line in item.difference.splitlines():
                out.print(Text("  ").append(safe(line)))
    failed = sum(not item.passed for item in results)
    out.print(f"{len(results) - failed} passed, {failed} failed")


@contextmanager
def progress() -> Iterator[Callable[[int], None]]:
    """Give a function to tell how many more records were read.

    What it shows goes to standard error, so that it never mixes with output. It has no thread of
    its own: processes may be forked meanwhile.
    """
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,} records read"),
        TimeElapsedColumn(),
        console=console(to_errors=True),
        transient=True,
        auto_refresh=False,
    ) as bar:
        task = bar.add_task("", total=None)
        shown = -REFRESH

        def told(count: int) -> None:
            nonlocal shown
            now = bar.get_time()
            bar.update(task, advance=count, refresh=now - shown >= REFRESH)
            shown = now if now - shown >= REFRESH else shown

        yield told
