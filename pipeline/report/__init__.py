"""What the issue should say now, and what to do to the tracker about it.

`render` fills the issue template with an incident and its explanation; `decide` compares the
incident with the ledger and names the reason for whatever it decides.
"""

from pipeline.report.deciding import Action, Decision, LedgerEntry, Policy, decide
from pipeline.report.parts import (
    NO_ROLLOUT,
    Contact,
    Impact,
    StateLine,
    TimelineItem,
    drafts,
    grouped_because,
    impacts,
    looked_at,
    owners,
    raw_lines,
    state_lines,
    timeline,
    who_looks,
)
from pipeline.report.related import SAME_BEFORE, Neighbour, Neighbourhood, Related, neighbour
from pipeline.report.rendering import BODY_LIMIT, Report, render, within_limit
from pipeline.report.writing import FILTERS, excerpt

__all__ = [
    "BODY_LIMIT",
    "FILTERS",
    "NO_ROLLOUT",
    "SAME_BEFORE",
    "Action",
    "Contact",
    "Decision",
    "Impact",
    "LedgerEntry",
    "Neighbour",
    "Neighbourhood",
    "Policy",
    "Related",
    "Report",
    "StateLine",
    "TimelineItem",
    "decide",
    "drafts",
    "excerpt",
    "grouped_because",
    "impacts",
    "looked_at",
    "neighbour",
    "owners",
    "raw_lines",
    "render",
    "state_lines",
    "timeline",
    "who_looks",
    "within_limit",
]
