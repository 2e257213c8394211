"""A traceback of one line an entry is told as a whole, in whatever order its lines arrive."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.entry.severity import Severity
from pipeline.exceptions import parse_exception
from pipeline.joining import TEXT_LIMIT, Joiner, Released, join
from tests.support import BASE, SECOND, entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.entry import LogEntry

PYTHON = textwrap.dedent(
    """\
    Traceback (most recent call last):
      File "/app/db.py", line 12, in fetch
        return cursor.execute(sql)
    psycopg2.errors.UndefinedTable: relation "users" does not exist
    The above exception was the direct cause of the following exception:
    Traceback (most recent call last):
      File "/app/main.py", line 3, in <module>
        start()
    RuntimeError: cannot start
    """
)
GROUP = textwrap.indent(
    textwrap.dedent(
        """\
        + Exception Group Traceback (most recent call last):
        |   File "/app/main.py", line 9, in run
        | ExceptionGroup: unhandled errors (1 sub-exception)
        +-+---------------- 1 ----------------
          | Traceback (most recent call last):
          |   File "/app/task.py", line 4, in one
          | ValueError: first
          +------------------------------------
        """
    ),
    "  ",
)
JAVA = textwrap.dedent(
    """\
    Exception in thread "main" com.example.OrderException: no
    \tat com.example.A.a(A.java:1)
    Caused by: java.lang.IllegalStateException: why
    \tat com.example.B.b(B.java:2)
    \t... 1 more
    """
)
NODE = textwrap.dedent(
    """\
    TypeError: x is null
        at f (/app/a.js:1:2) {
      code: 'E',
      [cause]: RangeError: y
          at g (/app/b.js:3:4)
    }
    """
)
GO = textwrap.dedent(
    """\
    panic: runtime error: integer divide by zero
    [signal SIGFPE: floating-point exception]
    goroutine 1 [running]:
    main.(*T).f(0x1, 0x2)
    \t/app/main.go:12 +0x1d
    exit status 2
    """
)
DOTNET = textwrap.dedent(
    """\
    Unhandled exception. App.OuterException: x
     ---> System.InvalidOperationException: y
       at App.A.B() in /src/A.cs:line 1
    --- End of stack trace from previous location ---
       at App.A.C() in /src/A.cs:line 2
       --- End of inner exception stack trace ---
       at App.A.D() in /src/A.cs:line 3
    """
)
TRACES = {
    "python": PYTHON,
    "group": GROUP,
    "java": JAVA,
    "node": NODE,
    "go": GO,
    "dotnet": DOTNET,
}


def lines(text: str, *, at: float = 0, key: str = "k", **fields: Any) -> list[LogEntry]:
    """Make one entry of each line, a millisecond apart."""
    return [
        entry(line, at=at + number / 1000, key=f"{key}-{number:03}", **fields)
        for number, line in enumerate(text.splitlines())
    ]


def instance(name: str) -> dict[str, str]:
    """Make the labels of an instance."""
    return {"instanceId": name}


def texts(entries: Iterable[LogEntry]) -> list[str]:
    """Return what entries say."""
    return [str(one.document["textPayload"]) for one in entries]


@pytest.mark.parametrize("text", TRACES.values(), ids=TRACES)
def test_a_traceback_is_joined(text: str) -> None:
    """Of every language the whole text comes out, as one entry that is the first one enriched."""
    made = lines(text)
    (joined,) = join(made)
    assert joined.document["textPayload"] == text.rstrip("\n")
    assert joined.key == made[0].key
    assert joined.place == made[0].place
    assert joined.richness > made[0].richness
    assert {**joined.document, "textPayload": ""} == {**made[0].document, "textPayload": ""}
    assert parse_exception(joined.message) == parse_exception(text)


def test_an_entry_without_an_id_keeps_its_identity() -> None:
    """An id that follows from the content stays that of the first line's content."""
    first, *others = lines(JAVA)
    bare = entry("x", at=0)
    document = {name: first.document[name] for name in first.document if name != "insertId"}
    bare = type(bare)(document)
    (joined,) = join([bare, *others])
    assert joined.key == bare.key


@given(
    st.permutations(
        [
            *lines(PYTHON, key="a", labels=instance("1")),
            *lines(JAVA, key="b", labels=instance("2")),
            *lines(GO, key="c", labels=instance("1"), at=5),
            *lines(NODE, key="d", labels=instance("2"), at=0.5),
        ]
    ),
    st.lists(st.integers(0, 21)),
)
def test_the_order_of_arrival_means_nothing(arrived: list[LogEntry], again: list[int]) -> None:
    """Entries in any order, and repeated, make the same tracebacks, at once or one by one."""
    expected = [text.rstrip("\n") for text in (PYTHON, JAVA, NODE, GO)]
    joiner = Joiner()
    early = [found for one in arrived for found in joiner.on_entry(one).joined]
    early += [found for place in again for found in joiner.on_entry(arrived[place]).joined]
    joined = [found.entry for found in joiner.flush().joined]
    assert early == []
    assert sorted(texts(joined)) == sorted(expected)
    assert joined == join(arrived)
    assert joiner.flush() == Released()


def test_lines_of_one_moment_stand_in_the_order_of_their_ids() -> None:
    """As Cloud Logging itself sorts entries of one timestamp."""
    made = [entry(line, key=f"k-{number:03}") for number, line in enumerate(PYTHON.splitlines())]
    assert texts(join(reversed(made))) == [PYTHON.rstrip("\n")]


def test_streams_do_not_mix() -> None:
    """Lines of another instance, log, service or trace at the same time are of other tracebacks."""
    streams: list[dict[str, Any]] = [
        {"labels": instance("1")},
        {"labels": instance("2")},
        {"logName": "projects/demo/logs/other"},
        {"service": "other"},
        {"trace": "projects/demo/traces/1"},
    ]
    made = [
        one
        for number, fields in enumerate(streams)
        for one in lines(JAVA, key=f"{number}", **fields)
    ]
    assert texts(join(made)) == [JAVA.rstrip("\n")] * len(streams)


def test_other_lines_in_between_are_passed_over() -> None:
    """A line of another thread, also a structured one, neither ends a traceback nor enters it."""
    made = lines(PYTHON)
    between = entry("INFO: healthy", at=0.0015), entry(at=0.0025, jsonPayload={"message": "  x"})
    assert texts(join([*made, *between])) == [PYTHON.rstrip("\n")]
    assert texts(join([*made, entry("done(1)", at=0.5)])) == [PYTHON.rstrip("\n")]


def test_time_ends_a_traceback() -> None:
    """A line more than a second later belongs to another one, or to none."""
    made = lines(JAVA)
    late = entry("\tat com.example.C.c(C.java:3)", at=1.5)
    assert texts(join([*made, late])) == [JAVA.rstrip("\n")]
    in_time = entry("\tat com.example.C.c(C.java:3)", at=1.0)
    assert texts(join([*made, in_time])) == [JAVA + "\tat com.example.C.c(C.java:3)"]


def test_two_tracebacks_in_a_row() -> None:
    """One that begins where another one ended is another one."""
    made = [*lines(PYTHON, key="a"), *lines(PYTHON, key="b", at=0.1)]
    assert texts(join(made)) == [PYTHON.rstrip("\n")] * 2


@pytest.mark.parametrize(
    "text",
    [
        "ValueError: x",
        "Timeout: late\n  and indented\n",
        "\tat com.example.A.b(A.java:1)\n\tat com.example.A.a(A.java:2)",
        "panic: x\nexit status 2",
        'Traceback (most recent call last):\n  File "/app/a.py", line 1\nValueError: x',
        "two\nlines",
    ],
)
def test_what_is_no_traceback_of_several_entries(text: str) -> None:
    """A line alone, lines without a frame or a beginning, and a whole text come out of nowhere."""
    whole = entry(text, key="whole")
    split = [] if text.startswith("Traceback") else lines(text)
    assert join([whole, *split]) == []


def test_the_fullest_copy_of_a_line_counts() -> None:
    """Of copies of one entry the richest is taken, whichever came last."""
    made = lines(JAVA)
    richer = lines(JAVA, labels={})
    for copies in ([*made, *richer], [*richer, *made]):
        assert join(copies)[0].document["labels"] == {}


def test_a_long_traceback_keeps_its_exception() -> None:
    """Past its limit the text loses frames, not the exception that stands below them."""
    frames = '  File "/app/a.py", line 1, in f\n' * (TEXT_LIMIT // 30)
    text = f"Traceback (most recent call last):\n{frames}ValueError: x\n"
    made = [
        entry(line, at=number / 10_000, key=f"{number:06}")
        for number, line in enumerate(text.splitlines())
    ]
    (joined,) = join(made)
    assert len(joined.message) < len(text)
    assert len(joined.message) < 2 * TEXT_LIMIT
    assert joined.message.endswith("\nValueError: x")


@pytest.mark.parametrize("newest_first", [False, True])
def test_memory_is_bounded(*, newest_first: bool) -> None:
    """A sorted export in either direction gives every traceback whole, with few lines held."""
    made = [one for second in range(0, 100, 5) for one in lines(GO, at=second, key=f"{second:03}")]
    joiner = Joiner(limit=20)
    early = [
        found.entry
        for one in (reversed(made) if newest_first else made)
        for found in joiner.on_entry(one).joined
    ]
    assert len(early) >= 15
    joined = early + [found.entry for found in joiner.flush().joined]
    assert sorted(joined, key=lambda one: one.key) == join(made)
    assert texts(joined) == [GO.rstrip("\n")] * 20


def test_time_that_passed_releases_what_is_complete() -> None:
    """A live run learns of a traceback once nothing can be added to it any more."""
    joiner = Joiner()
    for one in [*lines(JAVA), entry("INFO: healthy")]:
        assert joiner.on_entry(one) == Released()
    assert not joiner.on_time(BASE + SECOND).joined
    (joined,) = joiner.on_time(BASE + 2 * SECOND).joined
    assert texts([joined.entry]) == [JAVA.rstrip("\n")]
    assert joiner.on_time(BASE + 3 * SECOND) == joiner.flush() == Released()


NAMED = "redis.exceptions.ConnectionError: Error 111 connecting"
SAID = (
    *PYTHON.splitlines(),
    *JAVA.splitlines(),
    *GO.splitlines(),
    "INFO: healthy",
    "ERROR in app: it failed",
    "  an indented line",
    "INFO: previous failure was:",
    'connection to server at "10.0.0.3", port 5432 failed: Connection refused',
    "\tIs the server running on that host and accepting TCP/IP connections?",
    "DETAIL: none",
    "retrying in 2s",
    "WARNING:db:Retrying in 2 s",
    NAMED,
)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.just(PYTHON), st.sampled_from(SAID), st.just(GO)),
            st.sampled_from((1, 9, 11, 40, 60, 900, 1_100)),
        ),
        max_size=25,
    )
)
@example([(NAMED, 9), (NAMED, 40), ("retrying in 2s", 40), (NAMED, 900), (NAMED, 900)])
def test_what_never_ends_is_cut_where_it_changes_nothing(said: list[tuple[str, int]]) -> None:
    """Lines that follow each other for ever are released in parts, as they would be at the end."""
    made: list[LogEntry] = []
    at = 0.0
    for number, (text, gap) in enumerate(said):
        at += gap / 1000
        made += lines(text, at=at, key=f"{number:03}", severity=None)
        at += 0.001 * text.count("\n")
    cut, whole = Joiner(), released(*made)
    found: list[Released] = []
    for one in made:
        found += (cut.on_time(one.timestamp), cut.on_entry(one))
    found.append(cut.flush())
    assert [one for some in found for one in some.joined] == [*whole.joined]
    assert sorted(one.key for some in found for one in some.loose) == [
        one.key for one in whole.loose
    ]
    assert frozenset().union(*(some.again for some in found)) == whole.again
    assert frozenset().union(*(some.told for some in found)) == whole.told


@pytest.mark.parametrize("text", [PYTHON, "asyncpg.exceptions.TooManyConnectionsError: too many"])
def test_a_failure_that_never_ends_is_not_held_for_ever(text: str) -> None:
    """It comes twice a second; what is older than it takes is told."""
    joiner, found = Joiner(), 0
    for number in range(100):
        for one in lines(text, at=number / 2, key=f"{number:03}", severity=None):
            joiner.on_entry(one)
        done = joiner.on_time(BASE + number * SECOND // 2)
        found += len(done.joined) + len(done.loose)
        assert len([*joiner.held()]) <= 5 * len(text.splitlines())
    assert found >= 90


def test_what_arrived_late_waits_for_more_of_it() -> None:
    """Where arrivals are told, whatever event time says; a copy does not make it wait anew."""
    joiner = Joiner()
    for came, one in enumerate(lines(JAVA)):
        joiner.on_entry(one, came)
    joiner.on_entry(lines(JAVA)[0], 100)
    late = len(lines(JAVA)) - 1
    assert joiner.on_time(BASE + 9 * SECOND, late - 1) == Released()
    assert joiner.is_waiting(BASE + SECOND)
    assert not joiner.is_waiting(BASE)
    (joined,) = joiner.on_time(BASE + 9 * SECOND, late).joined
    assert texts([joined.entry]) == [JAVA.rstrip("\n")]
    assert not joiner.is_waiting(BASE + SECOND)


# --- the line above -------------------------------------------------------------------------------


def test_the_line_above_a_traceback_is_told() -> None:
    """A logger writes its own words first; the traceback has its severity if it has none itself."""
    above = entry("INFO in app: x ERROR", at=-0.0003, key="above")
    torn = lines(PYTHON, severity=None)
    (found,) = released(above, *torn).joined
    assert found.above == above
    assert found.parts == tuple(torn)
    assert found.entry.severity.name == "ERROR"
    assert found.entry.key == torn[0].key


@pytest.mark.parametrize(
    "above",
    [
        entry("too early", at=-0.02),
        entry("of another instance", at=-0.001, labels=instance("2")),
        entry("no error", at=-0.001, severity="INFO"),
        entry("a WARNING by structure", at=-0.001, severity="WARNING"),
        entry("two\nlines", at=-0.001),
        entry(at=-0.001, jsonPayload={"message": "structured"}),
    ],
)
def test_what_is_no_line_above(above: LogEntry) -> None:
    """Only a line of the same stream, of a logger, less than 10 ms before, is."""
    (found,) = released(above, *lines(PYTHON)).joined
    assert found.above is None


def test_a_warning_in_the_words_of_a_logger_may_stand_above() -> None:
    """Then the traceback is a warning, too."""
    above = entry("WARNING:root:tried again", at=-0.001, severity=None)
    (found,) = released(above, *lines(PYTHON, severity="DEFAULT")).joined
    assert found.above == above
    assert found.entry.severity.name == "WARNING"


def test_a_warning_on_standard_error_in_kubernetes_may_stand_above() -> None:
    """The ERROR it is delivered with says nothing, and so does that of the lines below it."""
    container: dict[str, Any] = {
        "resource": {"type": "k8s_container"},
        "logName": "projects/demo/logs/stderr",
    }
    above = entry("WARNING:root:tried again", at=-0.001, severity="ERROR", **container)
    (found,) = released(above, *lines(PYTHON, severity="ERROR", **container)).joined
    assert found.above == above
    assert found.entry.severity is Severity.WARNING


def test_a_traceback_that_came_whole_has_a_line_above() -> None:
    """It was made of itself; one without a frame is loose."""
    above = entry("ERROR in app: x", at=-0.0003, key="above")
    whole = entry(PYTHON, key="whole", severity=None)
    (found,) = released(above, whole).joined
    assert (found.above, found.parts, found.entry.key) == (above, (whole,), whole.key)
    assert found.entry.severity.name == "ERROR"
    none = entry("ValueError: x\nand more")
    assert released(none) == Released(loose=(none,))


def test_a_whole_traceback_between_torn_lines_takes_none_of_them() -> None:
    """It is of another thread."""
    torn = lines(PYTHON)
    found = released(*torn, entry(JAVA, key="whole", at=0.0025)).joined
    assert sorted(len(one.parts) for one in found) == [1, len(torn)]


def test_whole_tracebacks_fill_the_room_by_their_lines() -> None:
    """Memory is bounded by lines, however they came."""
    joiner = Joiner(limit=20)
    early = [joiner.on_entry(entry(PYTHON, at=10 * n, key=f"{n}")).joined for n in range(9)]
    assert sum(map(len, early)) >= 6
    assert sum(map(len, early)) + len(joiner.flush().joined) == 9


@pytest.mark.parametrize("long", [f"ValueError: {'x' * 262_000}", f"ValueError: x{' ' * 262_000}"])
def test_memory_is_bounded_in_characters_too(long: str) -> None:
    """Lines may be as long as an entry: 20,000 of these would be gigabytes."""
    joiner, told, most = Joiner(), 0, 0
    for number in range(150):
        made = lines(PYTHON, at=10 * number, key=f"{number:03}-")
        *frames, _ = made
        for one in [*frames, entry(long, at=10 * number + 0.01, key=f"{number:03}-x")]:
            told += len(joiner.on_entry(one).joined)
            most = max(most, sum(map(len, texts(joiner.held()))))
    assert 8 * 1024 * 1024 < most < 16 * 1024 * 1024
    assert told + len(joiner.flush().joined) == 150


def test_what_belongs_to_no_traceback_is_loose() -> None:
    """Lines alone, and errors that stand above nothing, in order of time."""
    alone = entry("ValueError: x", at=3), entry("an error", at=5), entry("another", at=5.5)
    made = lines(PYTHON)
    found = released(*reversed(alone), *made)
    assert found.loose == alone
    assert [len(one.parts) for one in found.joined] == [len(made)]


def test_errors_in_between_do_not_stretch_a_traceback() -> None:
    """A line is more than a second late, whatever else was logged meanwhile."""
    late = entry("\tat com.example.C.c(C.java:3)", at=1.5)
    between = [entry(f"error {number}", at=number / 1000) for number in range(5, 1500, 5)]
    assert texts(join([*lines(JAVA), *between, late])) == [JAVA.rstrip("\n")]


def released(*entries: LogEntry) -> Released:
    """Return what a joiner makes of entries."""
    joiner = Joiner()
    for one in entries:
        joiner.on_entry(one)
    return joiner.flush()
