"""Reading where issues go and what they are compared with, from the environment."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pipeline.bootstrap.reading import Mistakes, read_setting, read_span
from pipeline.errors import ConfigurationError, Mistake
from pipeline.tracker.routing import RoutingSettings
from pipeline.tracker.similar import SimilarSettings
from pipeline.tracker.storming import StormSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX: Final = "FIVEWHYS_GITHUB_"
REPOSITORIES: Final = f"{_PREFIX}REPOSITORIES"
LABELS: Final = f"{_PREFIX}LABELS"
ALLOWED_LABELS: Final = f"{_PREFIX}ALLOWED_LABELS"
ASSIGN: Final = f"{_PREFIX}ASSIGN"
MENTION_TEAMS: Final = f"{_PREFIX}MENTION_TEAMS"
SIMILAR: Final = f"{_PREFIX}SIMILAR"
SIMILAR_CLOSED: Final = f"{_PREFIX}SIMILAR_CLOSED"
ADOPT: Final = f"{_PREFIX}ADOPT"
STORM: Final = f"{_PREFIX}STORM"
STORM_WITHIN: Final = f"{_PREFIX}STORM_WITHIN"

_TEMPLATES: Final[Mapping[str, str]] = {
    "title": f"{_PREFIX}TITLE",
    "milestone": f"{_PREFIX}MILESTONE",
    "type": f"{_PREFIX}TYPE",
}
_NAMES: Final[Mapping[str, str]] = {
    **_TEMPLATES,
    "labels": LABELS,
    "repositories": REPOSITORIES,
}
"""The variable of each attribute that is checked."""

_BETWEEN = re.compile(r",(?![^{\n]*[}%]\})")
"""A comma outside of `{{ … }}` and `{% … %}`."""

_MOST: Final = 100
_LEAST: Final = 50
_MOST_OF_A_STORM: Final = 10_000


def read_routing(repository: str, environment: Mapping[str, str] = os.environ) -> RoutingSettings:
    """Read where issues go, and what they are given; `repository` is the one of all others.

    Raises:
        ConfigurationError: every mistake in the settings, each with the name of its variable.

    """
    mistakes = Mistakes()
    default = RoutingSettings()
    said: dict[str, Any] = {
        attribute: text
        for attribute, name in _TEMPLATES.items()
        if (text := environment.get(name, "").strip())
    }
    assigns = mistakes.attempt(
        lambda: read_setting(ASSIGN, default=True, environment=environment), otherwise=True
    )
    mentions = mistakes.attempt(
        lambda: read_setting(MENTION_TEAMS, default=False, environment=environment),
        otherwise=False,
    )
    labels, allowed = _listed(LABELS, environment), _listed(ALLOWED_LABELS, environment)
    settings = RoutingSettings(
        repositories=frozenset(_listed(REPOSITORIES, environment) or ()),
        labels=default.labels if labels is None else labels,
        allowed=allowed or default.allowed,
        assigns=assigns,
        mentions=mentions,
        **said,
    )
    mistakes.attempt(lambda: _check(settings), None)
    mistakes.raise_if_any()
    return replace(settings, repository=repository)


def read_similar(environment: Mapping[str, str] = os.environ) -> SimilarSettings:
    """Read how far new incidents are compared with issues of people's.

    Raises:
        ConfigurationError: every mistake in the settings.

    """
    mistakes = Mistakes()
    default = SimilarSettings()
    likeness = mistakes.attempt(
        lambda: _percent(environment, SIMILAR, default.link_from), default.link_from
    )
    span = mistakes.attempt(
        lambda: read_span(environment.get(SIMILAR_CLOSED, ""), SIMILAR_CLOSED), 0
    )
    adopts, adopt_from = mistakes.attempt(lambda: _adopting(environment), (True, 0))
    mistakes.raise_if_any()
    return replace(
        default,
        link_from=likeness or _MOST + 1,
        closed_within=span or default.closed_within,
        adopts=adopts,
        adopt_from=adopt_from,
        compares=bool(likeness or adopts),
    )


def read_storms(environment: Mapping[str, str] = os.environ) -> StormSettings:
    """Read how many incidents make a storm.

    Raises:
        ConfigurationError: every mistake in the settings.

    """
    mistakes = Mistakes()
    default = StormSettings()
    least = mistakes.attempt(lambda: _storm(environment), default.least)
    span = mistakes.attempt(lambda: read_span(environment.get(STORM_WITHIN, ""), STORM_WITHIN), 0)
    mistakes.raise_if_any()
    return StormSettings(least, span or default.within)


def _storm(environment: Mapping[str, str]) -> int:
    text = environment.get(STORM, "").strip() or str(StormSettings().least)
    if text.lower() == "false":
        return 0
    if not (text.isascii() and text.isdigit() and 1 < int(text) <= _MOST_OF_A_STORM):
        message = f"{text!r} is no number of incidents from 2 to {_MOST_OF_A_STORM:,}, nor false"
        raise ConfigurationError([Mistake(STORM, 0, message)])
    return int(text)


def _check(settings: RoutingSettings) -> None:
    """Check settings, and call what is wrong by its variable."""
    try:
        settings.check()
    except ConfigurationError as error:
        found = [Mistake(_NAMES.get(one.file, one.file), 0, one.message) for one in error.mistakes]
        raise ConfigurationError(found) from error


def _listed(name: str, environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return what a variable lists, by commas or one a line; None if it is not set."""
    text = environment.get(name)
    if text is None:
        return None
    parts = text.splitlines() if "\n" in text.strip() else _BETWEEN.split(text)
    return tuple(part.strip() for part in parts if part.strip())


def _percent(environment: Mapping[str, str], name: str, default: int) -> int:
    """Read a score in per cent; `false` is 0.

    Raises:
        ConfigurationError: it is none.

    """
    text = environment.get(name, "").strip().removesuffix("%").strip() or str(default)
    if text.lower() == "false":
        return 0
    if not (text.isascii() and text.isdigit() and _LEAST <= int(text) <= _MOST):
        message = f"{text!r} is no score; it is a number from {_LEAST} to {_MOST}, or false"
        raise ConfigurationError([Mistake(name, 0, message)])
    return int(text)


def _adopting(environment: Mapping[str, str]) -> tuple[bool, int]:
    """Read whether issues that name an incident are gone on in, and from which score others are."""
    text = environment.get(ADOPT, "").strip() or "true"
    if text.lower() in {"true", "false"}:
        return text.lower() == "true", 0
    return True, _percent(environment, ADOPT, 0)
