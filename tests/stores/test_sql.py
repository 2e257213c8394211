"""What the SQL store promises beyond the contract: exact text, safe opening, nothing by halves."""

from __future__ import annotations

import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine.default import DefaultDialect

from pipeline.detection import Detection, Sample
from pipeline.entry.sighting import Sighting
from pipeline.errors import StoreError
from pipeline.ports import Poison
from pipeline.report import Action
from pipeline.stores.sql.database import known_revisions
from pipeline.stores.sql.rows import to_json
from pipeline.stores.sql.store import SqlStore
from pipeline.stores.sql.tables import AnyText, metadata
from pipeline.tracker.delivering import Delivery
from pipeline.tracker.model import Known
from pipeline.traffic import Question
from tests.fakes.postgresql import fresh
from tests.stores.support import BASE, detection, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

# Everything a Python text can hold: NUL characters and lone surrogates too, alone and in pairs.
TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("\x00\ud83d\ude00\ufdd0'\\%"))
SCALAR = TEXT | st.integers() | st.floats() | st.booleans() | st.none()
FIELDS = st.dictionaries(TEXT, SCALAR | st.lists(SCALAR))
DETECTIONS = st.builds(
    Detection,
    rule=TEXT,
    key=st.tuples(TEXT, st.integers(-(10**20), 10**21), TEXT),
    richness=st.tuples(st.integers(0, 3), st.integers(0), st.integers(0), TEXT),
    fingerprint=TEXT,
    explanation=st.lists(TEXT).map(tuple),
    entity=FIELDS,
    fields=FIELDS,
    service=TEXT,
    revision=TEXT,
    sample=st.builds(Sample, st.integers(), TEXT, TEXT, TEXT, TEXT),
)


HOSTILE = "a\x00b \ud800 \ud83d\ude00 \ufdd0 \ufdd00000"
DAY = 24 * 3600 * 10**9


def url(path: Path) -> str:
    """Return the URL of a database in a directory."""
    return f"sqlite:///{path}/store.db"


def query(path: Path, statement: str) -> list[Any]:
    """Run one statement on the database behind the store's back."""
    with closing(sqlite3.connect(path / "store.db")) as connection, connection:
        return connection.execute(statement).fetchall()


# --- what goes in comes out -----------------------------------------------------------------------


@given(DETECTIONS)
def test_a_detection_comes_back_exactly(made: Detection) -> None:
    """Every text, number and list of it, whatever log text they were cut from."""
    made = structs.replace(made, sample=structs.replace(made.sample, timestamp=made.key[1]))
    with SqlStore() as store:
        store.record([made], [], BASE)
        # By their repr, because NaN is not equal to itself.
        assert list(map(repr, store.detections())) == [repr(made)]


def test_fields_may_be_any_mapping() -> None:
    """A read-only view of a dict is stored as what it shows."""
    with SqlStore() as store:
        store.record([detection(fields=MappingProxyType({"a": [1]}))], [], BASE)
        assert store.detections() == (detection(fields={"a": [1]}),)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\ud83d\ude00", "\ufdd0", "\ufdd00000"])
def test_hostile_text_in_a_plain_column_is_what_it_was(text: str) -> None:
    """An id, a fingerprint or a title that SQL text cannot hold is escaped and restored."""
    with SqlStore() as store:
        given_ = outcome(anchor=(text, BASE))
        store.record([detection(insert_id=text, log_name=text)], [given_], BASE)
        assert store.detections()[0].key == (text, BASE, text)
        assert store.anchors()[0].fingerprint == text
        assert store.ledger()["inc-1"].symptoms == (text,)


def test_a_file_keeps_everything(tmp_path: Path) -> None:
    """What is recorded is there when the store is opened again."""
    given_ = outcome()
    with SqlStore(url(tmp_path)) as store:
        store.record([detection()], [given_], BASE)
        before = [store.detections(), store.anchors(), store.ledger()]
    with SqlStore(url(tmp_path)) as store:
        assert [store.detections(), store.anchors(), store.ledger()] == before
        assert store.incidents() == (given_.document,)


AT_ONCE = 500
"""Rows that are written at once: while a database waits for more, others wait for it."""


@contextmanager
def written() -> Iterator[list[int]]:
    """Tell how many rows are given to a database at a time."""
    found: list[int] = []

    def note(_connection: object, _cursor: object, _said: str, given_: Any, *_: object) -> None:
        if isinstance(given_, list):
            found.append(len(given_))

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


def test_much_is_written_little_by_little() -> None:
    """Else a database hears nothing of us while all of it is prepared."""
    rules, times = ("a", "b", "c"), range(AT_ONCE + 100)
    many = [detection(rule, at=at) for rule in rules for at in times]
    incidents = [outcome(f"inc-{at}", anchor=("v1-a", BASE + at)) for at in times]
    with SqlStore() as store:
        for _ in range(2):
            with written() as found:
                store.record(many, incidents, BASE)
            assert max(found) <= AT_ONCE * len(rules)
            assert sorted((one.timestamp, one.rule) for one in store.detections()) == sorted(
                (one.timestamp, one.rule) for one in many
            )
            assert len(store.incidents()) == len(store.ledger()) == len(incidents)
        store.lease("a", "me", BASE + 1, BASE)
        with written() as found:
            assert store.forget((), 2 * BASE, "a", "me") == len(times)
        assert max(found) == AT_ONCE


def test_of_many_entries_of_one_time_is_asked_once() -> None:
    """As those without a time are: for each portion the others would be read again, all of them."""
    many = [detection(insert_id=f"id-{at}") for at in range(3 * AT_ONCE)]
    asked: list[str] = []

    def note(_connection: object, _cursor: object, said: str, *_: object) -> None:
        if said.startswith("SELECT") and "FROM detections" in said:
            asked.append(said)

    with SqlStore() as store:
        event.listen(Engine, "before_cursor_execute", note)
        store.record(many, [], BASE)
        event.remove(Engine, "before_cursor_execute", note)
        assert len(asked) == 1
        assert len(store.detections()) == len(many)


def test_who_waits_for_another_process_gives_up_in_time(tmp_path: Path) -> None:
    """After as long as the environment says; then it is told in plain words."""
    with SqlStore(url(tmp_path), timeout=0.1) as store:
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            with pytest.raises(StoreError, match="has kept it locked for too long"):
                store.lease("a", "me", BASE + 1, BASE)
            assert time.monotonic() - begun < 9
        assert store.lease("a", "me", BASE + 1, BASE)


def test_a_store_in_memory_is_private() -> None:
    """Two of them share nothing, and nothing stays when one is closed."""
    with SqlStore("sqlite://") as one, SqlStore("sqlite:///:memory:") as other:
        one.record([detection()], [], BASE)
        assert other.detections() == ()


def test_a_run_is_recorded_wholly_or_not_at_all(tmp_path: Path) -> None:
    """When a part of it cannot be written, none of it is."""
    with SqlStore(url(tmp_path)) as store:
        query(tmp_path, "DROP TABLE ledger")
        with pytest.raises(StoreError, match="ledger"):
            store.record([detection()], [outcome()], BASE)
        assert store.detections() == ()
        assert store.incidents() == ()


def test_an_error_tells_nothing_of_the_data(tmp_path: Path) -> None:
    """A statement and what it was to write stay out of the message."""
    with SqlStore(url(tmp_path)) as store:
        query(tmp_path, "DROP TABLE detections")
        with pytest.raises(StoreError) as caught:
            store.record([detection("very_secret")], [], BASE)
    assert "secret" not in str(caught.value)
    assert "INSERT" not in str(caught.value)


@pytest.mark.parametrize("document", ["", "{", "{}", "[]", "null", '{"key": 1}'])
@pytest.mark.parametrize("table", ["detections", "documents"])
def test_a_record_that_cannot_be_read_is_an_error(
    tmp_path: Path, table: str, document: str
) -> None:
    """Text that somebody changed is named as that; it does not end in a traceback."""
    packed = zstandard.compress(document.encode()).hex()
    value = f"'{document}'" if table == "detections" else f"x'{packed}'"
    with SqlStore(url(tmp_path)) as store:
        store.record([detection()], [outcome()], BASE)
        query(tmp_path, f"UPDATE {table} SET document = {value}")  # noqa: S608 - from above
        with pytest.raises(StoreError, match="cannot read"):
            store.detections() if table == "detections" else store.incidents()


@pytest.mark.parametrize("packed", ["", "28b52ffd", "00", zstandard.compress(b"\xff").hex()])
def test_a_document_that_is_not_compressed_as_it_should_be_is_an_error(
    tmp_path: Path, packed: str
) -> None:
    """Bytes that somebody changed, too."""
    with SqlStore(url(tmp_path)) as store:
        store.record([], [outcome()], BASE)
        query(tmp_path, f"UPDATE documents SET document = x'{packed}'")  # noqa: S608 - from above
        with pytest.raises(StoreError, match="cannot read"):
            store.incidents()


def test_many_candidates_are_cut_short() -> None:
    """An ambiguous beginning names five incidents and counts the rest."""
    with SqlStore() as store:
        names = [f"inc-{number}" for number in range(8)]
        store.record([], [outcome(name, anchor=(name, BASE)) for name in names], BASE)
        with pytest.raises(StoreError, match=r"'inc' may be inc-0, .* inc-4 and 3 more"):
            store.incident("inc")


# --- opening --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "sqlite:///FILE"),
        ("store.db", "sqlite:///FILE"),
        ("mysql://user:hunter2@host/db", "kind mysql"),
        ("postgresql://user:hunter2@host:port/db", "sqlite:///FILE"),
        ("sqlite+aiosqlite:///store.db", r"kind sqlite\+aiosqlite"),
        ("sqlite://store.db", "three slashes"),
        ("sqlite://user:hunter2@host/store.db", "three slashes"),
        ("sqlite:///store.db?password=hunter2", "more than a path"),
        ("sqlite:///a\x00b", "no path"),
        ("sqlite:///\ud800", "no path"),
        ("sqlite:////dev/null/store.db", "Not a directory"),
    ],
)
def test_a_url_that_is_none_of_ours_is_refused(text: str, told: str) -> None:
    """With what to write instead, and without the password that may be in it."""
    with pytest.raises(StoreError, match=told) as caught:
        SqlStore(text)
    assert "hunter2" not in str(caught.value)
    str(caught.value).encode()  # can be printed


def test_a_directory_is_no_store(tmp_path: Path) -> None:
    """It is named, and what to do."""
    with pytest.raises(StoreError, match="is a directory; name a file in it"):
        SqlStore(f"sqlite:///{tmp_path}")


def test_a_missing_directory_is_not_made(tmp_path: Path) -> None:
    """A slip in a path should not leave a tree behind."""
    with pytest.raises(StoreError, match="does not exist; make it first"):
        SqlStore(url(tmp_path / "missing"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"no database, but a text that is long enough" * 9, b"\xff" * 999]
)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    """And left as it was."""
    (tmp_path / "store.db").write_bytes(content)
    with pytest.raises(StoreError, match="is no SQLite database"):
        SqlStore(url(tmp_path))
    assert (tmp_path / "store.db").read_bytes() == content


@pytest.mark.parametrize("tables", [["notes"], ["alembic_version"], list("abcdefgh")])
def test_a_database_of_another_program_is_refused(tmp_path: Path, tables: Sequence[str]) -> None:
    """Its tables are named, and not one byte of it is changed."""
    for table in tables:
        query(tmp_path, f"CREATE TABLE {table} (x)")
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(StoreError, match=f"another program, it has the tables {tables[0]}"):
        SqlStore(url(tmp_path))
    assert (tmp_path / "store.db").read_bytes() == before


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """As it is what `mktemp` and an interrupted first start leave behind."""
    (tmp_path / "store.db").touch()
    with SqlStore(url(tmp_path)) as store:
        assert store.incidents() == ()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older fivewhys does not guess what a newer one wrote."""
    SqlStore(url(tmp_path)).close()
    query(tmp_path, "UPDATE fivewhys_schema SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"schema 9999, .* up to 0014: update fivewhys"):
        SqlStore(url(tmp_path))


def test_the_schemas_that_are_known_are_those_of_alembic() -> None:
    """They are told without it, by the names of files, and in the same order."""
    config = Config()
    config.set_main_option("script_location", "pipeline.stores:migrations")
    scripts = ScriptDirectory.from_config(config)
    walked = tuple(script.revision for script in scripts.walk_revisions())
    assert known_revisions() == walked
    assert scripts.get_heads() == [walked[0]]


def test_an_interrupted_migration_leaves_nothing(tmp_path: Path) -> None:
    """Making the tables is all or nothing, so that the next start can do it."""
    query(tmp_path, "CREATE TABLE fivewhys_schema (version_num TEXT)")
    query(tmp_path, "CREATE TABLE ledger (x)")  # in the way of the first migration
    with pytest.raises(StoreError, match="ledger"):
        SqlStore(url(tmp_path))
    tables = query(tmp_path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    assert tables == [("fivewhys_schema",), ("ledger",)]
    query(tmp_path, "DROP TABLE ledger")
    with SqlStore(url(tmp_path)) as store:
        assert store.ledger() == {}


def test_the_migrations_make_the_tables_that_the_program_uses(tmp_path: Path) -> None:
    """Neither tables.py nor the migrations know a column that the other lacks."""
    SqlStore(url(tmp_path)).close()
    engine = create_engine(url(tmp_path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "fivewhys_schema"})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_new_file_is_what_the_migrations_make(tmp_path: Path) -> None:
    """To the letter, but for white space: it is made in one step, which is quicker."""
    shown = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
    SqlStore(url(tmp_path)).close()
    made = query(tmp_path, shown)
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection, "head")
        migrated = connection.execute(text(shown)).all()
    engine.dispose()
    assert [tuple(map(words, row)) for row in made] == [tuple(map(words, row)) for row in migrated]


def words(part: str | None) -> list[str]:
    """Return a part of a schema without its white space."""
    return re.findall(r"\w+|\S", part or "")


def upgrade(connection: Connection, revision: str) -> None:
    """Make the migrations up to a revision."""
    config = Config()
    config.set_main_option("script_location", "pipeline.stores:migrations")
    config.attributes.update(connection=connection, version_table="fivewhys_schema")
    command.upgrade(config, revision)


OLD = """\
INSERT INTO incidents VALUES ('inc-1', :time, 'v1-a', NULL, 'v1-a', 'new', 'P1', 'A', :time, :time,
    :document);
INSERT INTO ledger (incident_id, decided_at, action, reason, digest, symptoms, state)
    VALUES ('inc-1', :time, 'create', 'first report', 'd1', '[]', 'new');
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_documents_of_an_older_schema_are_kept(tmp_path: Path, postgresql: str, kind: str) -> None:
    """Exactly, whatever text is in them; so are the ledger and what neighbours are told by."""
    where = url(tmp_path) if kind == "sqlite" else fresh(postgresql)
    given_ = outcome(anchor=("v1-a", BASE))
    document = given_.document.model_copy(update={"services": ["a", "b"], "root_cause": HOSTILE})
    escaped = AnyText().process_bind_param(to_json(document.model_dump()), DefaultDialect())
    values = {"time": f"{BASE:+023d}", "document": escaped}
    engine = create_engine(where.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        upgrade(connection, "0008")
        for statement in OLD.split(";")[:-1]:
            connection.execute(text(statement), values)
    engine.dispose()
    with SqlStore(where) as store:
        assert store.incidents() == (document,)
        assert [one.services for one in store.neighbours()] == [("a", "b")]
        assert set(store.ledger()) == {"inc-1"}
        store.record([], [given_], BASE)
        assert store.incidents() == (given_.document,)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_quarantine_of_an_older_schema_keeps_its_numbers(
    tmp_path: Path, postgresql: str, kind: str
) -> None:
    """Each message as it was, once by its name; none of the numbers is given again from then on."""
    where = url(tmp_path) if kind == "sqlite" else fresh(postgresql)
    add = text("INSERT INTO quarantine (name, reason, text, at) VALUES (:name, :name, :text, :at)")
    rows = [
        {"name": f"m{number}", "text": AnyText().process_bind_param(HOSTILE, DefaultDialect())}
        for number in range(1, 6)
    ]
    engine = create_engine(where.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        upgrade(connection, "0013")
        connection.execute(add, [{**row, "at": f"{BASE:+023d}"} for row in rows])
        connection.execute(text("DELETE FROM quarantine WHERE number IN (1, 3)"))
    engine.dispose()
    with SqlStore(where) as store:
        kept = [Poison(f"m{number}", f"m{number}", HOSTILE, BASE, number) for number in (2, 4, 5)]
        assert store.poison() == kept
        assert store.release_poison([4, 5]) == 2
    with SqlStore(where) as store:
        store.receive(b"", [Poison("m2", "again", "{", BASE), Poison("m6", "", "{", BASE)], BASE)
        assert [(one.name, one.number) for one in store.poison()] == [("m2", 6), ("m6", 7)]


# --- room -----------------------------------------------------------------------------------------


def test_room_is_given_back(tmp_path: Path) -> None:
    """Some of it whenever the store is pruned, all of it when asked."""
    file = tmp_path / "store.db"
    with SqlStore(url(tmp_path)) as store:
        store.lease("a", "me", BASE + 1, BASE)
        empty = store.size()
        store.record([detection(at=at) for at in range(20_000)], [], BASE)
        full = store.size()
        assert full.rows == {**empty.rows, "detections": 20_000}
        assert full.total > 40 * empty.total
        store.forget((), BASE + DAY, "a", "me")
        assert store.size().total == full.total
        store.prune(BASE, BASE)
        assert store.size().total < full.total / 2
    with SqlStore(url(tmp_path)) as store:
        store.compact()
        assert store.size() == empty
    assert file.stat().st_size == empty.total


def test_a_file_from_before_gives_room_back_once_it_is_written_anew(tmp_path: Path) -> None:
    """SQLite decides that when a file is made."""
    query(tmp_path, "PRAGMA auto_vacuum")
    query(tmp_path, "CREATE TABLE fivewhys_schema (version_num TEXT)")
    with SqlStore(url(tmp_path)) as store:
        assert query(tmp_path, "PRAGMA auto_vacuum") == [(0,)]
        store.prune(BASE, BASE)
        store.compact()
    assert query(tmp_path, "PRAGMA auto_vacuum") == [(2,)]


def test_room_that_cannot_be_given_back_is_an_error(tmp_path: Path) -> None:
    """In plain words, like all others."""
    with SqlStore(url(tmp_path)) as store:
        store.record([detection(at=at) for at in range(5_000)], [], BASE)
        file = tmp_path / "store.db"
        half = file.stat().st_size // 2
        file.write_bytes(file.read_bytes()[:half] + b"no page" * half)
        with pytest.raises(StoreError, match=r"store\.db: it is damaged"):
            store.compact()


# --- several at once ------------------------------------------------------------------------------


def test_many_may_open_a_new_file_at_the_same_time(tmp_path: Path) -> None:
    """One makes the tables, the others wait for it; each run they record is there."""

    def run(number: int) -> None:
        with SqlStore(url(tmp_path)) as store:
            name = f"inc-{number}"
            store.record([detection(at=number)], [outcome(name, anchor=(name, BASE))], BASE)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(16)))
    with SqlStore(url(tmp_path)) as store:
        assert len(store.detections()) == len(store.incidents()) == len(store.ledger()) == 16


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """While another process writes, what was committed can be read."""
    with SqlStore(url(tmp_path)) as store:
        store.record([], [outcome()], BASE)
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM ledger")
            assert set(store.ledger()) == {"inc-1"}


def test_a_decision_is_taken_once_however_many_record_it(tmp_path: Path) -> None:
    """Replicas that come to the same decision at the same event time write one row."""
    with SqlStore(url(tmp_path)) as one, SqlStore(url(tmp_path)) as other:
        same = partial(outcome, "inc-1", action=Action.CREATE)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda store: store.record([], [same()], BASE), [one, other] * 4))
    assert query(tmp_path, "SELECT count(*) FROM ledger") == [(1,)]


def test_of_revisions_only_those_are_read_of_which_something_is_told(tmp_path: Path) -> None:
    """There may be thousands of others: what cannot be read of them does not matter here."""
    first, *others = [("backend", "1"), ("backend", "2"), ("auth", "1")]
    early, late = (Sighting(time, "log", "id", "", time) for time in ("2025-09-10", "2025-09-11"))
    with SqlStore(url(tmp_path)) as store:
        store.record([], [], BASE, (), dict.fromkeys([first, *others], late))
    query(
        tmp_path,
        "UPDATE deployments SET log_name = x'00' WHERE (service, revision) <> ('backend', '1')",
    )
    with SqlStore(url(tmp_path)) as store:
        store.record([], [], BASE, (), {first: early})
    told = query(tmp_path, "SELECT service, revision, first, last FROM deployments ORDER BY first")
    assert told[0] == (*first, "2025-09-10", "2025-09-11")
    assert len(told) == 3


def test_of_answers_and_minutes_only_those_are_read_of_which_something_is_told(
    tmp_path: Path,
) -> None:
    """Nor are all of them read to forget those of long ago."""
    second = BASE // 10**9
    asked = [Question("shop", "log", second, second + number) for number in (1, 2)]
    days = [("demo", name, "2025-09-10") for name in ("shop", "till")]
    with SqlStore(url(tmp_path)) as store:
        told = dict.fromkeys(asked, 7), dict.fromkeys(days, 6)
        store.record([], [], BASE, answers=told[0], beats=told[1])
    query(tmp_path, "UPDATE requests SET total = 'none' WHERE until <> since + 1")
    query(tmp_path, "UPDATE minutes SET bits = 'none' WHERE service = 'till'")
    with SqlStore(url(tmp_path)) as store:
        store.record([], [], BASE, answers={asked[0]: 9}, beats={days[0]: 1})
    assert query(tmp_path, "SELECT total FROM requests ORDER BY until") == [(9,), ("none",)]
    assert query(tmp_path, "SELECT bits FROM minutes ORDER BY service") == [("7",), ("none",)]
    with SqlStore(url(tmp_path)) as store:
        store.record([], [], BASE + 91 * 24 * 3600 * 10**9)
    assert query(tmp_path, "SELECT total FROM requests") == []
    assert query(tmp_path, "SELECT bits FROM minutes") == []


def test_the_ledger_never_forgets_an_incident(tmp_path: Path) -> None:
    """An incident that was reported cannot be deleted while its decisions stand."""
    with SqlStore(url(tmp_path)) as store:
        store.record([], [outcome()], BASE)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM incidents")
        with pytest.raises(sqlite3.IntegrityError):
            connection.commit()


# --- deliveries -----------------------------------------------------------------------------------


def test_a_delivery_survives_reopening(tmp_path: Path) -> None:
    """So does the lease of whoever was killed, until it runs out."""
    waiting = Delivery(Known(7, said=frozenset({"a"}))).waiting(BASE, "time-out", 2 * BASE)
    with SqlStore(url(tmp_path)) as store:
        store.deliver("example/platform", "inc-1", waiting)
        assert store.lease("example/platform", "one", BASE + 10, BASE)
    with SqlStore(url(tmp_path)) as store:
        assert store.deliveries("example/platform") == {"inc-1": waiting}
        assert not store.lease("example/platform", "two", BASE + 20, BASE + 9)
        assert store.lease("example/platform", "two", BASE + 20, BASE + 10)


def test_of_many_who_ask_at_once_one_gets_a_lease(tmp_path: Path) -> None:
    """Each with the database opened by itself, as other processes have it."""
    holders = [f"holder-{number}" for number in range(4)]

    def ask(holder: str) -> bool:
        with SqlStore(url(tmp_path)) as store:
            return store.lease("example/platform", holder, BASE + 10, BASE)

    with SqlStore(url(tmp_path)), ThreadPoolExecutor(len(holders)) as pool:
        assert sum(pool.map(ask, holders)) == 1
