"""Which schema a store has; looking changes nothing."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url

from pipeline.checkup import State, store
from pipeline.errors import StoreError
from pipeline.stores.sql.schema import look_at
from pipeline.stores.sql.store import SqlStore
from tests.fakes.postgresql import fresh

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """`run` makes it."""
    found = look_at(f"sqlite:///{tmp_path}/new.db")
    assert (found.found, found.lacks) == ("", "")
    assert store(found).text.endswith(f"it is empty; `run` makes schema {found.newest}")
    assert [*tmp_path.iterdir()] == []


def test_a_store_of_today(tmp_path: Path) -> None:
    """Its schema is the newest."""
    url = f"sqlite:///{tmp_path}/store.db"
    SqlStore(url).close()
    found = look_at(url)
    assert found.found == found.newest
    assert store(found).state is State.OK


def test_a_store_of_yesterday_is_left_alone(tmp_path: Path) -> None:
    """It is migrated when a run starts."""
    url = f"sqlite:///{tmp_path}/store.db"
    SqlStore(url).close()
    before = version(tmp_path, "0003")
    found = look_at(url)
    assert (found.found, store(found).state) == ("0003", State.OK)
    assert f"`run` brings it to {found.newest}" in store(found).text
    assert version(tmp_path) == "0003" != before


def test_a_store_of_tomorrow(tmp_path: Path) -> None:
    """It is refused, as opening it would be."""
    url = f"sqlite:///{tmp_path}/store.db"
    SqlStore(url).close()
    version(tmp_path, "9999")
    told = store(look_at(url))
    assert told.state is State.WRONG
    assert "made by a newer fivewhys" in told.text


def test_somebody_elses_database(tmp_path: Path) -> None:
    """It names the tables."""
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    told = store(look_at(f"sqlite:///{tmp_path}/store.db"))
    assert (told.state, told.text.rpartition("it has ")[2]) == (State.WRONG, "the tables recipes")


def test_what_is_no_database(tmp_path: Path) -> None:
    """It says what it is instead."""
    (tmp_path / "store.db").write_text("once upon a time " * 100, encoding="utf-8")
    with pytest.raises(StoreError, match="no SQLite database"):
        look_at(f"sqlite:///{tmp_path}/store.db")


def test_postgresql(postgresql: str) -> None:
    """A schema of its own, empty and then not."""
    url = fresh(postgresql)
    assert (look_at(url).found, look_at(url).lacks) == ("", "")
    SqlStore(url).close()
    assert look_at(url).found == look_at(url).newest


def test_a_user_who_may_make_no_tables(postgresql: str) -> None:
    """The statement that lets them is given."""
    url = fresh(postgresql)
    schema = str(make_url(url).query["options"]).rpartition("=")[2]
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader".encode())
    found = look_at(make_url(url).set(username="reader").render_as_string(hide_password=False))
    told = store(found)
    assert (told.state, told.command) == (
        State.WRONG,
        f'GRANT USAGE, CREATE ON SCHEMA {schema} TO "reader"',
    )
    assert look_at_again(postgresql, schema, told.command) == ""


def look_at_again(postgresql: str, schema: str, command: str) -> str:
    """Run the command, and say what is still missing."""
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(command.encode())
    options = {"options": f"-csearch_path={schema}"}
    url = make_url(postgresql).set(username="reader").update_query_dict(options)
    return look_at(url.render_as_string(hide_password=False)).lacks


def test_a_server_that_is_away_shows_no_password() -> None:
    """Only where it was looked for."""
    with pytest.raises(StoreError) as caught:
        look_at("postgresql://me:secret@127.0.0.1:9/db")
    assert "secret" not in str(caught.value)


def version(folder: Path, set_to: str = "") -> str:
    """Return the version that a store says it has, after setting it."""
    connection = sqlite3.connect(folder / "store.db")
    with connection:
        (before,) = connection.execute("SELECT version_num FROM fivewhys_schema").fetchone()
        if set_to:
            connection.execute("UPDATE fivewhys_schema SET version_num = ?", (set_to,))
    connection.close()
    return str(before)
