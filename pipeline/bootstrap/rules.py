"""What one does with rules: look at them, run their tests, try them, begin new ones."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipeline.bootstrap.keeping import find_incident
from pipeline.bootstrap.reading import (
    TEST_SUFFIX,
    load_rules,
    read_redactor,
    read_text,
    rule_files,
)
from pipeline.bootstrap.shipped import data_folder
from pipeline.detection import Detector, Sample
from pipeline.doubts import doubts
from pipeline.drafting import draft
from pipeline.entry import LogEntry, Rejection, parse_timestamp
from pipeline.errors import ConfigurationError, Mistake
from pipeline.ruletest import TestResult, run_tests
from pipeline.sources.files import FileSource
from pipeline.templating import render_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.rule import RuleSet

NAME = re.compile(r"[a-z][a-z0-9_]{1,63}")
FIXTURE_NAME = 60
"""Characters of the message that name a captured fixture."""


def find_rule(name: str, folders: Sequence[str], placeholders: str = "") -> tuple[str, str]:
    """Return the file and the text of a rule.

    Raises:
        ConfigurationError: there is no rule of that name, or the rules are wrong.

    """
    ruleset = load_rules(folders, placeholders)
    places = {item.name: item.document.name for item in ruleset.correlations}
    places |= {item.name: item.place.rpartition(":")[0] for item in ruleset.rules.values()}
    if name not in places:
        message = f"there is no rule {name!r}; `fivewhys rules list` names them all"
        raise ConfigurationError([Mistake("", 0, message)])
    return places[name], dict(rule_files(folders))[places[name]]


def lint_rules(folders: Sequence[str], placeholders: str = "") -> tuple[RuleSet, Sequence[Mistake]]:
    """Load rules; return them, and what is right in them and can hardly be meant.

    Raises:
        ConfigurationError: every mistake in them.

    """
    ruleset = load_rules(folders, placeholders)
    return ruleset, doubts(ruleset, rule_files(folders))


def run_rule_tests(folders: Sequence[str], placeholders: str = "") -> list[TestResult]:
    """Run the tests beside the rules.

    Raises:
        ConfigurationError: every mistake in rules and tests.

    """
    ruleset = load_rules(folders, placeholders)
    detector = Detector(ruleset, read_redactor(), unscreened=0)  # as of a large file
    return run_tests(ruleset, detector, rule_files(folders, tests=True))


@dataclass(frozen=True, slots=True)
class Matched:
    """An entry and the names of the rules that match it, sorted."""

    insert_id: str
    rules: tuple[str, ...]


def match_rules(
    folders: Sequence[str], sources: Sequence[str], placeholders: str = ""
) -> Iterator[Matched | Rejection]:
    """Yield, for each record of the sources, which rules match it, or why it is no entry.

    Raises:
        ConfigurationError: every mistake in the rules.
        SourceError: a source that cannot be read.

    """
    detector = Detector(load_rules(folders, placeholders), read_redactor())
    for record in FileSource(sources).read():
        if isinstance(record, LogEntry):
            names = {found.rule for found in detector.detect(record)}
            yield Matched(detector.key_of(record)[2], tuple(sorted(names)))
        else:
            yield Rejection(record.place, detector.redact(record.reason))


def capture_fixture(sources: Sequence[str], insert_id: str) -> str:
    """Return a real entry as a redacted fixture for the tests beside a rule, as YAML.

    Of several copies the richest is taken.

    Raises:
        ConfigurationError: no entry has this insert id.
        SourceError: a source that cannot be read.

    """
    found = [
        record
        for record in FileSource(sources).read()
        if isinstance(record, LogEntry) and record.insert_id == insert_id
    ]
    if not found:
        message = f"no entry of {', '.join(sources)} has the insertId {insert_id!r}"
        raise ConfigurationError([Mistake("--insert-id", 0, message)])
    entry = max(found, key=lambda item: item.richness)
    redactor = read_redactor()
    name = " ".join(redactor.text(entry.message).split())[:FIXTURE_NAME] or "an entry"
    fixture = {"matches": [{"name": name, "entry": redactor.value(entry.document)}]}
    return yaml.safe_dump(fixture, sort_keys=False, allow_unicode=True, width=120)


def new_rule(name: str, folder: str) -> tuple[Path, Path]:
    """Begin a rule and its tests from templates; return the two files.

    Raises:
        ConfigurationError: the name is none for a rule, or a file is there already.

    """
    paths = _new_files(name, folder)
    values = {"name": name, "id": str(uuid.uuid4()), "date": f"{datetime.now(UTC):%Y-%m-%d}"}
    for path, template in zip(paths, ("rule.yml.j2", "rule.test.yml.j2"), strict=True):
        source = data_folder("templates") / "new" / template
        _write(path, render_text(read_text(source), values, str(source)) + "\n")
    return paths


def draft_rule(url: str, identifier: str, folder: str, name: str = "") -> tuple[Path, Path]:
    """Draft a rule and its test from an incident that no rule knows; return the two files.

    `url` and `identifier` name a store and an incident in it; without a `name` the draft has one.

    Raises:
        ConfigurationError: there is no such incident, rules know all of it, the name is none for a
            rule, or a file is there already.
        StoreError: the store cannot be opened.

    """
    incident = find_incident(url, identifier)
    unknown = next((item for item in incident.symptoms if item.unknown), None)
    if unknown is None:
        known = ", ".join(item.rule for item in incident.symptoms)
        message = f"{incident.id} holds no unknown pattern: these rules know it: {known}"
        raise ConfigurationError([Mistake("INCIDENT", 0, message)])
    shown = unknown.samples[0]
    time = parse_timestamp(shown.timestamp)
    sample = Sample(time, shown.log_name, shown.insert_id, shown.severity, shown.text)
    made = draft(sample, "".join(unknown.services[:1]), name)
    paths = _new_files(made.name, folder)
    for path, text in zip(paths, (made.rule, made.test), strict=True):
        _write(path, text)
    return paths


def _new_files(name: str, folder: str) -> tuple[Path, Path]:
    """Return where a rule and its test go.

    Raises:
        ConfigurationError: the name is none for a rule, or a file is there already.

    """
    if not NAME.fullmatch(name):
        message = f"{name!r} is no name for a rule; take lower-case letters, digits and _"
        raise ConfigurationError([Mistake("NAME", 0, message)])
    paths = Path(folder) / f"{name}.yml", Path(folder) / f"{name}{TEST_SUFFIX}"
    taken = [Mistake(str(path), 0, "is there already") for path in paths if path.exists()]
    if taken:
        raise ConfigurationError(taken)
    return paths


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise ConfigurationError([Mistake(str(path), 0, reason)]) from error
