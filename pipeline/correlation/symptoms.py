"""Detections of one fingerprint to a symptom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.correlation.standing import count_of
from pipeline.incident import Place, Symptom
from pipeline.templating import render_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.correlation.episodes import Facet
    from pipeline.correlation.rows import Rows
    from pipeline.rule import Correlation, Rule

FIRST_SAMPLES = 3
"""Samples kept from the beginning of a symptom; the very last one is kept as well."""

LINE_LIMIT = 300
"""Characters of a title or a state line: a capture may hold a whole log entry."""


def make_symptom(rule: Rule | Correlation, rows: Rows, members: Sequence[int]) -> Symptom:
    """Sum up detections of one fingerprint, given as rows in order of time.

    Raises:
        TemplateError: the rule's title or state template raised.

    """
    kept = rows.first(members, FIRST_SAMPLES)
    first = kept[0]
    ends = rows.last_by_facet(members)
    begins = rows.last_by_facet(members[::-1]) if len(ends) > 1 else dict.fromkeys(ends, members[0])
    audit = rule.audit
    values = {**dict.fromkeys(rule.groups, ""), **first.fields}
    return Symptom(
        rule=rule.name,
        signature=rule.signature,
        title=_title(rule, values),
        level=rule.level,
        fingerprint=first.fingerprint,
        explanation=first.explanation,
        entity=first.entity,
        fields=values,
        count=count_of(rows, members),
        first_seen=first.timestamp,
        last_seen=rows.times[members[-1]],
        services=_distinct(item.service for item in ends),
        revisions=_distinct(item.revision for item in ends),
        samples=tuple(sorted({item.sample for item in (*kept, rows.last(members))})),
        impact=_line(render_text(audit.impact, values, rule.place)),
        user_visible=audit.user_visible,
        whys=audit.whys,
        state_lines=tuple(
            (label, _line(render_text(text, values, rule.place)))
            for label, text in audit.state.items()
        ),
        unknown=audit.fallback,
        owner=audit.owner,
        places=_places(begins, ends, rows.times),
    )


def _title(rule: Rule | Correlation, values: Mapping[str, Any]) -> str:
    """Return what the rule's template makes of the fields; without one, the rule's own title."""
    made = render_text(rule.audit.title, values, rule.place) if rule.audit.title else ""
    return _line(made) or rule.title


def _line(text: str) -> str:
    """Return a text on one line that a reader can take in."""
    line = " ".join(text.split())
    return line if len(line) <= LINE_LIMIT else f"{line[: LINE_LIMIT - 1]}…"


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))


def _places(
    first: Mapping[Facet, int], last: Mapping[Facet, int], times: Sequence[int]
) -> tuple[Place, ...]:
    """Return where a symptom was seen from the first and last row of each facet."""
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    for facet, row in last.items():
        where, begin, end = (facet.service, facet.revision), times[first[facet]], times[row]
        known = spans.get(where, (begin, end))
        spans[where] = (min(known[0], begin), max(known[1], end))
    return tuple(sorted(Place(*span, *where) for where, span in spans.items()))
