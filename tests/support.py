"""Builders that tests share: an entry, a rule set, incidents, from as little as is said."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.correlation.links import order
from pipeline.detection import Detection, Detector, Sample
from pipeline.entry import format_timestamp, parse_entry, parse_timestamp
from pipeline.redaction import Redactor
from pipeline.rule import load_ruleset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.entry import LogEntry
    from pipeline.incident import Incident
    from pipeline.rule import RuleSet

BASE = parse_timestamp("2025-09-10T00:00:00Z")
SECOND = 1_000_000_000

FAILING_JOB = """\
title: A failing job
id: 0c8d52a4-7d0e-4f0b-9d0b-5f4f3b1d2a10
name: failing_job
status: stable
logsource: {product: gcp}
detection:
  failed:
    message|contains: job failed
  condition: failed
level: high
"""
"""A whole rule, as a file holds it."""


def entry(
    text: str = "", *, at: float = 0, service: str = "backend", key: str = "", **fields: Any
) -> LogEntry:
    """Make an entry logged `at` seconds after a fixed base; `fields` are LogEntry keys."""
    record: dict[str, Any] = {
        "insertId": key or f"id-{at}-{service}-{len(text)}",
        "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
        "timestamp": format_timestamp(BASE + round(at * SECOND)),
        "severity": "ERROR",
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"service_name": service, "revision_name": f"{service}-00001-abc"},
        },
        **fields,
    }
    if text:
        record["textPayload"] = text
    (made,) = parse_entry(record, place="test")
    return made


def rule_text(name: str, pattern: str = "", *, level: str = "high", audit: str = "") -> str:
    """Write a rule that searches the message for `pattern` (its own name when left out)."""
    block = f"audit: {audit}\n" if audit else ""
    return (
        f"title: About {name}\nname: {name}\nlogsource: {{product: gcp}}\n"
        f"detection:\n  seen:\n    message|re: '{pattern or name}'\n  condition: seen\n"
        f"level: {level}\n{block}"
    )


def ruleset(*texts: str) -> RuleSet:
    """Load rules, each given as the text of a file."""
    return load_ruleset((f"rule-{index}.yml", text) for index, text in enumerate(texts))


def detector(rules: RuleSet) -> Detector:
    """Make a detector that redacts as fivewhys does by default, and screens from the beginning."""
    return Detector(rules, Redactor(), unscreened=0)


def detect(rules: RuleSet, *entries: LogEntry) -> list[Detection]:
    """Return what the rules see in the entries."""
    found = detector(rules)
    return [item for one in entries for item in found.detect(one)]


def correlator(
    rules: RuleSet, entries: Iterable[LogEntry], settings: CorrelationSettings | None = None
) -> Correlator:
    """Correlate what the rules see in the entries."""
    made, found = Correlator(rules, settings), detector(rules)
    for one in entries:
        made.on_detections(one.key, one.richness, found.detect(one))
    return made


def incidents(rules: RuleSet, *entries: LogEntry) -> tuple[Incident, ...]:
    """Return the incidents that the entries make."""
    return correlator(rules, entries).incidents()


def temporal_text(name: str, *rules: str, group_by: str = "service", timespan: str = "5m") -> str:
    """Write a temporal correlation of rules."""
    return (
        f"title: About {name}\nname: {name}\ncorrelation:\n  type: temporal\n"
        f"  rules: [{', '.join(rules)}]\n  group-by: [{group_by}]\n  timespan: {timespan}\n"
    )


def detection(
    rule: str, *, at: float = 0, service: str = "backend", key: str = "", **fields: Any
) -> Detection:
    """Make what a rule saw `at` seconds after the base; rule, service and fields tell whom."""
    identity = ("log", BASE + round(at * SECOND), key or f"{rule}-{at}-{service}")
    told = {"service": service, **fields}
    return Detection(
        rule=rule,
        key=identity,
        richness=(1, 1, 1, ""),
        fingerprint=f"{rule} {' '.join(map(str, told.values()))}",
        explanation=(),
        entity=told,
        fields=told,
        service=service,
        revision=f"{service}-00001-abc",
        sample=Sample(identity[1], identity[0], identity[2], "ERROR", f"{rule} was seen"),
    )


def correlate(
    rules: RuleSet, *detections: Detection, settings: CorrelationSettings | None = None
) -> Correlator:
    """Correlate detections, each from an entry of its own unless they share a key."""
    made = Correlator(rules, settings)
    ordered = sorted(detections, key=order)
    for key, found in groupby(ordered, key=lambda item: item.key):
        told = list(found)
        made.on_detections(key, told[0].richness, told)
    return made
