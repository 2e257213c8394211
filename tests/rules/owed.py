"""Rules that still lack entries for a wording, or a reference with a version, by their area.

It may only shrink: a test fails when a rule in it lacks nothing.
"""

WORDINGS: dict[str, str] = {}
SOURCES: dict[str, str] = {}
