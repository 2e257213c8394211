"""What entries show by themselves: the causal edges from what a user notices to the root."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from pipeline.facts import sample_ref
from pipeline.whys.chain import Evidence, Status, Why

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.incident import Incident, Symptom


def observed(incident: Incident) -> Iterator[Why]:
    """Yield one why for each causal edge from the user-visible symptom to the root."""
    for effect, cause in pairwise(_path_to_root(incident)):
        link = next(
            link
            for link in incident.links
            if (link.kind, link.effect, link.cause)
            == ("caused_by", effect.fingerprint, cause.fingerprint)
        )
        yield Why(
            question=f"Why “{effect.title}”?",
            answer=_seen(cause),
            status=Status.OBSERVED,
            evidence=(
                _entry_evidence(effect),
                _entry_evidence(cause),
                Evidence("link", f"rule {effect.rule}", link.reason),
            ),
        )


def _seen(cause: Symptom) -> str:
    """Say that a cause was logged, and by whom; the log of a database is no service's."""
    who = ", ".join(cause.services)
    return f"Because {who} logged “{cause.title}”." if who else f"Because of “{cause.title}”."


def _entry_evidence(symptom: Symptom) -> Evidence:
    sample = symptom.samples[0]
    return Evidence("entry", sample_ref(sample), sample.text)


def _path_to_root(incident: Incident) -> list[Symptom]:
    """Return the longest causal path to the root, from a user-visible symptom if there is one."""
    symptoms = {symptom.fingerprint: symptom for symptom in incident.symptoms}
    root, effects = incident.root.fingerprint, _effects(incident)
    best: dict[str, tuple[str, ...]] = {}  # by symptom: the best path that begins there, up
    for fingerprint in _effects_first(root, effects):
        further = [best[item] for item in effects[fingerprint] if item in best]
        best[fingerprint] = min(
            ((fingerprint, *path) for path in [(), *further]),
            key=lambda path: (not symptoms[path[-1]].user_visible, -len(path), path),
        )
    return [symptoms[fingerprint] for fingerprint in reversed(best[root])]


def _effects(incident: Incident) -> Mapping[str, list[str]]:
    """Return, by symptom, the symptoms that it explains; both as fingerprints."""
    effects: dict[str, list[str]] = defaultdict(list)
    for link in incident.links:
        if link.kind == "caused_by":
            effects[link.cause].append(link.effect)
    return effects


def _effects_first(root: str, effects: Mapping[str, list[str]]) -> list[str]:
    """Return all that the root leads to, each after its effects (depth first, linear time).

    Where edges form a cycle, the one that closes it is left out: its effect comes later.
    """
    ordered: list[str] = []
    seen = {root}
    open_ends = [(root, iter(effects[root]))]
    while open_ends:
        fingerprint, rest = open_ends[-1]
        unseen = next((item for item in rest if item not in seen), None)
        if unseen is None:
            open_ends.pop()
            ordered.append(fingerprint)
        else:
            seen.add(unseen)
            open_ends.append((unseen, iter(effects[unseen])))
    return ordered
