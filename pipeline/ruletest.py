"""The tests beside rules: their form, and how they are run. No network, no clock, no files.

`<rule>.test.yml` holds entries that the rule matches, entries that it does not match, and
timelines: entries at times after a fixed base, with exactly the incidents they make.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.audit import SECOND, Span, parse_span
from pipeline.catalog import Catalog, load_catalog
from pipeline.correlation import Correlator
from pipeline.correlation.keys import identity_of
from pipeline.entry import format_timestamp, parse_entry, parse_timestamp
from pipeline.entry.beats import Beats, beat_in, merge_beats
from pipeline.entry.requests import request_in
from pipeline.errors import CatalogError, ConfigurationError, EntryError, RuleError
from pipeline.silence import deletions, silences, without
from pipeline.traffic import Traffic
from pipeline.validating import validation_mistakes
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.detection import Detection, Detector
    from pipeline.entry import LogEntry
    from pipeline.errors import Mistake
    from pipeline.incident import Incident
    from pipeline.rule import RuleSet
    from pipeline.yamltext import Document, Path

BASE = parse_timestamp("2025-01-01T00:00:00Z")
"""Event time at which every timeline begins."""

MOST = 10_000
"""How often a step of a timeline may be repeated."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Case(_Model):
    """One entry, and what the rule captures in it (not checked when left out)."""

    name: str
    entry: dict[str, Any]
    captures: dict[str, Any] | None = None


class TimelineStep(_Model):
    """One entry of a timeline, `at` after its beginning; or so many `times` alike, one `every`."""

    at: int
    entry: dict[str, Any]
    times: int = Field(1, ge=1, le=MOST)
    every: Span = SECOND

    @field_validator("at", mode="before")
    @classmethod
    def _after_base(cls, value: object) -> int:
        text = str(value)
        if not text.startswith("+"):
            message = f"{text!r} is no time after the beginning; write it like +90s"
            raise ValueError(message)
        after = 0 if re.fullmatch(r"\+0[smhd]", text) else parse_span(text[1:])
        format_timestamp(BASE + after)  # ValueError beyond the calendar
        return after


class ExpectedIncident(_Model):
    """One incident a timeline makes: rule names, `context` not checked when left out."""

    root: str
    symptoms: tuple[str, ...]
    context: tuple[str, ...] | None = None


class Timeline(_Model):
    """Entries in time, and exactly the incidents they make, in order of first_seen.

    `catalog` is what a catalog file says, for edges that ask it.
    """

    name: str
    catalog: dict[str, Any] = Field(default_factory=dict)
    steps: tuple[TimelineStep, ...]
    expect_incidents: tuple[ExpectedIncident, ...]
    expect_incident_at: TimelineStep | None = None

    @field_validator("expect_incident_at", mode="before")
    @classmethod
    def _as_step(cls, value: object) -> object:
        return value if value is None else {"at": value, "entry": {}}

    def topology(self, place: str) -> Catalog:
        """Read the catalog.

        Raises:
            CatalogError: every mistake in it.

        """
        if not self.catalog:
            return Catalog()
        return load_catalog(json.dumps(self.catalog), f"{place}, catalog of {self.name!r}")


T = TypeVar("T", Case, Timeline)


class RuleTests(_Model):
    """One `.test.yml` file."""

    matches: tuple[Case, ...] = ()
    ignores: tuple[Case, ...] = ()
    timelines: tuple[Timeline, ...] = ()


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test that was run; `difference` says expected and actual, "" when it passed."""

    __test__ = False

    place: str
    rule: str
    name: str
    difference: str = ""

    @property
    def passed(self) -> bool:
        """Whether expected and actual are equal."""
        return not self.difference


def run_tests(
    ruleset: RuleSet, detector: Detector, files: Iterable[tuple[str, str]]
) -> list[TestResult]:
    """Run test files, given as (name to show, text), against a rule set.

    Raises:
        RuleError: every mistake in the form of the test files, with file and line.

    """
    mistakes: list[Mistake] = []
    results: list[TestResult] = []
    for name, text in sorted(files):
        try:
            documents = parse(text, name)
        except ConfigurationError as error:
            mistakes += error.mistakes
            continue
        for document in documents:
            try:
                tests = RuleTests.model_validate(document.value)
            except ValidationError as error:
                mistakes += validation_mistakes(error, document, RuleTests)
                continue
            results += _Runner(ruleset, detector, document, mistakes).run(tests)
    if mistakes:
        raise RuleError(sorted(mistakes))
    return results


class _InMemory:
    """Rows of a timeline (`traffic.Rows`)."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def add(self, data: bytes) -> None:
        self._pieces.append(data)

    def read(self) -> Iterator[bytes]:
        yield b"".join(self._pieces)


def steps_of(timeline: Timeline) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the entries of a timeline, each after its nanoseconds since the beginning."""
    for step in timeline.steps:
        for index in range(step.times):
            yield step.at + index * step.every, step.entry


def correlated(
    ruleset: RuleSet,
    detector: Detector,
    steps: Iterable[tuple[int, Mapping[str, Any]]],
    topology: Catalog,
    place: str = "timeline",
) -> Correlator:
    """Return a correlator that was told entries at times after `BASE`.

    Raises:
        EntryError: one of them is none; `place` is shown.

    """
    traffic, beats = Traffic(_InMemory()), Beats()
    made = Correlator(ruleset, topology=topology, traffic=traffic)
    for index, (at, step) in enumerate(steps):
        stamp = format_timestamp(BASE + at)
        record = {"insertId": f"step-{index}", **step, "timestamp": stamp}
        for entry in parse_entry(record, place=place):
            made.on_detections(entry.key, entry.richness, detector.detect(entry))
            traffic.add(request_in(entry, entry.identity))
            merge_beats(beats, beat_in(entry))
    known = (item for item, _ in made.detections(map(identity_of, made.entries())))
    for silence in without(deletions(known), silences(beats, topology.quiet_after)):
        entry = silence.entry
        made.on_detections(entry.key, entry.richness, detector.detect(entry))
    return made


class _Runner:
    """The tests of one file."""

    def __init__(
        self, ruleset: RuleSet, detector: Detector, document: Document, mistakes: list[Mistake]
    ) -> None:
        self._ruleset = ruleset
        self._detector = detector
        self._document = document
        self._mistakes = mistakes
        stem = document.name.replace("\\", "/").rpartition("/")[2]
        self._rule = stem.removesuffix(".test.yml")

    def run(self, tests: RuleTests) -> Iterator[TestResult]:
        """Yield the result of each test; note what is wrong with the tests themselves."""
        names = {*self._ruleset.rules, *(item.name for item in self._ruleset.correlations)}
        if self._rule not in names:
            message = f"the file is named after {self._rule!r}, but no rule has this name"
            self._mistakes.append(self._document.mistake(message))
            return
        for index, case in enumerate(tests.matches):
            yield from self._result(("matches", index), case, self._match_difference)
        for index, case in enumerate(tests.ignores):
            yield from self._result(("ignores", index), case, self._ignore_difference)
        for index, timeline in enumerate(tests.timelines):
            yield from self._result(("timelines", index), timeline, self._timeline_difference)

    def _result(self, path: Path, test: T, difference: Callable[[T], str]) -> Iterator[TestResult]:
        try:
            found = difference(test)
        except EntryError as error:
            message = f"an entry of {test.name!r} is none: {error}"
            self._mistakes.append(self._document.mistake(message, path))
        except CatalogError as error:
            for one in error.mistakes:
                message = f"the catalog of {test.name!r}: {one.message}"
                self._mistakes.append(self._document.mistake(message, (*path, "catalog")))
        except ConfigurationError as error:  # a template of a rule that raised
            self._mistakes += error.mistakes
        else:
            yield TestResult(self._document.place(path), self._rule, test.name, found)

    def _match_difference(self, case: Case) -> str:
        detections = [item for item in self._detect(case.entry) if item.rule == self._rule]
        if not detections:
            return _difference(f"{self._rule} matches", self._seen(case.entry))
        groups = self._ruleset.rules[self._rule].groups
        fields = detections[0].fields
        captures = {name: fields[name] for name in groups if name in fields}
        if case.captures is None or case.captures == captures:
            return ""
        return _difference(f"captures {case.captures}", f"captures {captures}")

    def _ignore_difference(self, case: Case) -> str:
        rules = [item.rule for item in self._detect(case.entry)]
        seen = self._seen(case.entry)
        return _difference(f"{self._rule} does not match", seen) if self._rule in rules else ""

    def _seen(self, entry: Mapping[str, Any]) -> str:
        rules = sorted({item.rule for item in self._detect(entry)})
        messages = [item.message for item in self._entries(entry)]
        return f"matched by {', '.join(rules) or 'no rule'}; message {messages}"

    def _detect(self, entry: Mapping[str, Any]) -> list[Detection]:
        return [found for item in self._entries(entry) for found in self._detector.detect(item)]

    def _entries(self, entry: Mapping[str, Any]) -> list[LogEntry]:
        """Read an entry as if it had been logged; a plain mapping with a payload will do."""
        record = {"timestamp": format_timestamp(BASE), **entry}
        return parse_entry(record, place=self._document.name)

    def _timeline_difference(self, timeline: Timeline) -> str:
        place = self._document.name
        topology = timeline.topology(place)
        correlator = correlated(self._ruleset, self._detector, steps_of(timeline), topology, place)
        incidents = correlator.incidents()
        expected = [_expectation(item) for item in timeline.expect_incidents]
        actual = [
            _actual(item, wanted.context is not None)
            for item, wanted in _paired(incidents, timeline.expect_incidents)
        ]
        if expected != actual:
            return _difference(
                "; ".join(expected) or "no incident", "; ".join(actual) or "no incident"
            )
        return _due_difference(timeline, correlator)


def _paired(
    incidents: Sequence[Incident], expected: Sequence[ExpectedIncident]
) -> Iterator[tuple[Incident, ExpectedIncident]]:
    """Pair each incident with what is expected in its place, one too many with nothing special."""
    nothing = ExpectedIncident(root="", symptoms=())
    for index, incident in enumerate(incidents):
        yield incident, expected[index] if index < len(expected) else nothing


def _expectation(item: ExpectedIncident) -> str:
    return _incident_text(item.root, item.symptoms, item.context)


def _actual(incident: Incident, with_context: bool) -> str:  # noqa: FBT001 - told by what is expected
    symptoms = {item.rule for item in incident.symptoms}
    context = {item.rule for item in incident.context} if with_context else None
    return _incident_text(incident.root.rule, symptoms, context)


def _incident_text(root: str, symptoms: Iterable[str], context: Iterable[str] | None) -> str:
    text = f"root {root}, symptoms {', '.join(sorted(symptoms))}"
    return text if context is None else f"{text}, context {', '.join(sorted(context)) or 'none'}"


def _due_difference(timeline: Timeline, correlator: Correlator) -> str:
    if timeline.expect_incident_at is None:
        return ""
    expected, due = BASE + timeline.expect_incident_at.at, correlator.notify_at()
    if due == expected:
        return ""
    actual = "never" if due is None else f"at +{(due - BASE) // SECOND}s"
    return _difference(f"first report at +{(expected - BASE) // SECOND}s", f"first report {actual}")


def _difference(expected: str, actual: str) -> str:
    return f"- expected: {expected}\n+ actual:   {actual}"
