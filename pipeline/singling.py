"""A receipt that can never be recorded: found by reading one at a time, and put into quarantine.

What came from outside must not keep all else from being correlated, whatever it is; and a store
that fails must not cost a receipt. So nothing leaves the inbox unless it alone makes steps fail
again and again, while what needs no receipt succeeds; and then one only, until others went well,
which are looked for beyond the next one that fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from traceback import extract_tb
from typing import TYPE_CHECKING, Final, NamedTuple

from pipeline import receipts
from pipeline.entry import format_timestamp
from pipeline.errors import FivewhysError, LeaseLostError, NewerError
from pipeline.live import AT_ONCE, LEASE, Step
from pipeline.ports import Poison
from pipeline.retrying import Retrying

if TYPE_CHECKING:
    from pipeline.live import Live
    from pipeline.ports import Inbox, Outcome

REASON: Final = 4_000
"""Characters of a reason that are kept."""


class Refused(NamedTuple):
    """A receipt that is in quarantine now, by its name there, and the reason."""

    name: str
    reason: str


@dataclass(slots=True)
class Singling:
    """Makes the steps of a `holder` of the lease, and finds out which receipt makes them fail.

    Once steps failed as often as `retrying` allows, one receipt is read at a time, and after each
    success twice as many (`at_once`), until all are read again as ever. One that fails as often
    alone goes into quarantine. If the next one does so, too, before any receipt was recorded, the
    fault may be in none of them: it stays, until one of those `beyond` it, each of which is read
    once, can be recorded.
    """

    inbox: Inbox
    holder: str
    retrying: Retrying = field(default_factory=Retrying)
    at_once: int = AT_ONCE
    _failed: int = 0
    _suspect: int = 0
    _stays: int = 0
    _beyond: int = 0
    _has_refused: bool = False

    def step(
        self, live: Live, now: int, *, is_current: bool, keeps_up: bool = False
    ) -> Step | Refused:
        """Make a step (`Live.step`), or put away what makes it fail: then begin with a new one.

        Raises:
            LeaseLostError: another one correlates now.
            NewerError: a newer fivewhys has to, as it wrote a receipt: nothing is wrong with it.
            FivewhysError: the step failed, by what is read of receipts or by what the store says;
                begin again with a new one.

        """
        before = self._without(live, now) if self.at_once == 1 else ()
        try:
            step = live.step(
                now,
                is_current=is_current,
                keeps_up=keeps_up,
                at_once=self.at_once,
                beyond=self._beyond,
            )
        except (LeaseLostError, NewerError):
            raise
        except Exception as error:  # noqa: BLE001 - our own mistake: one receipt must not stop all
            return self._judge(error, now)
        if self._beyond and not step.receipts:
            self._beyond = 0
            raise FivewhysError(self._why())
        self._go_on(step.receipts)
        return Step(step.receipts, (*before, *step.outcomes))

    def _without(self, live: Live, now: int) -> tuple[Outcome, ...]:
        """Make a step that reads no receipt: what fails then is no receipt's fault."""
        try:
            return live.step(now, is_current=False, at_once=0).outcomes
        except FivewhysError:
            raise
        except Exception as error:  # our own mistake: tried again as well
            raise _tried_again(error) from error

    def _go_on(self, count: int) -> None:
        """Read more at once after a success; all as ever where nothing is left."""
        self._failed = 0
        self._has_refused = self._has_refused and not count
        is_all = count < self.at_once
        self._stays = self._beyond = 0
        self.at_once = AT_ONCE if is_all else min(2 * self.at_once, AT_ONCE)

    def _judge(self, error: Exception, now: int) -> Refused:
        """Read fewer at once, or put away the one that was read alone."""
        if self.at_once > 1:
            self._failed += 1
            if self.at_once < AT_ONCE or self.retrying.is_over(self._failed):
                self.at_once, self._failed = 1, 0
            raise _tried_again(error)
        found = self.inbox.receipts(1, self._beyond)
        if not found:
            raise _tried_again(error)
        ((number, receipt),) = found
        self._failed = self._failed + 1 if number == self._suspect else 1
        self._suspect = number
        if not self._stays and not self.retrying.is_over(self._failed):
            raise _tried_again(error)
        if self._has_refused:
            self._stays, self._beyond = self._stays or number, number
            raise _tried_again(error, self._why())
        return self._refuse(number, receipt, error, now)

    def _why(self) -> str:
        return f"receipt {self._stays} stays: another one was put into quarantine before"

    def _refuse(self, number: int, receipt: bytes, error: Exception, now: int) -> Refused:
        # Databases may give a number again, once its row is gone: the time is part of the name.
        name = f"{receipts.NAMED}{number} {format_timestamp(now)}"
        reason = _said(error)[:REASON]
        poison = Poison(name, reason, receipts.text_of(receipt), now)
        self.inbox.refuse(number, poison, LEASE, self.holder)
        self._has_refused, self._failed = True, 0
        return Refused(name, reason)


def _tried_again(error: Exception, more: str = "") -> FivewhysError:
    """Return what a step failed by as an error that is tried again."""
    if isinstance(error, FivewhysError) and not more:
        return error
    return FivewhysError("; ".join(filter(None, (_said(error), more))))


def _said(error: Exception) -> str:
    """Return an error in words; of a mistake of our own also where it was made."""
    if isinstance(error, FivewhysError):
        return str(error)
    place = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {place.name}, line {place.lineno}: {error}"
