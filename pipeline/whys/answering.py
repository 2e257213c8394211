"""What facts show: the questions of a whys template, answered as far as facts reach."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.facts import tables_of
from pipeline.templating import render_text
from pipeline.whys.chain import (
    Considered,
    Evidence,
    Explanation,
    FalseAlarm,
    Standing,
    Status,
    Why,
)
from pipeline.whys.observed import observed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.facts import Fact
    from pipeline.incident import Incident
    from pipeline.whys.templates import Answer, Counter, Guard, Question, WhysTemplates

TEXT_LIMIT = 800
"""Characters of a question, an answer or a step: what entries captured may be of any length."""


def explain(incident: Incident, facts: Sequence[Fact], templates: WhysTemplates) -> Explanation:
    """Answer why, as far as entries and facts reach.

    Raises:
        TemplateError: the whys template raised while it was rendered.

    """
    chain = list(observed(incident))
    asked = _Asked(incident, facts, templates)
    chain += asked.whys()
    return Explanation(
        whys=tuple(chain),
        root_cause=_root_cause(chain),
        next_steps=tuple(asked.next_steps()),
        open_questions=(
            *(f"{why.question} {why.settle}" for why in chain if why.status is Status.UNKNOWN),
            *_left_open(facts),
        ),
        false_alarms=tuple(asked.false_alarms()),
    )


def _left_open(facts: Iterable[Fact]) -> Iterator[str]:
    """Yield what investigators could not settle, each once: `open_question` in a fact's data."""
    told = (fact.data.get("open_question") for fact in facts)
    yield from dict.fromkeys(_cut(text) for text in told if isinstance(text, str) and text)


def _root_cause(chain: Sequence[Why]) -> str:
    """Return the deepest answer that facts establish; without one, that it is unknown.

    What entries alone show leads to the root symptom, which is no cause of itself.
    """
    established = [why.answer for why in chain if why.status is Status.ESTABLISHED]
    return established[-1] if established else f"Unknown. {chain[-1].answer}"


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A candidate answer, with the facts that speak for and against it.

    Where a guard asks for a fact that is not there, nothing speaks for it: `missing` are these
    guards, and `likely` suggestions that would do.
    """

    answer: Answer
    claim: str
    speaking: tuple[Fact, ...]
    against: tuple[Fact, ...]
    missing: tuple[str, ...]
    likely: tuple[Fact, ...]

    @property
    def holds(self) -> bool:
        """Whether all that it asks for is there, whatever speaks against it."""
        return not self.missing


class _Asked:
    """A whys template asked about one incident."""

    def __init__(self, incident: Incident, facts: Sequence[Fact], templates: WhysTemplates) -> None:
        root = incident.root
        self._title = root.title
        self._parts = tuple(templates.of(root.whys))
        self._facts: dict[str, list[Fact]] = defaultdict(list)
        for fact in facts:
            self._facts[fact.kind].append(fact)
        self._own = {
            **root.fields,
            "tables": tables_of(root),
            "title": root.title,
            "services": list(root.services),
        }
        by_kind = {kind: [fact.data for fact in found] for kind, found in self._facts.items()}
        self._values = {**by_kind, **self._own}

    def whys(self) -> Iterator[Why]:
        """Yield the template's whys up to the first that is unknown."""
        asked = [
            (question, place)
            for template, place in self._parts
            for question in template.whys
            if self._is_asked(question.when)
        ]
        if not asked:
            yield Why(
                question=f"Why “{self._title}”?",
                answer="No entry and no fact shows what lies behind it.",
                status=Status.UNKNOWN,
                settle="Look at the entries just before the first one, and at what changed then.",
            )
        for question, place in asked:
            why = self._why(question, place)
            yield why
            if why.status is Status.UNKNOWN:
                return

    def next_steps(self) -> Iterator[str]:
        """Yield the steps whose guards hold."""
        for template, place in self._parts:
            for step in template.next_steps:
                settled = any(map(self._proven, step.settled_by))
                if self._is_asked(step.when) and not settled:
                    yield self._render(step.text, place)

    def false_alarms(self) -> Iterator[FalseAlarm]:
        """Yield what facts establish to be no failure; a suggestion is not enough to say that."""
        for template, place in self._parts:
            for item in template.false_alarms:
                proven = [self._proven(guard) for guard in item.when]
                speaking = [fact for facts in proven for fact in facts]
                if all(proven) and not any(self._against(item.ruled_out_by, speaking)):
                    yield FalseAlarm(self._render(item.text, place), _evidence(speaking))

    def _why(self, question: Question, place: str) -> Why:
        asked = self._render(question.question, place)
        weighed = [self._weighed(candidate, place) for candidate in question.answers]
        first = next((item for item in weighed if item.holds), None)
        if first is None or first.against:
            unknown = self._render(question.unknown, place)
            return Why(
                asked,
                _contradiction(first) if first else unknown,
                Status.UNKNOWN,
                _evidence((*first.speaking, *first.against)) if first else (),
                self._render(question.settle, place),
                tuple(_considered(weighed)),
            )
        cited = [fact for kind in first.answer.cites for fact in self._facts[kind]]
        others = [item for item in weighed if item.claim != first.claim]
        return Why(
            asked,
            self._render(first.answer.answer, place),
            Status.ESTABLISHED,
            _evidence((*first.speaking, *cited)),
            considered=tuple(_considered(others)),
            claim=first.claim,
        )

    def _weighed(self, candidate: Answer, place: str) -> _Weighed:
        missing = [guard for guard in candidate.when if not self._proven(guard)]
        proven = [fact for guard in candidate.when for fact in self._proven(guard)]
        speaking = () if missing else tuple(proven)
        return _Weighed(
            candidate,
            _cut(render_text(candidate.claim, self._own, place)),
            speaking,
            tuple(self._against(candidate.ruled_out_by, speaking)),
            tuple(map(str, missing)),
            tuple(fact for guard in missing for fact in self._fitting(guard)),
        )

    def _against(self, counters: Iterable[Counter], speaking: Sequence[Fact]) -> Iterator[Fact]:
        """Yield the established facts that speak against an answer."""
        for counter in counters:
            for fact in self._proven(counter):
                if _concerns(fact, counter.same, speaking):
                    yield fact

    def _proven(self, guard: Guard) -> list[Fact]:
        return [fact for fact in self._fitting(guard) if not fact.suggested]

    def _fitting(self, guard: Guard) -> list[Fact]:
        return [
            fact
            for fact in self._facts.get(guard.fact, ())
            if all(fact.data.get(key) == value for key, value in guard.where.items())
            and all(fact.data.get(key) for key in guard.has)
        ]

    def _is_asked(self, guards: Iterable[Guard]) -> bool:
        """Say whether all guards hold; to ask or to look, a suggestion is enough."""
        return all(map(self._fitting, guards))

    def _render(self, text: str, place: str) -> str:
        return _cut(render_text(text, self._values, place))


def _concerns(fact: Fact, same: Sequence[str], speaking: Sequence[Fact]) -> bool:
    """Say whether a fact is about what the others are about; where there are none it is."""
    return not speaking or any(
        all(fact.data.get(key) == other.data.get(key) for key in same) for other in speaking
    )


def _contradiction(weighed: _Weighed) -> str:
    """Show one fact that speaks against the answer, and of those for it the one most like that."""
    against = weighed.against[0]
    speaking = max(weighed.speaking, key=lambda fact: _alike(fact, against))
    both = (f"{fact.text} ({fact.ref})" for fact in (speaking, against))
    return _cut(f"The facts contradict each other: {', but '.join(both)}.")


def _alike(one: Fact, other: Fact) -> int:
    """Return in how many data two facts agree."""
    return sum(other.data.get(key) == value for key, value in one.data.items())


def _considered(candidates: Iterable[_Weighed]) -> Iterator[Considered]:
    """Yield each claim that was not taken once: answers of one claim are its variants."""
    by_claim: defaultdict[str, list[Considered]] = defaultdict(list)
    for item in candidates:
        by_claim[item.claim].append(_judged(item))
    for variants in by_claim.values():
        yield min(variants, key=lambda item: (_TELLING.index(item.standing), len(item.missing)))


_TELLING = (Standing.CONTRADICTED, Standing.HOLDS_TOO, Standing.RULED_OUT, Standing.NOT_SHOWN)
"""Of variants of a claim the reason is told that stands here first."""


def _judged(item: _Weighed) -> Considered:
    if item.holds and item.against:
        both = _evidence((*item.speaking, *item.against))
        return Considered(item.claim, Standing.CONTRADICTED, both)
    if item.holds:
        return Considered(item.claim, Standing.HOLDS_TOO, _evidence(item.speaking))
    if item.against:
        return Considered(
            item.claim, Standing.RULED_OUT, _evidence(item.against), missing=item.missing
        )
    return Considered(item.claim, Standing.NOT_SHOWN, _evidence(item.likely), missing=item.missing)


def _evidence(facts: Iterable[Fact]) -> tuple[Evidence, ...]:
    """Return each piece of evidence once."""
    return tuple(
        dict.fromkeys(
            Evidence("suggestion" if one.suggested else one.kind, one.ref, one.text, one.url)
            for one in facts
        )
    )


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TEXT_LIMIT else f"{line[: TEXT_LIMIT - 1]}…"
