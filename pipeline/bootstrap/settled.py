"""What a replay, also one to explain or compare, is told: by options, else by the settings."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pipeline.bootstrap.keeping import IN_MEMORY
from pipeline.incident import PRIORITIES

if TYPE_CHECKING:
    from pipeline.bootstrap.replaying import ReplayOptions
    from pipeline.settings import Read

GITHUB: Final = "github"
PREFIX: Final = "FIVEWHYS_"
PROJECT: Final = "GOOGLE_CLOUD_PROJECT"

FIELDS: Final = (
    "catalog",
    "investigators",
    "min_priority",
    "placeholders",
    "probe",
    "repo",
    "rules",
    "store",
    "suppressions",
)
"""Settings that are options of a replay, too, by the same name."""

NAMED: Final = ("placeholders", "suppressions")
"""Who reads these files finds them in the environment, and names the variable in a mistake."""


def settled(options: ReplayOptions) -> ReplayOptions:
    """Return the options, with the settings where nothing was said ("", None or empty).

    What is wrong with the settings is part of what is returned (`read`); it may be that there are
    none, as long as the environment names no setting.
    """
    found = (
        _with_settings(options) if any(name.startswith(PREFIX) for name in os.environ) else options
    )
    return replace(
        found,
        store=found.store or IN_MEMORY,
        min_priority=found.min_priority or PRIORITIES[-1],
        project=found.project or os.environ.get(PROJECT, ""),
    )


def _with_settings(options: ReplayOptions) -> ReplayOptions:
    read = _read(options)
    settings, to_github = read.settings, GITHUB in options.sinks
    files = {key: getattr(settings, key) for key in NAMED}
    files = {key: "" if os.environ.get(f"{PREFIX}{key.upper()}") else files[key] for key in files}
    return replace(
        options,
        catalog=options.catalog or settings.catalog,
        investigators=options.investigators or settings.investigators,
        min_priority=options.min_priority or settings.min_priority,
        placeholders=options.placeholders or files["placeholders"],
        probe=options.probe or settings.probe,
        project=options.project or settings.logging_project,
        repo=options.repo or settings.repo,
        rules=options.rules or settings.rules,
        store=options.store or (settings.store if to_github else ""),
        suppressions=options.suppressions or files["suppressions"],
        rehearses=to_github and settings.dry_run,
        read=read,
    )


def _read(options: ReplayOptions) -> Read:
    """Read the settings; what an option says in place of one is checked by who takes it.

    Where reports go is said by options alone.
    """
    from pipeline.settings import Settings, read_settings

    given: dict[str, Any] = {
        key: Settings.model_fields[key].default for key in FIELDS if getattr(options, key)
    }
    return read_settings({**given, "sinks": (GITHUB,)}, needed=())
