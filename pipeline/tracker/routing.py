"""Where an incident's issue goes, and to whom: repository, title, labels, people, and the rest.

What is asked is the incident as it was recorded, with what catalog and CODEOWNERS said then: issues
are filed long after a run, by settings that may have changed since. Templates are those of
`pipeline.templating` and come from settings; what they are given may come from logs, so whatever
they render is made harmless, shortened to what GitHub takes and, if it is a name that has to exist,
held against what the repository has. What was left out is said, and why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol

from pipeline import markdown
from pipeline.errors import ConfigurationError, Mistake, TemplateError
from pipeline.templating import render_text, used_names
from pipeline.tracker.asking import RESERVED
from pipeline.tracker.model import Issue
from pipeline.tracker.people import login_of, team_of
from pipeline.tracker.writing import ASSIGNEES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from pipeline.document import IncidentDocument, SymptomDocument
    from pipeline.tracker.model import Wanted

LABEL: Final = "fivewhys"
"""What all our issues bear, so that they can be listed."""

LABEL_LIMIT: Final = 50
"""Characters that GitHub accepts in the name of a label."""

TITLE: Final = "[{{ priority }}] {{ title }}"
"""The template of titles, unless there is another one, or where that one raises."""

NAMES: Final = frozenset(
    {"level", "priority", "rule", "service", "services", "signature", "state", "title"}
)
"""What a template can use.

`title` is `service: what the root says`, `service` the root's first as it is logged (or ""),
`services` all of the incident; `rule`, `signature` and `level` are the root's.
"""

_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """Where issues go and what they are given; templates may use `NAMES`.

    Attributes:
        repository: `owner/name` of where issues go that the catalog says nothing about.
        repositories: others to which they may go when the catalog names them for a service of the
            root: it names repositories for other ends, too.
        title: its template.
        label: ours, by which issues are listed; every issue has it.
        labels: templates of further ones; one that renders to nothing is left out.
        allowed: names that further labels may have, with `*` and `?`; any by default.
        most_labels: how many there are at most, ours among them.
        assigns: whether the owners of service and code are assigned; whom people named always is.
        most_assignees: how many are assigned.
        mentions: whether teams are mentioned, which notifies them, or only named.
        milestone: template of the title of one that there is; none by default.
        type: likewise, of the issue's type.

    """

    repository: str = ""
    repositories: frozenset[str] = frozenset()
    title: str = TITLE
    label: str = LABEL
    labels: tuple[str, ...] = ("{{ priority }}", "{{ signature }}")
    allowed: tuple[str, ...] = ("*",)
    most_labels: int = 8
    assigns: bool = True
    most_assignees: int = 3
    mentions: bool = False
    milestone: str = ""
    type: str = ""

    def check(self) -> None:
        """Check everything that can be checked before there is an incident.

        Raises:
            ConfigurationError: what is wrong, all of it; the file is the name of the attribute.

        """
        mistakes = [*_repository_mistakes(self), *_template_mistakes(self)]
        if mistakes:
            raise ConfigurationError(mistakes)


class Offers(Protocol):
    """What a repository has to give; each is asked for when it is first needed."""

    def is_assignable(self, login: str) -> bool:
        """Whether issues can be assigned to somebody."""

    @property
    def milestones(self) -> Collection[str]:
        """The titles of its milestones."""

    @property
    def types(self) -> Collection[str]:
        """The names of the types that its issues may have."""


@dataclass(frozen=True, slots=True)
class Route:
    """What `Wanted` needs that is no report; names without `@`.

    `lines` are Markdown for `Wanted.links`, such as the teams, which GitHub cannot assign. `notes`
    say in plain text what was left out, and why.
    """

    title: str
    labels: tuple[str, ...]
    assignees: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    milestone: str = ""
    type: str = ""
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Rendering:
    """Renders the templates for one incident; one that raises is left out, and that is noted."""

    values: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)

    def text(self, template: str, name: str, otherwise: str = "") -> str:
        """Render a template, or the one to take instead, to one visible line."""
        try:
            said = render_text(template, self.values, name) if template else ""
        except TemplateError as error:
            self.notes.extend(f"{name}: {one.message}" for one in error.mistakes)
            said = render_text(otherwise, self.values, name)
        return " ".join(markdown.visible(said).split())


def repository_of(document: IncidentDocument, settings: RoutingSettings) -> str:
    """Return the repository that an incident's issue goes to (`owner/name`)."""
    allowed = {name.casefold() for name in settings.repositories}
    named = (name for name in document.repositories if name.casefold() in allowed)
    return next(named, settings.repository)


def route(document: IncidentDocument, settings: RoutingSettings) -> Route:
    """Return what an incident's issue is given; what one of them makes raise stops no other."""
    rendering = _Rendering(_values(document))
    people, teams = _people(document, settings)
    names = [rendering.text(template, "labels") for template in settings.labels]
    labels, notes = labelled(names, settings)
    return Route(
        markdown.title(rendering.text(settings.title, "title", TITLE)),
        labels,
        tuple(people),
        tuple(teams),
        rendering.text(settings.milestone, "milestone"),
        rendering.text(settings.type, "type"),
        tuple(_lines(teams, mentions=settings.mentions)),
        (*rendering.notes, *notes),
    )


def fitted(wanted: Wanted, issue: Issue | None, offers: Offers) -> Wanted:
    """Return what an incident wants, less what its repository does not have, and say that.

    GitHub would refuse the rest with it. `issue` is the one that it has, if any: what stands there
    is not asked for.
    """
    notes = [*wanted.notes]
    stands = issue or Issue(0)
    has = {name.casefold() for name in stands.assignees}
    people = []
    for login in wanted.assignees:
        if login.casefold() in has or offers.is_assignable(login):
            people.append(login)
        else:
            notes.append(f"{login} cannot be assigned to issues of the repository")
    milestone = _one_of(wanted.milestone, stands.milestone, lambda: offers.milestones)
    kind = _one_of(wanted.type, stands.type, lambda: offers.types)
    for name, said, found in (
        ("milestone", wanted.milestone, milestone),
        ("type", wanted.type, kind),
    ):
        if said and not found:
            notes.append(f"the repository has no {name} {said!r:.100}")
    return replace(
        wanted, assignees=tuple(people), milestone=milestone, type=kind, notes=tuple(notes)
    )


def _one_of(said: str, stands: str, offered: Callable[[], Collection[str]]) -> str:
    """Return a name as it is written there, "" if it is not there."""
    if not said or said.casefold() == stands.casefold():
        return stands if said else ""
    return {one.casefold(): one for one in offered()}.get(said.casefold(), "")


def _values(document: IncidentDocument) -> dict[str, Any]:
    root = root_of(document)
    return {
        "level": root.level,
        "priority": document.priority,
        "rule": root.rule,
        "service": "".join(root.services[:1]),
        "services": tuple(document.services),
        "signature": root.signature,
        "state": document.state,
        "title": document.title,
    }


def root_of(document: IncidentDocument) -> SymptomDocument:
    """Return the symptom that no other explains."""
    symptoms = document.symptoms
    found = (one for one in symptoms if one.fingerprint == document.fingerprint)
    return next(found, symptoms[0])


# --- labels ---------------------------------------------------------------------------------------


def labelled(
    names: Iterable[str], settings: RoutingSettings
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return our label and those that are allowed, each once, whatever its case; and notes."""
    made, notes = {settings.label.casefold(): settings.label}, []
    for name in map(_label, names):
        reason = _why_not(name, made, settings)
        if reason:
            notes.append(f"no label {name!r}: {reason}")
        elif name:
            made.setdefault(name.casefold(), name)
    return tuple(made.values()), tuple(notes)


def _label(text: str) -> str:
    """Return the name of a label; GitHub lists issues by names with commas between them."""
    name = " ".join(text.replace(",", " ").split())
    return markdown.truncate(name, LABEL_LIMIT, "…")


def _why_not(name: str, made: Collection[str], settings: RoutingSettings) -> str:
    folded = name.casefold()
    if not name or folded in made:
        return ""
    if folded.startswith(RESERVED):
        return f"one that begins with {RESERVED} is a command"
    if not any(fnmatchcase(folded, pattern.casefold()) for pattern in settings.allowed):
        return "it is not among those allowed"
    if len(made) >= settings.most_labels:
        return f"there are {settings.most_labels} already"
    return ""


# --- people ---------------------------------------------------------------------------------------


def _people(document: IncidentDocument, settings: RoutingSettings) -> tuple[list[str], list[str]]:
    """Return the logins to be assigned and the teams to be named, the nearest first.

    Whom people named is assigned alone; else the owners of the services, then those of the code.
    Teams are named in any case. What has no `@`, such as an e-mail address, names no account.
    """
    named, owners = document.assigned_to, document.owners
    assigned = [named] if named else owners if settings.assigns else []
    logins = _each(login_of(name) for name in assigned if name.startswith("@"))
    teams = _each(team_of(name) for name in (named, *owners) if name.startswith("@"))
    return [*islice(logins, min(settings.most_assignees, ASSIGNEES))], [*teams]


def _each(names: Iterable[str]) -> Iterator[str]:
    """Yield each name once, whatever its case, and no empty one."""
    seen = {""}
    for name in names:
        if name.casefold() not in seen:
            seen.add(name.casefold())
            yield name


def _lines(teams: Sequence[str], *, mentions: bool) -> Iterator[str]:
    if teams:
        named = (f"@{team}" if mentions else markdown.code(f"@{team}") for team in teams)
        yield f"Looked after by {', '.join(named)}."


# --- mistakes -------------------------------------------------------------------------------------


def _repository_mistakes(settings: RoutingSettings) -> Iterator[Mistake]:
    named = [("repository", settings.repository)] if settings.repository else []
    for attribute, name in (*named, *(("repositories", one) for one in settings.repositories)):
        if not _REPOSITORY.fullmatch(name):
            yield Mistake(attribute, 0, f"{name!r} is no repository, such as example/platform")


def _template_mistakes(settings: RoutingSettings) -> Iterator[Mistake]:
    named = ("title", "milestone", "type")
    scalars = ((name, getattr(settings, name)) for name in named)
    for attribute, template in (*scalars, *(("labels", one) for one in settings.labels)):
        try:
            unknown = sorted(used_names(template, attribute) - NAMES)
        except TemplateError as error:
            yield from error.mistakes
            continue
        if unknown:
            known = ", ".join(sorted(NAMES))
            yield Mistake(attribute, 0, f"{template!r} uses {', '.join(unknown)}; there is {known}")
