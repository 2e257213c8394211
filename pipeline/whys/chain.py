"""What an explanation is made of: whys, their evidence, and the answers that were not taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How far a why is proven: in log entries, by facts, or not at all."""

    OBSERVED = "observed"
    ESTABLISHED = "established"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer rests on; `kind` is entry, link, a fact's kind, or suggestion.

    `url` is where the place can be looked at, "" if nobody knows.
    """

    kind: str
    ref: str
    text: str
    url: str = ""


class Standing(StrEnum):
    """Why an answer was not taken."""

    RULED_OUT = "ruled out"
    NOT_SHOWN = "nothing shows it"
    CONTRADICTED = "contradicted"
    HOLDS_TOO = "holds, too"


@dataclass(frozen=True, slots=True)
class Considered:
    """An answer that was not taken; `claim` is what it would have meant, in plain text.

    `evidence` is what speaks against a claim that is ruled out, what speaks for and against a
    contradicted one, what speaks for one that holds beside the answer, and what only suggests one
    that nothing shows. `missing` are the facts, by kind, that would be needed.
    """

    claim: str
    standing: Standing
    evidence: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """One step, in plain text; `settle` says what would answer an unknown one.

    An unknown why has evidence only where facts contradict each other: it shows both. `claim` is
    the answer in short, "" where no template gave it.
    """

    question: str
    answer: str
    status: Status
    evidence: tuple[Evidence, ...] = ()
    settle: str = ""
    considered: tuple[Considered, ...] = ()
    claim: str = ""


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """What looks like a failure and is none, in plain text, and what that rests on."""

    text: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The chain, what it ends at, what to do next and what stays open; all plain text."""

    whys: tuple[Why, ...]
    root_cause: str
    next_steps: tuple[str, ...]
    open_questions: tuple[str, ...]
    false_alarms: tuple[FalseAlarm, ...] = ()
