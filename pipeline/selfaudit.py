"""The self-audit of a run in the form of the public contract (`document/`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from pipeline.entry import format_timestamp

if TYPE_CHECKING:
    from pipeline.novelty import SelfAudit


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class UnmatchedDocument(_Model):
    """A pattern of entries that no rule matches; its example is redacted."""

    pattern: str
    count: int
    insert_id: str
    timestamp: str
    example: str


class AuditDocument(_Model):
    """How much of the trouble in the log no rule matches, fallback rules left out.

    Entries of severity WARNING or worse, and tracebacks without a severity; one that is spread over
    lines counts once.
    """

    warnings: int = Field(description="entries of severity WARNING or worse, each once")
    unmatched: int = Field(description="how many of these no rule matches")
    patterns: int = Field(description="how many patterns the unmatched have")
    complete: bool = Field(description="false: there are more patterns, some were not looked at")
    commonest: list[UnmatchedDocument] = Field(description="the ten most frequent of them")
    late: int = Field(
        description="entries that came too late for what they belong to; a replay waits for all"
    )
    dropped: int = Field(description="records that went no further: rejected, or outside")


def audit_document(found: SelfAudit, *, late: int, dropped: int) -> AuditDocument:
    """Return the self-audit of a run in the form of the public contract."""
    return AuditDocument(
        warnings=found.heard,
        unmatched=found.unmatched,
        patterns=found.patterns,
        complete=found.is_complete,
        commonest=[
            UnmatchedDocument(
                pattern=item.pattern,
                count=item.count,
                insert_id=item.example.insert_id,
                timestamp=format_timestamp(item.example.timestamp),
                example=item.example.text,
            )
            for item in found.commonest
        ],
        late=late,
        dropped=dropped,
    )
