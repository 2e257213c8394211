"""Where an incident's issue goes, and to whom: repository, title, labels, people, and the rest.

Templates are those of `pipeline.templating` and come from settings; what they are given may come
from logs, so whatever they render is made harmless, shortened to what GitHub takes and, if it is a
name that has to exist, held against what the repository has. What was left out is said, and why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from pipeline import markdown
from pipeline.errors import ConfigurationError, Mistake, TemplateError
from pipeline.templating import render_text, used_names
from pipeline.tracker.asking import RESERVED
from pipeline.tracker.people import login_of, team_of
from pipeline.tracker.writing import ASSIGNEES
from pipeline.verdicts import assignee_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pipeline.catalog import Catalog
    from pipeline.facts import Fact
    from pipeline.incident import Incident

LABEL_LIMIT: Final = 50
"""Characters that GitHub accepts in the name of a label."""

CODE_OWNERS: Final = "code_owners"
"""The kind of fact that says who owns a file by CODEOWNERS."""

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
        priority: likewise, of the value of the tracker's own field; none by default, as a label
            says it.

    """

    repository: str = ""
    repositories: frozenset[str] = frozenset()
    title: str = "[{{ priority }}] {{ title }}"
    label: str = "fivewhys"
    labels: tuple[str, ...] = ("{{ priority }}", "{{ signature }}")
    allowed: tuple[str, ...] = ("*",)
    most_labels: int = 8
    assigns: bool = True
    most_assignees: int = 3
    mentions: bool = False
    milestone: str = ""
    type: str = ""
    priority: str = ""

    def check(self) -> None:
        """Check everything that can be checked before there is an incident.

        Raises:
            ConfigurationError: what is wrong, all of it; the file is the name of the attribute.

        """
        mistakes = [*_repository_mistakes(self), *_template_mistakes(self)]
        if mistakes:
            raise ConfigurationError(mistakes)


@dataclass(frozen=True, slots=True)
class Offers:
    """What a repository has to give, as far as anybody asked; None is taken to be anything.

    `assignees` are logins that can be assigned, the others titles and names.
    """

    assignees: Collection[str] | None = None
    milestones: Collection[str] | None = None
    types: Collection[str] | None = None
    priorities: Collection[str] | None = None


ANYTHING: Final = Offers()


@dataclass(frozen=True, slots=True)
class Route:
    """What `Wanted` needs that is no report; names without `@`.

    `lines` are Markdown for `Wanted.links`, such as the teams, which GitHub cannot assign. `notes`
    say in plain text what was left out, and why.
    """

    repository: str
    title: str
    labels: tuple[str, ...]
    assignees: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    milestone: str = ""
    type: str = ""
    priority: str = ""
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Rendering:
    """Renders the templates for one incident, and collects what is left out."""

    values: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def text(self, template: str, name: str) -> str:
        """Render a template to one visible line."""
        return " ".join(markdown.visible(render_text(template, self.values, name)).split())

    def one_of(self, template: str, name: str, offered: Collection[str] | None) -> str:
        """Render a template to what is offered under its name, "" if nothing is."""
        said = self.text(template, name) if template else ""
        if not said or offered is None:
            return said
        found = {one.casefold(): one for one in offered}.get(said.casefold(), "")
        if not found:
            self.notes.append(f"the repository has no {name} {said!r:.100}")
        return found


def repository_of(incident: Incident, catalog: Catalog, settings: RoutingSettings) -> str:
    """Return the repository that an incident's issue goes to (`owner/name`)."""
    allowed = {name.casefold() for name in settings.repositories}
    for key in _keys(incident, catalog):
        name = catalog.service(key).repository
        if name.casefold() in allowed:
            return name
    return settings.repository


def route(
    incident: Incident,
    catalog: Catalog,
    facts: Iterable[Fact],
    settings: RoutingSettings,
    offers: Offers = ANYTHING,
) -> Route:
    """Return what an incident's issue is given in its repository, which has `offers`.

    Raises:
        TemplateError: a template is none, or it raised.

    """
    rendering = _Rendering(_values(incident))
    people, teams = _people(incident, catalog, facts, settings)
    assignees = [*_assignees(people, rendering, offers)]
    return Route(
        repository_of(incident, catalog, settings),
        markdown.title(render_text(settings.title, rendering.values, "title")),
        _labels(rendering, settings),
        tuple(assignees),
        tuple(teams),
        rendering.one_of(settings.milestone, "milestone", offers.milestones),
        rendering.one_of(settings.type, "type", offers.types),
        rendering.one_of(settings.priority, "priority", offers.priorities),
        tuple(_lines(teams, mentions=settings.mentions)),
        tuple(rendering.notes),
    )


def _values(incident: Incident) -> dict[str, Any]:
    root = incident.root
    return {
        "level": root.level,
        "priority": incident.priority,
        "rule": root.rule,
        "service": "".join(root.services[:1]),
        "services": incident.services,
        "signature": root.signature,
        "state": str(incident.state),
        "title": incident.title,
    }


def _keys(incident: Incident, catalog: Catalog) -> Iterator[str]:
    """Yield the services of the root as the catalog names them."""
    named = dict.fromkeys(map(catalog.service_of, incident.root.services))
    return (key for key in named if key)


# --- labels ---------------------------------------------------------------------------------------


def _labels(rendering: _Rendering, settings: RoutingSettings) -> tuple[str, ...]:
    """Return ours and the further ones that are allowed, each once, whatever its case."""
    made = {settings.label.casefold(): settings.label}
    for template in settings.labels:
        name = _label(rendering.text(template, "labels"))
        reason = _why_not(name, made, settings)
        if reason:
            rendering.notes.append(f"no label {name!r}: {reason}")
        elif name:
            made.setdefault(name.casefold(), name)
    return tuple(made.values())


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


def _people(
    incident: Incident, catalog: Catalog, facts: Iterable[Fact], settings: RoutingSettings
) -> tuple[list[str], list[str]]:
    """Return the logins to be assigned and the teams to be named, the nearest first.

    Whom people named is assigned alone; else those whom the catalog names for the services of the
    root, then those of the code that the facts are about. Teams are named in any case. What has no
    `@`, such as an e-mail address, names no account.
    """
    named = assignee_of(incident.verdicts)
    owners = [*_owners(incident, catalog, facts)]
    assigned = [named] if named else owners if settings.assigns else []
    logins = _each(login_of(name) for name in assigned if name.startswith("@"))
    teams = _each(team_of(name) for name in (named, *owners) if name.startswith("@"))
    return [*islice(logins, min(settings.most_assignees, ASSIGNEES))], [*teams]


def _owners(incident: Incident, catalog: Catalog, facts: Iterable[Fact]) -> Iterator[str]:
    """Yield who owns the services of the root, then who owns code, as they are named."""
    told: list[Sequence[object]] = [catalog.service(key).owners for key in _keys(incident, catalog)]
    for fact in facts:
        owners = fact.data.get("owners", ())
        if fact.kind == CODE_OWNERS and not fact.suggested and isinstance(owners, list | tuple):
            told.append(owners)
    return (str(name) for names in told for name in names)


def _each(names: Iterable[str]) -> Iterator[str]:
    """Yield each name once, whatever its case, and no empty one."""
    seen = {""}
    for name in names:
        if name.casefold() not in seen:
            seen.add(name.casefold())
            yield name


def _assignees(people: Iterable[str], rendering: _Rendering, offers: Offers) -> Iterator[str]:
    can = None if offers.assignees is None else {name.casefold() for name in offers.assignees}
    for name in people:
        if can is None or name.casefold() in can:
            yield name
        else:
            rendering.notes.append(f"{name} cannot be assigned to issues of the repository")


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
    named = ("title", "milestone", "type", "priority")
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
