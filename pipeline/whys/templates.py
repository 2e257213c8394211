"""Whys templates: questions, and answers guarded by facts; every mistake in them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from pipeline.errors import ConfigurationError, TemplateError
from pipeline.templating import used_names
from pipeline.validating import validation_mistakes
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.errors import Mistake
    from pipeline.yamltext import Document, Path

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


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Guard(_Model):
    """Holds when there is a fact of this kind whose data equals `where`.

    `has` are keys under which its data must hold something: what a rule captured, say.
    """

    fact: str
    where: dict[str, Any] = Field(default_factory=dict)
    has: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return what it asks for, as a person reads it."""
        where = (f"{key}: {_said(value)}" for key, value in self.where.items())
        told = ", ".join((*where, *(f"with {key}" for key in self.has)))
        return f"{self.fact} ({told})" if told else self.fact


class Counter(Guard):
    """A guard for what speaks against an answer.

    `same` are keys of data: a fact that differs in one of them from what speaks for the answer is
    about something else, and does not contradict it.
    """

    same: tuple[str, ...] = ()


def _guard(value: object) -> object:
    """Take the name of a kind for a guard that asks for nothing more."""
    return {"fact": value} if isinstance(value, str) else value


Guards = tuple[Annotated[Guard, BeforeValidator(_guard)], ...]
Counters = tuple[Annotated[Counter, BeforeValidator(_guard)], ...]


class Answer(_Model):
    """A candidate: all guards of `when` must hold; `cites` are shown too where they exist.

    It has at least one guard: an answer that holds without a fact would have no evidence. `claim`
    says in short what it would mean; it is also told when the answer was not taken, so it knows
    only what the root symptom carries. Facts of `ruled_out_by` speak against it.
    """

    claim: str
    when: Annotated[Guards, AfterValidator(_some)]
    ruled_out_by: Counters = ()
    answer: str
    cites: tuple[str, ...] = ()


class Question(_Model):
    """One why of a template, asked when the guards of `when` hold.

    `unknown` and `settle` are said when no answer stands.
    """

    question: str
    when: Guards = ()
    answers: tuple[Answer, ...] = ()
    unknown: str
    settle: str


class Step(_Model):
    """One item for the checklist of next steps, shown when its guards hold.

    `settled_by` are facts, established ones, that leave nothing of it to do.
    """

    when: Guards = ()
    settled_by: Guards = ()
    text: str


class Harmless(_Model):
    """What looks like a failure and is none, if all of `when` is established.

    Facts of `ruled_out_by` speak against it, as they do against an answer.
    """

    when: Annotated[Guards, AfterValidator(_some)]
    ruled_out_by: Counters = ()
    text: str


class WhysTemplate(_Model):
    """One file of `templates/whys/`.

    `asks_first` names another one, whose questions, steps and false alarms come before its own.
    """

    name: str
    asks_first: str = ""
    whys: Annotated[tuple[Question, ...], AfterValidator(_some)]
    next_steps: tuple[Step, ...] = ()
    false_alarms: tuple[Harmless, ...] = ()


@dataclass(frozen=True, slots=True)
class WhysTemplates:
    """All whys templates by name; rendering errors name the file."""

    by_name: Mapping[str, WhysTemplate]
    places: Mapping[str, str]

    def of(self, name: str) -> Iterator[tuple[WhysTemplate, str]]:
        """Yield what is asked under a name, in order, each with its place; "" asks nothing."""
        template = self.by_name.get(name)
        if template is not None:
            yield from self.of(template.asks_first)
            yield template, self.places[name]


def load_whys(files: Iterable[tuple[str, str]]) -> WhysTemplates:
    """Read whys templates, given as (name to show, text).

    Raises:
        TemplateError: every mistake of every file, with file and line.

    """
    templates: dict[str, WhysTemplate] = {}
    places: dict[str, str] = {}
    mistakes: list[Mistake] = []
    read: list[Document] = []
    for name, text in sorted(files):
        try:
            documents = parse(text, name)
        except ConfigurationError as error:
            mistakes += error.mistakes
            continue
        read += documents
        for document in documents:
            template = _load(document, mistakes)
            if template is not None:
                mistakes += _taken(template, document, places)
                templates[template.name] = template
                places[template.name] = document.name
    for document in read:
        mistakes += _unknown(document, templates)
    if mistakes:
        raise TemplateError(sorted(mistakes))
    return WhysTemplates(templates, places)


def _load(document: Document, mistakes: list[Mistake]) -> WhysTemplate | None:
    try:
        template = WhysTemplate.model_validate(document.value)
    except ValidationError as error:
        mistakes += validation_mistakes(error, document, WhysTemplate)
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


def _unknown(document: Document, templates: Mapping[str, WhysTemplate]) -> Iterator[Mistake]:
    """Name a template to ask first that is not there, or that itself has one."""
    name = document.value.get("asks_first") if isinstance(document.value, dict) else None
    first = templates.get(str(name))
    if name and (first is None or first.asks_first):
        what = "asks another one first itself" if first else "is not there"
        yield document.mistake(f"asks_first names {name!r}, which {what}", ("asks_first",))


def _texts(template: WhysTemplate) -> Iterator[tuple[Path, str]]:
    """Yield every Jinja text of a template: a wrong one is refused before it is first needed."""
    for index, why in enumerate(template.whys):
        for key in ("question", "unknown", "settle"):
            yield ("whys", index, key), getattr(why, key)
        for number, candidate in enumerate(why.answers):
            for key in ("claim", "answer"):
                yield ("whys", index, "answers", number, key), getattr(candidate, key)
    for index, step in enumerate(template.next_steps):
        yield ("next_steps", index, "text"), step.text
    for index, item in enumerate(template.false_alarms):
        yield ("false_alarms", index, "text"), item.text
