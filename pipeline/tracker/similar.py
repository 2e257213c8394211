"""Which issues of people's may be about what an incident is about: a suggestion, never a merge.

Compared are title, error lines and files (`pipeline.tracker.comparing`), by RapidFuzz. The score,
0 to 100 per cent, is the best of: an error line that the issue quotes; an error line and the files,
on average; the title and the files, likewise; the title alone, unless the issue quotes other lines.

An issue is adopted, so that it is gone on in instead of another being opened, only when it names
the incident or its fingerprint exactly, is the only one that does, is open, and is by somebody with
write access: who opened it could else close it, and with it silence what it is about. That a rule,
an exception or a table is the same makes an issue alike and no more: many failures share these.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING, Final

from pipeline.lifecycle import DAY
from pipeline.tracker.comparing import (
    error_lines,
    files,
    identifiers,
    quoted_lines,
    title_words,
)
from pipeline.tracker.model import folded
from pipeline.tracker.ownership import parts_of
from pipeline.tracker.routing import root_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pipeline.document import IncidentDocument
    from pipeline.tracker.marker import Signer
    from pipeline.tracker.model import Issue

MOST_LINES: Final = 8
"""Error lines of an incident that are compared, those of the root first."""

ALIKE: Final = 70.0
"""Least RapidFuzz score (0 to 100) of a part that is alike at all."""

_SAID: Final = "Possibly the same as #"
_MARKER: Final = "<!-- fivewhys:"
"""What every marker holds; a look for this is quicker than one by lines."""


@dataclass(frozen=True, slots=True)
class SimilarSettings:
    """How far issues are compared; spans in nanoseconds.

    Issues are linked from the score `link_from`, `most_links` of them. Closed ones count so long as
    they were closed within `closed_within`; of all the `most_issues` that changed last.
    `adopts` says whether an issue that names the incident is adopted, `adopt_from` from which score
    one that is only alike is (0: none). `compares` says whether any of this is done.
    """

    link_from: int = 85
    most_links: int = 3
    closed_within: int = 14 * DAY
    most_issues: int = 1_000
    adopts: bool = True
    adopt_from: int = 0
    compares: bool = True


@dataclass(frozen=True, slots=True)
class Subject:
    """What of an incident is compared: words of titles and lines, files, what identifies it."""

    titles: tuple[str, ...]
    lines: tuple[str, ...]
    files: frozenset[str]
    identifiers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """An issue that is like an incident; `score` in per cent.

    `parts` are those that are alike, the best first, each with its score. `identifier` is what the
    issue names exactly, "" if nothing.
    """

    issue: Issue
    score: int
    parts: tuple[tuple[str, int], ...] = ()
    identifier: str = ""

    @property
    def line(self) -> str:
        """What our issue says of it, as Markdown."""
        closed = "" if self.issue.is_open else ", which is closed"
        told = (name if score == self.score else f"{name} {score} %" for name, score in self.parts)
        why = f"it names {self.identifier}" if self.identifier else ", ".join(told)
        return f"{_SAID}{self.issue.number}{closed} ({self.score} %: {why})."


def subject(incident: IncidentDocument) -> Subject:
    """Return what of an incident is compared, as it was recorded."""
    root = root_of(incident)
    symptoms = (root, *(one for one in incident.symptoms if one is not root))
    texts = [one.samples[0].text for one in symptoms]
    lines = dict.fromkeys(line for text in texts for line in error_lines(text))
    titles = dict.fromkeys(map(title_words, (root.title, incident.title)))
    return Subject(
        tuple(title for title in titles if title),
        tuple(lines)[:MOST_LINES],
        frozenset().union(*map(files, texts[:MOST_LINES])),
        frozenset({incident.id, incident.fingerprint}),
    )


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What of an issue is compared; `quotes` says whether any line is quoted as code."""

    issue: Issue
    title: str
    quotes: bool
    files: frozenset[str]
    identifiers: frozenset[str]


class Library:
    """Issues of people's, read once and compared with many incidents.

    `ours` are the numbers of the issues in which our ledger says our reports stand; what bears our
    marker is left out, too (`marked`: people may have taken our label away, so that plans have to
    be given these as well), as are pull requests. `now` is when they were listed.
    """

    def __init__(
        self,
        issues: Iterable[Issue],
        ours: Collection[int],
        signer: Signer,
        now: int,
        settings: SimilarSettings,
    ) -> None:
        self._settings = settings
        fits = (one for one in issues if _counts(one, now, settings) and one.number not in ours)
        ordered = sorted(fits, key=lambda one: (-one.updated_at, one.number))
        self.marked: list[Issue] = []
        self._issues: list[_Prepared] = []
        self._lines: defaultdict[str, list[int]] = defaultdict(list)
        for issue in ordered[: settings.most_issues]:
            if _MARKER in issue.body and parts_of(issue.body, signer):
                self.marked.append(issue)
            else:
                self._add(issue)

    def _add(self, issue: Issue) -> None:
        lines, quotes = quoted_lines(issue.body)
        for line in lines:
            self._lines[line].append(len(self._issues))
        text = f"{issue.title}\n{issue.body}"
        told = (title_words(issue.title), quotes, files(text), identifiers(text))
        self._issues.append(_Prepared(issue, *told))

    def similar(self, subject: Subject) -> tuple[Likeness, ...]:
        """Return the issues that are like an incident, the best first, those that name it before.

        All that name it are among them, and those whose score is `link_from` or more.
        """
        lines = self._by_line(subject.lines)
        found = [
            _likeness(one, subject, lines.get(index, 0.0)) for index, one in enumerate(self._issues)
        ]
        told = [one for one in found if one.identifier or one.score >= self._settings.link_from]
        return tuple(sorted(told, key=_rank))

    def _by_line(self, lines: Sequence[str]) -> Mapping[int, float]:
        """Return the score of the best line by the issue that has it."""
        from rapidfuzz import fuzz, process  # noqa: PLC0415 - loads much; few runs come here

        best: defaultdict[int, float] = defaultdict(float)
        quoted = [*self._lines]
        for line in lines:
            found = process.extract(line, quoted, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=None)
            for text, score, _ in found:
                for index in self._lines[text]:
                    best[index] = max(best[index], score)
        return best


def links(
    found: Iterable[Likeness], settings: SimilarSettings, adopted: int = 0
) -> tuple[str, ...]:
    """Return the lines for `Wanted.likes`; the issue that is adopted needs none."""
    others = [one.line for one in found if one.issue.number != adopted]
    return tuple(others[: settings.most_links])


def lines_in(text: str) -> tuple[str, ...]:
    """Return such lines at the beginning of a report, after the one that it follows, if any."""
    paragraphs = dropwhile(lambda one: one.startswith("Follows #"), text.strip().split("\n\n"))
    return tuple(takewhile(lambda one: one.startswith(_SAID), paragraphs))


def candidates(found: Iterable[Likeness], settings: SimilarSettings) -> tuple[Likeness, ...]:
    """Return what could be adopted: whether its author has write access has to be asked."""
    fits = [one for one in found if _is_free(one.issue)]
    named = [one for one in fits if one.identifier and settings.adopts]
    alike = [one for one in fits if settings.adopt_from and one.score >= settings.adopt_from]
    return tuple(named or alike)


def adopted(found: Iterable[Likeness], writers: Iterable[str], settings: SimilarSettings) -> int:
    """Return the number of the issue to go on in, 0 if there is none, or several name it.

    `writers` are the logins that have write access.
    """
    may = folded(writers)
    fits = [one for one in candidates(found, settings) if one.issue.author.casefold() in may]
    is_clear = len(fits) == 1 or (len(fits) > 1 and not fits[0].identifier)
    return fits[0].issue.number if is_clear else 0


def _is_free(issue: Issue) -> bool:
    """Whether an issue can be gone on in: one with a marker is somebody's who reports like us."""
    return issue.is_open and not issue.locked and _MARKER not in issue.body


def _counts(issue: Issue, now: int, settings: SimilarSettings) -> bool:
    is_recent = issue.is_open or now - issue.closed_at <= settings.closed_within
    return is_recent and not issue.is_pull_request and issue.gone is None


def _likeness(prepared: _Prepared, subject: Subject, line: float) -> Likeness:
    named = sorted(prepared.identifiers & subject.identifiers)
    scores = {
        "error line": line,
        "title": _title(prepared, subject),
        "files": _files(prepared, subject),
    }
    best = max(sum(scores[name] for name in way) / len(way) for way in _ways(prepared, scores))
    parts = sorted(
        ((name, int(score)) for name, score in scores.items() if score >= ALIKE),
        key=lambda part: -part[1],
    )
    score = 100 if named else int(best)
    return Likeness(prepared.issue, score, tuple(parts), "".join(named[:1]))


def _ways(prepared: _Prepared, scores: Mapping[str, float]) -> Iterator[tuple[str, ...]]:
    """Yield the parts by which two can be the same, all of which have to be alike."""
    yield ("error line",)
    if not prepared.quotes:
        yield ("title",)
    for name in ("error line", "title"):
        if scores[name] >= ALIKE:
            yield (name, "files")


def _title(prepared: _Prepared, subject: Subject) -> float:
    from rapidfuzz import fuzz  # noqa: PLC0415 - as above

    told = (
        fuzz.token_sort_ratio(one, prepared.title, score_cutoff=ALIKE) for one in subject.titles
    )
    return max(told, default=0.0) if prepared.title else 0.0


def _files(prepared: _Prepared, subject: Subject) -> float:
    """Return how many of the files of an incident an issue names, in per cent."""
    shared = len(prepared.files & subject.files)
    return 100 * shared / len(subject.files) if shared else 0.0


def _rank(likeness: Likeness) -> tuple[bool, int, bool, int]:
    issue = likeness.issue
    return not likeness.identifier, -likeness.score, not issue.is_open, issue.number
