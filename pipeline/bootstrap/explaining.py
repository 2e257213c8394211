"""Explaining one incident of a store anew, with the code and the catalog that are there now."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.bootstrap.keeping import find_incident
from pipeline.bootstrap.replaying import replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.bootstrap.replaying import ReplayOptions
    from pipeline.document import IncidentDocument


@dataclass(frozen=True, slots=True)
class Explained:
    """An incident with its chain; `stored` is the one that the last replay came to."""

    incident: IncidentDocument
    stored: bool


@contextmanager
def explaining(options: ReplayOptions, identifier: str) -> Iterator[Callable[[], Explained]]:
    """Make ready to explain an incident, named by its id or the beginning of it.

    What is yielded replays nothing over the store, which brings back its incidents, looks into the
    one that is asked for, and writes nothing. Of one that the store's detections do not make any
    more, because it is over or the rules are others, only the chain is left that was stored.

    Raises:
        ConfigurationError: the store has no incident of that id, or an option is wrong.
        StoreError: the store cannot be opened, or several ids begin like this.

    """
    stored = find_incident(options.store, identifier)
    looking = replace(options, sources=[], dry_run=True, only=stored.id)
    with replay(looking) as (run, source):

        def explain() -> Explained:
            outcomes = run.run(source).outcomes
            found = next((one.document for one in outcomes if one.incident.id == stored.id), None)
            return Explained(found or stored, stored=found is None)

        yield explain
