"""How well found incidents agree with the truth. README.md beside this file defines each figure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.scenarios.truth import Mark, Morning, Truth

LOW: Final = frozenset({"P3", "P4"})
"""Priorities that an incident about mere noise may have."""

# What a root may be called, by cause. A name stands here if its rule says that very cause; a rule
# for all errors of a start will do where the cause is in the code and the entry is the right one.
_START: Final = frozenset(
    {"startup_exception", "startup_failed", "unhandled_exception", "unknown_pattern"}
)
ACCEPTED: Final[Mapping[str, frozenset[str]]] = {
    "missing_table": frozenset({"relation_missing", "missing_table"}),
    "import_error": frozenset({"import_missing_name"}),
    "module_missing": frozenset({"module_not_found"}),
    "circular_import": frozenset({"circular_import"}),
    "settings_invalid": frozenset(
        {"settings_invalid", "settings_validation_failed", "configuration_invalid"}
    ),
    "name_error": frozenset({"name_error", "name_undefined", "undefined_name"}) | _START,
    "secret_denied": frozenset({"secret_denied", "secret_access_denied", "secret_unavailable"}),
    "database_refused": frozenset({"connection_refused"}),
    "migration_failed": frozenset({"migration_failed", "alembic_failed", "migration_heads"}),
    "grant_missing": frozenset({"permission_denied"}),
    "deadlock": frozenset({"deadlock"}),
    "pool_exhausted": frozenset({"pool_exhausted"}),
    "too_many_clients": frozenset({"too_many_clients"}),
    "database_down": frozenset({"connection_refused", "database_unavailable"}),
    "memory_limit": frozenset({"memory_limit", "memory_limit_exceeded", "out_of_memory"}),
    "no_instance": frozenset({"no_instance", "no_available_instance"}),
    "unknown": frozenset({"unknown_pattern", "unknown_error", "unhandled_exception"}),
}


@dataclass(frozen=True, slots=True)
class Found:
    """An incident as the product tells it: root rule, entries of the root, and all entries."""

    name: str
    priority: str
    root: str
    root_entries: tuple[str, ...]
    entries: frozenset[str]


@dataclass(slots=True)
class Score:
    """Figures that add up. Pairs are of units (`truth.Written.unit`)."""

    incidents: int = 0
    rooted: int = 0
    right: int = 0
    alone: int = 0
    found_pairs: int = 0
    true_found: int = 0
    asked_pairs: int = 0
    asked_found: int = 0

    def add(self, other: Score) -> None:
        """Add another's figures."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def precision(self) -> float | None:
        """Share of the pairs found together that belong together."""
        return _share(self.true_found, self.found_pairs)

    @property
    def recall(self) -> float | None:
        """Share of the pairs that belong together and were found together."""
        return _share(self.asked_found, self.asked_pairs)

    @property
    def root(self) -> float | None:
        """Share of the incidents whose cause is there that have the right root."""
        return _share(self.right, self.rooted)

    @property
    def one(self) -> float | None:
        """Share of the incidents that are one, and shared with no other."""
        return _share(self.alone, self.incidents)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(slots=True)
class Result:
    """One morning's figures: of all of it, by kind, and the numbers of incidents."""

    seed: int
    kind: str
    total: Score = field(default_factory=Score)
    by_kind: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    counted: int = 0
    least: int = 0
    most: int = 0

    @property
    def exact(self) -> bool:
        """Whether there are as many incidents as there should be."""
        return self.least <= self.counted <= self.most


@dataclass(frozen=True, slots=True)
class _Class:
    """Units of which the same is true and the same was found: all pairs of two classes agree."""

    owner: str
    part: int
    incident: int
    asked: bool
    found: frozenset[str]


def score(morning: Morning, found: Sequence[Found]) -> Result:
    """Compare what was found in a morning with what is true about it."""
    truths = {truth.number: truth for truth in morning.truths}
    result = Result(morning.seed, morning.kind)
    _score_pairs(result, _classes(morning, found), truths)
    for truth in morning.truths:
        _score_incident(result, truth, morning, found)
    result.least = len(truths)
    result.most = sum(truth.parts for truth in morning.truths)
    result.counted = len(found) - len(tolerated(morning, found))
    return result


# --- pairs ----------------------------------------------------------------------------------------


def _classes(morning: Morning, found: Sequence[Found]) -> Counter[_Class]:
    members = units_found(morning, found)
    classes: Counter[_Class] = Counter()
    for unit, mark in _units(morning).items():
        named = frozenset(members.get(unit, ()))
        asked = bool(mark.incident) and mark.asked
        if asked or named:
            classes[_Class(_owner(unit, mark), mark.part, mark.incident, asked, named)] += 1
    return classes


def units_found(morning: Morning, found: Sequence[Found]) -> Mapping[str, set[str]]:
    """Return the names of the found incidents that each unit is in."""
    marks = morning.by_key
    members: dict[str, set[str]] = defaultdict(set)
    for incident in found:
        for key in incident.entries:
            members[marks[key].unit].add(incident.name)
    return members


def _units(morning: Morning) -> Mapping[str, Mark]:
    """Return the mark of each unit; a traceback in lines has that of its first line."""
    units: dict[str, Mark] = {}
    for item in morning.by_key.values():
        units.setdefault(item.unit, item.mark)
    return units


def _owner(unit: str, mark: Mark) -> str:
    """Return what a unit truly belongs with: an incident, its own kind of noise, or nothing."""
    if mark.incident:
        return f"incident {mark.incident}"
    return mark.noise or f"entry {unit}"


def _score_pairs(
    result: Result, classes: Mapping[_Class, int], truths: Mapping[int, Truth]
) -> None:
    listed = list(classes.items())
    for index, (left, count) in enumerate(listed):
        for right, other in listed[index:]:
            pairs = count * (count - 1) // 2 if left is right else count * other
            if pairs:
                _score_pair(result, (left, right), pairs, truths)


def _score_pair(
    result: Result, ends: tuple[_Class, _Class], pairs: int, truths: Mapping[int, Truth]
) -> None:
    left, right = ends
    together, belong = bool(left.found & right.found), left.owner == right.owner
    if belong and left.part != right.part:
        return  # whether a return on the next day is a new incident is not asked here
    asked = belong and left.asked and right.asked
    if not together and not asked:
        return
    told = Score(
        found_pairs=pairs * together,
        true_found=pairs * (together and belong),
        asked_pairs=pairs * asked,
        asked_found=pairs * (together and asked),
    )
    result.total.add(told)
    for kind in {truths[end.incident].kind for end in ends if end.incident in truths}:
        result.by_kind[kind].add(told)


# --- incidents ------------------------------------------------------------------------------------


def _score_incident(result: Result, truth: Truth, morning: Morning, found: Sequence[Found]) -> None:
    best, holders = holders_of(truth, morning, found)
    right = best is not None and root_is_right(truth, morning, best)
    told = Score(
        incidents=1,
        rooted=int(truth.rooted),
        right=int(truth.rooted and right),
        alone=int(best is not None and holders <= truth.parts and _holds_no_other(morning, best)),
    )
    result.total.add(told)
    result.by_kind[truth.kind].add(told)


def holders_of(truth: Truth, morning: Morning, found: Sequence[Found]) -> tuple[Found | None, int]:
    """Return the found incident that holds most of a true one, and how many hold some of it."""
    marks = morning.by_key
    held = {
        incident.name: sum(marks[key].mark.incident == truth.number for key in incident.entries)
        for incident in found
    }
    holders = [incident for incident in found if held[incident.name]]
    best = max(holders, key=lambda incident: (held[incident.name], incident.name), default=None)
    return best, len(holders)


def _holds_no_other(morning: Morning, incident: Found) -> bool:
    marks = morning.by_key
    return len({marks[key].mark.incident for key in incident.entries}) == 1


def root_is_right(truth: Truth, morning: Morning, incident: Found) -> bool:
    """Tell whether a root is named for the cause, and first seen where the cause shows."""
    first = morning.by_key[incident.root_entries[0]].mark
    own = first.incident == truth.number and first.cause
    return own and incident.root in ACCEPTED[truth.cause]


def tolerated(morning: Morning, found: Iterable[Found]) -> list[Found]:
    """Return the incidents that are about one kind of noise, of low priority, the first of each."""
    seen: dict[str, Found] = {}
    for incident in found:
        noises = {morning.by_key[key].mark.noise for key in incident.entries}
        if len(noises) == 1 and "" not in noises and incident.priority in LOW:
            seen.setdefault(noises.pop(), incident)
    return list(seen.values())
