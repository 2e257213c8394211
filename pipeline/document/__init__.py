"""The JSON document of a run: a public contract, as pydantic models with their JSON Schema.

Every time is RFC 3339 in UTC. Keys are only ever added.
"""

from pipeline.document.building import incident_document, noise_document, suppression_document
from pipeline.document.models import (
    DeploymentDocument,
    EntriesDocument,
    ImpactDocument,
    IncidentDocument,
    NoiseDocument,
    RejectionDocument,
    RelatedDocument,
    ReportDocument,
    ReportedDocument,
    ReportedSymptomDocument,
    RunDocument,
    SampleDocument,
    StateDocument,
    SuppressedDocument,
    SuppressionDocument,
    SymptomDocument,
    TimelineDocument,
    VerdictDocument,
)

__all__ = [
    "DeploymentDocument",
    "EntriesDocument",
    "ImpactDocument",
    "IncidentDocument",
    "NoiseDocument",
    "RejectionDocument",
    "RelatedDocument",
    "ReportDocument",
    "ReportedDocument",
    "ReportedSymptomDocument",
    "RunDocument",
    "SampleDocument",
    "StateDocument",
    "SuppressedDocument",
    "SuppressionDocument",
    "SymptomDocument",
    "TimelineDocument",
    "VerdictDocument",
    "incident_document",
    "noise_document",
    "suppression_document",
]
