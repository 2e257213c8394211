"""An explanation in the form of the public contract (`pipeline/document/`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.whys.chain import Considered, Evidence, FalseAlarm, Why


class _Model(BaseModel):
    # Built when first used: a run needs few of them, and those within another are built with it.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class EvidenceDocument(_Model):
    """What an answer rests on."""

    kind: str = Field(description="entry, link, suggestion, or the kind of a fact")
    ref: str = Field(description="insertId, file:line, rule or URL")
    text: str
    url: str = Field("", description="where the place can be looked at; empty if not known")


class ConsideredDocument(_Model):
    """An answer that was not taken, and why."""

    claim: str
    standing: str = Field(
        description="ruled out, nothing shows it, contradicted, or holds, too (beside the answer)"
    )
    evidence: list[EvidenceDocument] = Field(
        default_factory=list,
        description="what rules it out, what contradicts itself, what shows it or only suggests it",
    )
    missing: list[str] = Field(
        default_factory=list, description="the kinds of fact that would be needed to show it"
    )


class WhyDocument(_Model):
    """One step of the five whys."""

    question: str
    answer: str
    status: str = Field(description="observed, established or unknown")
    settle: str = Field(description="what would settle an unknown why; empty for the others")
    evidence: list[EvidenceDocument]
    considered: list[ConsideredDocument] = Field(
        default_factory=list, description="the answers that were not taken"
    )
    claim: str = Field("", description="the answer in short; empty if no template gave it")


class FalseAlarmDocument(_Model):
    """What looks like a failure and is none."""

    text: str
    evidence: list[EvidenceDocument]


def why_document(why: Why) -> WhyDocument:
    """Return one step in the form of the public contract."""
    return WhyDocument(
        question=why.question,
        answer=why.answer,
        status=why.status,
        settle=why.settle,
        evidence=_evidence(why.evidence),
        considered=[_considered(item) for item in why.considered],
        claim=why.claim,
    )


def false_alarm_document(item: FalseAlarm) -> FalseAlarmDocument:
    """Return a false alarm in the form of the public contract."""
    return FalseAlarmDocument(text=item.text, evidence=_evidence(item.evidence))


def _considered(item: Considered) -> ConsideredDocument:
    return ConsideredDocument(
        claim=item.claim,
        standing=item.standing,
        evidence=_evidence(item.evidence),
        missing=list(item.missing),
    )


def _evidence(items: Iterable[Evidence]) -> list[EvidenceDocument]:
    return [
        EvidenceDocument(kind=item.kind, ref=item.ref, text=item.text, url=item.url)
        for item in items
    ]
