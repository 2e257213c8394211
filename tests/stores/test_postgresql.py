"""What PostgreSQL promises beyond the contract: many processes at once, errors in plain words."""

from __future__ import annotations

import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, cast

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from msgspec.structs import replace
from sqlalchemy import create_engine, event, make_url

from pipeline.bootstrap.keeping import check_store
from pipeline.entry.sighting import Sighting
from pipeline.errors import StoreError
from pipeline.ports import Progress
from pipeline.redaction.names import short_name
from pipeline.report import Action
from pipeline.stores.sql.database import Database, parse_url
from pipeline.stores.sql.pruning import changed, untried
from pipeline.stores.sql.schema import look_at
from pipeline.stores.sql.store import SqlStore
from pipeline.stores.sql.tables import metadata
from pipeline.traffic import Question
from tests.fakes.postgresql import fresh
from tests.stores.support import BASE, detection, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from pipeline.detection import Detection

MANY = 8
LOCK = 5_940_715_333
"""What those wait for who write."""

STANDARD = 9
"""Seconds, fewer than the time-out that there is if none is said."""


def run(url: str, statement: str) -> None:
    """Run one statement behind the store's back."""
    text = make_url(url).render_as_string(hide_password=False)
    with psycopg.connect(text, autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Let nobody write meanwhile."""
    text = make_url(url).render_as_string(hide_password=False)
    with psycopg.connect(text) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        yield


def test_the_schema_is_what_the_tables_say(postgresql: str) -> None:
    """Migrations and tables tell the same."""
    url = fresh(postgresql)
    SqlStore(url).close()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "fivewhys_schema"})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_it_takes_the_longest_names_that_there_are(postgresql: str) -> None:
    """An index of PostgreSQL holds rows of 2,704 bytes at most, compressed."""
    dice = random.Random(1)  # noqa: S311 - no secret
    drawn = ("".join(chr(dice.randint(0xD800, 0xDFFF)) for _ in range(999)) for _ in range(2))
    one, other = map(short_name, drawn)
    kept = replace(detection("missing_table"), key=(one, BASE, other))
    day, running = (one, other, "2025-09-10"), (one, other)
    sighting = Sighting("2025-09-10T01", one, other, "", "2025-09-10T02")
    answers = {Question(one, other, BASE // 10**9, BASE // 10**9): 1}
    with SqlStore(fresh(postgresql)) as store:
        store.record([kept], [], BASE, (), {running: sighting}, answers=answers, beats={day: 1})
        assert [*store.detections()] == [kept]
        assert store.beats().keys() == {day}
        assert store.sightings().keys() == {running}
        assert store.answers() == answers


def test_many_processes_open_a_new_database_at_once(postgresql: str) -> None:
    """One of them migrates, the others wait."""
    url = fresh(postgresql)

    def open_it(number: int) -> int:
        with SqlStore(url) as store:
            store.receive(b"%d" % number, (), BASE)
            return number

    with ThreadPoolExecutor(MANY) as pool:
        assert sorted(pool.map(open_it, range(MANY))) == [*range(MANY)]
    with SqlStore(url) as store:
        assert len(store.receipts(99)) == MANY


def test_of_many_who_ask_for_a_lease_one_gets_it(postgresql: str) -> None:
    """And it alone can commit."""
    url = fresh(postgresql)
    with SqlStore(url) as store, ThreadPoolExecutor(MANY) as pool:
        names = [f"holder-{number}" for number in range(MANY)]
        held = [*pool.map(lambda name: store.lease("a", name, BASE + 9, BASE), names)]
        assert sum(held) == 1
        holder = names[held.index(True)]
        store.record([detection("a")], [], BASE, progress=Progress((), b"", BASE, "a", holder))
        assert len([*store.detections()]) == 1


def test_a_number_that_commits_late_is_read_all_the_same(postgresql: str) -> None:
    """Receipts are numbered when they are written and seen when they are committed."""
    url = fresh(postgresql)
    with SqlStore(url) as store:
        text = make_url(url).render_as_string(hide_password=False)
        with psycopg.connect(text) as slow:
            slow.execute(
                "INSERT INTO inbox (received_at, needed, receipt) VALUES ('+1', 1, 'slow')"
            )
            store.receive(b"quick", (), BASE)
            ((quick, _),) = store.receipts(9)
            slow.commit()
        ((late, _), (same, _)) = store.receipts(9)
        assert late < quick == same


@contextmanager
def disturbed(url: str, before: int, deed: Callable[[], None]) -> Iterator[Connection]:
    """Lend a connection; something is done before its statement of a number, counted from 0."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    numbers = count()

    def count_it(*_: object) -> None:
        if next(numbers) == before:
            deed()

    event.listen(engine, "before_cursor_execute", count_it)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def begin_and_go_on(store: SqlStore) -> Callable[[], None]:
    """Record three incidents; return what records one that goes on, and one that takes another."""
    other = ("v1-b", BASE + 1)
    begun = [
        outcome("inc-a"),
        outcome("inc-b", anchor=other, action=Action.LEAVE),
        outcome("inc-c", anchor=("v1-c", BASE + 2)),
    ]
    later = [
        outcome("inc-a", action=Action.UPDATE, body="It goes on."),
        outcome("inc-b", anchor=other, absorbed=("inc-c",)),
    ]
    store.record([], begun, BASE)
    return partial(store.record, [], later, BASE + 1)


@pytest.mark.parametrize("before", range(5))
def test_what_is_committed_while_changes_are_read_is_told_with_its_decision_or_next_time(
    postgresql: str, before: int
) -> None:
    """Each statement sees what is committed when it begins."""
    url = fresh(postgresql)
    with SqlStore(url) as store:
        with disturbed(url, before, begin_and_go_on(store)) as connection:
            found = changed(connection, -1)
        assert all(one.report.action == entry.action for one, entry in found.told.values())
        known = dict(found.told)
        later = store.changed(found.revision)
        for name in later.gone - later.told.keys():
            known.pop(name, None)
        assert {**known, **later.told} == store.changed(-1).told


@pytest.mark.parametrize("before", range(3))
def test_what_is_committed_while_the_untried_are_read_comes_with_its_decision(
    postgresql: str, before: int
) -> None:
    """Each statement sees what is committed when it begins."""
    url = fresh(postgresql)
    with SqlStore(url) as store:
        with disturbed(url, before, begin_and_go_on(store)) as connection:
            found = untried(connection)
        assert found
        assert all(one.report.action == entry.action for one, entry in found.values())


def test_times_sort_by_their_characters(postgresql: str) -> None:
    """Whatever the locale of the database: a time before the epoch begins with another sign."""
    url = fresh(postgresql)
    with SqlStore(url) as store:
        old, new = detection("a", at=-(10**10)), detection("a", at=1)
        store.record([old, new], [], BASE)
        store.lease("a", "me", BASE + 1, BASE)
        assert store.forget([], new.timestamp, "a", "me") == 1
        assert [one.timestamp for one in store.detections()] == [new.timestamp]


def test_a_newer_schema_is_refused(postgresql: str) -> None:
    """An older fivewhys does not guess what a newer one wrote."""
    url = fresh(postgresql)
    SqlStore(url).close()
    run(url, "UPDATE fivewhys_schema SET version_num = '9999'")
    with pytest.raises(StoreError, match="schema 9999, made by a newer fivewhys"):
        SqlStore(url)


def test_a_database_of_somebody_elses_is_refused(postgresql: str) -> None:
    """It has tables, and they are not ours."""
    url = fresh(postgresql)
    run(url, "CREATE TABLE customers (name text)")
    with pytest.raises(StoreError, match="belongs to another program, it has the tables customers"):
        SqlStore(url)


def test_calls_end_in_time(postgresql: str) -> None:
    """Who waits for another gives up after as long as the environment says."""
    url = fresh(postgresql)
    SqlStore(url).close()
    text = make_url(url).render_as_string(hide_password=False)
    with SqlStore(url, timeout=0.2) as store, psycopg.connect(text) as other:
        other.execute("LOCK TABLE leases IN ACCESS EXCLUSIVE MODE")
        begun = time.monotonic()
        with pytest.raises(StoreError, match="has kept it locked for too long") as caught:
            store.lease("a", "me", BASE + 1, BASE)
        assert caught.value.recoverable
        assert time.monotonic() - begun < STANDARD
        other.rollback()
        assert store.lease("a", "me", BASE + 1, BASE)


def pause(database: Database, seconds: float) -> StoreError | None:
    """Stand still amid a write, as who is frozen does; return what comes of it."""
    try:
        with database.writing() as connection:
            time.sleep(seconds)
            connection.exec_driver_sql("SELECT 1")
    except StoreError as error:
        return error
    return None


def test_who_stood_still_amid_a_write_tries_again(postgresql: str) -> None:
    """His session was ended for the others; there is nothing that anybody has to mend."""
    database = Database(fresh(postgresql), timeout=0.2)
    error = pause(database, 2)
    assert error is not None
    assert error.recoverable
    assert "stood still" in str(error)
    assert pause(database, 0) is None
    database.close()


def stop_amid_rows(connection: Connection) -> None:
    """Give a row of several, and no more: the database waits for the next one without an end."""
    raw = cast("psycopg.Connection", connection.connection.driver_connection).pgconn
    raw.enter_pipeline_mode()
    raw.send_query_params(b"SELECT 1", None)
    raw.flush()


def stop_amid_an_answer(connection: Connection) -> None:
    """Ask for more than there is room for on its way, and take nothing."""
    raw = cast("psycopg.Connection", connection.connection.driver_connection).pgconn
    raw.send_query(b"SELECT repeat('x', 100000000)")
    raw.flush()


def stop_between(connection: Connection) -> None:
    """Do nothing after a statement."""


@pytest.mark.parametrize("stop", [stop_between, stop_amid_rows, stop_amid_an_answer])
def test_others_wait_for_who_is_frozen_amid_a_write_for_two_time_outs(
    postgresql: str, stop: Callable[[Connection], None]
) -> None:
    """Who is killed keeps nobody waiting at all: his connection ends with him."""
    url = fresh(postgresql)
    frozen, other = Database(url, timeout=1), Database(url, timeout=1)
    with frozen.reading() as reading, ExitStack() as stack:
        stop(stack.enter_context(frozen.writing()))
        begun = time.monotonic()
        for _ in range(STANDARD):
            with suppress(StoreError), other.writing():
                break
        waited = time.monotonic() - begun
        reading.exec_driver_sql("SELECT 1")  # who only reads is in nobody's way
        with pytest.raises(StoreError) as caught:
            stack.close()
    assert caught.value.recoverable
    assert 1 < waited < STANDARD / 2
    frozen.close()
    other.close()


def test_who_waits_ends_nobody_who_goes_on(postgresql: str) -> None:
    """However long it takes in all."""
    url = fresh(postgresql)
    busy, other = Database(url, timeout=0.5), Database(url, timeout=0.5)
    with busy.writing() as connection:
        for _ in range(5):
            connection.exec_driver_sql("SELECT pg_sleep(0.4)")
            with pytest.raises(StoreError, match="kept it locked"), other.writing():
                pass
    busy.close()
    other.close()


def test_who_waits_ends_nobody_who_is_in_no_transaction(postgresql: str) -> None:
    """Such a lock is no writer's; and who was idle until now may have taken it just after."""
    url = fresh(postgresql)
    database = Database(url, timeout=0.2)
    text = make_url(url).render_as_string(hide_password=False)
    with psycopg.connect(text, autocommit=True) as idle:
        idle.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        time.sleep(1)
        with pytest.raises(StoreError, match="kept it locked"), database.writing():
            pass
        idle.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
    database.close()


@pytest.mark.parametrize(
    "right",
    [
        "EXECUTE ON FUNCTION pg_terminate_backend",
        "SELECT ON pg_stat_activity",
        "SELECT ON pg_locks",
    ],
)
def test_who_may_end_nobody_waits_as_well(postgresql: str, right: str) -> None:
    """Some take these rights from all; then one writes after the other all the same."""
    name = f"poor{uuid.uuid4().hex}"
    run(postgresql, f"CREATE ROLE {name} LOGIN")
    run(postgresql, f"CREATE SCHEMA {name} AUTHORIZATION {name}")
    mine = make_url(postgresql).set(username=name)
    url = mine.update_query_dict({"options": f"-csearch_path={name}"})
    with SqlStore(url.render_as_string(hide_password=False)) as store:
        run(postgresql, f"REVOKE {right} FROM PUBLIC")
        try:
            with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
                stack.enter_context(locked(postgresql))
                waits = pool.submit(store.keep_mark, "a", BASE)
                time.sleep(0.5)
                assert not waits.done()
                stack.close()
                waits.result()
        finally:
            run(postgresql, f"GRANT {right} TO PUBLIC")
        assert store.mark("a") == BASE


def test_nobody_waits_while_what_is_to_be_recorded_is_made(postgresql: str) -> None:
    """That may take long, as where it is read from a file: others write meanwhile."""
    url = fresh(postgresql)
    with SqlStore(url, timeout=0.2) as store, SqlStore(url, timeout=0.2) as other:

        def made() -> Iterator[Detection]:
            other.keep_mark("made", BASE)
            yield detection("a")

        def cleared() -> Iterator[tuple[str, int, str]]:
            other.keep_mark("cleared", BASE)
            yield ("a", BASE, "b")

        store.record(made(), [], BASE, cleared())
        assert [one.rule for one in store.detections()] == ["a"]
        assert store.mark("made") == store.mark("cleared") == BASE


UNREACHABLE = [
    ("postgresql://ana:s3cret-pass@127.0.0.1:9/staging", "store staging at 127.0.0.1"),
    ("postgresql://ana:s3cret-pass@127.0.0.1:9", "names no database"),
    ("postgresql://ana:s3cret-pass@/staging?host=/nowhere", "store staging at /nowhere"),
    ("mysql://ana:s3cret-pass@127.0.0.1/staging", "of the kind mysql"),
]


@pytest.mark.parametrize(("url", "said"), UNREACHABLE)
def test_what_cannot_be_opened_says_so_without_the_password(url: str, said: str) -> None:
    """The place is named; neither password nor statement is."""
    with pytest.raises(StoreError, match=said) as caught:
        SqlStore(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.recoverable is said.startswith("store staging at")


BARE = [
    "postgresql://ana:s3cret@pass@db.invalid/staging",
    "postgresql://ana:s3cret@pass@db.invalid:5432/staging",
    "postgresql://ana:@s3cret-pass@db.invalid/staging",
    "postgresql://ana:s3cret@pa/ss@db.invalid/staging",
    "postgresql://ana:s3cret@pa/ss?pass@db.invalid/staging",
    "postgresql:///ana:s3cret-pass@db.invalid/staging",
]


@pytest.mark.parametrize("look", [SqlStore, look_at, check_store])
@pytest.mark.parametrize("url", BARE)
def test_an_at_of_the_password_that_is_not_escaped_shows_none_of_it(
    url: str, look: Callable[[str], object]
) -> None:
    """What follows it would be taken for the host or the database, which errors name."""
    with pytest.raises(StoreError, match="write each @ of the password as %40") as caught:
        look(url)
    told = str(caught.value)
    assert not any(part in told for part in ("s3cret", "pass@", "pa/", "db.invalid", "ana"))
    assert not caught.value.recoverable


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:s3cret%40pass@db.invalid/staging",
        "postgresql://ana@demo.iam@db.invalid/staging",
        "postgresql://ana@demo.iam:s3cret@db.invalid/staging",
        "postgresql://ana:s3cret@db.invalid/staging?application_name=a%40b",
        "postgresql://ana@db.invalid/staging?application_name=a@b",
    ],
)
def test_an_at_that_belongs_to_something_else_will_do(url: str) -> None:
    """The names of accounts have one, too."""
    assert parse_url(url).host == "db.invalid"


def test_a_missing_database_says_how_to_make_it(postgresql: str) -> None:
    """In plain words."""
    url = make_url(postgresql).set(database="none_such").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match=r"CREATE DATABASE|does not exist"):
        SqlStore(url)


def test_what_no_retry_mends_is_told_apart(postgresql: str) -> None:
    """Tables of another program, and a right that is missing."""
    url = fresh(postgresql)
    run(url, "CREATE TABLE others (name text)")
    with pytest.raises(StoreError, match="belongs to another program") as caught:
        SqlStore(url)
    assert not caught.value.recoverable
    url = fresh(postgresql)
    schema = make_url(url).query["options"].removeprefix("-csearch_path=")  # type: ignore[union-attr]
    SqlStore(url).close()
    run(url, f"CREATE ROLE r{schema} LOGIN; GRANT USAGE ON SCHEMA {schema} TO r{schema}")
    poorer = make_url(url).set(username=f"r{schema}").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match="GRANT it CREATE and USAGE") as caught:
        SqlStore(poorer)
    assert not caught.value.recoverable


def test_rows_that_are_gone_make_room_when_asked(postgresql: str) -> None:
    """What is written next takes their place; limits hold again after it."""
    with SqlStore(fresh(postgresql)) as store:
        many = [detection(at=at) for at in range(3_000)]
        store.record(many, [], BASE)
        full = store.size().total
        store.lease("a", "me", BASE + 1, BASE)
        for _ in range(2):
            assert store.forget((), 2 * BASE, "a", "me") == len(many)
            store.prune(BASE, BASE)
            store.compact()
            store.record(many, [], BASE)
        assert store.size().rows["detections"] == len(many)
        # Three times as much if nothing took the place of anything; some of it is autovacuum's.
        assert store.size().total < 1.5 * full
