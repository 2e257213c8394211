"""`fivewhys store`: how much a store keeps, and making it smaller."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.live import LEASE
from pipeline.ports import Progress
from pipeline.report import Action
from pipeline.stores.sql.store import SqlStore
from tests.stores.support import BASE, detection, outcome
from tests.support import rule_text

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600 * 10**9
DAY = 24 * HOUR
ASKING = (
    "title: many\nname: many\ncorrelation: {type: event_count, rules: [one], "
    "group-by: [service, logName], timespan: 1h, condition: {gte: 2}}\n"
    "audit: {share: {of: requests, gte: 5, times: 1.5, before: 2d}, title: '{{ share }}'}\n"
)
"""It asks for the requests of two days and an hour."""


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


def requests_of(store: SqlStore, at: int) -> None:
    """Keep requests that came at some time and were correlated."""
    store.receive(b"told", (), at)
    number = store.receipts(1)[0][0]
    store.record([], [], BASE, progress=Progress((number,), b"", 0, LEASE, "me", requests=b"told"))


@pytest.mark.parametrize("named", ["", "option", "setting"])
def test_prune_keeps_requests_as_long_as_a_run_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """That is as long as its rules ask for them: those that come along, for an hour and a half."""
    url, now = f"sqlite:///{tmp_path}/store.db", time.time_ns()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "many.yml").write_text(
        f"{rule_text('one')}---\n{ASKING}", encoding="utf-8"
    )
    if named == "setting":
        monkeypatch.setenv("FIVEWHYS_RULES", str(tmp_path / "rules"))
    with SqlStore(url) as store:
        store.lease(LEASE, "me", now + DAY, now)
        for ago in (3 * DAY, 47 * HOUR, 2 * HOUR, HOUR):
            requests_of(store, now - ago)
    words = ["--rules", str(tmp_path / "rules")] if named == "option" else []
    found = run("prune", "--store", url, *words)
    assert found.exit_code == 0, found.output
    with SqlStore(url) as store:
        assert len([*store.recent(0)]) == (3 if named else 1)


def test_prune_names_every_mistake(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the settings and in the rules; nothing is forgotten then."""
    monkeypatch.setenv("FIVEWHYS_RULES", str(tmp_path / "nowhere"))
    monkeypatch.setenv("FIVEWHYS_ENVIRONMENT", "moon")
    found = run("prune", "--store", url)
    assert found.exit_code == 2
    assert "FIVEWHYS_ENVIRONMENT: 'moon' is none of" in found.stderr
    assert "nowhere: no such file" in found.stderr
    with SqlStore(url) as store:
        assert len(store.incidents(every=True)) == 2


@pytest.mark.parametrize("kind", ["sqlite", "sqlite+pysqlite"])
@pytest.mark.parametrize("command", ["size", "prune"])
def test_a_store_that_is_not_there_is_a_mistake(tmp_path: Path, command: str, kind: str) -> None:
    """And none is made."""
    found = run(command, "--store", f"{kind}:///{tmp_path}/store.db")
    assert found.exit_code == 2
    assert "does not exist" in found.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["size", "prune"])
@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite://"]
)
def test_a_store_in_memory_is_none_to_look_into(command: str, url: str) -> None:
    """It holds nothing that outlasts the command."""
    found = run(command, "--store", url)
    assert found.exit_code == 2
    assert found.stdout == ""
    assert "--store: it is in memory, and holds nothing that outlasts the command" in found.stderr


def test_an_empty_store_may_be_pruned(tmp_path: Path) -> None:
    """There is nothing to forget."""
    url = f"sqlite:///{tmp_path}/store.db"
    SqlStore(url).close()
    assert run("prune", "--store", url).stdout.startswith("put away 0 incidents")
