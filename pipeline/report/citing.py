"""How a report proves what it says: each place is cited, with its address where that is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipeline import markdown
from pipeline.entry import format_timestamp
from pipeline.facts import sample_ref
from pipeline.report.writing import EXCERPT, excerpt
from pipeline.whys import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.detection import Sample
    from pipeline.markdown import Safe
    from pipeline.whys import Evidence, Explanation, Why

LIKELY = "suggestion"
_OF_ENTRIES = ("entry", "link", LIKELY)
FACT_EXCERPT = 2 * EXCERPT
"""Characters of a fact's sentence; the raw text of an entry is cut earlier."""

_EXPLORER = "https://console.cloud.google.com/logs/query"
_LOG_NAME = re.compile(r"projects/([a-z0-9.:-]{1,100})/logs/")
_INSERT_ID = re.compile(r"[A-Za-z0-9_.~-]{1,200}")

REFERENCES = 4
"""Places that stand behind one line of the summary."""


@dataclass(frozen=True, slots=True)
class Step:
    """A why with its number, the evidence told there first, and what stands further up already.

    `again` has with each piece the number of the why that tells it.
    """

    number: int
    why: Why
    fresh: tuple[Evidence, ...]
    again: tuple[tuple[Evidence, int], ...]

    @property
    def headline(self) -> str:
        """The answer in short."""
        return self.why.claim or self.why.answer

    @property
    def references(self) -> tuple[Evidence, ...]:
        """What it rests on, each place once: facts, or entries where there are no other facts."""
        facts = [item for item in self.why.evidence if item.kind not in _OF_ENTRIES]
        told = [item for item in facts if not item.kind.startswith("seen_")] or facts
        places: dict[str, Evidence] = {}
        for item in sorted(told, key=lambda item: not _is_exact(item)):
            places.setdefault(item.ref, item)
        return tuple(places.values())[:REFERENCES]

    @property
    def is_established(self) -> bool:
        """Whether facts establish the answer."""
        return self.why.status is Status.ESTABLISHED


def _is_exact(item: Evidence) -> bool:
    """Say whether it is a line or has an address: of what is searched for the rest is a folder."""
    return bool(item.url) or item.ref.rpartition(":")[2].isdecimal()


def _without(ref: str, text: str) -> str:
    """Return what follows in a sentence that begins with its place, with or without the line."""
    for place in (ref, ref.rpartition(":")[0]):
        if place and text.startswith(f"{place} "):
            return text[len(place) + 1 :]
    return ""


def steps(whys: Iterable[Why]) -> tuple[Step, ...]:
    """Return whys with their numbers, each piece of evidence told once."""
    return tuple(_steps(whys))


def _steps(whys: Iterable[Why]) -> Iterator[Step]:
    told: dict[Evidence, int] = {}
    for number, why in enumerate(whys, start=1):
        again = tuple((item, told[item]) for item in why.evidence if item in told)
        fresh = tuple(item for item in why.evidence if item not in told)
        told |= dict.fromkeys(fresh, number)
        yield Step(number, why, fresh, again)


def entry_address(sample: Sample) -> str:
    """Return the address at which the Logs Explorer shows an entry; "" without its project.

    The form is that of the addresses the Logs Explorer itself gives: a query and the time it is
    to be open at; the time within the query makes it look there and not in the last hour.
    """
    log = _LOG_NAME.match(sample.log_name)
    if log is None or not _INSERT_ID.fullmatch(sample.insert_id):
        return ""
    time = format_timestamp(sample.timestamp)
    query = f'insertId="{sample.insert_id}"\ntimestamp="{time}"'
    return f"{_EXPLORER};query={quote(query, safe='')};cursorTimestamp={time}?project={log[1]}"


class Citations:
    """Writes text and evidence of one explanation: what it knows the address of, leads there."""

    def __init__(self, explanation: Explanation, samples: Iterable[Sample] = ()) -> None:
        parts: Sequence[Iterable[Evidence]] = [
            *(why.evidence for why in explanation.whys),
            *(item.evidence for item in explanation.false_alarms),
        ]
        self._places: Mapping[str, str] = {item.ref: item.url for part in parts for item in part}
        self._entries = {sample_ref(one): entry_address(one) for one in samples}

    def say(self, text: str) -> Safe:
        """Return a sentence; places that are evidence somewhere are links, or code to copy."""
        return markdown.prose(text, self._places)

    def place(self, ref: str, url: str = "") -> Safe:
        """Return a place that leads to its address, or to where the Logs Explorer shows it."""
        return markdown.link(ref, url or self._entries.get(ref, ""))

    def cite(self, item: Evidence) -> Safe:
        """Return a piece of evidence: its place, and what it says there."""
        most = EXCERPT if item.kind == "entry" else FACT_EXCERPT
        text = excerpt(item.text, most)
        place = self.place(item.ref, item.url)
        said = self.say(text)
        if place not in said:  # a sentence may name its place itself
            rest = _without(item.ref, text)
            said = markdown.Safe(f"{place} {self.say(rest)}" if rest else f"{place}: {said}")
        return markdown.Safe(f"likely, not established: {said}" if item.kind == LIKELY else said)
