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
        title=render_text(audit.title, values, rule.place) if audit.title else rule.title,
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
            (label, render_text(text, values, rule.place)) for label, text in audit.state.items()
        ),
    )


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))


def _samples(detections: Sequence[Detection]) -> tuple[Sample, ...]:
    kept = [*detections[:FIRST_SAMPLES], detections[-1]]
    return tuple(sorted({item.sample for item in kept}))
