"""What rules show of themselves, put together: a cause and its effect, near and far, alike or not.

A rule's showings are the entries that its own tests say it matches; a correlation's are the
timelines in which it becomes a symptom. For a `caused_by` edge they are brought to what the edge
asks for: one service or two, equal fields, a catalog.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.audit import COMPONENT, SECOND, SERVICE
from pipeline.catalog import Catalog, load_catalog
from pipeline.detection import Detector
from pipeline.entry import format_timestamp, parse_entry
from pipeline.redaction import Redactor
from pipeline.rule import Rule, RuleSet, load_ruleset
from pipeline.ruletest import BASE, RuleTests, Timeline, correlated, steps_of
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.audit import Edge
    from pipeline.detection import Detection
    from pipeline.incident import Incident

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "rules").rglob("*.yml"))
TESTS = {path.name.removesuffix(".test.yml"): path for path in FILES if ".test." in path.name}
RULES = {path.stem: path for path in FILES if ".test." not in path.name}

CALLER, CALLED, OTHER = "counting-house", "wine-cellar", "toll-bridge"
"""Services of which nothing else tells."""
FAR = 30 * 86_400 * SECOND
TRIES = 60
"""Pairs of showings that are tried for an edge."""

Step = tuple[int, dict[str, Any]]
"""Nanoseconds after the beginning, and an entry."""


@cache
def ruleset() -> RuleSet:
    """Load the rules once."""
    return load_ruleset((str(path), path.read_text(encoding="utf-8")) for path in RULES.values())


@cache
def detector() -> Detector:
    """Compile them once."""
    return Detector(ruleset(), Redactor(), unscreened=0)


@cache
def cases_of(name: str) -> RuleTests:
    """Read the tests beside a rule."""
    (document,) = parse(TESTS[name].read_text(encoding="utf-8"), TESTS[name].name)
    return RuleTests.model_validate(document.value)


def detections(entry: dict[str, Any]) -> Sequence[Detection]:
    """Return what all rules see in an entry."""
    return _detections(json.dumps(entry))


@lru_cache(maxsize=4096)
def _detections(text: str) -> Sequence[Detection]:
    record = {**json.loads(text), "timestamp": format_timestamp(BASE)}
    return [found for one in parse_entry(record) for found in detector().detect(one)]


def incidents(steps: Iterable[Step], topology: Catalog | None = None) -> tuple[Incident, ...]:
    """Return the incidents that entries at times make."""
    return correlated(ruleset(), detector(), steps, topology or Catalog()).incidents()


def incidents_of(timeline: Timeline) -> tuple[Incident, ...]:
    """Return the incidents a timeline makes."""
    return incidents(steps_of(timeline), timeline.topology("timeline"))


def are_linked(made: Iterable[Incident], effect: str, cause: str) -> bool:
    """Return whether a symptom of one rule is explained by one of another."""
    return any(
        (rules[link.effect], rules[link.cause]) == (effect, cause)
        for incident in made
        for rules in [{item.fingerprint: item.rule for item in incident.symptoms}]
        for link in incident.links
        if link.kind == "caused_by"
    )


# --- one rule -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Showing:
    """Entries in time that make a symptom of a rule, which is first seen at `seen`."""

    rule: str
    steps: tuple[Step, ...]
    seen: int = 0

    @property
    def fields(self) -> dict[str, Any]:
        """What the rule's first detection carries; nothing of a correlation."""
        for _, entry in self.steps:
            for found in detections(entry):
                if found.rule == self.rule:
                    return {SERVICE: found.service, **found.fields}
        return {}

    def moved(self, by: int) -> Showing:
        """Return the same, later."""
        steps = tuple((at + by, entry) for at, entry in self.steps)
        return replace(self, steps=steps, seen=self.seen + by)

    def within(self, service: str) -> Showing:
        """Return the same, as this service logs it."""
        moved = replace(self, steps=tuple((at, _moved(one, service)) for at, one in self.steps))
        told = moved.fields.get(SERVICE)  # which a rule may read elsewhere than in the resource
        return moved.saying(told, service) if told else moved

    def saying(self, old: object, new: object) -> Showing:
        """Return the same with one text in place of another."""
        before, after = (json.dumps(str(text))[1:-1] for text in (old, new))
        steps = ((at, json.loads(json.dumps(one).replace(before, after))) for at, one in self.steps)
        return replace(self, steps=tuple(steps))


@cache
def showings(rule: str) -> tuple[Showing, ...]:
    """Return the showings of a rule, those of its first tests first."""
    if rule in ruleset().rules:
        return tuple(Showing(rule, ((0, _alone(one.entry)),)) for one in cases_of(rule).matches)
    return tuple(_derived(rule))


def _derived(name: str) -> Iterator[Showing]:
    for timeline in cases_of(name).timelines:
        steps = tuple((at, _alone(entry)) for at, entry in steps_of(timeline))
        for incident in incidents(steps, timeline.topology("timeline")):
            for item in incident.symptoms:
                if item.rule == name:
                    yield Showing(name, steps, item.first_seen - BASE)


def _alone(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry without what ties it to others."""
    return {key: value for key, value in entry.items() if key not in {"trace", "insertId"}}


def _moved(entry: dict[str, Any], service: str) -> dict[str, Any]:
    """Return an entry as another service logs it; one that tells no resource is Cloud Run's."""
    found = parse_entry({"timestamp": format_timestamp(BASE), **entry})[0]
    resource = entry.get("resource")
    if resource is None:
        labels = {"service_name": service}
        return {**entry, "resource": {"type": "cloud_run_revision", "labels": labels}}
    if not found.service:
        return entry
    if found.service not in resource.get("labels", {}).values():  # it stands in the payload
        whole = json.dumps(entry).replace(found.service, service)
        return {**json.loads(whole), "resource": resource}
    labels = {
        key: service if value == found.service else value
        for key, value in resource.get("labels", {}).items()
    }
    if "revision_name" in labels:
        labels["revision_name"] = f"{service}-00007-bud"
    return {**entry, "resource": {**resource, "labels": labels}}


# --- a cause and its effect -----------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A showing of an effect and one of its cause, brought to what an edge asks for."""

    edge: Edge
    effect: Showing
    cause: Showing
    catalog: str = "{}"

    def links(self) -> bool:
        """Return whether the cause explains the effect."""
        return are_linked(self._incidents(), self.effect.rule, self.cause.rule)

    def joins(self) -> bool:
        """Return whether one incident holds entries of both."""
        effects, causes = set[str](), set[str]()
        for incident in self._incidents():
            for item in incident.symptoms:
                numbers = {int(one.insert_id.removeprefix("step-")) for one in item.samples}
                own = {number >= len(self.cause.steps) for number in numbers}
                if item.rule == self.effect.rule and True in own:
                    effects.add(incident.id)
                if item.rule == self.cause.rule and False in own:
                    causes.add(incident.id)
        assert effects
        assert causes
        return not effects.isdisjoint(causes)

    def _incidents(self) -> tuple[Incident, ...]:
        topology = load_catalog(self.catalog, "catalog.yml")
        return incidents((*self.cause.steps, *self.effect.steps), topology)

    def apart(self) -> Iterator[tuple[str, Pair]]:
        """Yield pairs of which the edge does not hold, each with what is different."""
        yield "far away", replace(self, effect=self.effect.moved(FAR))
        if self.edge.via:
            yield "no dependency", replace(self, catalog=_catalog())
            named = self.effect.fields.get(self.edge.named)
            if named:
                yield "another is named", replace(self, catalog=_catalog(CALLED, OTHER, named))
        for name in self.edge.same:
            if name in {SERVICE, COMPONENT}:
                yield f"another {name}", replace(self, cause=self.cause.within(OTHER))


def _catalog(needed: str = "", named: str = "", name: object = "") -> str:
    """Return a catalog in which the caller needs a service, and a name means another."""
    services: dict[str, Any] = {CALLER: {}, CALLED: {}, OTHER: {}}
    if needed:
        services[CALLER] = {"depends_on": [needed, OTHER]}
    if named:
        services[named] = {"match": {"service": [str(name).lower()]}}
    return json.dumps({"services": services})


def pair(effect: str, edge: Edge, cause: str) -> Pair | None:
    """Return showings between which an edge holds, None if none of the rules' tests has such."""
    tried = product(_telling(effect, edge), _telling(cause, edge))
    return next((one for one in islice(fitting(edge, tried), TRIES) if one.links()), None)


def _telling(rule: str, edge: Edge) -> list[Showing]:
    """Return the showings of a rule, those first that carry what the edge asks to be equal."""
    return sorted(showings(rule), key=lambda one: sum(name not in one.fields for name in edge.same))


def fitting(edge: Edge, pairs: Iterable[tuple[Showing, Showing]]) -> Iterator[Pair]:
    """Yield pairs of showings, brought to what an edge asks for."""
    for effect, cause in pairs:
        if edge.via:
            told = effect.within(CALLER)
            named = told.fields.get(edge.named) if edge.named else None
            catalog = _catalog(CALLED, CALLED, named) if named else _catalog(CALLED)
            both = Pair(edge, told, cause.within(CALLED), catalog)
        else:
            both = Pair(edge, effect.within(CALLER), cause.within(CALLER))
        yield _near(_alike(both))


def _alike(both: Pair) -> Pair:
    """Return the pair with equal values in the fields that the edge asks to be equal."""
    wanted = both.effect.fields
    cause = both.cause
    for name in both.edge.same:
        given = cause.fields.get(name)
        if name in wanted and given not in (None, "", wanted[name]):
            cause = cause.saying(given, wanted[name])
    return replace(both, cause=cause)


def _near(both: Pair) -> Pair:
    """Return the pair with the cause a second before its effect, nothing before the beginning."""
    behind = both.cause.seen + min(SECOND, both.edge.within) - both.effect.seen
    return replace(
        both, effect=both.effect.moved(max(behind, 0)), cause=both.cause.moved(max(-behind, 0))
    )


# --- two rules on one entry -----------------------------------------------------------------------


def refines() -> frozenset[tuple[str, str]]:
    """Return the pairs of rules, both ways round, that may see the same entry.

    One says so of the other (Sigma's `related`), one explains the other, or one only counts for a
    correlation.
    """
    rules = ruleset().rules
    by_id = {rule.id: rule.name for rule in rules.values()}
    found = {pair for rule in rules.values() for pair in _related(rule, by_id)}
    return frozenset({*found, *((other, one) for one, other in found)})


def _related(rule: Rule, by_id: dict[str, str]) -> Iterator[tuple[str, str]]:
    for item in rule.sigma.related.related if rule.sigma.related else ():
        yield rule.name, by_id[str(item.id)]
    for edge in rule.audit.caused_by:
        yield from ((rule.name, name) for name in edge.rule)


def seen_together(names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield a rule, the name of an entry that its tests say it matches, and each other match."""
    allowed, silent = refines(), ruleset().silent
    for name in names:
        for case in cases_of(name).matches:
            for found in detections(case.entry):
                both = (name, found.rule)
                if found.rule != name and both not in allowed and silent.isdisjoint(both):
                    yield name, case.name, found.rule
