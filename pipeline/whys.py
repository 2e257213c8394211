"""Incident + facts + a whys template to a chain of whys that stops where the evidence stops.

The chain starts at the symptom a user notices and walks the causal edges to the root; each of these
steps was observed in entries. Past the root it goes on with the questions of a whys template, whose
answers are guarded by facts: the first answer whose guard holds is taken and cites its facts. When
none holds the why is `unknown`, says what would settle it, and the chain ends.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import ConfigurationError, TemplateError
from pipeline.facts import sample_ref, tables_of
from pipeline.templating import render_text, used_names
from pipeline.yamltext import parse, validation_mistakes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.errors import Mistake
    from pipeline.facts import Fact
    from pipeline.incident import Incident, Symptom
    from pipeline.yamltext import Document, Path

TEXT_LIMIT = 800
"""Characters of a question, an answer or a step: what entries captured may be of any length."""


class Status(StrEnum):
    """How far a why is proven: in log entries, by facts, or not at all."""

    OBSERVED = "observed"
    ESTABLISHED = "established"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer rests on; `kind` is entry, link, a fact's kind, or suggestion.

    `url` is where the place can be looked at, "" if nobody knows.
    """

    kind: str
    ref: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    """One step, in plain text; `settle` says what would answer an unknown one."""

    question: str
    answer: str
    status: Status
    evidence: tuple[Evidence, ...] = ()
    settle: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The chain, what it ends at, what to do next and what stays open; all plain text."""

    whys: tuple[Why, ...]
    root_cause: str
    next_steps: tuple[str, ...]
    open_questions: tuple[str, ...]


_Items = TypeVar("_Items", bound="tuple[object, ...]")


def _some(items: _Items) -> _Items:
    """Refuse an empty list (pydantic's `min_length` also complains where each item is wrong)."""
    if not items:
        message = "must not be empty"
        raise ValueError(message)
    return items


class _Model(BaseModel):
    # Built when first used: a run needs few of them, and those within another are built with it.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Guard(_Model):
    """Holds when there is a fact of this kind whose data equals `where`."""

    fact: str
    where: dict[str, Any] = Field(default_factory=dict)


class Answer(_Model):
    """A candidate: all guards of `when` must hold; `cites` are shown too where they exist.

    It has at least one guard: an answer that holds without a fact would have no evidence.
    """

    when: Annotated[tuple[str | Guard, ...], AfterValidator(_some)]
    answer: str
    cites: tuple[str, ...] = ()


class Question(_Model):
    """One why of a template, asked when the guards of `when` hold.

    `unknown` and `settle` are said when no answer stands.
    """

    question: str
    when: tuple[str | Guard, ...] = ()
    answers: tuple[Answer, ...] = ()
    unknown: str
    settle: str


class Step(_Model):
    """One item for the checklist of next steps, shown when its guards hold."""

    when: tuple[str | Guard, ...] = ()
    text: str


class WhysTemplate(_Model):
    """One file of `templates/whys/`."""

    name: str
    whys: Annotated[tuple[Question, ...], AfterValidator(_some)]
    next_steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class WhysTemplates:
    """All whys templates by name; rendering errors name the file."""

    by_name: Mapping[str, WhysTemplate]
    places: Mapping[str, str]


def load_whys(files: Iterable[tuple[str, str]]) -> WhysTemplates:
    """Read whys templates, given as (name to show, text).

    Raises:
        TemplateError: every mistake of every file, with file and line.

    """
    templates: dict[str, WhysTemplate] = {}
    places: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for name, text in sorted(files):
        try:
            documents = parse(text, name)
        except ConfigurationError as error:
            mistakes += error.mistakes
            continue
        for document in documents:
            template = _load(document, mistakes)
            if template is not None:
                mistakes += _taken(template, document, places)
                templates[template.name] = template
                places[template.name] = document.name
    if mistakes:
        raise TemplateError(sorted(mistakes))
    return WhysTemplates(templates, places)


def _load(document: Document, mistakes: list[Mistake]) -> WhysTemplate | None:
    try:
        template = WhysTemplate.model_validate(document.value)
    except ValidationError as error:
        mistakes += validation_mistakes(error, document)
        return None
    for path, text in _texts(template):
        try:
            used_names(text, document.place(path))
        except TemplateError as error:
            mistakes += error.mistakes
    return template


def _taken(
    template: WhysTemplate, document: Document, places: Mapping[str, str]
) -> Iterator[Mistake]:
    if template.name in places:
        message = f"the name {template.name!r} is taken by the template in {places[template.name]}"
        yield document.mistake(message, ("name",))


def _texts(template: WhysTemplate) -> Iterator[tuple[Path, str]]:
    """Yield every Jinja text of a template: a wrong one is refused before it is first needed."""
    for index, why in enumerate(template.whys):
        for key in ("question", "unknown", "settle"):
            yield ("whys", index, key), getattr(why, key)
        for number, candidate in enumerate(why.answers):
            yield ("whys", index, "answers", number, "answer"), candidate.answer
    for index, step in enumerate(template.next_steps):
        yield ("next_steps", index, "text"), step.text


def explain(incident: Incident, facts: Sequence[Fact], templates: WhysTemplates) -> Explanation:
    """Answer why, as far as entries and facts reach.

    Raises:
        TemplateError: the whys template raised while it was rendered.

    """
    chain = list(_observed(incident))
    asked = _Asked(incident, facts, templates)
    chain += asked.whys()
    return Explanation(
        whys=tuple(chain),
        root_cause=_root_cause(chain),
        next_steps=tuple(asked.next_steps()),
        open_questions=tuple(
            f"{why.question} {why.settle}" for why in chain if why.status is Status.UNKNOWN
        ),
    )


def _root_cause(chain: Sequence[Why]) -> str:
    """Return the deepest answer that facts establish; without one, that it is unknown.

    What entries alone show leads to the root symptom, which is no cause of itself.
    """
    established = [why.answer for why in chain if why.status is Status.ESTABLISHED]
    return established[-1] if established else f"Unknown. {chain[-1].answer}"


# --- what entries show ----------------------------------------------------------------------------


def _observed(incident: Incident) -> Iterator[Why]:
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
            answer=f"Because {', '.join(cause.services)} logged “{cause.title}”.",
            status=Status.OBSERVED,
            evidence=(
                _entry_evidence(effect),
                _entry_evidence(cause),
                Evidence("link", f"rule {effect.rule}", link.reason),
            ),
        )


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


# --- what facts show ------------------------------------------------------------------------------


class _Asked:
    """A whys template asked about one incident."""

    def __init__(self, incident: Incident, facts: Sequence[Fact], templates: WhysTemplates) -> None:
        self._root = incident.root
        self._template = templates.by_name.get(incident.root.whys)
        self._place = templates.places.get(incident.root.whys, "")
        self._facts: dict[str, list[Fact]] = defaultdict(list)
        for fact in facts:
            self._facts[fact.kind].append(fact)
        self._values = {
            **{kind: [fact.data for fact in found] for kind, found in self._facts.items()},
            **self._root.fields,
            "tables": tables_of(self._root),
            "title": self._root.title,
            "services": list(self._root.services),
        }

    def whys(self) -> Iterator[Why]:
        """Yield the template's whys up to the first that is unknown."""
        questions = self._template.whys if self._template else ()
        asked = [
            item for item in questions if self._supporting(item.when, suggestions=True) is not None
        ]
        if not asked:
            yield Why(
                question=f"Why “{self._root.title}”?",
                answer="No entry and no fact shows what lies behind it.",
                status=Status.UNKNOWN,
                settle="Look at the entries just before the first one, and at what changed then.",
            )
        for question in asked:
            why = self._why(question)
            yield why
            if why.status is Status.UNKNOWN:
                return

    def next_steps(self) -> Iterator[str]:
        """Yield the steps whose guards hold."""
        for step in self._template.next_steps if self._template else ():
            if self._supporting(step.when, suggestions=True) is not None:
                yield self._render(step.text)

    def _why(self, question: Question) -> Why:
        asked = self._render(question.question)
        for candidate in question.answers:
            supporting = self._supporting(candidate.when)
            if supporting is not None:
                cited = [fact for kind in candidate.cites for fact in self._facts[kind]]
                evidence = [_fact_evidence(fact) for fact in (*supporting, *cited)]
                answer = self._render(candidate.answer)
                return Why(asked, answer, Status.ESTABLISHED, tuple(dict.fromkeys(evidence)))
        return Why(
            asked,
            self._render(question.unknown),
            Status.UNKNOWN,
            settle=self._render(question.settle),
        )

    def _supporting(
        self, guards: Sequence[str | Guard], *, suggestions: bool = False
    ) -> list[Fact] | None:
        """Return the facts that make all guards hold, or None; no answer stands on a suggestion."""
        supporting: list[Fact] = []
        for guard in guards:
            wanted = Guard(fact=guard) if isinstance(guard, str) else guard
            found = [
                fact
                for fact in self._facts[wanted.fact]
                if _holds(wanted, fact) and (suggestions or not fact.suggested)
            ]
            if not found:
                return None
            supporting += found
        return supporting

    def _render(self, text: str) -> str:
        line = " ".join(render_text(text, self._values, self._place).split())
        return line if len(line) <= TEXT_LIMIT else f"{line[: TEXT_LIMIT - 1]}…"


def _holds(guard: Guard, fact: Fact) -> bool:
    return all(fact.data.get(key) == value for key, value in guard.where.items())


def _fact_evidence(fact: Fact) -> Evidence:
    kind = "suggestion" if fact.suggested else fact.kind
    return Evidence(kind, fact.ref, fact.text, fact.url)
