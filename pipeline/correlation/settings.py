"""The spans of correlation."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.audit import SECOND
from pipeline.lifecycle import DAY, LifecycleSettings


@dataclass(frozen=True, slots=True)
class CorrelationSettings:
    """Spans in nanoseconds.

    `episode_gap`: a longer silence of a symptom starts a new episode. `clock_skew`: how much later
    than its effect a cause may be logged. `together`: causes of one effect that lie no further
    apart explain it together. `trace_span`, `trace_limit`: how far apart what shares a trace may
    lie, and how many symptoms a trace may touch to be evidence. `group_wait`: how long an incident
    settles before its first report. `lifecycle`: when it escalates, is quiet, resolved, and so on.
    `allowed_lateness`: how far behind event time an entry may come in time.
    `latest`: the last time that is somebody's.
    """

    episode_gap: int = 7 * DAY
    clock_skew: int = 5 * SECOND
    together: int = 30 * SECOND
    trace_span: int = 600 * SECOND
    trace_limit: int = 8
    group_wait: int = 30 * SECOND
    lifecycle: LifecycleSettings = field(default_factory=LifecycleSettings)
    allowed_lateness: int = 600 * SECOND
    latest: int | None = None
