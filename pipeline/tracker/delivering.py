"""What is kept of an incident's issue between runs: what the ledger knows, and what still waits.

A delivery waits from the moment at which something is to be done in the tracker until all of it was
done; a report that never got out is never lost, and says since when and why.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.tracker.model import Known, News, Ours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.tracker.model import Wanted


@dataclass(frozen=True, slots=True)
class Delivery:
    """An incident's issue in one tracker, as far as we know; times in nanoseconds UTC, 0: never.

    `since` is when something began to wait, 0 if nothing does; `attempts` how often it was tried
    without success, `reason` why it did not get out, `not_before` when to try again. `news` and
    `answers` are the comments that wait: later reports do not tell them again. `told` is the digest
    of what was last brought there wholly, "" if nothing was; `seen` of all that was looked at when
    nothing was left to do (`looking.sight`), "" if something was.
    """

    known: Known = field(default_factory=Known)
    since: int = 0
    attempts: int = 0
    reason: str = ""
    not_before: int = 0
    news: tuple[News, ...] = ()
    told: str = ""
    answers: tuple[News, ...] = ()
    seen: str = ""

    @property
    def waits(self) -> bool:
        """Whether something is to be done that was not done yet."""
        return self.since > 0

    def waiting(self, now: int, reason: str = "", not_before: int = 0) -> Delivery:
        """Return it waiting since `now`, or since before; with a `reason` it was tried in vain."""
        return replace(
            self,
            since=self.since or now,
            attempts=self.attempts + bool(reason),
            reason=reason or self.reason,
            not_before=not_before,
            seen="",
        )

    def postponed(self, now: int, reason: str, until: int) -> Delivery:
        """Return it waiting for its time to come, be it that it was never tried."""
        since = self.since or now
        return replace(self, since=since, reason=reason, not_before=until, seen="")

    def done(self, told: str = "", seen: str = "") -> Delivery:
        """Return it with nothing that waits, since what `told` is the digest of stands there."""
        return Delivery(self.known, told=told, seen=seen)

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON, sets in order."""
        return asdict(self) | {"known": _known_document(self.known)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Delivery:
        """Return the delivery that a document shows.

        Raises:
            KeyError, TypeError: it shows none.

        """
        comments = {
            name: tuple(News(**item) for item in document.get(name, ()))
            for name in ("news", "answers")
        }
        return cls(**{**document, "known": _known(document["known"]), **comments})


def digest(wanted: Wanted) -> str:
    """Return what changes when an incident wants something else, comments and notes left out."""
    return hashed(repr(replace(wanted, news=(), answers=(), notes=())))


def hashed(text: str) -> str:
    """Return what tells a text from others."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _known_document(known: Known) -> dict[str, Any]:
    ours, trying = known.ours, known.trying
    return asdict(known) | {
        "said": sorted(known.said),
        "ours": _ours_document(ours),
        "trying": None if trying is None else _ours_document(trying),
    }


def _ours_document(ours: Ours) -> dict[str, Any]:
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(ours).items()
    }


def _known(document: Mapping[str, Any]) -> Known:
    trying = document["trying"]
    return Known(
        **{
            **document,
            "said": frozenset(document["said"]),
            "likes": tuple(document.get("likes", ())),
            "ours": _ours(document["ours"]),
            "trying": None if trying is None else _ours(trying),
        }
    )


def _ours(document: Mapping[str, Any]) -> Ours:
    values: dict[str, Any] = {
        name: frozenset(value) if isinstance(value, list) else value
        for name, value in document.items()
    }
    return Ours(**values)
