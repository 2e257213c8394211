"""Links of the line right above a traceback, in which a logger says what failed, to that traceback.

Who joined the lines (`joining`) told which these are: the detection of the line above names the
fingerprints of what was detected in the traceback.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

from pipeline.audit import ABOVE, SECOND
from pipeline.correlation.episodes import Found, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.correlation.episodes import Facet
    from pipeline.correlation.rows import Rows

WITHIN: Final = SECOND
"""Nanoseconds after the line within which something was detected in its traceback."""


def headers(rows: Rows) -> Iterator[Found]:
    """Link each line above a traceback, as the effect, to what was detected next in that."""
    for facet in rows.all_facets():
        for name in facet.fields.get(ABOVE) or ():
            facets = rows.by_fingerprint.get(name)
            if facets:
                yield from _links(rows, facet, rows.merged(facets))


def _links(rows: Rows, facet: Facet, causes: Sequence[int]) -> Iterator[Found]:
    times = [rows.times[row] for row in causes]
    for row, time in zip(facet.rows, facet.times, strict=True):
        first = bisect_left(times, time)
        if first == len(times) or times[first] - time > WITHIN:
            continue
        for cause in causes[first : bisect_right(times, times[first])]:
            seconds = (times[first] - time) / SECOND
            reason = (
                f"{facet.rule} is explained by {rows.facet(cause).rule}: logged {seconds:.3f} s"
            )
            yield Found(
                Seen(time, row, facet),
                rows.one(cause),
                "caused_by",
                f"{reason} before it in the same stream, right above its traceback",
            )
