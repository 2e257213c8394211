"""Logins and teams as GitHub names them; only what can be nothing else is taken for one."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"@?([A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:\[bot\])?)", re.ASCII)
_TEAM = re.compile(r"@?([A-Za-z0-9][A-Za-z0-9-]{0,99}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99})", re.ASCII)


def login_of(name: str) -> str:
    """Return the login that a name is (`ana` of `@ana`), "" if it is none."""
    match = _LOGIN.fullmatch(name)
    return match[1] if match else ""


def team_of(name: str) -> str:
    """Return the team that a name is (`example/backend` of `@example/backend`), "" if none."""
    match = _TEAM.fullmatch(name)
    return match[1] if match else ""
