"""Detections of one fingerprint to a symptom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.incident import Symptom
from pipeline.templating import render_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.detection import Detection, Sample
    from pipeline.rule import Rule

FIRST_SAMPLES = 3
"""Samples kept from the beginning of a symptom; the very last one is kept as well."""

LINE_LIMIT = 300
"""Characters of a title or a state line: a capture may hold a whole log entry."""


def make_symptom(rule: Rule, detections: Sequence[Detection]) -> Symptom:
    """Sum up detections of one fingerprint, given in order of time.

    Raises:
        TemplateError: the rule's title or state template raised.

    """
    first = detections[0]
    audit = rule.audit
    values = {**dict.fromkeys(rule.groups, ""), **first.fields}
    return Symptom(
        rule=rule.name,
        signature=rule.signature,
        title=_line(render_text(audit.title, values, rule.place)) or rule.title,
        level=rule.level,
        fingerprint=first.fingerprint,
        explanation=first.explanation,
        entity=first.entity,
        fields=first.fields,
        count=len(detections),
        first_seen=first.timestamp,
        last_seen=detections[-1].timestamp,
        services=_distinct(item.service for item in detections),
        revisions=_distinct(item.revision for item in detections),
        samples=_samples(detections),
        impact=audit.impact,
        user_visible=audit.user_visible,
        whys=audit.whys,
        state_lines=tuple(
            (label, _line(render_text(text, values, rule.place)))
            for label, text in audit.state.items()
        ),
    )


def _line(text: str) -> str:
    """Return a text on one line that a reader can take in."""
    line = " ".join(text.split())
    return line if len(line) <= LINE_LIMIT else f"{line[: LINE_LIMIT - 1]}…"


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))


def _samples(detections: Sequence[Detection]) -> tuple[Sample, ...]:
    kept = [*detections[:FIRST_SAMPLES], detections[-1]]
    return tuple(sorted({item.sample for item in kept}))
