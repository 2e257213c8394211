"""What the issue should say now: the issue's template, filled within GitHub's limit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline import markdown
from pipeline.report.citing import Citations, steps
from pipeline.report.parts import (
    NO_ROLLOUT,
    drafts,
    grouped_because,
    impacts,
    looked_at,
    state_lines,
    timeline,
    who_looks,
)
from pipeline.report.writing import FILTERS
from pipeline.rule import LEVELS
from pipeline.templating import render_markdown
from pipeline.verdicts import assignee_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.deployments import Rollout
    from pipeline.facts import Fact
    from pipeline.incident import Incident, Symptom
    from pipeline.report.parts import TimelineItem
    from pipeline.report.related import Related
    from pipeline.whys import Explanation

BODY_LIMIT = 65_536
"""GitHub's limit for the body of an issue, in characters."""

SIZES: tuple[tuple[int, int | None], ...] = ((12, None), (6, 40), (3, 15), (1, 5))
"""How much a body shows: raw lines of one symptom, items of one list (None: all of them).

The first that fits is taken.
"""

MOMENTS = 30
"""Lines of a timeline; of a longer one the middle is left out."""

_SHORTENED = (
    "\n*Shortened to GitHub's limit of 65,536 characters: a list shows at most {items} items, "
    "a symptom {lines} of its raw lines; `fivewhys replay --format json` shows the rest.*\n"
)
_CUT = "*This report is longer than GitHub allows, however shortened; its beginning, as text:*\n\n"


@dataclass(frozen=True, slots=True)
class Report:
    """What the issue of one incident should say now; `title` and `body` are Markdown."""

    incident_id: str
    title: str
    labels: tuple[str, ...]
    body: str

    @property
    def digest(self) -> str:
        """Changes when anything a reader would see changes."""
        said = "\n".join((self.title, *self.labels, self.body))
        return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the timeline as it is shown: an item, or how many are left out."""

    item: TimelineItem | None = None
    is_first: bool = False
    skipped: int = 0


def render(  # noqa: PLR0913 - all that a report tells of
    incident: Incident,
    explanation: Explanation,
    template: str,
    place: str,
    rollout: Rollout = NO_ROLLOUT,
    *,
    facts: Sequence[Fact] = (),
    related: Sequence[Related] = (),
) -> Report:
    """Render the report of an incident with an issue template (Jinja, Markdown).

    Raises:
        TemplateError: the template is wrong or raised; `place` is its file.

    """

    def values(items: int | None) -> dict[str, Any]:
        said = _shortened(explanation, items)
        beside = {"related": related[:items], "looked_at": looked_at(facts)[:items]}
        return {
            **_of_explanation(said, incident),
            **_of_incident(incident, items),
            "timeline": _rows(timeline(incident, rollout, facts), items),
            "deployments": [fact.text for fact in rollout.facts][:items],
            "state_lines": state_lines(incident, facts)[:items],
            "who_looks": who_looks(incident, facts)[:items],
            **beside,
        }

    return Report(
        incident_id=incident.id,
        title=markdown.title(f"[{incident.priority}] {incident.title}"),
        labels=("fivewhys", incident.priority, incident.root.signature),
        body=within_limit(template, place, values),
    )


def within_limit(
    template: str, place: str, values: Callable[[int | None], Mapping[str, Any]]
) -> str:
    """Render a body within GitHub's limit; Markdown is never cut, it is rendered with less.

    `values` are what the template sees, no list longer than it is told (None: all items).

    Raises:
        TemplateError: the template is wrong or raised; `place` is its file.

    """
    body = ""
    for lines, items in SIZES:
        body = render_markdown(template, {**values(items), "lines": lines}, place, FILTERS)
        if items is not None:
            body += _SHORTENED.format(items=items, lines=lines)
        if len(body) <= BODY_LIMIT:
            return body
    return _CUT + markdown.fence(body[: BODY_LIMIT // 4])  # which may double what it is given


def _of_incident(incident: Incident, items: int | None) -> dict[str, Any]:
    critical = [item for item in incident.symptoms if _is_critical(item)]
    warnings = [item for item in incident.symptoms if not _is_critical(item)]
    return {
        "incident": incident,
        "critical": critical[:items],
        "warnings": warnings[:items],
        "impacts": impacts(incident)[:items],
        "grouped_because": grouped_because(incident)[:items],
        "assignee": assignee_of(incident.verdicts),
        "drafts": drafts(incident)[:items],
    }


def _of_explanation(explanation: Explanation, incident: Incident) -> dict[str, Any]:
    told_by = (*incident.symptoms, *incident.context)
    citations = Citations(explanation, (one for item in told_by for one in item.samples))
    told = steps(explanation.whys)
    established = [step for step in told if step.is_established]
    return {
        "explanation": explanation,
        "say": citations.say,
        "cite": citations.cite,
        "place": citations.place,
        "steps": told,
        "established": established,
        "cause": established[-1] if established else None,
        "unsettled": [step for step in told if step.why.settle],
    }


def _shortened(explanation: Explanation, items: int | None) -> Explanation:
    return replace(
        explanation,
        whys=tuple(replace(why, evidence=why.evidence[:items]) for why in explanation.whys[:items]),
        next_steps=explanation.next_steps[:items],
        open_questions=explanation.open_questions[:items],
        false_alarms=tuple(
            replace(item, evidence=item.evidence[:items])
            for item in explanation.false_alarms[:items]
        ),
    )


def _rows(items: Sequence[TimelineItem], most: int | None) -> list[Row]:
    """Return the rows of a timeline; of a long one the middle is left out, and counted.

    The first symptom is the first failure.
    """
    limit = min(most or MOMENTS, MOMENTS)
    first = next(item for item in items if item.kind == "symptom")
    rows = [Row(item, is_first=item is first) for item in items]
    if len(rows) <= limit:
        return rows
    end = limit // 3
    skipped = Row(skipped=len(rows) - limit)
    return [*rows[: limit - end], skipped, *rows[len(rows) - end :]]


def _is_critical(symptom: Symptom) -> bool:
    return LEVELS.index(symptom.level) >= LEVELS.index("high")
