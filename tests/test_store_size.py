"""`fivewhys store`: how much a store keeps, and making it smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.report import Action
from pipeline.stores.sql.store import SqlStore
from tests.stores.support import BASE, detection, outcome

if TYPE_CHECKING:
    from pathlib import Path

DAY = 24 * 3600 * 10**9


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Make a store with two incidents, the second of which comes 500 days after the first."""
    url = f"sqlite:///{tmp_path}/store.db"
    with SqlStore(url) as store:
        store.record([detection(at=at) for at in range(3_000)], [outcome()], BASE)
        store.record([], [outcome(action=Action.UPDATE, body="It goes on.")], BASE + 1)
        late = BASE + 500 * DAY
        one = outcome("inc-2", anchor=("b", late), first_seen=late, last_seen=late)
        store.record([], [one], late)
        store.lease("a", "me", BASE + 1, BASE)
        store.forget((), BASE + DAY, "a", "me")
    return url


def run(*words: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, ["store", *words])


def megabytes(result: Result) -> float:
    """Return the size that was printed last."""
    return float(result.stdout.split()[-2])


def test_size_says_how_many_rows_there_are_of_what(url: str) -> None:
    """And how much room they take together."""
    found = run("size", "--store", url)
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert "documents\t2" in lines
    assert "ledger\t3" in lines
    assert "detections\t0" in lines
    assert lines[-1].endswith(" MB")


def test_prune_forgets_what_is_over_for_long_by_the_time_that_the_store_tells(url: str) -> None:
    """However long ago that is by the clock; the room that is free is given back."""
    before = megabytes(run("size", "--store", url))
    found = run("prune", "--store", url)
    assert found.exit_code == 0
    assert found.stdout.startswith("put away 1 incidents; forgot 1 incidents, 0 decisions")
    assert megabytes(found) < before / 4
    with SqlStore(url) as store:
        assert [one.id for one in store.incidents(every=True)] == ["inc-2"]
        assert {one.incident_id for one in store.anchors()} == {"inc-1", "inc-2"}


@pytest.mark.parametrize("command", ["size", "prune"])
def test_a_store_that_is_not_there_is_a_mistake(tmp_path: Path, command: str) -> None:
    """And none is made."""
    found = run(command, "--store", f"sqlite:///{tmp_path}/store.db")
    assert found.exit_code == 2
    assert "does not exist" in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_may_be_pruned(tmp_path: Path) -> None:
    """There is nothing to forget."""
    url = f"sqlite:///{tmp_path}/store.db"
    SqlStore(url).close()
    assert run("prune", "--store", url).stdout.startswith("put away 0 incidents")
