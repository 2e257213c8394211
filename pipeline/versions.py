"""Semantic versions, and how far a change goes: https://semver.org/spec/v2.0.0.html."""

from __future__ import annotations

import re
from enum import IntEnum

VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})")


class Step(IntEnum):
    """What a change does to a version: the larger, the more it may break."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


def following(version: str, step: Step) -> str:
    """Return the version that a step leads to from `version`; "" if that is none."""
    found = VERSION.fullmatch(version)
    if found is None:
        return ""
    major, minor, patch = map(int, found.groups())
    return {
        Step.NONE: version,
        Step.PATCH: f"{major}.{minor}.{patch + 1}",
        Step.MINOR: f"{major}.{minor + 1}.0",
        Step.MAJOR: f"{major + 1}.0.0",
    }[step]


def is_less(version: str, least: str) -> bool:
    """Return whether both are versions and the first is the lower one."""
    told, wanted = VERSION.fullmatch(version), VERSION.fullmatch(least)
    if told is None or wanted is None:
        return False
    return tuple(map(int, told.groups())) < tuple(map(int, wanted.groups()))
