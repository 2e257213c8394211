"""What a comment on an issue says: what changed, what is resolved, what remains.

The document of an incident is held against what its last report said, which the document before it
carries. Where nothing is news there is nothing to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline import markdown
from pipeline.document import ReportedDocument, ReportedSymptomDocument
from pipeline.incident import State
from pipeline.report import within_limit
from pipeline.whys import Status

if TYPE_CHECKING:
    from pipeline.document import DeploymentDocument, IncidentDocument, SymptomDocument
    from pipeline.whys.document import WhyDocument

OVER = (State.QUIET, State.RESOLVED)
"""States in which nothing is seen any more."""


@dataclass(frozen=True, slots=True)
class Grown:
    """A symptom that was seen again, and how many times more."""

    symptom: SymptomDocument
    more: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed about an incident since its last report.

    `cause` is "", found, changed or doubted, and found also where facts had not reached as far;
    `settled` are whys that were unknown, with their numbers; `silent` symptoms that were not seen
    again although the incident went on or is over.
    """

    state: bool
    cause: str
    new: tuple[SymptomDocument, ...]
    grown: tuple[Grown, ...]
    silent: tuple[SymptomDocument, ...]
    settled: tuple[tuple[int, WhyDocument], ...]
    deployments: tuple[DeploymentDocument, ...]

    @property
    def are_news(self) -> bool:
        """Whether there is anything to tell; silence alone shows in what went on, or the state."""
        told = (self.new, self.grown, self.settled, self.deployments)
        return self.state or bool(self.cause) or any(told)

    @property
    def news(self) -> list[str]:
        """What is worth a comment, in a word each; that it went on shows in the report."""
        told = {"state": self.state, "cause": bool(self.cause), "symptoms": bool(self.new)}
        return [name for name, holds in told.items() if holds]


def reported(document: IncidentDocument) -> ReportedDocument:
    """Return what a report that is sent now says, as far as updates need it."""
    return ReportedDocument(
        last_seen=document.last_seen,
        state=document.state,
        root_cause=document.root_cause,
        established=_is_established(document),
        symptoms=[
            ReportedSymptomDocument(
                fingerprint=item.fingerprint, count=item.count, last_seen=item.last_seen
            )
            for item in document.symptoms
        ],
        unsettled=[why.question for why in document.five_whys if why.status == Status.UNKNOWN],
        deployments=[_name(item) for item in document.deployments],
    )


def changes(before: ReportedDocument, after: IncidentDocument) -> Changes:
    """Say what changed since a report."""
    counts = {item.fingerprint: item.count for item in before.symptoms}
    known = [item for item in after.symptoms if item.fingerprint in counts]
    grown = [Grown(item, item.count - counts[item.fingerprint]) for item in known]
    went_on = after.last_seen != before.last_seen or after.state in OVER
    return Changes(
        state=after.state != before.state,
        cause=_cause(before, after),
        new=tuple(item for item in after.symptoms if item.fingerprint not in counts),
        grown=tuple(item for item in grown if item.more > 0),
        silent=tuple(item.symptom for item in grown if item.more <= 0 and went_on),
        settled=tuple(
            (number, why)
            for number, why in enumerate(after.five_whys, start=1)
            if why.question in before.unsettled and why.status != Status.UNKNOWN
        ),
        deployments=tuple(
            item for item in after.deployments if _name(item) not in before.deployments
        ),
    )


def update(
    before: IncidentDocument, after: IncidentDocument, template: str, place: str
) -> str | None:
    """Render what a comment should say (Jinja, Markdown); None where nothing is news.

    `before` is the incident as it was recorded last: it carries what its last report said.

    Raises:
        TemplateError: the template is wrong or raised; `place` is its file.

    """
    then = before.report.reported or reported(before)
    found = changes(then, after)
    if not found.are_news:
        return None
    evidence = [item for why in after.five_whys for item in why.evidence]
    say = partial(markdown.prose, places={item.ref: item.url for item in evidence})
    values = {"before": then, "incident": after, "over": after.state in OVER, "say": say}
    return within_limit(template, place, lambda items: {**values, **_shown(found, after, items)})


def with_update(
    document: IncidentDocument, before: IncidentDocument | None, text: str, *, sent: bool
) -> IncidentDocument:
    """Return a document that tells the update, and carries what its last report said.

    `sent` says whether a report of it is sent now, `before` is None where none was recorded.
    """
    last = before.report.reported if before else None
    found = changes(before.report.reported or reported(before), document) if before else None
    news = found.news if found and text else []
    # It is kept until the next one: whoever writes comments may not look before that.
    comment = text if news else ""
    said = {
        "update": text,
        "news": news,
        "reported": reported(document).model_copy(update={"update": comment}) if sent else last,
    }
    report = document.report.model_copy(update=said)
    return document.model_copy(update={"report": report})


def _shown(found: Changes, after: IncidentDocument, items: int | None) -> dict[str, Any]:
    return {
        "changes": found,
        "new": found.new[:items],
        "grown": found.grown[:items],
        "silent": found.silent[:items],
        "settled": found.settled[:items],
        "deployments": found.deployments[:items],
        "next_steps": after.next_steps[:items],
        "open_questions": after.open_questions[:items],
    }


def _cause(before: ReportedDocument, after: IncidentDocument) -> str:
    established = _is_established(after)
    if before.established and not established:
        return "doubted"
    if not established or before.root_cause == after.root_cause:
        return ""
    reached = before.established and not before.unsettled
    return "changed" if reached else "found"


def _is_established(document: IncidentDocument) -> bool:
    return any(why.status == Status.ESTABLISHED for why in document.five_whys)


def _name(deployment: DeploymentDocument) -> str:
    return f"{deployment.service} {deployment.revision}"
