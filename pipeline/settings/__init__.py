"""Every setting of `fivewhys run`: from one file, the environment and the command line.

The file is YAML, as are rules, catalog and suppressions: one syntax for all that a user writes,
and every mistake in it has a line. Its keys are the names of the environment's variables in small
letters, without `FIVEWHYS_`. The environment wins over the file, the command line over both.

What other rooms read from the environment themselves (`ELSEWHERE`) can stand in the file, too:
`Read.environment` is what they are given.
"""

from __future__ import annotations

from pipeline.settings.model import KNOWN, Settings, table
from pipeline.settings.reading import Read, read_settings
from pipeline.settings.values import GITHUB, QUARANTINE

__all__ = ["GITHUB", "KNOWN", "QUARANTINE", "Read", "Settings", "read_settings", "table"]
