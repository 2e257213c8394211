"""What commands print: tables on a terminal, plain lines when piped; never log text as it came.

Rich is loaded only for what it draws, which is on a terminal.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline import markdown
from pipeline.entry import format_timestamp
from pipeline.lifecycle import DAY, HOUR, MINUTE, span_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TextIO

    from pipeline.document import IncidentDocument, NoiseDocument, RunDocument
    from pipeline.ports import Poison
    from pipeline.ruletest import TestResult
    from pipeline.selfaudit import AuditDocument
    from pipeline.tracker.gauging import Waiting
    from pipeline.tracker.telling import Line

CELL = 15
"""Least columns for a cell: with less a table is a ladder of syllables."""


def safe(text: object) -> str:
    """Return text without control sequences, on one line, so that it cannot drive a terminal."""
    return " ".join(markdown.visible(str(text)).split())


def _write(text: str, *, to_errors: bool = False) -> None:
    stream: TextIO = sys.stderr if to_errors else sys.stdout
    stream.write(f"{text}\n")


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = ""
) -> None:
    """Print a table on a terminal, tab-separated lines when piped.

    Nothing is cut, and the first column, which names the row, is not folded either. A terminal too
    narrow for that gets each row as lines of `Column: value`.
    """
    cells = [[safe(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw_table(columns, cells, title)
    else:
        sys.stdout.writelines("\t".join(row) + "\n" for row in cells)


def _draw_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    out = Console(highlight=False)
    first = max(map(cell_len, (columns[0], *(row[0] for row in rows))))
    if out.width < max(CELL * len(columns), 2 * first):
        sys.stdout.write("\n".join(_block(columns, row) for row in rows))
        return
    names = Column(columns[0], no_wrap=True, min_width=first)
    others = (Column(name, overflow="fold") for name in columns[1:])
    table = Table(names, *others, title=title or None, title_justify="left")
    for row in rows:
        table.add_row(*map(Text, row))
    out.print(table)


def _block(columns: Sequence[str], row: Sequence[str]) -> str:
    """Return a row as lines that the terminal wraps, so that what is copied is whole."""
    return "".join(f"{name}: {cell}\n" for name, cell in zip(columns, row, strict=True))


SECONDS = len("2025-09-10T00:33:54")
"""Characters of a time up to its seconds."""

INCIDENT_COLUMNS = ("Incident", "Priority", "State", "First seen", "Title", "Root cause")


def incident_row(incident: IncidentDocument) -> tuple[str, ...]:
    """Return what a table says of an incident."""
    return (
        incident.id,
        incident.priority,
        ", ".join((incident.state, *_holds(incident))),
        f"{incident.first_seen[:SECONDS]}Z",
        incident.title,
        incident.root_cause,
    )


def _holds(incident: IncidentDocument) -> Iterator[str]:
    """Yield what holds an incident back."""
    if incident.suppressed:
        yield "suppressed"
    if incident.silenced_until:
        yield "silenced"


OUTBOX_COLUMNS = ("Incident", "Waits", "Since", "Attempts", "Reason", "Not before", "Tracker")


def outbox_row(one: Waiting, *, now: int) -> tuple[str, ...]:
    """Return what a table says of what waits; `now` is in nanoseconds UTC."""
    times = (one.delivery.since, one.delivery.not_before)
    since, until = (f"{format_timestamp(at)[:SECONDS]}Z" if at else "" for at in times)
    age = one.age(now)
    unit = next((unit for unit in (DAY, HOUR) if age >= 2 * unit), MINUTE)
    waits = span_text(age // unit * unit)
    attempts = str(one.delivery.attempts)
    return one.incident, waits, since, attempts, one.reason, until, one.tracker


QUARANTINE_COLUMNS = ("Number", "Since", "Message", "Reason", "Text")

SHOWN = 80
"""Characters of a message that a table shows."""


def quarantine_row(one: Poison) -> tuple[str, ...]:
    """Return what a table says of a message in quarantine."""
    since = f"{format_timestamp(one.at)[:SECONDS]}Z"
    text = one.text if len(one.text) <= SHOWN else f"{one.text[:SHOWN]}…"
    return str(one.number), since, one.name, one.reason, text


STYLES = {"+": "green", "-": "red", "*": "bold", "": "dim"}


def print_plan(lines: Iterable[Line], *, to_errors: bool = False) -> None:
    """Print a plan: coloured on a terminal, each line with its sign when piped."""
    stream = sys.stderr if to_errors else sys.stdout
    if not stream.isatty():
        stream.writelines(f"{_signed(line)}\n" for line in lines)
        return
    from rich.console import Console
    from rich.text import Text

    out = Console(highlight=False, stderr=to_errors)
    for line in lines:
        out.print(Text(_signed(line), STYLES[line.sign]), soft_wrap=True)


def _signed(line: Line) -> str:
    text = markdown.visible(line.text)
    return text if line.sign == "*" or not line.sign else f"  {line.sign} {text}"


def print_suppressions(document: RunDocument) -> None:
    """Print what suppressions held back, and those that can go."""
    held = [item for item in document.incidents if item.suppressed]
    if held:
        count = sum(symptom.count for item in held for symptom in item.symptoms)
        _write(f"suppressed: {len(held):,} of the incidents, with {count:,} detections")
    for item in document.suppressions:
        if item.state != "active":
            said = f"{item.place}: {item.state}: {item.state_reason} ({item.owner}: {item.reason})"
            _write(safe(said), to_errors=True)


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
    count = len(document.incidents)
    _write(
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
    if document.noise:
        _write(f"{_noise_line(document.noise)}; --format json lists them")
    print_audit(document.audit)


def _noise_line(noise: Sequence[NoiseDocument]) -> str:
    """Return how much of what was said at every start stays out of the incidents."""
    count, said = len(noise), sum(item.count for item in noise)
    return f"{count:,} symptom{'' if count == 1 else 's'} of noise in {said:,} entries"


def print_audit(audit: AuditDocument) -> None:
    """Print how much of the trouble no rule matches, if there was any."""
    if audit.unmatched:
        share = audit.unmatched / audit.warnings
        _write(
            f"{share:.0%} of {audit.warnings:,} warnings and errors match no rule; "
            "fivewhys replay --format json lists the commonest"
        )
    if audit.late:
        _write(f"{audit.late:,} entries came later than correlation allows for")


def print_audit_markdown(audit: AuditDocument) -> None:
    """Print the self-audit as Markdown: the account, and the commonest patterns in a table."""
    _write(
        f"# Self-audit\n\n{audit.unmatched:,} of {audit.warnings:,} warnings and errors match no "
        f"rule; {audit.late:,} entries came late, {audit.dropped:,} were left out."
    )
    if audit.commonest:
        _write("\n| Count | Pattern that no rule matches | Example |\n|---|---|---|")
    for item in audit.commonest:
        cells = f"{item.count:,}", markdown.code(item.pattern), markdown.code(item.example)
        _write(f"| {' | '.join(cells)} |")


def print_rejection(place: str, reason: str) -> None:
    """Print one rejection to standard error."""
    _write(f"rejected {safe(f'{place}: {reason}')}", to_errors=True)


def print_rejections(document: RunDocument, limit: int = 10) -> None:
    """Print the first rejections to standard error."""
    for item in document.rejections[:limit]:
        print_rejection(item.place, item.reason)
    if len(document.rejections) > limit:
        rest = len(document.rejections) - limit
        _write(f"and {rest:,} more rejected; --format json lists them all", to_errors=True)


def print_tests(results: Sequence[TestResult]) -> None:
    """Print failed rule tests with their difference, and the count."""
    for item in results:
        if not item.passed:
            _write(f"FAILED {item.place} {item.rule}: {safe(item.name)}")
            for line in item.difference.splitlines():
                _write(f"  {safe(line)}")
    failed = sum(not item.passed for item in results)
    _write(f"{len(results) - failed} passed, {failed} failed")


@contextmanager
def progress() -> Iterator[Callable[[int], None]]:
    """Give a function to tell how many more records were read.

    What it shows goes to standard error, so that it never mixes with output, and begins with the
    first call: its thread must not be there before processes are forked.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.completed:,} records read"), TimeElapsedColumn()
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=None)

    def told(count: int) -> None:
        bar.start()
        bar.advance(task, count)

    try:
        yield told
    finally:
        bar.stop()
