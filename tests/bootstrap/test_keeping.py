"""Opening a store: for how long one that is not up yet is waited for, and who waits how long."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap.keeping import open_kept_store, open_patiently
from pipeline.bootstrap.pruning import size
from pipeline.errors import StoreError
from pipeline.retrying import Retrying
from pipeline.stores.sql.store import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STANDARD = 9
"""Seconds, fewer than the time-out that there is if none is said."""

RETRYING = Retrying(timeout=0.05, tries=4, first=1)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    """Make a store."""
    path = tmp_path / "store.db"
    SqlStore(f"sqlite:///{path}").close()
    return path


@pytest.fixture(name="busy")
def _busy(path: Path) -> Iterator[sqlite3.Connection]:
    """Keep it locked, until it is rolled back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_store_that_is_not_up_yet_is_waited_for(path: Path, busy: sqlite3.Connection) -> None:
    """Longer each time; whoever watches is told."""
    said: list[str] = []
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            busy.rollback()

    with open_patiently(
        f"sqlite:///{path}", RETRYING, lambda error: said.append(str(error)), sleep
    ) as store:
        assert store.backlog() == 0
    assert len(said) == 3
    assert all("has kept it locked for too long" in text for text in said)
    assert [round(1.5 * pause / (1 << at)) for at, pause in enumerate(pauses)] == [1, 1, 1]


def test_it_is_not_waited_for_ever(path: Path, busy: sqlite3.Connection) -> None:
    """As often as the environment says, and never where that cannot help."""
    assert busy.in_transaction
    said: list[StoreError] = []
    with pytest.raises(StoreError, match="has kept it locked"):
        open_patiently(f"sqlite:///{path}", RETRYING, said.append, lambda _: None)
    assert len(said) == RETRYING.tries - 1
    path.with_name("text").write_text("no database" * 99, encoding="utf-8")
    with pytest.raises(StoreError, match="it is no SQLite database"):
        open_patiently(f"sqlite:///{path.with_name('text')}", RETRYING, said.append)
    assert len(said) == RETRYING.tries - 1


@pytest.mark.parametrize("command", [lambda url: open_kept_store(url).__enter__(), size])
def test_commands_wait_as_long_as_the_environment_says(
    command: Callable[[str], object],
    path: Path,
    busy: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not as long as if nothing was said."""
    assert busy.in_transaction
    monkeypatch.setenv("FIVEWHYS_TIMEOUT", "1s")
    begun = time.monotonic()
    with pytest.raises(StoreError, match="has kept it locked"):
        command(f"sqlite:///{path}")
    assert time.monotonic() - begun < STANDARD
