"""What a run concludes: incidents investigated, explained and rendered, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.document import incident_document
from pipeline.facts import known_facts
from pipeline.holding import apply
from pipeline.ports import Case, Outcome
from pipeline.report import Action, Neighbourhood, decide, neighbour, render
from pipeline.updating import update, with_update
from pipeline.verdicts import silence_of
from pipeline.whys import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pipeline.catalog import Catalog
    from pipeline.deployments import History
    from pipeline.detection import Detector
    from pipeline.document import IncidentDocument
    from pipeline.facts import Fact
    from pipeline.holding import Account, Applied
    from pipeline.incident import Incident
    from pipeline.ports import Investigator, Store
    from pipeline.report import Decision, LedgerEntry, Policy, Related
    from pipeline.suppressions import Placed
    from pipeline.verdicts import Verdict
    from pipeline.whys import WhysTemplates


@dataclass(frozen=True, slots=True)
class Texts:
    """The templates of explanations, issues and comments, and where those of Markdown stand."""

    whys: WhysTemplates
    issue: str
    issue_place: str
    update: str = ""
    update_place: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is concluded, and from what.

    `now` is event time, `ledger` has the last decision about each incident, `in_order` says that
    all that was read is known to have stood in order of time. `settling` are ids of incidents of
    which more may be on its way.
    """

    now: int
    ledger: Mapping[str, LedgerEntry]
    history: History
    in_order: bool = False
    settling: Collection[str] = ()


class Concluding:
    """Comes to outcomes about incidents; it reads a store, and writes nothing."""

    def __init__(  # noqa: PLR0913 - the parts of the house, each passed in by name
        self,
        *,
        detector: Detector,
        catalog: Catalog,
        texts: Callable[[str], Texts],
        investigators: Sequence[Investigator],
        store: Store,
        policy: Policy,
        suppressions: Sequence[Placed] = (),
    ) -> None:
        self._detector = detector
        self._catalog = catalog
        self._texts = texts
        self._investigators = investigators
        self._store = store
        self._policy = policy
        self._suppressions = suppressions

    def conclude(
        self,
        incidents: Sequence[Incident],
        moment: Moment,
        chosen: Sequence[Incident] | None = None,
    ) -> tuple[tuple[Outcome, ...], tuple[Account, ...]]:
        """Return what there is to say about incidents, and what became of suppressions.

        `incidents` are all there are; if some are `chosen`, only these are looked into.
        """
        applied = apply(self._suppressions, incidents, moment.now)
        looked_at = incidents if chosen is None else chosen
        cases = [self._case(item, incidents, moment) for item in looked_at]
        facts = self._facts(cases)
        known = self._store.neighbours({item.fingerprint for item in looked_at})
        nearby = Neighbourhood([*map(neighbour, incidents), *known])
        outcomes = tuple(
            self._conclude(case, facts[case.incident.id], moment, applied, nearby.of(case.incident))
            for case in cases
        )
        return outcomes, applied.accounts

    def _case(self, incident: Incident, every: Sequence[Incident], moment: Moment) -> Case:
        rollout = moment.history.rollout(incident, every)
        facts = (*known_facts(incident, self._catalog), *rollout.facts)
        return Case(incident, rollout, facts, in_order=moment.in_order)

    def _facts(self, cases: Sequence[Case]) -> Mapping[str, Sequence[Fact]]:
        """Return, by incident, what is known and what investigators establish."""
        facts = {case.incident.id: [*case.facts] for case in cases}
        for investigator in self._investigators:
            for identifier, found in investigator.investigate(cases).items():
                facts[identifier] += map(self._redacted, found)
        return facts

    def _redacted(self, fact: Fact) -> Fact:
        """Return a fact without secrets: source code and answers of services may hold some."""
        redact = self._detector.redact
        return replace(
            fact,
            text=redact(fact.text),
            ref=redact(fact.ref),
            data=self._detector.redact_value(fact.data),
            url=fact.url if redact(fact.url) == fact.url else "",  # less of it leads nowhere
        )

    def _conclude(
        self,
        case: Case,
        facts: Sequence[Fact],
        moment: Moment,
        applied: Applied,
        related: Sequence[Related],
    ) -> Outcome:
        """Explain, render and decide."""
        incident, rollout = case.incident, case.rollout
        texts = self._texts(incident.root.whys)
        explanation = explain(incident, facts, texts.whys)
        report = render(
            incident,
            explanation,
            texts.issue,
            texts.issue_place,
            rollout,
            facts=facts,
            related=related,
        )
        known = moment.ledger.get(incident.id)
        now = moment.now
        silence = silence_of(incident.verdicts, now)
        held, until = _held(incident, moment, applied, silence)
        decision = decide(
            incident,
            report,
            known,
            now,
            self._policy,
            held=held,
            held_until=until,
            rollout=rollout,
        )
        document = incident_document(
            incident,
            explanation,
            report,
            decision,
            suppressed=applied.held.get(incident.id, ()),
            silence=silence,
            rollout=rollout,
            facts=facts,
            related=related,
            repositories=self._catalog.repositories(incident.root.services),
        )
        document = self._updated(document, texts, decision, reported=known is not None)
        return Outcome(incident, report, decision, document, reported=known is not None)

    def _updated(
        self, document: IncidentDocument, texts: Texts, decision: Decision, *, reported: bool
    ) -> IncidentDocument:
        """Say in a document what changed since its last report, if there was one."""
        before = self._store.incident(document.id) if reported else None
        text = update(before, document, texts.update, texts.update_place) if before else None
        return with_update(document, before, text or "", sent=decision.action != Action.LEAVE)


def _held(
    incident: Incident, moment: Moment, applied: Applied, silence: Verdict | None
) -> tuple[str, int | None]:
    """Return why an incident is held back, "" if it is not, and when that ends as far as is known.

    Whether more is on its way is not told by event time: who knows is to be asked again at once.
    """
    if reason := applied.reason(incident.id):
        return reason, applied.until(incident.id)
    if silence:
        return silence.text, silence.until
    if incident.id in moment.settling and incident.id not in moment.ledger:
        return "settling", moment.now
    return "", None
