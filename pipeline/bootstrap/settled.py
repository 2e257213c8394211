"""What a replay is told by the settings of `fivewhys run`, where no option says it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.bootstrap.replaying import ReplayOptions

PROJECT = "GOOGLE_CLOUD_PROJECT"


def settled(options: ReplayOptions) -> ReplayOptions:
    """Return the options, with the settings where nothing was said."""
    if options.from_logging is None or options.project:
        return options
    from pipeline.settings import read_settings

    settings = read_settings({}, needed=()).settings
    return replace(options, project=settings.logging_project or os.environ.get(PROJECT, ""))
