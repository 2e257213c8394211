"""`fivewhys explain`."""

import json
from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    EXIT_FAILED,
    Catalog,
    Investigators,
    KeptStore,
    Placeholders,
    Probe,
    Repo,
    Rules,
    guarded,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.bootstrap.explaining import Explained
    from pipeline.whys.document import ConsideredDocument, EvidenceDocument, WhyDocument

KEYS = {
    "id",
    "title",
    "looked_at",
    "five_whys",
    "root_cause",
    "false_alarms",
    "next_steps",
    "open_questions",
}
"""What the JSON holds of the incident."""

STORED = (
    "This is the chain that was stored: from what the store keeps, the rules make it no more "
    "(it is over, or the rules are others)."
)


class Format(StrEnum):
    """How a chain is printed."""

    TEXT = "text"
    JSON = "json"


def explain(  # noqa: PLR0913 - each option of the command is a parameter; typer reads them from here
    incident: Annotated[
        str, typer.Argument(metavar="INCIDENT", help="Id of an incident, or its beginning.")
    ],
    *,
    store: KeptStore = "",
    repo: Repo = "",
    catalog: Catalog = "",
    logs: Annotated[
        list[str] | None,
        typer.Option(
            "--logs",
            metavar="EXPORT",
            help="Where to look up what was logged around the first failure; repeatable.",
        ),
    ] = None,
    probe: Probe = False,
    investigator: Investigators = None,
    rules: Rules = None,
    placeholders: Placeholders = "",
    why_not: Annotated[
        bool,
        typer.Option(
            "--why-not", help="List the answers that were not taken, each with what ruled it out."
        ),
    ] = False,
    format_: Annotated[
        Format, typer.Option("--format", help="What goes to standard output.")
    ] = Format.TEXT,
) -> None:
    """Explain one incident in a store anew, with the code and catalog that are there now.

    What no option says is said by the settings of `fivewhys run`, if there are any (README).
    """
    from pipeline.bootstrap.explaining import explaining
    from pipeline.bootstrap.replaying import ReplayOptions
    from pipeline.bootstrap.settled import settled

    said = ReplayOptions(
        [],
        store=store,
        repo=repo,
        catalog=catalog,
        logs=logs or [],
        probe=probe,
        investigators=investigator or [],
        rules=rules or [],
        placeholders=placeholders,
        min_priority="",
    )
    with ExitStack() as stack:
        ready = guarded(lambda: stack.enter_context(explaining(settled(said), incident)))
        explained = guarded(ready, EXIT_FAILED)
    if format_ is Format.JSON:
        typer.echo(_json(explained))
    else:
        typer.echo("\n".join(_lines(explained, why_not=why_not)))


def _json(explained: "Explained") -> str:
    document = explained.incident.model_dump(mode="json", include=KEYS)
    return json.dumps({**document, "stored": explained.stored}, indent=2)


def _lines(explained: "Explained", *, why_not: bool) -> "Iterator[str]":
    """Yield the chain as a person reads it."""
    from pipeline.display import safe

    found = explained.incident
    yield safe(f"{found.id} [{found.priority}] {found.title}")
    if explained.stored:
        yield STORED
    yield from map(safe, found.looked_at)
    for number, why in enumerate(found.five_whys, start=1):
        yield f"\nWhy {number}: {safe(why.question)}"
        yield from _answer(why)
        for item in why.considered if why_not else ():
            yield from _considered(item)
    yield f"\nRoot cause: {safe(found.root_cause)}"
    yield from _listed("False alarms", [item.text for item in found.false_alarms])
    yield from _listed("Next steps", found.next_steps)
    yield from _listed("Open questions", found.open_questions)


def _answer(why: "WhyDocument") -> "Iterator[str]":
    from pipeline.display import safe

    yield f"  {why.status}: {safe(why.answer)}"
    yield from _evidence(why.evidence)
    if why.settle:
        yield f"  what would settle it: {safe(why.settle)}"


def _considered(item: "ConsideredDocument") -> "Iterator[str]":
    from pipeline.display import safe

    missing = ", ".join(item.missing)
    reason = _REASONS[item.standing].format(missing=missing)
    yield f"  why not “{safe(item.claim)}”? {safe(reason)}{':' if item.evidence else ''}"
    yield from _evidence(item.evidence)


_REASONS = {
    "contradicted": "the facts contradict each other",
    "holds, too": "it holds, too",
    "nothing shows it": "nothing shows it, missing is {missing}",
    "ruled out": "ruled out",
}


def _evidence(items: "Iterable[EvidenceDocument]") -> "Iterator[str]":
    from pipeline.display import safe
    from pipeline.report import excerpt

    for item in items:
        yield f"    {safe(item.kind)}, {safe(item.ref)}: {safe(excerpt(item.text))}"
        if item.url:
            yield f"      {safe(item.url)}"


def _listed(heading: str, items: "Iterable[str]") -> "Iterator[str]":
    from pipeline.display import safe

    for number, item in enumerate(items):
        if not number:
            yield f"\n{heading}:"
        yield f"- {safe(item)}"
