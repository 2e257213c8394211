"""Being the only one who correlates in a store, for as long as a replay takes.

What a replay records is worked out from what the store held when it began. A service that went on
meanwhile would know nothing of it, and write its own over it.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from pipeline.audit import SECOND
from pipeline.bootstrap.tenure import LEASED, RENEWED
from pipeline.errors import StoreError
from pipeline.live import LEASE
from pipeline.ports import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.ports import Store

PAUSE: Final = 0.2
"""Seconds between two looks whether the lease is free."""


@contextmanager
def alone(store: Store, *, leased: int = LEASED, renewed: float = RENEWED) -> Iterator[Lease]:
    """Hold the lease of who correlates, and give it back when done.

    It holds for `leased` (ns), and a thread renews it every `renewed` seconds. One that a killed
    process left is waited for until it is over.

    Raises:
        StoreError: somebody else holds it and goes on, or the store cannot be written.

    """
    holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    lease = Lease(LEASE, holder)
    _take(store, lease, leased, leased / SECOND + renewed)
    keeper = _Keeper(store, lease, leased, renewed)
    _KEEPERS.append(keeper)
    keeper.begin()
    try:
        yield lease
    finally:
        _KEEPERS.remove(keeper)
        keeper.end()  # it would else renew what was given back
        with suppress(StoreError):
            store.release(*lease)


def _take(store: Store, lease: Lease, leased: int, patience: float) -> None:
    """Take the lease, after so many seconds of patience at most.

    Raises:
        StoreError: somebody else holds it.

    """
    until = time.monotonic() + patience
    while not store.lease(*lease, (now := time.time_ns()) + leased, now):
        if time.monotonic() >= until:
            raise StoreError(_refusal(store.holder(lease.name)))
        time.sleep(PAUSE)


def _refusal(holder: str) -> str:
    return (
        f"{holder or 'another process'} correlates there, as `fivewhys run` does, and would write "
        "over what a replay adds: stop it until the replay is done, or name another --store"
    )


class _Keeper:
    """Renews a lease, in a thread that may pause; one that is lost stays lost."""

    def __init__(self, store: Store, lease: Lease, leased: int, renewed: float) -> None:
        self._store, self._lease = store, lease
        self._leased, self._renewed = leased, renewed
        self._is_lost = False

    def begin(self) -> None:
        """Go on renewing."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="lease", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop for now; no thread is there then."""
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._is_lost and not self._over.wait(self._renewed):
            with suppress(StoreError):  # what fails for a moment is tried again in time
                self._is_lost = not self._renew()

    def _renew(self) -> bool:
        """Renew the lease; return whether it is still held: who records asks for it."""
        return self._store.renew(*self._lease, time.time_ns() + self._leased)


_KEEPERS: Final[list[_Keeper]] = []


def _pause() -> None:
    for keeper in _KEEPERS:
        keeper.end()


def _resume() -> None:
    for keeper in _KEEPERS:
        keeper.begin()


if hasattr(os, "register_at_fork"):  # what a thread holds at that moment is held for ever there
    os.register_at_fork(before=_pause, after_in_parent=_resume, after_in_child=_KEEPERS.clear)
