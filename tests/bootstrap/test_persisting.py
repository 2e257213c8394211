"""What fails in a run that never ends is tried again; too often in a row, it is an error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn

import pytest

from pipeline.bootstrap.serving import Parts, Service
from pipeline.errors import SourceError, StoreError
from pipeline.retrying import Retrying
from pipeline.stores.memory import MemoryStore

if TYPE_CHECKING:
    from pipeline.live import Live

QUICK = Retrying(tries=3, first=0.01, longest=0.02)


def away(_holder: str) -> Live:
    """Build nobody who correlates."""
    message = "the store is away"
    raise StoreError(message)


def test_a_failure_is_a_warning_and_then_an_error() -> None:
    """It goes on for as long as the run does, and is counted."""
    said: list[tuple[str, str]] = []
    service = Service(
        Parts(
            store=MemoryStore(),
            receivers=(),
            live=away,
            holder="here",
            ends_after=1,
            retrying=QUICK,
            aside=0.01,
            log=lambda severity, text, **_: said.append((severity, text)),
        )
    )
    service.run()
    told = [severity for severity, text in said if "the store is away" in text]
    assert told[:4] == ["WARNING", "WARNING", "ERROR", "ERROR"]
    assert service.vitals.retries["correlate"] == len(told)


class Broken:
    """A receiver whose subscription is not there."""

    def __init__(self) -> None:
        self.asked = 0

    def step(self) -> NoReturn:
        """Fail as no retry mends it."""
        self.asked += 1
        message = "it does not exist"
        raise SourceError(message)


def test_what_no_retry_mends_ends_the_run() -> None:
    """At once, with the reason."""
    broken = Broken()
    service = Service(
        Parts(
            store=MemoryStore(),
            receivers=(broken,),  # type: ignore[arg-type]
            live=away,
            holder="here",
            retrying=QUICK,
        )
    )
    begun = time.monotonic()
    with pytest.raises(SourceError, match="it does not exist"):
        service.run()
    assert time.monotonic() - begun < 30
    assert broken.asked == 1
