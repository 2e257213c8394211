"""GitHub's limits on calls: so many an hour, and fewer at once.

The numbers are GitHub's own, of its documentation on rate limits for the REST API.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .answers import primary_limit, secondary_limit

if TYPE_CHECKING:
    from datetime import datetime

HOUR = 3600.0
MINUTE = 60.0
RETRY_AFTER = 60
_POINTS_OF_A_WRITE = 5


@dataclass(slots=True)
class Account:
    """What one caller used: calls since `began`, writes and points with their times."""

    began: float
    used: int = 0
    writes: list[float] = field(default_factory=list)
    points: list[tuple[float, int]] = field(default_factory=list)


@dataclass(slots=True)
class Limits:
    """Calls an hour, writes (of issues, comments, labels) an hour and a minute, points a minute."""

    an_hour: int = 5000
    writes_an_hour: int = 500
    writes_a_minute: int = 80
    points_a_minute: int = 900
    accounts: dict[str, Account] = field(default_factory=dict)

    def charge(self, login: str, *, write: bool, now: datetime) -> None:
        """Count a call; raise Refusal (403) when a limit is reached."""
        at = now.timestamp()
        account = self._account(login, at)
        if account.used >= self.an_hour:
            raise primary_limit(f"user {login}")
        account.used += 1
        account.points = [each for each in account.points if each[0] > at - MINUTE]
        account.points.append((at, _POINTS_OF_A_WRITE if write else 1))
        if sum(points for _, points in account.points) > self.points_a_minute:
            raise secondary_limit(RETRY_AFTER)
        if write:
            self._charge_write(account, at)

    def refund(self, login: str, now: datetime) -> None:
        """Take a call back: an unchanged answer costs nothing."""
        self._account(login, now.timestamp()).used -= 1

    def headers(self, login: str, now: datetime) -> dict[str, str]:
        """Say how much is left, as headers."""
        said = self.said(login, now)
        return {f"X-RateLimit-{key.title()}": str(value) for key, value in said.items()}

    def said(self, login: str, now: datetime) -> dict[str, int | str]:
        """Say how much is left."""
        account = self._account(login, now.timestamp())
        return {
            "limit": self.an_hour,
            "remaining": self.an_hour - account.used,
            "used": account.used,
            "reset": int(account.began + HOUR) + 1,
            "resource": "core",
        }

    def _account(self, login: str, at: float) -> Account:
        account = self.accounts.setdefault(login, Account(at))
        if at >= account.began + HOUR:
            account.began, account.used = at, 0
        return account

    def _charge_write(self, account: Account, at: float) -> None:
        account.writes = [each for each in account.writes if each > at - HOUR]
        recent = sum(each > at - MINUTE for each in account.writes)
        if len(account.writes) >= self.writes_an_hour or recent >= self.writes_a_minute:
            raise secondary_limit(RETRY_AFTER)
        account.writes.append(at)
