"""Incident + facts + a whys template to a chain of whys that stops where the evidence stops.

The chain starts at the symptom a user notices and walks the causal edges to the root; each of these
steps was observed in entries. Past the root it goes on with the questions of a whys template, whose
answers are guarded by facts: the first answer whose guard holds is taken and cites its facts. When
none holds, or facts contradict each other, the why is `unknown`, says what would settle it, and the
chain ends. The answers that were not taken are kept, each with the reason.
"""

from pipeline.whys.answering import TEXT_LIMIT, explain
from pipeline.whys.chain import Considered, Evidence, Explanation, FalseAlarm, Standing, Status, Why
from pipeline.whys.templates import WhysTemplate, WhysTemplates, load_whys

__all__ = [
    "TEXT_LIMIT",
    "Considered",
    "Evidence",
    "Explanation",
    "FalseAlarm",
    "Standing",
    "Status",
    "Why",
    "WhysTemplate",
    "WhysTemplates",
    "explain",
    "load_whys",
]
