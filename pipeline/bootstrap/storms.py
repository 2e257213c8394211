"""The storms of a repository, with those of their incidents that are put away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipeline.tracker.storming import put_away, with_storms
from pipeline.tracker.wanting import all_wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.bootstrap.reporting import Tracker
    from pipeline.document import IncidentDocument
    from pipeline.ports import Store
    from pipeline.tracker.model import Known, Wanted


def stormy(
    wanted: Sequence[Wanted],
    documents: Mapping[str, IncidentDocument],
    known: Mapping[str, Known],
    tracker: Tracker,
    store: Store,
) -> tuple[Wanted, ...]:
    """Return what incidents of a repository want, after what the storms want that they are of.

    Of what is put away that counts which has its issue there, too.
    """
    storms, routing = tracker.storms, tracker.routing
    found = put_away(wanted, documents, known, storms, store.put_away)
    kept = store.deliveries(tracker.name, found.keys()) if found else {}
    told = {name: one for name, one in found.items() if name in kept and kept[name].known.number}
    gone = {name: document for name, (document, _) in told.items()}
    ledger = {name: decided for name, (_, decided) in told.items()}
    away = all_wanted(gone.values(), ledger, time.time_ns(), routing)
    return with_storms(wanted, {**gone, **documents}, known, routing, storms, away=away)
