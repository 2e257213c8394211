"""`fivewhys quarantine`: messages in which no entry was found, looked at, tried again, dropped."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from pipeline import receipts
from pipeline.cli import app
from pipeline.ports import Poison
from pipeline.stores.sql.store import SqlStore
from tests.support import BASE, entry

if TYPE_CHECKING:
    from pathlib import Path

FAILURE = "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already"
GOOD = entry(FAILURE, key="good").json.decode()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Make a store with three messages in quarantine, the second of which holds an entry."""
    url = f"sqlite:///{tmp_path}/store.db"
    with SqlStore(url) as store:
        store.receive(
            b"",
            [
                Poison("m1", "no JSON", "{ cut \x1b[31m" + 200 * "x", BASE),
                Poison("m2", "TypeError while it was examined", GOOD, BASE),
                Poison("m3", "no JSON", "\ud800", BASE),
            ],
            BASE,
        )
    return url


def run(*words: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, ["quarantine", *map(str, words)])


def names(url: str) -> list[str]:
    """Return what is in quarantine."""
    with SqlStore(url) as store:
        return [one.name for one in store.poison()]


def test_a_table_shows_what_is_there_and_no_control_sequence(url: str) -> None:
    """Number, time, message, reason and the beginning of the text."""
    first, second, _ = run("list", "--store", url).stdout.splitlines()
    assert first.startswith("1\t2025-09-10T00:00:00Z\tm1\tno JSON\t{ cut ")
    assert first.endswith("x…")
    assert "\x1b" not in first
    assert second.split("\t")[3] == "TypeError while it was examined"


def test_json_has_all_that_is_kept(url: str) -> None:
    """With the whole text."""
    found = json.loads(run("list", "--store", url, "--format", "json").stdout)
    assert [one["number"] for one in found] == [1, 2, 3]
    assert found[1] == {
        "number": 2,
        "message_id": "m2",
        "time": "2025-09-10T00:00:00Z",
        "reason": "TypeError while it was examined",
        "text": GOOD,
    }


def test_what_holds_an_entry_now_is_received_and_leaves(url: str) -> None:
    """The others stay, with the reason they had; the status says that some do."""
    result = run("retry", "--all", "--store", url)
    assert result.stdout == "1 message left quarantine, 2 stay\n"
    assert result.exit_code == 1
    assert names(url) == ["m1", "m3"]
    with SqlStore(url) as store:
        ((_, receipt),) = store.receipts(9)
        assert store.poison()[0].reason == "no JSON"
    (told,) = receipts.read(receipt).told
    assert {one.key[2] for one in told.detections} == {"good"}


def test_what_another_one_took_meanwhile_does_not_stay(url: str) -> None:
    """Here all of it goes as soon as something is received again."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        database.execute(
            "CREATE TRIGGER another AFTER INSERT ON inbox BEGIN DELETE FROM quarantine; END"
        )
    result = run("retry", "--all", "--store", url)
    assert (result.exit_code, result.stdout) == (0, "3 messages left quarantine, 0 stay\n")


def test_some_can_be_tried_again_alone(url: str) -> None:
    """By their numbers."""
    result = run("retry", 2, "--store", url)
    assert result.stdout == "1 message left quarantine, 0 stay\n"
    assert result.exit_code == 0
    assert names(url) == ["m1", "m3"]


def test_what_is_dropped_is_gone(url: str) -> None:
    """By number, or all."""
    assert run("drop", 1, 3, "--store", url).stdout == "2 messages dropped\n"
    assert names(url) == ["m2"]
    assert run("drop", "--all", "--store", url).stdout == "1 message dropped\n"
    result = run("list", "--store", url)
    assert result.stdout == ""
    assert result.stderr == "Nothing is in quarantine.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["drop"], "name messages by their numbers, or say --all"),
        (["retry", "1", "--all"], "name messages by their numbers, or say --all"),
        (["drop", "1", "7"], "7: no such message is in quarantine"),
        (["retry", "7"], "7: no such message is in quarantine"),
        (["retry", "1", "--rules", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_change_nothing(url: str, words: list[str], said: str) -> None:
    """They are told in one line each, with status 2."""
    result = run(*words, "--store", url)
    assert result.exit_code == 2
    assert said in result.stderr
    assert names(url) == ["m1", "m2", "m3"]


def test_a_store_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    """It is a mistake, and not made."""
    for words in (("list",), ("retry", "--all"), ("drop", "--all")):
        result = run(*words, "--store", f"sqlite:///{tmp_path}/none.db")
        assert result.exit_code == 2
        assert "does not exist" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["list"], ["retry", "--all"], ["drop", "--all"]])
def test_a_store_in_memory_has_no_quarantine(words: list[str]) -> None:
    """It holds nothing that outlasts the command."""
    result = run(*words, "--store", "sqlite://")
    assert result.exit_code == 2
    assert "it is in memory, and holds nothing that outlasts the command" in result.stderr
